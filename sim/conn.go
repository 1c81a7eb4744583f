package sim

import (
	"time"

	"psyncsim/model"
	"psyncsim/sim/tcp"
)

// link is the network between two servers: the same both ways.
type link struct {
	a, b    int // host numbers, a < b
	latency model.Instant
	ps      int64 // picoseconds a byte; 0 without limit
	reset   int   // how many reset faults hold it down: connects are refused
	silent  int   // how many silences hold it
	hollow  bool  // connects succeed, and nothing passes
	quotas  [2]quota
	name    string
	tcp     *TCPLink    // it carries segments; nil is a link of formulas
	paths   [2]tcp.Path // from a to b, and back
}

// conn is one TCP connection: an ordered pipe of bytes each way. Bytes are
// delayed or lost with the connection, never out of its middle.
type conn struct {
	connState
	pipes [2]pipe // [0] dialer to acceptor, [1] back; their memory stays with the slot
}

// connState is what a connection is beside its pipes.
type connState struct {
	gen      uint32 // counts the uses of this slot: events of an older one are void
	serial   int    // counts the connections of the run
	live     bool
	up       bool // established
	nobody   bool // who was dialed is no server
	frozen   bool // the link is silent: nothing arrives
	link     *link
	dialer   int // host that dialed
	peer     int // host that accepted, or would
	ids      [2]model.ConnID
	told     [2]bool       // side knows that it ended (or hung up itself)
	cut      bool          // it was reset: nothing of it arrives any more
	syn      int           // connect attempts that were lost
	synAt    model.Instant // the last attempt
	finWaits bool          // the end has arrived at a side that does not read yet
	finWhy   model.Why     // how it ended
	snapshot int64         // bytes of the snapshot on it, with its trailer
	share    share         // its part in a diskless transfer
	acks     ackLane       // ACKs that are no events

	// A connection of segments; see segments.go.
	segments bool
	seg      *tcp.Conn     // its memory stays with the slot
	segAt    model.Instant // its next event; Never without one
	syns     int64         // segments when refused was last worked out
	refused  bool          // the last SYN was sent in vain
	touched  bool          // it is in World.touched
	lingers  bool          // both servers have left it, its sockets have not
}

const (
	fromDialer   = 0
	fromAcceptor = 1
)

// pipe is one direction of a connection. Discrete items (handshake lines,
// ACKs, a snapshot) queue first in, first out and are served one after another;
// behind them the replication stream flows, which is a formula and not a queue:
// what has arrived follows from what was written, latency and bandwidth.
type pipe struct {
	mute      bool   // the link is silent this way
	epoch     uint32 // scheduled deliveries of an older epoch are void
	free      int64  // picoseconds: when the wire has served all items
	items     []item
	head      int
	flow      flow
	sent      int64         // bytes handed to the transport
	delivered int64         // bytes that reached the other node
	flying    int64         // bytes of ACKs that are no events, on their way
	gotAt     model.Instant // segments: when the last byte arrived
	kept      [][]byte      // memory of items that were delivered, for the next ones
	fin       bool          // the sender hung up: the end of the stream is known
}

type itemKind uint8

const (
	itemBytes itemKind = iota
	itemBulk           // a snapshot: counted, never stored
	itemFin            // the sender's end of the connection
)

type item struct {
	kind    itemKind
	n       int64 // bytes
	start   int64 // picoseconds: when its service begins
	ps      int64 // picoseconds a byte while it is served
	arrived int64 // bulk: bytes already delivered
	sent    bool  // bulk: its sender was told
	eof     bool  // bulk: ends with a mark, not with a length
	fed     bool  // bulk: a part of what a child writes to all its readers; see feed.go
	from    int64 // fed: bytes of the snapshot before it
	cut     bool  // its sender closed before its end
	ends    int64 // bytes of the pipe up to its end
	why     model.Why
	data    []byte
}

// end is when the last byte has left, in picoseconds.
func (it *item) end() int64 { return it.start + it.n*it.ps }

// flow is a replication stream on a pipe: the bytes of the source's stream from
// offset `from` on, as fast as the pipe serves them. Byte o has left at
// (o-from+1)*ps + lag, where lag is the maximum of written*1000 - (bytes
// before it)*ps over all commands up to o: the queue's recursion
// f = max(f, written) + bytes*ps, solved.
type flow struct {
	on      bool
	src     int        // host
	log     *streamLog // its stream, of the life of its process that the flow belongs to
	from    model.Offset
	ready   model.Offset // what was there when the flow began: [from, ready)
	begins  int64        // bytes of the pipe before it
	next    model.Offset // behind the last byte handed to the flow
	end     model.Offset // the first byte that is not part of it; 0 while it lasts
	arrived model.Offset // last byte delivered
	seen    model.Offset // commands that begin before it are in lag: all were written when it was asked
	lag     int64        // picoseconds
	carried model.Offset // up to here who reads it noted no more than over which links commands come; see carry
	before  lagged       // seen and lag before the last question
	// idle is seen and lag if the last command before that found the link idle, and heard when
	// that was asked: nothing behind it had arrived; see steady.
	idle  lagged
	heard model.Instant
	bytes model.Store // bytes mode: [arrived+1, next) as the master sent it
	began model.Instant
	// What the sender wrote in step turn, from unsent on, is sent when the step is
	// over: if it hangs up in that very step, it never is.
	turn   uint64
	unsent model.Offset
	stalls [stallReasons]model.Offset // from where on its transport takes no more; 0 takes all
}

// lagged is how far the lag of a flow is known.
type lagged struct {
	seen model.Offset
	lag  int64
}

// psCeil rounds picoseconds up to an instant.
func psCeil(ps int64) model.Instant { return model.Instant((ps + 999) / 1000) }

// psPerByte turns bytes a second into picoseconds a byte, rounded up.
func psPerByte(bandwidth int64) int64 {
	if bandwidth <= 0 {
		return 0
	}
	return (int64(time.Second)*1000 + bandwidth - 1) / bandwidth
}

// put queues an item at now and says when it has left.
func (p *pipe) put(now model.Instant, it *item) *item {
	it.start = max(int64(now)*1000, p.free)
	p.free = it.end()
	p.sent += it.n
	it.ends = p.sent
	if p.head > 0 && p.head == len(p.items) {
		p.items, p.head = p.items[:0], 0
	}
	p.items = append(p.items, *it)
	return &p.items[len(p.items)-1]
}

// inFlight counts what was sent and has not arrived, item by item.
func (p *pipe) inFlight() (n int64) {
	n = p.flying
	for i := p.head; i < len(p.items); i++ {
		n += p.items[i].n - p.items[i].arrived
	}
	if p.flow.on {
		n += int64(p.flow.next - 1 - p.flow.arrived)
	}
	return n
}

func (p *pipe) clear() {
	for i := range p.items {
		p.keep(p.items[i].data)
		p.items[i].data = nil
	}
	p.flow.bytes.Reset()
	p.flow = flow{bytes: p.flow.bytes}
	p.epoch++
	p.items, p.head = p.items[:0], 0
	p.mute, p.fin, p.free, p.sent, p.delivered, p.flying, p.gotAt = false, false, 0, 0, 0, 0, 0
}

// arrivedBy is the last byte of the flow that has arrived by t.
func (f *flow) arrivedBy(t, latency model.Instant, ps int64) model.Offset {
	f.before = lagged{f.seen, f.lag}
	tau := t - latency
	if tau < f.began {
		return f.arrived
	}
	w := max(f.log.written(tau, f.ready), f.ready-1)
	if f.end > 0 {
		w = min(w, f.end-1)
	}
	if w < f.from {
		return f.from - 1
	}
	if w+1 > f.seen { // commands written since: they may have had to queue
		f.lag = f.log.lag(f.seen, w+1, f.from, ps, f.lag)
		f.seen = w + 1
	}
	room := int64(tau)*1000 - f.lag
	if room < 0 {
		return f.arrived
	}
	if ps == 0 {
		return max(w, f.arrived)
	}
	return max(f.arrived, min(w, f.from-1+model.Offset(room/ps)))
}

// leftBy is the last byte of the flow that has left by t.
func (f *flow) leftBy(t model.Instant, ps int64) model.Offset {
	g := *f // asked of a copy: what the receiver is asked next lies before t
	return max(g.arrivedBy(t, 0, ps), f.from-1)
}

// arrivalOf is when byte o did arrive, one of those that the last question found
// to have. A command that was written behind it does not hold it back: so its
// lag may be less than that of the flow, and is worked out from what was known
// before. l goes from byte to later byte.
func (f *flow) arrivalOf(o model.Offset, l *lagged, latency model.Instant, ps int64) model.Instant {
	switch {
	case o+1 == f.seen:
		*l = lagged{f.seen, f.lag}
	case o+1 > l.seen:
		*l = lagged{o + 1, f.log.lag(l.seen, o+1, f.from, ps, l.lag)}
	}
	return psCeil(int64(o-f.from+1)*ps+l.lag) + latency
}

package pcap

import (
	"bytes"
	"time"

	"psyncsim/model"
	"psyncsim/sim"
)

// conn is one connection as the capture draws it.
type conn struct {
	c        *Capture
	number   int
	latency  model.Instant
	frozen   bool
	over     bool // reset, refused, closed by both: nothing more passes
	refuses  bool // nobody listens
	segments bool // it is played segment by segment: nothing is drawn in
	gen      int  // counts freezes: what was on its way at one never arrives
	syns     int
	sides    [2]side // the dialer, the acceptor
	link     [2]string
	captured int // the side at which the capture point is
}

// side is one end of a connection: what it sends, and what it has heard.
type side struct {
	server  int
	port    uint16
	isn     uint32
	ended   bool  // it has the FIN of the other side
	next    int64 // sequence number behind all that was sent
	heard   int64 // sequence number of the next byte expected from the other side
	stamp   int64 // the newest timestamp of the other side
	owed    int   // segments without ACK
	ackGen  int   // an ACK timer of an older one is void
	free    int64 // picoseconds: when the wire has served all
	queue   []blob
	leaving bool      // the next departure is scheduled
	out     []segment // not acknowledged
	acked   int64
	rtoGen  int
	resent  int64 // retransmissions so far
	taken   int64 // bytes that were put on the queue so far
	sent    content
	passed  int64 // behind the last byte that has passed the capture point
}

// blob is bytes that wait for the wire. It leaves in segments.
type blob struct {
	at    model.Instant // not before
	ps    int64
	n     int64
	data  []byte // nil: not carried
	fin   bool
	again bool
	seq   int64 // of a retransmission
}

// segment is one that was sent: enough to send it again.
type segment struct {
	seq, n int64
	data   []byte
	fin    bool
}

const (
	delayedACK = model.Instant(40 * time.Millisecond) // TCP_DELACK_MIN
	rtoMin     = model.Instant(200 * time.Millisecond)
	window     = 1 << 30
	// kernelTime is the least that a packet takes, as in the simulation.
	kernelTime = model.Instant(1000)
	// initialWindow is what a sender sends into a silence (RFC 6928).
	initialWindow = 10
	// orphan is how often a segment is repeated at most (tcp_retries2).
	orphan = 15
)

// signal plays one signal.
func (c *Capture) signal(at model.Instant, s *sim.Signal) {
	k, known := c.conns[s.Conn]
	if !known {
		k = c.newConn(s)
	}
	if k == nil || k.over || k.segments && s.Kind != sim.SignalReset {
		return
	}
	from := 0
	if s.From == s.Acceptor && s.Acceptor != s.Dialer {
		from = 1
	}
	switch s.Kind {
	case sim.SignalDial:
		k.dial(at, s)
	case sim.SignalRefused:
		k.refused(at)
	case sim.SignalSent:
		k.put(at, from, blob{at: at, ps: s.PS, n: s.Bytes, data: s.Data})
	case sim.SignalUnsent:
		k.unsent(from, s.Bytes)
	case sim.SignalFin:
		k.fin(at, from, s.Bytes)
	case sim.SignalReset:
		k.reset(at)
	case sim.SignalSilent:
		k.silent(at)
	case sim.SignalHealed:
		k.healed(at)
	}
}

func (c *Capture) newConn(s *sim.Signal) *conn {
	k := &conn{c: c, number: s.Conn, latency: max(s.Latency, kernelTime)}
	a, b := c.o.Servers[s.Dialer], c.o.Servers[s.Acceptor]
	k.link = [2]string{"link " + a + "-" + b, "link " + b + "-" + a}
	// Ports as Linux gives them; initial numbers that look like such.
	k.sides[0] = side{server: s.Dialer, port: uint16(32768 + s.Conn%28232), isn: uint32(s.Conn)*2654435761 + 1}
	k.sides[1] = side{server: s.Acceptor, port: port, isn: uint32(s.Conn)*2246822519 + 7}
	if s.Acceptor == c.o.Point {
		k.captured = 1
	}
	c.conns[s.Conn] = k
	return k
}

// dial sends a SYN. What becomes of it is known already.
func (k *conn) dial(at model.Instant, s *sim.Signal) {
	k.syns++
	if k.syns > 1 && k.captured == 0 {
		k.c.counts.Retransmitted++
	}
	k.frozen, k.refuses = s.Lost, s.Refused
	k.emit(at, 0, &Packet{Flags: SYN})
	if s.Lost && s.Refused { // by the network: the acceptor never hears of it
		back := at + 2*k.latency
		k.later(back, func() { k.refused(back) })
	}
}

// answer is what the acceptor says to a SYN.
func (k *conn) answer(at model.Instant) {
	a, b := &k.sides[0], &k.sides[1]
	b.heard = 1
	if k.refuses {
		k.emit(at, 1, &Packet{Flags: RST | ACK})
		return
	}
	a.next, b.next, a.heard, a.acked, b.acked = 1, 1, 1, 1, 1
	k.emit(at, 1, &Packet{Flags: SYN | ACK})
}

// refused: a connect that was under way finds nobody.
func (k *conn) refused(at model.Instant) {
	if k.captured == 0 {
		k.sides[0].heard = 1
		k.reset(at)
	}
}

// end forgets all but that the connection was there.
func (k *conn) end() {
	k.over = true
	k.c.conns[k.number] = nil
}

// later schedules something of this connection.
func (k *conn) later(at model.Instant, do func()) {
	k.c.after(at, func() {
		if !k.over {
			do()
		}
	})
}

// emit sends a packet: the capture point sees it where it is.
func (k *conn) emit(at model.Instant, from int, p *Packet) {
	s, to := &k.sides[from], &k.sides[1-from]
	p.Src, p.Dst, p.SrcPort, p.DstPort, p.ISN, p.PeerISN = s.server, to.server, s.port, to.port, s.isn, to.isn
	p.Window, p.TSVal, p.TSEcr = window, 1000+int64(at)/1e6, s.stamp
	if p.Flags&SYN == 0 && p.Seq == 0 {
		p.Seq = s.next
	}
	if p.Flags&ACK != 0 {
		p.Ack = s.heard
	}
	p.At = at
	if from == k.captured {
		k.seen(p)
	}
	if k.frozen {
		return
	}
	gen, arrives := k.gen, at+k.latency
	k.later(arrives, func() {
		if k.gen != gen {
			return // it was on its way when the link went silent
		}
		if from != k.captured {
			p.At = arrives
			k.seen(p)
		}
		k.arrive(arrives, 1-from, p)
	})
}

// seen gives a packet to the capture, with the comments that wait for it.
func (k *conn) seen(p *Packet) {
	for _, key := range k.link {
		p.Comments = append(p.Comments, k.c.take(key)...)
	}
	if p.Src == k.sides[0].server && (bytes.Contains(p.Payload, []byte("\nPSYNC\r")) || bytes.HasPrefix(p.Payload, []byte("SYNC"))) {
		p.Comments = append(p.Comments, k.c.o.Servers[p.Src]+" asks "+k.c.o.Servers[p.Dst]+" where to continue")
	}
	if p.Src == k.sides[1].server && len(p.Payload) > 0 {
		p.Comments = append(p.Comments, k.c.take("verdict "+k.c.o.Servers[p.Src]+" "+k.c.o.Servers[p.Dst])...)
	}
	k.c.see(p)
}

// arrive is a packet that reached a side.
func (k *conn) arrive(at model.Instant, to int, p *Packet) {
	s := &k.sides[to]
	s.stamp = p.TSVal
	switch {
	case p.Flags&RST != 0:
		k.end()
		return
	case p.Flags&(SYN|ACK) == SYN|ACK:
		k.ack(at, to)
		return
	case p.Flags&SYN != 0:
		k.answer(at)
		return
	}
	s.acknowledged(p.Ack)
	n := int64(len(p.Payload)) + p.Cut
	if p.Flags&FIN != 0 {
		n++
		s.ended = true
	}
	if k.sides[0].done() && k.sides[1].done() {
		k.end()
		return
	}
	if n == 0 {
		return
	}
	s.heard = max(s.heard, p.Seq+n)
	s.owed++
	if s.owed >= 2 || p.Flags&FIN != 0 {
		k.ack(at, to)
		return
	}
	gen := s.ackGen
	k.later(at+delayedACK, func() {
		if s.ackGen == gen && s.owed > 0 {
			k.ack(at+delayedACK, to)
		}
	})
}

// done says whether a side has heard all and all that it sent was heard.
func (s *side) done() bool { return s.ended && len(s.out) == 0 && len(s.queue) == 0 }

// ack sends an ACK alone.
func (k *conn) ack(at model.Instant, from int) {
	s := &k.sides[from]
	s.owed = 0
	s.ackGen++
	k.emit(at, from, &Packet{Flags: ACK})
}

// acknowledged forgets what the other side has.
func (s *side) acknowledged(upto int64) {
	s.acked = max(s.acked, upto)
	i := 0
	for i < len(s.out) && s.out[i].seq+s.out[i].length() <= upto {
		i++
	}
	if i > 0 {
		s.out = append(s.out[:0], s.out[i:]...)
	}
}

func (s *segment) length() int64 {
	if s.fin {
		return s.n + 1
	}
	return s.n
}

package sim

import "psyncsim/model"

// A socket takes only so much that the other side has not. What is behind that
// stays in the server, in the replica's output buffer: there it counts towards
// limits and, from 7.0 on, holds back the history.
const (
	// sendBuffer is what a sender's socket holds when the network swallows all: a
	// master at 100 kB/s handed over 378 kB in a silence of 5.7 s (Linux, autotuned).
	sendBuffer = 384 << 10
	// stoppedReader is what both sockets hold when the reader reads nothing: a
	// stopped replica on loopback took about 4 MB.
	stoppedReader = 4 << 20
)

// The reasons for which a transport takes no more.
const (
	stallNetwork = iota
	stallReader
	stallReasons
)

// stall says from which byte on the transport of a flow takes no more, for one
// reason; 0 is that it takes all. The server hears of it as an event.
func (w *World) stall(ci int32, reason int, from model.Offset) {
	c := w.conns[ci]
	f := &c.pipes[fromAcceptor].flow
	if !f.on || f.end > 0 || f.stalls[reason] == from {
		return
	}
	f.stalls[reason] = from
	w.queue.Push(w.queue.Now(), event{kind: evStall, conn: ci, gen: c.gen})
}

// full is the first byte that the transport does not take, 0 without one.
func (f *flow) full() (from model.Offset) {
	for _, o := range f.stalls {
		if o > 0 && (from == 0 || o < from) {
			from = o
		}
	}
	return from
}

// room stalls a flow behind n more bytes than have arrived.
func (w *World) room(ci int32, reason int, n int64) {
	f := &w.conns[ci].pipes[fromAcceptor].flow
	w.stall(ci, reason, f.arrived+1+model.Offset(n))
}

// readers stalls, or lets go, the flows to a host that stops or begins to read.
func (w *World) readers(h *host, reads bool) {
	w.readSegments(h, reads)
	for _, ci := range h.conns {
		switch c := w.conns[ci]; {
		case c.dialer != h.index, c.segments:
		case reads:
			w.readsOn(h, ci)
		default:
			w.room(ci, stallReader, stoppedReader)
		}
	}
}

// readsOn lets the flow to a host go that reads again: to the end, or as far as
// its local buffer has room.
func (w *World) readsOn(h *host, ci int32) {
	var from model.Offset
	if to := h.srv.TakesTo(w.conns[ci].ids[fromDialer]); to > 0 {
		from = to + 1 + stoppedReader
	}
	w.stall(ci, stallReader, from)
}

// watchRoom sees to how far a host with a local buffer reads.
func (w *World) watchRoom(h *host) {
	if h.frozen > 0 || !h.alive || !h.srv.Buffers(h.srv.Link()) {
		return
	}
	for _, ci := range h.conns {
		if c := w.conns[ci]; c.dialer == h.index && c.ids[fromDialer] == h.srv.Link() && !c.told[fromDialer] {
			w.readsOn(h, ci)
		}
	}
}

// tellStall lets a server know how much its transport takes.
func (w *World) tellStall(c *conn, e event) {
	f := &c.pipes[fromAcceptor].flow
	if f.on && !c.told[fromAcceptor] {
		w.deliver(w.hosts[c.peer], e, &model.Input{Kind: model.InStall, Conn: c.ids[fromAcceptor], Chunk: model.Chunk{From: f.full()}})
	}
}

// watchLimit makes an event of the write with which an output buffer of h comes
// to a limit.
func (w *World) watchLimit(h *host) {
	if !h.srv.IsMaster() {
		if h.relays {
			w.watchRelay(h)
		}
		return
	}
	if h.srv.Easy(h.longest) {
		h.loneAt, h.limit = 0, 0
		return
	}
	if end := h.srv.WriteEnds(); end != model.Never && h.src != nil && end != h.writeEnds {
		h.writeEnds = end
		if at := h.src.when(max(h.next, h.src.upto(end-1))); at != model.Never {
			w.queue.Push(max(at, w.queue.Now()), event{kind: evLimit, host: int32(h.index), gen: h.gen})
		}
	}
	w.watchLone(h)
	o := h.srv.Horizon()
	if o == 0 || h.src == nil || !h.srv.Counts() {
		h.limit = 0
		return
	}
	b := h.src.bytes(h.next) + int64(o-h.srv.MRO()) - h.srv.Owes()
	if h.cfg.Profile.Backlog == model.Blocks && h.src.longest() > model.BlockRequest {
		// A long argument makes a larger block than the horizon counts on.
		end := min(max(h.src.find(max(b-1, 0)), h.next), h.next+lookAhead)
		b = min(b, h.src.bytes(h.src.nextLong(h.next, end))+1)
	}
	if b == h.limit {
		return
	}
	h.limit = b
	// A limit that was set below what is there already waits for the next write.
	if at := h.src.when(max(h.src.find(max(b-1, 0)), h.next)); at != model.Never {
		w.queue.Push(max(at, w.queue.Now()), event{kind: evLimit, host: int32(h.index), gen: h.gen})
	}
}

// lookAhead is how many commands are searched for the next one of a kind.
const lookAhead = 4096

// watchLone makes an event of the next write that alone may be more than an
// output buffer of h may hold.
func (w *World) watchLone(h *host) {
	if h.src == nil {
		h.loneAt = 0
		return
	}
	longest := h.src.longest()
	least := h.srv.Lone(longest)
	if least == 0 || longest < least {
		h.loneAt = 0
		return
	}
	at := h.src.when(h.src.nextSize(h.next, h.next+lookAhead, least))
	if at == model.Never {
		return
	}
	if at = max(at, w.queue.Now()); at != h.loneAt {
		h.loneAt = at
		w.queue.Push(at, event{kind: evLimit, host: int32(h.index), gen: h.gen})
	}
}

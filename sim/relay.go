package sim

import "psyncsim/model"

// A replica with replicas has output buffers too, and what fills them is what
// arrives from its master. When that will be hangs on what a master further up
// has not written yet: the moment is approached, from below, hop by hop.

// watchRelay makes an event of the arrival with which an output buffer of a
// replica's own replicas may come to a limit.
func (w *World) watchRelay(h *host) {
	o, end, now := h.srv.Horizon(), h.srv.WriteEnds(), w.queue.Now()
	at := model.Never
	if least := h.srv.Lone(w.longest); least > 0 && w.longest >= least {
		o = h.srv.MRO() + 1 // the next command may alone be more than a limit; how long it is nobody knows yet
	}
	if o > 0 {
		at = w.reaches(h, o)
		if h.src != nil && h.srv.Counts() { // its own clients write too
			at = min(at, h.src.when(h.next))
		}
	}
	switch {
	case end == model.Never:
	case end > now:
		at = min(at, end)
	default: // the next write ends it
		at = min(at, w.reaches(h, h.srv.MRO()+1))
	}
	if at == model.Never {
		h.relayAt = 0
		return
	}
	if at = max(at, now); at == now && h.done == now {
		at++ // what there is to hear now was heard
	}
	if at == h.relayAt {
		return
	}
	h.relayAt = at
	w.queue.Push(at, event{kind: evLimit, host: int32(h.index), gen: h.gen})
}

// lookBelow has the replicas of a host, and theirs, look again at when their stream comes
// to an offset: it has grown by what nobody foresaw, PINGs and deletions, by what segments
// brought, or by writes that waited, which its load had written long ago.
func (w *World) lookBelow(h *host, depth int) {
	if depth > len(w.hosts) { // servers may follow each other in a ring
		return
	}
	for _, ci := range h.conns {
		c := w.conns[ci]
		if f := &c.pipes[fromAcceptor].flow; f.on && f.src == h.index && f.end == 0 {
			d := w.hosts[c.dialer]
			w.watchLimit(d)
			w.lookBelow(d, depth+1)
		}
	}
}

// comesAgain has those below a host look again: what held back its stream, or what it
// receives, is over.
func (w *World) comesAgain(h *host) {
	w.lookBelow(h, 0)
	w.touchBelow(h, 0)
}

// reaches is when the stream of a host comes to an offset, or an earlier moment
// at which more about it is known; model.Never if that hangs on something else,
// which is then an event.
func (w *World) reaches(h *host, o model.Offset) model.Instant {
	if !h.alive || h.frozen > 0 {
		return model.Never
	}
	c := w.upstreamOf(h)
	if c == nil {
		if h.src == nil || !h.srv.Counts() {
			return model.Never
		}
		b := h.src.bytes(h.next) + int64(o-h.srv.MRO()) - h.srv.Owes()
		return h.src.when(max(h.src.find(max(b-1, 0)), h.next))
	}
	at := w.hears(h, c, o)
	if h.ownStream() && h.src != nil && h.srv.Counts() { // its own clients write too
		at = min(at, h.src.when(h.next))
	}
	return at
}

// hears is when what a replica hears on a connection makes its stream come to an offset; see
// reaches.
func (w *World) hears(h *host, c *conn, o model.Offset) model.Instant {
	p := &c.pipes[fromAcceptor]
	f := &p.flow
	if !f.on || c.segments || c.frozen || p.mute || p.head < len(p.items) || !h.srv.Reads(c.ids[fromDialer]) {
		return model.Never
	}
	if h.ownStream() { // not before so much more of its master's is executed
		o += h.srv.Executed() - h.srv.MRO() - model.Offset(h.srv.Owes())
	}
	o = max(o+f.arrived-h.srv.Read(), f.arrived+1) // as the master counts
	if o >= f.next {
		if p.fin || h.estimated { // its end is an event; servers may follow each other in a ring
			return model.Never
		}
		h.estimated = true
		at := w.reaches(w.hosts[f.src], o)
		h.estimated = false
		return at
	}
	to := f.log.commandEnd(o)
	lag := f.lag
	if f.seen < to {
		lag = f.log.lag(f.seen, to, f.from, c.link.ps, lag)
	}
	return psCeil(int64(to-f.from)*c.link.ps+lag) + c.link.latency
}

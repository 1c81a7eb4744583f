package sim

import "psyncsim/model"

// grow tells a host of the client writes before number n, the last that are written by t, if
// nothing comes of them but a longer stream: no matter how many they are, that is some
// sums. It is what writeTo does, which has to be asked where this is false.
func (w *World) grow(h *host, n int64, t model.Instant) bool {
	if w.listener != nil || w.cfg.Bytes || h.keys != nil {
		return false
	}
	first, from := h.next, h.srv.MRO()+1
	base, end := h.bytes(first), h.bytes(n)
	bytes := end - base
	if !h.srv.Grow(t, bytes, n-first, h.longest) {
		return false
	}
	h.next = n
	w.turn++
	if h.log.crowded() {
		h.log.trim(w.floor(h))
	}
	h.log.appendRun(from, first, base, end, t, false)
	ch := model.Chunk{From: from, To: from + model.Offset(bytes)}
	w.own(h, from)
	sent := model.Offset(0)
	if n > first+1 {
		sent = ch.To - model.Offset(h.size(n-1))
	}
	w.forward(h, t, &ch, sent)
	w.rearm(h)
	return true
}

// takes is takeTo for a host of which nothing comes but that it has taken what it is told, and
// passed on what is whole, if it is so.
func (w *World) takes(h *host, c *conn, ch model.Chunk, at model.Instant) bool {
	f := &c.pipes[fromAcceptor].flow
	if w.listener != nil || w.cfg.Bytes || h.ownStream() || f.log.long || h.resumes || h.expiring || h.stuck || h.torn > 0 || len(f.log.torn) > 0 {
		return false
	}
	if h.folded > 0 && h.ackAt < at && !h.late {
		return false
	}
	from, since := h.srv.MRO()+1, h.lastStep()
	if !h.srv.Hear(at, ch, f.log.changes(ch.From, ch.To)) {
		return false
	}
	w.follow(h, f.log, ch, 0)
	w.turn++
	if h.relays && ch.Bound > ch.From {
		w.via, w.since, w.shift = c, since, 0
		on := model.Chunk{From: from, To: ch.Bound}
		w.relay(h, at, on)
		w.forward(h, at, &on, h.log.newest())
		w.via = nil
	}
	w.rearm(h)
	return true
}

// onlyHears says that a host that follows its master's stream takes all of it that has come to
// be by now in the way of takes.
func (w *World) onlyHears(h *host) bool {
	c := w.conns[h.folded-1]
	f := &c.pipes[fromAcceptor].flow
	return w.listener == nil && !w.cfg.Bytes && h.src == nil && !h.ownStream() && h.torn == 0 && len(f.log.torn) == 0 && !h.resumes && !h.expiring && !h.stuck &&
		f.on && !c.segments && w.longest <= model.BlockRequest && !f.log.long && len(f.log.asks) == 0 && h.srv.OnlyFollows()
}

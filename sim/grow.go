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
	if w.forward(h, t, &ch); n > first+1 {
		w.sentBefore(h, ch.To-model.Offset(h.size(n-1)))
	}
	w.rearm(h)
	return true
}

// takes is takeTo for a host of which nothing comes but that it has taken what it is told,
// if it is so. Its stream has no reader.
func (w *World) takes(h *host, c *conn, ch model.Chunk, at model.Instant) bool {
	f := &c.pipes[fromAcceptor].flow
	if h.relays || w.listener != nil || w.cfg.Bytes || h.ownStream() || f.log.long || h.resumes || h.expiring || h.stuck {
		return false
	}
	if h.folded > 0 && h.ackAt < at {
		return false
	}
	if !h.srv.Hear(at, ch, f.log.changes(ch.From, ch.To)) {
		return false
	}
	w.follow(h, f.log, ch, 0)
	w.turn++
	w.rearm(h)
	return true
}

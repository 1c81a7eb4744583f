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
	bytes := h.src.bytes(n) - h.src.bytes(first)
	if !h.srv.Grow(t, bytes, n-first, h.longest) {
		return false
	}
	h.next = n
	w.turn++
	if h.log.crowded() {
		h.log.trim(w.floor(h))
	}
	h.log.appendRun(from, first, n, t, false)
	ch := model.Chunk{From: from, To: from + model.Offset(bytes)}
	w.own(h, ch)
	if w.forward(h, t, ch); n > first+1 {
		w.sentBefore(h, ch.To-model.Offset(h.src.size(n-1)))
	}
	w.rearm(h)
	return true
}

package sim

import "psyncsim/model"

// hold puts off what rearm does for a host until as many calls of letGo: once for all
// that is told to it in between.
func (h *host) hold() { h.holds++ }

// letGo: see hold.
func (w *World) letGo(h *host) {
	if h.holds--; h.holds == 0 && h.stale {
		w.rearmNow(h)
	}
}

// rearm schedules the host's next wake. A server with keys is told at once when the next
// one's time is over.
func (w *World) rearm(h *host) {
	if h.holds > 0 && h.keys == nil {
		h.stale = true
		return
	}
	w.rearmNow(h)
}

func (w *World) rearmNow(h *host) {
	h.stale = false
	if h.feed.begins {
		w.beginFeed(h)
	}
	if n := h.srv.Counts(); n != h.counts { // its clients' writes make a stream now, or no more
		h.counts = n
		for _, ci := range h.conns {
			w.touch(ci)
		}
		w.comesAgain(h)
	}
	w.watchLimit(h)
	if h.keys != nil {
		w.watchKeys(h)
	}
	if h.memoryAt > 0 || h.srv.Limited() {
		w.watchMemory(h)
	}
	if h.lanes > 0 && !h.srv.Calm() {
		w.unfoldTo(h)
	}
	d := h.srv.QuietDeadline()
	if h.folded == 0 {
		d = min(d, h.srv.AckDue())
	}
	if h.srv.Foresees() {
		w.fore = foresight{w, h}
		d = min(d, h.srv.SaveWake(&w.fore), h.srv.AOFWake(&w.fore), h.srv.EndWake(&w.fore))
	}
	if d = max(d, w.queue.Now()); d == h.wakeAt {
		return
	}
	h.wakeAt = d
	if d != model.Never {
		w.queue.PushLast(d, uint64(h.index), event{kind: evWake, host: int32(h.index), gen: h.gen})
	}
}

package sim

import "psyncsim/model"

// A server that loads a snapshot as it arrives reads that one socket and no other,
// but for a look at all of them after every pumpBytes of the snapshot. While the
// link is silent it hangs in its read.

// feed is the connection from which a host loads what arrives, nil without one.
func (w *World) feed(h *host) *conn {
	id, on := h.srv.SocketLoad()
	if !on {
		return nil
	}
	if ci, _ := w.find(h, id); ci >= 0 {
		return w.conns[ci]
	}
	return nil
}

// feeds says that an event is what a host that loads from its socket waits for.
func (w *World) feeds(h *host, e *event) bool {
	switch e.kind {
	case evDeliver, evFlowFin, evDown:
	case evRead: // segments brought the last byte
		if e.side != fromDialer {
			return false
		}
	default:
		return false
	}
	c := w.feed(h)
	return c != nil && w.conns[e.conn] == c && (e.kind != evDown && e.kind != evRead || e.gen == c.gen) // a pipe's events count otherwise
}

// pumpStep is how long pumpBytes of the snapshot on a connection take.
func (w *World) pumpStep(h *host, c *conn) model.Instant {
	ps := max(c.link.ps, psPerByte(h.cfg.LoadRate))
	if it := c.pipes[fromAcceptor].bulk(); it != nil {
		ps = max(ps, it.ps)
	}
	return max(psCeil(pumpBytes*ps), 1)
}

// untilPump keeps an event until a host looks at its sockets; false when it does now.
func (w *World) untilPump(h *host, c *conn, e event) bool {
	step, now := w.pumpStep(h, c), w.queue.Now()
	blocked := c.frozen || c.pipes[fromAcceptor].mute
	if !blocked && (now-h.loadAt)%step == 0 {
		return false
	}
	h.deferred = append(h.deferred, e)
	if h.stuck {
		return true
	}
	if h.stuck = true; !blocked {
		w.watchPump(h, c)
	}
	return true
}

// watchPump makes an event of the next time that a host looks at its sockets.
func (w *World) watchPump(h *host, c *conn) {
	step, now := w.pumpStep(h, c), w.queue.Now()
	at := h.loadAt + (now-h.loadAt+step-1)/step*step
	w.queue.Push(at, event{kind: evPump, host: int32(h.index), gen: h.gen})
}

// pumped: it looks at them, if the snapshot goes on.
func (w *World) pumped(h *host) {
	if c := w.feed(h); c != nil && (c.frozen || c.pipes[fromAcceptor].mute) {
		return // the heal makes another
	}
	w.unstick(h)
}

// unstick hands a host what waited.
func (w *World) unstick(h *host) {
	h.stuck = false
	waiting := h.deferred
	h.deferred = nil
	for _, e := range waiting {
		w.queue.Push(w.queue.Now(), e)
	}
	h.deferred = waiting[:0]
}

// watchFirst makes an event of the arrival of a snapshot's first byte: its
// receiver may load it from then on.
func (w *World) watchFirst(c *conn, it *item) {
	if h := w.hosts[c.dialer]; h.cfg.Profile.DisklessLoad {
		at := psCeil(it.start+it.ps) + c.link.latency
		w.queue.Push(max(at, w.queue.Now()), event{kind: evLimit, host: int32(h.index), gen: h.gen})
	}
}

package sim

import (
	"time"

	"psyncsim/model"
	"psyncsim/sim/trace"
)

// What a person can do to a network by hand, beyond the faults of scenarios.

// quota is how much may still pass a link one way before its connection is
// reset.
type quota struct {
	on   bool
	left int64
}

// sideOf is the side of a connection that sends from a server.
func (c *conn) sideOf(from int) int {
	if c.dialer == from {
		return fromDialer
	}
	return fromAcceptor
}

// Shape changes a link from now on: what is on the way has the new latency and
// bandwidth before it. Bandwidth 0 is without limit.
func (w *World) Shape(a, b int, latency time.Duration, bandwidth int64) {
	now := w.queue.Now()
	l := &w.links[w.linkOf(a, b)]
	for i := 0; i < len(w.conns); i++ {
		if c := w.conns[i]; c.live && c.link == l {
			w.bring(w.hosts[c.dialer], now)
			w.bring(w.hosts[c.peer], now)
		}
	}
	w.unfoldLink(l)
	l.latency, l.ps = model.Instant(latency), psPerByte(bandwidth)
	for i, c := range w.conns {
		if !c.live || c.link != l || !c.up {
			continue
		}
		for side := range c.pipes {
			p := &c.pipes[side]
			for j := p.head; j < len(p.items); j++ {
				if p.items[j].kind != itemBulk || !p.items[j].eof && !p.items[j].fed {
					p.items[j].ps = l.ps
				}
			}
			p.flow.lag = noLag // counted in the old bandwidth
			p.epoch++
			w.resend(int32(i), side, now)
		}
	}
}

// Shaped is a link as it is now.
func (w *World) Shaped(a, b int) (latency time.Duration, bandwidth int64) {
	l := &w.links[w.linkOf(a, b)]
	if l.ps > 0 {
		bandwidth = int64(time.Second) * 1000 / l.ps
	}
	return time.Duration(l.latency), bandwidth
}

// SilenceOneWay lets nothing pass from one server to another until Heal.
// Connects between them get no answer, whoever dials: each needs both ways.
func (w *World) SilenceOneWay(from, to int) {
	now := w.queue.Now()
	l := &w.links[w.linkOf(from, to)]
	l.silent++
	w.tell(now, "link", model.Event{Kind: trace.Silenced, Peer: l.name})
	for i := 0; i < len(w.conns); i++ {
		c := w.conns[i]
		if !c.live || c.link != l || c.frozen {
			continue
		}
		if !c.up {
			c.frozen = true
			w.resyn(int32(i), now)
			continue
		}
		w.bring(w.hosts[c.dialer], now)
		w.bring(w.hosts[c.peer], now)
		w.unfold(int32(i))
		side := c.sideOf(from)
		c.pipes[side].mute = true
		c.pipes[side].epoch++
		if side == fromAcceptor {
			w.room(int32(i), stallNetwork, sendBuffer)
			w.fills(int32(i), stallNetwork, sendBuffer)
		}
	}
}

// BreakGone resets the connections between two servers of which one end closed while
// nothing passed: nothing of what waits in them arrives. Without it Heal delivers all of
// it. A real network may do either, or something between: what the end that is left said
// meanwhile is answered with a reset, which races with what the one that closed had still
// to send.
func (w *World) BreakGone(a, b int) {
	now := w.queue.Now()
	l := &w.links[w.linkOf(a, b)]
	if l.silent == 0 {
		return
	}
	for i, c := range w.conns {
		if c.live && c.link == l && c.up && c.frozen && !c.cut && !c.lingers && c.told[fromDialer] != c.told[fromAcceptor] {
			w.reset(int32(i), now)
		}
	}
}

// Hollow resets the connections between two servers. New ones are established,
// as by a proxy whose other side is dead, and carry nothing until Heal.
func (w *World) Hollow(a, b int) {
	w.Cut(a, b, false)
	w.links[w.linkOf(a, b)].hollow = true
}

// HalfOpen resets the connections between two servers for the side that dialed
// alone. The other side is told nothing and hears nothing; new ones work.
func (w *World) HalfOpen(a, b int) {
	now := w.queue.Now()
	l := &w.links[w.linkOf(a, b)]
	w.tell(now, "link", model.Event{Kind: trace.Cut, Peer: l.name})
	for i := 0; i < len(w.conns); i++ {
		c := w.conns[i]
		if !c.live || c.link != l || !c.up || c.cut {
			continue
		}
		gen := c.gen
		w.bring(w.hosts[c.dialer], now)
		w.bring(w.hosts[c.peer], now)
		if !c.live || c.gen != gen {
			continue
		}
		w.unfold(int32(i))
		w.signal(SignalHalfOpen, c, fromDialer, Signal{})
		for side := range c.pipes {
			c.pipes[side].epoch++
		}
		c.frozen, c.cut = true, true
		w.room(int32(i), stallNetwork, sendBuffer)
		if !c.told[fromDialer] {
			w.queue.Push(now, event{kind: evDown, side: fromDialer, why: model.WhyReset, conn: int32(i), gen: c.gen})
		}
	}
}

// ResetConn resets one connection, by the number that a Listener knows; false if
// there is none.
func (w *World) ResetConn(serial int) bool {
	now := w.queue.Now()
	for i := 0; i < len(w.conns); i++ {
		c := w.conns[i]
		if !c.live || c.serial != serial || c.cut {
			continue
		}
		w.bring(w.hosts[c.dialer], now)
		w.bring(w.hosts[c.peer], now)
		if c.live && c.serial == serial {
			w.reset(int32(i), now)
		}
		return true
	}
	return false
}

// CutAfter resets the connection on which, counted from now on, so many bytes
// have passed from one server to another: in the middle of whatever it is, but
// that a handshake line or a snapshot arrives whole or not at all.
func (w *World) CutAfter(from, to int, bytes int64) {
	w.bring(w.hosts[from], w.queue.Now()) // what has arrived does not count
	w.bring(w.hosts[to], w.queue.Now())
	l := &w.links[w.linkOf(from, to)]
	w.unfoldLink(l)
	l.quotas[sideOfLink(from, to)] = quota{true, bytes}
}

// sideOfLink numbers the directions of a link.
func sideOfLink(from, to int) int {
	if from < to {
		return 0
	}
	return 1
}

// quotaOf is the quota of a pipe.
func (w *World) quotaOf(c *conn, side int) *quota {
	return &c.link.quotas[sideOfLink(w.end(c, side), w.end(c, 1-side))]
}

// untilCut bounds the bytes that a flow delivers by its quota.
func (w *World) untilCut(c *conn, side int, from, to model.Offset) model.Offset {
	q := w.quotaOf(c, side)
	if !q.on || to <= from {
		return to
	}
	if int64(to-from) < q.left {
		q.left -= int64(to - from)
		return to
	}
	to = from + model.Offset(q.left)
	w.spend(c, q)
	return to
}

// cutBefore counts an item of n bytes; true if it is the one that does not pass.
func (w *World) cutBefore(ci int32, side int, n int64) bool {
	c := w.conns[ci]
	q := w.quotaOf(c, side)
	if !q.on {
		return false
	}
	if n <= q.left {
		q.left -= n
		if q.left == 0 {
			w.spend(c, q)
		}
		return false
	}
	w.spend(c, q)
	return true
}

// spend ends a quota: nothing arrives any more on the connection, which is reset.
func (w *World) spend(c *conn, q *quota) {
	*q = quota{}
	for i := range w.conns {
		if w.conns[i] == c {
			w.queue.Push(w.queue.Now(), event{kind: evCut, conn: int32(i), gen: c.gen})
		}
	}
	for side := range c.pipes {
		c.pipes[side].mute = true
	}
}

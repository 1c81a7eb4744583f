package sim

import (
	"psyncsim/model"
	"psyncsim/sim/trace"
)

// What becomes of the connections over a link that is reset, falls silent, or heals.

// cut resets every connection of a link: both ends are told at once.
func (w *World) cut(l *link, now model.Instant) {
	l.reset++
	w.tell(now, "link", model.Event{Kind: trace.Cut, Peer: l.name})
	for i := range w.conns {
		c := w.conns[i]
		if !c.live || c.link != l {
			continue
		}
		if c.lingers {
			w.release(int32(i))
			continue
		}
		gen := c.gen
		w.bring(w.hosts[c.dialer], now)
		w.bring(w.hosts[c.peer], now)
		if !c.live || c.gen != gen {
			continue
		}
		w.reset(int32(i), now)
	}
}

// reset ends one connection for both sides, at once.
func (w *World) reset(ci int32, now model.Instant) {
	w.unfold(ci)
	c := w.conns[ci]
	down := event{kind: evDown, why: model.WhyReset, conn: ci, gen: c.gen}
	if !c.up {
		down.why = model.WhyRefused
	}
	w.signal(SignalReset, c, fromDialer, Signal{})
	for side := range c.pipes { // what is on the way is lost
		p := &c.pipes[side]
		p.epoch++
		p.fin = true // and nobody sends a FIN
		if p.flow.on && p.flow.end == 0 {
			p.flow.end = p.flow.next
		}
	}
	c.frozen, c.cut = true, true
	if c.segments {
		c.seg.Kill()
	}
	for _, side := range [2]int{fromAcceptor, fromDialer} {
		if !c.told[side] {
			down.side = uint8(side)
			w.queue.Push(now, down)
		}
	}
}

// silence stops a link: nothing arrives any more, and nobody is told. TCP holds
// what was sent; see thawLink.
func (w *World) silence(l *link, now model.Instant) {
	if l.silent++; l.silent > 1 {
		return
	}
	w.tell(now, "link", model.Event{Kind: trace.Silenced, Peer: l.name})
	for i := range l.paths {
		l.paths[i].Silence(int64(now), true)
	}
	for i, c := range w.conns {
		if !c.live || c.link != l || c.frozen || c.segments {
			continue
		}
		if !c.up {
			c.frozen = true
			w.signal(SignalSilent, c, fromDialer, Signal{})
			w.resyn(int32(i), now)
			continue
		}
		w.bring(w.hosts[c.dialer], now)
		w.bring(w.hosts[c.peer], now)
		w.unfold(int32(i))
		c.frozen = true
		w.signal(SignalSilent, c, fromDialer, Signal{})
		for side := range c.pipes {
			c.pipes[side].epoch++
		}
		w.room(int32(i), stallNetwork, sendBuffer)
		w.fills(int32(i), stallNetwork, sendBuffer)
	}
}

// thawLink lets a link carry bytes again: what has not arrived is sent anew
// from now on, in order, at the link's rate.
func (w *World) thawLink(l *link, now model.Instant) {
	for i := range l.paths {
		l.paths[i].Silence(int64(now), false)
	}
	for i := range w.conns {
		c := w.conns[i]
		muted := c.pipes[0].mute || c.pipes[1].mute
		if !c.live || c.link != l || !c.frozen && !muted || c.cut || !c.up {
			continue
		}
		c.frozen, c.pipes[0].mute, c.pipes[1].mute = false, false, false
		w.signal(SignalHealed, c, fromDialer, Signal{})
		if c.share.on {
			w.settle(int32(i), w.hosts[c.peer].feed.position(now))
		}
		for side := range c.pipes {
			w.resend(int32(i), side, now)
		}
		w.stall(int32(i), stallNetwork, 0)
		w.fills(int32(i), stallNetwork, -1)
		if h := w.hosts[c.dialer]; h.stuck && h.frozen == 0 {
			w.watchPump(h, c)
		}
	}
}

// resend serves a pipe's waiting items, then its flow, from now on.
func (w *World) resend(ci int32, side int, now model.Instant) {
	c := w.conns[ci]
	p := &c.pipes[side]
	p.free = int64(now) * 1000
	for j := p.head; j < len(p.items); j++ {
		it := &p.items[j]
		it.start = p.free - it.arrived*it.ps
		p.free = it.end()
		w.schedule(ci, side, it)
	}
	f := &p.flow
	if !f.on {
		return
	}
	f.lag, f.carried = max(f.lag, p.free-int64(f.arrived-f.from+1)*c.link.ps), 0
	if r := w.hosts[c.dialer]; r.alive {
		w.watchLimit(r)
		w.comesAgain(r)
	}
	w.watchAsks(c, f.arrived+1)
	if f.end > 0 {
		w.scheduleFlowFin(ci, side)
	}
}

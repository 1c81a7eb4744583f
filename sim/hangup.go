package sim

import (
	"psyncsim/model"
	"psyncsim/sim/trace"
)

// How a connection ends.

// hangup closes a connection from one side: the other learns it behind all that
// was sent before.
func (w *World) hangup(h *host, ci int32, side int) {
	w.unfold(ci)
	c := w.conns[ci]
	c.told[side] = true
	w.signal(SignalHangup, c, side, Signal{})
	if side == fromAcceptor {
		w.unfed(ci)
	}
	if c.up && side == fromDialer && c.ids[fromAcceptor] == 0 && c.link.hollow {
		c.told[fromAcceptor] = true // it never heard of it
	}
	if !c.up {
		w.release(ci)
		return
	}
	w.endFlow(ci, side)
	if c.told[1-side] {
		w.flush(ci)
	}
}

// endFlow sends the FIN of one side.
func (w *World) endFlow(ci int32, side int) {
	c := w.conns[ci]
	p := &c.pipes[side]
	if p.fin {
		return
	}
	p.fin = true
	defer func() { w.signal(SignalFin, c, side, Signal{Bytes: p.sent}) }()
	if c.segments {
		w.closeSegments(ci, side)
		return
	}
	if !p.flow.on {
		w.cutBulk(ci, side)
		w.schedule(ci, side, p.put(w.queue.Now(), &item{kind: itemFin}))
		return
	}
	f := &p.flow
	kept := f.next // what the socket has; the output buffer goes with the connection
	if full := f.full(); full > 0 {
		kept = min(kept, full)
	}
	if side == fromAcceptor {
		kept = min(kept, f.leftBy(w.queue.Now(), c.link.ps)+1+sendBuffer)
	}
	if f.turn == w.turn { // a server sends when its turn is over (handleClientsWithPendingWrites)
		kept = min(kept, f.unsent)
	}
	p.sent -= int64(f.next - kept)
	f.next = kept
	f.end = f.next
	w.scheduleFlowFin(ci, side)
}

// cutBulk leaves of a snapshot that is under way what the socket has: who hangs up
// sends no more of it.
func (w *World) cutBulk(ci int32, side int) {
	c := w.conns[ci]
	p := &c.pipes[side]
	if p.head == len(p.items) || p.bulk() != &p.items[len(p.items)-1] || p.bulk().sent || p.bulk().fed {
		return
	}
	it := p.bulk()
	kept := it.n
	if it.ps > 0 {
		kept = max(0, (int64(w.queue.Now())*1000-it.start)/it.ps)
	}
	if it.ps == c.link.ps { // else whoever makes it is slower than the link, and nothing waits
		kept += sendBuffer
	}
	if kept = max(kept, it.arrived); kept >= it.n {
		return
	}
	p.sent -= it.n - kept
	it.n, it.eof, it.sent = kept, false, true
	p.free = it.end()
	p.epoch++ // its end comes sooner
	for j := p.head; j < len(p.items); j++ {
		w.schedule(ci, side, &p.items[j])
	}
}

// scheduleFlowFin makes an event of the end of a flow.
func (w *World) scheduleFlowFin(ci int32, side int) {
	c := w.conns[ci]
	if c.frozen || c.pipes[side].mute {
		return
	}
	p := &c.pipes[side]
	f := &p.flow
	// Not f.arrivalOf: what was written of late must not yet be part of f.lag.
	lag := f.lag
	if f.seen < f.end {
		lag = f.log.lag(f.seen, f.end, f.from, c.link.ps, lag)
	}
	at := max(psCeil(int64(f.end-f.from)*c.link.ps+lag), w.queue.Now()) + c.link.latency
	w.queue.Push(at, event{kind: evFlowFin, side: uint8(side), conn: ci, gen: p.epoch})
}

// flush ends a connection: what has not arrived is lost with it.
func (w *World) flush(ci int32) {
	c := w.conns[ci]
	w.checkSegments(c)
	var lost int64
	for side := range c.pipes {
		p := &c.pipes[side]
		n := p.inFlight()
		if p.sent != p.delivered+n {
			panic("sim: bytes sent " + itoa(p.sent) + " are not delivered " + itoa(p.delivered) + " + lost " + itoa(n))
		}
		lost += n
	}
	if lost > 0 {
		w.tell(w.queue.Now(), c.link.name, model.Event{Kind: trace.Flushed, Bytes: lost})
	}
	if c.segments && !c.cut {
		w.linger(ci)
		return
	}
	w.release(ci)
}

// release gives a connection's slot back.
func (w *World) release(ci int32) {
	c := w.conns[ci]
	w.unlink(ci)
	c.pipes[0].clear()
	c.pipes[1].clear()
	c.connState = connState{gen: c.gen + 1, seg: c.seg, acks: ackLane{flying: c.acks.flying[:0]}}
}

// unlink takes a connection from its servers.
func (w *World) unlink(ci int32) {
	c := w.conns[ci]
	for _, h := range [2]int{c.dialer, c.peer} {
		if h >= len(w.hosts) {
			continue
		}
		list := w.hosts[h].conns
		for i := range list {
			if list[i] == ci {
				w.hosts[h].conns = append(list[:i], list[i+1:]...)
				break
			}
		}
	}
}

package sim

import "psyncsim/model"

// While a connection of segments carries nothing but the stream one way and ACKs the
// other, and nothing else is to happen, its steps need no events: the load says when
// the next byte is written, and the connection when its next segment arrives. The
// servers hear of it with the last step, as they would have with each. Of what an ACK of
// a replica or an end of the connection brings, they hear at its instant.

// steady says that until the next event nobody does anything about a connection but the
// clients of its master, who write, and its two sockets.
func (w *World) steady(c *conn) bool {
	if !w.folds || w.cfg.PerWrite || w.cfg.Bytes || !c.up || c.told[0] || c.told[1] || c.cut {
		return false
	}
	there, back := &c.pipes[fromDialer], &c.pipes[fromAcceptor]
	f := &back.flow
	if !f.on || f.end > 0 || f.src != c.peer || there.flow.on || there.bulk() != nil || back.head < len(back.items) || f.full() > 0 {
		return false
	}
	m, r := w.hosts[c.peer], w.hosts[c.dialer]
	if !m.alive || m.frozen > 0 || m.src == nil || m.keys != nil || !r.alive || r.frozen > 0 || r.relays || r.src != nil || f.log.asked(f.arrived+1) > 0 {
		return false
	}
	s := m.srv
	// No write comes to a limit, is refused or waits, and none brings more than itself.
	return s.IsMaster() && s.Counts() && s.Calm() && !s.Limited() && s.Owes() == 0 && s.Horizon() == 0 && s.LimitsAbove(4*w.longest+1<<18)
}

// race plays the steps of a steady connection from the one that is due until something
// else is to happen: all but what the last one brings, which is given as before.
func (w *World) race(c *conn) (before [2]int64) {
	m := w.hosts[c.peer]
	p := &c.pipes[fromAcceptor]
	begun := w.queue.Now()
	at, written := begun, p.sent-m.src.bytes(m.next)
	most := min(w.queue.Next()-1, w.until)
	due, wire := begun, begun // the next write, and the next step
	var n int64
	for {
		if at >= due {
			n = m.src.upto(at)
			due = m.src.when(n)
			c.seg.Offer(int64(at), fromAcceptor, written+m.src.bytes(n))
			wire = min(wire, model.Instant(c.seg.Next()))
		}
		before = [2]int64{c.seg.Arrived(0), c.seg.Arrived(1)}
		if wire <= at {
			c.seg.Step(int64(at))
			wire = model.Instant(c.seg.Next())
		}
		if c.seg.Tells() || c.seg.Arrived(fromAcceptor) > before[fromAcceptor] || c.seg.Blocked(fromAcceptor) {
			break
		}
		next := min(wire, due)
		if next > most {
			break
		}
		if c.seg.Arrived(fromDialer) > before[fromDialer] {
			p.gotAt = at
		}
		at = max(next, at)
		w.events++
	}
	if at > begun {
		w.queue.SetNow(at)
		w.calm, w.turns = at, 1
	}
	return before
}

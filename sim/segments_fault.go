package sim

import (
	"errors"
	"fmt"

	"psyncsim/model"
	"psyncsim/sim/trace"
)

// The faults that only links of segments can have.

// pathsOf are the directions of its link that a fault is about.
func (w *World) pathsOf(f *FaultConfig, l *link) []int {
	switch {
	case f.Way == BothWays:
		return []int{0, 1}
	case (f.Way == There) == (f.A == l.a):
		return []int{0}
	}
	return []int{1}
}

// silent begins or ends a silence, both ways or one way.
func (w *World) silent(f *FaultConfig, now model.Instant, begins bool) {
	l := &w.links[w.linkOf(f.A, f.B)]
	switch {
	case f.Way == BothWays && begins:
		w.silence(l, now)
	case f.Way == BothWays:
		if l.silent--; l.silent == 0 {
			w.tell(now, "link", model.Event{Kind: trace.Healed, Peer: l.name})
			w.thawLink(l, now)
		}
	default:
		kind := trace.Healed
		if begins {
			kind = trace.Silenced
		}
		w.tell(now, "link", model.Event{Kind: kind, Peer: w.cfg.Servers[f.from()].Name + ">" + w.cfg.Servers[f.A+f.B-f.from()].Name})
		for _, i := range w.pathsOf(f, l) {
			l.paths[i].Silence(int64(now), begins)
		}
	}
}

// from is the sending end of a fault that is about one direction.
func (f *FaultConfig) from() int {
	if f.Way == Back {
		return f.B
	}
	return f.A
}

// slow changes a link's bandwidth, 0 gives it its own back.
func (w *World) slow(f *FaultConfig, now model.Instant, bandwidth int64) {
	l := &w.links[w.linkOf(f.A, f.B)]
	w.tell(now, "link", model.Event{Kind: trace.Slowed, Peer: l.name, Bytes: bandwidth})
	for _, i := range w.pathsOf(f, l) {
		if bandwidth == 0 {
			l.paths[i].Restore(int64(now))
		} else {
			l.paths[i].SetBandwidth(int64(now), bandwidth)
		}
	}
}

// vanish takes one end of a connection away without a word.
func (w *World) vanish(h *host, ci int32) {
	c := w.conns[ci]
	side := fromAcceptor
	if c.dialer == h.index {
		side = fromDialer
	}
	p := &c.pipes[side]
	p.fin = true
	// What its server wrote before is in the socket, also where it was not offered
	// because it could only wait there (tcp.Conn.Blocked).
	now := w.queue.Now()
	ready, _ := p.ready(now)
	c.seg.Offer(int64(now), side, ready)
	p.truncate(c.seg.Taken(side))
	if p.flow.on {
		p.flow.end = p.flow.next
	}
	if c.told[side] = true; c.up || side == fromDialer {
		c.seg.Vanish(side)
	}
	if c.told[1-side] || !c.up && side == fromDialer {
		w.flush(ci)
		return
	}
	w.touch(ci)
}

// powerUp lets the machine of a host answer again: of connections that it does not
// know it says so.
func (w *World) powerUp(h *host) {
	h.dark = false
	for _, c := range w.conns {
		for side := range c.pipes {
			if c.live && c.segments && w.end(c, side) == h.index {
				c.seg.Return(side)
			}
		}
	}
}

// CheckFaults refuses faults that the links of a configuration cannot play.
func (c *Config) CheckFaults() error {
	segments := func(a, b int) bool {
		for i := range c.Links {
			if l := &c.Links[i]; l.A == a && l.B == b || l.A == b && l.B == a {
				return l.TCP != nil
			}
		}
		return false
	}
	for i := range c.Faults {
		f := &c.Faults[i]
		switch {
		case f.Kind == FaultSlow && f.Bandwidth <= 0:
			return errors.New("sim: a slow link needs a bandwidth")
		case (f.Kind == FaultSlow || f.Kind == FaultSilent && f.Way != BothWays) && !segments(f.A, f.B):
			return fmt.Errorf("sim: a link that is slow, or silent one way only, must carry segments (model: tcp): %s and %s",
				c.Servers[f.A].Name, c.Servers[f.B].Name)
		case f.Kind == FaultCrash && f.Power:
			for j := range c.Servers {
				if j != f.Server && !segments(f.Server, j) {
					return fmt.Errorf("sim: %s loses its power: its links must carry segments (model: tcp), also the one to %s", c.Servers[f.Server].Name, c.Servers[j].Name)
				}
			}
		}
	}
	return nil
}

package sim

import (
	"psyncsim/model"
	"psyncsim/sim/tcp"
)

// closeSegments closes a side's socket: what it took is still sent, what is in the
// output buffer goes.
func (w *World) closeSegments(ci int32, side int) {
	c, now := w.conns[ci], w.queue.Now()
	p := &c.pipes[side]
	f := &p.flow
	kept := p.sent
	if f.on && f.turn == w.turn { // a server sends when its turn is over
		kept = min(kept, f.begins+int64(f.unsent-f.from))
	}
	ready, _ := p.ready(now)
	c.seg.Offer(int64(now), side, min(kept, ready))
	p.truncate(c.seg.Taken(side))
	c.seg.Close(int64(now), side)
	if f.on {
		f.end = f.next
	}
	w.touch(ci)
}

// truncate forgets the bytes of a pipe from number n on: nobody sends them.
func (p *pipe) truncate(n int64) {
	cut := p.sent - n
	if cut <= 0 {
		return
	}
	p.sent = n
	if f := &p.flow; f.on {
		k := min(cut, int64(f.next-1-f.arrived))
		f.next -= model.Offset(k)
		cut -= k
	}
	for i := len(p.items) - 1; i >= p.head && cut > 0; i-- {
		it := &p.items[i]
		k := min(cut, it.n-it.arrived)
		it.n, it.ends, it.cut = it.n-k, it.ends-k, true
		cut -= k
	}
}

// linger keeps a connection that both servers have left until its sockets are
// done with it.
func (w *World) linger(ci int32) {
	c := w.conns[ci]
	w.unlink(ci)
	c.pipes[0].clear()
	c.pipes[1].clear()
	c.lingers = true
	for side := range c.pipes {
		c.seg.Close(int64(w.queue.Now()), side)
	}
	w.touch(ci)
}

// connTap gives the segments of one connection to the listener of the run.
type connTap struct {
	w                *World
	serial           int
	dialer, acceptor int
}

func (t *connTap) Segment(at tcp.Time, point tcp.Point, side int, s *tcp.Segment, fate tcp.Fate) {
	t.w.tap.Segment(t.serial, t.dialer, t.acceptor, at, point, side, s, fate)
}

// SegmentTap hears every segment of every connection that is played segment by
// segment: which connection of the run, between which servers, and what tcp.Tap
// says. From is side 0 for the dialer.
type SegmentTap interface {
	Segment(conn, dialer, acceptor int, at tcp.Time, point tcp.Point, side int, s *tcp.Segment, fate tcp.Fate)
}

// TapSegments lets t hear all connections that begin from now on.
func (w *World) TapSegments(t SegmentTap) { w.tap = t }

// checkSegments holds the books of a connection of segments against each other:
// what its servers handed over is delivered, waits at the other side, is on its
// way or in a socket, or has not left the server.
func (w *World) checkSegments(c *conn) {
	if !c.segments || c.lingers || c.cut {
		return
	}
	for side := range c.pipes {
		p := &c.pipes[side]
		taken, arrived := c.seg.Taken(side), c.seg.Arrived(1-side)
		if p.delivered > arrived || arrived > taken || taken > p.sent {
			panic("sim: bytes sent " + itoa(p.sent) + ", taken " + itoa(taken) + ", arrived " + itoa(arrived) + ", delivered " + itoa(p.delivered))
		}
	}
	if what := c.seg.Check(); what != "" {
		panic(what)
	}
}

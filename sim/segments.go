package sim

import (
	"time"

	"psyncsim/model"
	"psyncsim/sim/tcp"
)

// A link with LinkConfig.TCP carries segments: each of its connections is a
// tcp.Conn. The pipes are the same as on other links (items, then the stream), but
// a byte arrives when the segments bring it, and what a socket does not take
// stays in the server. Everything that a segment changes happens in one event, which
// comes first at its instant.

// openSegments makes a connection one of segments.
func (w *World) openSegments(ci int32) {
	c := w.conns[ci]
	l := c.link
	if c.seg == nil {
		c.seg = &tcp.Conn{}
	}
	there, back := 0, 1
	if c.dialer != l.a {
		there, back = 1, 0
	}
	var o [2]tcp.Options
	for side, host := range [2]int{c.dialer, c.peer} {
		o[side] = l.tcp.Options
		keep := w.hosts[host].cfg.KeepAlive
		if keep == 0 {
			keep = w.hosts[host].cfg.Profile.KeepAlive
		}
		if keep > 0 {
			o[side].RedisKeepAlive(int64(keep / time.Second))
		}
	}
	c.seg.Reset(&o[0], &o[1], &l.paths[there], &l.paths[back])
	c.seg.IdleDrop, c.seg.IdleReset = int64(l.tcp.IdleDrop), l.tcp.IdleReset
	c.segments, c.segAt, c.frozen = true, model.Never, false
	if w.tap != nil {
		c.seg.Tap = &connTap{w, c.serial, c.dialer, c.peer}
	}
	c.refused = w.refuses(c)
	c.seg.Open(int64(w.queue.Now()))
	w.pump(ci)
}

// refuses says that a SYN of a connection is refused now: by the network, or
// because nobody listens.
func (w *World) refuses(c *conn) bool {
	h := w.hosts[c.peer]
	return c.link.reset > 0 || !h.alive && !h.dark
}

// touch remembers that a connection has more to send; see pumpAll.
func (w *World) touch(ci int32) {
	if c := w.conns[ci]; c.segments && !c.touched {
		c.touched = true
		w.touched = append(w.touched, ci)
	}
}

// touchBelow touches the connections of segments that carry on what a host will
// receive: when that comes may be known better now.
func (w *World) touchBelow(h *host, depth int) {
	if !w.segmented || depth > len(w.hosts) { // servers may follow each other in a ring
		return
	}
	for _, ci := range h.conns {
		c := w.conns[ci]
		if f := &c.pipes[fromAcceptor].flow; !f.on || f.src != h.index || f.end > 0 {
			continue
		}
		if c.segments {
			w.touch(ci)
		} else {
			w.touchBelow(w.hosts[c.dialer], depth+1)
		}
	}
}

// pumpAll gives the sockets what their servers wrote in this event.
func (w *World) pumpAll() {
	for i := 0; i < len(w.touched); i++ {
		if c := w.conns[w.touched[i]]; c.touched {
			c.touched = false
			if c.live && c.segments {
				w.pump(w.touched[i])
			}
		}
	}
	w.touched = w.touched[:0]
}

// pump offers a connection's sockets what there is for them, tells the servers
// how much they take, and schedules what happens next.
func (w *World) pump(ci int32) {
	c, now := w.conns[ci], w.queue.Now()
	next := model.Instant(c.seg.Next())
	if !c.lingers {
		for side := range c.pipes {
			if c.told[side] {
				continue
			}
			p := &c.pipes[side]
			ready, more := p.ready(now)
			c.seg.Offer(int64(now), side, ready)
			w.tookBulk(ci, side)
			w.stalled(ci, side)
			if more < next {
				next = more
			}
			if p.flow.on && p.flow.end == 0 && !c.seg.Blocked(side) {
				next = min(next, w.nextByte(w.hosts[p.flow.src]))
			}
		}
		next = min(next, model.Instant(c.seg.Next()))
	}
	if next = max(next, now); next != c.segAt && next != model.Never {
		w.queue.PushFirst(next, 1<<32|uint64(c.serial), event{kind: evSegment, conn: ci, gen: c.gen})
	}
	c.segAt = next
}

// ready is how many bytes of a pipe its sender can offer by now, in all, and
// when there will be more by itself: a diskless child makes its snapshot piece
// by piece.
func (p *pipe) ready(now model.Instant) (n int64, more model.Instant) {
	it := p.bulk()
	switch {
	case it == nil || it.sent:
	case int64(now)*1000 < it.start: // its child forks
		return it.ends - it.n, psCeil(it.start)
	case it.ps > 0:
		had := min(max((int64(now)*1000-it.start)/it.ps, 0), it.n)
		if had < it.n {
			had = had / pipePiece * pipePiece
			return it.ends - it.n + had, psCeil(it.start + min(had+pipePiece, it.n)*it.ps)
		}
	}
	return p.sent, model.Never
}

// pipePiece is what a child hands its parent at a time: a pipe's size on Linux.
const pipePiece = 64 << 10

// tookBulk tells the sender of a snapshot that its socket took the last byte.
func (w *World) tookBulk(ci int32, side int) {
	c := w.conns[ci]
	p := &c.pipes[side]
	if it := p.bulk(); it != nil && !it.sent && c.seg.Taken(side) >= it.ends {
		it.sent = true
		w.queue.Push(w.queue.Now(), event{kind: evTaken, side: uint8(side), conn: ci, gen: c.gen})
	}
}

// stalled tells a server from which byte on its replica's socket takes no more.
// While the socket sends at once what it is given, it takes all.
func (w *World) stalled(ci int32, side int) {
	c := w.conns[ci]
	f := &c.pipes[side].flow
	if side != fromAcceptor || !f.on || f.end > 0 {
		return
	}
	from := model.Offset(0)
	if c.seg.Blocked(side) {
		from = f.from + model.Offset(max(c.seg.Takes(side)-f.begins, 0))
	}
	w.stall(ci, stallNetwork, from)
}

// nextByte is when a server's stream grows next by itself.
func (w *World) nextByte(h *host) model.Instant {
	if !h.alive || h.frozen > 0 {
		return model.Never
	}
	now := w.queue.Now()
	if h.srv.IsMaster() {
		if h.src == nil || !h.srv.Counts() {
			return model.Never
		}
		return max(h.src.when(max(h.next, h.src.upto(now))), now)
	}
	if at := w.reaches(h, h.srv.MRO()+1); at != model.Never {
		return max(at, now+1)
	}
	return model.Never
}

// segment plays what is due on a connection of segments.
func (w *World) segment(ci int32) {
	c, now := w.conns[ci], w.queue.Now()
	if c.lingers {
		c.seg.Step(int64(now))
		c.seg.Events()
		w.pump(ci)
		if c.seg.Done() {
			w.release(ci)
		}
		return
	}
	gen := c.gen
	for side := range c.pipes { // what they wrote until now goes first
		if p := &c.pipes[side]; p.flow.on && p.flow.end == 0 {
			w.bring(w.hosts[p.flow.src], now)
			if !c.live || c.gen != gen || c.lingers {
				return
			}
		}
	}
	if r := w.hosts[c.dialer]; r.src != nil && !r.srv.IsMaster() { // what its own clients wrote by now comes before what arrives now
		if w.bring(r, now); !c.live || c.gen != gen || c.lingers {
			return
		}
	}
	for side := range c.pipes {
		if p := &c.pipes[side]; !c.told[side] {
			ready, _ := p.ready(now)
			c.seg.Offer(int64(now), side, ready)
		}
	}
	c.seg.Deaf = w.hosts[c.peer].dark
	c.seg.NoListener = c.refused || w.refuses(c)
	c.segAt = model.Never
	var before [2]int64
	if w.steady(c) {
		if before = w.race(c); w.queue.Now() > now {
			w.bring(w.hosts[c.peer], w.queue.Now())
		}
	} else {
		before = [2]int64{c.seg.Arrived(0), c.seg.Arrived(1)}
		c.seg.Step(int64(now))
	}
	if c.syns != c.seg.Segments && !c.up { // a SYN that is sent now is refused now
		c.syns, c.refused = c.seg.Segments, w.refuses(c)
	}
	w.heardSegments(ci, gen, before)
	if c.live && c.gen == gen {
		w.touch(ci)
	}
}

// heardSegments passes on what a step of a connection brought: first that it is made,
// then bytes, then its end.
func (w *World) heardSegments(ci int32, gen uint32, before [2]int64) {
	c := w.conns[ci]
	alive := func() bool { return c.live && c.gen == gen && !c.lingers }
	var ends [2]tcp.Kind
	for _, e := range c.seg.Events() {
		next := event{conn: ci, gen: gen}
		switch e.Kind {
		case tcp.Connected:
			next.kind = evUp
			w.connected(next, c)
		case tcp.Accepted:
			next.kind = evAccept
			w.connected(next, c)
		default:
			ends[e.Side] = e.Kind
		}
		if !alive() {
			return
		}
	}
	for to := range c.pipes {
		if c.seg.Arrived(to) > before[to] {
			c.pipes[1-to].gotAt = w.queue.Now()
			w.landed(ci, to)
		}
		if !alive() {
			return
		}
	}
	for side, k := range ends {
		if k != 0 && alive() {
			w.queue.Push(w.queue.Now(), event{kind: evDown, side: uint8(side), why: whyOf(k, c.up), conn: ci, gen: gen})
		}
	}
}

// whyOf is what a server reads in errno.
func whyOf(k tcp.Kind, up bool) model.Why {
	switch {
	case k == tcp.EndOfFile:
		return model.WhyClosed
	case k == tcp.Refused:
		return model.WhyRefused
	case k == tcp.TimedOut && !up:
		return model.WhyUnreachable
	}
	return model.WhyReset // ETIMEDOUT and ECONNRESET are the same to it
}

// landed hands a side the items that have arrived whole. Of the stream and of a
// snapshot it hears when it is asked next, unless it passes them on.
func (w *World) landed(ci int32, to int) {
	c := w.conns[ci]
	h := w.hosts[w.end(c, to)]
	p := &c.pipes[1-to]
	gen := c.gen
	if c.ids[to] == 0 {
		return // not accepted yet
	}
	for c.live && c.gen == gen && !c.lingers && p.head < len(p.items) && h.alive {
		it := &p.items[p.head]
		if c.seg.Arrived(to) < it.ends || it.cut {
			break
		}
		if !c.told[to] && w.later(h, event{kind: evRead, side: uint8(to), conn: ci, gen: gen}) {
			return
		}
		w.deliverItem(event{kind: evDeliver, side: uint8(1 - to), conn: ci, gen: p.epoch}, c)
	}
	if !c.live || c.gen != gen || c.lingers || to != fromDialer || !h.alive || h.frozen > 0 {
		return
	}
	f := &p.flow
	asked := f.on && f.log.asked(f.arrived+1) > 0                                   // a GETACK is answered when it comes
	first := p.bulk() != nil && p.bulk().arrived == 0 && h.cfg.Profile.DisklessLoad // it may be loaded from now on
	if h.relays || asked || first {
		w.bring(h, w.queue.Now())
		w.hear(h, w.queue.Now()) // it may have been brought up to date before these came
		w.lookBelow(h, 0)
	}
}

// segmentArrivals is what of a snapshot or of the stream has arrived at the dialer
// of c and was not told.
func (w *World) segmentArrivals(h *host, c *conn, t model.Instant) (a arrival) {
	p := &c.pipes[fromAcceptor]
	got := c.seg.Arrived(fromDialer)
	at := min(t, p.gotAt)
	if p.head < len(p.items) {
		it := &p.items[p.head]
		if it.kind != itemBulk {
			return a
		}
		most := it.n
		if !it.cut {
			most-- // the last byte is an event
		}
		if n := min(got-(it.ends-it.n), most) - it.arrived; n > 0 {
			a = arrival{c: c, at: at, n: n}
		}
		return a
	}
	f := &p.flow
	if !f.on {
		return a
	}
	o := f.from + model.Offset(got-f.begins) - 1
	if to := h.srv.TakesTo(c.ids[fromDialer]); to > 0 { // what is behind that stays in the socket
		o = min(o, to)
	}
	if o > f.arrived {
		a = arrival{c: c, at: at, until: t, to: o}
	}
	return a
}

// readSegments lets the sockets of a host be read, or not.
func (w *World) readSegments(h *host, reads bool) {
	for _, ci := range h.conns {
		c := w.conns[ci]
		if !c.segments || c.lingers {
			continue
		}
		side := fromAcceptor
		if c.dialer == h.index {
			side = fromDialer
		}
		on := reads && h.frozen == 0 && (side == fromAcceptor || !c.up || h.srv.Reads(c.ids[side]))
		c.seg.Reads(int64(w.queue.Now()), side, on)
		if on && h.alive {
			w.landed(ci, side)
		}
		w.touch(ci)
	}
}

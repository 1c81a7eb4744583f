package sim

import "psyncsim/model"

// A snapshot without disk goes from one child to all replicas that wait for it, at
// one pace: that of the slowest link. Nobody is further than the others but for
// what sockets hold. When the socket of one is full (its process is frozen, its link
// is silent), the child stands still, and with it everyone, until that one reads again or
// is given up: by the server, or by the write that times out (see model.Profile.ChildWrites).
//
// Between two changes of the pace a part of the snapshot is one item on each pipe.

// feeding is the transfer of one child.
type feeding struct {
	on      bool
	begins  bool // with the end of this step
	moves   bool
	n       int64         // bytes for each reader
	done    int64         // bytes that all sockets had taken when the present part began
	upto    int64         // where the present part ends: at n, or where a socket is full
	at      int64         // picoseconds: when the part began
	ps      int64         // picoseconds a byte
	timeout model.Instant // of a write of the child; 0: the server forwards what the child makes
	gen     uint32        // an event of an earlier part is void
}

// share is one reader's part in a feeding.
type share struct {
	on      bool
	full    [stallReasons]int64 // its socket takes no more than so many bytes; 0 takes all
	held    bool                // that is where the child stands
	since   model.Instant       // when it came there
	removed bool                // its write timed out: the others go on without it
}

// stops is how many bytes the socket takes, 0 without a limit.
func (s *share) stops() (n int64) {
	for _, at := range s.full {
		if at > 0 && (n == 0 || at < n) {
			n = at
		}
	}
	return n
}

// position is how many bytes of the snapshot every socket has taken.
func (f *feeding) position(now model.Instant) int64 {
	t := int64(now)*1000 - f.at
	switch {
	case !f.moves || t < 0:
		return f.done
	case f.ps == 0:
		return f.upto
	}
	return min(f.upto, f.done+t/f.ps)
}

// fed is the pipe of a reader.
func (w *World) fed(h *host, ci int32) (c *conn, p *pipe) {
	if c = w.conns[ci]; c.peer != h.index || !c.share.on {
		return nil, nil
	}
	return c, &c.pipes[fromAcceptor]
}

// enlist makes a connection a reader of the child that begins.
func (w *World) enlist(h *host, ci int32, o *model.Output) {
	c := w.conns[ci]
	c.share = share{on: true}
	if f := &h.feed; !f.begins {
		*f = feeding{on: true, begins: true, gen: f.gen + 1}
	}
	h.feed.n, h.feed.timeout = h.dataset+o.Bytes, model.Instant(o.Timeout)
	c.snapshot = h.feed.n
	if c.frozen || c.pipes[fromAcceptor].mute {
		c.share.full[stallNetwork] = sendBuffer
	}
	if w.hosts[c.dialer].frozen > 0 {
		c.share.full[stallReader] = stoppedReader
	}
}

// beginFeed lets the child write, when it has forked.
func (w *World) beginFeed(h *host) {
	f := &h.feed
	f.begins = false
	f.at = int64(w.queue.Now()+model.Instant(h.cfg.Fork)) * 1000
	for _, ci := range h.conns {
		if _, p := w.fed(h, ci); p != nil {
			f.at = max(f.at, p.free)
		}
	}
	w.refeed(h)
}

// refeed begins a new part: something has changed.
func (w *World) refeed(h *host) {
	f := &h.feed
	if !f.on || f.begins {
		return
	}
	now := w.queue.Now()
	done := f.position(now)
	upto, ps, readers, least := f.n, psPerByte(h.cfg.SaveRate), 0, int64(0)
	for _, ci := range h.conns {
		c, _ := w.fed(h, ci)
		if c == nil || c.share.removed {
			continue
		}
		readers++
		if at := c.share.stops(); at > 0 {
			upto = min(upto, max(at, done))
		}
		if !c.frozen {
			least = max(least, c.link.ps)
			if r := w.hosts[c.dialer]; r.alive && r.srv.LoadsFromSocket() { // it reads no faster than it loads
				least = max(least, psPerByte(r.cfg.LoadRate))
			}
		}
	}
	ps = max(ps, least)
	if readers == 0 {
		w.endFeed(h)
		return
	}
	moves := h.frozen == 0 || f.timeout > 0 // a child of its own goes on
	if f.gen > 0 && f.moves && moves && upto == f.upto && ps == f.ps {
		return
	}
	w.settleAll(h, done)
	f.gen++
	f.done, f.upto, f.ps, f.at, f.moves = done, upto, ps, max(f.at, int64(now)*1000), moves
	if !moves {
		return
	}
	f.put(w, h)
	end := max(psCeil(f.at+(upto-done)*ps), now)
	w.queue.Push(end, event{kind: evFed, host: int32(h.index), gen: f.gen})
}

// put gives every reader the present part.
func (f *feeding) put(w *World, h *host) {
	if f.upto == f.done {
		return
	}
	for _, ci := range h.conns {
		c, p := w.fed(h, ci)
		if c == nil || c.share.removed {
			continue
		}
		p.free = max(p.free, f.at)
		it := p.put(w.queue.Now(), &item{kind: itemBulk, n: f.upto - f.done, ps: f.ps, eof: f.upto == f.n, fed: true, from: f.done})
		w.signalAt(psCeil(it.start), SignalSent, c, fromAcceptor, Signal{Bytes: it.n, PS: it.ps})
		w.schedule(ci, fromAcceptor, it)
	}
}

// settleAll leaves on every pipe what its socket has taken.
func (w *World) settleAll(h *host, done int64) {
	for _, ci := range h.conns {
		if c, _ := w.fed(h, ci); c != nil && !c.share.removed {
			w.settle(ci, done)
		}
	}
}

// settle leaves on a pipe the first so many bytes of the snapshot.
func (w *World) settle(ci int32, done int64) {
	c := w.conns[ci]
	p := &c.pipes[fromAcceptor]
	if p.head == len(p.items) {
		return
	}
	it := &p.items[len(p.items)-1]
	n := max(done-it.from, it.arrived)
	if !it.fed || n >= it.n {
		return
	}
	p.sent -= it.n - n
	it.ends -= it.n - n
	it.n, it.eof = n, false
	p.free = it.end()
	if n == 0 {
		p.free = max(p.free, 0)
		p.items = p.items[:len(p.items)-1]
	}
	w.signal(SignalUnsent, c, fromAcceptor, Signal{Bytes: p.sent})
	p.epoch++ // its end comes sooner
	for j := p.head; j < len(p.items); j++ {
		w.schedule(ci, fromAcceptor, &p.items[j])
	}
}

// fedUpto: the present part is done. All of it: the readers are served. Else the
// child stands still.
func (w *World) fedUpto(h *host) {
	f := &h.feed
	now := w.queue.Now()
	if f.done, f.moves = f.upto, false; f.done == f.n {
		f.on = false
		f.gen++
		w.readersOf = append(w.readersOf[:0], h.conns...)
		for _, ci := range w.readersOf { // one may leave meanwhile
			if c, _ := w.fed(h, ci); c != nil && !c.share.removed {
				c.share = share{}
				w.deliver(h, event{kind: evTaken, side: fromAcceptor, conn: ci, gen: c.gen},
					&model.Input{Kind: model.InSent, Conn: c.ids[fromAcceptor], Bytes: c.snapshot})
			}
		}
		return
	}
	for _, ci := range h.conns {
		c, _ := w.fed(h, ci)
		if c == nil || c.share.removed || c.share.held {
			continue
		}
		if at := c.share.stops(); at == 0 || at > f.done {
			continue
		}
		c.share.held, c.share.since = true, now
		if f.timeout > 0 {
			w.queue.Push(now+f.timeout, event{kind: evGiveUp, conn: ci, gen: c.gen})
			continue
		}
		w.queue.Push(now, event{kind: evHeld, conn: ci, gen: c.gen})
	}
}

// tellHeld lets a server know that a reader's socket is full, or is not any more.
func (w *World) tellHeld(c *conn, e event) {
	if c.share.on && !c.told[fromAcceptor] {
		w.deliver(w.hosts[c.peer], e, &model.Input{Kind: model.InSnapshotHeld, Conn: c.ids[fromAcceptor], Abort: !c.share.held})
	}
}

// giveUp: a write of the child has waited for as long as it may.
func (w *World) giveUp(c *conn, e event) {
	h := w.hosts[c.peer]
	if s := &c.share; s.on && !s.removed && (!s.held || w.queue.Now() != s.since+h.feed.timeout) {
		return
	}
	if c.share.on && !c.share.removed {
		c.share.removed = true
		w.refeed(h)
	}
	if c.share.on && !c.told[fromAcceptor] {
		w.deliver(h, e, &model.Input{Kind: model.InSnapshotHeld, Conn: c.ids[fromAcceptor], Why: model.WhyFullSyncTimeout})
	}
}

// fills says how many more bytes a reader's socket takes, below 0 that it takes
// all, from now on.
func (w *World) fills(ci int32, reason int, more int64) {
	c := w.conns[ci]
	s := &c.share
	if !s.on {
		return
	}
	h := w.hosts[c.peer]
	now := w.queue.Now()
	if s.full[reason] = 0; more >= 0 {
		s.full[reason] = h.feed.position(now) + max(more, 1)
	}
	if at := s.stops(); s.held && (at == 0 || at > h.feed.done) {
		s.held = false
		w.queue.Push(now, event{kind: evHeld, conn: ci, gen: c.gen})
	}
	w.refeed(h)
}

// fillsHost is fills for all that a host reads.
func (w *World) fillsHost(h *host, more int64) {
	for _, ci := range h.conns {
		if c := w.conns[ci]; c.dialer == h.index {
			w.fills(ci, stallReader, more)
		}
	}
}

// unfed takes a reader away that the server knows no more: of the snapshot it gets
// what its socket has.
func (w *World) unfed(ci int32) {
	c := w.conns[ci]
	if !c.share.on {
		return
	}
	h := w.hosts[c.peer]
	f := &h.feed
	kept := f.position(w.queue.Now())
	if f.ps == c.link.ps { // else whoever makes it is slower than the link, and nothing waits
		kept += sendBuffer
	}
	w.settle(ci, kept)
	c.share = share{}
	w.refeed(h)
}

// endFeed: nobody reads any more, or the child is dead.
func (w *World) endFeed(h *host) {
	f := &h.feed
	if !f.on {
		return
	}
	w.settleAll(h, f.position(w.queue.Now()))
	for _, ci := range h.conns {
		if c, _ := w.fed(h, ci); c != nil && !c.share.removed { // the server has yet to hear of those
			c.share = share{}
		}
	}
	f.on, f.moves = false, false
	f.gen++
}

package sim

import "psyncsim/model"

// handle plays one event. An event of a host that is frozen waits for its
// thaw; one of a connection that has ended is void.
func (w *World) handle(e *event) {
	now := w.queue.Now()
	if now > w.calm {
		w.calm, w.turns = now, 0
	}
	if w.turns++; w.turns > mostAtOnce {
		panic("sim: time stands still: servers answer each other without end over a link without latency")
	}
	switch e.kind {
	case evFault:
		if e.listed {
			w.nextFault()
		}
		w.fault(int(e.host), now)
	case evFaultEnd:
		w.faultEnd(*e, now)
	case evWake:
		h := w.hosts[e.host]
		if e.gen != h.gen || h.wakeAt != now || h.frozen > 0 {
			return
		}
		w.wakes(h, now)
	case evSnapshot:
		if h := w.hosts[e.host]; e.gen == h.snap {
			w.deliver(h, *e, &model.Input{Kind: model.InSnapshotDone, Bytes: h.dataset})
		}
	case evWrite:
		w.bring(w.hosts[e.host], now)
		for _, h := range w.hosts {
			w.bring(h, now)
		}
		w.scheduleWrite(int(e.host))
	case evMark:
		w.sampleAll(now)
	case evSample:
		w.sample(now)
	case evAsk:
		w.ask(now)
	case evLimit:
		if h := w.hosts[e.host]; e.gen == h.gen {
			h.done = min(h.done, now-1) // a stream that begins now may have more to tell
			w.bring(h, now)
			if h.relayAt == now {
				h.relayAt = 0
			}
			if h.alive && h.frozen == 0 {
				w.rearm(h)
			}
		}
	case evExit:
		if h := w.hosts[e.host]; e.gen == h.gen {
			w.kill(h, now, h.stopSave)
		}
	case evSaveEnd:
		if h := w.hosts[e.host]; e.gen == h.gen {
			w.saveEnded(h, now)
		}
	case evPump:
		if h := w.hosts[e.host]; e.gen == h.gen && h.stuck && h.frozen == 0 {
			w.pumped(h)
		}
	case evLoaded:
		w.loadedEvent(*e)
	case evFed:
		if h := w.hosts[e.host]; e.gen == h.feed.gen && h.feed.on {
			w.fedUpto(h)
		}
	case evSegment:
		if c := w.conns[e.conn]; c.live && c.gen == e.gen && c.segAt == now && !c.cut {
			w.segment(e.conn)
		}
	case evFlowFin, evDeliver, evSent:
		c := w.conns[e.conn]
		if c.live && !c.frozen && !c.pipes[e.side].mute && c.pipes[e.side].epoch == e.gen {
			w.arrived(*e, c)
		}
	default:
		if c := w.conns[e.conn]; c.live && c.gen == e.gen {
			w.connected(*e, c)
		}
	}
}

// wakes lets a host's timer run out, if it is still due when the host knows all that has
// happened.
func (w *World) wakes(h *host, now model.Instant) {
	if !h.alive {
		return
	}
	h.hold()
	if w.bring(h, now); h.folded > 0 && !h.srv.WantsTurn(now) { // what it heard may have put the wake off
		if w.letGo(h); h.wakeAt != now {
			return
		}
		h.hold()
	}
	h.wakeAt = -1
	if w.in.Kind != model.InWake { // it has no fields
		w.in = model.Input{Kind: model.InWake}
	}
	if w.step(h, now); h.folded > 0 {
		h.ackAt = h.srv.AckDue()
	}
	w.letGo(h)
}

// deliver brings a host up to date and tells it one thing; false when it is
// frozen and will hear of it later, or dead.
func (w *World) deliver(h *host, e event, in *model.Input) bool {
	if !h.alive {
		return false
	}
	if in.Kind != model.InWake && in.Kind != model.InLoaded && in.Kind != model.InSnapshotDone {
		if w.later(h, e) {
			return false
		}
	} else if h.frozen > 0 {
		h.deferred = append(h.deferred, e)
		return false
	}
	now := w.queue.Now()
	h.hold()
	w.bring(h, now)
	w.in = *in
	w.step(h, now)
	w.letGo(h)
	return true
}

func (w *World) loadedEvent(e event) {
	h := w.hosts[e.host]
	if e.conn < 0 {
		if e.gen == h.gen {
			w.deliver(h, e, &model.Input{Kind: model.InLoaded, Commands: h.expired, Bytes: int64(h.expiredName)})
		}
		return
	}
	c := w.conns[e.conn]
	if !c.live || c.gen != e.gen || c.told[fromDialer] {
		return
	}
	in := model.Input{Kind: model.InLoaded, Conn: c.ids[fromDialer]}
	if h.loadsKeys {
		in.Count = 1
	}
	if !w.deliver(h, e, &in) {
		return
	}
	// The socket is read again: what waited in it, then perhaps its end.
	w.readers(h, true)
	w.catchUp(h)
	for i := len(h.conns) - 1; i >= 0; i-- {
		if ci := h.conns[i]; w.conns[ci].dialer == h.index && w.conns[ci].finWaits {
			w.sideDown(ci, fromDialer, w.conns[ci].finWhy)
		}
	}
}

// catchUp delivers at a host what had arrived while it could not read.
func (w *World) catchUp(h *host) {
	w.hear(h, w.queue.Now())
}

// arrived handles the events of a pipe.
func (w *World) arrived(e event, c *conn) {
	side := int(e.side)
	from, to := w.hosts[w.end(c, side)], w.hosts[w.end(c, 1-side)]
	p := &c.pipes[side]
	if e.kind == evSent {
		if it := p.bulk(); it != nil {
			it.sent = true
		}
		if !c.told[side] { // a frozen sender hears of it later, whatever becomes of the link
			w.deliver(from, event{kind: evTaken, side: e.side, conn: e.conn, gen: c.gen}, &model.Input{Kind: model.InSent, Conn: c.ids[side], Bytes: c.snapshot})
		}
		return
	}
	if !c.told[1-side] && w.later(to, e) {
		return
	}
	if e.kind == evFlowFin {
		w.sideDown(e.conn, 1-side, model.WhyClosed)
		return
	}
	w.deliverItem(e, c)
}

// deliverItem hands the first item of a pipe over.
func (w *World) deliverItem(e event, c *conn) {
	to := w.hosts[w.end(c, 1-int(e.side))]
	to.hold()
	w.handOver(e, c, to)
	w.letGo(to)
}

func (w *World) handOver(e event, c *conn, to *host) {
	side := int(e.side)
	p := &c.pipes[side]
	gen := c.gen
	w.bring(to, w.queue.Now())
	if !c.live || c.gen != gen || p.epoch != e.gen || p.head >= len(p.items) {
		return
	}
	if w.cutBefore(e.conn, side, p.items[p.head].n-p.items[p.head].arrived) {
		return
	}
	it := p.items[p.head]
	p.items[p.head].data = nil
	p.head++
	p.delivered += it.n - it.arrived
	if c.told[1-side] {
		return // bytes to a closed socket
	}
	switch it.kind {
	case itemFin:
		w.sideDown(e.conn, 1-side, model.WhyClosed)
	case itemBulk:
		n := it.n - it.arrived
		if it.eof {
			n = -n
		}
		w.deliver(to, e, &model.Input{Kind: model.InBulk, Conn: c.ids[1-side], Bytes: n})
	default:
		w.deliver(to, e, &model.Input{Kind: model.InData, Conn: c.ids[1-side], Data: it.data})
		p.keep(it.data)
		if c.gen == gen && c.live && p.head < len(p.items) && p.items[p.head].kind == itemBulk {
			w.watchFirst(c, &p.items[p.head]) // it may have begun to arrive before its header was read
		}
		if side == fromDialer && c.live && c.gen == gen && p.head == len(p.items) && c.pipes[fromAcceptor].flow.on {
			w.fold(e.conn, it.n)
		}
	}
	if side == fromAcceptor && c.live && c.gen == gen && p.flow.on {
		w.comesAgain(to) // nothing is in the way of the stream any more
	}
}

// keep gives an item's memory to a later one.
func (p *pipe) keep(data []byte) {
	if cap(data) > 0 && len(p.kept) < 4 {
		p.kept = append(p.kept, data[:0])
	}
}

// bulk is the snapshot on a pipe, if one is under way.
func (p *pipe) bulk() *item {
	for i := p.head; i < len(p.items); i++ {
		if p.items[i].kind == itemBulk {
			return &p.items[i]
		}
	}
	return nil
}

// end is the host at one side of a connection.
func (w *World) end(c *conn, side int) int {
	if side == fromDialer {
		return c.dialer
	}
	return c.peer
}

// sideDown tells one side that its connection is gone.
func (w *World) sideDown(ci int32, side int, why model.Why) {
	c := w.conns[ci]
	h := w.hosts[w.end(c, side)]
	if c.told[side] {
		return
	}
	gen, id := c.gen, c.ids[side]
	if w.later(h, event{kind: evDown, side: uint8(side), why: why, conn: ci, gen: gen}) {
		return
	}
	w.bring(h, w.queue.Now())
	if !c.live || c.gen != gen || c.told[side] {
		return
	}
	w.unfold(ci)
	if h.alive && side == fromDialer && !h.srv.Reads(id) { // it hears of it when it reads again
		if !c.finWaits {
			c.finWaits, c.finWhy = true, why
		}
		return
	}
	if c.told[side] = true; side == fromAcceptor {
		w.unfed(ci)
	}
	if !c.told[1-side] {
		c.told[1-side] = w.endOfPeer(c, side)
	}
	if c.told[0] && c.told[1] {
		w.flush(ci)
	} else {
		w.endFlow(ci, side) // its own FIN, for the side that does not know yet
	}
	if id != 0 && h.alive {
		w.in = model.Input{Kind: model.InDown, Conn: id, Why: why}
		w.step(h, w.queue.Now())
	}
}

// endOfPeer says whether the other side has no process to tell.
func (w *World) endOfPeer(c *conn, side int) bool {
	return !w.hosts[w.end(c, 1-side)].alive || c.ids[1-side] == 0
}

package sim

import (
	"psyncsim/model"
	"psyncsim/sim/trace"
)

// obey does one thing that a server wants done.
func (w *World) obey(h *host, at model.Instant, o *model.Output) {
	if len(w.probes) > 0 && o.Conn < 0 && o.Kind != model.OutNote && w.heard(h, o) {
		return
	}
	switch o.Kind {
	case model.OutNote:
		w.noted(h, at, o.Event)
	case model.OutFeed:
		if o.Literal {
			w.literal(h, at, o)
		} else {
			w.relay(h, at, o.Chunk)
		}
		sent := model.Offset(0)
		if !o.Literal && h.relays {
			sent = h.log.newest()
		}
		w.forward(h, at, &o.Chunk, sent)
		if o.Literal {
			w.lookBelow(h, 0)
		}
	case model.OutSend:
		if c, side := w.find(h, o.Conn); c >= 0 {
			w.sendBytes(c, side, o.Data)
		}
	case model.OutAttach:
		if c, side := w.find(h, o.Conn); c >= 0 {
			w.attach(h, c, side, o)
		}
	case model.OutDial:
		w.dial(h, o.Conn, o.Peer)
	case model.OutHangup:
		if c, side := w.find(h, o.Conn); c >= 0 {
			w.hangup(h, c, side)
		}
	case model.OutSnapshot:
		h.snap++
		w.remember(h)
		if !o.Socket {
			d := model.Instant(h.cfg.Fork) + transferTime(h.dataset, h.cfg.SaveRate)
			w.queue.Push(w.queue.Now()+d, event{kind: evSnapshot, host: int32(h.index), gen: h.snap})
		}
	case model.OutKillSnapshot:
		h.snap++
		w.endFeed(h)
	case model.OutSendSnapshot:
		if c, side := w.find(h, o.Conn); c >= 0 {
			w.sendSnapshot(h, c, side, o)
		}
	case model.OutExpire:
		h.expiring = true
	case model.OutResume:
		h.resumes = true
	case model.OutExit:
		h.stopSave = h.stopSave && o.Why == model.WhyNone
		w.queue.Push(w.queue.Now(), event{kind: evExit, host: int32(h.index), gen: h.gen})
	case model.OutSaved:
		w.saved(h, o)
	case model.OutSave:
		w.remember(h)
		w.saved(h, o)
		w.busy(h, transferTime(h.dataset, h.cfg.SaveRate))
	case model.OutLoad:
		w.load(h, o)
		if c, _ := w.find(h, o.Conn); c >= 0 {
			if x := w.conns[c]; x.segments {
				x.seg.Reads(int64(w.queue.Now()), fromDialer, h.srv.Reads(o.Conn))
			}
		}
	}
}

// transferTime is how long n bytes take at a rate, at once without one.
func transferTime(n, rate int64) model.Instant {
	if rate <= 0 {
		return 0
	}
	return model.Instant(mulDiv(n, 1_000_000_000, rate))
}

// noted passes a fact on, and keeps the histories that the checkers compare.
func (w *World) noted(h *host, at model.Instant, e *model.Event) {
	diverges := false
	switch e.Kind {
	case model.EvAsked:
		h.request = e.Text
	case model.EvOnline:
		diverges = w.joined(h, e)
	case model.EvPromoted:
		w.inherit(h)
		h.epoch++
		h.life++
		w.renumber(h)
	case model.EvFollows:
		w.renumber(h)
	case model.EvStopAborted:
		if h.stopEnd > 0 { // it does not end, so it needs no start
			h.stopEnd = 0
			h.down--
		}
	}
	if e.Kind == model.EvPromoted || e.Kind == model.EvFollows && at > 0 { // whose writes reach whom has changed
		for _, x := range w.hosts {
			if x != h && x.alive {
				w.rearm(x)
			}
		}
	}
	peer, next := e.Peer, e.Offset
	w.tellOf(at, h.cfg.Name, e)
	if diverges {
		w.tell(at, h.cfg.Name, model.Event{Kind: trace.Diverged, Peer: peer, ID: h.wanted(), Offset: next})
	}
}

// renumber begins the log of a host anew whose stream goes on at another offset:
// up to 3.2 with another master, and with none. One that made new backlogs has skipped a
// byte of its stream for each, which goes on all the same.
func (w *World) renumber(h *host) {
	n := len(h.log.segs)
	if !h.ownStream() || n == 0 {
		return
	}
	first, size := h.srv.History()
	end, next := h.log.segs[n-1].to, h.srv.MRO()+1
	if end != next && !(size == 0 && first == next && end < next) {
		w.newLog(h)
		h.life++
		w.reused = append(w.reused, h.srv.ID())
	}
}

// literal notes a command of the server's own.
func (w *World) literal(h *host, at model.Instant, o *model.Output) {
	c := o.Chunk
	if h.ownStream() && w.via != nil && !w.via.segments { // before what it regenerates: with the first command of that
		f, l := &w.via.pipes[fromAcceptor].flow, w.via.pipes[fromAcceptor].flow.before
		end := f.log.commandEnd(max(w.exec, f.from))
		at = min(at, max(f.arrivalOf(end-1, &l, w.via.link.latency, w.via.link.ps), w.since))
	}
	h.log.appendOne(c.From, c.To, at, c.Data)
	h.log.last().quiet = true
	if o.Asks {
		h.log.asks = append(h.log.asks, c.To)
	}
	w.own(h, c.From)
}

// relay notes what a replica processed and passes on: command by command, each
// at the instant at which it arrived, but not before the process could read.
func (w *World) relay(h *host, at model.Instant, c model.Chunk) {
	if !h.relays {
		return // nobody reads this stream
	}
	via, since, shift := w.via, w.since, w.shift
	if via == nil { // the end of a pause: all that was held back, now
		via = w.streamOf(h)
		since, shift = at, via.pipes[fromAcceptor].flow.arrived-h.srv.Read()
	}
	f, link := &via.pipes[fromAcceptor].flow, via.link
	l := f.before
	from := c.From
	if h.ownStream() {
		shift = w.exec - from
		w.own(h, c.From)
	}
	r := relayed{h: h, f: f, shift: shift, since: since, ps: link.ps, after: link.latency}
	for n := f.log.index(max(from+shift, f.from)); from < c.To; {
		begin := max(from+shift, f.from) // where it was cut its beginning may be forgotten
		for n+1 < len(f.log.segs) && f.log.segs[n].to <= begin {
			n++
		}
		s := &f.log.segs[n]
		if i, j := s.commands(begin, c.To+shift); i < j && begin == from+shift && !w.cfg.PerWrite && (s.even() > 0 || r.tandem(s) != nil || (s.held || s.paced) && s.paces(link.ps)) {
			r.s = s
			r.upToDate(begin, &l)
			switch from = min(s.to, c.To+shift) - shift; {
			case since < at && !via.segments && s.uneven() && r.tandem(s) != nil:
				r.carry(i, j, r.tandem(s), &l)
			case since >= at || via.segments:
				r.since = at
				r.note(i, j, segment{held: true, at: at})
			case !r.goesOn(i, j, &l):
				r.run(i, j, &l)
			}
			continue
		}
		to := min(s.commandEnd(begin)-shift, c.To)
		arrived := at
		if since < at && !via.segments {
			arrived = f.arrivalOf(to-1+shift, &l, link.latency, link.ps)
		}
		var data []byte
		if c.Data != nil {
			data = c.Data[from-c.From : to-c.From]
		}
		h.log.appendOne(from, to, min(at, max(arrived, since)), data)
		h.log.last().quiet = s.quiet
		if len(f.log.asks) > 0 && f.log.asked(to+shift-1) == to+shift {
			h.log.asks = append(h.log.asks, to)
		}
		from = to
	}
	if h.log.crowded() {
		h.log.trim(w.floor(h))
	}
}

// forward hands new stream bytes to the connections that carry the stream. Those before an
// offset were sent before the others came: only what lies behind it is of this turn (0: all).
func (w *World) forward(h *host, at model.Instant, ch *model.Chunk, sent model.Offset) {
	n := ch.Bytes()
	for _, ci := range h.conns {
		c := w.conns[ci]
		p := &c.pipes[fromAcceptor]
		f := &p.flow
		if !f.on || f.src != h.index || f.end != 0 {
			continue
		}
		p.sent += n
		if f.turn != w.turn {
			f.turn, f.unsent = w.turn, ch.From
		}
		f.unsent = max(f.unsent, sent)
		f.next = ch.To
		if len(f.log.asks) > 0 {
			w.watchAsks(c, ch.From)
		}
		if w.listener != nil {
			w.signalAt(at, SignalSent, c, fromAcceptor, Signal{Data: ch.Data, Bytes: n, PS: c.link.ps})
		}
		if ch.Data != nil {
			w.carry(f, ch)
		}
		r := w.hosts[c.dialer]
		if w.segmented {
			w.touch(ci)
			w.touchBelow(r, 0)
		}
		if r.relayAt > 0 { // it may come sooner than was thought
			w.watchRelay(r)
		}
	}
}

// find is the connection that a host calls id, with the side that it is; -1
// when it has ended for that side.
func (w *World) find(h *host, id model.ConnID) (conn int32, side int) {
	for _, ci := range h.conns {
		c := w.conns[ci]
		if c.dialer == h.index && c.ids[fromDialer] == id && !c.told[fromDialer] {
			return ci, fromDialer
		}
		if c.peer == h.index && c.ids[fromAcceptor] == id && !c.told[fromAcceptor] && id != 0 {
			return ci, fromAcceptor
		}
	}
	return -1, 0
}

// sendBytes queues handshake bytes, an ACK or a newline.
func (w *World) sendBytes(ci int32, side int, data []byte) {
	c := w.conns[ci]
	if c.acks.on && side == fromDialer {
		w.fly(c, w.queue.Now(), data)
		return
	}
	if w.listener != nil {
		w.signal(SignalData, c, side, Signal{Data: data})
	}
	p := &c.pipes[side]
	buf := p.spare()
	it := p.put(w.queue.Now(), &item{kind: itemBytes, n: int64(len(data)), ps: c.link.ps, data: append(buf, data...)})
	if w.listener != nil {
		w.signal(SignalSent, c, side, Signal{Data: data, Bytes: it.n, PS: it.ps})
	}
	w.schedule(ci, side, it)
}

// spare is the memory of an item that was delivered, if there is any.
func (p *pipe) spare() []byte {
	if n := len(p.kept); n > 0 {
		b := p.kept[n-1]
		p.kept = p.kept[:n-1]
		return b
	}
	return nil
}

// schedule makes an event of an item's arrival.
func (w *World) schedule(ci int32, side int, it *item) {
	c := w.conns[ci]
	if c.segments {
		w.touch(ci)
		return
	}
	if c.frozen || c.pipes[side].mute {
		return // it waits for the heal
	}
	e := event{kind: evDeliver, side: uint8(side), conn: ci, gen: c.pipes[side].epoch}
	// At once what arrived before and was not told: see cutBulk.
	at := max(psCeil(it.end())+c.link.latency, w.queue.Now())
	if side == fromDialer && it.kind == itemBytes && c.pipes[fromAcceptor].flow.on { // an ACK
		w.queue.PushFirst(at, uint64(c.serial), e)
		return
	}
	w.queue.Push(at, e)
	if it.kind == itemBulk && it.arrived == 0 {
		w.watchFirst(c, it)
	}
	if it.kind == itemBulk && !it.sent && !it.fed {
		e.kind = evSent
		w.queue.Push(psCeil(it.end()), e)
	}
}

// sendSnapshot queues the header line and the payload. A diskless child writes
// no faster than it makes the snapshot.
func (w *World) sendSnapshot(h *host, ci int32, side int, o *model.Output) {
	w.sendBytes(ci, side, o.Data)
	c := w.conns[ci]
	if o.Bytes > 0 && !c.segments {
		w.enlist(h, ci, o)
		return
	}
	p := &c.pipes[side]
	ps := c.link.ps
	n := h.dataset + o.Bytes
	if o.Bytes > 0 { // a trailer: straight from the child
		ps = max(ps, psPerByte(h.cfg.SaveRate))
		p.free = max(p.free, int64(w.queue.Now()+model.Instant(h.cfg.Fork))*1000)
	}
	if r := w.hosts[c.dialer]; side == fromAcceptor && r.alive && r.srv.LoadsFromSocket() { // it reads no faster than it loads
		ps = max(ps, psPerByte(r.cfg.LoadRate))
	}
	c.snapshot = n
	it := p.put(w.queue.Now(), &item{kind: itemBulk, n: n, ps: ps, eof: o.Bytes > 0})
	w.signalAt(psCeil(it.start), SignalSent, c, side, Signal{Bytes: n, PS: ps})
	w.schedule(ci, side, it)
}

// attach begins the stream on a connection.
func (w *World) attach(h *host, ci int32, side int, o *model.Output) {
	c, ch := w.conns[ci], &o.Chunk
	w.signal(SignalStream, c, side, Signal{First: ch.From, Bytes: ch.Bytes()})
	p := &c.pipes[side]
	now := w.queue.Now()
	f := &p.flow
	free := max(int64(now)*1000, p.free)
	*f = flow{on: true, src: h.index, log: h.log, from: ch.From, ready: ch.To, begins: p.sent, next: ch.To, arrived: ch.From - 1, seen: ch.To, lag: free, began: now, turn: w.turn, unsent: ch.From, bytes: f.bytes}
	f.bytes.Reset()
	for i := range o.Held {
		w.carry(f, &o.Held[i])
	}
	p.sent += ch.Bytes()
	if w.listener != nil {
		s := Signal{Bytes: ch.Bytes(), PS: c.link.ps}
		for i := range o.Held {
			s.Data = append(s.Data, o.Held[i].Data...)
		}
		w.signal(SignalSent, c, side, s)
	}
	if c.segments {
		w.touch(ci)
		return
	}
	w.watchAsks(c, ch.From)
	if c.frozen || p.mute {
		w.room(ci, stallNetwork, sendBuffer)
	}
	if r := w.hosts[c.dialer]; r.frozen > 0 || p.bulk() != nil || r.alive && !r.srv.Reads(c.ids[fromDialer]) {
		w.room(ci, stallReader, stoppedReader) // it still receives or loads its snapshot
	}
	if r := w.hosts[c.dialer]; r.alive && r.relays { // it is known now when its own output buffers fill
		w.watchLimit(r)
	}
	w.comesAgain(w.hosts[c.dialer])
}

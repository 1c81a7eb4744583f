package sim

import "psyncsim/model"

// upstreamOf is the connection on which a host receives a stream, if any.
func (w *World) upstreamOf(h *host) *conn {
	for _, ci := range h.conns {
		c := w.conns[ci]
		if c.dialer == h.index && !c.told[fromDialer] && c.up && c.ids[fromDialer] == h.srv.Link() {
			return c
		}
	}
	return nil
}

// streamOf is the connection whose stream a host has read, also one that the
// host has given up in the step that is being obeyed.
func (w *World) streamOf(h *host) *conn {
	for _, ci := range h.conns {
		c := w.conns[ci]
		if c.dialer == h.index && !c.told[fromDialer] && c.up && c.pipes[fromAcceptor].flow.on {
			return c
		}
	}
	panic("sim: what was held back came from nowhere")
}

// channelOf is the other connection on which a host receives something, if any:
// the snapshot of a dual-channel sync.
func (w *World) channelOf(h *host) *conn {
	for _, ci := range h.conns {
		c := w.conns[ci]
		if c.dialer == h.index && !c.told[fromDialer] && c.up && c.ids[fromDialer] != h.srv.Link() {
			return c
		}
	}
	return nil
}

// hear delivers what has arrived at a host by t on all connections that it
// dialed, in the order in which it came.
func (w *World) hear(h *host, t model.Instant) {
	if h.srv.IsMaster() {
		return
	}
	c, second := w.upstreamOf(h), w.channelOf(h)
	if second == nil {
		if c != nil {
			w.hearFrom(h, c, t)
		}
		return
	}
	bulk := w.arrivals(h, second, t)
	if c == nil {
		w.take(h, bulk)
		return
	}
	stream := w.arrivals(h, c, t)
	gens := [2]uint32{c.gen, second.gen}
	if bulk.c != nil && bulk.at < stream.at {
		w.take(h, bulk)
		bulk.c = nil
	}
	if c.gen == gens[0] && !c.told[fromDialer] {
		w.take(h, stream)
	}
	if second.gen == gens[1] && !second.told[fromDialer] {
		w.take(h, bulk)
	}
}

// hearFrom delivers what has arrived at a host by t on its only connection to its master.
func (w *World) hearFrom(h *host, c *conn, t model.Instant) {
	p := &c.pipes[fromAcceptor]
	if !p.flow.on || p.fin || c.frozen || p.mute || c.segments || p.head < len(p.items) || !h.srv.Reads(c.ids[fromDialer]) {
		w.take(h, w.arrivals(h, c, t))
		return
	}
	if w.consult(w.hosts[p.flow.src], t); !w.hearsOn(h, c, t) {
		w.take(h, w.streamed(h, c, t))
	}
}

// arrival is what has arrived on a connection; c is nil when nothing has.
type arrival struct {
	c  *conn
	at model.Instant // when its last byte did
	to model.Offset  // stream up to here, or
	n  int64         // so many bytes of the snapshot

	until model.Instant // of stream: when it was asked, and
	lag   lagged        // what the flow knew before
}

// arrivals is what has arrived at the dialer of c by t and was not told:
// progress of a snapshot, or stream.
func (w *World) arrivals(h *host, c *conn, t model.Instant) (a arrival) {
	p := &c.pipes[fromAcceptor]
	if c.frozen || p.mute || !h.srv.Reads(c.ids[fromDialer]) {
		return a
	}
	if c.segments {
		return w.segmentArrivals(h, c, t)
	}
	if p.head < len(p.items) {
		return w.progress(c, p, t)
	}
	f := &p.flow
	if !f.on {
		return a
	}
	if !p.fin {
		w.consult(w.hosts[f.src], t)
	}
	return w.streamed(h, c, t)
}

// streamed is what has arrived of the stream, of which all is known that was written by t.
func (w *World) streamed(h *host, c *conn, t model.Instant) (a arrival) {
	f := &c.pipes[fromAcceptor].flow
	o := f.arrivedBy(t, c.link.latency, c.link.ps)
	if to := h.srv.TakesTo(c.ids[fromDialer]); to > 0 { // what is behind that stays in the socket
		o = min(o, to)
	}
	o = w.untilCut(c, fromAcceptor, f.arrived, o)
	if o <= f.arrived {
		return a
	}
	a = arrival{c: c, until: t, to: o, lag: f.before}
	l := f.before
	a.at = min(t, f.arrivalOf(o, &l, c.link.latency, c.link.ps))
	return a
}

// watchAsks makes events of the arrival of the GETACKs that a flow carries from an
// offset on: they are answered when they come.
func (w *World) watchAsks(c *conn, from model.Offset) {
	f := &c.pipes[fromAcceptor].flow
	if !f.on || c.frozen || c.segments {
		return
	}
	h := w.hosts[c.dialer]
	for a := f.log.asked(from); a > 0 && a <= f.next; a = f.log.asked(a) {
		lag := f.lag
		if f.seen < a {
			lag = f.log.lag(f.seen, a, f.from, c.link.ps, lag)
		}
		at := psCeil(int64(a-f.from)*c.link.ps+lag) + c.link.latency
		w.queue.Push(max(at, w.queue.Now()), event{kind: evLimit, host: int32(h.index), gen: h.gen})
	}
}

// lastStep is the least instant at which the host may be stepped.
func (h *host) lastStep() model.Instant { return h.srv.Now() }

// take hands what has arrived to its host: stream in pieces that end with a
// GETACK, for that one is answered.
func (w *World) take(h *host, a arrival) {
	if a.c == nil {
		return
	}
	c := a.c
	p := &c.pipes[fromAcceptor]
	if a.to == 0 {
		p.items[p.head].arrived += a.n
		p.delivered += a.n
		w.in = model.Input{Kind: model.InBulk, Conn: c.ids[fromDialer], Bytes: a.n}
		w.step(h, max(a.at, h.lastStep()))
		return
	}
	f, l, gen := &p.flow, a.lag, c.gen
	for f.arrived < a.to {
		to, asks := a.to, false
		if w.cfg.Bytes && !h.srv.HasAOF() { // as much as lies in one piece; what goes into a file at once does so as one
			to = min(to, f.bytes.Piece(f.arrived+1).To-1)
		}
		to, torn := h.untilTorn(f, to)
		if g := f.log.asked(f.arrived + 1); g > 0 && g-1 <= to && !torn {
			to, asks = g-1, true
		}
		if h.ownStream() { // what it passes on is only what it writes itself
			if n, _ := f.log.alike(f.arrived+1, to); n < to {
				to, asks = n, false
			}
		}
		at := a.at
		if !c.segments {
			at = min(a.until, f.arrivalOf(to, &l, c.link.latency, c.link.ps))
		}
		w.takeTo(h, c, to, max(at, h.lastStep()), asks)
		if !c.live || c.gen != gen || c.told[fromDialer] || !f.on || !h.alive {
			return
		}
	}
}

// carry keeps the bytes of a chunk for those who read them.
func (w *World) carry(f *flow, ch *model.Chunk) {
	if w.atMost == 0 {
		f.bytes.Append(*ch)
		return
	}
	page := w.copies.Take(len(ch.Data))
	for data := page.Write(func(b []byte) []byte { return append(b, ch.Data...) }); len(data) > 0; {
		n := min(len(data), w.atMost)
		at := ch.To - model.Offset(len(data))
		f.bytes.Append(model.Chunk{From: at, To: at + model.Offset(n), Data: data[:n:n], Page: page})
		data = data[n:]
	}
	page.Release()
}

// oneAfterOther is the bytes of a chunk in one page, which is held: the one in which they
// lie, or a copy of those that lie in several.
func (w *World) oneAfterOther(from *model.Store, ch model.Chunk) ([]byte, *model.Page) {
	n := int(ch.Bytes())
	piece := from.Piece(ch.From)
	if n <= len(piece.Data) {
		piece.Page.Hold()
		return piece.Data[:n], piece.Page
	}
	page := w.copies.Take(n)
	return page.Write(func(b []byte) []byte {
		b = b[:n]
		from.Read(ch.From, b)
		return b
	}), page
}

// takeTo hands the stream bytes up to o to a replica.
func (w *World) takeTo(h *host, c *conn, o model.Offset, at model.Instant, asks bool) {
	f := &c.pipes[fromAcceptor].flow
	ch := model.Chunk{From: f.arrived + 1, To: o + 1, Bound: f.log.bound(o, f.arrived+1)}
	if w.cfg.Bytes {
		ch.Data, ch.Page = w.oneAfterOther(&f.bytes, ch)
		defer ch.Page.Release() // when this step is over
		w.compare(f, ch)
		f.bytes.Drop(ch.To)
	}
	f.arrived = o
	c.pipes[fromAcceptor].delivered += ch.Bytes()
	if w.listener != nil {
		w.signal(SignalTaken, c, fromAcceptor, Signal{First: ch.From, Bytes: ch.Bytes(), Data: ch.Data})
	}
	if !asks && w.takes(h, c, ch, at) {
		return
	}
	w.in = model.Input{Kind: model.InStream, Conn: c.ids[fromDialer], Chunk: ch, Commands: f.log.changes(ch.From, ch.To), Asks: asks}
	torn := h.tornAt(f, ch.From)
	if torn > 0 {
		w.in.Commands = 0
	}
	if h.srv.Buffers(c.ids[fromDialer]) { // it is no part of its history before its snapshot is
		w.step(h, at)
		return
	}
	w.via, w.since, w.shift = c, h.lastStep(), ch.From-(h.srv.Read()+1)
	first := h.srv.Processed() + 1 + w.shift // of the oldest command that the chunk may end
	if h.ownStream() {
		first = max(h.srv.Executed()+1+w.shift, h.torn)
	} else if torn > 0 {
		h.passTorn(ch.From-w.shift, torn-w.shift)
	}
	w.in.Torn = max(torn, h.tornAt(f, first))
	if (h.srv.Paused() || h.srv.Brittle() || h.srv.TellsFsync()) && w.in.Torn == 0 {
		w.in.Quiet = f.log.quiet(first, o)
	}
	if h.torn == ch.From { // nothing of it is left, nor of what the replica had of another command
		w.in.Torn = h.torn
	}
	if w.in.Commands > 0 && h.srv.HasAOF() {
		w.in.Last, w.in.Changed = f.log.changed(first, ch.To)
		w.in.Last -= w.shift
	}
	w.follow(h, f.log, ch, w.shift)
	if h.ownStream() {
		if _, quiet := f.log.alike(ch.From, o); quiet || torn > 0 {
			w.in.Quiet = o + 1
		}
		w.exec = first
	}
	if f.log.long && h.cfg.Profile.Backlog == model.Blocks && ch.Bound > ch.From {
		if w.in.Pieces = f.log.commands(w.pieces[:0], h.srv.Processed()+1+w.shift, ch.Bound); w.in.Pieces != nil {
			w.pieces = w.in.Pieces
		}
	}
	w.step(h, at)
	w.via = nil
}

// progress is how much of a snapshot has arrived: the timers of its receiver
// hang on the last byte heard.
func (w *World) progress(c *conn, p *pipe, t model.Instant) (a arrival) {
	it := &p.items[p.head]
	if it.kind != itemBulk {
		return a
	}
	served := int64(t-c.link.latency)*1000 - it.start
	if served <= 0 {
		return a
	}
	n := it.n
	if it.ps > 0 {
		n = min(it.n, served/it.ps)
	}
	if n = min(n, it.n-1); n <= it.arrived { // the last byte is an event
		return a
	}
	return arrival{c: c, at: psCeil(it.start+n*it.ps) + c.link.latency, n: n - it.arrived}
}

package sim

import (
	"fmt"
	"slices"
	"sort"
	"time"

	"psyncsim/model"
)

// A replica that follows its master's stream sends an ACK once a second, and the
// master notes it. Where nobody can see when they come they are no events: a lane
// remembers from which cron turn on they were left out. Before anybody looks, the
// turns are played that still matter: the one whose ACK arrived last, and those whose
// ACKs are on their way. The others only count as bytes.
//
// A lane is opened when an ACK has arrived and the connection carries nothing else
// (fold), and closed before anything happens to the connection or to what its servers do
// about ACKs (unfold): then what is on its way is made into items of the pipe. Opening
// and closing changes no fact. Config.EveryTick opens none.

// ackLane is the ACKs of a connection that are no events.
type ackLane struct {
	on     bool
	bytes  int64 // of one ACK, when it was last seen
	flying []flyingACK
	landed flyingACK // the last that arrived, if it is still to be told
	untold bool
}

// flyingACK is an ACK on its way.
type flyingACK struct {
	start   int64         // picoseconds: when its service begins
	arrives model.Instant //
	ends    int64         // bytes of the pipe up to its end
	n       int
	data    [longestACK]byte
}

// longestACK is the length of an ACK with the largest offset there is.
const longestACK = 64

// fold opens the lane of a connection on which an ACK of so many bytes has just arrived,
// if it can be.
func (w *World) fold(ci int32, bytes int64) {
	c := w.conns[ci]
	r, m := w.hosts[c.dialer], w.hosts[c.peer]
	if !w.folds || c.acks.on || !w.plain(c) || !w.quiet(r) || !m.alive || m.frozen > 0 || !m.srv.NotesAcks(c.ids[fromAcceptor]) {
		return
	}
	// A command that comes to a limit would close the connection, and its end tells of the last ACK.
	if !m.srv.LimitsAbove(4*w.longest+1<<18) || w.upstreamOf(r) != c || w.channelOf(r) != nil {
		return
	}
	c.acks.on, c.acks.bytes = true, bytes
	r.folded, r.ackAt = ci+1, r.srv.AckDue()
	m.lanes++
	m.srv.Assure(c.ids[fromAcceptor], true)
	r.srv.Assure(c.ids[fromDialer], m.srv.Patient(r.srv))
	w.rearm(r)
	w.rearm(m)
}

// plain says that a connection carries the stream one way and can carry nothing but
// ACKs the other, each of which arrives before the next one is sent.
func (w *World) plain(c *conn) bool {
	there, back := &c.pipes[fromDialer], &c.pipes[fromAcceptor]
	return c.up && !c.segments && !c.frozen && !c.cut && !there.mute && !back.mute && !there.fin && !back.fin &&
		there.head == len(there.items) && back.head == len(back.items) && back.flow.on && !c.told[0] && !c.told[1] && c.ids[fromAcceptor] != 0 &&
		c.link.latency > 0 && !c.link.quotas[0].on && !c.link.quotas[1].on && c.link.ps*longestACK < int64(time.Second)*500
}

// quiet says that a replica does nothing at a turn at which it sends an ACK but that.
func (w *World) quiet(r *host) bool {
	return r.alive && r.frozen == 0 && r.folded == 0 && !r.srv.TellsFsync() && r.srv.AckDue() != model.Never && r.srv.Calm() && (!r.ownStream() || r.src == nil)
}

// acksUpto plays the turns before an instant of a host whose ACKs are no events. If it is
// being brought there, it may come to know all that happened to it until then.
func (w *World) acksUpto(r *host, t model.Instant, bring bool) {
	c := w.conns[r.folded-1]
	period := r.srv.AckPeriod()
	last := r.ackAt + (t-1-r.ackAt)/period*period
	first := last
	for landed := t - c.link.latency - psCeil(c.link.ps*longestACK); first > r.ackAt && first > landed; {
		first -= period
	}
	asked := r.asked
	r.asked = true
	if t > r.done {
		w.consult(w.hosts[c.pipes[fromAcceptor].flow.src], t) // once for all of them
	}
	r.hold()
	if w.onlyAcks(r, c) {
		until := last
		if bring {
			until = t
		}
		w.tellAcks(r, c, first, last, until)
	}
	for r.folded > 0 && r.ackAt <= last {
		if r.ackAt < first {
			w.skipAcks(r, c, first)
		}
		at := r.ackAt
		if at < r.done {
			w.ack = model.AppendACK(w.ack[:0], w.ackedAt(r, at))
			w.fly(c, at, w.ack)
			r.srv.PassAckTurn(at)
			r.ackAt += period
			continue
		}
		if r.done < at {
			if r.src != nil && r.srv.Refuses() { // what it refuses is counted before it goes on
				w.between(r, at)
			}
			w.hear(r, at)
			r.done = at
		}
		w.sendACK(r, c, at)
	}
	if r.ackAt >= r.done {
		r.ackFrom = 0
	}
	r.asked = asked
	w.letGo(r)
}

// onlyAcks says that what a host does of its own is to send ACKs of what it has heard, and
// that it is the same to it whether it hears that at once or in parts.
func (w *World) onlyAcks(r *host, c *conn) bool {
	f := &c.pipes[fromAcceptor].flow
	return f.end == 0 && len(f.log.asks) == 0 && !f.log.long && r.src == nil && !r.relays && !w.cfg.Bytes && !r.ownStream() &&
		!r.resumes && !r.expiring && !r.stuck && !r.srv.TellsFsync() && r.srv.OnlyFollows()
}

// tellAcks plays the turns up to the last one of such a host, those before the first by their
// number alone: what each ACK says follows from what had arrived by then. Then the host
// hears all that arrives by an instant.
func (w *World) tellAcks(r *host, c *conn, first, last, until model.Instant) {
	f := &c.pipes[fromAcceptor].flow
	known, turn := lagged{f.seen, f.lag}, r.ackAt
	for r.ackAt <= last {
		if r.ackAt < first {
			w.skipAcks(r, c, first)
		}
		turn = r.ackAt
		done := r.srv.Processed()
		if next := f.log.bound(f.arrivedBy(turn, c.link.latency, c.link.ps), f.arrived+1); next > f.arrived+1 {
			done = next - 1
		}
		w.ack = model.AppendACK(w.ack[:0], done)
		w.fly(c, turn, w.ack)
		r.ackAt = turn + r.srv.AckPeriod()
	}
	if r.done < until {
		a := w.arrivals(r, c, until)
		a.lag = known
		w.take(r, a)
		r.done = until
	}
	r.srv.PassAckTurn(turn)
}

// ackedAt is the byte up to which a relay that has heard more since had processed its stream
// at an instant: it passed it on.
func (w *World) ackedAt(r *host, at model.Instant) model.Offset {
	return r.log.written(at, r.ackFrom)
}

// skipAcks counts the ACKs before that of a turn, all of which have been overtaken: as many
// as are as long as the last one, for the master had not written so much by then that one
// could be longer.
func (w *World) skipAcks(r *host, c *conn, first model.Instant) {
	f := &c.pipes[fromAcceptor].flow
	period := r.srv.AckPeriod()
	most := int((first - r.ackAt) / period)
	if first-period > r.done {
		w.consult(w.hosts[f.src], first)
	}
	longer := func(i int) bool {
		at := r.ackAt + model.Instant(i)*period
		if at < r.done {
			return model.ACKLength(w.ackedAt(r, at)) != c.acks.bytes
		}
		return model.ACKLength(f.log.written(at, f.from)) != c.acks.bytes
	}
	n := most
	if longer(n - 1) {
		n = sort.Search(n, longer)
	}
	p := &c.pipes[fromDialer]
	p.sent += int64(n) * c.acks.bytes
	p.delivered += int64(n) * c.acks.bytes
	r.ackAt += model.Instant(n) * period
}

// sendACK plays one turn, which does nothing but send an ACK.
func (w *World) sendACK(r *host, c *conn, at model.Instant) {
	w.ackIn.Kind = model.InWake
	outs := r.srv.Step(at, &w.ackIn)
	if len(outs) != 1 || outs[0].Kind != model.OutSend || outs[0].Conn != c.ids[fromDialer] {
		panic("sim: a folded cron turn did more than send an ACK")
	}
	w.fly(c, at, outs[0].Data)
	r.ackAt = at + r.srv.AckPeriod()
}

// fly sends an ACK on its way.
func (w *World) fly(c *conn, at model.Instant, data []byte) {
	p := &c.pipes[fromDialer]
	a := flyingACK{start: max(int64(at)*1000, p.free)}
	if a.n = copy(a.data[:], data); a.n < len(data) {
		panic("sim: an ACK of " + itoa(int64(len(data))) + " bytes")
	}
	p.free = a.start + int64(a.n)*c.link.ps
	a.arrives = psCeil(p.free) + c.link.latency
	p.sent += int64(a.n)
	p.flying += int64(a.n)
	a.ends = p.sent
	c.acks.bytes = int64(a.n)
	c.acks.flying = append(c.acks.flying, a)
}

// landAcks lets ACKs arrive that have by now.
func (w *World) landAcks(c *conn, now model.Instant) {
	l, n := &c.acks, 0
	for ; n < len(l.flying) && l.flying[n].arrives <= now; n++ {
		c.pipes[fromDialer].delivered += int64(l.flying[n].n)
		c.pipes[fromDialer].flying -= int64(l.flying[n].n)
	}
	if n > 0 {
		l.landed, l.untold = l.flying[n-1], true
		l.flying = slices.Delete(l.flying, 0, n)
	}
}

// settleAcks lets a master know of the ACKs that have arrived on a connection by now.
func (w *World) settleAcks(ci int32) {
	c, now := w.conns[ci], w.queue.Now()
	if !c.acks.on {
		return
	}
	if r := w.hosts[c.dialer]; r.ackAt < now {
		w.acksUpto(r, now, false)
	}
	if w.landAcks(c, now); !c.acks.untold {
		return
	}
	c.acks.untold = false
	m := w.hosts[c.peer]
	a := &c.acks.landed
	w.ackIn = model.Input{Kind: model.InAcks, Conn: c.ids[fromAcceptor], Data: a.data[:a.n], Since: a.arrives}
	if outs := m.srv.Step(m.srv.Now(), &w.ackIn); len(outs) > 0 {
		panic("sim: a folded ACK did more than be noted")
	}
	w.ackIn = model.Input{}
}

// settleAllAcks lets a host know of all ACKs that have arrived.
func (w *World) settleAllAcks(m *host) {
	for i := 0; i < len(m.conns) && m.lanes > 0; i++ {
		if w.conns[m.conns[i]].peer == m.index {
			w.settleAcks(m.conns[i])
		}
	}
}

// unfold closes a lane: its ACKs are events again.
func (w *World) unfold(ci int32) {
	c := w.conns[ci]
	if !c.acks.on {
		return
	}
	w.settleAcks(ci)
	r, p := w.hosts[c.dialer], &c.pipes[fromDialer]
	c.acks.on = false
	r.folded, r.ackAt, r.ackFrom = 0, model.Never, 0
	m := w.hosts[c.peer]
	m.lanes--
	m.srv.Assure(c.ids[fromAcceptor], false)
	r.srv.Assure(c.ids[fromDialer], false)
	if p.head == len(p.items) {
		p.items, p.head = p.items[:0], 0
	}
	for i := range c.acks.flying {
		a := &c.acks.flying[i]
		p.items = append(p.items, item{kind: itemBytes, n: int64(a.n), start: a.start, ps: c.link.ps, ends: a.ends, data: slices.Clone(a.data[:a.n])})
		w.schedule(ci, fromDialer, &p.items[len(p.items)-1])
	}
	p.flying, c.acks.flying = 0, c.acks.flying[:0]
	for _, h := range [2]*host{r, m} {
		if h.alive && h.frozen == 0 {
			w.rearm(h)
		}
	}
}

// unfoldAll closes the lanes from and to a host.
func (w *World) unfoldAll(h *host) {
	if h.folded > 0 {
		w.unfold(h.folded - 1)
	}
	w.unfoldTo(h)
}

// unfoldTo closes the lanes to a host.
func (w *World) unfoldTo(h *host) {
	for i := 0; i < len(h.conns) && h.lanes > 0; i++ {
		if w.conns[h.conns[i]].peer == h.index {
			w.unfold(h.conns[i])
		}
	}
}

// unfoldLink closes the lanes over a link.
func (w *World) unfoldLink(l *link) {
	for i, c := range w.conns {
		if c.live && c.link == l {
			w.unfold(int32(i))
		}
	}
}

// beforeStep lets a host know what the step that it is about to take may look at.
func (w *World) beforeStep(h *host, at model.Instant) {
	if h.ackAt < at && h.folded > 0 {
		panic(fmt.Sprint("sim: a server went past a turn at which it sends an ACK ", h.cfg.Name, " ", h.ackAt, " ", at, " ", h.done, " ", w.queue.Now(), " ", w.in.Kind, " ", h.asked, h.srv.AckDue()))
	}
	switch w.in.Kind {
	case model.InAppend, model.InStream, model.InSent, model.InSnapshotDone, model.InUp, model.InAccept:
		return
	case model.InWake:
		if h.lanes == 0 || !h.srv.LooksAtAcks() {
			return
		}
	case model.InData, model.InDown:
		if h.lanes == 0 || !h.srv.MindsAcks(&w.in) { // the lane of the connection itself is closed
			return
		}
	case model.InBulk, model.InLoaded, model.InSnapshotHeld:
	default:
		if h.folded > 0 || h.lanes > 0 {
			in := w.in
			w.unfoldAll(h)
			w.in = in
		}
		return
	}
	if h.lanes > 0 {
		in := w.in
		w.settleAllAcks(h)
		w.in = in
	}
}

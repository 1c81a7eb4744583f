package risk

import (
	"psyncsim/model"
	"psyncsim/sim/trace"
)

// Played is what one run of one outage came to.
type Played struct {
	Outage
	Partials, Fulls int64  // verdicts about the replica since the outage began
	Why             string // of the first full one: the verdict's reason
	Closed          [2]int64
	Lost            string // why the replica's first link ended; "" if it did not
	Ready           bool   // before the outage the replica followed its master
	Settled         bool   // at the end it follows again and has all that was written until the last verdict
	Behind          int64  // bytes that it lacks at the end
	Fails           int64  // full synchronizations that broke off
	Buffer          int64  // bytes that the master held for the replica when it began to send them, the most
	Caught          int64  // ns from the first verdict until it had all that was written till then; 0 if that is not known
}

// The limits that close a replica's connection.
const (
	Hard = iota
	Soft
)

// Watch folds a run of one outage. It can be used again and again.
type Watch struct {
	at, end model.Instant // of the fault
	replica string        // the one that is watched
	master  string
	heir    string // who is the master behind the outage
	first   string // whose link says, before it, that all is well
	asks    bool   // the outage cannot end without a verdict

	p                   Played
	began               bool // the outage has
	up                  bool
	full                bool // a full synchronization is under way
	lostAt              model.Instant
	atCut, atEnd, atOff int64 // what the master had written when the outage began and ended, and when the link was given up
	mro                 int64 // at the last verdict
	firstAt             model.Instant
	last                *model.Info // of the master, and of the replica
	own                 *model.Info
}

// Reset prepares for a run: an outage of a replica from at to end.
func (w *Watch) Reset(master, replica string, at, end int64) {
	*w = Watch{master: master, replica: replica, heir: master, first: replica, at: model.Instant(at), end: model.Instant(end), lostAt: -1, atOff: -1, atEnd: -1}
}

// Process says that a process ends, or the master changes: a verdict must come,
// about watched, by heir. Where watched is the old master the replica before the
// outage is the heir.
func (w *Watch) Process(watched, heir string) {
	w.asks, w.heir, w.replica, w.first = true, heir, watched, watched
	if watched == w.master {
		w.first = heir
	}
}

// follower is whose link counts now.
func (w *Watch) follower() string {
	if w.began {
		return w.replica
	}
	return w.first
}

// Observe takes one record. Runs are to tell marks (sim.Config.Marks).
func (w *Watch) Observe(r *trace.Record) {
	e := &r.Event
	switch e.Kind {
	case trace.Sampled:
		w.sampled(r)
	case trace.Asked: // a silence was over, though its connection did not know
		if r.Node == w.heir && r.At == w.end {
			w.atEnd = int64(r.Event.Info.MRO)
		}
	case model.EvStopped, trace.Killed:
		if r.Node == w.follower() {
			w.lose(r.At, "restart")
		}
	case model.EvOnline, model.EvContinued:
		if r.Node == w.follower() {
			w.up, w.full = true, false
		}
	case model.EvLost:
		if r.Node == w.follower() {
			w.lose(r.At, e.Why.String())
		}
	case model.EvAbandoned:
		if r.Node == w.replica && w.full {
			w.p.Fails, w.full = w.p.Fails+1, false
		}
	case model.EvPeerGone:
		if e.Peer == w.replica {
			w.gone(e.Why)
		}
	case model.EvPeerOnline:
		if e.Peer == w.replica {
			w.p.Buffer = max(w.p.Buffer, e.Bytes)
		}
	case model.EvJudged:
		if e.Peer == w.replica && w.began {
			w.judged(r)
		}
	case model.EvInfo:
		w.info(r)
	}
}

func (w *Watch) sampled(r *trace.Record) {
	if r.Node == w.replica {
		w.caught(r.At, int64(r.Event.Offset))
	}
	mro := int64(r.Event.MRO)
	if r.Node == w.master && r.At == w.at {
		w.atCut = mro
		if !w.began {
			w.began, w.p.Ready = true, w.up || w.lostAt == w.at
			w.up = w.up && w.first == w.replica
		}
	}
	if r.Node != w.heir {
		return
	}
	if r.At == w.end && w.end > w.at {
		w.atEnd = mro
	}
	if r.At == w.lostAt {
		w.atOff = mro
	}
}

// caught notes when the replica has what was written until its first verdict.
func (w *Watch) caught(at model.Instant, offset int64) {
	if w.firstAt > 0 && w.up && w.p.Caught == 0 && offset >= w.mro {
		w.p.Caught = int64(at - w.firstAt)
	}
}

func (w *Watch) lose(at model.Instant, why string) {
	up := w.up
	w.up, w.full = false, false
	if at >= w.at && w.lostAt < 0 && (w.began || up) {
		w.lostAt, w.p.Lost = at, why
	}
}

func (w *Watch) gone(why model.Why) {
	switch why {
	case model.WhyHardLimit:
		w.p.Closed[Hard]++
	case model.WhySoftLimit:
		w.p.Closed[Soft]++
	}
}

func (w *Watch) judged(r *trace.Record) {
	e := &r.Event
	w.mro = int64(e.MRO)
	if w.firstAt == 0 {
		w.firstAt = r.At
		w.p.Away = int64(r.At - w.at)
	}
	w.p.Resyncs++
	if e.Full {
		if w.p.Fulls++; w.p.Fulls == 1 {
			w.p.Why = e.Why.String()
		}
		w.full = true
		return
	}
	w.p.Partials++
	if e.Gap > w.p.Need || w.p.Partials == 1 {
		w.p.Need = e.Gap
		w.split(r.At, e.Gap)
	}
}

// split divides a gap into its terms by what was written between the moments.
func (w *Watch) split(at model.Instant, gap int64) {
	p := &w.p
	during, off := w.atEnd, w.atOff
	if during < 0 || at < w.end {
		during = w.mro
	}
	if off < 0 {
		off = during
	}
	p.During = during - w.atCut
	p.Detection = max(off-during, 0)
	p.Reconnect = w.mro - max(off, during)
	p.Lag = gap - p.During - p.Detection - p.Reconnect
	for _, term := range []*int64{&p.Reconnect, &p.Detection, &p.During} { // what was on the way when it was cut had arrived after all
		if p.Lag >= 0 {
			break
		}
		d := min(*term, -p.Lag)
		*term, p.Lag = *term-d, p.Lag+d
	}
}

func (w *Watch) info(r *trace.Record) {
	switch r.Node {
	case w.heir:
		w.last = r.Event.Info
	case w.replica:
		w.own = r.Event.Info
	}
	if w.last == nil || w.own == nil {
		return
	}
	have, need := int64(w.own.SlaveReplOffset), w.mro
	if w.firstAt == 0 {
		need = max(w.atEnd, w.atCut)
	}
	w.p.Behind = int64(w.last.MRO) - have
	w.p.Settled = w.up && w.own.LinkUp && have >= need && (w.firstAt > 0 || !w.asks)
}

// waits is how much of the stream may be on its way to a replica that has all, bytes.
const waits = 1 << 20

// Bridged says that nothing can come of the outage any more: no link was lost, what was
// written meanwhile is where it belongs, and both ends have heard of each other within the
// last two seconds, by what they say of themselves at the end of a run that goes on
// behind the outage for longer than that.
func (w *Watch) Bridged() bool {
	if w.p.Lost != "" || !w.p.Settled || w.p.Behind > waits || w.own.LastIOSeconds > 1 || len(w.last.Slaves) == 0 {
		return false
	}
	for i := range w.last.Slaves {
		if w.last.Slaves[i].Lag > 1 {
			return false
		}
	}
	return true
}

// mostClosed is how often a replica may be closed by an output buffer limit
// before nobody waits any longer: it comes back and is closed again for ever.
const mostClosed = 20

// Stuck says that the replica is closed by its output buffer limit again and
// again. What comes after that is more of it.
func (w *Watch) Stuck() bool { return w.p.Closed[Hard]+w.p.Closed[Soft] >= mostClosed }

// Played is what the run came to.
func (w *Watch) Played() Played {
	p := w.p
	p.Lasted = int64(w.end - w.at)
	if w.lostAt >= 0 {
		p.Noticed = int64(w.lostAt - w.at)
	}
	return p
}

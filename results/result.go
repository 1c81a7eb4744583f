// Package results turns traces into rows, rows into files and tables, and
// judges the sizing rule 2 × seconds × write rate by them.
//
// A [Collector] folds one run's trace into a [Run]; nothing else of a run is
// looked at. A [Writer] streams runs, in the order of the sweep, into runs.csv
// (a row a run), resyncs.csv (a row a reconnect) and, at its end, summary.json
// (what made them, and sums per point over the seeds). [Open] reads them back,
// so that tables and charts are made again without running anything.
//
// Numbers are whole (bytes, nanoseconds, bytes a second) and are printed
// exactly. Fractions begin here: a share is one division and is written with
// six digits; the ends of an interval pass through the library of special
// functions, whose last bits differ between machines, and are written with
// four.
package results

import (
	"sort"
	"strings"

	"psyncsim/model"
	"psyncsim/sim/trace"
)

// Axis is one direction of a sweep. Unit is that of its numbers: "bytes",
// "bytes_per_s", "s" (the values are then nanoseconds), or "" for a plain number
// or a word.
type Axis struct {
	Name string `json:"name"`
	Unit string `json:"unit,omitempty"`
}

// Value is where a run stands on one axis.
type Value struct {
	Name, Unit string
	Text       string // a word such as "reset"; "" for a number
	Number     int64  // bytes, bytes a second, nanoseconds, or a count
}

// Meta is what a run was asked to do, as far as results need it.
type Meta struct {
	Index     int     // place in the sweep, from 0
	Point     []Value // one value per axis, in the order of the axes
	Seed      uint64
	Backlog   int64  // repl-backlog-size of the master, bytes
	WriteRate int64  // mean bytes a second of the master's stream
	Outage    int64  // of the first fault, nanoseconds; 0 without one
	Fault     string // its kind; "" without one
	Version   string // of the master
}

// Resync is one verdict of a master about a replica's request.
type Resync struct {
	T               int64 // when, nanoseconds of virtual time
	Replica, Master string
	Request, Reply  string
	Kind            string // Full or Partial
	Reason          string // why a full one was full
	Gap             int64  // bytes the replica had missed
	Down            int64  // since the replica lost its old link, ns; 0 when it had none
	Silence         int64  // since it last heard from that link, ns
	First           bool   // the first synchronization in this run of a replica that never was a master of others
}

// The kinds of resynchronization.
const (
	Full    = "full"
	Partial = "partial"
)

// Reasons counts full resynchronizations by why they were; see [ReasonNames].
type Reasons [len(reasons) + 1]int64

// ReasonNames names what Reasons counts.
func ReasonNames() []string {
	names := make([]string, 0, len(reasons)+1)
	for _, w := range reasons {
		names = append(names, w.String())
	}
	return append(names, "other")
}

func reasonIndex(name string) int {
	for i, w := range reasons {
		if w.String() == name {
			return i
		}
	}
	return len(reasons)
}

// Row is what runs.csv keeps of a run. Reconnects are all verdicts but each
// replica's first.
type Row struct {
	Meta
	Reconnects    int64
	Fulls         int64
	Partials      int64
	Reasons       Reasons // of the full reconnects
	GapMax        int64   // bytes, over the reconnects
	DownMax       int64   // nanoseconds, over the reconnects
	SyncFull      int64   // INFO of the first server that ends as a master
	SyncPartialOK int64
	SyncPartialNo int64 // sync_partial_err
	Fingerprint   string
	Warnings      []string // what a reader of the row should know
}

// ServerInfo is the INFO of one server at the end of a run.
type ServerInfo struct {
	Name string
	*model.Info
}

// AskedInfo is the INFO of one server in the middle of a run.
type AskedInfo struct {
	At int64 // ns
	ServerInfo
}

// Run is everything folded from one trace.
type Run struct {
	Row
	Resyncs []Resync
	Infos   []ServerInfo
	Asked   []AskedInfo
	Orders  Orders
}

// Orders counts what became of orders of operators and clients.
type Orders struct {
	Failovers int64 // FAILOVERs that came to their end
	Aborted   int64 // and those that did not
	WaitAcks  int64 // the least that a WAIT was answered with; -1 without one
	AOFLocal  int64 // the least that a WAITAOF counted of the server itself; -1 without one
	AOFAcks   int64 // and of its replicas
	Errors    int64 // orders that were answered with an error
	Refused   int64 // writes that were refused, for whatever reason
	NoRequest int64 // what clients said and was answered with an error
	HungUp    int64 // and that on which the server closed the connection
	Diverged  int64 // times that a replica was let to continue over another history than its own
}

// The warnings a collector gives by itself.
const (
	WarnNoReconnect = "no-reconnect" // there was an outage, but nobody reconnected
	WarnDownAtEnd   = "down-at-end"  // a replica was without its master when the run ended
	WarnUnended     = "unended"      // the trace has no end: the run broke off
	WarnRefused     = "refused"      // writes were refused: the stream has less than the load
	WarnDiverged    = "diverged"     // a replica was let to continue over another history than its own, as real servers up to 3.2 do
)

// Collector is a watcher that folds a run's trace into one row. It can be used
// again and again.
type Collector struct {
	meta     Meta
	print    *Fingerprint
	resyncs  []Resync
	infos    []ServerInfo
	asked    []AskedInfo
	orders   Orders
	index    map[string]int // a server's place in replicas
	replicas []replica
	ended    bool
	run      Run // memory of Fold
}

// replica is what is known of a server that may be one.
type replica struct {
	judged bool // it has had a verdict
	served bool // it has given one: it has a history of its own to lose
	linked bool // it follows a master
	down   bool // it lost its link at lost, having heard from it at heard
	lost   model.Instant
	heard  model.Instant
}

// NewCollector makes a collector for one run.
func NewCollector(m Meta) *Collector {
	return &Collector{meta: m, print: NewFingerprint(), orders: noOrders, index: make(map[string]int)}
}

// Reset makes it ready for another run.
func (c *Collector) Reset(m Meta) {
	c.meta = m
	c.print.Reset()
	c.resyncs, c.infos, c.asked, c.replicas = c.resyncs[:0], c.infos[:0], c.asked[:0], c.replicas[:0]
	c.orders = noOrders
	clear(c.index)
	c.ended = false
}

func (c *Collector) server(name string) *replica {
	i, ok := c.index[name]
	if !ok {
		i = len(c.replicas)
		c.index[name] = i
		c.replicas = append(c.replicas, replica{})
	}
	return &c.replicas[i]
}

// Observe takes one record.
func (c *Collector) Observe(r *trace.Record) {
	switch r.Event.Kind {
	case trace.Sampled:
		return
	case trace.Asked:
		c.asked = append(c.asked, AskedInfo{int64(r.At), ServerInfo{r.Node, r.Event.Info}})
		return
	}
	c.print.Observe(r)
	switch r.Event.Kind {
	case model.EvJudged:
		c.judged(r)
	case model.EvOnline, model.EvContinued:
		s := c.server(r.Node)
		s.linked, s.down = true, false
	case model.EvLost:
		c.server(r.Node).lose(r.At, r.Event.Since)
	case model.EvStopped, trace.Killed:
		// The process takes its link with it and tells no loss.
		if s := c.server(r.Node); s.linked {
			s.lose(r.At, r.At)
		}
	case model.EvPromoted:
		s := c.server(r.Node)
		s.linked, s.down = false, false
	case model.EvInfo:
		if r.Event.Info != nil {
			c.infos = append(c.infos, ServerInfo{r.Node, r.Event.Info})
			c.orders.Refused += r.Event.Info.Refused
		}
	case model.EvAnswered, model.EvFailover:
		c.orders.ordered(&r.Event)
	case trace.Requested:
		if strings.HasPrefix(r.Event.Reply, "-") || strings.Contains(r.Event.Reply, " / -") {
			c.orders.NoRequest++
		}
		if r.Event.Why == model.WhyClosed {
			c.orders.HungUp++
		}
	case trace.Diverged:
		c.orders.Diverged++
	case trace.Ended:
		c.ended = true
	}
}

// noOrders is before the first one.
var noOrders = Orders{WaitAcks: -1, AOFLocal: -1, AOFAcks: -1}

// ordered counts what became of one order.
func (o *Orders) ordered(e *model.Event) {
	switch {
	case e.Kind == model.EvFailover && e.Text != "no-failover":
	case e.Kind == model.EvFailover && e.Reply == "":
		o.Failovers++
	case e.Kind == model.EvFailover:
		o.Aborted++
	case strings.HasPrefix(e.Reply, ":"):
		if n, ok := model.ParseInt([]byte(e.Reply[1:])); ok && (o.WaitAcks < 0 || n < o.WaitAcks) {
			o.WaitAcks = n
		}
	case strings.HasPrefix(e.Reply, "*2 :"):
		local, acks, _ := strings.Cut(e.Reply[len("*2 :"):], " :")
		least := func(had *int64, text string) {
			if n, ok := model.ParseInt([]byte(text)); ok && (*had < 0 || n < *had) {
				*had = n
			}
		}
		least(&o.AOFLocal, local)
		least(&o.AOFAcks, acks)
	case strings.HasPrefix(e.Reply, "-"):
		o.Errors++
	}
}

// lose opens the interval without a master. One that is open stays as it is:
// an attempt that failed on the way did not end it.
func (s *replica) lose(at, heard model.Instant) {
	s.linked = false
	if !s.down {
		s.down, s.lost, s.heard = true, at, heard
	}
}

func (c *Collector) judged(r *trace.Record) {
	e := &r.Event
	s := c.server(e.Peer)
	v := Resync{
		T: int64(r.At), Replica: e.Peer, Master: r.Node, Request: e.Text, Reply: e.Reply,
		Kind: Partial, Gap: e.Gap, First: !s.judged && !s.served,
	}
	if e.Full {
		v.Kind, v.Reason = Full, e.Why.String()
	}
	if s.down {
		v.Down, v.Silence = int64(r.At-s.lost), int64(r.At-s.heard)
	}
	s.judged = true
	c.server(r.Node).served = true
	c.resyncs = append(c.resyncs, v)
}

// Run is the folded run. It shares nothing with the collector.
func (c *Collector) Run() *Run { return c.Fold().Clone() }

// Fold is the folded run in the collector's own memory: it is good until the next Fold
// or Reset.
func (c *Collector) Fold() *Run {
	run := &c.run
	*run = Run{
		Row:     Row{Meta: c.meta, Fingerprint: c.print.Sum(), Warnings: run.Warnings[:0]},
		Resyncs: c.resyncs, Infos: c.infos, Asked: c.asked,
		Orders: c.orders,
	}
	for i := range run.Resyncs {
		run.count(&run.Resyncs[i])
	}
	for _, n := range run.Infos {
		if n.Role == "master" {
			run.SyncFull, run.SyncPartialOK, run.SyncPartialNo = n.SyncFull, n.SyncPartialOK, n.SyncPartialErr
			break
		}
	}
	if c.meta.Outage > 0 && run.Reconnects == 0 {
		run.Warnings = append(run.Warnings, WarnNoReconnect)
	}
	for i := range c.replicas {
		if c.replicas[i].down {
			run.Warnings = append(run.Warnings, WarnDownAtEnd)
			break
		}
	}
	if run.Orders.Refused > 0 {
		run.Warnings = append(run.Warnings, WarnRefused)
	}
	if run.Orders.Diverged > 0 {
		run.Warnings = append(run.Warnings, WarnDiverged)
	}
	if !c.ended {
		run.Warnings = append(run.Warnings, WarnUnended)
	}
	return run
}

func (r *Row) count(v *Resync) {
	if v.First {
		return
	}
	r.Reconnects++
	if v.Kind == Full {
		r.Fulls++
		r.Reasons[reasonIndex(v.Reason)]++
	} else {
		r.Partials++
	}
	r.GapMax = max(r.GapMax, v.Gap)
	r.DownMax = max(r.DownMax, v.Down)
}

// Most is the commonest reason and how often it was one; ties go to the first.
func (n *Reasons) Most() (name string, times int64) {
	best := 0
	for i := range n {
		if n[i] > n[best] {
			best = i
		}
	}
	if n[best] == 0 {
		return "", 0
	}
	return ReasonNames()[best], n[best]
}

// valueLess orders values: words by the alphabet, after numbers.
func valueLess(a, b Value) bool {
	if (a.Text == "") != (b.Text == "") {
		return a.Text == ""
	}
	if a.Text != b.Text {
		return a.Text < b.Text
	}
	return a.Number < b.Number
}

func sortValues(vs []Value) {
	sort.SliceStable(vs, func(i, j int) bool { return valueLess(vs[i], vs[j]) })
}

// oneLine makes text from a scenario fit for a line of output: what is not
// printable becomes a space.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 }), " ")
}

package results

import (
	"encoding/csv"
	"io"
	"sort"
	"strconv"

	"psyncsim/model"
	"psyncsim/sim/trace"
)

// Moment is one line of a timeline: where a server stood, or what happened.
type Moment struct {
	T      int64  // nanoseconds of virtual time
	What   string // one of the words below
	Server string // or the replica of a verdict
	Peer   string // the link "a-b" of a fault; the master of a verdict
	Offset int64  // sample: of a master what it wrote, of a replica what it processed; verdict: the first byte asked for
	First  int64  // sample: first byte of the backlog
	Hist   int64  // sample: bytes in the backlog
	LinkUp bool   // sample: the replica follows its master
	Master bool   // sample: the server is a master then
	Kind   string // verdict: Full or Partial
	Reason string // verdict: why it was full
	Gap    int64  // verdict: bytes the replica had missed
}

// What a moment can be.
const (
	MomentSample  = "sample"
	MomentVerdict = "verdict"
	MomentOnline  = "online"
	MomentLost    = "lost"
	MomentCut     = "cut"
	MomentSilent  = "silent"
	MomentHeal    = "heal"
	MomentKilled  = "killed"
	MomentStarted = "started"
	MomentPaused  = "paused"
	MomentResumed = "resumed"
	MomentEnd     = "end"
)

var momentOf = map[model.EventKind]string{
	trace.Sampled: MomentSample, model.EvJudged: MomentVerdict, model.EvOnline: MomentOnline,
	model.EvLost: MomentLost, trace.Cut: MomentCut, trace.Silenced: MomentSilent, trace.Healed: MomentHeal,
	trace.Killed: MomentKilled, model.EvStarted: MomentStarted, trace.Paused: MomentPaused,
	trace.Resumed: MomentResumed, trace.Ended: MomentEnd,
}

// Timeline is one run over time.
type Timeline struct {
	Meta
	Moments []Moment
}

// Servers lists the servers with samples, masters first, each by name.
func (t *Timeline) Servers() (names []string, master map[string]bool) {
	seen := make(map[string]bool)
	master = make(map[string]bool)
	for i := range t.Moments {
		m := &t.Moments[i]
		if m.What != MomentSample {
			continue
		}
		if !seen[m.Server] {
			seen[m.Server] = true
			names = append(names, m.Server)
			// What it is first is what it is called.
			master[m.Server] = m.Master
		}
	}
	sort.SliceStable(names, func(i, j int) bool {
		if master[names[i]] != master[names[j]] {
			return master[names[i]]
		}
		return names[i] < names[j]
	})
	return names, master
}

// TimelineCollector is a watcher that keeps one run over time. The world must
// be asked for samples.
type TimelineCollector struct {
	t       Timeline
	follows map[string]bool
}

// NewTimelineCollector makes one.
func NewTimelineCollector(m Meta) *TimelineCollector {
	return &TimelineCollector{t: Timeline{Meta: m}, follows: make(map[string]bool)}
}

// Observe takes one record.
func (c *TimelineCollector) Observe(r *trace.Record) {
	e := &r.Event
	switch e.Kind {
	case model.EvFollows:
		c.follows[r.Node] = e.Peer != ""
		return
	case model.EvPromoted:
		c.follows[r.Node] = false
		return
	}
	what, ok := momentOf[e.Kind]
	if !ok {
		return
	}
	m := Moment{T: int64(r.At), What: what, Server: r.Node, Peer: e.Peer, Offset: int64(e.Offset)}
	switch what {
	case MomentSample:
		m.First, m.Hist, m.LinkUp, m.Master = int64(e.First), e.Hist, e.Full, !c.follows[r.Node]
		if m.Master {
			m.Offset = int64(e.MRO)
			if m.Offset == 0 {
				m.Offset = int64(e.Offset)
			}
		}
	case MomentVerdict:
		m.Server, m.Peer, m.Gap, m.Kind = e.Peer, r.Node, e.Gap, Partial
		if e.Full {
			m.Kind, m.Reason = Full, e.Why.String()
		}
	}
	c.t.Moments = append(c.t.Moments, m)
}

// Timeline is what was kept.
func (c *TimelineCollector) Timeline() *Timeline { return &c.t }

var momentColumns = []string{
	"t_s", "what", "server", "peer", "offset", "first", "histlen_bytes", "link_up", "master", "kind", "reason", "gap_bytes",
}

// WriteCSV writes timeline.csv.
func (t *Timeline) WriteCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	if err := c.Write(momentColumns); err != nil {
		return err
	}
	flag := func(b bool) string {
		if b {
			return "1"
		}
		return "0"
	}
	row := make([]string, 0, len(momentColumns))
	for i := range t.Moments {
		m := &t.Moments[i]
		row = append(row[:0], Seconds(m.T), m.What, m.Server, m.Peer, strconv.FormatInt(m.Offset, 10),
			strconv.FormatInt(m.First, 10), strconv.FormatInt(m.Hist, 10), flag(m.LinkUp), flag(m.Master),
			m.Kind, m.Reason, strconv.FormatInt(m.Gap, 10))
		if err := c.Write(row); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// readCSV reads it back.
func (t *Timeline) readCSV(r io.Reader) error {
	in, err := newTable(csvRecords(r), momentColumns)
	if err != nil {
		return err
	}
	// The same few words stand in every line; keep each of them once.
	words := make(map[string]string)
	word := func(col string) string {
		s := in.row[in.index[col]]
		w, ok := words[s]
		if !ok {
			w = in.text(col)
			words[w] = w
		}
		return w
	}
	for in.next() {
		m := Moment{
			T: in.seconds("t_s"), What: word("what"), Server: word("server"), Peer: word("peer"),
			Offset: in.int("offset"), First: in.int("first"), Hist: in.int("histlen_bytes"),
			LinkUp: in.int("link_up") != 0, Master: in.int("master") != 0,
			Kind: word("kind"), Reason: word("reason"), Gap: in.int("gap_bytes"),
		}
		if in.err != nil {
			return in.err
		}
		t.Moments = append(t.Moments, m)
	}
	return in.err
}

// ReadTimeline reads a timeline.csv.
func ReadTimeline(r io.Reader, m Meta) (*Timeline, error) {
	t := &Timeline{Meta: m}
	return t, t.readCSV(r)
}

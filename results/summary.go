package results

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"sync"
)

// Header says what results are of. It heads every table and chart.
type Header struct {
	Scenario string // its name
	Question string
	Version  string // of the program
	Axes     []Axis
	Planned  int // how many runs the whole sweep has
}

// Kept is what a sweep has come to: its header and its points.
type Kept struct {
	Header
	Done        int    // runs that were finished
	Complete    bool   // all of them
	Fingerprint string // of all runs, in order
	SeedFirst   uint64 // the smallest
	SeedLast    uint64 // the largest
	Warnings    map[string]int64
	Points      []*Point
	Only        *Run      // the run, when there is just one; read back, it has no INFO
	Timeline    *Timeline // one run over time, if one was kept
	Inputs      string    // fingerprint of what decides the rows
	Checked     int64     // expectations that were checked
	Failed      int64     // that did not hold
	Shard       *Shard    // the part of the sweep that this is; nil is the whole
	format      Format    // of the rows, when they were read back
}

// The shape of summary.json.
type (
	summaryDoc struct {
		Scenario    string           `json:"scenario"`
		Question    string           `json:"question"`
		Version     string           `json:"version"`
		Complete    bool             `json:"complete"`
		Runs        int              `json:"runs"`
		Planned     int              `json:"runs_planned"`
		Seeds       seedsDoc         `json:"seeds"`
		Fingerprint string           `json:"fingerprint"`
		Inputs      string           `json:"inputs,omitempty"`
		Expect      *expectDoc       `json:"expect,omitempty"`
		Axes        []Axis           `json:"axes"`
		Warnings    map[string]int64 `json:"warnings,omitempty"`
		Timeline    *runDoc          `json:"timeline,omitempty"`
		Rule        []ruleDoc        `json:"rule"`
		Points      []pointDoc       `json:"points"`
	}
	seedsDoc struct {
		First uint64 `json:"first"`
		Last  uint64 `json:"last"`
	}
	expectDoc struct {
		Checked int64 `json:"checked"`
		Failed  int64 `json:"failed"`
	}
	runDoc struct {
		Index int     `json:"index"`
		Point object  `json:"point"`
		Seed  uint64  `json:"seed"`
		Base  baseDoc `json:"of"`
	}
	baseDoc struct {
		Backlog   int64  `json:"backlog_bytes"`
		WriteRate int64  `json:"write_bytes_per_s"`
		Outage    raw    `json:"outage_s"`
		Fault     string `json:"fault,omitempty"`
		Version   string `json:"version,omitempty"`
	}
	bandDoc struct {
		Points int64 `json:"points"`
		Runs   int64 `json:"runs"`
		Fulls  int64 `json:"runs_full"`
	}
	ruleDoc struct {
		Group        string  `json:"group"`
		Below        bandDoc `json:"below_1x"`
		Short        bandDoc `json:"from_1x_to_2x"`
		Rule         bandDoc `json:"from_2x"`
		Holds        *bool   `json:"holds"`
		LastFull     raw     `json:"largest_ratio_full"`
		FirstPartial raw     `json:"smallest_ratio_partial"`
	}
	pointDoc struct {
		Point      object           `json:"point"`
		Base       baseDoc          `json:"of"`
		Runs       int64            `json:"runs"`
		Quiet      int64            `json:"runs_without_reconnect"`
		FullRuns   int64            `json:"runs_full"`
		Reconnects int64            `json:"reconnects"`
		Fulls      int64            `json:"full"`
		Reasons    map[string]int64 `json:"reasons,omitempty"`
		GapMax     int64            `json:"gap_max_bytes"`
		DownMax    raw              `json:"down_max_s"`
		Ratio      raw              `json:"ratio"`
		Share      raw              `json:"full_share"`
		Low        raw              `json:"full_share_low"`
		High       raw              `json:"full_share_high"`
	}
)

// raw is JSON as it stands: numbers in exactly the digits we chose.
type raw string

func (r raw) MarshalJSON() ([]byte, error)     { return []byte(r), nil }
func (r *raw) UnmarshalJSON(text []byte) error { *r = raw(text); return nil }

// object writes values as one JSON object, in their order.
type object []Value

func (o object) MarshalJSON() ([]byte, error) { return appendPoint(nil, o), nil }

// UnmarshalJSON passes over it: points are read from runs.csv.
func (o *object) UnmarshalJSON([]byte) error { return nil }

func appendPoint(b []byte, vs []Value) []byte {
	b = append(b, '{')
	for i, v := range vs {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(appendString(b, v.Name), ": "...)
		if v.Text != "" {
			b = appendString(b, v.Text)
		} else {
			b = appendValue(b, v, 1)
		}
	}
	return append(b, '}')
}

// appendString writes a JSON string; < > & stay readable.
func appendString(b []byte, s string) []byte {
	plain := true
	for i := 0; i < len(s); i++ {
		plain = plain && s[i] >= ' ' && s[i] < 0x7f && s[i] != '"' && s[i] != '\\'
	}
	if plain {
		return append(append(append(b, '"'), s...), '"')
	}
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic("results: a string is not JSON: " + err.Error())
	}
	return append(b, bytes.TrimRight(buf.Bytes(), "\n")...)
}

func baseOf(backlog, rate, outage int64, fault, version string) baseDoc {
	return baseDoc{backlog, rate, raw(appendSeconds(nil, outage, 1)), fault, version}
}

func (p *Point) doc() pointDoc {
	d := pointDoc{
		Point: p.Values, Base: baseOf(p.Backlog, p.WriteRate, p.Outage, p.Fault, p.Version),
		Runs: p.Runs, Quiet: p.Quiet, FullRuns: p.FullRuns, Reconnects: p.Reconnects, Fulls: p.Fulls,
		GapMax: p.GapMax, DownMax: raw(appendSeconds(nil, p.DownMax, 1)),
		Ratio: "null", Share: "null", Low: "null", High: "null",
	}
	for i, n := range p.Reasons {
		if n > 0 {
			if d.Reasons == nil {
				d.Reasons = make(map[string]int64)
			}
			d.Reasons[ReasonNames()[i]] = n
		}
	}
	if r, ok := p.Ratio(); ok {
		d.Ratio = raw(number(r, 6))
	}
	if s, ok := p.Share(); ok {
		lo, hi := ClopperPearson(p.FullRuns, p.Tried(), Confidence)
		d.Share, d.Low, d.High = raw(number(s, 6)), raw(number(lo, 4)), raw(number(hi, 4))
	}
	return d
}

func (r *Rule) doc() ruleDoc {
	d := ruleDoc{
		Group: r.Group, Below: bandDoc(r.Below), Short: bandDoc(r.Short), Rule: bandDoc(r.Rule),
		LastFull: "null", FirstPartial: "null",
	}
	if holds, ok := r.Holds(); ok {
		d.Holds = &holds
	}
	if r.LastFull > 0 {
		d.LastFull = raw(number(r.LastFull, 6))
	}
	if r.FirstPartial > 0 {
		d.FirstPartial = raw(number(r.FirstPartial, 6))
	}
	return d
}

// pointDocs makes what summary.json tells of each point, on all processors: the ends of
// thousands of intervals take long.
func pointDocs(points []*Point) []pointDoc {
	docs := make([]pointDoc, len(points))
	var all sync.WaitGroup
	share := (len(points) + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0)
	for from := 0; from < len(points); from += share {
		all.Go(func() {
			for i := from; i < min(from+share, len(points)); i++ {
				docs[i] = points[i].doc()
			}
		})
	}
	all.Wait()
	return docs
}

// WriteSummary writes summary.json: what made the results, and the sums.
func (k *Kept) WriteSummary(w io.Writer) error {
	d := summaryDoc{
		Scenario: k.Scenario, Question: k.Question, Version: k.Version, Complete: k.Complete,
		Runs: k.Done, Planned: k.Planned, Seeds: seedsDoc{k.SeedFirst, k.SeedLast}, Fingerprint: k.Fingerprint,
		Axes: append([]Axis{}, k.Axes...), Warnings: k.Warnings,
	}
	d.Inputs = k.Inputs
	if k.Checked > 0 {
		d.Expect = &expectDoc{k.Checked, k.Failed}
	}
	if k.Timeline != nil {
		m := &k.Timeline.Meta
		d.Timeline = &runDoc{m.Index, m.Point, m.Seed, baseOf(m.Backlog, m.WriteRate, m.Outage, m.Fault, m.Version)}
	}
	groups, _ := Groups(k.Axes, k.Points)
	for _, r := range Judge(groups) {
		d.Rule = append(d.Rule, r.doc())
	}
	d.Points = pointDocs(k.Points)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	return e.Encode(&d)
}

// ReadSummary reads the head of a summary.json: everything but the points,
// which are in runs.csv. The run that the timeline is of is told by its index.
func ReadSummary(r io.Reader) (k *Kept, timeline *Meta, err error) {
	var d summaryDoc
	if err := json.NewDecoder(r).Decode(&d); err != nil {
		return nil, nil, err
	}
	k = &Kept{
		Header: Header{d.Scenario, d.Question, d.Version, d.Axes, d.Planned},
		Done:   d.Runs, Complete: d.Complete, Fingerprint: d.Fingerprint,
		SeedFirst: d.Seeds.First, SeedLast: d.Seeds.Last, Warnings: d.Warnings,
		Inputs: d.Inputs,
	}
	if d.Expect != nil {
		k.Checked, k.Failed = d.Expect.Checked, d.Expect.Failed
	}
	if t := d.Timeline; t != nil {
		outage, err := parseSeconds(string(t.Base.Outage))
		if err != nil {
			return nil, nil, fmt.Errorf("timeline: %w", err)
		}
		timeline = &Meta{
			Index: t.Index, Seed: t.Seed, Backlog: t.Base.Backlog, WriteRate: t.Base.WriteRate,
			Outage: outage, Fault: t.Base.Fault, Version: t.Base.Version,
		}
	}
	return k, timeline, nil
}

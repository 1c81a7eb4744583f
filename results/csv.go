package results

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Names of the files.
const (
	RunsFile     = "runs.csv"
	ResyncsFile  = "resyncs.csv"
	SummaryFile  = "summary.json"
	TimelineFile = "timeline.csv"
)

// Column is the name of the axis's column: its unit stands last.
func (a Axis) Column() string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r > 0x7f {
			return r
		}
		return '_'
	}, a.Name)
	switch {
	case a.Unit == "":
		return name
	case strings.HasSuffix(a.Unit, "per_s"):
		name = strings.TrimSuffix(name, "_rate")
	}
	if name == a.Unit || strings.HasSuffix(name, "_"+a.Unit) {
		return name
	}
	return name + "_" + a.Unit
}

// The columns that the rule needs and that every row has once: as those of an
// axis where one is named like them, else after the axes.
var baseAxes = [...]Axis{{"backlog", "bytes"}, {"write_rate", "bytes_per_s"}, {"outage", "s"}, {"fault", ""}, {"version", ""}}

func baseValue(m *Meta, i int) Value {
	a := baseAxes[i]
	return [...]Value{
		{a.Name, a.Unit, "", m.Backlog}, {a.Name, a.Unit, "", m.WriteRate}, {a.Name, a.Unit, "", m.Outage},
		{a.Name, a.Unit, m.Fault, 0}, {a.Name, a.Unit, m.Version, 0},
	}[i]
}

func setBase(m *Meta, i int, v Value) {
	switch i {
	case 0:
		m.Backlog = v.Number
	case 1:
		m.WriteRate = v.Number
	case 2:
		m.Outage = v.Number
	case 3:
		m.Fault = v.Text
	case 4:
		m.Version = v.Text
	}
}

// FromAxes takes what the rule needs from the axes that are named like it: of both a row
// keeps one number, so that rows read back are the rows that were written. A rate that
// is made of bursts may be off by the last byte from the one that was asked for.
func (m *Meta) FromAxes() {
	var taken [len(baseAxes)]bool
	for _, v := range m.Point {
		column := Axis{Name: v.Name, Unit: v.Unit}.Column()
		for i, b := range baseAxes {
			if column != b.Column() || taken[i] {
				continue
			}
			taken[i] = true
			if i < 3 && v.Text == "" && v.Number >= 0 || i >= 3 && v.Text != "" {
				setBase(m, i, v)
			}
		}
	}
}

var runColumns = append(append([]string{
	"seed", "reconnects", "reconnects_full", "reconnects_partial", "gap_max_bytes",
}, reasonColumns()...),
	"down_max_s", "sync_full", "sync_partial_ok", "sync_partial_err", "fingerprint", "warnings")

var resyncColumns = []string{
	"seed", "t_s", "replica", "master", "request", "reply", "kind", "reason", "gap_bytes", "down_s", "silence_s", "first",
}

func reasonColumns() []string {
	var cs []string
	for _, n := range ReasonNames() {
		cs = append(cs, "full_"+strings.ReplaceAll(n, "-", "_"))
	}
	return cs
}

// layout says which columns hold the point of a run.
type layout struct {
	axes    []Axis
	columns []string // of the axes, then of the base values that no axis is
	base    []int    // base value of each column; -1 for an axis of its own
}

func newLayout(axes []Axis) layout {
	l := layout{axes: axes}
	taken := map[string]bool{"index": true, "run": true}
	for _, c := range append(runColumns[:len(runColumns):len(runColumns)], resyncColumns...) {
		taken[c] = true
	}
	add := func(c string, base int) {
		l.columns, l.base = append(l.columns, c), append(l.base, base)
		taken[c] = true
	}
	for _, a := range axes {
		base := -1
		for i, b := range baseAxes {
			if a.Column() == b.Column() {
				base = i
			}
		}
		c := a.Column()
		for taken[c] {
			c, base = c+"_axis", -1
		}
		add(c, base)
	}
	for i, b := range baseAxes {
		if !taken[b.Column()] {
			add(b.Column(), i)
		}
	}
	return l
}

// value is what stands in column i of a run.
func (l *layout) value(m *Meta, i int) Value {
	if i < len(l.axes) {
		if i < len(m.Point) {
			return m.Point[i]
		}
		return Value{}
	}
	return baseValue(m, l.base[i])
}

// records are the lines of a table, the head first. A record is the reader's
// own and valid until the next Read.
type records interface {
	Read() ([]string, error)
	FieldPos(field int) (line, column int)
}

func csvRecords(r io.Reader) records {
	c := csv.NewReader(bufio.NewReaderSize(r, 1<<16))
	c.ReuseRecord = true
	return c
}

// table reads records with known columns, in any order; columns that it does
// not know are passed over.
type table struct {
	r     records
	line  int
	index map[string]int
	row   []string
	err   error
}

func newTable(r records, want []string) (*table, error) {
	t := &table{r: r, index: make(map[string]int)}
	head, err := t.r.Read()
	if err != nil {
		return nil, fmt.Errorf("line 1: a head line with the names of the columns is missing: %w", err)
	}
	for i, c := range head {
		c = strings.Clone(c)
		if _, dup := t.index[c]; dup {
			return nil, fmt.Errorf("line 1: column %q stands there twice", c)
		}
		t.index[c] = i
	}
	for _, c := range want {
		if _, ok := t.index[c]; !ok {
			return nil, fmt.Errorf("line 1: column %q is missing", c)
		}
	}
	return t, nil
}

// next reads a line; false at the end or after an error, which err then is.
func (t *table) next() bool {
	if t.err != nil {
		return false
	}
	t.row, t.err = t.r.Read()
	if errors.Is(t.err, io.EOF) {
		t.err = nil
		return false
	}
	if t.err != nil {
		return false
	}
	t.line, _ = t.r.FieldPos(0)
	return true
}

// text is a cell; it outlives the line.
func (t *table) text(col string) string { return strings.Clone(t.row[t.index[col]]) }

func (t *table) fail(col string, err error) {
	if t.err == nil {
		t.err = fmt.Errorf("line %d, column %s: %w", t.line, col, err)
	}
}

func (t *table) int(col string) int64 {
	s := t.row[t.index[col]]
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		t.fail(col, fmt.Errorf("%q is not a whole number", s))
	}
	return n
}

// count is a number that cannot be negative.
func (t *table) count(col string) int64 {
	n := t.int(col)
	if n < 0 {
		t.fail(col, fmt.Errorf("%d is negative", n))
	}
	return n
}

func (t *table) uint(col string) uint64 {
	s := t.row[t.index[col]]
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.fail(col, fmt.Errorf("%q is not a whole number from 0 on", s))
	}
	return n
}

func (t *table) seconds(col string) int64 {
	n, err := parseSeconds(t.row[t.index[col]])
	if err != nil {
		t.fail(col, err)
	}
	return n
}

// meta reads the run's place, point and seed.
func (t *table) meta(l *layout, index string) Meta {
	m := Meta{Index: int(t.count(index)), Seed: t.uint("seed")}
	if len(l.axes) > 0 {
		m.Point = make([]Value, 0, len(l.axes))
	}
	for i, c := range l.columns {
		s := t.text(c)
		if i < len(l.axes) {
			m.Point = append(m.Point, parseValue(l.axes[i], s))
		}
		b := l.base[i]
		if b < 0 {
			continue
		}
		v := Value{Text: s}
		if b < 3 {
			if v = parseValue(baseAxes[b], s); v.Text != "" || v.Number < 0 {
				t.fail(c, fmt.Errorf("%q is not an amount", s))
			}
		}
		setBase(&m, b, v)
	}
	return m
}

// ReadRuns reads a runs.csv made with these axes, row by row. The row is f's
// to keep. Memory does not grow with the file.
func ReadRuns(r io.Reader, axes []Axis, f func(*Row) error) error {
	return readRuns(csvRecords(r), axes, f)
}

func readRuns(r records, axes []Axis, f func(*Row) error) error {
	l := newLayout(axes)
	t, err := newTable(r, append(append([]string{"index"}, l.columns...), runColumns...))
	if err != nil {
		return err
	}
	names := reasonColumns()
	for t.next() {
		n := &Row{
			Meta:       t.meta(&l, "index"),
			Reconnects: t.count("reconnects"), Fulls: t.count("reconnects_full"), Partials: t.count("reconnects_partial"),
			GapMax: t.int("gap_max_bytes"), DownMax: t.seconds("down_max_s"),
			SyncFull: t.int("sync_full"), SyncPartialOK: t.int("sync_partial_ok"), SyncPartialNo: t.int("sync_partial_err"),
			Fingerprint: t.text("fingerprint"),
		}
		for i, c := range names {
			n.Reasons[i] = t.count(c)
		}
		if w := t.text("warnings"); w != "" {
			n.Warnings = strings.Split(w, "; ")
		}
		if n.Fulls > n.Reconnects || n.Partials != n.Reconnects-n.Fulls {
			t.fail("reconnects", fmt.Errorf("%d is not the sum of full and partial ones", n.Reconnects))
		}
		if t.err != nil {
			return t.err
		}
		if err := f(n); err != nil {
			return err
		}
	}
	return t.err
}

// ReadResyncs reads a resyncs.csv made with these axes, row by row.
func ReadResyncs(r io.Reader, axes []Axis, f func(*Meta, *Resync) error) error {
	return readResyncs(csvRecords(r), axes, f)
}

func readResyncs(r records, axes []Axis, f func(*Meta, *Resync) error) error {
	l := newLayout(axes)
	t, err := newTable(r, append(append([]string{"run"}, l.columns...), resyncColumns...))
	if err != nil {
		return err
	}
	for t.next() {
		m := t.meta(&l, "run")
		v := &Resync{
			T: t.seconds("t_s"), Replica: t.text("replica"), Master: t.text("master"),
			Request: t.text("request"), Reply: t.text("reply"), Kind: t.text("kind"), Reason: t.text("reason"),
			Gap: t.int("gap_bytes"), Down: t.seconds("down_s"), Silence: t.seconds("silence_s"), First: t.count("first") != 0,
		}
		if v.Kind != Full && v.Kind != Partial {
			t.fail("kind", fmt.Errorf("%q is neither %q nor %q", v.Kind, Full, Partial))
		}
		if t.err != nil {
			return t.err
		}
		if err := f(&m, v); err != nil {
			return err
		}
	}
	return t.err
}

package results

import (
	"math/bits"
	"strings"
)

// Point is one point of a sweep, summed over its seeds.
type Point struct {
	Values     []Value
	Backlog    int64
	WriteRate  int64
	Outage     int64
	Fault      string
	Version    string
	Runs       int64
	Quiet      int64 // runs in which nobody reconnected
	Reconnects int64
	Fulls      int64
	FullRuns   int64 // runs with at least one
	Reasons    Reasons
	GapMax     int64
	DownMax    int64
}

// Tried is how many runs had a reconnect.
func (p *Point) Tried() int64 { return p.Runs - p.Quiet }

// Share is the share of runs that needed a full resynchronization, of those in
// which somebody reconnected; there is none without them. Runs are counted, not
// reconnects: a replica that an output buffer closes again and again reconnects
// a thousand times after one outage.
func (p *Point) Share() (share float64, ok bool) {
	if p.Tried() == 0 {
		return 0, false
	}
	return float64(p.FullRuns) / float64(p.Tried()), true
}

// Ratio is backlog ÷ (outage × write rate): the rule wants 2. There is none
// without an outage or without writes.
func (p *Point) Ratio() (ratio float64, ok bool) {
	if p.Outage <= 0 || p.WriteRate <= 0 || p.Backlog <= 0 {
		return 0, false
	}
	return float64(p.Backlog) * 1e9 / (float64(p.Outage) * float64(p.WriteRate)), true
}

// AtLeast tells, exactly, whether the backlog is at least factor × outage ×
// write rate; factor is a power of two.
func (p *Point) AtLeast(factor uint64) bool {
	nh, nl := bits.Mul64(uint64(max(p.Outage, 0)), uint64(max(p.WriteRate, 0)))
	bh, bl := bits.Mul64(uint64(max(p.Backlog, 0)), 1e9)
	for ; factor > 1; factor /= 2 {
		if nh>>63 != 0 {
			return false
		}
		nh, nl = nh<<1|nl>>63, nl<<1
	}
	return bh > nh || bh == nh && bl >= nl
}

// Points sums rows into points, in the order in which the points first appear.
// Its size is that of the grid, however many seeds there are.
type Points struct {
	All   []*Point
	keys  []string // of each of them
	index map[string]*Point
	key   []byte
	last  *Point // of the run before
	of    Meta   // that run's
}

// Add counts one row.
func (ps *Points) Add(r *Row) {
	p := ps.find(&r.Meta)
	p.Runs++
	if r.Reconnects == 0 {
		p.Quiet++
	}
	p.Reconnects += r.Reconnects
	if r.Fulls > 0 {
		p.FullRuns++
	}
	p.Fulls += r.Fulls
	for i := range r.Reasons {
		p.Reasons[i] += r.Reasons[i]
	}
	p.GapMax = max(p.GapMax, r.GapMax)
	p.DownMax = max(p.DownMax, r.DownMax)
}

func (ps *Points) find(m *Meta) *Point {
	if ps.last == nil || !ps.of.samePoint(m) {
		ps.last, ps.of = ps.seek(m), *m
	}
	return ps.last
}

func (ps *Points) seek(m *Meta) *Point {
	k := ps.key[:0]
	for _, v := range m.Point {
		k = append(appendValue(k, v, 0), 0)
	}
	for _, n := range [...]int64{m.Backlog, m.WriteRate, m.Outage} {
		k = append(appendValue(k, Value{Number: n}, 0), 0)
	}
	k = append(append(append(k, m.Fault...), 0), m.Version...)
	ps.key = k
	if p := ps.index[string(k)]; p != nil {
		return p
	}
	p := &Point{
		Values: append([]Value(nil), m.Point...), Backlog: m.Backlog, WriteRate: m.WriteRate,
		Outage: m.Outage, Fault: m.Fault, Version: m.Version,
	}
	ps.keep(string(k), p)
	return p
}

// keep adds a point that is new.
func (ps *Points) keep(key string, p *Point) {
	if ps.index == nil {
		ps.index = make(map[string]*Point)
	}
	ps.index[key] = p
	ps.All, ps.keys = append(ps.All, p), append(ps.keys, key)
}

// reset forgets all points.
func (ps *Points) reset() {
	clear(ps.index)
	clear(ps.All)
	ps.All, ps.keys, ps.last = ps.All[:0], ps.keys[:0], nil
}

// Dim is an axis with the values that occur on it, in order.
type Dim struct {
	Axis
	Index  int // of the axis
	Values []Value
	Words  bool // some value is a word
}

// Varies tells whether there is more than one value.
func (d *Dim) Varies() bool { return len(d.Values) > 1 }

// Dims lists the axes with what occurs on them: words in the order in which
// they occur, numbers by size.
func Dims(axes []Axis, points []*Point) []Dim {
	ds := make([]Dim, len(axes))
	for i, a := range axes {
		d := Dim{Axis: a, Index: i}
		seen := make(map[Value]bool)
		for _, p := range points {
			if i >= len(p.Values) || seen[p.Values[i]] {
				continue
			}
			v := p.Values[i]
			seen[v] = true
			d.Values = append(d.Values, v)
			d.Words = d.Words || v.Text != ""
		}
		if !d.Words {
			sortValues(d.Values)
		}
		ds[i] = d
	}
	return ds
}

// Label names the values of the point on some axes: "fault reset, write rate
// 1 MB/s".
func (p *Point) Label(dims []Dim) string {
	parts := make([]string, 0, len(dims))
	for _, d := range dims {
		if d.Index < len(p.Values) {
			parts = append(parts, Words(d.Name)+" "+p.Values[d.Index].Pretty())
		}
	}
	return strings.Join(parts, ", ")
}

// Words makes the name of an axis readable: write_rate is "write rate".
func Words(name string) string {
	return oneLine(strings.NewReplacer("_", " ", "-", " ").Replace(name))
}

// Group is a set of points that differ only in numbers.
type Group struct {
	Label  string // "" when there is only one
	Points []*Point
}

// groupLimit is how many groups a table or a chart can tell apart.
const groupLimit = 8

// Groups splits points by the axes of words that vary (kind of fault, version,
// arrivals); without any, by one further axis of numbers that the rule does
// not know. It leaves out axes that would give more groups than can be told
// apart; names are those of the axes used.
func Groups(axes []Axis, points []*Point) (groups []Group, names string) {
	return GroupsWithin(axes, points, groupLimit)
}

// GroupsWithin is Groups with another limit.
func GroupsWithin(axes []Axis, points []*Point, limit int) (groups []Group, names string) {
	var by []Dim
	dims := Dims(axes, points)
	n := 1
	take := func(d Dim) {
		if d.Varies() && n*len(d.Values) <= limit {
			n *= len(d.Values)
			by = append(by, d)
		}
	}
	for _, d := range dims {
		if d.Words {
			take(d)
		}
	}
	for _, d := range dims {
		if len(by) == 0 && !d.Words && !ruleKnows(d.Name) {
			take(d)
		}
	}
	index := make(map[string]int)
	for _, p := range points {
		vs := make([]string, 0, len(by))
		for _, d := range by {
			vs = append(vs, p.Values[d.Index].Pretty())
		}
		l := strings.Join(vs, ", ")
		i, ok := index[l]
		if !ok {
			i = len(groups)
			index[l] = i
			groups = append(groups, Group{Label: l})
		}
		groups[i].Points = append(groups[i].Points, p)
	}
	ns := make([]string, 0, len(by))
	for _, d := range by {
		ns = append(ns, Words(d.Name))
	}
	return groups, strings.Join(ns, ", ")
}

// ruleKnows tells whether an axis is one of the three quantities of the rule.
func ruleKnows(axis string) bool {
	return axis == "backlog" || axis == "write_rate" || axis == "outage"
}

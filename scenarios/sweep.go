package scenarios

import (
	"fmt"
	"math/big"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// Axis is one swept quantity.
type Axis struct {
	Name string
	Unit Unit  // of its values; Text for words
	Len  int64 // how many values

	node    *yaml.Node
	paths   []string
	values  []*yaml.Node // a list, or
	from    int64        // a range of numbers, from and to being among them
	to      int64
	log     bool
	writes  notation
	ranged  bool
	roots   []*big.Float // square roots of to/from: the 2nd, 4th, 8th, …
	fromTo  [2]*yaml.Node
	invalid bool
}

// Value is where a run stands on an axis.
type Value struct {
	Axis   string
	Number int64  // in base units: ns, bytes, bytes a second, commands a second, a count
	Text   string // as the file writes it; for Text units the value itself
	Unit   Unit
}

// Limits on sweeps. Points are made one at a time, so the first only bounds
// what a person would wait for.
const (
	MaxRuns   = 100_000_000
	maxAxes   = 16
	checkMost = 4096 // combinations of axis values that are checked when reading
)

func (s *Scenario) readSweep(d *decoder, n *yaml.Node) {
	if n == nil {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.fail(n, "expected a map from axis names to {set, values} or {set, from, to, steps}")
		return
	}
	if axes := len(n.Content) / 2; axes > maxAxes {
		d.failAt(n, "sweep", "%d axes; at most %d", axes, maxAxes)
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if !validAxis(key.Value) {
			d.fail(key, "not a name for an axis; expected lower-case letters, digits and _, and not seed or run")
		}
		s.Axes = append(s.Axes, s.readAxis(d, key.Value, n.Content[i+1]))
	}
}

func validAxis(s string) bool {
	if s == "" || len(s) > 64 || s == "seed" || s == "run" {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || i > 0 && (c == '_' || c >= '0' && c <= '9')) {
			return false
		}
	}
	return true
}

func (s *Scenario) readAxis(d *decoder, name string, n *yaml.Node) Axis {
	a := Axis{Name: name, node: n}
	var from, to, steps, scale *yaml.Node
	count, logScale := int64(0), false
	ok := d.object(n, "axis "+shorten(name), "", []field{
		{name: "set", need: true, read: func(n *yaml.Node) {
			if n.Kind == yaml.ScalarNode {
				n = &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{n}}
			}
			d.list(n, "paths", func(_ int, n *yaml.Node) {
				if p, ok := d.text(n, "a path such as faults.0.for"); ok {
					if top, _, _ := strings.Cut(p, "."); top == "sweep" || top == "seed" || top == "repeat" || top == "expect" || top == "question" {
						d.fail(n, "an axis cannot set %s", top)
						return
					}
					a.paths = append(a.paths, p)
				}
			})
		}},
		{name: "values", read: func(n *yaml.Node) {
			d.list(n, "values", func(_ int, n *yaml.Node) { a.values = append(a.values, n) })
			if len(a.values) == 0 && n.Kind == yaml.SequenceNode {
				d.fail(n, "an axis needs one value at least")
			}
		}},
		{name: "from", read: func(n *yaml.Node) { from = n }},
		{name: "to", read: func(n *yaml.Node) { to = n }},
		{name: "steps", read: func(n *yaml.Node) { steps = n; count = d.count(n, 2, 1<<40) }},
		{name: "scale", read: func(n *yaml.Node) { scale = n; logScale = d.word(n, "linear", "log") == "log" }},
	})
	a.invalid = !ok || len(a.paths) == 0
	if lookup(n, "values") != nil {
		for _, v := range []*yaml.Node{from, to, steps, scale} {
			if v != nil {
				d.fail(v, "either values, or from, to and steps; not both")
				a.invalid = true
			}
		}
		a.Len = int64(len(a.values))
		a.invalid = a.invalid || a.Len == 0
		return a
	}
	if from == nil || to == nil || steps == nil {
		if n.Kind == yaml.MappingNode {
			d.failAt(n, name, "axis %s needs values: [...], or from, to and steps", shorten(name))
		}
		a.invalid = true
		return a
	}
	a.ranged, a.log, a.Len = true, logScale, count
	a.fromTo = [2]*yaml.Node{from, to}
	a.invalid = a.invalid || count < 2
	return a
}

// node is the value of an axis at a place, as it goes into the tree.
func (a *Axis) at(i int64) *yaml.Node {
	switch {
	case !a.ranged:
		return a.values[i]
	case i == 0:
		return a.fromTo[0]
	case i == a.Len-1:
		return a.fromTo[1]
	}
	return scalar(a.writes.format(a.number(i)), a.node.Line, a.node.Column)
}

// number is the value of a ranged axis at a place, in base units: evenly
// spaced, or with the same ratio from each to the next. It is rounded to what
// the field can hold, and exact arithmetic makes it the same on every machine.
func (a *Axis) number(i int64) int64 {
	if i == 0 {
		return a.from
	}
	if i == a.Len-1 {
		return a.to
	}
	step := a.writes.step()
	last := a.Len - 1
	if !a.log {
		lo, hi, k := a.from, a.to, i
		if hi < lo {
			lo, hi, k = hi, lo, last-i
		}
		v := lo + mulDiv(hi-lo, k, last)
		return v - mod(v, step)
	}
	// from × (to/from)^(i/last), the exponent taken bit by bit.
	x := new(big.Float).SetPrec(160).SetInt64(a.from)
	rem := uint64(i)
	for _, root := range a.roots {
		if rem *= 2; rem >= uint64(last) {
			rem -= uint64(last)
			x.Mul(x, root)
		}
		if rem == 0 {
			break
		}
	}
	if step > 1 {
		x.Quo(x, new(big.Float).SetPrec(160).SetInt64(step))
	}
	v, _ := x.Add(x, big.NewFloat(0.5)).Int64()
	return v * step
}

func mod(v, step int64) int64 {
	if step <= 1 {
		return 0
	}
	return v % step
}

// prepare takes the ends of a range, once their units are known.
func (a *Axis) prepare(d *decoder, from, to Value, w, wTo notation) {
	if from.Unit == Text || w == asText || wTo == asText {
		d.fail(a.fromTo[0], "from and to need numbers; list the values of this axis")
		a.invalid = true
		return
	}
	if from.Unit != to.Unit {
		d.fail(a.fromTo[1], "from and to must be of one kind")
		a.invalid = true
		return
	}
	a.from, a.to, a.writes = from.Number, to.Number, w
	switch {
	case a.from == a.to:
		d.fail(a.fromTo[1], "to must differ from from")
		a.invalid = true
	case a.log && (a.from == 0 || a.to == 0):
		d.fail(a.node, "a log scale has no 0")
		a.invalid = true
	case a.log:
		x := new(big.Float).SetPrec(160).SetInt64(a.to)
		x.Quo(x, new(big.Float).SetPrec(160).SetInt64(a.from))
		for len(a.roots) < 80 {
			x = new(big.Float).SetPrec(160).Sqrt(x)
			a.roots = append(a.roots, x)
		}
	}
}

// point is the tree at one place of the sweep, and the nodes that axes put in.
func (s *Scenario) point(d *decoder, at []int64) (*yaml.Node, []*yaml.Node) {
	tree := clone(s.base)
	nodes := make([]*yaml.Node, len(s.Axes))
	for i := range s.Axes {
		a := &s.Axes[i]
		nodes[i] = a.at(at[i])
		if !s.put(d, tree, a, nodes[i]) {
			return nil, nil
		}
	}
	return tree, nodes
}

func (s *Scenario) put(d *decoder, tree *yaml.Node, a *Axis, value *yaml.Node) bool {
	for _, p := range a.paths {
		if msg := setPath(tree, p, value); msg != "" {
			d.failAt(lookup(a.node, "set"), p, "%s", msg)
			return false
		}
	}
	return true
}

// compile decodes one place of the sweep.
func (s *Scenario) compile(d *decoder, at []int64) (*plan, []Value) {
	tree, nodes := s.point(d, at)
	if tree == nil {
		return nil, nil
	}
	d.watch = make(map[*yaml.Node]int, len(nodes))
	d.values, d.writes = make([]Value, len(nodes)), make([]notation, len(nodes))
	for i, n := range nodes {
		d.watch[n] = i
		d.values[i].Axis = s.Axes[i].Name
	}
	p := d.decode(tree)
	for i := range d.values {
		if d.values[i].Unit == "" {
			d.values[i] = Value{Axis: s.Axes[i].Name, Unit: Text, Text: flow(nodes[i])}
		}
	}
	return p, d.values
}

// check decodes the first point of the sweep, then every value of every axis,
// then all combinations if they are few: as many as a moment allows.
func (s *Scenario) check(d *decoder) {
	// Axes that make no sense are told already; look at the rest without them.
	sound := s.Axes[:0]
	for _, a := range s.Axes {
		if !a.invalid {
			sound = append(sound, a)
		}
	}
	s.Axes = sound
	at := make([]int64, len(s.Axes))
	d.drafting = true
	_, values := s.compile(d, at)
	if values == nil {
		return
	}
	first := append([]Value(nil), values...)
	writes := append([]notation(nil), d.writes...)
	for i := range s.Axes {
		a := &s.Axes[i]
		if !a.ranged {
			continue
		}
		// The far end of a range; only now the numbers between are known.
		at[i] = a.Len - 1
		before := len(d.problems.List)
		_, far := s.compile(d, at)
		at[i] = 0
		if far == nil {
			return
		}
		if len(d.problems.List) == before {
			a.prepare(d, first[i], far[i], writes[i], d.writes[i])
		}
	}
	for i := range s.Axes {
		a := &s.Axes[i]
		a.Unit, a.writes = first[i].Unit, writes[i]
		if !a.invalid && a.ranged && len(d.problems.List) > 0 {
			a.invalid = true
		}
	}
	if len(d.problems.List) == 0 || !anyInvalid(s.Axes) {
		s.checkValues(d, at)
	}
	s.points = 1
	for i := range s.Axes {
		s.points = satMul(s.points, s.Axes[i].Len)
	}
	if len(d.problems.List) > 0 {
		return
	}
	if s.points <= min(checkMost, s.budget()) && len(s.Axes) > 1 {
		for i := int64(0); i < s.points && len(d.problems.List) == 0; i++ {
			s.spread(i, at)
			s.compile(d, at)
		}
		clear(at)
	}
	if len(d.problems.List) > 0 {
		return
	}
	d.drafting = false
	d.notes = nil
	s.first, _ = s.compile(d, at)
}

func anyInvalid(axes []Axis) bool {
	for i := range axes {
		if axes[i].invalid {
			return true
		}
	}
	return false
}

// budget is how many points may be checked in a moment: large files get fewer.
func (s *Scenario) budget() int64 {
	return max(16, 1_500_000/int64(countNodes(s.base)+60))
}

// checkValues puts every value of every axis into the first point.
func (s *Scenario) checkValues(d *decoder, at []int64) {
	left := s.budget()
	for i := range s.Axes {
		a := &s.Axes[i]
		texts := 0
		for k := int64(1); k < a.Len && left > 0; k++ {
			if a.ranged && k < a.Len-1 && k > 64 {
				k = a.Len - 1 // between its ends a range has no surprises
			}
			at[i] = k
			_, values := s.compile(d, at)
			if values == nil {
				return
			}
			if values[i].Unit != a.Unit {
				texts++
				if a.Unit != Text && values[i].Unit != Text && len(d.problems.List) == 0 {
					d.fail(a.at(k), "the values of an axis are of one kind; the first one is in %s, this one in %s", a.Unit, values[i].Unit)
				}
			}
			left--
		}
		if texts > 0 && len(d.problems.List) == 0 {
			a.Unit = Text // words among the numbers
		}
		at[i] = 0
	}
}

// spread turns the index of a sweep point into the place on every axis; the
// first axis is the slowest.
func (s *Scenario) spread(point int64, at []int64) {
	for i := len(s.Axes) - 1; i >= 0; i-- {
		n := s.Axes[i].Len
		at[i] = point % n
		point /= n
	}
}

// satMul multiplies counts and stays at the largest when they overflow.
func satMul(a, b int64) int64 {
	const most = 1<<63 - 1
	if a != 0 && b > most/a {
		return most
	}
	return a * b
}

func satAdd(a, b int64) int64 {
	if a > 1<<63-1-b {
		return 1<<63 - 1
	}
	return a + b
}

// countText writes a count for people.
func countText(n int64) string {
	if n == 1<<63-1 {
		return "more than 9e18"
	}
	s := fmt.Sprint(n)
	var b strings.Builder
	for i, c := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(c)
	}
	return b.String()
}

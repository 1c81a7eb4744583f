package scenarios

import (
	"fmt"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

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
		s.checkValues(d, at, first)
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

// checkValues puts every value of every axis into the first point. No value may be there
// twice: its runs, with the same seeds, would pass for twice as many.
func (s *Scenario) checkValues(d *decoder, at []int64, first []Value) {
	left := s.budget()
	for i := range s.Axes {
		a := &s.Axes[i]
		texts := 0
		seen := map[Value]bool{first[i].key(): true}
		if a.ranged && !a.invalid && a.crowded() {
			d.fail(a.node, "axis %s: there are fewer different values than steps: take fewer, or list the values", shorten(a.Name))
		}
		for k := int64(1); k < a.Len && left > 0; k++ {
			if a.ranged && k < a.Len-1 && k > 64 {
				k = a.Len - 1 // between its ends a range has no surprises
			}
			at[i] = k
			_, values := s.compile(d, at)
			if values == nil {
				return
			}
			if key := values[i].key(); !a.ranged && seen[key] && len(d.problems.List) == 0 {
				d.fail(a.at(k), "the axis has this value already")
			} else {
				seen[key] = true
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

package scenarios

import (
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

// key is what makes a value the same as another, however it is written.
func (v Value) key() Value {
	if v.Unit != Text {
		v.Text = ""
	}
	return v
}

// crowded says that two neighbours in a range are the same value. They are nearest each
// other at the lower end of a log scale, and as near everywhere on a linear one.
func (a *Axis) crowded() bool {
	if span := max(a.from, a.to) - min(a.from, a.to); !a.log {
		return span/max(a.writes.step(), 1) < a.Len-1
	}
	const far = 4096 // steps from the lower end: beyond these no range of ours is
	for k := int64(1); k < min(a.Len, far); k++ {
		i := k
		if a.to < a.from {
			i = a.Len - k
		}
		if a.number(i) == a.number(i-1) {
			return true
		}
	}
	return false
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

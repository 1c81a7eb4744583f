package scenarios

import (
	"fmt"
	"strconv"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// Resolved is the scenario as it is run, as YAML: what --set said is in it,
// what a redis.conf said of replication is in it, and what was left out is
// spelled out. Loading it gives the same runs. What hangs on a swept version,
// fault kind or command keeps its own defaults and is left out. Files of
// captures stay files, relative to the scenario.
func (s *Scenario) Resolved() []byte {
	d := s.decoder()
	d.fill, d.drafting = true, true
	d.swept = map[*yaml.Node]bool{}
	tree := clone(s.base)
	// The first point of the sweep is what can be decoded. Scalars that axes
	// put in are told by their node; maps are copied on the way in, and what is
	// in them belongs to the axis.
	before := map[string]*yaml.Node{}
	for i := range s.Axes {
		a := &s.Axes[i]
		v := a.at(0)
		d.swept[v] = true
		s.put(d, tree, a, v)
	}
	for i := range s.Axes {
		for _, p := range s.Axes[i].paths {
			before[p] = s.Axes[i].at(0)
		}
	}
	markMaps(tree, before, d.swept)
	sweep, expect := lookup(s.root, "sweep"), lookup(s.root, "expect")
	if sweep != nil {
		put(tree, "sweep", clone(sweep))
	}
	if expect != nil {
		put(tree, "expect", clone(expect))
	}
	d.decode(tree)
	plain(tree, 0)
	out, err := yaml.Dump(tree, yaml.WithLineWidth(-1), yaml.WithIndent(2))
	if err != nil {
		panic("scenarios: a scenario that was read cannot be written: " + err.Error())
	}
	return append([]byte(fmt.Sprintf("# %s as it was run, defaults spelled out.\n", shorten(s.Name))), out...)
}

// markMaps marks the maps that axes have put into a tree: those equal to an
// axis' value in place and text.
func markMaps(n *yaml.Node, values map[string]*yaml.Node, swept map[*yaml.Node]bool) {
	for _, v := range values {
		if v.Kind != yaml.ScalarNode && n.Kind == v.Kind && n.Line == v.Line && n.Column == v.Column && flow(n) == flow(v) {
			markAll(n, swept)
			return
		}
	}
	for _, k := range n.Content {
		markMaps(k, values, swept)
	}
}

func markAll(n *yaml.Node, swept map[*yaml.Node]bool) {
	swept[n] = true
	for _, k := range n.Content {
		markAll(k, swept)
	}
}

// plain gives a tree one look: blocks, lists of words in one line, quotes only
// where YAML needs them.
func plain(n *yaml.Node, depth int) {
	n.Line, n.Column = 0, 0
	switch n.Kind {
	case yaml.SequenceNode:
		n.Style = yaml.FlowStyle
		for _, k := range n.Content {
			if k.Kind != yaml.ScalarNode || strings.Contains(k.Value, " ") {
				n.Style = 0
			}
		}
	case yaml.MappingNode:
		n.Style = 0
		if depth > 0 && len(n.Content) == 0 {
			n.Style = yaml.FlowStyle
		}
	case yaml.ScalarNode:
		n.Tag, n.Style = "!!str", 0
		if _, err := strconv.ParseInt(n.Value, 10, 64); err == nil {
			n.Tag = "!!int"
		}
	}
	for i, k := range n.Content {
		if k.Kind == yaml.ScalarNode {
			// Scalars are shared with the scenario: change a copy.
			c := *k
			k = &c
			n.Content[i] = k
		}
		plain(k, depth+1)
	}
}

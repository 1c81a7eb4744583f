package scenarios

import (
	"time"

	"go.yaml.in/yaml/v4"
)

// Observed is what a real server was seen to decide: a resynchronization that
// a run of the scenario is held against, in the order of the file.
type Observed struct {
	At     time.Duration // virtual time at which the real one was judged
	Kind   string        // "full" or "partial"
	Gap    int64         // bytes that the real replica had missed
	Within int64         // by how much the simulated gap may differ, bytes
}

func (s *Scenario) readObserved(d *decoder, n *yaml.Node) {
	d.list(n, "observations", func(_ int, n *yaml.Node) {
		var o Observed
		if d.object(n, "an observation", "", []field{
			{name: "at", need: true, read: func(n *yaml.Node) { o.At = d.duration(n) }},
			{name: "kind", need: true, read: func(n *yaml.Node) { o.Kind = d.word(n, "full", "partial") }},
			{name: "gap", need: true, read: func(n *yaml.Node) { o.Gap = d.size(n) }},
			{name: "within", read: func(n *yaml.Node) { o.Within = d.size(n) }},
		}) {
			s.Observed = append(s.Observed, o)
		}
	})
}

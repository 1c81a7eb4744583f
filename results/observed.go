package results

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Observed is a reconnect as a real server decided it.
type Observed struct {
	T      int64  // nanoseconds since the start, on the scenario's clock
	Kind   string // Full or Partial
	Gap    int64  // bytes missed
	Within int64  // by how much a simulated gap may differ, bytes
}

// Pair is a reconnect as it really was beside the simulated one; either is nil
// when the other side has more of them.
type Pair struct {
	Real      *Observed
	Simulated *Resync
}

// Agrees tells whether kind and gap are those that were observed.
func (p *Pair) Agrees() bool {
	if p.Real == nil || p.Simulated == nil || p.Real.Kind != p.Simulated.Kind {
		return false
	}
	d := p.Simulated.Gap - p.Real.Gap
	return -p.Real.Within <= d && d <= p.Real.Within
}

// Compare puts observed reconnects beside those of a run, in order. First
// synchronizations are no reconnects.
func Compare(seen []Observed, r *Run) []Pair {
	var pairs []Pair
	for i := range r.Resyncs {
		if !r.Resyncs[i].First {
			pairs = append(pairs, Pair{Simulated: &r.Resyncs[i]})
		}
	}
	for i := range seen {
		if i == len(pairs) {
			pairs = append(pairs, Pair{})
		}
		pairs[i].Real = &seen[i]
	}
	return pairs
}

// WritePairs shows both sides as a table.
func WritePairs(w io.Writer, pairs []Pair) error {
	fmt.Fprintln(w, "Real and simulated, side by side")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "  real at\tsimulated\treal\tsimulated\tmissed\tsimulated\tdiffers by\tmay differ by\t\t")
	for i := range pairs {
		p := &pairs[i]
		at, kind, gap, within := "–", "none", "–", "–"
		if p.Real != nil {
			at, kind, gap, within = PrettyDuration(p.Real.T), p.Real.Kind, fmt.Sprint(p.Real.Gap), fmt.Sprint(p.Real.Within)
		}
		at2, kind2, gap2, diff := "–", "none", "–", "–"
		if p.Simulated != nil {
			at2, kind2, gap2 = PrettyDuration(p.Simulated.T), p.Simulated.Kind, fmt.Sprint(p.Simulated.Gap)
		}
		if p.Real != nil && p.Simulated != nil {
			diff = fmt.Sprint(p.Simulated.Gap - p.Real.Gap)
		}
		mark := "agrees"
		if !p.Agrees() {
			mark = "DIFFERS"
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", at, at2, kind, kind2, gap, gap2, diff, within, mark)
	}
	return t.Flush()
}

package scenarios

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// Shards cover every run once, in order, and cost about the same.
func TestPart(t *testing.T) {
	text, err := EmbeddedSource("contract-example")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, sweep, repeat string
	}{
		{"grid", "", "1"}, {"seeds", "", "37"},
		{"unequal", "\n  d: {set: duration, values: [60s, 120s, 1h]}", "3"},
		{"unequal last", "\n  d: {set: duration, values: [60s, 61s, 62s, 63s, 64s, 65s, 66s, 67s, 68s, 4h]}", "1"},
	} {
		src := strings.Replace(string(text), "repeat: 1 ", "repeat: "+c.repeat+" ", 1)
		src = strings.Replace(src, "sweep:", "sweep:"+c.sweep, 1)
		s, err := Load(c.name+".yaml", []byte(src), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		cells, err := s.Cells(SeedRange{})
		if err != nil {
			t.Fatal(err)
		}
		costs := cells.Costs(false)
		each := make([]int64, cells.Len())
		for cursor, k := cells.NewCursor(), 0; k < cells.Len(); k++ {
			each[k] = Cost(cursor.At(k).Config)
		}
		for _, n := range []int{1, 2, 3, 7, 64, 1000} {
			next, most := 0, int64(0)
			all := int64(0)
			for i := 1; i <= n; i++ {
				first, last := costs.Part(i, n)
				if first != next || last < first {
					t.Fatalf("%s: part %d/%d is [%d, %d), after %d", c.name, i, n, first, last, next)
				}
				next = last
				cost, single := int64(0), int64(0)
				for k := first; k < last; k++ {
					single = each[k]
					cost += single
				}
				most = max(most, cost-single) // one run cannot be cut
				all += cost
			}
			if next != cells.Len() {
				t.Errorf("%s: %d parts end at %d of %d", c.name, n, next, cells.Len())
			}
			if most > all/int64(n)+1 {
				t.Errorf("%s: of %d parts one costs %d, more than its share of %d", c.name, n, most, all)
			}
		}
	}
}

// A large sweep is not compiled point by point.
func TestPartLarge(t *testing.T) {
	text, _ := EmbeddedSource("contract-example")
	src := strings.Replace(string(text), "steps: 10", "steps: 1000", 1)
	src = strings.Replace(src, "sweep:", "sweep:\n  l: {set: links.0.latency, from: 1ms, to: 1s, steps: 1000}", 1)
	s, err := Load("large.yaml", []byte(src), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	cells, err := s.Cells(SeedRange{})
	if err != nil {
		t.Fatal(err)
	}
	first, last := cells.Costs(false).Part(500, 1000)
	if n := last - first; n < cells.Len()/1100 || n > cells.Len()/900 {
		t.Error(fmt.Sprint("part 500/1000 has ", n, " runs of ", cells.Len()))
	}
}

// What a run costs on links of segments follows what they carry, and with bytes what is
// written; on links of formulas it follows neither.
func TestCostFollowsWhatIsDone(t *testing.T) {
	cost := func(bytes bool, sets ...string) float64 {
		t.Helper()
		text, err := os.ReadFile("testdata/guess/lossy.yaml")
		if err != nil {
			t.Fatal(err)
		}
		s, err := Load("lossy.yaml", text, nil, append(sets, "sweep={}", "repeat=1", "duration=10m"))
		if err != nil {
			t.Fatal(err)
		}
		cells, err := s.Cells(SeedRange{})
		if err != nil {
			t.Fatal(err)
		}
		return float64(cells.Costs(bytes).total())
	}
	const slow, fast = "workload.0.rate=100kB/s", "workload.0.rate=10MB/s"
	flow := "links={between: [master, relay], latency: 5ms}"
	flow = strings.Replace(flow, "{", "[{", 1) + "]"
	for _, c := range []struct {
		what     string
		ratio    float64
		from, to float64 // as processor times were measured, twofold either way
	}{
		{"ten times the rate over segments", cost(false, "workload.0.rate=1MB/s", "links.0.loss=0%") / cost(false, slow, "links.0.loss=0%"), 4, 16},
		{"more than losses let through", cost(false, fast, "links.0.loss=0.5%") / cost(false, fast, "links.0.loss=0%"), 0.05, 0.4},
		{"over formulas", cost(false, fast, flow) / cost(false, slow, flow), 0.5, 4},
		{"with bytes over formulas", cost(true, fast, flow) / cost(true, slow, flow), 30, 200},
		{"segments against formulas", cost(false, "workload.0.rate=1MB/s", "links.0.loss=0%") / cost(false, "workload.0.rate=1MB/s", flow), 500, 10000},
	} {
		if c.ratio < c.from || c.ratio > c.to {
			t.Errorf("%s: %.3g times the cost, not %g to %g", c.what, c.ratio, c.from, c.to)
		}
	}
}

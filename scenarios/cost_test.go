package scenarios

import (
	"fmt"
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
		{"unequal last", "\n  d: {set: duration, values: [60s, 60s, 60s, 60s, 60s, 60s, 60s, 60s, 60s, 4h]}", "1"},
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
		costs := cells.Costs()
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
	first, last := cells.Costs().Part(500, 1000)
	if n := last - first; n < cells.Len()/1100 || n > cells.Len()/900 {
		t.Error(fmt.Sprint("part 500/1000 has ", n, " runs of ", cells.Len()))
	}
}

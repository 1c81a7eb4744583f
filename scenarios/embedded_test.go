package scenarios

import (
	"testing"
	"time"

	"psyncsim/model"
)

// needs tells which version an embedded scenario waits for, or "".
func needs(name string) string {
	if _, ok := model.LookupProfile("redis-2.6"); !ok && name == "master-without-psync" {
		return "redis-2.6"
	}
	return ""
}

func TestEmbedded(t *testing.T) {
	listed := map[string]bool{}
	for _, e := range Embedded() {
		listed[e.Name] = true
	}
	for _, name := range embeddedNames() {
		if v := needs(name); v != "" {
			t.Logf("%s waits for %s", name, v)
			continue
		}
		s, err := OpenEmbedded(name, nil)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if !listed[name] {
			t.Errorf("%s is not listed", name)
		}
		if len(s.Expect) == 0 && name != "sizing-rule" && name != "contract-example" && name != "outage" {
			t.Errorf("%s expects nothing", name)
		}
		cells, err := s.Cells(SeedRange{})
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if c := cells.At(cells.Len() - 1); c.Err != nil {
			t.Errorf("%s: %v", name, c.Err)
		}
		checkRoundTrip(t, s)
	}
	if _, err := OpenEmbedded("sizing-rul", nil); err == nil || err.Error() != "sizing-rul: there is no embedded scenario sizing-rul; did you mean sizing-rule?" {
		t.Errorf("%v", err)
	}
}

func TestSizingRule(t *testing.T) {
	start := time.Now()
	s, err := OpenEmbedded("sizing-rule", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("read in %v", time.Since(start))
	cells, err := s.Cells(SeedRange{})
	if err != nil {
		t.Fatal(err)
	}
	if cells.Len() != 5280 {
		t.Errorf("%d runs", cells.Len())
	}
	// The axes hold the rule's own numbers: the mean rate, the size given.
	cur := cells.NewCursor()
	start = time.Now()
	for i := range cells.Len() {
		c := cur.At(i)
		if c.Err != nil {
			t.Fatal(c.Err)
		}
		p := c.Point
		if p[0].Number != c.Meta.Backlog || p[1].Number != c.Meta.WriteRate || p[2].Number != int64(c.Meta.Outage) || p[3].Text != c.Meta.FaultKind {
			t.Fatalf("cell %d: point %+v, meta %+v", i, p, c.Meta)
		}
		if c.Seed != uint64(1+i%10) || int(c.Key) != i/10 {
			t.Fatalf("cell %d: seed %d, point %d", i, c.Seed, c.Key)
		}
	}
	t.Logf("%d cells in %v", cells.Len(), time.Since(start))
	var sizes []int64
	for i := 0; i < cells.Len(); i += cells.Len() / 11 {
		sizes = append(sizes, cur.At(i).Meta.Backlog)
	}
	for i, v := range sizes {
		if v != 256<<10<<i {
			t.Errorf("backlog sizes %v: not powers of two", sizes)
			break
		}
	}
}

func TestCapture(t *testing.T) {
	const file = "capture/bursty.yaml"
	s, err := ReadFile(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	cells, _ := s.Cells(SeedRange{})
	c := cells.At(0)
	if c.Err != nil {
		t.Fatal(c.Err)
	}
	l := c.Config.Loads[0]
	if len(l.Trace) != 420 || l.Trace[0].Bytes != 0 || l.Trace[419].At != 419007*time.Millisecond || l.Trace[419].Bytes != 140444999-122 {
		t.Errorf("%d samples from %+v to %+v", len(l.Trace), l.Trace[0], l.Trace[419])
	}
	if c.Meta.WriteRate < 330e3 || c.Meta.WriteRate > 340e3 {
		t.Errorf("mean rate %d; the captured master wrote about 334 kB/s", c.Meta.WriteRate)
	}
	if len(c.Config.Faults) != 7 {
		t.Errorf("%d faults", len(c.Config.Faults))
	}
	checkRoundTrip(t, s)
}

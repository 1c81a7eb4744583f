package sim

import (
	"psyncsim/model"
	"slices"
	"testing"
	"time"
)

// TestMerged holds several loads as one stream against their sorted commands.
func TestMerged(t *testing.T) {
	count := uint64(60)
	if testing.Short() {
		count = 6
	}
	for n := range count {
		g := newGen(5, n)
		m := &merged{}
		for i := range 1 + g.IntN(4) {
			c := g.load(3 * time.Second)
			l, err := newLoad(&c, 3*time.Second, g.Uint64(), uint64(i))
			if err != nil {
				t.Fatal(err)
			}
			m.parts = append(m.parts, l)
		}
		type command struct {
			at   model.Instant
			part int
			k    int64
		}
		var all []command
		for i, l := range m.parts {
			for k := range l.total() {
				all = append(all, command{l.when(k), i, k})
			}
		}
		slices.SortStableFunc(all, func(a, b command) int { return int(min(max(a.at-b.at, -1), 1)) })
		before := make([]int64, len(all)+1)
		for k, c := range all {
			before[k+1] = before[k] + m.parts[c.part].size(c.k)
		}
		for range 3000 {
			k := g.Int64N(int64(len(all)) + 70)
			if g.oneIn(3) {
				k = min(k, g.Int64N(200))
			}
			if k >= int64(len(all)) {
				if m.when(k) != model.Never || m.bytes(k) != before[len(all)] {
					t.Fatalf("number %d: command %d of %d: %d, %d", n, k, len(all), m.when(k), m.bytes(k))
				}
				continue
			}
			c := all[k]
			if m.when(k) != c.at || m.bytes(k) != before[k] || m.size(k) != m.parts[c.part].size(c.k) {
				t.Fatalf("number %d: command %d: at %d, %d bytes before it", n, k, m.when(k), m.bytes(k))
			}
			if got, want := m.fillRun(nil, k, k+1), m.parts[c.part].fill(nil, c.k); string(got) != string(want) {
				t.Fatalf("number %d: command %d is %q, should be %q", n, k, got, want)
			}
			if b := before[k] + g.Int64N(m.size(k)); m.find(b) != k {
				t.Fatalf("number %d: byte %d is in command %d, not in %d", n, b, k, m.find(b))
			}
			if m.upto(c.at) <= k || c.at > 0 && m.upto(c.at-1) > k {
				t.Fatalf("number %d: command %d is not at %d", n, k, c.at)
			}
		}
		if got := m.find(before[len(all)]); got != int64(len(all)) {
			t.Fatalf("number %d: find of all %d commands gives %d", n, len(all), got)
		}
	}
}

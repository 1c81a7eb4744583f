package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What two jobs gain is held against what two programs do that share nothing: half a core is
// the machine's doing, a lock is psyncsim's.
func TestJobsRow(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		what             string
		turn             turn
		measured, scaled float64
		met, everywhere  bool
	}{
		{"two cores", turn{20 * s, 10 * s, 10 * s}, 2, 2, true, true},
		{"two cores, and a lock", turn{18 * s, 10 * s, 9 * s}, 1.8, 1.8, false, false},
		{"one core and a half", turn{15 * s, 10 * s, 10 * s}, 1.5, 2, true, false},
		{"one core and a half, and a lock", turn{15 * s, 12 * s, 10 * s}, 1.25, 5. / 3, false, false},
		{"one core", turn{10 * s, 10 * s, 10 * s}, 1, 2, true, false},
	} {
		b := &bench{}
		other := turn{c.turn.one, 2 * c.turn.two, c.turn.apart}
		b.jobsRow("poisson", []turn{c.turn, other, c.turn})
		r := &b.rows[0]
		met, everywhere := r.met()
		if !near(r.measured(), c.measured) || !near(r.scaled(), c.scaled) || met != c.met || everywhere != c.everywhere {
			t.Errorf("%s: %v, scaled %v, met %v %v", c.what, r.measured(), r.scaled(), met, everywhere)
		}
	}
}

// Programs run at once (each waits for the others), their folders go, and one that fails is told of.
func TestAtOnce(t *testing.T) {
	dir := t.TempDir()
	b := &bench{program: "/bin/sh"}
	meet := func(name, other, then string) []string {
		return []string{"-c", "mkdir $0; until [ -d " + filepath.Join(dir, other) + " ]; do sleep 0.01; done; " + then, filepath.Join(dir, name)}
	}
	if wall, err := b.atOnce([][]string{meet("a", "b", "true"), meet("b", "c", "true"), meet("c", "a", "sleep 0.1")}); err != nil || wall < 100*time.Millisecond {
		t.Errorf("%v, %v", wall, err)
	}
	if _, err := b.atOnce([][]string{meet("a", "b", "true"), meet("b", "a", "exit 3")}); err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("error %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// Sums are timed on as many threads as asked.
func TestWide(t *testing.T) {
	for _, threads := range []int{1, 2} {
		if ns := timeWide(threads); ns < 100 || ns > 1e9 {
			t.Errorf("on %d threads: %v ns a block", threads, ns)
		}
	}
}

package main

import (
	"strings"
	"testing"
	"time"
)

func turnOf(one, two time.Duration, before, after float64, sums ...float64) turn {
	at := pace{wall: 100}
	sum := 2.
	if len(sums) > 0 {
		sum = sums[0]
	}
	return turn{one: played{wall: one, at: at}, two: played{wall: two, at: at}, before: gains{before, sum}, after: gains{after, sum}}
}

// Only rounds in which the machine had two cores to give count, and without enough of them
// a ratio that looks well reaches nothing.
func TestTurnsThatCount(t *testing.T) {
	const s = time.Second
	calm := turnOf(20*s, 10*s, 1.9, 2.1)
	for _, c := range []struct {
		what  string
		turns turns
		ratio float64
		met   bool
		said  []string
	}{
		{"enough", turns{[]turn{turnOf(11*s, 10*s, 1.89, 2), calm, calm, turnOf(11*s, 10*s, 2, 1.5), calm, calm, calm}, 7}, 2, true,
			[]string{"these are the 5 rounds", "2 rounds are passed over", "7 more were not begun"}},
		{"enough, and slow", turns{[]turn{calm, calm, turnOf(18*s, 10*s, 2, 2), turnOf(17*s, 10*s, 2, 2), turnOf(18*s, 10*s, 2, 2)}, 0}, 1.8, false, []string{"these are the 5 rounds"}},
		{"too few", turns{[]turn{calm, calm, calm, calm, turnOf(24*s, 10*s, 1.8, 2)}, 30}, 2, false,
			[]string{"only in 4 of 5 rounds", "do not say whether the target is reached", "30 more were not begun"}},
		{"one core with two threads", turns{[]turn{turnOf(18*s, 10*s, 2, 2, 1.2), turnOf(18*s, 10*s, 2, 2, 1.2), turnOf(18*s, 10*s, 2, 2, 1.2), turnOf(18*s, 10*s, 2, 2, 1.2), turnOf(18*s, 10*s, 2, 2, 1.2)}, 0}, 1.8, false,
			[]string{"only in 0 of 5 rounds"}},
		{"a machine that grew faster", turns{[]turn{calm, calm, calm, calm, turnOf(30*s, 10*s, 2.8, 2)}, 0}, 2, false, []string{"only in 4 of 5 rounds"}},
		{"none", turns{[]turn{turnOf(20*s, 10*s, 1, 1)}, 0}, 2, false, []string{"only in 0 of 1 rounds"}},
	} {
		b := &bench{}
		b.jobsRow("poisson", c.turns)
		r := &b.rows[0]
		if met, everywhere := r.met(); met != c.met || everywhere != c.met || r.measured() != c.ratio {
			t.Errorf("%s: %v, met %v, %v", c.what, r.measured(), met, everywhere)
		}
		for _, said := range c.said {
			if !strings.Contains(r.note, said) {
				t.Errorf("%s: no %q in %q", c.what, said, r.note)
			}
		}
		var md, csv strings.Builder
		b.table(&md)
		b.csv(&csv)
		if yes := strings.Contains(md.String(), "| yes |"); yes != c.met || strings.Contains(csv.String(), ",true,") != c.met {
			t.Errorf("%s:\n%s\n%s", c.what, &md, &csv)
		}
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

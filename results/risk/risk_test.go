package risk

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestCurveCountsWhatASizeLeavesOver(t *testing.T) {
	c := NewCurve([]int64{30, Hopeless, 10, 20, 20}, 0.95)
	for _, x := range []struct{ size, full int64 }{{0, 5}, {9, 5}, {10, 4}, {19, 4}, {20, 2}, {30, 1}, {Hopeless - 1, 1}} {
		if p := c.At(x.size); p.Full != x.full || p.Of != 5 {
			t.Errorf("%d bytes: %d of %d full, want %d of 5", x.size, p.Full, p.Of, x.full)
		}
	}
	if q, ok := c.Quantile(0.6); !ok || q != 20 {
		t.Errorf("quantile 0.6: %d %v", q, ok)
	}
	if _, ok := c.Quantile(0.9); ok {
		t.Error("a size was found for hopeless outages")
	}
	if p := c.Points(2); len(p) != 2 || p[0].Bytes != 10 || p[1].Bytes != 30 {
		t.Errorf("points %+v", p)
	}
}

func TestTooFewIsRefused(t *testing.T) {
	for _, x := range []struct {
		target float64
		least  int64
	}{{0.5, 6}, {0.9, 36}, {0.99, 368}, {0.999, 3688}} {
		if n := Least(x.target, 0.95); n != x.least {
			t.Errorf("target %g takes %d, want %d", x.target, n, x.least)
		}
		needs := make([]int64, x.least)
		for i := range needs {
			needs[i] = int64(i)
		}
		if got, err := NewCurve(needs, 0.95).Recommend(x.target); err != nil || got != x.least-1 {
			t.Errorf("target %g with %d samples: %d, %v; only the largest need shows it", x.target, x.least, got, err)
		}
		var few *TooFew
		if _, err := NewCurve(needs[1:], 0.95).Recommend(x.target); !errors.As(err, &few) || few.Least != x.least {
			t.Errorf("target %g with one less: %v", x.target, err)
		}
	}
}

func TestNoSizeIsAnAnswer(t *testing.T) {
	needs := make([]int64, 1000)
	for i := range 20 {
		needs[i] = Hopeless
	}
	var none *NoSize
	if _, err := NewCurve(needs, 0.95).Recommend(0.99); !errors.As(err, &none) || none.Hopeless != 20 {
		t.Error(err)
	}
	if _, err := NewCurve(needs, 0.95).Recommend(0.9); err != nil {
		t.Error(err)
	}
}

// The promise: with 95 % confidence at least the target. Of needs that are
// uniform in [0, 2^40) a size's true share is the size itself.
func TestRecommendationKeepsItsPromise(t *testing.T) {
	const target, n, tries = 0.95, 400, 2000
	r := rand.New(rand.NewPCG(1, 2))
	below, covered := 0, 0
	for range tries {
		needs := make([]int64, n)
		for i := range needs {
			needs[i] = r.Int64N(1 << 40)
		}
		c := NewCurve(needs, 0.95)
		size, err := c.Recommend(target)
		if err != nil {
			t.Fatal(err)
		}
		truth := float64(size) / (1 << 40)
		if truth < target {
			below++
		}
		if p := c.At(size); p.Lo <= truth && truth <= p.Hi {
			covered++
		}
	}
	if below > tries*4/100 {
		t.Errorf("%d of %d recommendations miss the target: one in 40 may", below, tries)
	}
	if covered < tries*93/100 || covered > tries*985/1000 {
		t.Errorf("%d of %d intervals hold the truth", covered, tries)
	}
}

func TestRoundIsUpAndSmall(t *testing.T) {
	for _, x := range []struct{ size, want int64 }{
		{0, 16 << 10}, {1, 16 << 10}, {16<<10 + 1, 17 << 10}, {1 << 20, 1 << 20}, {1<<20 + 1, 2 << 20},
		{171_000_000, 168 << 20}, {192 << 20, 192 << 20}, {5 << 30, 5 << 30},
	} {
		if got := Round(x.size); got != x.want {
			t.Errorf("%d is rounded to %d (%s), want %d", x.size, got, ConfSize(got), x.want)
		}
	}
	for n := int64(32 << 10); n < math.MaxInt64/3; n = n/5*7 + 1 {
		if got := Round(n); got < n || n > 16<<20 && got-n > n/15 {
			t.Errorf("%d is rounded to %d", n, got)
		}
	}
}

func TestMonthsTakeTheWorst(t *testing.T) {
	got := Months([]int64{5, 3, 9, 1}, []int{2, 0, 1, 1})
	for i, w := range []int64{5, 0, 9, 1} {
		if got[i] != w {
			t.Fatalf("%v", got)
		}
	}
}

// A size that is not what was asked for says so, and why: played as itself it does not keep what
// the curve promised, or a larger one is not worth its memory. Sizes are written as redis.conf
// writes them where they stand there.
func TestAnswerText(t *testing.T) {
	point := func(share, lo, hi float64) *Point {
		return &Point{Bytes: 11 << 30, Of: 2000, Share: share, Lo: lo, Hi: hi}
	}
	for want, a := range map[string]Answer{
		"NOT confirmed: the gaps alone promised 99.2 %":                                          {Recommended: point(.95, .94, .96), OnCurve: point(.992, .991, .994)},
		"that is NOT the 99.0 % that were asked for: see the binding limit and the traps":        {Recommended: point(.975, .967, .981), OnCurve: point(.975, .967, .981)},
		"on the master; counts towards maxmemory (12 GB are 91.7 % of 12gb)":                     {Confirmed: true, Recommended: point(.995, .992, .997), Memory: Memory{Backlog: 11 << 30, Max: 12 << 30, Share: 11. / 12}},
		"Recommended    repl-backlog-size 11gb  no full resync in 99.5 % of outages (95 % CI 99": {Confirmed: true, Recommended: point(.995, .992, .997)},
	} {
		a.Question = Question{Target: .99, Confidence: .95, Per: "outage"}
		var b strings.Builder
		if err := a.Write(&b); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
		if strings.Contains(b.String(), "NOT") != !a.Confirmed {
			t.Errorf("confirmed is %v:\n%s", a.Confirmed, b.String())
		}
	}
}

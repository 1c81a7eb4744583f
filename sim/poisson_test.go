package sim

import (
	"fmt"
	"math"
	"math/big"
	"psyncsim/model"
	"sort"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat/distuv"
)

func TestPoissonTable(t *testing.T) {
	for _, mean := range []float64{1e-9, 0.3, 5, 260, 511} {
		var p poisson
		p.tabulate(big.NewInt(int64(mean*1e9)), big.NewInt(1e9))
		d := distuv.Poisson{Lambda: mean}
		for i, u := range p.limit {
			got, want := float64(u)/(1<<64), d.CDF(float64(p.first)+float64(i))
			if math.Abs(got-want) > 1e-9 {
				t.Errorf("mean %g: chance of at most %d is %g, want %g", mean, p.first+int64(i), got, want)
			}
		}
		if p.limit[len(p.limit)-1] != math.MaxUint64 {
			t.Errorf("mean %g: the last limit is %d", mean, p.limit[len(p.limit)-1])
		}
	}
}

// Counts of equal stretches have the mean and the variance of a Poisson
// distribution, and gaps are exponential, at low and high rates.
func TestPoissonLaw(t *testing.T) {
	for _, c := range []struct {
		perSecond int64
		span      time.Duration
		stretch   time.Duration
	}{
		{1, 60 * time.Hour, 10 * time.Second},
		{10_000, 20 * time.Second, 3 * time.Millisecond},
		{10_000, 1000 * time.Second, 100 * time.Millisecond},
		{300_000_000, 2 * time.Millisecond, 100},
	} {
		t.Run(fmt.Sprintf("%d/s by %v", c.perSecond, c.stretch), func(t *testing.T) {
			l := mustLoad(t, LoadConfig{Commands: setMix, Arrivals: Poisson, PerSecond: c.perSecond}, c.span, 42)
			mean := float64(c.perSecond) * c.stretch.Seconds()
			var n, sum, squares float64
			last := l.upto(0)
			for at := c.stretch; at < c.span; at += c.stretch {
				k := l.upto(model.Instant(at))
				x := float64(k-last) - mean
				n, sum, squares, last = n+1, sum+x, squares+x*x, k
			}
			if z := sum / math.Sqrt(n*mean); math.Abs(z) > 4 {
				t.Errorf("the mean is off by %.2f standard errors", z)
			}
			// The variance of (x-mean)^2 is mean + 2 mean^2.
			if z := (squares/n - mean) / math.Sqrt((mean+2*mean*mean)/n); math.Abs(z) > 4 {
				t.Errorf("the variance is off by %.2f standard errors", z)
			}
			gaps(t, l, float64(c.perSecond)/1e9)
		})
	}
}

// gaps compares the gaps between arrivals with the exponential law, rounding
// to nanoseconds allowed for (Kolmogorov-Smirnov, 0.1 %).
func gaps(t *testing.T, l *load, rate float64) {
	n := int(min(l.total()-1, 100_000))
	list := make([]float64, n)
	for k := range list {
		list[k] = float64(l.when(int64(k)+1) - l.when(int64(k)))
	}
	sort.Float64s(list)
	worst := 0.0
	for i := 0; i < n; {
		j := i
		for j < n && list[j] == list[i] {
			j++
		}
		// Instants are cut to whole ns: a gap of g came from (g-1, g+1).
		low, high := -math.Expm1(-rate*max(0, list[i]-1)), -math.Expm1(-rate*(list[i]+1))
		worst = max(worst, float64(j)/float64(n)-high, low-float64(j)/float64(n))
		i = j
	}
	if limit := 1.95 / math.Sqrt(float64(n)); worst > limit {
		t.Errorf("gaps differ from the exponential law by %.4f, allowed %.4f", worst, limit)
	}
}

// Two streams and two seeds have nothing to do with each other.
func TestPoissonStreams(t *testing.T) {
	c := LoadConfig{Commands: setMix, Arrivals: Poisson, PerSecond: 1000}
	a, _ := newLoad(&c, time.Hour, 1, 1)
	for _, at := range [][2]uint64{{1, 2}, {2, 1}, {0, 0}} {
		b, _ := newLoad(&c, time.Hour, at[0], at[1])
		var dot, n float64
		for s := model.Instant(1); s < 3600; s++ {
			x := float64(a.upto(s*1e9)-a.upto((s-1)*1e9)) - 1000
			y := float64(b.upto(s*1e9)-b.upto((s-1)*1e9)) - 1000
			dot, n = dot+x*y, n+1
		}
		if z := dot / 1000 / math.Sqrt(n); math.Abs(z) > 4 {
			t.Errorf("seed %d stream %d hangs together with seed 1 stream 1: %.2f", at[0], at[1], z)
		}
	}
}

func TestDrawPin(t *testing.T) {
	want := []uint64{12035550249420947055, 2558736989570252433, 5095610196844313600, 12935080325729570654, 2869315087210772132, 4181974824002594042, 879}
	got := []uint64{draw(0, 0), draw(0, 0, 0), draw(1, 0), draw(0, 1), draw(1, 2, 3), draw(1, 2, 3, 4), uniform(draw(1, 2), 1000)}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("draws are %d, want %d", got, want)
	}
	// Below the key 0 lies Vigna's sequence of the seed 0.
	k := seedKey(0)
	if a, b := k.sub(0), k.sub(1); a != 0xe220a8397b1dcdaf || b != 0x6e789e6aa1b965f4 {
		t.Errorf("not SplitMix64: %x %x", a, b)
	}
}

func TestUniform(t *testing.T) {
	var seen [7]int
	for i := range uint64(70_000) {
		seen[uniform(draw(9, 9, i), 7)]++
	}
	for v, n := range seen {
		if n < 9_600 || n > 10_400 {
			t.Errorf("%d came %d times of 70000", v, n)
		}
	}
	if uniform(math.MaxUint64, 5) != 4 || uniform(0, 5) != 0 {
		t.Error("out of range")
	}
}

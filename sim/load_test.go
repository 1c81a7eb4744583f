package sim

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"math"
	"math/big"
	"math/bits"
	"sort"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat/distuv"
	"pgregory.net/rapid"

	"psyncsim/model"
)

// setMix is 200 bytes a command.
var setMix = []Command{{Name: "SET", Args: []int{16, 156}, Times: 1}}

var mixedMix = []Command{
	{Name: "SET", Args: []int{12, 3}, Times: 3},
	{Name: "PING", Times: 1},
	{Name: "HSET", Args: []int{9, 10, 1000}, Times: 2},
}

func mustLoad(t testing.TB, c LoadConfig, d time.Duration, seed uint64) *load {
	t.Helper()
	l, err := newLoad(&c, d, seed, 7)
	if err != nil {
		t.Fatalf("%+v: %v", c, err)
	}
	return l
}

// transaction is a command and n more of it between MULTI and EXEC.
func transaction(c Command, n int) Command {
	m := Command{Name: "MULTI", Times: c.Times, Then: []Command{c}}
	for i := range n {
		more := Command{Name: c.Name, Args: append([]int{}, c.Args...)}
		if len(more.Args) > 0 {
			more.Args[0] += i
		}
		m.Then = append(m.Then, more)
	}
	m.Then = append(m.Then, Command{Name: "EXEC"})
	return m
}

func drawMix(t *rapid.T) []Command {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Command {
		c := Command{
			Name:  rapid.SampledFrom([]string{"SET", "PING", "HSET", "averylongcommandname"}).Draw(t, "name"),
			Args:  rapid.SliceOfN(rapid.IntRange(0, 1200), 0, 4).Draw(t, "args"),
			Times: rapid.IntRange(1, 5).Draw(t, "times"),
		}
		if rapid.IntRange(0, 3).Draw(t, "together") == 0 {
			c = transaction(c, rapid.IntRange(0, 3).Draw(t, "others"))
		}
		return c
	}), 1, 4).Draw(t, "mix")
}

// drawLoad is any valid load of at most some ten thousand commands.
func drawLoad(t *rapid.T) (LoadConfig, time.Duration) {
	ns := func(name string, from, to int64) time.Duration {
		return time.Duration(rapid.Int64Range(from, to).Draw(t, name))
	}
	c := LoadConfig{Commands: drawMix(t), Arrivals: ArrivalKind(rapid.IntRange(0, 3).Draw(t, "kind"))}
	d := ns("duration", 1, int64(rapid.SampledFrom([]time.Duration{50, time.Millisecond, 3 * time.Second}).Draw(t, "order")))
	rate := func(name string) int64 {
		return rapid.SampledFrom([]int64{0, 1, 2, 3, 100, 999, 10_000, 1e9 / max(1, int64(d)/1000)}).Draw(t, name)
	}
	if rapid.Bool().Draw(t, "by commands") {
		c.PerSecond, c.BurstPerSecond = rate("rate"), rate("burst")
	} else {
		c.BytesPerSecond, c.BurstBytes = 500*rate("rate"), 499*rate("burst")
	}
	if c.Arrivals == Bursts {
		c.On, c.Off = ns("on", 0, int64(d)), ns("off", 1, int64(d))
		if c.PhaseSet = rapid.Bool().Draw(t, "phase set"); c.PhaseSet {
			c.Phase = ns("phase", 0, int64(c.On+c.Off)-1)
		}
	}
	if c.Arrivals == Trace {
		p := TracePoint{}
		for range rapid.IntRange(1, 20).Draw(t, "samples") {
			p.At += ns("step", 0, int64(d)/4)
			p.Bytes += rapid.Int64Range(0, 3000).Draw(t, "step bytes")
			c.Trace = append(c.Trace, p)
		}
	}
	if rapid.Bool().Draw(t, "bounded") {
		c.From = ns("from", 0, int64(d))
		c.Until = ns("until", int64(c.From), int64(d)+5)
	}
	return c, d
}

func TestLoadMix(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := LoadConfig{Commands: drawMix(t)}
		l, err := newLoad(&c, time.Second, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		var sum int64
		for k := int64(0); k < 40; k++ {
			if got := l.bytes(k); got != sum {
				t.Fatalf("bytes(%d) = %d, want %d", k, got, sum)
			}
			if l.find(sum) != k || k > 0 && l.find(sum-1) != k-1 {
				t.Fatalf("find around %d is not %d", sum, k)
			}
			raw := l.fill([]byte("x"), k)[1:]
			if int64(len(raw)) != l.size(k) {
				t.Fatalf("command %d has %d bytes, size says %d", k, len(raw), l.size(k))
			}
			for rest, parts := raw, l.mix.list[l.mix.at(k%l.mix.commands)].parts; len(parts) > 0; parts = parts[1:] {
				n := wireLen(string(bytes.Split(parts[0].head, []byte("\r\n"))[2]), parts[0].args)
				if !isCommand(rest[:n], parts[0].args) || len(parts) == 1 && int64(len(rest)) != n {
					t.Fatalf("command %d is %q, want arguments of %v", k, raw, parts[0].args)
				}
				rest = rest[n:]
			}
			sum += l.size(k)
		}
		k := rapid.Int64Range(0, 1<<40).Draw(t, "k")
		if b := l.bytes(k + 1); l.find(b) != k+1 || l.find(b-1) != k || b-l.bytes(k) != l.size(k) {
			t.Fatalf("bytes, size and find do not agree at %d", k)
		}
	})
}

// isCommand reads RESP in the plainest way.
func isCommand(raw []byte, args []int) bool {
	var n int
	if _, err := fmt.Sscanf(string(raw), "*%d\r\n", &n); err != nil || n != len(args)+1 {
		return false
	}
	raw = raw[bytes.IndexByte(raw, '\n')+1:]
	for i := range n {
		var size int
		if _, err := fmt.Sscanf(string(raw), "$%d\r\n", &size); err != nil || i > 0 && size != args[i-1] {
			return false
		}
		raw = raw[bytes.IndexByte(raw, '\n')+1:]
		if len(raw) < size+2 || string(raw[size:size+2]) != "\r\n" {
			return false
		}
		raw = raw[size+2:]
	}
	return len(raw) == 0
}

func TestLoadFill(t *testing.T) {
	l := mustLoad(t, LoadConfig{Commands: []Command{{Name: "SET", Args: []int{5, 3}, Times: 2}, {Name: "PING", Times: 1}}}, time.Second, 1)
	var got []byte
	for _, k := range []int64{0, 1, 2, 3, 1234567} {
		got = l.fill(got, k)
	}
	want := "*3\r\n$3\r\nSET\r\n$5\r\n00000\r\n$3\r\nbcd\r\n" +
		"*3\r\n$3\r\nSET\r\n$5\r\n00001\r\n$3\r\ncde\r\n" +
		"*1\r\n$4\r\nPING\r\n" +
		"*3\r\n$3\r\nSET\r\n$5\r\n00003\r\n$3\r\nefg\r\n" +
		"*3\r\n$3\r\nSET\r\n$5\r\n34567\r\n$3\r\nklm\r\n"
	if string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}

	set := Command{Name: "SET", Args: []int{3, 1, 2, 3}, Words: []string{"", "", "PX", "100"}}
	l = mustLoad(t, LoadConfig{Commands: []Command{{Name: "MULTI", Times: 1, Then: []Command{set, set, {Name: "EXEC"}}}}}, time.Second, 1)
	want = "*1\r\n$5\r\nMULTI\r\n" +
		"*5\r\n$3\r\nSET\r\n$3\r\n021\r\n$1\r\ng\r\n$2\r\nPX\r\n$3\r\n100\r\n" +
		"*5\r\n$3\r\nSET\r\n$3\r\n022\r\n$1\r\ng\r\n$2\r\nPX\r\n$3\r\n100\r\n" +
		"*1\r\n$4\r\nEXEC\r\n"
	if got := l.fill(nil, 5); string(got) != want || l.size(5) != int64(len(want)) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The relations that every arrival process keeps.
func TestLoadAsked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, d := drawLoad(t)
		seed := rapid.Uint64().Draw(t, "seed")
		l, err := newLoad(&c, d, seed, 3)
		if err != nil {
			t.Fatal(err)
		}
		total := l.total()
		if l.when(total) != model.Never || l.when(total+1000) != model.Never || l.upto(model.Never) != total {
			t.Fatalf("%d commands, the next at %d", total, l.when(total))
		}
		until := d
		if c.Until != 0 && c.Until < d {
			until = c.Until
		}
		if l.upto(-1) != 0 || l.upto(model.Instant(c.From)-1) != 0 || l.upto(model.Instant(until)) != total {
			t.Fatal("commands outside [from, until)")
		}
		// The same load, asked in another order.
		other, _ := newLoad(&c, d, seed+1, 3)
		other.total()
		other.reset(seed, 3)
		for range 30 {
			at := model.Instant(rapid.Int64Range(0, int64(d)).Draw(t, "at"))
			n := l.upto(at)
			if n > 0 && l.when(n-1) > at || l.when(n) <= at {
				t.Fatalf("%d commands until %d: %d at %d, the next at %d", n, at, n-1, l.when(max(0, n-1)), l.when(n))
			}
			if other.upto(at) != n {
				t.Fatalf("%d commands until %d, asked otherwise %d", n, at, other.upto(at))
			}
			if total == 0 {
				continue
			}
			k := rapid.Int64Range(0, total-1).Draw(t, "k")
			w := other.when(k)
			if l.when(k) != w || l.upto(w) <= k || l.upto(w-1) > k || w < model.Instant(c.From) || w >= model.Instant(until) {
				t.Fatalf("command %d at %d and %d, %d until then, %d before", k, w, l.when(k), l.upto(w), l.upto(w-1))
			}
			if k > 0 && l.when(k-1) > w {
				t.Fatalf("command %d before its predecessor", k)
			}
		}
	})
}

// Walked to the end in order, the times and the counts are the same as asked here and there.
func TestLoadWalk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, d := drawLoad(t)
		l, err := newLoad(&c, d, 5, 5)
		if err != nil {
			t.Fatal(err)
		}
		var times []model.Instant
		for k := int64(0); len(times) < 3000; k++ {
			at := l.when(k)
			if at == model.Never {
				break
			}
			times = append(times, at)
		}
		for i := len(times) - 1; i >= 0; i -= 1 + i/50 {
			if at := l.when(int64(i)); at != times[i] {
				t.Fatalf("command %d at %d, asked backwards at %d", i, times[i], at)
			}
			n := sort.Search(len(times), func(j int) bool { return times[j] > times[i] })
			if n < 3000 && l.upto(times[i]) != int64(n) {
				t.Fatalf("%d until %d, want %d", l.upto(times[i]), times[i], n)
			}
		}
	})
}

// A constant rate has no drift, and a burst load none over its periods.
func TestLoadExact(t *testing.T) {
	l := mustLoad(t, LoadConfig{Commands: setMix, PerSecond: 3}, 100*365*24*time.Hour, 1)
	for _, k := range []int64{1, 2, 3, 3e9 - 1, 3e9} {
		if got, want := int64(l.when(k-1)), (k*1e9+2)/3; got != want {
			t.Errorf("command %d at %d, want %d", k-1, got, want)
		}
	}
	l = mustLoad(t, LoadConfig{Commands: setMix, Arrivals: Bursts, PerSecond: 1, BurstPerSecond: 100,
		On: time.Second, Off: 9 * time.Second, PhaseSet: true, From: time.Second}, 1e6*time.Hour, 1)
	for _, w := range []int64{0, 1, 1000, 3.6e8 - 1} {
		begin := model.Instant(1e9 + w*10e9)
		if n := l.upto(begin); n != w*109 {
			t.Errorf("%d commands in %d periods", n, w)
		}
		if at := l.when(w*109 + 99); at != begin+1e9 {
			t.Errorf("the burst of period %d ends at %d", w, at)
		}
		if at := l.when(w*109 + 100); at != begin+2e9 {
			t.Errorf("the first command after the burst of period %d is at %d", w, at)
		}
	}
	l = mustLoad(t, LoadConfig{Commands: setMix, Arrivals: Trace, Trace: []TracePoint{{10, 400}, {20, 400}, {30, 1000}, {30, 1200}}}, 100, 1)
	var got []string
	for k := int64(0); k < 7; k++ {
		got = append(got, fmt.Sprint(l.when(k)))
	}
	if s := strings.Join(got, " "); s != "10 10 24 27 30 30 9223372036854775807" {
		t.Errorf("a trace writes at %s", s)
	}
}

func TestLoadRefused(t *testing.T) {
	good := LoadConfig{Commands: setMix, PerSecond: 10, On: 1, Off: 1}
	for name, spoil := range map[string]func(*LoadConfig){
		"no commands":    func(c *LoadConfig) { c.Commands = nil },
		"no transaction": func(c *LoadConfig) { c.Commands = []Command{{Name: "SET", Times: 1, Then: setMix}} },
		"no end":         func(c *LoadConfig) { c.Commands = []Command{{Name: "MULTI", Times: 1, Then: setMix}} },
		"only its end":   func(c *LoadConfig) { c.Commands = []Command{{Name: "EXEC", Times: 1}} },
		"a word's length": func(c *LoadConfig) {
			c.Commands = []Command{{Name: "SET", Args: []int{1, 2}, Words: []string{"", "PXA"}, Times: 1}}
		},
		"no name":        func(c *LoadConfig) { c.Commands = []Command{{Times: 1}} },
		"times":          func(c *LoadConfig) { c.Commands = []Command{{Name: "SET"}} },
		"huge cycle":     func(c *LoadConfig) { c.Commands = []Command{{Name: "SET", Times: 1 << 30}} },
		"argument":       func(c *LoadConfig) { c.Commands = []Command{{Name: "SET", Args: []int{-1}, Times: 1}} },
		"kind":           func(c *LoadConfig) { c.Arrivals = 9 },
		"rate":           func(c *LoadConfig) { c.PerSecond = -1 },
		"huge rate":      func(c *LoadConfig) { c.PerSecond = 1 << 60 },
		"poisson rate":   func(c *LoadConfig) { c.Arrivals, c.PerSecond = Poisson, -1 },
		"huge poisson":   func(c *LoadConfig) { c.Arrivals, c.PerSecond = Poisson, 1e12 },
		"burst rate":     func(c *LoadConfig) { c.Arrivals, c.BurstBytes = Bursts, -1 },
		"no period":      func(c *LoadConfig) { c.Arrivals, c.On, c.Off = Bursts, 0, 0 },
		"phase":          func(c *LoadConfig) { c.Arrivals, c.PhaseSet, c.Phase = Bursts, true, 2 },
		"no samples":     func(c *LoadConfig) { c.Arrivals = Trace },
		"trace backward": func(c *LoadConfig) { c.Arrivals, c.Trace = Trace, []TracePoint{{5, 5}, {6, 4}} },
		"trace early":    func(c *LoadConfig) { c.Arrivals, c.Trace = Trace, []TracePoint{{-5, 5}} },
		"from":           func(c *LoadConfig) { c.From = -1 },
		"until":          func(c *LoadConfig) { c.From, c.Until = 5, 4 },
	} {
		c := good
		spoil(&c)
		if _, err := newLoad(&c, time.Hour, 1, 1); err == nil || !strings.HasPrefix(err.Error(), "load: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, d := range []time.Duration{0, -1, 1 << 62} {
		if _, err := newLoad(&good, d, 1, 1); err == nil {
			t.Errorf("duration %d is taken", d)
		}
	}
}

func bruteLag(l *load, i, j, ps int64) int64 {
	best := int64(noLag)
	for k := i; k < j; k++ {
		best = max(best, int64(l.when(k))*1000-l.bytes(k)*ps)
	}
	return best
}

func TestMaxLag(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, d := drawLoad(t)
		l, err := newLoad(&c, d, rapid.Uint64().Draw(t, "seed"), 3)
		if err != nil {
			t.Fatal(err)
		}
		total := min(l.total(), 20_000)
		i := rapid.Int64Range(0, total).Draw(t, "i")
		j := rapid.Int64Range(0, total).Draw(t, "j")
		mean := int64(1) // ps a byte of a link just as fast as the load
		if total > 1 {
			mean = max(1, int64(l.when(total-1)-l.when(0))*1000/(l.bytes(total)-l.bytes(1)))
		}
		ps := rapid.SampledFrom([]int64{0, 1, mean / 3, mean - 1, mean, mean + 1, mean * 2, mean * 50, 1e12 / max(1, c.BytesPerSecond)}).Draw(t, "ps")
		if got, want := maxLag(l, i, j, ps), bruteLag(l, i, j, ps); got != want {
			t.Fatalf("lag of [%d, %d) at %d ps a byte is %d, want %d", i, j, ps, got, want)
		}
		plain := struct{ timed }{l} // a stream of which no more is known
		if got, want := maxLag(plain, i, j, ps), bruteLag(l, i, j, ps); got != want {
			t.Fatalf("lag of [%d, %d) at %d ps a byte is %d by halving alone, want %d", i, j, ps, got, want)
		}
	})
}

// Nearly even load and link are where bisection could come down to every command.
func TestMaxLagEven(t *testing.T) {
	for _, c := range []struct {
		bytes, ps int64
		mix       []Command
	}{
		{64_000_000, 15_625, setMix}, {2_000_000, 500_000, setMix}, {64_000_000, 15_625, mixedMix},
		{1_999_999, 500_000, setMix}, {2_000_001, 500_000, setMix}, {2_000_001, 500_000, mixedMix},
	} {
		l := mustLoad(t, LoadConfig{Commands: c.mix, BytesPerSecond: c.bytes}, time.Hour, 1)
		if got, want := maxLag(l, 10, 30_000, c.ps), bruteLag(l, 10, 30_000, c.ps); got != want {
			t.Errorf("%d bytes a second: lag %d, want %d", c.bytes, got, want)
		}
		s := lagSearch{l: l, fluid: l, ps: c.ps, best: noLag}
		lo, hi := s.mark(0), s.mark(l.total()-1)
		s.between(&lo, &hi, s.bound(&lo, &hi))
		if s.looks > 2000 {
			t.Errorf("%d bytes a second: looked at %d of %d commands", c.bytes, s.looks, l.total())
		}
		t.Logf("%d bytes a second: looked at %d of %d commands", c.bytes, s.looks, l.total())
	}
}

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

// The first answers are pinned: they must be the same on every machine, and a
// change of chance must not go unseen.
func TestLoadPin(t *testing.T) {
	bursts := LoadConfig{Commands: mixedMix, Arrivals: Bursts, PerSecond: 70, BurstPerSecond: 9001, On: 333 * time.Millisecond, Off: 2 * time.Second}
	for _, c := range []struct {
		name string
		c    LoadConfig
		want string
	}{
		{"constant bytes", LoadConfig{Commands: mixedMix, BytesPerSecond: 1_234_567}, "b018c72f74c8673e"},
		{"constant commands", LoadConfig{Commands: setMix, PerSecond: 7777, From: 12345}, "2e1e21e3e88bda1d"},
		{"bursts", bursts, "eb889c0faee68125"},
		{"trace", LoadConfig{Commands: setMix, Arrivals: Trace, Trace: []TracePoint{{3, 1}, {1e9, 77_777}, {2e9 + 1, 77_779}, {7e9, 1e6}}}, "ccbdf673785c0f05"},
		{"poisson", LoadConfig{Commands: setMix, Arrivals: Poisson, PerSecond: 10_000}, "f865c22dc5666fc7"},
		{"poisson bytes", LoadConfig{Commands: mixedMix, Arrivals: Poisson, BytesPerSecond: 77_777}, "b4f6546683b80e4d"},
		{"poisson slow", LoadConfig{Commands: setMix, Arrivals: Poisson, BytesPerSecond: 11}, "46bcd6b8877a0bf3"},
		{"poisson fast", LoadConfig{Commands: setMix, Arrivals: Poisson, PerSecond: 900_000_000}, "7eb7392b047fd00e"},
	} {
		l := mustLoad(t, c.c, time.Hour, 1)
		h := fnv.New64a()
		for k := int64(0); k < 1000; k++ {
			fmt.Fprintln(h, l.when(k), l.bytes(k))
		}
		fmt.Fprintln(h, l.upto(1e9), maxLag(l, 0, min(l.upto(10e9), 100_000), 4_000))
		if got := fmt.Sprintf("%016x", h.Sum64()); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
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

func TestWideDivide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.OneOf(rapid.Uint64(), rapid.Uint64Range(0, 3), rapid.Uint64Range(math.MaxUint64-2, math.MaxUint64))
		b := wide{word.Draw(t, "hi") >> rapid.IntRange(0, 64).Draw(t, "shift"), word.Draw(t, "lo") | 1}
		q := word.Draw(t, "q") >> bits.Len64(b.hi)
		r := wide{0, rapid.Uint64().Draw(t, "r")}
		if !r.less(b) {
			r = wide{}
		}
		gotQ, gotR := b.times(q).add(r).div(b)
		if gotQ != q || gotR != r {
			t.Fatalf("got %d rest %v, want %d rest %v", gotQ, gotR, q, r)
		}
	})
}

func TestLoadAllocs(t *testing.T) {
	for _, kind := range []ArrivalKind{Constant, Poisson, Bursts} {
		l := mustLoad(t, LoadConfig{Commands: mixedMix, Arrivals: kind, PerSecond: 10_000, BurstPerSecond: 1000, On: 5e8, Off: 5e8}, time.Hour, 1)
		buf := make([]byte, 0, 1<<12)
		seed := uint64(0)
		if n := testing.AllocsPerRun(20, func() {
			seed++
			l.reset(seed, 1)
			for at := model.Instant(0); at < 60e9; at += 1e8 {
				k := l.upto(at)
				l.when(k)
				buf = l.fill(buf[:0], k)
				maxLag(l, max(0, k-1000), k, 4000)
			}
		}); n != 0 {
			t.Errorf("kind %d: %v allocations", kind, n)
		}
	}
}

func benchLoad(b *testing.B, kind ArrivalKind) *load {
	b.ReportAllocs()
	return mustLoad(b, LoadConfig{Commands: setMix, Arrivals: kind, PerSecond: 10_000,
		BurstPerSecond: 20_000, On: time.Second, Off: time.Second}, time.Hour, 1)
}

var loadSink int64

func benchUpto(b *testing.B, kind ArrivalKind) {
	l := benchLoad(b, kind)
	at := model.Instant(0)
	for b.Loop() {
		if at += 1e8; at >= 3600e9 {
			at = 0
		}
		loadSink += l.upto(at)
	}
}

func BenchmarkLoadConstantUpto(b *testing.B) { benchUpto(b, Constant) }
func BenchmarkLoadBurstsUpto(b *testing.B)   { benchUpto(b, Bursts) }
func BenchmarkLoadPoissonUpto(b *testing.B)  { benchUpto(b, Poisson) }

func benchWhen(b *testing.B, kind ArrivalKind, step int64) {
	l := benchLoad(b, kind)
	k, total := int64(0), l.total()
	for b.Loop() {
		if k += step; k >= total {
			k -= total
		}
		loadSink += int64(l.when(k))
	}
}

func BenchmarkLoadConstantWhen(b *testing.B)      { benchWhen(b, Constant, 1000) }
func BenchmarkLoadPoissonWhen(b *testing.B)       { benchWhen(b, Poisson, 1000) }
func BenchmarkLoadPoissonWhenNext(b *testing.B)   { benchWhen(b, Poisson, 1) }
func BenchmarkLoadPoissonWhenRandom(b *testing.B) { benchWhen(b, Poisson, 22_222_223) }

func benchLag(b *testing.B, kind ArrivalKind, ps int64) {
	l := benchLoad(b, kind)
	k, total := int64(0), l.total()
	for b.Loop() {
		if k += 10_000; k+10_000 > total {
			k = 0
		}
		loadSink += maxLag(l, k, k+10_000, ps)
	}
}

// 10,000 commands of 200 bytes; 2 MB/s are 500,000 ps a byte.
func BenchmarkMaxLagUnder(b *testing.B)        { benchLag(b, Constant, 4000) }
func BenchmarkMaxLagNear(b *testing.B)         { benchLag(b, Constant, 499_000) }
func BenchmarkMaxLagPoissonUnder(b *testing.B) { benchLag(b, Poisson, 4000) }
func BenchmarkMaxLagPoissonNear(b *testing.B)  { benchLag(b, Poisson, 499_000) }
func BenchmarkLoadReset(b *testing.B) {
	l := benchLoad(b, Poisson)
	for b.Loop() {
		l.reset(uint64(loadSink), 1)
		loadSink++
	}
}
func BenchmarkLoadNewPoisson(b *testing.B) {
	for b.Loop() {
		benchLoad(b, Poisson)
	}
}

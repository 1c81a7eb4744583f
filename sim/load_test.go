package sim

import (
	"bytes"
	"fmt"
	"sort"
	"strings"
	"testing"
	"time"

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
		ps := rapid.SampledFrom([]int64{0, 1, mean / 3, mean - 1, mean, mean + 1, mean * 2, mean * 50, max(0, l.easy), l.easy + 1, 1e12 / max(1, c.BytesPerSecond)}).Draw(t, "ps")
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

var loadSink int64

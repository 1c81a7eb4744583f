package main

import (
	"bufio"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// metrics are the numbers of one benchmark by their units: "ns/op", "sim_s/s", …
type metrics map[string]float64

// parse reads what go test -bench prints.
func parse(text string, got map[string]metrics) {
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 4 || !strings.HasPrefix(f[0], "Benchmark") {
			continue
		}
		name := strings.TrimPrefix(f[0], "Benchmark")
		if i := strings.LastIndexByte(name, '-'); i > 0 { // the number of processors
			if _, err := strconv.Atoi(name[i+1:]); err == nil {
				name = name[:i]
			}
		}
		m := metrics{}
		for i := 2; i+1 < len(f); i += 2 {
			if v, err := strconv.ParseFloat(f[i], 64); err == nil {
				m[f[i+1]] = v
			}
		}
		got[name] = m
	}
}

// round is one benchmark of one round, with the peer's pace around it.
type round struct {
	metrics
	at pace
}

// The benchmarks that are played in turn, round after round, and for how long each time.
var inTurn = []struct {
	names string
	time  time.Duration
}{
	{"Hold/queue/16 Hold/container-heap/16 Hold/queue/1000 Hold/container-heap/1000 Hold/queue/100000 Hold/container-heap/100000", 200 * time.Millisecond},
	{"Reference/lengths Reference/lengths-poisson Reference/bytes Reference/bulk", 500 * time.Millisecond},
	{"Growth/writes=100 Growth/writes=1000000 Growth/backlog=1MiB Growth/backlog=1024MiB Growth/hours=1 Growth/hours=16 " +
		"Growth/outages=20 Growth/outages=320 Growth/replicas=1 Growth/replicas=100 Growth/chain=1 Growth/chain=10", 300 * time.Millisecond},
}

// play plays every benchmark of the simulator once in each round.
func (b *bench) playBenchmarks() error {
	binary, err := b.simulator()
	if err != nil {
		return err
	}
	for range b.rounds {
		for _, t := range inTurn {
			for _, name := range strings.Fields(t.names) {
				var text string
				at, err := b.beside(1, func() (err error) {
					text, err = output(binary, "-test.run", "^$", "-test.bench", "^Benchmark"+strings.ReplaceAll(name, "/", "$/^")+"$", "-test.benchmem", "-test.benchtime", t.time.String())
					return err
				})
				if err != nil {
					return err
				}
				got := map[string]metrics{}
				if parse(text, got); got[name] == nil {
					return fmt.Errorf("%s: there is no benchmark %s", filepath.Base(binary), name)
				}
				b.got[name] = append(b.got[name], round{got[name], at})
			}
		}
	}
	return nil
}

// of is one number of a benchmark in every round.
func (b *bench) of(name, unit string) []sample {
	return mapped(b.got[name], func(r round) sample {
		if strings.Contains(unit, "cpu") {
			return sample{r.metrics[unit], r.at.cpu}
		}
		return sample{r.metrics[unit], r.at.wall}
	})
}

// middle is the median of one number of a benchmark.
func (b *bench) middle(name, unit string) float64 {
	return median(each(b.of(name, unit), sample.measured))
}

// to is, round by round, f of a number of two benchmarks.
func (b *bench) to(x, y, unit string, f func(x, y float64) float64) (out []sample) {
	for i, a := range b.of(x, unit) {
		out = append(out, sample{value: f(a.value, b.of(y, unit)[i].value)})
	}
	return out
}

// benchmarks runs those of the simulator and takes the rows that are read off them.
func (b *bench) benchmarks() error {
	if err := b.playBenchmarks(); err != nil {
		return err
	}
	times := func(x, y float64) float64 { return y / x }
	for _, q := range []struct {
		pending string
		most    float64
	}{{"16", 20}, {"1000", 45}, {"100000", 260}} {
		ours, theirs := "Hold/queue/"+q.pending, "Hold/container-heap/"+q.pending
		slower := b.to(ours, theirs, "ns/op", times)
		b.figure("queue: hold model, "+q.pending+" pending", "ns/event", spent, atMost(q.most), b.of(ours, "ns/op"),
			"container/heap with closures as many pending: %.4g ns", b.middle(theirs, "ns/op"))
		if q.pending == "16" {
			b.figure("container/heap with closures takes, 16 pending", "× as long", plain, atLeast(6), slower, "")
		}
		b.figure("queue: allocations an event, "+q.pending+" pending", "", plain, atMost(0), bare(b.of(ours, "allocs/op")), "")
	}
	for _, r := range []struct {
		name, what string
		least      float64
	}{
		{"lengths", "reference run, lengths", 5e6}, {"lengths-poisson", "reference run, lengths, Poisson arrivals", 1e6},
		{"bytes", "reference run, bytes, parsed and applied", 1200},
		{"bulk", "reference run, bytes in bulk: as many in values of 64 KiB", 2500},
	} {
		name := "Reference/" + r.name
		b.figure(r.what, "simulated s/s", speed, atLeast(r.least), b.of(name, "sim_s/s"),
			"by the processor's clock %s; %.4g ns an event, %.4g allocations a run", figure(b.middle(name, "sim_s/cpu_s")), b.middle(name, "ns/event"), b.middle(name, "allocs/op"))
	}
	for _, g := range []struct {
		what, axis, from, to string
		ratio, most          float64
	}{
		{"growth with the write rate", "writes", "100", "1000000", 1e4, 0.1},
		{"growth with the size of the backlog", "backlog", "1MiB", "1024MiB", 1024, 0.02},
		{"growth with hours", "hours", "1", "16", 16, 1},
		{"growth with outages", "outages", "20", "320", 16, 1},
	} {
		x, y := "Growth/"+g.axis+"="+g.from, "Growth/"+g.axis+"="+g.to
		b.figure(g.what+", exponent", "", plain, atMost(g.most), b.to(x, y, "cpu-ns/op", func(x, y float64) float64 { return math.Log(y/x) / math.Log(g.ratio) }),
			"%s to %s: %.4g and %.4g ms of CPU a run", g.from, g.to, b.middle(x, "cpu-ns/op")/1e6, b.middle(y, "cpu-ns/op")/1e6)
	}
	b.perReplica("100 replicas of one master: cost a replica", "Growth/replicas=1", "Growth/replicas=100", 100)
	b.perReplica("a chain 10 deep: cost a replica", "Growth/chain=1", "Growth/chain=10", 10)
	return nil
}

// perReplica is what each of n replicas costs beside the only one of a run, by the
// processor's clock: the two runs are as long and every replica has as many outages. How
// much each played stands beside it.
func (b *bench) perReplica(what, one, many string, n float64) {
	b.figure(what, "× one replica's", plain, atMost(2), b.to(one, many, "cpu-ns/op", func(x, y float64) float64 { return y / n / x }),
		"an hour, CPU time: %.4g ms with one (%.0f partial, %.0f full resynchronizations), %.4g ms with %.0f (%.0f partial, %.0f full)",
		b.middle(one, "cpu-ns/op")/1e6, b.middle(one, "partial"), b.middle(one, "full"), b.middle(many, "cpu-ns/op")/1e6, n, b.middle(many, "partial"), b.middle(many, "full"))
}

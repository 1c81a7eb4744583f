package main

import (
	"bufio"
	"math"
	"strconv"
	"strings"
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

// benchmarks runs those of the simulator and takes the rows that are read off them.
func (b *bench) benchmarks() error {
	text, err := output("go", "test", "-run", "^$", "-bench", "^Benchmark(Hold|Reference|Outage)$", "-benchmem", "-benchtime", b.benchtime, "-timeout", "30m", "./sim")
	if err != nil {
		return err
	}
	parse(text, b.got)
	// What grows is played a few times only: a hundred replicas take long.
	text, err = output("go", "test", "-run", "^$", "-bench", "^BenchmarkGrowth$", "-benchmem", "-benchtime", "5x", "-timeout", "30m", "./sim")
	if err != nil {
		return err
	}
	parse(text, b.got)
	for _, q := range []struct {
		pending string
		most    float64
	}{{"16", 20}, {"1000", 45}, {"100000", 260}} {
		ours, heap := b.got["Hold/queue/"+q.pending], b.got["Hold/container-heap/"+q.pending]
		b.add("queue: hold model, "+q.pending+" pending", ours["ns/op"], "ns/event", atMost(q.most), "container/heap with closures: %.4g ns, %.3g × as long", heap["ns/op"], heap["ns/op"]/ours["ns/op"])
		b.add("queue: allocations an event, "+q.pending+" pending", ours["allocs/op"], "", atMost(0), "")
	}
	for _, r := range []struct {
		name, what string
		least      float64
	}{
		{"lengths", "reference run, lengths", 5e6}, {"lengths-poisson", "reference run, lengths, Poisson arrivals", 1e6},
		{"bytes", "reference run, bytes, parsed and applied", 1200},
		{"bulk", "reference run, bytes in bulk: as many in values of 64 KiB", 2500},
	} {
		if m, ok := b.got["Reference/"+r.name]; ok {
			b.add(r.what, m["sim_s/s"], "simulated s/s", atLeast(r.least), "by the processor's clock %s, also where the machine has other work; %.4g ns an event, %.4g allocations a run", figure(m["sim_s/cpu_s"]), m["ns/event"], m["allocs/op"])
		}
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
		x, y := b.got["Growth/"+g.axis+"="+g.from]["ns/op"], b.got["Growth/"+g.axis+"="+g.to]["ns/op"]
		b.add(g.what+", exponent", math.Log(y/x)/math.Log(g.ratio), "", atMost(g.most), "%s to %s: %.4g and %.4g ms a run", g.from, g.to, x/1e6, y/1e6)
	}
	b.perReplica("100 replicas of one master: cost a replica", "replicas=1", "replicas=100", 100)
	b.perReplica("a chain 10 deep: cost a replica", "chain=1", "chain=10", 10)
	return nil
}

// perReplica is what each of n replicas costs beside the only one of a run, by the
// processor's clock: the two runs are as long and every replica has as many outages. How
// much each played stands beside it.
func (b *bench) perReplica(what, one, many string, n float64) {
	x, y := b.got["Growth/"+one], b.got["Growth/"+many]
	b.add(what, y["cpu-ns/op"]/n/x["cpu-ns/op"], "× one replica's", atMost(2),
		"an hour, CPU time: %.4g ms with one (%.0f partial, %.0f full resynchronizations), %.4g ms with %.0f (%.0f partial, %.0f full)",
		x["cpu-ns/op"]/1e6, x["partial"], x["full"], y["cpu-ns/op"]/1e6, n, y["partial"], y["full"])
}

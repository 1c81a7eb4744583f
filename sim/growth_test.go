package sim

import (
	"fmt"
	"testing"
	"time"

	"psyncsim/model"
	"psyncsim/sim/trace"
)

// BenchmarkGrowth plays the reference run with one thing made larger at a time: its cost
// follows what is decided, not the bytes that are written or kept.
func BenchmarkGrowth(b *testing.B) {
	play := func(name string, c *Config) {
		b.Run(name, func(b *testing.B) {
			r := newRunner(b)
			var did work
			if err := r.w.Reset(c, &did); err != nil {
				b.Fatal(err)
			}
			if err := r.w.Run(); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			began := cpuTime()
			for b.Loop() {
				r.run(c)
			}
			spent := cpuTime() - began
			b.ReportMetric(c.Duration.Seconds()*float64(b.N)/b.Elapsed().Seconds(), "sim_s/s")
			b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N), "cpu-ns/op")
			b.ReportMetric(float64(did.facts), "facts")
			b.ReportMetric(float64(did.partial), "partial")
			b.ReportMetric(float64(did.full), "full")
		})
	}
	for _, rate := range []int64{100, 10_000, 1_000_000} {
		c := reference(time.Hour, Constant)
		c.Loads[0].PerSecond = rate
		c.Links[0].Bandwidth = 0 // the same link for all of them
		play(fmt.Sprintf("writes=%d", rate), c)
	}
	for _, size := range []int64{1 << 20, 32 << 20, 1 << 30} {
		c := reference(time.Hour, Constant)
		for i := range c.Servers {
			c.Servers[i].Settings.BacklogSize = size
		}
		play(fmt.Sprintf("backlog=%dMiB", size>>20), c)
	}
	for _, hours := range []int{1, 4, 16} {
		c := reference(time.Hour, Constant)
		c.Duration *= time.Duration(hours)
		play(fmt.Sprintf("hours=%d", hours), c)
	}
	for _, outages := range []int{20, 80, 320} {
		play(fmt.Sprintf("outages=%d", outages), withOutages(reference(time.Hour, Constant), outages))
	}
	for _, n := range []int{1, 10, 100} {
		play(fmt.Sprintf("replicas=%d", n), withReplicas(time.Hour, n, false))
	}
	for _, n := range []int{1, 3, 10} {
		play(fmt.Sprintf("chain=%d", n), withReplicas(time.Hour, n, true))
	}
}

// work is how much a run had to play.
type work struct{ facts, partial, full int }

// Observe implements trace.Watcher.
func (x *work) Observe(r *trace.Record) {
	x.facts++
	if r.Event.Kind != model.EvOnline {
		return
	}
	if r.Event.Full {
		x.full++
	} else {
		x.partial++
	}
}

// withOutages spreads so many resets of two seconds over a run.
func withOutages(c *Config, n int) *Config {
	c.Faults = nil
	for i := range n {
		c.Faults = append(c.Faults, FaultConfig{At: c.Duration * time.Duration(2*i+1) / time.Duration(2*n), For: 2 * time.Second, Kind: FaultReset, A: 0, B: 1})
	}
	return c
}

// withReplicas is the reference run with more replicas, of one master or each of the one
// before it; every one has its own outages, twenty an hour, each at a time of its own: what a
// replica has to do is the same however many there are.
func withReplicas(duration time.Duration, n int, chain bool) *Config {
	c := reference(duration, Constant)
	first := c.Servers[1]
	c.Servers, c.Links, c.Faults = c.Servers[:1], nil, nil
	for i := 1; i <= n; i++ {
		s := first
		s.Name, s.ReplicaOf = fmt.Sprintf("replica%d", i), "master"
		up := 0
		if chain && i > 1 {
			s.ReplicaOf, up = c.Servers[i-1].Name, i-1
		}
		c.Servers = append(c.Servers, s)
		c.Links = append(c.Links, LinkConfig{A: up, B: i, Latency: 500 * time.Microsecond, Bandwidth: 125_000_000})
		for j := range 20 {
			at := duration * time.Duration(2*(j*n+i)-1) / time.Duration(40*n)
			c.Faults = append(c.Faults, FaultConfig{At: at, For: duration / 1800, Kind: FaultReset, A: up, B: i})
		}
	}
	return c
}

// BenchmarkRelays plays a minute of a chain of ten under loads of every kind. Relays note an
// even load as one as long as its link keeps up with it, bursts too; Poisson arrivals and
// commands of several lengths as long as the links are little used.
func BenchmarkRelays(b *testing.B) {
	for _, m := range relayedLoads {
		b.Run(m.name, func(b *testing.B) {
			c := withReplicas(time.Minute, 10, true)
			m.change(&c.Loads[0])
			r := newRunner(b)
			began := cpuTime()
			for b.Loop() {
				r.run(c)
			}
			b.ReportMetric(float64((cpuTime()-began).Nanoseconds())/float64(b.N), "cpu-ns/op")
		})
	}
}

// relayedLoads are loads of every kind, as changes of one of 10,000 equal commands a second.
var relayedLoads = []struct {
	name   string
	change func(*LoadConfig)
}{
	{"constant", func(*LoadConfig) {}},
	{"bursts", func(l *LoadConfig) {
		l.Arrivals, l.PerSecond, l.BurstPerSecond, l.On, l.Off = Bursts, 7000, 20_000, 3*time.Second, 9*time.Second
	}},
	{"poisson", func(l *LoadConfig) { l.Arrivals = Poisson }},
	{"mixed", func(l *LoadConfig) {
		l.Commands = append(l.Commands, Command{Name: "DEL", Args: []int{16}, Times: 2})
	}},
	{"poisson-mixed", func(l *LoadConfig) {
		l.Arrivals, l.Commands = Poisson, append(l.Commands, Command{Name: "DEL", Args: []int{16}, Times: 2})
	}},
}

// What a relay notes of its stream hangs on outages and PINGs, not on how much is written:
// ten times the load is a few notes more, for what it has to catch up with.
func TestRelaysNoteFew(t *testing.T) {
	for _, m := range relayedLoads {
		var notes [2]int
		var commands int64
		for i, part := range []int64{10, 1} {
			c := withReplicas(time.Minute, 5, true)
			l := &c.Loads[0]
			m.change(l)
			l.PerSecond, l.BurstPerSecond = l.PerSecond/part, l.BurstPerSecond/part
			w := &World{}
			if err := w.Reset(c); err != nil {
				t.Fatal(err)
			}
			if err := w.Run(); err != nil {
				t.Fatal(err)
			}
			for _, h := range w.hosts[1:] {
				notes[i] += len(h.log.segs)
			}
			commands = w.hosts[0].next
		}
		if commands < 100_000 || notes[1] > 2*notes[0] || notes[1] > 5000 {
			t.Errorf("%s: %d notes for a tenth, %d for all of %d commands", m.name, notes[0], notes[1], commands)
		}
		t.Logf("%s: %d notes for a tenth, %d for all of %d commands", m.name, notes[0], notes[1], commands)
	}
}

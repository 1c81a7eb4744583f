package sim

import (
	"fmt"
	"testing"
	"time"

	"psyncsim/model"
	"psyncsim/sim/tcp"
	"psyncsim/sim/trace"
)

// TestLevels: on links that lose nothing and have bandwidth to spare, a link of
// formulas and one of segments give the same verdicts with the same offsets.
func TestLevels(t *testing.T) {
	last := int64(400)
	if testing.Short() {
		last = 200
	}
	first := int64(0)
	if *scenarioOne >= 0 {
		first, last = *scenarioOne, *scenarioOne+1
	}
	inParallel(t, first, last, func() func(n int64) error {
		w := &World{}
		return func(n int64) error { return sameVerdicts(w, uint64(n)) }
	})
}

func sameVerdicts(w *World, n uint64) error {
	c := quietNetwork(n)
	var heard [2][]string
	for level := range heard {
		d := *c
		d.Links = append([]LinkConfig(nil), c.Links...)
		for i := range d.Links {
			if level == 1 {
				l := &d.Links[i]
				p := tcp.PathConfig{Latency: int64(l.Latency), Bandwidth: l.Bandwidth}
				l.TCP = &TCPLink{Options: tcp.Linux(), There: p, Back: p}
			}
		}
		if err := w.Reset(&d, watcher(func(r *trace.Record) {
			if e := &r.Event; e.Kind == model.EvJudged {
				heard[level] = append(heard[level], fmt.Sprintf("%s %s %q %q full=%v %v mro=%d gap=%d", r.Node, e.Peer, e.Text, e.Reply, e.Full, e.Why, e.MRO, e.Gap))
			}
		})); err != nil {
			return err
		}
		if err := w.Run(); err != nil {
			return fmt.Errorf("%v\n%s", err, goText(&d))
		}
	}
	for i := range max(len(heard[0]), len(heard[1])) {
		var a, b string
		if i < len(heard[0]) {
			a = heard[0][i]
		}
		if i < len(heard[1]) {
			b = heard[1][i]
		}
		if a != b {
			return fmt.Errorf("verdict %d:\nflow %s\ntcp  %s\n%s", i, a, b, goText(c))
		}
	}
	return nil
}

// quietNetwork is a random scenario over links without loss: rounds are so short,
// and there is so much bandwidth, that all written between two faults arrives.
func quietNetwork(n uint64) *Config {
	g := newGen(8, n)
	c := &Config{Seed: g.Uint64(), Duration: g.span(40*time.Second, 120*time.Second), LinearSYNs: 4}
	g.servers(c)
	shortest, longest, onlyShort := time.Hour, time.Duration(0), false
	for i := range c.Servers {
		s := &c.Servers[i]
		// It hears of the end of its replica only by what TCP sends again.
		onlyShort = onlyShort || s.Profile.PSYNC == 0
		if s.ReplicaOf != "" { // one in the middle is asked while it catches up, which takes rounds
			s.ReplicaOf = "a"
		}
		s.Settings.HardLimit, s.Settings.SoftLimit, s.Settings.MinReplicas = 0, 0, 0
		s.Dataset = min(s.Dataset, 10_000) // slow start takes rounds for more
		shortest, longest = min(shortest, s.Settings.Timeout), max(longest, s.Settings.Timeout)
	}
	for b := range c.Servers {
		for a := range b {
			c.Links = append(c.Links, LinkConfig{A: a, B: b, Latency: g.span(50*time.Microsecond, 3*time.Millisecond), Bandwidth: pick(g, int64(0), 125_000_000_000)})
		}
	}
	c.Loads = []LoadConfig{{PerSecond: g.between(1, 300), Arrivals: pick(g, Constant, Poisson),
		Commands: []Command{{Name: "SET", Args: []int{1 + g.IntN(30), 1 + g.IntN(900)}, Times: 1}}}}
	at := 12 * time.Second // the first sync is over
	for at < c.Duration {
		f := FaultConfig{At: at, Server: g.IntN(len(c.Servers)), For: g.span(0, 8*time.Second)}
		f.B = 1 + g.IntN(len(c.Servers)-1)
		f.A = g.IntN(f.B)
		f.Kind = pick(g, FaultReset, FaultReset, FaultRestart, FaultCrash, FaultPromote, FaultPause, FaultSilent)
		pause := g.span(12*time.Second, 25*time.Second)
		if f.Kind == FaultSilent { // TCP repeats itself so late that a timeout may be near: it comes to one, or it does not
			f.For = pick(g, g.span(0, shortest/5), longest+2*time.Second+f.For)
			if onlyShort {
				f.For = g.span(0, shortest/5)
			}
			pause += f.For
		}
		if f.Kind == FaultPause { // what comes meanwhile fits the window
			f.For = g.span(0, 200*time.Millisecond)
		}
		c.Faults = append(c.Faults, f)
		at += f.For + pause
	}
	return c
}

// TestFlowCost: what a link of formulas costs does not hang on the bytes moved. A data
// set takes as long in all runs: a sync that lasts longer has more keepalives.
func TestFlowCost(t *testing.T) {
	events := func(load, rest int64) int64 {
		c := contractExample()
		c.Loads[0].BytesPerSecond, c.Loads[0].PerSecond = 10_000*load, 0
		c.Links[0].Bandwidth = 1_250_000 * max(load, rest)
		for i := range c.Servers {
			s := &c.Servers[i]
			s.Dataset, s.SaveRate, s.LoadRate = 1_000_000*rest, 2_000_000*rest, 1_000_000*rest
			s.Settings.BacklogSize = 1 << 30
		}
		w, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Run(); err != nil {
			t.Fatal(err)
		}
		return w.Events()
	}
	few := events(1, 1)
	for _, c := range []struct {
		name       string
		load, rest int64
	}{{"a thousand times the writes", 1000, 1}, {"a thousand times the data set", 1, 1000}, {"both", 1000, 1000}} {
		if many := events(c.load, c.rest); many > few+few/5 {
			t.Errorf("%d events, with %s %d", few, c.name, many)
		} else {
			t.Logf("%d events, with %s %d", few, c.name, many)
		}
	}
}

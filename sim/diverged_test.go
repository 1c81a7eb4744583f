package sim

import (
	"slices"
	"strings"
	"testing"
	"time"

	"psyncsim/model"
	"psyncsim/sim/trace"
)

// reusesName is a master with two replicas, which for a moment is the replica of one of
// them while that one stands still; then its clients write more than they had before.
func reusesName(version string) *Config {
	c := following(24*time.Second, version, version, version)
	c.Servers[2].ReplicaOf = "a"
	c.Loads = constantly(100, set(16, 100))
	c.Loads[0].From = 10 * time.Second
	c.Faults = []FaultConfig{
		{At: 12 * time.Second, For: 8 * time.Second, Kind: FaultPause, Server: 1},
		{At: 12*time.Second + 10*ms, Kind: FaultReplicaOf, Server: 0, Peer: 1},
		{At: 12*time.Second + 20*ms, Kind: FaultPromote, Server: 0},
	}
	return c
}

// movesRelay is a relay with two replicas below it that gets another master while one of
// them stands still.
func movesRelay(version string) *Config {
	c := following(24*time.Second, version, version, version, version, version)
	c.Servers[2].ReplicaOf, c.Servers[3].ReplicaOf, c.Servers[4].ReplicaOf = "a", "c", "c"
	c.Servers[1].ReplicaOf = "" // a and b are masters, c follows a; d and e follow c
	for i := range 2 {
		l := constantly(100, set(16, 100))[0]
		l.Server, l.From = i, 10*time.Second
		c.Loads = append(c.Loads, l)
	}
	c.Faults = []FaultConfig{
		{At: 12 * time.Second, For: 8 * time.Second, Kind: FaultPause, Server: 3},
		{At: 12*time.Second + 10*ms, Kind: FaultReplicaOf, Server: 2, Peer: 1},
	}
	return c
}

// TestDiverged: up to 3.2 a stream that begins anew keeps its name, and a replica of the
// one before may continue it. That is told, and is no broken promise of the simulator; later
// versions give a new stream a new name.
func TestDiverged(t *testing.T) {
	for _, scene := range []func(string) *Config{reusesName, movesRelay} {
		for _, version := range versions {
			p, _ := model.LookupProfile(version)
			if p.PSYNC == 0 {
				continue
			}
			c := scene(version)
			var told []string
			w := &World{}
			if err := w.Reset(c, watcher(func(r *trace.Record) {
				if r.Event.Kind == trace.Diverged || r.Event.Kind == model.EvJudged && r.At > 20_000_000_000 {
					told = append(told, string(r.AppendText(nil)))
				}
			})); err != nil {
				t.Fatal(err)
			}
			if err := w.Run(); err != nil {
				t.Fatal(version, err)
			}
			n := slices.IndexFunc(told, func(s string) bool { return strings.Contains(s, "  diverged ") })
			old := p.OwnStreamOnChains
			if old != (n > 0) || old && (len(told) != 2 || !strings.Contains(told[0], "+CONTINUE")) {
				t.Errorf("%s: %q", version, told)
			}
			if !old {
				continue
			}
			if err := (&equal{w: w, ps: make([]printer, len(variants))}).same(c); err != nil {
				t.Error(version, err)
			}
		}
	}
}

// TestOtherHistory: a replica that holds what was never its master's breaks the promise also
// where a version may let replicas diverge.
func TestOtherHistory(t *testing.T) {
	c := following(20*time.Second, "redis-3.2", "redis-3.2")
	c.Loads = constantly(100, set(16, 100))
	c.Faults = []FaultConfig{{At: 10 * time.Second, For: time.Second, Kind: FaultReset, B: 1}}
	w := &World{}
	if err := w.Reset(c, watcher(func(r *trace.Record) {
		if r.Event.Kind == trace.Cut {
			w.hosts[1].took[0].epoch++
		}
	})); err != nil {
		t.Fatal(err)
	}
	if err := w.Run(); err == nil || !strings.Contains(err.Error(), "a history that is not") {
		t.Error(err)
	}
}

// TestDivergedSame: the stream may go on in the middle of a command, at replicas of any
// version that have replicas themselves. Every way of playing tells the same.
func TestDivergedSame(t *testing.T) {
	inParallel(t, 0, 40, func() func(int64) error {
		return func(n int64) error {
			g := newGen(17, uint64(n))
			c := pick(g, reusesName, reusesName, movesRelay)(pick(g, "redis-3.2", "redis-2.8"))
			for range g.IntN(3) {
				s := following(1, "redis-3.2", pick(g, versions...)).Servers[1]
				s.Name, s.ReplicaOf = string(rune('a'+len(c.Servers))), c.Servers[1+g.IntN(len(c.Servers)-1)].Name
				c.Servers = append(c.Servers, s)
			}
			for i := range c.Servers {
				s := &c.Servers[i]
				if i > 0 && g.oneIn(3) {
					s.Profile, _ = model.LookupProfile(pick(g, versions...))
					s.Settings = s.Profile.Defaults()
				}
				s.Settings.AppendOnly = g.oneIn(4)
			}
			later := g.span(0, 3*time.Second)
			c.Duration += later
			for i := range c.Faults {
				c.Faults[i].At += later
			}
			for i := range c.Loads {
				l := &c.Loads[i]
				l.Commands = []Command{set(16, 100+g.IntN(300)), {Name: "DEL", Args: []int{16}, Times: 1 + g.IntN(3)}}
				l.Arrivals = pick(g, Constant, Poisson)
			}
			for range g.IntN(3) {
				c.Faults = append(c.Faults,
					FaultConfig{At: g.span(18*time.Second, c.Duration), For: g.span(0, 2*time.Second), Kind: FaultReset, A: 0, B: 1 + g.IntN(2)},
					FaultConfig{At: g.span(18*time.Second, c.Duration), Kind: FaultClientPause, Server: 1 + g.IntN(2), All: g.oneIn(2), Timeout: g.span(0, 2*time.Second).Truncate(ms)})
			}
			if g.oneIn(3) {
				l := LinkConfig{A: 0, B: 1, Latency: 3 * ms, Bandwidth: pick(g, int64(0), 100_000, 30_000)}
				if g.oneIn(2) {
					l = segments(l)
				}
				c.Links = append(c.Links, l)
			}
			g.takeTime(c)
			return (&equal{w: &World{}, ps: make([]printer, len(variants))}).same(c)
		}
	})
}

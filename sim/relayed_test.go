package sim

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"psyncsim/model"
	"psyncsim/sim/trace"
)

// offsets writes down every server's offsets whenever they are sampled.
type offsets struct{ b []byte }

func (o *offsets) Observe(r *trace.Record) {
	if r.Event.Kind == trace.Sampled {
		o.b = fmt.Appendln(o.b, r.At, r.Node, r.Event.MRO, r.Event.Offset, r.Event.Full)
	}
}

// chainOf is a chain with links of all speeds and a load of commands, mostly equal ones, which
// fall behind when a link is down and come after when it is up again.
func chainOf(seed uint64) *Config {
	r := rand.New(rand.NewPCG(seed, 7))
	versions := []string{"redis-2.8", "redis-3.2", "redis-4.0", "redis-6.2", "redis-7.2"}
	prof, _ := model.LookupProfile(versions[r.IntN(len(versions))])
	set := prof.Defaults()
	set.BacklogSize = 4 << 20
	c := &Config{Seed: seed, Duration: time.Duration(1+r.IntN(4)) * time.Second}
	for i := range 3 + r.IntN(3) {
		s := ServerConfig{Name: fmt.Sprintf("s%d", i), Profile: prof, Settings: set, LoadRate: []int64{0, 1 << 20}[r.IntN(2)], Dataset: r.Int64N(1 << 19), Uptime: -1, Wall: -1}
		if i > 0 {
			s.ReplicaOf = fmt.Sprintf("s%d", i-1)
			speeds := []int64{0, 125_000_000, 125_000_000, 1_250_000_000, 3_333_333_333, 1_000_003, 3_000_000, 777_777, 200_000}
			c.Links = append(c.Links, LinkConfig{A: i - 1, B: i, Latency: time.Duration(r.IntN(3_000_000)), Bandwidth: speeds[r.IntN(len(speeds))]})
			if r.IntN(2) == 0 {
				c.Faults = append(c.Faults, FaultConfig{At: time.Duration(r.Int64N(int64(c.Duration))), For: time.Duration(r.IntN(400)) * time.Millisecond,
					Kind: []FaultKind{FaultReset, FaultSilent}[r.IntN(2)], A: i - 1, B: i})
			}
		}
		c.Servers = append(c.Servers, s)
	}
	if r.IntN(3) == 0 {
		c.Faults = append(c.Faults, FaultConfig{At: c.Duration / 2, For: time.Duration(r.IntN(300)) * time.Millisecond, Kind: FaultPause, Server: r.IntN(len(c.Servers))})
	}
	c.Loads = []LoadConfig{{Server: 0, Commands: []Command{{Name: "SET", Args: []int{16, 1 + r.IntN(150)}, Times: 1}},
		Arrivals: []ArrivalKind{Constant, Constant, Poisson}[r.IntN(3)], PerSecond: 100 + r.Int64N(6000)}}
	if l := &c.Loads[0]; r.IntN(2) == 0 { // of several lengths
		l.Commands = append(l.Commands, Command{Name: "DEL", Args: []int{16}, Times: 1 + r.IntN(3)})
		if r.IntN(2) == 0 {
			l.Commands = append(l.Commands, Command{Name: "SET", Args: []int{16, 1 + r.IntN(2000)}, Times: 1 + r.IntN(2)})
		}
		if r.IntN(3) == 0 {
			l.Arrivals, l.BurstPerSecond, l.On, l.Off = Bursts, l.PerSecond*2, time.Duration(1+r.IntN(500))*time.Millisecond, time.Duration(r.IntN(500))*time.Millisecond
		}
	}
	if r.IntN(5) == 0 { // and from two clients
		c.Loads = append(c.Loads, LoadConfig{Server: 0, Commands: []Command{{Name: "INCR", Args: []int{8}, Times: 1}}, Arrivals: Poisson, PerSecond: 1 + r.Int64N(3000)})
	}
	c.Sample = time.Duration(100_000 + r.IntN(20_000_000))
	return c
}

// noted is where a command of a log ends, and when it was written.
type noted struct {
	end model.Offset
	at  model.Instant
}

// notes are the commands of a log one by one.
func notes(l *streamLog) (all []noted) {
	for i := range l.segs {
		s := &l.segs[i]
		if !s.run {
			all = append(all, noted{s.to, s.at})
			continue
		}
		for k := s.src.find(s.base); s.src.bytes(k) < s.base+int64(s.to-s.from); k++ {
			all = append(all, noted{s.from + model.Offset(s.src.bytes(k+1)-s.base), s.when(k)})
		}
	}
	return all
}

// sameNotes compares what two logs still have of a stream.
func sameNotes(a, b []noted) error {
	n := min(len(a), len(b))
	a, b = a[len(a)-n:], b[len(b)-n:]
	for i := range a {
		if a[i] != b[i] {
			return fmt.Errorf("command %d of %d: %v, one by one %v", i, n, b[i], a[i])
		}
	}
	return nil
}

// When each command was passed on, and where every server of a chain stands, is the same
// when relays note runs and when they note every command.
func TestRelayedRuns(t *testing.T) {
	var runs, commands atomic.Int64
	chains := int64(300)
	if testing.Short() {
		chains = 30
	}
	inParallel(t, 0, chains, func() func(n int64) error {
		w := &World{}
		return func(n int64) error {
			var want []byte
			var wants [][]noted
			for i, v := range []variant{{name: "per write", perWrite: true}, {name: "lengths"}, {name: "bytes", bytes: true}} {
				c := chainOf(uint64(n))
				o := &offsets{}
				if _, err := v.play(w, c, &printer{}, o); err != nil {
					w = &World{}
					return fmt.Errorf("%s: %v\n%s", v.name, err, goText(c))
				}
				for j, h := range w.hosts {
					got := notes(h.log)
					if i == 0 {
						wants = append(wants, got)
					} else if err := sameNotes(wants[j], got); err != nil {
						return fmt.Errorf("%s, server %d: %v\n%s", v.name, j, err, goText(c))
					}
					if i == 1 && j > 0 {
						runs.Add(int64(len(h.log.segs)))
						commands.Add(int64(len(got)))
					}
				}
				if i == 0 {
					want = o.b
				} else if !bytes.Equal(o.b, want) {
					return fmt.Errorf("per write and %s differ:\n%s%s", v.name, divergence(want, o.b), goText(c))
				}
			}
			return nil
		}
	})
	if runs.Load()*3 > commands.Load() {
		t.Errorf("%d pieces for %d commands: hardly a run was noted", runs.Load(), commands.Load())
	}
}

package sim

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"psyncsim/model"
	"psyncsim/sim/trace"
)

var (
	scenarioCount = flag.Int("scenarios", 1200, "random scenarios in TestSameTrace")
	scenarioFrom  = flag.Int64("scenariofrom", 0, "the first of them")
	scenarioOne   = flag.Int64("scenario", -1, "play this random scenario only")
	borderCount   = flag.Int("borders", 10_000, "random configurations in TestBorderExact")
	faultCount    = flag.Int("faultruns", 10_000, "random fault sequences in TestConservation")
)

// gen makes random scenarios: the same number gives the same scenario.
type gen struct{ *rand.Rand }

func newGen(kind, n uint64) gen { return gen{rand.New(rand.NewPCG(kind, n))} }

// oneIn is true once in n times.
func (g gen) oneIn(n int) bool { return g.IntN(n) == 0 }

// between is a number in [lo, hi], small ones as likely as large ones.
func (g gen) between(lo, hi int64) int64 {
	if g.oneIn(2) {
		return lo + g.Int64N(hi-lo+1)
	}
	span := hi - lo + 1
	for span > 16 && g.oneIn(2) {
		span /= 4
	}
	return lo + g.Int64N(span)
}

// span is a duration in [lo, hi]: sometimes on a grid, so that things coincide.
func (g gen) span(lo, hi time.Duration) time.Duration {
	d := lo + time.Duration(g.Int64N(int64(hi-lo)+1))
	switch g.IntN(8) {
	case 0:
		d = max(lo, d.Truncate(time.Second))
	case 1:
		d = max(lo, d.Truncate(100*time.Millisecond))
	case 2:
		d = max(lo, d.Truncate(time.Millisecond))
	}
	return d
}

func pick[T any](g gen, of ...T) T { return of[g.IntN(len(of))] }

// scenario is random scenario number n.
func scenario(n uint64) *Config {
	g := newGen(1, n)
	c := &Config{Seed: g.Uint64(), Duration: g.span(10*time.Second, 60*time.Second)}
	if g.oneIn(3) {
		c.Duration = g.span(10*time.Second, 20*time.Second)
	}
	g.servers(c)
	g.network(c)
	g.loads(c)
	g.faults(c)
	newGen(9, n).stalls(c) // chance of its own: the other scenarios stay as they were
	newGen(10, n).asks(c)
	g.passwords(c)
	g.takeTime(c)
	g.segments(c)
	g.lifetimes(c)
	g.memory(c)
	g.socketLoads(c)
	return c
}

// stalls freezes replicas, or silences their links, while a child without disk writes
// more than their sockets hold.
func (g gen) stalls(c *Config) {
	if !g.oneIn(5) {
		return
	}
	for i := range c.Servers {
		s := &c.Servers[i]
		s.Dataset, s.SaveRate = g.between(4_000_000, 30_000_000), pick(g, int64(0), 20_000_000, 4_000_000, 1_500_000)
		s.Settings.SavePoints = model.SavePoints{} // their child would often be there in its place
		s.Settings.Diskless, s.Settings.DisklessDelay = true, time.Duration(g.IntN(3))*time.Second
	}
	for range 1 + g.IntN(4) {
		b := 1 + g.IntN(len(c.Servers)-1)
		f := FaultConfig{Kind: pick(g, FaultPause, FaultPause, FaultSilent, FaultChildKill), At: g.span(0, min(c.Duration, 20*time.Second)), For: g.span(time.Millisecond, 12*time.Second), Server: b, B: b}
		if f.Kind == FaultChildKill || g.oneIn(6) {
			f.Server = 0
		}
		c.Faults = append(c.Faults, f)
	}
}

// asks lets servers tell what they know in the middle of it all.
func (g gen) asks(c *Config) {
	if !g.oneIn(3) {
		return
	}
	for range 1 + g.IntN(5) {
		c.Asks = append(c.Asks, g.span(1, c.Duration))
	}
	slices.Sort(c.Asks)
}

// memory limits that of some servers, so that it is full after a while.
func (g gen) memory(c *Config) {
	if !g.oneIn(3) {
		return
	}
	limit := func(p *model.Profile, dataset int64, s *model.Settings) {
		if g.oneIn(4) {
			return
		}
		s.MaxMemory = p.EmptyMemory + dataset + s.BacklogSize + g.between(-200_000, 1_000_000)
		s.MaxMemoryPolicy = pick(g, model.NoEviction, model.AllKeysLRU, model.AllKeysRandom, model.VolatileLRU, model.VolatileTTL)
		s.LazyEvict = p.PSYNC == 2 && g.oneIn(2)
	}
	for i := range c.Servers {
		limit(c.Servers[i].Profile, c.Servers[i].Dataset, &c.Servers[i].Settings)
	}
	for i := range c.Faults {
		if f := &c.Faults[i]; f.Settings != nil {
			limit(c.Servers[f.Server].Profile, c.Servers[f.Server].Dataset, f.Settings)
		}
	}
}

// socketLoads lets replicas load snapshots as they arrive.
func (g gen) socketLoads(c *Config) {
	if !g.oneIn(3) {
		return
	}
	mode := func(p *model.Profile, s *model.Settings) {
		if p.DisklessLoad {
			s.DisklessLoad = pick(g, model.LoadDisabled, model.LoadWhenEmpty, model.LoadSwap, model.LoadSwap)
		}
	}
	for i := range c.Servers {
		mode(c.Servers[i].Profile, &c.Servers[i].Settings)
	}
	for i := range c.Faults {
		if s := c.Faults[i].Settings; s != nil {
			mode(c.Servers[c.Faults[i].Server].Profile, s)
		}
	}
}

// lifetimes gives keys a time to live, some of them short names that come again.
func (g gen) lifetimes(c *Config) {
	if !g.oneIn(3) {
		return
	}
	for i := range c.Servers {
		c.Servers[i].Settings.LazyExpire = g.oneIn(3)
	}
	for i := range c.Loads {
		list := c.Loads[i].Commands
		short := g.oneIn(2)
		for j := range list {
			e := &list[j]
			if g.oneIn(3) || len(e.Args) == 0 && len(e.Then) < 2 {
				continue
			}
			e.TTL, e.KeyBytes = g.span(time.Millisecond, pick(g, 300*time.Millisecond, 3*time.Second, 15*time.Second)), 16
			if len(e.Then) > 1 {
				e.Keys, e.KeyBytes = len(e.Then)-1, max(1, e.Then[0].Args[0])
			} else if e.KeyBytes = max(1, e.Args[0]); short && len(list) == 1 && len(e.Words) == 0 {
				e.Args[0] = 1 + g.IntN(3)
				e.KeyBytes = e.Args[0]
			}
		}
	}
}

// servers makes one master and one to three replicas, sometimes in a chain.
func (g gen) servers(c *Config) {
	version := func() *model.Profile {
		p, ok := model.LookupProfile(pick(g, "redis-2.6", "redis-2.8", "redis-3.2", "redis-4.0", "redis-5.0", "redis-6.2", "redis-7.0", "redis-7.2", "redis-7.4", "valkey-8.0",
			"redis-2.8.0-rc4", "redis-4.0.6", "redis-7.0.9"))
		if !ok {
			panic("a version is not known")
		}
		return p
	}
	first := version()
	if g.oneIn(8) { // one in 80 by itself: too few for all that dual channel can meet
		first, _ = model.LookupProfile("valkey-8.0")
	}
	n := 2
	if g.oneIn(3) {
		n = 2 + g.IntN(3)
	}
	for i := range n {
		prof := first
		if i > 0 && g.oneIn(4) {
			prof = version()
		}
		s := ServerConfig{Name: string(rune('a' + i)), Profile: prof, Settings: g.settings(prof), Uptime: -1, Wall: -1}
		if g.oneIn(4) {
			s.Uptime = g.span(0, 30*time.Second)
		}
		if g.oneIn(4) {
			s.Wall = g.span(0, 999*time.Millisecond)
		}
		if i > 0 {
			s.ReplicaOf = "a"
			up := &c.Servers[i-1]
			if i > 1 && g.oneIn(2) {
				s.ReplicaOf = up.Name
			}
		}
		if g.oneIn(2) {
			s.Dataset = g.between(0, 5_000_000)
		}
		s.SaveRate = pick(g, int64(0), 200_000_000, 2_000_000, 500_000)
		s.LoadRate = pick(g, int64(0), 100_000_000, 2_000_000, 500_000)
		if g.oneIn(3) {
			s.Fork = g.span(0, 20*time.Millisecond)
		}
		c.Servers = append(c.Servers, s)
	}
}

func (g gen) settings(p *model.Profile) model.Settings {
	s := p.Defaults()
	s.BacklogSize = g.between(16<<10, 4<<20)
	s.Timeout = time.Duration(g.between(3, 10)) * time.Second
	s.PingPeriod = time.Duration(g.between(1, 10)) * time.Second
	if g.oneIn(4) {
		s.BacklogTTL = time.Duration(g.IntN(5)) * time.Second
	}
	if g.oneIn(5) {
		s.Diskless = true
		s.DisklessDelay = time.Duration(g.IntN(3)) * time.Second
	}
	if p.DualChannel && !g.oneIn(4) {
		s.DualChannel, s.Diskless = true, !g.oneIn(8)
		s.DisklessDelay = time.Duration(g.IntN(3)) * time.Second
	}
	if s.SavePoints = (model.SavePoints{}); g.oneIn(2) {
		s.SavePoints[0] = model.SavePoint{Seconds: g.between(1, 5), Changes: g.between(1, 300)}
		s.SavePoints[1] = model.SavePoint{Seconds: g.between(1, 20), Changes: 1}
	}
	s.AppendOnly = g.oneIn(5)
	if g.oneIn(6) {
		s.MinReplicas, s.MinReplicasLag = int64(g.IntN(4)), time.Duration(g.IntN(5))*time.Second
	}
	if g.oneIn(3) {
		s.HardLimit, s.SoftLimit = g.between(20<<10, 4<<20), g.between(20<<10, 1<<20)
		s.SoftSeconds = time.Duration(g.between(1, 5)) * time.Second
	}
	return s
}

func (g gen) network(c *Config) {
	for b := range c.Servers {
		for a := range b {
			if g.oneIn(8) {
				continue // the default link
			}
			l := LinkConfig{A: a, B: b, Latency: g.span(0, 50*time.Millisecond)}
			if g.oneIn(4) {
				l.Latency = g.span(0, time.Millisecond)
			}
			if g.oneIn(2) {
				l.Bandwidth = pick(g, int64(125_000_000), 1_250_000, 300_000, 130_000, 70_000, g.between(20_000, 1_000_000))
			}
			if g.oneIn(4) {
				l.A, l.B = l.B, l.A
			}
			c.Links = append(c.Links, l)
		}
	}
}

// passwords gives everyone one, and now and then a wrong one for its master. (Without
// any, a replica of 6.2 and later asks again and again, without a pause.)
func (g gen) passwords(c *Config) {
	if !g.oneIn(12) {
		return
	}
	set := func(s *model.Settings) {
		s.RequirePass, s.MasterAuth, s.MasterUser = "a", pick(g, "a", "a", "a", "b"), pick(g, "", "default", "other")
	}
	for i := range c.Servers {
		set(&c.Servers[i].Settings)
	}
	for i := range c.Faults {
		if s := c.Faults[i].Settings; s != nil {
			set(s)
		}
	}
}

// takeTime gives links latency where a master may hang up on a replica at once,
// again and again: without, that would take no time and never end.
func (g gen) takeTime(c *Config) {
	small := false
	for i := range c.Servers {
		small = small || c.Servers[i].Settings.HardLimit < 64<<20
	}
	for i := range c.Faults {
		if s := c.Faults[i].Settings; s != nil {
			small = small || s.HardLimit < 64<<20
		}
	}
	old, eager := false, false
	for i := range c.Servers {
		old = old || c.Servers[i].Profile.PSYNC < 2
		eager = eager || c.Servers[i].Profile.ReconnectNow
	}
	if old && eager { // told -ERR by an old server without its master, a new one asks again at once
		for b := range c.Servers {
			for a := range b {
				if !slices.ContainsFunc(c.Links, func(l LinkConfig) bool { return min(l.A, l.B) == a && max(l.A, l.B) == b }) {
					c.Links = append(c.Links, LinkConfig{A: a, B: b})
				}
			}
		}
	}
	for i := range c.Links {
		if small {
			c.Links[i].Latency = max(c.Links[i].Latency, 100*time.Microsecond)
		}
		if old && eager {
			c.Links[i].Latency = max(c.Links[i].Latency, 10*time.Millisecond)
		}
	}
}

func (g gen) commands() []Command {
	var list []Command
	for range 1 + g.IntN(3) {
		m := Command{Name: pick(g, "SET", "LPUSH", "DEL"), Times: 1 + g.IntN(3)}
		for range 1 + g.IntN(3) {
			m.Args = append(m.Args, int(g.between(1, pick(g, int64(20), 300, 3000))))
		}
		list = append(list, m)
	}
	if g.IntN(6) == 0 { // one that makes blocks of its own
		m := &list[g.IntN(len(list))]
		m.Args[len(m.Args)-1] = model.BlockRequest + int(g.between(-50, 100_000))
	}
	if g.IntN(4) == 0 { // some of them as transactions
		for i := range list {
			if g.oneIn(2) {
				list[i] = transaction(list[i], g.IntN(4))
			}
		}
	}
	return list
}

func (g gen) loads(c *Config) {
	for range 1 + g.IntN(2)*g.IntN(2) {
		l := g.load(c.Duration)
		if g.oneIn(6) {
			l.Server = g.IntN(len(c.Servers))
		}
		c.Loads = append(c.Loads, l)
	}
}

// load is a write load of at most some 500 commands and 150 KB a second.
func (g gen) load(duration time.Duration) LoadConfig {
	l := LoadConfig{Commands: g.commands(), Arrivals: ArrivalKind(g.IntN(4))}
	var m cycle
	if err := m.compile(l.Commands); err != nil {
		panic(err)
	}
	most := min(500, 150_000*m.commands/m.size)
	rate := func() (bytes, commands int64) {
		n := g.between(1, max(1, most))
		if g.oneIn(2) {
			return 0, n
		}
		return max(1, n*m.size/m.commands+g.Int64N(5)), 0
	}
	switch l.Arrivals {
	case Constant, Poisson:
		l.BytesPerSecond, l.PerSecond = rate()
	case Bursts:
		l.BytesPerSecond, l.PerSecond = rate()
		l.BurstBytes, l.BurstPerSecond = rate()
		if g.oneIn(2) {
			l.BytesPerSecond, l.PerSecond = 0, 0
		}
		l.On, l.Off = g.span(time.Millisecond, 3*time.Second), g.span(time.Millisecond, 5*time.Second)
		if g.oneIn(3) {
			l.PhaseSet, l.Phase = true, time.Duration(g.Int64N(int64(l.On+l.Off)))
		}
	case Trace:
		at, bytes := time.Duration(0), int64(0)
		for at < duration {
			l.Trace = append(l.Trace, TracePoint{at, bytes})
			at += g.span(0, 3*time.Second)
			if !g.oneIn(4) {
				bytes += g.between(0, 150_000)
			}
		}
		l.Trace = append(l.Trace, TracePoint{at, bytes})
	}
	if g.oneIn(5) {
		l.From = g.span(0, 5*time.Second)
	}
	if g.oneIn(5) {
		l.Until = l.From + g.span(0, duration)
	}
	return l
}

func (g gen) faults(c *Config) {
	at := time.Duration(0)
	for range g.IntN(7) {
		f := FaultConfig{At: g.span(0, c.Duration), For: g.span(0, 12*time.Second), Server: g.IntN(len(c.Servers))}
		if g.oneIn(4) {
			f.For = g.span(0, 200*time.Millisecond)
		}
		switch g.IntN(6) {
		case 0:
			f.At = at // together with the one before
		case 1:
			f.At = min(c.Duration, at+g.span(0, 300*time.Millisecond))
		}
		if c.Servers[0].Settings.DualChannel && g.oneIn(2) { // while the first sync is under way
			f.At = g.span(0, 5*time.Second)
		}
		at = f.At
		f.B = 1 + g.IntN(len(c.Servers)-1)
		f.A = g.IntN(f.B)
		if !g.oneIn(4) { // a link that is in use
			for i := range c.Servers {
				if c.Servers[i].Name == c.Servers[f.B].ReplicaOf {
					f.A = i
				}
			}
		}
		f.Kind = FaultKind(1 + g.IntN(int(FaultSave)))
		switch f.Kind {
		case FaultFailover:
			f.Peer = g.IntN(len(c.Servers)+1) - 1
			if g.oneIn(2) {
				f.Timeout = g.span(0, 5*time.Second).Truncate(time.Millisecond)
			}
			f.Force, f.Abort = g.oneIn(3), g.oneIn(5)
		case FaultClientPause:
			f.All, f.Timeout = g.oneIn(2), g.span(0, 5*time.Second).Truncate(time.Millisecond)
		case FaultWait:
			f.Count = int64(g.IntN(4))
			if g.oneIn(2) {
				f.Timeout = g.span(0, 3*time.Second).Truncate(time.Millisecond)
			}
		case FaultClientKill:
			f.Server, f.Peer, f.Channel = 0, 1+g.IntN(len(c.Servers)-1), c.Servers[0].Settings.DualChannel && g.oneIn(2)
		case FaultRestart, FaultSave:
			f.Save = g.oneIn(2)
		case FaultPromote, FaultReplicaOf:
			f.Peer = (f.Server + 1 + g.IntN(len(c.Servers)-1)) % len(c.Servers)
		case FaultCrash:
			f.Expired, f.ExpiredName = int64(g.IntN(3)*g.IntN(2000)), 1+g.IntN(20)
		case FaultConfigSet:
			s := g.settings(c.Servers[f.Server].Profile)
			f.Settings = &s
		}
		c.Faults = append(c.Faults, f)
	}
}

// variant is one way to play a scenario; all must tell the same.
type variant struct {
	name                       string
	bytes, perWrite, everyTick bool
}

var variants = []variant{
	{"lengths", false, false, false},
	{"bytes", true, false, false},
	{"per write", false, true, false},
	{"every tick", false, false, true},
	{"bytes, per write, every tick", true, true, true},
	{"lengths, marked", false, false, false},
}

// play runs a configuration one way and gives its trace as text.
func (v variant) play(w *World, c *Config, p *printer) ([]byte, error) {
	d := *c
	d.Bytes, d.PerWrite, d.EveryTick = v.bytes, v.perWrite, v.everyTick
	d.Marks = strings.HasSuffix(v.name, "marked")
	p.b = p.b[:0]
	if err := w.Reset(&d, p); err != nil {
		return nil, err
	}
	err := w.Run()
	return p.b, err
}

// TestSameTrace plays random scenarios in every way: with bytes or lengths,
// writes coalesced or one by one, idle ticks folded or run.
func TestSameTrace(t *testing.T) {
	first := *scenarioFrom
	last := first + int64(*scenarioCount)
	if testing.Short() {
		last = min(last, first+100)
	}
	if *scenarioOne >= 0 {
		first, last = *scenarioOne, *scenarioOne+1
	}
	inParallel(t, first, last, func() func(n int64) error {
		w, ps := &World{}, make([]printer, len(variants))
		return func(n int64) error { return sameTrace(w, ps, n) }
	})
}

// inParallel calls a worker for each number of [first, last) and reports the
// least few that failed.
func inParallel(t *testing.T, first, last int64, worker func() func(n int64) error) {
	t.Helper()
	var next, failed atomic.Int64
	next.Store(first)
	var mu sync.Mutex
	errs := map[int64]error{}
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			do := worker()
			for n := next.Add(1) - 1; n < last && failed.Load() < 50; n = next.Add(1) - 1 {
				if err := do(n); err != nil {
					failed.Add(1)
					mu.Lock()
					errs[n] = err
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	list := make([]int64, 0, len(errs))
	for n := range errs {
		list = append(list, n)
	}
	sort.Slice(list, func(i, j int) bool { return list[i] < list[j] })
	if len(list) > 0 {
		t.Errorf("%d failed: %v", len(list), list)
	}
	for _, n := range list[:min(3, len(list))] {
		t.Errorf("number %d: %v", n, errs[n])
	}
}

func sameTrace(w *World, ps []printer, n int64) error {
	c := scenario(uint64(n))
	var want []byte
	for i, v := range variants {
		got, err := v.play(w, c, &ps[i])
		if err != nil {
			return fmt.Errorf("%s: %v\nlast facts:\n%s%s", v.name, err, lastLines(got, 20), goText(c))
		}
		if i == 0 {
			want = got
		} else if !bytes.Equal(got, want) {
			return fmt.Errorf("%s and %s differ:\n%s%s", variants[0].name, v.name, divergence(want, got), goText(c))
		}
	}
	return nil
}

// lastLines is the last n lines of a text.
func lastLines(b []byte, n int) string {
	lines := strings.SplitAfter(string(b), "\n")
	return strings.Join(lines[max(0, len(lines)-n-1):], "")
}

// divergence shows the first line in which two traces differ, and what came before.
func divergence(a, b []byte) string {
	x, y := strings.SplitAfter(string(a), "\n"), strings.SplitAfter(string(b), "\n")
	i := 0
	for i < len(x) && i < len(y) && x[i] == y[i] {
		i++
	}
	s := strings.Join(x[max(0, i-20):i], "")
	return s + "< " + strings.Join(x[i:min(len(x), i+2)], "< ") + "> " + strings.Join(y[i:min(len(y), i+2)], "> ")
}

// goText is a configuration as Go would write it.
func goText(c *Config) string {
	var b strings.Builder
	fmt.Fprintf(&b, "&Config{Seed: %#x, Duration: %d, // %v\n", c.Seed, c.Duration, c.Duration)
	for _, s := range c.Servers {
		fmt.Fprintf(&b, "  {Name: %q, Profile: %s, ReplicaOf: %q, Dataset: %d, SaveRate: %d, LoadRate: %d, Fork: %v, Uptime: %v, Wall: %v, Settings: %+v},\n",
			s.Name, s.Profile.Name, s.ReplicaOf, s.Dataset, s.SaveRate, s.LoadRate, s.Fork, s.Uptime, s.Wall, s.Settings)
	}
	fmt.Fprintf(&b, "  Links: %+v,\n", c.Links)
	for _, l := range c.Loads {
		fmt.Fprintf(&b, "  Load: %+v,\n", l)
	}
	for _, f := range c.Faults {
		fmt.Fprintf(&b, "  Fault: {At: %v, For: %v, Kind: %s, A: %d, B: %d, Server: %d, Peer: %d, Save: %t", f.At, f.For, faultNames[f.Kind], f.A, f.B, f.Server, f.Peer, f.Save)
		if f.Settings != nil {
			fmt.Fprintf(&b, ", Settings: %+v", *f.Settings)
		}
		b.WriteString("},\n")
	}
	return b.String() + "}"
}

var faultNames = [...]string{"", "reset", "silent", "restart", "crash", "pause", "promote", "replicaof", "config", "failover", "client-pause", "client-unpause", "wait", "shutdown-abort", "client-kill", "save", "slow", "child-kill"}

// TestPrintScenario shows one random scenario, with -scenario.
func TestPrintScenario(t *testing.T) {
	if *scenarioOne < 0 {
		t.Skip("no -scenario")
	}
	c := scenario(uint64(*scenarioOne))
	p := &printer{}
	b, err := variants[0].play(&World{}, c, p)
	fmt.Fprintf(os.Stdout, "%s\n%s%v\n", goText(c), b, err)
}

var _ = trace.Ended

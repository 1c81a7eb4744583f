package sim

import (
	"math/rand/v2"
	"slices"
	"time"

	"psyncsim/model"
)

// gen makes random scenarios: the same number gives the same scenario.
type gen struct {
	*rand.Rand
	of size
}

// size is how large random scenarios are.
type size struct {
	least, most time.Duration // of a run
	short       time.Duration // a third of the runs are no longer than this
	commands    int64         // a second, at most
	bytes       int64         // a second, at most
	dataset     int64
	backlog     int64
	timeout     [2]int64 // seconds
	ping        int64    // seconds, at most
	limit       int64    // of output buffers
	faults      [2]int   // least, and how many more
	lasts       time.Duration
	large       bool
}

var (
	large = size{least: 10 * time.Second, most: 60 * time.Second, short: 20 * time.Second, commands: 500, bytes: 150_000,
		dataset: 5_000_000, backlog: 4 << 20, timeout: [2]int64{3, 10}, ping: 10, limit: 4 << 20, faults: [2]int{0, 7}, lasts: 12 * time.Second, large: true}
	// small ones cost a tenth, and have more faults a second.
	small = size{least: 3 * time.Second, most: 10 * time.Second, short: 6 * time.Second, commands: 80, bytes: 20_000,
		dataset: 300_000, backlog: 256 << 10, timeout: [2]int64{1, 4}, ping: 3, limit: 200 << 10, faults: [2]int{1, 7}, lasts: 4 * time.Second}
)

func newGen(kind, n uint64) gen { return gen{rand.New(rand.NewPCG(kind, n)), large} }

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

// smallFrom is the number of the first small scenario.
const smallFrom = 1 << 32

// scenario is random scenario number n. Those from smallFrom on are small.
func scenario(n uint64) *Config {
	g, again := newGen(1, n), newGen(9, n) // chance of its own: the other scenarios stay as they were
	if n >= smallFrom {
		g.of, again.of = small, small
	}
	c := &Config{Seed: g.Uint64(), Duration: g.span(g.of.least, g.of.most)}
	if g.oneIn(3) {
		c.Duration = g.span(g.of.least, g.of.short)
	}
	g.servers(c)
	g.network(c)
	g.loads(c)
	g.faults(c)
	again.stalls(c)
	newGen(10, n).asks(c)
	newGen(11, n).requests(c)
	further := newGen(14, n)
	further.of = g.of
	further.deep(c)
	g.passwords(c)
	g.takeTime(c)
	g.segments(c)
	g.lifetimes(c)
	g.memory(c)
	g.socketLoads(c)
	newGen(12, n).files(c)
	newGen(13, n).turns(c)
	newGen(15, n).rare(c)
	newGen(16, n).calm(c)
	return c
}

// turns lets those of some servers come as late as they may.
func (g gen) turns(c *Config) {
	for i := range c.Servers {
		if g.oneIn(4) {
			c.Servers[i].CronLate = g.span(time.Microsecond, model.MaxCronLate)
		}
	}
}

// servers makes one master and one to three replicas, sometimes in a chain.
func (g gen) servers(c *Config) {
	version := func() *model.Profile {
		p, ok := model.LookupProfile(pick(g, versions...))
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
			s.Dataset = g.between(0, g.of.dataset)
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
	s.BacklogSize = g.between(16<<10, g.of.backlog)
	s.Timeout = time.Duration(g.between(g.of.timeout[0], g.of.timeout[1])) * time.Second
	s.PingPeriod = time.Duration(g.between(1, g.of.ping)) * time.Second
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
		s.StopWrites, s.IgnoreDisk = s.SavePoints[0].Changes%4 > 0, s.SavePoints[0].Changes%3 > 0
	}
	s.AppendOnly = g.oneIn(5)
	if g.oneIn(6) {
		s.MinReplicas, s.MinReplicasLag = int64(g.IntN(4)), time.Duration(g.IntN(5))*time.Second
	}
	if g.oneIn(3) {
		s.HardLimit, s.SoftLimit = g.between(20<<10, g.of.limit), g.between(20<<10, g.of.limit/4)
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

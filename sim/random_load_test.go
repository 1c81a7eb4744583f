package sim

import (
	"time"

	"psyncsim/model"
)

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

// load is a write load of at most so many commands and bytes a second.
func (g gen) load(duration time.Duration) LoadConfig {
	l := LoadConfig{Commands: g.commands(), Arrivals: ArrivalKind(g.IntN(4))}
	var m cycle
	if err := m.compile(l.Commands); err != nil {
		panic(err)
	}
	most := min(g.of.commands, g.of.bytes*m.commands/m.size)
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
				bytes += g.between(0, g.of.bytes)
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

package sim

import (
	"slices"
	"time"

	"psyncsim/model"
)

// deep lets servers follow each other in longer chains and in trees, with small output
// buffers and narrow links in between, and faults at those in the middle.
func (g gen) deep(c *Config) {
	if !g.oneIn(8) {
		return
	}
	first := c.Servers[0].Profile
	for n := min(len(c.Servers)+1+g.IntN(4), 7); len(c.Servers) < n; {
		i := len(c.Servers)
		prof := first
		if g.oneIn(6) {
			prof, _ = model.LookupProfile(pick(g, versions...))
		}
		up := i - 1
		if g.oneIn(3) {
			up = g.IntN(i)
		}
		s := ServerConfig{Name: string(rune('a' + i)), Profile: prof, ReplicaOf: c.Servers[up].Name, Settings: g.settings(prof), Uptime: -1, Wall: -1}
		s.SaveRate, s.LoadRate = pick(g, int64(0), 200_000_000, 2_000_000), pick(g, int64(0), 100_000_000, 2_000_000)
		c.Servers = append(c.Servers, s)
		if !g.oneIn(3) {
			c.Links = append(c.Links, LinkConfig{A: up, B: i, Latency: g.span(0, 20*time.Millisecond), Bandwidth: pick(g, 0, 0, 125_000_000, 1_250_000, g.between(20_000, 1_000_000))})
		}
	}
	above := func(i int) int {
		for j := range c.Servers {
			if c.Servers[j].Name == c.Servers[i].ReplicaOf {
				return j
			}
		}
		return 0
	}
	for i := 1; i < len(c.Servers); i++ {
		if s := &c.Servers[i].Settings; g.oneIn(2) {
			s.HardLimit, s.SoftLimit, s.SoftSeconds = g.between(20<<10, 120<<10), g.between(20<<10, 60<<10), time.Duration(g.between(1, 3))*time.Second
		}
	}
	for range 1 + g.IntN(4) {
		b := 1 + g.IntN(len(c.Servers)-1)
		f := FaultConfig{At: g.span(0, c.Duration), For: g.span(0, g.of.lasts/2), A: above(b), B: b, Server: pick(g, b, above(b), above(b))}
		f.Kind = pick(g, FaultPause, FaultPause, FaultSilent, FaultSilent, FaultReset, FaultRestart, FaultCrash, FaultClientPause, FaultReplicaOf)
		if f.A == b {
			f.A = 0
		}
		switch f.Kind {
		case FaultClientPause:
			f.All, f.Timeout = g.oneIn(2), g.span(0, 3*time.Second).Truncate(time.Millisecond)
		case FaultReplicaOf:
			f.Peer = (f.Server + 1 + g.IntN(len(c.Servers)-1)) % len(c.Servers)
		}
		c.Faults = append(c.Faults, f)
	}
}

// calm lets nothing go wrong for a while, over long ways: ACKs are no events then, and who
// asks finds some of them on their way.
func (g gen) calm(c *Config) {
	if !g.oneIn(12) {
		return
	}
	c.Duration, c.Faults, c.Asks = g.span(8*time.Second, 40*time.Second), nil, nil
	for range 1 + g.IntN(6) {
		c.Asks = append(c.Asks, g.span(4*time.Second, c.Duration))
	}
	slices.Sort(c.Asks)
	for i := range c.Links {
		if l := &c.Links[i]; g.oneIn(2) {
			l.Latency, l.TCP = g.span(50*time.Millisecond, 400*time.Millisecond), nil
		}
	}
	l := LoadConfig{Commands: []Command{{Name: "SET", Args: []int{16, 1 + g.IntN(400)}, Times: 1}}, PerSecond: g.between(1, 40), Arrivals: pick(g, Constant, Poisson)}
	if g.oneIn(3) {
		l.Commands = append(l.Commands, Command{Name: "DEL", Args: []int{16}, Times: 1 + g.IntN(3)})
	}
	c.Loads = []LoadConfig{l}
	for i := range c.Servers {
		s := &c.Servers[i].Settings
		if s.AppendOnly = false; g.oneIn(2) {
			s.SavePoints = model.SavePoints{}
		}
	}
}

// rare draws what most servers leave as it is.
func (g gen) rare(c *Config) {
	if !g.oneIn(4) {
		return
	}
	set := func(p *model.Profile, s *model.Settings) {
		s.ReadOnly, s.ServeStale = !g.oneIn(3), !g.oneIn(3)
		if p.ShutdownTimeout > 0 { // 7.0 and later
			s.ShutdownTimeout, s.DisklessMax = time.Duration(g.IntN(4))*time.Second, int64(g.IntN(4))
		}
	}
	for i := range c.Servers {
		s := &c.Servers[i]
		set(s.Profile, &s.Settings)
		if g.oneIn(3) {
			s.KeepAlive = time.Duration(g.between(1, 6)) * time.Second
		}
		if g.oneIn(4) {
			s.LoadTime = g.span(1, 2*time.Second)
		}
		s.LibcMalloc = g.oneIn(3)
	}
	for i := range c.Links {
		if l := c.Links[i].TCP; l != nil && l.IdleDrop > 0 {
			l.IdleReset = g.oneIn(2)
		}
	}
	if g.oneIn(2) {
		c.LinearSYNs = 4
	}
	for i := range c.Faults {
		f := &c.Faults[i]
		switch {
		case f.Settings != nil:
			set(c.Servers[f.Server].Profile, f.Settings)
		case f.Kind == FaultRestart:
			f.Now = g.oneIn(2)
			if g.oneIn(3) {
				f.Expired, f.ExpiredName = int64(g.IntN(2000)), 1+g.IntN(20)
			}
		}
	}
}

package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"psyncsim/model"
)

func (g gen) faults(c *Config) {
	at := time.Duration(0)
	for range g.of.faults[0] + g.IntN(g.of.faults[1]) {
		f := FaultConfig{At: g.span(0, c.Duration), For: g.span(0, g.of.lasts), Server: g.IntN(len(c.Servers))}
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
		if f.Kind == FaultSave && !f.Save && f.For%2 == 0 { // and soon its child is killed
			f.Kind, f.At = FaultChildKill, min(c.Duration, f.At+f.For%(20*time.Millisecond))
			c.Faults = append(c.Faults, f)
		}
	}
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
		f := FaultConfig{Kind: pick(g, FaultPause, FaultPause, FaultSilent, FaultChildKill), At: g.span(0, min(c.Duration, 20*time.Second)), For: g.span(time.Millisecond, g.of.lasts), Server: b, B: b}
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

var faultNames = [...]string{"", "reset", "silent", "restart", "crash", "pause", "promote", "replicaof", "config", "failover", "client-pause", "client-unpause", "wait", "shutdown-abort", "client-kill", "save", "slow", "child-kill", "request", "waitaof", "rewrite"}

// requests lets clients speak that are no replicas, or not good ones.
func (g gen) requests(c *Config) {
	if !g.oneIn(4) {
		return
	}
	for range 1 + g.IntN(3) {
		f := FaultConfig{Kind: FaultRequest, At: g.span(0, c.Duration), For: g.span(0, 8*time.Second), Server: g.IntN(len(c.Servers))}
		if g.oneIn(2) {
			f.For = 0
		}
		for range 1 + g.IntN(3) {
			f.Say = append(f.Say, pick(g, "PSYNC ? -1", "PSYNC x y", "SYNC", "PING", "REPLCONF capa eof capa psync2", "REPLCONF ACK 100", "GET x", "PSYNC "+string(model.ZeroID)+" 1"))
		}
		c.Faults = append(c.Faults, f)
	}
}

// files gives servers an AOF, and clients that wait for it.
func (g gen) files(c *Config) {
	if !g.oneIn(3) {
		return
	}
	set := func(s *model.Settings) {
		s.AppendOnly, s.Fsync = !g.oneIn(4), model.FsyncPolicy(g.IntN(3))
		s.RewritePercent, s.RewriteMin = g.between(0, 200), g.between(1, 100_000)
	}
	for i := range c.Servers {
		set(&c.Servers[i].Settings)
	}
	for i := range c.Faults {
		if s := c.Faults[i].Settings; s != nil {
			set(s)
		}
	}
	for range 1 + g.IntN(6) {
		f := FaultConfig{Kind: pick(g, FaultWaitAOF, FaultWaitAOF, FaultWaitAOF, FaultRewrite, FaultRequest, FaultConfigSet, FaultRestart),
			At: g.span(0, c.Duration), For: g.span(0, g.of.lasts), Server: g.IntN(len(c.Servers)), Count: int64(g.IntN(3)), Local: int64(g.IntN(2))}
		if g.oneIn(2) {
			f.Server = 0
		}
		switch f.Kind {
		case FaultWaitAOF:
			if g.oneIn(2) {
				f.Timeout = g.span(0, 3*time.Second).Truncate(time.Millisecond)
			}
		case FaultRequest:
			f.Say = []string{pick(g, "WAITAOF 1 0 0", "WAITAOF 0 1 500", "WAITAOF 2 0 0", "WAITAOF 0 0 0", "WAITAOF 1 1 x", "WAIT 1 500")}
		case FaultConfigSet:
			s := c.Servers[f.Server].Settings
			set(&s)
			f.Settings = &s
		}
		c.Faults = append(c.Faults, f)
	}
}

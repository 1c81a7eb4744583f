package sim

import (
	"time"

	"psyncsim/sim/tcp"
)

// segments lets some links carry segments, with all that a network does to them.
func (g gen) segments(c *Config) {
	if g.oneIn(2) || !g.of.large && !g.oneIn(3) {
		return
	}
	for i := range c.Links {
		if l := &c.Links[i]; !g.oneIn(3) {
			l.TCP = &TCPLink{Options: g.kernel(), There: g.path(l), Back: g.path(l)}
			if g.oneIn(8) {
				l.TCP.IdleDrop = g.span(500*time.Millisecond, 5*time.Second)
			}
		}
	}
	g.segmentFaults(c)
}

// segmentFaults makes some of the faults such as only links of segments have.
func (g gen) segmentFaults(c *Config) {
	segments := func(a, b int) bool {
		for i := range c.Links {
			if l := &c.Links[i]; l.TCP != nil && (l.A == a && l.B == b || l.A == b && l.B == a) {
				return true
			}
		}
		return false
	}
	for i := range c.Faults {
		f := &c.Faults[i]
		all := true
		for j := range c.Servers {
			all = all && (j == f.Server || segments(f.Server, j))
		}
		switch {
		case f.Kind == FaultCrash && all:
			f.Power = g.oneIn(2)
		case f.Kind != FaultReset && f.Kind != FaultSilent || !segments(f.A, f.B):
		case f.Kind == FaultSilent && g.oneIn(2):
			f.Way = pick(g, There, Back)
		case g.oneIn(3):
			f.Kind, f.Bandwidth, f.Way = FaultSlow, g.between(5_000, 500_000), pick(g, BothWays, There, Back)
		}
	}
}

func (g gen) kernel() tcp.Options {
	o := tcp.Linux()
	o.Congestion = pick(g, tcp.Cubic, tcp.Reno)
	o.MSS = pick(g, int64(1448), 1448, 536, g.between(100, 9000))
	o.LinearSYNs = pick(g, 0, 4)
	if g.oneIn(3) {
		o.Retries2 = int(g.between(2, 10))
	}
	if g.oneIn(3) {
		o.Tick, o.Phase = 4*tcp.Millisecond, g.Int64N(4*tcp.Millisecond)
	}
	if g.oneIn(4) {
		o.WmemMax, o.RmemMax = g.between(32<<10, 4<<20), g.between(128<<10, 6<<20)
	}
	return o
}

func (g gen) path(l *LinkConfig) tcp.PathConfig {
	p := tcp.PathConfig{Latency: int64(l.Latency), Bandwidth: l.Bandwidth}
	some := func(most tcp.PPB) tcp.PPB {
		if g.oneIn(2) {
			return 0
		}
		return tcp.PPB(g.Int64N(int64(most)))
	}
	p.Loss, p.Duplicate, p.Reorder = some(tcp.Always/20), some(tcp.Always/50), some(tcp.Always/50)
	if g.oneIn(4) {
		p.Enter, p.Leave = some(tcp.Always/200), 1+some(tcp.Always/2)
	}
	if g.oneIn(3) {
		p.Jitter = int64(g.span(0, 20*time.Millisecond))
	}
	if g.oneIn(3) {
		p.Queue = g.between(3_000, 200_000)
	}
	return p
}

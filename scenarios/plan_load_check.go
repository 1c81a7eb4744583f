package scenarios

import (
	"time"

	yaml "go.yaml.in/yaml/v4"

	"psyncsim/sim"
)

// What loads are refused when a scenario is read.

// longestQueue is how long the slowest link may take to carry all that is written, if
// everything had to wait: instants of links are counted in picoseconds, and 63 bits of
// them are 106 days. Half of that leaves room for what else is sent.
const longestQueue = int64(1) << 62

// checkCarried refuses loads that would keep a link of formulas busy for longer than its clock
// counts. (A link of segments has no more on its way than its window.)
func (p *planner) checkCarried() {
	slowest := sim.DefaultLink.Bandwidth
	for i := range p.config.Links {
		if l := &p.config.Links[i]; l.TCP == nil && l.Bandwidth > 0 {
			slowest = min(slowest, l.Bandwidth)
		}
	}
	perByte := mulDiv(int64(time.Second), 1000, slowest) + 1
	written := int64(0)
	for i := range p.config.Loads {
		l := &p.config.Loads[i]
		until := p.config.Duration
		if l.Until > 0 {
			until = min(until, l.Until)
		}
		lasts, rate := max(0, until-l.From), peakRate(l)
		written = satAdd(written, mulDiv(rate, int64(lasts), int64(time.Second)))
		if written > longestQueue/perByte {
			p.fail(p.loads[i], "%s for %s is more than a link of %s carries in 50 days; write less, for a shorter time, or give the link more bandwidth",
				asRate.format(rate), lasts, asRate.format(slowest))
			return
		}
	}
}

// peakRate is the most stream bytes a second of a load, over what it alternates between.
func peakRate(l *sim.LoadConfig) int64 {
	if l.Arrivals != sim.Bursts {
		return meanRate(l)
	}
	on, off := *l, *l
	on.Off, off.On = 0, 0
	return max(meanRate(&on), meanRate(&off))
}

// checkVolume refuses loads that no stream could carry.
func (p *planner) checkVolume(n *yaml.Node, l *sim.LoadConfig) bool {
	cycle, longest := int64(0), int64(0)
	for i := range l.Commands {
		size := l.Commands[i].Bytes()
		longest = max(longest, size)
		cycle = satAdd(cycle, satMul(size, int64(l.Commands[i].Times)))
	}
	if cycle >= 1<<40 {
		p.failAt(n, "workload", "its commands have more than 1 TiB a cycle")
		return false
	}
	if l.Arrivals == sim.Trace {
		return true
	}
	if v := max(l.PerSecond, l.BurstPerSecond); satMul(v, longest) > maxRate {
		p.failAt(n, "rate", "%d commands of up to %d bytes a second are more than 1 TB/s", v, longest)
		return false
	}
	return true
}

// checkLoads refuses writes to servers that would refuse them.
func (p *planner) checkLoads() {
	for i, l := range p.config.Loads {
		switch s := p.servers[l.Server]; {
		case s.replicaof == nil || s.moves:
		case s.Settings.ReadOnly:
			p.fail(p.loads[i], "a replica is read-only and nothing promotes this one; writes go to a master")
		}
	}
}

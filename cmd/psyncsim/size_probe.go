package main

import (
	"fmt"
	"sync"

	"psyncsim/model"
	"psyncsim/results/risk"
	"psyncsim/scenarios/sizing"
)

// probes keeps what silences came to over segments: an outage is played with one size
// and another, and that changes nothing until its replica is back.
type probes struct {
	mu    sync.Mutex
	known map[probeKey]map[sizing.Draw]risk.Played
}

// probeKey is what the outcome of a silence hangs on beside the outage itself.
type probeKey struct {
	plan            *sizing.Plan
	master, replica model.Settings
}

// probed is what a silence comes to over segments with a thin load: whether its
// replica gives the link up, and when.
func (p *player) probed(o *sizing.Draw) (risk.Played, error) {
	p.readyProbe()
	if p.s.probes == nil {
		return p.playProbe(o)
	}
	if seen, ok := p.s.probes.find(p.probeKey, o); ok {
		return seen, nil
	}
	seen, err := p.playProbe(o)
	if err == nil {
		p.s.probes.keep(p.probeKey, o, seen)
	}
	return seen, err
}

// readyProbe makes the player that plays probes.
func (p *player) readyProbe() {
	if p.probe == nil {
		thin := &sizer{ctx: p.s.ctx, plan: p.s.plan.Thin()}
		p.probe = thin.player(p.change)
		p.probeKey = p.keyOfProbes(thin.plan)
	}
}

// keyOfProbes leaves out what a probe cannot meet: it ends before its replica asks for
// the history, and the thin load does not fill an output buffer to its limits.
func (p *player) keyOfProbes(thin *sizing.Plan) probeKey {
	k := probeKey{plan: p.s.plan, master: p.s.plan.Settings(), replica: p.s.plan.ReplicaSettings()}
	if p.change != nil {
		p.change(0, &k.master)
		p.change(1, &k.replica)
	}
	m, most := &k.master, thin.MostProbed()
	m.BacklogSize, m.BacklogTTL = 0, 0
	if m.HardLimit == 0 || m.HardLimit > most {
		m.HardLimit = 0
	}
	if m.SoftLimit == 0 || m.SoftLimit > most {
		m.SoftLimit, m.SoftSeconds = 0, 0
	}
	return k
}

// playProbe plays it.
func (p *player) playProbe(o *sizing.Draw) (risk.Played, error) {
	w := &p.probe.watch
	w.Reset(sizing.Master, sizing.Replica, int64(o.At), int64(o.At+o.For))
	if err := p.probe.config(p.probe.runs.Probe(o)); err != nil {
		return risk.Played{}, fmt.Errorf("outage %d, over segments: %w", o.Seed, err)
	}
	seen := w.Played()
	if !seen.Ready {
		return seen, fmt.Errorf("outage %d: the replica did not follow its master before it, over segments", o.Seed)
	}
	return seen, nil
}

func (k *probes) find(key probeKey, o *sizing.Draw) (risk.Played, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	seen, ok := k.known[key][*o]
	return seen, ok
}

func (k *probes) keep(key probeKey, o *sizing.Draw, seen risk.Played) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known == nil {
		k.known = map[probeKey]map[sizing.Draw]risk.Played{}
	}
	if k.known[key] == nil {
		k.known[key] = map[sizing.Draw]risk.Played{}
	}
	k.known[key][*o] = seen
}

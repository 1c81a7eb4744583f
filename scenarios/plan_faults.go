package scenarios

import (
	"psyncsim/model"
	"psyncsim/sim"
	"sort"
	"strings"
	"time"

	yaml "go.yaml.in/yaml/v4"
)

type fault struct {
	sim.FaultConfig
	node  *yaml.Node
	kind  string
	every time.Duration
	count int64
	set   []setting
}

var faultKinds = []string{"reset", "silent", "slow", "restart", "crash", "pause", "promote", "replicaof", "config",
	"failover", "wait", "waitaof", "bgrewriteaof", "client-pause", "client-unpause", "shutdown-abort", "client-kill", "bgsave", "save", "child-kill", "request"}

func (p *planner) pair(n *yaml.Node) (a, b int) {
	a, b = -1, -1
	if n.Kind != yaml.SequenceNode || len(n.Content) != 2 {
		p.fail(n, "expected the names of two servers, such as [master, replica]")
		return
	}
	a, b = p.server(n.Content[0]), p.server(n.Content[1])
	if a >= 0 && a == b {
		p.fail(n, "a link joins two different servers")
		return -1, -1
	}
	return
}

func (p *planner) readFault(i int, n *yaml.Node) {
	f := fault{node: n, count: 1}
	f.A, f.B, f.Server, f.Peer = -1, -1, -1, -1
	if k := lookup(n, "kind"); k != nil && k.Kind == yaml.ScalarNode {
		f.kind = k.Value
	}
	var forNode, timesNode, everyNode *yaml.Node
	fields := []field{
		{name: "at", need: true, read: func(n *yaml.Node) { f.At = p.duration1(n) }},
		{name: "kind", need: true, read: func(n *yaml.Node) { f.kind = p.word(n, faultKinds...) }},
	}
	add := func(name string, need bool, fallback string, read func(*yaml.Node)) {
		fields = append(fields, field{name: name, need: need, fallback: fallback, read: read})
	}
	lasting := func(n *yaml.Node) { forNode = n; f.For = p.duration1(n) }
	known := true
	onServer := func() {
		name := "server"
		if lookup(n, "on") != nil {
			name = "on"
		}
		add(name, true, "", func(n *yaml.Node) { f.Server = p.server(n) })
	}
	switch f.kind {
	case "reset", "silent":
		f.Kind = sim.FaultReset
		add("link", true, "", func(n *yaml.Node) { f.A, f.B = p.pair(n) })
		if f.kind == "silent" {
			f.Kind = sim.FaultSilent
			add("for", true, "", func(n *yaml.Node) { forNode = n; f.For = p.durationAbove0(n) })
		} else {
			add("for", false, "0s", lasting)
		}
	case "slow":
		f.Kind = sim.FaultSlow
		add("link", true, "", func(n *yaml.Node) { f.A, f.B = p.pair(n) })
		add("bandwidth", true, "", func(n *yaml.Node) {
			if f.Bandwidth = p.speed(n); f.Bandwidth <= 0 {
				p.fail(n, "expected a rate such as 1mbit/s")
			}
		})
		add("for", true, "", func(n *yaml.Node) { forNode = n; f.For = p.durationAbove0(n) })
	case "restart", "crash":
		f.Kind = sim.FaultCrash
		onServer()
		add("for", false, "0s", lasting)
		if f.kind == "crash" {
			add("power-loss", false, "", func(n *yaml.Node) { f.Power = p.yes(n) })
		}
		if f.kind == "restart" {
			f.Kind = sim.FaultRestart
			add("save", false, "yes", func(n *yaml.Node) { f.Save = p.yes(n) })
			add("now", false, "no", func(n *yaml.Node) { f.Now = p.yes(n) })
		}
		add("expired", false, "", func(n *yaml.Node) { f.Expired = p.count(n, 0, MaxExpired) })
		add("expired-key", false, "", func(n *yaml.Node) { f.ExpiredName = int(p.count(n, 1, 1<<16)) })
		f.ExpiredName = 16
	case "pause":
		f.Kind = sim.FaultPause
		onServer()
		add("for", true, "", func(n *yaml.Node) { forNode = n; f.For = p.durationAbove0(n) })
	case "promote":
		f.Kind = sim.FaultPromote
		onServer()
	case "bgsave", "save":
		f.Kind, f.Save = sim.FaultSave, f.kind == "save"
		onServer()
	case "child-kill":
		f.Kind = sim.FaultChildKill
		onServer()
	case "request":
		f.Kind = sim.FaultRequest
		onServer()
		add("for", false, "0s", lasting)
		add("say", true, "", func(n *yaml.Node) { p.readSay(&f, n) })
	case "replicaof":
		f.Kind = sim.FaultReplicaOf
		onServer()
		add("to", true, "", func(n *yaml.Node) { f.Peer = p.server(n) })
	case "config":
		f.Kind = sim.FaultConfigSet
		onServer()
		add("set", true, "", func(n *yaml.Node) {
			if f.Server >= 0 && p.servers[f.Server].Profile != nil {
				scratch := p.servers[f.Server].Settings
				p.readConfig(p.servers[f.Server].Profile, &scratch, n, false, &f.set)
			}
		})
	case "failover", "wait", "waitaof", "bgrewriteaof", "client-pause", "client-unpause", "shutdown-abort", "client-kill":
		onServer()
		p.readOrder(&f, n, add)
	default:
		// An unknown kind is one problem; its fields cannot be judged.
		known = false
		for _, name := range []string{"link", "way", "bandwidth", "power-loss", "server", "on", "for", "save", "now", "to", "set", "force", "timeout", "abort", "replicas", "local", "mode", "replica", "channel", "say"} {
			add(name, false, "", func(*yaml.Node) {})
		}
	}
	if f.kind == "silent" || f.kind == "slow" {
		add("way", false, "", func(n *yaml.Node) { f.Way = p.way(n, f.A, f.B) })
	}
	add("every", false, "", func(n *yaml.Node) { everyNode = n; f.every = p.durationAbove0(n) })
	add("times", false, "", func(n *yaml.Node) { timesNode = n; f.count = p.count(n, 1, MaxFaults) })
	ok := p.object(n, "a "+strings.TrimSpace(f.kind+" fault"), "kind", fields)
	if timesNode != nil && everyNode == nil {
		p.fail(timesNode, "times needs every, the time from one to the next")
		return
	}
	if p.config.Duration > 0 && f.At >= p.config.Duration {
		p.fail(lookup(n, "at"), "at or after the end of the run (duration %v)", p.config.Duration)
		return
	}
	if !ok || !known || f.Kind == 0 {
		return
	}
	if f.Kind == sim.FaultReplicaOf && f.Peer >= 0 && f.Peer == f.Server {
		p.fail(lookup(n, "to"), "a server does not follow itself")
		return
	}
	if everyNode != nil && f.every > 0 {
		if forNode != nil && f.For >= f.every {
			p.fail(everyNode, "must be longer than for: the next one begins before this one has ended")
			return
		}
		fit := int64((p.config.Duration-f.At-1)/f.every) + 1
		switch {
		case timesNode == nil:
			f.count = fit
		case f.count > fit:
			p.fail(timesNode, "only %d of them begin before the end of the run (duration %v)", fit, p.config.Duration)
			return
		}
	}
	if f.Kind <= sim.FaultSilent || f.Kind == sim.FaultSlow {
		if f.A < 0 || f.B < 0 {
			return
		}
	} else if f.Server < 0 || f.Kind == sim.FaultReplicaOf && f.Peer < 0 {
		return
	}
	if f.Kind == sim.FaultPromote || f.Kind == sim.FaultReplicaOf || f.Kind == sim.FaultFailover {
		p.servers[f.Server].moves = true
	}
	if f.Kind == sim.FaultFailover { // whoever takes over moves too
		for i := range p.servers {
			if f.Peer < 0 || f.Peer == i {
				p.servers[i].moves = true
			}
		}
	}
	if f.A < 0 {
		f.A = 0
	}
	if f.B < 0 {
		f.B = 0
	}
	if f.Server = max(f.Server, 0); f.Kind != sim.FaultFailover {
		f.Peer = max(f.Peer, 0)
	}
	p.faults = append(p.faults, f)
}

// finishFaults spreads repeated faults out and gives each CONFIG SET the whole
// set of settings that it leaves behind.
func (p *planner) finishFaults() {
	for i := range p.faults {
		one := p.config
		one.Faults = []sim.FaultConfig{p.faults[i].FaultConfig}
		if err := one.CheckFaults(); err != nil {
			p.fail(p.faults[i].node, "%s", strings.TrimPrefix(err.Error(), "sim: "))
			return
		}
	}
	total := int64(0)
	for _, f := range p.faults {
		total += f.count
	}
	if total > MaxFaults {
		p.failAt(p.faults[0].node, "faults", "%d faults once they are repeated; at most %d", total, MaxFaults)
		return
	}
	if p.drafting || len(p.problems.List) > 0 {
		return
	}
	p.config.Faults = make([]sim.FaultConfig, 0, total)
	var sets []int // indices into config.Faults
	var owners []*fault
	for i := range p.faults {
		f := &p.faults[i]
		for k := int64(0); k < f.count; k++ {
			c := f.FaultConfig
			c.At += time.Duration(k) * f.every
			if f.Kind == sim.FaultConfigSet {
				sets = append(sets, len(p.config.Faults))
				owners = append(owners, f)
			}
			p.config.Faults = append(p.config.Faults, c)
		}
	}
	if len(sets) == 0 {
		return
	}
	order := make([]int, len(sets))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(i, j int) bool {
		return p.config.Faults[sets[order[i]]].At < p.config.Faults[sets[order[j]]].At
	})
	now := make(map[int]model.Settings)
	for _, i := range order {
		f := owners[i]
		s, ok := now[f.Server]
		if !ok {
			s = p.servers[f.Server].Settings
		}
		for _, set := range f.set {
			applyDirective(p.servers[f.Server].Profile, &s, set.dir, set.args, false)
		}
		p.hide(&s)
		now[f.Server] = s
		whole := s
		p.config.Faults[sets[i]].Settings = &whole
	}
}

// way reads a direction of a link: [from, to].
func (p *planner) way(n *yaml.Node, a, b int) sim.Way {
	from, to := p.pair(n)
	switch {
	case from < 0 || to < 0 || a < 0 || b < 0:
		return sim.BothWays
	case from == a && to == b:
		return sim.There
	case from == b && to == a:
		return sim.Back
	}
	p.fail(n, "expected the two servers of the link: from which one to which one")
	return sim.BothWays
}

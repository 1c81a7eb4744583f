package scenarios

import (
	"strings"
	"time"

	yaml "go.yaml.in/yaml/v4"

	"psyncsim/sim"
)

// Limits on how much one scenario may hold.
const (
	MaxServers = 1000
	MaxFaults  = 1_000_000 // after every and times are spread out
	MaxExpired = 1_000_000 // keys that expire while a server is down
	maxLoads   = 1000
	maxCycle   = 1_000_000 // commands of a mix, with their times
)

// Meta are the numbers of the rule, for every run, swept or not.
type Meta struct {
	Backlog   int64         // repl-backlog-size of the first master, bytes
	WriteRate int64         // bytes a second: the mean over time of the loads on it, while they last
	Outage    time.Duration // how long the first link fault lasts; 0 without one
	FaultKind string        // kind of the first link fault, else of the first fault, else ""
	Version   string        // of the first master
}

// plan is one point of the sweep, compiled.
type plan struct {
	config   sim.Config
	meta     Meta
	question string
	repeat   int64
}

// server is what decoding knows of a server besides its sim.ServerConfig.
type server struct {
	sim.ServerConfig
	node      *yaml.Node // the server's map
	replicaof *yaml.Node
	moves     bool // a fault changes whom it follows
}

// planner holds a point's parts while they are decoded.
type planner struct {
	*decoder
	plan
	servers  []*server
	byName   map[string]int
	faults   []fault
	secrets  []string     // passwords that were hidden; see hidden
	loads    []*yaml.Node // of config.Loads: where its server is named
	duration *yaml.Node
	clients  int // commands of clients so far
}

func (d *decoder) decode(root *yaml.Node) *plan {
	p := &planner{decoder: d, byName: map[string]int{}}
	p.repeat = 1
	p.object(root, "a scenario", "", []field{
		{name: "question", need: true, read: func(n *yaml.Node) {
			p.question, _ = p.text(n, "the question that the scenario answers")
			if strings.TrimSpace(p.question) == "" && n.Kind == yaml.ScalarNode {
				p.failAt(n, "question", "the question is empty; say what the scenario asks")
			}
		}},
		{name: "seed", fallback: "1", read: func(n *yaml.Node) { p.config.Seed = uint64(p.count(n, 0, 1<<62)) }},
		{name: "duration", fallback: "60s", read: func(n *yaml.Node) {
			p.duration = n
			p.config.Duration = p.durationAbove0(n)
		}},
		{name: "servers", need: true, read: p.readServers},
		{name: "links", read: func(n *yaml.Node) { p.list(n, "links", p.readLink) }},
		{name: "workload", read: func(n *yaml.Node) { p.list(n, "loads", p.readLoad) }},
		{name: "faults", read: func(n *yaml.Node) { p.list(n, "faults", p.readFault) }},
		{name: "sweep", read: func(*yaml.Node) {}},
		{name: "repeat", fallback: "1", read: func(n *yaml.Node) { p.repeat = p.count(n, 1, 1<<40) }},
		{name: "expect", read: func(*yaml.Node) {}},
		{name: "observed", read: func(*yaml.Node) {}},
	})
	p.checkLoads()
	p.checkCarried()
	p.checkEvicting()
	p.finishFaults()
	p.measure()
	return &p.plan
}

// server reads the name of a server; -1 is none.
func (p *planner) server(n *yaml.Node) int {
	name, ok := p.text(n, "the name of a server")
	if !ok {
		return -1
	}
	if i, ok := p.byName[name]; ok {
		return i
	}
	var names []string
	for _, s := range p.servers {
		if names = append(names, s.Name); len(names) == 20 {
			break
		}
	}
	p.fail(n, "there is no such server; %s", oneOf(name, names))
	return -1
}

// measure takes the rule's numbers.
func (p *planner) measure() {
	master := -1
	for i, s := range p.servers {
		if s.replicaof == nil {
			master = i
			break
		}
	}
	if master < 0 {
		return
	}
	m := &p.meta
	s := p.servers[master]
	m.Backlog = s.Settings.BacklogSize
	if s.Profile != nil {
		m.Version = s.Profile.Name
	}
	for i := range p.config.Loads {
		if l := &p.config.Loads[i]; l.Server == master {
			m.WriteRate += meanRate(l)
		}
	}
	var first, firstLink *fault
	for i := range p.faults {
		f := &p.faults[i]
		if first == nil || f.At < first.At {
			first = f
		}
		if f.Kind <= sim.FaultSilent && (firstLink == nil || f.At < firstLink.At) {
			firstLink = f
		}
	}
	if firstLink != nil {
		first = firstLink
		m.Outage = firstLink.For
	}
	if first != nil {
		m.FaultKind = first.kind
	}
}

// meanRate is a load's mean over time in stream bytes a second, while it lasts.
func meanRate(l *sim.LoadConfig) int64 {
	perByte := func(bytes, commands int64) int64 {
		if commands == 0 {
			return bytes
		}
		sum, count := meanCommand(l.Commands)
		return mulDiv(commands, sum, count)
	}
	switch l.Arrivals {
	case sim.Trace:
		last := l.Trace[len(l.Trace)-1]
		return mulDiv(last.Bytes, int64(time.Second), int64(last.At-l.Trace[0].At))
	case sim.Bursts:
		off, on := perByte(l.BytesPerSecond, l.PerSecond), perByte(l.BurstBytes, l.BurstPerSecond)
		return mulDiv(on, int64(l.On), int64(l.On+l.Off)) + mulDiv(off, int64(l.Off), int64(l.On+l.Off))
	}
	return perByte(l.BytesPerSecond, l.PerSecond)
}

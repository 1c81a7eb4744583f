package sizing

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"

	"psyncsim/model"
	"psyncsim/scenarios"
	"psyncsim/scenarios/outages"
	"psyncsim/sim"
)

// Directive is a line of redis.conf under its newer name.
type Directive struct{ Name, Value string }

// Load is what the master's clients write.
type Load struct {
	Rate     string // as in a scenario: 5MB/s, 5000/s; "" with a trace
	Arrivals string // as in a scenario; "" is constant
	Value    int    // bytes of a written value; 0 is the scenario's
	Trace    []sim.TracePoint
	File     string // where the trace can be read again; "" if nowhere
}

// Spec is what is to be simulated.
type Spec struct {
	Profile            string
	Master, Replica    []Directive
	Replicas           int    // at least 1
	Dataset            int64  // bytes
	SaveRate, LoadRate string // as in a scenario; "" is its default
	Latency            time.Duration
	Bandwidth          string // as in a scenario; "" is its default
	Load               Load
	Seed               uint64

	Heir  bool              // a replica may take the master's place: all have its settings, and links to all
	Save  bool              // who is told to end saves, also without a save point
	Kinds [][2]outages.Kind // outages of the first kind are of the second
}

// Plan makes runs.
type Plan struct {
	spec   Spec
	sets   []string
	base   *sim.Config
	tcp    sim.TCPLink   // the link, if it carried segments
	longer ratio         // of outages
	Begin  time.Duration // when the load begins
	Rate   int64         // the load's mean, bytes of stream a second
}

// The names of the servers in the runs.
const (
	Master  = "master"
	Replica = "replica"
)

// Scenario is the name of the embedded scenario that every run is one of.
const Scenario = "outage"

// maxReplicas bounds Spec.Replicas: each is simulated.
const maxReplicas = 8

// New reads a spec. Errors are problems of the settings and quantities in it.
func New(s Spec) (*Plan, error) {
	if s.Replicas < 1 || s.Replicas > maxReplicas {
		return nil, fmt.Errorf("--replicas %d: from 1 to %d are simulated", s.Replicas, maxReplicas)
	}
	p := &Plan{spec: s}
	p.sets = append(p.sets, "servers.*.version="+s.Profile, fmt.Sprintf("servers.*.dataset=%dB", s.Dataset))
	for _, x := range []struct{ field, value string }{{"save-rate", s.SaveRate}, {"load-rate", s.LoadRate}} {
		if x.value != "" {
			p.sets = append(p.sets, "servers.*."+x.field+"="+x.value)
		}
	}
	p.config(Master, s.Master)
	if s.Heir {
		p.config(Replica, s.Master)
	}
	p.config(Replica, s.Replica)
	if s.Latency > 0 {
		p.sets = append(p.sets, "links.0.latency="+s.Latency.String())
	}
	if s.Bandwidth != "" {
		p.sets = append(p.sets, "links.0.bandwidth="+s.Bandwidth)
	}
	for i := 2; i <= s.Replicas; i++ {
		p.sets = append(p.sets, fmt.Sprintf("servers.replica-%d={version: %s, replicaof: master, dataset: %dB}", i, s.Profile, s.Dataset))
	}
	p.others()
	if s.Load.Rate != "" {
		p.sets = append(p.sets, "workload.0.rate="+s.Load.Rate)
	}
	if s.Load.Value > 0 {
		p.sets = append(p.sets, fmt.Sprintf("workload.0.value=%d", s.Load.Value))
	}
	if s.Load.Arrivals != "" {
		p.sets = append(p.sets, "workload.0.arrivals="+s.Load.Arrivals)
	}
	return p, p.compile()
}

// config sets directives of a server.
func (p *Plan) config(server string, list []Directive) {
	for _, d := range list {
		name, value := DirectiveIn(p.spec.Profile, d)
		if name == "save" {
			value = strconv.Quote(value)
		}
		p.sets = append(p.sets, fmt.Sprintf("servers.%s.config.%s=%s", server, name, value))
	}
}

// others makes the other replicas like the first one. One of them that may take
// the master's place has the same link to everyone.
func (p *Plan) others() {
	s := &p.spec
	for i := 2; i <= s.Replicas; i++ {
		name := fmt.Sprintf("replica-%d", i)
		if s.Heir {
			p.config(name, s.Master)
		}
		p.config(name, s.Replica)
	}
	if !s.Heir || s.Replicas < 2 {
		return
	}
	link := ""
	if s.Latency > 0 {
		link += ", latency: " + s.Latency.String()
	}
	if s.Bandwidth != "" {
		link += ", bandwidth: " + s.Bandwidth
	}
	names := []string{Master, Replica}
	for i := 3; i <= s.Replicas; i++ {
		names = append(names, fmt.Sprintf("replica-%d", i))
	}
	for i, name := range names {
		p.sets = append(p.sets, fmt.Sprintf("links.%d={between: [replica-2, %s]%s}", i+1, name, link))
	}
}

// DirectiveIn is a directive as a version's redis.conf has it.
func DirectiveIn(profile string, d Directive) (name, value string) {
	name, value = scenarios.DirectiveName(profile, d.Name), d.Value
	if word, ok := strings.CutPrefix(d.Name, "client-output-buffer-limit "); ok {
		if name = "client-output-buffer-limit"; !scenarios.SaysReplica(profile) {
			word = "slave"
		}
		value = word + " " + value
	}
	return name, value
}

// compile makes the configuration that all runs share.
func (p *Plan) compile() error {
	sets := p.sets
	if p.Begin > 0 {
		sets = append(sets[:len(sets):len(sets)], p.timing(p.Begin+time.Hour)...)
	}
	cell, err := only(sets)
	if err != nil {
		return err
	}
	if p.Begin > 0 {
		if err := p.compileSegments(sets); err != nil {
			return err
		}
	}
	p.base = cell.Config
	p.base.Marks = true
	p.Rate = cell.Meta.WriteRate
	if t := p.spec.Load.Trace; len(t) > 1 {
		l := &p.base.Loads[0]
		l.Arrivals, l.BytesPerSecond, l.PerSecond, l.Trace = sim.Trace, 0, 0, t
		p.Rate = meanRate(t)
	}
	return nil
}

// only is the one cell of the scenario with these sets.
func only(sets []string) (scenarios.Cell, error) {
	s, err := scenarios.OpenEmbedded(Scenario, sets)
	if err != nil {
		return scenarios.Cell{}, err
	}
	cells, err := s.Cells(scenarios.SeedRange{})
	if err != nil {
		return scenarios.Cell{}, err
	}
	cell := cells.At(0)
	return cell, cell.Err
}

// timing are the sets for a load that begins at Begin in a run that is so long.
func (p *Plan) timing(duration time.Duration) []string {
	return []string{"duration=" + duration.String(), "workload.0.from=" + p.Begin.String()}
}

func meanRate(t []sim.TracePoint) int64 {
	last := t[len(t)-1]
	hi, lo := bits.Mul64(uint64(last.Bytes), uint64(time.Second))
	q, _ := bits.Div64(hi%uint64(last.At), lo, uint64(last.At))
	return int64(q)
}

// Profile is the version that is simulated.
func (p *Plan) Profile() *model.Profile { return p.base.Servers[0].Profile }

// Settings are the master's.
func (p *Plan) Settings() model.Settings { return p.base.Servers[0].Settings }

// ReplicaSettings are those of the replica that loses its link.
func (p *Plan) ReplicaSettings() model.Settings { return p.base.Servers[1].Settings }

// LongestSync is how long a first synchronization may take.
const LongestSync = 3 * 24 * time.Hour

// FirstSync is the run that finds out how long the first synchronization takes:
// no load, no outage. Its Duration is the most that is waited.
func (p *Plan) FirstSync() *sim.Config {
	c := *p.base
	c.Loads, c.Faults, c.Duration = nil, nil, LongestSync
	return &c
}

// Start sets when the load begins: after the first synchronization.
func (p *Plan) Start(begin time.Duration) error {
	p.Begin = begin
	return p.compile()
}

// warm is how long the load runs before the earliest outage, and spread how much
// later the latest is.
const warm, spread = 2 * time.Second, time.Second

// streamOutage is the stream of chance of what is drawn here; outages have 64.
const streamOutage = 65 << 32

// Draw is one outage of the plan.
type Draw struct {
	outages.Outage
	Seed  uint64
	At    time.Duration
	Place time.Duration // of a captured load: where it begins
	End   time.Duration // when the silence was over, if For is longer because TCP went on later; 0 if not
	TCP   bool          // segments decided what it comes to
}

// Outage is outage number i, from 0.
func (p *Plan) Outage(d *outages.Distribution, i int) Draw {
	seed, n := p.spec.Seed, uint64(i)
	o := Draw{Outage: d.Draw(seed, n), Seed: seed + n}
	o.For = max(time.Duration(p.longer.of(int64(o.For))), 1)
	for _, k := range p.spec.Kinds {
		if o.Kind == k[0] {
			if o.Kind = k[1]; o.Kind == outages.Switchover { // nobody lets clients wait as long as that
				o.For = min(o.For, time.Second)
			}
		}
	}
	o.At = p.Begin + warm + scale(sim.Draw(seed, streamOutage, n, 0), spread)
	if t := p.spec.Load.Trace; len(t) > 1 {
		o.Place = scale(sim.Draw(seed, streamOutage, n, 1), t[len(t)-1].At)
	}
	return o
}

// scale makes a duration in [0, d) of 64 even bits.
func scale(x uint64, d time.Duration) time.Duration {
	hi, _ := bits.Mul64(x, uint64(d))
	return time.Duration(hi)
}

// Runs makes configurations for one worker. Each is valid until the second one
// after it: a world looks back at the configuration of its last run.
type Runs struct {
	p       *Plan
	c       [2]sim.Config
	faults  [2][]sim.FaultConfig
	turn    int
	horizon time.Duration // see Reach
}

// Runs is a maker of runs. change, if it is not nil, changes the settings of the
// master and of a replica that may take its place (i is 0), and of each other
// replica.
func (p *Plan) Runs(change func(i int, s *model.Settings)) *Runs {
	servers := append([]sim.ServerConfig(nil), p.base.Servers...)
	for i := range servers {
		role := i
		if p.spec.Heir && i == p.heir() {
			role = 0
		}
		if change != nil {
			change(role, &servers[i].Settings)
		}
	}
	r := &Runs{p: p, c: [2]sim.Config{*p.base, *p.base}}
	r.c[0].Servers, r.c[1].Servers = servers, servers
	return r
}

// Reach lets sim.World.Continue give a run of an outage of d a longer tail when it has
// ended, at most most. All these runs have one horizon, so a world works out their loads
// once. false: not with a captured load, of which a run has only as much as it needs,
// and not where a replica takes the master's place, and its load.
func (r *Runs) Reach(d *outages.Distribution, most time.Duration) bool {
	if len(r.p.spec.Load.Trace) > 1 || r.p.spec.Heir {
		return false
	}
	longest := max(time.Duration(r.p.longer.of(int64(d.Max()))), 1)
	r.horizon = r.p.Begin + warm + spread + longest + most
	return true
}

// Config is the run of an outage that ends tail after it.
func (r *Runs) Config(o *Draw, tail time.Duration) *sim.Config {
	r.turn = 1 - r.turn
	c := &r.c[r.turn]
	c.Seed, c.Duration, c.Horizon = o.Seed, o.At+o.For+tail, r.horizon
	r.faults[r.turn] = r.p.faults(r.faults[r.turn][:0], o)
	c.Faults, c.Loads, c.Asks = r.faults[r.turn], r.p.writes(o, c.Duration), o.asks()
	return c
}

// Loaded is a first synchronization under the load, number i of them; see Runs
// for change.
func (p *Plan) Loaded(i int, change func(i int, s *model.Settings)) *sim.Config {
	r := p.Runs(change)
	c := r.c[0]
	c.Seed, c.Faults = p.spec.Seed+uint64(i), nil
	l := p.base.Loads[0]
	l.From = 0
	c.Loads = []sim.LoadConfig{l}
	return &c
}

// Captured is a captured load for a run of this duration: from the place that
// the load's own window begins with, or from the capture's beginning.
func (p *Plan) Captured(loads []sim.LoadConfig, duration time.Duration) []sim.LoadConfig {
	l := loads[0]
	l.Trace = scenarios.AppendWindow(nil, p.spec.Load.Trace, 0, duration)
	return []sim.LoadConfig{l}
}

// Fastest is what the load writes in a second at most; false if that is not known.
func (p *Plan) Fastest() (bytes int64, ok bool) {
	l, size := &p.base.Loads[0], max(p.base.Loads[0].Commands[0].Bytes(), 1)
	switch l.Arrivals {
	case sim.Constant:
		return max(l.BytesPerSecond, l.PerSecond*size), true
	case sim.Bursts:
		return max(l.BytesPerSecond, l.PerSecond*size, l.BurstBytes, l.BurstPerSecond*size), true
	}
	return 0, false
}

// Wide says that the link carries twice as much as the load ever is, so nothing waits for it
// for long.
func (p *Plan) Wide() bool {
	most, ok := p.Fastest()
	return ok && (p.Bandwidth() == 0 || most <= p.Bandwidth()/2)
}

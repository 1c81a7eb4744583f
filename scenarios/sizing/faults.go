package sizing

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"

	"psyncsim/model"
	"psyncsim/scenarios"
	"psyncsim/scenarios/outages"
	"psyncsim/sim"
)

// What an outage does, as faults of a run, and as text of a scenario.

// The servers' numbers.
const (
	masterIndex  = 0
	replicaIndex = 1
)

// heir is the number of the replica that takes the master's place: the second
// one, so that the first can be watched, or the only one.
func (p *Plan) heir() int { return min(p.spec.Replicas, 2) }

// Roles are who is watched in an outage of a kind, and who is the master behind
// it. With one replica that takes its place, the old master is watched.
func (p *Plan) Roles(k outages.Kind) (watched, heir string) {
	switch {
	case !k.Heir():
		return Replica, Master
	case p.heir() == replicaIndex:
		return Master, Replica
	}
	return Replica, p.base.Servers[p.heir()].Name
}

// saves says whether a server that is told to end writes an RDB first: where it
// has a save point, or where that is asked for.
func (p *Plan) saves(server int) bool {
	return p.spec.Save || p.base.Servers[server].Settings.SavePoints.Any()
}

// loads is how long a process takes to load the data set when it starts.
func (p *Plan) loads() time.Duration {
	s := &p.base.Servers[masterIndex]
	if s.LoadTime > 0 {
		return s.LoadTime
	}
	return transfer(s.Dataset, s.LoadRate)
}

// Restarts is how long it takes to save and to load, at most.
func (p *Plan) Restarts() time.Duration {
	s := &p.base.Servers[masterIndex]
	return p.loads() + transfer(s.Dataset, s.SaveRate)
}

func transfer(n, rate int64) time.Duration {
	if rate <= 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(n), uint64(time.Second))
	if hi >= uint64(rate) {
		return scenarios.MaxDuration
	}
	q, _ := bits.Div64(hi, lo, uint64(rate))
	return time.Duration(q)
}

// faults appends what an outage does.
func (p *Plan) faults(all []sim.FaultConfig, o *Draw) []sim.FaultConfig {
	f := sim.FaultConfig{At: o.At, For: o.For, A: masterIndex, B: replicaIndex, Server: -1, Peer: -1, ExpiredName: 16}
	stops := func(kind sim.FaultKind, server int) []sim.FaultConfig {
		f.Kind, f.Server, f.A, f.B = kind, server, -1, -1
		f.Save = kind == sim.FaultRestart && p.saves(server)
		return append(all, f)
	}
	switch o.Kind {
	case outages.Reset:
		f.Kind = sim.FaultReset
	case outages.Silent:
		f.Kind = sim.FaultSilent
	case outages.Restart:
		return stops(sim.FaultRestart, masterIndex)
	case outages.ReplicaRestart:
		return stops(sim.FaultRestart, replicaIndex)
	case outages.Crash:
		return stops(sim.FaultCrash, masterIndex)
	case outages.Failover:
		// The killed master comes back when the other one is promoted, as a master:
		// it is made a replica once it can hear of that.
		back := o.At + o.For + p.loads()/4*5 + time.Second
		return p.follow(stops(sim.FaultCrash, masterIndex), o.At+o.For, back)
	case outages.Switchover:
		return p.switchover(all, o)
	}
	return append(all, f)
}

// follow promotes the heir, and lets everyone follow it, the old master later.
func (p *Plan) follow(all []sim.FaultConfig, at, master time.Duration) []sim.FaultConfig {
	all = append(all, sim.FaultConfig{At: at, Kind: sim.FaultPromote, Server: p.heir()},
		sim.FaultConfig{At: master, Kind: sim.FaultReplicaOf, Server: masterIndex, Peer: p.heir()})
	return p.follows(all, at)
}

// follows lets the other replicas follow the heir.
func (p *Plan) follows(all []sim.FaultConfig, at time.Duration) []sim.FaultConfig {
	for i := replicaIndex; i < len(p.base.Servers); i++ {
		if i != p.heir() {
			all = append(all, sim.FaultConfig{At: at, Kind: sim.FaultReplicaOf, Server: i, Peer: p.heir()})
		}
	}
	return all
}

// switchover is a FAILOVER, or where there is none the same by hand: clients are
// paused, where that is known, and the roles change in the middle of that.
func (p *Plan) switchover(all []sim.FaultConfig, o *Draw) []sim.FaultConfig {
	prof := p.Profile()
	if prof.Failover {
		all = append(all, sim.FaultConfig{At: o.At, Kind: sim.FaultFailover, Server: masterIndex, Peer: p.heir()})
		return p.follows(all, o.At+time.Second) // FAILOVER has told the old master
	}
	if !prof.Orders.ClientPause { // clients write on both for as long as it lasts
		return p.follow(all, o.At, o.At+o.For)
	}
	wait := max(o.For.Truncate(time.Millisecond), time.Millisecond)
	all = append(all, sim.FaultConfig{At: o.At, Kind: sim.FaultClientPause, Server: masterIndex, Timeout: wait, All: true})
	return p.follow(all, o.At+o.For/2, o.At+o.For/2)
}

// writes gives a run its load: the plan's, or where a replica takes the master's
// place also that on the replica from then on. It is new memory where it is not
// the plan's: a world takes a load that lies where it lay for the same one.
func (p *Plan) writes(o *Draw, duration time.Duration) []sim.LoadConfig {
	t := p.spec.Load.Trace
	if len(t) < 2 && !o.Kind.Heir() {
		return p.base.Loads
	}
	first := p.base.Loads[0]
	if len(t) > 1 {
		first.Trace = scenarios.AppendWindow(nil, t, o.Place, duration-first.From)
	}
	if !o.Kind.Heir() {
		return []sim.LoadConfig{first}
	}
	next := first
	next.Server, next.From = p.heir(), p.turns(o)
	if o.Kind == outages.Failover { // nobody writes on the old one when it comes back
		first.Until = o.At
	}
	if len(t) > 1 {
		next.Trace = scenarios.AppendWindow(nil, t, p.place(o), duration-next.From)
	}
	return []sim.LoadConfig{first, next}
}

// turns is from when on clients write on the heir; what they write before it is
// promoted it refuses.
func (p *Plan) turns(o *Draw) time.Duration {
	if o.Kind == outages.Failover {
		return o.At + o.For
	}
	return o.At
}

// place is where a captured load goes on on the heir.
func (p *Plan) place(o *Draw) time.Duration {
	t := p.spec.Load.Trace
	return (o.Place + p.turns(o) - p.Begin) % t[len(t)-1].At
}

// faultText is a fault as a scenario has it.
func (p *Plan) faultText(f *sim.FaultConfig) string {
	name := func(i int) string { return p.base.Servers[i].Name }
	words := []string{"at: " + f.At.String()}
	add := func(format string, a ...any) { words = append(words, fmt.Sprintf(format, a...)) }
	switch f.Kind {
	case sim.FaultReset, sim.FaultSilent:
		kind := outages.Reset
		if f.Kind == sim.FaultSilent {
			kind = outages.Silent
		}
		add("link: [%s, %s], kind: %s, for: %v", name(f.A), name(f.B), kind, f.For)
	case sim.FaultRestart:
		add("server: %s, kind: restart, for: %v", name(f.Server), f.For)
		if !f.Save {
			add("save: no")
		}
	case sim.FaultCrash:
		add("server: %s, kind: crash, for: %v", name(f.Server), f.For)
	case sim.FaultPromote:
		add("server: %s, kind: promote", name(f.Server))
	case sim.FaultReplicaOf:
		add("server: %s, kind: replicaof, to: %s", name(f.Server), name(f.Peer))
	case sim.FaultFailover:
		add("server: %s, kind: failover, to: %s", name(f.Server), name(f.Peer))
	case sim.FaultClientPause:
		add("server: %s, kind: client-pause, for: %v", name(f.Server), f.Timeout)
	default:
		panic("sizing: a fault without words")
	}
	return "{" + strings.Join(words, ", ") + "}"
}

// Cure is something else that could be done, or set, so that a restart or a
// failover keeps the history.
type Cure struct {
	Kinds   [][2]outages.Kind // the first becomes the second
	Save    bool              // who is told to end saves first
	NoAOF   bool              // appendonly no
	Profile string            // another version; "" is the same
}

// Cured is the spec with something else done. Durations and moments of outages
// are the same.
func (s Spec) Cured(c Cure) Spec {
	s.Kinds = append(slices.Clone(s.Kinds), c.Kinds...)
	s.Save = s.Save || c.Save
	if c.Profile != "" {
		s.Profile = c.Profile
	}
	if c.NoAOF {
		no := Directive{"appendonly", "no"}
		s.Master, s.Replica = append(slices.Clone(s.Master), no), append(slices.Clone(s.Replica), no)
	}
	s.Heir = s.Heir || c.Heirs()
	return s
}

// Heirs says that with it a replica takes the master's place.
func (c Cure) Heirs() bool {
	return slices.ContainsFunc(c.Kinds, func(k [2]outages.Kind) bool { return k[1].Heir() })
}

// KeepsHistory is the first version of a line that takes up a master's history
// after a restart.
func KeepsHistory() string {
	for _, p := range model.Profiles() {
		if p.MasterRestart {
			return p.Name
		}
	}
	return ""
}

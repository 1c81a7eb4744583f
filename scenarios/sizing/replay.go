package sizing

import (
	"bytes"
	"fmt"
	"time"

	"psyncsim/scenarios"
	"psyncsim/scenarios/outages"
)

// setsOf are the fields of the embedded scenario that make it the run of an
// outage. file is where its captured load lies.
func (p *Plan) setsOf(o *Draw, backlog int64, tail time.Duration, file string) []string {
	sets := append(p.sets[:len(p.sets):len(p.sets)], p.timing(o.At+o.For+tail)...)
	if o.TCP {
		sets = append(sets, segments, fmt.Sprintf("servers.*.dataset=%dB", p.little()))
	}
	who := []string{Master}
	if p.spec.Heir {
		who = append(who, p.base.Servers[p.heir()].Name)
	}
	for _, w := range who {
		sets = append(sets, fmt.Sprintf("servers.%s.config.repl-backlog-size=%d", w, backlog))
	}
	for i, f := range p.faults(nil, o) {
		sets = append(sets, fmt.Sprintf("faults.%d=%s", i, p.faultText(&f)))
	}
	if len(p.spec.Load.Trace) > 1 {
		sets = append(sets, fmt.Sprintf("workload.0={on: master, from: %v, value: %d, arrivals: {trace: %q, start: %v}}", p.Begin, p.base.Loads[0].Commands[0].Args[1], file, o.Place))
	}
	if o.Kind.Heir() {
		sets = append(sets, p.heirLoad(o, file)...)
	}
	return sets
}

// heirLoad are the sets for the load on the replica that takes the master's
// place.
func (p *Plan) heirLoad(o *Draw, file string) (sets []string) {
	if o.Kind == outages.Failover {
		sets = append(sets, "workload.0.until="+o.At.String())
	}
	l := &p.spec.Load
	words := fmt.Sprintf("on: %s, from: %v, key: %d, value: %d", p.base.Servers[p.heir()].Name, p.turns(o), p.base.Loads[0].Commands[0].Args[0], p.base.Loads[0].Commands[0].Args[1])
	switch {
	case len(l.Trace) > 1:
		words += fmt.Sprintf(", arrivals: {trace: %q, start: %v}", file, p.place(o))
	default:
		words += ", rate: " + l.Rate
		if l.Arrivals != "" {
			words += ", arrivals: " + l.Arrivals
		}
	}
	return append(sets, "workload.1={"+words+"}")
}

// Replay is the command line that plays an outage with a size of the backlog;
// ok is false if the load is in no file.
func (p *Plan) Replay(o *Draw, backlog int64, tail time.Duration) (args []string, ok bool) {
	args = []string{"run", Scenario, "--seed", fmt.Sprint(o.Seed)}
	for _, s := range p.setsOf(o, backlog, tail, p.spec.Load.File) {
		args = append(args, "--set", s)
	}
	return args, len(p.spec.Load.Trace) < 2 || p.spec.Load.File != ""
}

// ReplaySync is the command line that plays a first synchronization under the load (see
// Loaded), number i, and no outage; ok is false if the load is in no file.
func (p *Plan) ReplaySync(i int, duration time.Duration) (args []string, ok bool) {
	args = []string{"run", Scenario, "--seed", fmt.Sprint(p.spec.Seed + uint64(i))}
	for _, s := range p.sets {
		args = append(args, "--set", s)
	}
	args = append(args, "--set", "duration="+duration.String(), "--set", "workload.0.from=0s", "--set", "faults=[]")
	if len(p.spec.Load.Trace) > 1 {
		args = append(args, "--set", fmt.Sprintf("workload.0={on: master, value: %d, arrivals: {trace: %q}}", p.base.Loads[0].Commands[0].Args[1], p.spec.Load.File))
	}
	return args, len(p.spec.Load.Trace) < 2 || p.spec.Load.File != ""
}

// ScenarioText is what Replay plays, as a scenario of its own, with every default spelled
// out, and its captured load, which lies in file; nil without one.
func (p *Plan) ScenarioText(o *Draw, backlog int64, tail time.Duration, file string) (text, load []byte, err error) {
	if t := p.spec.Load.Trace; len(t) > 1 {
		var b bytes.Buffer
		b.WriteString("unix_ms,master_repl_offset\n")
		for _, x := range t {
			fmt.Fprintf(&b, "%d,%d\n", x.At.Milliseconds(), x.Bytes)
		}
		load = b.Bytes()
	}
	source, err := scenarios.EmbeddedSource(Scenario)
	if err != nil {
		return nil, nil, err
	}
	sets := append(p.setsOf(o, backlog, tail, file), fmt.Sprint("seed=", o.Seed))
	s, err := scenarios.Load(Scenario+".yaml", source, func(string) ([]byte, error) { return load, nil }, sets)
	if err != nil {
		return nil, nil, err
	}
	return s.Resolved(), load, nil
}

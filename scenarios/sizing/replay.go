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
	sets = append(sets, fmt.Sprintf("servers.master.config.repl-backlog-size=%d", backlog))
	where := "link: [master, replica]"
	if o.Kind == outages.Restart {
		where = "server: replica"
	}
	sets = append(sets, fmt.Sprintf("faults.0={at: %v, %s, kind: %s, for: %v}", o.At, where, o.Kind, o.For))
	if len(p.spec.Load.Trace) > 1 {
		sets = append(sets, fmt.Sprintf("workload.0={on: master, from: %v, value: %d, arrivals: {trace: %q, start: %v}}", p.Begin, p.base.Loads[0].Commands[0].Args[1], file, o.Place))
	}
	return sets
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

// ScenarioText is the same as a scenario of its own, with every default spelled
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

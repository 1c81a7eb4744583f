package main

import (
	"errors"
	"fmt"
	"strings"

	"psyncsim/results/risk"
)

// flagOf says which flag filled a field of the scenario that is simulated.
var flagOf = [][2]string{
	{"workload.0.rate", "rate"}, {"workload.0.arrivals", "arrivals"}, {"workload.0.value", "value"},
	{"links.0.bandwidth", "bandwidth"}, {"servers.*.save-rate", "save-rate"}, {"servers.*.load-rate", "load-rate"},
	{"links.0.latency", "latency"}, {"servers.*.dataset", "dataset"},
}

// inFlags tells an error about a field of the scenario, which nobody wrote, as
// one about the flag that filled it.
func (j *sizeJob) inFlags(err error) error {
	for _, f := range flagOf {
		value := fmt.Sprint(j.x.Value(f[1]))
		rest, ok := strings.CutPrefix(err.Error(), "--set "+f[0]+"=")
		if !ok || value == "" {
			continue
		}
		set, rest, _ := strings.Cut(rest, ": ") // as the scenario has it
		rest = strings.TrimPrefix(rest, set+": ")
		return fmt.Errorf("--%s %q: %s", f[1], value, strings.TrimPrefix(rest, value+": "))
	}
	return err
}

// mostRate is more than a network carries, bytes a second.
const mostRate = 100_000_000_000

// writes refuses a load of nothing, and one that nothing writes.
func (j *sizeJob) writes() error {
	switch {
	case j.plan.Rate > mostRate:
		return fmt.Errorf("the master writes %s/s: no server does; at most %s/s", risk.Size(j.plan.Rate), risk.Size(mostRate))
	case j.plan.Rate > 0:
		return nil
	}
	if rate := j.x.String("rate"); rate != "" {
		return fmt.Errorf("--rate %s: a master that writes nothing needs no backlog", rate)
	}
	return errors.New("the master writes nothing, and so needs no backlog")
}

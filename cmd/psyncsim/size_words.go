package main

import (
	"errors"
	"fmt"
	"strings"
)

// flagOf says which flag filled a field of the scenario that is simulated.
var flagOf = [][2]string{
	{"workload.0.rate", "rate"}, {"workload.0.arrivals", "arrivals"}, {"workload.0.value", "value"},
	{"links.0.bandwidth", "bandwidth"}, {"servers.*.save-rate", "save-rate"}, {"servers.*.load-rate", "load-rate"},
}

// inFlags tells an error about a field of the scenario, which nobody wrote, as
// one about the flag that filled it.
func (j *sizeJob) inFlags(err error) error {
	for _, f := range flagOf {
		value := j.x.String(f[1])
		rest, ok := strings.CutPrefix(err.Error(), "--set "+f[0]+"="+value+": ")
		if !ok {
			continue
		}
		return fmt.Errorf("--%s %q: %s", f[1], value, strings.TrimPrefix(rest, value+": "))
	}
	return err
}

// writes refuses a load of nothing.
func (j *sizeJob) writes() error {
	if j.plan.Rate > 0 {
		return nil
	}
	if rate := j.x.String("rate"); rate != "" {
		return fmt.Errorf("--rate %s: a master that writes nothing needs no backlog", rate)
	}
	return errors.New("the master writes nothing, and so needs no backlog")
}

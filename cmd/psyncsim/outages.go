package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"psyncsim/scenarios/outages"
)

func outagesCommand(c *commands) *cli.Command {
	return &cli.Command{
		Name: "outages", Usage: "how outages may be stated, and the presets; with a statement: what it means",
		ArgsUsage: "[OUTAGES]", Action: c.outages,
	}
}

// outages prints the ways to state outages, or what one statement means.
func (c *commands) outages(x *cli.Context) error {
	switch x.NArg() {
	case 0:
		c.outagePresets()
		return nil
	case 1:
		d, err := outages.Parse(x.Args().First(), outages.Reset)
		if err != nil {
			return usage("outages: %w", err)
		}
		c.outageTable(d)
		return nil
	}
	return usage("outages takes one statement; put it in quotes: psyncsim outages %q", strings.Join(x.Args().Slice(), " "))
}

func (c *commands) outagePresets() {
	w := tabwriter.NewWriter(c.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "preset\tkind\tdurations\twhat it is\tsource")
	for _, p := range outages.Presets() {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", p.Name, p.Kind, p.Durations, p.About, p.Source)
	}
	w.Flush()
	fmt.Fprintf(c.stdout, outagesText, strings.Join(outages.Distributions(), "\n  "))
}

const outagesText = `
Outages may also be stated as
  30s                            always the same
  1s,2s,45s                      each as likely as the others
  @outages.csv                   the same from a file: one a line, or a column duration_s, and kind if there is one
  p50=2s,p99=45s                 quantiles; min and max are p0 and p100; between and beyond them log-normal
  silent:30s                     of a kind: reset (both ends are told), silent (nobody is), restart (the master shuts down and
                                 starts again), crash (it is killed, and starts again), failover (it is killed, and a replica
                                 takes its place so long after), switchover (the same in order), replica-restart
  90%% reset:2s + 10%% zone-cut    a mixture
  %s
A plain number in a distribution is in seconds; mu is the logarithm of seconds.
`

// outageTable prints what a distribution draws.
func (c *commands) outageTable(d *outages.Distribution) {
	fmt.Fprintf(c.stdout, "%s\n%s\n\n", d, d.Summary())
	w := tabwriter.NewWriter(c.stdout, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "of outages\tlast at most\t")
	for _, q := range []struct {
		ppb  int64
		name string
	}{{1e7, "1 %"}, {1e8, "10 %"}, {25e7, "25 %"}, {5e8, "50 %"}, {75e7, "75 %"}, {9e8, "90 %"}, {99e7, "99 %"}, {999e6, "99.9 %"}, {9999e5, "99.99 %"}, {1e9, "all"}} {
		fmt.Fprintf(w, "%s\t%v\t\n", q.name, d.Quantile(q.ppb).Round(time.Millisecond))
	}
	w.Flush()
	fmt.Fprintf(c.stdout, "\nmean %v\n", d.Mean().Round(time.Millisecond))
}

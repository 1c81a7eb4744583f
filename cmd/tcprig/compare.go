package main

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"psyncsim/results"
	"psyncsim/sim/rig"
)

// What must hold between the real stack and the simulation.
const (
	mostOff    = 0.15 // of medians of throughput
	fewest     = 20   // runs of a cell in which something is drawn
	fewestSure = 3    // runs of one in which nothing is
	rangeSeeds = 200  // simulated runs that make a range
	otherSeeds = 40   // with other luck

	// timerSeeds make the range of what several timers decide, each at a phase of its
	// own. When a replica gives up is the sum of two phases of up to a second: one run
	// in 200 comes within a tenth of a second of an end, and 200 may miss it.
	timerSeeds = 1000
)

// compare simulates what was measured and says what agrees.
func compare(m *rig.Measured) ([]results.TCPRow, error) {
	rows := make([]results.TCPRow, len(m.Bulk))
	var g errgroup.Group
	g.SetLimit(runtime.NumCPU())
	for i := range m.Bulk {
		g.Go(func() error { rows[i] = throughput(m.Told(), &m.Bulk[i]); return nil })
	}
	_ = g.Wait()
	for i := range m.Silence {
		rows = append(rows, silence(m.Told(), &m.Silence[i]))
	}
	for i := range m.Connect {
		rows = append(rows, connect(m.Told(), &m.Connect[i]))
	}
	for i := range m.Reconnect {
		more, err := reconnects(m, &m.Reconnect[i])
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	order := []string{"throughput", "silence", "connect", "detect", "reconnect"}
	slices.SortStableFunc(rows, func(a, b results.TCPRow) int { return slices.Index(order, a.What) - slices.Index(order, b.What) })
	return rows, nil
}

func throughput(k rig.Kernel, c *rig.BulkCell) results.TCPRow {
	var real, again, other []float64
	for i := range c.Runs {
		r := &c.Runs[i]
		real = append(real, float64(r.Bytes)/c.For.Seconds())
		again = append(again, float64(c.Again(k, r).Bytes)/c.For.Seconds())
	}
	if c.LossPPM > 0 {
		for s := range otherSeeds {
			other = append(other, float64(c.Other(k, uint64(s+1)).Bytes)/c.For.Seconds())
		}
	}
	row := results.TCPRow{What: "throughput", Case: c.String(), Unit: "bytes_per_s", Real: spread(real), Sim: spread(again), Other: spread(other).Median,
		Rule: fmt.Sprintf("medians within %.0f %%", mostOff*100)}
	least := fewest
	if c.LossPPM == 0 {
		least = fewestSure
	}
	near := len(real) > 0 && math.Abs(row.Sim.Median/row.Real.Median-1) <= mostOff
	row.Holds, row.Few = holds(len(real), least, near)
	return row
}

// holds says of so many measurements whether they agree, or are too few to tell: half of
// what is asked for is enough to tell that they do not.
func holds(n, least int, near bool) (holds, few bool) {
	return n >= least && near, n < least && (near || 2*n < least)
}

func silence(k rig.Kernel, c *rig.SilenceCell) results.TCPRow {
	var real, simulated []float64
	for _, r := range c.Runs {
		real = append(real, float64(r.First))
	}
	for s := range rangeSeeds {
		simulated = append(simulated, float64(c.Again(k, uint64(s+1))))
	}
	return inside("silence", fmt.Sprintf("%s, RTT %s", c.Silence, c.RTT), real, simulated, fewest, rig.Slack)
}

func connect(k rig.Kernel, c *rig.ConnectCell) results.TCPRow {
	var real, simulated []float64
	for _, t := range c.Took {
		real = append(real, float64(t))
	}
	for s := range rangeSeeds {
		simulated = append(simulated, float64(c.Again(k, uint64(s+1))))
	}
	return inside("connect", fmt.Sprintf("%d SYNs, %d SYN-ACKs lost", c.SYNs, c.ACKs), real, simulated, 1, rig.Slack)
}

// inside asks that what was measured lies in the simulated range; of twenty runs,
// one may have been disturbed.
func inside(what, name string, real, simulated []float64, least int, slack time.Duration) results.TCPRow {
	row := results.TCPRow{What: what, Case: name, Unit: "ns", Real: spread(real), Sim: spread(simulated),
		Rule: fmt.Sprintf("inside the simulated range ± %s", slack)}
	out := 0
	for _, v := range real {
		if v < row.Sim.Low-float64(slack) || v > row.Sim.High+float64(slack) {
			out++
		}
	}
	if out > 0 {
		row.Rule += fmt.Sprintf(" (%d of %d outside)", out, len(real))
	}
	row.Holds, row.Few = holds(len(real), least, out*20 <= len(real))
	return row
}

func reconnects(m *rig.Measured, c *rig.ReconnectCell) ([]results.TCPRow, error) {
	var detect, again, simDetect, simAgain []float64
	for _, r := range c.Runs {
		if r.Detect > 0 {
			detect, again = append(detect, float64(r.Detect)), append(again, float64(r.Reconnect))
		}
	}
	lost := 0
	play := func(from, to int) error {
		runs := make([]rig.ReconnectRun, to-from)
		var g errgroup.Group
		g.SetLimit(runtime.NumCPU())
		for i := range runs {
			g.Go(func() (err error) {
				runs[i], err = c.Again(m.Told(), m.Redis, uint64(from+i+1))
				return err
			})
		}
		err := g.Wait()
		for _, r := range runs {
			if r.Detect > 0 {
				lost++
				simDetect, simAgain = append(simDetect, float64(r.Detect)), append(simAgain, float64(r.Reconnect))
			}
		}
		return err
	}
	if err := play(0, rangeSeeds); err != nil {
		return nil, err
	}
	if lost > 0 {
		if err := play(rangeSeeds, timerSeeds); err != nil {
			return nil, err
		}
	}
	name := fmt.Sprintf("%s, silence %s, repl-timeout %s", m.Redis, c.Silence, c.Timeout)
	if len(detect) == 0 || lost == 0 { // the link outlives the silence
		row := results.TCPRow{What: "detect", Case: name + ": never", Unit: "ns", Real: results.Spread{Runs: len(c.Runs)}, Sim: results.Spread{Runs: rangeSeeds},
			Rule: fmt.Sprintf("gave up: %d of %d real, %d of %d simulated", len(detect), len(c.Runs), lost, rangeSeeds), Few: len(c.Runs) == 0, Holds: len(detect) == 0 && lost == 0 && len(c.Runs) > 0}
		return []results.TCPRow{row}, nil
	}
	return []results.TCPRow{inside("detect", name, detect, simDetect, 1, rig.SlackRedis), inside("reconnect", name, again, simAgain, 1, rig.SlackRedis)}, nil
}

func spread(v []float64) results.Spread {
	if len(v) == 0 {
		return results.Spread{}
	}
	v = slices.Clone(v)
	slices.Sort(v)
	n := len(v)
	return results.Spread{Runs: n, Median: (v[(n-1)/2] + v[n/2]) / 2, Low: v[0], High: v[n-1]}
}

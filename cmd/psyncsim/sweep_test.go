package main

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"psyncsim/results"
	"psyncsim/scenarios"
)

// Every cell is handed out once, in order and in parts that are neither long nor empty,
// whatever the workers' pace.
func TestDispenser(t *testing.T) {
	for _, c := range []struct{ first, last, repeats, jobs int }{
		{0, 1, 1, 1}, {0, 5280, 1, 2}, {0, 800_000, 100, 2}, {37, 100_003, 100_000, 3}, {5, 700, 7, 64},
	} {
		d := &dispenser{next: c.first, last: c.last, repeats: c.repeats, jobs: c.jobs}
		paces := []time.Duration{0, 80 * time.Microsecond, 3 * time.Microsecond, 1, time.Second, 400 * time.Microsecond}
		at, parts, split := c.first, 0, 0
		for ; ; parts++ {
			n, from, to := d.take(paces[parts%len(paces)])
			if from == to {
				break
			}
			if n != parts || from != at || to > c.last || to-from > mostRuns {
				t.Fatalf("%+v: part %d of %d is [%d, %d), after %d", c, parts, n, from, to, at)
			}
			if to%c.repeats != 0 {
				split++
			}
			at = to
		}
		if at != c.last {
			t.Errorf("%+v: it ends at %d", c, at)
		}
		// The last part of a worker is short: nobody waits long for the other.
		if d := (c.last - c.first) / (2 * c.jobs); d > 0 && parts < 2*c.jobs {
			t.Errorf("%+v: %d parts", c, parts)
		}
	}
}

// A sweep of 100 seeds a point is handed out point by point.
func TestDispenserKeepsPointsWhole(t *testing.T) {
	d := &dispenser{last: 800_000, repeats: 100, jobs: 2}
	d.take(0)
	whole := 0
	for range 1000 {
		if _, from, to := d.take(75 * time.Microsecond); from%100 == 0 && to == from+100 {
			whole++
		}
	}
	if whole < 990 {
		t.Errorf("only %d of 1000 parts are a point", whole)
	}
}

// What an interruption leaves has no gap, on however many workers.
func TestInterruptedWithoutGap(t *testing.T) {
	s, err := scenarios.OpenEmbedded("outage-poisson", nil)
	if err != nil {
		t.Fatal(err)
	}
	cells, err := s.Cells(scenarios.SeedRange{First: 1, Last: 4000, Given: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, after := range []int64{1, 2, 60, 333, 700} {
		for _, jobs := range []int{1, 2, 3} {
			ctx, stop := context.WithCancel(context.Background())
			var begun atomic.Int64
			var got []int
			fresh := func() *chunk { return &chunk{rows: results.NewBlock(nil, false), full: -1} }
			err := sweep(ctx, cells, 0, cells.Len(), jobs, fresh, false, func(c *chunk, cell *scenarios.Cell, r *results.Run) {
				if begun.Add(1) == after {
					stop()
				}
				c.failed = append(c.failed, failure{index: r.Index})
				c.rows.Add(r)
			}, func(c *chunk) error {
				for _, f := range c.failed {
					got = append(got, f.index)
				}
				return nil
			})
			stop()
			if !errors.Is(err, errInterrupted) {
				t.Fatalf("%d jobs, interrupted after %d runs: %v", jobs, after, err)
			}
			for i, at := range got {
				if i != at {
					t.Fatalf("%d jobs, interrupted after %d runs: run %d stands where run %d should", jobs, after, at, i)
				}
			}
		}
	}
}

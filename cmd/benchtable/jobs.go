package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// What a second job is worth hangs on what a second core is, and a host that is shared does
// not always give a whole one. So the peer of this figure is the same work in two programs
// at once, each with one job and half the runs: they share nothing but the machine. What
// two jobs lose against them is psyncsim's doing; what they lose too is the machine's.
const (
	pairs     = 11     // rounds, in which one job, two jobs and two programs take turns
	sliceRuns = 30_000 // of a sweep: one or two seconds with one job
)

// turn is one round: the wall time of a sweep with one job, with two, and as two programs.
type turn struct{ one, two, apart time.Duration }

// sample is what two jobs gain, beside what two programs do.
func (t turn) sample() sample {
	return sample{value: t.one.Seconds() / t.two.Seconds(), peer: t.one.Seconds() / t.apart.Seconds()}
}

// slice is how many runs there are in each sweep.
func (b *bench) slice() int {
	if b.quick {
		return sliceRuns / 3
	}
	return sliceRuns
}

// twoJobs plays rounds.
func (b *bench) twoJobs(load string) (all []turn, err error) {
	runs, rounds := b.slice(), pairs
	if b.quick {
		rounds = 3
	}
	sweep := func(name, jobs string, from, to int) []string {
		return []string{"run", "outage-" + load, "--quiet", "--no-charts", "--jobs", jobs, "--seeds", fmt.Sprint(from, "..", to), "--out", filepath.Join(b.dir, name)}
	}
	one := [][]string{sweep("one", "1", 1, runs)}
	two := [][]string{sweep("two", "2", 1, runs)}
	apart := [][]string{sweep("first", "1", 1, runs/2), sweep("second", "1", runs/2+1, runs)}
	for n := range rounds {
		var t turn
		order := []struct {
			to   *time.Duration
			what [][]string
		}{{&t.one, one}, {&t.two, two}, {&t.apart, apart}}
		for i := range order { // who is first changes
			o := order[(i+n)%len(order)]
			if *o.to, err = b.atOnce(o.what); err != nil {
				return all, err
			}
		}
		all = append(all, t)
	}
	return all, nil
}

// atOnce runs the program with each of some arguments, all at once, and says how long it took.
func (b *bench) atOnce(all [][]string) (wall time.Duration, err error) {
	began := time.Now()
	var running []*exec.Cmd
	for _, args := range all {
		fmt.Fprintln(os.Stderr, "psyncsim", strings.Join(args, " "))
		c := exec.Command(b.program, args...)
		c.Stderr = os.Stderr
		if e := c.Start(); e != nil {
			err = errors.Join(err, e)
			continue
		}
		running = append(running, c)
	}
	for _, c := range running {
		err = errors.Join(err, c.Wait())
	}
	wall = time.Since(began)
	for _, args := range all {
		err = errors.Join(err, os.RemoveAll(args[len(args)-1]))
	}
	return wall, err
}

// jobsRow is the figure.
func (b *bench) jobsRow(load string, all []turn) {
	ratio := mapped(all, turn.sample)
	b.figure("from 1 to 2 jobs, "+load, "×", worth, atLeast(1.9), ratio,
		"sweeps of %s runs without charts, medians: one job %.3g s, two jobs %.3g s, two programs at once with one job and half the runs each, which share nothing, %.3g s, which is %.3g ×; sums that touch no memory gained %.3g × by a second thread right after",
		figure(float64(b.slice())), median(each(all, func(t turn) float64 { return t.one.Seconds() })), median(each(all, func(t turn) float64 { return t.two.Seconds() })),
		median(each(all, func(t turn) float64 { return t.apart.Seconds() })), median(each(ratio, func(x sample) float64 { return x.peer })), 2*timeWide(1)/timeWide(2))
}

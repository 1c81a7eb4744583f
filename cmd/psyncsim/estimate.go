package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/term"

	"psyncsim/results"
)

// A sweep is measured before it starts when it has at least so many runs, or costly
// ones: a few of them are played, for at most so long.
const (
	estimateRuns = 256
	sampleRuns   = 24
	sampleTime   = 300 * time.Millisecond
	sampleMost   = 3 * time.Second       // runs that are to take longer are not played for it
	costTime     = 300 * time.Nanosecond // the least that an event takes
)

// Beyond these a sweep on a terminal wants --yes; beyond the smaller ones it is
// announced.
const (
	longTime     = time.Hour
	largeDisk    = 10_000_000_000
	announceTime = 10 * time.Second
	announceDisk = 1_000_000_000
)

// errAsked ends a run before it has begun.
var errAsked = errors.New("if that is meant, add --yes")

// guess is what a sweep will take.
type guess struct {
	runs int
	time time.Duration
	disk int64 // bytes of rows; 0 is unknown
	more bool  // it takes more time than that
}

// String rounds: it is a guess.
func (g guess) String() string {
	runs := fmt.Sprint(g.runs, " runs")
	if g.runs == 1 {
		runs = "1 run"
	}
	if g.more {
		return fmt.Sprintf("%s, more than %s", runs, roughly(g.time))
	}
	return fmt.Sprintf("%s, about %s and %s of rows", runs, roughly(g.time), roughBytes(g.disk))
}

// roughly is a time as people say it.
func roughly(d time.Duration) string {
	switch d = d.Round(time.Second); {
	case d >= 100*time.Hour:
		return fmt.Sprintf("%d days", (d+12*time.Hour)/(24*time.Hour))
	case d >= time.Hour:
		d = d.Round(time.Minute)
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	case d >= 2*time.Minute:
		return fmt.Sprintf("%d min", d.Round(time.Minute)/time.Minute)
	}
	return fmt.Sprintf("%d s", max(d/time.Second, 1))
}

func roughBytes(n int64) string {
	for _, u := range []struct {
		size int64
		name string
	}{{1e12, "TB"}, {1e9, "GB"}, {1e6, "MB"}} {
		if n >= 10*u.size {
			return fmt.Sprintf("%d %s", (n+u.size/2)/u.size, u.name)
		}
		if n >= u.size {
			return fmt.Sprintf("%d.%d %s", n/u.size, n%u.size*10/u.size, u.name)
		}
	}
	return fmt.Sprintf("%d kB", max(n/1000, 1))
}

// estimate says how large a large sweep is, before it starts. It asks for --yes
// where nobody would like to be surprised.
func (j *job) estimate(first, last int) error {
	if last-first < estimateRuns {
		if _, all := j.cells.Spread(first, last, 1, j.x.Bool("bytes")); events(all) < announceTime {
			return nil
		}
	}
	g, err := j.guess(first, last)
	if err != nil {
		return err
	}
	if guessForTests != nil {
		guessForTests(g)
	}
	if j.c.terminal() && !j.x.Bool("yes") && (g.time > longTime || g.disk > largeDisk) {
		return &exitError{exitUsage, fmt.Errorf("%s: %v, with %d jobs: %w", j.file, g, j.x.Int("jobs"), errAsked)}
	}
	if !j.x.Bool("quiet") && (g.time >= announceTime || g.disk >= announceDisk) {
		fmt.Fprintf(j.c.stderr, "%s: %v, with %d jobs\n", j.s.Name, g, j.x.Int("jobs"))
	}
	return nil
}

var terminalForTests func() bool
var guessForTests func(guess)

// terminal says whether somebody is there to be asked.
func (c *commands) terminal() bool {
	if terminalForTests != nil {
		return terminalForTests()
	}
	f, ok := c.stderr.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && term.IsTerminal(int(os.Stdin.Fd()))
}

// guess plays a few runs and takes the others to cost what they are estimated to
// cost in proportion. Each is played twice: what the first time costs more is what a
// point costs, however many seeds it has.
func (j *job) guess(first, last int) (guess, error) {
	picked, all := j.cells.Spread(first, last, sampleRuns, j.x.Bool("bytes"))
	for _, p := range picked {
		if events(p.Cost) > sampleMost { // nobody wants to wait for that to be asked
			return guess{runs: last - first, time: events(all) / time.Duration(min(j.x.Int("jobs"), last-first)), more: true}, nil
		}
	}
	w := worker{ctx: j.x.Context, cursor: j.cells.NewCursor(), bytes: j.x.Bool("bytes")}
	if len(picked) > 0 { // the first pays for memory that the others use again
		cell := w.cursor.At(picked[0].Run)
		if _, err := w.one(&cell); err != nil {
			return guess{}, nil // it will be told in its place
		}
		w.cursor = j.cells.NewCursor()
	}
	began := time.Now()
	var setUp, spent time.Duration
	cost, disk, n := int64(0), int64(0), int64(0)
	for _, p := range picked {
		start := time.Now()
		cell := w.cursor.At(p.Run)
		r, err := w.one(&cell)
		if err != nil {
			return guess{}, nil
		}
		middle := time.Now()
		if _, err := w.one(&cell); err != nil {
			return guess{}, nil
		}
		again := time.Since(middle)
		setUp, spent = setUp+max(0, middle.Sub(start)-again), spent+again
		size, err := results.SizeOf(axes(j.s), r)
		if err != nil {
			return guess{}, err
		}
		cost, disk, n = cost+p.Cost, disk+size, n+1
		if time.Since(began) > sampleTime {
			break
		}
	}
	if cost == 0 {
		return guess{}, nil
	}
	// A worker takes a batch of runs at a time: who has some of a point compiles it.
	points := float64(min((last-first-1)/j.cells.Repeats()+2, j.cells.Points())) * float64(min(j.x.Int("jobs"), (j.cells.Repeats()+batch-1)/batch))
	total := float64(spent)*float64(all)/float64(cost) + float64(setUp)/float64(n)*points
	total /= float64(min(j.x.Int("jobs"), last-first))
	return guess{runs: last - first, time: time.Duration(min(total, 1<<62)), disk: disk / n * int64(last-first)}, nil
}

// events is what so many events take at least, as scenarios.Cost counts them.
func events(n int64) time.Duration { return time.Duration(min(n, 1<<50)) * costTime }

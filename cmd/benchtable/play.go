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

// pauseEvery is how long a program plays at a time before it stands still while the peer
// is timed.
const pauseEvery = 2 * time.Second

// settle is how long a process that was told to stop may take.
const settle = 3 * time.Millisecond

// beside times the peer before and after f, on so many threads at once.
func (b *bench) beside(threads int, f func() error) (pace, error) {
	before := b.peerNow(threads)
	if err := f(); err != nil {
		return pace{}, err
	}
	return mean(before, b.peerNow(threads)), nil
}

// peerNow is the peer's pace now. What was timed a moment ago holds.
func (b *bench) peerNow(threads int) pace {
	if b.lastThreads != threads || time.Since(b.lastAt) > peerSlice/5 {
		b.last = timePeer(threads, peerSlice)
	}
	b.lastThreads, b.lastAt = threads, time.Now()
	return b.last
}

// played is one run of the program.
type played struct {
	wall, cpu time.Duration
	rss       int64 // bytes, at the most
	at        pace  // of the peer, over the whole run
}

// seconds are those on the wall.
func (p played) seconds() sample { return sample{p.wall.Seconds(), p.at.wall} }

// micros are those of one processor for each of n runs.
func (p played) micros(n float64) sample { return sample{p.cpu.Seconds() * 1e6 / n, p.at.cpu} }

// play runs psyncsim run with results in a folder of their own, the peer on as many
// threads as it has jobs.
func (b *bench) play(jobs int, args ...string) (played, error) {
	out := filepath.Join(b.dir, "out")
	p, err := b.psyncsim(jobs, append([]string{"run", "--quiet", "--yes", "--jobs", fmt.Sprint(jobs), "--out", out}, args...)...)
	return p, errors.Join(err, os.RemoveAll(out))
}

// psyncsim runs the program. Every pauseEvery it is stopped, and the peer timed: that
// time does not count.
func (b *bench) psyncsim(jobs int, args ...string) (p played, err error) {
	fmt.Fprintln(os.Stderr, "psyncsim", strings.Join(args, " "))
	c := exec.Command(b.program, args...)
	c.Stderr = os.Stderr
	ago := b.peerNow(jobs)
	began := time.Now()
	if err := c.Start(); err != nil {
		return p, err
	}
	ended := make(chan time.Time, 1)
	go func() { err = c.Wait(); ended <- time.Now() }()
	var weighed stretches
	for running := true; running; {
		select {
		case end := <-ended:
			running = false
			weighed.add(max(0, end.Sub(began)), ago, b.peerNow(jobs))
		case <-time.After(pauseEvery):
			played := time.Since(began)
			if !stop(c.Process) {
				continue
			}
			time.Sleep(settle)
			now := b.peerNow(jobs)
			goOn(c.Process)
			weighed.add(played, ago, now)
			ago, began = now, time.Now()
		}
	}
	if err != nil {
		return p, fmt.Errorf("psyncsim %s: %w", strings.Join(args, " "), err)
	}
	p.cpu, p.rss = c.ProcessState.UserTime()+c.ProcessState.SystemTime(), maxRSS(c.ProcessState)
	p.wall, p.at = weighed.all, weighed.pace()
	return p, nil
}

// stretches are times between two looks at the peer.
type stretches struct {
	all       time.Duration
	wall, cpu float64 // events that the peer would have played meanwhile
}

// add adds a stretch with the peer's pace before and after it.
func (s *stretches) add(d time.Duration, before, after pace) {
	at := mean(before, after)
	s.all += d
	s.wall += float64(d) / at.wall
	s.cpu += float64(d) / at.cpu
}

// pace is that of the whole time: what it would take the peer to play as many events.
func (s *stretches) pace() pace { return pace{float64(s.all) / s.wall, float64(s.all) / s.cpu} }

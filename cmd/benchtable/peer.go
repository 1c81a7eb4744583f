package main

import (
	"runtime"
	"slices"
	"sync"
	"time"

	"psyncsim/sim/peer"
)

// designPeer is how long the peer took on the machine of the design, nanoseconds an
// event: container/heap with closures, hold model, 16 pending.
const designPeer = 159

// peerSlice is how long the peer is timed at a time.
const peerSlice = 100 * time.Millisecond

// pace is how long the peer takes for an event, nanoseconds: by the clock on the wall,
// and by the processor's.
type pace struct{ wall, cpu float64 }

// timePeer times the peer on so many threads at once that share nothing; an event of each
// of them counts.
func timePeer(threads int, slice time.Duration) pace {
	return onThreads(threads, func() pace {
		p := peer.New(16)
		for range 1000 {
			p.Step()
		}
		events, began, spent := 0, time.Now(), threadTime()
		for time.Since(began) < slice {
			for range 1000 {
				p.Step()
			}
			events += 1000
		}
		return pace{float64(time.Since(began)) / float64(events), float64(threadTime()-spent) / float64(events)}
	})
}

// onThreads is the mean of what so many threads measure side by side.
func onThreads(threads int, measure func() pace) pace {
	all := make([]pace, threads)
	var wg sync.WaitGroup
	for i := range all {
		wg.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			all[i] = measure()
		})
	}
	wg.Wait()
	return mean(all...)
}

// mean is the pace of equal times at each: events add up, not their times.
func mean(all ...pace) pace {
	var m pace
	for _, p := range all {
		m.wall += 1 / p.wall / float64(len(all))
		m.cpu += 1 / p.cpu / float64(len(all))
	}
	return pace{1 / m.wall, 1 / m.cpu}
}

// sample is what one round measured, with the peer's pace around it.
type sample struct {
	value float64
	peer  float64 // ns an event; 0 where it does not matter
}

// figures of one kind are brought to the pace of the design's machine in the same way.
type scale int

const (
	plain scale = iota // a ratio, a count, a size: as it is
	spent              // a time: it grows as the peer's does
	speed              // so many a second: it falls where the peer's time grows
	worth              // of a second core: the peer's is what it is worth to programs that share nothing
)

// scaled is the value at the pace of the design's machine.
func (s scale) scaled(x sample) float64 {
	switch {
	case s == spent && x.peer > 0:
		return x.value * designPeer / x.peer
	case s == speed && x.peer > 0:
		return x.value * x.peer / designPeer
	case s == worth && x.peer > 0:
		return x.value * 2 / x.peer
	}
	return x.value
}

func median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(all))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

// each is a number of everything.
func each[T any](all []T, f func(T) float64) []float64 { return mapped(all, f) }

// mapped is f of everything.
func mapped[T, U any](all []T, f func(T) U) []U {
	out := make([]U, len(all))
	for i, x := range all {
		out[i] = f(x)
	}
	return out
}

// bare leaves the peer out.
func bare(all []sample) []sample {
	return mapped(all, func(x sample) sample { return sample{value: x.value} })
}

func (x sample) measured() float64 { return x.value }

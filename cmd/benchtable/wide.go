package main

import (
	"runtime"
	"time"
)

// The peer of the table waits for memory most of the time, and two threads of one core can wait
// side by side: it gains by a second thread where there is half a core for it. What
// keeps a core's arithmetic busy does not, so what it gains stands beside what a second job does.

// wideSlice is how long sums are timed at a time.
const wideSlice = 50 * time.Millisecond

// timeWide is how long so many threads at once take for sums that do not wait for each other,
// nanoseconds for a block of them on each.
func timeWide(threads int) float64 {
	return onThreads(threads, func() pace {
		var s [8]uint64
		blocks, began := 0, time.Now()
		for time.Since(began) < wideSlice {
			s = sums(s)
			blocks++
		}
		runtime.KeepAlive(&s)
		return pace{wall: float64(time.Since(began)) / float64(blocks)}
	}).wall
}

// sums is a block of eight chains of sums.
func sums(s [8]uint64) [8]uint64 {
	a, b, c, d, e, f, g, h := s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
	for k := range uint64(20_000) {
		a, b, c, d = a+k, b^k, c+3, d^5
		e, f, g, h = e+k, f^k, g+7, h^9
	}
	return [8]uint64{a, b, c, d, e, f, g, h}
}

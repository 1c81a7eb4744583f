package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// What a sweep is guessed to take is what it takes, within a factor of three: with many
// seeds at one point, with one seed at each of many points, and with runs of very
// different cost. A machine that has something else to do gets another try.
func TestGuessHolds(t *testing.T) {
	if testing.Short() {
		t.Skip("it measures time")
	}
	const within = 3
	for _, args := range [][]string{
		{"outage-poisson", "--seeds", "1..4000"},
		{"risk-surface", "--seeds", "1", "--set", "sweep.outage.steps=8"},
		{"sizing-rule", "--seeds", "1..4"},
		{"../../scenarios/testdata/guess/lossy.yaml"},
		{"../../scenarios/testdata/guess/bytes.yaml", "--bytes"},
		{"../../scenarios/testdata/guess/unequal.yaml"},
	} {
		var g guess
		guessForTests = func(made guess) { g = made }
		var ratio, size float64
		for range 5 {
			dir := t.TempDir()
			start := time.Now()
			if code, _, stderr := call(t, append([]string{"run", "--quiet", "--no-charts", "--jobs", "1", "--out", dir}, args...)...); code != 0 {
				t.Fatalf("exit status %d: %s", code, stderr)
			}
			ratio, size = g.time.Seconds()/time.Since(start).Seconds(), float64(g.disk)/float64(sizes(t, dir, "runs.csv", "resyncs.csv"))
			if ratio > 1./within && ratio < within {
				break
			}
		}
		t.Logf("%s: %.2f of the time, %.2f of the disk", args[0], ratio, size)
		if !(ratio > 1./within && ratio < within) || size < 1./within || size > within {
			t.Errorf("%s: guessed %v and %d bytes, %.2f and %.2f times what it took", args[0], g.time, g.disk, ratio, size)
		}
	}
	guessForTests = nil
}

func sizes(t *testing.T, dir string, names ...string) (n int64) {
	for _, name := range names {
		s, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		n += s.Size()
	}
	return n
}

package main

import (
	"os"
	"path/filepath"
	"strings"
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

// A guess is told in round numbers, in the units that people use.
func TestGuessInWords(t *testing.T) {
	for _, c := range []struct {
		g    guess
		want string
	}{
		{guess{300, 12345 * time.Millisecond, 900, false}, "300 runs, about 12 s and 1 kB of rows"},
		{guess{300, 119 * time.Second, 1_550_000, false}, "300 runs, about 119 s and 1.5 MB of rows"},
		{guess{300, 59 * time.Minute, 37_730_000_000, false}, "300 runs, about 59 min and 38 GB of rows"},
		{guess{300, 15618 * time.Second, 9_960_000_000, false}, "300 runs, about 4 h 20 min and 9.9 GB of rows"},
		{guess{300, 1000 * time.Hour, 2_000_000_000_000, false}, "300 runs, about 42 days and 2.0 TB of rows"},
		{guess{1, time.Hour, 0, true}, "1 run, more than 1 h 0 min"},
	} {
		if got := c.g.String(); got != c.want {
			t.Errorf("%s, not %s", got, c.want)
		}
	}
}

// A few runs that take for ever are announced, too, and asked about: without waiting for
// one of them.
func TestGuessOfFewLongRuns(t *testing.T) {
	terminalForTests = func() bool { return true }
	defer func() { terminalForTests = nil }()
	args := []string{"run", "testdata/long.yaml", "--quiet", "--no-charts", "--out", t.TempDir()}
	code, _, stderr := call(t, args...)
	if code != exitUsage || !strings.Contains(stderr, "20 runs, more than ") || !strings.Contains(stderr, "--yes") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

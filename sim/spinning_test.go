package sim

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// refusedAtOnce is a replica of 7.0 below a 3.2 that has lost its master: it is refused, and
// asks again at once.
func refusedAtOnce(latency time.Duration) *Config {
	c := following(30*time.Second, "redis-5.0", "redis-3.2", "redis-7.0")
	c.Links = []LinkConfig{{A: 0, B: 1, Latency: ms}, {A: 1, B: 2, Latency: latency}}
	c.Faults = []FaultConfig{
		{At: 15 * time.Second, For: 10 * time.Second, Kind: FaultReset, A: 0, B: 1},
		{At: 16 * time.Second, For: 100 * ms, Kind: FaultReset, A: 1, B: 2},
	}
	return c
}

// TestSpinning: who asks again at once over a link that takes no time ends the run with an
// error that says so and is no broken promise; with latency the run has its end.
func TestSpinning(t *testing.T) {
	w := &World{}
	for _, test := range []struct {
		latency time.Duration
		spins   bool
	}{{0, true}, {10 * time.Microsecond, false}, {ms, false}, {0, true}} {
		if err := w.Reset(refusedAtOnce(test.latency)); err != nil {
			t.Fatal(err)
		}
		err := w.Run()
		var s *Spinning
		if errors.As(err, &s) != test.spins || !test.spins && err != nil {
			t.Errorf("%v: %v", test.latency, err)
		}
		if test.spins && (s.Replica != "c" || s.Master != "b" || s.At < 16_000_000_000 || !strings.Contains(err.Error(), "latency")) {
			t.Error(err)
		}
		w = &World{}
	}
}

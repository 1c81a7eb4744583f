package measured

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const recordings = "../../../shared/data/measured-servers"

// played are the servers whose every case must agree, but for those that
// Result.NotPlayed names.
var played = []string{"2.8.24", "3.2.13", "4.0.14", "5.0.14", "6.2.16"}

// read reads a recorded file. Without the recordings there is nothing to show:
// that must not pass for agreement where it counts.
func read(t *testing.T, server string) *File {
	t.Helper()
	f, err := Read(filepath.Join(recordings, server+".json"))
	if errors.Is(err, fs.ErrNotExist) {
		if os.Getenv("CI") != "" {
			t.Fatalf("THE RECORDINGS ARE MISSING: %v", err)
		}
		t.Skipf("NOTHING COMPARED WITH REAL SERVERS: THE RECORDINGS ARE MISSING: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestMeasured plays every recorded case of the versions that are simulated.
func TestMeasured(t *testing.T) {
	for _, server := range played {
		f := read(t, server)
		agree, total := 0, 0
		for _, c := range f.Cases {
			t.Run(server+"/"+c.ID, func(t *testing.T) {
				r := c.Play(Options{})
				for _, why := range r.NotPlayed {
					t.Logf("NOT PLAYED: %s", why)
				}
				if len(r.NotPlayed) > 0 {
					return
				}
				total++
				if r.Agree {
					agree++
					t.Logf("seed %d, at most %v off", r.Seed, r.Late)
				}
				for _, d := range r.Differences {
					t.Errorf("%8.4f %s: real %q, simulated %q", d.T, d.What, d.Real, d.Simulated)
				}
				for _, a := range r.Assumed {
					t.Logf("assumed: %s", a)
				}
			})
		}
		t.Logf("%s: %d of %d agree", server, agree, total)
	}
}

// TestDecisionsDoNotHangOnPhases plays each case with other phases than those
// read off the recording. As long as things happen in the recorded order, what
// is decided and how many bytes it takes must not change; only what a clock of
// whole seconds shows may.
func TestDecisionsDoNotHangOnPhases(t *testing.T) {
	const seeds = 12 // the last one moves phases by up to 11 ms: beyond that other things come first
	for _, server := range played {
		f := read(t, server)
		prof, err := Profile(server)
		if err != nil {
			t.Fatal(err)
		}
		ordered, total := 0, 0
		for _, c := range f.Cases {
			if len(c.Play(Options{Seeds: 1}).NotPlayed) > 0 {
				continue
			}
			for seed := range uint64(seeds) {
				total++
				diff := c.playOnce(prof, seed, Options{}).Differences
				if slices.ContainsFunc(diff, outOfOrder) {
					continue
				}
				ordered++
				for _, d := range diff {
					if !strings.HasSuffix(d.What, " lag") {
						t.Errorf("%s %s seed %d: %8.4f %s: real %q, simulated %q", server, c.ID, seed, d.T, d.What, d.Real, d.Simulated)
					}
				}
			}
		}
		t.Logf("%s: %d of %d runs in the recorded order", server, ordered, total)
		if 2*ordered < total {
			t.Errorf("%s: only %d of %d runs say anything", server, ordered, total)
		}
	}
}

// outOfOrder says that something was not seen, or not at its time.
func outOfOrder(d Difference) bool {
	return strings.HasPrefix(d.What, "time: ") || slices.Contains([]string{"nothing", "not seen", "open"}, d.Simulated)
}

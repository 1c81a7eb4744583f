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

// played are the servers whose every case must agree, and how many cases each
// has: a recording that lost some would agree too.
var played = []struct {
	server string
	cases  int
}{
	{"2.8.24", 20}, {"3.2.13", 20}, {"4.0.14", 20}, {"5.0.14", 20}, {"6.2.16", 20},
	{"7.0.15", 24}, {"7.0.15-debian", 24}, {"7.2.6", 24}, {"7.4.1", 24}, {"7.4.1-jemalloc", 12},
	{"valkey-8.0.1", 24}, {"valkey-8.0.1-jemalloc", 12},
}

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

// TestMeasured plays every recorded case: all of them agree.
func TestMeasured(t *testing.T) {
	for _, x := range played {
		f := read(t, x.server)
		agree := 0
		for _, c := range f.Cases {
			t.Run(x.server+"/"+c.ID, func(t *testing.T) {
				r := c.Play(Options{})
				for _, why := range r.NotPlayed {
					t.Errorf("not played: %s", why)
				}
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
		t.Logf("%s: %d of %d agree", x.server, agree, len(f.Cases))
		if len(f.Cases) != x.cases {
			t.Errorf("%s: %d cases, not %d", x.server, len(f.Cases), x.cases)
		}
	}
}

// TestAllRecordings: no recording is left out.
func TestAllRecordings(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(recordings, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		server := strings.TrimSuffix(filepath.Base(file), ".json")
		known := false
		for _, x := range played {
			known = known || x.server == server
		}
		if !known {
			t.Errorf("%s is not played", server)
		}
	}
}

// TestHeldUp: more than Latency is allowed only where a recording shows why.
func TestHeldUp(t *testing.T) {
	var held, slow []string
	for _, x := range played {
		f := read(t, x.server)
		for _, c := range f.Cases {
			if c.held() > 0 {
				held = append(held, x.server+"/"+c.ID)
			}
			for i := range c.Events {
				if c.saveTime(i, "A") != quickSave {
					slow = append(slow, x.server+"/"+c.ID)
					break
				}
			}
		}
	}
	if want := []string{"7.4.1-jemalloc/bnd-16k-m1", "7.4.1-jemalloc/bnd-16k-p0", "7.4.1-jemalloc/bnd-16k-p1", "7.4.1-jemalloc/bnd-16k-p4096"}; !slices.Equal(held, want) {
		t.Errorf("held up: %q, not %q", held, want)
	}
	if want := []string{"7.4.1-jemalloc/bnd-16k-p4096"}; !slices.Equal(slow, want) {
		t.Errorf("slow snapshots: %q, not %q", slow, want)
	}
}

// TestDecisionsDoNotHangOnPhases plays each case with other phases than those
// read off the recording. As long as things happen in the recorded order, what
// is decided and how many bytes it takes must not change; only what a clock of
// whole seconds shows may.
func TestDecisionsDoNotHangOnPhases(t *testing.T) {
	seeds := uint64(12) // the last one moves phases by up to 11 ms: beyond that other things come first
	if testing.Short() {
		seeds = 3
	}
	for _, x := range played {
		server, f := x.server, read(t, x.server)
		prof, err := Profile(server)
		if err != nil {
			t.Fatal(err)
		}
		ordered, total := 0, 0
		for _, c := range f.Cases {
			if c.asksStreams() {
				continue // it has no phases
			}
			for seed := range seeds {
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

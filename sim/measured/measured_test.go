package measured

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

const recordings = "../../../shared/data/measured-servers"

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
	for _, server := range []string{"2.8.24", "4.0.14", "6.2.16"} {
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

package measured

import (
	"path/filepath"
	"testing"
)

// TestRecorded plays what verify --record wrote down of real servers of every
// version: all of it agrees.
func TestRecorded(t *testing.T) {
	paths, err := filepath.Glob("../../scenarios/verify/recorded/*.json")
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	for _, path := range paths {
		f, err := Read(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range Verify([]*File{f}, Options{}).Cases {
			cases++
			for _, d := range c.Differences {
				t.Errorf("%s %s: %8.4f %s: real %q, simulated %q", c.Server, c.ID, d.T, d.What, d.Real, d.Simulated)
			}
			if len(c.NotCompared) > 0 {
				t.Errorf("%s %s: not compared: %q", c.Server, c.ID, c.NotCompared)
			}
		}
	}
	if cases < 34 {
		t.Errorf("only %d cases in %q", cases, paths)
	}
}

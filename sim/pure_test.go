package sim

import (
	"testing"

	"psyncsim/model/purity"
)

// Nothing but its configuration decides a run. The packages beside (live, twin)
// deal with the real world and are not meant.
func TestPure(t *testing.T) {
	for _, dir := range []string{".", "trace", "tcp"} {
		found, err := purity.CheckDir(dir, purity.Sim())
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			t.Error("sim/" + f)
		}
	}
}

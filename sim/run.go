package sim

import (
	"fmt"

	"psyncsim/sim/trace"
)

// Violation is a broken invariant of the simulator: our bug, never the user's.
type Violation struct {
	What string         // which promise was broken, with numbers
	Seed uint64         // the run's seed
	Last []trace.Record // the last facts before it
}

func (v *Violation) Error() string { return fmt.Sprintf("invariant broken: %s", v.What) }

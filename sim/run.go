package sim

import (
	"fmt"
	"time"

	"psyncsim/model"
	"psyncsim/sim/trace"
)

// Violation is a broken invariant of the simulator: our bug, never the user's.
type Violation struct {
	What string         // which promise was broken, with numbers
	Seed uint64         // the run's seed
	Last []trace.Record // the last facts before it
}

func (v *Violation) Error() string { return fmt.Sprintf("invariant broken: %s", v.What) }

// Spinning is the end of a run in which a replica is refused and asks again at once, without
// end: from 6.2 on nothing slows it down but the way to its master and back, and the link
// has next to none. (A real 7.0.15 below a 3.2 that had lost its master asked some 6,000 times
// a second over loopback: its processor's time is not simulated.) It is the
// scenario's to say how long the way is.
type Spinning struct {
	Replica, Master string
	At              model.Instant // since the run began
	Latency         time.Duration // of their link
}

func (s *Spinning) Error() string {
	return fmt.Sprintf("%s dialed %s more than %d times within a second, at %v: it is refused and asks again at once, and the latency of their link, %v, is all that slows it down; give the link at least 10us",
		s.Replica, s.Master, mostDials, time.Duration(s.At), s.Latency)
}

// mostDials is how often a server may dial within one second of the run.
const mostDials = 100_000

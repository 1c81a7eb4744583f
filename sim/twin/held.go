package twin

import (
	"sync/atomic"
	"time"

	"psyncsim/model"
)

// lateness is by how much the machine held up the timers of a process that has
// nothing to do.
type lateness struct {
	all   time.Duration // all in all: by so much the turns of a server have moved
	worst time.Duration // at once: so long may pass before a process sees what has come
}

// heldUp measures lateness.
type heldUp struct{ all, worst atomic.Int64 }

func (h *heldUp) lateness() lateness {
	return lateness{time.Duration(h.all.Load()), time.Duration(h.worst.Load())}
}

// hold is a timer like serverCron's: armed again for 100 ms when it has run.
func (h *heldUp) hold(over chan struct{}) {
	const turn = 100 * time.Millisecond
	for {
		began := time.Now()
		select {
		case <-over:
			return
		case <-time.After(turn):
			late := int64(max(time.Since(began)-turn-model.CronLate, 0))
			h.all.Add(late)
			h.worst.Store(max(h.worst.Load(), late))
		}
	}
}

// The most that may be measured where it is to explain a difference: all in all one turn of
// serverCron, and a quarter of one at once. What follows from another wait of the protocol
// is a second, or a turn.
const (
	mostHeld   = 100 * time.Millisecond
	mostAtOnce = 25 * time.Millisecond
	voids      = 4 // so often a case is played again for that
)

// A turn of a real server's serverCron comes late by the rounding of its event loop to
// milliseconds and by what the turn takes: so it is less on an idle server, and nobody
// tells it. Replicas of nine versions, whose ACKs were timed for 20 s, had means of 0.33 to 0.43 ms
// without traffic; with 50 or 1,000 commands a second 0.08 to 0.57 ms up to 5.0 and 0.7 to
// 1.34 ms from 6.2 on; 0.95 ms where the machine compiled meanwhile.
const leastCronLate, mostCronLate = 50 * time.Microsecond, 1500 * time.Microsecond

// bearable says that the machine held up the servers little enough to say what they did.
func (l lateness) bearable() bool { return l.all <= mostHeld && l.worst <= mostAtOnce }

// twice is what seeds draw from where the ordinary ones do not suffice.
func (l lateness) twice() lateness {
	return lateness{2*l.all + allowance, 2*l.worst + allowance}
}

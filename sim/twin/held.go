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

// twice is what seeds draw from where the ordinary ones do not suffice.
func (l lateness) twice() lateness {
	return lateness{2*l.all + allowance, 2*l.worst + allowance}
}

package measured

import (
	"strings"
	"time"

	"psyncsim/model"
)

// What a recording shows of the machine on which it was made. On most of them
// nothing; on a busy one processes had to wait for their turn, and disks were
// slow. Both are read off things that hang on neither protocol nor timers.

const (
	// calmStep is the longest that a step takes which asks processes that have
	// nothing else to do. In the recordings of a calm machine an INFO after a
	// write takes at most 16 ms (the recorder polls), the steps of a handshake at
	// most 10 ms.
	calmStep = 18 * time.Millisecond
	// mostHeld bounds what is allowed for: replicationCron comes every second, and
	// it must stay clear which turn it was.
	mostHeld = 400 * time.Millisecond
	// turnsPerSecond is how many turns of serverCron add up to one of
	// replicationCron.
	turnsPerSecond = 10
)

// held is how much later than in simulation a turn of replicationCron may come,
// besides Latency. A turn of serverCron is armed when the one before it has run,
// and a process that must wait for its turn to run is as late each time as the
// longest step that the recording shows. It is 0 where all steps are those of a
// calm machine.
func (c *Case) held() time.Duration {
	var longest time.Duration
	for i := 1; i < len(c.Events); i++ {
		a, b := &c.Events[i-1], &c.Events[i]
		asked := a.Op == "write" && b.Op == "info" ||
			a.Op == "connect_attempt" && b.Op == "psync_request" ||
			a.Op == "psync_request" && b.Op == "psync_reply" && strings.HasPrefix(b.fields.text("line"), "+CONTINUE")
		if asked {
			longest = max(longest, time.Duration(seconds(b.T)-seconds(a.T)))
		}
	}
	if longest <= calmStep {
		return 0
	}
	return min(turnsPerSecond*longest, mostHeld)
}

// saveTime is how long the next snapshot child of a server lives. Its work is
// the machine's affair: fork, file, fsync. Recorded data sets are small, and on
// a calm machine it has ended before the next turn of serverCron, which notices
// it. Where the line before the snapshot came more than a turn after the reply,
// the child was slow: it ended in the turn before that line.
func (c *Case) saveTime(from int, server string) time.Duration {
	replied := map[string]model.Instant{}
	for _, e := range c.Events[from:] {
		link := e.fields.text("link")
		if !strings.HasSuffix(link, "->"+server) {
			continue
		}
		switch e.Op {
		case "psync_reply":
			replied[link] = seconds(e.T)
		case "rdb_header":
			at, ok := replied[link]
			if took := time.Duration(seconds(e.T) - at); ok && took > turn+Latency {
				return took - turn/2
			}
			return quickSave
		}
	}
	return quickSave
}

package logs

import (
	"strings"
	"testing"
	"time"
)

// How long a replica's process was away is read off its log: from the last word
// of the one before to "Ready to accept connections".
func TestRestarted(t *testing.T) {
	const id = "0123456789abcdef0123456789abcdef01234567"
	for _, pid := range []string{"200", "1"} { // in a container it is always 1
		log := `1:S 21 Nov 2026 12:00:00.000 * Full resync from master: ` + id + `:100
1:S 21 Nov 2026 12:00:01.000 * MASTER <-> REPLICA sync: Finished with success
1:signal-handler (1795262460) Received SIGTERM scheduling shutdown...
1:S 21 Nov 2026 12:01:00.000 # User requested shutdown...
1:S 21 Nov 2026 12:01:00.250 # Redis is now ready to exit, bye bye...
PID:C 21 Nov 2026 12:01:07.000 # oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo
PID:C 21 Nov 2026 12:01:07.000 # Redis version=7.0.15, bits=64, commit=00000000, modified=0, pid=PID, just started
PID:S 21 Nov 2026 12:01:08.750 * Ready to accept connections
PID:S 21 Nov 2026 12:01:08.760 * Trying a partial resynchronization (request ` + id + `:101).
PID:S 21 Nov 2026 12:01:08.770 * Successful partial resynchronization with master.
`
		s, err := Read([]string{"-"}, strings.NewReader(strings.ReplaceAll(log, "PID", pid)))
		if err != nil {
			t.Fatal(err)
		}
		r := &s.Resyncs[len(s.Resyncs)-1]
		if got := r.Restarted(); r.LostWhy != LostRestart || got != 8500*time.Millisecond {
			t.Errorf("pid %s: %s, %v away", pid, r.LostWhy, got)
		}
		if s.Resyncs[0].Restarted() != 0 {
			t.Errorf("the first one: %v", s.Resyncs[0].Restarted())
		}
	}
}

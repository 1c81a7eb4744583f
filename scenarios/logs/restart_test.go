package logs

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// How long a replica had no process is read off its log: from the last word of the one
// before to the first of the next. What that one takes to load its data is not in it: whoever
// plays a restart adds it.
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
		if got := r.Away(); r.LostWhy != LostRestart || got != 6750*time.Millisecond {
			t.Errorf("pid %s: %s, %v away", pid, r.LostWhy, got)
		}
		if s.Resyncs[0].Away() != 0 {
			t.Errorf("the first one: %v", s.Resyncs[0].Away())
		}
	}
}

// Real servers, a master and two replicas: the master is told to end, killed, the first
// replica is told to end; then it takes the master's place in order, is killed, and the
// old master takes its place back (testdata/restarts/README.md). What ended a link is read
// off all the logs together. story.txt was checked against what was done, line by line.
func TestRestartsOfRealServers(t *testing.T) {
	for _, version := range []string{"redis-2.8", "redis-4.0", "redis-5.0", "redis-6.2", "redis-7.0", "redis-7.4", "valkey-8.0"} {
		dir := "testdata/restarts/" + version + "/"
		s, err := Read([]string{dir + "master.log", dir + "replica.log", dir + "replica-2.log"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for i := range s.Resyncs {
			r := &s.Resyncs[i]
			fmt.Fprintf(&got, "%s %s %s full=%v %s away=%v heir=%s\n", r.Judged.Format("15:04:05.000"), r.Replica, r.LostWhy, r.Full, r.Reason, r.Away(), r.Heir)
		}
		fmt.Fprintf(&got, "loading %v\n", s.Loading())
		want, err := os.ReadFile(dir + "story.txt")
		if err != nil {
			t.Fatal(err)
		}
		if got.String() != string(want) {
			t.Errorf("%s: read\n%s\nnot\n%s", version, got.String(), want)
		}
	}
}

// Without the logs of the others nothing is said of the master's process, and nothing is
// made up.
func TestRestartsFromOneLog(t *testing.T) {
	s, err := Read([]string{"testdata/restarts/redis-7.0/replica-2.log"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range s.Resyncs {
		got = append(got, s.Resyncs[i].LostWhy+" "+s.Resyncs[i].Reason)
	}
	if g, w := strings.Join(got, ", "), " first-sync, closed , closed id-mismatch, closed , closed "; g != w {
		t.Errorf("read %q, not %q", g, w)
	}
}

// A link that was cut, and a second after its resynchronization the master is killed: the
// cut stays a cut, for the process before gave its verdict, however near the two are.
func TestCutBeforeKill(t *testing.T) {
	const id = "0123456789abcdef0123456789abcdef01234567"
	dir := t.TempDir()
	for name, text := range map[string]string{
		"master.log": `10:M 22 Nov 2026 12:00:00.000 * Replica 127.0.0.1:7002 asks for synchronization
10:M 22 Nov 2026 12:00:00.000 * Full resync requested by replica 127.0.0.1:7002
10:M 22 Nov 2026 12:00:00.010 * Synchronization with replica 127.0.0.1:7002 succeeded
10:M 22 Nov 2026 12:00:10.000 # Connection with replica 127.0.0.1:7002 lost.
10:M 22 Nov 2026 12:00:11.500 * Replica 127.0.0.1:7002 asks for synchronization
10:M 22 Nov 2026 12:00:11.500 * Unable to partial resync with replica 127.0.0.1:7002 for lack of backlog (Replica request was: 1001).
10:M 22 Nov 2026 12:00:11.520 * Synchronization with replica 127.0.0.1:7002 succeeded
20:C 22 Nov 2026 12:00:12.600 # oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo
20:C 22 Nov 2026 12:00:12.600 # Redis version=7.0.15, bits=64, commit=00000000, modified=0, pid=20, just started
20:M 22 Nov 2026 12:00:12.610 * Ready to accept connections
20:M 22 Nov 2026 12:00:13.600 * Replica 127.0.0.1:7002 asks for synchronization
20:M 22 Nov 2026 12:00:13.600 * Partial resynchronization not accepted: Replication ID mismatch (Replica asked for '` + id + `', my replication IDs are '1123456789abcdef0123456789abcdef01234567' and '0000000000000000000000000000000000000000')
20:M 22 Nov 2026 12:00:13.620 * Synchronization with replica 127.0.0.1:7002 succeeded
`,
		"replica.log": `30:S 22 Nov 2026 12:00:00.001 * Full resync from master: ` + id + `:0
30:S 22 Nov 2026 12:00:00.011 * MASTER <-> REPLICA sync: Finished with success
30:S 22 Nov 2026 12:00:10.000 # Connection with master lost.
30:S 22 Nov 2026 12:00:11.500 * Trying a partial resynchronization (request ` + id + `:1001).
30:S 22 Nov 2026 12:00:11.501 * Full resync from master: ` + id + `:5000
30:S 22 Nov 2026 12:00:11.521 * MASTER <-> REPLICA sync: Finished with success
30:S 22 Nov 2026 12:00:12.590 # Connection with master lost.
30:S 22 Nov 2026 12:00:13.600 * Trying a partial resynchronization (request ` + id + `:5101).
30:S 22 Nov 2026 12:00:13.601 * Full resync from master: 1123456789abcdef0123456789abcdef01234567:0
30:S 22 Nov 2026 12:00:13.621 * MASTER <-> REPLICA sync: Finished with success
`,
	} {
		if err := os.WriteFile(dir+"/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Read([]string{dir + "/master.log", dir + "/replica.log"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range s.Resyncs {
		got = append(got, s.Resyncs[i].LostWhy+" "+s.Resyncs[i].Reason)
	}
	if want := []string{" " + FirstSync, LostClosed + " " + BelowBacklog, LostMasterCrash + " " + IDMismatch}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

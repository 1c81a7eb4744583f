package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What servers say in the middle of a run, and held against one another.
func TestExpectInBetween(t *testing.T) {
	const scenario = `
question: q
duration: 20s
servers:
  m: &n {version: redis-7.0, config: {repl-diskless-sync: no, shutdown-timeout: 30}, dataset: 10kB}
  r: {<<: *n, replicaof: m}
links:
  - {between: [m, r], latency: 1ms, bandwidth: 1MB/s}
workload:
  - {on: m, rate: 10/s, command: INCR, key: 1, from: 5s}
faults:
  - {at: 10s, server: r, kind: pause, for: 8s}
  - {at: 12s, server: m, kind: restart, for: 1h}
expect:
`
	for _, c := range []struct{ check, want string }{
		{"r.master_replid == m.master_replid at 9s", ""},
		{"r.slave_repl_offset == m.master_repl_offset at 5s", ""},
		{"r.ROLE == connected at 9s", ""},
		{"r.ROLE == connect", ""},
		{"m.ROLE == master at 9s", ""},
		{"m.shutdown_in_milliseconds == 28000 at 14s", ""},
		{"r.slave_repl_offset < m.master_repl_offset at 11s", ""},
		{"r.master_replid != m.master_replid at 9s", "but it is "},
		{"r.ROLE == handshake at 9s", "but it is connected"},
		{"m.shutdown_in_milliseconds > 0 at 9s", "but it is no such field"},
		{"m.sync_full == 1", "but it is no such field"}, // it is down then
		{"m.sync_full == r.sync_full at 9s", "but it is 1 and 0"},
	} {
		file := filepath.Join(t.TempDir(), "s.yaml")
		if err := os.WriteFile(file, []byte(scenario+"  - "+c.check+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		code, _, stderr := call(t, "run", "--quiet", "--no-charts", "--out", filepath.Join(t.TempDir(), "out"), file)
		if (code == 0) != (c.want == "") || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: exit %d, %s", c.check, code, stderr)
		}
	}
}

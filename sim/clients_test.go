package sim

import (
	"strings"
	"testing"
	"time"

	"psyncsim/model"
)

// What clients say over connections of their own, and the first line of each answer.
func TestClientCommands(t *testing.T) {
	rows := []struct{ version, say, want string }{
		{"redis-7.0", "FAILOVER ABORT", "-ERR No failover in progress."},
		{"redis-7.0", "FAILOVER TIMEOUT 0", "-ERR FAILOVER timeout must be greater than 0"},
		{"redis-7.0", "FAILOVER TIMEOUT x", "-ERR value is not an integer or out of range"},
		{"redis-7.0", "FAILOVER FORCE TIMEOUT 100", "-ERR FAILOVER with force option requires both a timeout and target HOST and IP."},
		{"redis-7.0", "FAILOVER TO nobody 1", "-ERR FAILOVER target HOST and PORT is not a replica."},
		{"redis-7.0", "FAILOVER WHAT", "-ERR syntax error"},
		{"redis-6.2", "FAILOVER", "+OK"},
		{"redis-5.0", "FAILOVER", "-ERR unknown command `FAILOVER`, with args beginning with: "},
		{"redis-7.0", "WAIT 0 0", ":1"},
		{"redis-7.0", "WAIT 1 0", ":1"}, // about nothing that was written: the connection is new
		{"redis-7.0", "WAIT 1", "-ERR wrong number of arguments for 'wait' command"},
		{"redis-7.0", "WAIT 1 -5", "-ERR timeout is negative"},
		{"redis-2.8", "WAIT 1 0", "-ERR unknown command 'WAIT'"},
		{"redis-7.0", "CLIENT PAUSE 100 SOME", "-ERR CLIENT PAUSE mode must be WRITE or ALL"},
		{"redis-7.0", "CLIENT PAUSE 100 WRITE", "+OK"},
		{"redis-7.0", "CLIENT UNPAUSE", "+OK"},
		{"redis-4.0", "CLIENT UNPAUSE", "-ERR Syntax error, try CLIENT (LIST | KILL | GETNAME | SETNAME | PAUSE | REPLY)"},
		{"redis-7.0", "REPLICAOF there x", "-ERR value is not an integer or out of range"},
		{"redis-7.0", "REPLICAOF there 70000", "-ERR Invalid master port"},
		{"redis-7.0", "ROLE", "*3"},
		{"redis-7.0", "AUTH x", "-ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?"},
		{"redis-5.0", "AUTH x", "-ERR Client sent AUTH, but no password is set"},
	}
	for _, row := range rows {
		prof, _ := model.LookupProfile(row.version)
		p := probeWorld(t, prof).Connect(0, "client")
		p.Say([]byte(row.say + "\r\n"))
		if got, _, _ := strings.Cut(string(p.Heard), "\r\n"); got != row.want {
			t.Errorf("%s: %s: %q, not %q", row.version, row.say, got, row.want)
		}
	}
}

// A paused server answers when the pause is over, one that wants a password not before
// it was given, and a replica that talks is closed from 7.0 on.
func TestClientsThatWait(t *testing.T) {
	prof, _ := model.LookupProfile("redis-7.0")
	w := probeWorld(t, prof)
	p, q := w.Connect(0, "p"), w.Connect(0, "q")
	p.Say([]byte("CLIENT PAUSE 500 ALL\r\n"))
	q.Say([]byte("PING\r\n"))
	w.Advance(w.Now() + 400*model.Instant(time.Millisecond))
	if len(q.Heard) > 0 {
		t.Errorf("answered in a pause: %q", q.Heard)
	}
	w.Advance(w.Now() + 300*model.Instant(time.Millisecond))
	if string(q.Heard) != "+PONG\r\n" {
		t.Errorf("after the pause: %q", q.Heard)
	}
	set := w.cfg.Servers[0].Settings
	set.RequirePass = "secret"
	w.Order(FaultConfig{Kind: FaultConfigSet, Settings: &set})
	p = w.Connect(0, "p")
	p.Say([]byte("PSYNC ? -1\r\nAUTH wrong\r\nAUTH secret\r\nPING\r\n"))
	if want := "-NOAUTH Authentication required.\r\n-WRONGPASS invalid username-password pair or user is disabled.\r\n+OK\r\n+PONG\r\n"; string(p.Heard) != want {
		t.Errorf("%q, not %q", p.Heard, want)
	}
	q.Say([]byte("SYNC\r\nPING\r\n"))
	if !q.Closed {
		t.Error("a replica that sends PING is still there")
	}
}

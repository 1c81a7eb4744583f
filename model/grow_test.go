package model

import (
	"reflect"
	"testing"
	"time"
)

// writing is a master with a replica that reads all it is sent, and that has written something.
func writing(t *testing.T, profile string) (s *Server, now Instant) {
	t.Helper()
	s, now = onlineReplica(t, profile)
	s.Step(now, &Input{Kind: InAppend, Bytes: 50, Commands: 2})
	return s, now + Instant(time.Millisecond)
}

// TestGrowIsStep: what Grow does to a server is what Step does to it, whatever can be asked.
func TestGrowIsStep(t *testing.T) {
	for _, profile := range []string{"redis-2.8", "redis-4.0", "redis-6.2", "redis-7.0", "valkey-8.0"} {
		stepped, now := writing(t, profile)
		grew, _ := writing(t, profile)
		for _, commands := range []int64{2, 5, 1000} {
			now += Instant(time.Millisecond)
			bytes := 40 * commands
			stepped.Step(now, &Input{Kind: InAppend, Bytes: bytes, Commands: commands})
			if !grew.Grow(now, bytes, commands, 40) {
				t.Fatalf("%s: %d commands have to be told by Step", profile, commands)
			}
			a, b := stepped.Info(now), grew.Info(now)
			if !reflect.DeepEqual(a, b) {
				t.Errorf("%s, %d commands: Step\n%+v\nGrow\n%+v", profile, commands, a, b)
			}
		}
		if n := grew.Info(now); n.Changes < 1009 {
			t.Errorf("%s: %d changes since the last save, of 1009 commands", profile, n.Changes)
		}
	}
}

// TestGrowRefuses: who is over the soft limit, or was when it was last looked at, has a clock
// that a write may stop: that is for Step.
func TestGrowRefuses(t *testing.T) {
	s, now := writing(t, "redis-6.2")
	if !s.Easy(40) {
		t.Fatal("a limit is near")
	}
	s.clients[0].softSince = 1
	if s.Grow(now, 80, 2, 40) || s.Easy(40) {
		t.Error("the clock of the soft limit runs, and nothing hangs on a write")
	}
	s.clients[0].softSince = 0
	if !s.Grow(now, 80, 2, 40) || !s.Easy(40) {
		t.Error("it stands, and something hangs on a write")
	}
}

// follower is a replica in the middle of its master's stream.
func follower(profile string) *Server {
	p, _ := LookupProfile(profile)
	s := NewServer(ServerConfig{Name: "b", Profile: p, Settings: p.Defaults(), IDSeed: 1})
	s.Step(0, &Input{Kind: InStart})
	s.up.state, s.up.host, s.up.conn = upConnected, "a", 1
	s.mro, s.up.read, s.up.done = 100, 100, 100
	return s
}

// TestHearIsStep: what Hear does to a replica is what Step does to it.
func TestHearIsStep(t *testing.T) {
	for _, profile := range []string{"redis-4.0", "redis-6.2", "redis-7.0", "valkey-8.0"} {
		stepped, heard := follower(profile), follower(profile)
		from, now := Offset(101), Instant(time.Millisecond)
		for _, commands := range []int64{1, 3, 700} {
			to := from + Offset(40*commands)
			c := Chunk{From: from, To: to, Bound: to}
			stepped.Step(now, &Input{Kind: InStream, Conn: 1, Chunk: c, Commands: commands})
			if !heard.Hear(now, c, commands) {
				t.Fatalf("%s: %d commands have to be told by Step", profile, commands)
			}
			if a, b := stepped.Info(now), heard.Info(now); !reflect.DeepEqual(a, b) {
				t.Errorf("%s, %d commands: Step\n%+v\nHear\n%+v", profile, commands, a, b)
			}
			from, now = to, now+Instant(time.Millisecond)
		}
		if n := heard.Info(now); n.Changes != 704 || n.MRO != from-1 {
			t.Errorf("%s: %d changes of 704, offset %d", profile, n.Changes, n.MRO)
		}
	}
}

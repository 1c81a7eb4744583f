package model

import (
	"reflect"
	"testing"
	"time"
)

// onlineReplica is a master with one replica that is online, at an instant.
func onlineReplica(t *testing.T, profile string) (s *Server, now Instant) {
	t.Helper()
	p, ok := LookupProfile(profile)
	if !ok {
		t.Fatal("no profile ", profile)
	}
	s = NewServer(ServerConfig{Name: "a", Profile: p, Settings: p.Defaults(), IDSeed: 1})
	s.Step(0, &Input{Kind: InStart})
	s.Step(1, &Input{Kind: InAccept, Conn: -1, Peer: "b"})
	s.Step(2, &Input{Kind: InData, Conn: -1, Data: AppendCommand(nil, "PSYNC", "?", "-1")})
	now = Instant(10 * time.Millisecond)
	s.Step(now, &Input{Kind: InSnapshotDone, Bytes: 100})
	for range 200 { // until the replica has its snapshot, and its first ACK
		now = max(now+1, s.Deadline())
		for _, o := range s.Step(now, &Input{Kind: InWake}) {
			if o.Kind == OutSendSnapshot {
				s.Step(now+1, &Input{Kind: InSent, Conn: -1, Bytes: 100})
				now++
			}
		}
		if s.NotesAcks(-1) {
			return s, now
		}
	}
	t.Fatal("the replica does not come online")
	return nil, 0
}

// TestAcksAsOne tells a master of ACKs one by one, or of the last of them later on.
func TestAcksAsOne(t *testing.T) {
	for _, profile := range []string{"redis-2.8", "redis-3.2", "redis-4.0", "redis-6.2", "redis-7.0", "valkey-8.0"} {
		one, now := onlineReplica(t, profile)
		all, _ := onlineReplica(t, profile)
		ack := func(o string) []byte { return AppendCommand(nil, "REPLCONF", "ACK", o) }
		at := now
		for i, o := range []string{"7", "90", "90", "123456"} {
			at += Instant(i) * Instant(700*time.Millisecond)
			if outs := one.Step(at, &Input{Kind: InData, Conn: -1, Data: ack(o)}); len(outs) > 0 {
				t.Errorf("%s: an ACK is answered with %+v", profile, outs)
			}
		}
		if outs := all.Step(now, &Input{Kind: InAcks, Conn: -1, Data: ack("123456"), Since: at}); len(outs) > 0 {
			t.Errorf("%s: ACKs are answered with %+v", profile, outs)
		}
		later := at + Instant(3*time.Second)
		a, b := one.Info(later), all.Info(later)
		if !reflect.DeepEqual(a, b) {
			t.Errorf("%s: one by one\n%+v\nthe last alone\n%+v", profile, a, b)
		}
		if one.Deadline() != all.Deadline() {
			t.Errorf("%s: wakes at %d and %d", profile, one.Deadline(), all.Deadline())
		}
		for n := range 100 { // what comes of it later is the same too: PINGs, and the end of a silent replica
			if one.Deadline() == Never {
				break
			}
			later = max(later, one.Deadline())
			x, y := one.Step(later, &Input{Kind: InWake}), all.Step(later, &Input{Kind: InWake})
			if !sameOutputs(x, y) || one.Deadline() != all.Deadline() {
				t.Fatalf("%s: wake %d\n%+v\n%+v", profile, n, x, y)
			}
		}
	}
}

func sameOutputs(x, y []Output) bool {
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		a, b := x[i], y[i]
		if (a.Event == nil) != (b.Event == nil) || a.Event != nil && !reflect.DeepEqual(*a.Event, *b.Event) {
			return false
		}
		a.Event, b.Event = nil, nil
		if !reflect.DeepEqual(a, b) {
			return false
		}
	}
	return true
}

// TestAcksNotNoted: while somebody waits for ACKs each must be told in time.
func TestAcksNotNoted(t *testing.T) {
	for name, in := range map[string]Input{
		"WAIT":     {Kind: InWait, Count: 2},
		"FAILOVER": {Kind: InFailover},
		"SHUTDOWN": {Kind: InShutdown},
		"pause":    {Kind: InClientPause, Timeout: time.Second, All: true},
	} {
		s, now := onlineReplica(t, "redis-7.0")
		s.Step(now, &Input{Kind: InAppend, Bytes: 100, Commands: 1})
		s.Step(now, &in)
		if s.NotesAcks(-1) || s.Calm() {
			t.Errorf("%s: ACKs are said not to matter", name)
		}
	}
	s, _ := onlineReplica(t, "redis-7.0")
	if s.NotesAcks(-2) {
		t.Error("a connection that is not there notes ACKs")
	}
	if !s.LimitsAbove(1<<20) || s.LimitsAbove(1<<30) {
		t.Error("limits are 256mb and 64mb")
	}
	for _, o := range []Offset{0, 9, 10, 99, 999_999_999, 1_000_000_000, 1 << 62} {
		u := &Server{prof: &redis62}
		u.ackAt(o)
		if n := int64(len(u.up.ack)); n != ACKLength(o) {
			t.Errorf("an ACK of %d has %d bytes, not %d", o, n, ACKLength(o))
		}
	}
}

// TestMindsAcks: what a connection asks that wants to be a replica looks at no ACK, whatever else it
// says may: a PSYNC of another length hands the role of a master over.
func TestMindsAcks(t *testing.T) {
	say := func(words ...string) string { return string(AppendCommand(nil, words...)) }
	psync := say("PSYNC", "?", "-1")
	for _, c := range []struct {
		text  string
		minds bool
	}{
		{psync, false}, {say("psync", "?", "-1"), false}, {say("PING"), false}, {say("AUTH", "x"), false},
		{say("REPLCONF", "listening-port", "6380"), false}, {say("PING") + say("REPLCONF", "capa", "eof") + psync, false},
		{say("PSYNC", "?", "-1", "FAILOVER"), true}, {say("PSYNC", "?"), true}, {say("PSYNC"), true},
		{psync + say("PSYNC", "?", "-1", "FAILOVER"), true}, {say("PING") + say("SET", "a", "b"), true}, {say("WAIT", "1", "0"), true},
		{psync[:len(psync)-1], true}, {"*0\r\n", true}, {"PING\r\n", true},
	} {
		s, now := onlineReplica(t, "redis-7.0")
		s.Step(now, &Input{Kind: InAccept, Conn: -2, Peer: "c"})
		if got := s.MindsAcks(&Input{Kind: InData, Conn: -2, Data: []byte(c.text)}); got != c.minds {
			t.Errorf("%q: %v", c.text, got)
		}
	}
}

// TestDeadlineSplit: an ACK is all that a turn does before the quiet deadline.
func TestDeadlineSplit(t *testing.T) {
	s, _ := onlineReplica(t, "redis-6.2")
	if s.AckDue() != Never || s.Deadline() != s.QuietDeadline() {
		t.Error("a master sends ACKs")
	}
}

// TestPassAckTurn: a turn that is passed by leaves what one that is played leaves; the next
// ACK is due at the same time. One at which no ACK is due is an error of the driver.
func TestPassAckTurn(t *testing.T) {
	for _, profile := range []string{"redis-4.0", "redis-6.2", "redis-7.0", "valkey-8.0"} {
		stepped, passed := follower(profile), follower(profile)
		for range 5 {
			at := stepped.AckDue()
			if !passed.OnlyFollows() || passed.AckDue() != at {
				t.Fatalf("%s: ACKs are due at %d and %d", profile, at, passed.AckDue())
			}
			stepped.Step(at, &Input{Kind: InWake})
			passed.PassAckTurn(at)
			if a, b := stepped.AckDue(), passed.AckDue(); a != b || a != at+passed.AckPeriod() {
				t.Errorf("%s: after the turn at %d ACKs are due at %d and %d", profile, at, a, b)
			}
			if a, b := stepped.Info(at), passed.Info(at); !reflect.DeepEqual(a, b) {
				t.Errorf("%s: Step\n%+v\nPassAckTurn\n%+v", profile, a, b)
			}
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a turn at which no ACK is due is passed by")
		}
	}()
	s := follower("redis-7.0")
	s.PassAckTurn(s.AckDue() + 1)
}

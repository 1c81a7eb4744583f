package model

import (
	"strings"
	"testing"
	"time"
)

// TestSyncDue: 7.2 waits for the next second of its clock, 7.4 for a whole one.
func TestSyncDue(t *testing.T) {
	for _, c := range []struct {
		version   string
		last, due int64
	}{{"redis-7.2", 5_990, 6_000}, {"redis-7.2", 6_000, 7_000}, {"redis-7.4", 5_990, 6_990}, {"valkey-8.0", 6_000, 7_000}} {
		p, _ := LookupProfile(c.version)
		s := &Server{prof: p, aof: aof{lastSync: c.last}}
		if got := s.syncDue(); got != c.due {
			t.Errorf("%s, last at %d: next at %d, not %d", c.version, c.last, got, c.due)
		}
	}
}

// TestGrownIn: the file is rewritten when it is longer than the least size and has grown
// by so many percent of what it was.
func TestGrownIn(t *testing.T) {
	for _, c := range []struct{ percent, least, base, size, in int64 }{
		{100, 64, 1000, 1000, 1000}, {100, 64, 1000, 1999, 1}, {100, 64, 1000, 2000, 0}, {100, 64, 1000, 5000, 0},
		{100, 5000, 1000, 2000, 3001}, {0, 0, 1000, 9000, never64}, {50, 0, 3, 3, 2}, {100, 64, 0, 0, 65},
		{1<<31 - 1, 1, 1 << 60, 1 << 60, never64},
	} {
		s := &Server{aof: aof{state: aofOn, base: c.base, before: c.size}}
		s.set.RewritePercent, s.set.RewriteMin = c.percent, c.least
		if got := s.grownIn(); got != c.in {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

// TestRewriteHoldsSnapshot: a replica that asks while the AOF is rewritten gets its
// snapshot from a child of its own, when that one has ended.
func TestRewriteHoldsSnapshot(t *testing.T) {
	for _, p := range Profiles() {
		set := p.Defaults()
		set.AppendOnly, set.Diskless, set.RewritePercent = true, false, 0
		s := NewServer(ServerConfig{Name: "m", Profile: p, Settings: set, Wall: int64(1000 * time.Hour)})
		s.Step(0, &Input{Kind: InStart, Bytes: 100})
		s.Step(1, &Input{Kind: InRewrite})
		if !s.child.rewrite {
			t.Fatalf("%s: no rewrite", p.Name)
		}
		s.Step(2, &Input{Kind: InAccept, Conn: -1, Peer: "r"})
		said := func(outs []Output) string {
			var b strings.Builder
			for _, o := range outs {
				if o.Kind == OutSend {
					b.Write(o.Data)
				}
			}
			return b.String()
		}
		ask := "PSYNC ? -1\r\n"
		if p.PSYNC == 0 {
			ask = "SYNC\r\n"
		}
		if got := said(s.Step(3, &Input{Kind: InData, Conn: -1, Data: []byte(ask)})); got != "" {
			t.Errorf("%s: at once: %q", p.Name, got)
		}
		s.Step(4, &Input{Kind: InSnapshotDone, Bytes: 100})
		at := Instant(5)
		for range 40 {
			at = max(at, s.Deadline())
			s.Step(at, &Input{Kind: InWake})
			if s.child.running {
				break
			}
		}
		if !s.child.running || s.child.rewrite {
			t.Errorf("%s: no snapshot follows the rewrite", p.Name)
		}
		if at > Instant(2*time.Second) {
			t.Errorf("%s: the snapshot begins %v later", p.Name, time.Duration(at))
		}
	}
}

// TestFirstFileHoldsExit: a process does not end while its first AOF is written.
func TestFirstFileHoldsExit(t *testing.T) {
	for _, p := range Profiles() {
		set := p.Defaults()
		s := NewServer(ServerConfig{Name: "m", Profile: p, Settings: set, Wall: int64(1000 * time.Hour)})
		s.Step(0, &Input{Kind: InStart})
		set.AppendOnly = true
		s.Step(1, &Input{Kind: InConfigSet, Settings: &set})
		for _, o := range s.Step(2, &Input{Kind: InShutdown}) {
			if o.Kind == OutExit {
				t.Errorf("%s ends", p.Name)
			}
		}
		s.Step(3, &Input{Kind: InSnapshotDone, Bytes: 10})
		s.Step(s.Deadline(), &Input{Kind: InWake})
		ends := false
		for _, o := range s.Step(s.now+1, &Input{Kind: InShutdown}) {
			ends = ends || o.Kind == OutExit
		}
		if !ends {
			t.Errorf("%s does not end when the file is written", p.Name)
		}
	}
}

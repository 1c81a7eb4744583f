package model

import (
	"strings"
	"testing"
	"time"
)

// savingServer has one key more than it saved, and a BGSAVE under way; replies is what it
// says to the client on connection -1 from then on.
func savingServer(p *Profile, set Settings) *Server {
	s := NewServer(ServerConfig{Name: "m", Profile: p, Settings: set, Wall: int64(1000 * time.Hour)})
	s.Step(0, &Input{Kind: InStart})
	s.Step(0, &Input{Kind: InAccept, Conn: -1, Peer: "c"})
	s.Step(0, &Input{Kind: InAppend, Bytes: 27, Commands: 1})
	s.Step(0, &Input{Kind: InSave})
	return s
}

// turns runs serverCron as it is due, to an instant or until a child runs.
func turns(s *Server, to Instant, child bool) {
	for at := s.Deadline(); at <= to && !(child && s.child.running); at = s.Deadline() {
		s.Step(at, &Input{Kind: InWake})
	}
}

func says(s *Server, at Instant, text string) (reply string) {
	for _, o := range s.Step(at, &Input{Kind: InData, Conn: -1, Data: []byte(text)}) {
		if o.Kind == OutSend {
			reply += string(o.Data)
		}
	}
	return reply
}

// TestSaveFails: which refusals follow the end of a snapshot's child, in every version.
func TestSaveFails(t *testing.T) {
	for _, p := range Profiles() {
		set := p.Defaults()
		none, no, ignored := set, set, set
		none.SavePoints, no.StopWrites, ignored.IgnoreDisk = SavePoints{}, false, true
		for _, c := range []struct {
			what    string
			set     Settings
			kill    bool // from without, else the server's own signal
			status  string
			refuses bool
		}{
			{"killed", set, true, "err", true}, {"by the server", set, false, "ok", false},
			{"without save points", none, true, "err", false}, {"stop-writes-on-bgsave-error no", no, true, "err", false},
			{"replica-ignore-disk-write-errors", ignored, true, "err", true},
		} {
			s := savingServer(p, c.set)
			if c.kill {
				s.Step(1, &Input{Kind: InChildKill})
			} else {
				s.child.ended, s.child.killed = true, true
			}
			const at = Instant(2 * time.Second)
			turns(s, at, false)
			s.Step(at, &Input{Kind: InAppend, Bytes: 27, Commands: 3})
			if got := strings.HasPrefix(says(s, at, "PING\r\n"), "-MISCONF "); got != (c.refuses && p.PSYNC > 0) {
				t.Errorf("%s, %s: PING refused %v", p.Name, c.what, got)
			}
			n := s.Info(at)
			_, status := n.value(infoSaveStatus)
			want := int64(0)
			if c.refuses {
				if want = 3; p.PSYNC > 0 {
					want = 4
				}
			}
			if status != c.status || s.Refuses() != c.refuses || n.MisConf != want || n.NoReplicas != 0 {
				t.Errorf("%s, %s: status %s, refuses %v, counted %d, want %s, %v, %d", p.Name, c.what, status, s.Refuses(), n.MisConf, c.status, c.refuses, want)
			}
			s.Step(at, &Input{Kind: InSave})
			s.Step(at, &Input{Kind: InSnapshotDone, Bytes: 100})
			turns(s, at+Instant(time.Second), false)
			if _, status := s.Info(at).value(infoSaveStatus); status != "ok" || s.Refuses() {
				t.Errorf("%s, %s: status %s after a snapshot that was saved, refuses %v", p.Name, c.what, status, s.Refuses())
			}
		}
	}
}

// TestSaveRetry: a save point that failed is tried again when more than five seconds of the
// TestReplicaSaveFails: a replica refuses its clients from 7.0 on only, and its own PING before
// that it answers; a master always refuses.
func TestReplicaSaveFails(t *testing.T) {
	for _, p := range Profiles() {
		s := savingServer(p, p.Defaults())
		s.Step(1, &Input{Kind: InChildKill})
		const at = Instant(2 * time.Second)
		turns(s, at, false)
		if !s.Refuses() || !s.unsaved() {
			t.Fatalf("%s: a master whose snapshot failed refuses nothing", p.Name)
		}
		s.Step(at, &Input{Kind: InReplicaOf, Peer: "other"})
		late := p.Name >= "redis-7.0" // and valkey
		if s.Refuses() != late || !s.unsaved() {
			t.Errorf("%s: as a replica it refuses: %v", p.Name, s.Refuses())
		}
		if got := strings.HasPrefix(says(s, at, "PING\r\n"), "-MISCONF "); got != late {
			t.Errorf("%s: as a replica it refuses PING: %v", p.Name, got)
		}
		s.Step(at, &Input{Kind: InReplicaOf})
		if !s.Refuses() {
			t.Errorf("%s: a master again, it refuses nothing", p.Name)
		}
	}
}

// clock are over; one that did not, when its own are.
func TestSaveRetry(t *testing.T) {
	p, _ := LookupProfile("redis-7.0")
	set := p.Defaults()
	set.SavePoints, set.StopWrites = SavePoints{{Seconds: 1, Changes: 1}}, false
	s := savingServer(p, set)
	for i, want := range []int64{6, 12} { // the second one's try was at 6
		s.Step(s.now, &Input{Kind: InChildKill})
		turns(s, s.now+Instant(300*time.Millisecond), false)
		turns(s, Instant(time.Hour), true)
		if got := s.unix() - 1000*3600; got != want || !s.child.running {
			t.Errorf("try %d at %d s, want %d", i+2, got, want)
		}
	}
	s.Step(s.now, &Input{Kind: InSnapshotDone, Bytes: 100})
	turns(s, s.now+Instant(time.Second), false)
	s.Step(s.now, &Input{Kind: InAppend, Bytes: 27, Commands: 1})
	at := s.unix()
	turns(s, Instant(time.Hour), true)
	if got := s.unix() - at; got > 2 {
		t.Errorf("after one that was saved the next is %d s later", got)
	}
}

// TestSocketSaveFails: a snapshot to sockets says nothing about the disk.
func TestSocketSaveFails(t *testing.T) {
	for _, p := range Profiles() {
		if p.PSYNC == 0 {
			continue
		}
		set := p.Defaults()
		set.Diskless, set.DisklessDelay = true, 0
		s := NewServer(ServerConfig{Name: "m", Profile: p, Settings: set, Wall: int64(1000 * time.Hour)})
		s.Step(0, &Input{Kind: InStart})
		s.Step(1, &Input{Kind: InAccept, Conn: -1, Peer: "r"})
		says(s, 1, "REPLCONF capa eof capa psync2\r\nPSYNC ? -1\r\n")
		turns(s, Instant(3*time.Second), true)
		if !s.child.socket {
			t.Fatalf("%s: no child writes to the socket", p.Name)
		}
		s.Step(s.now, &Input{Kind: InChildKill})
		turns(s, s.now+Instant(time.Second), false)
		if s.disk.failed || s.Refuses() {
			t.Errorf("%s: it counts as failed", p.Name)
		}
	}
}

// TestRewriteKilled: a first AOF whose child was killed is tried again, a later one is not.
func TestRewriteKilled(t *testing.T) {
	for _, p := range Profiles() {
		for _, first := range []bool{true, false} {
			set := p.Defaults()
			set.AppendOnly, set.RewritePercent = !first, 0
			s := NewServer(ServerConfig{Name: "m", Profile: p, Settings: set, Wall: int64(1000 * time.Hour)})
			s.Step(0, &Input{Kind: InStart, Bytes: 100})
			in := Input{Kind: InRewrite}
			if first {
				set.AppendOnly = true
				in = Input{Kind: InConfigSet, Settings: &set}
			}
			s.Step(1, &in)
			s.Step(2, &Input{Kind: InChildKill})
			turns(s, Instant(time.Second), false)
			if got := s.child.running && s.child.rewrite; got != first {
				t.Errorf("%s, first %v: it is rewritten again: %v", p.Name, first, got)
			}
			if s.Refuses() {
				t.Errorf("%s: writes are refused", p.Name)
			}
		}
	}
}

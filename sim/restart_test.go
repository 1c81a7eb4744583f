package sim

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"psyncsim/model"
)

// TestRestart restarts one of two servers with a snapshot of its end: from 4.0
// on a replica goes on where it stopped, while a master begins a new history,
// whatever its snapshot remembers. The stream that then arrives is the new
// process's own, byte by byte.
func TestRestart(t *testing.T) {
	for _, name := range []string{"redis-4.0", "redis-6.2"} {
		for server, want := range []string{"why=id-mismatch", `reply="+CONTINUE`} {
			for _, bytes := range []bool{false, true} {
				c := contractExample()
				prof, _ := model.LookupProfile(name)
				for i := range c.Servers {
					c.Servers[i].Profile = prof
					c.Servers[i].SaveRate, c.Servers[i].LoadRate = 0, 0
				}
				c.Bytes, c.Duration = bytes, 20*time.Second
				c.Faults = []FaultConfig{{At: 10 * time.Second, For: time.Second / 2, Kind: FaultRestart, Server: server, Save: true}}
				p := &printer{}
				w, err := New(c, p)
				if err == nil {
					err = w.Run()
				}
				if err != nil {
					t.Fatalf("%s, server %d restarts: %v", name, server, err)
				}
				_, after, _ := strings.Cut(string(p.b), "killed")
				var verdict string
				for line := range strings.SplitSeq(after, "\n") {
					if strings.Contains(line, "  judge ") {
						verdict = line
						break
					}
				}
				if !strings.Contains(verdict, want) {
					t.Errorf("%s, server %d restarts: %s, want %s", name, server, verdict, want)
				}
				m, r := w.Info(0), w.Info(1)
				if !r.LinkUp || m.MRO-r.SlaveReplOffset > 2000 || r.SlaveReplOffset > m.MRO {
					t.Errorf("%s, server %d restarts: master at %d, replica at %d, up %v", name, server, m.MRO, r.SlaveReplOffset, r.LinkUp)
				}
			}
		}
	}
}

// TestShutdownWaits restarts a master under load. From 7.0 on its shutdown waits
// until the replica has acknowledged all, for which one ACK of the replica's own
// clock is needed after writes have stopped: so nothing is lost, and the replica
// goes on with what the snapshot remembers. With a dead link it waits for as long
// as shutdown-timeout says.
func TestShutdownWaits(t *testing.T) {
	const at = 10 * time.Second
	for _, x := range []struct {
		version     string
		silent      bool
		least, most time.Duration
		verdict     string
	}{
		{"redis-6.2", false, 0, 0, "why=id-mismatch"},
		{"redis-7.0", false, time.Millisecond, 1150 * time.Millisecond, `reply="+CONTINUE`},
		{"valkey-8.0", false, time.Millisecond, 1150 * time.Millisecond, `reply="+CONTINUE`},
		{"redis-7.2", true, 10 * time.Second, 10110 * time.Millisecond, "why=below-backlog"},
	} {
		for _, bytes := range []bool{false, true} {
			c := contractExample()
			prof, _ := model.LookupProfile(x.version)
			for i := range c.Servers {
				c.Servers[i].Profile, c.Servers[i].Settings = prof, prof.Defaults()
				c.Servers[i].SaveRate, c.Servers[i].LoadRate = 0, 0
			}
			c.Bytes, c.Duration = bytes, 40*time.Second
			c.Faults = []FaultConfig{{At: at, For: time.Second / 2, Kind: FaultRestart, Server: 0, Save: true}}
			if x.silent {
				c.Faults = append(c.Faults, FaultConfig{At: at - time.Second, For: 15 * time.Second, Kind: FaultSilent, A: 0, B: 1})
			}
			p := &printer{}
			w, err := New(c, p)
			if err == nil {
				err = w.Run()
			}
			if err != nil {
				t.Fatalf("%s: %v", x.version, err)
			}
			before, after, _ := strings.Cut(string(p.b), "killed")
			line := before[strings.LastIndex(before, "\n")+1:]
			var s float64
			if _, err := fmt.Sscan(line, &s); err != nil {
				t.Fatalf("%s: %q: %v", x.version, line, err)
			}
			took := time.Duration(s*1e9) - at
			if took < x.least || took > x.most {
				t.Errorf("%s: the shutdown took %v, want %v to %v", x.version, took, x.least, x.most)
			}
			if waited := strings.Contains(before, " stopping "); waited != (x.most > 0) {
				t.Errorf("%s: waited: %v", x.version, waited)
			}
			if _, verdict, _ := strings.Cut(after, "  judge "); !strings.Contains(strings.SplitN(verdict, "\n", 2)[0], x.verdict) {
				t.Errorf("%s: %s, want %s", x.version, strings.SplitN(verdict, "\n", 2)[0], x.verdict)
			}
		}
	}
}

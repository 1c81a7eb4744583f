package sim

import (
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

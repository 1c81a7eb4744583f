package live

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"psyncsim/model"
	"psyncsim/sim/live/redisd"
)

func mro(t *testing.T, n *Node) (at int64) {
	t.Helper()
	if err := n.Query(func(s *model.Server, _ *Dataset) { at = int64(s.MRO()) }); err != nil {
		t.Fatal(err)
	}
	return at
}

// writeOurs lets clients write to our master.
func writeOurs(t *testing.T, n *Node, count int, rng *rand.Rand) {
	t.Helper()
	for range count {
		key := fmt.Sprintf("k%d", rng.IntN(2000))
		cmd := []string{"SET", key, strings.Repeat("v", rng.IntN(200))}
		switch rng.IntN(6) {
		case 0:
			cmd = []string{"INCR", "counter:" + key}
		case 1:
			cmd = []string{"APPEND", "text:" + key, "more"}
		case 2:
			cmd = []string{"DEL", key}
		}
		if err := n.Write(cmd...); err != nil {
			t.Fatal(err)
		}
	}
}

// follows waits until the real replica stands where our master does.
func follows(t *testing.T, real *redisd.Server, n *Node) {
	t.Helper()
	eventually(t, "the replica stands where its master does", func() bool {
		m, err := real.Fields()
		return err == nil && m["master_link_status"] == "up" && m["slave_repl_offset"] == strconv.FormatInt(mro(t, n), 10)
	})
}

// Our master serves a real replica: first sync, stream, a short cut, a long one.
func TestMasterOfRealServer(t *testing.T) {
	t.Parallel()
	for _, profile := range profiles(t) {
		for _, diskless := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s diskless %v", profile, diskless), func(t *testing.T) { t.Parallel(); serveReal(t, profile, diskless) })
		}
	}
}

func serveReal(t *testing.T, profile string, diskless bool) {
	rng := rand.New(rand.NewPCG(5, 6))
	n, rec := startNode(t, "master", profile, "", func(c *Config) {
		c.Server.Settings.Diskless, c.Server.Settings.DisklessDelay = diskless, 0
		c.Server.Settings.BacklogSize = model.MinBacklog
	})
	writeOurs(t, n, 300, rng)
	heard := &listenIn{}
	proxy := startProxy(t, n.Addr(), heard.tap)
	host, port, _ := strings.Cut(proxy.Addr(), ":")
	real := startReal(t, "--slaveof", host, port)
	follows(t, real, n)
	sameData(t, n, real)
	if framed := strings.HasPrefix(strings.TrimLeft(string(heard.after("+FULLRESYNC")), "\n"), "$EOF:"); framed != diskless {
		t.Errorf("snapshot went as %.20q", heard.after("+FULLRESYNC"))
	}

	writeOurs(t, n, 2_500, rng)
	follows(t, real, n)
	sameData(t, n, real)
	if got := rec.newest(model.EvJudged); !got.Full || got.Why != model.WhyFirstSync {
		t.Errorf("the first sync was judged %v", got)
	}

	// A short cut.
	before := mro(t, n)
	proxy.Refuse()
	eventually(t, "the replica noticed the cut", func() bool {
		m, err := real.Fields()
		return err == nil && m["master_link_status"] == "down"
	})
	writeOurs(t, n, 50, rng)
	gap := mro(t, n) - before
	if err := proxy.Pass(); err != nil {
		t.Fatal(err)
	}
	follows(t, real, n)
	e := rec.newest(model.EvJudged)
	if e.Full || e.Gap != gap || int64(e.Offset) != before+1 || !strings.HasPrefix(e.Reply, "+CONTINUE ") {
		t.Errorf("missed %d bytes from %d on; judged %v", gap, before+1, e)
	}
	if got := int64(len(heard.after("+CONTINUE"))); got != gap {
		t.Errorf("%d bytes came behind +CONTINUE, %d were missed", got, gap)
	}
	sameData(t, n, real)

	// A long one.
	proxy.Refuse()
	eventually(t, "the replica noticed the cut", func() bool {
		m, err := real.Fields()
		return err == nil && m["master_link_status"] == "down"
	})
	writeOurs(t, n, 1_000, rng)
	if err := proxy.Pass(); err != nil {
		t.Fatal(err)
	}
	follows(t, real, n)
	if e := rec.newest(model.EvJudged); !e.Full || e.Why != model.WhyBelowBacklog || !strings.HasPrefix(e.Reply, "+FULLRESYNC ") {
		t.Errorf("after the overrun judged %v", e)
	}
	writeOurs(t, n, 100, rng)
	follows(t, real, n)
	sameData(t, n, real)
	info, err := n.Info()
	if err != nil {
		t.Fatal(err)
	}
	if info.SyncFull != 2 || info.SyncPartialOK != 1 || info.SyncPartialErr != 1 || info.ConnectedSlaves != 1 {
		t.Errorf("INFO: %d full, %d partial, %d refused, %d replicas", info.SyncFull, info.SyncPartialOK, info.SyncPartialErr, info.ConnectedSlaves)
	}
}

// A chain: real master, our node, real replica; then the link of the middle is
// cut, and the end of the chain still has it all.
func TestChain(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(7, 8))
	top := startReal(t, "--repl-diskless-sync", "no")
	fill(t, top)
	do(t, top, "swapdb", "0", "3")
	proxy := startProxy(t, top.Addr, nil)
	n, _ := startNode(t, "middle", installed(t), proxy.Addr(), func(c *Config) { c.Server.Settings.DisklessDelay = 0 })
	caughtUp(t, n, top)
	host, port, _ := strings.Cut(n.Addr(), ":")
	end := startReal(t, "--slaveof", host, port)
	follows(t, end, n)
	for range 5 {
		write(t, top, 1000, rng)
		proxy.Reset()
	}
	caughtUp(t, n, top)
	follows(t, end, n)
	sameData(t, n, top)
	sameData(t, n, end)
	if got := field(t, top, "sync_full"); got != 1 {
		t.Errorf("%d full syncs", got)
	}
}

// A replica that stops reading is closed at the output buffer's limit, and comes
// back.
func TestMasterClosesSlowReplica(t *testing.T) {
	t.Parallel()
	for _, profile := range profiles(t) {
		t.Run(profile, func(t *testing.T) {
			t.Parallel()
			n, rec := startNode(t, "master", profile, "", func(c *Config) {
				c.Server.Settings.HardLimit, c.Server.Settings.Diskless = 1<<20, false
			})
			host, port, _ := strings.Cut(n.Addr(), ":")
			real := startReal(t, "--slaveof", host, port)
			follows(t, real, n)
			if err := real.Freeze(); err != nil {
				t.Fatal(err)
			}
			value := strings.Repeat("v", 100_000)
			for i := 0; rec.newest(model.EvPeerGone).Why != model.WhyHardLimit; i++ {
				if i == 1000 {
					t.Fatal("100 MB waited and the replica was not closed")
				}
				if err := n.Write("SET", fmt.Sprint("k", i%10), value); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Millisecond)
			}
			if err := real.Thaw(); err != nil {
				t.Fatal(err)
			}
			follows(t, real, n)
			sameData(t, n, real)
		})
	}
}

// A master of any version serves the installed server. One without PSYNC makes
// it ask with SYNC; then there are no offsets to compare.
func TestMasterOfAnyVersion(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("not with -short")
	}
	for _, prof := range model.Profiles() {
		t.Run(prof.Name, func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(11, 12))
			n, _ := startNode(t, "master", prof.Name, "", func(c *Config) { c.Server.Settings.Diskless = false })
			writeOurs(t, n, 300, rng)
			proxy := startProxy(t, n.Addr(), nil)
			host, port, _ := strings.Cut(proxy.Addr(), ":")
			real := startReal(t, "--slaveof", host, port)
			stands := func() {
				if prof.PSYNC > 0 {
					follows(t, real, n)
					return
				}
				if err := n.Write("INCR", "last"); err != nil {
					t.Fatal(err)
				}
				var last string
				_ = n.Query(func(_ *model.Server, d *Dataset) { last, _ = d.Get(0, "last") })
				eventually(t, "the last write came", func() bool { return realTexts(t, real, 0)["last"] == last })
			}
			stands()
			writeOurs(t, n, 1000, rng)
			stands()
			sameData(t, n, real)
			proxy.Reset()
			writeOurs(t, n, 200, rng)
			stands()
			sameData(t, n, real)
			info, err := n.Info()
			if err != nil {
				t.Fatal(err)
			}
			partial, full := int64(1), int64(1)
			if prof.PSYNC == 0 {
				partial, full = 0, 2
			}
			if info.SyncPartialOK != partial || info.SyncFull != full {
				t.Errorf("%d partial syncs, %d full", info.SyncPartialOK, info.SyncFull)
			}
		})
	}
}

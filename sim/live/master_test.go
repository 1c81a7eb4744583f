package live

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

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
	for _, profile := range profiles {
		for _, diskless := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s diskless %v", profile, diskless), func(t *testing.T) { serveReal(t, profile, diskless) })
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
	real := startReal(t, "--replicaof", host+" "+port)
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
	rng := rand.New(rand.NewPCG(7, 8))
	top := startReal(t, "--repl-diskless-sync", "no")
	fill(t, top)
	do(t, top, "swapdb", "0", "3")
	proxy := startProxy(t, top.Addr, nil)
	n, _ := startNode(t, "middle", profiles[len(profiles)-1], proxy.Addr(), nil)
	caughtUp(t, n, top)
	host, port, _ := strings.Cut(n.Addr(), ":")
	end := startReal(t, "--replicaof", host+" "+port)
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

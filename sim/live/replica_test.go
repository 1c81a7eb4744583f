package live

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"psyncsim/model"
	"psyncsim/sim/live/redisd"
)

func processed(t *testing.T, n *Node) (at int64) {
	t.Helper()
	if err := n.Query(func(s *model.Server, _ *Dataset) { at = int64(s.Processed()) }); err != nil {
		t.Fatal(err)
	}
	return at
}

func linkUp(t *testing.T, n *Node) (up bool) {
	t.Helper()
	if err := n.Query(func(s *model.Server, _ *Dataset) { up = s.LinkUp() }); err != nil {
		t.Fatal(err)
	}
	return up
}

// fill gives a server data in all the forms that a snapshot has for strings.
func fill(t *testing.T, s *redisd.Server) {
	t.Helper()
	ctx := context.Background()
	_, err := s.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := range 500 {
			p.Set(ctx, fmt.Sprintf("plain:%d", i), fmt.Sprintf("value %d", i), 0)
			p.Set(ctx, fmt.Sprintf("number:%d", i), (i-250)*i*i, 0)
			p.Set(ctx, fmt.Sprintf("packed:%d", i), strings.Repeat("abc", 20+i), 0)
		}
		p.Set(ctx, "binary", "\x00\r\n$5\xff", 0)
		p.Do(ctx, "set", "lasting", "v", "px", int64(1)<<41)
		p.Do(ctx, "select", 7)
		p.Set(ctx, "seven", "7", 0)
		p.Do(ctx, "select", 0)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// write sends n writes of many kinds to a real server, in pipelines.
func write(t *testing.T, s *redisd.Server, n int, rng *rand.Rand) {
	t.Helper()
	ctx := context.Background()
	for n > 0 {
		k := min(n, 500)
		n -= k
		_, err := s.Pipelined(ctx, func(p redis.Pipeliner) error {
			for range k {
				key := fmt.Sprintf("k%d", rng.IntN(3000))
				switch rng.IntN(8) {
				case 0:
					p.Incr(ctx, "counter:"+key)
				case 1:
					p.Append(ctx, "text:"+key, "more")
				case 2:
					p.Del(ctx, key, "text:"+key)
				case 3:
					p.Unlink(ctx, key)
				case 4:
					p.MSet(ctx, key, "a", key+"'", "b")
				default:
					p.Set(ctx, key, strings.Repeat("v", rng.IntN(200)), 0)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// caughtUp waits until the node stands where the real master does.
func caughtUp(t *testing.T, n *Node, s *redisd.Server) {
	t.Helper()
	eventually(t, "the replica stands where its master does", func() bool {
		return linkUp(t, n) && processed(t, n) == field(t, s, "master_repl_offset")
	})
}

// Our replica follows a real master: first sync, stream, a short cut, a long one.
func TestReplicaOfRealServer(t *testing.T) {
	t.Parallel()
	for _, profile := range profiles(t) {
		for _, diskless := range []string{"no", "yes"} {
			t.Run(profile+" diskless "+diskless, func(t *testing.T) { t.Parallel(); followReal(t, profile, diskless) })
		}
	}
}

func followReal(t *testing.T, profile, diskless string) {
	rng := rand.New(rand.NewPCG(1, 2))
	real := startReal(t, "--repl-diskless-sync", diskless, "--repl-diskless-sync-delay", "0", "--repl-backlog-size", "16kb")
	fill(t, real)
	heard := &listenIn{}
	proxy := startProxy(t, real.Addr, heard.tap)
	n, rec := startNode(t, "replica", profile, proxy.Addr(), nil)
	caughtUp(t, n, real)
	sameData(t, n, real)
	if framed := strings.HasPrefix(string(heard.after("+FULLRESYNC")), "$EOF:"); framed != (diskless == "yes") {
		t.Errorf("snapshot came as %.20q", heard.after("+FULLRESYNC"))
	}

	many := 10_000
	if testing.Short() {
		many = 1_000
	}
	write(t, real, many, rng)
	do(t, real, "swapdb", "0", "1")
	do(t, real, "swapdb", "0", "1")
	if _, err := real.TxPipelined(context.Background(), func(p redis.Pipeliner) error {
		p.Set(context.Background(), "tx", "1", 0)
		p.Incr(context.Background(), "tx")
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	caughtUp(t, n, real)
	sameData(t, n, real)
	eventually(t, "the master heard an ACK of the last byte", func() bool {
		m, err := real.Fields()
		return err == nil && strings.Contains(m["slave0"], ",offset="+m["master_repl_offset"]+",")
	})

	// A short cut: the missed bytes come, no more and no less.
	before := processed(t, n)
	proxy.Refuse()
	eventually(t, "the replica noticed the cut", func() bool { return !linkUp(t, n) })
	write(t, real, 50, rng)
	gap := field(t, real, "master_repl_offset") - before
	if gap == 0 {
		t.Fatal("nothing was missed")
	}
	if err := proxy.Pass(); err != nil {
		t.Fatal(err)
	}
	caughtUp(t, n, real)
	if got := int64(len(heard.after("+CONTINUE"))); got != gap {
		t.Errorf("%d bytes came behind +CONTINUE, %d were missed", got, gap)
	}
	if e := rec.newest(model.EvContinued); int64(e.Offset) != before+1 {
		t.Errorf("continued at %d, the first missed byte is %d", e.Offset, before+1)
	}
	if ok, full := field(t, real, "sync_partial_ok"), field(t, real, "sync_full"); ok != 1 || full != 1 {
		t.Errorf("the master counts %d partial and %d full syncs", ok, full)
	}
	sameData(t, n, real)

	// A long one: the backlog lost what was missed.
	proxy.Refuse()
	eventually(t, "the replica noticed the cut", func() bool { return !linkUp(t, n) })
	write(t, real, 3_000, rng)
	if err := proxy.Pass(); err != nil {
		t.Fatal(err)
	}
	caughtUp(t, n, real)
	if ok, full := field(t, real, "sync_partial_ok"), field(t, real, "sync_full"); ok != 1 || full != 2 {
		t.Errorf("the master counts %d partial and %d full syncs", ok, full)
	}
	if rec.count(model.EvFullBegins) != 2 {
		t.Errorf("the replica began %d full syncs", rec.count(model.EvFullBegins))
	}
	write(t, real, 100, rng)
	caughtUp(t, n, real)
	sameData(t, n, real)
}

// Connections break while the master writes: whatever half of a command the
// replica had is asked for again.
func TestReplicaCutInTheMiddle(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	real := startReal(t, "--repl-diskless-sync", "no", "--repl-backlog-size", "32mb")
	fill(t, real)
	proxy := startProxy(t, real.Addr, nil)
	n, rec := startNode(t, "replica", installed(t), proxy.Addr(), nil)
	caughtUp(t, n, real)
	proxy.Throttle(300_000) // the replica lags, so that cuts come anywhere
	for i := range 6 {
		write(t, real, 1500, rng)
		eventually(t, "some of it came", func() bool {
			return linkUp(t, n) && processed(t, n) > int64(rec.newest(model.EvOnline).Offset)+int64(7_001*(i+1))
		})
		proxy.Reset()
	}
	proxy.Throttle(0)
	caughtUp(t, n, real)
	sameData(t, n, real)
	if got := field(t, real, "sync_partial_ok"); got < 6 || field(t, real, "sync_full") != 1 {
		t.Errorf("%d partial syncs, %d full", got, field(t, real, "sync_full"))
	}
}

// What a node without data cannot read it need not read.
func TestReplicaWithoutData(t *testing.T) {
	t.Parallel()
	for _, diskless := range []string{"no", "yes"} { // the delay brings newlines before the snapshot
		real := startReal(t, "--repl-diskless-sync", diskless, "--repl-diskless-sync-delay", "2")
		do(t, real, "rpush", "list", "a", "b")
		n, _ := startNode(t, "replica", "redis-6.2", real.Addr, func(c *Config) { c.NoData = true })
		caughtUp(t, n, real)
		do(t, real, "rpush", "list", "c")
		caughtUp(t, n, real)
	}
}

// A list is not supported, and is said to be so.
func TestReplicaRefusesLists(t *testing.T) {
	t.Parallel()
	real := startReal(t, "--repl-diskless-sync", "no")
	do(t, real, "rpush", "list", "a", "b")
	prof, _ := model.LookupProfile("redis-6.2")
	n, err := Start(Config{Server: model.ServerConfig{Name: "replica", Profile: prof, Settings: prof.Defaults(), Master: real.Addr}})
	if err != nil {
		t.Fatal(err)
	}
	<-n.Done()
	if err := n.Close(); err == nil || !strings.Contains(err.Error(), "is no string") {
		t.Errorf("the node ended with %v", err)
	}
}

// A node of any version follows the installed server: what both know is what
// they speak.
func TestReplicaOfAnyVersion(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("not with -short")
	}
	for _, prof := range model.Profiles() {
		t.Run(prof.Name, func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(9, 10))
			real := startReal(t, "--repl-diskless-sync", "no")
			fill(t, real)
			proxy := startProxy(t, real.Addr, nil)
			n, _ := startNode(t, "replica", prof.Name, proxy.Addr(), nil)
			stands := func() {
				if prof.PSYNC > 0 {
					caughtUp(t, n, real)
					return
				}
				do(t, real, "incr", "last") // SYNC gives no offset to wait for
				last := realTexts(t, real, 0)["last"]
				eventually(t, "the last write came", func() (same bool) {
					_ = n.Query(func(_ *model.Server, d *Dataset) {
						got, _ := d.Get(0, "last")
						same = got == last
					})
					return same
				})
			}
			stands()
			write(t, real, 2000, rng)
			stands()
			sameData(t, n, real)
			proxy.Reset()
			write(t, real, 500, rng)
			stands()
			sameData(t, n, real)
			partial, full := int64(1), int64(1)
			if prof.PSYNC == 0 {
				partial, full = 0, 2
			}
			if p, f := field(t, real, "sync_partial_ok"), field(t, real, "sync_full"); p != partial || f != full {
				t.Errorf("%d partial syncs, %d full", p, f)
			}
		})
	}
}

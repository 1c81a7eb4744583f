package live

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"psyncsim/model"
	"psyncsim/sim/live/redisd"
)

// valkeyServer is the path of a real server that knows dual-channel replication.
func valkeyServer(t *testing.T) string {
	t.Helper()
	path, err := redisd.FindValkey()
	if err != nil {
		t.Skipf("SKIPPED, not passed: no valkey-server on PATH, and VALKEY_SERVER names none (%v)", err)
	}
	line, version, err := redisd.Version(path)
	if err != nil {
		t.Fatal(err)
	}
	if p, ok := model.LookupProfile(line); !ok || !p.DualChannel {
		t.Skipf("SKIPPED, not passed: %s is %s %s, which has no dual channel", path, line, version)
	}
	return path
}

func startValkey(t *testing.T, args ...string) *redisd.Server {
	t.Helper()
	s, err := redisd.Start(valkeyServer(t), append([]string{"--hz", "100", "--repl-ping-slave-period", "3600",
		"--dual-channel-replication-enabled", "yes", "--repl-diskless-sync-delay", "0"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of the real server:\n%s", last(s.Log(), 40))
		}
		s.Kill()
	})
	return s
}

// dualNode is one of our nodes that knows dual-channel replication.
func dualNode(t *testing.T, name, master string, change func(*model.Settings)) (*Node, *recorder) {
	return startNode(t, name, "valkey-8.0", master, func(c *Config) {
		s := &c.Server.Settings
		s.DualChannel, s.Diskless, s.DisklessDelay = true, true, 0
		if change != nil {
			change(s)
		}
	})
}

// Our replica follows a real master over two channels while that one writes on:
// the stream is here before the snapshot.
func TestDualReplicaOfRealServer(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(21, 22))
	real := startValkey(t, "--repl-backlog-size", "16kb", "--rdb-key-save-delay", "400") // 1,500 keys: 0.6 s
	fill(t, real)
	proxy := startProxy(t, real.Addr, nil)
	n, rec := dualNode(t, "replica", proxy.Addr(), nil)
	eventually(t, "both channels stand", func() bool {
		m, err := real.Fields()
		return err == nil && m["replicas_waiting_psync"] == "0" && m["connected_slaves"] == "2" &&
			strings.Contains(m["slave0"], "state=wait_bgsave") && strings.Contains(m["slave0"], "type=rdb-channel") &&
			strings.Contains(m["slave1"], "state=bg_transfer") && strings.Contains(m["slave1"], "type=main-channel")
	})
	write(t, real, 800, rng)
	eventually(t, "the stream waits for the snapshot", func() bool {
		info, err := n.Info()
		return err == nil && info.LocalBuffer > 0 && !info.LinkUp && info.SyncInProgress
	})
	caughtUp(t, n, real)
	sameData(t, n, real)
	counts := func(full, partial int64) {
		t.Helper()
		if f, p := field(t, real, "sync_full"), field(t, real, "sync_partial_ok"); f != full || p != partial {
			t.Errorf("the master counts %d full and %d partial syncs, not %d and %d", f, p, full, partial)
		}
	}
	counts(1, 1)
	if rec.count(model.EvPaired) != 1 {
		t.Errorf("paired %d times", rec.count(model.EvPaired))
	}
	eventually(t, "the master counts one replica, online", func() bool {
		m, err := real.Fields()
		return err == nil && m["connected_slaves"] == "1" && strings.Contains(m["slave0"], "state=online") && strings.Contains(m["slave0"], "type=replica")
	})

	// A short cut is an ordinary partial resynchronization.
	do(t, real, "config", "set", "rdb-key-save-delay", "0")
	proxy.Reset()
	write(t, real, 50, rng)
	caughtUp(t, n, real)
	counts(1, 2)

	// Cut in the middle of the next full one, and once more.
	proxy.Refuse()
	eventually(t, "the replica noticed the cut", func() bool { return !linkUp(t, n) })
	write(t, real, 3_000, rng)
	do(t, real, "config", "set", "rdb-key-save-delay", "400")
	if err := proxy.Pass(); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		eventually(t, "both channels stand", func() bool { return rec.count(model.EvPaired) == 2+i })
		proxy.Reset()
	}
	do(t, real, "config", "set", "rdb-key-save-delay", "0")
	write(t, real, 100, rng)
	caughtUp(t, n, real)
	sameData(t, n, real)
	if f, p := field(t, real, "sync_full"), field(t, real, "sync_partial_ok"); f < 4 || p < 5 {
		t.Errorf("the master counts %d full and %d partial syncs", f, p)
	}
}

// The local buffer has a limit: what is behind it stays in the socket and at the
// master, and is not lost.
func TestDualReplicaBufferLimit(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(23, 24))
	real := startValkey(t, "--rdb-key-save-delay", "600")
	fill(t, real)
	n, _ := dualNode(t, "replica", real.Addr, func(s *model.Settings) { s.HardLimit = 50_000 })
	eventually(t, "the stream comes", func() bool { return field(t, real, "sync_partial_ok") == 1 })
	write(t, real, 5_000, rng)
	var most int64
	eventually(t, "the buffer is full", func() bool {
		info, err := n.Info()
		if err != nil {
			return false
		}
		most = max(most, info.LocalPeak)
		return info.LocalBuffer > 50_000
	})
	caughtUp(t, n, real)
	sameData(t, n, real)
	info, err := n.Info()
	if err != nil {
		t.Fatal(err)
	}
	if info.LocalBuffer != 0 || info.LocalPeak < 50_000 || info.LocalPeak > 50_000+2*20_480 {
		t.Errorf("the buffer holds %d and held %d", info.LocalBuffer, info.LocalPeak)
	}
}

// Our master serves a real replica over two channels.
func TestDualMasterOfRealServer(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(25, 26))
	n, rec := dualNode(t, "master", "", func(s *model.Settings) { s.BacklogSize = model.MinBacklog })
	writeOurs(t, n, 300, rng)
	for i := range 120 { // more than sockets take at once
		if err := n.Write("SET", fmt.Sprintf("large:%d", i), strings.Repeat("x", 100_000)); err != nil {
			t.Fatal(err)
		}
	}
	proxy := startProxy(t, n.Addr(), nil)
	host, port, _ := strings.Cut(proxy.Addr(), ":")
	proxy.Throttle(2_000_000)
	real := startValkey(t, "--slaveof", host, port)
	eventually(t, "the replica has its stream", func() bool { return rec.count(model.EvStreamed) == 1 })
	info, err := n.Info()
	if err != nil {
		t.Fatal(err)
	}
	if s := info.Slaves; len(s) != 2 || s[0].Type != "rdb-channel" || s[1].Type != "main-channel" || s[1].State != "bg_transfer" || info.WaitingPSYNC != 0 {
		t.Errorf("in the middle of the sync: %+v, %d wait", info.Slaves, info.WaitingPSYNC)
	}
	writeOurs(t, n, 100, rng)
	proxy.Throttle(0)
	follows(t, real, n)
	sameData(t, n, real)
	check := func(full, partial int64, reason model.Why) {
		t.Helper()
		info, err := n.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.SyncFull != full || info.SyncPartialOK != partial {
			t.Errorf("%d full and %d partial syncs, not %d and %d", info.SyncFull, info.SyncPartialOK, full, partial)
		}
		if got := rec.newest(model.EvJudged); got.Why != reason {
			t.Errorf("judged %v", got)
		}
	}
	check(1, 1, model.WhyFirstSync)

	// A short cut, then a long one.
	cut := func(writes int) {
		t.Helper()
		proxy.Refuse()
		eventually(t, "the replica noticed the cut", func() bool {
			m, err := real.Fields()
			return err == nil && m["master_link_status"] == "down"
		})
		writeOurs(t, n, writes, rng)
		if err := proxy.Pass(); err != nil {
			t.Fatal(err)
		}
		follows(t, real, n)
		sameData(t, n, real)
	}
	cut(50)
	check(1, 2, model.WhyNone)
	cut(1_000)
	check(2, 3, model.WhyBelowBacklog)
	if e := rec.newest(model.EvJudged); e.Reply != "+DUALCHANNELSYNC" {
		t.Errorf("judged %v", e)
	}
	eventually(t, "one connection is left", func() bool {
		info, err := n.Info()
		return err == nil && info.ConnectedSlaves == 1 && info.Slaves[0].State == "online"
	})
}

// One side alone has it switched on: the classic full sync.
func TestDualOnOneSideOnly(t *testing.T) {
	t.Parallel()
	for _, ours := range []bool{false, true} {
		t.Run(fmt.Sprintf("ours %v", ours), func(t *testing.T) {
			real := startValkey(t)
			if ours {
				do(t, real, "config", "set", "dual-channel-replication-enabled", "no")
			}
			fill(t, real)
			n, _ := dualNode(t, "replica", real.Addr, func(s *model.Settings) { s.DualChannel = ours })
			caughtUp(t, n, real)
			sameData(t, n, real)
			if f, p := field(t, real, "sync_full"), field(t, real, "sync_partial_ok"); f != 1 || p != 0 {
				t.Errorf("%d full and %d partial syncs", f, p)
			}
		})
	}
}

// rawConn is a handmade client.
type rawConn struct {
	nc net.Conn
	in *bufio.Reader
}

func dialRaw(t *testing.T, addr string) *rawConn {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	if err := nc.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return &rawConn{nc, bufio.NewReader(nc)}
}

// ask sends a command and gives the next line that is not empty.
func (c *rawConn) ask(t *testing.T, words ...string) string {
	t.Helper()
	if _, err := c.nc.Write(model.AppendCommand(nil, words...)); err != nil {
		t.Fatal(err)
	}
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			t.Fatalf("%q: %v", words, err)
		}
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			return line
		}
	}
}

// Handmade replicas are told the same by a real master and by ours.
func TestDualProbes(t *testing.T) {
	t.Parallel()
	real := startValkey(t, "--rdb-key-save-delay", "1000")
	fill(t, real)
	n, _ := dualNode(t, "master", "", nil)
	writeOurs(t, n, 2000, rand.New(rand.NewPCG(27, 28)))
	theirs, ours := dualProbe(t, real.Addr), dualProbe(t, n.Addr())
	for i := range theirs {
		if theirs[i] != ours[i] {
			t.Errorf("line %d: the real master says %q, ours %q", i, theirs[i], ours[i])
		}
	}
}

// dualProbe plays a handmade replica that does some things wrong, and gives what
// it was told, with neither ids nor numbers of clients.
func dualProbe(t *testing.T, addr string) (said []string) {
	main, rdb, late := dialRaw(t, addr), dialRaw(t, addr), dialRaw(t, addr)
	capa := []string{"REPLCONF", "capa", "eof", "capa", "psync2", "capa", "dual-channel"}
	for _, words := range [][]string{
		{"REPLCONF", "set-rdb-client-id", "77"}, {"REPLCONF", "set-rdb-client-id", "x"}, {"REPLCONF", "set-rdb-client-id", "-1"},
		{"REPLCONF", "rdb-channel", "2"}, {"REPLCONF", "rdb-only", "-1"}, {"REPLCONF", "rdb-channel", "z"},
		{"REPLCONF", "rdb-channel", "1", "rdb-channel", "0"}, {"REPLCONF", "version", "8.0"}, {"REPLCONF", "version", "8.0.300"},
		{"REPLCONF", "version", "8.0.x"}, {"REPLCONF", "version", ".."}, {"REPLCONF", "version", "8.0.1"},
		capa, {"PSYNC", "?", "-1"}, {"PSYNC", strings.Repeat("a", 40), "1"}, {"PSYNC", "?", "x"},
	} {
		said = append(said, main.ask(t, words...))
	}
	// The snapshot's connection, and what its first line tells.
	said = append(said, rdb.ask(t, "REPLCONF", "capa", "eof", "rdb-only", "1", "rdb-channel", "1", "listening-port", "7"))
	line := rdb.ask(t, "SYNC")
	words := strings.Fields(line)
	if len(words) != 4 || !strings.HasPrefix(words[0], "$ENDOFF:") || len(words[1]) != 40 {
		t.Fatalf("%s: SYNC on the rdb channel was answered with %q", addr, line)
	}
	id, number := words[1], words[3]
	off, err := strconv.Atoi(strings.TrimPrefix(words[0], "$ENDOFF:"))
	if err != nil {
		t.Fatal(err)
	}
	tell := func(line string) {
		said = append(said, strings.ReplaceAll(strings.ReplaceAll(line, id, "id"), number, "N"))
	}
	said = append(said, words[2])
	eof, err := rdb.in.ReadString('\n')
	if err != nil || !strings.HasPrefix(eof, "$EOF:") {
		t.Fatalf("%s: then %q, %v", addr, eof, err)
	}
	// It ends before the main connection asks: it is kept for that.
	rdb.nc.Close()
	tell(main.ask(t, "REPLCONF", "set-rdb-client-id", number))
	tell(main.ask(t, "PSYNC", id, strconv.Itoa(off+1)))
	// And then no more.
	eventually(t, "the rdb channel is forgotten", func() bool {
		line := late.ask(t, "REPLCONF", "set-rdb-client-id", number)
		return line == "-ERR Unrecognized RDB client id "+number
	})
	for _, words := range [][]string{capa, {"PSYNC", id, strconv.Itoa(off + 5000)}, {"PSYNC", id, strconv.Itoa(off + 1)}} {
		tell(late.ask(t, words...))
	}
	return said
}

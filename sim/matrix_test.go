package sim

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"psyncsim/model"
	"psyncsim/sim/tcp"
)

// matrixRows are the rows of the version matrix (section 10 of the protocol
// facts), each with the conversation in testdata/matrix that shows it for every
// version, or with the reason why none does yet.
var matrixRows = []struct{ row, file, missing string }{
	{row: "PSYNC", file: "first-sync"},
	{row: "identity", file: "first-sync"},
	{row: "first fresh +FULLRESYNC offset", file: "first-sync"},
	{row: "first fresh +FULLRESYNC offset", file: "first-sync-aof"},
	{row: "F of fresh backlog", file: "first-sync"},
	{row: "first REPLICAOF sends", file: "first-sync"},
	{row: "default backlog", file: "first-sync"},
	{row: "handshake framing", file: "handshake"},
	{row: "handshake pipelined", file: "handshake"},
	{row: "REPLCONF ACK", file: "handshake"},
	{row: "backlog structure", file: "resize"},
	{row: "resize keeps data", file: "resize"},
	{row: "laggard extends window", file: "laggard"},
	{row: "backlog on replica without sub-replicas", file: "replica-backlog"},
	{row: "TTL frees => new id", file: "ttl"},
	{row: "TTL frees on replicas", file: "ttl"},
	{row: "partial after promotion", file: "promotion"},
	{row: "partial after replica restart (RDB)", file: "restart"},
	{row: "partial after replica restart (RDB)", file: "restart-replica-killed"},
	{row: "partial after replica restart (RDB)", file: "restart-replica-aof"},
	{row: "partial after replica restart (RDB)", file: "restart-replica-socket"},
	{row: "partial after replica restart (RDB)", file: "restart-as-master"},
	{row: "partial after master restart (RDB)", file: "restart"},
	{row: "partial after master restart (RDB)", file: "restart-master-killed"},
	{row: "partial after master restart (RDB)", file: "restart-master-aof"},
	{row: "chained stream", file: "chain"},
	{row: "link loss drops sub-replicas", file: "chain"},
	{row: "\"link down\" refusal", file: "chain"},
	{row: "\"link down\" refusal", file: "stale"},
	{row: "\"link down\" refusal", file: "loading"},
	{row: "REPLICAOF drops sub-replicas", file: "chain-moves"},
	{row: "cached master dropped at", file: "detour"},
	{row: "reconnect after loss", file: "reconnect"},
	{row: "PING without replicas", file: "ping"},
	{row: "PING enters backlog/offset", file: "ping"},
	{row: "WAIT / GETACK", file: "wait"},
	{row: "WAIT / GETACK", file: "waitaof"},
	{row: "REPLCONF ACK", file: "waitaof"},
	{row: "master times out replicas", file: "timeout"},
	{row: "diskless master default", file: "diskless"},
	{row: "diskless delay test", file: "diskless"},
	{row: "who may join a snapshot (beyond the matrix)", file: "join"},
	{row: "ACK right after EOF load", file: "diskless"},
	{row: "PSYNC FAILOVER", file: "failover"},
	{row: "bad offset", file: "bad-offset"},
	{row: "output limit vs backlog", file: "output-limit"},
	{row: "soft limit checked when idle", file: "soft-limit"},
	{row: "MULTI around one write", file: "stream"},
	{row: "TTL commands on stream", file: "stream"},
	{row: "SELECT vs MULTI order", file: "stream"},
	{row: "expiry deletion verb", file: "stream"},
	{row: "expiry deletion verb", file: "expiry"},
	{row: "shutdown waits for replicas", file: "shutdown"},
	{row: "diskless load", file: "diskless-load"},
	{row: "replica read of expired key", file: "expired-read"},
	{row: "replica obeys maxmemory", file: "replica-maxmemory"},
	{row: "tcp-keepalive", file: "keepalive"},
	{row: "dual channel", file: "dual-channel"},
	{row: "a snapshot fails (beyond the matrix)", file: "save-fails"},
	{row: "a load ends the replica's own snapshot (beyond the matrix)", file: "load-ends-child"},
}

// matrixPlays are the conversations. Each begins with a alone; config changes
// what all servers have, follow says whom b and c follow from the beginning.
type matrixPlay struct {
	file, about string
	follow      [2]string
	config      func(set *model.Settings)
	quick       bool // follows only: says nothing of the first sync
	tcp         bool // the link of a and b carries segments
	load        *LoadConfig
	play        func(s *scene)
}

var matrixPlays = []matrixPlay{
	{file: "first-sync", about: "A fresh server is told to replicate: what it asks, what it is given.", play: func(s *scene) {
		s.w.Order(FaultConfig{Kind: FaultReplicaOf, Server: 1, Peer: 0})
		s.wait(3 * time.Second)
		s.info(0, "repl_backlog_size", "repl_backlog_first_byte_offset", "run_id", "sync_full", "sync_partial_err")
	}},
	{file: "handshake", about: "Every byte of a handshake, and the first ACK.", play: func(s *scene) {
		s.wire = true
		s.w.Order(FaultConfig{Kind: FaultReplicaOf, Server: 1, Peer: 0})
		s.wait(1500 * time.Millisecond)
	}},
	{file: "resize", about: "CONFIG SET repl-backlog-size while a replica is away for a moment.", follow: [2]string{"a"}, quick: true, play: func(s *scene) {
		s.write(0, 30)
		s.w.Cut(0, 1, true)
		s.write(0, 4)
		set := s.w.cfg.Servers[0].Settings
		set.BacklogSize = 1 << 20
		s.w.Order(FaultConfig{Kind: FaultConfigSet, Server: 0, Settings: &set})
		s.info(0, "repl_backlog_size", "repl_backlog_histlen")
		s.w.Heal(0, 1)
		s.wait(2 * time.Second)
	}},
	{file: "laggard", about: "b's link is silent, c is away: what b has not got c may still ask for.", follow: [2]string{"a", "a"}, quick: true, play: func(s *scene) {
		s.w.Silence(0, 1)
		s.wait(time.Millisecond)
		s.write(0, 450) // more than sockets hold
		s.w.Cut(0, 2, true)
		s.write(0, 50)
		s.info(0, "repl_backlog_histlen")
		s.w.Heal(0, 2)
		s.wait(2 * time.Second)
	}},
	{file: "replica-backlog", about: "What a replica without replicas keeps.", follow: [2]string{"a"}, quick: true, play: func(s *scene) {
		s.write(0, 3)
		s.info(1, "repl_backlog_active", "repl_backlog_first_byte_offset", "repl_backlog_histlen")
	}},
	{file: "ttl", about: "Nobody is there for repl-backlog-ttl, 1 s.", follow: [2]string{"a"}, quick: true, config: func(set *model.Settings) { set.BacklogTTL = time.Second }, play: func(s *scene) {
		s.write(0, 3)
		s.w.Cut(0, 1, true)
		s.wait(4 * time.Second)
		s.info(0, "repl_backlog_active", "repl_backlog_first_byte_offset", "repl_backlog_histlen")
		s.info(1, "repl_backlog_active")
		s.w.Heal(0, 1)
		s.wait(2 * time.Second)
	}},
	{file: "promotion", about: "b takes over; c and the old master follow it.", follow: [2]string{"a", "a"}, quick: true, play: func(s *scene) {
		s.write(0, 3)
		s.w.Order(FaultConfig{Kind: FaultPromote, Server: 1})
		s.w.Order(FaultConfig{Kind: FaultReplicaOf, Server: 2, Peer: 1})
		s.wait(2 * time.Second)
		s.w.Order(FaultConfig{Kind: FaultReplicaOf, Server: 0, Peer: 1})
		s.wait(2 * time.Second)
	}},
	{file: "restart", about: "First the replica is restarted with its snapshot, then the master.", follow: [2]string{"a"}, quick: true, play: func(s *scene) {
		s.write(0, 3)
		s.wait(2 * time.Second) // the master has heard that all came
		for _, server := range []int{1, 0} {
			s.w.Shutdown(server, true)
			s.wait(3 * time.Second)
			s.w.Start(server, s.w.Left(server))
			s.wait(3 * time.Second)
		}
	}},
	{file: "chain", about: "a <- b <- c. The link of b breaks, then that of c, which comes back first.", follow: [2]string{"a", "b"}, quick: true, play: func(s *scene) {
		s.write(0, 3)
		s.info(0, "master_repl_offset")
		s.info(1, "master_repl_offset", "connected_slaves")
		s.w.Cut(0, 1, true)
		s.wait(500 * time.Millisecond)
		s.info(1, "connected_slaves")
		s.w.Cut(1, 2, false)
		s.wait(2500 * time.Millisecond)
		s.w.Heal(0, 1)
		s.wait(3 * time.Second)
	}},
	{file: "chain-moves", about: "a <- b <- c. b is told to follow somebody who is not there.", follow: [2]string{"a", "b"}, quick: true, play: func(s *scene) {
		s.w.Cut(1, 3, true)
		s.w.Order(FaultConfig{Kind: FaultReplicaOf, Server: 1, Peer: 3})
		s.wait(100 * time.Millisecond)
		s.info(1, "connected_slaves")
	}},
	{file: "detour", about: "b begins a full sync with d, which ends halfway, and goes back to a.", follow: [2]string{"a"}, quick: true, play: func(s *scene) {
		s.write(0, 3)
		s.w.SetDataset(3, 10_000_000)
		s.w.Shape(1, 3, time.Millisecond, 1_000_000)
		s.w.Order(FaultConfig{Kind: FaultReplicaOf, Server: 1, Peer: 3})
		s.wait(2500 * time.Millisecond)
		s.w.Order(FaultConfig{Kind: FaultReplicaOf, Server: 1, Peer: 0})
		s.wait(2 * time.Second)
	}},
	{file: "reconnect", about: "A link is reset, and works again at once.", follow: [2]string{"a"}, quick: true, play: func(s *scene) {
		s.write(0, 3)
		s.w.Cut(0, 1, false)
		s.wait(2 * time.Second)
	}},
	{file: "ping", about: "A PING every second; then the replica is gone.", follow: [2]string{"a"}, quick: true, config: func(set *model.Settings) { set.PingPeriod = time.Second }, play: func(s *scene) {
		s.wait(1100 * time.Millisecond)
		s.info(0, "master_repl_offset")
		s.w.Cut(0, 1, true)
		s.wait(2100 * time.Millisecond)
		s.info(0, "master_repl_offset")
	}},
	{file: "wait", about: "WAIT for one replica: what it writes, what it answers.", follow: [2]string{"a"}, quick: true, play: func(s *scene) {
		s.write(0, 1)
		s.info(0, "master_repl_offset")
		s.w.Order(FaultConfig{Kind: FaultWait, Server: 0, Count: 1, Timeout: time.Second})
		s.wait(1500 * time.Millisecond)
		s.info(0, "master_repl_offset")
	}},
	{file: "waitaof", about: "Both have an AOF that is fsynced every second: what the replica's ACKs say, and WAITAOF for both.", follow: [2]string{"a"}, quick: true, config: func(set *model.Settings) {
		set.AppendOnly = true
	}, play: func(s *scene) {
		s.wait(2 * time.Second)
		s.write(0, 1)
		s.wire = true
		s.w.Order(FaultConfig{Kind: FaultWaitAOF, Server: 0, Local: 1, Count: 1, Timeout: 3 * time.Second})
		s.wait(2500 * time.Millisecond)
	}},
	{file: "timeout", about: "A link is silent for longer than repl-timeout, 3 s.", follow: [2]string{"a"}, quick: true, config: func(set *model.Settings) { set.Timeout, set.PingPeriod = 3*time.Second, time.Hour }, play: func(s *scene) {
		s.w.Silence(0, 1)
		s.wait(6 * time.Second)
		s.info(0, "connected_slaves")
	}},
	{file: "diskless", about: "A first sync as the version's defaults have it, then one without disk and with a delay of 1 s.", config: func(set *model.Settings) {}, play: func(s *scene) {
		s.line("repl-diskless-sync %v", s.prof.Diskless)
		set := s.w.cfg.Servers[0].Settings
		set.Diskless, set.DisklessDelay = true, time.Second
		s.w.Order(FaultConfig{Kind: FaultConfigSet, Server: 0, Settings: &set})
		s.wire = true
		s.w.Order(FaultConfig{Kind: FaultReplicaOf, Server: 1, Peer: 0})
		s.wait(4 * time.Second)
	}},
	{file: "diskless-load", about: "b has nothing (on-empty-db, then swapdb) and loads 10 MB as they arrive, 1 MB a second; the link breaks in the middle. Then it has all of it, and its backlog of 16 KiB is overrun.",
		config: func(set *model.Settings) {
			set.BacklogSize, set.Diskless, set.DisklessLoad = model.MinBacklog, false, model.LoadWhenEmpty
		}, play: func(s *scene) { s.socketLoad() }},
	{file: "failover", about: "FAILOVER TO b.", follow: [2]string{"a"}, quick: true, play: func(s *scene) {
		s.wait(1100 * time.Millisecond)
		s.w.Order(FaultConfig{Kind: FaultFailover, Server: 0, Peer: 1})
		s.wait(2 * time.Second)
		s.info(0, "role")
		s.info(1, "role")
	}},
	{file: "bad-offset", about: "PSYNC with the right id and an offset that is no number.", follow: [2]string{"a"}, quick: true, play: func(s *scene) {
		p := s.w.Connect(0, "somebody")
		id := "?"
		if info := s.w.Info(0); s.prof.PSYNC == 2 {
			id = string(info.ReplID)
		} else if s.prof.PSYNC == 1 {
			id = string(info.RunID)
		}
		p.Say([]byte("PSYNC " + id + " abc\r\n"))
		s.line("somebody hears %s", identifier.ReplaceAllStringFunc(strconv.Quote(string(p.Heard)), func(id string) string { return id[:6] }))
		p.Close()
	}},
	{file: "output-limit", about: "b misses 60 kB, its limit is 20 kB, the backlog 1 MB.", follow: [2]string{"a"}, quick: true, config: func(set *model.Settings) { set.BacklogSize, set.HardLimit = 1<<20, 20000 }, play: func(s *scene) {
		s.w.Cut(0, 1, true)
		s.write(0, 60)
		s.w.Heal(0, 1)
		s.wait(1500 * time.Millisecond)
	}},
	{file: "soft-limit", about: "b's link is silent, 1 MB waits for it, above the soft limit of 100 kB for 1 s; then nothing is written any more.", follow: [2]string{"a"}, quick: true,
		config: func(set *model.Settings) { set.SoftLimit, set.SoftSeconds = 100_000, time.Second }, play: func(s *scene) {
			s.w.Silence(0, 1)
			s.wait(time.Millisecond)
			s.write(0, 1000)
			s.wait(5 * time.Second)
			s.info(0, "connected_slaves")
		}},
	{file: "stream", about: "What client commands become.", play: func(s *scene) { s.streams() }},
	{file: "shutdown", about: "SHUTDOWN while b lacks the last write.", follow: [2]string{"a"}, quick: true, play: func(s *scene) {
		s.wait(200 * time.Millisecond)
		s.w.Write(0, 1024)
		s.w.Shutdown(0, true)
		s.line("a runs: %v", s.w.Alive(0))
		s.wait(3 * time.Second)
		s.line("3 s later: %v", s.w.Alive(0))
	}},
}

// play plays one conversation on one version.
func playMatrix(prof *model.Profile, m *matrixPlay) (text string) {
	s := &scene{prof: prof}
	defer func() {
		if x := recover(); x != nil {
			text = s.out.String() + fmt.Sprintf("  the simulator broke: %v\n", x)
		}
	}()
	set := prof.Defaults()
	set.PingPeriod, set.Diskless, set.SavePoints = time.Hour, false, model.SavePoints{}
	set.BacklogSize = max(prof.BacklogSize, 0)
	if m.follow[0] != "" && prof.Backlog != model.BacklogNone {
		set.BacklogSize = model.MinBacklog
	}
	if m.config != nil {
		m.config(&set)
	}
	c := &Config{Seed: 1, Duration: time.Hour}
	for i, name := range []string{"a", "b", "c", "d"} {
		sc := ServerConfig{Name: name, Profile: prof, Settings: set, Dataset: 200, Fork: time.Millisecond, LibcMalloc: false}
		if i == 1 || i == 2 {
			sc.ReplicaOf = m.follow[i-1]
		}
		c.Servers = append(c.Servers, sc)
	}
	if m.tcp {
		path := tcp.PathConfig{Latency: 250_000, Bandwidth: 125_000_000}
		c.Links = []LinkConfig{{A: 0, B: 1, TCP: &TCPLink{Options: tcp.Linux(), There: path, Back: path}}}
	}
	if m.load != nil {
		c.Loads = []LoadConfig{*m.load}
	}
	w, err := New(c, s)
	if err != nil {
		return "  " + strings.TrimPrefix(err.Error(), "sim: ") + "\n"
	}
	s.w = w
	w.Listen(s)
	w.Begin()
	s.wait(3500 * time.Millisecond)
	if m.quick {
		s.out.Reset()
	}
	m.play(s)
	lines := strings.SplitAfter(s.out.String(), "\n")
	if more := len(lines) - 1 - mostLines; more > 0 {
		return strings.Join(lines[:mostLines], "") + fmt.Sprintf("  and so on: %d more lines\n", more)
	}
	return s.out.String()
}

// mostLines is how much of a conversation is kept: some go round and round.
const mostLines = 24

// TestMatrix plays the conversations of testdata/matrix: one file for one or more
// rows of the version matrix, in it every version. -rewrite writes them anew.
func TestMatrix(t *testing.T) {
	var files []string
	for _, m := range slices.Concat(matrixPlays, matrixRestarts, matrixOthers) {
		files = append(files, m.file)
		t.Run(m.file, func(t *testing.T) {
			var b strings.Builder
			fmt.Fprintf(&b, "# %s\n", m.about)
			for _, prof := range model.Profiles() {
				fmt.Fprintf(&b, "\n%s\n%s", prof.Name, playMatrix(prof, &m))
			}
			path := filepath.Join("testdata", "matrix", m.file+".txt")
			if rewriting() {
				if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if b.String() != string(want) {
				t.Errorf("%s is now\n%s", path, b.String())
			}
			if strings.Contains(b.String(), "the simulator broke") {
				t.Error("the simulator broke")
			}
		})
	}
	for _, r := range matrixRows {
		switch {
		case (r.file == "") == (r.missing == ""):
			t.Errorf("%s: either a conversation or a reason", r.row)
		case r.file != "" && !slices.Contains(files, r.file):
			t.Errorf("%s: no conversation %s", r.row, r.file)
		case r.missing != "":
			t.Logf("no conversation for %q: %s", r.row, r.missing)
		}
	}
	for _, f := range files {
		if !slices.ContainsFunc(matrixRows, func(r struct{ row, file, missing string }) bool { return r.file == f }) {
			t.Errorf("%s is for no row", f)
		}
	}
	kept, _ := filepath.Glob("testdata/matrix/*.txt")
	if len(kept) != len(files) {
		t.Errorf("%d files are kept, %d are played", len(kept), len(files))
	}
}

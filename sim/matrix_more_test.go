package sim

import (
	"strconv"
	"time"

	"psyncsim/model"
)

// matrixRestarts are what a server comes back from (facts: 1.9); a clean stop with an
// RDB is the conversation "restart".
var matrixRestarts = []matrixPlay{
	{file: "restart-replica-killed", about: "kill -9 of b, which has no save points: what it has on disk is the RDB of its first sync, from before the 3 kB.", follow: [2]string{"a"}, quick: true,
		play: func(s *scene) { s.restart(1, false) }},
	{file: "restart-replica-aof", about: "b is stopped in order, but it has an AOF: it loads that, which says nothing of replication.", follow: [2]string{"a"}, quick: true,
		config: func(set *model.Settings) { set.AppendOnly = true }, play: func(s *scene) { s.restart(1, true) }},
	{file: "restart-replica-socket", about: "kill -9 of b, which loaded its first sync from the socket (swapdb): there is nothing on its disk.", follow: [2]string{"a"}, quick: true,
		config: func(set *model.Settings) { set.Diskless, set.DisklessLoad = true, model.LoadSwap },
		play: func(s *scene) {
			if !s.prof.DisklessLoad {
				s.line("does not know it")
				return
			}
			s.wait(6 * time.Second) // the first sync waits
			s.out.Reset()
			s.restart(1, false)
		}},
	{file: "restart-as-master", about: "b is stopped with its snapshot and comes back as a master (replicaof is no more in its file); then c, at the same offset, is told to follow it.", follow: [2]string{"a", "a"}, quick: true,
		play: func(s *scene) {
			s.write(0, 3)
			s.wait(2 * time.Second)
			s.w.Shutdown(1, true)
			s.wait(3 * time.Second)
			left := s.w.Left(1)
			s.w.cfg.Servers[1].ReplicaOf, s.w.hosts[1].cfg.ReplicaOf = "", ""
			s.w.Start(1, left)
			s.wait(time.Second)
			s.info(1, "role", "master_repl_offset", "second_repl_offset", "repl_backlog_active", "repl_backlog_first_byte_offset")
			s.w.Order(FaultConfig{Kind: FaultReplicaOf, Server: 2, Peer: 1})
			s.wait(3 * time.Second)
		}},
	{file: "restart-master-killed", about: "kill -9 of a; its RDB is older than its last 3 kB.", follow: [2]string{"a"}, quick: true,
		play: func(s *scene) {
			s.w.Order(FaultConfig{Kind: FaultSave, Server: 0})
			s.wait(time.Second)
			s.restart(0, false)
		}},
	{file: "restart-master-aof", about: "a is stopped in order, but it has an AOF.", follow: [2]string{"a"}, quick: true,
		config: func(set *model.Settings) { set.AppendOnly = true }, play: func(s *scene) { s.restart(0, true) }},
}

// failSave begins a BGSAVE and kills its child.
func (s *scene) failSave(server int) {
	s.w.Order(FaultConfig{Kind: FaultSave, Server: server})
	s.w.Order(FaultConfig{Kind: FaultChildKill, Server: server})
	s.wait(200 * time.Millisecond)
}

// restart ends a server three kilobytes later and starts it again with what is on its
// disk.
func (s *scene) restart(server int, save bool) {
	s.write(0, 3)
	s.wait(2 * time.Second) // the master has heard that all came
	if save {
		s.w.Shutdown(server, true)
		s.wait(3 * time.Second)
	} else {
		s.w.Stop(server, false)
		s.wait(time.Second)
	}
	s.w.Again(server)
	s.wait(3 * time.Second)
}

// matrixOthers are rows whose conversation needs more than a few lines.
var matrixOthers = []matrixPlay{
	{file: "stale", about: "a <- b <- c, and b has replica-serve-stale-data no. The link of b breaks, then that of c, which comes back first.", follow: [2]string{"a", "b"}, quick: true,
		config: func(set *model.Settings) { set.ServeStale = false }, play: func(s *scene) {
			s.write(0, 3)
			s.w.Cut(0, 1, true)
			s.wait(500 * time.Millisecond)
			s.w.Cut(1, 2, false)
			s.wire = true
			s.wait(1300 * time.Millisecond)
			s.wire = false
			s.w.Heal(0, 1)
			s.wait(4 * time.Second)
		}},
	{file: "expiry", about: "SET of three keys with names of one byte and a second to live: 23 + 3 x 27 bytes; then their deletions, 20 bytes each or 23.", follow: [2]string{"a"}, quick: true,
		load: &LoadConfig{Commands: []Command{{Name: "SET", Args: []int{1, 1}, Times: 1, TTL: time.Second, KeyBytes: 1}}, PerSecond: 10, From: 3600 * time.Millisecond, Until: 3950 * time.Millisecond},
		play: func(s *scene) {
			fields := []string{"master_repl_offset", "slave_repl_offset", "expired_keys"}
			for _, wait := range []time.Duration{500 * time.Millisecond, 4 * time.Second} {
				s.wait(wait)
				s.info(0, fields...)
				s.info(1, fields...)
			}
		}},
	{file: "expired-read", about: "As expiry, but the link is silent before the keys' time is over: their deletions wait, and b has the keys. Then they come.", follow: [2]string{"a"}, quick: true,
		load: &LoadConfig{Commands: []Command{{Name: "SET", Args: []int{1, 1}, Times: 1, TTL: time.Second, KeyBytes: 1}}, PerSecond: 10, From: 3600 * time.Millisecond, Until: 3950 * time.Millisecond},
		play: func(s *scene) {
			fields := []string{"master_repl_offset", "slave_repl_offset", "expired_keys"}
			s.wait(500 * time.Millisecond)
			s.w.Silence(0, 1)
			s.wait(3 * time.Second)
			s.info(0, fields...)
			s.info(1, fields...)
			s.line("b finds them when they are read: %v", s.w.hosts[1].srv.ShowsExpired())
			s.w.Heal(0, 1)
			s.wait(time.Second)
			s.info(1, fields...)
		}},
	{file: "first-sync-aof", about: "As first-sync, but with an AOF, and five commands were written before anybody asked.", config: func(set *model.Settings) {
		set.AppendOnly = true
	}, play: func(s *scene) {
		s.write(0, 5)
		s.info(0, "master_repl_offset", "repl_backlog_active")
		s.w.Order(FaultConfig{Kind: FaultReplicaOf, Server: 1, Peer: 0})
		s.wait(4 * time.Second)
		s.info(0, "master_repl_offset", "repl_backlog_first_byte_offset")
	}},
	{file: "loading", about: "a is restarted, and loads what it saved for 1.5 s: what b hears meanwhile.", follow: [2]string{"a"}, quick: true, play: func(s *scene) {
		s.write(0, 1)
		s.wait(2 * time.Second)
		s.w.SetDataset(0, 15_000_000)
		s.w.hosts[0].cfg.LoadRate = 10_000_000
		s.w.Shutdown(0, true)
		s.wait(200 * time.Millisecond)
		s.w.Again(0)
		s.wire = true
		s.wait(1400 * time.Millisecond)
		s.wire = false
		s.wait(3 * time.Second)
	}},
	{file: "replica-maxmemory", about: "b has a maxmemory that its data fills; a writes 20 kB more. What b holds then is followed from 5.0 on; up to 4.0 it evicts or refuses by itself, and up to 3.2 its own replicas hear of it.", follow: [2]string{"a"}, quick: true, play: func(s *scene) {
		set := s.w.cfg.Servers[1].Settings
		set.MaxMemory, set.MaxMemoryPolicy = 1<<20, model.AllKeysLRU
		s.w.Order(FaultConfig{Kind: FaultConfigSet, Server: 1, Settings: &set})
		s.w.SetDataset(1, 1<<20)
		s.write(0, 20)
		s.info(0, "master_repl_offset")
		s.info(1, "maxmemory", "master_link_status", "slave_repl_offset", "master_repl_offset")
		s.line("b evicts by itself: %v, and tells its replicas: %v", s.prof.ReplicaEvicts, s.prof.ReplicaEvicts && s.prof.OwnStreamOnChains)
	}},
	{file: "join", about: "The snapshot for b takes 4 s. A write later comes c, which joins it at b's offset, and a client that knows no capa, which has to wait for another one. Each set-up has the next write name its database again: 23 bytes.",
		config: func(set *model.Settings) { set.Diskless = false }, play: func(s *scene) {
			s.w.SetDataset(0, 4_000_000)
			s.w.hosts[0].cfg.SaveRate = 1_000_000
			s.w.Order(FaultConfig{Kind: FaultReplicaOf, Server: 1, Peer: 0})
			s.wait(1500 * time.Millisecond)
			s.write(0, 1)
			s.w.Order(FaultConfig{Kind: FaultReplicaOf, Server: 2, Peer: 0})
			s.wait(1500 * time.Millisecond)
			s.write(0, 1)
			p := s.w.Connect(0, "somebody")
			ask := "PSYNC ? -1\r\n"
			if s.prof.PSYNC == 0 {
				ask = "SYNC\r\n"
			}
			p.Say([]byte(ask))
			s.wait(500 * time.Millisecond)
			s.info(0, "master_repl_offset", "sync_full", "connected_slaves")
			s.wait(4 * time.Second)
			s.write(0, 1)
			s.wait(5 * time.Second)
			s.info(0, "master_repl_offset", "rdb_bgsave_in_progress")
			s.line("somebody hears %s", identifier.ReplaceAllStringFunc(strconv.Quote(string(p.Heard[:min(len(p.Heard), 80)])), func(id string) string { return id[:6] }))
		}},
	{file: "load-ends-child", about: "b saves 10 MB, which takes 10 s, when it is told to replicate; and once more, with what it has then, when it loads from the socket (swapdb).", play: func(s *scene) {
		fields := []string{"rdb_bgsave_in_progress", "rdb_last_bgsave_status", "master_link_status"}
		s.w.SetDataset(0, 10_000_000)
		s.w.SetDataset(1, 10_000_000)
		s.w.hosts[1].cfg.SaveRate = 1_000_000
		for _, mode := range []model.LoadMode{model.LoadDisabled, model.LoadSwap} {
			if mode == model.LoadSwap && !s.prof.DisklessLoad {
				return
			}
			set := s.w.cfg.Servers[1].Settings
			set.DisklessLoad = mode
			s.w.Order(FaultConfig{Kind: FaultConfigSet, Server: 1, Settings: &set})
			s.w.Order(FaultConfig{Kind: FaultSave, Server: 1})
			s.w.Order(FaultConfig{Kind: FaultReplicaOf, Server: 1, Peer: 0})
			s.wait(3 * time.Second)
			s.info(1, fields...)
			s.w.Order(FaultConfig{Kind: FaultPromote, Server: 1})
			s.wait(10 * time.Second)
		}
	}},
	{file: "save-fails", about: "Ten writes of 125 bytes a second. The child of a BGSAVE of a is killed, then b's link breaks: b's handshakes are refused until a BGSAVE succeeds. Then that of b is killed.", follow: [2]string{"a"}, quick: true,
		config: func(set *model.Settings) { set.SavePoints = model.SavePoints{{Seconds: 3600, Changes: 1000}} },
		load:   &LoadConfig{Commands: []Command{{Name: "SET", Args: []int{1, 98}, Times: 1}}, PerSecond: 10, From: 3600 * time.Millisecond, Until: 9 * time.Second},
		play: func(s *scene) {
			fields := []string{"rdb_last_bgsave_status", "errorstat_MISCONF", "connected_slaves", "master_repl_offset", "slave_repl_offset", "rdb_changes_since_last_save"}
			s.wait(500 * time.Millisecond)
			s.failSave(0)
			s.w.Cut(0, 1, false)
			s.wait(1300 * time.Millisecond)
			s.info(0, fields...)
			s.w.Order(FaultConfig{Kind: FaultSave, Server: 0})
			s.wait(1300 * time.Millisecond)
			s.info(0, fields...)
			s.failSave(1)
			s.info(0, fields...)
			s.info(1, fields...)
		}},
	{file: "keepalive", about: "The link is silent for ever; repl-timeout is an hour, and nobody says anything to b. After 300 s its master's kernel asks whether it is there, three times, 100 s apart.", follow: [2]string{"a"}, quick: true, tcp: true,
		config: func(set *model.Settings) { set.Timeout = time.Hour }, play: func(s *scene) {
			s.w.Silence(0, 1)
			s.wait(15 * time.Minute)
			s.info(0, "connected_slaves")
		}},
	{file: "dual-channel", about: "A first sync with dual-channel-replication-enabled on both sides.", config: func(set *model.Settings) {
		set.Diskless, set.DisklessDelay, set.DualChannel = true, 0, true
	}, play: func(s *scene) {
		if !s.prof.DualChannel {
			s.line("does not know it")
			return
		}
		s.wire = true
		s.w.Order(FaultConfig{Kind: FaultReplicaOf, Server: 1, Peer: 0})
		s.wait(1500 * time.Millisecond)
		s.wire = false
		s.info(0, "sync_full", "sync_partial_ok", "sync_partial_err")
	}},
}

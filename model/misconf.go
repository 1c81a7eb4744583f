package model

// What becomes of a process whose snapshots fail: its child was killed, but not by the
// server's own SIGUSR1 (backgroundSaveDoneHandlerDisk). With stop-writes-on-bgsave-error and
// a save point it then refuses writes until a snapshot is saved (processCommand of every
// version, and writeCommandsDeniedByDiskError from 5.0 on; seen on 2.6.17, 2.8.24, 5.0.14,
// 6.2.16, 7.0.15 and valkey 8.0.1). What they differ in:
//
//   - From 2.8 on PING is refused too, and a replica takes that for the end of its handshake:
//     none gets in, to sync or to continue, before a snapshot is saved.
//   - Up to 6.2 a replica refuses nothing, except in 2.6: its master's writes. That is left
//     out, for nobody sees them but clients and its own replicas.
//   - From 7.0 on a replica refuses its clients, so that its own replicas cannot connect, and
//     it ends with the first write that its master sends, unless it has
//     replica-ignore-disk-write-errors.
//
// A snapshot that goes to sockets says nothing about the disk. One that fails is tried again
// for a save point when more than bgsaveRetry seconds are over.

// saveStatus is rdb_last_bgsave_status: the last snapshot failed, or did not.
func (s *Server) saveStatus(failed bool) {
	before := s.refusesUnsaved()
	s.disk.failed = failed
	if failed {
		s.disk.plan = savePlan{}
	}
	s.noteUnsaved(before)
}

// noteUnsaved tells if writes are refused now that were not before, or the other way.
func (s *Server) noteUnsaved(before bool) {
	if after := s.refusesUnsaved(); after != before {
		s.note(Event{Kind: EvWritable, Full: !after, Bytes: s.good, Why: WhySaveFailed})
	}
}

// unsaved says that the process is to stop for want of a snapshot.
func (s *Server) unsaved() bool {
	return s.disk.failed && s.set.StopWrites && s.set.SavePoints.Any()
}

// refusesUnsaved says that it refuses its clients' writes.
func (s *Server) refusesUnsaved() bool {
	return s.unsaved() && (s.up.host == "" || s.prof.Orders.MisConfAll)
}

// refusesPing answers a PING that is refused.
func (s *Server) refusesPing(c *client) bool {
	if !s.prof.Orders.MisConfPing || !s.refusesUnsaved() {
		return false
	}
	s.stats.pings++
	s.reply(c, s.prof.Orders.MisConf)
	return true
}

// brittle says that the next write of its master ends the process (processCommand: "Replica
// was unable to write command to disk").
func (s *Server) brittle() bool {
	return s.prof.DiskErrorEnds && s.up.host != "" && !s.set.IgnoreDisk && s.unsaved()
}

// Brittle says that it matters where the stream begins to change data; see Input.Quiet.
func (s *Server) Brittle() bool { return s.brittle() }

// breaks ends the process if such a write has come. Nothing of it was executed, nor what
// is behind it, and this is the next serverCron turn: up to 100 ms after a real one's end.
func (s *Server) breaks() bool {
	if s.disk.dying {
		s.cron.running = false
		s.out = append(s.out, Output{Kind: OutExit, Why: WhySaveFailed})
	}
	return s.disk.dying
}

// EndWake is when the node wants an InWake because a write that is to come ends it, or
// Never. Deadline leaves that out.
func (s *Server) EndWake(f Foresight) Instant {
	if !s.brittle() || !s.cron.running || s.Loading() || !s.LinkUp() {
		return Never
	}
	n := f.Changes(1)
	if n == Never {
		return Never
	}
	return s.cron.at(max(s.cron.next, s.cron.turnFrom(max(n, s.now))))
}

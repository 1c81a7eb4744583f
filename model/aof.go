package model

import "time"

// The append only file: what of it an fsync has covered, and the child that rewrites it
// (aof.c of every version, read in 2.6.17 - 7.4.1 and valkey 8.0.1). Replication sees
// three things of it: no snapshot begins while the child runs; a first file that is being
// written holds up the end of the process; and from 7.2 on a replica tells its master how
// far its file is on disk (REPLCONF ACK … FACK), and clients can wait for that (WAITAOF).
//
// With appendfsync everysec an fsync begins here with a serverCron turn, and is over at the
// next turn of the event loop at which something is looked at. A real server begins
// with the first turn of its event loop that finds the second over, so up to 100 ms sooner
// if it is busy, and its disk takes a while.

// FsyncPolicy is appendfsync.
type FsyncPolicy uint8

// The policies. The zero value is every version's default.
const (
	FsyncEverySec FsyncPolicy = iota
	FsyncAlways
	FsyncNo
)

// FsyncPolicies are their names in redis.conf.
var FsyncPolicies = [...]string{"everysec", "always", "no"}

// aofState is server.aof_state.
type aofState uint8

const (
	aofOff  aofState = iota
	aofOn            //
	aofWait          // it is on, and its first file is yet to be written (AOF_WAIT_REWRITE)
)

// aof is what a process knows of its append only file.
type aof struct {
	state     aofState
	scheduled bool   // a rewrite is to begin when no other child runs (aof_rewrite_scheduled)
	dirty     bool   // something in it was not given to an fsync
	fsynced   Offset // the stream up to here is on disk, as far as is known (fsynced_reploff); -1: it has no file
	pending   Offset // what the last fsync covers (fsynced_reploff_pending)
	lastSync  int64  // when that began, unix milliseconds
	base      int64  // bytes of it after the last rewrite
	before    int64  // bytes of it but for those since a rewrite began
	since     int64  // those
}

// tracksFsync says whether anybody can ask how far the file is on disk.
func (s *Server) tracksFsync() bool { return s.prof.WaitAOF && s.aof.state != aofOff }

// TellsFsync says that the node may tell its master how far its file is on disk: what an
// ACK says then hangs on when fsyncs began.
func (s *Server) TellsFsync() bool { return s.prof.WaitAOF && s.set.AppendOnly }

// HasAOF says whether it has a file.
func (s *Server) HasAOF() bool { return s.aof.state != aofOff }

// openAOF: the process starts with a file of so many bytes.
func (s *Server) openAOF(bytes int64) {
	s.aof = aof{fsynced: -1}
	if s.set.AppendOnly {
		s.aof = aof{state: aofOn, base: bytes, before: bytes}
		s.aof.lastSync = floorDiv(int64(s.cfg.Booted)+s.cfg.Wall, int64(time.Millisecond))
	}
}

// startAOF turns it on, with a rewrite (startAppendOnly): by CONFIG SET, or after a full
// sync (restartAOFAfterSYNC).
func (s *Server) startAOF() {
	a := &s.aof
	s.stopAOF()
	a.state, a.lastSync = aofWait, s.millis()
	if a.scheduled = s.child.running && !s.child.rewrite; a.scheduled {
		return
	}
	s.killRewrite()
	s.rewriteAOF()
}

// stopAOF turns it off (stopAppendOnly).
func (s *Server) stopAOF() {
	if s.aof.state == aofOff {
		return
	}
	s.aof = aof{fsynced: -1}
	s.killRewrite()
}

// killRewrite ends the child that rewrites, at once (killAppendOnlyChild).
func (s *Server) killRewrite() {
	if s.child.running && s.child.rewrite {
		s.child = child{}
		s.out = append(s.out, Output{Kind: OutKillSnapshot})
	}
}

// rewriteAOF starts the child that rewrites (rewriteAppendOnlyFileBackground). What was
// written so far goes to disk first, whatever the policy: its file is closed.
func (s *Server) rewriteAOF() {
	a := &s.aof
	a.scheduled = false
	switch a.state {
	case aofOn:
		a.pending, a.dirty, a.lastSync = s.mro, false, s.millis()
	case aofWait:
		a.pending, a.fsynced = s.mro, 0
	}
	a.before, a.since = a.before+a.since, 0
	s.child = child{running: true, rewrite: true}
	s.note(Event{Kind: EvRewriting, Offset: s.mro})
	s.out = append(s.out, Output{Kind: OutSnapshot})
}

// rewritten: the child has written a file of so many bytes (backgroundRewriteDoneHandler).
func (s *Server) rewritten(bytes int64) {
	a := &s.aof
	s.note(Event{Kind: EvRewritten, Bytes: bytes})
	if a.state == aofOff {
		return
	}
	a.before, a.base = bytes, bytes+a.since
	if a.state == aofWait {
		a.state, a.fsynced = aofOn, a.pending
	}
}

// rewriteFailed: the child was killed. A first file is tried again with the next turn; what
// is there stays.
func (s *Server) rewriteFailed() {
	s.aof.scheduled = s.aof.scheduled || s.aof.state == aofWait
}

// rewriteOrder is BGREWRITEAOF.
func (s *Server) rewriteOrder() {
	switch {
	case s.child.running && s.child.rewrite:
		s.answer("BGREWRITEAOF", "-ERR Background append only file rewriting already in progress")
	case s.child.running:
		s.aof.scheduled = true
		s.answer("BGREWRITEAOF", "+Background append only file rewriting scheduled")
	default:
		s.rewriteAOF()
		s.answer("BGREWRITEAOF", "+Background append only file rewriting started")
	}
}

// scheduledRewrite begins one that waited for another child (serverCron).
func (s *Server) scheduledRewrite() {
	if s.aof.scheduled && !s.child.running {
		s.rewriteAOF()
	}
}

// autoRewrite begins one because the file has grown (serverCron).
func (s *Server) autoRewrite() {
	if s.grownIn() == 0 && !s.child.running {
		s.rewriteAOF()
	}
}

// never64 is more bytes than anything writes.
const never64 = 1<<63 - 1

// grownIn is how many bytes the file may yet grow before it is rewritten.
func (s *Server) grownIn() int64 {
	a := &s.aof
	if a.state != aofOn || s.set.RewritePercent == 0 {
		return never64
	}
	base := max(a.base, 1)
	if s.set.RewritePercent > (never64-base)/(base/100+1) {
		return never64
	}
	grown := base + base/100*s.set.RewritePercent + (base%100*s.set.RewritePercent+99)/100
	return max(0, max(grown, s.set.RewriteMin+1)-(a.before+a.since))
}

// aofHeard: the stream grew, up to a byte, by commands that change no data and are not in
// the file. From 7.4 on all is taken to be on disk if the file is.
func (s *Server) aofHeard(upto Offset) {
	a := &s.aof
	if !s.tracksFsync() {
		return
	}
	if a.state == aofOn {
		a.fsynced = a.pending
	}
	if s.prof.FsyncIdle && s.set.Fsync != FsyncNo && !a.dirty && upto > a.pending {
		if a.pending = upto; a.state == aofOn {
			a.fsynced = upto
		}
	}
}

// aofWritten: commands of so many bytes were executed that change data; the last of them
// ends with a byte of the stream.
func (s *Server) aofWritten(bytes int64, last Offset) {
	a := &s.aof
	if a.state == aofOff {
		return
	}
	if a.since += bytes; !s.prof.WaitAOF {
		return
	}
	if a.state == aofOn {
		a.fsynced = a.pending
	}
	if s.set.Fsync != FsyncAlways {
		a.dirty = true
		return
	}
	a.pending, a.lastSync, a.dirty = max(a.pending, last), s.millis(), false
	if a.state == aofOn {
		a.fsynced = a.pending
	}
}

// aofTurn is a turn of the event loop that is looked at (flushAppendOnlyFile, beforeSleep).
func (s *Server) aofTurn() {
	a := &s.aof
	if !s.tracksFsync() {
		return
	}
	known := a.pending
	switch {
	case !a.dirty:
		s.aofHeard(s.mro)
		return
	case s.set.Fsync == FsyncAlways:
		a.pending, a.dirty, a.lastSync = s.mro, false, s.millis()
		known = a.pending
	case s.set.Fsync == FsyncEverySec && s.millis() >= s.syncDue():
		a.pending, a.dirty, a.lastSync = s.mro, false, s.millis()
	}
	if a.state == aofOn {
		a.fsynced = known
	}
}

// syncDue is the unix millisecond from which on another fsync may begin.
func (s *Server) syncDue() int64 {
	if s.prof.FsyncMillis {
		return s.aof.lastSync + 1000
	}
	return (floorDiv(s.aof.lastSync, 1000) + 1) * 1000
}

// aofDue is when a serverCron turn has something to do for the file.
func (s *Server) aofDue() Instant {
	a := &s.aof
	if a.state == aofOff && !a.scheduled {
		return Never
	}
	if !s.child.running && (a.scheduled || s.grownIn() == 0) {
		return s.now
	}
	if !s.tracksFsync() {
		return Never
	}
	switch {
	case a.state == aofOn && a.fsynced != a.pending,
		a.dirty && s.set.Fsync == FsyncAlways,
		!a.dirty && s.prof.FsyncIdle && s.set.Fsync != FsyncNo && a.pending != s.mro:
		return s.now
	case a.dirty && s.set.Fsync == FsyncEverySec:
		return s.reachesMillis(s.syncDue())
	}
	return Never
}

// AOFWake is when the node wants an InWake for the sake of what changes to come do to its
// file, or Never. Deadline leaves those out.
func (s *Server) AOFWake(f Foresight) Instant {
	a := &s.aof
	if a.state == aofOff || !s.cron.running || s.Loading() {
		return Never
	}
	at := Never
	if s.prof.WaitAOF && s.set.Fsync == FsyncEverySec && !a.dirty {
		if n := f.Changes(1); n != Never {
			at = max(n, s.reachesMillis(s.syncDue()))
		}
	}
	if left := s.grownIn(); left != never64 && left > 0 && !s.child.running {
		if n := f.Changes(max(1, left/max(1, f.Longest()))); n != Never {
			at = min(at, n)
		}
	}
	if at == Never {
		return Never
	}
	return s.cron.at(max(s.cron.next, s.cron.turnFrom(max(at, s.now))))
}

// holdsExit says that the process must not end: its first file is not written yet
// (prepareForShutdown, finishShutdown).
func (s *Server) holdsExit() bool {
	return s.aof.state == aofWait && s.child.running && s.child.rewrite
}

// RefusesToStop says that InShutdown would end in an error for that reason.
func (s *Server) RefusesToStop() bool { return s.holdsExit() }

// aofAcks is how many replicas have the stream on disk up to an offset
// (replicationCountAOFAcksByOffset).
func (s *Server) aofAcks(target Offset) (n int64) {
	for _, c := range s.clients {
		if c.state == online && c.fack >= target {
			n++
		}
	}
	return n
}

package model

import (
	"strconv"
	"strings"
	"time"
)

// What a master does for the safety of writes: it refuses them while too few
// replicas keep up (min-replicas-to-write), and lets a client wait for their ACKs
// (WAIT; facts: 7).

// minReplicas says whether min-replicas is in force.
func (s *Server) minReplicas() bool { return s.guarded }

// guard works out minReplicas, when settings are set.
func (s *Server) guard() {
	s.guarded = s.prof.PSYNC > 0 && s.set.MinReplicas > 0 && s.set.MinReplicasLag > 0
}

// enoughReplicas says whether writes are taken as far as min-replicas goes
// (checkGoodReplicasStatus). Replicas ignore it.
func (s *Server) enoughReplicas() bool {
	return !s.minReplicas() || s.up.host != "" || s.good >= s.set.MinReplicas
}

// Refuses says whether clients' writes are refused: for want of a snapshot that could be
// saved, or of good replicas.
func (s *Server) Refuses() bool { return s.refusesUnsaved() || !s.enoughReplicas() }

// Refusal is the reply to a write that is refused, "" if it would not be.
func (s *Server) Refusal() string {
	switch {
	case s.refusesUnsaved():
		return s.prof.Orders.MisConf
	case !s.enoughReplicas():
		return "-NOREPLICAS Not enough good " + s.prof.Orders.ReplicaWord + "s to write."
	}
	return ""
}

// Refused is how many writes were, for want of memory too.
func (s *Server) Refused() int64 { return s.stats.unreplicated + s.stats.unsaved + s.stats.oom }

// refuseWrites counts writes that are refused now (processCommand looks at the disk first).
func (s *Server) refuseWrites(n int64) {
	switch {
	case s.refusesUnsaved():
		s.stats.unsaved += n
	case !s.enoughReplicas():
		s.stats.unreplicated += n
	}
}

// countGood counts the replicas that are online and not behind
// (refreshGoodSlavesCount): at each replicationCron, when one comes or goes, and
// when either setting is set. In between writes go by the last count.
func (s *Server) countGood() {
	if !s.minReplicas() {
		return
	}
	before := s.enoughReplicas()
	s.good = s.goodNow()
	if after := s.enoughReplicas(); after != before {
		s.note(Event{Kind: EvWritable, Full: after, Bytes: s.good})
	}
}

func (s *Server) goodNow() (n int64) {
	for _, c := range s.clients {
		if c.state == online && s.unix()-c.ackTime <= wholeSeconds(s.set.MinReplicasLag) {
			n++
		}
	}
	return n
}

// goodDue is the next instant from which a replicationCron turn would count
// another number; Never without one.
func (s *Server) goodDue() Instant {
	if !s.minReplicas() {
		return Never
	}
	if s.goodNow() != s.good {
		return s.now
	}
	due := Never
	for _, c := range s.clients {
		if c.state == online && s.unix()-c.ackTime <= wholeSeconds(s.set.MinReplicasLag) {
			due = min(due, s.reaches(c.ackTime+wholeSeconds(s.set.MinReplicasLag)+1))
		}
	}
	return due
}

// blockedWait is a client that is blocked in WAIT.
type blockedWait struct {
	conn   ConnID // 0 is an operator
	target Offset
	want   int64
	until  int64 // unix milliseconds; 0 is for ever
	since  Instant
	aof    bool // WAITAOF: it waits for fsyncs, of this process too if local is 1
	local  int64
}

// acks is how many replicas have acknowledged an offset
// (replicationCountAcksByOffset).
func (s *Server) acks(target Offset) (n int64) {
	for _, c := range s.clients {
		if c.state == online && c.ack >= target {
			n++
		}
	}
	return n
}

// wait is WAIT: a reply, or "" when it comes later.
func (s *Server) wait(w blockedWait, timeout time.Duration) string {
	if reply := s.refusesWaitAOF(&w); reply != "" {
		return reply
	}
	if s.up.host != "" && s.prof.PSYNC == 2 && !w.aof {
		return "-ERR WAIT cannot be used with " + s.prof.Orders.ReplicaWord + " instances. Please also note that" + s.prof.Orders.WaitSince +
			" if a " + s.prof.Orders.ReplicaWord + " is configured to be writable (which is not the default) writes to " + s.prof.Orders.ReplicaWord +
			"s are just local and are not propagated."
	}
	if s.satisfied(&w) {
		return s.waitReply(&w)
	}
	w.since = s.now
	if timeout != 0 {
		w.until = s.millis() + int64(timeout/time.Millisecond)
	}
	s.blocked = append(s.blocked, w)
	s.wantAcks = true
	return ""
}

// serveWaits answers who has waited enough (processClientsWaitingReplicas,
// handleBlockedClientsTimeout). late says that time counts too.
func (s *Server) serveWaits(late bool) {
	kept := s.blocked[:0]
	for _, w := range s.blocked {
		reply := ""
		if w.aof && w.local > 0 {
			reply = s.refusesWaitAOF(&w)
		}
		switch {
		case reply != "":
		case !s.satisfied(&w) && !(late && w.until != 0 && w.until < s.millis()):
			kept = append(kept, w)
			continue
		default:
			reply = s.waitReply(&w)
		}
		s.waited(w, reply)
	}
	s.blocked = kept
}

// unblockWaits: the server is a replica now (disconnectAllBlockedClients).
func (s *Server) unblockWaits() {
	waits := s.blocked
	s.blocked = s.blocked[:0]
	for _, w := range waits {
		s.waited(w, "-UNBLOCKED force unblock from blocking operation, instance state changed (master -> "+s.prof.Orders.ReplicaWord+"?)")
		if c := s.client(w.conn); c != nil {
			s.drop(c, WhyClosed)
		}
	}
}

// waited tells a client what became of its WAIT.
func (s *Server) waited(w blockedWait, reply string) {
	if w.conn == 0 {
		s.note(Event{Kind: EvAnswered, Text: w.text(), Reply: reply, Offset: w.target, Since: w.since})
	} else if c := s.client(w.conn); c != nil {
		s.replyWait(c, reply)
		c.blocked, c.answered, s.answered = false, true, true
	}
}

// waitDue is when the next wait runs out, Never without one.
func (s *Server) waitDue() Instant {
	due := Never
	for _, w := range s.blocked {
		if w.aof && (s.satisfied(&w) || w.local > 0 && s.refusesWaitAOF(&w) != "") {
			return s.now
		}
		if w.until != 0 {
			due = min(due, s.reachesMillis(w.until+1))
		}
	}
	return due
}

func (w *blockedWait) text() string {
	if w.aof {
		return "WAITAOF " + strconv.FormatInt(w.local, 10) + " " + strconv.FormatInt(w.want, 10)
	}
	return "WAIT " + strconv.FormatInt(w.want, 10)
}

// askAcks puts a GETACK into the stream for all who began to wait since the last
// turn of the event loop; not while clients are paused.
func (s *Server) askAcks() {
	if !s.wantAcks || s.pause.kind != pauseNone && s.prof.Orders.PauseWrites {
		return
	}
	s.wantAcks = false
	s.feedGetAck()
}

func (s *Server) feedGetAck() {
	if s.up.host == "" && (s.log != nil || s.replicas() > 0) {
		s.feedOwn(getAck, true)
	}
}

// satisfied says that a wait has what it waits for.
func (s *Server) satisfied(w *blockedWait) bool {
	if w.aof {
		return s.aofAcks(w.target) >= w.want && s.localSync(w.target) >= w.local
	}
	return s.acks(w.target) >= w.want
}

// localSync is 1 if this process has its stream on disk up to an offset.
func (s *Server) localSync(target Offset) int64 {
	if s.aof.fsynced >= target {
		return 1
	}
	return 0
}

// waitReply is what a wait is answered with now. Of WAITAOF's three lines one is made.
func (s *Server) waitReply(w *blockedWait) string {
	if w.aof {
		return "*2 :" + strconv.FormatInt(s.localSync(w.target), 10) + " :" + strconv.FormatInt(s.aofAcks(w.target), 10)
	}
	return ":" + strconv.FormatInt(s.acks(w.target), 10)
}

// replyWait sends such an answer.
func (s *Server) replyWait(c *client, reply string) {
	if reply[0] == '*' {
		reply = strings.ReplaceAll(reply, " ", "\r\n")
	}
	s.reply(c, reply)
}

// refusesWaitAOF says why WAITAOF cannot be, "" if it can.
func (s *Server) refusesWaitAOF(w *blockedWait) string {
	switch {
	case !w.aof:
	case s.up.host != "":
		return "-ERR WAITAOF cannot be used with replica instances. Please also note that writes to replicas are just local and are not propagated."
	case w.local > 0 && !s.set.AppendOnly:
		return "-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled."
	}
	return ""
}

package model

import (
	"strconv"
)

// fullSync queues a replica for a snapshot (syncCommand; facts: 3.4 step 8, 4.2).
func (s *Server) fullSync(c *client, e Event) {
	e.Full = true
	s.stats.full++
	s.enlist(c)
	c.state, c.asked, c.sent = waitStart, s.unix(), false
	at := len(s.notes)
	if c.rdbChannel { // the verdict was the main channel's; see dual.go
		e = Event{Kind: EvChannelAsked, Conn: c.conn, Peer: c.peer, Text: e.Text, MRO: s.mro}
	}
	s.note(e) // its Reply is known when the snapshot begins; see setUp
	if s.prof.PSYNC == 2 && s.log == nil && s.replicas() == 1 {
		s.changeID()
		s.createBacklog()
	}
	switch {
	case s.child.running && !s.child.socket:
		if o := s.joinable(c); o != nil {
			if !c.rdbOnly {
				c.buf = append(c.buf[:0], o.buf...)
			}
			s.setUp(c, o.bufFrom-1, o)
		}
	case s.child.running:
		// Late-comers never join a transfer without disk.
	case s.set.Diskless && c.eof && !(s.prof.ForkAtOnce && s.set.DisklessDelay == 0):
		// The cron starts it after repl-diskless-sync-delay.
	default:
		s.startSave(c.rdbChannel)
	}
	if c.state != waitStart && !c.legacy {
		s.notes[at].Reply = s.fullReply(c)
	}
	if s.prof.PSYNC == 1 && s.log == nil && s.replicas() == 1 {
		// Offsets handed out before must never match again: one byte is skipped
		// (createReplicationBacklog).
		s.mro++
		s.createBacklog()
	}
}

// joinable finds the replica whose running disk snapshot the requester can
// share: one that waits for its end and offers no more than the requester.
func (s *Server) joinable(c *client) *client {
	for _, o := range s.clients {
		if o.state == waitEnd && (!o.rdbOnly || c.rdbOnly) {
			if o.rdbChannel != c.rdbChannel || (o.eof && !c.eof) || (o.psync2 && !c.psync2) || o.legacy != c.legacy && s.prof.PSYNC == 0 {
				return nil
			}
			return o
		}
	}
	return nil
}

// startSave starts the snapshot child for everyone who waits, on an rdb channel
// or not: one child does not serve both (startBgsaveForReplication).
func (s *Server) startSave(channel bool) {
	socket := s.set.Diskless && s.prof.PSYNC > 0
	n := 0
	for _, c := range s.clients {
		if c.state == waitStart && c.rdbChannel == channel {
			n++
			socket = socket && c.eof
		}
	}
	if n == 0 {
		return
	}
	off := s.mro
	if s.prof.PSYNC == 1 && s.log == nil {
		off++ // getPsyncInitialOffset
	}
	s.child = child{running: true, socket: socket, saved: s.saveInfo()}
	s.disk.forked(s.unix(), socket)
	for _, c := range s.clients {
		if c.state == waitStart && c.rdbChannel == channel {
			if channel && socket {
				s.keep(c)
			}
			s.setUp(c, off, nil)
		}
	}
	s.note(Event{Kind: EvSaving, Offset: off})
	s.out = append(s.out, Output{Kind: OutSnapshot, Socket: socket})
	if !socket {
		return
	}
	for _, c := range s.clients {
		if c.state == waitEnd {
			s.note(Event{Kind: EvSending, Conn: c.conn, Peer: c.peer})
			s.sendSnapshot(c, eofHeader, eofMarkLen)
		}
	}
}

// sendSnapshot begins a transfer: its header line, then the snapshot, then a
// trailer of so many bytes.
func (s *Server) sendSnapshot(c *client, header []byte, trailer int64) {
	if !c.rdbChannel { // there the child itself writes, and nobody counts
		s.stats.netOut += int64(len(header))
	}
	o := Output{Kind: OutSendSnapshot, Conn: c.conn, Data: header, Bytes: trailer}
	if trailer > 0 && s.childWrites(c) {
		o.Timeout = s.set.Timeout
	}
	s.out = append(s.out, o)
}

// The mark of a diskless transfer is 40 arbitrary bytes; any constant serves.
var eofHeader = []byte("$EOF:7073796e6373696d7073796e6373696d70737963\r\n")

const eofMarkLen = 40

// setUp gives a waiting replica its offset and its +FULLRESYNC line
// (replicationSetupSlaveForFullResync). like is the replica whose snapshot it
// joins.
func (s *Server) setUp(c *client, off Offset, like *client) {
	if !c.rdbOnly {
		s.readNext(c, like)
	}
	c.state, c.bufFrom = waitEnd, off+1
	c.attached, c.onAck, c.sent, c.held, c.broken = false, false, false, 0, false
	s.selected = false
	if !c.legacy {
		s.reply(c, s.fullReply(c))
	}
}

func (s *Server) fullReply(c *client) string {
	return "+FULLRESYNC " + string(s.id) + " " + strconv.FormatInt(int64(c.bufFrom-1), 10)
}

// reapChild notices the end of the snapshot child (updateSlavesWaitingBgsave).
func (s *Server) reapChild() {
	ch := s.child
	s.child = child{}
	if ch.rewrite && ch.failed {
		s.rewriteFailed()
		return
	}
	if ch.rewrite { // nobody waits for it by name: who waits is served by replicationCron
		s.rewritten(ch.bytes)
		return
	}
	if !ch.killed {
		s.note(Event{Kind: EvSaved, Bytes: ch.bytes})
		if !ch.socket {
			s.saveWorked()
		}
	} else if ch.failed && !ch.socket {
		s.saveStatus(true)
	}
	for i := len(s.clients) - 1; i >= 0; i-- {
		switch c := s.clients[i]; {
		case c.state != waitEnd || c.lost:
		case ch.failed, ch.killed && !ch.socket:
			s.drop(c, WhySaveFailed)
		case c.broken:
			s.drop(c, WhyFullSyncTimeout)
		}
	}
	out := false
	for _, c := range s.clients {
		switch {
		case c.state != waitEnd:
		case c.lost:
			c.state = snapshotOut
		case ch.socket && c.rdbOnly:
			c.state = snapshotOut
			out = true
		case ch.socket:
			c.state, c.ackTime, c.onAck = online, s.unix(), true
			s.peerDue(c)
			s.countGood()
		default:
			c.state = sendBulk
			header := "$" + strconv.FormatInt(ch.bytes, 10) + "\r\n"
			s.note(Event{Kind: EvSending, Conn: c.conn, Peer: c.peer, Bytes: ch.bytes})
			s.sendSnapshot(c, []byte(header), 0)
		}
	}
	for i := len(s.clients) - 1; i >= 0 && out; i-- {
		if c := s.clients[i]; c.state == snapshotOut && !c.over {
			s.drop(c, WhySnapshotSent)
		}
	}
	s.startPendingSaves(true)
}

// snapshotSent: the transport took the last byte of the snapshot.
func (s *Server) snapshotSent(id ConnID, bytes int64) {
	c := s.client(id)
	if c == nil {
		return
	}
	if !c.rdbChannel {
		s.stats.netOut += bytes
	}
	if c.state == waitEnd { // diskless: the child ends when every reader is served
		c.sent = true
		s.socketChildDone()
		return
	}
	if c.state != sendBulk {
		return
	}
	if c.rdbOnly {
		s.transmitted(c)
		return
	}
	c.state, c.ackTime = online, s.unix()
	s.peerDue(c)
	s.countGood()
	s.attach(c)
}

func (s *Server) socketChildDone() {
	served := false
	for _, c := range s.clients {
		if c.state == waitEnd && !c.sent && !c.lost && !c.broken {
			return
		}
		served = served || c.state == waitEnd && c.sent
	}
	s.child.ended, s.child.killed = true, s.child.killed || !served
}

// childWrites says whether the diskless child writes to a replica's socket itself
// (rdbSaveToSlavesSockets up to 5.0, and of a dual channel).
func (s *Server) childWrites(c *client) bool { return s.prof.ChildWrites || c.rdbChannel }

// held is told by the driver: a socket takes nothing more of the snapshot for now.
// A server that forwards it looks for how long (rdbPipeWriteHandler); a child that
// writes it has given up.
func (s *Server) held(in *Input) {
	c := s.client(in.Conn)
	if c == nil || c.state != waitEnd {
		return
	}
	switch {
	case in.Why != WhyNone:
		c.broken = true
		s.socketChildDone()
	case in.Abort:
		c.held = 0
	case !s.childWrites(c):
		c.held = s.unix()
	}
}

// childKilled: a child is gone, by another signal than the server's own, and serverCron
// has yet to notice. Who waited for it is then closed (updateSlavesWaitingBgsave).
func (s *Server) childKilled() {
	if s.child.running && !s.child.ended {
		s.child.ended, s.child.killed, s.child.failed = true, true, true
		s.out = append(s.out, Output{Kind: OutKillSnapshot})
	}
}

// dropUselessChild kills a disk snapshot when the last replica that waited for it
// has left, and no save point wants it either.
func (s *Server) dropUselessChild() {
	if !s.child.running || s.child.socket || s.child.rewrite || s.child.ended || !s.prof.KillUselessChild || s.set.SavePoints.Any() {
		return
	}
	for _, c := range s.clients {
		if c.state == waitEnd {
			return
		}
	}
	// It is only sent a signal (killRDBChild): its end is noticed by the next
	// serverCron turn like any other, and until then nobody gets a new snapshot.
	s.child.ended, s.child.killed = true, true
	s.out = append(s.out, Output{Kind: OutKillSnapshot})
}

// dropOwnChild kills a snapshot child because the data set becomes another one
// (readSyncBulkPayload). It is sent a signal: serverCron notices its end, after the load.
func (s *Server) dropOwnChild(socket bool) {
	if !s.child.running || s.child.rewrite || s.child.ended || socket && !s.prof.SocketEndsChild || !s.prof.LoadEndsChild {
		return
	}
	s.child.ended, s.child.killed = true, true
	s.out = append(s.out, Output{Kind: OutKillSnapshot})
}

// startPendingSaves starts a snapshot for replicas that wait. Disk: at once.
// Diskless: when the longest wait passes repl-diskless-sync-delay; versions up
// to 5.0 do not test the delay again when a child has just ended
// (shouldStartChildReplication; facts: 4.3).
func (s *Server) startPendingSaves(childEnded bool) {
	if s.child.running {
		return
	}
	var longest, waiting int64 = -1, 0
	channel := false
	for _, c := range s.clients {
		if c.state == waitStart && (waiting == 0 || c.rdbChannel == channel) {
			channel = c.rdbChannel // the first one's; who differs waits for the next child
			waiting++
			longest = max(longest, s.unix()-c.asked)
		}
	}
	if longest < 0 {
		return
	}
	delay := wholeSeconds(s.set.DisklessDelay)
	if !s.set.Diskless || longest > delay || s.prof.DelayInclusive && longest == delay ||
		s.set.DisklessMax > 0 && waiting >= s.set.DisklessMax || childEnded && !s.prof.DelayInclusive {
		s.startSave(channel)
	}
}

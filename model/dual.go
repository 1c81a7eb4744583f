package model

import "strconv"

// Dual-channel replication, the master's side (valkey 8.0; facts: 9). A replica
// that needs a full sync opens a second connection and asks there for the
// snapshot alone (SYNC). When the child forks, the master tells it the offset and
// the number of that client. With both the replica asks on its first connection for
// the stream: it flows while the snapshot is still on its way, and waits at the
// replica instead of here.

// keptSeconds is how long an rdb channel that has ended is kept for the PSYNC of
// its main channel (DEFAULT_WAIT_BEFORE_RDB_CLIENT_FREE).
const keptSeconds = 60

const dualReply = "+DUALCHANNELSYNC"

func (s *Server) dualEnabled() bool { return s.prof.DualChannel && s.set.DualChannel }

// dualFull refuses a PSYNC: the full sync goes on with an rdb channel. The
// client is no replica yet.
func (s *Server) dualFull(c *client, e Event) {
	e.Full, e.Reply = true, dualReply
	s.note(e)
	s.reply(c, e.Reply)
}

// enlist makes a client a replica: the newest of the list (listAddNodeTail).
func (s *Server) enlist(c *client) {
	for i, o := range s.clients {
		if o == c {
			s.clients = append(append(s.clients[:i], s.clients[i+1:]...), c)
			return
		}
	}
}

// keep tells an rdb channel what its snapshot will hold and makes it hold the
// history from there on, until its main channel has its stream
// (sendCurrentOffsetToReplica, addRdbReplicaToPsyncWait).
func (s *Server) keep(c *client) {
	line := "$ENDOFF:" + strconv.FormatInt(int64(s.mro), 10) + " " + string(s.id) + " 0 " + strconv.FormatInt(c.number, 10)
	s.reply(c, line)
	s.note(Event{Kind: EvChannel, Conn: c.conn, Peer: c.peer, Text: "SYNC", Reply: line, ID: s.id, Offset: s.mro})
	if s.log == nil {
		s.createBacklog()
	}
	s.readFrom(c, s.mro+1)
	c.kept = true
}

// keptClient is the rdb channel with this client number that waits for its main
// one (lookupRdbClientByID).
func (s *Server) keptClient(number int64) *client {
	for _, c := range s.clients {
		if c.kept && c.number == number && number > 0 {
			return c
		}
	}
	return nil
}

// waitingPSYNC is INFO's replicas_waiting_psync.
func (s *Server) waitingPSYNC() (n int64) {
	for _, c := range s.clients {
		if c.kept {
			n++
		}
	}
	return n
}

// paired: the main channel has its place in the history, so the rdb channel need
// not hold it any more (removeReplicaFromPsyncWait).
func (s *Server) paired(rdb *client) {
	if rdb.reads && s.blocks != nil {
		s.blocks.Leave(rdb.reader)
	}
	rdb.reads = false
	s.release(rdb)
}

// release ends the protection of an rdb channel; one that was to be closed is.
func (s *Server) release(c *client) {
	c.kept = false
	if c.over {
		s.drop(c, c.closeWhy)
	}
}

// postpone is the end of a protected rdb channel: it goes when its main channel
// has its stream, or when the grace is over (freeClientsInAsyncFreeQueue). lost says that
// the connection is gone already.
func (s *Server) postpone(c *client, why Why, lost bool) {
	c.lost = c.lost || lost
	if !c.over {
		c.over, c.overAt, c.closeWhy = true, s.unix(), why
		s.note(Event{Kind: EvKept, Conn: c.conn, Peer: c.peer, Why: why})
	}
	if lost && s.child.running && s.child.socket {
		s.socketChildDone()
	}
}

// dropKept frees the rdb channels whose main channel did not ask in time.
func (s *Server) dropKept() {
	for i := len(s.clients) - 1; i >= 0; i-- {
		if c := s.clients[i]; c.kept && c.over && s.unix()-c.overAt > keptSeconds {
			c.closeWhy = WhyTimeout
			s.release(c)
		}
	}
}

// transmitted: a client that wanted the snapshot alone has it, and is closed
// (replicaPutOnline).
func (s *Server) transmitted(c *client) {
	c.state = snapshotOut
	s.drop(c, WhySnapshotSent)
}

// replconfDual handles the options of REPLCONF that dual-channel replication
// and clients that want a snapshot alone have. done is false for any other; fault is
// the refusal.
func (s *Server) replconfDual(c *client, name, value []byte) (done bool, fault string) {
	bit := func(set func(on bool)) (bool, string) {
		n, ok := ParseInt(value)
		switch {
		case !ok:
			return true, "-ERR value is not an integer or out of range"
		case n < 0 || n > 1:
			return true, "-ERR value is out of range, value must between 0 and 1"
		}
		set(n == 1)
		return true, ""
	}
	switch {
	case is(name, "rdb-only") && s.prof.RDBOnly:
		return bit(func(on bool) { c.rdbOnly = on })
	case is(name, "rdb-channel") && s.prof.DualChannel:
		return bit(func(on bool) { c.rdbChannel = on })
	case is(name, "version") && s.prof.SaysVersion:
		if !isVersion(value) {
			return true, "-ERR Unrecognized version format: " + string(value)
		}
		return true, ""
	case is(name, "set-rdb-client-id") && s.prof.DualChannel:
		n, ok := ParseInt(value)
		if !ok {
			return true, "-ERR value is not an integer or out of range"
		}
		if s.keptClient(n) == nil {
			return true, "-ERR Unrecognized RDB client id " + strconv.FormatInt(n, 10)
		}
		c.pairs = n
		return true, ""
	}
	return false, ""
}

// isVersion says whether text is three numbers below 256 with two dots between
// them, any of which may have no digit (version2num).
func isVersion(text []byte) bool {
	dots, part := 0, 0
	for _, b := range text {
		switch {
		case b >= '0' && b <= '9':
			if part = part*10 + int(b-'0'); part > 255 {
				return false
			}
		case b == '.':
			dots, part = dots+1, 0
		default:
			return false
		}
	}
	return dots == 2
}

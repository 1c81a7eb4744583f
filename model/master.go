package model

import (
	"strconv"
	"strings"
)

// peerState is where a replica stands on its master (SLAVE_STATE_*).
type peerState uint8

const (
	notReplica  peerState = iota
	waitStart             // WAIT_BGSAVE_START: wants a snapshot that has not begun
	waitEnd               // WAIT_BGSAVE_END: its snapshot is being made
	sendBulk              // SEND_BULK: the snapshot file is on its way
	online                // ONLINE: streams, or will with the first ACK
	bgLoad                // BG_RDB_LOAD: streams, while it still loads its snapshot
	snapshotOut           // RDB_TRANSMITTED: wanted the snapshot alone, and has it
)

// client is one accepted connection; a replica once it asked for a sync.
type client struct {
	conn     ConnID
	peer     string
	in       CommandReader
	state    peerState
	eof      bool // capa eof
	psync2   bool // capa psync2
	dual     bool // capa dual-channel, and we have it too
	rdbOnly  bool // wants the snapshot alone
	legacy   bool // came with SYNC: sends no ACK, is never timed out
	attached bool // the stream flows on its connection
	onAck    bool // diskless: the stream starts with the first ACK
	sent     bool // diskless: its payload is out
	closing  bool
	blocked  bool   // in WAIT: its next commands wait with it
	authed   bool   // needs no AUTH any more
	answered bool   // it is no longer, and they may be taken
	port     int64  // REPLCONF listening-port
	wrote    Offset // MRO behind its last command: what its WAIT is about
	asked    int64  // unix second of its PSYNC
	ackTime  int64  // unix second of its last ACK or newline
	ack      Offset
	fack     Offset // what of the stream it has on disk (REPLCONF ACK … FACK)
	// bufFrom is the first stream byte that waits in its output buffer; the
	// buffer is [bufFrom, mro] while it buffers. buf holds it in bytes mode.
	bufFrom Offset
	buf     []byte
	// flowFrom is the first stream byte that went out on its connection.
	flowFrom Offset
	// stall is the first byte that the transport does not take, 0 while it takes
	// all: the link is dead or slow, and the socket's buffer is full.
	stall Offset
	// held is the unix second since which its socket takes nothing of a diskless snapshot
	// (repl_last_partial_write), 0 while it does; broken: the child has given it up.
	held      int64
	broken    bool
	softSince int64 // unix second since which the soft limit is passed; 0 is not
	softMRO   Offset
	closeWhy  Why     // with closing: the next serverCron turn closes it
	closeFrom Instant // with closing: no turn before this one does
	reader    ReaderID
	reads     bool // reader is its place in the shared blocks (>= 7.0)

	// Dual-channel replication; see dual.go.
	number     int64 // the client's own number
	rdbChannel bool  // the second connection of a replica
	pairs      int64 // number of the rdb channel that belongs to this main one
	kept       bool  // an rdb channel that holds the history for its main one
	over       bool  // kept, and to be closed when it is kept no more
	lost       bool  // its connection is gone already
	assured    bool  // see Assure
	overAt     int64 // unix second since which it is over
}

// streams says whether the stream is the client's, once it is attached.
func (c *client) streams() bool { return c.state == online || c.state == bgLoad }

// dialable is by which name a replica can be dialed: its own in a simulation, else
// the address from which it came and the port that it told.
func (c *client) dialable() string {
	if i := strings.LastIndexByte(c.peer, ':'); i >= 0 {
		return c.peer[:i+1] + strconv.FormatInt(c.port, 10)
	}
	return c.peer
}

// buffers says whether the stream collects in the client's output buffer: from
// the set-up of its full sync until its stream starts (facts: 4.1).
func (c *client) buffers() bool {
	return (c.state == waitEnd || c.state == sendBulk || c.state == online) && !c.attached && !c.rdbOnly
}

func (s *Server) replicas() int {
	n := 0
	for _, c := range s.clients {
		if c.state != notReplica {
			n++
		}
	}
	return n
}

func (s *Server) client(id ConnID) *client {
	for _, c := range s.clients {
		if c.conn == id {
			return c
		}
	}
	return nil
}

func (s *Server) accept(id ConnID, peer string) {
	var c *client
	if n := len(s.dead); n > 0 {
		c, s.dead = s.dead[n-1], s.dead[:n-1]
		buf, in := c.buf[:0], c.in
		*c = client{buf: buf, in: in}
	} else {
		c = &client{}
	}
	s.numbers++
	c.conn, c.peer, c.number, c.authed = id, peer, s.numbers, s.set.RequirePass == ""
	s.clients = append(s.clients, c)
}

func (s *Server) recycle(c *client) {
	c.in.Reset()
	s.dead = append(s.dead, c)
}

func (s *Server) clientDown(id ConnID, why Why) {
	switch c := s.client(id); {
	case c == nil:
	case c.kept:
		s.postpone(c, why, true)
	default:
		s.freeClient(c, why)
	}
}

// drop closes a connection from our side.
func (s *Server) drop(c *client, why Why) {
	if c.kept {
		s.postpone(c, why, false)
		return
	}
	if !c.lost {
		s.hangup(c.conn, why)
	}
	s.freeClient(c, why)
}

// freeClient forgets a connection (freeClient; facts: 4.6 for the child).
func (s *Server) freeClient(c *client, why Why) {
	was := c.state
	s.stats.netOut += s.flowed(c)
	s.unread(c)
	for i := range s.clients {
		if s.clients[i] == c {
			s.clients = append(s.clients[:i], s.clients[i+1:]...)
			break
		}
	}
	if was != notReplica {
		s.note(Event{Kind: EvPeerGone, Conn: c.conn, Peer: c.peer, Why: why, Offset: c.ack})
		if s.replicas() == 0 {
			s.noReplicasSince = s.unix()
		}
		s.countGood()
		if was == waitEnd {
			s.dropUselessChild()
		}
		if s.child.running && s.child.socket {
			s.socketChildDone()
		}
	}
	s.recycle(c)
}

// dropReplicas closes every replica: they must follow this node into a new
// history (disconnectSlaves).
func (s *Server) dropReplicas(why Why) {
	for i := len(s.clients) - 1; i >= 0; i-- {
		if i < len(s.clients) && s.clients[i].state != notReplica {
			s.drop(s.clients[i], why)
		}
	}
}

// psync decides a PSYNC (syncCommand, masterTryPartialResynchronization).
func (s *Server) psync(c *client, args [][]byte) {
	if s.failingOver(c) {
		return
	}
	if s.up.host != "" && s.up.state != upConnected {
		s.reply(c, s.prof.LinkDownWord+" Can't SYNC while not connected with my master")
		return
	}
	id := args[1]
	p, number := s.number(args[2])
	if !number && s.prof.BadOffsetError {
		s.reply(c, "-ERR value is not an integer or out of range")
		return
	}
	if !number && s.prof.PSYNC == 1 { // it looks at the offset only if the id is right
		why := s.refuses(id, 0)
		number = why == WhyIDMismatch || why == WhyFirstSync
	}
	e := Event{Kind: EvJudged, Conn: c.conn, Peer: c.peer, Offset: Offset(p), MRO: s.mro}
	e.Text = "PSYNC " + string(id) + " " + string(args[2])
	for _, a := range args[3:] {
		e.Text += " " + string(a)
	}
	e.First, e.Hist = s.History()
	e.Why = WhyBadOffset
	if number {
		e.Why = s.refuses(id, Offset(p))
	}
	if e.Why != WhyIDMismatch && e.Why != WhyFirstSync && e.Why != WhyBadOffset {
		e.Gap = max(0, int64(s.mro)+1-p)
	}
	if e.Why == WhyNone {
		s.stats.partialOK++
		rdb := s.keptClient(c.pairs)
		if rdb != nil {
			e.Kind = EvStreamed // a part of a full sync: no verdict of its own
		}
		e.Reply = "+CONTINUE"
		if s.prof.PSYNC == 2 && c.psync2 {
			e.Reply += " " + string(s.id)
		}
		s.note(e)
		s.reply(c, e.Reply)
		s.enlist(c)
		c.ackTime, c.bufFrom = s.unix(), Offset(p)
		if c.state = online; rdb != nil {
			c.state = bgLoad
		} else {
			s.peerDue(c)
		}
		s.countGood()
		if s.copyTooLarge(Offset(p)) && !s.overAtOnce(c) {
			return
		}
		s.attachAt(c, Offset(p))
		if rdb != nil {
			s.paired(rdb)
		}
		return
	}
	if len(id) == 0 || id[0] != '?' {
		s.stats.partialErr++
	}
	if c.dual {
		s.dualFull(c, e)
		return
	}
	running := s.child.running && !s.child.socket
	s.fullSync(c, e)
	if joined := running && c.state != waitStart; !number && !joined {
		// <= 5.0 answers with the error too, behind the line that it wrote at once. Of
		// one that joins a running snapshot the output is replaced by that of the
		// replica that it joins (copyClientOutputBuffer).
		s.reply(c, "-ERR value is not an integer or out of range")
	}
}

// refuses is the acceptance predicate (facts: 2.7): WhyNone accepts the request
// for byte p of history id.
func (s *Server) refuses(id []byte, p Offset) Why {
	if !is(id, string(s.id)) {
		second := s.prof.PSYNC == 2 && is(id, string(s.id2))
		switch {
		case second && p <= s.second:
		case second && s.id2 != ZeroID:
			return WhySecondOffset
		case len(id) > 0 && id[0] == '?':
			return WhyFirstSync
		default:
			return WhyIDMismatch
		}
	}
	switch {
	case s.log == nil:
		return WhyBacklogAbsent
	case p < s.log.First():
		return WhyBelowBacklog
	case p > s.log.Next() || s.prof.EndBySize && p >= s.log.First()+Offset(s.set.BacklogSize):
		return WhyAheadOfMaster
	}
	return WhyNone
}

// failingOver refuses whoever would follow a server that hands its role over.
func (s *Server) failingOver(c *client) bool {
	if s.failover.state == failoverNone {
		return false
	}
	s.reply(c, "-NOMASTERLINK Can't SYNC while failing over")
	return true
}

// sync serves a plain SYNC: a full sync without a +FULLRESYNC line.
func (s *Server) sync(c *client) {
	if s.failingOver(c) {
		return
	}
	if s.up.host != "" && s.up.state != upConnected {
		s.reply(c, s.prof.LinkDownWord+" Can't SYNC while not connected with my master")
		return
	}
	c.legacy = true
	e := Event{Kind: EvJudged, Conn: c.conn, Peer: c.peer, Text: "SYNC", Why: WhyNoPSYNC, MRO: s.mro}
	e.First, e.Hist = s.History()
	s.fullSync(c, e)
}

// attach lets the stream flow: first what waited in the output buffer.
func (s *Server) attach(c *client) {
	ch, had := Chunk{From: c.bufFrom, To: s.mro + 1, Bound: s.mro + 1}, len(s.lent)
	switch {
	case !s.cfg.Bytes:
	case s.blocks != nil:
		s.lent = s.blocks.Parts(s.lent, ch.From)
	default:
		s.lent = append(s.lent, Chunk{From: ch.From, To: ch.To, Data: append([]byte{}, c.buf...)})
		c.buf = c.buf[:0]
	}
	s.flow(c, ch, had)
}

// attachAt lets the stream flow from a byte of the backlog on.
func (s *Server) attachAt(c *client, p Offset) {
	ch, ok := s.log.From(p)
	if !ok {
		panic("model: accepted a byte that the backlog does not hold")
	}
	s.readFrom(c, p)
	had := len(s.lent)
	if s.cfg.Bytes {
		s.lent = s.log.Parts(s.lent, p)
	}
	s.flow(c, ch, had)
}

// flow attaches a replica's connection with a piece of the stream, whose bytes, if it has
// them, are what is lent behind the first `had` chunks: all of them.
func (s *Server) flow(c *client, ch Chunk, had int) {
	held := s.lent[had:len(s.lent):len(s.lent)]
	for i, at := 0, ch.From; s.cfg.Bytes && at < ch.To; i++ {
		if i == len(held) || held[i].From != at || int64(len(held[i].Data)) != held[i].Bytes() {
			panic("model: backlog without all of its bytes")
		}
		if at = held[i].To; held[i].Page != nil {
			held[i].Page.Hold()
		}
	}
	c.attached, c.flowFrom = true, ch.From
	s.out = append(s.out, Output{Kind: OutAttach, Conn: c.conn, Chunk: ch, Held: held})
	s.note(Event{Kind: EvPeerOnline, Conn: c.conn, Peer: c.peer, Offset: ch.From, Bytes: ch.Bytes()})
}

// flowed is how many stream bytes the transport took for a replica.
func (s *Server) flowed(c *client) int64 {
	if !c.attached {
		return 0
	}
	return max(0, int64(s.waits(c)-c.flowFrom))
}

// takeBack ends what the last step lent.
func (s *Server) takeBack() {
	for i := range s.lent {
		if p := s.lent[i].Page; p != nil {
			p.Release()
		}
	}
	clear(s.lent)
	s.lent = s.lent[:0]
}

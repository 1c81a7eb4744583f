package model

import (
	"strconv"
)

// peerState is where a replica stands on its master (SLAVE_STATE_*).
type peerState uint8

const (
	notReplica peerState = iota
	waitStart            // WAIT_BGSAVE_START: wants a snapshot that has not begun
	waitEnd              // WAIT_BGSAVE_END: its snapshot is being made
	sendBulk             // SEND_BULK: the snapshot file is on its way
	online               // ONLINE: streams, or will with the first ACK
)

// client is one accepted connection; a replica once it asked for a sync.
type client struct {
	conn     ConnID
	peer     string
	in       CommandReader
	state    peerState
	eof      bool // capa eof
	psync2   bool // capa psync2
	legacy   bool // came with SYNC: sends no ACK, is never timed out
	attached bool // the stream flows on its connection
	onAck    bool // diskless: the stream starts with the first ACK
	sent     bool // diskless: its payload is out
	closing  bool
	asked    int64 // unix second of its PSYNC
	ackTime  int64 // unix second of its last ACK or newline
	ack      Offset
	// bufFrom is the first stream byte that waits in its output buffer; the
	// buffer is [bufFrom, mro] while it buffers. buf holds it in bytes mode.
	bufFrom Offset
	buf     []byte
	// stall is the first byte that the transport does not take, 0 while it takes
	// all: the link is dead or slow, and the socket's buffer is full.
	stall     Offset
	softSince int64 // unix second since which the soft limit is passed; 0 is not
	softMRO   Offset
	closeWhy  Why // with closing: the next serverCron turn closes it
	reader    ReaderID
	reads     bool // reader is its place in the shared blocks (>= 7.0)
}

// buffers says whether the stream collects in the client's output buffer: from
// the set-up of its full sync until its stream starts (facts: 4.1).
func (c *client) buffers() bool {
	return (c.state == waitEnd || c.state == sendBulk || c.state == online) && !c.attached
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
	c.conn, c.peer = id, peer
	s.clients = append(s.clients, c)
}

func (s *Server) recycle(c *client) {
	c.in.Reset()
	s.dead = append(s.dead, c)
}

func (s *Server) clientDown(id ConnID, why Why) {
	if c := s.client(id); c != nil {
		s.freeClient(c, why)
	}
}

// drop closes a connection from our side.
func (s *Server) drop(c *client, why Why) {
	s.hangup(c.conn, why)
	s.freeClient(c, why)
}

// freeClient forgets a connection (freeClient; facts: 4.6 for the child).
func (s *Server) freeClient(c *client, why Why) {
	wasReplica := c.state != notReplica
	s.unread(c)
	for i := range s.clients {
		if s.clients[i] == c {
			s.clients = append(s.clients[:i], s.clients[i+1:]...)
			break
		}
	}
	if wasReplica {
		s.note(Event{Kind: EvPeerGone, Conn: c.conn, Peer: c.peer, Why: why, Offset: c.ack})
		if s.replicas() == 0 {
			s.noReplicasSince = s.unix()
		}
		s.dropUselessChild()
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

// clientData reads commands of an accepted connection.
func (s *Server) clientData(id ConnID, data []byte) {
	c := s.client(id)
	if c == nil {
		return // closed by us a moment ago
	}
	c.in.Feed(data)
	for {
		args, _, ok, err := c.in.Next()
		if err != nil {
			s.send(id, []byte("-ERR "+err.Error()+"\r\n"))
			s.drop(c, WhyError)
			return
		}
		if !ok {
			return
		}
		if len(args) == 0 {
			// A newline of a loading replica keeps it from being timed out.
			if c.state != notReplica {
				c.ackTime = s.unix()
			}
			continue
		}
		s.command(c, args)
		if s.client(id) == nil {
			return
		}
	}
}

func (s *Server) reply(c *client, line string) { s.send(c.conn, []byte(line+"\r\n")) }

func (s *Server) command(c *client, args [][]byte) {
	switch {
	case is(args[0], "REPLCONF"):
		s.replconf(c, args)
	case c.state != notReplica:
		// A replica's link carries nothing else; a second PSYNC is ignored silently.
	case is(args[0], "PING"):
		s.pinged(c, args)
	case is(args[0], "PSYNC") && s.prof.PSYNC > 0:
		if len(args) < 3 || len(args) > 3 && !s.prof.Failover {
			s.reply(c, "-ERR wrong number of arguments for 'psync' command")
			return
		}
		if len(args) > 3 && is(args[3], "FAILOVER") && !s.tookOver(c, args[1]) {
			return
		}
		s.psync(c, args)
	case is(args[0], "SYNC"):
		if len(args) != 1 {
			s.reply(c, "-ERR wrong number of arguments for 'sync' command")
			return
		}
		s.sync(c)
	default:
		s.reply(c, s.unknown(args))
	}
}

func (s *Server) pinged(c *client, args [][]byte) {
	switch len(args) {
	case 1:
		s.reply(c, "+PONG")
	case 2:
		s.reply(c, "$"+strconv.Itoa(len(args[1]))+"\r\n"+string(args[1]))
	default:
		s.reply(c, "-ERR wrong number of arguments for 'ping' command")
	}
}

// unknown is the refusal of a command that nobody knows (processCommand). From
// 5.0 on it shows the beginning of the arguments: at most about 128 bytes.
func (s *Server) unknown(args [][]byte) string {
	q := s.prof.ArgsQuote
	if q == "" {
		return "-ERR unknown command '" + string(args[0]) + "'"
	}
	var shown []byte
	for _, a := range args[1:] {
		if len(shown) >= 128 {
			break
		}
		shown = append(shown, q...)
		shown = append(shown, a[:min(len(a), 128-len(shown)+len(q))]...)
		shown = append(shown, q...)
		if q == "`" {
			shown = append(shown, ',')
		}
		shown = append(shown, ' ')
	}
	name := args[0]
	if q == "'" {
		name = name[:min(len(name), 128)]
	}
	line := []byte("-ERR unknown command " + q + string(name) + q + ", with args beginning with: " + string(shown))
	for i, b := range line { // a reply is one line (addReplyErrorFormat)
		if b == '\r' || b == '\n' {
			line[i] = ' '
		}
	}
	return string(line)
}

// tookOver handles PSYNC … FAILOVER: the master that asks hands its history over,
// and the replica that has it becomes the master (facts: 3.9).
func (s *Server) tookOver(c *client, id []byte) bool {
	if s.up.host == "" {
		s.reply(c, "-ERR PSYNC FAILOVER can't be sent to a master.")
		return false
	}
	if !is(id, string(s.id)) {
		s.reply(c, "-ERR PSYNC FAILOVER replid must match my replid.")
		return false
	}
	s.promote()
	return true
}

// is compares a word without case.
func is(b []byte, word string) bool { return len(b) == len(word) && foldPrefix(b, word) }

// foldPrefix says whether b begins with word, without case.
func foldPrefix(b []byte, word string) bool {
	if len(b) < len(word) {
		return false
	}
	for i := range len(word) {
		if lower(b[i]) != lower(word[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// replconf handles REPLCONF of every version (facts: 3.8).
func (s *Server) replconf(c *client, args [][]byte) {
	if len(args)%2 == 0 {
		s.reply(c, "-ERR syntax error")
		return
	}
	for i := 1; i < len(args); i += 2 {
		name, value := args[i], args[i+1]
		switch {
		case is(name, "listening-port"):
			if _, ok := ParseInt(value); !ok {
				s.reply(c, "-ERR value is not an integer or out of range")
				return
			}
		case is(name, "ip-address") && s.prof.PSYNC > 0:
		case is(name, "capa") && s.prof.CapaEOF:
			if is(value, "eof") {
				c.eof = true
			} else if is(value, "psync2") && s.prof.CapaPSYNC2 {
				c.psync2 = true
			}
		case is(name, "ack") && s.prof.PSYNC > 0:
			s.acked(c, value)
			return // an ACK is never answered
		case is(name, "getack") && s.prof.GetAck: // nor is this
			if s.up.state == upConnected {
				s.sendAck()
			}
			return
		default:
			s.reply(c, "-ERR Unrecognized REPLCONF option: "+string(name))
			return
		}
	}
	s.reply(c, "+OK")
}

func (s *Server) acked(c *client, value []byte) {
	if c.state == notReplica {
		return
	}
	off, ok := ParseInt(value)
	if !ok {
		return
	}
	c.ack = max(c.ack, Offset(off))
	c.ackTime = s.unix()
	if c.state == waitEnd && s.child.ended && s.prof.AckAfterEOFLoad {
		s.reapChild() // it can only have loaded what the child has sent (checkChildrenDone)
	}
	if c.onAck && c.state == online {
		c.onAck = false
		s.attach(c)
	}
}

// psync decides a PSYNC (syncCommand, masterTryPartialResynchronization).
func (s *Server) psync(c *client, args [][]byte) {
	if s.up.host != "" && s.up.state != upConnected {
		s.reply(c, s.prof.LinkDownWord+" Can't SYNC while not connected with my master")
		return
	}
	id := args[1]
	p, number := ParseInt(args[2])
	if !number && s.prof.BadOffsetError {
		s.reply(c, "-ERR value is not an integer or out of range")
		return
	}
	e := Event{Kind: EvJudged, Conn: c.conn, Peer: c.peer, Offset: Offset(p), MRO: s.mro}
	e.Text = "PSYNC " + string(id) + " " + string(args[2])
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
		e.Reply = "+CONTINUE"
		if s.prof.PSYNC == 2 && c.psync2 {
			e.Reply += " " + string(s.id)
		}
		s.note(e)
		s.reply(c, e.Reply)
		c.state, c.ackTime, c.bufFrom = online, s.unix(), Offset(p)
		s.peerDue(c)
		if s.copyTooLarge(Offset(p)) {
			s.drop(c, WhyHardLimit)
			return
		}
		s.attachAt(c, Offset(p))
		return
	}
	if len(id) == 0 || id[0] != '?' {
		s.stats.partialErr++
	}
	s.fullSync(c, e)
	if !number {
		// <= 5.0 answers with the error too, behind the line that it wrote at once.
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
	case p > s.log.Next():
		return WhyAheadOfMaster
	}
	return WhyNone
}

// sync serves a plain SYNC: a full sync without a +FULLRESYNC line.
func (s *Server) sync(c *client) {
	if s.up.host != "" && s.up.state != upConnected {
		s.reply(c, s.prof.LinkDownWord+" Can't SYNC while not connected with my master")
		return
	}
	c.legacy = true
	e := Event{Kind: EvJudged, Conn: c.conn, Peer: c.peer, Text: "SYNC", Why: WhyNoPSYNC, MRO: s.mro}
	e.First, e.Hist = s.History()
	s.fullSync(c, e)
}

// fullSync queues a replica for a snapshot (syncCommand; facts: 3.4 step 8, 4.2).
func (s *Server) fullSync(c *client, e Event) {
	e.Full = true
	s.stats.full++
	c.state, c.asked, c.sent = waitStart, s.unix(), false
	at := len(s.notes)
	s.note(e) // its Reply is known when the snapshot begins; see setUp
	if s.prof.PSYNC == 2 && s.log == nil && s.replicas() == 1 {
		s.changeID()
		s.createBacklog()
	}
	switch {
	case s.child.running && !s.child.socket:
		if o := s.joinable(c); o != nil {
			c.buf = append(c.buf[:0], o.buf...)
			s.setUp(c, o.bufFrom-1, o)
		}
	case s.child.running:
		// Late-comers never join a transfer without disk.
	case s.set.Diskless && c.eof && !(s.prof.ForkAtOnce && s.set.DisklessDelay == 0):
		// The cron starts it after repl-diskless-sync-delay.
	default:
		s.startSave()
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
		if o.state == waitEnd {
			if (o.eof && !c.eof) || (o.psync2 && !c.psync2) || o.legacy != c.legacy && s.prof.PSYNC == 0 {
				return nil
			}
			return o
		}
	}
	return nil
}

// startSave starts the snapshot child for everyone who waits
// (startBgsaveForReplication).
func (s *Server) startSave() {
	socket := s.set.Diskless && s.prof.PSYNC > 0
	n := 0
	for _, c := range s.clients {
		if c.state == waitStart {
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
	s.child = child{running: true, socket: socket}
	for _, c := range s.clients {
		if c.state == waitStart {
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
			s.out = append(s.out, Output{Kind: OutSendSnapshot, Conn: c.conn, Data: eofHeader, Bytes: eofMarkLen})
		}
	}
}

// The mark of a diskless transfer is 40 arbitrary bytes; any constant serves.
var eofHeader = []byte("$EOF:7073796e6373696d7073796e6373696d70737963\r\n")

const eofMarkLen = 40

// setUp gives a waiting replica its offset and its +FULLRESYNC line
// (replicationSetupSlaveForFullResync). like is the replica whose snapshot it
// joins.
func (s *Server) setUp(c *client, off Offset, like *client) {
	s.readNext(c, like)
	c.state, c.bufFrom = waitEnd, off+1
	c.attached, c.onAck, c.sent = false, false, false
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
	if !ch.killed {
		s.note(Event{Kind: EvSaved, Bytes: ch.bytes})
	}
	for _, c := range s.clients {
		switch {
		case c.state != waitEnd:
		case ch.socket:
			c.state, c.ackTime, c.onAck = online, s.unix(), true
			s.peerDue(c)
		default:
			c.state = sendBulk
			header := "$" + strconv.FormatInt(ch.bytes, 10) + "\r\n"
			s.note(Event{Kind: EvSending, Conn: c.conn, Peer: c.peer, Bytes: ch.bytes})
			s.out = append(s.out, Output{Kind: OutSendSnapshot, Conn: c.conn, Data: []byte(header)})
		}
	}
	s.startPendingSaves(true)
}

// snapshotSent: the transport took the last byte of the snapshot.
func (s *Server) snapshotSent(id ConnID) {
	c := s.client(id)
	if c == nil {
		return
	}
	if c.state == waitEnd { // diskless: the child ends when every reader is served
		c.sent = true
		s.socketChildDone()
		return
	}
	if c.state != sendBulk {
		return
	}
	c.state, c.ackTime = online, s.unix()
	s.peerDue(c)
	s.attach(c)
}

func (s *Server) socketChildDone() {
	for _, c := range s.clients {
		if c.state == waitEnd && !c.sent {
			return
		}
	}
	s.child.ended = true
}

// dropUselessChild kills a disk snapshot that nobody waits for, when no save
// point wants it either.
func (s *Server) dropUselessChild() {
	if !s.child.running || s.child.socket || s.child.ended || !s.prof.KillUselessChild || s.set.SavePoints {
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

// attach lets the stream flow: first what waited in the output buffer.
func (s *Server) attach(c *client) {
	ch := Chunk{From: c.bufFrom, To: s.mro + 1, Bound: s.mro + 1}
	switch {
	case !s.cfg.Bytes:
	case s.blocks != nil:
		ch.Data = make([]byte, ch.Bytes())
		s.blocks.Read(ch.From, ch.Data)
	default:
		ch.Data = append([]byte{}, c.buf...)
		c.buf = c.buf[:0]
	}
	s.flow(c, ch)
}

// attachAt lets the stream flow from a byte of the backlog on.
func (s *Server) attachAt(c *client, p Offset) {
	ch, ok := s.log.From(p)
	if !ok {
		panic("model: accepted a byte that the backlog does not hold")
	}
	s.readFrom(c, p)
	s.flow(c, ch)
}

func (s *Server) flow(c *client, ch Chunk) {
	c.attached = true
	s.out = append(s.out, Output{Kind: OutAttach, Conn: c.conn, Chunk: ch})
	s.note(Event{Kind: EvPeerOnline, Conn: c.conn, Peer: c.peer, Offset: ch.From, Bytes: ch.Bytes()})
}

// peerDue notes that a replica went online: it can time out a timeout from now.
func (s *Server) peerDue(c *client) {
	due := c.ackTime + wholeSeconds(s.set.Timeout) + 1
	if s.cron.peerDue == 0 || due < s.cron.peerDue {
		s.cron.peerDue = due
	}
}

// masterCron is replicationCron's part for replicas: newlines to those who
// wait, and the end of those who are silent (facts: 5.1 steps 8 and 9).
func (s *Server) masterCron() {
	for _, c := range s.clients {
		if c.state == waitStart || c.state == waitEnd && !s.child.socket {
			s.send(c.conn, newline)
		}
	}
	if !s.prof.MasterTimesOut || s.unix() < s.cron.peerDue {
		return
	}
	limit := wholeSeconds(s.set.Timeout)
	s.cron.peerDue = 0
	for i := len(s.clients) - 1; i >= 0; i-- {
		c := s.clients[i]
		if c.state != online || c.legacy {
			continue
		}
		if s.unix()-c.ackTime > limit {
			s.drop(c, WhyTimeout)
		} else {
			s.peerDue(c)
		}
	}
	if s.cron.peerDue == 0 {
		s.cron.peerDue = s.unix() + limit + 1
	}
}

// startPendingSaves starts a snapshot for replicas that wait. Disk: at once.
// Diskless: when the longest wait passes repl-diskless-sync-delay; versions up
// to 5.0 do not test the delay again when a child has just ended
// (shouldStartChildReplication; facts: 4.3).
func (s *Server) startPendingSaves(childEnded bool) {
	if s.child.running {
		return
	}
	var longest int64 = -1
	for _, c := range s.clients {
		if c.state == waitStart {
			longest = max(longest, s.unix()-c.asked)
		}
	}
	if longest < 0 {
		return
	}
	delay := wholeSeconds(s.set.DisklessDelay)
	if !s.set.Diskless || longest > delay || s.prof.DelayInclusive && longest == delay ||
		childEnded && !s.prof.DelayInclusive {
		s.startSave()
	}
}

package model

import "strconv"

// upState is where the link to the master stands (REPL_STATE_*).
type upState uint8

const (
	upNone       upState = iota
	upConnect            // must connect
	upConnecting         // a connect is under way
	upPing               // waits for the answer to PING
	upConf               // waits for the answers to REPLCONF
	upAsked              // PSYNC or SYNC is out
	upHeader             // waits for the line before the snapshot
	upBulk               // the snapshot arrives
	upLoading            // it is loaded
	upConnected          // follows the stream
)

// upstream is the reading side: the link to the master.
type upstream struct {
	host  string // the master's name; "" for a master
	state upState
	conn  ConnID
	dials ConnID // numbers the connections that this node dials

	in   LineReader
	step int // sequential handshake: which REPLCONF is out; pipelined: answers to come

	lastIO   int64   // unix second of the last byte from the master, or of the connect
	lastByte Instant // when the last stream byte was heard
	// newlineAt is when the last newline went to the master while loading.
	newlineAt Instant
	frozeAt   Instant // loading: since when no cron turn ran

	// The cached master: whose history the node holds and up to where.
	cached   bool
	masterID ReplID
	done     Offset // last byte taken: applied from 4.0 on, read before
	read     Offset // last byte read; equal to done before 4.0
	pend     []byte // bytes mode: read and not yet applied
	spare    []byte // memory for pend while its own is with the driver
	ack      []byte // memory for the last ACK
	scan     StreamScanner

	full     bool // the sync under way is a full one
	legacy   bool // the master was asked with SYNC: no offsets, no ACK
	fullID   ReplID
	fullAt   Offset
	bulkLeft int64 // payload still to come; -1 until the header says
	eof      bool  // the snapshot ends with a mark: it comes straight from the child
	everUp   bool
	downAt   int64 // unix second of the loss
}

// cleared keeps the memory of an upstream and nothing else.
func (u *upstream) cleared() upstream {
	n := upstream{in: u.in, pend: u.pend[:0], spare: u.spare[:0], ack: u.ack[:0]}
	n.in.Reset()
	return n
}

// cache makes (id, at) the history that the next PSYNC asks for.
func (u *upstream) cache(id ReplID, at Offset) {
	u.cached, u.masterID, u.done, u.read = true, id, at, at
}

// dial begins a connection to the master (connectWithMaster).
func (s *Server) dial() {
	u := &s.up
	u.dials++
	u.conn, u.state, u.lastIO = u.dials, upConnecting, s.unix()
	u.in.Reset()
	s.note(Event{Kind: EvDialed, Conn: u.conn, Peer: u.host})
	s.out = append(s.out, Output{Kind: OutDial, Conn: u.conn, Peer: u.host})
}

// dialed: the TCP connection stands; PING asks whether the master can talk.
func (s *Server) dialed(id ConnID) {
	u := &s.up
	if id != u.conn || u.state != upConnecting {
		s.hangup(id, WhyClosed)
		return
	}
	u.state, u.lastIO = upPing, s.unix()
	s.say("PING")
}

// say sends a handshake command in the version's framing (facts: 3.2).
func (s *Server) say(words ...string) {
	var b []byte
	if s.prof.FramedHandshake {
		b = AppendCommand(b, words...)
	} else {
		b = AppendInline(b, words...)
	}
	s.send(s.up.conn, b)
}

// replconfs is how many REPLCONF commands the version's handshake has.
func (s *Server) replconfs() int {
	switch {
	case s.prof.SaysVersion:
		return 3
	case s.prof.CapaEOF:
		return 2
	}
	return 1
}

func (s *Server) sayReplconf(i int) {
	switch {
	case i == 0:
		s.say("REPLCONF", "listening-port", strconv.Itoa(s.cfg.Port))
	case i == 2:
		s.say("REPLCONF", "version", s.prof.Tag)
	case s.prof.CapaPSYNC2:
		s.say("REPLCONF", "capa", "eof", "capa", "psync2")
	default:
		s.say("REPLCONF", "capa", "eof")
	}
}

// ask sends PSYNC, or SYNC where PSYNC is not known (slaveTryPartialResynchronization).
func (s *Server) ask() {
	u := &s.up
	u.state, u.full, u.legacy, u.eof = upAsked, false, false, false
	if s.prof.PSYNC == 0 {
		s.askSYNC()
		return
	}
	id, p := "?", Offset(-1)
	if u.cached {
		id, p = string(u.masterID), u.done+1
	}
	at := strconv.FormatInt(int64(p), 10)
	s.note(Event{Kind: EvAsked, Conn: u.conn, Peer: u.host, Text: "PSYNC " + id + " " + at, Offset: p})
	s.say("PSYNC", id, at)
}

// askSYNC falls back to the request without offsets, always inline.
func (s *Server) askSYNC() {
	u := &s.up
	s.note(Event{Kind: EvAsked, Conn: u.conn, Peer: u.host, Text: "SYNC"})
	s.note(Event{Kind: EvFullBegins, Peer: u.host, Why: WhyNoPSYNC})
	s.send(u.conn, []byte("SYNC\r\n"))
	u.state, u.full, u.legacy, u.fullID, u.fullAt, u.bulkLeft = upHeader, true, true, "", -1, -1
}

// upstreamData takes bytes from the master, in whatever pieces they come.
func (s *Server) upstreamData(id ConnID, data []byte) {
	u := &s.up
	if id != u.conn || u.state == upNone || u.state == upConnect {
		return // a connection given up a moment ago
	}
	u.lastIO = s.unix()
	u.in.Feed(data)
	for u.state > upConnecting && u.state < upBulk && id == u.conn {
		line, _, ok, err := u.in.Line()
		if err != nil {
			s.abandon(WhyError, false)
			return
		}
		if !ok {
			return
		}
		s.masterSaid(line)
	}
	if u.state >= upBulk && id == u.conn {
		s.liveBytes(u.in.Rest())
	}
}

// liveBytes handles what follows the handshake where the driver has real bytes
// only. A snapshot is not among them: see OutReceive.
func (s *Server) liveBytes(rest []byte) {
	u := &s.up
	switch {
	case len(rest) == 0:
	case u.state != upConnected:
		panic("model: bytes of a snapshot that are not told as such")
	default:
		s.stream(Chunk{From: u.read + 1, To: u.read + 1 + Offset(len(rest)), Data: rest})
	}
}

// masterSaid handles one line of the handshake.
func (s *Server) masterSaid(line []byte) {
	u := &s.up
	switch u.state {
	case upPing:
		if !(len(line) > 0 && line[0] == '+' || foldPrefix(line, "-NOAUTH") || foldPrefix(line, "-NOPERM")) {
			s.abandon(WhyError, false)
			return
		}
		u.state, u.step = upConf, 0
		s.sayReplconf(0)
		if s.prof.Pipelined {
			for i := 1; i < s.replconfs(); i++ {
				s.sayReplconf(i)
			}
		}
	case upConf: // errors are logged and ignored
		u.step++
		if u.step == s.replconfs() {
			s.ask()
		} else if !s.prof.Pipelined {
			s.sayReplconf(u.step)
		}
	case upAsked:
		s.verdict(line)
	case upHeader:
		s.header(line)
	}
}

// verdict reads the answer to PSYNC (facts: 3.5).
func (s *Server) verdict(line []byte) {
	u := &s.up
	switch {
	case len(line) == 0: // keepalive while the master waits for its snapshot
	case foldPrefix(line, "+FULLRESYNC"):
		id, off := fullResync(line)
		u.full, u.fullID, u.fullAt, u.bulkLeft = true, id, off, -1
		u.legacy = off == -1 // a malformed line gives none (CLIENT_PRE_PSYNC)
		u.state = upHeader
		s.note(Event{Kind: EvFullBegins, Peer: u.host, ID: id, Offset: off})
		s.forgetForFull()
	case foldPrefix(line, "+CONTINUE"):
		s.continued(line)
	case s.prof.PSYNC == 2 && (foldPrefix(line, "-NOMASTERLINK") || foldPrefix(line, "-LOADING")):
		s.abandon(WhyError, false)
	default:
		s.forgetForFull()
		s.askSYNC()
	}
}

// forgetForFull drops what a full sync makes useless: before 7.0 as soon as the
// answer is read.
func (s *Server) forgetForFull() {
	if s.prof.LateDiscard {
		return
	}
	s.up.cached = false
	s.dropReplicas(WhyFullSync)
	s.freeBacklog(WhyFullSync)
}

// fullResync reads "+FULLRESYNC id offset"; a malformed one gives no id and -1.
func fullResync(line []byte) (ReplID, Offset) {
	words := split(line)
	if len(words) == 3 && len(words[1]) == len(ZeroID) {
		if n, ok := ParseInt(words[2]); ok {
			return ReplID(words[1]), Offset(n)
		}
	}
	return "", -1
}

// split cuts a line at single spaces.
func split(line []byte) (words [][]byte) {
	from := 0
	for i := 0; i <= len(line); i++ {
		if i == len(line) || line[i] == ' ' {
			if i > from {
				words = append(words, line[from:i])
			}
			from = i + 1
		}
	}
	return words
}

// continued resurrects the cached master (replicationResurrectCachedMaster).
func (s *Server) continued(line []byte) {
	u := &s.up
	if !u.cached {
		s.abandon(WhyError, false) // we asked for "?": nothing can continue
		return
	}
	if words := split(line); s.prof.PSYNC == 2 && len(words) == 2 && len(words[1]) == len(ZeroID) {
		if id := ReplID(words[1]); id != u.masterID {
			s.shiftID(id)
			u.masterID = id
			s.dropReplicas(WhyNewHistory)
		}
	}
	s.note(Event{Kind: EvContinued, Peer: u.host, ID: u.masterID, Offset: u.done + 1})
	if s.log == nil && s.prof.ReplicaBacklog {
		s.createBacklog()
	}
	s.goOnline()
}

func (s *Server) goOnline() {
	u := &s.up
	u.state, u.cached, u.everUp = upConnected, false, true
	u.lastIO, u.lastByte = s.unix(), s.now
	s.note(Event{Kind: EvOnline, Peer: u.host, Full: u.full, Offset: u.read + 1})
}

// header reads the line before the snapshot: "$length" or "$EOF:mark".
func (s *Server) header(line []byte) {
	u := &s.up
	switch {
	case len(line) == 0: // keepalive while the snapshot is made
	case line[0] == '$' && len(line) == 5+eofMarkLen && foldPrefix(line, "$EOF:"):
		u.eof = true
		u.state, u.bulkLeft = upBulk, 1<<62 // until the driver sees its mark
		s.receive(-1, line[5:])
	case line[0] == '$':
		n, ok := ParseInt(line[1:])
		if !ok || n < 0 {
			s.abandon(WhyError, true)
			return
		}
		u.state, u.bulkLeft = upBulk, n
		s.receive(n, nil)
		if n == 0 {
			s.load()
		}
	default:
		s.abandon(WhyError, true)
	}
}

// receive hands the snapshot to the driver, with what came behind its header.
func (s *Server) receive(n int64, mark []byte) {
	u := &s.up
	s.out = append(s.out, Output{Kind: OutReceive, Conn: u.conn, Bytes: n, Data: mark, Chunk: Chunk{Data: u.in.Rest()}})
}

// bulk counts snapshot payload. A negative number ends a transfer without
// length: the driver saw its mark.
func (s *Server) bulk(id ConnID, n int64) {
	u := &s.up
	if id != u.conn || u.state != upBulk {
		return
	}
	u.lastIO = s.unix()
	if n < 0 {
		u.bulkLeft = 0
	} else {
		u.bulkLeft -= n
	}
	if u.bulkLeft <= 0 {
		s.load()
	}
}

func (s *Server) load() {
	u := &s.up
	if s.prof.LateDiscard { // only now is the old data set given up (replicationAttachToNewMaster)
		u.cached = false
		s.dropReplicas(WhyFullSync)
		s.freeBacklog(WhyFullSync)
	}
	u.state, u.newlineAt, u.frozeAt = upLoading, s.now, s.now
	s.note(Event{Kind: EvLoading})
	s.out = append(s.out, Output{Kind: OutLoad, Conn: u.conn})
}

// loaded: the new data set is in place; the node takes the master's identity
// (readSyncBulkPayload).
func (s *Server) loaded(id ConnID) {
	u := &s.up
	if id != u.conn || u.state != upLoading {
		return
	}
	s.cron.thaw(u.frozeAt, s.now)
	u.masterID, u.done, u.read = u.fullID, u.fullAt, u.fullAt
	u.scan.Reset()
	u.pend = u.pend[:0]
	if s.prof.PSYNC == 2 {
		s.id, s.id2, s.second, s.mro = u.fullID, ZeroID, -1, u.fullAt
		s.forgetHistory()
		if s.prof.ReplicaBacklog {
			s.createBacklog()
		}
	}
	s.goOnline()
	if !u.legacy && (s.prof.AckAfterLoad || s.prof.AckAfterEOFLoad && u.eof) {
		s.sendAck()
	}
}

// stream takes a piece of the master's stream.
func (s *Server) stream(c Chunk) {
	u := &s.up
	if u.state != upConnected {
		panic("model: stream for a replica that is not connected")
	}
	if u.legacy { // SYNC gives no offset: the node counts from -1, whatever the driver calls it
		shift := c.From - (u.read + 1)
		c.From, c.To, c.Bound = c.From-shift, c.To-shift, max(c.Bound-shift, 0)
	}
	if c.From != u.read+1 {
		panic("model: the stream skips from " + strconv.FormatInt(int64(u.read), 10) + " to " + strconv.FormatInt(int64(c.From), 10))
	}
	bound := c.Bound
	if c.Data != nil {
		n, at, err := u.scan.Scan(c.Data)
		if err != nil {
			s.lose(WhyError)
			s.hangup(u.conn, WhyError)
			return
		}
		found := c.From
		if n > 0 {
			found += Offset(at)
		}
		if bound != 0 && found != bound {
			panic("model: commands end where the load says they do not")
		}
		bound = found
	}
	u.read, u.lastIO, u.lastByte = c.To-1, s.unix(), s.now
	if s.prof.CountsRead {
		u.done = u.read
		s.execute(c)
		return
	}
	if s.stop.on { // writes are paused: what is read now is never applied
		return
	}
	s.applied(c, bound)
}

// applied moves the processed offset to the last whole command and forwards
// exactly those bytes to the node's own backlog and replicas
// (replicationFeedSlavesFromMasterStream).
func (s *Server) applied(c Chunk, bound Offset) {
	u := &s.up
	if bound == c.From { // no command ends in this chunk
		if c.Data != nil {
			u.pend = append(u.pend, c.Data...)
		}
		return
	}
	own := Chunk{From: u.done + 1, To: bound}
	if c.Data != nil {
		own.Data = append(u.pend, c.Data[:bound-c.From]...)
		u.pend = append(u.spare[:0], c.Data[bound-c.From:]...)
		u.spare = own.Data[:0]
	}
	u.done = bound - 1
	s.execute(own)
	s.feed(own, false)
}

// execute gives commands of the master's stream to whoever keeps the data set.
func (s *Server) execute(c Chunk) {
	if c.Data != nil {
		s.out = append(s.out, Output{Kind: OutApply, Chunk: c})
	}
}

// lose ends a living link and keeps the master's state for a PSYNC
// (replicationCacheMaster, replicationHandleMasterDisconnection). What was
// read and not applied is thrown away from 4.0 on.
func (s *Server) lose(why Why) {
	u := &s.up
	if !s.prof.CountsRead {
		u.read, u.pend = u.done, u.pend[:0]
		u.scan.Reset()
	}
	s.note(Event{Kind: EvLost, Conn: u.conn, Peer: u.host, Why: why, Offset: u.done + 1, Since: u.lastByte})
	u.state, u.cached, u.downAt = upConnect, !u.legacy, s.unix()
	if s.prof.DropsSubsOnLink {
		s.dropReplicas(WhyClosed)
	}
}

// upstreamDown: the connection to the master is gone, or a dial failed.
func (s *Server) upstreamDown(id ConnID, why Why) {
	u := &s.up
	if id != u.conn || u.state == upNone || u.state == upConnect {
		return
	}
	switch u.state {
	case upConnecting:
		s.note(Event{Kind: EvDialFailed, Conn: id, Peer: u.host, Why: why})
		u.state = upConnect
	case upConnected:
		s.lose(why)
		if s.prof.ReconnectNow {
			s.dial()
		}
	case upLoading:
		panic("model: the driver told a loading node of its socket")
	case upHeader, upBulk:
		s.note(Event{Kind: EvAbandoned, Conn: id, Peer: u.host, Why: why})
		s.retry(true)
	default:
		s.note(Event{Kind: EvAbandoned, Conn: id, Peer: u.host, Why: why})
		s.retry(false)
	}
}

// abandon gives up a handshake or transfer from our side.
func (s *Server) abandon(why Why, transfer bool) {
	s.note(Event{Kind: EvAbandoned, Conn: s.up.conn, Peer: s.up.host, Why: why})
	s.hangup(s.up.conn, why)
	s.retry(transfer)
}

// retry goes back to connecting: at the next cron tick, but from 6.2 on at once
// after a failed transfer or an expired timeout (facts: 5.3).
func (s *Server) retry(now bool) {
	s.up.state = upConnect
	if now && s.prof.ReconnectNow {
		s.dial()
	}
}

// upstreamCron is replicationCron's part for the reading side (facts: 5.1
// steps 2 to 6).
func (s *Server) upstreamCron() {
	u := &s.up
	expired := s.unix()-u.lastIO > wholeSeconds(s.set.Timeout)
	switch u.state {
	case upConnecting, upPing, upConf, upAsked:
		if expired {
			s.abandon(WhyConnectTimeout, true)
		}
	case upHeader, upBulk:
		if expired {
			s.abandon(WhyTimeout, true)
		}
	case upConnected:
		if expired {
			conn := u.conn
			s.lose(WhyTimeout)
			s.hangup(conn, WhyTimeout)
			if s.prof.ReconnectNow {
				s.dial()
			}
		}
	}
	if u.state == upConnect {
		s.dial()
	}
	if u.state == upConnected && !u.legacy {
		s.sendAck()
	}
}

func (s *Server) sendAck() {
	var num [20]byte
	digits := strconv.AppendInt(num[:0], int64(s.up.done), 10)
	start := len(s.up.ack) // several may go out in one step
	b := append(s.up.ack, "*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$"...)
	b = strconv.AppendInt(b, int64(len(digits)), 10)
	b = append(append(append(b, "\r\n"...), digits...), "\r\n"...)
	s.up.ack = b
	s.send(s.up.conn, b[start:])
}

// replicaOf is REPLICAOF at run time (replicationSetMaster, replicationUnsetMaster).
func (s *Server) replicaOf(host string) {
	u := &s.up
	if host == "" {
		s.promote()
		return
	}
	if host == u.host {
		return // already its replica
	}
	wasMaster := u.host == ""
	s.leaveMaster(WhyReplicaOf)
	u.host = host
	if s.prof.PSYNC == 2 && wasMaster {
		u.cache(s.id, s.mro)
	}
	if s.prof.PSYNC == 1 {
		u.cached = false
		s.freeBacklog(WhyReplicaOf)
		s.mro = 0
	}
	if s.prof.DropsSubsOnMove {
		s.dropReplicas(WhyReplicaOf)
	}
	s.note(Event{Kind: EvFollows, Peer: host})
	u.state = upConnect
	if s.prof.ReconnectNow {
		s.dial()
	}
}

// leaveMaster ends whatever link there is; a living one leaves its state cached.
func (s *Server) leaveMaster(why Why) {
	u := &s.up
	switch u.state {
	case upNone, upConnect:
		return
	case upConnected:
		s.hangup(u.conn, why)
		s.lose(why)
	default:
		s.hangup(u.conn, why)
		u.state = upConnect
	}
}

// promote is REPLICAOF NO ONE.
func (s *Server) promote() {
	u := &s.up
	if u.host == "" {
		return
	}
	s.leaveMaster(WhyReplicaOf)
	u.host, u.state, u.cached = "", upNone, false
	s.selected = false
	if s.prof.PSYNC == 2 {
		s.shiftID(s.newID())
		s.dropReplicas(WhyNewHistory)
	} else if s.replicas() == 0 {
		s.mro = max(0, u.done)
		s.freeBacklog(WhyNewHistory)
	}
	s.noReplicasSince = s.unix()
	s.note(Event{Kind: EvPromoted, ID: s.id, ID2: s.id2, Offset: s.second})
}

// Info is what INFO prints at an instant.
func (s *Server) Info(at Instant) *Info {
	u := &s.up
	n := &Info{Role: "master", ReplID: s.id, ReplID2: s.id2, RunID: s.runID, MRO: s.mro, SecondOffset: s.second,
		BacklogActive: s.log != nil, BacklogSize: s.set.BacklogSize, First: s.staleFirst, Hist: s.staleHist,
		SyncFull: s.stats.full, SyncPartialOK: s.stats.partialOK, SyncPartialErr: s.stats.partialErr,
		BgsaveInProgress: s.child.running, sync: s.prof.PSYNC == 0, psync2: s.prof.PSYNC == 2, readOffset: s.prof.ReadOffsetInfo}
	if s.log != nil {
		n.First, n.Hist = s.History()
	}
	now := s.clock(at)
	for _, c := range s.clients {
		if c.state == notReplica {
			continue
		}
		n.ConnectedSlaves++
		sl := InfoSlave{Name: c.peer, State: [...]string{"", "wait_bgsave", "wait_bgsave", "send_bulk", "online"}[c.state], Offset: c.ack}
		if s.prof.SlaveType {
			sl.Type = "replica"
		}
		if c.state == online {
			sl.Lag = now - c.ackTime
		}
		n.Slaves = append(n.Slaves, sl)
	}
	if u.host == "" {
		return n
	}
	n.Role, n.LinkUp = "slave", u.state == upConnected
	n.SyncInProgress = u.state == upHeader || u.state == upBulk || u.state == upLoading
	n.SlaveReplOffset, n.SlaveReadOffset = u.done, u.read
	if !n.LinkUp && !u.cached {
		n.SlaveReplOffset = 1
	}
	n.LastIOSeconds = -1
	if n.LinkUp {
		n.LastIOSeconds = now - u.lastIO
	} else if u.everUp || s.prof.LinkDownSince0 {
		n.LinkDownSeconds = now - u.downAt
	} else {
		n.LinkDownSeconds = -1
	}
	return n
}

package model

// upState is where the link to the master stands (REPL_STATE_*).
type upState uint8

const (
	upNone       upState = iota
	upConnect            // must connect
	upConnecting         // a connect is under way
	upPing               // waits for the answer to PING
	upConf               // waits for the answers to REPLCONF
	upHeld               // nobody reads it until the rdb channel knows the offset
	upPair               // waits for the answer to set-rdb-client-id
	upAsked              // PSYNC or SYNC is out
	upHeader             // waits for the line before the snapshot
	upBulk               // the snapshot arrives
	upLoading            // it is loaded
	upBuffer             // the stream waits in the local buffer for the snapshot of the rdb channel
	upConnected          // follows the stream
)

// upstream is the reading side: the link to the master.
type upstream struct {
	host  string // the master's name; "" for a master
	state upState
	conn  ConnID
	dials ConnID // numbers the connections that this node dials

	in   LineReader
	auth bool // AUTH is out
	step int  // sequential handshake: which REPLCONF is out; pipelined: answers to come

	assured  bool    // see Assure
	lastIO   int64   // unix second of the last byte from the master, or of the connect
	lastByte Instant // when the last stream byte was heard
	// newlineAt is when the last newline went to the master while loading.
	newlineAt Instant
	frozeAt   Instant // loading: since when no cron turn ran

	// The cached master: whose history the node holds and up to where.
	cached   bool
	masterID ReplID
	done     Offset // last byte taken: applied from 4.0 on, read before
	exec     Offset // up to 3.2: last byte of the last whole command; what is behind it is in pend
	read     Offset // last byte read; equal to done before 4.0
	pend     held   // bytes mode: read and not yet applied
	// While clients are paused the stream is read on and not applied from the first
	// command on that waits: ready is then the byte behind the last whole command,
	// else 0; pieces are those of all that waits, asks the ends of the GETACKs in it.
	ready   Offset
	changes int64 // to the data set, by those that wait
	pieces  []int64
	asks    []Offset
	spare   []byte // memory for pend while its own is with the driver
	ack     []byte // memory for the last ACK
	line    []byte // memory for commands of the handshake
	scan    StreamScanner

	full     bool // the sync under way is a full one
	legacy   bool // the master was asked with SYNC: no offsets, no ACK
	fullID   ReplID
	fullAt   Offset
	bulkLeft int64 // payload still to come; -1 until the header says
	// bulkTotal and bulkRead are INFO's master_sync_total_bytes and
	// master_sync_read_bytes.
	bulkTotal, bulkRead int64
	eof                 bool // the snapshot ends with a mark: it comes straight from the child
	everUp              bool
	downAt              int64 // unix second of the loss

	rdb    rdbChannel // of a dual-channel sync
	socket socketLoad // while a snapshot is loaded as it arrives
}

// cleared keeps the memory of an upstream and nothing else.
func (u *upstream) cleared() upstream {
	n := upstream{in: u.in, pend: u.pend, spare: u.spare[:0], ack: u.ack[:0], line: u.line[:0], pieces: u.pieces[:0], asks: u.asks[:0]}
	n.pend.drop()
	n.in.Reset()
	n.rdb.in = u.rdb.in
	n.rdb.in.Reset()
	n.rdb.local.data = u.rdb.local.data[:0]
	return n
}

// cache makes (id, at) the history that the next PSYNC asks for.
func (u *upstream) cache(id ReplID, at Offset) {
	u.cached, u.masterID, u.done, u.read = true, id, at, at
}

func (s *Server) goOnline() {
	u := &s.up
	u.state, u.cached, u.everUp = upConnected, false, true
	u.lastIO, u.lastByte = s.unix(), s.now
	s.note(Event{Kind: EvOnline, Peer: u.host, Full: u.full, Offset: u.read + 1})
}

// bulk counts snapshot payload. A negative number ends a transfer without
// length: the driver saw its mark.
func (s *Server) bulk(id ConnID, n int64) {
	u := &s.up
	if u.socket.reads() && id == s.bulkConn() {
		s.socketBytes(n)
		return
	}
	if !(id == u.conn && u.state == upBulk || id == u.rdb.conn && u.rdb.state == rdbBulk) {
		return
	}
	if u.bulkRead == 0 && s.LoadsFromSocket() {
		s.openSocket()
		s.socketBytes(n)
		return
	}
	u.lastIO = s.unix()
	if n < 0 {
		n, u.bulkLeft = -n, 0
	} else {
		u.bulkLeft -= n
	}
	u.bulkRead += n
	s.stats.netIn += n
	if u.bulkLeft <= 0 {
		s.load()
	}
}

func (s *Server) load() {
	u := &s.up
	s.attachToNewMaster() // only now is the old data set given up
	s.dropOwnChild(false)
	s.saved(Saved{ID: u.fullID, Offset: u.fullAt}, s.bulkConn())
	s.beginLoad()
	s.out = append(s.out, Output{Kind: OutLoad, Conn: s.bulkConn()})
}

// beginLoad: from now on no cron turn runs.
func (s *Server) beginLoad() {
	u := &s.up
	s.stopAOF()
	u.newlineAt, u.frozeAt = s.now, s.now
	s.note(Event{Kind: EvLoading})
	if u.rdb.state != rdbNone {
		u.rdb.state = rdbLoading
	} else {
		u.state = upLoading
	}
}

// loaded: the new data set is in place; the node takes the master's identity
// (readSyncBulkPayload).
func (s *Server) loaded(id ConnID, keys bool) {
	u := &s.up
	if id != s.bulkConn() || !s.loading() {
		return
	}
	s.keys = keys
	s.cron.thaw(u.frozeAt, s.now)
	if u.socket.on {
		s.socketLoaded()
	}
	if u.rdb.state == rdbLoading {
		s.rdbHas()
		return
	}
	s.adopt()
	if s.prof.PSYNC == 2 && s.prof.ReplicaBacklog {
		s.createBacklog()
	}
	s.goOnline()
	if !u.legacy && (s.prof.AckAfterLoad || s.prof.AckAfterEOFLoad && u.eof) {
		s.sendAck()
	}
}

// adopt takes the identity of the master whose snapshot is in place.
func (s *Server) adopt() {
	u := &s.up
	u.masterID, u.done, u.read, u.exec = u.fullID, u.fullAt, u.fullAt, u.fullAt
	u.scan.Reset()
	u.forgetHeld()
	u.pend.drop()
	if s.prof.PSYNC == 2 {
		s.id, s.id2, s.second, s.mro = u.fullID, ZeroID, -1, u.fullAt
		s.forgetHistory()
	}
	if s.set.AppendOnly {
		s.startAOF()
	}
}

// execute gives commands of the master's stream to whoever keeps the data set.
func (s *Server) execute(c Chunk) {
	if c.Data != nil {
		s.out = append(s.out, Output{Kind: OutApply, Chunk: c})
	}
}

// lose ends a living link and keeps the master's state for a PSYNC
// (replicationCacheMaster, replicationHandleMasterDisconnection). What was
// read and not applied is thrown away from 4.0 on. A link on which a command waits for
// the end of a pause leaves nothing behind (freeClient, 6.2 and later).
func (s *Server) lose(why Why) {
	u := &s.up
	blocked := u.ready > 0 && s.prof.Orders.PauseWrites
	if !s.prof.CountsRead {
		u.read = u.done
		u.pend.drop()
		u.scan.Reset()
		u.forgetHeld()
	}
	s.note(Event{Kind: EvLost, Conn: u.conn, Peer: u.host, Why: why, Offset: u.done + 1, Since: u.lastByte})
	u.state, u.cached, u.downAt = upConnect, !u.legacy && !blocked, s.unix()
	if s.prof.DropsSubsOnLink {
		s.dropReplicas(WhyClosed)
	}
}

// upstreamDown: the connection to the master is gone, or a dial failed.
func (s *Server) upstreamDown(id ConnID, why Why) {
	u := &s.up
	if id == u.rdb.conn && u.rdb.state != rdbNone && u.rdb.state != rdbLoaded {
		s.rdbDown(why)
		return
	}
	if id != u.conn || u.state == upNone || u.state == upConnect {
		return
	}
	if u.state == upHeld {
		u.rdb.mainGone = why
		return
	}
	if u.rdb.state != rdbNone {
		s.mainFailed(why)
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
		if u.socket.reads() {
			s.socketFailed(why)
			return
		}
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
	s.closeRDB(why)
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
	if u.state == upNone {
		return
	}
	expired := s.unix()-u.lastIO > wholeSeconds(s.set.Timeout)
	switch u.state {
	case upConnecting, upPing, upConf, upHeld, upPair, upAsked:
		if expired {
			s.abandon(WhyConnectTimeout, true)
		}
	case upHeader, upBulk, upBuffer:
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
	s.follow(host)
}

// follow makes the node a replica of another server.
func (s *Server) follow(host string) {
	u := &s.up
	wasMaster := u.host == ""
	s.leaveMaster(WhyReplicaOf)
	s.unblockWaits()
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
		s.closeRDB(why)
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
	linked := u.state == upConnected
	s.leaveMaster(WhyReplicaOf)
	u.host, u.state, u.cached = "", upNone, false
	u.everUp = u.everUp && s.prof.LinkDownSince0 // from 6.2 on it forgets since when the link is down
	s.selected = false
	if s.prof.PSYNC == 2 {
		s.shiftID(s.newID())
		s.dropReplicas(WhyNewHistory)
	} else if linked && s.replicas() == 0 { // without a link it keeps its own (replicationUnsetMaster)
		s.mro = max(0, u.done)
		s.freeBacklog(WhyNewHistory)
	}
	if !s.prof.TTLFromStart {
		s.noReplicasSince = s.unix()
	}
	if s.set.AppendOnly && s.aof.state == aofOff { // a full sync that broke off had turned it off
		s.startAOF()
	}
	s.note(Event{Kind: EvPromoted, ID: s.id, ID2: s.id2, Offset: s.second})
}

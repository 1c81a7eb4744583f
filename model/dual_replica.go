package model

import "strconv"

// Dual-channel replication, the replica's side (valkey 8.0; facts: 9): the
// snapshot comes on a second connection, the rdb channel, while the main one
// carries the stream, which waits in a local buffer.

// rdbState is where the rdb channel stands (REPL_DUAL_CHANNEL_*).
type rdbState uint8

const (
	rdbNone    rdbState = iota
	rdbDialing          // a connect is under way
	rdbConf             // waits for the answer to REPLCONF
	rdbAsked            // SYNC is out: the offset comes when the master forks
	rdbHeader           // waits for the line before the snapshot
	rdbBulk             // the snapshot arrives
	rdbLoading          // it is loaded
	rdbLoaded           // it is in memory; the main channel has no stream yet
)

// rdbChannel is the second connection of a dual-channel sync.
type rdbChannel struct {
	state rdbState
	conn  ConnID
	in    LineReader
	// mainGone is how the main connection ended while nobody listened to it:
	// before the master's offset, or while a snapshot is loaded.
	mainGone Why
	local    localBuffer
}

// localBuffer is the stream that waits until the snapshot is loaded
// (pending_repl_data): blocks of one size.
type localBuffer struct {
	from, next Offset // it holds [from, next); 0 without one
	bound      Offset // behind the last whole command in it, from without any
	data       []byte // with bytes
	changes    int64  // to the data set, by the commands that end in it
	peak       int64  // most that it took up since the last sync began
}

// blockPayload is what a block of the local buffer holds: reads of 16 KiB and a
// header of two words, rounded up by the allocator (bufferReplData).
func (s *Server) blockPayload() int64 {
	const header = 16
	alloc := AllocJemalloc
	if s.cfg.LibcMalloc {
		alloc = AllocLibc
	}
	return alloc.Usable(BlockRequest+header) - header
}

// localSize is what the local buffer takes up, in whole blocks.
func (s *Server) localSize() int64 {
	b, payload := &s.up.rdb.local, s.blockPayload()
	return (int64(b.next-b.from) + payload - 1) / payload * payload
}

// TakesTo is the last stream byte that the node reads from a connection as
// things stand, 0 when it reads all. A replica whose local buffer has outgrown its
// own output buffer limit for replicas reads no further (bufferReplData).
func (s *Server) TakesTo(c ConnID) Offset {
	u := &s.up
	if u.state != upBuffer || c != u.conn || s.set.HardLimit == 0 {
		return 0
	}
	payload := s.blockPayload()
	b := &u.rdb.local
	return max(b.next, b.from+Offset((s.set.HardLimit/payload+1)*payload)) - 1
}

// Room is how many stream bytes more the node reads from a connection as things
// stand, and whether that is bounded; see TakesTo.
func (s *Server) Room(c ConnID) (bytes int64, bounded bool) {
	to := s.TakesTo(c)
	return int64(to - (s.up.rdb.local.next - 1)), to > 0
}

// Buffers says whether the node keeps the stream of a connection for later.
func (s *Server) Buffers(c ConnID) bool { return s.up.state == upBuffer && c == s.up.conn }

// Link is the connection on which the stream of the master comes, or will.
func (s *Server) Link() ConnID { return s.up.conn }

// loading says whether a snapshot is being loaded: no cron turn runs then.
func (s *Server) loading() bool { return s.up.state == upLoading || s.up.rdb.state == rdbLoading }

// openRDB answers +DUALCHANNELSYNC with a second connection (syncWithMaster).
func (s *Server) openRDB() {
	u := &s.up
	u.state = upHeld
	u.dials++
	r := &u.rdb
	r.state, r.conn, r.mainGone = rdbDialing, u.dials, WhyNone
	r.in.Reset()
	s.note(Event{Kind: EvDialed, Conn: r.conn, Peer: u.host})
	s.out = append(s.out, Output{Kind: OutDial, Conn: r.conn, Peer: u.host})
}

// rdbDialed: the second connection stands (fullSyncWithPrimary).
func (s *Server) rdbDialed() {
	r := &s.up.rdb
	r.state = rdbConf
	s.send(r.conn, AppendCommand(nil, "REPLCONF", "capa", "eof", "rdb-only", "1", "rdb-channel", "1",
		"listening-port", strconv.Itoa(s.cfg.Port)))
}

// rdbData takes bytes of the second connection. A snapshot is not among them.
func (s *Server) rdbData(data []byte) {
	u := &s.up
	r := &u.rdb
	id := r.conn
	u.lastIO = s.unix()
	r.in.Feed(data)
	for r.state > rdbDialing && r.state < rdbBulk && id == r.conn {
		line, wire, ok, err := r.in.Line()
		if err != nil {
			s.abandonDual(id, WhyError, r.state >= rdbHeader)
			return
		}
		if !ok {
			return
		}
		if r.state == rdbHeader {
			s.stats.netIn += int64(wire)
		}
		s.rdbSaid(line)
	}
}

// rdbSaid handles one line of the second connection.
func (s *Server) rdbSaid(line []byte) {
	u := &s.up
	r := &u.rdb
	switch r.state {
	case rdbConf:
		if len(line) > 0 && line[0] == '-' {
			s.abandonDual(r.conn, WhyError, false)
			return
		}
		s.note(Event{Kind: EvAsked, Conn: r.conn, Peer: u.host, Text: "SYNC"})
		s.send(r.conn, []byte("SYNC\r\n"))
		r.state = rdbAsked
	case rdbAsked:
		if len(line) > 0 { // else a keepalive while the master waits to fork
			s.endOffset(line)
		}
	case rdbHeader:
		s.header(line)
	}
}

// endOffset reads "$ENDOFF:offset id db client": the snapshot begins, and the main
// connection can ask for what comes behind it.
func (s *Server) endOffset(line []byte) {
	u := &s.up
	r := &u.rdb
	const head = "$ENDOFF:"
	var room [4][]byte
	words := split(room[:0], line)
	if len(words) < 4 || len(words[0]) <= len(head) || string(words[0][:len(head)]) != head || len(words[1]) != len(ZeroID) {
		s.abandonDual(r.conn, WhyError, false)
		return
	}
	off, ok := ParseInt(words[0][len(head):])
	_, dbOK := ParseInt(words[2])
	number, numberOK := ParseInt(words[3])
	if !ok || !dbOK || !numberOK || off < 0 || off >= 1<<62 {
		s.abandonDual(r.conn, WhyError, false)
		return
	}
	u.full, u.legacy, u.fullID, u.fullAt = true, false, ReplID(words[1]), Offset(off)
	u.bulkLeft, u.bulkTotal, u.bulkRead = -1, -1, 0
	s.note(Event{Kind: EvFullBegins, Conn: r.conn, Peer: u.host, ID: u.fullID, Offset: u.fullAt})
	r.state = rdbHeader
	if r.mainGone != WhyNone { // found out as soon as it is used (setupMainConnForPsync)
		s.abandonDual(u.conn, r.mainGone, true)
		return
	}
	u.state = upPair
	s.say("REPLCONF", "set-rdb-client-id", strconv.FormatInt(number, 10))
}

// askMain asks on the main connection for the stream behind the snapshot.
func (s *Server) askMain() {
	u := &s.up
	u.state = upAsked
	at := strconv.FormatInt(int64(u.fullAt+1), 10)
	s.note(Event{Kind: EvAsked, Conn: u.conn, Peer: u.host, Text: "PSYNC " + string(u.fullID) + " " + at, Offset: u.fullAt + 1})
	s.say("PSYNC", string(u.fullID), at)
}

// mainVerdict reads the answer to that: only +CONTINUE goes on.
func (s *Server) mainVerdict(line []byte) {
	u := &s.up
	switch {
	case len(line) == 0:
	case !foldPrefix(line, "+CONTINUE"):
		s.mainFailed(WhyError)
	case u.rdb.state == rdbLoaded: // dualChannelSyncHandlePsync
		s.note(Event{Kind: EvPaired, Peer: u.host, ID: u.fullID, Offset: u.fullAt + 1})
		s.dualDone()
	default:
		u.state = upBuffer
		b := &u.rdb.local
		*b = localBuffer{from: u.fullAt + 1, next: u.fullAt + 1, bound: u.fullAt + 1, data: b.data[:0]}
		s.note(Event{Kind: EvPaired, Peer: u.host, ID: u.fullID, Offset: b.from})
	}
}

// mainFailed gives the sync up because of the main connection; while the snapshot
// is loaded, when that is done.
func (s *Server) mainFailed(why Why) {
	if s.up.rdb.state == rdbLoading {
		s.up.rdb.mainGone = why
		return
	}
	s.abandonDual(s.up.conn, why, true)
}

// buffered keeps a piece of the stream until the snapshot is loaded.
func (s *Server) buffered(c Chunk) {
	b := &s.up.rdb.local
	if c.From != b.next {
		panic("model: the stream skips what waits for the snapshot")
	}
	b.next = c.To
	if c.Bound > c.From { // else no command ends in it
		b.bound = c.Bound
	}
	b.data = append(b.data, c.Data...)
	b.peak = max(b.peak, s.localSize())
	s.up.lastByte = s.now
}

// rdbHas says that the snapshot is in memory: with a stream on the main
// connection the sync is done (dualChannelSyncHandleRdbLoadCompletion).
func (s *Server) rdbHas() {
	u := &s.up
	r := &u.rdb
	s.hangup(r.conn, WhySnapshotSent)
	r.state = rdbLoaded
	gone := r.mainGone
	r.mainGone = WhyNone
	switch {
	case u.state == upBuffer:
		s.dualDone()
		if gone != WhyNone && u.state == upConnected { // it is read again, and its end is found
			s.upstreamDown(u.conn, gone)
		}
	case gone != WhyNone:
		s.abandonDual(u.conn, gone, true)
	}
}

// dualDone takes the master's identity and what waited in the local buffer, and
// follows the stream from there (dualChannelSyncSuccess). The node's own backlog begins
// behind it: there is none while the buffer is played.
func (s *Server) dualDone() {
	u := &s.up
	conn := u.conn
	s.adopt()
	if !s.drain() {
		s.abandonDual(conn, WhyError, true)
		return
	}
	s.createBacklog()
	u.rdb.state = rdbNone
	s.goOnline()
	s.sendAck()
}

// drain applies the local buffer; false when it is no stream.
func (s *Server) drain() bool {
	u := &s.up
	b := &u.rdb.local
	if b.from == 0 {
		return true
	}
	c := Chunk{From: b.from, To: b.bound}
	if s.cfg.Bytes {
		c.Data = b.data
		_, at, err := u.scan.Scan(c.Data)
		if err != nil {
			return false
		}
		found := b.from + Offset(max(at, 0))
		if b.bound > b.from && found != b.bound {
			panic("model: commands end where the load says they do not")
		}
		c.To, c.Data = found, b.data[:found-b.from]
		u.pend.keep(b.data[found-b.from:], nil)
	}
	s.disk.dirty += b.changes
	s.keys = s.keys || b.changes > 0
	u.read, u.done, s.mro = b.next-1, c.To-1, c.To-1
	if len(c.Data) > 0 {
		s.execute(c)
	}
	// The driver may still read its bytes: the next sync takes other memory.
	*b = localBuffer{peak: b.peak}
	return true
}

// rdbDown: the second connection is gone, or its dial failed.
func (s *Server) rdbDown(why Why) {
	r := &s.up.rdb
	switch r.state {
	case rdbLoading:
		if s.up.socket.reads() {
			s.socketFailed(why)
			return
		}
		panic("model: the driver told a loading node of its socket")
	case rdbDialing:
		s.note(Event{Kind: EvDialFailed, Conn: r.conn, Peer: s.up.host, Why: why})
	}
	s.abandonDual(r.conn, why, r.state >= rdbHeader)
}

// abandonDual gives a dual-channel sync up: both connections are closed. Before
// the master's offset is known the next attempt is the next cron turn's
// (fullSyncWithPrimary), after that it comes at once (cancelReplicationHandshake).
func (s *Server) abandonDual(conn ConnID, why Why, now bool) {
	s.note(Event{Kind: EvAbandoned, Conn: conn, Peer: s.up.host, Why: why})
	s.closeRDB(why)
	s.hangup(s.up.conn, why)
	s.retry(now)
}

// closeRDB closes the second connection and forgets what it was for
// (replicationAbortDualChannelSyncTransfer).
func (s *Server) closeRDB(why Why) {
	r := &s.up.rdb
	if r.state == rdbNone {
		return
	}
	if r.state != rdbLoaded {
		s.hangup(r.conn, why)
	}
	r.state, r.mainGone = rdbNone, WhyNone
	r.local = localBuffer{peak: r.local.peak, data: r.local.data[:0]}
}

package model

import (
	"strconv"
)

// dial begins a connection to the master (connectWithMaster).
func (s *Server) dial() {
	u := &s.up
	u.dials++
	u.conn, u.state, u.lastIO = u.dials, upConnecting, s.unix()
	u.in.Reset()
	s.note(Event{Kind: EvDialed, Conn: u.conn, Peer: u.host})
	o := s.put(OutDial)
	o.Conn, o.Peer = u.conn, u.host
}

// dialed: the TCP connection stands; PING asks whether the master can talk.
func (s *Server) dialed(id ConnID) {
	u := &s.up
	if id == u.rdb.conn && u.rdb.state == rdbDialing {
		s.rdbDialed()
		return
	}
	if id != u.conn || u.state != upConnecting {
		s.hangup(id, WhyClosed)
		return
	}
	u.state, u.lastIO = upPing, s.unix()
	s.say("PING")
}

// say sends a handshake command in the version's framing (facts: 3.2).
func (s *Server) say(words ...string) {
	start := len(s.up.line) // several may go out in one step
	if s.prof.FramedHandshake {
		s.up.line = AppendCommand(s.up.line, words...)
	} else {
		s.up.line = AppendInline(s.up.line, words...)
	}
	s.send(s.up.conn, s.up.line[start:])
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
	case s.dualEnabled():
		s.say("REPLCONF", "capa", "eof", "capa", "psync2", "capa", "dual-channel")
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
	text := "PSYNC " + id + " " + strconv.FormatInt(int64(p), 10)
	at := text[len("PSYNC ")+len(id)+1:]
	if s.failover.state == failoverAsks {
		s.note(Event{Kind: EvAsked, Conn: u.conn, Peer: u.host, Text: text + " FAILOVER", Offset: p})
		s.say("PSYNC", id, at, "FAILOVER")
		return
	}
	s.note(Event{Kind: EvAsked, Conn: u.conn, Peer: u.host, Text: text, Offset: p})
	s.say("PSYNC", id, at)
}

// askSYNC falls back to the request without offsets, always inline.
func (s *Server) askSYNC() {
	u := &s.up
	s.note(Event{Kind: EvAsked, Conn: u.conn, Peer: u.host, Text: "SYNC"})
	s.note(Event{Kind: EvFullBegins, Peer: u.host, Why: WhyNoPSYNC})
	s.send(u.conn, []byte("SYNC\r\n"))
	u.full, u.legacy, u.fullID, u.fullAt = true, true, "", -1
	u.await()
}

// upstreamData takes bytes from the master, in whatever pieces they come.
func (s *Server) upstreamData(id ConnID, data []byte) {
	u := &s.up
	if id == u.rdb.conn && u.rdb.state != rdbNone {
		s.rdbData(data)
		return
	}
	if id != u.conn || u.state == upNone || u.state == upConnect {
		return // a connection given up a moment ago
	}
	if u.state != upBuffer { // there the snapshot counts, not the stream
		u.lastIO = s.unix()
	}
	u.in.Feed(data)
	for u.state > upConnecting && u.state < upBulk && u.state != upHeld && id == u.conn {
		line, wire, ok, err := u.in.Line()
		if err != nil {
			s.abandon(WhyError, false)
			return
		}
		if !ok {
			return
		}
		if u.state == upHeader {
			s.stats.netIn += int64(wire)
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
	case u.state == upBuffer:
		b := &u.rdb.local
		s.buffered(Chunk{From: b.next, To: b.next + Offset(len(rest)), Data: rest})
	case u.state != upConnected:
		panic("model: bytes of a snapshot that are not told as such")
	default:
		s.stream(&Input{Chunk: Chunk{From: u.read + 1, To: u.read + 1 + Offset(len(rest)), Data: rest}})
	}
}

// masterSaid handles one line of the handshake.
func (s *Server) masterSaid(line []byte) {
	u := &s.up
	switch u.state {
	case upPing:
		if !(len(line) > 0 && line[0] == '+' || foldPrefix(line, "-NOAUTH") || foldPrefix(line, "-NOPERM") || foldPrefix(line, "-ERR operation not permitted")) {
			s.abandon(WhyError, false)
			return
		}
		u.state, u.step = upConf, 0
		if u.auth = s.sayAuth(); u.auth && !s.prof.Pipelined {
			return
		}
		s.sayReplconf(0)
		if s.prof.Pipelined {
			for i := 1; i < s.replconfs(); i++ {
				s.sayReplconf(i)
			}
		}
	case upConf: // errors are logged and ignored, but for one of AUTH
		if u.auth {
			u.auth = false
			switch {
			case len(line) > 0 && line[0] == '-':
				s.abandon(WhyAuth, false)
			case !s.prof.Pipelined:
				s.sayReplconf(0)
			}
			return
		}
		u.step++
		if u.step == s.replconfs() {
			s.ask()
		} else if !s.prof.Pipelined {
			s.sayReplconf(u.step)
		}
	case upPair:
		if len(line) > 0 && line[0] == '-' { // the master gave our rdb channel up
			s.mainFailed(WhyError)
			return
		}
		s.askMain()
	case upAsked:
		if u.rdb.state != rdbNone {
			s.mainVerdict(line)
			return
		}
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
		u.full, u.fullID, u.fullAt = true, id, off
		u.legacy = off == -1 // a malformed line gives none (CLIENT_PRE_PSYNC)
		u.await()
		s.note(Event{Kind: EvFullBegins, Peer: u.host, ID: id, Offset: off})
		s.forgetForFull()
		s.judgedFailover(true)
	case foldPrefix(line, "+CONTINUE"):
		s.continued(line)
		s.judgedFailover(true)
	case s.failover.state == failoverAsks:
		s.judgedFailover(false)
	case s.prof.DualChannel && foldPrefix(line, dualReply):
		s.openRDB()
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
	var room [4][]byte
	words := split(room[:0], line)
	if len(words) == 3 && len(words[1]) == len(ZeroID) {
		if n, ok := ParseInt(words[2]); ok && n < 1<<62 { // no stream gets that far
			return ReplID(words[1]), Offset(n)
		}
	}
	return "", -1
}

// split cuts a line at single spaces.
func split(words [][]byte, line []byte) [][]byte {
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
	var room [4][]byte
	if words := split(room[:0], line); s.prof.PSYNC == 2 && len(words) == 2 && len(words[1]) == len(ZeroID) {
		if string(words[1]) != string(u.masterID) {
			id := ReplID(words[1])
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

// await waits for the line before the snapshot.
func (u *upstream) await() {
	u.state, u.bulkLeft, u.bulkTotal, u.bulkRead = upHeader, -1, -1, 0
}

// header reads the line before the snapshot: "$length" or "$EOF:mark".
func (s *Server) header(line []byte) {
	u := &s.up
	switch {
	case len(line) == 0: // keepalive while the snapshot is made
	case line[0] == '$' && len(line) == 5+eofMarkLen && foldPrefix(line, "$EOF:"):
		u.eof = true
		u.bulkLeft, u.bulkTotal = 1<<62, 0 // until the driver sees its mark
		s.receive(-1, line[5:])
	case line[0] == '$':
		n, ok := ParseInt(line[1:])
		if !ok || n < 0 {
			s.abandon(WhyError, true)
			return
		}
		u.bulkLeft, u.bulkTotal = n, n
		s.receive(n, nil)
		switch {
		case n > 0:
		case s.LoadsFromSocket():
			s.openSocket()
			s.socketBytes(0)
		default:
			s.load()
		}
	default:
		s.abandon(WhyError, true)
	}
}

// bulkConn is the connection on which the snapshot comes.
func (s *Server) bulkConn() ConnID {
	if s.up.rdb.state != rdbNone {
		return s.up.rdb.conn
	}
	return s.up.conn
}

// receive hands the snapshot to the driver, with what came behind its header.
func (s *Server) receive(n int64, mark []byte) {
	u := &s.up
	in := &u.in
	if u.rdb.state != rdbNone {
		in, u.rdb.state = &u.rdb.in, rdbBulk
	} else {
		u.state = upBulk
	}
	s.out = append(s.out, Output{Kind: OutReceive, Conn: s.bulkConn(), Bytes: n, Data: mark, Chunk: Chunk{Data: in.Rest()}})
}

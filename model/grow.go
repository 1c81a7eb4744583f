package model

// What nearly every append is: clients' writes that reach a master whose replicas take all
// that they are sent. Nothing comes of them but that the stream is longer.

// Grow is Step with InAppend of so many commands with so many bytes between them, none of
// them longer than the longest, for a server that carries lengths: if nothing comes of it but a
// stream that is longer, and no order to its driver but OutFeed of [MRO+1, MRO+1+bytes). Else
// it changes nothing and is false: the server has to be told by Step.
//
// The latest of the commands was written at or before now; none that is not told is.
func (s *Server) Grow(now Instant, bytes, commands, longest int64) bool {
	if s.log == nil || longest > min(staticReply, BlockRequest) || !s.selected || s.cfg.Bytes || s.aof.state != aofOff || s.up.host != "" ||
		!s.Executes() {
		return false
	}
	if s.blocks != nil && (commands == 1 || s.large(longest)) { // it may make a block that a limit does not allow
		return false
	}
	if bytes <= 0 || s.strained() {
		return false
	}
	if now < s.now {
		panic("model: time went back")
	}
	s.now = now
	s.disk.dirty += commands
	s.keys = true
	from := s.mro + 1
	s.mro += Offset(bytes)
	s.wrote = s.mro
	s.record(from, s.mro+1)
	return true
}

// record adds [from, to), which is not empty, to the history, as lengths. Nobody waits for it.
func (s *Server) record(from, to Offset) {
	if r, ok := s.log.(*RingLog); ok && r.Next() == from && !r.bytes {
		if r.extend(int64(to - from)); r.Next() != to {
			panic(ringBroken)
		}
		return
	}
	s.log.Append(Chunk{From: from, To: to, Bound: to})
	if s.log.Next() != s.mro+1 {
		panic("model: F + H - 1 is not master_repl_offset")
	}
	if s.blocks != nil {
		s.settle()
	}
}

// strained says that something may hang on what is appended for a client: it is a replica that
// does not take all that it is sent, or one that is to be closed or is kept.
func (s *Server) strained() bool {
	for _, c := range s.clients {
		if c.state != notReplica && !s.readsAll(c) || c.softSince > 0 || c.kept || c.closing {
			return true
		}
	}
	return false
}

// large says that a command as long as the longest alone may bring an output buffer to a
// limit.
func (s *Server) large(longest int64) bool {
	least := s.Lone(longest)
	return least > 0 && longest >= least
}

// Hear is Step with InStream of a chunk with so many of clients' commands, for a replica
// that carries lengths and follows its master's stream: if nothing comes of it but that it has
// taken them, and no order to its driver but OutFeed of the whole commands to a stream that
// nobody reads, or whose readers take all that they are sent. Else it changes nothing and is
// false: the server has to be told by Step.
func (s *Server) Hear(now Instant, c Chunk, commands int64) bool {
	if c.From != s.up.read+1 || !s.OnlyFollows() {
		return false
	}
	s.Heard(now, c, commands)
	return true
}

// Heard is Hear for a replica of which its driver knows that it OnlyFollows, of what it has
// not heard.
func (s *Server) Heard(now Instant, c Chunk, commands int64) {
	u := &s.up
	if c.From != u.read+1 || u.state != upConnected {
		panic("model: stream that is not what comes next")
	}
	if now < s.now {
		panic("model: time went back")
	}
	s.now = now
	if s.prof.Orders.ClockInCall {
		s.seen = s.millis()
	}
	s.keys = s.keys || commands > 0
	s.disk.dirty += commands
	u.read, u.lastIO, u.lastByte = c.To-1, s.unix(), now
	s.stats.netIn += c.Bytes()
	if c.Bound == c.From { // no command ends in this chunk
		return
	}
	from := u.done + 1
	u.done, s.mro = c.Bound-1, c.Bound-1
	if s.log != nil {
		s.record(from, c.Bound)
	}
}

// Easy says that no output buffer of a replica holds anything, or comes to hold something with
// a command that is no longer than the longest: so no limit of one is near; see WriteEnds,
// Horizon and Lone.
func (s *Server) Easy(longest int64) bool {
	if longest > min(staticReply, BlockRequest) || s.blocks != nil && s.large(longest) {
		return false
	}
	for _, c := range s.clients {
		if c.softSince > 0 || s.limited(c) || s.oneTooMuch(c) {
			return false
		}
	}
	return true
}

// busy says that something waits for the end of a turn of the event loop; see beforeSleep.
func (s *Server) busy() bool {
	return s.pause.kind != pauseNone || len(s.blocked) > 0 || s.wantAcks || s.answered || s.failover.state != failoverNone
}

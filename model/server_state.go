package model

// Where a server stands, for its driver.

// MRO is master_repl_offset: the number of the last byte of the node's stream.
func (s *Server) MRO() Offset { return s.mro }

// ID is the name of the node's stream: master_replid, up to 3.2 its run_id.
func (s *Server) ID() ReplID { return s.id }

// Processed is the last byte of the master's stream that the node has taken:
// read for versions that count reads, else applied.
func (s *Server) Processed() Offset { return s.up.done }

// Executed is the last byte of the master's stream up to which whole commands were
// executed, where the node writes a stream of its own from them.
func (s *Server) Executed() Offset { return s.up.exec }

// Read is the last byte of the master's stream that the node has read.
func (s *Server) Read() Offset { return s.up.read }

// Now is the time of the last step.
func (s *Server) Now() Instant { return s.now }

// Buffered is the first stream byte that waits in some replica's output buffer,
// MRO+1 when none does.
func (s *Server) Buffered() Offset {
	first := s.mro + 1
	for _, c := range s.clients {
		if c.buffers() {
			first = min(first, c.bufFrom)
		}
	}
	return first
}

// History is the backlog's first byte and length, 0 and 0 without one.
func (s *Server) History() (first Offset, length int64) {
	if s.log == nil {
		return 0, 0
	}
	return s.log.First(), s.log.Len()
}

// Writable says whether what clients write becomes part of the stream: a master's,
// and up to 3.2 that of a replica that is not read-only.
func (s *Server) Writable() bool {
	return s.up.host == "" || s.prof.OwnStreamOnChains && !s.set.ReadOnly
}

// Counts says whether writes enter the stream: only while a backlog or a
// replica exists (replicationFeedSlaves; facts: 1.4), and neither while they wait
// nor while they are refused; see Holds and Refuses.
func (s *Server) Counts() bool {
	return s.Executes() && (s.log != nil || s.replicas() > 0)
}

// Executes says whether clients' writes are executed now.
func (s *Server) Executes() bool {
	return s.Writable() && s.pause.kind == pauseNone && !s.Refuses() && !s.Loading()
}

// Owes is how many bytes of its own the node puts before the next write.
func (s *Server) Owes() int64 {
	if s.selected || s.prof.PSYNC == 0 {
		return 0
	}
	return int64(len(selectZero))
}

// IsMaster says whether the node follows nobody.
func (s *Server) IsMaster() bool { return s.up.host == "" }

// LinkUp says whether the node follows its master's stream.
func (s *Server) LinkUp() bool { return s.up.state == upConnected }

// Reads says whether the node takes bytes from the connection now. It does not
// while it loads a snapshot that came on it, nor while its local buffer is full.
func (s *Server) Reads(c ConnID) bool {
	u := &s.up
	switch {
	case c == u.conn:
		to := s.TakesTo(c)
		return (u.state != upLoading || u.socket.reads()) && (to == 0 || to >= u.rdb.local.next)
	case c == u.rdb.conn:
		return u.rdb.state != rdbLoading || u.socket.reads()
	}
	return true
}

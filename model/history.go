package model

// The history of the stream: a ring that is copied to every replica's own
// buffer (2.8 - 6.2), or blocks that the backlog and the replicas share (>= 7.0).

func (s *Server) alloc() Allocator {
	if s.cfg.LibcMalloc {
		return AllocLibc
	}
	return AllocJemalloc
}

func (s *Server) createBacklog() {
	if s.prof.Backlog == Blocks {
		s.blocks = NewBlocks(s.set.BacklogSize, s.mro+1, s.alloc(), s.cfg.Bytes)
		s.blocks.whole = s.prof.WholeBlocks
		s.log = s.blocks
	} else {
		s.log = NewRing(s.set.BacklogSize, s.mro+1, s.cfg.Bytes)
	}
	s.note(Event{Kind: EvBacklogCreated, Bytes: s.set.BacklogSize, First: s.log.First()})
}

func (s *Server) freeBacklog(why Why) {
	if s.log == nil {
		return
	}
	if s.prof.StaleInfo {
		s.staleFirst, s.staleHist = s.log.First(), s.log.Len()
	}
	s.forgetHistory()
	s.note(Event{Kind: EvBacklogFreed, Why: why})
}

func (s *Server) forgetHistory() {
	if s.log != nil {
		s.log.Free()
	}
	s.log, s.blocks = nil, nil
	for _, c := range s.clients {
		c.reads = false
	}
}

// readNext makes a replica a reader of the shared blocks from the next byte on:
// its full sync begins. like is a replica that it joins, or nil.
func (s *Server) readNext(c, like *client) {
	if s.blocks == nil {
		return
	}
	s.unread(c)
	if like != nil && like.reads {
		c.reader = s.blocks.AttachLike(like.reader)
	} else {
		c.reader = s.blocks.AttachNext()
	}
	c.reads = true
}

// readFrom makes a replica a reader from a byte of the history on.
func (s *Server) readFrom(c *client, at Offset) {
	if s.blocks == nil {
		return
	}
	s.unread(c)
	c.reader, c.reads = s.blocks.Attach(at), true
}

// unread frees what a replica held back.
func (s *Server) unread(c *client) {
	if c.reads && s.blocks != nil {
		s.blocks.Release(c.reader)
	}
	c.reads = false
}

// settle moves the readers on whose bytes the transport has taken, and trims as
// the event loop does between two things that happen.
func (s *Server) settle() {
	for _, c := range s.clients {
		if c.reads && c.attached {
			s.blocks.Advance(c.reader, s.waits(c))
		}
	}
	for s.blocks.Turn() {
	}
}

// pinStalled makes sure that a replica whose transport takes no more stands
// where it stopped before the history moves on.
func (s *Server) pinStalled() {
	for _, c := range s.clients {
		if c.reads && c.attached && c.stall > 0 {
			s.blocks.Advance(c.reader, s.waits(c))
		}
	}
}

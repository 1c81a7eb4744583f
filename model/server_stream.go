package model

// What a server writes on its stream, and under which id.

var (
	selectZero = []byte("*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n")
	pingUpper  = []byte("*1\r\n$4\r\nPING\r\n")
	pingLower  = []byte("*1\r\n$4\r\nping\r\n")
)

// append takes client writes into the stream. A chunk of many commands does
// what its commands would do one by one: nothing here depends on where one ends.
func (s *Server) append(in *Input) {
	s.refuseWrites(in.Commands)
	if !s.Executes() {
		return // refused, or held back
	}
	s.disk.dirty += in.Commands
	s.keys = s.keys || in.Commands > 0
	if s.log != nil || s.replicas() > 0 { // Counts
		s.write(in)
	} else if s.aof.state != aofOff && s.prof.CountsAOF {
		s.mro += Offset(in.Commands)
	}
	s.wrote = s.mro
	s.aofWritten(in.Bytes, s.mro)
}

// write puts commands into the stream.
func (s *Server) write(in *Input) {
	s.lone = in.Commands == 1
	s.selectOnce()
	s.feed(Chunk{From: s.mro + 1, To: s.mro + 1 + Offset(in.Bytes), Data: in.Data, Page: in.Page}, in.Pieces, false, false)
}

// selectOnce names the database again where the stream's readers may not know it.
func (s *Server) selectOnce() {
	if s.selected {
		return
	}
	s.selected = true
	if s.prof.PSYNC > 0 { // a 2.6 replica begins in database 0, and its master knows
		s.feedLiteral(selectZero)
	}
}

// feedLiteral puts a command of the server's own into the stream.
func (s *Server) feedLiteral(b []byte) { s.feedOwn(b, false) }

func (s *Server) feedOwn(b []byte, asks bool) {
	c := Chunk{From: s.mro + 1, To: s.mro + 1 + Offset(len(b))}
	if s.cfg.Bytes {
		c.Data = b
	}
	s.feed(c, nil, true, asks)
}

// feed appends to the stream: backlog, buffers of replicas that wait for their
// snapshot, and the connections that are attached (replicationFeedSlaves).
// pieces are those of the chunk if one of them is long, see Input; asks says that it is
// a GETACK.
func (s *Server) feed(c Chunk, pieces []int64, literal, asks bool) {
	if c.From != s.mro+1 {
		panic("model: a stream with a hole")
	}
	c.Bound = c.To
	s.mro = c.To - 1
	var blocks int64
	if s.log != nil {
		if s.blocks != nil {
			blocks = s.blocks.made
		}
		if s.blocks != nil && pieces != nil {
			s.blocks.AppendPieces(c, pieces)
		} else {
			s.log.Append(c)
		}
		if s.log.Next() != s.mro+1 {
			panic("model: F + H - 1 is not master_repl_offset")
		}
	}
	if c.Data != nil && s.blocks == nil {
		for _, cl := range s.clients {
			if cl.buffers() {
				cl.buf = append(cl.buf, c.Data...)
			}
		}
	}
	o := s.put(OutFeed)
	o.Chunk, o.Literal, o.Asks = c, literal, asks
	s.pinStalled()
	if s.blocks != nil && s.blocks.made == blocks {
		return // limits are tested when a block is made
	}
	if s.lone {
		s.checkLone()
	}
	s.checkLimits(s.prof.Backlog != Blocks)
}

// changeID takes a new history and forgets the second one
// (changeReplicationId, clearReplicationId2).
func (s *Server) changeID() {
	s.id, s.id2, s.second = s.newID(), ZeroID, -1
	s.note(Event{Kind: EvNewID, ID: s.id})
}

// shiftID takes a new history and remembers the old one up to here
// (shiftReplicationId).
func (s *Server) shiftID(id ReplID) {
	s.id2, s.second, s.id = s.id, s.mro+1, id
	s.note(Event{Kind: EvNewID, ID: s.id, ID2: s.id2, Offset: s.second})
}

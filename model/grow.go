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
	if s.log == nil || s.blocks != nil || longest > staticReply || !s.selected || s.cfg.Bytes || s.aof.state != aofOff || s.up.host != "" ||
		s.pause.kind != pauseNone || s.minReplicas() || s.Loading() {
		return false
	}
	for _, c := range s.clients {
		if c.state != notReplica && !s.readsAll(c) || c.softSince > 0 {
			return false
		}
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
	s.log.Append(Chunk{From: from, To: s.mro + 1})
	if s.log.Next() != s.mro+1 {
		panic("model: F + H - 1 is not master_repl_offset")
	}
	return true
}

package model

// peerDue notes that a replica went online: it can time out a timeout from now.
func (s *Server) peerDue(c *client) { s.dueBy(c.ackTime) }

// dueBy notes that a replica was heard at a unix second.
func (s *Server) dueBy(heard int64) {
	due := heard + wholeSeconds(s.set.Timeout) + 1
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
	limit := wholeSeconds(s.set.Timeout)
	for i := len(s.clients) - 1; i >= 0; i-- { // Disconnecting timedout replica (full sync)
		if c := s.clients[i]; c.state == waitEnd && c.held > 0 && s.unix()-c.held > limit {
			s.drop(c, WhyFullSyncTimeout)
		}
	}
	if !s.prof.MasterTimesOut || s.unix() < s.cron.peerDue {
		return
	}
	s.cron.peerDue = 0
	for i := len(s.clients) - 1; i >= 0; i-- {
		c := s.clients[i]
		if c.state != online || c.legacy {
			continue
		}
		switch {
		case c.assured:
			s.dueBy(s.unix() - assuredGap)
		case s.unix()-c.ackTime > limit:
			s.drop(c, WhyTimeout)
		default:
			s.peerDue(c)
		}
	}
	if s.cron.peerDue == 0 {
		s.cron.peerDue = s.unix() + limit + 1
	}
}

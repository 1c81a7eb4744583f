package tcp

func (s *socket) sendSYN(now Time) {
	again := s.syns > 0
	if !again {
		s.synAt = now
	} else {
		s.c.Retransmissions++
	}
	if s.state == SynReceived {
		s.arm(now, rtoTimer, min(s.o.RTOInitial<<s.syns, s.o.RTOMax))
	} else {
		s.arm(now, rtoTimer, s.o.SYNPause(s.syns))
	}
	s.syns++
	s.nxt = 1
	s.emit(now, 0, 1, SYN, again)
}

// synTimeout repeats a SYN or gives up.
func (s *socket) synTimeout(now Time) {
	most := s.o.SYNs()
	if s.state == SynReceived {
		most = 1 + s.o.SYNACKRetries
	}
	if s.syns >= most {
		s.fail(now, TimedOut)
		return
	}
	s.sendSYN(now)
}

func (s *socket) listening(now Time, g *Segment) {
	switch {
	case g.Flags&RST != 0, s.c.Deaf && s.side == 1:
	case g.Flags&SYN == 0 || s.side == 0:
		s.sendRST(now)
	case s.c.NoListener:
		s.state, s.irs, s.rcvNxt = Dead, true, 1
		s.sendRST(now)
	default:
		s.state = SynReceived
		s.heardSYN(g)
		s.sendSYN(now)
	}
}

func (s *socket) heardSYN(g *Segment) {
	s.irs, s.rcvNxt, s.wup, s.tsRecent = true, 1, 1, g.TSVal
	s.wnd, s.maxWnd = g.Window, g.Window
}

func (s *socket) inSynSent(now Time, g *Segment) {
	switch {
	case g.Flags&RST != 0:
		s.fail(now, Refused)
	case g.Flags&(SYN|ACK) == SYN|ACK && g.Ack == 1:
		s.heardSYN(g)
		s.una, s.nxt = 1, 1
		s.echo = g.TSEcr
		s.disarm()
		s.handshakeRTT(now)
		s.established(now)
		s.tell(Connected)
		s.sendACK(now)
	}
}

// handshakeRTT is the first sample: from the SYN if it was sent once, else by its
// timestamp.
func (s *socket) handshakeRTT(now Time) {
	f := news{synAcked: true, rtt: -1}
	seq := int64(-1)
	if s.syns == 1 {
		seq = micro(now - s.synAt)
		f.rtt = seq
	}
	s.takeRTT(now, &f, seq, -1)
}

package tcp

// What a socket sends: net/ipv4/tcp_output.c.

// emit sends the segment [seq, end) with this socket's ACK and window.
func (s *socket) emit(now Time, seq, end int64, flags Flags, again bool) {
	g := &s.c.out // not a variable of its own: a Tap would let it escape
	g.Seq, g.End, g.Flags, g.Again = seq, end, flags, again
	g.Ack, g.Window, g.Sacks = 0, 0, 0
	g.TSVal, g.TSEcr = stamp(now), s.tsRecent
	if s.irs {
		g.Flags |= ACK
		g.Ack = s.rcvNxt
		g.Window = s.offer()
		if s.dsack.To > 0 {
			g.Sack[0], g.Sacks = s.dsack, 1
			s.dsack = Range{}
		}
		for _, b := range s.recent[:s.recents] {
			if int(g.Sacks) < len(g.Sack) {
				g.Sack[g.Sacks] = b
				g.Sacks++
			}
		}
		s.ackSent()
	}
	s.c.send(now, s.side, g)
}

// sendACK sends a segment without data.
func (s *socket) sendACK(now Time) { s.emit(now, s.nxt, s.nxt, 0, false) }

// sendRST ends the connection for the peer.
func (s *socket) sendRST(now Time) {
	s.c.out = Segment{Seq: s.nxt, End: s.nxt, Flags: RST | ACK, Ack: s.rcvNxt, TSVal: stamp(now)}
	s.c.send(now, s.side, &s.c.out)
}

// push sends what may be sent (tcp_write_xmit, with TCP_NODELAY as redis sets
// it). One lets a loss probe send a single segment whatever the window.
func (s *socket) push(now Time, one bool) (any bool) {
	if s.state != Open {
		return false
	}
	limited := false
	if s.sent.n == 0 && s.nxt < s.top() {
		s.restart(now)
	}
	for s.nxt < s.top() || s.closing && !s.finSent {
		if !one && s.inFlight() >= s.cwnd {
			limited = true
			break
		}
		n := min(s.o.MSS, s.top()-s.nxt)
		end := s.nxt + n
		fin := s.closing && end == s.top()
		if end > s.una+s.wnd {
			break
		}
		if fin {
			end++
		}
		s.transmit(now, end, fin)
		any = true
		if s.reducing() {
			s.prrOut++
		}
		if one {
			break
		}
	}
	if any {
		if !one {
			s.scheduleTLP(now, false)
			s.validate(now, limited || s.inFlight() >= s.cwnd)
		}
		return true
	}
	if s.packetsOut() == 0 && (s.nxt < s.top() || s.closing && !s.finSent) && s.pending == noTimer {
		s.arm(now, probeTimer, s.probePause())
	}
	return false
}

// transmit sends the next new segment.
func (s *socket) transmit(now Time, end int64, fin bool) {
	first := s.sent.n == 0
	if first {
		s.cubic.resume(now, s.lastSent)
	}
	n := s.sent.end()
	r := s.sent.push()
	*r = record{seq: s.nxt, end: end, at: now, delivered: s.delivered, prev: -1, next: -1, fin: fin}
	s.enlist(n)
	seq, flags := s.nxt, Flags(0)
	if end > s.taken { // the last that the socket has (tcp_push)
		flags |= PSH
	}
	if fin {
		flags |= FIN
		s.finSent = true
	}
	s.spare += s.cost(end - s.nxt)
	s.nxt = end
	if s.lastReceived > 0 && now-s.lastReceived < s.ato { // tcp_event_data_sent
		s.pingpong = min(s.pingpong+1, 255)
	}
	s.lastSent = now
	if first || s.pending == tlpTimer {
		s.rearm(now)
	}
	s.emit(now, seq, end, flags, false)
}

// retransmit sends a record again and counts it as on its way
// (tcp_retransmit_skb).
func (s *socket) retransmit(now Time, n int64) bool {
	if !s.resend(now, n) {
		return false
	}
	if r := s.sent.get(n); r.flags&flagRetrans == 0 {
		s.retransOut++
		r.flags |= flagRetrans
	}
	if s.retransStamp == 0 {
		s.retransStamp = stamp(now)
	}
	s.undoRetrans = max(s.undoRetrans, 0) + 1
	return true
}

// resend is __tcp_retransmit_skb.
func (s *socket) resend(now Time, n int64) bool {
	r := s.sent.get(n)
	if r.end > s.una+s.wnd && r.seq != s.una {
		return false
	}
	r.flags |= flagEver
	r.at, r.delivered = now, s.delivered
	s.delist(n)
	s.enlist(n)
	flags := PSH
	if r.fin {
		flags |= FIN
	}
	s.lastSent = now
	s.c.Retransmissions++
	s.emit(now, r.seq, r.end, flags, true)
	return true
}

// repair is tcp_xmit_retransmit_queue: what is taken for lost is sent again, as
// the window allows.
func (s *socket) repair(now Time) {
	if s.packetsOut() == 0 {
		return
	}
	rearm := false
	for n := max(s.hint, s.sent.base); n < s.sent.end(); n++ {
		if s.inFlight() >= s.cwnd {
			s.hint = n
			break
		}
		r := s.sent.get(n)
		if r.flags&flagLost == 0 || r.flags&(flagSacked|flagRetrans) != 0 {
			s.hint = n + 1
			continue
		}
		if !s.retransmit(now, n) {
			break
		}
		s.hint = n + 1
		if s.reducing() {
			s.prrOut++
		}
		if n == s.sent.base && s.pending != reoTimer {
			rearm = true
		}
	}
	if rearm {
		s.arm(now, rtoTimer, s.rto)
	}
}

// enlist puts a record last in the order of sending.
func (s *socket) enlist(n int64) {
	r := s.sent.get(n)
	r.prev, r.next, r.listed = s.final, -1, true
	if s.final >= 0 {
		s.sent.get(s.final).next = n
	} else {
		s.first = n
	}
	s.final = n
}

func (s *socket) delist(n int64) {
	r := s.sent.get(n)
	if !r.listed {
		return
	}
	if r.prev >= 0 {
		s.sent.get(r.prev).next = r.next
	} else {
		s.first = r.next
	}
	if r.next >= 0 {
		s.sent.get(r.next).prev = r.prev
	} else {
		s.final = r.prev
	}
	r.listed = false
}

// validate is tcp_cwnd_validate: a window that is not used must not grow.
func (s *socket) validate(now Time, limited bool) {
	out := s.packetsOut()
	if s.una >= s.usageSeq || limited || !s.limited && out > s.most {
		s.limited, s.most, s.usageSeq = limited, out, s.nxt
	}
	if s.windowUsed() {
		s.cwndUsed, s.cwndAt = 0, now
		return
	}
	s.cwndUsed = max(s.cwndUsed, out)
	if s.o.NoSlowStartAfterIdle || now-s.cwndAt < s.rto {
		return
	}
	// tcp_cwnd_application_limited; a full send buffer is no such limit.
	if s.ca == caOpen && !s.full {
		if used := max(s.cwndUsed, s.o.InitCwnd); used < s.cwnd {
			s.ssthresh = s.currentSsthresh()
			s.cwnd = (s.cwnd + used) >> 1
		}
		s.cwndUsed = 0
	}
	s.cwndAt = now
}

// windowUsed is tcp_is_cwnd_limited.
func (s *socket) windowUsed() bool {
	if s.limited {
		return true
	}
	return s.slowStart() && s.cwnd < 2*s.most
}

package tcp

// received is tcp_event_data_recv: an ACK is due, and how long it may wait
// follows from how data comes.
func (s *socket) received(now Time, g *Segment) {
	s.ackPending = true
	s.measureRTT(now, g)
	if s.ato == 0 {
		s.moreQuick(maxQuickACKs)
		s.ato = s.o.DelAckMin
	} else {
		switch pause := now - s.lastReceived; {
		case pause <= s.o.DelAckMin/2:
			s.ato = s.ato/2 + s.o.DelAckMin/2
		case pause < s.ato:
			s.ato = min(s.ato/2+pause, s.rto)
		case pause > s.rto: // the sender should have begun anew: let it
			s.moreQuick(maxQuickACKs)
		}
	}
	s.lastReceived = now
	if g.Payload() >= 128 {
		s.growWindow(g.Payload())
	}
}

// moreQuick is tcp_incr_quickack.
func (s *socket) moreQuick(most int64) {
	n := max(s.rcvWnd/(2*max(s.rcvMSS, 1)), 2)
	s.quick = max(s.quick, min(n, most))
}

// enterQuick is tcp_enter_quickack_mode.
func (s *socket) enterQuick() {
	s.moreQuick(maxQuickACKs)
	s.pingpong = 0
	s.ato = s.o.DelAckMin
}

func (s *socket) quickMode() bool { return s.quick > 0 && s.pingpong < pingpongThresh }

// acknowledge decides what becomes of an ACK that is due (__tcp_ack_snd_check).
func (s *socket) acknowledge(now Time) {
	if s.state != Open || !s.ackPending && !s.ackNow {
		return
	}
	if s.ackNow || s.quickMode() || s.rcvNxt-s.wup > s.rcvMSS && s.selectWindow() >= s.rcvWnd {
		s.sendACK(now)
		return
	}
	if len(s.ooo) == 0 {
		s.delay(now)
		return
	}
	// SACKs may be put together for a twentieth of a round (tcp_comp_sack_delay_ns).
	if s.compressedRcvNxt != s.rcvNxt {
		s.compressedRcvNxt, s.dupACKs = s.rcvNxt, 0
	}
	if s.dupACKs < fastRetransDups {
		s.dupACKs++
		s.sendACK(now)
		return
	}
	if s.compressed++; s.compressed >= compressACKs {
		s.sendACK(now)
		return
	}
	if s.compressedAt == Never {
		rtt := s.rcvRTT
		if s.srtt > 0 && (rtt == 0 || s.srtt>>3 < rtt) {
			rtt = s.srtt >> 3
		}
		s.compressedAt = now + min(compressDelay, rtt*Microsecond/20)
	}
}

// delay is tcp_send_delayed_ack.
func (s *socket) delay(now Time) {
	ato := s.ato
	if ato > s.o.DelAckMin {
		most := Second / 2
		if s.pingpong >= pingpongThresh || s.pushed {
			most = s.o.DelAckMax
		}
		if s.srtt > 0 {
			most = min(most, max(s.srtt>>3*Microsecond, s.o.DelAckMin))
		}
		ato = min(ato, most)
	}
	ato = min(ato, s.o.DelAckMax)
	at := s.o.expires(now, ato)
	if s.delackAt != Never && s.delackAt <= at {
		return
	}
	s.delackAt = at
}

// delayedACK is tcp_delack_timer_handler.
func (s *socket) delayedACK(now Time) {
	s.delackAt = Never
	if !s.ackPending {
		return
	}
	if s.pingpong >= pingpongThresh { // an answer was expected to carry it
		s.pingpong, s.ato = 0, s.o.DelAckMin
	} else {
		s.ato = min(2*s.ato, s.rto)
	}
	s.sendACK(now)
}

// ackSent is tcp_event_ack_sent: any segment carries an ACK.
func (s *socket) ackSent() {
	if s.quick > 0 {
		if s.quick--; s.quick == 0 {
			s.ato = s.o.DelAckMin
		}
	}
	s.ackPending, s.ackNow, s.pushed, s.pushed2 = false, false, false, false
	s.delackAt, s.compressedAt, s.compressed = Never, Never, 0
}

package tcp

// RACK-TLP (RFC 8985): net/ipv4/tcp_recovery.c, and the loss probe of
// net/ipv4/tcp_output.c.

// tlpSlack is TCP_TIMEOUT_MIN_US: a loss probe waits at least so long.
const tlpSlack = 2 * Millisecond

// rackAdvance is tcp_rack_advance: a segment that was sent later than others is there.
func (s *socket) rackAdvance(now Time, r *record) {
	rtt := now - r.at
	if r.flags&flagEver != 0 && micro(rtt) < s.minRTT { // it may have been the first copy
		return
	}
	s.rackAdvanced = true
	s.rackRTT = rtt
	if r.at > s.rackAt || r.at == s.rackAt && r.end > s.rackEnd {
		s.rackAt, s.rackEnd = r.at, r.end
	}
}

// reoWindow is tcp_rack_reo_wnd: how much later a segment may come.
func (s *socket) reoWindow() Time {
	if !s.reordSeen && (s.ca >= caRecovery || s.sackedOut >= s.reordering) {
		return 0
	}
	return min(s.minRTT>>2*s.reoSteps, s.srtt>>3) * Microsecond
}

// rackLeft is tcp_rack_skb_timeout.
func (s *socket) rackLeft(now Time, r *record, reo Time) Time {
	return s.rackRTT + reo - (now - r.at)
}

// rackDetect is tcp_rack_detect_loss: what was sent well before something that
// has arrived is lost. It says when to look again, 0 for never.
func (s *socket) rackDetect(now Time) (again Time) {
	reo := s.reoWindow()
	for n := s.first; n >= 0; {
		r := s.sent.get(n)
		next := r.next
		if r.flags&flagLost != 0 && r.flags&flagRetrans == 0 {
			n = next
			continue
		}
		if !(s.rackAt > r.at || s.rackAt == r.at && s.rackEnd > r.end) {
			break
		}
		if left := s.rackLeft(now, r, reo); left <= 0 {
			s.markLost(n)
			s.delist(n)
		} else {
			again = max(again, left)
		}
		n = next
	}
	return again
}

// rackMarkLost is tcp_rack_mark_lost.
func (s *socket) rackMarkLost(now Time) bool {
	if !s.rackAdvanced {
		return false
	}
	s.rackAdvanced = false
	again := s.rackDetect(now)
	if again > 0 {
		s.arm(now, reoTimer, again+tlpSlack)
	}
	return again > 0
}

// reoTimeout is tcp_rack_reo_timeout.
func (s *socket) reoTimeout(now Time) {
	before, lost := s.inFlight(), s.lostTotal
	s.pending = reoTimer // it counts from the oldest segment when it is rearmed
	s.rackDetect(now)
	if s.inFlight() != before {
		if s.ca != caRecovery {
			s.enterRecovery()
			s.reduce(1, s.lostTotal-lost, false)
		}
		s.repair(now)
	}
	if s.pending != rtoTimer {
		s.rearm(now)
	}
}

// updateReoWindow is tcp_rack_update_reo_wnd: D-SACKs make RACK more patient.
func (s *socket) updateReoWindow(f *news) {
	if f.priorDelivered < 0 {
		return
	}
	if f.priorDelivered < s.rackDelivered {
		s.dsackSeen = false
	}
	switch {
	case s.dsackSeen:
		s.reoSteps = min(255, s.reoSteps+1)
		s.dsackSeen = false
		s.rackDelivered = s.delivered
		s.reoPersist = 16
	case s.reoPersist == 0:
		s.reoSteps = 1
	}
}

// scheduleTLP is tcp_schedule_loss_probe.
func (s *socket) scheduleTLP(now Time, advancing bool) bool {
	if s.sent.n == 0 || s.ca != caOpen && s.ca != caCWR {
		return false
	}
	d := s.o.RTOInitial
	if s.srtt > 0 {
		d = s.srtt >> 2 * Microsecond
		if s.sent.n == 1 {
			d += s.o.RTOMin
		} else {
			d += tlpSlack
		}
	}
	left := s.rto
	if !advancing {
		left = s.rtoLeft(now)
	}
	if left > 0 {
		d = min(d, left)
	}
	s.arm(now, tlpTimer, d)
	return true
}

// lossProbe is tcp_send_loss_probe: new data, or the last segment again.
func (s *socket) lossProbe(now Time) {
	if s.sent.n == 0 {
		return
	}
	s.pending = tlpTimer // the RTO counts from the oldest segment, unless a probe is sent
	if s.tlpHigh == 0 {
		s.tlpAgain = false
		if s.push(now, true) {
			s.tlpHigh, s.pending = s.nxt, noTimer
		} else if s.resend(now, s.sent.end()-1) {
			s.tlpAgain = true
			s.tlpHigh, s.pending = s.nxt, noTimer
		}
	}
	s.rearm(now)
}

// tlpAcked is tcp_process_tlp_ack.
func (s *socket) tlpAcked(now Time, ack int64, f *news) {
	if ack < s.tlpHigh {
		return
	}
	switch {
	case !s.tlpAgain, f.dsack:
		s.tlpHigh = 0
	case ack > s.tlpHigh: // the probe repaired a loss
		s.beginReduction()
		s.ca = caCWR
		s.endReduction(now)
		s.keepOpen()
	case !f.advanced && !f.notDup() && !f.dataSacked:
		s.tlpHigh = 0
	}
}

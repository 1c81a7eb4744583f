package tcp

// RTT estimation and the timers of the sender: tcp_rtt_estimator and
// tcp_set_rto in net/ipv4/tcp_input.c, net/ipv4/tcp_timer.c. Values are in
// microseconds, srtt times 8.

// takeRTT is tcp_ack_update_rtt.
func (s *socket) takeRTT(now Time, f *news, seq, sack int64) bool {
	if seq < 0 {
		seq = sack
	}
	if seq < 0 && s.echo > 0 && (f.dataAcked || f.synAcked) { // what was sent again: by timestamps (RFC 7323)
		seq = max(stamp(now)-s.echo, 1) * 1000
		f.rtt = seq
	}
	if seq < 0 {
		return false
	}
	if f.rtt >= 0 {
		s.takeMinRTT(now, f.rtt)
	}
	s.estimate(seq)
	s.rto = s.bound((s.srtt>>3 + s.rttvar) * Microsecond)
	s.backoff = 0
	return true
}

// takeMinRTT keeps the least RTT of the last five minutes (tcp_min_rtt_wlen).
func (s *socket) takeMinRTT(now Time, rtt int64) {
	rtt = max(rtt, 1)
	if s.minRTT == 0 || rtt <= s.minRTT || now-s.minRTTAt > 300*Second {
		s.minRTT, s.minRTTAt = rtt, now
	}
}

// bound keeps an RTO in its bounds, in whole ticks.
func (s *socket) bound(d Time) Time {
	if t := s.o.Tick; t > 0 {
		d = (d + t - 1) / t * t
	}
	return min(d, s.o.RTOMax)
}

// estimate is tcp_rtt_estimator: RFC 6298 with the mean deviation's maximum over
// a round as variance, and the least RTO as its floor.
func (s *socket) estimate(m int64) {
	least := s.o.RTOMin / Microsecond
	if s.srtt == 0 {
		s.srtt, s.mdev = max(m<<3, 1), m<<1
		s.rttvar = max(s.mdev, least)
		s.mdevMax, s.rttSeq = s.rttvar, s.nxt
		return
	}
	m -= s.srtt >> 3
	s.srtt = max(s.srtt+m, 1)
	if m < 0 {
		if m = -m - s.mdev>>2; m > 0 { // slower when the RTT falls (Eifel)
			m >>= 3
		}
	} else {
		m -= s.mdev >> 2
	}
	s.mdev += m
	if s.mdev > s.mdevMax {
		s.mdevMax = s.mdev
		s.rttvar = max(s.rttvar, s.mdevMax)
	}
	if s.una > s.rttSeq {
		if s.mdevMax < s.rttvar {
			s.rttvar -= (s.rttvar - s.mdevMax) >> 2
		}
		s.rttSeq, s.mdevMax = s.nxt, least
	}
}

// arm sets the sender's timer.
func (s *socket) arm(now Time, kind timer, d Time) {
	s.pending, s.pendingAt = kind, s.o.expires(now, max(min(d, s.o.RTOMax), 0))
}

func (s *socket) disarm() { s.pending, s.pendingAt = noTimer, Never }

// rtoLeft is tcp_rto_delta_us: the RTO of the oldest segment, from now.
func (s *socket) rtoLeft(now Time) Time { return s.sent.at(0).at + s.rto - now }

// rearm is tcp_rearm_rto.
func (s *socket) rearm(now Time) {
	if s.sent.n == 0 {
		if s.pending != probeTimer {
			s.disarm()
		}
		return
	}
	d := s.rto
	if s.pending == reoTimer || s.pending == tlpTimer {
		d = max(s.rtoLeft(now), max(s.o.Tick, Millisecond))
	}
	s.arm(now, rtoTimer, d)
}

// setTimer is tcp_set_xmit_timer.
func (s *socket) setTimer(now Time) {
	if !s.scheduleTLP(now, true) {
		s.rearm(now)
	}
}

// timeout plays the sender's timer.
func (s *socket) timeout(now Time) {
	kind := s.pending
	s.disarm()
	switch kind {
	case rtoTimer:
		s.retransmitTimeout(now)
	case tlpTimer:
		s.lossProbe(now)
	case reoTimer:
		s.reoTimeout(now)
	case probeTimer:
		s.probeTimeout(now)
	}
}

// retransmitTimeout is tcp_retransmit_timer.
func (s *socket) retransmitTimeout(now Time) {
	if s.sent.n == 0 {
		return
	}
	s.tlpHigh = 0
	if s.wnd == 0 { // the peer took its window back (RFC 793 would not)
		if now-s.lastAck > 120*Second {
			s.fail(now, TimedOut)
			return
		}
		s.enterLoss(now)
		s.retransmit(now, s.sent.base)
		s.backOff(now)
		return
	}
	if s.givesUp(now) {
		s.fail(now, TimedOut)
		return
	}
	s.enterLoss(now)
	s.retransmits++
	if s.retransmit(now, s.sent.base) && s.hint == s.sent.base {
		s.hint++
	}
	s.backOff(now)
}

func (s *socket) backOff(now Time) {
	s.backoff++
	s.rto = min(2*s.rto, s.o.RTOMax)
	s.arm(now, rtoTimer, s.rto)
}

// givesUp is tcp_write_timeout and retransmits_timed_out.
func (s *socket) givesUp(now Time) bool {
	if s.retransStamp == 0 {
		return false
	}
	elapsed := now - (s.retransStamp-1)*Millisecond
	if s.o.UserTimeout > 0 {
		return elapsed >= s.o.UserTimeout
	}
	n := s.o.Retries2
	if s.orphan {
		n = s.o.OrphanRetries
	}
	return elapsed >= s.o.giveUp(n)
}

// probePause is tcp_probe0_when.
func (s *socket) probePause() Time {
	return min(max(s.rto, s.o.RTOMin)<<min(s.backoff, 20), s.o.RTOMax)
}

// probeTimeout asks a peer with a closed window for news (tcp_probe_timer,
// tcp_send_probe0).
func (s *socket) probeTimeout(now Time) {
	if s.sent.n > 0 || s.nxt == s.top() && (!s.closing || s.finSent) {
		s.probes, s.backoff = 0, 0
		return
	}
	if s.probes == 0 {
		s.probesAt = now
	}
	most := s.o.Retries2
	if s.orphan {
		most = s.o.OrphanRetries
	}
	if s.probes > most || s.o.UserTimeout > 0 && s.probes > 0 && now-s.probesAt >= s.o.UserTimeout {
		s.fail(now, TimedOut)
		return
	}
	if s.wnd > 0 { // tcp_write_wakeup: what fits
		end := min(s.nxt+min(s.o.MSS, s.top()-s.nxt), s.una+s.wnd)
		if end > s.nxt {
			s.transmit(now, end, false)
			return
		}
	}
	s.emit(now, s.una-1, s.una-1, 0, true)
	s.probes++
	if s.backoff < s.o.Retries2 {
		s.backoff++
	}
	s.arm(now, probeTimer, s.probePause())
}

// probeAnswered is tcp_ack_probe.
func (s *socket) probeAnswered(now Time) {
	if s.nxt == s.top() && (!s.closing || s.finSent) {
		return
	}
	n := min(s.o.MSS, s.top()-s.nxt)
	if s.nxt+n <= s.una+s.wnd {
		s.backoff = 0
		if s.pending == probeTimer {
			s.disarm()
		}
		return
	}
	s.arm(now, probeTimer, s.probePause())
}

// keepAlive is tcp_keepalive_timer.
func (s *socket) keepAlive(now Time) {
	idle := now - max(s.lastReceived, s.lastAck)
	switch {
	case s.sent.n > 0 || s.nxt < s.top():
		s.keepAt = s.o.expires(now, s.o.KeepIdle)
	case idle < s.o.KeepIdle:
		s.keepAt = s.o.expires(now, s.o.KeepIdle-idle)
	case s.probes >= s.o.KeepCount:
		s.sendRST(now)
		s.fail(now, TimedOut)
	default:
		s.emit(now, s.una-1, s.una-1, 0, true)
		s.probes++
		s.keepAt = s.o.expires(now, s.o.KeepInterval)
	}
}

package tcp

// Loss recovery: tcp_fastretrans_alert and its parts in net/ipv4/tcp_input.c.
// SACK (RFC 2018), RACK decides what is lost (RFC 8985), proportional rate
// reduction (RFC 6937), F-RTO (RFC 5682), undo by D-SACK (RFC 3708) and by
// timestamps (RFC 3522).

type rexmit uint8

const (
	rexmitNone rexmit = iota
	rexmitLost        // send what is taken for lost
	rexmitNew         // F-RTO: send new data first
)

// alert plays an ACK that is not plain progress.
func (s *socket) alert(now Time, f *news) rexmit {
	if s.ca == caOpen {
		s.retransStamp = 0
	} else if s.una >= s.highSeq {
		switch s.ca {
		case caCWR:
			if s.una != s.highSeq {
				s.endReduction(now)
				s.ca = caOpen
			}
		case caRecovery:
			s.undoRecovery(now)
			s.endReduction(now)
		}
	}
	switch s.ca {
	case caRecovery:
		if f.advanced && s.undoPartial(now, f) {
			return rexmitNone
		}
		if s.undoDSACK(now) {
			s.tryOpen()
		}
		s.identify(now, f)
		if s.ca != caRecovery {
			if s.lostOut == 0 {
				return rexmitNone
			}
			s.enterRecovery()
		}
		return rexmitLost
	case caLoss:
		r := s.inLoss(now, f)
		s.identify(now, f)
		if s.ca != caOpen && !f.lostRetransmit {
			return r
		}
	default:
		if s.ca <= caDisorder {
			s.undoDSACK(now)
		}
		s.identify(now, f)
	}
	if s.lostOut == 0 {
		s.tryOpen()
		return rexmitNone
	}
	s.enterRecovery()
	return rexmitLost
}

// identify is tcp_identify_packet_loss.
func (s *socket) identify(now Time, f *news) {
	out := s.retransOut
	if s.rackMarkLost(now) {
		f.timer = false
	}
	f.lostRetransmit = s.retransOut < out
}

// tryOpen is tcp_try_to_open.
func (s *socket) tryOpen() {
	if !s.anyRetrans() {
		s.retransStamp = 0
	}
	if s.ca != caCWR {
		s.keepOpen()
	}
}

// anyRetrans is tcp_any_retrans_done.
func (s *socket) anyRetrans() bool {
	return s.retransOut > 0 || s.sent.n > 0 && s.sent.at(0).flags&flagEver != 0
}

// keepOpen is tcp_try_keep_open.
func (s *socket) keepOpen() {
	state := caOpen
	if s.sackedOut+s.lostOut > 0 || s.anyRetrans() {
		state = caDisorder
	}
	if s.ca != state {
		s.ca = state
		s.highSeq = s.nxt
	}
}

func (s *socket) initUndo() {
	s.undoMarker = s.una
	s.undoRetrans = -1
	if s.retransOut > 0 {
		s.undoRetrans = s.retransOut
	}
}

// enterRecovery is tcp_enter_recovery.
func (s *socket) enterRecovery() {
	s.priorSsthresh = 0
	s.initUndo()
	if !s.reducing() {
		s.priorSsthresh = s.currentSsthresh()
		s.beginReduction()
	}
	s.ca = caRecovery
}

// beginReduction is tcp_init_cwnd_reduction.
func (s *socket) beginReduction() {
	s.highSeq = s.nxt
	s.tlpHigh = 0
	s.cwndCnt = 0
	s.priorCwnd = s.cwnd
	s.prrDelivered, s.prrOut = 0, 0
	s.ssthresh = s.newSsthresh()
}

// newSsthresh is what the congestion control makes of a loss.
func (s *socket) newSsthresh() int64 {
	if s.o.Congestion == Cubic {
		return s.cubic.lost(s)
	}
	return max(s.cwnd>>1, 2)
}

// endReduction is tcp_end_cwnd_reduction.
func (s *socket) endReduction(now Time) {
	if s.ssthresh < infinite && (s.ca == caCWR || s.undoMarker >= 0) {
		s.cwnd, s.cwndAt = s.ssthresh, now
	}
}

// reduce is tcp_cwnd_reduction: PRR.
func (s *socket) reduce(acked, lost int64, advanced bool) {
	if acked <= 0 || s.priorCwnd == 0 {
		return
	}
	s.prrDelivered += acked
	var n int64
	if delta := s.ssthresh - s.inFlight(); delta < 0 {
		n = (s.ssthresh*s.prrDelivered+s.priorCwnd-1)/s.priorCwnd - s.prrOut
	} else {
		n = max(s.prrDelivered-s.prrOut, acked)
		if advanced && lost == 0 {
			n++
		}
		n = min(delta, n)
	}
	if s.prrOut == 0 {
		n = max(n, 1)
	}
	s.cwnd = s.inFlight() + max(n, 0)
}

// control is tcp_cong_control.
func (s *socket) control(now Time, acked, lost int64, f *news) {
	if s.reducing() {
		s.reduce(acked, lost, f.advanced)
		return
	}
	may := f.dataAcked
	if s.reordering > 3 {
		may = f.progress()
	}
	if !may || acked == 0 || !s.windowUsed() {
		return
	}
	if s.slowStart() {
		to := min(s.cwnd+acked, s.ssthresh)
		acked -= to - s.cwnd
		s.cwnd = to
		if acked == 0 {
			return
		}
	}
	w := s.cwnd
	if s.o.Congestion == Cubic {
		w = s.cubic.update(now, s, acked)
	}
	s.additive(w, acked)
}

// additive is tcp_cong_avoid_ai: one segment more for every w acknowledged.
func (s *socket) additive(w, acked int64) {
	if s.cwndCnt >= w {
		s.cwndCnt = 0
		s.cwnd++
	}
	s.cwndCnt += acked
	if s.cwndCnt >= w {
		n := s.cwndCnt / w
		s.cwndCnt -= n * w
		s.cwnd += n
	}
}

// recover is tcp_xmit_recovery.
func (s *socket) recover(now Time, r rexmit) {
	switch r {
	case rexmitNone:
		return
	case rexmitNew:
		s.push(now, false)
		if s.nxt > s.highSeq {
			return
		}
		s.frto = false
	}
	s.repair(now)
}

// markLost is tcp_mark_skb_lost.
func (s *socket) markLost(n int64) {
	r := s.sent.get(n)
	if r.flags&flagSacked != 0 {
		return
	}
	s.hint = min(s.hint, n)
	if r.flags&flagLost != 0 {
		if r.flags&flagRetrans != 0 {
			r.flags &^= flagRetrans
			s.retransOut--
			s.lostTotal++
		}
		return
	}
	r.flags |= flagLost
	s.lostOut++
	s.lostTotal++
}

// enterLoss is tcp_enter_loss.
func (s *socket) enterLoss(now Time) {
	fresh := s.ca < caRecovery
	s.timeoutMarkLost(now)
	if s.ca <= caDisorder || s.una >= s.highSeq || s.ca == caLoss && s.retransmits == 0 {
		s.priorSsthresh = s.currentSsthresh()
		s.priorCwnd = s.cwnd
		s.ssthresh = s.newSsthresh()
		s.initUndo()
	}
	s.cwnd = s.inFlight() + 1
	s.cwndCnt, s.cwndAt = 0, now
	if s.ca <= caDisorder && s.sackedOut >= s.reordering {
		s.reordering = min(s.reordering, 3)
	}
	s.frto = fresh || s.retransmits > 0
	s.ca = caLoss
	s.cubic.reset(now, s)
	s.highSeq = s.nxt
}

// timeoutMarkLost is tcp_timeout_mark_lost: all but what was sent of late.
func (s *socket) timeoutMarkLost(now Time) {
	for n := s.sent.base; n < s.sent.end(); n++ {
		if n != s.sent.base && s.rackLeft(now, s.sent.get(n), 0) > 0 {
			continue
		}
		s.markLost(n)
	}
}

// inLoss is tcp_process_loss.
func (s *socket) inLoss(now Time, f *news) rexmit {
	recovered := s.una >= s.highSeq
	if f.advanced && s.undoLoss(now, false) {
		return rexmitNone
	}
	if s.frto { // F-RTO, RFC 5682 3.1, with SACK
		if f.origSacked && s.undoLoss(now, true) {
			return rexmitNone
		}
		switch {
		case s.nxt > s.highSeq:
			if f.dataSacked || !f.notDup() {
				s.frto = false
			}
		case f.advanced && !recovered:
			s.highSeq = s.nxt
			if s.nxt < s.top() && s.una+s.wnd > s.nxt {
				return rexmitNew
			}
			s.frto = false
		}
	}
	if recovered {
		s.undoRecovery(now)
		return rexmitNone
	}
	return rexmitLost
}

// mayUndo is tcp_may_undo.
func (s *socket) mayUndo() bool {
	return s.undoMarker >= 0 && (s.undoRetrans == 0 || s.delayed())
}

// delayed is tcp_packet_delayed: the answer was to the original.
func (s *socket) delayed() bool {
	return s.retransStamp > 0 && s.echo > 0 && s.echo < s.retransStamp
}

// undo is tcp_undo_cwnd_reduction.
func (s *socket) undo(now Time, unmark bool) {
	if unmark {
		for n := s.sent.base; n < s.sent.end(); n++ {
			s.sent.get(n).flags &^= flagLost
		}
		s.lostOut = 0
		s.hint = s.sent.base
	}
	if s.priorSsthresh > 0 {
		s.cwnd = max(s.cwnd, s.priorCwnd)
		if s.o.Congestion == Cubic {
			s.cubic.epoch = -1
		}
		s.ssthresh = max(s.ssthresh, s.priorSsthresh)
	}
	s.cwndAt = now
	s.undoMarker = -1
	s.rackAdvanced = true
}

// undoRecovery is tcp_try_undo_recovery.
func (s *socket) undoRecovery(now Time) {
	if s.mayUndo() {
		s.undo(now, false)
	}
	s.ca = caOpen
}

func (s *socket) undoPartial(now Time, f *news) bool {
	if s.undoMarker < 0 || !s.delayed() {
		return false
	}
	s.checkReordering(f.priorUna)
	if s.retransOut > 0 {
		return true
	}
	if !s.anyRetrans() {
		s.retransStamp = 0
	}
	s.undo(now, true)
	s.keepOpen()
	return true
}

// undoDSACK is tcp_try_undo_dsack: all that was sent again was so in vain.
func (s *socket) undoDSACK(now Time) bool {
	if s.undoMarker < 0 || s.undoRetrans != 0 {
		return false
	}
	s.reoPersist = min(16, s.reoPersist+1)
	s.undo(now, false)
	return true
}

func (s *socket) undoLoss(now Time, frto bool) bool {
	if !frto && !s.mayUndo() {
		return false
	}
	s.undo(now, true)
	s.retransmits = 0
	s.ca = caOpen
	return true
}

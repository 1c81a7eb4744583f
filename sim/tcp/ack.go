package tcp

// What an ACK does at the sender: tcp_ack and its parts in
// net/ipv4/tcp_input.c.

// The facts about one ACK that its steps pass on (FLAG_* of the kernel).
type news struct {
	dataAcked, retransAcked, origSacked, dataSacked bool
	advanced, windowGrew, hasData, timer            bool
	dsack, lostRetransmit                           bool
	synAcked                                        bool
	firstSent, lastSent                             Time // of what it acknowledged and was sent once; -1 without
	firstSacked, lastSacked                         Time
	reord                                           int64 // lowest sequence number that came late
	priorUna, priorFack                             int64
	priorDelivered                                  int64 // how many had been delivered when the newest acknowledged was sent; -1 without
	rtt                                             int64 // for congestion control, microseconds; -1 without
}

func (f *news) notDup() bool   { return f.hasData || f.windowGrew || f.dataAcked || f.synAcked }
func (f *news) progress() bool { return f.dataAcked || f.dataSacked }

// ackIn takes the acknowledgement that a segment carries.
func (s *socket) ackIn(now Time, g *Segment) {
	s.probes = 0
	s.lastAck = now
	s.echo = g.TSEcr
	f := news{firstSent: -1, lastSent: -1, firstSacked: -1, lastSacked: -1, reord: infiniteSeq, priorUna: s.una, priorDelivered: -1, rtt: -1,
		hasData: g.End > g.Seq, priorFack: s.una}
	if g.Ack > s.nxt {
		return
	}
	before, lost := s.delivered, s.lostTotal
	if s.sackedOut > 0 {
		f.priorFack = s.fack
	}
	if g.Ack >= s.una {
		if w := g.Window; g.Ack > s.una || g.Seq > s.wl1 || g.Seq == s.wl1 && (w > s.wnd || w == 0) {
			f.windowGrew = w != s.wnd
			s.wnd, s.wl1 = w, g.Seq
			s.maxWnd = max(s.maxWnd, w)
		}
	}
	if g.Ack > s.una {
		f.advanced = true
		s.retransmits = 0
		s.una = g.Ack
	} else if g.Ack < s.una && g.Sacks == 0 {
		return
	}
	if g.Sacks > 0 {
		s.sackIn(now, g, &f)
	} else {
		s.cache = [4]Range{}
	}
	if s.sent.n == 0 && !f.advanced {
		s.probeAnswered(now)
		return
	}
	s.clean(now, &f)
	s.updateReoWindow(&f)
	if s.tlpHigh > 0 {
		s.tlpAcked(now, g.Ack, &f)
	}
	rexmit := rexmitNone
	if !f.notDup() || f.dataSacked || f.dsack || s.ca != caOpen {
		rexmit = s.alert(now, &f)
	}
	if f.timer {
		s.setTimer(now)
	}
	s.control(now, s.delivered-before, s.lostTotal-lost, &f)
	s.recover(now, rexmit)
	if s.sent.n == 0 {
		s.probeAnswered(now)
	}
	if s.finSent && s.una == s.nxt && s.sent.n == 0 {
		s.finAcked = true
	}
}

const infiniteSeq = int64(1) << 62

// sackIn is tcp_sacktag_write_queue.
func (s *socket) sackIn(now Time, g *Segment, f *news) {
	blocks := g.Sack[:g.Sacks]
	// A first block below the ACK or inside the second one is a D-SACK (RFC 2883).
	if d := blocks[0]; d.From < g.Ack || len(blocks) > 1 && d.From >= blocks[1].From && d.To <= blocks[1].To {
		f.dsack = true
		s.dsackSeen = true
		if s.undoMarker >= 0 && s.undoRetrans > 0 && d.To <= f.priorUna && d.To > s.undoMarker {
			s.undoRetrans--
		}
		s.dupSack(d, f)
		blocks = blocks[1:]
	}
	for i := range blocks {
		b := blocks[i]
		for _, old := range s.cache { // what an earlier ACK has told need not be looked at again
			switch {
			case old.To <= b.From || old.From >= b.To:
			case old.From <= b.From:
				b.From = min(old.To, b.To)
			case old.To >= b.To:
				b.To = old.From
			default:
				s.sackRange(now, Range{b.From, old.From}, f)
				b.From = old.To
			}
		}
		s.sackRange(now, b, f)
	}
	s.cache = [4]Range{}
	copy(s.cache[:], blocks)
	if f.reord < infiniteSeq {
		s.checkReordering(f.reord)
	}
}

// find is the number of the first record that ends behind a sequence number.
func (s *socket) find(seq int64) int64 {
	lo, hi := 0, s.sent.n
	for lo < hi {
		if mid := (lo + hi) / 2; s.sent.at(mid).end > seq {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return s.sent.base + int64(lo)
}

// dupSack: a copy of what had arrived already came. If it was sent again in
// vain, that retransmission is over.
func (s *socket) dupSack(d Range, f *news) {
	for n := s.find(d.From); n < s.sent.end(); n++ {
		r := s.sent.get(n)
		if r.end > d.To {
			return
		}
		if r.flags&flagEver != 0 {
			if s.undoMarker >= 0 && s.undoRetrans > 0 && r.end > s.undoMarker {
				s.undoRetrans--
			}
			if r.flags&flagSacked != 0 {
				f.reord = min(f.reord, r.seq)
			}
		}
		if r.flags&flagRetrans != 0 {
			r.flags &^= flagRetrans
			s.retransOut--
		}
	}
}

// sackRange marks the records of a block (tcp_sacktag_one).
func (s *socket) sackRange(now Time, b Range, f *news) {
	if b.From >= b.To {
		return
	}
	high := s.una
	if s.sackedOut > 0 {
		high = s.fack
	}
	for n := s.find(b.From); n < s.sent.end(); n++ {
		r := s.sent.get(n)
		if r.end > b.To {
			return
		}
		if r.seq < b.From || r.flags&flagSacked != 0 {
			continue
		}
		s.rackAdvance(now, r)
		switch {
		case r.flags&flagRetrans != 0:
			if r.flags&flagLost != 0 {
				r.flags &^= flagRetrans
				s.retransOut--
			}
		case r.flags&flagEver == 0:
			if r.seq < high {
				f.reord = min(f.reord, r.seq)
			}
			if r.end <= s.highSeq {
				f.origSacked = true
			}
			if f.firstSacked < 0 {
				f.firstSacked = r.at
			}
			f.lastSacked = r.at
		}
		if r.flags&flagLost != 0 {
			r.flags &^= flagLost
			s.lostOut--
		}
		r.flags |= flagSacked
		s.delist(n)
		f.dataSacked = true
		s.sackedOut++
		s.delivered++
		f.priorDelivered = max(f.priorDelivered, r.delivered)
		if s.sackedOut == 1 || r.end > s.fack {
			s.fack = r.end
		}
	}
}

// clean is tcp_clean_rtx_queue: what is acknowledged is forgotten, and times are
// taken from what was sent only once (Karn; RFC 6298 3).
func (s *socket) clean(now Time, f *news) {
	sackAgain := f.reord
	f.reord = infiniteSeq
	for s.sent.n > 0 {
		r := s.sent.at(0)
		if r.end > s.una {
			break
		}
		if r.flags&flagEver != 0 {
			if r.flags&flagRetrans != 0 {
				s.retransOut--
			}
			f.retransAcked = true
		} else if r.flags&flagSacked == 0 {
			f.lastSent = r.at
			if f.firstSent < 0 {
				f.firstSent = r.at
			}
			f.reord = min(f.reord, r.seq)
			if r.end <= s.highSeq {
				f.origSacked = true
			}
		}
		if r.flags&flagSacked != 0 {
			s.sackedOut--
		} else {
			s.delivered++
			s.rackAdvance(now, r)
			f.priorDelivered = max(f.priorDelivered, r.delivered)
		}
		if r.flags&flagLost != 0 {
			s.lostOut--
		}
		s.spare -= s.cost(r.end - r.seq)
		f.dataAcked = true
		s.delist(s.sent.base)
		s.sent.pop()
	}
	if f.dataAcked {
		f.timer = true
		if f.reord < f.priorFack {
			s.checkReordering(f.reord)
		}
	}
	f.reord = min(f.reord, sackAgain)
	seqRTT, sackRTT := int64(-1), int64(-1)
	if f.firstSent >= 0 && !f.retransAcked {
		seqRTT, f.rtt = micro(now-f.firstSent), micro(now-f.lastSent)
	}
	if f.firstSacked >= 0 {
		sackRTT, f.rtt = micro(now-f.firstSacked), micro(now-f.lastSacked)
	}
	took := s.takeRTT(now, f, seqRTT, sackRTT)
	if !f.dataAcked && took && sackRTT >= 0 && s.sent.n > 0 && sackRTT > micro(now-s.sent.at(0).at) {
		f.timer = true
	}
	if f.dataAcked && s.o.Congestion == Cubic {
		s.cubic.acked(now, s, f.rtt)
	}
}

// checkReordering is tcp_check_sack_reordering.
func (s *socket) checkReordering(low int64) {
	fack := s.una
	if s.sackedOut > 0 {
		fack = s.fack
	}
	if low >= fack {
		return
	}
	s.reordering = min(max(s.reordering, (fack-low+s.o.MSS-1)/s.o.MSS), 300)
	s.reordSeen = true
}

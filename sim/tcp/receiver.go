package tcp

// receiver is the half of a socket that takes data: net/ipv4/tcp_input.c
// (tcp_data_queue and what hangs on it), tcp_output.c (windows, delayed ACKs).
type receiver struct {
	rcvNxt   int64 // next sequence number expected
	irs      bool  // the peer's SYN has come
	read     int64 // stream bytes that the application has read
	hungry   bool  // the application reads whatever comes, at once
	finAt    int64 // sequence number of the peer's FIN, 0 while unknown
	finTaken bool  // it is in order
	ooo      []Range
	recent   [4]Range // SACK blocks, newest first
	recents  int
	dsack    Range

	rcvbuf, rcvWnd, wup  int64 // buffer; window that was offered at the sequence number wup
	rcvSsthresh, rcvMSS  int64
	lastSize             int64
	spaceSeq, spaceBytes int64 // receive buffer tuning (tcp_rcv_space_adjust)
	spaceAt              Time
	rcvRTT               int64
	tsRecent             int64
	rttEcho              int64

	ackPending       bool
	ackNow           bool
	pushed, pushed2  bool
	quick            int64
	pingpong         int
	ato              Time
	lastReceived     Time
	delackAt         Time
	compressed       int
	compressedAt     Time
	dupACKs          int
	compressedRcvNxt int64
}

const (
	maxQuickACKs    = 16  // TCP_MAX_QUICKACKS
	defaultMSS      = 536 // TCP_MSS_DEFAULT
	compressACKs    = 44  // tcp_comp_sack_nr
	compressDelay   = Millisecond
	pingpongThresh  = 1 // TCP_PINGPONG_THRESH
	fastRetransDups = 3 // TCP_FASTRETRANS_THRESH
)

func (r *receiver) reset(o *Options, ooo []Range) {
	*r = receiver{rcvbuf: o.RmemInit, ooo: ooo, delackAt: Never, compressedAt: Never, hungry: true, ato: 0}
	r.rcvWnd = min(o.RmemInit/2, 65535) / o.MSS * o.MSS
	r.rcvSsthresh = r.rcvWnd
}

// opened is tcp_init_buffer_space and tcp_initialize_rcv_mss.
func (s *socket) opened(now Time) {
	s.rcvMSS = min(s.o.MSS, s.rcvWnd/2, defaultMSS)
	s.spaceSeq, s.spaceAt = s.read, now
	s.spaceBytes = min(s.rcvWnd, s.o.InitCwnd*s.o.MSS)
	s.lastReceived = now
}

// arrived is how many stream bytes are there in order.
func (r *receiver) arrived() int64 {
	n := max(r.rcvNxt-1, 0)
	if r.finTaken {
		n--
	}
	return n
}

// unread is what the receive buffer holds.
func (r *receiver) unread() int64 {
	n := r.arrived() - r.read
	for _, x := range r.ooo {
		n += x.To - x.From
	}
	return n
}

// window is what is left of the window that was offered.
func (r *receiver) window() int64 { return max(r.wup+r.rcvWnd-r.rcvNxt, 0) }

// data takes a segment with payload or a FIN.
func (s *socket) data(now Time, g *Segment) {
	switch {
	case g.End <= s.rcvNxt: // old: the peer sent it again for nothing
		s.dsack = Range{g.Seq, g.End}
		s.enterQuick()
		s.ackPending, s.ackNow = true, true
		return
	case g.Seq >= s.rcvNxt+s.window() && !(s.window() == 0 && g.Seq == s.rcvNxt && g.Payload() == 0):
		s.enterQuick()
		s.ackPending, s.ackNow = true, true
		return
	}
	if g.Flags&FIN != 0 {
		s.finAt = g.End - 1
	}
	if g.Seq > s.rcvNxt {
		s.outOfOrder(g)
		return
	}
	if g.Seq < s.rcvNxt {
		s.dsack = Range{g.Seq, s.rcvNxt}
		s.enterQuick()
	}
	gap := len(s.ooo) > 0
	s.measure(g)
	s.rcvNxt = g.End
	s.received(now, g)
	for len(s.ooo) > 0 && s.ooo[0].From <= s.rcvNxt {
		s.rcvNxt = max(s.rcvNxt, s.ooo[0].To)
		copy(s.ooo, s.ooo[1:])
		s.ooo = s.ooo[:len(s.ooo)-1]
	}
	if gap {
		s.pruneSacks()
		if len(s.ooo) == 0 { // RFC 5681 4.2: a gap was filled
			s.ackNow = true
		}
	}
	if s.finAt > 0 && s.rcvNxt == s.finAt+1 && !s.finTaken {
		s.finTaken = true
		s.ackNow = true
	}
	if s.hungry {
		s.consume(now)
	}
}

// outOfOrder keeps a segment behind a gap and reports it (tcp_data_queue_ofo).
func (s *socket) outOfOrder(g *Segment) {
	s.ackPending = true
	if g.Payload() >= 128 {
		s.growWindow(g.Payload())
	}
	r := Range{g.Seq, g.End}
	i := len(s.ooo)
	for i > 0 && s.ooo[i-1].From > r.From {
		i--
	}
	if i > 0 && s.ooo[i-1].To >= r.To || i < len(s.ooo) && s.ooo[i].From == r.From && s.ooo[i].To >= r.To {
		s.dsack = r
		s.ackNow = true
		return
	}
	if i > 0 && s.ooo[i-1].To >= r.From {
		i--
		s.ooo[i].To = max(s.ooo[i].To, r.To)
	} else {
		s.ooo = append(s.ooo, Range{})
		copy(s.ooo[i+1:], s.ooo[i:])
		s.ooo[i] = r
	}
	j := i + 1
	for j < len(s.ooo) && s.ooo[j].From <= s.ooo[i].To {
		s.ooo[i].To = max(s.ooo[i].To, s.ooo[j].To)
		j++
	}
	s.ooo = append(s.ooo[:i+1], s.ooo[j:]...)
	s.newSack(s.ooo[i])
}

// newSack puts a block first among those to report (tcp_sack_new_ofo_skb).
func (s *socket) newSack(r Range) {
	n := 1
	list := [4]Range{r}
	for _, old := range s.recent[:s.recents] {
		if n < len(list) && (old.To < r.From || old.From > r.To) {
			list[n] = old
			n++
		}
	}
	s.recent, s.recents = list, n
}

// pruneSacks forgets blocks that are in order now (tcp_sack_remove).
func (s *socket) pruneSacks() {
	n := 0
	for _, old := range s.recent[:s.recents] {
		if old.From >= s.rcvNxt {
			s.recent[n] = old
			n++
		}
	}
	s.recents = n
}

// measure is tcp_measure_rcv_mss: how long the peer's segments are, and whether
// one was shorter, which means that the peer has written all it had.
func (s *socket) measure(g *Segment) {
	n := g.Payload()
	if n >= s.rcvMSS {
		s.rcvMSS = min(n, s.o.MSS)
		s.lastSize = 0
		s.pushed = s.pushed || g.Flags&PSH != 0
		return
	}
	if n >= defaultMSS {
		last := s.lastSize
		s.lastSize = n
		if n == last {
			s.rcvMSS = n
			return
		}
	}
	s.pushed2 = s.pushed2 || s.pushed
	s.pushed = true
}

// measureRTT is tcp_rcv_rtt_measure_ts: what the sender echoes says how long a
// round takes.
func (s *socket) measureRTT(now Time, g *Segment) {
	if g.TSEcr == 0 || g.TSEcr == s.rttEcho || g.Payload() < s.rcvMSS {
		return
	}
	s.rttEcho = g.TSEcr
	m := max(stamp(now)-g.TSEcr, 1) * 1000
	if s.rcvRTT == 0 || m < s.rcvRTT {
		s.rcvRTT = m
	} else {
		s.rcvRTT += (m - s.rcvRTT) >> 3
	}
}

// growWindow is tcp_grow_window: slow start of the window that is offered.
func (s *socket) growWindow(n int64) {
	room := min(s.rcvbuf/2, s.rcvbuf/2-s.unread()) - s.rcvSsthresh
	if room <= 0 {
		return
	}
	s.quick |= 1
	s.rcvSsthresh += min(room, max(2*s.o.MSS, 2*n))
}

// adjust is tcp_rcv_space_adjust: the buffer follows what the application reads
// in a round.
func (s *socket) adjust(now Time) {
	if s.rcvRTT == 0 || now-s.spaceAt < s.rcvRTT*Microsecond {
		return
	}
	copied := s.read - s.spaceSeq
	if copied > s.spaceBytes {
		win := copied*2 + 16*s.o.MSS
		win += win * (copied - s.spaceBytes) / max(s.spaceBytes, 1) * 2
		if n := min(2*win, s.o.RmemMax); n > s.rcvbuf {
			s.rcvbuf = n
		}
		s.spaceBytes = copied
	}
	s.spaceSeq, s.spaceAt = s.read, now
}

// consume lets the application read all that is there (tcp_cleanup_rbuf).
func (s *socket) consume(now Time) {
	n := s.arrived() - s.read
	if n <= 0 {
		return
	}
	s.read += n
	s.adjust(now)
	if s.ackPending && (s.rcvNxt-s.wup > s.rcvMSS || s.pushed2 || s.pushed && s.pingpong < pingpongThresh) {
		s.ackNow = true
	}
	if w := s.window(); !s.ackNow && 2*w <= s.rcvbuf/2 {
		if to := s.selectWindow(); to > 0 && to >= 2*w {
			s.ackNow = true
		}
	}
}

// selectWindow is __tcp_select_window.
func (s *socket) selectWindow() int64 {
	whole := s.rcvbuf / 2
	free := whole - s.unread()
	mss := min(max(s.rcvMSS, 1), whole)
	if free < whole/2 {
		s.quick = 0
		s.rcvSsthresh = min(s.rcvSsthresh, 4*s.o.MSS)
		if free < whole>>4 || free < mss {
			return 0
		}
	}
	return min(free, s.rcvSsthresh)
}

// offer is tcp_select_window: a window is never taken back.
func (s *socket) offer() int64 {
	s.rcvWnd = max(s.selectWindow(), s.window())
	s.wup = s.rcvNxt
	return s.rcvWnd
}

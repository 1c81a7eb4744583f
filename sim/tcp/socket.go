package tcp

// State is where a socket stands (RFC 9293 3.3.2). What is closed in which
// direction is kept beside it.
type State uint8

// The states.
const (
	Idle        State = iota
	SynSent           // dialed
	SynReceived       // the peer's SYN was answered
	Open              // established; closed directions are flags
	Dead              // nothing is left of it but an RST for whatever still comes
	Gone              // its host has no power: nothing is left, nothing answers
)

// caState is the state of loss recovery (enum tcp_ca_state in uapi/linux/tcp.h).
type caState uint8

const (
	caOpen     caState = iota
	caDisorder         // something was SACKed; perhaps only out of order
	caCWR              // the window was reduced for another reason
	caRecovery         // fast recovery
	caLoss             // a retransmission timeout
)

// The timer that runs for what was sent is one of these (icsk_pending).
type timer uint8

const (
	noTimer    timer = iota
	rtoTimer         // ICSK_TIME_RETRANS
	tlpTimer         // ICSK_TIME_LOSS_PROBE
	reoTimer         // ICSK_TIME_REO_TIMEOUT
	probeTimer       // ICSK_TIME_PROBE0
)

const (
	flagSacked  uint8 = 1 << iota
	flagLost          // taken for lost
	flagRetrans       // sent again, and that copy is not taken for lost
	flagEver          // was ever sent again
)

// record is a segment that was sent and is not acknowledged.
type record struct {
	seq, end   int64
	at         Time  // when it was last sent
	delivered  int64 // how many segments had been delivered then
	prev, next int64 // neighbours in the order of sending, by number; -1
	flags      uint8
	listed     bool // is in that order
	fin        bool
}

const infinite = 0x7fffffff // TCP_INFINITE_SSTHRESH

// socket is one end of a connection.
type socket struct {
	o     *Options
	c     *Conn
	side  int
	state State

	// The application's side, in stream bytes.
	offered int64 // what it wants to send in all
	taken   int64 // what the socket took of that
	full    bool  // it took no more (EAGAIN) and has not called for more (EPOLLOUT)
	closing bool  // the application closed it: a FIN follows what was taken
	orphan  bool  // nobody holds it any more
	sndbuf  int64

	// The sender, in sequence numbers.
	una, nxt, wnd int64 // first not acknowledged; next new; the peer's window behind una
	maxWnd        int64 // the largest window that the peer offered
	wl1           int64 // sequence number of the segment that last set it
	oowAt         Time  // last answer to a segment outside of the window
	synAt         Time
	syns          int  // SYNs (or SYN-ACKs) sent
	finSent       bool // a FIN was sent, it is the last record
	finAcked      bool
	timeWait      bool // it ended in order
	sent          ring[record]
	first, final  int64 // the ends of the order of sending
	sackedOut     int64
	lostOut       int64
	retransOut    int64
	hint          int64 // no record before it waits to be sent again
	fack          int64 // end of the highest that was SACKed
	cache         [4]Range
	delivered     int64
	lostTotal     int64
	spare         int64 // bytes of bookkeeping for what was sent

	// Congestion.
	ca                               caState
	cwnd, cwndCnt, ssthresh          int64
	priorSsthresh, priorCwnd         int64
	prrDelivered, prrOut             int64
	highSeq                          int64
	cwndUsed, cwndAt, usageSeq, most int64
	limited                          bool
	undoMarker, undoRetrans          int64 // marker -1: none
	echo                             int64 // the timestamp that the last ACK echoed
	retransStamp                     int64 // timestamp clock; 0 without
	reordering                       int64
	reordSeen                        bool
	frto                             bool
	retransmits                      int
	cubic                            cubic

	// RACK and TLP (RFC 8985).
	rackAt, rackEnd, rackRTT int64
	rackAdvanced             bool
	dsackSeen                bool
	reoSteps, reoPersist     int64
	rackDelivered            int64
	tlpHigh                  int64 // 0: no probe is out
	tlpAgain                 bool

	// RTT in microseconds, as the kernel scales it.
	srtt, mdev, mdevMax, rttvar, rttSeq int64
	minRTT, minRTTAt                    int64
	rto                                 Time
	backoff                             int
	pending                             timer
	pendingAt                           Time
	probes                              int // probes without an answer
	probesAt                            Time
	lastSent                            Time // last segment with data
	lastAck                             Time // last segment with an ACK (rcv_tstamp)
	keepAt                              Time
	endAt                               Time // when an orphan that waits for a FIN ends

	receiver
}

func (s *socket) reset(o *Options, c *Conn, side int) {
	sent, ooo := s.sent, s.receiver.ooo[:0]
	sent.clear()
	*s = socket{o: o, c: c, side: side, sent: sent, first: -1, final: -1, undoMarker: -1, wnd: 1, cwnd: o.InitCwnd, ssthresh: infinite,
		reordering: 3, reoSteps: 1, rto: o.RTOInitial, keepAt: Never, endAt: Never, pendingAt: Never, sndbuf: o.WmemInit}
	s.receiver.reset(o, ooo)
}

// micro is a time in the kernel's microseconds.
func micro(t Time) int64 { return t / Microsecond }

// stamp is the clock of timestamps: milliseconds, never 0.
func stamp(t Time) int64 { return t/Millisecond + 1 }

// top is the sequence number behind what the socket took.
func (s *socket) top() int64 { return 1 + s.taken }

func (s *socket) packetsOut() int64 { return int64(s.sent.n) }

func (s *socket) inFlight() int64 {
	return s.packetsOut() - s.sackedOut - s.lostOut + s.retransOut
}

func (s *socket) reducing() bool { return s.ca == caCWR || s.ca == caRecovery }

func (s *socket) slowStart() bool { return s.cwnd < s.ssthresh }

// currentSsthresh is tcp_current_ssthresh.
func (s *socket) currentSsthresh() int64 {
	if s.reducing() {
		return s.ssthresh
	}
	return max(s.ssthresh, s.cwnd>>1+s.cwnd>>2)
}

// perSegment is what the kernel books for a full segment (tcp_sndbuf_expand):
// payload and headers rounded up to a power of two, and the sk_buff.
func (o *Options) perSegment() int64 {
	n := int64(256)
	for n < o.MSS+640 {
		n *= 2
	}
	return n + 256
}

// smallBuffer is what a segment costs beside its payload when it was written
// alone, largeBuffer when it was cut from a large write (44 of them share a buffer).
const (
	smallBuffer = 1280
	largeBuffer = 32
)

func (s *socket) cost(n int64) int64 {
	if n < s.o.MSS {
		return smallBuffer
	}
	return largeBuffer
}

// queued is what the send buffer holds, bookkeeping included (sk_wmem_queued).
func (s *socket) queued() int64 {
	return max(s.top()-max(s.una, 1), 0) + s.spare
}

// fill takes from the application what the send buffer has room for. How much
// that is hangs on how much was offered in all, not on how it was cut into writes.
func (s *socket) fill() {
	if s.state != Open || s.closing || s.full || s.offered <= s.taken {
		return
	}
	for s.taken < s.offered {
		room := s.sndbuf - s.queued()
		if room <= 0 {
			s.full = true
			return
		}
		s.taken += min(room, s.offered-s.taken)
	}
}

// space lets a full send buffer grow with the congestion window (tcp_new_space,
// tcp_should_expand_sndbuf) and calls for more when a third of it is free
// (sk_stream_is_writeable).
func (s *socket) space() {
	if !s.full {
		return
	}
	if s.inFlight() < s.cwnd {
		s.expand()
	}
	if q := s.queued(); s.sndbuf-q >= q/2 {
		s.full = false
		s.fill()
	}
}

// expand is tcp_sndbuf_expand: twice the congestion window.
func (s *socket) expand() {
	n := 2 * max(s.o.InitCwnd, s.cwnd, s.reordering+1) * s.o.perSegment()
	if n > s.sndbuf {
		s.sndbuf = min(n, max(s.o.WmemMax, s.sndbuf))
	}
}

// established prepares what begins with the handshake's end (tcp_init_transfer).
func (s *socket) established(now Time) {
	s.state = Open
	s.wnd = max(s.wnd, 0)
	s.expand()
	s.lastAck, s.lastSent, s.cwndAt = now, now, now
	if s.syns > 1 { // its SYN was lost
		s.cwnd = 1
		if s.syns == 2 {
			s.cwnd = s.o.InitCwnd
		}
	}
	if s.srtt == 0 { // RFC 6298 5.7
		s.mdev, s.rttvar, s.mdevMax = 3_000_000, 3_000_000, 3_000_000
		s.rto = 3 * Second
	}
	s.cubic.reset(now, s)
	s.retransmits, s.backoff = 0, 0
	if s.o.KeepIdle > 0 {
		s.keepAt = now + s.o.KeepIdle
	}
	s.opened(now)
}

// restart is tcp_slow_start_after_idle_check and tcp_cwnd_restart: a window that
// was not used for an RTO decays (RFC 2861). The kernel looks when the application
// writes, which is when the segment leaves unless the peer's window is closed.
func (s *socket) restart(now Time) {
	idle := now - s.lastSent
	if s.o.NoSlowStartAfterIdle || idle <= s.rto {
		return
	}
	floor := min(s.o.InitCwnd, s.cwnd)
	s.ssthresh = s.currentSsthresh()
	for idle -= s.rto; idle > 0 && s.cwnd > floor; idle -= s.rto {
		s.cwnd >>= 1
	}
	s.cwnd = max(s.cwnd, floor)
	s.cwndAt, s.cwndUsed = now, 0
}

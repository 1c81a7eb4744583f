package tcp

// What the driver of a connection may ask and do.

// Events are what has happened since the last call. The slice is valid until the
// next call of any method.
func (c *Conn) Events() []Event {
	e := c.events
	c.events = c.events[:0]
	return e
}

// Tells says that Events would give something.
func (c *Conn) Tells() bool { return len(c.events) > 0 }

// Offer says how many bytes the application of a side wants to have sent, in
// all. The socket takes what it has room for; see Taken.
func (c *Conn) Offer(now Time, side int, total int64) {
	s := &c.ends[side]
	if total <= s.offered {
		return
	}
	s.offered = total
	taken := s.taken
	if s.fill(); s.taken > taken { // nobody calls a kernel whose socket is full
		s.push(now, false)
	}
}

// Taken is how many bytes a side's socket has taken, in all.
func (c *Conn) Taken(side int) int64 { return c.ends[side].taken }

// Takes is up to which byte a side's socket would take now, should the
// application offer so much.
func (c *Conn) Takes(side int) int64 {
	s := &c.ends[side]
	if s.full || s.state != Open || s.closing {
		return s.taken
	}
	return s.taken + max(s.sndbuf-s.queued(), 0)
}

// Blocked says that a side's next byte would wait in the socket for an ACK, a
// window or the end of the handshake: offering it at once or with the next Step is
// the same. A socket that is not blocked must be offered each byte when it is there.
func (c *Conn) Blocked(side int) bool {
	s := &c.ends[side]
	switch {
	case s.state != Open:
		return true
	case s.sent.n == 0: // each write lets a window that is not used decay; see restart
		return s.nxt < s.top() && s.full
	}
	return s.nxt < s.top() || s.inFlight() >= s.cwnd || s.nxt+1 > s.una+s.wnd
}

// Arrived is how many bytes a side has received in order, in all: its
// application may have them.
func (c *Conn) Arrived(side int) int64 { return c.ends[side].arrived() }

// Acked is how many bytes of a side the peer's kernel has confirmed.
func (c *Conn) Acked(side int) int64 { return min(max(c.ends[side].una-1, 0), c.ends[side].taken) }

// Reads says whether a side's application reads all that comes, at once: true at
// first. When it begins again it reads what waits.
func (c *Conn) Reads(now Time, side int, on bool) {
	s := &c.ends[side]
	if s.hungry == on {
		return
	}
	s.hungry = on
	if on && s.state == Open {
		s.consume(now)
		if s.ackNow {
			s.sendACK(now)
		}
	}
}

// Close lets the application of a side close its socket: what it took is still
// sent, then a FIN; an RST instead if something was not read (tcp_close).
func (c *Conn) Close(now Time, side int) {
	s := &c.ends[side]
	switch s.state {
	case Open:
		s.offered = s.taken
		s.orphan = true
		if s.arrived() > s.read {
			s.state = Dead
			s.disarm()
			s.sendRST(now)
			return
		}
		s.full, s.closing = false, true
		s.endAt = Never
		if !s.finTaken {
			s.endAt = now + s.o.giveUp(s.o.OrphanRetries) + s.o.FinTimeout
		}
		s.keepAt = Never
		s.settle(now)
	case SynSent, SynReceived, Idle:
		if s.state == SynReceived {
			s.sendRST(now)
		}
		s.state = Dead
		s.disarm()
	}
}

// Abort ends a side with an RST, as SO_LINGER 0 or a tcpkill would.
func (c *Conn) Abort(now Time, side int) {
	s := &c.ends[side]
	if s.state == Open || s.state == SynReceived {
		s.sendRST(now)
	}
	if s.state < Dead {
		s.state = Dead
		s.disarm()
	}
}

// Vanish takes the power from a side's host: it says nothing any more. Return
// lets the host be there again, without any memory of the connection: whatever
// comes is answered with an RST.
func (c *Conn) Vanish(side int) { c.ends[side].state = Gone }

// Return: see Vanish.
func (c *Conn) Return(side int) {
	if s := &c.ends[side]; s.state == Gone {
		s.state = Dead
	}
}

// Kill ends both sides at once, silently: what is on the way is gone.
func (c *Conn) Kill() {
	for i := range c.ends {
		c.ends[i].state = Gone
		c.air[i].clear()
	}
}

// Done says that nothing is left: no socket that holds anything, no segment on
// its way.
func (c *Conn) Done() bool {
	return c.ends[0].state >= Dead && c.ends[1].state >= Dead && c.air[0].n+c.air[1].n == 0
}

// State is where a side's socket stands.
func (c *Conn) State(side int) State { return c.ends[side].state }

// Cwnd, Ssthresh and SRTT tell of a side's sender: segments, segments and
// nanoseconds.
func (c *Conn) Cwnd(side int) int64 { return c.ends[side].cwnd }

// Ssthresh: see Cwnd.
func (c *Conn) Ssthresh(side int) int64 { return c.ends[side].ssthresh }

// SRTT: see Cwnd.
func (c *Conn) SRTT(side int) Time { return c.ends[side].srtt >> 3 * Microsecond }

// RTO is a side's present retransmission timeout.
func (c *Conn) RTO(side int) Time { return c.ends[side].rto }

// Check holds the books of both senders against what they stand for; the error
// is our bug. It walks over all that was sent: for tests.
func (c *Conn) Check() string {
	for i := range c.ends {
		if what := c.ends[i].check(); what != "" {
			return what
		}
	}
	return ""
}

func (s *socket) check() string {
	var sacked, lost, retrans, spare int64
	seq := s.una
	for i := range s.sent.n {
		r := s.sent.at(i)
		if r.seq != seq && i > 0 || r.seq > seq {
			return "tcp: what was sent has a hole"
		}
		seq = r.end
		if r.flags&flagSacked != 0 {
			sacked++
		}
		if r.flags&flagLost != 0 {
			lost++
		}
		if r.flags&flagRetrans != 0 {
			retrans++
		}
		spare += s.cost(r.end - r.seq)
	}
	switch {
	case s.sent.n > 0 && seq != s.nxt:
		return "tcp: what was sent does not end at the next number"
	case sacked != s.sackedOut || lost != s.lostOut || retrans != s.retransOut:
		return "tcp: the counts of segments are wrong"
	case s.state == Open && spare != s.spare:
		return "tcp: the send buffer's books are wrong"
	case s.cwnd < 1:
		return "tcp: no window"
	case s.sent.n > 0 && s.state == Open && s.pending == noTimer:
		return "tcp: something was sent and no timer runs"
	}
	peer := &s.c.ends[1-s.side]
	if peer.arrived() > s.taken {
		return "tcp: more has arrived than was sent"
	}
	if peer.state == Open && s.state == Open && s.una-1 > peer.rcvNxt-1 {
		return "tcp: more is acknowledged than has arrived"
	}
	return ""
}

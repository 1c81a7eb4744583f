package tcp

// Kind says what a connection tells its driver.
type Kind uint8

// What a connection tells.
const (
	Connected Kind = iota + 1 // the dialing side: its connect has worked
	Accepted                  // the other side: it may be accepted
	Refused                   // the dialing side: an RST answered its SYN
	TimedOut                  // retransmissions, SYNs or keepalive probes were in vain
	Broken                    // an RST came
	EndOfFile                 // the peer's FIN is in order: after Arrived bytes nothing follows
)

// Event is one thing that a connection tells.
type Event struct {
	Kind Kind
	Side uint8
}

// Tap hears every segment at both ends: for captures and for tests. S is valid
// during the call only.
type Tap interface {
	Segment(at Time, point Point, side int, s *Segment, fate Fate)
}

// Point is where a segment is heard.
type Point uint8

// The points.
const (
	Sent    Point = iota // it leaves side; fate says what becomes of it so far
	Arrived              // it came to the other side than the one that sent it: side is the sender
	Missed               // it was on its way and was lost there, because the link fell silent
)

// Conn is one TCP connection: two sockets and the segments between them. Side 0
// dials, side 1 accepts. It does nothing by itself: the driver calls Step at
// the instants that Next names, and reads what has happened.
type Conn struct {
	ends  [2]socket
	air   [2]ring[Segment] // on the way, by sender
	paths [2]*Path         // by sender
	opts  [2]Options
	at    Time
	// Tap, if it is set, hears the segments.
	Tap Tap
	// IdleDrop is after how long without a segment the network forgets the
	// connection and carries nothing of it any more (a NAT's or firewall's idle
	// timeout); 0 is never. IdleReset lets it answer with an RST instead.
	IdleDrop  Time
	IdleReset bool
	// NoListener lets side 1 answer SYNs with an RST.
	NoListener bool
	// Deaf lets side 1 say nothing to SYNs: its host has no power.
	Deaf bool
	// Counters since Reset.
	Segments, Retransmissions, Drops int64

	out       Segment // the one that leaves
	carried   Time    // last segment that the network took
	forgotten bool
	events    []Event
	seen      [2]bool // EndOfFile was told
}

// Reset makes it a new connection over two paths: there and back.
func (c *Conn) Reset(dialer, acceptor *Options, there, back *Path) {
	events := c.events[:0]
	ends, air := c.ends, c.air
	*c = Conn{ends: ends, air: air, paths: [2]*Path{there, back}, opts: [2]Options{*dialer, *acceptor}, events: events}
	for i := range c.ends {
		c.ends[i].reset(&c.opts[i], c, i)
		c.air[i].clear()
	}
}

// Open lets side 0 dial.
func (c *Conn) Open(now Time) {
	c.at, c.carried = now, now
	s := &c.ends[0]
	s.state = SynSent
	s.sendSYN(now)
	s.settle(now)
}

// send gives a segment to the network.
func (c *Conn) send(now Time, side int, g *Segment) {
	c.Segments++
	fate := c.fate(now)
	g.sent = now
	var at, again Time
	if fate == Carried {
		at, again, fate = c.paths[side].send(now, g.Payload())
	}
	if fate == Carried {
		if g.Flags&SYN != 0 {
			at = max(at, now+Microsecond) // a kernel takes its time
		}
		g.arrives = at
		c.launch(side, g)
		c.carried = now
	} else {
		c.Drops++
	}
	if c.Tap != nil {
		c.Tap.Segment(now, Sent, side, g, fate)
	}
	if again > 0 && fate == Carried {
		g.arrives = again
		c.launch(side, g)
	}
}

// fate says whether the network still knows the connection.
func (c *Conn) fate(now Time) Fate {
	if c.forgotten || c.IdleDrop > 0 && now-c.carried >= c.IdleDrop {
		c.forgotten = true
		return Filtered
	}
	return Carried
}

// launch puts a segment among those on the way, in order of arrival.
func (c *Conn) launch(side int, g *Segment) {
	r := &c.air[side]
	r.push()
	i := r.n - 1
	for i > 0 && g.arrives < r.at(i-1).arrives {
		*r.at(i) = *r.at(i - 1)
		i--
	}
	*r.at(i) = *g
}

// Next is when something happens by itself, Never if nothing does.
func (c *Conn) Next() Time {
	at := Never
	for i := range c.ends {
		if c.air[i].n > 0 {
			at = min(at, c.air[i].at(0).arrives)
		}
		at = min(at, c.ends[i].due())
	}
	return at
}

// due is a socket's next timer.
func (s *socket) due() Time {
	if s.state >= Dead {
		return Never
	}
	return min(s.pendingAt, s.delackAt, s.compressedAt, s.keepAt, s.endAt)
}

// Step plays what is due by now: arrivals first, then timers, side 0 before
// side 1.
func (c *Conn) Step(now Time) {
	if now < c.at {
		panic("tcp: time runs backwards")
	}
	c.at = now
	for i := range c.air {
		for c.air[i].n > 0 && c.air[i].at(0).arrives <= now {
			g := c.air[i].at(0)
			c.air[i].pop()
			c.land(now, i, g) // it answers on the other way: this memory is not used again until then
		}
	}
	for i := range c.ends {
		if s := &c.ends[i]; s.due() <= now {
			s.tick(now)
		}
	}
}

// land lets a segment arrive, unless the link fell silent under it.
func (c *Conn) land(now Time, from int, g *Segment) {
	p, to := c.paths[from], &c.ends[1-from]
	point := Arrived
	if p.silent > 0 || p.since >= g.sent && p.since > 0 {
		point = Missed
		c.Drops++
	}
	if c.Tap != nil {
		c.Tap.Segment(now, point, from, g, Carried)
	}
	if point == Arrived && to.state != Gone {
		to.input(now, g)
	}
}

// tick plays a socket's timers that are due.
func (s *socket) tick(now Time) {
	if s.endAt <= now {
		s.state = Dead
		return
	}
	if s.compressedAt <= now {
		s.compressedAt = Never
		if s.ackPending || s.compressed > 0 {
			s.sendACK(now)
		}
	}
	if s.delackAt <= now {
		s.delayedACK(now)
	}
	if s.pendingAt <= now {
		if s.state == SynSent || s.state == SynReceived {
			s.synTimeout(now)
		} else {
			s.timeout(now)
			s.push(now, false)
		}
	}
	if s.state < Dead && s.keepAt <= now {
		s.keepAlive(now)
	}
	s.settle(now)
}

// input takes a segment from the network.
func (s *socket) input(now Time, g *Segment) {
	switch s.state {
	case Idle:
		s.listening(now, g)
	case SynSent:
		s.inSynSent(now, g)
	case SynReceived, Open:
		s.inOpen(now, g)
	case Dead:
		switch {
		case g.Flags&RST != 0:
		case !s.timeWait:
			s.sendRST(now)
		case g.Flags&FIN != 0: // TIME_WAIT: the last ACK was lost
			s.sendACK(now)
		}
	}
	s.settle(now)
}

// inOpen is tcp_rcv_established and tcp_rcv_state_process.
func (s *socket) inOpen(now Time, g *Segment) {
	if g.Flags&RST != 0 {
		s.fail(now, Broken)
		return
	}
	if g.Flags&SYN != 0 { // of a handshake whose end was lost
		if s.state == SynReceived { // tcp_check_req: it is answered again, and the timer set anew
			s.emit(now, 0, 1, SYN, true)
			s.arm(now, rtoTimer, min(s.o.RTOInitial<<max(s.syns-1, 0), s.o.RTOMax))
		} else {
			s.sendACK(now)
		}
		return
	}
	if s.state == SynReceived {
		if g.Ack < 1 {
			return
		}
		s.una = 1
		s.wnd, s.wl1 = g.Window, g.Seq
		s.maxWnd = max(s.maxWnd, g.Window)
		s.echo = g.TSEcr
		s.disarm()
		s.handshakeRTT(now)
		s.established(now)
		s.tell(Accepted)
	}
	if g.End < s.wup || g.Seq > s.rcvNxt+s.window() { // tcp_sequence: outside of the window
		if g.Payload() > 0 {
			s.dsack = Range{g.Seq, g.End}
			s.enterQuick()
		} else if s.oowAt > 0 && now-s.oowAt < Second/2 { // tcp_invalid_ratelimit
			return
		}
		s.oowAt = now
		s.sendACK(now)
		return
	}
	if g.Seq <= s.wup && g.TSVal > s.tsRecent { // tcp_replace_ts_recent
		s.tsRecent = g.TSVal
	}
	if g.Flags&ACK != 0 {
		s.ackIn(now, g)
		if s.state != Open {
			return
		}
	}
	if g.End > g.Seq {
		if s.orphan && g.Payload() > 0 && g.End > s.rcvNxt { // nobody will read it
			s.state = Dead
			s.sendRST(now)
			return
		}
		s.data(now, g)
	}
}

// settle sends what has become possible and the ACK that is due, and ends a
// socket whose work is done.
func (s *socket) settle(now Time) {
	if s.state != Open {
		return
	}
	s.space()
	s.fill()
	s.push(now, false)
	s.acknowledge(now)
	if s.finTaken && !s.orphan && !s.c.seen[s.side] {
		s.c.seen[s.side] = true
		s.tell(EndOfFile)
	}
	if s.orphan && s.finAcked && s.finTaken {
		s.state, s.timeWait = Dead, true
		s.disarm()
	}
}

// fail ends a socket at once.
func (s *socket) fail(now Time, why Kind) {
	told := s.orphan
	s.state = Dead
	s.disarm()
	s.delackAt, s.compressedAt = Never, Never
	if !told {
		s.tell(why)
	}
}

func (s *socket) tell(k Kind) { s.c.events = append(s.c.events, Event{k, uint8(s.side)}) }

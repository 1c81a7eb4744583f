package model

import (
	"time"
)

// ACKs that nobody waits for. A replica sends one a second, and its master notes when
// the last one came and what it says: each makes the one before it forgotten. So a
// driver may leave out all but the last, as long as nothing but that note hangs on them.

// AckPeriod is the time between two ACKs of the node while it follows its master's stream.
func (s *Server) AckPeriod() Instant { return turnsPerRepl * s.cron.period }

// AckDue is the next cron turn at which the node sends an ACK to its master, Never if
// it follows none or sends none. While it stays so the next ones are AckPeriod apart.
func (s *Server) AckDue() Instant {
	if s.up.state != upConnected || s.up.legacy || !s.cron.running || s.disk.loading {
		return Never
	}
	return s.cron.replDue(s.now)
}

// OnlyFollows says that the node takes its master's stream and sends ACKs of it, that nothing
// else comes of what it takes before the next wake that it wants (QuietDeadline), and that
// it is the same to it in how many parts it takes it; see Hear.
func (s *Server) OnlyFollows() bool {
	u := &s.up
	return u.state == upConnected && !u.legacy && !s.cfg.Bytes && !s.prof.CountsRead && s.aof.state == aofOff && len(u.asks) == 0 && u.ready == 0 &&
		!s.strained() && !s.Loading() && !s.busy() && !s.brittle() && u.done == s.mro
}

// PassAckTurn is Step with InWake at a turn at which the node sends an ACK, for one that
// OnlyFollows and whose driver has sent it. What it heard since may have been told before.
func (s *Server) PassAckTurn(at Instant) {
	c := &s.cron
	if !c.running || c.at(c.turnAt(at)) != at || c.turnAt(at)%turnsPerRepl != 0 {
		panic("model: a turn at which no ACK is sent")
	}
	c.next = max(c.next, c.turnAt(at)+1)
	s.now = max(s.now, at)
	s.seen = max(s.seen, floorDiv(int64(at)+s.cfg.Wall, int64(time.Millisecond)))
}

// NotesAcks says that an ACK that comes on a connection is noted, and that is all: its
// replica is online, what Calm says, and repl-timeout is not so short that it matters when.
func (s *Server) NotesAcks(id ConnID) bool {
	c := s.client(id)
	return c != nil && s.set.Timeout >= 5*time.Second && c.state == online && c.attached && !c.legacy && !c.onAck && !c.closing && !c.over && !c.kept && !c.rdbChannel && !c.blocked &&
		c.in.Empty() && s.Calm()
}

// Calm says that the node does nothing about the ACKs of replicas that are online but
// note them: no client waits for them, no end and no handover does, no write is refused
// for want of them; and that nothing ends with the next command that comes (a pause).
func (s *Server) Calm() bool {
	return s.pause.kind == pauseNone && s.failover.state == failoverNone && !s.stop.on && len(s.blocked) == 0 && !s.wantAcks && !s.minReplicas() && !s.Loading()
}

// LooksAtAcks says whether an InWake may look at what is known of replicas' ACKs, if
// all that are left out are assured: besides what Calm says, the last one is told of replicas
// that are dropped because the link to the node's own master times out. Inputs of other kinds
// may, but for InAppend, InStream, InSent and InSnapshotDone, as long as no output buffer comes
// to a limit (see LimitsAbove), and those of MindsAcks.
func (s *Server) LooksAtAcks() bool {
	return s.prof.DropsSubsOnLink && s.up.state != upNone || !s.Calm()
}

// MindsAcks says whether an input may look at what is known of the ACKs of replicas on
// other connections than its own. The end of a connection that the node accepted does not,
// nor does what a replica asks before it is one, or what a master says before it is asked for the stream.
func (s *Server) MindsAcks(in *Input) bool {
	if !s.Calm() {
		return true
	}
	if in.Conn >= 0 {
		return !s.onlyAsks(in)
	}
	switch in.Kind {
	case InDown:
		return false
	case InData:
		c := s.client(in.Conn)
		return c == nil || !c.in.Empty() || !shakesHands(in.Data)
	}
	return true
}

// onlyAsks says that nothing comes of an input on the connection to the node's master but
// that it dials, or asks the next thing on the way to the stream: no replica of it is dropped.
func (s *Server) onlyAsks(in *Input) bool {
	u := &s.up
	if in.Conn != u.conn || u.rdb.state != rdbNone || s.prof.DropsSubsOnLink || s.prof.PSYNC == 0 {
		return false
	}
	switch in.Kind {
	case InDown:
		return u.state == upConnecting || u.state == upConnected
	case InData:
		return (u.state == upPing || u.state == upConf) && (string(in.Data) == "+PONG\r\n" || string(in.Data) == "+OK\r\n")
	}
	return false
}

// shakesHands says that all of a text are whole commands with which a replica asks for the stream.
func shakesHands(text []byte) bool {
	for len(text) > 0 {
		n, rest := countOf(text, '*')
		psync := false
		for i := range n {
			size, next := countOf(rest, '$')
			if size < 0 || len(next) < size+2 {
				return false
			}
			if word := next[:size]; i == 0 {
				psync = is(word, "PSYNC")
				if !psync && !is(word, "PING") && !is(word, "AUTH") && !is(word, "REPLCONF") {
					return false
				}
			}
			rest = next[size+2:]
		}
		if n < 1 || psync && n != 3 { // PSYNC may hand the role of a master over, too
			return false
		}
		text = rest
	}
	return true
}

// countOf reads a line of a sign and a number of at most six digits, -1 if there is none.
func countOf(text []byte, sign byte) (n int, rest []byte) {
	if len(text) == 0 || text[0] != sign {
		return -1, nil
	}
	for i, c := range text[1:min(len(text), 9)] {
		switch {
		case c == '\r' && i > 0 && len(text) > i+2:
			return n, text[i+3:]
		case c < '0' || c > '9':
			return -1, nil
		}
		n = n*10 + int(c-'0')
	}
	return -1, nil
}

// assuredGap is the most that the clock moves between two ACKs, in seconds.
const assuredGap = 2 // MaxCronLate allows a tenth of a second on top of one

// Assure says that while it is on, ACKs of a replica come AckPeriod apart on a connection
// (below 0), or something of the master's stream at least as often as it sends PINGs
// (above 0), though the node is told of them late. So silence ends nothing: no wake is
// wanted for its sake.
func (s *Server) Assure(id ConnID, on bool) {
	if id == s.up.conn && id > 0 {
		s.up.assured = on
	} else if c := s.client(id); c != nil {
		c.assured = on
	}
}

// Patient says that the node's PINGs come more often than a replica of it minds silence.
func (s *Server) Patient(r *Server) bool {
	ping := time.Duration(s.AckPeriod()) * time.Duration(max(1, wholeSeconds(s.set.PingPeriod)))
	return s.up.host == "" && s.replicas() > 0 && ping+5*time.Second <= r.set.Timeout
}

// LimitsAbove says that no limit of replicas' output buffers is so small.
func (s *Server) LimitsAbove(bytes int64) bool {
	hard, soft := s.hardLimit(), s.set.SoftLimit
	return (hard == 0 || hard > bytes) && (soft == 0 || soft > bytes)
}

// noteAcks takes the last of some ACKs, which came a while ago. It is the same as
// InData with each of them at its time.
func (s *Server) noteAcks(in *Input) {
	if !s.NotesAcks(in.Conn) {
		panic("model: an ACK that somebody waits for was not told in time")
	}
	c := s.client(in.Conn)
	c.in.Feed(in.Data)
	args, _, ok, err := c.in.Next()
	if err != nil || !ok || len(args) != 3 || !is(args[0], "REPLCONF") || !is(args[1], "ACK") || !c.in.Empty() {
		panic("model: what the driver calls an ACK is none")
	}
	off, _ := s.number(args[2])
	c.ack = max(c.ack, Offset(off))
	c.ackTime = s.clock(in.Since)
	c.wrote = s.mro
}

// ACKLength is how long an ACK of an offset is on the wire.
func ACKLength(o Offset) int64 {
	digits := int64(1)
	for n := o; n >= 10; n /= 10 {
		digits++
	}
	length := int64(len("*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$1\r\n\r\n")) + digits
	if digits >= 10 {
		length++
	}
	return length
}

func (s *Server) sendAck() { s.ackAt(s.up.done) }

// AppendACK appends an ACK of all up to a byte, as a replica sends it.
func AppendACK(b []byte, at Offset) []byte {
	return appendBulk(append(b, "*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n"...), int64(at))
}

// appendBulk appends a number as a bulk string.
func appendBulk(b []byte, n int64) []byte {
	var num [mostDigits]byte
	digits := AppendInt(num[:0], n)
	b = append(AppendUint(append(b, '$'), uint64(len(digits))), "\r\n"...)
	return append(append(b, digits...), "\r\n"...)
}

// ackAt sends an ACK of all up to a byte.
func (s *Server) ackAt(at Offset) {
	start := len(s.up.ack) // several may go out in one step
	b := AppendACK(s.up.ack, at)
	if s.prof.WaitAOF && s.aof.fsynced >= 0 {
		b[start+1] = '5'
		b = appendBulk(append(b, "$4\r\nFACK\r\n"...), int64(s.aof.fsynced))
	}
	s.up.ack = b
	s.send(s.up.conn, b[start:])
}

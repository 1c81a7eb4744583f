package model

import (
	"strconv"
)

// clientData reads commands of an accepted connection.
func (s *Server) clientData(id ConnID, data []byte) {
	c := s.client(id)
	if c == nil || c.over {
		return // closed by us a moment ago, or as good as closed
	}
	c.in.Feed(data)
	s.commands(c)
}

// heldBack says whether a client's next command has to wait: for the end of a pause,
// or of its own WAIT.
func (s *Server) heldBack(c *client) bool {
	return c.blocked || c.state == notReplica && (s.pause.kind == pauseAll || s.pause.kind != pauseNone && !s.prof.Orders.PauseWrites)
}

// commands takes what a connection has sent.
func (s *Server) commands(c *client) {
	id := c.conn
	for !s.heldBack(c) {
		args, _, ok, err := c.in.Next()
		if err != nil {
			s.send(id, []byte("-ERR "+err.Error()+"\r\n"))
			s.drop(c, WhyError)
			return
		}
		if !ok {
			return
		}
		if len(args) == 0 {
			// A newline of a loading replica keeps it from being timed out.
			if c.state != notReplica {
				c.ackTime = s.unix()
			}
			continue
		}
		s.command(c, args)
		if s.client(id) == nil || c.over {
			return
		}
		if !s.prof.WaitsForOwn {
			c.wrote = s.mro
		}
	}
}

func (s *Server) reply(c *client, line string) {
	from := len(s.replies) // several may go out in one step
	s.replies = append(append(s.replies, line...), '\r', '\n')
	s.send(c.conn, s.replies[from:len(s.replies):len(s.replies)])
}

func (s *Server) command(c *client, args [][]byte) {
	switch {
	case is(args[0], "AUTH"):
		s.reply(c, s.auth(c, args))
	case !c.authed && s.knows(args[0]):
		s.reply(c, s.prof.Orders.NoAuth)
	case is(args[0], "REPLCONF"):
		s.replconf(c, args)
	case c.state != notReplica && (is(args[0], "PSYNC") || is(args[0], "SYNC")): // ignored silently
	case c.state != notReplica && s.prof.Orders.DropsTalkers: // a replica's link carries no reply
		s.drop(c, WhyError)
	case c.state != notReplica && c.state != online:
		// Before 7.0 the reply waits until the snapshot is sent, and then is in the middle of
		// the stream. No replica asks for one.
	case is(args[0], "PING"):
		s.pinged(c, args)
	case is(args[0], "PSYNC") && s.prof.PSYNC > 0:
		if len(args) < 3 || len(args) > 3 && !s.prof.Failover {
			s.reply(c, "-ERR wrong number of arguments for 'psync' command")
			return
		}
		if s.masterDown(c) || s.refusesLoading(c) {
			return
		}
		if len(args) > 3 && is(args[3], "FAILOVER") && !s.tookOver(c, args[1]) {
			return
		}
		s.psync(c, args)
	case is(args[0], "SYNC"):
		if len(args) != 1 {
			s.reply(c, "-ERR wrong number of arguments for 'sync' command")
			return
		}
		if !s.masterDown(c) && !s.refusesLoading(c) {
			s.sync(c)
		}
	case s.asked(c, args):
	default:
		s.reply(c, s.unknown(args))
	}
}

// masterDown refuses a command of a client for that the data may be old: the
// link to the master is not up, and replica-serve-stale-data is no
// (processCommand; facts: 3.4 step 0).
func (s *Server) masterDown(c *client) bool {
	if s.set.ServeStale || s.up.host == "" || s.up.state == upConnected {
		return false
	}
	s.reply(c, "-MASTERDOWN Link with MASTER is down and "+s.prof.StaleDirective+" is set to 'no'.")
	return true
}

// knows says whether the version has a command, of those that are played here.
func (s *Server) knows(name []byte) bool {
	for _, word := range [...]string{"REPLCONF", "PING", "SYNC", "ROLE", "CLIENT", "REPLICAOF", "SLAVEOF"} {
		if is(name, word) {
			return true
		}
	}
	return is(name, "PSYNC") && s.prof.PSYNC > 0 || is(name, "WAIT") && s.prof.GetAck || is(name, "WAITAOF") && s.prof.WaitAOF || is(name, "FAILOVER") && s.prof.Failover
}

func (s *Server) pinged(c *client, args [][]byte) {
	if len(args) < 3 && s.refusesPing(c) {
		return
	}
	if len(args) < 3 && !s.prof.PingWhenStale && s.masterDown(c) {
		return
	}
	switch len(args) {
	case 1:
		if s.asyncLoading() || !s.refusesLoading(c) {
			s.reply(c, "+PONG")
		}
	case 2:
		if !s.asyncLoading() && s.refusesLoading(c) {
			return
		}
		s.reply(c, "$"+strconv.Itoa(len(args[1]))+"\r\n"+string(args[1]))
	default:
		s.reply(c, "-ERR wrong number of arguments for 'ping' command")
	}
}

// unknown is the refusal of a command that nobody knows (processCommand). From
// 5.0 on it shows the beginning of the arguments: at most about 128 bytes.
func (s *Server) unknown(args [][]byte) string {
	q := s.prof.ArgsQuote
	if q == "" {
		return oneLine("-ERR unknown command '" + string(args[0]) + "'")
	}
	var shown []byte
	for _, a := range args[1:] {
		if len(shown) >= 128 {
			break
		}
		shown = append(shown, q...)
		shown = append(shown, a[:min(len(a), 128-len(shown)+len(q))]...)
		shown = append(shown, q...)
		if q == "`" {
			shown = append(shown, ',')
		}
		shown = append(shown, ' ')
	}
	name := args[0]
	if q == "'" {
		name = name[:min(len(name), 128)]
	}
	return oneLine("-ERR unknown command " + q + string(name) + q + ", with args beginning with: " + string(shown))
}

// oneLine makes one line of an error that quotes what a client sent
// (addReplyErrorFormat).
func oneLine(text string) string {
	line := []byte(text)
	for i, b := range line {
		if b == '\r' || b == '\n' {
			line[i] = ' '
		}
	}
	return string(line)
}

// number reads a number as the version does (getLongLongFromObject).
func (s *Server) number(b []byte) (int64, bool) {
	if !s.prof.LooseNumbers {
		return ParseInt(b)
	}
	for i, c := range b {
		if c == 0 {
			b = b[:i]
			break
		}
	}
	neg := false
	if len(b) > 1 && (b[0] == '+' || b[0] == '-') {
		neg = b[0] == '-'
		b = b[1:]
	}
	for len(b) > 1 && b[0] == '0' {
		b = b[1:]
	}
	switch {
	case len(b) == 0 || len(b) == 1 && b[0] == '0':
		return 0, true
	case b[0] < '0' || b[0] > '9':
		return 0, false
	case neg:
		return ParseInt(append([]byte{'-'}, b...))
	}
	return ParseInt(b)
}

// tookOver handles PSYNC … FAILOVER: the master that asks hands its history over,
// and the replica that has it becomes the master (facts: 3.9).
func (s *Server) tookOver(c *client, id []byte) bool {
	if s.up.host == "" {
		s.reply(c, "-ERR PSYNC FAILOVER can't be sent to a master.")
		return false
	}
	if !is(id, string(s.id)) {
		s.reply(c, "-ERR PSYNC FAILOVER replid must match my replid.")
		return false
	}
	s.promote()
	return true
}

// is compares a word without case.
func is(b []byte, word string) bool { return len(b) == len(word) && foldPrefix(b, word) }

// foldEqual compares words without case.
func foldEqual(a, b string) bool { return is([]byte(a), b) }

// foldPrefix says whether b begins with word, without case.
func foldPrefix(b []byte, word string) bool {
	if len(b) < len(word) {
		return false
	}
	for i := range len(word) {
		if lower(b[i]) != lower(word[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// replconf handles REPLCONF of every version (facts: 3.8).
func (s *Server) replconf(c *client, args [][]byte) {
	if !s.prof.ConfWhenStale && (s.masterDown(c) || s.prof.PSYNC == 0 && s.refusesLoading(c)) { // only 2.6 has it without the loading flag
		return
	}
	if len(args)%2 == 0 {
		s.reply(c, "-ERR syntax error")
		return
	}
	for i := 1; i < len(args); i += 2 {
		name, value := args[i], args[i+1]
		switch {
		case is(name, "listening-port"):
			port, ok := s.number(value)
			if !ok {
				s.reply(c, "-ERR value is not an integer or out of range")
				return
			}
			c.port = port
		case is(name, "ip-address") && s.prof.IPAddress:
		case is(name, "capa") && s.prof.CapaEOF:
			if is(value, "eof") {
				c.eof = true
			} else if is(value, "psync2") && s.prof.CapaPSYNC2 {
				c.psync2 = true
			} else if is(value, "dual-channel") && s.dualEnabled() && s.set.Diskless {
				c.dual = true
			}
		case is(name, "ack") && s.prof.PSYNC > 0:
			s.acked(c, value, args[i+2:])
			return // an ACK is never answered
		case is(name, "getack") && s.prof.GetAck: // nor is this
			if s.up.state == upConnected {
				s.sendAck()
			}
			if s.prof.GetAckOK {
				break
			}
			return
		default:
			done, fault := s.replconfDual(c, name, value)
			if !done {
				fault = "-ERR Unrecognized REPLCONF option: " + string(name)
			}
			if fault != "" {
				s.reply(c, fault)
				return
			}
		}
	}
	s.reply(c, "+OK")
}

func (s *Server) acked(c *client, value []byte, more [][]byte) {
	if c.state == notReplica {
		return
	}
	off, ok := s.number(value)
	if !ok {
		return
	}
	c.ack = max(c.ack, Offset(off))
	if len(more) > 1 && s.prof.WaitAOF && is(more[0], "fack") {
		if off, ok = s.number(more[1]); !ok {
			return
		}
		c.fack = max(c.fack, Offset(off))
	}
	c.ackTime = s.unix()
	if c.state == waitEnd && s.child.ended && s.prof.AckAfterEOFLoad {
		s.reapChild() // it can only have loaded what the child has sent (checkChildrenDone)
	}
	if c.state == bgLoad { // the snapshot is loaded there, and what waited too
		c.state = online
		s.peerDue(c)
	}
	if c.onAck && c.state == online {
		c.onAck = false
		s.attach(c)
	}
}

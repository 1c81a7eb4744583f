package model

import (
	"strconv"
	"strings"
	"time"
)

// What clients ask a server over a connection of their own, besides replication's
// commands: the orders of an operator, WAIT and ROLE.

// asked answers a client's command that a replica would not send; false if the
// version does not know it.
func (s *Server) asked(c *client, args [][]byte) bool {
	if len(args) == 0 || !s.knows(args[0]) {
		return false
	}
	wrong := "-ERR wrong number of arguments for '" + strings.ToLower(string(args[0])) + "' command"
	switch {
	case is(args[0], "FAILOVER"):
		s.reply(c, s.failoverArgs(args))
	case is(args[0], "WAIT") && len(args) != 3:
		s.reply(c, wrong)
	case is(args[0], "WAIT"):
		s.waitArgs(c, args)
	case is(args[0], "WAITAOF") && len(args) != 4:
		s.reply(c, wrong)
	case is(args[0], "WAITAOF"):
		s.waitAOFArgs(c, args)
	case is(args[0], "ROLE") && len(args) != 1:
		s.reply(c, wrong)
	case is(args[0], "ROLE"):
		s.send(c.conn, s.role())
	case is(args[0], "CLIENT"):
		s.reply(c, s.clientArgs(args))
	case len(args) != 3:
		s.reply(c, wrong)
	default: // REPLICAOF
		s.reply(c, s.replicaOfArgs(args))
	}
	return true
}

const (
	notInteger  = "-ERR value is not an integer or out of range"
	syntaxError = "-ERR syntax error"
)

// failoverArgs is FAILOVER [TO host port [FORCE]] [ABORT] [TIMEOUT ms].
func (s *Server) failoverArgs(args [][]byte) string {
	in := Input{Kind: InFailover}
	if len(args) == 2 && is(args[1], "ABORT") {
		in.Abort = true
		return s.failoverOrder("", &in)
	}
	target := ""
	for j := 1; j < len(args); j++ {
		switch {
		case is(args[j], "TIMEOUT") && j+1 < len(args) && in.Timeout == 0:
			ms, ok := ParseInt(args[j+1])
			if !ok || ms > forEver/int64(time.Millisecond) {
				return notInteger
			}
			if ms <= 0 {
				return "-ERR FAILOVER timeout must be greater than 0"
			}
			in.Timeout = time.Duration(ms) * time.Millisecond
			j++
		case is(args[j], "TO") && j+2 < len(args) && target == "":
			port, ok := ParseInt(args[j+2])
			if !ok {
				return notInteger
			}
			target = string(args[j+1]) + ":" + strconv.FormatInt(port, 10)
			j += 2
		case is(args[j], "FORCE") && !in.Force:
			in.Force = true
		default:
			return syntaxError
		}
	}
	return s.failoverOrder(target, &in)
}

// over is a timeout that is over at once: its end is beyond the last millisecond, and
// the sum comes out below zero.
const over = -time.Millisecond

// timeout reads milliseconds that may not be negative (getTimeoutFromObjectOrReply). More
// than a Duration has are all that one has.
func (s *Server) timeout(arg []byte) (d time.Duration, problem string) {
	ms, ok := ParseInt(arg)
	switch {
	case !ok:
		return 0, "-ERR timeout is not an integer or out of range"
	case ms < 0:
		return 0, "-ERR timeout is negative"
	case ms > forEver-s.millis() && s.prof.Orders.TimeoutSum != "":
		return 0, s.prof.Orders.TimeoutSum
	case ms > forEver-s.millis() && s.prof.Orders.TimeoutWraps:
		return over, ""
	}
	return time.Duration(min(ms, forEver/int64(time.Millisecond))) * time.Millisecond, ""
}

// waitArgs is WAIT replicas ms: about all that the stream held behind the client's
// own last command.
func (s *Server) waitArgs(c *client, args [][]byte) {
	want, ok := ParseInt(args[1])
	d, problem := s.timeout(args[2])
	switch {
	case s.up.host != "" && s.prof.PSYNC == 2: // refused before the arguments are read
	case !ok:
		s.reply(c, notInteger)
		return
	case problem != "":
		s.reply(c, problem)
		return
	}
	if reply := s.wait(blockedWait{conn: c.conn, target: c.wrote, want: want}, d); reply != "" {
		s.reply(c, reply)
	} else {
		c.blocked = true
	}
}

// waitAOFArgs is WAITAOF numlocal numreplicas ms.
func (s *Server) waitAOFArgs(c *client, args [][]byte) {
	local, ok := ParseInt(args[1])
	if !ok || local < 0 || local > 1 {
		s.reply(c, "-ERR value is out of range, value must between 0 and 1")
		return
	}
	want, ok := ParseInt(args[2])
	if !ok || want < 0 {
		s.reply(c, "-ERR value is out of range, must be positive")
		return
	}
	d, problem := s.timeout(args[3])
	if problem != "" {
		s.reply(c, problem)
		return
	}
	if reply := s.wait(blockedWait{conn: c.conn, target: c.wrote, want: want, aof: true, local: local}, d); reply != "" {
		s.replyWait(c, reply)
	} else {
		c.blocked = true
	}
}

// clientArgs is CLIENT PAUSE ms [WRITE|ALL] and CLIENT UNPAUSE.
func (s *Server) clientArgs(args [][]byte) string {
	o := s.prof.Orders
	in := Input{Kind: InClientPause, All: true}
	switch {
	case len(args) == 2 && is(args[1], "UNPAUSE") && o.PauseWrites:
		in.Abort = true
	case o.ClientPause && len(args) > 1 && is(args[1], "PAUSE") && (len(args) == 3 || o.PauseWrites && len(args) == 4):
		if len(args) == 4 && !is(args[3], "ALL") {
			if in.All = false; !is(args[3], "WRITE") {
				return "-ERR CLIENT PAUSE mode must be WRITE or ALL"
			}
		}
		d, problem := s.timeout(args[2])
		if problem != "" {
			return problem
		}
		in.Timeout = d
	case o.ClientSyntax != "":
		return o.ClientSyntax
	default:
		word := ""
		if len(args) > 1 {
			word = string(args[1])
		}
		return "-ERR unknown subcommand '" + word + "'. Try CLIENT HELP."
	}
	return s.clientPause(&in)
}

// replicaOfArgs is REPLICAOF host port, or NO ONE.
func (s *Server) replicaOfArgs(args [][]byte) string {
	if s.failover.state != failoverNone {
		return "-ERR REPLICAOF not allowed while failing over."
	}
	if is(args[1], "NO") && is(args[2], "ONE") {
		s.replicaOf("")
		return "+OK"
	}
	port, ok := ParseInt(args[2])
	switch {
	case !ok:
		return notInteger
	case port < 0 || port > 65535:
		return "-ERR Invalid master port"
	}
	host := string(args[1]) + ":" + strconv.FormatInt(port, 10)
	if foldEqual(host, s.up.host) {
		return "+OK Already connected to specified master"
	}
	s.replicaOf(host)
	return "+OK"
}

// role is the answer to ROLE (roleCommand).
func (s *Server) role() []byte {
	bulk := func(b []byte, v string) []byte {
		b = append(strconv.AppendInt(append(b, '$'), int64(len(v)), 10), "\r\n"...)
		return append(append(b, v...), "\r\n"...)
	}
	number := func(b []byte, v int64) []byte {
		return append(strconv.AppendInt(append(b, ':'), v, 10), "\r\n"...)
	}
	split := func(addr string) (host, port string) {
		if i := strings.LastIndexByte(addr, ':'); i >= 0 {
			return addr[:i], addr[i+1:]
		}
		return addr, "0"
	}
	if s.up.host == "" {
		b := number(bulk([]byte("*3\r\n"), "master"), int64(s.mro))
		n := 0
		for _, c := range s.clients {
			if c.state == online {
				n++
			}
		}
		b = append(strconv.AppendInt(append(b, '*'), int64(n), 10), "\r\n"...)
		for _, c := range s.clients {
			if c.state == online {
				host, _ := split(c.peer)
				b = bulk(append(b, "*3\r\n"...), host)
				b = bulk(bulk(b, strconv.FormatInt(c.port, 10)), strconv.FormatInt(int64(c.ack), 10))
			}
		}
		return b
	}
	host, port := split(s.up.host)
	n, _ := ParseInt([]byte(port))
	at := int64(-1)
	if s.up.state == upConnected {
		at = int64(s.up.done)
	}
	b := number(bulk(bulk([]byte("*5\r\n"), "slave"), host), n)
	return number(bulk(b, s.LinkWord()), at)
}

// LinkWord is where the link to the master stands, in ROLE's words.
func (s *Server) LinkWord() string {
	switch s.up.state {
	case upNone:
		return "none"
	case upConnect:
		return "connect"
	case upConnecting:
		return "connecting"
	case upPing, upConf, upAsked:
		return "handshake"
	case upConnected:
		return "connected"
	}
	return "sync"
}

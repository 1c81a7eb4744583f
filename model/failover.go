package model

import "time"

// FAILOVER, from 6.2 on: a master hands its role to a replica that has all of its
// stream (facts: 3.9). Clients' writes are paused meanwhile, so that the stream
// stands still; the replica's own ACKs tell when it has come to its end.

// failoverState is where a handover stands.
type failoverState uint8

const (
	failoverNone failoverState = iota
	failoverWaits
	failoverAsks // the master follows the target and asks it to take over
)

var failoverWords = [...]string{"no-failover", "waiting-for-sync", "failover-in-progress"}

// failover is a handover.
type failover struct {
	state  failoverState
	target string // whom: a peer that can be dialed; "" while it may be anyone
	until  int64  // unix milliseconds; 0 waits for ever
	force  bool   // at the end of the wait it goes to the target, in step or not
}

// failoverOrder is FAILOVER, in the order of its own checks.
func (s *Server) failoverOrder(target string, in *Input) string {
	f := &s.failover
	switch {
	case in.Abort && f.state == failoverNone:
		return "-ERR No failover in progress."
	case in.Abort:
		s.abortFailover("Failover manually aborted")
		return "+OK"
	case in.Timeout < 0:
		return "-ERR FAILOVER timeout must be greater than 0"
	case f.state != failoverNone:
		return "-ERR FAILOVER already in progress."
	case s.up.host != "":
		return "-ERR FAILOVER is not valid when server is a replica."
	case s.replicas() == 0:
		return "-ERR FAILOVER requires connected replicas."
	case in.Force && (in.Timeout == 0 || target == ""):
		return "-ERR FAILOVER with force option requires both a timeout and target HOST and IP."
	}
	if target != "" {
		switch c := s.replicaNamed(target); {
		case c == nil:
			return "-ERR FAILOVER target HOST and PORT is not a replica."
		case c.state != online:
			return "-ERR FAILOVER target replica is not online."
		}
	}
	*f = failover{state: failoverWaits, target: target, force: in.Force}
	if in.Timeout > 0 {
		f.until = s.millis() + int64(in.Timeout/time.Millisecond)
	}
	s.tellFailover("")
	s.pauseClients(pauseFailover, pauseWrite, forEver)
	return "+OK"
}

// replicaNamed is the replica that can be dialed by a name (findReplica).
func (s *Server) replicaNamed(name string) *client {
	for _, c := range s.clients {
		if c.state != notReplica && foldEqual(c.dialable(), name) {
			return c
		}
	}
	return nil
}

func (s *Server) tellFailover(reason string) {
	s.note(Event{Kind: EvFailover, Text: failoverWords[s.failover.state], Peer: s.failover.target, Reply: reason, Offset: s.mro})
}

// advanceFailover looks whether the wait is over (updateFailoverStatus). It runs
// before each sleep of the event loop, and every 100 ms.
func (s *Server) advanceFailover() {
	f := &s.failover
	if f.state != failoverWaits {
		return
	}
	if f.until > 0 && f.until <= s.seen {
		if !f.force {
			s.abortFailover("Replica never caught up before timeout")
			return
		}
		s.handOver("time out exceeded")
		return
	}
	for _, c := range s.clients {
		if c.state != notReplica && c.ack == s.mro && (f.target == "" || foldEqual(c.dialable(), f.target)) {
			f.target = c.dialable()
			s.handOver("")
			return
		}
	}
}

// handOver makes the master a replica of the target.
func (s *Server) handOver(reason string) {
	s.failover.state = failoverAsks
	s.tellFailover(reason)
	s.follow(s.failover.target)
}

// endFailover forgets the handover: clients go on (clearFailoverState).
func (s *Server) endFailover(reason string) {
	s.failover.state = failoverNone
	s.tellFailover(reason)
	s.failover = failover{}
	s.unpause(pauseFailover)
}

// abortFailover: a master that has begun to follow the target is a master again.
func (s *Server) abortFailover(reason string) {
	if s.failover.state == failoverAsks {
		s.promote()
	}
	s.endFailover(reason)
}

// judgedFailover looks at the target's answer: false if it was no. The link to it
// is then closed already.
func (s *Server) judgedFailover(accepted bool) bool {
	switch {
	case s.failover.state != failoverAsks:
		return true
	case accepted:
		s.endFailover("")
		return true
	}
	s.abortFailover("Failover target rejected psync request")
	return false
}

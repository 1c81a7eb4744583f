package model

import (
	"strconv"
	"time"
)

// Orders are what an operator asks of a server. They go through one door, because
// a server that is paused altogether looks at none of them until it goes on.

// ordered takes an order, now or when the pause is over.
func (s *Server) ordered(in *Input) {
	if !s.postponed(in) {
		s.order(in)
	}
}

func (s *Server) order(in *Input) {
	if s.refusesOrder(in) {
		return
	}
	switch in.Kind {
	case InReplicaOf:
		if s.failover.state != failoverNone {
			s.answer("REPLICAOF "+in.Peer, "-ERR REPLICAOF not allowed while failing over.")
			return
		}
		s.replicaOf(in.Peer)
	case InConfigSet:
		s.configSet(in.Settings)
	case InFailover:
		if !s.prof.Failover {
			s.answer(failoverText(in), s.unknown([][]byte{[]byte("FAILOVER")}))
			return
		}
		s.answer(failoverText(in), s.failoverOrder(in.Peer, in))
	case InClientPause:
		text := "CLIENT PAUSE " + strconv.FormatInt(int64(in.Timeout/time.Millisecond), 10)
		if in.Abort {
			text = "CLIENT UNPAUSE"
		}
		s.answer(text, s.clientPause(in))
	case InWait:
		if !s.prof.GetAck {
			s.answer("WAIT", s.unknown([][]byte{[]byte("WAIT")}))
			return
		}
		w := blockedWait{target: s.mro, want: in.Count}
		if reply := s.wait(w, in.Timeout); reply != "" {
			s.note(Event{Kind: EvAnswered, Text: w.text(), Reply: reply, Offset: w.target, Since: s.now})
		}
	case InWaitAOF:
		if !s.prof.WaitAOF {
			s.answer("WAITAOF", s.unknown([][]byte{[]byte("WAITAOF")}))
			return
		}
		w := blockedWait{target: s.wrote, want: in.Count, aof: true, local: in.Local}
		if reply := s.wait(w, in.Timeout); reply != "" {
			s.note(Event{Kind: EvAnswered, Text: w.text(), Reply: reply, Offset: w.target, Since: s.now})
		}
	case InRewrite:
		s.rewriteOrder()
	case InShutdown:
		s.shutdown(in.Abort)
	case InClientKill:
		s.answer("CLIENT KILL "+in.Peer, s.clientKill(in.Peer, in.Channel))
	case InSave:
		s.saveOrder(in.Save)
	}
}

// clientKill closes the newest connection of a replica.
func (s *Server) clientKill(peer string, channel bool) string {
	for i := len(s.clients) - 1; i >= 0; i-- {
		if c := s.clients[i]; c.state != notReplica && c.peer == peer && c.rdbChannel == channel && !c.over {
			s.drop(c, WhyKilled)
			return "+OK"
		}
	}
	return "-ERR No such client"
}

func failoverText(in *Input) string {
	text := "FAILOVER"
	if in.Peer != "" {
		text += " TO " + in.Peer
	}
	if in.Force {
		text += " FORCE"
	}
	if in.Timeout != 0 {
		text += " TIMEOUT " + strconv.FormatInt(int64(in.Timeout/time.Millisecond), 10)
	}
	if in.Abort {
		text += " ABORT"
	}
	return text
}

// answer tells what an order was answered with, unless it is just done.
func (s *Server) answer(text, reply string) {
	if reply != "+OK" {
		s.note(Event{Kind: EvAnswered, Text: text, Reply: reply})
	}
}

// isOrder says whether an input is an order, each of which is a turn of the event loop of
// its own.
func isOrder(k InputKind) bool {
	switch k {
	case InReplicaOf, InConfigSet, InFailover, InClientPause, InWait, InWaitAOF, InClientKill, InSave, InRewrite, InShutdown:
		return true
	}
	return false
}

// looksAtClock says whether the server reads its clock for an input: with each
// serverCron turn, and from 5.0 on with each command (updateCachedTime).
func (s *Server) looksAtClock(in *Input) bool {
	switch in.Kind {
	case InStart, InWake:
		return true
	case InData:
		return in.Conn < 0 && s.prof.Orders.ClockInCall
	case InStream:
		return s.prof.Orders.ClockInCall
	}
	return isOrder(in.Kind) && s.prof.Orders.ClockInCall
}

// unblocked takes what clients sent behind a WAIT that was answered.
func (s *Server) unblocked() {
	s.answered = false
	for i := len(s.clients) - 1; i >= 0; i-- {
		if i < len(s.clients) && s.clients[i].answered {
			s.clients[i].answered = false
			s.commands(s.clients[i])
		}
	}
}

// beforeSleep is what the event loop does before it waits for the next thing to
// happen. What comes of nothing but writes is left out: none of it hangs on them.
func (s *Server) beforeSleep() {
	if !s.busy() {
		return // as nearly always
	}
	if s.up.host == "" { // the expire cycle looks at the pause, and runs on masters only
		s.lookAtPause()
	}
	if s.prof.Orders.PauseWrites {
		s.serveWaits(true)
		s.unblocked()
		s.askAcks()
	} else {
		s.askAcks()
		s.serveWaits(false)
		s.unblocked()
	}
	s.advanceFailover()
}

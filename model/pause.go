package model

import "time"

// A pause holds back what clients ask for: CLIENT PAUSE, and while a FAILOVER or
// a shutdown waits for replicas. Commands of a replica, ACKs among them, are never
// held back; the stream of a master is, where it would write (facts: 1.7).
//
// A pause ends where a server looks at its clock, which it reads once for each
// command and each serverCron turn: so up to 100 ms late.

// pauseKind is what a pause holds back.
type pauseKind uint8

const (
	pauseNone  pauseKind = iota
	pauseWrite           // commands that write or replicate
	pauseAll             // everything
)

// pauseCause is who wants a pause. Before 7.0 there is only one pause for all.
type pauseCause uint8

const (
	pauseClient pauseCause = iota // CLIENT PAUSE
	pauseShutdown
	pauseFailover
	pauseCauses
)

// forEver is the end of a pause that ends by itself never.
const forEver int64 = 1<<63 - 1

// pause is the pauses of a server.
type pause struct {
	kind pauseKind // the strictest of all
	by   [pauseCauses]struct {
		kind pauseKind
		end  int64 // unix milliseconds: the last that it covers
	}
	orders []Input // what operators asked for meanwhile, all else being paused too
}

// millis is the server's unix time in milliseconds.
func (s *Server) millis() int64 {
	return floorDiv(int64(s.now)+s.cfg.Wall, int64(time.Millisecond))
}

// reachesMillis is the instant at which the server's clock shows a millisecond.
func (s *Server) reachesMillis(ms int64) Instant {
	if ms > forEver/int64(time.Millisecond) {
		return Never
	}
	return Instant(ms*int64(time.Millisecond) - s.cfg.Wall)
}

// pauseClients begins a pause or makes one longer and stricter (pauseClients).
func (s *Server) pauseClients(by pauseCause, kind pauseKind, end int64) {
	if !s.prof.Orders.PauseCauses {
		by = pauseClient
	}
	p := &s.pause.by[by]
	if p.kind == pauseNone {
		p.end = 0
	}
	p.kind, p.end = max(p.kind, kind), max(p.end, end)
	s.pause.kind = max(s.pause.kind, kind)
}

// unpause ends a pause (unpauseClients).
func (s *Server) unpause(by pauseCause) {
	if !s.prof.Orders.PauseCauses {
		by = pauseClient
	}
	s.pause.by[by].kind = pauseNone
	s.weighPauses()
}

// lookAtPause ends what has run out (checkClientPauseTimeoutAndReturnIfPaused).
func (s *Server) lookAtPause() {
	if s.pause.kind == pauseNone || s.pauseEnd() >= s.seen {
		return
	}
	for i := range s.pause.by {
		if p := &s.pause.by[i]; p.end < s.seen {
			p.kind = pauseNone
		}
	}
	s.weighPauses()
}

// pauseEnd is the end of the strictest pause.
func (s *Server) pauseEnd() (end int64) {
	for _, p := range s.pause.by {
		if p.kind == s.pause.kind {
			end = max(end, p.end)
		}
	}
	return end
}

// pauseDue is the first instant at which a look would find the pause over.
func (s *Server) pauseDue() Instant {
	if s.pause.kind == pauseNone || s.pauseEnd() == forEver {
		return Never
	}
	return s.reachesMillis(s.pauseEnd() + 1)
}

// weighPauses finds the strictest pause. When it is less strict than before, what
// waited is tried again; some of it may go on waiting.
func (s *Server) weighPauses() {
	kind := pauseNone
	for _, p := range s.pause.by {
		kind = max(kind, p.kind)
	}
	if kind >= s.pause.kind {
		return
	}
	s.pause.kind = kind
	if kind == pauseNone {
		s.note(Event{Kind: EvClientsResumed})
	}
	s.applyHeld()
	orders := s.pause.orders
	s.pause.orders = nil
	for i := range orders {
		s.order(&orders[i])
	}
	for i := len(s.clients) - 1; i >= 0; i-- {
		if i < len(s.clients) && s.clients[i].state == notReplica {
			s.commands(s.clients[i])
		}
	}
	s.out = append(s.out, Output{Kind: OutResume})
}

// Paused says whether clients are.
func (s *Server) Paused() bool { return s.pause.kind != pauseNone }

// Holds says whether clients' writes wait now: the driver keeps them until an
// OutResume, and tries again then. Up to 5.0 a paused server does not even look
// at them.
func (s *Server) Holds() bool {
	return s.pause.kind != pauseNone && (!s.prof.Orders.PauseWrites || s.up.host == "" && !s.Refuses())
}

// postponed says whether an order of an operator has to wait.
func (s *Server) postponed(in *Input) bool {
	if s.pause.kind == pauseNone || s.prof.Orders.PauseWrites && s.pause.kind != pauseAll {
		return false
	}
	s.pause.orders = append(s.pause.orders, *in)
	return true
}

// clientPause is CLIENT PAUSE, or with Abort CLIENT UNPAUSE.
func (s *Server) clientPause(in *Input) string {
	switch {
	case s.prof.Orders.ClientSyntax != "" && (!s.prof.Orders.ClientPause || in.Abort || !in.All):
		return s.prof.Orders.ClientSyntax
	case in.Abort:
		s.unpause(pauseClient)
		return "+OK"
	}
	kind := pauseWrite
	if in.All {
		kind = pauseAll
	}
	s.pauseClients(pauseClient, kind, s.millis()+int64(in.Timeout/time.Millisecond))
	s.note(Event{Kind: EvClientsPaused, Full: kind == pauseAll, Until: s.reachesMillis(s.pause.by[pauseClient].end)})
	return "+OK"
}

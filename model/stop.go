package model

// The ordered end of a process. From 7.0 on a server that is told to shut down
// lets its replicas catch up first (prepareForShutdown; facts: 1.11).

// stop is a shutdown that waits.
type stop struct {
	on    bool
	until Instant // when it waits no more
}

var getAck = []byte("*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n")

// WaitsToStop says whether InShutdown would not end the process at once: some
// replica has not acknowledged all of the stream (isReadyToShutdown looks at
// replicas in any state).
func (s *Server) WaitsToStop() bool {
	return s.set.ShutdownTimeout > 0 && !s.Loading() && !s.allAcked()
}

// Stopping says whether a shutdown waits. Clients' writes wait with it.
func (s *Server) Stopping() bool { return s.stop.on }

func (s *Server) allAcked() bool {
	for _, c := range s.clients {
		if c.state != notReplica && c.ack != s.mro {
			return false
		}
	}
	return true
}

// shutdown begins the end, or with abort goes on instead. A master asks for an
// ACK; the one that answers does not count the GETACK itself and so never shows
// equality: the next one of the replica's own clock does.
func (s *Server) shutdown(abort bool) {
	switch {
	case abort && !s.stop.on:
		s.answer("SHUTDOWN ABORT", "-ERR No shutdown in progress.")
	case abort:
		s.stop = stop{}
		s.note(Event{Kind: EvStopAborted, Offset: s.mro})
		s.unpause(pauseShutdown)
	case s.stop.on: // it is on its way already
	case !s.WaitsToStop():
		s.exit()
	default:
		s.stop = stop{on: true, until: s.now.Add(s.set.ShutdownTimeout)}
		s.note(Event{Kind: EvStopping, Offset: s.mro})
		if s.pause.kind == pauseNone {
			s.feedGetAck()
		}
		s.pauseClients(pauseShutdown, pauseWrite, forEver)
	}
}

// tryExit ends the process in the serverCron turn that finds all replicas in
// step, or the time up.
func (s *Server) tryExit() bool {
	if !s.stop.on || s.now < s.stop.until && !s.allAcked() {
		return false
	}
	s.exit()
	return !s.cron.running
}

// exit asks the driver to end the process: InStop follows.
func (s *Server) exit() {
	if s.holdsExit() {
		s.note(Event{Kind: EvAnswered, Text: "SHUTDOWN", Reply: "-ERR Errors trying to SHUTDOWN. Check logs."})
		if s.stop.on { // cancelShutdown
			s.stop = stop{}
			s.note(Event{Kind: EvStopAborted, Offset: s.mro})
			s.unpause(pauseShutdown)
		}
		return
	}
	s.cron.running = false
	s.out = append(s.out, Output{Kind: OutExit})
}

package model

import (
	"slices"
	"strconv"
)

// What a replica does with the stream of its master.

// stream takes a piece of the master's stream.
func (s *Server) stream(in *Input) {
	u, c := &s.up, in.Chunk
	if u.state == upBuffer {
		s.buffered(c)
		u.rdb.local.changes += in.Commands
		return
	}
	if u.state != upConnected {
		panic("model: stream for a replica that is not connected")
	}
	quiet, torn := in.Quiet, in.Torn
	if u.legacy { // SYNC gives no offset: the node counts from -1, whatever the driver calls it
		shift := c.From - (u.read + 1)
		c.From, c.To, c.Bound, quiet, torn = c.From-shift, c.To-shift, max(c.Bound-shift, 0), quiet-shift, torn-shift
	}
	if c.From != u.read+1 {
		panic("model: the stream skips from " + strconv.FormatInt(int64(u.read), 10) + " to " + strconv.FormatInt(int64(c.From), 10))
	}
	asks := len(u.asks)
	if in.Asks {
		u.asks = append(u.asks, c.To-1)
	}
	bound := c.Bound
	if torn >= c.From {
		u.scan.Reset()
		if s.prof.OwnStreamOnChains {
			u.pend.drop()
			u.exec = torn - 1
		}
	}
	if c.Data != nil && torn <= c.From {
		_, at, err := u.scan.Scan(c.Data)
		if err != nil {
			s.lose(WhyError)
			s.hangup(u.conn, WhyError)
			return
		}
		found := c.From
		if at > 0 {
			found += Offset(at)
		}
		if bound != 0 && (found != bound || in.Asks != (len(u.scan.Asks) > 0)) {
			panic("model: commands end where the load says they do not")
		}
		bound, u.asks = found, u.asks[:asks]
		for _, i := range u.scan.Asks {
			u.asks = append(u.asks, c.From+Offset(i)-1)
		}
	}
	s.keys = s.keys || in.Commands > 0
	if (s.pause.kind != pauseNone || s.brittle()) && !s.prof.CountsRead {
		u.changes += in.Commands // they wait
	} else {
		s.disk.dirty += in.Commands
	}
	u.read, u.lastIO, u.lastByte = c.To-1, s.unix(), s.now
	s.stats.netIn += c.Bytes()
	if s.prof.CountsRead {
		u.done = u.read
		s.execute(c)
		if s.prof.OwnStreamOnChains {
			s.regenerate(c, bound, quiet)
		}
		if in.Commands > 0 {
			s.aofWritten(in.Changed, 0)
		}
		s.answerAsks()
		return
	}
	s.applied(c, bound, quiet, in)
}

// answerAsks answers the GETACKs that were come to. From 4.0 on the ACK does not
// count the GETACK itself, which is no more than being processed then.
func (s *Server) answerAsks() {
	u := &s.up
	n := 0
	for n < len(u.asks) && u.asks[n] <= u.done {
		if s.prof.CountsRead {
			s.sendAck()
		} else if !u.legacy {
			s.ackAt(u.asks[n] - Offset(len(getAck)))
		}
		n++
	}
	u.asks = append(u.asks[:0], u.asks[n:]...)
}

// applied moves the processed offset to the last whole command and forwards
// exactly those bytes to the node's own backlog and replicas
// (replicationFeedSlavesFromMasterStream). While clients are paused it stops
// before the first command that waits.
func (s *Server) applied(c Chunk, bound, quiet Offset, in *Input) {
	u := &s.up
	whole, pieces := bound, in.Pieces
	if s.pause.kind != pauseNone || s.brittle() {
		switch {
		case u.ready > 0 || s.pause.kind == pauseAll || s.pause.kind != pauseNone && !s.prof.Orders.PauseWrites:
			bound = c.From
		default:
			if c.Data != nil && in.Torn <= u.done+1 {
				end := u.done + 1 + Offset(quietEnd(slices.Concat(u.pend.data, c.Data)))
				if c.Bound != 0 && max(end, c.From) != max(quiet, c.From) {
					panic("model: commands write where the load says they do not")
				}
				quiet = end
			}
			bound = min(bound, max(quiet, c.From))
		}
		if whole > bound {
			u.ready = whole
			s.disk.dying = s.disk.dying || s.pause.kind == pauseNone
			u.pieces = append(u.pieces[:0], pieces...)
			skip := int64(bound - (u.done + 1)) // what is applied all the same
			if bound == c.From {
				skip = 0
			}
			for len(u.pieces) > 0 && skip > 0 {
				skip -= u.pieces[0]
				u.pieces = append(u.pieces[:0], u.pieces[1:]...)
			}
			pieces = nil
		}
	}
	if bound == c.From { // no command ends in this chunk
		if c.Data != nil {
			u.pend.add(&c)
		}
		return
	}
	own := Chunk{From: u.done + 1, To: bound}
	if c.Data != nil {
		own.Data, own.Page = u.pend.join(&c, int(bound-c.From), &u.spare)
	}
	u.done = bound - 1
	s.execute(own)
	s.feed(own, pieces, false, false)
	if s.aof.state != aofOff {
		s.aofStream(in, own, quiet)
	}
	s.answerAsks()
	if s.aof.state != aofOff {
		s.aofHeard(u.done)
	}
}

// aofStream puts what was applied of the master's stream into the file, but for a GETACK
// at its end: it is answered first.
func (s *Server) aofStream(in *Input, own Chunk, quiet Offset) {
	upto := own.To - 1
	if in.Asks {
		upto -= Offset(len(getAck))
	}
	s.aofHeard(min(quiet-1, upto))
	if in.Commands > 0 && s.pause.kind == pauseNone {
		s.aofWritten(in.Changed, min(in.Last-1, upto))
		s.aofHeard(upto)
	}
}

// regenerate writes to the node's own stream what it executed of its master's:
// the writes, as they came, behind a SELECT of its own. The master's PINGs and
// SELECTs are no part of it (<= 3.2: call and replicationFeedSlaves; facts: 1.4).
// A driver that knows tells runs of writes and of other commands apart: all
// before quiet are of the others.
func (s *Server) regenerate(c Chunk, bound, quiet Offset) {
	u := &s.up
	if bound == c.From { // no command ends in this chunk
		if c.Data != nil {
			u.pend.add(&c)
		}
		return
	}
	own := Chunk{From: s.mro + 1, To: s.mro + 1 + bound - (u.exec + 1)}
	if c.Data != nil {
		own.Data, own.Page = u.pend.join(&c, int(bound-c.From), &u.spare)
	}
	u.exec = bound - 1
	switch {
	case quiet >= bound:
		return
	case c.Data != nil && c.Bound == 0:
		own.Data, own.Page = writesOf(own.Data), nil
		own.To = own.From + Offset(len(own.Data))
	}
	if s.log == nil && s.replicas() == 0 || own.Bytes() == 0 {
		return
	}
	s.selectOnce()
	n := own.Bytes()
	own.From = s.mro + 1
	own.To = own.From + Offset(n)
	s.feed(own, nil, false, false)
}

// writesOf is a stream without the commands that change no data.
func writesOf(b []byte) (writes []byte) {
	for len(b) > 0 {
		n := quietEnd(b)
		b = b[n:]
		var r CommandReader
		r.Feed(b)
		_, size, ok, err := r.Next()
		if !ok || err != nil {
			return writes
		}
		writes = append(writes, b[:size]...)
		b = b[size:]
	}
	return writes
}

// quietEnd is how far a stream begins with commands that change no data: those of
// the master's own.
func quietEnd(b []byte) (end int64) {
	var r CommandReader
	r.Feed(b)
	for {
		args, n, ok, err := r.Next()
		if err != nil || !ok || len(args) > 0 && !is(args[0], "PING") && !is(args[0], "SELECT") && !is(args[0], "REPLCONF") {
			return end
		}
		end += n
	}
}

// applyHeld goes on with the stream when a pause is over.
func (s *Server) applyHeld() {
	u := &s.up
	if u.ready == 0 || s.pause.kind != pauseNone {
		return
	}
	if s.brittle() {
		s.disk.dying = true
		return
	}
	own := Chunk{From: u.done + 1, To: u.ready}
	n := int(own.Bytes())
	if s.cfg.Bytes {
		own.Data = append([]byte{}, u.pend.data[:n]...)
		u.pend.keep(u.pend.data[n:], u.pend.page)
	}
	pieces := u.pieces
	if len(pieces) == 0 {
		pieces = nil
	}
	u.done, u.ready = u.ready-1, 0
	s.disk.dirty += u.changes
	s.execute(own)
	s.feed(own, pieces, false, false)
	if u.changes > 0 {
		s.aofWritten(own.Bytes(), s.mro)
	}
	u.changes = 0
	s.answerAsks()
}

// forgetHeld drops what was read and not applied.
func (u *upstream) forgetHeld() {
	u.ready, u.changes, u.pieces, u.asks = 0, 0, u.pieces[:0], u.asks[:0]
}

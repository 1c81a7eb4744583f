package sim

import "psyncsim/model"

// Most of what a replica hears is more of one run: commands of one length that its master's
// clients, or those of a server further up, write so far apart that the link has carried each
// before the next one comes. None of them waits, so the last one that was written says all:
// how far the stream has arrived, when, and, if the replica passes it on, that its own run has
// become longer.

// steady is what has arrived of such a run.
type steady struct {
	s        *segment
	next     model.Offset // behind the last command that was written in time to arrive
	to       model.Offset // behind the last byte that has arrived
	bound    model.Offset // behind the last whole command that has
	lag      int64        // of the flow, with the last command
	at       model.Instant
	commands int64 // that have arrived whole
}

// hearsOn tells a replica what has arrived by t if that is more of a run that none of its
// commands has to wait in. It is what take does with arrivals, which are to be asked where
// this is false; its master is up to date.
func (w *World) hearsOn(h *host, c *conn, t model.Instant) bool {
	p := &c.pipes[fromAcceptor]
	f := &p.flow
	if !f.log.evenAtLast() || w.listener != nil || w.cfg.Bytes || w.cfg.PerWrite || f.end > 0 || f.log.long || len(f.log.asks) > 0 ||
		h.ownStream() || h.torn > 0 || len(f.log.torn) > 0 || h.resumes || h.expiring || h.stuck || c.link.quotas[0].on || c.link.quotas[1].on {
		return false
	}
	var a steady
	if !f.goesOn(&a, t, c.link) {
		return a.s != nil && a.next <= f.seen && f.seen == f.arrived+1 // nothing was written since all had arrived
	}
	since := h.lastStep()
	a.at = max(min(t, a.at), since)
	if h.folded > 0 && h.ackAt < a.at && !h.late {
		return false
	}
	ch := model.Chunk{From: f.arrived + 1, To: a.to, Bound: max(a.bound, f.arrived+1)}
	from, passes := h.srv.MRO()+1, h.relays && ch.Bound > ch.From
	if passes && !f.passesOn(&a, h.log, from, since, c.link) {
		return false
	}
	if h.follows && h.srv.Read()+1 == ch.From {
		h.srv.Heard(a.at, ch, a.commands)
	} else if !h.srv.Hear(a.at, ch, a.commands) {
		return false
	}
	f.moveOn(&a, t)
	p.delivered += ch.Bytes()
	w.follow(h, f.log, ch, 0)
	w.turn++
	if passes {
		h.log.last().to = ch.Bound
		on := model.Chunk{From: from, To: ch.Bound}
		w.forward(h, a.at, &on, on.To-model.Offset(a.s.each))
	}
	w.rearm(h)
	return true
}

// goesOn works out what has arrived of a flow by t whose log is evenAtLast, if none of the
// newest commands has to wait, and some of them were written since it was asked.
func (f *flow) goesOn(a *steady, t model.Instant, l *link) bool {
	s, tau := f.log.last(), t-l.latency
	if tau < f.began || f.arrived+1 < s.from || f.seen < s.from || l.ps > s.src.spaced() {
		return false
	}
	k := s.src.upto(tau - s.delay)
	a.s, a.next = s, s.from+model.Offset(k*s.each-s.base)
	if a.next > s.to {
		a.next, k = s.to, (s.base+int64(s.to-s.from))/s.each
	}
	if a.next <= f.seen || !f.isIdle() && !f.idles(s, l.ps) {
		return false
	}
	last := a.next - model.Offset(s.each)
	a.lag = int64(s.src.when(k-1)+s.delay)*1000 - int64(last-f.from)*l.ps
	a.to, a.bound = a.next, a.next
	if room := int64(tau)*1000 - a.lag; room < int64(a.next-f.from)*l.ps { // a part of the last one has arrived
		if a.to, a.bound, k = f.from+model.Offset(room/l.ps), last, k-1; a.to <= last {
			return false
		}
	}
	a.at = psCeil(int64(a.to-f.from)*l.ps+a.lag) + l.latency
	a.commands = k - (s.base+int64(f.arrived+1-s.from))/s.each
	return true
}

// moveOn notes what has arrived by t.
func (f *flow) moveOn(a *steady, t model.Instant) {
	f.before = lagged{f.seen, f.lag}
	f.seen, f.lag, f.arrived = a.next, a.lag, a.to-1
	f.idle, f.heard = lagged{a.next, a.lag}, t
}

// evenAtLast says that the newest segment of a log is a run of commands of one length, each of
// which comes so much later than it was written by clients.
func (l *streamLog) evenAtLast() bool {
	if len(l.segs) == 0 {
		return false
	}
	s := l.last()
	return s.run && s.each > 0 && !s.held && !s.paced && s.via == nil
}

// isIdle says that it is known of the last command that was seen, one of the run with which the
// log ends, that it found the link idle: those of the run behind it do, too.
func (f *flow) isIdle() bool {
	return f.idle.seen == f.seen && f.idle.lag == f.lag && f.seen > f.log.last().from
}

// idles says that the first command that was not seen, of run s, finds the link idle.
func (f *flow) idles(s *segment, ps int64) bool {
	b := s.base + int64(f.seen-s.from)
	k := b / s.each
	return k*s.each == b && f.own(s, k, f.seen, ps) > f.lag
}

// own is the lag of the flow if command k of a run, which begins at offset o, finds the link idle.
func (f *flow) own(s *segment, k int64, o model.Offset, ps int64) int64 {
	return int64(s.src.when(k)+s.delay)*1000 - int64(o-f.from)*ps
}

// passesOn says that what has arrived makes the run longer with which a relay's log ends, which
// is to go on at an offset, and which the relay could read since an instant.
func (f *flow) passesOn(a *steady, log *streamLog, from model.Offset, since model.Instant, l *link) bool {
	if !log.evenAtLast() || from < a.s.from {
		return false
	}
	o, s := log.last(), a.s
	b := s.base + int64(from-s.from)
	if o.to != from || o.base+int64(from-o.from) != b || o.src != s.src ||
		o.delay != s.delay+psCeil(s.each*l.ps)+l.latency {
		return false
	}
	if from < f.seen-model.Offset(s.each) {
		return false
	}
	if !f.isIdle() && from < f.seen && f.own(s, b/s.each, from, l.ps) != f.lag { // it has been seen: did it wait?
		return false
	}
	return f.isIdle() && since <= f.heard || s.src.when(b/s.each)+o.delay >= since
}

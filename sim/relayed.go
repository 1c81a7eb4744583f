package sim

import "psyncsim/model"

// A relay's stream is that of its upstream, later. A run of client writes that came in
// over a link is a run in its log too, if it is known when each of them arrived: they came
// as fast as the link carries them (paced), or each so much later than it was written
// upstream (delay). Which of both it is hangs on whether the link had anything else to do.

// when is the instant at which a host wrote command k of a run, or passed it on.
func (s *segment) when(k int64) model.Instant {
	switch {
	case s.held:
		return s.at
	case s.paced:
		return psCeil(s.left(k)) + s.delay
	case s.via != nil:
		return s.came(k)
	}
	return s.src.when(k) + s.delay
}

// left is when command k of a paced run left the link behind which it was paced, in picoseconds.
func (s *segment) left(k int64) int64 { return (s.bytes(k+1)-s.base)*s.ps + s.lag }

// upto is the number of the first command of a run that is written after t; it may lie
// outside of the run.
func (s *segment) upto(t model.Instant) int64 {
	if s.via != nil {
		return s.cameBy(t)
	}
	if t -= s.delay; !s.paced {
		return s.src.upto(t)
	}
	room := int64(t)*1000 - s.lag
	switch {
	case room < 0:
		return s.first
	case s.ps == 0:
		return s.find(s.base + int64(s.to-s.from))
	}
	return s.find(s.base + min(room/s.ps, int64(s.to-s.from)))
}

// lagOver is the greatest of when(k)*1000 - bytes(k)*ps of the commands [i, j) of a run;
// see maxLag.
func (s *segment) lagOver(i, j, ps int64) int64 {
	switch {
	case s.via != nil:
		return s.cameLag(i, j, ps)
	case !s.paced:
		return lagOf(s.src, i, j, ps) + int64(s.delay)*1000
	case s.each == 0:
		return s.pacedLag(i, j, ps)
	}
	// From one command to the next it grows by the same, but for the rounding of instants
	// up: only the end with the greatest has to be looked at, as far as that can reach.
	k, step := j-1, int64(-1)
	if s.ps < ps {
		k, step = i, 1
	}
	best, turns := int64(noLag), s.turns()
	for n := int64(0); i <= k && k < j && n < turns; n++ {
		left, before := s.left(k), s.bytes(k)*ps-int64(s.delay)*1000
		if left+999-before <= best {
			break
		}
		best = max(best, int64(psCeil(left))*1000-before)
		k += step
	}
	return best
}

// turns is after how many commands the rounding of instants repeats.
func (s *segment) turns() int64 { return roundings(s.each, s.ps) }

// even is the length of every command of a run whose arrivals need no note of each; 0 without.
func (s *segment) even() int64 {
	if !s.run {
		return 0
	}
	return s.each
}

// spaced says that the commands of a run come so far apart that a link has carried each
// before the next one.
func (s *segment) spaced(size, ps int64) bool {
	switch {
	case s.held, s.via != nil, s.each == 0:
		return false
	case s.paced:
		return size*ps <= size*s.ps/1000*1000
	}
	return ps <= s.src.spaced()
}

// sameRun says that run o goes on where s ends.
func (s *segment) sameRun(o *segment) bool {
	return s.run && s.to == o.from && s.src == o.src && s.base+int64(s.to-s.from) == o.base && s.delay == o.delay && s.via == o.via &&
		s.held == o.held && s.paced == o.paced && s.ps == o.ps &&
		(!s.held || s.at == o.at) && (!s.paced || s.lag+int64(o.from-s.from)*s.ps == o.lag)
}

// appendRelayed notes a run that came from upstream.
func (l *streamLog) appendRelayed(s *segment) {
	l.long = l.long || s.src.longest() > model.BlockRequest
	if n := len(l.segs); n > 0 && l.segs[n-1].sameRun(s) {
		l.segs[n-1].to = s.to
		return
	}
	l.segs = append(l.segs, *s)
}

// newest is the offset of the first byte of the newest command.
func (l *streamLog) newest() model.Offset {
	s := l.last()
	if !s.run {
		return s.from
	}
	k := s.find(s.base + int64(s.to-s.from))
	return s.from + model.Offset(s.bytes(k-1)-s.base)
}

// relayed is a piece of a run that a host passes on: the commands [i, j), which arrived
// on a flow.
type relayed struct {
	h     *host
	f     *flow
	s     *segment     // upstream
	shift model.Offset // upstream's offsets are greater by it
	since model.Instant
	ps    int64
	after model.Instant // latency
}

// end is the offset, upstream, behind command k.
func (r *relayed) end(k int64) model.Offset {
	return r.s.from + model.Offset(r.s.bytes(k+1)-r.s.base)
}

// through is the lag of the flow when command k has been sent.
func (r *relayed) through(k int64, l *lagged) int64 {
	if end := r.end(k); end > l.seen {
		return r.f.log.lag(l.seen, end, r.f.from, r.ps, l.lag)
	}
	return l.lag
}

// own is the lag of the flow if command k found the link idle.
func (r *relayed) own(k int64) int64 { return r.ownAt(k, r.s.when(k)) }

// ownAt is own of a command that was written upstream at an instant.
func (r *relayed) ownAt(k int64, at model.Instant) int64 {
	return int64(at)*1000 - int64(r.end(k-1)-r.f.from)*r.ps
}

// run notes the commands [i, j) of a run, as few pieces as there are; l is what is
// known of the flow before them.
func (r *relayed) run(i, j int64, l *lagged) {
	size := r.s.even()
	spaced := r.s.spaced(size, r.ps)
	for i < j {
		k := i
		if spaced {
			if at := r.s.when(i); r.ownAt(i, at) > l.lag { // it waits for nothing, nor do the others
				r.noteSpaced(i, j, at, l)
				return
			}
			k = r.busy(i, j, l)
		} else {
			k = r.same(i, j, l)
		}
		if k > i { // one behind the other, as the link carries them
			r.pace(i, k, l)
			i = k
			continue
		}
		r.alone(i, l)
		i++
	}
}

// noteSpaced notes the commands [i, j) of a run of which each waits for nothing; the first one
// was written upstream at an instant.
func (r *relayed) noteSpaced(i, j int64, at model.Instant, l *lagged) {
	s, each := r.s, r.s.each
	after := psCeil(each*r.ps) + r.after
	n := segment{delay: s.delay + after, paced: s.paced, ps: s.ps}
	if s.paced {
		n.lag = s.lag + (i*each-s.base)*s.ps
	}
	last := at
	if j > i+1 {
		last = s.when(j - 1)
	}
	if l.lag = max(l.lag, r.ownAt(j-1, last)); at+after >= r.since {
		n.at = at + after
		r.place(&n, i, j)
		r.h.log.appendRelayed(&n)
	} else {
		r.note(i, j, n)
	}
	l.seen = max(l.seen, r.end(j-1))
}

// pace notes the commands [i, j) of a run that leave the link one behind the other.
func (r *relayed) pace(i, j int64, l *lagged) {
	r.note(i, j, segment{paced: true, ps: r.ps, delay: r.after, lag: l.lag + int64(r.end(i-1)-r.f.from)*r.ps})
	l.seen = max(l.seen, r.end(j-1))
}

// alone notes command i of a run by itself.
func (r *relayed) alone(i int64, l *lagged) {
	l.lag = r.through(i, l)
	l.seen = max(l.seen, r.end(i))
	at := psCeil(int64(r.end(i)-r.f.from)*r.ps+l.lag) + r.after
	r.note(i, i+1, segment{held: true, at: max(at, r.since)})
}

// goesOn notes the commands [i, j) of a run if they do what those before them did, whose run
// is the last thing noted: each finds the link idle. That is what most of them do.
func (r *relayed) goesOn(i, j int64, l *lagged) bool {
	log, s := r.h.log, r.s
	if len(log.segs) == 0 {
		return false
	}
	o, size := log.last(), s.each
	delay := s.delay + psCeil(size*r.ps) + r.after
	if !o.run || o.held || o.paced || o.via != nil || s.via != nil || s.paced || s.held || o.src != s.src || o.delay != delay ||
		o.to != r.end(i-1)-r.shift || o.base+int64(o.to-o.from) != i*size || !s.spaced(size, r.ps) {
		return false
	}
	at := s.when(i)
	if int64(at)*1000-int64(r.end(i-1)-r.f.from)*r.ps <= l.lag || at+delay-s.delay < r.since {
		return false
	}
	o.to = r.end(j-1) - r.shift
	l.lag, l.seen = max(l.lag, r.own(j-1)), max(l.seen, o.to+r.shift)
	return true
}

// same is the end of the first commands of [i, j) that find the link busy: none of them adds
// to its lag.
func (r *relayed) same(i, j int64, l *lagged) int64 {
	if r.through(j-1, l) == l.lag {
		return j
	}
	lo, hi := i, j-1 // hi adds to it, what is before lo does not
	if lo < hi && r.through(lo, l) > l.lag {
		return lo
	}
	for lo < hi {
		if mid := lo + (hi-lo)/2; r.through(mid, l) > l.lag {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// busy is same for commands so far apart that the link has carried each before the next
// one, of which the first finds it busy: from one to the next their lag does not become less.
// Mostly it is one.
func (r *relayed) busy(i, j int64, l *lagged) int64 {
	lo, hi := i, j // lo finds the link busy, hi does not
	for step := int64(1); lo+step < hi; step *= 2 {
		if r.own(lo+step) > l.lag {
			hi = lo + step
			break
		}
		lo += step
	}
	for hi-lo > 1 {
		if mid := lo + (hi-lo)/2; r.own(mid) > l.lag {
			hi = mid
		} else {
			lo = mid
		}
	}
	return hi
}

// note adds the commands [i, j) to the log of who passes them on; those that came before
// it could read are passed on when it can.
func (r *relayed) note(i, j int64, n segment) {
	if r.place(&n, i, j); n.held {
		r.h.log.appendRelayed(&n)
		return
	}
	if n.at = n.when(i); n.at < r.since {
		lo, hi := i+1, j
		for lo < hi {
			if mid := lo + (hi-lo)/2; n.when(mid) < r.since {
				lo = mid + 1
			} else {
				hi = mid
			}
		}
		r.note(i, lo, segment{held: true, at: r.since})
		if lo == j {
			return
		}
		n.lag += (r.s.bytes(lo) - n.base) * n.ps
		n.first, n.base, n.from = lo, r.s.bytes(lo), r.end(lo-1)-r.shift
		n.at = n.when(lo)
	}
	r.h.log.appendRelayed(&n)
}

// place says of what run a piece is, and where it lies.
func (r *relayed) place(n *segment, i, j int64) {
	n.run, n.src, n.each, n.first, n.base = true, r.s.src, r.s.each, i, r.s.bytes(i)
	n.from, n.to = r.end(i-1)-r.shift, r.end(j-1)-r.shift
}

// commands are the commands [i, j) of a run whose bytes are [from, to), as far as those
// belong to it; i is j when they are not whole commands.
func (s *segment) commands(from, to model.Offset) (i, j int64) {
	if !s.run || from < s.from || from >= s.to {
		return 0, 0
	}
	a, b := s.base+int64(from-s.from), s.base+int64(min(to, s.to)-s.from)
	if i, j = s.find(a), s.find(b); s.bytes(i) != a || s.bytes(j) != b {
		return 0, 0
	}
	return i, j
}

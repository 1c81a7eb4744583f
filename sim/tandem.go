package sim

import "psyncsim/model"

// Commands that come at chance moments, or are not of one length, wait for each other on
// the links of a chain, now and then. When one of them came to a relay is worked out when
// somebody asks: from the last one before it that is sure to have found all links idle, link
// by link. On links that are little used that is itself or one of the few before it.

// tandem is the links that commands of one source came over, in the order in which they did.
type tandem struct {
	src  writes
	hops []hop
	most int64         // nanoseconds of the longest command on the slowest link
	over model.Instant // from the source, the shortest command, if it waits for nothing
	// Nanoseconds from one command to the next, at least and in the mean; 0 is not known.
	gap, mean int64
	// What idle last found, and for what time of a command: who asks next asks near it.
	idleAt, idleEach int64
}

// hop is a link.
type hop struct {
	ps    int64
	after model.Instant
}

// mostHops is how many links a tandem can have.
const mostHops = 16

// tandemOver is the tandem of a segment's links and one more, nil if too many commands would
// wait for each other; known is one that may be it.
func (s *segment) tandemOver(ps int64, after model.Instant, known *tandem) *tandem {
	var before []hop
	if s.via != nil {
		before = s.via.hops
	}
	n := len(before)
	if known != nil && known.src == s.src && len(known.hops) == n+1 && known.hops[n] == (hop{ps, after}) && sameHops(known.hops[:n], before) {
		return known
	}
	t := &tandem{src: s.src, hops: append(append([]hop{}, before...), hop{ps, after})}
	t.gap, t.mean = s.src.gaps()
	for _, h := range t.hops {
		t.most = max(t.most, int64(psCeil(s.src.longest()*h.ps)))
		t.over += psCeil(s.src.shortest()*h.ps) + h.after
	}
	if n == mostHops || !t.light(0) {
		return nil
	}
	return t
}

func sameHops(a, b []hop) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return len(a) == len(b)
}

// calm says that no command ever waits for another, on these links and one that takes ps
// picoseconds a byte.
func (t *tandem) calm(ps int64) bool { return t.gap >= int64(len(t.hops)+1)*t.longestOn(ps) }

// light says that idle has not far to look: most commands wait for none.
func (t *tandem) light(ps int64) bool {
	return t.calm(ps) || t.gap == 0 && t.mean >= 2*int64(len(t.hops)+1)*t.longestOn(ps)
}

// longestOn is the time of the longest command on the slowest link, of those and one more.
func (t *tandem) longestOn(ps int64) int64 {
	return max(t.most, int64(psCeil(t.src.longest()*ps)))
}

// idle is the last of the commands [first, k] that is sure to find all links idle, and one more
// that takes ps picoseconds a byte; the first one does, but for that.
//
// If every command took as long as the longest on the slowest link, each came later, and they
// waited for each other on the first link only: that is what one is compared with.
func (t *tandem) idle(first, k, ps int64) int64 {
	if t.calm(ps) {
		return k
	}
	each := t.longestOn(ps)
	slack := int64(len(t.hops)) * each
	if t.idleEach >= each && t.idleAt >= first && t.idleAt <= k { // nothing before that one matters
		first = t.idleAt
	}
	for ; k > first; k-- {
		at := int64(t.src.when(k))
		if at-int64(t.src.when(k-1)) >= each+slack && at-k*each-slack >= maxLag(t, first, k, each*1000)/1000 {
			break
		}
	}
	t.idleAt, t.idleEach = k, each
	return k
}

// A tandem's commands are to maxLag as if each took one unit.

func (t *tandem) when(k int64) model.Instant { return t.src.when(k) }
func (t *tandem) bytes(k int64) int64        { return k }
func (t *tandem) size(int64) int64           { return 1 }

// walk sends the commands [from, to) over the links, which are idle, and says when the last
// one came; each, if it is not nil, is told of all of them.
func (t *tandem) walk(from, to int64, each func(k int64, at model.Instant)) (at model.Instant) {
	var free [mostHops]int64
	for i := range free {
		free[i] = noLag
	}
	for k := from; k < to; k++ {
		size := t.src.size(k)
		if at = t.src.when(k); at == model.Never {
			return at
		}
		for i, h := range t.hops {
			free[i] = max(int64(at)*1000, free[i]) + size*h.ps
			at = psCeil(free[i]) + h.after
		}
		if each != nil {
			each(k, at)
		}
	}
	return at
}

// came is when command k of a segment with a tandem came.
func (s *segment) came(k int64) model.Instant {
	return s.via.walk(s.via.idle(s.first, k, 0), k+1, nil)
}

// size is the length of command k of a run.
func (s *segment) size(k int64) int64 { return s.src.size(k) }

// cameBy is the number of the first command of such a segment that came after t.
func (s *segment) cameBy(t model.Instant) int64 {
	n := min(s.src.upto(t-s.via.over), s.find(s.base+int64(s.to-s.from)))
	for n > s.first && s.came(n-1) > t {
		n--
	}
	return max(n, s.first)
}

// cameLag is lagOver for such a segment: what is before the last command that found also the
// link of that many picoseconds a byte idle does not matter.
func (s *segment) cameLag(i, j, ps int64) (best int64) {
	if !s.via.light(ps) {
		return maxLag(s, i, j, ps)
	}
	best = noLag
	s.via.walk(s.via.idle(s.first, j-1, ps), j, func(k int64, at model.Instant) {
		if k >= i {
			best = max(best, int64(at)*1000-s.bytes(k)*ps)
		}
	})
	return best
}

// carry notes the commands [i, j) of a run that are all to come over little used links: what is
// behind the first that finds them idle needs no note of its own.
func (r *relayed) carry(i, j int64, t *tandem, l *lagged) {
	log, begin := r.h.log, r.end(i-1)
	if n := len(log.segs); n > 0 && r.f.carried == begin {
		if o := log.last(); o.via == t && o.to == begin-r.shift && o.base+int64(o.to-o.from) == r.s.bytes(i) {
			o.to, r.f.carried = r.end(j-1)-r.shift, r.end(j-1)
			return
		}
	}
	for ; i < j; i++ {
		at := r.s.when(i)
		if to := psCeil(int64(at)*1000+r.s.src.size(i)*r.ps) + r.after; to >= r.since && r.own(i) > l.lag && (r.s.via == nil || r.s.via.idle(r.s.first, i, r.ps) == i) {
			log.long = log.long || r.s.src.longest() > model.BlockRequest
			log.segs = append(log.segs, segment{run: true, src: r.s.src, each: r.s.each, via: t, at: to, first: i, base: r.s.bytes(i),
				from: r.end(i-1) - r.shift, to: r.end(j-1) - r.shift})
			r.f.carried = r.end(j - 1)
			return
		}
		if r.s.paces(r.ps) {
			if k := r.same(i, j, l); k > i {
				r.pace(i, k, l)
				i = k - 1
				continue
			}
		}
		r.alone(i, l)
	}
}

// upToDate has the lag of a flow take in all that begins before an offset.
func (r *relayed) upToDate(o model.Offset, l *lagged) {
	if o > l.seen {
		*l = lagged{o, r.f.log.lag(l.seen, o, r.f.from, r.ps, l.lag)}
	}
}

// uneven says that when the commands of a run came needs a look at each, and that what they
// come from are no commands that waited.
func (s *segment) uneven() bool {
	return s.via != nil || !s.held && !s.paced && s.delay == 0 && (s.each == 0 || s.src.spaced() < 0)
}

// tandem is what the commands of an uneven run come over, nil if each needs a note.
func (r *relayed) tandem(s *segment) *tandem {
	if !s.uneven() {
		return nil
	}
	t := s.tandemOver(r.ps, r.after, r.h.log.via)
	if t != nil {
		r.h.log.via = t
	}
	return t
}

// paces says that the commands of a run that leave a link of so many picoseconds a byte one
// behind the other need no note of each: when the next link has carried one hangs on no
// more than a few of those before it.
func (s *segment) paces(ps int64) bool {
	if s.each > 0 {
		return true
	}
	l, ok := s.src.(*load)
	return ok && l.mix.paced(ps) <= mostPaced
}

// mostPaced is at how many commands pacedLag may have to look.
const mostPaced = 4096

// paced is how many commands of one cycle and its repeats differ in when they leave such a
// link, to the nanosecond.
func (m *cycle) paced(ps int64) int64 {
	if ps%1000 == 0 {
		return int64(len(m.list))
	}
	return m.commands * roundings(m.size, ps)
}

// roundings is after how many times so many bytes the rounding of instants repeats.
func roundings(size, ps int64) int64 {
	step := uint64(size*ps) % 1000
	if step == 0 {
		return 1
	}
	return int64(1000 / commonDivisor(step, 1000))
}

// pacedLag is lagOver for a paced run of commands that are not of one length. From one cycle to
// the next, or a few of them, it grows or falls by the same: only those at one end matter.
func (s *segment) pacedLag(i, j, ps int64) int64 {
	m := &s.src.(*load).mix
	n := m.commands * roundings(m.size, s.ps)
	lo, hi := i, min(j, i+n)
	if s.ps > ps {
		lo, hi = max(i, j-n), j
	}
	best := int64(noLag)
	for k := lo; k < hi; {
		end := k + 1
		if s.ps%1000 == 0 { // equal ones: that of the first, or of the last
			end = min(hi, k+m.alike(k%m.commands))
		}
		for _, c := range [2]int64{k, end - 1} {
			best = max(best, int64(s.when(c))*1000-s.bytes(c)*ps)
		}
		k = end
	}
	return best
}

// alike is how many commands of a cycle, from the r-th on, are of one entry.
func (m *cycle) alike(r int64) int64 {
	if i := m.at(r); i+1 < len(m.list) {
		return m.list[i+1].commands - r
	}
	return m.commands - r
}

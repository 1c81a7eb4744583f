package sim

import "psyncsim/model"

// writes is a stream of client writes that can be asked at any instant; see
// load. Command numbers begin at 0, bytes count from the first command.
type writes interface {
	upto(t model.Instant) int64              // commands written at or before t
	when(k int64) model.Instant              // when command k is written
	bytes(k int64) int64                     // bytes of the first k commands
	find(b int64) int64                      // whole commands within the first b bytes
	size(k int64) int64                      // bytes of command k
	fillRun(dst []byte, k, end int64) []byte // appends the bytes of the commands [k, end)
	// fillPart appends the bytes [from, to) of command k.
	fillPart(dst []byte, k, from, to int64) []byte
	sameRun(data []byte, k, end int64) bool       // data is what fillRun would append
	samePart(data []byte, k, from, to int64) bool // and what fillPart would
	longest() int64                               // bytes of the longest command, at least
	nextLong(k, end int64) int64                  // the first command in [k, end) with an argument above model.BlockRequest; else end
	nextSize(k, end, least int64) int64           // the first command in [k, end) of at least so many bytes; else end
	pieces(dst []int64, k int64) []int64          // of command k, as a master with blocks feeds it
	even() int64                                  // bytes of every command, 0 if they differ
	gaps() (least, mean int64)                    // nanoseconds from one command to the next; 0 is not known
	shortest() int64                              // bytes of the shortest command
	spaced() int64                                // ps a byte of a link that has carried each command before the next one; -1 for none
}

// bytes is the length of the first k commands of a host's clients.
func (h *host) bytes(k int64) int64 {
	if h.each > 0 {
		return k * h.each
	}
	return h.src.bytes(k)
}

// size is the length of command k of a host's clients.
func (h *host) size(k int64) int64 {
	if h.each > 0 {
		return h.each
	}
	return h.src.size(k)
}

// streamLog remembers when each byte of one server's stream came into being,
// and where its commands end: the answer to "what had been written by then".
// A run of client writes is one segment however long it is.
type streamLog struct {
	src   writes
	each  int64 // bytes of every command of src, 0 if they differ
	segs  []segment
	lives []span         // whose bytes these are; see check.go
	long  bool           // a command may be longer than model.BlockRequest
	grows bool           // one of src may
	asks  []model.Offset // the offsets behind the GETACKs in it
	via   *tandem        // of its newest segment that has one
	torn  []rest         // of commands whose beginning is not in it; see joined
	most  int            // so many segments it may have before trim is worth it again
}

// segment is a piece of a stream: offsets [from, to).
type segment struct {
	from, to model.Offset
	at       model.Instant // when its first command was written
	// run: the commands of src from number first on, whose bytes begin at base.
	// Otherwise one command, written at once.
	run         bool
	own         bool // a run of the host's own clients
	held        bool // one whose commands were all written at `at`: they had waited
	quiet       bool // one command that changes no data
	first, base int64
	src         writes
	each        int64 // bytes of every command of src, 0 if they differ
	// Of a relayed run: see segment.when.
	paced   bool
	ps, lag int64
	delay   model.Instant
	via     *tandem // its commands came over these links
	data    []byte  // the command, in bytes mode
}

func (l *streamLog) reset(src writes) {
	l.src, l.segs, l.lives, l.long, l.asks, l.via = src, l.segs[:0], l.lives[:0], false, l.asks[:0], nil
	l.most, l.torn = 0, l.torn[:0]
	l.grows, l.each = src != nil && src.longest() > model.BlockRequest, 0
	if src != nil {
		l.each = src.even()
	}
}

// last is the newest segment.
func (l *streamLog) last() *segment { return &l.segs[len(l.segs)-1] }

// appendRun tells that the commands from number first on, with bytes [base, end) of src, were
// written; held ones all at once, at an instant.
func (l *streamLog) appendRun(from model.Offset, first, base, end int64, at model.Instant, held bool) {
	to := from + model.Offset(end-base)
	l.long = l.long || l.grows
	if n := len(l.segs); n > 0 && l.segs[n-1].own {
		s := &l.segs[n-1]
		if !s.held && !held && s.to == from && s.base+int64(from-s.from) == base { // no write was lost in between
			s.to = to
			return
		}
	}
	if !held {
		at = l.src.when(first)
	}
	s := l.add()
	s.from, s.to, s.at, s.run, s.own, s.held = from, to, at, true, true, held
	s.first, s.base, s.src, s.each = first, base, l.src, l.each
}

// add is a new segment behind all others.
func (l *streamLog) add() *segment {
	n := len(l.segs)
	if n == cap(l.segs) {
		l.segs = append(l.segs, segment{})
	}
	l.segs = l.segs[:n+1]
	s := &l.segs[n]
	*s = segment{}
	return s
}

// bytes is the length of the first k commands of the source of a run.
func (s *segment) bytes(k int64) int64 {
	if s.each > 0 {
		return k * s.each
	}
	return s.src.bytes(k)
}

// find is how many whole commands of the source of a run lie within its first b bytes.
func (s *segment) find(b int64) int64 {
	if s.each > 0 {
		return b / s.each
	}
	return s.src.find(b)
}

// appendOne tells that one command was written.
func (l *streamLog) appendOne(from, to model.Offset, at model.Instant, data []byte) {
	l.long = l.long || to-from > model.BlockRequest
	s := l.add()
	s.from, s.to, s.at = from, to, at
	if data != nil {
		s.data = append([]byte(nil), data...)
	}
}

// crowded says that trim may be worth it.
func (l *streamLog) crowded() bool { return len(l.segs) >= max(l.most, fewSegments) }

// fewSegments is how many a log may always have: so few that they stay in the processor's cache.
const fewSegments = 128

// trim forgets what lies before an offset, when that is worth it.
func (l *streamLog) trim(floor model.Offset) {
	if n := l.index(floor); n >= len(l.segs)/2 {
		l.segs = l.segs[:copy(l.segs, l.segs[n:])]
	}
	l.most = 2 * len(l.segs)
}

// index is the segment that holds offset o; the last one when o lies beyond.
func (l *streamLog) index(o model.Offset) int {
	n := len(l.segs)
	hi := n - 1
	for least := n - mostlyLast; hi >= 0; hi-- { // mostly it is one of the last
		switch s := &l.segs[hi]; {
		case s.from <= o && (s.to > o || hi == n-1):
			return hi
		case s.from <= o:
			return hi + 1
		}
		if hi <= least {
			break
		}
	}
	lo := 0
	for lo < hi {
		if mid := int(uint(lo+hi) / 2); l.segs[mid].to > o {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return min(lo, n-1)
}

// mostlyLast is how many segments are looked at one by one.
const mostlyLast = 8

// written is the last byte written at or before t; floor-1 when that is less.
func (l *streamLog) written(t model.Instant, floor model.Offset) model.Offset {
	for i := len(l.segs) - 1; i >= 0; i-- {
		s := &l.segs[i]
		if s.to <= floor {
			break
		}
		if s.at > t {
			continue
		}
		if !s.run || s.held {
			return s.to - 1
		}
		n := s.bytes(s.upto(t)) - s.base
		return min(s.from+model.Offset(n), s.to) - 1
	}
	return floor - 1
}

// quiet is the offset behind the commands from `from` on, up to byte o, that change
// no data.
func (l *streamLog) quiet(from, o model.Offset) model.Offset {
	for i := l.index(from); i >= 0 && i < len(l.segs); i++ {
		if s := &l.segs[i]; !s.quiet || s.to > o+1 || s.from > from {
			break
		}
		from = l.segs[i].to
	}
	return from
}

// alike is the last byte, at most o, of the commands from that of byte `from` on that
// all change data or all do not; quiet says which.
func (l *streamLog) alike(from, o model.Offset) (to model.Offset, quiet bool) {
	i := l.index(from)
	quiet = l.segs[i].quiet
	for i++; i < len(l.segs) && l.segs[i].from <= o; i++ {
		if l.segs[i].quiet != quiet {
			return l.segs[i].from - 1, quiet
		}
	}
	return o, quiet
}

// asked is the offset behind the first GETACK that ends at or behind byte `from`, 0
// without one.
func (l *streamLog) asked(from model.Offset) model.Offset {
	for i := len(l.asks) - 1; i >= 0; i-- {
		if l.asks[i] <= from {
			if i+1 < len(l.asks) {
				return l.asks[i+1]
			}
			return 0
		}
	}
	if len(l.asks) > 0 {
		return l.asks[0]
	}
	return 0
}

// bound is the offset behind the last command that ends at or before byte o,
// at least floor.
func (l *streamLog) bound(o, floor model.Offset) model.Offset {
	if o < floor || len(l.segs) == 0 {
		return floor
	}
	for i := l.index(o); i >= 0; i-- {
		s := &l.segs[i]
		if s.to <= floor {
			break
		}
		if o >= s.to-1 {
			return max(floor, s.to)
		}
		if s.run && o >= s.from {
			b := s.bytes(s.find(s.base + int64(o+1-s.from)))
			if b > s.base {
				return max(floor, s.from+model.Offset(b-s.base))
			}
		}
		if o < s.from {
			continue
		}
		return max(floor, s.from)
	}
	return floor
}

// commandEnd is the offset behind the command that holds byte o.
func (l *streamLog) commandEnd(o model.Offset) model.Offset {
	if len(l.segs) == 0 {
		panic("sim: a stream piece that its source has forgotten")
	}
	return l.segs[l.index(o)].commandEnd(o)
}

// commandEnd is the same of a segment that holds byte o.
func (s *segment) commandEnd(o model.Offset) model.Offset {
	if o < s.from || o >= s.to {
		panic("sim: a stream piece that its source has forgotten")
	}
	if !s.run {
		return s.to
	}
	k := s.find(s.base + int64(o-s.from))
	return s.from + model.Offset(s.bytes(k+1)-s.base)
}

// commands are the lengths of the commands in [from, to), which begins and ends
// with one, if any of them is long.
func (l *streamLog) commands(dst []int64, from, to model.Offset) []int64 {
	if !l.long || from >= to {
		return nil
	}
	long := false
	for from < to {
		end := l.commandEnd(from)
		long = long || end-from > model.BlockRequest
		dst = append(dst, int64(end-from))
		from = end
	}
	if !long {
		return nil
	}
	return dst
}

// changes counts those of the commands that end in [from, to): every command of a
// client is one, commands of the server's own are none.
func (l *streamLog) changes(from, to model.Offset) (n int64) {
	if len(l.segs) == 0 || from >= to {
		return 0
	}
	for i := l.index(from); i >= 0 && i < len(l.segs); i++ {
		s := &l.segs[i]
		switch {
		case s.from >= to:
			return n
		case s.run:
			a, b := max(from, s.from), min(to, s.to)
			begin := s.first
			if a > s.from {
				begin = s.find(s.base + int64(a-s.from))
			}
			n += s.find(s.base+int64(b-s.from)) - begin
		case s.to > from && s.to <= to:
			if !s.quiet {
				n++
			}
		}
	}
	return n
}

// changed is the offset behind the last of the commands that begin at `from` or behind it,
// end in [from, to) and change data, and how many bytes all of them have.
func (l *streamLog) changed(from, to model.Offset) (last model.Offset, bytes int64) {
	for i := l.index(from); i >= 0 && i < len(l.segs) && l.segs[i].from < to; i++ {
		s := &l.segs[i]
		switch {
		case s.run:
			a, b := max(from, s.from), min(to, s.to)
			end := s.from + model.Offset(s.bytes(s.find(s.base+int64(b-s.from)))-s.base)
			if end > a {
				last, bytes = end, bytes+int64(end-a)
			}
		case !s.quiet && s.from >= from && s.to <= to:
			last, bytes = s.to, bytes+int64(s.to-s.from)
		}
	}
	return last, bytes
}

// lag is the max-plus term of a queue that serves ps picoseconds a byte: the
// maximum over the commands that begin in [from, to) of written*1000 minus the
// picoseconds of all bytes from origin to their beginning. from is a command's
// beginning.
func (l *streamLog) lag(from, to, origin model.Offset, ps int64, best int64) int64 {
	first, last := l.index(from), l.index(to-1)
	for i := last; i >= first && i >= 0; i-- { // the newest holds back most, unless the link is short of bandwidth
		s := &l.segs[i]
		a := max(from, s.from)
		if i < last && int64(l.segs[i+1].at)*1000-int64(a-origin)*ps <= best {
			continue // all of it was written by then
		}
		if !s.run {
			if s.from >= from {
				best = max(best, int64(s.at)*1000-int64(s.from-origin)*ps)
			}
			continue
		}
		b := min(to, s.to)
		if s.held { // the first of them waits longest
			best = max(best, int64(s.at)*1000-int64(a-origin)*ps)
			continue
		}
		i0 := s.find(s.base + int64(a-s.from))
		i1 := s.find(s.base + int64(b-1-s.from))
		// Command k begins at byte base_k of the load: offset s.from + base_k - s.base.
		shift := (s.base - int64(s.from-origin)) * ps
		best = max(best, s.lagOver(i0, i1+1, ps)+shift)
	}
	return best
}

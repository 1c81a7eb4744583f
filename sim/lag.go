package sim

import (
	"math/bits"

	"psyncsim/model"
)

// noLag is maxLag of no commands.
const noLag = -1 << 63

// timed is what maxLag asks: a load, or several as one stream.
type timed interface {
	when(k int64) model.Instant
	bytes(k int64) int64
	size(k int64) int64
}

// maxLag is how far, in picoseconds, the commands [i, j) hold back a link that
// takes ps picoseconds a byte: the greatest of when(k)*1000 - bytes(k)*ps. With
// an idle link at the first of them, the last byte of command k leaves it at
// maxLag(i, k+1) + bytes(k+1)*ps. The load must reach j, and the numbers must
// fit an int64; whoever chooses ps and the duration has checked that.
//
// It bisects. What lies between two commands is at most the later's instant
// less the earlier's bytes; inside one straight piece of a fluid load, where
// that bound is too wide when load and link are nearly even, it is at most what
// the better of the two would be with the worst rounding (see lagSearch.mark).
func maxLag(l timed, i, j, ps int64) int64 {
	if i >= j {
		return noLag
	}
	s := lagSearch{l: l, ps: ps, best: noLag}
	if f, ok := l.(*load); ok && f.kind != Poisson {
		if ps <= f.easy {
			return int64(f.when(j-1))*1000 - f.bytes(j-1)*ps
		}
		s.fluid = f
	}
	lo, hi := s.mark(i), s.mark(j-1)
	s.between(&lo, &hi, s.bound(&lo, &hi))
	return s.best
}

// eases is how many picoseconds a byte a link may take so that each command of a constant
// load, or of one in bursts, has left before the next one is written: then the last one is
// held back longest.
// Two commands are no less apart than the smallest takes to accrue, rounded down.
func (l *load) eases() int64 {
	rate := max(l.flow.onRate, l.flow.offRate)
	if l.kind != Constant && l.kind != Bursts || rate == 0 {
		return -1
	}
	least, _ := l.gaps()
	if least == 0 {
		return -1
	}
	return min(least, longest/1000-1) * 1000 / l.mix.longest
}

// gaps is how many nanoseconds are between one command and the next: at least, rounded down,
// and in the mean when there are most of them. 0 is not known.
func (l *load) gaps() (least, mean int64) {
	rate := max(l.flow.onRate, l.flow.offRate)
	switch {
	case l.kind == Poisson:
		return 0, l.count.gap
	case l.kind == Trace || rate == 0:
		return 0, 0
	}
	return l.accrues(l.shortest(), rate), l.accrues(l.mix.size/l.mix.commands, rate)
}

// accrues is how many nanoseconds bytes of a fluid load take, rounded down, up to longest.
func (l *load) accrues(n int64, rate uint64) int64 {
	hi, lo := bits.Mul64(uint64(n), l.flow.unit)
	if hi >= rate {
		return longest
	}
	gap, _ := bits.Div64(hi, lo, rate)
	return int64(min(gap, longest))
}

// shortest is the length of the shortest command.
func (l *load) shortest() int64 {
	least := l.mix.list[0].size
	for i := range l.mix.list {
		least = min(least, l.mix.list[i].size)
	}
	return least
}

// gaps is that of all loads together.
func (m *merged) gaps() (least, mean int64) {
	for _, l := range m.parts {
		_, n := l.gaps()
		switch {
		case n == 0:
			return 0, 0
		case mean == 0:
			mean = n
		default:
			mean = mulDiv(mean, n, mean+n)
		}
	}
	return 0, mean
}

func (m *merged) shortest() int64 {
	least := m.parts[0].shortest()
	for _, l := range m.parts {
		least = min(least, l.shortest())
	}
	return least
}

type lagSearch struct {
	l     timed
	fluid *load // l, if its arrivals are fluid
	ps    int64
	best  int64
	looks int // marks made; for tests
}

// lagMark is a command that was looked at.
type lagMark struct {
	k     int64
	at    int64 // its instant, ps
	after int64 // ps to send all up to its end
	piece int64 // the straight piece it is written in, or -1
	most  int64 // inside a piece: at with the worst rounding, less after
}

// mark looks at command k. In a piece its instant is ceil(r/rate), and r has
// the same remainder by the piece's granularity g for every command; so the
// ceiling adds at most (rate - g)/rate, and r/rate + that less the bytes is a
// straight line over the bytes, whose maximum is at an end of any range.
func (s *lagSearch) mark(k int64) lagMark {
	first := s.l.bytes(k)
	next := first + s.l.size(k)
	m := lagMark{k: k, after: next * s.ps, piece: -1}
	at := model.Never
	if l := s.fluid; l == nil {
		at = s.l.when(k)
	} else if k < l.all {
		r := l.reach(next)
		at = model.Instant(l.from + r.ceil())
		if m.piece = r.piece; m.piece >= 0 {
			m.most = (l.from+r.start+r.whole)*1000 + l.worstRounding(&r) - m.after
		}
	}
	if at == model.Never {
		panic("sim: lag of commands behind the load's end")
	}
	m.at = int64(at) * 1000
	s.best = max(s.best, m.at-first*s.ps)
	s.looks++
	return m
}

// bound is the most that a command strictly between lo and hi can come to.
func (s *lagSearch) bound(lo, hi *lagMark) int64 {
	b := hi.at - lo.after
	if lo.piece >= 0 && lo.piece == hi.piece {
		b = min(b, max(lo.most, hi.most)+s.fluid.mix.longest*s.ps)
	}
	return b
}

// between searches the commands strictly between lo and hi, of which none
// comes to more than most. The half that promises more comes first, the later
// one if they are even.
func (s *lagSearch) between(lo, hi *lagMark, most int64) {
	n := hi.k - lo.k - 1
	if n <= 0 || most <= s.best {
		return
	}
	if n <= 8 {
		for k := hi.k - 1; k > lo.k; k-- {
			s.best = max(s.best, int64(s.l.when(k))*1000-s.l.bytes(k)*s.ps)
		}
		return
	}
	mid := s.mark(split(lo, hi, n))
	left, right := s.bound(lo, &mid), s.bound(&mid, hi)
	if left > right {
		s.between(lo, &mid, left)
		s.between(&mid, hi, right)
	} else {
		s.between(&mid, hi, right)
		s.between(lo, &mid, left)
	}
}

// split is where to cut the n commands between lo and hi: so near to the end
// with the greatest, as the load of the link tells it, that at even arrivals the
// longer part can be dropped at once. In doubt it is the middle.
func split(lo, hi *lagMark, n int64) int64 {
	arrive, send := hi.at-lo.at, hi.after-lo.after
	if send < arrive {
		near := send / (arrive/n + 1)
		return hi.k - min(near+near/4+4, n/2)
	}
	near := arrive / (send/n + 1)
	return lo.k + min(near+near/4+4, n/2)
}

// lagOf is maxLag for any source of writes.
func lagOf(src writes, i, j, ps int64) int64 {
	if l, ok := src.(*load); ok {
		return maxLag(l, i, j, ps)
	}
	best := int64(noLag)
	lagBetween(src, i, j, ps, &best)
	return best
}

// lagBetween is the search of maxLag without its bounds for fluid loads: the
// commands [i, j) come to no more than the last one's instant less the first
// one's bytes.
func lagBetween(src writes, i, j, ps int64, best *int64) {
	if i >= j || int64(src.when(j-1))*1000-src.bytes(i)*ps <= *best {
		return
	}
	if j-i == 1 {
		*best = int64(src.when(i))*1000 - src.bytes(i)*ps
		return
	}
	mid := i + (j-i)/2
	lagBetween(src, mid, j, ps, best)
	lagBetween(src, i, mid, ps, best)
}

package sim

import (
	"math/bits"
	"sort"

	"psyncsim/model"
)

// merged is several loads on one server as one stream: in order of time, at one
// instant in the order of the loads. Questions come close to each other: the
// commands are merged in blocks, of which the last few are kept. That changes no
// answer.
type merged struct {
	parts []*load
	kept  [8]mergedBlock
	turn  int          // which of kept goes next
	last  *mergedBlock // the one that answered last
}

// mergedBlock is the commands [number*mergedSize, ...) of a merged load.
type mergedBlock struct {
	number int64
	n      int64 // commands in it; less than mergedSize at the end of the load
	from   []int64
	at     [mergedSize]model.Instant
	part   [mergedSize]uint8
	bytes  [mergedSize + 1]int64 // before each command
}

const mergedSize = 64

func (m *merged) upto(t model.Instant) (n int64) {
	for _, l := range m.parts {
		n += l.upto(t)
	}
	return n
}

// search is the least instant by which more than k commands were written,
// model.Never when there are none. From what is known of the last block it goes
// straight to where k should be, until few commands are left in between.
func (m *merged) search(k int64) model.Instant {
	lo, step := model.Instant(-1), model.Instant(1<<20)
	hi, below, above := model.Never, int64(0), int64(0) // upto(lo) is below, at most k; upto(hi) is above, more
	if x := m.last; x != nil && x.n > 0 {
		step = (x.at[x.n-1]-x.at[0])/mergedSize + 1
		if first := x.number * mergedSize; first > k {
			hi = x.at[0]
			above = m.upto(hi)
		} else {
			lo = x.at[0] - 1
			below = m.upto(lo)
			step *= model.Instant(min(k-below+2, 1<<20))
		}
	}
	for hi == model.Never {
		if lo > 1<<60 {
			return model.Never
		}
		at := lo + step
		if n := m.upto(at); n > k {
			hi, above = at, n
		} else {
			lo, below, step = at, n, step*2
		}
	}
	for turn := 0; above-below > mergedFew && lo+1 < hi; turn++ {
		mid := lo + (hi-lo)/2
		if turn%3 < 2 {
			u, v := bits.Mul64(uint64(hi-lo), uint64(k-below))
			part, _ := bits.Div64(u, v, uint64(above-below))
			mid = min(max(lo+model.Instant(part), lo+1), hi-1)
		}
		if n := m.upto(mid); n > k {
			hi, above = mid, n
		} else {
			lo, below = mid, n
		}
	}
	if lo+1 == hi {
		return hi
	}
	return m.after(lo, k-below)
}

// mergedFew is how many commands are looked at one by one.
const mergedFew = 8

// after is the instant of the command before which n others were written after lo.
func (m *merged) after(lo model.Instant, n int64) model.Instant {
	var counts, whens [8]int64
	next, at := counts[:0], whens[:0]
	for _, l := range m.parts {
		k := l.upto(lo)
		next, at = append(next, k), append(at, int64(l.when(k)))
	}
	for {
		first := 0
		for i := range at {
			if at[i] < at[first] {
				first = i
			}
		}
		if n == 0 {
			return model.Instant(at[first])
		}
		n--
		next[first]++
		at[first] = int64(m.parts[first].when(next[first]))
	}
}

// share is how many commands of each part are among the first k: all that were
// written before the instant of command k, then those of that instant in order.
func (m *merged) share(k int64, counts []int64) []int64 {
	t := m.search(k)
	if t == model.Never {
		for _, l := range m.parts {
			counts = append(counts, l.upto(t))
		}
		return counts
	}
	left := k - m.upto(t-1)
	for _, l := range m.parts {
		n := l.upto(t - 1)
		extra := min(left, l.upto(t)-n)
		left -= extra
		counts = append(counts, n+extra)
	}
	return counts
}

// block is block number b, made if it is not kept.
func (m *merged) block(b int64) *mergedBlock {
	if m.last != nil && m.last.number == b {
		return m.last
	}
	for i := range m.kept {
		if x := &m.kept[i]; x.from != nil && x.number == b {
			m.last = x
			return x
		}
	}
	x := &m.kept[m.turn]
	m.turn = (m.turn + 1) % len(m.kept)
	x.number, x.n = b, 0
	x.from = m.share(b*mergedSize, x.from[:0])
	m.fillBlock(x)
	m.last = x
	return x
}

func (m *merged) fillBlock(x *mergedBlock) {
	var counts, whens [8]int64
	next, at := append(counts[:0], x.from...), whens[:0]
	x.bytes[0] = 0
	for i, l := range m.parts {
		x.bytes[0] += l.bytes(next[i])
		at = append(at, int64(l.when(next[i])))
	}
	for ; x.n < mergedSize; x.n++ {
		first := 0
		for i := range at {
			if at[i] < at[first] {
				first = i
			}
		}
		if model.Instant(at[first]) == model.Never {
			break
		}
		l := m.parts[first]
		x.at[x.n], x.part[x.n] = model.Instant(at[first]), uint8(first)
		x.bytes[x.n+1] = x.bytes[x.n] + l.size(next[first])
		next[first]++
		at[first] = int64(l.when(next[first]))
	}
}

func (m *merged) when(k int64) model.Instant {
	if x := m.block(k / mergedSize); k%mergedSize < x.n {
		return x.at[k%mergedSize]
	}
	return model.Never
}

func (m *merged) bytes(k int64) int64 {
	x := m.block(k / mergedSize)
	return x.bytes[min(k%mergedSize, x.n)]
}

// find looks at the kept blocks first, then from the nearest one on.
func (m *merged) find(b int64) int64 {
	lo, hi := int64(0), int64(-1) // the first byte of block lo is not behind b, that of hi is
	for i := range m.kept {
		x := &m.kept[i]
		if x.n == 0 || x.bytes[0] > b {
			continue
		}
		if b < x.bytes[x.n] {
			return x.find(b)
		}
		lo = max(lo, x.number)
	}
	for step := int64(1); hi < 0; step *= 2 {
		if x := m.block(lo + step); x.n == 0 || x.bytes[0] > b {
			hi = lo + step
		} else {
			lo += step
		}
	}
	for lo+1 < hi {
		if mid := lo + (hi-lo)/2; m.block(mid).n == 0 || m.block(mid).bytes[0] > b {
			hi = mid
		} else {
			lo = mid
		}
	}
	return m.block(lo).find(b)
}

func (x *mergedBlock) find(b int64) int64 {
	n := sort.Search(int(x.n), func(i int) bool { return x.bytes[i+1] > b })
	return x.number*mergedSize + int64(n)
}

func (m *merged) size(k int64) int64 { return m.bytes(k+1) - m.bytes(k) }

// own is the load of command k and its number there.
func (m *merged) own(k int64) (l *load, n int64) {
	x := m.block(k / mergedSize)
	i := k % mergedSize
	if i >= x.n {
		panic("sim: bytes of a command that is never written")
	}
	part := x.part[i]
	n = x.from[part]
	for _, p := range x.part[:i] {
		if p == part {
			n++
		}
	}
	return m.parts[part], n
}

// next is the first command of [k, end) that is meant, as command j of its load; the
// end of the load, or end, if there is none.
func (m *merged) next(k, end int64, meant func(l *load, j int64) bool) int64 {
	for k < end {
		x := m.block(k / mergedSize)
		var a [8]int64
		j := append(a[:0], x.from...)
		for _, p := range x.part[:min(k%mergedSize, x.n)] {
			j[p]++
		}
		for ; k < end && k/mergedSize == x.number; k++ {
			if k%mergedSize >= x.n {
				return k
			}
			p := x.part[k%mergedSize]
			if meant(m.parts[p], j[p]) {
				return k
			}
			j[p]++
		}
	}
	return end
}

func (m *merged) longest() (n int64) {
	for _, l := range m.parts {
		n = max(n, l.longest())
	}
	return n
}

func (m *merged) nextLong(k, end int64) int64 {
	if m.longest() <= model.BlockRequest {
		return end
	}
	for ; k < end && k/mergedSize*mergedSize+m.block(k/mergedSize).n > k; k++ {
		if l, n := m.own(k); l.nextLong(n, n+1) == n {
			return k
		}
	}
	return end
}

func (m *merged) nextSize(k, end, least int64) int64 {
	if m.longest() < least {
		return end
	}
	for ; k < end && k/mergedSize*mergedSize+m.block(k/mergedSize).n > k; k++ {
		if m.size(k) >= least {
			return k
		}
	}
	return end
}

func (m *merged) pieces(dst []int64, k int64) []int64 {
	l, n := m.own(k)
	return l.pieces(dst, n)
}

package sim

import (
	"fmt"
	"math/big"
	"math/bits"
)

// poisson is independent arrivals at a constant mean rate. Time is cut into
// blocks of 2^shift ns, a few hundred arrivals each. How many fall into a block is
// Poisson distributed and hangs on (seed, stream, block). Where they fall is
// found by halving: of n arrivals in an interval each is in the first half by
// the throw of a coin, that is as many as n even bits have ones, and
// the bits hang on the block and the half's place in it. So every question is
// exact in whole nanoseconds, and who asks, and in which order, is the same.
//
// Whoever has asked before leaves a cursor (a block and the arrivals before
// it), some marks further back, the upper halves of the last few blocks, and the last few
// leaves looked at: a server, its replica and the link between them ask for moments that
// lie a latency apart, again and again.
type poisson struct {
	limit []uint64 // a draw u means first+i arrivals for the least i with u <= limit[i]
	first int64
	guide [1 << guideBits]uint16 // where to begin to look, by the upper bits of u

	gap    int64 // ns from one arrival to the next in the mean, rounded down
	shift  uint  // a block is 2^shift ns
	blocks int64 // that begin before the load's end
	key    seedKey

	block, before, in int64 // the cursor: a block, arrivals before it and in it

	stride int64   // blocks from one mark to the next
	marks  []int64 // arrivals before block i*stride
	known  int64   // so many marks are set

	near   [nearLeaves]leaf
	turn   uint // of near, the next one to be given up
	halves [nearBlocks]halves
}

const (
	guideBits = 10
	maxMarks  = 8192 // 64 KiB a load, and an hour of 10,000 writes a second is 11 blocks a mark
	maxShift  = 50   // 13 days
	leafSize  = 8

	nearLeaves = 4
	nearBlocks = 4
	topNodes   = 64 // of a block's tree: six halvings
	root       = 1  // of a block's tree; below node i are 2i and 2i+1. Place 0 is the block's count
)

// leaf is an interval with few arrivals, or of one nanosecond with any number.
type leaf struct {
	lo, hi int64 // ns, half open; hi 0 is no leaf
	base   int64 // arrivals before it
	n      int64
	at     [leafSize]int64 // in order; not set for one nanosecond
}

// halves are the numbers of arrivals in the first halves of a block's upper intervals, as
// far as they were counted.
type halves struct {
	block int64
	known uint64 // a bit a node
	first [topNodes]uint16
}

func (p *poisson) compile(c *LoadConfig, m *cycle, span int64) error {
	num, den := big.NewInt(c.PerSecond), big.NewInt(1_000_000_000) // arrivals a ns
	if c.PerSecond == 0 {
		num.Mul(big.NewInt(c.BytesPerSecond), big.NewInt(m.commands))
		den.Mul(den, big.NewInt(m.size))
	}
	if num.Sign() < 0 {
		return fmt.Errorf("rate %d, %d a second is negative", c.BytesPerSecond, c.PerSecond)
	}
	if num.Sign() == 0 || span == 0 {
		return nil // no blocks, no arrivals
	}
	if gap := new(big.Int).Quo(den, num); gap.IsInt64() {
		p.gap = min(gap.Int64(), longest)
	}
	most := new(big.Int).Mul(den, big.NewInt(512))
	if num.Cmp(most) >= 0 {
		return fmt.Errorf("rate %d, %d a second is out of range", c.BytesPerSecond, c.PerSecond)
	}
	for p.shift < maxShift && new(big.Int).Lsh(num, p.shift+1).Cmp(most) < 0 {
		p.shift++
	}
	p.tabulate(num.Lsh(num, p.shift), den)
	p.blocks = (span-1)>>p.shift + 1
	hi, lo := bits.Mul64(uint64(p.blocks), uint64(p.first)+uint64(len(p.limit)))
	if hi == 0 {
		hi, lo = bits.Mul64(lo, uint64(m.longest))
	}
	if hi != 0 || lo >= longest {
		return errLoadBytes
	}
	p.stride = (p.blocks + maxMarks - 1) / maxMarks
	p.marks = make([]int64, (p.blocks+p.stride-1)/p.stride)
	return nil
}

// tabulate sets the limits for the mean num/den. The weights of the counts are
// taken relative to the likeliest, 2^192, and divided by their sum: no
// exponential is needed. They are followed until they are 0, so what is
// cut and rounded is below 2^-180 of the whole, and the limits are 2^64 times the
// distribution function, rounded down. Counts with less than 2^-64 above them are cut.
func (p *poisson) tabulate(num, den *big.Int) {
	mode := new(big.Int).Quo(num, den).Int64()
	step := func(w, up, down *big.Int, by int64) *big.Int { // w*up/(down*by)
		w = new(big.Int).Mul(w, up)
		return w.Quo(w, new(big.Int).Mul(down, big.NewInt(by)))
	}
	top := new(big.Int).Lsh(big.NewInt(1), 192)
	weights := []*big.Int{} // of mode, mode-1, ... then turned round
	w := top
	for n := mode; w.Sign() > 0; n-- {
		weights = append(weights, w)
		if n == 0 {
			break
		}
		w = step(new(big.Int).Mul(w, big.NewInt(n)), den, num, 1)
	}
	p.first = mode + 1 - int64(len(weights))
	for i, j := 0, len(weights)-1; i < j; i, j = i+1, j-1 {
		weights[i], weights[j] = weights[j], weights[i]
	}
	for n := mode + 1; ; n++ {
		w = step(weights[len(weights)-1], num, den, n)
		if w.Sign() == 0 {
			break
		}
		weights = append(weights, w)
	}
	p.setLimits(weights)
	for i, n := 0, uint16(0); i < len(p.guide); i++ {
		for uint64(i)<<(64-guideBits) > p.limit[n] {
			n++
		}
		p.guide[i] = n
	}
}

func (p *poisson) setLimits(weights []*big.Int) {
	total, sum, one := new(big.Int), new(big.Int), big.NewInt(1)
	for _, w := range weights {
		total.Add(total, w)
	}
	for _, w := range weights {
		sum.Add(sum, w)
		f := new(big.Int).Lsh(sum, 64)
		f.Quo(f, total).Sub(f, one)
		if f.Sign() < 0 { // no draw is below it
			p.first++
			continue
		}
		if f.BitLen() > 64 || f.Uint64() >= 1<<64-2 {
			p.limit = append(p.limit, 1<<64-1)
			return
		}
		p.limit = append(p.limit, f.Uint64())
	}
}

func (p *poisson) reset(k seedKey) {
	p.key = k
	for i := range p.near {
		p.near[i].hi = 0
	}
	for i := range p.halves {
		p.halves[i].block = -1
	}
	p.block, p.before, p.known = 0, 0, 0
	if p.blocks > 0 {
		p.in, p.marks[0], p.known = p.arrivals(0), 0, 1
	}
}

// arrivals is the number of arrivals in a block.
func (p *poisson) arrivals(block int64) int64 {
	u := uint64(p.key.sub(uint64(block)).sub(0))
	n := int(p.guide[u>>(64-guideBits)])
	for u > p.limit[n] {
		n++
	}
	return p.first + int64(n)
}

// upto is the number of arrivals at or before x, below the load's end.
func (p *poisson) upto(x int64) int64 {
	if p.blocks == 0 {
		return 0
	}
	var f *leaf
	for i := range p.near {
		if f = &p.near[i]; x >= f.lo && x < f.hi {
			return f.upto(x)
		}
	}
	p.seek(x >> p.shift)
	return p.descend(x, -1).upto(x)
}

// upto is the number of arrivals at or before x, which is in the leaf.
func (f *leaf) upto(x int64) int64 {
	if f.hi-f.lo == 1 {
		return f.base + f.n
	}
	n := f.base
	for i := int64(0); i < f.n && f.at[i] <= x; i++ {
		n++
	}
	return n
}

// when is the moment of arrival k; the last block may reach behind the load's end.
func (p *poisson) when(k int64) (x int64, ok bool) {
	for i := range p.near {
		if f := &p.near[i]; k >= f.base && k < f.base+f.n && f.hi > 0 {
			return f.when(k), true
		}
	}
	if !p.seekArrival(k) {
		return 0, false
	}
	return p.descend(0, k-p.before).when(k), true
}

// when is the moment of arrival k, which is in the leaf.
func (f *leaf) when(k int64) int64 {
	if f.hi-f.lo == 1 {
		return f.lo
	}
	return f.at[k-f.base]
}

// forward moves the cursor on, to a block or to that of arrival k, whichever comes first.
// A long way is most of what a load costs that few ask: its loop is arrivals by hand.
func (p *poisson) forward(to, k int64) {
	key, limit, fewest := p.key, p.limit, p.first
	block, before, in, mark := p.block, p.before, p.in, p.known*p.stride
	step := uint64(key) + uint64(block+1)*golden // of key.sub(block)
	for block < to && before+in <= k {
		before += in
		block++
		step += golden
		u := uint64(mix(step).sub(0))
		n := int(p.guide[u>>(64-guideBits)])
		for u > limit[n] {
			n++
		}
		in = fewest + int64(n)
		if block == mark {
			p.marks[p.known] = before
			p.known++
			mark += p.stride
		}
	}
	p.block, p.before, p.in = block, before, in
}

func (p *poisson) back() {
	p.block--
	p.in = p.arrivals(p.block)
	p.before -= p.in
}

// jump sets the cursor to a mark.
func (p *poisson) jump(i int64) {
	p.block, p.before = i*p.stride, p.marks[i]
	p.in = p.arrivals(p.block)
}

// seek moves the cursor to a block.
func (p *poisson) seek(block int64) {
	i := min(block/p.stride, p.known-1)
	if m := i * p.stride; p.block < m || p.block > block && p.block-block > block-m {
		p.jump(i)
	}
	p.forward(block, 1<<63-1)
	for p.block > block {
		p.back()
	}
}

// seekArrival moves the cursor to the block of arrival k, if there is one.
func (p *poisson) seekArrival(k int64) bool {
	if p.blocks == 0 {
		return false
	}
	if k < p.before && p.before-k < 2048 { // a few blocks back
		for k < p.before {
			p.back()
		}
		return true
	}
	if k < p.before || k >= p.before+p.in {
		lo, hi := int64(0), p.known // marks[lo] <= k
		for hi-lo > 1 {
			if mid := lo + (hi-lo)/2; p.marks[mid] <= k {
				lo = mid
			} else {
				hi = mid
			}
		}
		if k < p.before || p.block < lo*p.stride {
			p.jump(lo)
		}
	}
	p.forward(p.blocks-1, k)
	return k < p.before+p.in
}

// descend finds the leaf of the cursor's block that holds the moment x, or, if
// rank is not below 0, the arrival of that rank in the block.
func (p *poisson) descend(x, rank int64) *leaf {
	key := p.key.sub(uint64(p.block))
	lo, base, n, j := p.block<<p.shift, p.before, p.in, p.shift
	top := &p.halves[p.block%nearBlocks]
	if top.block != p.block {
		top.block, top.known = p.block, 0
	}
	node := uint64(root)
	for n > leafSize && j > 0 {
		j--
		var first int64
		switch {
		case node >= topNodes:
			first = ones(key.sub(node), n)
		case top.known>>node&1 > 0:
			first = int64(top.first[node])
		default:
			first = ones(key.sub(node), n)
			top.first[node] = uint16(first) // n is below 2^16: a block has 512 arrivals on average, at most
			top.known |= 1 << node
		}
		right := (x-lo)>>(j&63) > 0
		if rank >= 0 {
			right = rank >= first
		}
		node *= 2
		if !right {
			n = first
			continue
		}
		node++
		lo += 1 << j
		base += first
		n -= first
		rank -= first // stays below 0 if it was
	}
	f := &p.near[p.turn%nearLeaves]
	p.turn++
	f.lo, f.hi, f.base, f.n = lo, lo+1<<j, base, n
	if j > 0 {
		f.place(key.sub(node), j)
	}
	return f
}

// ones is how many of n even bits are set.
func ones(k seedKey, n int64) int64 {
	c, i := 0, uint64(0)
	for ; n >= 64; n -= 64 {
		c += bits.OnesCount64(uint64(k.sub(i)))
		i++
	}
	return int64(c + bits.OnesCount64(uint64(k.sub(i))>>(64-uint(n))))
}

// place puts the leaf's arrivals evenly and independently into its 2^j ns,
// which is what halving further would come to, in order. Each goes where the
// number of smaller ones says: with so few, comparisons that are added up cost
// a third of those that are jumped on.
func (f *leaf) place(k seedKey, j uint) {
	var t, rank [leafSize]int64
	for i := range int(f.n) {
		x := f.lo + int64(uint64(k.sub(uint64(i)))>>(64-j))
		t[i&(leafSize-1)] = x
		r := int64(i)
		for o := range i {
			later := int64(uint64(x-t[o&(leafSize-1)]) >> 63) // 1 if x is before
			rank[o&(leafSize-1)] += later
			r -= later
		}
		rank[i&(leafSize-1)] = r
	}
	for i := range int(f.n) {
		f.at[rank[i&(leafSize-1)]&(leafSize-1)] = t[i&(leafSize-1)]
	}
}

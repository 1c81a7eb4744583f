package tcp

import "math/bits"

// Chance is addressed, not consumed: a number hangs on its key and its counter
// only. The function is SplitMix64's, as in package sim.
func draw(key, n uint64) uint64 {
	z := key + (n+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// uniform makes a whole number in [0, n) of 64 even bits.
func uniform(x, n uint64) uint64 {
	hi, _ := bits.Mul64(x, n)
	return hi
}

// PPB is a chance in parts per billion: 1_000_000_000 is always.
type PPB int64

// Always is the chance of what is certain.
const Always PPB = 1_000_000_000

// geometric draws how many trials fail before the first that succeeds. It is
// made once per chance: powers[j] is the chance, in 2^-64, that 2^j trials fail.
type geometric struct {
	p      PPB
	powers [34]uint64
}

func newGeometric(p PPB) geometric {
	g := geometric{p: p}
	if p <= 0 || p >= Always {
		return g
	}
	q, _ := bits.Div64(uint64(Always-p), 0, uint64(Always))
	for j := range g.powers {
		g.powers[j] = q
		q, _ = bits.Mul64(q, q)
	}
	return g
}

// never is more trials than anyone makes.
const never = int64(1) << 60

// gap is the number of failures that the random bits x stand for: the greatest k
// for which the chance of k failures in a row is above x, found bit by bit.
func (g *geometric) gap(x uint64) int64 {
	switch {
	case g.p <= 0:
		return never
	case g.p >= Always:
		return 0
	}
	left, k := ^uint64(0), int64(0)
	for j := len(g.powers) - 1; j >= 0; j-- {
		if t, _ := bits.Mul64(left, g.powers[j]); t > x {
			left = t
			k += 1 << j
		}
	}
	return k
}

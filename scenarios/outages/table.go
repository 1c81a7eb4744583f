package outages

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"time"

	"psyncsim/scenarios"
)

const maxDuration = scenarios.MaxDuration

// A table divides all outages into equal shares, and the last share once more.
const (
	shareBits = 12
	shares    = 1 << shareBits
)

// table is a distribution by its quantiles; entries never fall. Between two
// entries the duration is linear in the share.
type table struct {
	body [shares + 1]time.Duration // body[i]: quantile i / shares
	tail [shares + 1]time.Duration // tail[i]: quantile (shares - 1 + i/shares) / shares
}

// newTable asks for the quantiles in seconds. lo and hi bound the answers.
func newTable(quantile func(p float64) float64) (*table, error) {
	t := &table{}
	last := time.Duration(0)
	put := func(to *time.Duration, p float64) error {
		s := quantile(p)
		if math.IsNaN(s) {
			return fmt.Errorf("its quantile of %g cannot be computed", p)
		}
		last = max(last, rounded(s))
		*to = last
		return nil
	}
	for i := range shares {
		if err := put(&t.body[i], float64(i)/shares); err != nil {
			return nil, err
		}
	}
	for i := range shares + 1 {
		// Not to the very end, which may be without bound.
		rest := max(float64(shares-i), 1./8) / (shares * shares)
		if err := put(&t.tail[i], 1-rest); err != nil {
			return nil, err
		}
	}
	t.body[shares] = t.tail[shares]
	switch median := quantile(0.5); {
	case median < 1e-6:
		return nil, fmt.Errorf("half of the outages would be shorter than 1µs; parameters are in seconds, or durations such as 5s")
	case median > maxDuration.Seconds():
		return nil, fmt.Errorf("half of the outages would be longer than 720h (30 days); parameters are in seconds, or durations such as 5s")
	case quantile(0.999) > maxDuration.Seconds():
		return nil, fmt.Errorf("one outage in a thousand would be longer than 720h (30 days)")
	}
	return t, nil
}

// rounded is a number of seconds to four significant digits, from 1 µs to the
// longest duration.
func rounded(seconds float64) time.Duration {
	switch {
	case seconds <= 1e-6:
		return time.Microsecond
	case seconds >= maxDuration.Seconds():
		return maxDuration
	}
	us := seconds * 1e6
	unit := int64(1)
	for us >= 10_000 {
		us, unit = us/10, unit*10
	}
	return time.Duration(int64(math.Round(us))*unit) * time.Microsecond
}

// at is the quantile of the share u / 2^64.
func (t *table) at(u uint64) time.Duration {
	row := &t.body
	i := u >> (64 - shareBits)
	if i == shares-1 {
		row, u = &t.tail, u<<shareBits
		i = u >> (64 - shareBits)
	}
	part, _ := bits.Mul64(u<<shareBits, uint64(row[i+1]-row[i]))
	return row[i] + time.Duration(part)
}

// below is the share that lasts d at most, in parts per billion.
func (t *table) below(d time.Duration) int64 {
	if d < t.tail[0] {
		return within(&t.body, d, uint64(whole))
	}
	return whole*(shares-1)/shares + within(&t.tail, d, uint64(whole)>>shareBits)
}

// within is the share of a row's n that lasts d at most.
func within(row *[shares + 1]time.Duration, d time.Duration, n uint64) int64 {
	i, _ := slices.BinarySearchFunc(row[:], d, func(e, d time.Duration) int {
		if e <= d {
			return -1
		}
		return 1
	}) // the first entry above d
	if i == 0 {
		return 0
	}
	if i > shares {
		return int64(n)
	}
	// (i-1) whole shares and the part of one: all times 2^20, to lose little.
	part := uint64(i-1) << 20
	hi, lo := bits.Mul64(uint64(d-row[i-1]), 1<<20)
	q, _ := bits.Div64(hi, lo, uint64(row[i]-row[i-1]))
	hi, lo = bits.Mul64(part+q, n)
	q, _ = bits.Div64(hi, lo, shares<<20)
	return int64(q)
}

// mean is that of the straight lines between the entries, to the microsecond.
func (t *table) mean() time.Duration {
	const fine = 128 // parts of a microsecond; more would overflow
	twice := func(row []time.Duration) (us int64) {
		for i := range len(row) - 1 {
			us += int64((row[i] + row[i+1]) / time.Microsecond)
		}
		return us
	}
	last := twice(t.tail[:]) * fine / (2 * shares)
	all := (twice(t.body[:shares])*(fine/2) + last) / shares
	return time.Duration(all) * time.Microsecond / fine
}

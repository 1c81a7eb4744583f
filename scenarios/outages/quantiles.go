package outages

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"gonum.org/v1/gonum/stat/distuv"
)

// quantile is one that was stated.
type quantile struct {
	ppb  int64 // of the outages are no longer than it
	t    time.Duration
	name piece
}

var quantileWords = map[string]int64{"min": 0, "median": whole / 2, "max": whole}

// quantiles reads p50=2s,p99=45s.
func quantiles(w piece) (*table, error) {
	var qs []quantile
	for _, one := range split(w.text, ",", w.at) {
		q, err := oneQuantile(one)
		if err != nil {
			return nil, err
		}
		qs = append(qs, q)
	}
	if len(qs) == 1 {
		return nil, w.fail("one quantile says nothing about the others; two do, such as p50=2s,p99=45s")
	}
	slices.SortStableFunc(qs, func(a, b quantile) int { return cmp.Compare(a.ppb, b.ppb) })
	for i := range len(qs) - 1 {
		a, b := qs[i], qs[i+1]
		if a.ppb == b.ppb {
			return nil, b.name.fail("stated twice")
		}
		if a.t > b.t {
			return nil, b.name.fail("%v is less than the %v of %s; quantiles must not fall", b.t, a.t, shorten(a.name.text))
		}
	}
	t, err := newTable(newCurve(qs).at)
	if err != nil {
		return nil, w.fail("%w", err)
	}
	return t, nil
}

func oneQuantile(w piece) (q quantile, err error) {
	name, value, ok := strings.Cut(w.text, "=")
	if !ok {
		return q, w.fail("not a quantile; expected one such as p99=45s")
	}
	word := strings.ToLower(strings.TrimSpace(name))
	q.name = piece{strings.TrimSpace(name), w.at}
	if q.ppb, ok = quantileWords[word]; !ok {
		share, is := strings.CutPrefix(word, "p")
		if q.ppb, err = percent(share); !is || err != nil {
			return q, q.name.fail("not a quantile; expected p0 to p100, such as p99.9, or min, median, max")
		}
	}
	at := piece{value, w.at + len(name) + 1}.trim()
	if q.ppb == 0 && (at.text == "0" || at.text == "0s") {
		return q, nil
	}
	q.t, err = duration(at)
	return q, err
}

// curve goes through the quantiles that were stated.
type curve struct {
	least, most float64 // seconds; p0 and p100, or 0 and infinity
	p, z, s     []float64
	lower       bool // p0 is stated
	upper       bool
}

func newCurve(qs []quantile) *curve {
	c := &curve{most: math.Inf(1)}
	for _, q := range qs {
		p, s := float64(q.ppb)/float64(whole), q.t.Seconds()
		switch q.ppb {
		case 0:
			c.least, c.lower = s, true
		case whole:
			c.most, c.upper = s, true
		default:
			c.p, c.z, c.s = append(c.p, p), append(c.z, score(p)), append(c.s, s)
		}
	}
	return c
}

// score is the normal score of a share.
func score(p float64) float64 { return distuv.UnitNormal.Quantile(p) }

// at is the quantile of p in seconds.
func (c *curve) at(p float64) float64 {
	n := len(c.p)
	line := func(p0, s0, p1, s1 float64) float64 { return s0 + float64((s1-s0)*((p-p0)/(p1-p0))) }
	switch {
	case n == 0:
		return line(0, c.least, 1, c.most)
	case c.lower && p <= c.p[0]:
		return line(0, c.least, c.p[0], c.s[0])
	case c.upper && p >= c.p[n-1]:
		return line(c.p[n-1], c.s[n-1], 1, c.most)
	case n == 1: // at the side that is not bounded: as far from it as the other bound
		return c.s[0]
	}
	i := 1 // the segment that ends at i
	for i < n-1 && p > c.p[i] {
		i++
	}
	a, b := math.Log(c.s[i-1]), math.Log(c.s[i])
	return math.Exp(a + float64((b-a)*((score(p)-c.z[i-1])/(c.z[i]-c.z[i-1]))))
}

// String is for messages.
func (q quantile) String() string { return fmt.Sprintf("%s=%v", q.name.text, q.t) }

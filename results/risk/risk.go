package risk

import (
	"math"
	"slices"
	"sort"

	"psyncsim/results"
)

// Hopeless is the need of an outage that ends in a full resynchronization
// whatever the size: the history is another one, or the replica is closed again
// and again by another limit.
const Hopeless = math.MaxInt64

// Outage is what one simulated outage came to, with a backlog that refuses
// nothing. The four terms add up to Need, unless it is Hopeless or 0.
type Outage struct {
	Index   int64  `json:"outage"` // its number, which is the seed of its run
	Kind    string `json:"kind"`   // of the fault: reset, silent, restart, crash
	Lasted  int64  `json:"lasted_ns"`
	Noticed int64  `json:"noticed_ns"` // from its beginning until the replica gave its link up
	Away    int64  `json:"away_ns"`    // from its beginning to the verdict of the master
	Need    int64  `json:"need_bytes"` // the smallest backlog with which nothing is full; 0 if TCP bridged it
	Resyncs int64  `json:"resyncs"`    // verdicts that it took
	Reason  string `json:"reason"`     // why it is hopeless; else ""

	Lag       int64 `json:"lag_bytes"`       // written and not yet taken by the replica when it began
	During    int64 `json:"during_bytes"`    // written while it lasted
	Detection int64 `json:"detection_bytes"` // written from its end until it was noticed
	Reconnect int64 `json:"reconnect_bytes"` // written from then on to the verdict
}

// Curve is the share of full resynchronizations against the size of the
// backlog. A sample is one outage, or all outages of one month.
type Curve struct {
	Needs      []int64 // sorted; bytes
	Confidence float64 // of intervals, 0.95
}

// NewCurve sorts needs, which it keeps.
func NewCurve(needs []int64, confidence float64) *Curve {
	slices.Sort(needs)
	return &Curve{Needs: needs, Confidence: confidence}
}

// Point is what one size comes to.
type Point struct {
	Bytes int64   `json:"backlog_bytes"`
	Full  int64   `json:"full"`        // samples with a full resynchronization
	Of    int64   `json:"of"`          // samples
	Share float64 `json:"share_saved"` // of samples without one
	Lo    float64 `json:"share_saved_lo"`
	Hi    float64 `json:"share_saved_hi"`
}

// At is the point of one size.
func (c *Curve) At(size int64) Point {
	saved := int64(sort.Search(len(c.Needs), func(i int) bool { return c.Needs[i] > size }))
	return PointOf(size, int64(len(c.Needs))-saved, int64(len(c.Needs)), c.Confidence)
}

// PointOf is the point of a size at which full of n samples had a full
// resynchronization.
func PointOf(size, full, n int64, confidence float64) Point {
	p := Point{Bytes: size, Full: full, Of: n}
	p.Lo, p.Hi = results.ClopperPearson(n-full, n, confidence)
	if n > 0 {
		p.Share = float64(n-full) / float64(n)
	}
	return p
}

// Quantile is the smallest size at which a share of the samples has no full
// resynchronization; ok is false if no size does that.
func (c *Curve) Quantile(share float64) (size int64, ok bool) {
	n := len(c.Needs)
	if n == 0 {
		return 0, false
	}
	k := min(max(int(math.Ceil(float64(share*float64(n))-1e-9)), 1), n)
	size = c.Needs[k-1]
	return size, size != Hopeless
}

// Points are at most n points of the curve, at the sizes where it falls, for
// charts and documents: from the smallest need to the largest.
func (c *Curve) Points(n int) []Point {
	var sizes []int64
	for _, v := range c.Needs {
		if v != Hopeless && (len(sizes) == 0 || sizes[len(sizes)-1] != v) {
			sizes = append(sizes, v)
		}
	}
	var out []Point
	for i := range sizes {
		if len(sizes) > n && n > 1 { // evenly, with both ends
			if i >= n {
				break
			}
			out = append(out, c.At(sizes[i*(len(sizes)-1)/(n-1)]))
			continue
		}
		out = append(out, c.At(sizes[i]))
	}
	return out
}

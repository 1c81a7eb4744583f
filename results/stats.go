package results

import (
	"math"
	"strconv"

	"gonum.org/v1/gonum/stat/distuv"
)

// Confidence is that of every interval shown.
const Confidence = 0.95

// ClopperPearson is the exact interval for a share of which k out of n were
// seen: it covers the truth at least as often as it says, also for few trials
// and shares near 0 or 1. Without trials it is everything, [0, 1].
func ClopperPearson(k, n int64, confidence float64) (lo, hi float64) {
	lo, hi = 0, 1
	tail := (1 - confidence) / 2
	if n <= 0 || k < 0 || k > n {
		return lo, hi
	}
	if n > 1e15 {
		// Beyond the digits of a float there is no width left to compute.
		share := float64(k) / float64(n)
		return share, share
	}
	if k > 0 {
		lo = distuv.Beta{Alpha: float64(k), Beta: float64(n - k + 1)}.Quantile(tail)
	}
	if k < n {
		hi = distuv.Beta{Alpha: float64(k + 1), Beta: float64(n - k)}.Quantile(1 - tail)
	}
	return lo, hi
}

// number writes a float for a file: so many significant digits, never NaN.
func number(f float64, digits int) string {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return "null"
	}
	return strconv.FormatFloat(f, 'g', digits, 64)
}

// percent is a share for people: 0, 0.4, 12, 99.7, 100, never rounded to all
// or nothing when it is not.
func percent(k, n int64) string {
	switch {
	case n <= 0:
		return "–"
	case k == 0:
		return "0"
	case k == n:
		return "100"
	}
	p := 100 * float64(k) / float64(n)
	switch {
	case p < 0.1:
		return "<0.1"
	case p > 99.9:
		return ">99.9"
	case p < 10 || p > 99:
		return strconv.FormatFloat(p, 'f', 1, 64)
	}
	return strconv.FormatFloat(p, 'f', 0, 64)
}

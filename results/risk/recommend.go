package risk

import (
	"fmt"
	"math"
	"math/bits"
	"sort"

	"gonum.org/v1/gonum/stat/distuv"
)

// TooFew says that there are not enough samples for the asked tail.
type TooFew struct {
	N, Least           int64
	Target, Confidence float64
}

func (e *TooFew) Error() string {
	return fmt.Sprintf("%d samples cannot show %g %% with %g %% confidence, even if all of them went well: it takes %d",
		e.N, 100*e.Target, 100*e.Confidence, e.Least)
}

// NoSize says that no size reaches the target: too many outages are hopeless.
type NoSize struct {
	Target   float64
	Hopeless int64
	Of       int64
}

func (e *NoSize) Error() string {
	return fmt.Sprintf("no size reaches %g %%: %d of %d outages end in a full resynchronization whatever the size", 100*e.Target, e.Hopeless, e.Of)
}

// Least is how many samples it takes to show a target even if all go well.
func Least(target, confidence float64) int64 {
	tail := (1 - confidence) / 2
	if target <= 0 {
		return 1
	}
	if target >= 1 || confidence >= 1 {
		return math.MaxInt64
	}
	n := math.Ceil(math.Log(tail)/math.Log(target) - 1e-9)
	if n >= 1e15 {
		return math.MaxInt64
	}
	return max(int64(n), 1)
}

// Enough is how many samples a target should have: 200 beyond it, so that the
// size is read off more than a handful of outages.
func Enough(target, confidence float64) int64 {
	least := Least(target, confidence)
	if least == math.MaxInt64 {
		return least
	}
	n := math.Ceil(200/(1-target) - 1e-6)
	return max(int64(n), 2*least, 1000)
}

// rank is the least number of samples that must go well, of n, for the lower end
// of their interval to reach target; n+1 if none does.
func rank(n int64, target, confidence float64) int64 {
	tail := (1 - confidence) / 2
	return int64(sort.Search(int(n), func(i int) bool {
		k := int64(i) + 1
		return distuv.Beta{Alpha: float64(k), Beta: float64(n - k + 1)}.Quantile(tail) >= target
	})) + 1
}

// Recommend is the least size whose interval lies at or above the target: the
// order statistic of that rank, before it is rounded.
func (c *Curve) Recommend(target float64) (int64, error) {
	n := int64(len(c.Needs))
	if least := Least(target, c.Confidence); n < least {
		return 0, &TooFew{n, least, target, c.Confidence}
	}
	k := rank(n, target, c.Confidence)
	if k > n {
		return 0, &TooFew{n, Least(target, c.Confidence), target, c.Confidence}
	}
	if size := c.Needs[k-1]; size != Hopeless {
		return size, nil
	}
	hopeless := n - int64(sort.Search(int(n), func(i int) bool { return c.Needs[i] == Hopeless }))
	return 0, &NoSize{target, hopeless, n}
}

// Round rounds a size up to one that people write: at most a sixteenth more,
// and whole kilobytes, megabytes or gigabytes of redis.conf.
func Round(size int64) int64 {
	if size <= 16<<10 {
		return 16 << 10
	}
	step := int64(1) << max(bits.Len64(uint64(size-1))-5, 10)
	if size > 1<<20 {
		step = max(step, 1<<20)
	}
	if size > math.MaxInt64-step {
		return size
	}
	return (size + step - 1) / step * step
}

// RoundDown is the largest such size that is not above it.
func RoundDown(size int64) int64 {
	step := int64(1) << max(bits.Len64(uint64(max(size, 1)))-6, 10)
	return size / step * step
}

// ConfSize writes a size as redis.conf has it.
func ConfSize(n int64) string {
	switch {
	case n > 0 && n%(1<<30) == 0:
		return fmt.Sprintf("%dgb", n>>30)
	case n > 0 && n%(1<<20) == 0:
		return fmt.Sprintf("%dmb", n>>20)
	case n > 0 && n%(1<<10) == 0:
		return fmt.Sprintf("%dkb", n>>10)
	}
	return fmt.Sprint(n)
}

// Months folds outages into months: each sample needs what the worst of its
// outages needs. counts says how many outages each month has.
func Months(needs []int64, counts []int) []int64 {
	out := make([]int64, len(counts))
	at := 0
	for i, n := range counts {
		for range n {
			out[i] = max(out[i], needs[at])
			at++
		}
	}
	return out
}

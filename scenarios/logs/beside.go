package logs

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"
)

// Watched is a sample of a master's INFO.
type Watched struct {
	At     time.Time // by the sampler's clock
	Offset int64     // master_repl_offset
	Bytes  int64     // written since the first sample; never goes back
}

// Beside is a story with samples of INFO beside it.
type Beside struct {
	Shift     time.Duration // from the clock of the logs to that of the samples
	Agree, Of int           // so many offsets of the logs are those of the samples then
	Mean      int64         // written between the first and the last sample, bytes a second
	samples   []Watched
}

// Around is the load around one resynchronization.
type Around struct {
	Before  int64 // bytes a second, in the ten seconds before the link was lost
	During  int64 // from then to the verdict
	Written int64 // bytes, in that time
	Rule    int64 // bytes: 2 × seconds away × the mean rate of all samples
}

// beforeLoss is how long the rate before a loss is taken from.
const beforeLoss = 10 * time.Second

const (
	clockSlack = 2 * time.Second // between an offset being true and being told
	maxMatched = 500             // offsets that are looked for
)

// Beside puts samples of INFO, in the order of time, beside the logs. Logs tell
// the time of a zone that they do not name: the clocks are brought together by
// the offsets that both know. It is an error if they know none in common.
func (s *Story) Beside(samples []Watched) (*Beside, error) {
	if len(samples) < 2 {
		return nil, errors.New("one sample gives no rate; give two at least")
	}
	b := &Beside{samples: samples}
	last := samples[len(samples)-1]
	b.Mean = perSecond(last.Bytes-samples[0].Bytes, last.At.Sub(samples[0].At))
	points := s.points
	if step := (len(points) + maxMatched - 1) / maxMatched; step > 1 {
		var some []point
		for i := 0; i < len(points); i += step {
			some = append(some, points[i])
		}
		points = some
	}
	var spans []shiftSpan
	for _, p := range points {
		if p.offset <= 0 {
			continue
		}
		b.Of++
		spans = append(spans, b.shifts(p)...)
	}
	if len(spans) == 0 {
		return nil, fmt.Errorf("no offset of the logs is among those of the samples (%d to %d): they are not of one master, or not of one time", samples[0].Offset, last.Offset)
	}
	b.Shift, b.Agree = simplest(spans)
	return b, nil
}

// shiftSpan is a range of shifts with which a point of the logs fits.
type shiftSpan struct{ lo, hi time.Duration }

// shifts are those with which a point lies where the samples pass its offset.
func (b *Beside) shifts(p point) (all []shiftSpan) {
	for i := 1; i < len(b.samples); i++ {
		from, to := b.samples[i-1], b.samples[i]
		if from.Offset > p.offset || to.Offset < p.offset || to.Offset < from.Offset {
			continue
		}
		x := shiftSpan{from.At.Sub(p.at) - clockSlack, to.At.Sub(p.at) + clockSlack}
		if n := len(all); n > 0 && x.lo <= all[n-1].hi { // while nothing is written
			all[n-1].hi = x.hi
			continue
		}
		all = append(all, x)
	}
	return all
}

// mostly is the range in which most spans lie.
func mostly(spans []shiftSpan) (lo, hi time.Duration, n int) {
	type edge struct {
		at   time.Duration
		open int
	}
	var edges []edge
	for _, s := range spans {
		edges = append(edges, edge{s.lo, 1}, edge{s.hi, -1})
	}
	slices.SortFunc(edges, func(a, b edge) int {
		if a.at != b.at {
			return int(min(max(a.at-b.at, -1), 1))
		}
		return b.open - a.open
	})
	open := 0
	for i, e := range edges {
		if open += e.open; open > n && i+1 < len(edges) {
			n, lo, hi = open, e.at, edges[i+1].at
		}
	}
	return lo, hi, n
}

// simplest is none, or a time zone, if four of five that agree at all agree with
// that too; else the middle of the range in which most do.
func simplest(spans []shiftSpan) (shift time.Duration, agree int) {
	lo, hi, most := mostly(spans)
	middle := lo + (hi-lo)/2
	for _, x := range []time.Duration{0, middle.Round(15 * time.Minute)} {
		n := 0
		for _, s := range spans {
			if s.lo <= x && x <= s.hi {
				n++
			}
		}
		if 5*n >= 4*most {
			return x, n
		}
	}
	return middle.Round(time.Second), most
}

// Around is the load around a resynchronization of the logs; ok is false where
// the samples do not cover it, or no link was lost before it.
func (b *Beside) Around(r *Resync) (a Around, ok bool) {
	away := r.Down()
	first, last := b.samples[0].At, b.samples[len(b.samples)-1].At
	lost, judged := r.Lost.Add(b.Shift), r.Judged.Add(b.Shift)
	if away <= 0 || lost.Before(first) || judged.After(last) {
		return a, false
	}
	a.Written = b.bytes(judged) - b.bytes(lost)
	a.During = perSecond(a.Written, away)
	from := lost.Add(-beforeLoss)
	if from.Before(first) {
		from = first
	}
	a.Before = perSecond(b.bytes(lost)-b.bytes(from), lost.Sub(from))
	a.Rule = b.Rule(away)
	return a, true
}

// Rule is 2 × seconds × the mean rate of all samples, in bytes.
func (b *Beside) Rule(away time.Duration) int64 {
	return int64(2 * float64(b.Mean) * away.Seconds())
}

// bytes is what had been written at a time of the samples, in a straight line
// between two of them.
func (b *Beside) bytes(t time.Time) int64 {
	i := sort.Search(len(b.samples), func(i int) bool { return b.samples[i].At.After(t) })
	switch {
	case i == 0:
		return b.samples[0].Bytes
	case i == len(b.samples):
		return b.samples[i-1].Bytes
	}
	x, y := b.samples[i-1], b.samples[i]
	return x.Bytes + int64(float64(y.Bytes-x.Bytes)*float64(t.Sub(x.At))/float64(y.At.Sub(x.At)))
}

// perSecond is a rate in bytes a second.
func perSecond(bytes int64, d time.Duration) int64 {
	if d <= 0 {
		return 0
	}
	return int64(float64(bytes) / d.Seconds())
}

// Load is the samples by the clock of the logs, as the load of a replay.
func (b *Beside) Load() []Sample {
	all := make([]Sample, len(b.samples))
	for i, s := range b.samples {
		all[i] = Sample{s.At.Add(-b.Shift), b.samples[0].Offset + s.Bytes}
	}
	return all
}

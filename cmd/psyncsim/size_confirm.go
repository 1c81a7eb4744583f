package main

import (
	"psyncsim/results/risk"
)

// mostConfirmed is how many outages play the recommended size as itself: those
// after them differ from these by chance alone, and all of 100,000 would take almost twice as long.
// What was played so is printed, with what it says of the others; see again.
const mostConfirmed = 20_000

// confirm plays a size as itself, under the user's own limits.
func (j *sizeJob) confirm(c *curve, size int64) error {
	n := min(len(c.outages), mostConfirmed)
	counts := c.counts
	if counts != nil { // whole months
		n, counts = 0, nil
		for _, k := range c.counts {
			if n+k > mostConfirmed && len(counts) > 0 {
				break
			}
			n, counts = n+k, append(counts, k)
		}
	}
	s, done := j.sizer(c.dist, "repl-backlog-size "+risk.ConfSize(size), n)
	defer done()
	played, err := s.all(n, editOf(size).change)
	if err != nil {
		return err
	}
	e, err := j.limits(s, c, played, size)
	if err != nil {
		return err
	}
	if e != editOf(size) { // with what is proposed beside it
		p := j.pointOf(size, played, counts)
		j.a.Alone = &p
		if played, err = s.all(n, e.change); err != nil {
			return err
		}
	}
	on, p := c.At(size), j.pointOf(size, played, counts)
	j.a.OnCurve, j.a.Recommended, j.better = &on, &p, e
	j.a.Confirmed = p.Hi >= j.a.Question.Target && p.Hi >= on.Lo
	j.again(c, size, played)
	j.worst(c, size)
	return nil
}

// again says what the outages that were played with the size as itself tell of those that were
// not: each is the same outage as on the curve, and may end as it does there or not.
func (j *sizeJob) again(c *curve, size int64, played []risk.Played) {
	if len(played) == len(c.outages) || c.counts != nil {
		return
	}
	a := &risk.Sampled{Of: int64(len(played))}
	for i := range played {
		if bad(&played[i]) != (c.outages[i].Need > size) {
			a.Differ++
		}
	}
	a.Most = 1 - risk.PointOf(size, a.Differ, a.Of, j.a.Question.Confidence).Lo
	j.a.Again = a
}

// pointOf is what played outages come to, or their months.
func (j *sizeJob) pointOf(size int64, played []risk.Played, counts []int) risk.Point {
	bad := make([]int64, len(played))
	for i := range played {
		if played[i].Fulls > 0 || !played[i].Settled {
			bad[i] = 1
		}
	}
	if counts != nil {
		bad = risk.Months(bad, counts)
	}
	full := int64(0)
	for _, b := range bad {
		full += b
	}
	return risk.PointOf(size, full, int64(len(bad)), j.a.Question.Confidence)
}

// worst is the outage with the greatest need that a size can meet, and how to
// see it.
func (j *sizeJob) worst(c *curve, size int64) {
	at := -1
	for i := range c.outages {
		if o := &c.outages[i]; o.Need != risk.Hopeless && (at < 0 || o.Need > c.outages[at].Need) {
			at = i
		}
	}
	if at < 0 || c.outages[at].Need == 0 {
		return
	}
	j.a.Worst = &c.outages[at]
	o := j.plan.Outage(c.dist, at)
	s := &sizer{ctx: j.x.Context, plan: j.plan, dist: c.dist}
	_, tail, err := s.player(editOf(size).change).play(&o)
	if err != nil {
		return
	}
	j.worstDraw, j.worstTail = o, tail
	args, ok := j.plan.Replay(&o, size, tail)
	if !ok {
		return
	}
	j.a.Replay = commandOf(args)
}

package main

import (
	"time"

	"psyncsim/results/risk"
	"psyncsim/scenarios/sizing"
)

// mostVaried is how many outages show how the answer moves with an input.
const mostVaried = 1000

// sensitivity is how the need moves with each input alone, the same outages
// each time.
func (j *sizeJob) sensitivity(c *curve) error {
	n := min(len(c.outages), mostVaried)
	if c.counts != nil || n < 100 {
		return nil
	}
	need := func(p *sizing.Plan) (int64, error) {
		s := &sizer{ctx: j.x.Context, plan: p, dist: c.dist, jobs: j.x.Int("jobs")}
		played, err := s.all(n, lifted)
		if err != nil {
			return 0, err
		}
		needs := make([]int64, n)
		for i := range played {
			if needs[i] = played[i].Need; bad(&played[i]) {
				needs[i] = risk.Hopeless
			}
		}
		size, _ := risk.NewCurve(needs, j.a.Question.Confidence).Quantile(j.a.Question.Target)
		return size, nil
	}
	varied := func(v sizing.Vary) (int64, error) {
		p := j.plan.With(v)
		begin, err := j.synced(p)
		if err != nil {
			return 0, err
		}
		if begin == 0 {
			return risk.Hopeless, nil
		}
		p.Later(begin)
		return need(p)
	}
	first := make([]int64, n)
	for i := range first {
		first[i] = c.outages[i].Need
	}
	var err error
	base, _ := risk.NewCurve(first, j.a.Question.Confidence).Quantile(j.a.Question.Target)
	mean, timeout := c.dist.Mean(), j.plan.ReplicaSettings().Timeout
	amount := func(n int64) string { return risk.Size(n) + "/s" }
	for _, v := range []struct {
		name      string
		input     sizing.Input
		low, high string
	}{
		{"write rate", sizing.WriteRate, amount(j.plan.Rate / 2), amount(2 * j.plan.Rate)},
		{"outage, mean", sizing.OutageLength, risk.Seconds(int64(mean) / 2), risk.Seconds(int64(mean) * 2)},
		{"bandwidth", sizing.LinkBandwidth, amount(j.plan.Bandwidth() / 2), amount(2 * j.plan.Bandwidth())},
		{"repl-timeout", sizing.ReplTimeout, risk.Seconds(int64((timeout / 2).Truncate(time.Second))), risk.Seconds(int64(2 * timeout))},
	} {
		row := risk.Sensitivity{Input: v.name, Low: v.low, High: v.high, Need: base}
		if row.LowNeed, err = varied(sizing.Vary{What: v.input, Num: 1, Den: 2}); err == nil {
			row.HighNeed, err = varied(sizing.Vary{What: v.input, Num: 2, Den: 1})
		}
		if err != nil {
			return err
		}
		j.a.Sensitivity = append(j.a.Sensitivity, row)
	}
	return nil
}

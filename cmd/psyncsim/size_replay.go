package main

import (
	"psyncsim/model"
	"psyncsim/results/risk"
	"psyncsim/scenarios/sizing"
)

// playing is how an outage is played: by a plan, with changed settings, which sets
// say to a scenario.
type playing struct {
	plan   *sizing.Plan
	change func(i int, s *model.Settings)
	sets   []string
}

// example gives the commands that play one of some outages, which ends badly one
// way and well another way.
func (j *sizeJob) example(c *curve, list []int, size int64, now, then playing) (replay, cured string) {
	for _, i := range list {
		was, p, err := j.playOne(c, i, size, now)
		if err != nil || !bad(&p) {
			continue
		}
		with, p, err := j.playOne(c, i, size, then)
		if err == nil && !bad(&p) {
			return was, with
		}
	}
	return "", ""
}

// playOne plays an outage, and gives the command that does.
func (j *sizeJob) playOne(c *curve, i int, size int64, how playing) (command string, p risk.Played, err error) {
	o := how.plan.Outage(c.dist, i)
	s := &sizer{ctx: j.x.Context, plan: how.plan, dist: c.dist}
	p, tail, err := s.player(how.change).play(&o)
	if err != nil {
		return "", p, err
	}
	args, ok := how.plan.Replay(&o, min(size, largestReplayed), tail)
	if !ok {
		return "", p, nil
	}
	for _, x := range how.sets {
		args = append(args, "--set", x)
	}
	return commandOf(args), p, nil
}

// largestReplayed is the backlog of a replay in which its size does not matter.
const largestReplayed = 1 << 34

package main

import (
	"fmt"
	"time"

	"psyncsim/results/risk"
	"psyncsim/scenarios/sizing"
	"psyncsim/sim/tcp"
)

// A silence that its link outlives is over for the servers when TCP sends again what waits,
// up to as long after its end as it lasted. Until then the master's output buffer
// grows. Where the replica is never closed over that buffer it makes no difference.

// playResumed plays a silence that no repl-timeout ends, where output buffers have limits:
// first as if TCP took the longest that it may. If that comes to a limit, the moment
// decides at which TCP goes on.
func (p *player) playResumed(o *sizing.Draw) (risk.Played, time.Duration, error) {
	late := p.s.plan.Latest(o)
	played, _, err := p.play(&late)
	if err != nil || played.Lost == "" && played.Settled && played.Closed == [2]int64{} {
		return played, p.silentTail(o), err
	}
	return p.resume(o)
}

// closesNever says that a silence over segments that was bridged comes to no limit of an
// output buffer either, however long TCP took.
func (p *player) closesNever(o *sizing.Draw) (bool, error) {
	late := p.s.plan.Latest(o)
	played, _, err := p.play(&late)
	return played.Closed == [2]int64{}, err
}

// resume plays a silence until TCP goes on.
func (p *player) resume(o *sizing.Draw) (risk.Played, time.Duration, error) {
	until, err := p.resumes(o)
	if err != nil {
		return risk.Played{}, 0, err
	}
	as := o.Until(until)
	played, tail, err := p.play(&as)
	if played.Lost == "" {
		return played, p.silentTail(o), err
	}
	*o = as // as it was played
	return played, tail, err
}

// resumes is how long after the beginning of a silence TCP has sent again what waited, less
// the way there: the silence itself, if the link was given up before.
func (p *player) resumes(o *sizing.Draw) (time.Duration, error) {
	p.readyProbe()
	q := p.probe
	q.watch.Reset(sizing.Master, sizing.Replica, int64(o.At), int64(o.At+o.For))
	c := q.runs.Probe(o)
	if err := q.world.Reset(c, &q.watch); err != nil {
		return 0, err
	}
	heard := &resumption{end: int64(o.At + o.For)}
	q.world.TapSegments(heard)
	if err := q.ended(c.Seed, q.world.Run()); err != nil {
		return 0, fmt.Errorf("outage %d, over segments: %w", o.Seed, err)
	}
	if heard.at == 0 || q.watch.Played().Lost != "" {
		return o.For, nil
	}
	return time.Duration(heard.at) - o.At - p.s.plan.Latency(), nil
}

// resumption hears when the first bytes of the master's arrive behind a silence.
type resumption struct{ end, at tcp.Time }

func (r *resumption) Segment(_, _, _ int, at tcp.Time, point tcp.Point, side int, s *tcp.Segment, _ tcp.Fate) {
	if r.at == 0 && point == tcp.Arrived && side == 1 && at >= r.end && s.Payload() > 0 && s.Flags&tcp.SYN == 0 {
		r.at = at
	}
}

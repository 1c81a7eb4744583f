package main

import (
	"errors"
	"fmt"
	"time"

	"psyncsim/model"
	"psyncsim/results/risk"
	"psyncsim/scenarios/outages"
	"psyncsim/scenarios/sizing"
	"psyncsim/sim"
	"psyncsim/sim/trace"
)

// What is found out before outages are played: how long the first
// synchronization takes, and whether the link keeps up.

// firstSync finds out when the first synchronization is over: the load begins
// then.
func (j *sizeJob) firstSync(plan *sizing.Plan) error {
	begin, err := j.synced(plan)
	if err != nil {
		return err
	}
	if begin == 0 {
		return usage("the first synchronization never ends with these settings, even without any load")
	}
	return plan.Start(begin)
}

// synced is when a load may begin: some seconds after the first synchronization; 0
// if that never ends.
func (j *sizeJob) synced(plan *sizing.Plan) (time.Duration, error) {
	seen := &firstSyncWatch{want: j.spec.Replicas}
	w := &sim.World{Interrupt: func() bool { return seen.done() || j.x.Context.Err() != nil }}
	c := plan.FirstSync()
	if err := w.Reset(c, seen); err != nil {
		return 0, &exitError{exitUsage, err}
	}
	if err := w.Run(); err != nil && !errors.Is(err, sim.ErrStopped) {
		return 0, &brokenRun{int(c.Seed), err}
	}
	if j.x.Context.Err() != nil {
		return 0, errInterrupted
	}
	if !seen.done() {
		return 0, nil
	}
	begin := time.Duration(seen.at) + 2*time.Second
	return begin.Round(time.Second) + time.Second, nil
}

// firstSyncWatch waits until all replicas follow.
type firstSyncWatch struct {
	want int
	at   model.Instant
}

func (f *firstSyncWatch) done() bool { return f.want <= 0 }

func (f *firstSyncWatch) Observe(r *trace.Record) {
	if r.Event.Kind == model.EvOnline && r.Event.Full && !f.done() {
		f.want--
		f.at = r.At
	}
}

// drains looks whether the link keeps up with the load, without any outage: if
// after hours the replica lacks more than half as long into them, and more than
// a minute's writes, no size helps.
func (j *sizeJob) drains() (bool, error) {
	short, err := j.lagAfter(30 * time.Minute)
	if err != nil {
		return false, err
	}
	if short < 60*j.plan.Rate {
		return true, nil
	}
	long, err := j.lagAfter(time.Hour)
	if err != nil || long < short+short/2 {
		return err == nil, err
	}
	j.a.Verdict = "no-size"
	j.a.Limits = append(j.a.Limits, risk.Limit{Name: limitLink, Binds: true, Full: 1, Of: 1,
		Text: fmt.Sprintf("no size can help: the link drains slower than you write (%s/s): without any outage the replica lacks %s after an hour, and ever more",
			risk.Size(j.plan.Rate), risk.Size(long))})
	return false, nil
}

// lagAfter is what the replica lacks so long after the load began, bytes.
func (j *sizeJob) lagAfter(d time.Duration) (int64, error) {
	o := sizing.Draw{Outage: outages.Outage{For: time.Millisecond, Kind: outages.Reset}, Seed: j.a.Question.Seed, At: j.plan.Begin + 24*time.Hour}
	p := (&sizer{ctx: j.x.Context, plan: j.plan}).player(lifted)
	c := p.runs.Config(&o, 0)
	c.Faults, c.Duration = nil, j.plan.Begin+d
	if len(j.spec.Load.Trace) > 1 {
		c.Loads = j.plan.Captured(c.Loads, d)
	}
	p.watch.Reset(sizing.Master, sizing.Replica, int64(c.Duration)-1, int64(c.Duration))
	if err := p.config(c); err != nil {
		return 0, err
	}
	return p.watch.Played().Behind, nil
}

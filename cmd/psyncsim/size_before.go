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
		return usage("the first synchronization does not end within three days with these settings, even without any load")
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
	long, keeps, err := j.keepsUp(j.plan)
	if err != nil || keeps {
		return keeps, err
	}
	j.a.Verdict = "no-size"
	l := risk.Limit{Name: limitLink, Binds: true, Full: 1, Of: 1, Now: "a link of " + risk.Size(j.plan.Bandwidth()) + "/s",
		Text: fmt.Sprintf("no size can help: the link drains slower than you write (%s/s): without any outage the replica lacks %s after an hour, and ever more",
			risk.Size(j.plan.Rate), risk.Size(long))}
	if err := j.wider(&l); err != nil {
		return false, err
	}
	j.a.Limits = append(j.a.Limits, l)
	return false, nil
}

// keepsUp says whether the link of a plan keeps up with its load, and what the replica
// lacks after an hour if it does not, bytes.
func (j *sizeJob) keepsUp(plan *sizing.Plan) (lacks int64, ok bool, err error) {
	short, err := j.lagAfter(plan, 30*time.Minute)
	if err != nil {
		return 0, false, err
	}
	if short < 60*plan.Rate {
		return 0, true, nil
	}
	long, err := j.lagAfter(plan, time.Hour)
	return long, err == nil && long < short+short/2, err
}

// mostDrained is how many bytes a link may carry in the example of one that is too slow:
// its segments are played one by one.
const mostDrained = 400_000_000

// wider finds the bandwidth with which a link keeps up, by doubling it.
func (j *sizeJob) wider(l *risk.Limit) error {
	for by := uint32(2); by <= 1<<20; by *= 2 {
		plan := j.plan.With(sizing.Vary{What: sizing.LinkBandwidth, Num: by, Den: 1})
		_, ok, err := j.keepsUp(plan)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		l.Better, l.Removed = fmt.Sprintf("a link of %s/s", risk.Size(plan.Bandwidth())), 1
		l.Text += "; " + l.Better + " keeps up"
		most := min(time.Hour, time.Duration(float64(mostDrained)/float64(max(j.plan.Bandwidth(), 1))*1e9))
		l.Replay, l.Cured, err = j.syncExample(j.plan.Segments(), plan.Segments(), nil, []string{fmt.Sprintf("links.0.bandwidth=%dB/s", plan.Bandwidth())}, most)
		return err
	}
	return nil
}

// lagAfter is what the replica lacks so long after the load began, bytes.
func (j *sizeJob) lagAfter(plan *sizing.Plan, d time.Duration) (int64, error) {
	o := sizing.Draw{Outage: outages.Outage{For: time.Millisecond, Kind: outages.Reset}, Seed: j.a.Question.Seed, At: plan.Begin + 24*time.Hour}
	p := (&sizer{ctx: j.x.Context, plan: plan}).player(lifted)
	c := p.runs.Config(&o, 0)
	c.Faults, c.Duration = nil, plan.Begin+d
	if len(j.spec.Load.Trace) > 1 {
		c.Loads = plan.Captured(c.Loads, d)
	}
	p.watch.Reset(sizing.Master, sizing.Replica, int64(c.Duration)-1, int64(c.Duration))
	if err := p.config(c); err != nil {
		return 0, err
	}
	return p.watch.Played().Behind, nil
}

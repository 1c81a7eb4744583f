package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"psyncsim/model"
	"psyncsim/results/risk"
	"psyncsim/scenarios/outages"
	"psyncsim/scenarios/sizing"
	"psyncsim/sim"
	"psyncsim/sim/trace"
)

// Full synchronizations under load, simulated: how long they take, what they
// need of the output buffer, whether they end, and from which gap on they are
// quicker than sending what was missed.

// fullRuns is how many of them are played: they meet the load in all phases.
const fullRuns = 12

// everySample is how exactly the end of catching up is known.
const everySample = 250 * time.Millisecond

// catchUp waits until a replica has what its master had one sample before.
type catchUp struct {
	from   model.Instant // not before
	master int64         // at the last sample
	before int64         // at the one before that
	begun  model.Instant // when the verdict was
	up     bool
	gap    int64
	took   time.Duration // from the verdict; 0: it has not caught up
	closed int           // by output buffer limits, until then
	soft   int           // of them by the soft one
	fulls  int
	again  model.Instant // when the second full one was judged
	twice  bool          // that is all that is asked
}

// done says that everything is known that was asked.
func (c *catchUp) done() bool { return c.took > 0 || c.twice && c.again > 0 }

func (c *catchUp) Observe(r *trace.Record) {
	e := &r.Event
	if r.At < c.from || c.took > 0 {
		return
	}
	switch e.Kind {
	case model.EvJudged:
		if e.Peer == sizing.Replica {
			if c.begun == 0 {
				c.begun, c.gap = max(r.At, 1), e.Gap
			}
			if e.Full {
				if c.fulls++; c.fulls == 2 {
					c.again = r.At
				}
			}
		}
	case model.EvOnline, model.EvContinued:
		c.up = c.up || r.Node == sizing.Replica
	case model.EvLost:
		c.up = c.up && r.Node != sizing.Replica
	case model.EvPeerGone:
		if e.Peer == sizing.Replica && (e.Why == model.WhyHardLimit || e.Why == model.WhySoftLimit) {
			if c.closed++; e.Why == model.WhySoftLimit {
				c.soft++
			}
		}
	case trace.Sampled:
		switch {
		case r.Node == sizing.Master:
			c.before, c.master = c.master, int64(e.MRO)
		case r.Node == sizing.Replica && c.up && c.begun > 0 && r.At > c.begun && int64(e.Offset) >= c.before:
			c.took = time.Duration(r.At - c.begun)
		}
	}
}

// catches plays a configuration until the replica has caught up, at most for
// most of virtual time.
func (j *sizeJob) catches(c *sim.Config, from time.Duration, most time.Duration) (*catchUp, error) {
	return j.watches(catchUp{from: model.Instant(from)}, c, from, most)
}

// watches plays a configuration until what was asked is known, at most for most.
func (j *sizeJob) watches(what catchUp, c *sim.Config, from time.Duration, most time.Duration) (*catchUp, error) {
	for length := min(10*time.Minute, most); ; length = min(6*length, most) {
		run := *c
		run.Duration, run.Sample = from+length, everySample
		if t := j.spec.Load.Trace; len(t) > 1 {
			run.Loads = j.plan.Captured(run.Loads, run.Duration)
		}
		seen := what
		w := &sim.World{Interrupt: func() bool { return seen.done() || j.x.Context.Err() != nil }}
		if err := w.Reset(&run, &seen); err != nil {
			return nil, err
		}
		if err := w.Run(); err != nil && !errors.Is(err, sim.ErrStopped) {
			return nil, &brokenRun{int(c.Seed), err}
		}
		if j.x.Context.Err() != nil {
			return nil, errInterrupted
		}
		if seen.done() || length == most {
			return &seen, nil
		}
	}
}

// longestFull is what a full synchronization may take of virtual time.
const longestFull = 6 * time.Hour

// fullSync measures full synchronizations under the load.
func (j *sizeJob) fullSync() error {
	if !j.known {
		return nil
	}
	f := &risk.FullSync{Dataset: j.spec.Dataset, Ends: true, Beyond: risk.Hopeless, Measured: fullRuns}
	j.a.FullSync = f
	var took []time.Duration
	need, closed, soft := int64(0), 0, 0
	for i := range fullRuns {
		free, err := j.catches(j.plan.Loaded(i, lifted), 0, longestFull)
		if err != nil {
			return err
		}
		if free.took == 0 {
			f.Ends, f.Text = false, fmt.Sprintf("a full sync of %s does not catch up with this load in %v, whatever the limits", risk.Size(f.Dataset), longestFull)
			return nil
		}
		took = append(took, free.took)
		if need, err = j.bufferNeed(i, need); err != nil {
			return err
		}
		own, err := j.catches(j.plan.Loaded(i, nil), 0, longestFull)
		if err != nil {
			return err
		}
		if own.took == 0 || own.closed > 0 {
			f.Ends = false
			if closed++; own.soft > 0 && own.soft == own.closed {
				soft++
			}
		}
	}
	slices.Sort(took)
	f.Seconds, f.Buffer = took[len(took)/2].Seconds(), need
	f.Text = fmt.Sprintf("%s take %s until the replica has caught up, and %s of output buffer", risk.Size(f.Dataset), risk.Seconds(int64(f.Seconds*1e9)), risk.Size(f.Buffer))
	if err := j.beyond(f); err != nil {
		return err
	}
	if f.Beyond != risk.Hopeless {
		f.Text += fmt.Sprintf("; beyond a gap of %s that is quicker than sending what was missed", risk.Size(f.Beyond))
	}
	if closed > 0 {
		if err := j.bufferBinds(f, closed, soft); err != nil {
			return err
		}
	}
	return nil
}

// bufferNeed is the least hard limit under which full synchronization number i
// ends without being closed, or need if that is enough: to a thousandth.
func (j *sizeJob) bufferNeed(i int, need int64) (int64, error) {
	ends := func(limit int64) (bool, error) {
		got, err := j.catches(j.plan.Loaded(i, func(i int, s *model.Settings) {
			lifted(i, s)
			if i == 0 {
				s.HardLimit, s.BacklogSize = limit, model.MinBacklog // from 7.0 on the limit is at least the backlog's size
			}
		}), 0, longestFull)
		return err == nil && got.took > 0 && got.closed == 0, err
	}
	ok, err := ends(max(need, 1<<16))
	if ok || err != nil {
		return max(need, 1<<16), err
	}
	lo, hi := max(need, 1<<16), max(2*need, 1<<20)
	for ok, err = ends(hi); !ok && hi < 1<<50; ok, err = ends(hi) {
		if err != nil {
			return 0, err
		}
		lo, hi = hi, 4*hi
	}
	for hi-lo > hi/1000 {
		mid := lo + (hi-lo)/2
		if ok, err = ends(mid); err != nil {
			return 0, err
		} else if ok {
			hi = mid
		} else {
			lo = mid
		}
	}
	return hi, nil
}

// longestGap bounds the outages among which the gap is sought from which on a
// full synchronization is quicker.
const longestGap = 48 * time.Hour

// beyond seeks the gap whose replay takes as long as a full synchronization.
func (j *sizeJob) beyond(f *risk.FullSync) error {
	slower := func(length time.Duration) (bool, int64, error) {
		o := j.plan.Outage(j.dists[0], 0)
		o.For, o.Kind = length, outages.Reset
		got, err := j.catches(j.plan.Runs(lifted).Config(&o, time.Hour), o.At, length+longestFull)
		if err != nil {
			return false, 0, err
		}
		return got.took == 0 || got.took.Seconds() > f.Seconds, got.gap, nil
	}
	lo, hi := time.Duration(0), time.Minute
	for {
		ok, gap, err := slower(hi)
		if err != nil {
			return err
		}
		if ok {
			f.Beyond = gap
			break
		}
		if lo, hi = hi, 4*hi; hi > longestGap {
			return nil
		}
	}
	for hi-lo > hi/100 {
		mid := lo + (hi-lo)/2
		ok, gap, err := slower(mid)
		if err != nil {
			return err
		}
		if ok {
			hi, f.Beyond = mid, gap
		} else {
			lo = mid
		}
	}
	return nil
}

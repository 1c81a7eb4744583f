package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"psyncsim/model"
	"psyncsim/results/risk"
	"psyncsim/scenarios/outages"
	"psyncsim/scenarios/sizing"
	"psyncsim/sim"
)

// sizer plays outages on as many workers as asked. What it gives hangs on the
// plan alone.
type sizer struct {
	ctx  context.Context
	plan *sizing.Plan
	dist *outages.Distribution
	jobs int
	tick func(n int) // told how many runs were played; may be nil

	plain  bool    // outages are played as the plan has them, over segments or not
	probes *probes // of silences over segments, which several sizers share; may be nil
}

// tails are how long a run goes on behind its outage: as long as it takes for
// the replica to come back and to have all it missed. The last is given up.
func (s *sizer) tails() []time.Duration {
	out := max(s.plan.Settings().Timeout, s.plan.ReplicaSettings().Timeout)
	return []time.Duration{2 * time.Second, out + 5*time.Second, 3*out + 30*time.Second, 20 * time.Minute, 6 * time.Hour}
}

// player is one worker.
type player struct {
	s         *sizer
	runs      *sizing.Runs
	world     *sim.World
	watch     risk.Watch
	tails     []time.Duration
	continues bool // a run that was too short is continued, not played anew
	change    func(i int, m *model.Settings)
	probe     *player // over segments; nil until it is needed
	probeKey  probeKey
}

func (s *sizer) player(change func(i int, m *model.Settings)) *player {
	p := &player{s: s, runs: s.plan.Runs(change), tails: s.tails(), change: change}
	p.continues = s.dist != nil && p.runs.Reach(s.dist, p.tails[len(p.tails)-1])
	p.world = &sim.World{Interrupt: func() bool { return p.watch.Stuck() || s.ctx.Err() != nil }}
	return p
}

// one plays outage number i.
func (p *player) one(i int) (risk.Played, error) {
	o := p.s.plan.Outage(p.s.dist, i)
	played, _, err := p.play(&o)
	return played, err
}

// play plays an outage, and says how long a tail it took.
func (p *player) play(o *sizing.Draw) (risk.Played, time.Duration, error) {
	if !p.s.plain && o.Kind == outages.Silent && o.End == 0 {
		switch {
		case p.s.plan.Near(o):
			return p.playNear(o)
		case p.fills(o):
			return p.playResumed(o)
		}
	}
	for k, tail := range p.tails {
		switch {
		case k > 0:
		case o.Kind == outages.Silent:
			tail = p.silentTail(o)
		case o.Kind.Process():
			tail += p.s.plan.Restarts()
		}
		if err := p.runTo(o, tail, k); err != nil {
			return risk.Played{}, 0, fmt.Errorf("outage %d: %w", o.Seed, err)
		}
		played := p.watch.Played()
		played.Index, played.Kind = int64(o.Seed), string(o.Kind)
		if !played.Ready {
			return played, tail, fmt.Errorf("outage %d: the replica did not follow its master before it", o.Seed)
		}
		if played.Settled || played.Fulls > 0 || p.watch.Stuck() || k == len(p.tails)-1 { // a full one is lost, whatever comes after it
			return played, tail, nil
		}
	}
	panic("unreachable")
}

// silentTail is the first tail of a silence: whoever hears nothing gives up before it ends.
func (p *player) silentTail(o *sizing.Draw) time.Duration {
	return max(p.tails[0], p.s.plan.ReplicaSettings().Timeout-o.For+5*time.Second)
}

// playNear plays a silence of which TCP's retransmissions decide whether it is
// noticed: first over segments, with a thin load, until that is known; then with
// all of the load.
func (p *player) playNear(o *sizing.Draw) (risk.Played, time.Duration, error) {
	seen, err := p.probed(o)
	if err != nil {
		return seen, 0, err
	}
	if seen.Lost == "" { // TCP bridged it, and so does a link of formulas, which goes on earlier
		tail := p.tails[0]
		if p.limited() { // unless all of the load is too much for the output buffer meanwhile
			switch never, err := p.closesNever(o); {
			case err != nil:
				return seen, 0, err
			case !never:
				return p.resume(o)
			}
			tail = p.silentTail(o)
		}
		seen.Index, seen.Kind, seen.Settled = int64(o.Seed), string(o.Kind), true
		return seen, tail, nil
	}
	noticed := o.Noticed(time.Duration(seen.Noticed))
	played, tail, err := p.play(&noticed)
	if err != nil || played.Lost != "" {
		*o = noticed // as it was played
		return played, tail, err
	}
	if p.s.plan.Steady() {
		return p.playCertain(o)
	}
	o.TCP = true
	// The last byte came in another second of the replica's clock: all of it over
	// segments, then.
	all := &sizer{ctx: p.s.ctx, plan: p.s.plan.Segments(), plain: true}
	return all.player(p.change).play(o)
}

// playCertain plays a silence that is noticed over segments, though at that moment the replica
// of the whole plan had heard something a second less ago by its clock, or looked a moment
// later: it is noticed the next time, then.
func (p *player) playCertain(o *sizing.Draw) (risk.Played, time.Duration, error) {
	late := p.s.plan.Longest(o)
	played, tail, err := p.play(&late)
	if err != nil || played.Lost == "" {
		return played, tail, err
	}
	*o = o.Noticed(time.Duration(played.Noticed)) // as it was played
	return p.play(o)
}

// limited says whether the master closes replicas over their output buffers.
func (p *player) limited() bool {
	s := p.settings()
	return s.HardLimit > 0 || s.SoftLimit > 0
}

// settings are those that the master is played with.
func (p *player) settings() model.Settings {
	s := p.s.plan.Settings()
	if p.change != nil {
		p.change(0, &s)
	}
	return s
}

// heard is how long after a silence both ends have heard of each other again, if its link
// outlived it.
const heard = 3 * time.Second

// runTo plays tail number k of an outage. What comes after a silence whose link has
// outlived it is not played: it is what comes without an outage.
func (p *player) runTo(o *sizing.Draw, tail time.Duration, k int) error {
	if k > 0 || !p.continues || o.Kind != outages.Silent || tail <= heard || p.limited() && !p.s.plan.Wide() {
		return p.run(o, tail, k > 0 && p.continues)
	}
	if err := p.run(o, heard, false); err != nil || p.watch.Bridged() || p.watch.Stuck() {
		return err
	}
	return p.run(o, tail, true)
}

// fills says whether a silence that its link outlives may fill the master's output buffer
// to a limit before TCP goes on.
func (p *player) fills(o *sizing.Draw) bool {
	if !p.s.plan.Outlived(o) {
		return false
	}
	s := p.settings()
	return p.s.plan.Fills(o, &s)
}

// run plays an outage in the player's world up to a tail, from its beginning or from
// where the last tail ended.
func (p *player) run(o *sizing.Draw, tail time.Duration, on bool) error {
	if on {
		return p.ended(o.Seed, p.world.Continue(o.At+o.For+tail))
	}
	end := o.At + o.For
	if o.End > 0 {
		end = o.At + o.End
	}
	p.watch.Reset(sizing.Master, sizing.Replica, int64(o.At), int64(end))
	if o.Kind.Process() {
		p.watch.Process(p.s.plan.Roles(o.Kind))
	}
	return p.config(p.runs.Config(o, tail))
}

// config plays a configuration in the player's world.
func (p *player) config(c *sim.Config) error {
	if err := p.world.Reset(c, &p.watch); err != nil {
		return err
	}
	return p.ended(c.Seed, p.world.Run())
}

// ended says how a run ended.
func (p *player) ended(seed uint64, err error) error {
	switch stopped := errors.Is(err, sim.ErrStopped); {
	case stopped && p.watch.Stuck():
		return nil
	case stopped:
		return errInterrupted
	case err != nil:
		return &brokenRun{int(seed), err}
	}
	return nil
}

// share is how many runs a worker takes at a time.
const share = 64

// all plays the outages [0, n) with changed settings.
func (s *sizer) all(n int, change func(i int, m *model.Settings)) ([]risk.Played, error) {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return s.some(list, change)
}

// some plays the outages of these numbers, in their order. An error is that of
// the first of them that failed.
func (s *sizer) some(list []int, change func(i int, m *model.Settings)) ([]risk.Played, error) {
	out := make([]risk.Played, len(list))
	var next atomic.Int64
	var mu sync.Mutex
	var first error
	at := len(list)
	var wg sync.WaitGroup
	for range max(1, min(s.jobs, (len(list)+share-1)/share)) {
		wg.Go(func() {
			p := s.player(change)
			for {
				from := int(next.Add(share)) - share
				if from >= len(list) || s.ctx.Err() != nil {
					return
				}
				to := min(from+share, len(list))
				for i := from; i < to; i++ {
					var err error
					if out[i], err = p.one(list[i]); err != nil {
						mu.Lock()
						if i < at {
							first, at = err, i
						}
						mu.Unlock()
						return
					}
				}
				if s.tick != nil {
					s.tick(to - from)
				}
			}
		})
	}
	wg.Wait()
	if s.ctx.Err() != nil {
		return nil, errInterrupted
	}
	return out, first
}

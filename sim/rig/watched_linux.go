package rig

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// watched is an experiment under way: what of it matters, and whether it is void already.
type watched struct {
	fw    *forwarder
	slack time.Duration
	adds  bool // what held up timers adds up: each is set when the one before it went off
	// spoils says whether packets were too late.
	spoils func(*Lateness) bool
	rest   func() // gives back what the experiment asked of the forwarder

	mu   sync.Mutex
	path *Path
	m    moments
	late *Lateness // at its end, as the experiment took it
}

// errVoid ends an experiment early: the machine spoiled it.
var errVoid = errors.New("void")

// all lets every instant matter from now on.
func (w *watched) all() { w.stretch(span{w.fw.clock(), forever}) }

func (w *watched) stretch(s span) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.m.every = append(w.m.every, s)
}

// follow lets the packets of a path matter.
func (w *watched) follow(p *Path, rtt time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.path, w.m.travel = p, rtt/2
	w.fw.with(func() { p.logs = true })
}

// begins says from when on packets matter.
func (w *watched) begins(at time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.m.from = at
	w.fw.with(func() { w.path.strict = at })
}

// first is the first packet that the path saw.
func (w *watched) first() (p passage) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fw.with(func() {
		if len(w.path.log) > 0 {
			p = w.path.log[0]
		}
	})
	return p
}

// promptly says whether a packet from a side had just arrived when somebody noticed: a
// thread of ours that waits for it may be late, too.
func (w *watched) promptly(from Side, noticed time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := noticed.Sub(w.fw.begun) - w.m.travel
	near := false
	w.fw.with(func() {
		for _, p := range w.path.log {
			near = near || p.from == from && p.passed && p.at <= at && at-p.at <= mostUneven
		}
	})
	return near
}

// known says when the result was: what comes later does not matter.
func (w *watched) known(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.m.until = at.Sub(w.fw.begun)
}

// ends says how late packets were until its end.
func (w *watched) ends(late Lateness) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.late = &late
}

// verdict says what the machine did to the experiment so far.
func (w *watched) verdict(c *canaries, began time.Time) (void bool, why string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var late Lateness
	if w.path != nil {
		w.fw.with(func() {
			late = w.path.late
			// What was read is not written again: only the slice grows.
			w.m.packets = w.path.log
		})
	}
	if w.late != nil {
		late = *w.late
	}
	var holds []span
	for _, h := range c.since(began) {
		holds = append(holds, span{h.from.Sub(w.fw.begun), h.to.Sub(w.fw.begun)})
	}
	worst, sum := w.m.harm(holds)
	return w.spoils(&late) || worst > w.slack/2 || w.adds && sum > w.slack/2,
		fmt.Sprintf("packets came %s late, %s at worst, and timers that mattered were held up for %s at worst, for %s together", late.Mean(), late.Worst, worst, sum)
}

// guard ends an experiment as soon as it is void.
func (w *watched) guard(ctx context.Context, c *canaries, began time.Time, end context.CancelCauseFunc) {
	poll(ctx, func() bool {
		void, _ := w.verdict(c, began)
		if void {
			end(errVoid)
		}
		return void
	})
}

// poll asks ten times a second whether something is done, until it is or ctx is over.
func poll(ctx context.Context, done func() bool) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if done() {
				return
			}
		}
	}
}

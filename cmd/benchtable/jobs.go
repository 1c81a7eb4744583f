package main

import (
	"fmt"
	"strings"
	"time"
)

// What a second job is worth can be seen only while the machine has a second core to give.
// A host that is shared does not always, so the ratio is taken in short rounds, each beside the
// peer on one thread and on two that share nothing, and only those count in which the
// peer gains twoCores or more, right before and right after.
const (
	twoCores  = 1.9              // what the peer has to gain, and the sweeps
	calmWant  = 5                // rounds that count
	anyWay    = 5                // rounds that are played to their end whatever the peer gains
	longest   = 60 * time.Second // that rounds of one load are begun
	sliceRuns = 15_000           // of a sweep: about a second with one job
)

// turn is one round: a sweep with one job and then with two, and what the peer gains by its
// second thread before it and after it.
type turn struct {
	one, two      played
	before, after float64
}

func (t *turn) calm() bool { return t.before >= twoCores && t.after >= twoCores }

// turns are the rounds of one load.
type turns struct {
	played       []turn
	passedBefore int // rounds that were not begun: the peer gained less than twoCores
}

// calm are the rounds that count.
func (t *turns) calm() (some []turn) {
	for _, r := range t.played {
		if r.calm() {
			some = append(some, r)
		}
	}
	return some
}

// peersGain is what the peer gains by a second thread now.
func (b *bench) peersGain() float64 {
	two := b.peerNow(2)
	return 2 * b.peerNow(1).wall / two.wall
}

// twoJobs plays rounds until enough of them count, or the time is over.
func (b *bench) twoJobs(load string) (t turns, err error) {
	args := []string{"outage-" + load, "--no-charts", "--seeds", fmt.Sprint("1..", sliceRuns)}
	most := longest
	if b.quick {
		most /= 3
	}
	for began := time.Now(); len(t.calm()) < calmWant && time.Since(began) < most; {
		r := turn{before: b.peersGain()}
		if r.before < twoCores && len(t.played) >= anyWay {
			t.passedBefore++
			continue
		}
		if r.one, err = b.play(1, args...); err != nil {
			return t, err
		}
		if r.two, err = b.play(2, args...); err != nil {
			return t, err
		}
		r.after = b.peersGain()
		t.played = append(t.played, r)
	}
	return t, nil
}

// jobsRow is the figure: of the rounds that count, if there are enough of them. If not, it is
// that of all that were played, which says nothing of the target.
func (b *bench) jobsRow(load string, t turns) {
	counted := t.calm()
	enough := len(counted) >= calmWant
	if !enough {
		counted = t.played
	}
	one, two := mapped(counted, func(r turn) played { return r.one }), mapped(counted, func(r turn) played { return r.two })
	ratio, peers, both := gain(one, two)
	note := fmt.Sprintf("sweeps of %s runs without charts, %.3g s and %.3g s; the peer on two threads, which share nothing, does %.3g × what it does on one beside them, and these sweeps %.3g %% of that; %s",
		figure(sliceRuns), median(each(one, seconds)), median(each(two, seconds)), median(peers), 100*median(both), t.said(enough))
	b.figure("from 1 to 2 jobs, "+load, "×", plain, atLeast(twoCores), ratio, "%s", note)
	b.rows[len(b.rows)-1].open = !enough
}

// said is which rounds count, how many do not, and why.
func (t *turns) said(enough bool) string {
	n := len(t.calm())
	var parts []string
	if enough {
		parts = append(parts, fmt.Sprintf("these are the %d rounds in which the peer itself gained ≥ %g × by its second thread right before and right after", n, twoCores))
	} else {
		parts = append(parts, fmt.Sprintf("**the machine had no two cores to give: only in %d of %d rounds did the peer itself gain ≥ %g × by its second thread right before and right after, so these are all of them and do not say whether the target is reached**",
			n, len(t.played), twoCores))
	}
	if over := len(t.played) - n; over > 0 && enough {
		parts = append(parts, fmt.Sprintf("%d rounds are passed over as it gained less before or after them", over))
	}
	if t.passedBefore > 0 {
		parts = append(parts, fmt.Sprintf("%d more were not begun as it gained less at that moment", t.passedBefore))
	}
	return strings.Join(parts, ", ")
}

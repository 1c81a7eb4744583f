package main

import (
	"fmt"
	"strings"
	"time"
)

// What a second job is worth can be seen only while the machine has a second core to give.
// A host that is shared does not always, so the ratio is taken in short rounds, each beside
// what two threads that share nothing gain over one: the peer, and plain sums. Only rounds
// count in which both gain twoCores or more, right before and right after. Where one gains
// more than tooMuch, the machine changed its speed meanwhile.
const (
	twoCores  = 1.9              // what they have to gain, and the sweeps
	tooMuch   = 2.15             // two of anything cannot be worth more, but for the noise
	calmWant  = 5                // rounds that count
	anyWay    = 5                // rounds that are played to their end whatever the peer gains
	longest   = 60 * time.Second // that rounds of one load are begun
	sliceRuns = 15_000           // of a sweep: about a second with one job
)

// gains are how many times as much two threads do as one: the peer, and plain sums.
type gains struct{ peer, sums float64 }

// cores says that the machine has two cores to give.
func (g gains) cores() bool {
	return min(g.peer, g.sums) >= twoCores && max(g.peer, g.sums) <= tooMuch
}

// turn is one round: a sweep with one job and then with two, and what two threads that share
// nothing gain before it and after it.
type turn struct {
	one, two      played
	before, after gains
}

func (t *turn) calm() bool { return t.before.cores() && t.after.cores() }

// turns are the rounds of one load.
type turns struct {
	played       []turn
	passedBefore int // rounds that were not begun: there were no two cores to give
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

// gainsNow are what a second thread is worth now.
func (b *bench) gainsNow() (g gains) {
	g.sums = 2 * timeWide(1)
	g.sums /= timeWide(2)
	two := b.peerNow(2)
	g.peer = 2 * b.peerNow(1).wall / two.wall
	return g
}

// twoJobs plays rounds until enough of them count, or the time is over.
func (b *bench) twoJobs(load string) (t turns, err error) {
	args := []string{"outage-" + load, "--no-charts", "--seeds", fmt.Sprint("1..", sliceRuns)}
	most := longest
	if b.quick {
		most /= 3
	}
	for began := time.Now(); len(t.calm()) < calmWant && time.Since(began) < most; {
		r := turn{before: b.gainsNow()}
		if !r.before.cores() && len(t.played) >= anyWay {
			t.passedBefore++
			continue
		}
		if r.one, err = b.play(1, args...); err != nil {
			return t, err
		}
		if r.two, err = b.play(2, args...); err != nil {
			return t, err
		}
		r.after = b.gainsNow()
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
		parts = append(parts, fmt.Sprintf("these are the %d rounds in which the peer itself and plain sums both gained %g to %g × by a second thread right before and right after", n, twoCores, tooMuch))
	} else {
		parts = append(parts, fmt.Sprintf("**the machine had no two cores to give: only in %d of %d rounds did the peer itself and plain sums both gain %g to %g × by a second thread right before and right after, so these are all of them and do not say whether the target is reached**",
			n, len(t.played), twoCores, tooMuch))
	}
	if over := len(t.played) - n; over > 0 && enough {
		parts = append(parts, fmt.Sprintf("%d rounds are passed over as they did not before or after", over))
	}
	if t.passedBefore > 0 {
		parts = append(parts, fmt.Sprintf("%d more were not begun as they did not at that moment", t.passedBefore))
	}
	return strings.Join(parts, ", ")
}

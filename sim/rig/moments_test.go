package rig

import (
	"testing"
	"time"
)

// silence20 is what a path sees of 20 s of silence: writes every 10 ms until 2 s, each
// answered; then the first transmissions into the silence, and retransmissions that double.
func silence20() (m moments, retransmitted []time.Duration) {
	m.travel = 20 * ms
	for at := time.Duration(0); at < 2*time.Second; at += 10 * ms {
		m.packets = append(m.packets, passage{at, A, true}, passage{at + 5*ms, B, true})
	}
	rto, at := 240*ms, 2*time.Second
	for range 7 {
		at += rto
		rto *= 2
		retransmitted = append(retransmitted, at)
		m.packets = append(m.packets, passage{at, A, at > 22*time.Second})
	}
	m.until = at + 21*ms
	return m, retransmitted
}

// Of 20 s of silence only what comes before a retransmission matters, the round trips
// before, and the way of the one that comes through.
func TestMoments(t *testing.T) {
	m, sent := silence20()
	const long = 45 * ms
	last := sent[len(sent)-1]
	hold := func(from time.Duration) span { return span{from, from + long} }
	for _, c := range []struct {
		name    string
		at      time.Duration
		matters bool
	}{
		{"while the round trip is measured", time.Second, true},
		{"at the last write before the silence", 1990 * ms, true},
		{"just before a retransmission is due", sent[4] - long, true},
		{"one that was due in it goes off at its end", sent[4] - long - 2*ms, true},
		{"it ended 49 ms before", sent[4] - long - 49*ms, true},
		{"it ended long before", sent[4] - long - 51*ms, false},
		{"it may have begun before it was noticed", sent[4] + 3*ms, true},
		{"it began after the retransmission was lost", sent[4] + 5*ms, false},
		{"in the middle of the silence", (sent[4] + sent[5]) / 2, false},
		{"while the one that passes is on its way", last + 10*ms, true},
		{"after the result was known", last + 30*ms, false},
		{"the next day", 24 * time.Hour, false},
	} {
		worst, _ := m.harm([]span{hold(c.at)})
		if (worst == long) != c.matters || worst != 0 && worst != long {
			t.Errorf("%s: held up for %s, harm %s; matters: %t", c.name, long, worst, c.matters)
		}
	}
	// Where each instant matters, each does.
	m.every = []span{{2 * time.Second, forever}}
	if worst, _ := m.harm([]span{hold((sent[4] + sent[5]) / 2)}); worst != long {
		t.Errorf("in a stretch in which all matters: %s", worst)
	}
	if worst, _ := m.harm([]span{hold(last + 30*ms)}); worst != 0 {
		t.Errorf("in such a stretch, but after the result was known: %s", worst)
	}
}

// Short holds before several retransmissions add up, those of two CPUs at once do not, and
// those where no timer decides do not.
func TestMomentsAddUp(t *testing.T) {
	m, sent := silence20()
	const short = 14 * ms
	at := func(from time.Duration) span { return span{from, from + short} }
	for _, c := range []struct {
		name  string
		holds []span
		sum   time.Duration
	}{
		{"two of them", []span{at(sent[2] - short), at(sent[3] - short)}, 2 * short},
		{"two CPUs at once", []span{at(sent[2] - short), at(sent[2] - short - 4*ms)}, short + 4*ms},
		{"one of them, one between", []span{at(sent[2] - short), at(sent[3] - 400*ms)}, short},
		{"while writes come every 10 ms", []span{at(500 * ms), at(700 * ms), at(900 * ms)}, 0},
	} {
		if _, sum := m.harm(c.holds); sum != c.sum {
			t.Errorf("%s: %s together, want %s", c.name, sum, c.sum)
		}
	}
}

package rig

import (
	"math"
	"testing"
	"time"
)

const ms = time.Millisecond

// A packet waits for those before it, is served at the rate, and then travels.
func TestPathRateAndQueue(t *testing.T) {
	p := NewPath(Link{RTT: 20 * ms, Rate: 1_000_000, Queue: 3000})
	for i, c := range []struct {
		at, out time.Duration
		ok      bool
	}{
		{0, 11 * ms, true}, // 1000 bytes take a millisecond
		{0, 12 * ms, true}, // this one waits, and the next two
		{0, 13 * ms, true},
		{0, 0, false}, // 3000 bytes wait, and it would be the fourth thousand
		{1 * ms, 14 * ms, true},
		{50 * ms, 61 * ms, true},
	} {
		if out, ok := p.Enter(c.at, A, 1000); ok != c.ok || out != c.out {
			t.Errorf("packet %d at %s: out at %s, %t; want %s, %t", i, c.at, out, ok, c.out, c.ok)
		}
	}
	if out, ok := p.Enter(0, B, 1000); !ok || out != 11*ms {
		t.Errorf("the other direction has a queue of its own: %s, %t", out, ok)
	}
	if c := p.Count(A); c != (Count{Packets: 6, Dropped: 1}) {
		t.Errorf("counted %+v", c)
	}
}

func TestPathLoss(t *testing.T) {
	const n, ppm = 200_000, 10_000
	count := func(seed uint64, from Side) (c Count) {
		p := NewPath(Link{LossPPM: ppm, Seed: seed})
		for i := range n {
			p.Enter(time.Duration(i), from, 100)
		}
		return p.Count(from)
	}
	a := count(1, A)
	if sd := math.Sqrt(n * 0.01 * 0.99); math.Abs(float64(a.Lost)-n*0.01) > 4*sd {
		t.Errorf("%d of %d lost at 1 %%", a.Lost, n)
	}
	if count(1, A) != a {
		t.Error("the same seed gives other losses")
	}
	if count(2, A) == a && count(1, B) == a {
		t.Error("another seed or direction gives the same losses")
	}
	for i := range uint64(1000) {
		if lost(1, 0, i, 0) || !lost(1, 0, i, 1_000_000) {
			t.Fatal("never and always")
		}
	}
}

// What enters a silence, or is on its way when it begins, is lost.
func TestPathSilence(t *testing.T) {
	p := NewPath(Link{RTT: 20 * ms})
	p.Outage(Outage{100 * ms, 200 * ms})
	for _, c := range []struct {
		at time.Duration
		ok bool
	}{{89 * ms, true}, {91 * ms, false}, {150 * ms, false}, {199 * ms, false}, {200 * ms, true}} {
		if _, ok := p.Enter(c.at, A, 100); ok != c.ok {
			t.Errorf("at %s: %t", c.at, ok)
		}
	}
	p.DropFirst(B, 2)
	for i, want := range []bool{false, false, true} {
		if _, ok := p.Enter(time.Second, B, 40); ok != want {
			t.Errorf("packet %d: %t", i, ok)
		}
	}
}

// An experiment counts only if the forwarder was in time.
func TestSpoiled(t *testing.T) {
	late := func(n int, by time.Duration) (l Lateness) {
		for range n {
			l.add(by, nil)
		}
		return l
	}
	for _, c := range []struct {
		l    Lateness
		rtt  time.Duration
		want bool
	}{
		{late(100, 400*time.Microsecond), 10 * ms, false},
		{late(100, 600*time.Microsecond), 10 * ms, true},
		{late(100, 600*time.Microsecond), 40 * ms, false},
		{Lateness{Packets: 1000, Worst: 151 * ms}, 100 * ms, true},
		{Lateness{Packets: 1000, Failed: 1}, 100 * ms, true},
	} {
		if got := c.l.spoiled(c.rtt); got != c.want {
			t.Errorf("%+v over %s: %t", c.l, c.rtt, got)
		}
	}
}

// The plan has what was promised: every cell, and runs enough for medians.
func TestPlan(t *testing.T) {
	for _, quick := range []bool{false, true} {
		p := NewPlan(quick)
		if len(p.Bulk) != 24 || len(p.Silence) != 4 || len(p.Connect) < 8 || len(p.Reconnect) < 4 {
			t.Errorf("quick %t: %d, %d, %d, %d cells", quick, len(p.Bulk), len(p.Silence), len(p.Connect), len(p.Reconnect))
		}
		if p.Seeds < 20 || !quick && p.Sure < 20 {
			t.Errorf("quick %t: %d and %d runs", quick, p.Seeds, p.Sure)
		}
		for i := range p.Bulk {
			if n := p.Bulk[i].packetsPS(); n <= 0 || n > p.PacketsPS {
				t.Errorf("%s asks for %d packets a second of %d", &p.Bulk[i], n, p.PacketsPS)
			}
		}
	}
}

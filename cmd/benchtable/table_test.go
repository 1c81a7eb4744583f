package main

import (
	"math"
	"strings"
	"testing"
	"time"
)

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Abs(b) }

// A benchmark's numbers are found by its name, without the number of processors.
func TestParse(t *testing.T) {
	got := map[string]metrics{}
	parse("goos: linux\nBenchmarkHold/queue/16-2 \t 100 \t 12.5 ns/op \t 0 B/op \t 0 allocs/op\nBenchmarkReference/lengths-poisson-8 5 200 ns/op 1.5e+06 sim_s/s\nPASS\n", got)
	if got["Hold/queue/16"]["ns/op"] != 12.5 || got["Reference/lengths-poisson"]["sim_s/s"] != 1.5e6 || len(got) != 2 {
		t.Fatalf("read %v", got)
	}
}

// The table says what was measured, what that is at the pace of the design's machine, and
// whether that is what was asked for.
func TestTable(t *testing.T) {
	b := &bench{}
	// The peer takes twice as long as there, 318 ns: times are halved, speeds doubled.
	b.figure("a queue", "ns", spent, atMost(20), []sample{{30, 318}, {24, 318}, {90, 954}}, "beside %d", 3)
	b.figure("a rate", "s/s", speed, atLeast(5e6), []sample{{4e6, 318}, {1e6, 1590}, {3e6, 318}}, "")
	b.figure("a slow one", "s", spent, atMost(60), []sample{{200, 318}}, "")
	b.figure("a fast one", "s", spent, atMost(60), []sample{{50, 318}}, "")
	b.figure("a machine that is faster than the design's", "s", spent, atMost(60), []sample{{50, 79.5}}, "")
	b.figure("a ratio", "×", plain, atLeast(1.9), []sample{{value: 1.95}, {value: 1.8}, {value: 1.92}}, "")
	b.add("a count", 0, "", atMost(0), "")
	var md, csv strings.Builder
	if err := b.table(&md); err != nil {
		t.Fatal(err)
	}
	if err := b.csv(&csv); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| a queue | 30 ns | 15 ns | ≤ 20 | scaled | beside 3; 3 rounds, fastest 24, slowest 90; peer 318 ns |",
		"| a rate | 3,000,000 s/s | 8,000,000 s/s | ≥ 5,000,000 | scaled | 3 rounds, fastest 4,000,000, slowest 1,000,000; peer 318 ns |",
		"| a slow one | 200 s | 100 s | ≤ 60 | **no** | peer 318 ns |",
		"| a fast one | 50 s | 25 s | ≤ 60 | yes | peer 318 ns |",
		"| a machine that is faster than the design's | 50 s | 100 s | ≤ 60 | **no** | peer 79.5 ns |",
		"| a ratio | 1.92 × | – | ≥ 1.9 | yes | 3 rounds, least 1.8, most 1.95 |",
		"| a count | 0 | – | ≤ 0 | yes |  |",
		"5 of 7 figures reach their targets, 3 of them also as measured here.", "159 ns ÷ what an event takes the peer here", "which took 159 ns on the machine of the design",
	} {
		if !strings.Contains(md.String(), want) {
			t.Errorf("no %q in\n%s", want, &md)
		}
	}
	for _, want := range []string{
		"\na queue,30,15,ns,≤,20,true,false,3,24,90,318,beside 3\n", "\na rate,3e+06,8e+06,s/s,≥,5e+06,true,false,3,4e+06,1e+06,318,\n",
		"\na ratio,1.92,1.92,×,≥,1.9,true,true,3,1.8,1.95,0,\n",
	} {
		if !strings.Contains(csv.String(), want) {
			t.Errorf("no %q in\n%s", want, &csv)
		}
	}
}

// The median of the scaled rounds is not the scaled median: each round has its own peer.
func TestScaled(t *testing.T) {
	r := row{scale: spent, rounds: []sample{{10, 159}, {30, 477}, {12, 318}}}
	if r.measured() != 12 || !near(r.scaled(), 10) || r.peer() != 318 {
		t.Errorf("measured %v, scaled %v, peer %v", r.measured(), r.scaled(), r.peer())
	}
	if m := median([]float64{4, 1, 3, 2}); m != 2.5 {
		t.Errorf("the median of 1 to 4 is %v", m)
	}
}

// A run whose first half was three times as fast as its second is scaled by what the peer
// would have done in the whole time, not by the mean of its times.
func TestStretches(t *testing.T) {
	fast, slow := pace{100, 100}, pace{300, 200}
	if m := mean(fast, slow); !near(m.wall, 150) || !near(m.cpu, 400./3) {
		t.Errorf("the mean pace is %v", m)
	}
	var s stretches
	s.add(3*time.Second, fast, fast)
	s.add(3*time.Second, slow, slow)
	if p := s.pace(); s.all != 6*time.Second || !near(p.wall, 150) || !near(p.cpu, 400./3) {
		t.Errorf("%v at %v", s.all, p)
	}
}

// The peer is timed on as many threads as asked, and takes a time that can be one.
func TestPeer(t *testing.T) {
	for _, threads := range []int{1, 2} {
		if p := timePeer(threads, 5*time.Millisecond); p.wall < 5 || p.cpu < 5 || p.wall > 1e6 {
			t.Errorf("on %d threads: %v", threads, p)
		}
	}
}

package main

import (
	"context"
	"testing"
	"time"

	"psyncsim/results/risk"
	"psyncsim/scenarios/outages"
	"psyncsim/scenarios/sizing"
)

// Silences come to what they come to over segments, though size plays only a
// thin load over them, and only where they decide.
func TestSizeSilencesAsOverSegments(t *testing.T) {
	t.Parallel()
	if raceEnabled {
		t.Skip("minutes under the race detector; it starts nothing of its own")
	}
	for _, x := range []struct {
		version, rate, arrivals, outage string
		n, most                         int // most: how many may differ, where a thinner load is played
	}{
		{"redis-7.0", "200kB/s", "", "silent:min=4s,max=16s", 60, 0},
		{"redis-6.2", "100kB/s", "poisson", "silent:min=5s,max=8s", 60, 0},
		{"redis-4.0", "50kB/s", "{bursts: {on: 3s, off: 5s, rate: 300kB/s}}", "silent:min=1s,max=12s", 60, 0},
		{"redis-7.2", "300kB/s", "{bursts: {on: 3s, off: 5s, rate: 900kB/s}}", "silent:min=4s,max=12s", 60, 1},
		{"redis-7.0", "2MB/s", "", "silent:min=3s,max=13s", 30, 0},
		{"valkey-8.0", "1MB/s", "{bursts: {on: 3s, off: 5s, rate: 4MB/s}}", "silent:min=4s,max=12s", 30, 0},
	} {
		ten := []sizing.Directive{{Name: "repl-timeout", Value: "10"}}
		p, err := sizing.New(sizing.Spec{Profile: x.version, Replicas: 1, Dataset: 1e6, Seed: 9, Master: ten, Replica: ten,
			Latency: 500 * time.Microsecond, Bandwidth: "1gbit/s", Load: sizing.Load{Rate: x.rate, Arrivals: x.arrivals}})
		if err == nil {
			err = p.Start(15 * time.Second)
		}
		if err != nil {
			t.Fatal(err)
		}
		d, err := outages.Parse(x.outage, outages.Silent)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := (&sizer{ctx: context.Background(), plan: p, dist: d, jobs: 2}).all(x.n, lifted)
		if err != nil {
			t.Fatal(err)
		}
		all := &sizer{ctx: context.Background(), plan: p.Segments(), dist: d, jobs: 2, plain: true}
		full, err := all.all(x.n, lifted)
		if err != nil {
			t.Fatal(err)
		}
		count := func(list []risk.Played) (bridged int) {
			for i := range list {
				if list[i].Need == 0 {
					bridged++
				}
			}
			return bridged
		}
		differ := 0
		for i := range full {
			a, b := &ours[i], &full[i]
			if (a.Need == 0) != (b.Need == 0) {
				differ++
				t.Logf("%s %v: %d bytes, over segments %d: %s after %v, asked after %v (seed %d)", x.version, time.Duration(a.Lasted), a.Need, b.Need, b.Lost, time.Duration(b.Noticed), time.Duration(b.Away), b.Index)
			}
		}
		t.Logf("%s: %d of %d bridged, over segments %d", x.version, count(ours), x.n, count(full))
		if differ > x.most {
			t.Errorf("%s: %d of %d silences come to something else over segments", x.version, differ, x.n)
		}
	}
}

package main

import (
	"context"
	"testing"
	"time"

	"psyncsim/model"
	"psyncsim/scenarios/outages"
	"psyncsim/scenarios/sizing"
)

// A silence whose link has outlived it comes to what it comes to when all is played that
// follows it: under limits that a silence reaches, over a link that drains slowly, and where
// the load pauses, so that nobody is heard for long.
func TestSizeHeardAgain(t *testing.T) {
	const n = 60
	for _, x := range []struct {
		version, rate, arrivals, bandwidth string
		limit                              int64 // the hard one, bytes
		outage                             string
		some                               bool // runs end early
	}{
		{"redis-7.0", "3.2MB/s", "{bursts: {on: 8s, off: 32s, rate: 17.7MB/s}}", "1gbit/s", 0, "silent:min=100ms,max=15s", true},
		{"redis-6.2", "2MB/s", "", "100mbit/s", 16 << 20, "silent:min=100ms,max=15s", true},
		{"redis-5.0", "2MB/s", "{bursts: {on: 2s, off: 6s, rate: 11MB/s}}", "100mbit/s", 0, "silent:min=100ms,max=6s", true},
		{"redis-5.0", "0B/s", "{bursts: {on: 1s, off: 20s, rate: 11MB/s}}", "1gbit/s", 0, "silent:min=1s,max=15s", true},
		{"redis-7.2", "2MB/s", "{bursts: {on: 2s, off: 6s, rate: 11MB/s}}", "100mbit/s", 16 << 20, "silent:min=1s,max=6s", false},
		{"redis-2.6", "2MB/s", "", "1gbit/s", 0, "silent:min=1s,max=15s", false},
	} {
		p, err := sizing.New(sizing.Spec{Profile: x.version, Replicas: 1, Dataset: 1e8, Seed: 3,
			Latency: 500 * time.Microsecond, Bandwidth: x.bandwidth, Load: sizing.Load{Rate: x.rate, Arrivals: x.arrivals}})
		if err == nil {
			err = p.Start(20 * time.Second)
		}
		if err != nil {
			t.Fatal(err)
		}
		d, err := outages.Parse(x.outage, outages.Silent)
		if err != nil {
			t.Fatal(err)
		}
		change := func(i int, s *model.Settings) {
			if lifted(i, s); i == 0 {
				s.HardLimit = x.limit
			}
		}
		s := &sizer{ctx: context.Background(), plan: p, dist: d, jobs: 1}
		ours, all := s.player(change), s.player(change)
		all.continues = false
		early, full := 0, 0
		for i := range n {
			o, same := p.Outage(d, i), p.Outage(d, i)
			got, tail, err := ours.play(&o)
			if err != nil {
				t.Fatal(err)
			}
			want, wanted, err := all.play(&same)
			if err != nil {
				t.Fatal(err)
			}
			if ours.world.Events() < all.world.Events() {
				early++
			}
			if full += int(want.Fulls); tail != wanted {
				t.Errorf("%+v: outage %d: a tail of %v for %v", x, i, tail, wanted)
			}
			if got.Behind, want.Behind = 0, 0; got != want { // at the end, which is another moment
				t.Errorf("%+v: outage %d of %v\n\tends early %+v\n\tplayed on  %+v", x, i, o.For, got, want)
			}
		}
		if t.Logf("%s %s: %d ended early, %d full", x.version, x.rate, early, full); (early > 0) != x.some {
			t.Errorf("%+v: %d of %d ended early", x, early, n)
		}
	}
}

package main

import (
	"context"
	"testing"
	"time"

	"psyncsim/model"
	"psyncsim/results/risk"
	"psyncsim/scenarios/outages"
	"psyncsim/scenarios/sizing"
)

// A silence ends for a master's output buffer when TCP sends again, not when the network is
// whole: a hard limit that what was written in the silence does not reach is reached
// meanwhile. Played in full over segments it overflows; so does it here, and played as if the
// stream went on at once it does not.
func TestSizeSilenceFillsBuffer(t *testing.T) {
	if raceEnabled {
		t.Skip("all of a load over segments takes minutes under the race detector; it starts nothing of its own")
	}
	for _, x := range []struct {
		version string
		timeout string
		outage  time.Duration
		limit   int64
		late    bool // TCP is so late that the limit is reached
	}{
		{"redis-6.2", "60", 14 * time.Second, 16 << 20, true},  // 14.0 MB in the silence, and 11 s until TCP goes on
		{"redis-6.2", "60", 14 * time.Second, 40 << 20, false}, // more than it can be
		{"redis-5.0", "60", 30 * time.Second, 40 << 20, true},  // near: 30 MB, and 21 s
		{"redis-5.0", "60", 30 * time.Second, 64 << 20, false},
		{"redis-6.2", "60", 25 * time.Second, 30 << 20, false}, // TCP goes on at once, though it might be 25 s late
	} {
		set := []sizing.Directive{{Name: "repl-timeout", Value: x.timeout}}
		p, err := sizing.New(sizing.Spec{Profile: x.version, Replicas: 1, Dataset: 1e6, Seed: 4, Master: set, Replica: set,
			Latency: 500 * time.Microsecond, Bandwidth: "1gbit/s", Load: sizing.Load{Rate: "1MB/s"}})
		if err == nil {
			err = p.Start(15 * time.Second)
		}
		if err != nil {
			t.Fatal(err)
		}
		d, err := outages.Parse("silent:"+x.outage.String(), outages.Silent)
		if err != nil {
			t.Fatal(err)
		}
		change := func(i int, s *model.Settings) {
			if lifted(i, s); i == 0 {
				s.HardLimit, s.BacklogSize = x.limit, model.MinBacklog
			}
		}
		play := func(s *sizer, draw func(o sizing.Draw) sizing.Draw) risk.Played {
			s.ctx, s.dist = context.Background(), d
			o := draw(p.Outage(d, 0))
			got, _, err := s.player(change).play(&o)
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		as := func(o sizing.Draw) sizing.Draw { return o }
		ours := play(&sizer{plan: p}, as)
		full := play(&sizer{plan: p.Segments(), plain: true}, as)
		atOnce := play(&sizer{plan: p}, func(o sizing.Draw) sizing.Draw { return o.Until(o.For) })
		if got := full.Closed[risk.Hard] > 0; got != x.late {
			t.Errorf("%+v: over segments %d closed", x, full.Closed[risk.Hard])
		}
		if ours.Closed != full.Closed || bad(&ours) != bad(&full) || ours.Lost != full.Lost {
			t.Errorf("%+v:\n\tours %+v\n\tfull %+v", x, ours, full)
		}
		if bad(&atOnce) {
			t.Errorf("%+v: the silence alone overflows: %+v", x, atOnce)
		}
		// With fewer writes a round trip is otherwise by microseconds, which double with each pause.
		if d := ours.Noticed - full.Noticed; 100*max(d, -d) > full.Noticed {
			t.Errorf("%+v: lost %v after it began, over segments %v", x, time.Duration(ours.Noticed), time.Duration(full.Noticed))
		}
		t.Logf("%+v: closed %d, lost after %v, over segments %v", x, ours.Closed[risk.Hard], time.Duration(ours.Noticed), time.Duration(full.Noticed))
	}
}

package plots

import (
	"slices"
	"testing"

	"psyncsim/results"
)

// After a failover "behind the master" is behind the new one: also for a server
// that follows it through another, and for the old master itself.
func TestBehindTheCurrentMaster(t *testing.T) {
	var tl results.Timeline
	sample := func(at int64, server string, offset int64, master bool) {
		tl.Moments = append(tl.Moments, results.Moment{T: at, What: results.MomentSample, Server: server, Offset: offset, Hist: offset, First: 1, Master: master})
	}
	judged := func(at int64, server, by string) {
		tl.Moments = append(tl.Moments, results.Moment{T: at, What: results.MomentVerdict, Server: server, Peer: by, Kind: results.Partial})
	}
	judged(0, "b", "a")
	judged(0, "c", "b")
	sample(1, "a", 100, true)
	sample(1, "b", 90, false)
	sample(1, "c", 70, false)
	sample(2, "a", 500, true) // it writes on, alone
	sample(2, "b", 200, true)
	sample(2, "c", 180, false)
	judged(3, "a", "b")
	sample(3, "a", 210, false)
	sample(3, "b", 260, true)
	sample(3, "c", 255, false)
	r := newRunView(&results.Kept{Timeline: &tl})
	for server, want := range map[string][]int64{"a": {50}, "b": {10}, "c": {30, 20, 5}} {
		var got []int64
		r.lags(server, func(_, lag int64) { got = append(got, lag) })
		if !slices.Equal(got, want) {
			t.Errorf("%s is behind by %v, not %v", server, got, want)
		}
	}
	if a, b := r.current(1), r.current(2); a != "a" || b != "b" {
		t.Errorf("the masters are %s, then %s", a, b)
	}
	if first := r.firsts(); len(first) != 3 || first[r.joins["a"][0]] || !first[r.joins["b"][0]] {
		t.Errorf("first synchronizations: %v", first)
	}
}

package logs

import (
	"strings"
	"testing"
	"time"
)

// kept is a story of kept logs, and samples of a master whose offset passes those
// of the logs when they say, by a clock that is ahead.
func keptBeside(t *testing.T, ahead time.Duration) (*Story, []Watched) {
	t.Helper()
	s, err := Read([]string{"testdata/redis-7.0-master.log", "testdata/redis-7.0-replica.log"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	load := s.Load()
	if len(load) < 3 {
		t.Fatalf("%d offsets", len(load))
	}
	var all []Watched
	from, to := load[0].At.Add(-5*time.Second), load[len(load)-1].At.Add(5*time.Second)
	i := 0
	for at := from; at.Before(to); at = at.Add(500 * time.Millisecond) {
		for i+1 < len(load) && !load[i+1].At.After(at) {
			i++
		}
		x, n := load[i], load[i].Offset
		if i+1 < len(load) && at.After(x.At) {
			n += int64(float64(load[i+1].Offset-x.Offset) * float64(at.Sub(x.At)) / float64(load[i+1].At.Sub(x.At)))
		}
		all = append(all, Watched{at.Add(ahead), n, n - load[0].Offset})
	}
	return s, all
}

// Clocks of other time zones, and clocks that are wrong, are found out.
func TestBesideFindsTheShift(t *testing.T) {
	for _, ahead := range []time.Duration{0, 2 * time.Hour, -5*time.Hour - 30*time.Minute, 9*time.Minute + 17*time.Second} {
		s, watched := keptBeside(t, ahead)
		b, err := s.Beside(watched)
		if err != nil {
			t.Fatal(err)
		}
		if d := (b.Shift - ahead).Abs(); d > 4*time.Second || ahead%(15*time.Minute) == 0 && d != 0 {
			t.Errorf("a clock that is %v ahead is taken to be %v ahead", ahead, b.Shift)
		}
		if b.Agree < b.Of*2/3 {
			t.Errorf("%d of %d agree", b.Agree, b.Of)
		}
		found := 0
		for i := range s.Resyncs {
			r := &s.Resyncs[i]
			a, ok := b.Around(r)
			if !ok {
				continue
			}
			found++
			if a.Written < 0 || a.Rule != b.Rule(r.Down()) || a.During != perSecond(a.Written, r.Down()) {
				t.Errorf("%+v", a)
			}
		}
		if found == 0 {
			t.Error("no reconnect lies within the samples")
		}
		if l := b.Load(); !l[0].At.Equal(watched[0].At.Add(-b.Shift)) || l[0].Offset != watched[0].Offset {
			t.Errorf("%+v", l[0])
		}
	}
}

func TestBesideRefuses(t *testing.T) {
	s, watched := keptBeside(t, 0)
	if _, err := s.Beside(watched[:1]); err == nil || !strings.Contains(err.Error(), "one sample gives no rate") {
		t.Error(err)
	}
	for i := range watched {
		watched[i].Offset += 1 << 40
	}
	if _, err := s.Beside(watched); err == nil || !strings.Contains(err.Error(), "not of one master") {
		t.Error(err)
	}
	// A master that stands still agrees with nothing, or with everything: no division by zero.
	for i := range watched {
		watched[i] = Watched{watched[0].At, 5, 0}
	}
	if b, err := s.Beside(watched); err == nil && b.Mean != 0 {
		t.Errorf("%+v", b)
	}
}

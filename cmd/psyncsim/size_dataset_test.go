package main

import (
	"strings"
	"testing"
)

// A full synchronization that takes long may take longer still when an input is
// varied: the outages come after it all the same.
func TestSizeVariesLargeDatasets(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("some thousand runs")
	}
	a := sizeAnswer(t, "--rate", "5MB/s", "--outage", "reset:10s", "--dataset", "2GB", "--outages", "400")
	if len(a.Sensitivity) != 4 {
		t.Fatalf("varied: %+v", a.Sensitivity)
	}
	for _, s := range a.Sensitivity {
		lo, hi := s.Need*98/100, s.Need*102/100
		same := s.LowNeed >= lo && s.LowNeed <= hi && s.HighNeed >= lo && s.HighNeed <= hi
		if want := s.Input == "bandwidth" || s.Input == "repl-timeout"; same != want {
			t.Errorf("of a reset, %s moves the need: %+v", s.Input, s)
		}
	}
}

// Where both a full synchronization and a replica that comes back want larger
// output buffers, redis.conf gets one line that suffices for both.
func TestSizeOneLineOfBuffers(t *testing.T) {
	t.Parallel()
	a := sizeAnswer(t, "--rate", "22.8MB/s", "--outage", "reset:10s", "--dataset", "20GB", "--version", "redis-5.0", "--outages", "400", "--no-sensitivity")
	binding, lines := 0, []string(nil)
	for _, l := range a.Limits {
		if l.Binds && strings.HasPrefix(l.Name, limitBuffer) {
			binding++
		}
	}
	for _, l := range a.Conf {
		if strings.HasPrefix(l, limitBuffer) {
			lines = append(lines, l)
		}
	}
	if binding != 2 || len(lines) != 1 || lines[0] != a.Limits[0].Better {
		t.Errorf("%d limits bind; redis.conf: %q; a full sync wants %q", binding, lines, a.Limits[0].Better)
	}
}

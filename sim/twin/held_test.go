package twin

import (
	"testing"
	"time"
)

// TestBearable: what lateness may explain is less than any wait of the protocol.
func TestBearable(t *testing.T) {
	for _, c := range []struct {
		all, worst time.Duration
		ok         bool
	}{{0, 0, true}, {100 * time.Millisecond, 25 * time.Millisecond, true}, {101 * time.Millisecond, 0, false}, {50 * time.Millisecond, 26 * time.Millisecond, false}, {2 * time.Second, time.Second, false}} {
		l := lateness{c.all, c.worst}
		if l.bearable() != c.ok {
			t.Errorf("%v, %v at once: %t", c.all, c.worst, l.bearable())
		}
		if d := l.twice(); c.ok && (d.all > 300*time.Millisecond || d.worst > 100*time.Millisecond) {
			t.Errorf("%v, %v at once: seeds draw up to %v, %v", c.all, c.worst, d.all, d.worst)
		}
	}
}

package peer

import "testing"

// As many events stay pending, they come in order, and each is done: every other one counts.
func TestHold(t *testing.T) {
	p := New(16)
	for range 10_000 {
		was := p.now
		if p.Step(); p.now < was || len(p.h) != 16 {
			t.Fatalf("%d after %d, %d pending", p.now, was, len(p.h))
		}
	}
	if p.done < 4_990 || p.done > 5_010 {
		t.Fatalf("%d of 10000 counted", p.done)
	}
}

package sim

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"psyncsim/model"
	"psyncsim/sim/peer"
)

// TestQueueOrder holds a queue against a list that is kept sorted.
func TestQueueOrder(t *testing.T) {
	type entry struct {
		at   model.Instant
		last bool
		rank uint64
		n    int
	}
	for seed := range uint64(300) {
		g := newGen(7, seed)
		var q Queue[int]
		var list []entry
		spread := g.between(1, 1000)
		for n := range 600 {
			if g.IntN(5) < 3 {
				e := entry{at: q.Now() + model.Instant(g.Int64N(spread)), last: g.oneIn(4), n: n}
				if e.last {
					e.rank = uint64(g.IntN(5))<<32 | uint64(n) // ranks are unique here
					q.PushLast(e.at, e.rank, n)
				} else {
					q.Push(e.at, n)
				}
				list = append(list, e)
				slices.SortStableFunc(list, func(a, b entry) int {
					switch {
					case a.at != b.at:
						return cmp.Compare(a.at, b.at)
					case a.last != b.last:
						return map[bool]int{false: -1, true: 1}[a.last]
					}
					return cmp.Compare(a.rank, b.rank)
				})
				continue
			}
			limit := q.Now() + model.Instant(g.Int64N(spread))
			n, ok := q.Pop(limit)
			if want := len(list) > 0 && list[0].at <= limit; ok != want {
				t.Fatalf("seed %d: pop %v, should be %v", seed, ok, want)
			}
			if !ok {
				continue
			}
			if n != list[0].n || q.Now() != list[0].at {
				t.Fatalf("seed %d: item %d at %d, should be %+v", seed, n, q.Now(), list[0])
			}
			list = list[1:]
		}
		if q.Len() != len(list) {
			t.Fatalf("seed %d: %d pending, should be %d", seed, q.Len(), len(list))
		}
	}
}

// TestQueueClock: the clock is never set over what is pending, nor back.
func TestQueueClock(t *testing.T) {
	panics := func(do func()) (did bool) {
		defer func() { did = recover() != nil }()
		do()
		return false
	}
	var q Queue[int]
	q.Push(10, 1)
	q.SetNow(10)
	if !panics(func() { q.SetNow(11) }) || !panics(func() { q.SetNow(9) }) || !panics(func() { q.Push(9, 2) }) || !panics(func() { q.PushLast(9, 0, 2) }) {
		t.Error("the clock moved over an event, or back")
	}
	q.Reset(3)
	if q.Now() != 3 || q.Len() != 0 {
		t.Error("a queue is not empty after its Reset")
	}
}

// TestQueueAllocs: a queue in use allocates nothing.
func TestQueueAllocs(t *testing.T) {
	q := &Queue[event]{}
	h := newHold(q, 1000)
	if n := testing.AllocsPerRun(1000, h.step); n != 0 {
		t.Errorf("%v allocations an event", n)
	}
}

// TestNoGarbage: a world that is used again allocates for handshakes and
// verdicts, not for the time in between: twenty outages cost the same in a minute
// and in ten.
func TestNoGarbage(t *testing.T) {
	w := &World{}
	count := func(d time.Duration) (allocs, events float64) {
		c := reference(d, Constant)
		for i := range c.Faults {
			c.Faults[i].For = 300 * time.Millisecond
		}
		allocs = testing.AllocsPerRun(5, func() {
			if err := w.Reset(c); err != nil {
				t.Fatal(err)
			}
			if err := w.Run(); err != nil {
				t.Fatal(err)
			}
		})
		return allocs, float64(w.Events())
	}
	short, few := count(time.Minute)
	long, many := count(10 * time.Minute)
	if each := (long - short) / (many - few); each > 0.005 {
		t.Errorf("%.0f allocations in %.0f events, %.0f in %.0f: %.3f an event", short, few, long, many, each)
	}
}

// hold is the hold model: take the next item, see what it is, put one in at a random time
// later.
type hold struct {
	q    *Queue[event]
	key  seedKey
	n    uint64
	done [2]int64 // by kind
}

func newHold(q *Queue[event], pending int) *hold {
	h := &hold{q: q, key: newSeedKey(1, 1)}
	q.Reset(0)
	for i := range pending {
		kind := evDeliver
		if i%16 == 0 {
			kind = evWake
		}
		q.Push(h.later(), event{kind: kind})
	}
	return h
}

func (h *hold) later() model.Instant {
	h.n++
	return h.q.Now() + model.Instant(uint64(h.key.sub(h.n))>>40)
}

func (h *hold) step() {
	e, _ := h.q.Pop(model.Never)
	h.handle(e)
}

// handle tells events apart; every sixteenth is another than the rest.
//
//go:noinline
func (h *hold) handle(e event) {
	switch e.kind {
	case evDeliver:
		h.done[0]++
		h.q.Push(h.later(), event{kind: evDeliver, side: e.side, conn: e.conn, gen: e.gen})
	case evWake:
		h.done[1]++
		h.q.Push(h.later(), event{kind: evWake, host: e.host, gen: e.gen})
	}
}

// BenchmarkHold measures the hold model: nanoseconds for one item out, one in.
func BenchmarkHold(b *testing.B) {
	for _, pending := range []int{16, 1000, 100_000} {
		b.Run(fmt.Sprintf("queue/%d", pending), func(b *testing.B) {
			h := newHold(&Queue[event]{}, pending)
			b.ReportAllocs()
			for b.Loop() {
				h.step()
			}
		})
		b.Run(fmt.Sprintf("container-heap/%d", pending), func(b *testing.B) {
			h := peer.New(pending)
			b.ReportAllocs()
			for b.Loop() {
				h.Step()
			}
		})
	}
}

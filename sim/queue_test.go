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

// TestQueueOrder holds a queue against a list that is kept sorted: with a few pending and many,
// at few instants and many, some of them beyond what a key of one word can have, and again and
// again after a Reset.
func TestQueueOrder(t *testing.T) {
	type entry struct {
		at    model.Instant
		class int
		rank  uint64
		n     int32
	}
	order := func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.class, b.class), cmp.Compare(a.rank, b.rank))
	}
	var q Queue
	for seed := range uint64(600) {
		g := newGen(7, seed)
		q.Reset(0)
		var list []entry
		var reserved uint64
		seq := uint64(0)
		if g.oneIn(2) {
			reserved = q.Reserve(1000) + 1000
			seq += 1000
		}
		spread, most, far := g.between(1, 1000), g.IntN(5)+1, g.oneIn(8)
		for n := range int32(600) {
			if g.IntN(5) < 3 && (len(list) < most*most*most || g.oneIn(100)) {
				e := entry{at: q.Now() + model.Instant(g.Int64N(spread)), class: 1, n: n}
				if far && g.oneIn(20) {
					e.at = max(e.at, model.Instant(fewLatest-1)+model.Instant(g.IntN(4)))
				}
				item := event{host: n, gen: uint32(n)}
				e.rank = uint64(g.IntN(5))<<32 | uint64(n) // ranks are unique here
				switch kind := g.IntN(4); {
				case kind == 0:
					e.class = 2
					q.PushLast(e.at, e.rank, item)
				case kind == 1:
					e.class = 0
					q.PushFirst(e.at, e.rank, item)
				case kind == 2 && reserved > 0 && g.oneIn(2):
					e.rank = reserved - 1000 + uint64(n)
					q.PushReserved(e.at, e.rank, item)
				default:
					seq++
					e.rank = seq
					q.Push(e.at, item)
				}
				i, _ := slices.BinarySearchFunc(list, e, order)
				list = slices.Insert(list, i, e)
				continue
			}
			if g.oneIn(4) { // otherwise what was popped last has its slot yet when the next is popped
				next := model.Never
				if len(list) > 0 {
					next = list[0].at
				}
				if q.Next() != next || q.Len() != len(list) {
					t.Fatalf("seed %d: the next of %d at %d, should be of %d at %d", seed, q.Len(), q.Next(), len(list), next)
				}
			}
			limit := q.Now() + model.Instant(g.Int64N(spread))
			if far || g.oneIn(4) {
				limit = model.Never
			}
			e := q.Pop(limit)
			if want := len(list) > 0 && list[0].at <= limit; (e != nil) != want {
				t.Fatalf("seed %d: pop %v, should be %v", seed, e != nil, want)
			}
			if e == nil {
				continue
			}
			if e.host != list[0].n || e.gen != uint32(list[0].n) || q.Now() != list[0].at {
				t.Fatalf("seed %d: event %d at %d, should be %+v", seed, e.host, q.Now(), list[0])
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
	var q Queue
	q.Reset(0)
	q.Push(10, event{})
	q.SetNow(10)
	if !panics(func() { q.SetNow(11) }) || !panics(func() { q.SetNow(9) }) || !panics(func() { q.Push(9, event{}) }) || !panics(func() { q.PushLast(9, 0, event{}) }) {
		t.Error("the clock moved over an event, or back")
	}
	q.Reset(3)
	if q.Now() != 3 || q.Len() != 0 {
		t.Error("a queue is not empty after its Reset")
	}
}

// TestQueueAllocs: a queue in use allocates nothing.
func TestQueueAllocs(t *testing.T) {
	q := &Queue{}
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
	q    *Queue
	key  seedKey
	n    uint64
	done [2]int64 // by kind
}

func newHold(q *Queue, pending int) *hold {
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
	h.handle(h.q.Pop(model.Never))
}

// handle tells events apart; every sixteenth is another than the rest.
//
//go:noinline
func (h *hold) handle(e *event) {
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
			h := newHold(&Queue{}, pending)
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

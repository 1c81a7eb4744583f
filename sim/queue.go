package sim

import (
	"math/bits"

	"psyncsim/model"
)

// Queue holds what is still to happen, in order of time and, at one instant, first
// what was pushed by PushFirst, then the rest in the order of Push, then what was
// pushed by PushLast. It is the only clock. Items are copied, never boxed.
//
// It is a tournament: items lie in slots, which are the leaves of a binary tree, and
// each node of the tree has the key of the slot that comes first below it. A change of
// one slot plays the matches on its way to the root again, one a level, and no match is
// a branch that a processor would have to guess. What is popped leaves its slot to the
// next push: then both together play one such way.
type Queue[T any] struct {
	now   model.Instant
	seq   uint64
	tree  []key // the root is tree[1]; below node i are 2i and 2i+1; the leaves are the upper half
	items []T   // by slot
	free  []uint32
	hole  uint32 // a slot, plus 1, that was popped and still stands in the tree
	n     int
}

// key orders what is pending: by instant, then by class, rank and slot in one word.
type key struct{ at, rank uint64 }

const (
	slotBits  = 24 // as many items can be pending
	rankBits  = 38 // as many can be pushed in a run
	firstRank = 0 << (slotBits + rankBits)
	nextRank  = 1 << (slotBits + rankBits)
	lastRank  = 2 << (slotBits + rankBits)
	never     = 1<<64 - 1
	fewSlots  = 16 // to begin with
)

// Now is the time of the last item popped.
func (q *Queue[T]) Now() model.Instant { return q.now }

// SetNow moves the clock to an instant before which nothing is pending.
func (q *Queue[T]) SetNow(at model.Instant) {
	q.fill()
	if at < q.now || q.n > 0 && q.tree[1].at < uint64(at) {
		panic("sim: the clock moved over an event")
	}
	q.now = at
}

// Len is the number of items pending.
func (q *Queue[T]) Len() int { return q.n }

// Reset empties the queue and sets the clock, keeping memory.
func (q *Queue[T]) Reset(now model.Instant) {
	q.now, q.seq, q.n, q.hole = now, 0, 0, 0
	q.clear()
}

// clear makes all slots free.
func (q *Queue[T]) clear() {
	for i := range q.tree {
		q.tree[i] = key{never, never}
	}
	q.free = q.free[:0]
	for i := len(q.items); i > 0; i-- {
		q.free = append(q.free, uint32(i-1))
	}
}

// Push schedules an item. It panics if at has passed.
func (q *Queue[T]) Push(at model.Instant, item T) {
	q.seq++
	q.push(at, nextRank, q.seq, item)
}

// PushFirst schedules an item that comes, at its instant, before all that are
// pushed by Push, and among its like by rank: below 2^38.
func (q *Queue[T]) PushFirst(at model.Instant, rank uint64, item T) {
	q.push(at, firstRank, rank, item)
}

// PushLast schedules an item that comes, at its instant, after all that were
// pushed by Push, and among its like by rank: below 2^38.
func (q *Queue[T]) PushLast(at model.Instant, rank uint64, item T) { q.push(at, lastRank, rank, item) }

func (q *Queue[T]) push(at model.Instant, class, rank uint64, item T) {
	if at < q.now {
		panic("sim: an event in the past")
	}
	if rank >= 1<<rankBits {
		panic("sim: more events than a run can have")
	}
	slot := q.hole - 1
	if q.hole == 0 {
		if len(q.free) == 0 {
			q.grow()
		}
		slot = q.free[len(q.free)-1]
		q.free = q.free[:len(q.free)-1]
	}
	q.hole = 0
	q.n++
	q.items[slot] = item
	q.play(slot, key{uint64(at), class | rank<<slotBits | uint64(slot)})
}

// Pop moves the clock to the next item and gives it, if it is due by limit.
func (q *Queue[T]) Pop(limit model.Instant) (item T, ok bool) {
	q.fill()
	if q.n == 0 || q.tree[1].at > uint64(limit) {
		return item, false
	}
	slot := uint32(q.tree[1].rank & (1<<slotBits - 1))
	q.now = model.Instant(q.tree[1].at)
	q.n--
	q.hole = slot + 1
	return q.items[slot], true
}

// fill takes what was popped last out of the tree, if nothing came in its place.
func (q *Queue[T]) fill() {
	if q.hole > 0 {
		slot := q.hole - 1
		q.hole = 0
		q.free = append(q.free, slot)
		q.play(slot, key{never, never})
	}
}

// play sets the key of a slot, and plays the matches from there to the root.
func (q *Queue[T]) play(slot uint32, k key) {
	tree := q.tree
	i := len(tree)/2 + int(slot)
	tree[i] = k
	for ; i > 1 && i < len(tree); i /= 2 {
		other := &tree[i^1]
		_, less := bits.Sub64(k.rank, other.rank, 0)
		_, less = bits.Sub64(k.at, other.at, less)
		mine := -less // all ones, or none
		k.at = other.at ^ (k.at^other.at)&mine
		k.rank = other.rank ^ (k.rank^other.rank)&mine
		tree[i/2] = k
	}
}

// grow doubles the number of slots.
func (q *Queue[T]) grow() {
	n := max(len(q.items), fewSlots/2)
	if n >= 1<<slotBits {
		panic("sim: more events pending than a queue can hold")
	}
	old := q.tree[len(q.tree)/2:]
	leaves := make([]key, 0, n)
	leaves = append(leaves, old...)
	q.items = append(q.items, make([]T, 2*n-len(q.items))...)
	q.tree = make([]key, 4*n)
	q.clear()
	q.free = q.free[:2*n-len(leaves)] // those behind the ones that are taken
	for slot, k := range leaves {
		q.tree[2*n+slot] = k
	}
	for i := 2*n - 1; i > 0; i-- {
		a, b := q.tree[2*i], q.tree[2*i+1]
		if a.at < b.at || a.at == b.at && a.rank < b.rank {
			q.tree[i] = a
		} else {
			q.tree[i] = b
		}
	}
}

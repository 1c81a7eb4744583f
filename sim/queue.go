package sim

import (
	"psyncsim/model"
)

// Queue holds what is still to happen, in order of time and, at one instant, first
// what was pushed by PushFirst, then the rest in the order of Push, then what was
// pushed by PushLast. It is the only clock. Items are copied, never boxed.
//
// Few items are keys in a sorted list, the next one at its end: with up to a dozen pending
// nothing is cheaper. When the list is full it becomes a tournament, and stays one until
// the next Reset: items lie in slots, which are the leaves of a binary tree, and
// each node of the tree has the key of the slot that comes first below it. A change of
// one slot plays the matches on its way to the root again, one a level, and no match is
// a branch that a processor would have to guess. What is popped leaves its slot to the
// next push: then both together play one such way.
type Queue[T any] struct {
	now   model.Instant
	seq   uint64
	n     int
	many  bool // it is a tournament
	few   [fewSlots]key
	tree  []key // the root is tree[1]; below node i are 2i and 2i+1; the leaves are the upper half
	items []T   // by slot
	free  []uint32
	hole  uint32 // a slot, plus 1, that was popped and still stands in the tree
}

// key orders what is pending: by instant, then by class, rank and slot in one word.
type key struct{ at, rank uint64 }

// before says that k comes first.
func (k key) before(o key) bool { return k.at < o.at || k.at == o.at && k.rank < o.rank }

const (
	slotBits   = 24 // as many items can be pending
	rankBits   = 38 // as many can be pushed in a run
	firstRank  = 0 << (slotBits + rankBits)
	nextRank   = 1 << (slotBits + rankBits)
	lastRank   = 2 << (slotBits + rankBits)
	never      = 1<<64 - 1
	fewSlots   = 12 // in a list
	firstSlots = 16 // to begin with
)

const tooManyEvents = "sim: more events than a run can have"

// Now is the time of the last item popped.
func (q *Queue[T]) Now() model.Instant { return q.now }

// SetNow moves the clock to an instant before which nothing is pending.
func (q *Queue[T]) SetNow(at model.Instant) {
	q.fill()
	if at < q.now || q.n > 0 && q.first().at < uint64(at) {
		panic("sim: the clock moved over an event")
	}
	q.now = at
}

// first is the key of the next item, if there is one. The hole is filled.
func (q *Queue[T]) first() key {
	if q.many {
		return q.tree[1]
	}
	return q.few[q.n-1]
}

// Next is the instant of the next item, model.Never without one.
func (q *Queue[T]) Next() model.Instant {
	if q.fill(); q.n == 0 {
		return model.Never
	}
	return model.Instant(q.first().at)
}

// Len is the number of items pending.
func (q *Queue[T]) Len() int { return q.n }

// Reset empties the queue and sets the clock, keeping memory.
func (q *Queue[T]) Reset(now model.Instant) {
	q.now, q.seq, q.n, q.hole, q.many = now, 0, 0, 0, false
	q.allFree()
}

// allFree makes all slots free.
func (q *Queue[T]) allFree() {
	q.free = q.free[:0]
	for i := len(q.items); i > 0; i-- {
		q.free = append(q.free, uint32(i-1))
	}
}

// Push schedules an item. It panics if at has passed.
func (q *Queue[T]) Push(at model.Instant, item T) {
	q.seq++
	*q.push(at, nextRank|q.seq<<slotBits) = item
}

// Reserve keeps n ranks for items that come, at their instant, before all that are pushed by
// Push from now on; it gives the first one.
func (q *Queue[T]) Reserve(n uint64) (rank uint64) {
	rank = q.seq + 1
	q.seq += n
	return rank
}

// PushReserved is Push with a rank of Reserve.
func (q *Queue[T]) PushReserved(at model.Instant, rank uint64, item T) {
	*q.push(at, nextRank|ranked(rank)) = item
}

// PushFirst schedules an item that comes, at its instant, before all that are
// pushed by Push, and among its like by rank: below 2^38.
func (q *Queue[T]) PushFirst(at model.Instant, rank uint64, item T) {
	*q.push(at, firstRank|ranked(rank)) = item
}

// PushLast schedules an item that comes, at its instant, after all that were
// pushed by Push, and among its like by rank: below 2^38.
func (q *Queue[T]) PushLast(at model.Instant, rank uint64, item T) {
	*q.push(at, lastRank|ranked(rank)) = item
}

// ranked is a rank where keys have it.
func ranked(rank uint64) uint64 {
	if rank >= 1<<rankBits {
		panic(tooManyEvents)
	}
	return rank << slotBits
}

// push schedules an item, which the caller is to put where push says.
func (q *Queue[T]) push(at model.Instant, rank uint64) *T {
	if at < q.now {
		panic("sim: an event in the past")
	}
	if q.seq >= 1<<rankBits {
		panic(tooManyEvents)
	}
	slot := q.hole - 1
	switch {
	case q.hole > 0:
		q.hole = 0
	default:
		slot = q.room()
	}
	k := key{uint64(at), rank | uint64(slot)}
	if q.n++; q.many {
		q.play(slot, k)
	} else {
		q.insert(k)
	}
	return &q.items[slot]
}

// room is a slot for one more item.
func (q *Queue[T]) room() (slot uint32) {
	if !q.many && q.n == fewSlots {
		q.become()
	}
	if len(q.free) == 0 {
		q.grow()
	}
	n := len(q.free) - 1
	slot, q.free = q.free[n], q.free[:n]
	return slot
}

// insert puts a key into the list, which has room; it counts already.
func (q *Queue[T]) insert(k key) {
	few := &q.few
	i := uint(q.n) - 1
	for i > 0 && i < fewSlots && few[i-1].before(k) {
		few[i] = few[i-1]
		i--
	}
	few[i] = k
}

// Pop moves the clock to the next item and gives it, if it is due by limit.
func (q *Queue[T]) Pop(limit model.Instant) (item T, ok bool) {
	if p := q.pop(limit); p != nil {
		return *p, true
	}
	return item, false
}

// pop is Pop; the item lies there until something is pushed.
func (q *Queue[T]) pop(limit model.Instant) *T {
	if q.hole > 0 {
		q.fill()
	}
	if q.n == 0 {
		return nil
	}
	k := q.first()
	if k.at > uint64(limit) {
		return nil
	}
	slot := uint32(k.rank & (1<<slotBits - 1))
	q.now = model.Instant(k.at)
	q.n--
	q.hole = slot + 1
	return &q.items[slot]
}

// fill takes what was popped last out of the tree, if nothing came in its place.
func (q *Queue[T]) fill() {
	if q.hole > 0 {
		slot := q.hole - 1
		q.hole = 0
		q.free = append(q.free, slot)
		if q.many {
			q.play(slot, key{never, never})
		}
	}
}

// play sets the key of a slot, and plays the matches from there to the root.
func (q *Queue[T]) play(slot uint32, k key) {
	tree := q.tree
	i := len(tree)/2 + int(slot)
	tree[i] = k
	for u := uint(i); u > 1 && u < uint(len(tree)); {
		o := tree[u^1]
		first := o.at < k.at
		if o.at == k.at {
			first = o.rank < k.rank
		}
		if first {
			k.at = o.at
		}
		if first {
			k.rank = o.rank
		}
		u /= 2
		tree[u] = k
	}
}

// become makes a tournament of the list.
func (q *Queue[T]) become() {
	q.many = true
	leaves := q.tree[len(q.items):]
	for i := range leaves {
		leaves[i] = key{never, never}
	}
	for _, k := range q.few[:q.n] {
		leaves[k.rank&(1<<slotBits-1)] = k
	}
	q.playAll()
}

// grow doubles the number of slots. All of them are taken.
func (q *Queue[T]) grow() {
	old := len(q.items)
	n := max(2*old, firstSlots)
	if n > 1<<slotBits {
		panic("sim: more events pending than a queue can hold")
	}
	q.items = append(q.items, make([]T, n-old)...)
	tree := make([]key, 2*n)
	copy(tree[n:], q.tree[old:])
	q.tree = tree
	for i := n; i > old; i-- {
		q.free = append(q.free, uint32(i-1))
		tree[n+i-1] = key{never, never}
	}
	if q.many {
		q.playAll()
	}
}

// playAll plays all matches.
func (q *Queue[T]) playAll() {
	for i := len(q.items) - 1; i > 0; i-- {
		a, b := q.tree[2*i], q.tree[2*i+1]
		if a.before(b) {
			q.tree[i] = a
		} else {
			q.tree[i] = b
		}
	}
}

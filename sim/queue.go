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
// the next Reset: items lie in slots, which are the leaves of a tree, four at a node, and
// each node has the key of the slot that comes first below it. A change of one slot plays
// the matches on its way to the root again. No match is a branch that a processor would
// have to guess, those among the other three of a node hang on nothing that changes, and a
// node is as large as what a processor fetches at once. What is popped leaves its slot to
// the next push: then both together play one such way.
type Queue[T any] struct {
	now   model.Instant
	seq   uint64
	n     int
	many  bool // it is a tournament
	few   [fewSlots]key
	tree  []four // the root is tree[0]; below place i of node n is node 4n+1+i; the slots are the places of the last ones
	leaf  uint   // the first node that is slots
	top   key    // of the tournament
	items []T    // by slot
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
	firstSlots = 16 // to begin with; always a power of four
)

// four are the keys of a node.
type four [4]key

// least is the one of two that comes first.
func least(a, b key) key {
	if a.at == b.at {
		a.rank = min(a.rank, b.rank)
		return a
	}
	if b.at < a.at {
		a.rank = b.rank
	}
	a.at = min(a.at, b.at)
	return a
}

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
		return q.top
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
	n, i := q.leaf+uint(slot)/4, uint(slot)
	for n < uint(len(tree)) {
		f := &tree[n]
		f[i&3] = k
		other := least(least(f[(i^1)&3], f[(i^2)&3]), f[(i^3)&3])
		k = least(k, other)
		i = n - 1
		n = i / 4 // beyond all of them behind the root
	}
	q.top = k
}

// become makes a tournament of the list.
func (q *Queue[T]) become() {
	q.many = true
	for n := q.leaf; n < uint(len(q.tree)); n++ {
		q.tree[n] = nobody
	}
	for _, k := range q.few[:q.n] {
		*q.place(uint32(k.rank & (1<<slotBits - 1))) = k
	}
	q.playAll()
}

// nobody is a node of free slots.
var nobody = four{{never, never}, {never, never}, {never, never}, {never, never}}

// place is where the key of a slot lies.
func (q *Queue[T]) place(slot uint32) *key { return &q.tree[q.leaf+uint(slot)/4][slot&3] }

// grow makes four times as many slots. All of them are taken.
func (q *Queue[T]) grow() {
	old := len(q.items)
	n := max(4*old, firstSlots)
	if n > 1<<slotBits {
		panic("sim: more events pending than a queue can hold")
	}
	q.items = append(q.items, make([]T, n-old)...)
	tree := make([]four, (n-1)/3) // 4 + 16 + ... + n keys
	leaf := uint(len(tree) - n/4)
	copy(tree[leaf:], q.tree[q.leaf:])
	for i := leaf + uint(old/4); i < uint(len(tree)); i++ {
		tree[i] = nobody
	}
	q.tree, q.leaf = tree, leaf
	for i := n; i > old; i-- {
		q.free = append(q.free, uint32(i-1))
	}
	if q.many {
		q.playAll()
	}
}

// playAll plays all matches.
func (q *Queue[T]) playAll() {
	for n := len(q.tree) - 1; n >= 0; n-- {
		f := &q.tree[n]
		if k := least(least(f[0], f[1]), least(f[2], f[3])); n > 0 {
			q.tree[(n-1)/4][(n-1)&3] = k
		} else {
			q.top = k
		}
	}
}

package sim

import (
	"math/bits"

	"psyncsim/model"
)

// Queue holds what is still to happen, in order of time and, at one instant, first
// what was pushed by PushFirst, then the rest in the order of Push, then what was
// pushed by PushLast. It is the only clock. Events are copied, never boxed.
//
// It is a tournament: events lie in slots, which are the leaves of a tree, four at a node, and
// each node has the key of the slot that comes first below it. No match is a branch that a
// processor would have to guess. What is popped leaves its slot to the next push: then both
// together play one way to the root.
//
// Here are up to 16 pending, as most runs have them: four nodes of four slots, and the root.
// A key is one word, an instant and in its last four bits the slot. Ranks are not in it: whether
// two are due at one instant shows when the first of them is popped, as the second is known then.
// When a seventeenth comes, or one that is due after more than 36 years, all go to queueMany
// and stay there until the next Reset.
type Queue struct {
	now   model.Instant
	seq   uint64
	top   uint64           // the key that comes first; never without one
	hole  uint             // a slot, plus 1, that was popped and still stands in the tree
	way   [2]uint64        // what the hole meets on its way: the least of the others of its node, and of the other nodes
	root  [4]uint64        // by node
	keys  [fewSlots]uint64 // by slot; never in a free one
	ranks [fewSlots]uint64 // by slot, 0 in the bits of slots
	items [fewSlots]event  // by slot
	last  event            // what was popped last
	taken uint16           // a bit for each slot that is not free
	large bool             // all are in many
	many  queueMany
}

const (
	slotBits   = 24 // as many events can be pending
	rankBits   = 38 // as many can be pushed in a run
	firstRank  = 0 << (slotBits + rankBits)
	nextRank   = 1 << (slotBits + rankBits)
	lastRank   = 2 << (slotBits + rankBits)
	never      = 1<<64 - 1
	fewSlots   = 16
	fewLatest  = never/fewSlots - 1 // the last instant that a key of one word can have
	noFreeSlot = 1<<fewSlots - 1
)

const tooManyEvents = "sim: more events than a run can have"

// Now is the time of the last event popped.
func (q *Queue) Now() model.Instant { return q.now }

// SetNow moves the clock to an instant before which nothing is pending.
func (q *Queue) SetNow(at model.Instant) {
	if at < q.now || q.Next() < at {
		panic("sim: the clock moved over an event")
	}
	q.now = at
}

// Next is the instant of the next event, model.Never without one.
func (q *Queue) Next() model.Instant {
	q.fill()
	switch {
	case q.large:
		return q.many.next()
	case q.taken == 0:
		return model.Never
	}
	return model.Instant(q.top / fewSlots)
}

// Len is the number of events pending.
func (q *Queue) Len() int {
	if q.fill(); q.large {
		return q.many.n
	}
	return bits.OnesCount16(q.taken)
}

// Reset empties the queue and sets the clock, keeping memory. A queue is to be used after
// its first Reset only.
func (q *Queue) Reset(now model.Instant) {
	q.now, q.seq, q.top, q.hole, q.taken, q.large = now, 0, never, 0, 0, false
	for i := range q.root {
		q.root[i] = never
	}
	for i := range q.keys {
		q.keys[i] = never
	}
}

// Push schedules an event. It panics if at has passed.
func (q *Queue) Push(at model.Instant, e event) {
	q.seq++
	*q.push(at, nextRank|q.seq<<slotBits) = e
}

// Reserve keeps n ranks for events that come, at their instant, before all that are pushed by
// Push from now on; it gives the first one.
func (q *Queue) Reserve(n uint64) (rank uint64) {
	rank = q.seq + 1
	q.seq += n
	return rank
}

// PushReserved is Push with a rank of Reserve.
func (q *Queue) PushReserved(at model.Instant, rank uint64, e event) {
	*q.push(at, nextRank|ranked(rank)) = e
}

// PushFirst schedules an event that comes, at its instant, before all that are
// pushed by Push, and among its like by rank: below 2^38.
func (q *Queue) PushFirst(at model.Instant, rank uint64, e event) {
	*q.push(at, firstRank|ranked(rank)) = e
}

// PushLast schedules an event that comes, at its instant, after all that were
// pushed by Push, and among its like by rank: below 2^38.
func (q *Queue) PushLast(at model.Instant, rank uint64, e event) {
	*q.push(at, lastRank|ranked(rank)) = e
}

// ranked is a rank where keys have it.
func ranked(rank uint64) uint64 {
	if rank >= 1<<rankBits {
		panic(tooManyEvents)
	}
	return rank << slotBits
}

// push schedules an event, which the caller is to put where push says. It stays a function of
// its own, whatever a profile says: put into its callers, an event of the hold model takes longer.
//
//go:noinline
func (q *Queue) push(at model.Instant, rank uint64) *event {
	slot := q.hole - 1
	if slot >= fewSlots || at < q.now || uint64(at) > fewLatest || q.seq >= 1<<rankBits {
		return q.pushRarely(at, rank)
	}
	q.ranks[slot] = rank
	k := uint64(at)*fewSlots | uint64(slot)
	q.keys[slot] = k
	k = min(k, q.way[0])
	q.root[slot/4] = k
	q.top = min(k, q.way[1])
	q.hole = 0
	return &q.items[slot]
}

// pushRarely is push where no slot was popped right before, or it does not fit.
func (q *Queue) pushRarely(at model.Instant, rank uint64) *event {
	if at < q.now {
		panic("sim: an event in the past")
	}
	if q.seq >= 1<<rankBits {
		panic(tooManyEvents)
	}
	if !q.large {
		q.fill()
		if uint64(at) <= fewLatest && q.taken != noFreeSlot {
			slot := uint(bits.TrailingZeros16(^q.taken)) % fewSlots
			q.taken |= 1 << slot
			q.open(slot)
			return q.push(at, rank)
		}
		q.many.take(q)
		q.large, q.top = true, never
	}
	return q.many.push(key{uint64(at), rank})
}

// open finds what a slot meets on its way.
func (q *Queue) open(slot uint) {
	i := slot % fewSlots
	n := i / 4
	q.way[0] = min(q.keys[i^1], q.keys[i^2], q.keys[i^3])
	q.way[1] = min(q.root[n^1], q.root[n^2], q.root[n^3])
	q.hole = i + 1
}

// Pop moves the clock to the next event, if it is due by limit, and gives it: it lies there until
// the next Pop. Otherwise it is nil.
func (q *Queue) Pop(limit model.Instant) *event {
	if q.hole != 0 {
		q.fill()
	}
	top := q.top
	at := top / fewSlots
	if at > min(uint64(limit), fewLatest) {
		return q.popMany(limit)
	}
	q.now = model.Instant(at)
	slot := uint(top % fewSlots)
	if q.open(slot); min(q.way[0], q.way[1])^top < fewSlots {
		slot = q.firstOf(at)
	}
	q.last = q.items[slot%fewSlots]
	return &q.last
}

// firstOf opens the way of the first by rank of what is due at an instant.
//
//go:noinline
func (q *Queue) firstOf(at uint64) (slot uint) {
	rank := uint64(never)
	for left := q.taken; left != 0; left &= left - 1 {
		i := uint(bits.TrailingZeros16(left)) % fewSlots
		if q.keys[i]/fewSlots == at && q.ranks[i] < rank {
			slot, rank = i, q.ranks[i]
		}
	}
	q.open(slot)
	return slot
}

// popMany is Pop where it is not among a few.
func (q *Queue) popMany(limit model.Instant) *event {
	if !q.large {
		return nil
	}
	e := q.many.pop(limit)
	if e == nil {
		return nil
	}
	q.now, q.last = q.many.now, *e
	return &q.last
}

// fill takes what was popped last out of the tree, if nothing came in its place.
func (q *Queue) fill() {
	if slot := q.hole - 1; slot < fewSlots {
		q.hole = 0
		q.taken &^= 1 << slot
		q.keys[slot] = never
		q.root[slot/4] = q.way[0]
		q.top = min(q.way[0], q.way[1])
	}
}

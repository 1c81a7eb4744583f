package sim

import "psyncsim/model"

// Queue holds what is still to happen, in order of time and, at one instant, first
// what was pushed by PushFirst, then the rest in the order of Push, then what was
// pushed by PushLast. It is the only clock. Items are copied, never boxed.
//
// It is a 4-ary heap: at the sizes of a run, a handful to a few hundred
// pending items, it touches fewer cache lines than a binary one.
type Queue[T any] struct {
	now  model.Instant
	seq  uint64
	heap []entry[T]
}

type entry[T any] struct {
	at   model.Instant
	seq  uint64
	item T
}

// Now is the time of the last item popped.
func (q *Queue[T]) Now() model.Instant { return q.now }

// SetNow moves the clock to an instant before which nothing is pending.
func (q *Queue[T]) SetNow(at model.Instant) {
	if at < q.now || len(q.heap) > 0 && q.heap[0].at < at {
		panic("sim: the clock moved over an event")
	}
	q.now = at
}

// Len is the number of items pending.
func (q *Queue[T]) Len() int { return len(q.heap) }

// Reset empties the queue and sets the clock, keeping memory.
func (q *Queue[T]) Reset(now model.Instant) {
	q.now, q.seq, q.heap = now, 0, q.heap[:0]
}

// Push schedules an item. It panics if at has passed.
func (q *Queue[T]) Push(at model.Instant, item T) {
	q.seq++
	q.push(at, firstSeq+q.seq, item)
}

// firstSeq is above all ranks of PushFirst.
const firstSeq = 1 << 40

// PushFirst schedules an item that comes, at its instant, before all that are
// pushed by Push, and among its like by rank: below 2^40.
func (q *Queue[T]) PushFirst(at model.Instant, rank uint64, item T) { q.push(at, rank, item) }

// PushLast schedules an item that comes, at its instant, after all that were
// pushed by Push, and among its like by rank: below 2^63.
func (q *Queue[T]) PushLast(at model.Instant, rank uint64, item T) { q.push(at, 1<<63|rank, item) }

func (q *Queue[T]) push(at model.Instant, seq uint64, item T) {
	if at < q.now {
		panic("sim: an event in the past")
	}
	e := entry[T]{at, seq, item}
	h := append(q.heap, e)
	i := len(h) - 1
	for i > 0 {
		p := (i - 1) / 4
		if h[p].before(&e) {
			break
		}
		h[i] = h[p]
		i = p
	}
	h[i] = e
	q.heap = h
}

// Pop moves the clock to the next item and gives it, if it is due by limit.
func (q *Queue[T]) Pop(limit model.Instant) (item T, ok bool) {
	if len(q.heap) == 0 || q.heap[0].at > limit {
		return item, false
	}
	top := q.heap[0]
	q.now = top.at
	last := q.heap[len(q.heap)-1]
	q.heap = q.heap[:len(q.heap)-1]
	if len(q.heap) > 0 {
		q.sink(last)
	}
	return top.item, true
}

// sink puts an entry at the root and lets it fall to its place.
func (q *Queue[T]) sink(e entry[T]) {
	h := q.heap
	i := 0
	for {
		c := 4*i + 1
		if c >= len(h) {
			break
		}
		least := c
		for j := c + 1; j < min(c+4, len(h)); j++ {
			if h[j].before(&h[least]) {
				least = j
			}
		}
		if e.before(&h[least]) {
			break
		}
		h[i] = h[least]
		i = least
	}
	h[i] = e
}

func (e *entry[T]) before(o *entry[T]) bool {
	return e.at < o.at || e.at == o.at && e.seq < o.seq
}

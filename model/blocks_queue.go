package model

// blockQueue is a list that grows at the back and shrinks at the front, in one
// piece of memory that is used again.
type blockQueue[T any] struct {
	items []T
	head  int // items before it are gone
}

func (q *blockQueue[T]) len() int    { return len(q.items) - q.head }
func (q *blockQueue[T]) all() []T    { return q.items[q.head:] }
func (q *blockQueue[T]) at(i int) *T { return &q.items[q.head+i] }

// front and back are nil when the queue is empty.
func (q *blockQueue[T]) front() *T {
	if q.len() == 0 {
		return nil
	}
	return &q.items[q.head]
}

func (q *blockQueue[T]) back() *T {
	if q.len() == 0 {
		return nil
	}
	return &q.items[len(q.items)-1]
}

// push moves everything to the beginning rather than grow when at least half
// of the memory is free there: so each item is moved once, on average.
func (q *blockQueue[T]) push(item T) {
	if len(q.items) == cap(q.items) && q.head > 0 && q.head >= len(q.items)/2 {
		n := copy(q.items, q.all())
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, item)
}

func (q *blockQueue[T]) pop() {
	var none T
	q.items[q.head] = none
	q.head++
}

func (q *blockQueue[T]) clear() {
	clear(q.items)
	q.items, q.head = q.items[:0], 0
}

// order compares, for a search: the difference itself may not fit in an int.
func order[T ~int64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

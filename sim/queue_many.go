package sim

import "psyncsim/model"

// queueMany is the tournament of any number of slots. The tie of two instants is part of a
// match, and a node is as large as what a processor fetches at once.
type queueMany struct {
	n     int
	now   model.Instant // of what was popped last
	tree  []four        // the root is tree[0]; below place i of node n is node 4n+1+i; the slots are the places of the last ones
	leaf  uint          // the first node that is slots
	top   key
	items []event // by slot
	free  []uint32
	hole  uint32 // a slot, plus 1, that was popped and still stands in the tree
}

// key orders what is pending: by instant, then by class, rank and slot in one word.
type key struct{ at, rank uint64 }

// four are the keys of a node.
type four [4]key

// nobody is a node of free slots.
var nobody = four{{never, never}, {never, never}, {never, never}, {never, never}}

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

// take makes a tournament of the few of a queue, none of which is popped.
func (m *queueMany) take(q *Queue) {
	if len(m.items) == 0 {
		m.grow()
	}
	copy(m.items, q.items[:])
	for n := m.leaf; n < uint(len(m.tree)); n++ {
		m.tree[n] = nobody
	}
	m.n, m.hole, m.free = 0, 0, m.free[:0]
	for i := len(m.items) - 1; i >= 0; i-- {
		if i < fewSlots && q.keys[i] != never {
			m.tree[m.leaf+uint(i)/4][i&3] = key{q.keys[i] / fewSlots, q.ranks[i] | uint64(i)}
			m.n++
		} else {
			m.free = append(m.free, uint32(i))
		}
	}
	m.playAll()
}

// next is the instant of the next event, model.Never without one.
func (m *queueMany) next() model.Instant {
	if m.fill(); m.n == 0 {
		return model.Never
	}
	return model.Instant(m.top.at)
}

// push puts a key into the hole or into a free slot; the event is to be put where it says.
func (m *queueMany) push(k key) *event {
	slot := m.hole - 1
	switch {
	case m.hole > 0:
		m.hole = 0
	default:
		slot = m.room()
	}
	m.n++
	k.rank |= uint64(slot)
	m.play(slot, k)
	return &m.items[slot]
}

// room is a slot for one more event.
func (m *queueMany) room() (slot uint32) {
	if len(m.free) == 0 {
		m.grow()
	}
	n := len(m.free) - 1
	slot, m.free = m.free[n], m.free[:n]
	return slot
}

// pop gives the next event, if it is due by limit, or nil. It lies there until something is pushed.
func (m *queueMany) pop(limit model.Instant) *event {
	if m.next() > limit || m.n == 0 {
		return nil
	}
	slot := uint32(m.top.rank & (1<<slotBits - 1))
	m.now = model.Instant(m.top.at)
	m.n--
	m.hole = slot + 1
	return &m.items[slot]
}

// fill takes what was popped last out of the tree, if nothing came in its place.
func (m *queueMany) fill() {
	if m.hole > 0 {
		slot := m.hole - 1
		m.hole = 0
		m.free = append(m.free, slot)
		m.play(slot, key{never, never})
	}
}

// play sets the key of a slot, and plays the matches from there to the root. Those among the
// other three of a node hang on nothing that changes.
func (m *queueMany) play(slot uint32, k key) {
	tree := m.tree
	n, i := m.leaf+uint(slot)/4, uint(slot)
	for n < uint(len(tree)) {
		f := &tree[n]
		f[i&3] = k
		other := least(least(f[(i^1)&3], f[(i^2)&3]), f[(i^3)&3])
		k = least(k, other)
		i = n - 1
		n = i / 4 // beyond all of them behind the root
	}
	m.top = k
}

// grow makes four times as many slots, to begin with as many as are few. All of them are taken.
func (m *queueMany) grow() {
	old := len(m.items)
	n := max(4*old, fewSlots)
	if n > 1<<slotBits {
		panic("sim: more events pending than a queue can hold")
	}
	m.items = append(m.items, make([]event, n-old)...)
	tree := make([]four, (n-1)/3) // 4 + 16 + ... + n keys
	leaf := uint(len(tree) - n/4)
	copy(tree[leaf:], m.tree[m.leaf:])
	for i := leaf + uint(old/4); i < uint(len(tree)); i++ {
		tree[i] = nobody
	}
	m.tree, m.leaf = tree, leaf
	for i := n; i > old; i-- {
		m.free = append(m.free, uint32(i-1))
	}
	m.playAll()
}

// playAll plays all matches.
func (m *queueMany) playAll() {
	for n := len(m.tree) - 1; n >= 0; n-- {
		f := &m.tree[n]
		if k := least(least(f[0], f[1]), least(f[2], f[3])); n > 0 {
			m.tree[(n-1)/4][(n-1)&3] = k
		} else {
			m.top = k
		}
	}
}

package model

import "fmt"

// naiveBlock and naiveReader are the shared replication buffer as its server
// has it: a list, counted references, pointers into it.
type naiveBlock struct {
	at         Offset
	size, used int64
	refs       int
	indexed    bool
}

type naiveReader struct {
	block *naiveBlock
	pos   int64
}

type naiveBlocks struct {
	alloc     Allocator
	size      int64
	mro       Offset
	histlen   int64
	memory    int64
	blocks    []*naiveBlock
	unindexed int
	readers   []*naiveReader // nil once released
}

func newNaiveBlocks(size int64, next Offset, alloc Allocator) *naiveBlocks {
	return &naiveBlocks{alloc: alloc, size: size, mro: next - 1}
}

func (n *naiveBlocks) first() Offset { return n.mro - Offset(n.histlen) + 1 }

func (n *naiveBlocks) tail() *naiveBlock {
	if len(n.blocks) == 0 {
		return nil
	}
	return n.blocks[len(n.blocks)-1]
}

// feed appends one piece.
func (n *naiveBlocks) feed(piece int64) {
	for piece > 0 {
		var start *naiveBlock
		pos, added := int64(0), false
		put := func(b *naiveBlock, bytes int64) {
			b.used += bytes
			n.mro += Offset(bytes)
			n.histlen += bytes
			piece -= bytes
		}
		if t := n.tail(); t != nil && t.used < t.size {
			start, pos = t, t.used
			put(t, min(piece, t.size-t.used))
		}
		if piece > 0 {
			usable := n.alloc.Usable(min(max(piece, 16384), max(n.size/16, 16384)) + 40)
			b := &naiveBlock{at: n.mro + 1, size: usable - 40}
			put(b, min(piece, b.size))
			n.blocks = append(n.blocks, b)
			n.memory += usable + 24
			if start == nil {
				start = b
			}
			added = true
		}
		for _, r := range n.readers {
			if r != nil && r.block == nil {
				r.block, r.pos = start, pos
				start.refs++
			}
		}
		if len(n.blocks) == 1 && added {
			n.blocks[0].refs++ // the backlog's own
		}
		if added {
			n.unindexed++
			if n.unindexed >= 64 {
				n.tail().indexed, n.unindexed = true, 0
			}
			n.trim(64)
		}
	}
}

// feedBytes appends bytes one by one; those that fit in a block together.
func (n *naiveBlocks) feedBytes(bytes int64) {
	for bytes > 0 {
		m := int64(1)
		if t := n.tail(); t != nil {
			m = max(1, min(bytes, t.size-t.used))
		}
		n.feed(m)
		bytes -= m
	}
}

func (n *naiveBlocks) trim(budget int) {
	for n.histlen > n.size && budget > 0 {
		f := n.blocks[0]
		if len(n.blocks) <= 1 || f.refs != 1 || n.histlen-f.size <= n.size {
			break
		}
		budget--
		n.histlen -= f.size
		n.memory -= f.size + 64
		n.blocks[1].refs++
		n.blocks = n.blocks[1:]
	}
}

func (n *naiveBlocks) attach(at Offset) {
	if n.histlen == 0 {
		n.readers = append(n.readers, &naiveReader{})
		return
	}
	i := 0
	for j, b := range n.blocks {
		if b.indexed && b.at <= at {
			i = j
		}
	}
	for n.blocks[i].at+Offset(n.blocks[i].used) < at {
		i++
	}
	b := n.blocks[i]
	b.refs++
	n.readers = append(n.readers, &naiveReader{block: b, pos: int64(at - b.at)})
}

func (n *naiveBlocks) attachLike(i int) {
	r := *n.readers[i]
	if r.block != nil {
		r.block.refs++
	}
	n.readers = append(n.readers, &r)
}

// place is the index of a reader's block.
func (n *naiveBlocks) place(r *naiveReader) int {
	for i, b := range n.blocks {
		if b == r.block {
			return i
		}
	}
	panic(fmt.Sprintf("a block that is read is gone: %+v", r.block))
}

// advance writes to the reader until what is before to has been sent.
func (n *naiveBlocks) advance(i int, to Offset) {
	r := n.readers[i]
	for r.block != nil {
		if can := min(r.block.used, int64(to-r.block.at)); can > r.pos {
			r.pos = can
		}
		at := n.place(r)
		if r.pos != r.block.used || at+1 == len(n.blocks) {
			return
		}
		r.block.refs--
		r.block, r.pos = n.blocks[at+1], 0
		r.block.refs++
		n.trim(64)
	}
}

func (n *naiveBlocks) release(i int) {
	r := n.readers[i]
	n.readers[i] = nil
	if r.block != nil {
		r.block.refs--
		n.trim(64)
	}
}

func (n *naiveBlocks) used(i int) int64 {
	r := n.readers[i]
	if r.block == nil {
		return 0
	}
	t := n.tail()
	return int64(t.at) + t.size - int64(r.block.at) + 64*int64(len(n.blocks)-n.place(r))
}

func (n *naiveBlocks) resize(size int64) {
	if size != n.size {
		n.size = size
		n.trim(64)
	}
}

// indexMemory walks the tree of the index entries, keys of 8 bytes.
func (n *naiveBlocks) indexMemory() int64 {
	var keys []uint64
	for _, b := range n.blocks {
		if b.indexed {
			keys = append(keys, uint64(b.at))
		}
	}
	if len(keys) == 0 {
		return 4
	}
	return 8*int64(len(keys)) + 4*naiveNodes(keys, 0, 0)
}

// naiveNodes counts the nodes for keys that are alike in their first depth
// bytes, of which row hang in one packed node that is not yet counted.
func naiveNodes(keys []uint64, depth, row int) int64 {
	packed := int64(min(row, 1))
	if depth == 8 {
		return packed + 1
	}
	groups := naiveGroups(keys, depth)
	if len(groups) == 1 {
		return naiveNodes(keys, depth+1, row+1)
	}
	nodes := packed + 1
	for _, g := range groups {
		nodes += naiveNodes(g, depth+1, 0)
	}
	return nodes
}

func naiveGroups(keys []uint64, depth int) (groups [][]uint64) {
	var last byte
	for i, k := range keys {
		if c := byte(k >> (56 - 8*depth)); i == 0 || c != last {
			groups, last = append(groups, nil), c
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], k)
	}
	return groups
}

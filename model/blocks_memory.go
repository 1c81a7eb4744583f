package model

import "math/bits"

// Memory is mem_total_replication_buffers: all blocks, with their headers and
// list nodes.
func (b *BlockLog) Memory() int64 { return b.memory }

// BacklogMemory is mem_replication_backlog. With replicas, in whatever state,
// the backlog owns no more than its size of the blocks; the rest is theirs.
func (b *BlockLog) BacklogMemory(replicas bool) int64 {
	return b.memory - b.ReplicaMemory(replicas) + b.indexMemory()
}

// ReplicaMemory is mem_clients_slaves.
func (b *BlockLog) ReplicaMemory(replicas bool) int64 {
	if !replicas {
		return 0
	}
	return max(0, b.memory-b.size)
}

// UncountedMemory is what eviction does not count of the blocks, part of
// mem_not_counted_for_evict (evict.c: freeMemoryGetNotCountedMemory).
func (b *BlockLog) UncountedMemory() int64 {
	return max(0, b.memory-b.countedMost())
}

// countedMost is the most of the blocks that eviction counts.
func (b *BlockLog) countedMost() int64 { return b.size + (b.size/BlockRequest+1)*blockCost }

// indexMemory is what INFO counts for the index of every 64th block
// (object.c: getMemoryOverheadData): 8 bytes for an entry and 4 for a node of
// a radix tree over the offsets, 8 bytes each, with rows of nodes that have
// one child packed into one.
func (b *BlockLog) indexMemory() int64 {
	const entryCost, nodeCost = 8, 4
	entries, nodes := int64(0), int64(0)
	var forks []int // depths of the open forks, rising
	var room [8]int
	forks = room[:0]
	top := func() int {
		if len(forks) == 0 {
			return -1
		}
		return forks[len(forks)-1]
	}
	// below counts a node of that depth under a fork, with the row of nodes
	// between them. The root counts as if it hung on a fork at depth -1.
	below := func(depth, fork int) {
		nodes++
		if depth-fork > 1 {
			nodes++
		}
	}
	// step goes from an entry to the next, with which it shares a prefix.
	step := func(shared int) {
		below(8, max(shared, top()))
		for top() > shared {
			depth := top()
			forks = forks[:len(forks)-1]
			below(depth, max(shared, top()))
		}
		if top() < shared {
			forks = append(forks, shared)
		}
	}
	var last Offset
	for _, r := range b.runs.all() {
		for n := roundUp(r.number, indexEvery); n < r.number+r.count; n += indexEvery {
			at := r.at + Offset((n-r.number)*r.payload)
			if entries > 0 {
				step(bits.LeadingZeros64(uint64(at^last)) / 8)
			}
			entries, last = entries+1, at
		}
	}
	if entries == 0 {
		return nodeCost // an empty tree has a root
	}
	step(-1)
	return entries*entryCost + nodes*nodeCost
}

package model

import "slices"

// The constants of the shared replication buffer (server.h), and the sizes of
// its structures on a 64-bit machine.
const (
	// BlockRequest is the least payload that a block is asked for
	// (PROTO_REPLY_CHUNK_BYTES). Blocks of more are only made for pieces of
	// more.
	BlockRequest = 16 * 1024

	blockHeader = 40 // struct replBufBlock
	blockNode   = 24 // struct listNode: a block is an element of a list
	blockCost   = blockHeader + blockNode

	trimPerCall = 64               // REPL_BACKLOG_TRIM_BLOCKS_PER_CALL
	trimPerTurn = 10 * trimPerCall // server.c: beforeSleep
	indexEvery  = 64               // REPL_BACKLOG_INDEX_PER_BLOCKS
)

// blockRun is a row of blocks of one payload, one behind the other.
type blockRun struct {
	at      Offset // of the first byte of its first block
	payload int64  // bytes of a block, above 0
	count   int64  // blocks, above 0
	number  int64  // of its first block; the first one ever made is 1
}

// BlockLog is the backlog of redis >= 7.0: a list of blocks that the backlog
// and all replicas share. It keeps at least its size. The oldest block goes
// only when what is left is still more than the size, and when no reader
// stands on it; so a slow reader keeps everything from its block on, for
// everybody.
//
// Trimming is attempted when a block is made, when a reader moves to its next
// block or leaves, when the size changes, and by Turn. Blocks of one payload
// are kept as runs: what an append or a move costs depends on the number of
// runs that it touches and of readers, not on the number of blocks.
type BlockLog struct {
	bytes   bool
	alloc   Allocator
	whole   bool  // a piece makes one block however long it is
	payload int64 // of a block that was asked for BlockRequest bytes

	size   int64  // above 0
	next   Offset // of the next byte: in the last block or right behind it
	end    Offset // behind the last byte of the last block; next while there is none
	made   int64  // blocks made so far, also the number of the last one
	memory int64  // bytes of all blocks held, with their list nodes

	runs  blockQueue[blockRun] // oldest first, without gaps; the payloads of neighbours differ
	store Store                // with bytes: those of the blocks

	readers []blockReader // by id
	waiting int           // readers without a block
	lastID  ReaderID      // given to a reader so far
}

var _ Backlog = (*BlockLog)(nil)

// NewBlocks makes an empty history. size is in bytes and above 0; next is the
// offset of the first byte to come.
func NewBlocks(size int64, next Offset, alloc Allocator, bytes bool) *BlockLog {
	b := &BlockLog{bytes: bytes, alloc: alloc, payload: alloc.Usable(BlockRequest+blockHeader) - blockHeader}
	b.Reset(size, next)
	return b
}

// Reset makes the history empty again, without readers, and keeps its memory.
// It is how a server frees its backlog and makes another.
func (b *BlockLog) Reset(size int64, next Offset) {
	if size < 1 {
		panic("model: backlog size below 1")
	}
	b.size, b.next, b.end = size, next, next
	b.made, b.memory, b.waiting = 0, 0, 0
	b.runs.clear()
	b.store.Reset()
	b.readers = b.readers[:0]
}

// First: see Backlog.
func (b *BlockLog) First() Offset {
	if b.runs.len() == 0 {
		return b.next
	}
	return b.runs.front().at
}

// Next: see Backlog.
func (b *BlockLog) Next() Offset { return b.next }

// Len: see Backlog. It is above Size in the ordinary course of things.
func (b *BlockLog) Len() int64 { return int64(b.next - b.First()) }

// Size: see Backlog.
func (b *BlockLog) Size() int64 { return b.size }

// BlockEnd is where the next block begins: the byte at this offset will make
// it. Output buffer limits are only tested then (replication.c:
// feedReplicationBuffer) and once a second.
func (b *BlockLog) BlockEnd() Offset { return b.end }

// Append adds a chunk of any number of pieces none of which is longer than
// BlockRequest (a server feeds each argument of a command as a piece of its
// own, a replica each command whole). How the chunk is cut makes no
// difference: it is as if each byte came alone. For the pieces of a long
// command see AppendPieces.
//
// Pieces that came whole could have dropped a block one piece earlier: when
// the piece that makes a block reaches far into it. After a Turn there is no
// difference.
//
// It panics when c does not continue the history, or has no or not all of its
// bytes where they are needed.
func (b *BlockLog) Append(c Chunk) {
	n := b.check(c)
	for n > 0 {
		b.fill(&n)
		if n == 0 {
			break
		}
		count := (n + b.payload - 1) / b.payload
		// To make them one by one, with a trim behind each, comes to the same
		// as one trim when the first byte of the last one is in: no block is
		// smaller than these, so each new one sets at most one old one free,
		// and each trim may drop more than that.
		b.addBlocks(count, b.payload)
		b.next += Offset(1 + (count-1)*b.payload)
		n -= 1 + (count-1)*b.payload
		b.trim(count * trimPerCall)
	}
	b.keep(c)
}

// AppendPieces adds a chunk that a server feeds in pieces of these lengths.
// A piece longer than BlockRequest makes larger blocks, of up to a 16th of the
// size. "*2\r\n", "$3\r\n", "DEL", "\r\n", "$1\r\n", "k", "\r\n" are the
// pieces of a DEL, and a SELECT before it is one.
func (b *BlockLog) AppendPieces(c Chunk, pieces []int64) {
	rest := b.check(c)
	for _, n := range pieces {
		if n < 0 || n > rest {
			panic("model: pieces are not those of the chunk")
		}
		rest -= n
		for n > 0 {
			b.fill(&n)
			if n == 0 {
				break
			}
			b.addBlocks(1, b.blockFor(n))
			b.fill(&n)
			b.trim(trimPerCall)
		}
	}
	if rest != 0 {
		panic("model: pieces are not those of the chunk")
	}
	b.keep(c)
}

// AppendCommandPieces appends the lengths of the pieces in which a master feeds
// a command with arguments of these lengths, the name's included
// (replication.c: replicationFeedSlaves).
func AppendCommandPieces(dst []int64, argLens ...int) []int64 {
	dst = append(dst, 3+digits(int64(len(argLens))))
	for _, n := range argLens {
		dst = append(dst, 3+digits(int64(n)), int64(n), 2)
	}
	return dst
}

// blockFor is the payload of the block that is made when n bytes of a piece
// are still to come (replication.c: feedReplicationBuffer).
func (b *BlockLog) blockFor(n int64) int64 {
	request := max(n, BlockRequest)
	if !b.whole {
		request = min(request, max(b.size/16, BlockRequest))
	}
	return b.alloc.Usable(request+blockHeader) - blockHeader
}

// check panics when c does not fit and gives its length. With the first byte
// of a chunk the readers that wait for one stand on its block.
func (b *BlockLog) check(c Chunk) int64 {
	n := c.Bytes()
	if c.From != b.next || n < 0 {
		panic("model: chunk does not continue the backlog")
	}
	if (b.bytes || c.Data != nil) && int64(len(c.Data)) != n {
		panic("model: chunk without all of its bytes")
	}
	if n > 0 && b.waiting > 0 {
		b.seatWaiting()
	}
	return n
}

// keep stores the bytes of chunk c, and panics when the history is not what it has to be
// behind it.
func (b *BlockLog) keep(c Chunk) {
	if b.next != c.To || b.First() > b.next || b.next > b.end {
		panic("model: backlog broken: the last byte is not in the last block")
	}
	if b.bytes {
		b.store.Append(c)
		b.store.Drop(b.First())
	}
}

// fill puts as much of the next n bytes into the last block as there is room for.
func (b *BlockLog) fill(n *int64) {
	m := min(*n, int64(b.end-b.next))
	*n -= m
	b.next += Offset(m)
}

// addBlocks adds empty blocks behind the last one, which is full.
func (b *BlockLog) addBlocks(count, payload int64) {
	if r := b.runs.back(); r != nil && r.payload == payload {
		r.count += count
	} else {
		b.runs.push(blockRun{at: b.end, payload: payload, count: count, number: b.made + 1})
	}
	b.made += count
	b.end += Offset(count * payload)
	b.memory += count * (payload + blockCost)
}

// trim drops the oldest blocks that nobody needs, at most as many as budget
// (replication.c: incrementalTrimReplicationBacklog).
func (b *BlockLog) trim(budget int64) {
	for budget > 0 {
		n := min(b.idle(), budget)
		if n == 0 {
			return
		}
		budget -= n
		r := b.runs.front()
		r.at += Offset(n * r.payload)
		r.number += n
		r.count -= n
		b.memory -= n * (r.payload + blockCost)
		if r.count == 0 {
			b.runs.pop()
		}
	}
}

// idle is how many blocks of the oldest run could go now: those with more than
// the size behind them, and before every reader's. The last block never can.
func (b *BlockLog) idle() int64 {
	r := b.runs.front()
	if r == nil {
		return 0
	}
	below := b.next - Offset(b.size) // the end of a block that goes
	if r.at+Offset(r.payload) >= below {
		return 0
	}
	for i := range b.readers {
		if !b.readers[i].waits() {
			below = min(below, b.readers[i].block+1)
		}
	}
	return max(0, min(r.count, int64(below-1-r.at)/r.payload))
}

// Turn trims as the server does once per turn of its event loop, before it
// waits for the next thing to happen. It tells whether another turn would drop
// more.
func (b *BlockLog) Turn() (more bool) {
	b.trim(trimPerTurn)
	return b.idle() > 0
}

// Resize keeps the data, whether the size grows or shrinks, and trims. Raising
// a size to the least that the version takes is the caller's.
func (b *BlockLog) Resize(size int64) {
	if size < 1 {
		panic("model: backlog size below 1")
	}
	if size == b.size {
		return
	}
	b.size = size
	b.trim(trimPerCall)
}

// Free: see Backlog.
func (b *BlockLog) Free() { b.store.Reset() }

// From: see Backlog.
func (b *BlockLog) From(at Offset) (c Chunk, ok bool) { return from(b, at) }

// Parts: see Backlog.
func (b *BlockLog) Parts(dst []Chunk, at Offset) []Chunk { return b.store.Parts(dst, at) }

// find gives the block of the byte at an offset that is in one: where it
// begins and its number. The offset behind the last block gives the last.
func (b *BlockLog) find(at Offset) (block Offset, number int64) {
	runs := b.runs.all()
	i, exact := slices.BinarySearchFunc(runs, at, func(r blockRun, at Offset) int { return order(r.at, at) })
	if !exact {
		i--
	}
	r := &runs[i]
	n := min(int64(at-r.at)/r.payload, r.count-1)
	return r.at + Offset(n*r.payload), r.number + n
}

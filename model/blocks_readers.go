package model

import "slices"

// ReaderID names one reader of a BlockLog: a replica that is sent the stream
// from it. It is above 0 and never used again for the same log.
type ReaderID int64

// blockReader is where a replica stands. It holds one reference, on the block that
// it is being sent (struct client: ref_repl_buf_node).
type blockReader struct {
	id     ReaderID
	block  Offset // of the first byte of its block
	number int64  // of its block; 0 while it has none
	sent   Offset // what is before it is out: in its block, or right behind it
}

// waits: the reader has no block before the next byte is appended.
func (r *blockReader) waits() bool { return r.number == 0 }

// Attach adds a reader that was granted a partial resynchronization from at
// on, in [First, Next]. Its block is the one with the byte before at
// (replication.c: addReplyReplicationBacklog looks for the first block that
// reaches up to at): it moves on with the first Advance. The exception is a
// block that is in the server's index, every 64th, when at is its first byte.
func (b *BlockLog) Attach(at Offset) ReaderID {
	if at < b.First() || at > b.next {
		panic("model: reader outside the backlog")
	}
	if b.runs.len() == 0 {
		return b.AttachNext()
	}
	block, number := b.find(max(at-1, b.First()))
	if exact, n := b.find(at); exact == at && n%indexEvery == 0 {
		block, number = exact, n
	}
	return b.add(blockReader{block: block, number: number, sent: at})
}

// AttachNext adds a reader that is sent the stream from the next byte on: a
// full resynchronization begins. It holds nothing until that byte is there.
func (b *BlockLog) AttachNext() ReaderID { return b.add(blockReader{}) }

// AttachLike adds a reader that stands where another one does: a replica that
// joins the snapshot made for that one (networking.c: copyReplicaOutputBuffer).
func (b *BlockLog) AttachLike(other ReaderID) ReaderID { return b.add(b.readers[b.index(other)]) }

func (b *BlockLog) add(r blockReader) ReaderID {
	b.lastID++
	r.id = b.lastID
	if r.waits() {
		b.waiting++
	}
	b.readers = append(b.readers, r)
	return r.id
}

// seatWaiting gives the readers without a block the one of the next byte.
func (b *BlockLog) seatWaiting() {
	block, number := b.end, b.made+1
	if b.next < b.end {
		block, number = b.find(b.next)
	}
	for i := range b.readers {
		if r := &b.readers[i]; r.waits() {
			r.block, r.number, r.sent = block, number, b.next
		}
	}
	b.waiting = 0
}

// Advance: everything before sentTo is out. The reader moves on block by block
// while its block is sent and there is another, and each move trims
// (networking.c: _writeToClient). It may be told the same or less again, and
// must be when a block was added behind one that was out already: the server
// moves on with its next write only. It panics beyond Next.
func (b *BlockLog) Advance(id ReaderID, sentTo Offset) {
	if sentTo > b.next {
		panic("model: reader ahead of the backlog")
	}
	r := &b.readers[b.index(id)]
	if r.waits() {
		return
	}
	r.sent = max(r.sent, sentTo)
	block, number := b.find(r.sent)
	moves := number - r.number
	if moves <= 0 {
		return
	}
	r.block, r.number = block, number
	// Each move sets at most one block free, so one trim does for all.
	b.trim(moves * trimPerCall)
}

// Release removes a reader. What it held back may go, by and by
// (replication.c: freeReplicaReferencedReplBuffer).
func (b *BlockLog) Release(id ReaderID) {
	i := b.index(id)
	waited := b.readers[i].waits()
	b.readers = slices.Delete(b.readers, i, i+1)
	if waited {
		b.waiting--
		return
	}
	b.trim(trimPerCall)
}

// Used is the size of a reader's output buffer as the limits see it: its block
// and all behind it, the unused rest of the last one included
// (networking.c: getClientOutputBufferMemoryUsage). An idle replica that has
// everything uses a block.
func (b *BlockLog) Used(id ReaderID) int64 {
	r := &b.readers[b.index(id)]
	if r.waits() {
		return 0
	}
	return int64(b.end-r.block) + blockCost*(b.made-r.number+1)
}

// FillsAt is the first offset at which a limit test finds this reader using at
// least limit bytes, if it is sent nothing more: the byte there makes the block
// that is too much, or, if it uses so much already, just the next one. It
// counts on blocks for pieces of at most BlockRequest bytes.
func (b *BlockLog) FillsAt(id ReaderID, limit int64) Offset {
	used := max(b.Used(id), b.Seated(id))
	blocks := int64(1)
	if cost := b.payload + blockCost; limit-used > cost {
		blocks = (limit-used-1)/cost + 1
	}
	return b.end + Offset((blocks-1)*b.payload)
}

// Seated is what a reader that has everything will use as soon as there is one byte
// more, in the block that it will stand on; 0 if it does not wait for one, or if that
// byte makes a block.
func (b *BlockLog) Seated(id ReaderID) int64 {
	if !b.readers[b.index(id)].waits() || b.next == b.end {
		return 0
	}
	return b.runs.back().payload + blockCost
}

// Leave removes a reader without a trim: another one stands where it stood
// (valkey's replication.c: removeReplicaFromPsyncWait).
func (b *BlockLog) Leave(id ReaderID) {
	i := b.index(id)
	if b.readers[i].waits() {
		b.waiting--
	}
	b.readers = slices.Delete(b.readers, i, i+1)
}

// index is the place of a reader; it panics when there is none.
func (b *BlockLog) index(id ReaderID) int {
	i, ok := slices.BinarySearchFunc(b.readers, id, func(r blockReader, id ReaderID) int { return order(r.id, id) })
	if !ok {
		panic("model: no such reader of the backlog")
	}
	return i
}

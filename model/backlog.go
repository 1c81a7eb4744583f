package model

// Backlog is the newest part of a replication stream: the offsets
// [First, Next). First <= Next always, and Next-1 is the last byte appended,
// master_repl_offset (facts: F + H - 1 = MRO).
type Backlog interface {
	// Append adds the next piece of the stream; c.From must be Next().
	Append(c Chunk)
	// First is the offset of the oldest byte held; Next if there is none.
	First() Offset
	// Next is the offset of the byte that will be appended next.
	Next() Offset
	// Len is the number of bytes held (repl_backlog_histlen).
	Len() int64
	// Size is the configured size in bytes (repl_backlog_size).
	Size() int64
	// From says what is held from at on, maybe nothing; it has no Data, see Parts.
	// Bound of the chunk is its To: the master appends whole commands only. ok is
	// false outside [First, Next]: the history cannot serve a partial
	// resynchronization from there.
	From(at Offset) (c Chunk, ok bool)
	// Parts appends, of a history with bytes, those that From speaks of, as they lie
	// in pages. They are valid until the next Append, and longer while their pages
	// are held.
	Parts(dst []Chunk, at Offset) []Chunk
	// Resize changes the configured size, in bytes and above 0. What is kept
	// depends on the version.
	Resize(size int64)
	// Free lets go of all pages. The history is of no use any more.
	Free()
}

// RingLog is the backlog of redis 2.8 - 6.2: a circular buffer of exactly its
// size. The field names are those of struct redisServer without repl_backlog_.
// With bytes it holds them, where their driver put them if it may; without, the same
// arithmetic runs on lengths and nothing is allocated.
type RingLog struct {
	bytes   bool
	store   Store  // the bytes
	size    int64  // above 0
	idx     int64  // where the next byte goes: 0 <= idx < size
	histlen int64  // bytes held: 0 <= histlen <= size
	off     Offset // of the oldest byte held; of the next one while there is none
}

var _ Backlog = (*RingLog)(nil)

// NewRing makes an empty ring (replication.c: createReplicationBacklog). size
// is in bytes and above 0; next is the offset of the first byte to come.
// Redis allocates the whole ring here; we take memory with the bytes that come.
func NewRing(size int64, next Offset, bytes bool) *RingLog {
	if size < 1 {
		panic("model: backlog size below 1")
	}
	return &RingLog{bytes: bytes, size: size, off: next}
}

// First: see Backlog.
func (r *RingLog) First() Offset { return r.off }

// Next: see Backlog.
func (r *RingLog) Next() Offset { return r.off + Offset(r.histlen) }

// Len: see Backlog.
func (r *RingLog) Len() int64 { return r.histlen }

// Size: see Backlog.
func (r *RingLog) Size() int64 { return r.size }

// Append adds a chunk as replication.c: feedReplicationBacklog does. Of a
// chunk above the size only the end stays, but idx moves as if every byte had
// been written, so the ring does not depend on how the stream was cut.
// It panics when c does not continue the history, or has no or not all of its
// bytes where they are needed.
func (r *RingLog) Append(c Chunk) {
	n := c.Bytes()
	if c.From != r.Next() || n < 0 {
		panic("model: chunk does not continue the backlog")
	}
	if (r.bytes || c.Data != nil) && int64(len(c.Data)) != n {
		panic("model: chunk without all of its bytes")
	}
	if n == 0 {
		return
	}
	if r.bytes {
		r.store.Append(c)
		r.store.Drop(c.To - Offset(min(r.size, r.histlen+n)))
	}
	r.extend(n)
	if r.Next() != c.To {
		panic(ringBroken)
	}
}

// extend counts n more bytes, above 0.
func (r *RingLog) extend(n int64) {
	if r.idx += n; r.idx >= r.size || r.idx < 0 {
		r.idx = int64(uint64(r.idx) % uint64(r.size))
	}
	if room := r.size - r.histlen; n > room {
		r.off += Offset(n - room)
		r.histlen = r.size
	} else {
		r.histlen += n
	}
	if r.histlen < 0 || r.histlen > r.size {
		panic(ringBroken)
	}
}

const ringBroken = "model: backlog broken: first + histlen is not behind the last byte"

// From: see Backlog (replication.c: addReplyReplicationBacklog).
func (r *RingLog) From(at Offset) (c Chunk, ok bool) { return from(r, at) }

// from is From of any history.
func from(b Backlog, at Offset) (c Chunk, ok bool) {
	if at < b.First() || at > b.Next() {
		return Chunk{}, false
	}
	return Chunk{From: at, To: b.Next(), Bound: b.Next()}, true
}

// Parts: see Backlog.
func (r *RingLog) Parts(dst []Chunk, at Offset) []Chunk { return r.store.Parts(dst, at) }

// Free: see Backlog.
func (r *RingLog) Free() { r.store.Reset() }

// Resize empties the ring, whether it grows or shrinks, unless the size stays
// the same (replication.c: resizeReplicationBacklog). Raising a size to the
// least that the version takes is the caller's.
func (r *RingLog) Resize(size int64) {
	if size == r.size {
		return
	}
	r.store.Reset()
	store := r.store
	*r = *NewRing(size, r.Next(), r.bytes)
	r.store = store
}

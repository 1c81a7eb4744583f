package model

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// magnitude draws lengths of all sizes up to most. (A range alone is drawn
// mostly near its beginning.)
func magnitude(t *rapid.T, most int64, label string) int64 {
	limit := rapid.SampledFrom([]int64{20, 300, 17_000, 41_000, 300_000, 3_000_000, 30_000_000}).Draw(t, label+" up to")
	part := rapid.SampledFrom([]int64{0, 1, 3, 5, 8, 10, 14, 15}).Draw(t, label+" 16ths")
	return min(limit/16*part+rapid.Int64Range(0, limit/16+1).Draw(t, label), most)
}

// streamPeriod is what a test stream repeats: 65521 bytes, a prime number.
var streamPeriod = func() []byte {
	p := make([]byte, 65521)
	for i := range p {
		p[i] = byte(i ^ i>>8*31)
	}
	return p
}()

// streamed are n bytes of the test stream from an offset on.
func streamed(from Offset, n int64) []byte {
	p := make([]byte, 0, n)
	for at := int(int64(from) % int64(len(streamPeriod))); int64(len(p)) < n; at = 0 {
		p = append(p, streamPeriod[at:min(len(streamPeriod), at+int(n)-len(p))]...)
	}
	return p
}

// blocksUnderTest plays a log and the naive one side by side. Some steps keep
// their numbers in ids, by the naive one's index of readers.
type blocksUnderTest struct {
	log   *BlockLog
	naive *naiveBlocks
	ids   []ReaderID
	most  int64 // of an append
}

func (u *blocksUnderTest) chunk(n int64) Chunk {
	c := Chunk{From: u.log.Next(), To: u.log.Next() + Offset(n)}
	if u.log.bytes {
		c.Data = streamed(c.From, n)
	}
	return c
}

// reader draws one of the readers; ok is false when there is none.
func (u *blocksUnderTest) reader(t *rapid.T) (i int, ok bool) {
	var live []int
	for i, r := range u.naive.readers {
		if r != nil {
			live = append(live, i)
		}
	}
	if len(live) == 0 {
		return 0, false
	}
	return rapid.SampledFrom(live).Draw(t, "reader"), true
}

func (u *blocksUnderTest) steps() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"append": func(t *rapid.T) {
			n := magnitude(t, u.most, "bytes")
			u.naive.feedBytes(n)
			u.log.Append(u.chunk(n))
		},
		"append to an edge": func(t *rapid.T) {
			edge := u.log.BlockEnd() // of the last block, or where the first can go
			if r := u.log.runs.front(); r != nil && rapid.Bool().Draw(t, "trim") {
				edge = r.at + Offset(r.payload+u.log.Size())
			}
			n := int64(edge-u.log.Next()) + rapid.Int64Range(-2, 2).Draw(t, "past")
			if n > 0 && n <= u.most {
				u.naive.feedBytes(n)
				u.log.Append(u.chunk(n))
			}
		},
		"pieces": func(t *rapid.T) {
			var pieces []int64
			sum := int64(0)
			for range rapid.IntRange(0, 6).Draw(t, "count") {
				n := magnitude(t, u.most/4, "piece")
				pieces, sum = append(pieces, n), sum+n
				u.naive.feed(n)
			}
			u.log.AppendPieces(u.chunk(sum), pieces)
		},
		"resize": func(t *rapid.T) {
			size := magnitude(t, u.most, "size") + 1
			// The least size at which a block can go, and those around it.
			if b := u.naive.blocks; len(b) > 1 && rapid.Bool().Draw(t, "edge") {
				i := rapid.IntRange(1, len(b)-1).Draw(t, "block")
				size = max(1, int64(u.log.Next()-b[i].at)+rapid.Int64Range(-1, 1).Draw(t, "past"))
			}
			u.naive.resize(size)
			u.log.Resize(size)
		},
		"turn": func(t *rapid.T) {
			u.naive.trim(640)
			more := u.log.Turn()
			before := u.log.First()
			again := *u.log // for lengths: the buffers are not its own
			again.runs.items = append([]blockRun(nil), u.log.runs.items...)
			again.bytes = false
			again.Turn()
			if more != (again.First() != before) {
				t.Fatalf("more to trim: %v, but first %d after another turn, %d before", more, again.First(), before)
			}
		},
		"attach": func(t *rapid.T) {
			at := u.log.First() + Offset(rapid.Int64Range(0, u.log.Len()).Draw(t, "at"))
			// The edges are what matters, most of all those in the index.
			if b := u.naive.blocks; len(b) > 0 && rapid.Bool().Draw(t, "edge") {
				i := rapid.IntRange(0, len(b)-1).Draw(t, "block")
				for indexed := rapid.Bool().Draw(t, "indexed"); indexed && i < len(b)-1 && !b[i].indexed; {
					i++
				}
				at = b[i].at
			}
			u.naive.attach(at)
			u.ids = append(u.ids, u.log.Attach(at))
		},
		"attach next": func(t *rapid.T) {
			u.naive.readers = append(u.naive.readers, &naiveReader{})
			u.ids = append(u.ids, u.log.AttachNext())
		},
		"attach like": func(t *rapid.T) {
			if i, ok := u.reader(t); ok {
				u.naive.attachLike(i)
				u.ids = append(u.ids, u.log.AttachLike(u.ids[i]))
			}
		},
		"advance": func(t *rapid.T) {
			if i, ok := u.reader(t); ok {
				to := u.log.First() + Offset(rapid.Int64Range(0, u.log.Len()).Draw(t, "to"))
				if rapid.Bool().Draw(t, "all") {
					to = u.log.Next()
				}
				u.naive.advance(i, to)
				u.log.Advance(u.ids[i], to)
			}
		},
		"release": func(t *rapid.T) {
			if i, ok := u.reader(t); ok {
				u.naive.release(i)
				u.log.Release(u.ids[i])
			}
		},
		"": u.compare,
	}
}

func (u *blocksUnderTest) compare(t *rapid.T) {
	b, n := u.log, u.naive
	got := fmt.Sprint(b.First(), b.Next(), b.Len(), b.Size(), b.Memory(), b.BacklogMemory(false), b.made-b.oldest()+1)
	want := fmt.Sprint(n.first(), n.mro+1, n.histlen, n.size, n.memory, n.memory+n.indexMemory(), int64(len(n.blocks)))
	if got != want {
		t.Fatalf("first, next, len, size, memory, with index, blocks: %s, want %s", got, want)
	}
	end := n.mro + 1
	if last := n.tail(); last != nil {
		end = last.at + Offset(last.size)
	}
	if b.BlockEnd() != end {
		t.Fatalf("block ends at %d, want %d", b.BlockEnd(), end)
	}
	for i, r := range n.readers {
		if r == nil {
			continue
		}
		if got, want := b.Used(u.ids[i]), n.used(i); got != want {
			t.Fatalf("reader %d uses %d, want %d", i, got, want)
		}
	}
	for _, at := range []Offset{b.First() - 1, b.First(), (b.First() + b.Next()) / 2, b.Next(), b.Next() + 1} {
		c, ok := b.From(at)
		if ok != (at >= n.first() && at <= n.mro+1) || ok && (c.From != at || c.To != b.Next() || c.Bound != c.To) {
			t.Fatalf("from %d: %v %+v", at, ok, c)
		}
		if ok && b.bytes && !bytes.Equal(heldFrom(b, c), streamed(at, c.Bytes())) {
			t.Fatalf("from %d: wrong bytes", at)
		}
	}
}

// oldest is the number of the oldest block.
func (b *BlockLog) oldest() int64 {
	if b.runs.len() == 0 {
		return b.made + 1
	}
	return b.runs.front().number
}

func drawBlocks(t *rapid.T, bytes bool, most int64) *blocksUnderTest {
	size := magnitude(t, most, "size") + 1
	next := Offset(rapid.Int64Range(1, 1<<40).Draw(t, "next"))
	alloc := rapid.SampledFrom([]Allocator{AllocJemalloc, AllocLibc}).Draw(t, "allocator")
	return &blocksUnderTest{log: NewBlocks(size, next, alloc, bytes), naive: newNaiveBlocks(size, next, alloc), most: most}
}

// Whatever is written and whoever reads, the log is the list of blocks of a
// server, step by step.
func TestBlocksAreThoseOfTheServer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { t.Repeat(drawBlocks(t, false, 30_000_000).steps()) })
}

func TestBlocksHoldTheBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { t.Repeat(drawBlocks(t, true, 60_000).steps()) })
}

// FillsAt tells where the limit test first says so, for a reader that stands
// still: tried at each new block.
func TestBlocksFillsAt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := drawBlocks(t, false, 300_000)
		b := u.log
		b.Append(u.chunk(magnitude(t, u.most, "bytes")))
		id := b.AttachNext()
		if rapid.Bool().Draw(t, "partial") {
			id = b.Attach(b.First() + Offset(rapid.Int64Range(0, b.Len()).Draw(t, "at")))
		}
		limit := magnitude(t, 3_000_000, "limit") + 1
		want := b.FillsAt(id, limit)
		for {
			at := b.BlockEnd()
			b.Append(u.chunk(int64(at-b.Next()) + 1))
			if b.Used(id) >= limit {
				if at != want {
					t.Fatalf("%d bytes used by the byte at %d, told %d", b.Used(id), at, want)
				}
				return
			}
		}
	})
}

// turnBlocks lets an event loop come to rest.
func turnBlocks(logs []*BlockLog) {
	for _, b := range logs {
		for b.Turn() {
		}
	}
}

// How a stream of small pieces is cut makes no difference; and after a turn of
// the event loop it is the same whether the pieces were told or not.
func TestBlocksIgnoreTheCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := drawBlocks(t, false, 3_000_000)
		one := u.log
		many := NewBlocks(one.size, one.next, one.alloc, false)
		told := NewBlocks(one.size, one.next, one.alloc, false)
		logs := []*BlockLog{one, many, told}
		var reader ReaderID
		for range rapid.IntRange(1, 5).Draw(t, "chunks") {
			c := u.chunk(magnitude(t, u.most, "bytes"))
			one.Append(c)
			for many.Next() < c.To {
				to := min(c.To, many.Next()+Offset(rapid.Int64Range(1, 500_000).Draw(t, "cut")))
				many.Append(Chunk{From: many.Next(), To: to})
			}
			// Cycles through pieces, as commands would.
			pieces, at := []int64{4, 4, 3, 2, 5, rapid.Int64Range(1, BlockRequest).Draw(t, "argument"), 2}, 0
			for told.Next() < c.To {
				n := min(pieces[at%len(pieces)], int64(c.To-told.Next()))
				at++
				told.AppendPieces(Chunk{From: told.Next(), To: told.Next() + Offset(n)}, []int64{n})
			}
			if got, want := fmt.Sprint(many.runs.all(), many.memory), fmt.Sprint(one.runs.all(), one.memory); got != want {
				t.Fatalf("in one chunk %s\nin many %s", want, got)
			}
			turnBlocks(logs)
			act := rapid.IntRange(0, 3).Draw(t, "then")
			size := magnitude(t, u.most, "size") + 1
			for _, b := range logs {
				switch {
				case act == 0:
					b.Resize(size)
				case act == 1 && reader == 0:
					b.AttachNext()
				case act == 2 && reader != 0:
					b.Release(reader)
				case act == 3 && reader != 0:
					b.Advance(reader, b.Next())
				}
			}
			turnBlocks(logs)
			if act == 1 && reader == 0 {
				reader = one.lastID
			} else if act == 2 {
				reader = 0
			}
			if got, want := fmt.Sprint(told.First(), told.memory), fmt.Sprint(one.First(), one.memory); got != want {
				t.Fatalf("bytes one by one: %s; pieces: %s", want, got)
			}
		}
	})
}

// A history of 2^50 bytes in one chunk, in lengths, costs nothing.
func TestBlocksInOneChunk(t *testing.T) {
	b := NewBlocks(1<<40, 1, AllocJemalloc, false)
	id := b.AttachNext()
	b.Append(Chunk{From: 1, To: 1 << 50})
	b.Advance(id, b.Next())
	if b.Turn() || b.Len() <= 1<<40 || b.Len() > 1<<40+20440 || b.runs.len() != 1 {
		t.Errorf("%d bytes in %d runs", b.Len(), b.runs.len())
	}
}

func TestBlocksReset(t *testing.T) {
	b := NewBlocks(1<<20, 1, AllocLibc, true)
	b.AttachNext()
	b.Append(Chunk{From: 1, To: 100_001, Data: streamed(1, 100_000)})
	b.Reset(5, 77)
	if b.First() != 77 || b.Next() != 77 || b.Len() != 0 || b.Size() != 5 || b.Memory() != 0 || b.BlockEnd() != 77 {
		t.Errorf("%+v", b)
	}
	b.Append(Chunk{From: 77, To: 80, Data: streamed(77, 3)})
	if c, ok := b.From(78); !ok || !bytes.Equal(heldFrom(b, c), streamed(78, 2)) {
		t.Errorf("%v %v", c, ok)
	}
}

func TestBlocksRefuse(t *testing.T) {
	full := func() *BlockLog {
		b := NewBlocks(9, 2, AllocJemalloc, false)
		b.Append(Chunk{From: 2, To: 50_000})
		return b
	}
	pieces := func(n ...int64) func() {
		return func() { NewBlocks(9, 1, AllocJemalloc, false).AppendPieces(Chunk{From: 1, To: 11}, n) }
	}
	for name, f := range map[string]func(){
		"gap":         func() { full().Append(Chunk{From: 50_001, To: 50_002}) },
		"backwards":   func() { full().Append(Chunk{From: 50_000, To: 49_999}) },
		"no bytes":    func() { NewBlocks(9, 1, AllocJemalloc, true).Append(Chunk{From: 1, To: 2}) },
		"few bytes":   func() { NewBlocks(9, 1, AllocJemalloc, true).Append(Chunk{From: 1, To: 3, Data: []byte("a")}) },
		"wrong bytes": func() { NewBlocks(9, 1, AllocJemalloc, false).Append(Chunk{From: 1, To: 3, Data: []byte("a")}) },
		"few pieces":  pieces(1, 2),
		"long pieces": pieces(5, 6),
		"piece of -1": pieces(11, -1),
		"size 0":      func() { NewBlocks(0, 1, AllocJemalloc, false) },
		"resize to 0": func() { full().Resize(0) },
		"below first": func() { b := full(); b.Attach(b.First() - 1) },
		"behind next": func() { full().Attach(50_001) },
		"ahead":       func() { b := full(); b.Advance(b.Attach(50_000), 50_001) },
		"nobody":      func() { full().Used(1) },
		"gone":        func() { b := full(); id := b.Attach(50_000); b.Release(id); b.Release(id) },
	} {
		func() {
			defer func() {
				if why, _ := recover().(string); !strings.HasPrefix(why, "model: ") {
					t.Errorf("%s: panic %q", name, why)
				}
			}()
			f()
		}()
	}
}

package model

import (
	"fmt"
	"testing"
)

// What live servers showed of their blocks.

// The sizes that real servers gave (facts 2.3).
func TestAllocatorGivesWhatServersGot(t *testing.T) {
	for _, c := range []struct {
		alloc       Allocator
		ask, usable int64
	}{
		{AllocJemalloc, 1, 8}, {AllocJemalloc, 9, 16}, {AllocJemalloc, 128, 128}, {AllocJemalloc, 129, 160},
		{AllocJemalloc, 160, 160}, {AllocJemalloc, 16384, 16384}, {AllocJemalloc, 16385, 20480},
		{AllocJemalloc, 16384 + 40, 20480}, {AllocJemalloc, 20480, 20480}, {AllocJemalloc, 20481, 24576},
		{AllocJemalloc, 65536 + 40, 81920}, {AllocJemalloc, 1 << 30, 1 << 30}, {AllocJemalloc, 1<<30 + 1, 5 << 28},
		{AllocLibc, 1, 24}, {AllocLibc, 24, 24}, {AllocLibc, 25, 40}, {AllocLibc, 16384 + 40, 16384 + 40},
		{AllocLibc, 16384 + 41, 16384 + 56},
	} {
		if got := c.alloc.Usable(c.ask); got != c.usable {
			t.Errorf("allocator %d: %d bytes give %d, want %d", c.alloc, c.ask, got, c.usable)
		}
	}
}

// feedCommand feeds one RESP command as a master does, and ends the turn.
func feedCommand(b *BlockLog, args ...int) {
	pieces := []int64{int64(len(fmt.Sprintf("*%d\r\n", len(args))))}
	sum := pieces[0]
	for _, n := range args {
		head := int64(len(fmt.Sprintf("$%d\r\n", n)))
		pieces = append(pieces, head, int64(n), 2)
		sum += head + int64(n) + 2
	}
	b.AppendPieces(Chunk{From: b.Next(), To: b.Next() + Offset(sum)}, pieces)
	b.Turn()
}

// What a redis-server 7.0.15 with jemalloc said in INFO and CLIENT LIST, write
// by write: SET of a key of one byte and values of these lengths, repl-backlog-size
// 1mb, a replica that reads everything at once until it goes.
func TestBlocksAsInfoShowsThem(t *testing.T) {
	b := NewBlocks(1<<20, 1, AllocJemalloc, false)
	replica := b.AttachNext()
	attached := true
	b.Append(Chunk{From: 1, To: 24}) // SELECT 0
	for _, c := range []struct {
		values, length int // this many writes of this length
		size           int64
		leave          bool
		mro, first, histlen,
		total, backlog, slaves, uncounted,
		omem int64
	}{
		{1, 1000, 1 << 20, false, 1052, 1, 1052, 20504, 20508, 0, 0, 20504},
		{1, 16384, 1 << 20, false, 17466, 1, 17466, 20504, 20508, 0, 0, 20504},
		{1, 16385, 1 << 20, false, 33881, 1, 33881, 41008, 41012, 0, 0, 20504},
		{1, 20000, 1 << 20, false, 53911, 1, 53911, 61512, 61516, 0, 0, 20504},
		{1, 20440, 1 << 20, false, 74381, 1, 74381, 82016, 82020, 0, 0, 20504},
		{1, 30000, 1 << 20, false, 104411, 1, 104411, 106616, 106620, 0, 0, 24600},
		{1, 65536, 1 << 20, false, 169977, 1, 169977, 172176, 172180, 0, 0, 65560},
		{1, 65537, 1 << 20, false, 235544, 1, 235544, 237736, 237740, 0, 0, 65560},
		{1, 100000, 1 << 20, false, 335575, 1, 335575, 340184, 340188, 0, 0, 20504},
		{1, 200000, 1 << 20, false, 535606, 1, 535606, 536864, 536868, 0, 0, 32792},
		{1, 1000000, 1 << 20, false, 1535638, 421489, 1114150, 1118568, 1048580, 69992, 65832, 20504},
		{0, 0, 1 << 20, true, 1535638, 421489, 1114150, 1118568, 1118572, 0, 65832, 0},
		{1, 3000000, 1 << 20, true, 4535670, 3422337, 1113334, 1114448, 1114452, 0, 61712, 0},
		{3000, 900, 1 << 20, true, 7319670, 6252849, 1066822, 1086712, 1086728, 0, 33976, 0},
		{2000, 900, 20 << 20, true, 9175670, 6252849, 2922822, 2932072, 2932112, 0, 0, 0},
		{1000, 900, 20 << 20, true, 10103670, 6252849, 3850822, 3875256, 3875312, 0, 0, 0},
		{3000, 900, 20 << 20, true, 12887670, 6252849, 6634822, 6663800, 6663888, 0, 0, 0},
		{5000, 900, 20 << 20, true, 17527670, 6252849, 11274822, 11318208, 11318344, 0, 0, 0},
		{10000, 900, 20 << 20, true, 26807670, 6252849, 20554822, 20627024, 20627296, 0, 0, 0},
		{5000, 900, 20 << 20, true, 31447670, 10463489, 20984182, 21057608, 21057880, 0, 4104, 0},
		{5000, 900, 20 << 20, true, 36087670, 15103369, 20984302, 21057608, 21057880, 0, 4104, 0},
		{9000, 900, 20 << 20, true, 44439670, 23463329, 20976342, 21057608, 21057880, 0, 4104, 0},
	} {
		if c.leave && attached {
			b.Release(replica)
			attached = false
		}
		b.Resize(c.size)
		for range c.values {
			feedCommand(b, 3, 1, c.length)
			if attached {
				b.Advance(replica, b.Next())
				b.Turn()
			}
		}
		omem := int64(0)
		if attached {
			omem = b.Used(replica)
		}
		got := fmt.Sprint(int64(b.Next()-1), b.First(), b.Len(), b.Memory(), b.BacklogMemory(attached),
			b.ReplicaMemory(attached), b.UncountedMemory(), omem)
		want := fmt.Sprint(c.mro, c.first, c.histlen, c.total, c.backlog, c.slaves, c.uncounted, c.omem)
		if got != want {
			t.Fatalf("after %d values of %d: offset, first, histlen, total, backlog, slaves, not counted, omem\n%s, server\n%s",
				c.values, c.length, got, want)
		}
	}
}

// The ranges of facts 2.4, each measured on 7.0.15: the least and the most
// history once it is full, and the steps of its first byte.
func TestBlocksSteadyState(t *testing.T) {
	for _, c := range []struct {
		size, least, most int64 // the limits of what one write more can show
	}{
		{1 << 20, 1<<20 + 1, 1<<20 + 20440},
		{16384, 16385, 36824},
		{1, 2, 20441}, // "the last block", never one byte
	} {
		b := NewBlocks(c.size, 1, AllocJemalloc, false)
		least, most, first := int64(1<<40), int64(0), b.First()
		for i := range 60_000 {
			feedCommand(b, 3, 1, 1)
			if i < 50_000 {
				first = b.First()
				continue
			}
			least, most = min(least, b.Len()), max(most, b.Len())
			if step := b.First() - first; step != 0 && step != 20440 {
				t.Fatalf("size %d: the first byte moves by %d", c.size, step)
			}
			first = b.First()
		}
		if least < c.least || least > c.least+27 || most > c.most || most < c.most-27 {
			t.Errorf("size %d: %d to %d bytes, want %d to %d", c.size, least, most, c.least, c.most)
		}
	}
}

// Shrinking takes 64 blocks at once, then a turn what is left (facts 2.5).
func TestBlocksShrink(t *testing.T) {
	b := NewBlocks(1<<20, 1, AllocJemalloc, false)
	b.Append(Chunk{From: 1, To: 463074})
	b.Resize(100 << 10)
	if b.Len() != 463073-17*20440 {
		t.Errorf("%d bytes, server 115593", b.Len())
	}
	if b.Resize(10 << 20); b.First() != 17*20440+1 {
		t.Errorf("first %d after growing", b.First())
	}
}

// One stuck replica keeps the history for everybody; when it goes, the history
// collapses: 64 blocks at once, 640 with each turn (facts 2.4).
func TestBlocksLaggard(t *testing.T) {
	b := NewBlocks(64<<10, 1, AllocJemalloc, false)
	b.Append(Chunk{From: 1, To: 1 << 20})
	stuck, first := b.Attach(b.Next()-1000), b.First()
	quick := b.AttachNext()
	for range 30 {
		b.Append(Chunk{From: b.Next(), To: b.Next() + 1_000_000})
		b.Advance(quick, b.Next())
		b.Turn()
	}
	if held := int64(1<<20) - 1000 - int64(b.First()); held < 0 || held >= 20440 || b.First() < first {
		t.Fatalf("first %d, the stuck replica wants %d", b.First(), 1<<20-1000)
	}
	if b.Used(quick) != 20504 || b.Used(stuck) < 30_000_000 {
		t.Errorf("used: %d and %d", b.Used(quick), b.Used(stuck))
	}
	before := b.First()
	if _, ok := b.From(b.Next() - 20_000_000); !ok {
		t.Error("20 MB back refused")
	}
	b.Release(stuck)
	for i, want := range []int64{64, 640, 640} {
		if got := int64(b.First()-before) / 20440; got != want {
			t.Errorf("step %d: %d blocks gone, want %d", i, got, want)
		}
		before = b.First()
		if more := b.Turn(); more != (i < 2) {
			t.Errorf("step %d: more %v", i, more)
		}
	}
	if b.Len() <= 64<<10 || b.Len() > 64<<10+20440 {
		t.Errorf("%d bytes are left", b.Len())
	}
}

package model

import "testing"

// What blocks cost.

func TestBlocksAllocateNothing(t *testing.T) {
	for _, bytes := range []bool{false, true} {
		b := NewBlocks(1<<20, 1, AllocJemalloc, bytes)
		id := b.AttachNext()
		data := make([]byte, 100_000)
		if !bytes {
			data = nil
		}
		pieces := []int64{30_000, 5, 69_995}
		step := func() {
			b.Append(Chunk{From: b.Next(), To: b.Next() + 100_000, Data: data})
			b.Advance(id, b.Next())
			b.AppendPieces(Chunk{From: b.Next(), To: b.Next() + 100_000, Data: data}, pieces)
			b.Turn()
			b.BacklogMemory(true)
			b.Release(id)
			id = b.Attach(b.First())
		}
		for range 1000 {
			step()
		}
		// Blocks of many sizes: some buffers do not fit the next block.
		most := 0.0
		if bytes {
			most = 6
		}
		if n := testing.AllocsPerRun(1000, step); n > most {
			t.Errorf("bytes %v: %v allocations a step", bytes, n)
		}
	}
	b := NewBlocks(1<<20, 1, AllocJemalloc, true)
	data := make([]byte, 100_000)
	step := func() { b.Append(Chunk{From: b.Next(), To: b.Next() + 100_000, Data: data}) }
	for range 100 {
		step()
	}
	if n := testing.AllocsPerRun(1000, step); n != 0 {
		t.Errorf("%v allocations an append of bytes", n)
	}
}

func BenchmarkBlocks(b *testing.B) {
	for _, c := range []struct {
		name    string
		chunk   int64
		bytes   bool
		readers int
	}{
		{"lengths/16KiB", 16 << 10, false, 0},
		{"lengths/1GiB", 1 << 30, false, 0},
		{"lengths/16KiB/reader", 16 << 10, false, 1},
		{"lengths/16KiB/10readers", 16 << 10, false, 10},
		{"lengths/1GiB/reader", 1 << 30, false, 1},
		{"bytes/16KiB", 16 << 10, true, 0},
	} {
		b.Run(c.name, func(b *testing.B) {
			log := NewBlocks(1<<20, 1, AllocJemalloc, c.bytes)
			var data []byte
			if c.bytes {
				data = make([]byte, c.chunk)
				b.SetBytes(c.chunk)
			}
			var ids []ReaderID
			for range c.readers {
				ids = append(ids, log.AttachNext())
			}
			b.ReportAllocs()
			for b.Loop() {
				log.Append(Chunk{From: log.Next(), To: log.Next() + Offset(c.chunk), Data: data})
				for _, id := range ids {
					log.Advance(id, log.Next())
				}
				log.Turn()
			}
		})
	}
}

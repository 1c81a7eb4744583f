package model

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// naive is a backlog as one would explain it: the newest bytes of a slice.
type naive struct {
	size int
	next Offset
	held []byte
}

func (n *naive) append(p []byte) {
	n.held = append(n.held, p...)
	n.held = n.held[max(0, len(n.held)-n.size):]
	n.next += Offset(len(p))
}

func (n *naive) resize(size int) {
	if size != n.size {
		n.size, n.held = size, nil
	}
}

// Whatever is written, in whatever pieces, and however often the size changes,
// a ring of bytes and one of lengths hold what the naive one holds.
func TestRingHoldsTheNewestBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 20).Draw(t, "size")
		next := Offset(rapid.Int64Range(1, 3).Draw(t, "next"))
		full := NewRing(int64(size), next, true)
		lengths := NewRing(int64(size), next, false)
		want := &naive{size: size, next: next}
		fresh := byte(0)
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				p := make([]byte, rapid.IntRange(0, 50).Draw(t, "bytes"))
				for i := range p {
					fresh++
					p[i] = fresh
				}
				c := Chunk{From: want.next, To: want.next + Offset(len(p)), Data: p}
				want.append(p)
				full.Append(c)
				c.Data = nil
				lengths.Append(c)
			},
			"resize": func(t *rapid.T) {
				size := rapid.IntRange(1, 20).Draw(t, "size")
				want.resize(size)
				full.Resize(int64(size))
				lengths.Resize(int64(size))
			},
			"": func(t *rapid.T) { compareRings(t, full, lengths, want) },
		})
	})
}

func compareRings(t *rapid.T, full, lengths *RingLog, want *naive) {
	first := want.next - Offset(len(want.held))
	for _, r := range []*RingLog{full, lengths} {
		if r.First() != first || r.Next() != want.next || r.Len() != int64(len(want.held)) || r.Size() != int64(want.size) {
			t.Fatalf("holds [%d, %d), %d of %d bytes; want [%d, %d), %d of %d", r.First(), r.Next(), r.Len(), r.Size(),
				first, want.next, len(want.held), want.size)
		}
	}
	if full.idx != lengths.idx || full.idx < 0 || full.idx >= full.size || lengths.store.parts != nil {
		t.Fatalf("idx %d with bytes, %d without", full.idx, lengths.idx)
	}
	for at := first - 2; at <= want.next+2; at++ {
		inside := at >= first && at <= want.next
		c, ok := full.From(at)
		l, okLengths := lengths.From(at)
		if ok != inside || okLengths != inside {
			t.Fatalf("from %d: %v with bytes, %v without, want %v", at, ok, okLengths, inside)
		}
		if !inside {
			continue
		}
		if data := heldFrom(full, c); !bytes.Equal(data, want.held[at-first:]) || c.Data != nil || len(lengths.Parts(nil, at)) > 0 {
			t.Fatalf("from %d: %v, want %v", at, data, want.held[at-first:])
		}
		for _, c := range []Chunk{c, l} {
			if c.From != at || c.To != want.next || c.Bound != c.To {
				t.Fatalf("from %d: %+v", at, c)
			}
		}
	}
}

// idx does not depend on how the stream was cut; with it, nor does anything.
func TestRingIgnoresTheCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(1, 20).Draw(t, "size")
		p := rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "stream")
		cut := rapid.IntRange(1, 60).Draw(t, "cut")
		one, many := NewRing(size, 1, true), NewRing(size, 1, true)
		for i := range p {
			one.Append(Chunk{From: one.Next(), To: one.Next() + 1, Data: p[i : i+1]})
		}
		for rest := p; len(rest) > 0; {
			n := min(cut, len(rest))
			many.Append(Chunk{From: many.Next(), To: many.Next() + Offset(n), Data: rest[:n]})
			rest = rest[n:]
		}
		if one.idx != many.idx || one.histlen != many.histlen || !bytes.Equal(all(one), all(many)) {
			t.Fatalf("byte by byte %+v\nin pieces of %d %+v", one, cut, many)
		}
	})
}

// all is what a history holds.
func all(b Backlog) []byte {
	c, _ := b.From(b.First())
	return heldFrom(b, c)
}

// heldFrom is the bytes of what From gave.
func heldFrom(b Backlog, c Chunk) (data []byte) {
	at := c.From
	for _, p := range b.Parts(nil, c.From) {
		if p.From != at || p.Bytes() != int64(len(p.Data)) {
			panic("model: parts that do not follow each other")
		}
		data, at = append(data, p.Data...), p.To
	}
	if at != c.To {
		panic("model: parts that are not all of it")
	}
	return data
}

// What Parts gives stays while its page is held, whatever is written later and even when
// the history is gone.
func TestRingLendsPages(t *testing.T) {
	r := NewRing(4, 1, true)
	r.Append(Chunk{From: 1, To: 5, Data: []byte("abcd")})
	p := r.Parts(nil, 2)
	p[0].Page.Hold()
	for range 3 * ownPage / 4 {
		r.Append(Chunk{From: r.Next(), To: r.Next() + 4, Data: []byte("efgh")})
	}
	if r.Free(); len(p) != 1 || string(p[0].Data) != "bcd" {
		t.Errorf("%d parts, the first %q", len(p), p[0].Data)
	}
	p[0].Page.Release()
}

func TestRingAllocatesLate(t *testing.T) {
	if r := NewRing(1<<40, 1, true); r.store.parts != nil {
		t.Error("allocated before the first byte")
	}
	r := NewRing(1<<40, 1, false)
	if n := testing.AllocsPerRun(100, func() {
		r.Append(Chunk{From: r.Next(), To: r.Next() + 1<<38})
		r.From(r.Next() - 5)
	}); n != 0 {
		t.Errorf("%v allocations an append of lengths", n)
	}
}

func TestRingRefuses(t *testing.T) {
	for name, f := range map[string]func(){
		"gap":         func() { NewRing(9, 1, false).Append(Chunk{From: 2, To: 3}) },
		"overlap":     func() { NewRing(9, 2, false).Append(Chunk{From: 1, To: 3}) },
		"backwards":   func() { NewRing(9, 2, false).Append(Chunk{From: 2, To: 1}) },
		"no bytes":    func() { NewRing(9, 1, true).Append(Chunk{From: 1, To: 2}) },
		"few bytes":   func() { NewRing(9, 1, true).Append(Chunk{From: 1, To: 3, Data: []byte("a")}) },
		"wrong bytes": func() { NewRing(9, 1, false).Append(Chunk{From: 1, To: 3, Data: []byte("a")}) },
		"size 0":      func() { NewRing(0, 1, false) },
		"resize to 0": func() { NewRing(9, 1, false).Resize(0) },
		"broken":      func() { (&RingLog{size: 4, histlen: -9}).Append(Chunk{From: -9, To: -8}) },
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

func BenchmarkRing(b *testing.B) {
	const size, chunk = 1 << 20, 16 << 10
	for _, c := range []struct {
		name string
		data []byte
	}{
		{"lengths", nil},
		{"bytes", make([]byte, chunk)},
	} {
		b.Run(c.name, func(b *testing.B) {
			r := NewRing(size, 1, c.data != nil)
			if c.data != nil {
				b.SetBytes(chunk)
			}
			b.ReportAllocs()
			for b.Loop() {
				r.Append(Chunk{From: r.Next(), To: r.Next() + chunk, Data: c.data})
			}
		})
	}
}

package model

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// storeTest keeps a stream in two stores that share pages, and as plain bytes.
type storeTest struct {
	all    []byte
	first  [2]int
	stores [2]Store
	pages  Pages
	page   *Page
}

// A store holds what was appended, from what was dropped on, wherever the bytes came
// from; and a page comes again only when nobody holds it.
func TestStoreHoldsTheStream(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := &storeTest{}
		t.Repeat(map[string]func(*rapid.T){
			"append": x.append,
			"drop": func(t *rapid.T) {
				i := rapid.IntRange(0, 1).Draw(t, "store")
				x.first[i] = rapid.IntRange(x.first[i], len(x.all)).Draw(t, "first")
				x.stores[i].Drop(Offset(x.first[i]))
			},
			"reset": func(t *rapid.T) {
				i := rapid.IntRange(0, 1).Draw(t, "store")
				x.first[i] = len(x.all)
				x.stores[i].Reset()
			},
			"": x.check,
		})
	})
}

func (x *storeTest) append(t *rapid.T) {
	data := rapid.SliceOfN(rapid.Byte(), 1, 60).Draw(t, "data")
	c := Chunk{From: Offset(len(x.all)), To: Offset(len(x.all) + len(data)), Data: data}
	switch rapid.IntRange(0, 3).Draw(t, "from") {
	case 0: // copied
	case 1: // a large piece of its own
		data = bytes.Repeat(data, 1000)
		c.To, c.Data = c.From+Offset(len(data)), data
	default:
		if x.page == nil || x.page.Room() < len(data) {
			if x.page != nil {
				x.page.Release()
			}
			x.page = x.pages.Take(100)
		}
		c.Page, c.Data = x.page, x.page.Write(func(b []byte) []byte { return append(b, data...) })
	}
	x.all = append(x.all, data...)
	for i := range x.stores {
		x.stores[i].Append(c)
	}
}

func (x *storeTest) check(t *rapid.T) {
	for i := range x.stores {
		s := &x.stores[i]
		if at, ok := s.First(); ok != (x.first[i] < len(x.all)) || ok && int(at) != x.first[i] {
			t.Fatalf("begins at %d, %v; want %d of %d", at, ok, x.first[i], len(x.all))
		}
		got := make([]byte, len(x.all)-x.first[i]+1)
		if n := s.Read(Offset(x.first[i]), got); !bytes.Equal(got[:n], x.all[x.first[i]:]) {
			t.Fatalf("store %d from %d: %q", i, x.first[i], got[:n])
		}
		for at := x.first[i]; at < len(x.all); {
			c := s.Piece(Offset(at))
			if len(c.Data) == 0 || !bytes.Equal(c.Data, x.all[at:c.To]) {
				t.Fatalf("piece from %d to %d: %q", at, c.To, c.Data)
			}
			at = int(c.To)
		}
	}
}

// What waits in front of a chunk is joined with it, shared or copied.
func TestHeldJoins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h held
		var want, spare []byte
		var pages Pages
		page := pages.Take(200)
		for range rapid.IntRange(1, 30).Draw(t, "chunks") {
			data := rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "data")
			c := Chunk{Data: data}
			if rapid.IntRange(0, 3).Draw(t, "copied") > 0 {
				if page.Room() < len(data) {
					page.Release()
					page = pages.Take(200)
				}
				c.Page, c.Data = page, page.Write(func(b []byte) []byte { return append(b, data...) })
			}
			want = append(want, data...)
			if rapid.Bool().Draw(t, "whole") {
				n := rapid.IntRange(0, len(data)).Draw(t, "n")
				cut := len(want) - len(data) + n
				got, _ := h.join(&c, n, &spare)
				if !bytes.Equal(got, want[:cut]) {
					t.Fatalf("joined %q, want %q", got, want[:cut])
				}
				want = want[cut:]
			} else {
				h.add(&c)
			}
			if !bytes.Equal(h.data, want) {
				t.Fatalf("%q waits, want %q", h.data, want)
			}
		}
		h.drop()
		if page.holds != 1 || len(h.data) != 0 {
			t.Fatalf("%d hold the page", page.holds)
		}
	})
}

// A page that is used again has room for what was asked for: where pieces end does not hang
// on what its memory was before.
func TestPageRoom(t *testing.T) {
	var pages Pages
	p := pages.Take(100)
	p.Write(func(b []byte) []byte { return append(b, "before"...) })
	p.Release()
	for _, n := range []int{40, 100, 7} {
		again := pages.Take(n)
		if again != p || again.Room() != n {
			t.Errorf("asked for %d: room for %d, the same %v", n, again.Room(), again == p)
		}
		again.Write(func(b []byte) []byte { return append(b, make([]byte, n)...) })
		if again.Room() != 0 {
			t.Errorf("full, and room for %d", again.Room())
		}
		again.Release()
	}
	if larger := pages.Take(101); larger == p || larger.Room() != 101 {
		t.Errorf("asked for 101: room for %d", larger.Room())
	}
}

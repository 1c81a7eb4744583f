package model

// Page is memory into which pieces of a stream are written once, one behind the other.
// What is written stays as it is while anybody holds the page: the backlogs of a master
// and of its replicas, and the connections in between, then share one copy of the stream.
type Page struct {
	bytes []byte // written; there is room up to its capacity
	holds int    // how many keep a part of it
	home  *Pages
	all   []byte // its memory
}

// Pages gives pages out, and again those that nobody holds any more. The zero value is
// ready.
type Pages struct{ free []*Page }

// Take is an empty page with room for n bytes, and no more, whatever it had room for before.
// Whoever took it holds it. A page that lies ready and is too small is forgotten: there are
// never more than were held at once.
func (p *Pages) Take(n int) *Page {
	if last := len(p.free) - 1; last >= 0 {
		page := p.free[last]
		p.free[last] = nil
		p.free = p.free[:last]
		if len(page.all) >= n {
			page.bytes, page.holds = page.all[:0:n], 1
			return page
		}
	}
	all := make([]byte, n)
	return &Page{bytes: all[:0], holds: 1, home: p, all: all}
}

// Room is how many bytes may still be written.
func (p *Page) Room() int { return cap(p.bytes) - len(p.bytes) }

// Write has a function append bytes to what the page holds, no more than there is room
// for, and gives them.
func (p *Page) Write(more func(dst []byte) []byte) []byte {
	n := len(p.bytes)
	b := more(p.bytes)
	if cap(b) != cap(p.bytes) {
		panic("model: a page has no room for what was written")
	}
	p.bytes = b
	return b[n:]
}

// Hold keeps the page until as many calls of Release.
func (p *Page) Hold() { p.holds++ }

// Release: see Hold.
func (p *Page) Release() {
	switch p.holds--; {
	case p.holds == 0:
		p.home.free = append(p.home.free, p)
	case p.holds < 0:
		panic("model: a page was given back twice")
	}
}

// Store keeps the bytes [First, Next) of a stream. What lies in a page is held there,
// anything else is copied. The zero value is ready, and begins with what is appended first.
type Store struct {
	parts []storePart // oldest first, without gaps; from head on
	head  int
	own   Pages // for what is copied
	page  *Page // into which it goes now
}

// storePart is a piece of the stream in one page.
type storePart struct {
	from Offset
	data []byte
	page *Page
}

func (x *storePart) end() Offset { return x.from + Offset(len(x.data)) }

// ownPage is how many bytes a store copies into one page.
const ownPage = 16 << 10

// follows says that b lies right behind a in their page.
func follows(a, b []byte) bool { return cap(a)-len(a) == cap(b) && cap(b) > 0 }

// Append adds a chunk with bytes.
func (s *Store) Append(c Chunk) {
	if len(s.parts) > s.head && s.parts[len(s.parts)-1].end() != c.From {
		panic("model: chunk does not continue what is stored")
	}
	if c.Page != nil {
		s.add(c.From, c.Data, c.Page)
		return
	}
	for data := c.Data; len(data) > 0; {
		if s.page == nil || s.page.Room() == 0 {
			if s.page != nil {
				s.page.Release()
			}
			s.page = s.own.Take(ownPage)
		}
		n := min(len(data), s.page.Room())
		s.add(c.To-Offset(len(data)), s.page.Write(func(b []byte) []byte { return append(b, data[:n]...) }), s.page)
		data = data[n:]
	}
}

func (s *Store) add(from Offset, data []byte, page *Page) {
	if len(data) == 0 {
		return
	}
	if n := len(s.parts); n > s.head {
		if x := &s.parts[n-1]; x.page == page && follows(x.data, data) {
			x.data = x.data[:len(x.data)+len(data)]
			return
		}
	}
	if s.head > len(s.parts)/2 {
		n := copy(s.parts, s.parts[s.head:])
		clear(s.parts[n:])
		s.parts, s.head = s.parts[:n], 0
	}
	page.Hold()
	s.parts = append(s.parts, storePart{from, data, page})
}

// Drop forgets what is before an offset.
func (s *Store) Drop(first Offset) {
	for s.head < len(s.parts) && s.parts[s.head].end() <= first {
		s.parts[s.head].page.Release()
		s.parts[s.head] = storePart{}
		s.head++
	}
	if s.head < len(s.parts) {
		if x := &s.parts[s.head]; x.from < first {
			x.from, x.data = first, x.data[first-x.from:]
		}
	}
}

// First is the offset of the oldest byte that is stored; ok is false when there is none.
func (s *Store) First() (at Offset, ok bool) {
	if s.head == len(s.parts) {
		return 0, false
	}
	return s.parts[s.head].from, true
}

// Reset forgets everything but the memory it holds. What is copied next goes into a page
// of its own: where pieces end does not hang on what was stored before.
func (s *Store) Reset() {
	if s.page != nil {
		s.page.Release()
		s.page = nil
	}
	s.Drop(1<<63 - 1)
	s.parts, s.head = s.parts[:0], 0
}

// Piece is what is stored from an offset on in one page; no bytes outside of what is stored.
func (s *Store) Piece(at Offset) Chunk {
	i := s.find(at)
	if i < 0 {
		return Chunk{From: at, To: at}
	}
	x := &s.parts[i]
	return Chunk{From: at, To: x.end(), Data: x.data[at-x.from:], Page: x.page}
}

// Parts appends what is stored from an offset on, page by page.
func (s *Store) Parts(dst []Chunk, at Offset) []Chunk {
	for i := s.find(at); i >= 0 && i < len(s.parts); i++ {
		x := &s.parts[i]
		from := max(at, x.from)
		dst = append(dst, Chunk{From: from, To: x.end(), Data: x.data[from-x.from:], Page: x.page})
	}
	return dst
}

// Read copies what is stored from an offset on into p and gives the number of bytes.
func (s *Store) Read(at Offset, p []byte) (done int) {
	for i := s.find(at); i >= 0 && i < len(s.parts) && done < len(p); i++ {
		x := &s.parts[i]
		done += copy(p[done:], x.data[max(at-x.from, 0):])
	}
	return done
}

// find is the part that holds an offset, -1 without one.
func (s *Store) find(at Offset) int {
	lo, hi := s.head, len(s.parts)
	for lo < hi {
		if mid := int(uint(lo+hi) / 2); s.parts[mid].end() > at {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	if lo == len(s.parts) || s.parts[lo].from > at {
		return -1
	}
	return lo
}

// held is bytes that wait in a page, or in memory of their own.
type held struct {
	data []byte
	page *Page
	own  []byte
}

// drop forgets them.
func (h *held) drop() { h.keep(nil, nil) }

// keep replaces them.
func (h *held) keep(data []byte, page *Page) {
	if len(data) == 0 {
		page = nil
	}
	if page != nil {
		page.Hold()
	}
	if h.page != nil {
		h.page.Release()
	}
	if h.page = page; page == nil {
		h.own = append(h.own[:0], data...)
		data = h.own
	}
	h.data = data
}

// adjoins says that the bytes of a chunk lie right behind these.
func (h *held) adjoins(c *Chunk) bool {
	return c.Page != nil && (len(h.data) == 0 || h.page == c.Page && follows(h.data, c.Data))
}

// add adds the bytes of a chunk.
func (h *held) add(c *Chunk) {
	switch {
	case !h.adjoins(c):
		data := append(h.own[:0], h.data...)
		h.keep(nil, nil)
		h.own = append(data, c.Data...)
		h.data = h.own
	case len(h.data) == 0:
		h.keep(c.Data, c.Page)
	default:
		h.data = h.data[:len(h.data)+len(c.Data)]
	}
}

// join is these bytes and the first n of a chunk as one piece, valid while the chunk is
// and until the next call; its other bytes are kept instead. It is copied to spare
// only if it does not lie in one page.
func (h *held) join(c *Chunk, n int, spare *[]byte) (data []byte, page *Page) {
	if h.adjoins(c) {
		if data = c.Data[:n]; len(h.data) > 0 {
			data = h.data[:len(h.data)+n]
		}
		h.keep(c.Data[n:], c.Page)
		return data, c.Page
	}
	data = append(append((*spare)[:0], h.data...), c.Data[:n]...)
	*spare = data
	h.keep(c.Data[n:], c.Page)
	return data, nil
}

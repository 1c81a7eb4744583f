package tcp

// Range is a piece of the sequence space, [From, To).
type Range struct{ From, To int64 }

// Flags of a segment.
type Flags uint8

// The flags.
const (
	SYN Flags = 1 << iota
	ACK
	FIN
	RST
	PSH
)

// Segment is what travels. Sequence numbers do not wrap: each side's SYN has
// number 0, its first byte number 1, its FIN the one behind the last byte.
type Segment struct {
	Seq, End     int64 // SYN and FIN take one number each
	Ack          int64
	Window       int64 // bytes, scaled already
	TSVal, TSEcr int64 // timestamps, milliseconds (RFC 7323)
	Flags        Flags
	Again        bool // a retransmission
	Sacks        uint8
	Sack         [3]Range // a D-SACK first (RFC 2883); timestamps leave room for three

	arrives Time
	sent    Time
}

// Payload is the number of stream bytes that a segment carries.
func (s *Segment) Payload() int64 {
	n := s.End - s.Seq
	if s.Flags&SYN != 0 {
		n--
	}
	if s.Flags&FIN != 0 {
		n--
	}
	return n
}

// ring is a queue in one piece of memory that is used again.
type ring[T any] struct {
	buf  []T // its length is a power of two
	head int
	n    int
	base int64 // number of the first item
}

func (r *ring[T]) clear() { r.head, r.n, r.base = 0, 0, 0 }

// at is item i from the front.
func (r *ring[T]) at(i int) *T { return &r.buf[(r.head+i)&(len(r.buf)-1)] }

// get is the item with a number that stays its own.
func (r *ring[T]) get(number int64) *T { return r.at(int(number - r.base)) }

// end is the number of the next item.
func (r *ring[T]) end() int64 { return r.base + int64(r.n) }

func (r *ring[T]) push() *T {
	if r.n == len(r.buf) {
		r.grow()
	}
	r.n++
	return r.at(r.n - 1)
}

func (r *ring[T]) pop() {
	r.head = (r.head + 1) & (len(r.buf) - 1)
	r.n--
	r.base++
}

func (r *ring[T]) grow() {
	buf := make([]T, max(16, 2*len(r.buf)))
	for i := range r.n {
		buf[i] = *r.at(i)
	}
	r.buf, r.head = buf, 0
}

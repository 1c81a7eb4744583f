package pcap

import (
	"psyncsim/model"
	"psyncsim/sim"
	"psyncsim/sim/tcp"
)

// content is what one side of a connection of segments has sent: the segments name
// bytes by number, and whoever writes them down must know what they are.
type content struct {
	first  int64 // sequence number of the first byte that is kept
	pieces []piece
	end    int64 // behind the last
}

// piece is bytes that were handed over together; data is nil when they are not
// carried.
type piece struct {
	from, to int64
	data     []byte
}

// remember is how many bytes behind the last acknowledged one are kept: what is
// sent twice may come late.
const remember = 8 << 20

func (t *content) add(n int64, data []byte) {
	if t.end == 0 {
		t.first, t.end = 1, 1
	}
	t.pieces = append(t.pieces, piece{t.end, t.end + n, data})
	t.end += n
}

// forget drops what lies far before an acknowledgement.
func (t *content) forget(acked int64) {
	i := 0
	for i < len(t.pieces) && t.pieces[i].to < acked-remember {
		i++
	}
	if i > 1024 {
		t.pieces = append(t.pieces[:0], t.pieces[i:]...)
	}
}

// bytes are those of [from, to). What lies behind the last byte that is carried is
// only counted.
func (t *content) bytes(from, to int64) (data []byte, cut int64) {
	lo, hi := 0, len(t.pieces)
	for lo < hi {
		if mid := (lo + hi) / 2; t.pieces[mid].to > from {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	at, carried := from, from
	for ; lo < len(t.pieces) && at < to; lo++ {
		p := &t.pieces[lo]
		end := min(p.to, to)
		if p.data != nil {
			data = append(data, make([]byte, at-carried)...) // what is not carried, in between
			data = append(data, p.data[at-p.from:end-p.from]...)
			carried = end
		}
		at = end
	}
	if data == nil {
		data = []byte{}
	}
	return data, to - from - int64(len(data))
}

// Segment hears a segment of a connection that is played segment by segment
// (sim.World.TapSegments).
func (c *Capture) Segment(number, dialer, acceptor int, at tcp.Time, point tcp.Point, side int, s *tcp.Segment, _ tcp.Fate) {
	if c.o.Point != dialer && c.o.Point != acceptor {
		return
	}
	now := model.Instant(at)
	c.now = max(c.now, now)
	k, known := c.conns[number]
	if !known {
		k = c.newConn(&sim.Signal{Conn: number, Dialer: dialer, Acceptor: acceptor})
	}
	if k == nil {
		return
	}
	k.segments = true
	from, to := &k.sides[side], &k.sides[1-side]
	from.next = max(from.next, s.End)
	leaves := point == tcp.Sent && side == k.captured
	if !leaves && (point != tcp.Arrived || side == k.captured) {
		return
	}
	if s.Flags&tcp.ACK != 0 {
		from.heard = max(from.heard, s.Ack)
		to.acked = max(to.acked, s.Ack)
		to.sent.forget(s.Ack)
	}
	p := &Packet{At: now, Src: from.server, Dst: to.server, SrcPort: from.port, DstPort: to.port, ISN: from.isn, PeerISN: to.isn,
		Seq: s.Seq, Ack: s.Ack, Flags: uint8(s.Flags), Window: s.Window, TSVal: s.TSVal, TSEcr: s.TSEcr}
	if n := s.Payload(); n > 0 {
		p.Payload, p.Cut = from.sent.bytes(s.Seq, s.Seq+n)
	}
	for _, r := range s.Sack[:s.Sacks] {
		p.Sack = append(p.Sack, Range{r.From, r.To})
	}
	again, twice := s.Again && leaves, old(s, from.passed)
	from.passed = max(from.passed, s.End)
	c.after(now, func() {
		switch {
		case again:
			c.counts.Retransmitted++
		case twice:
			c.counts.Repeated++
		}
		k.seen(p)
	})
	c.play(c.now - slack)
}

// old says whether a segment brings nothing that lies behind an end.
func old(s *tcp.Segment, end int64) bool { return s.End > s.Seq && s.End <= end }

package pcap

import (
	"time"

	"psyncsim/model"
)

// backOff repeats the first segment that is not acknowledged while the link is
// silent: after 200 ms and a round trip, and twice as long each time (RFC 6298).
func (k *conn) backOff(at model.Instant, from int) {
	s := &k.sides[from]
	s.rtoGen++
	gen, rto, tries := s.rtoGen, rtoMin+2*k.latency, 0
	var fire func(at model.Instant)
	fire = func(at model.Instant) {
		if s.rtoGen != gen || !k.frozen || len(s.out) == 0 || tries >= orphan {
			return
		}
		tries++
		seg := s.out[0]
		k.transmit(at, from, &seg, true)
		rto = min(2*rto, model.Instant(120*time.Second))
		next := at + rto
		k.later(next, func() { fire(next) })
	}
	first := at + rto
	k.later(first, func() { fire(first) })
}

// silent: what is on its way is lost.
func (k *conn) silent(at model.Instant) {
	k.frozen = true
	k.gen++
	for from := range k.sides {
		s := &k.sides[from]
		if s.leaving { // what was being served leaves, and is lost
			s.leaving = false
			s.free = int64(at) * 1000
		}
		s.outstanding(k.sides[1-from].heard)
		if len(s.out) > 0 {
			k.backOff(at, from)
		}
		k.leave(at, from)
	}
}

// outstanding keeps of the segments that were sent those which have not arrived.
func (s *side) outstanding(heard int64) {
	i := 0
	for i < len(s.out) && s.out[i].seq+s.out[i].length() <= heard {
		i++
	}
	s.out = append(s.out[:0], s.out[i:]...)
}

// healed: what has not arrived is sent again, from now on.
func (k *conn) healed(at model.Instant) {
	k.frozen = false
	k.gen++
	for from := range k.sides {
		s := &k.sides[from]
		s.rtoGen++
		s.leaving = false
		s.free = int64(at) * 1000
		var ps int64
		for i := range s.queue {
			s.queue[i].at = at
			ps = max(ps, s.queue[i].ps)
		}
		again := make([]blob, 0, len(s.out)+len(s.queue))
		for _, seg := range s.out {
			again = append(again, blob{at: at, ps: ps, n: seg.n, data: seg.data, fin: seg.fin, again: true, seq: seg.seq})
		}
		s.queue = append(again, s.queue...)
		s.out = s.out[:0]
		k.leave(at, from)
	}
}

// reset: the network tells both ends, each in the name of the other.
func (k *conn) reset(at model.Instant) {
	peer := 1 - k.captured
	s, me := &k.sides[peer], &k.sides[k.captured]
	p := &Packet{At: at, Flags: RST | ACK, Src: s.server, Dst: me.server, SrcPort: s.port, DstPort: me.port, ISN: s.isn, PeerISN: me.isn,
		Seq: me.heard, Ack: me.acked}
	k.seen(p)
	k.end()
}

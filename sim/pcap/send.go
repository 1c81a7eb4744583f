package pcap

import "psyncsim/model"

// put puts bytes on the queue of a side.
func (k *conn) put(at model.Instant, from int, b blob) {
	s := &k.sides[from]
	s.taken += b.n
	s.queue = append(s.queue, b)
	k.leave(at, from)
}

// unsent: of what a side had put on the queue, only the first n bytes are ever sent:
// the rest was in a buffer of the server, and goes with it.
func (k *conn) unsent(from int, n int64) {
	s := &k.sides[from]
	for extra := s.taken - n; extra > 0 && len(s.queue) > 0; {
		b := &s.queue[len(s.queue)-1]
		cut := min(extra, b.n)
		extra, s.taken = extra-cut, s.taken-cut
		if b.n -= cut; b.data != nil {
			b.data = b.data[:b.n]
		}
		if b.n > 0 {
			break
		}
		s.queue = s.queue[:len(s.queue)-1]
	}
}

// fin ends what a side sends, behind the first n bytes of what it had put on the queue.
func (k *conn) fin(at model.Instant, from int, n int64) {
	k.unsent(from, n)
	s := &k.sides[from]
	s.queue = append(s.queue, blob{at: at, fin: true})
	k.leave(at, from)
}

// leave schedules the next departure of a side.
func (k *conn) leave(at model.Instant, from int) {
	s := &k.sides[from]
	if s.leaving || len(s.queue) == 0 || k.frozen && len(s.out) >= initialWindow {
		return
	}
	b := &s.queue[0]
	n := min(b.n, k.c.o.MSS)
	begin := max(int64(max(b.at, at))*1000, s.free)
	s.free = begin + n*b.ps
	s.leaving = true
	gen, leaves := k.gen, model.Instant((s.free+999)/1000)
	k.later(leaves, func() {
		if k.gen != gen {
			return
		}
		s.leaving = false
		k.depart(leaves, from, n)
		k.leave(leaves, from)
	})
}

// depart sends the next segment of a side, of n bytes.
func (k *conn) depart(at model.Instant, from int, n int64) {
	s := &k.sides[from]
	b := &s.queue[0]
	n = min(n, b.n)
	seg := segment{seq: s.next, n: n, fin: b.fin}
	if b.data != nil {
		seg.data = b.data[:n:n]
		b.data = b.data[n:]
	}
	if b.again {
		seg.seq = b.seq
		b.seq += n
	}
	b.n -= n
	if b.n == 0 {
		s.queue = s.queue[1:]
		if len(s.queue) == 0 {
			s.queue = nil
		}
	}
	if n == 0 && !seg.fin {
		return
	}
	s.next = max(s.next, seg.seq+seg.length())
	s.out = append(s.out, seg)
	k.transmit(at, from, &seg, b.again)
	if k.frozen && len(s.out) == 1 {
		k.backOff(at, from)
	}
}

// transmit sends a segment, perhaps again.
func (k *conn) transmit(at model.Instant, from int, seg *segment, again bool) {
	s := &k.sides[from]
	if again {
		s.resent++
		if from == k.captured {
			k.c.counts.Retransmitted++
		}
	}
	s.owed = 0
	s.ackGen++
	p := &Packet{Seq: seg.seq, Flags: ACK | PSH, Payload: seg.data}
	if seg.data == nil {
		p.Cut = seg.n
	}
	if seg.n == 0 {
		p.Flags = ACK
	}
	if seg.fin {
		p.Flags |= FIN
	}
	k.emit(at, from, p)
}

package tcp

// Bulk is one transfer over a quiet network: what a benchmark between two hosts
// measures.
type Bulk struct {
	Options  Options    // of both hosts
	There    PathConfig // from the sender, which dials, to the receiver
	Back     PathConfig
	Bytes    int64 // to send; 0 is without end
	Duration Time  // after which it is broken off; 0 is never
	For      Time  // the same, since the connect worked; 0 is never
	Seed     uint64
	// LoseThere and LoseBack are segments that the network loses, beside those of
	// chance: see Path.Lose. Here, a capture of a real transfer can be told.
	LoseThere, LoseBack []int64
	// SilentAt, SilentFor: the network is silent both ways meanwhile; SilentFor 0
	// is never. The application has Rate bytes a second to send, all at once if 0.
	SilentAt, SilentFor Time
	Rate                int64
	Every               Time // how often the application writes if there is a rate; 0 is 10 ms
	Tap                 Tap
}

// BulkResult is what came of a transfer.
type BulkResult struct {
	Connected   Time // when the connect worked, since its first SYN; Never if it did not
	Bytes       int64
	Last        Time // when the last of them arrived
	BytesPerSec int64
	// AfterSilence is from the end of the silence to the first new byte at the
	// receiver; Never without one.
	AfterSilence             Time
	Segments, Retransmission int64
	Drops                    int64
	Failed                   Kind // 0 when nothing went wrong
}

// Run plays a transfer. The same Bulk gives the same result.
func (b *Bulk) Run() BulkResult {
	var there, back Path
	there.Reset(b.There, draw(b.Seed, 1))
	back.Reset(b.Back, draw(b.Seed, 2))
	there.Lose(b.LoseThere)
	back.Lose(b.LoseBack)
	c := &Conn{}
	c.Reset(&b.Options, &b.Options, &there, &back)
	c.Tap = b.Tap
	r := BulkResult{Connected: Never, AfterSilence: Never}
	limit := Never
	if b.Duration > 0 {
		limit = b.Duration
	}
	w := bulkWriter{b: b, next: Never}
	silence := [2]Time{Never, Never}
	if b.SilentFor > 0 {
		silence = [2]Time{b.SilentAt, b.SilentAt + b.SilentFor}
	}
	before := int64(-1)
	c.Open(0)
	for {
		now := min(c.Next(), w.next, silence[0], silence[1])
		if now > limit || now == Never {
			break
		}
		switch now {
		case silence[0]:
			silence[0] = Never
			there.Silence(now, true)
			back.Silence(now, true)
		case silence[1]:
			silence[1] = Never
			there.Silence(now, false)
			back.Silence(now, false)
			before = c.Arrived(1)
		}
		c.Step(now)
		for _, e := range c.Events() {
			switch e.Kind {
			case Connected:
				r.Connected, w.next = now, now
				if b.For > 0 {
					limit = min(limit, now+b.For)
				}
			case Refused, TimedOut, Broken:
				r.Failed = e.Kind
			}
		}
		w.write(now, c)
		if n := c.Arrived(1); n > r.Bytes {
			r.Bytes, r.Last = n, now
			if before >= 0 && n > before && r.AfterSilence == Never {
				r.AfterSilence = now - b.SilentAt - b.SilentFor
			}
		}
		if r.Failed > 0 || b.Bytes > 0 && r.Bytes >= b.Bytes {
			break
		}
	}
	if r.Last > r.Connected {
		r.BytesPerSec = mulDiv(r.Bytes, Second, r.Last-r.Connected)
	}
	r.Segments, r.Retransmission, r.Drops = c.Segments, c.Retransmissions, c.Drops
	return r
}

// bulkWriter is the sending application.
type bulkWriter struct {
	b     *Bulk
	next  Time
	total int64
	began bool
	start Time
}

func (w *bulkWriter) write(now Time, c *Conn) {
	if now < w.next {
		return
	}
	if !w.began {
		w.began, w.start = true, now
	}
	most := w.b.Bytes
	if most == 0 {
		most = 1 << 50
	}
	if w.b.Rate == 0 {
		w.total, w.next = most, Never
	} else {
		every := w.b.Every
		if every == 0 {
			every = 10 * Millisecond
		}
		w.next = now + every
		w.total = min(most, mulDiv(w.b.Rate, w.next-w.start, Second))
		if w.total == most {
			w.next = Never
		}
	}
	c.Offer(now, 0, w.total)
}

// mulDiv is a*b/c without overflow in between.
func mulDiv(a, b, c int64) int64 {
	q, r := a/c, a%c
	return q*b + int64(uint64(r)*uint64(b)/uint64(c))
}

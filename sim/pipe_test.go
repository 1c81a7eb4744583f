package sim

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"psyncsim/model"
	"psyncsim/sim/trace"
)

// fifo is a link byte by byte: each byte begins to leave when it is there and
// the one before it has left, takes ps picoseconds, and arrives a latency later,
// rounded up to a nanosecond.
type fifo struct {
	ps, free int64
	latency  model.Instant
	left     []int64 // picoseconds at which each byte has left
}

func (q *fifo) put(at model.Instant, n int64) {
	for range n {
		q.free = max(q.free, int64(at)*1000) + q.ps
		q.left = append(q.left, q.free)
	}
}

func (q *fifo) arrival(byte int) model.Instant {
	return model.Instant((q.left[byte]+999)/1000) + q.latency
}

// by is how many bytes have arrived by t.
func (q *fifo) by(t model.Instant) int {
	n, _ := slices.BinarySearchFunc(q.left, t, func(left int64, t model.Instant) int {
		if model.Instant((left+999)/1000)+q.latency <= t {
			return -1
		}
		return 1
	})
	return n
}

// again lets the bytes from n on wait until now: they are sent anew.
func (q *fifo) again(now model.Instant, n int, written []model.Instant) {
	q.left, q.free = q.left[:n], int64(now)*1000
	for _, at := range written[n:] {
		q.put(at, 1)
	}
}

// TestFlow holds the formula of a flow against a link that is played byte by
// byte: what has arrived by an instant, and when the last of it did; and what is
// known of it at once where no command waits.
func TestFlow(t *testing.T) {
	count, steadily := uint64(1500), 0
	if testing.Short() {
		count = 200
	}
	for n := range count {
		if err := flowAgainstFIFO(newGen(3, n), &steadily); err != nil {
			t.Fatalf("number %d: %v", n, err)
		}
	}
	t.Logf("%d flows, where no command waited %d times", count, steadily)
	if steadily < int(count)/10 {
		t.Error("that is too rare to show anything")
	}
}

func flowAgainstFIFO(g gen, steadily *int) error {
	span := int64(g.span(time.Millisecond, 200*time.Millisecond))
	link := &link{latency: model.Instant(pick(g, 0, 1, g.Int64N(span+1))), ps: pick(g, 0, 1, 999, 1000, 1001, 8_000, 70_001, g.Int64N(span*1000/200+1))}
	log, written := randomLog(g, span)
	if len(written) == 0 {
		return nil
	}
	c := &conn{connState: connState{live: true, up: true, link: link}}
	w := &World{conns: []*conn{c}, hosts: []*host{{}}}
	p := &c.pipes[fromAcceptor]
	// The flow begins in the middle, behind an item that may still be served.
	from := g.IntN(len(written))
	began := written[from]
	ready := from
	for ready < len(written) && written[ready] <= began {
		ready++
	}
	busy := int64(began)*1000 + pick(g, 0, g.Int64N(span*300+1))
	p.flow = flow{on: true, log: log, from: model.Offset(from + 1), ready: model.Offset(ready + 1), seen: model.Offset(ready + 1),
		arrived: model.Offset(from), lag: busy, began: began}
	q := &fifo{ps: link.ps, latency: link.latency, free: busy}
	for i := from; i < len(written); i++ {
		q.put(max(written[i], began), 1)
	}
	f := &p.flow
	step := func(now model.Instant) model.Instant {
		if i := int(f.arrived) - from + g.IntN(60); g.oneIn(2) && i < len(q.left) { // about when a byte arrives
			return max(now, q.arrival(i)+model.Instant(g.IntN(3)-1))
		}
		return now + model.Instant(g.between(0, span/3))
	}
	for now := began; now < model.Instant(4*span); now = step(now) {
		before := f.arrived
		f.log = log.knownAt(now)
		var a steady
		goesOn := f.log.evenAtLast() && f.goesOn(&a, now, link)
		o := a.to - 1
		if goesOn && g.oneIn(2) {
			f.moveOn(&a, now)
			f.arrived = before
		} else {
			o = f.arrivedBy(now, link.latency, link.ps)
		}
		if goesOn {
			*steadily++
			if err := sameSteady(&a, f, o); err != nil {
				return fmt.Errorf("at %d: %v (ps %d, latency %d, flow %+v)", now, err, link.ps, link.latency, f)
			}
		}
		if want := model.Offset(from + q.by(now)); o != want {
			return fmt.Errorf("at %d, byte %d has arrived, should be %d (ps %d, latency %d, flow %+v)", now, o, want, link.ps, link.latency, f)
		}
		if o == before {
			if o == model.Offset(len(written)) {
				break
			}
			continue
		}
		l := f.before
		want := q.arrival(int(o) - from - 1)
		if goesOn && a.at != want {
			return fmt.Errorf("byte %d is said to have arrived at %d, should be %d (ps %d, latency %d, flow %+v)", o, a.at, want, link.ps, link.latency, f)
		}
		if at := f.arrivalOf(o, &l, link.latency, link.ps); at != want {
			return fmt.Errorf("byte %d arrived at %d, should be %d (ps %d, latency %d, flow %+v)", o, at, want, link.ps, link.latency, f)
		}
		f.arrived = o
		if g.oneIn(8) { // the link falls silent, and carries again later
			now += model.Instant(g.Int64N(span))
			w.queue.SetNow(max(now, w.queue.Now()))
			p.free = 0
			w.resend(0, fromAcceptor, now)
			q.again(now, int(o)-from, written[from:])
		}
	}
	return nil
}

// knownAt is a log as it is at an instant.
func (l *streamLog) knownAt(t model.Instant) *streamLog {
	known := *l
	known.segs = nil
	for _, s := range l.segs {
		if s.at > t {
			break
		}
		if s.run && !s.held {
			s.to = min(s.to, s.from+model.Offset(s.bytes(s.upto(t))-s.base))
		}
		known.segs = append(known.segs, s)
	}
	return &known
}

// sameSteady compares what is known of a flow at once with what its log says, when the bytes
// up to o have arrived and are not told.
func sameSteady(a *steady, f *flow, o model.Offset) error {
	if a.to-1 != o || a.next != f.seen || a.lag != f.lag {
		return fmt.Errorf("%+v, and byte %d has arrived", a, o)
	}
	bound := max(a.bound, f.arrived+1)
	if want := f.log.bound(o, f.arrived+1); bound != want {
		return fmt.Errorf("whole up to %d, should be %d", bound, want)
	}
	if want := f.log.changes(f.arrived+1, o+1); a.commands != want {
		return fmt.Errorf("%d commands, should be %d", a.commands, want)
	}
	return nil
}

// randomLog is the stream of a random load with commands of the server's own
// among it, as a log and as the instant of each byte.
func randomLog(g gen, span int64) (log *streamLog, written []model.Instant) {
	log = &streamLog{}
	l := LoadConfig{Commands: []Command{{Name: "SET", Args: []int{1 + g.IntN(30)}, Times: 1 + g.IntN(2)}, {Name: "DEL", Args: []int{1 + g.IntN(9)}, Times: 1}},
		Arrivals: pick(g, Constant, Poisson, Bursts), PerSecond: g.between(1, 20_000)}
	l.On, l.Off, l.BurstPerSecond = time.Millisecond, time.Duration(1+g.IntN(10))*time.Millisecond, 10_000
	if l.Arrivals != Bursts {
		l.On, l.Off, l.BurstPerSecond = 0, 0, 0
	}
	if !g.oneIn(4) {
		l.Commands = l.Commands[:1]
	}
	var src writes
	one := func(stream uint64) *load {
		x, err := newLoad(&l, time.Duration(span), g.Uint64(), stream)
		if err != nil {
			panic(err)
		}
		return x
	}
	src = one(1)
	if g.oneIn(3) {
		src = &merged{parts: []*load{one(1), one(2)}}
	}
	log.src, log.each = src, src.even()
	next := int64(0)
	for at := model.Instant(0); at < model.Instant(span) && len(written) < 4_000; {
		if n := src.upto(at); n > next {
			held := g.oneIn(4) // they waited for the end of a pause
			began := src.when(next)
			if held {
				began = at
			}
			log.appendRun(model.Offset(len(written)+1), next, src.bytes(next), src.bytes(n), began, held)
			for ; next < n; next++ {
				for range src.size(next) {
					if held {
						written = append(written, at)
					} else {
						written = append(written, src.when(next))
					}
				}
			}
		}
		if g.oneIn(3) {
			n := model.Offset(len(written) + 1)
			log.appendOne(n, n+14, at, nil)
			for range 14 {
				written = append(written, at)
			}
		}
		at += model.Instant(1 + g.Int64N(span/4+1))
	}
	return log, written
}

// TestCutToTheByte plays whole runs over links with bandwidth: what a replica
// that counts reads has taken when its link is reset is what a queue hands over.
func TestCutToTheByte(t *testing.T) {
	inParallel(t, 0, 400, func() func(n int64) error {
		w := &World{}
		return func(n int64) error {
			g := newGen(4, uint64(n))
			c := borderConfig(g)
			prof, _ := model.LookupProfile("redis-2.8")
			c.Servers[0].Profile, c.Servers[1].Profile = prof, prof
			l := &c.Loads[0]
			l.Arrivals = pick(g, Constant, Poisson)
			if l.PerSecond > 0 {
				l.PerSecond = min(l.PerSecond, 500)
			} else {
				l.BytesPerSecond = min(l.BytesPerSecond, 150_000)
			}
			c.Links = []LinkConfig{{A: 0, B: 1, Latency: g.span(0, 50*time.Millisecond), Bandwidth: g.between(20_000, 2_000_000)}}
			src, err := newLoad(l, c.Duration, c.Seed, streamLoad)
			if err != nil {
				return err
			}
			b := &cutWatch{load: src, latency: model.Instant(c.Links[0].Latency), ps: psPerByte(c.Links[0].Bandwidth)}
			if err := w.Reset(c, b); err != nil {
				return err
			}
			if err := w.Run(); err != nil {
				return err
			}
			if b.err != nil {
				return fmt.Errorf("%v\n%s", b.err, goText(c))
			}
			if !b.checked {
				return fmt.Errorf("nothing was lost\n%s", goText(c))
			}
			return nil
		}
	})
}

// cutWatch works out what had arrived at a cut: of what was ready when the
// stream began to flow, the writes since, and the PINGs.
type cutWatch struct {
	load        *load
	latency     model.Instant
	ps          int64
	first       model.Offset
	ready       int64
	online, cut model.Instant
	pings       []model.Instant
	checked     bool
	err         error
}

func (b *cutWatch) Observe(r *trace.Record) {
	switch e := &r.Event; {
	case e.Kind == model.EvPeerOnline && b.cut == 0:
		b.first, b.ready, b.online = e.Offset, e.Bytes, r.At
	case e.Kind == model.EvPinged && b.online > 0 && b.cut == 0:
		b.pings = append(b.pings, r.At)
	case e.Kind == trace.Cut:
		b.cut = r.At
	case e.Kind == model.EvLost && b.cut > 0 && !b.checked:
		b.checked = true
		if want := b.first + model.Offset(b.arrived()); e.Offset != want {
			b.err = fmt.Errorf("the replica wants byte %d, the link has carried all before %d", e.Offset, want)
		}
	}
}

func (b *cutWatch) arrived() (n int64) {
	room := int64(b.cut-b.latency) * 1000
	free := int64(b.online) * 1000
	put := func(at model.Instant, size int64) {
		free = max(free, int64(at)*1000)
		if room > free {
			n += min(size, (room-free)/b.ps)
		}
		free += size * b.ps
	}
	put(b.online, b.ready)
	k := b.load.upto(b.online)
	selected := b.ready > 14 // a PING selects nothing
	for {
		at := b.load.when(k)
		if len(b.pings) > 0 && b.pings[0] < at {
			put(b.pings[0], 14)
			b.pings = b.pings[1:]
			continue
		}
		if at > b.cut {
			return n
		}
		if !selected {
			selected = true
			put(at, 23)
		}
		put(at, b.load.size(k))
		k++
	}
}

package tcp

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

var (
	faultCount = flag.Int("faults", 100_000, "random fault sequences in TestFaults")
	faultOne   = flag.Int64("fault", -1, "play this fault sequence only")
)

// TestFaults plays many short connections over bad networks, with faults of every
// kind. An account that sees only the segments that arrive says what each side
// may have: no byte is lost inside a living connection, none comes twice, order
// is kept, and what both sides call sent is delivered, on its way, or lost with
// the connection.
func TestFaults(t *testing.T) {
	count := int64(*faultCount)
	if testing.Short() {
		count = min(count, 5_000)
	}
	var next atomic.Int64
	if *faultOne >= 0 {
		next.Store(*faultOne)
		count = *faultOne + 1
	}
	var all, again, ended, failed atomic.Int64
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			p := &faultPlay{}
			for n := next.Add(1) - 1; n < count && !t.Failed(); n = next.Add(1) - 1 {
				if err := p.play(uint64(n)); err != nil {
					t.Errorf("sequence %d: %v (repeat with -run TestFaults -fault %d)", n, err, n)
				}
				all.Add(p.c.Segments)
				again.Add(p.c.Retransmissions)
				if p.ended {
					ended.Add(1)
				}
				if p.failed {
					failed.Add(1)
				}
			}
		})
	}
	group.Wait()
	t.Logf("%d sequences, %d segments, %d sent again; %d connections ended in order, %d failed", count, all.Load(), again.Load(), ended.Load(), failed.Load())
	if *faultOne < 0 && (again.Load()*100 < all.Load() || ended.Load()*10 < count || failed.Load()*50 < count) {
		t.Error("the sequences do not try what they are meant to")
	}
}

// faultPlay is one connection with its account.
type faultPlay struct {
	*rand.Rand
	c       Conn
	paths   [2]Path
	got     [2][]Range // payload that arrived, by sender, as ranges of sequence numbers
	offered [2]int64
	last    [2]int64 // what had arrived at the last look, by receiver
	closed  [2]bool
	gone    [2]bool
	eof     [2]bool
	dead    [2]bool // a side was told of a failure
	ended   bool
	failed  bool
	holds   int
}

// Segment keeps the account.
func (p *faultPlay) Segment(_ Time, point Point, side int, g *Segment, _ Fate) {
	if point != Arrived || g.Payload() == 0 {
		return
	}
	end := g.Seq + g.Payload()
	r := Range{g.Seq, end}
	list := p.got[side]
	i := 0
	for i < len(list) && list[i].To < r.From {
		i++
	}
	j := i
	for j < len(list) && list[j].From <= r.To {
		r.From, r.To = min(r.From, list[j].From), max(r.To, list[j].To)
		j++
	}
	list = append(list[:i], append([]Range{r}, list[j:]...)...)
	p.got[side] = list
}

// prefix is how many bytes of a sender arrived without a hole.
func (p *faultPlay) prefix(side int) int64 {
	if l := p.got[side]; len(l) > 0 && l[0].From == 1 {
		return l[0].To - 1
	}
	return 0
}

func (p *faultPlay) chance(most PPB) PPB {
	if p.IntN(2) == 0 {
		return 0
	}
	return PPB(p.Int64N(int64(most)))
}

func (p *faultPlay) network() PathConfig {
	c := PathConfig{Latency: p.Int64N(50 * Millisecond), Loss: p.chance(Always / 5), Duplicate: p.chance(Always / 10), Reorder: p.chance(Always / 10)}
	switch p.IntN(6) {
	case 0:
		c.Loss = 0
	case 1:
		c.Enter, c.Leave, c.BadLoss = p.chance(Always/50), 1+p.chance(Always/2), p.chance(Always)
	case 2:
		c.Jitter = p.Int64N(20 * Millisecond)
	case 3:
		c.Bandwidth, c.Queue = 20_000+p.Int64N(2_000_000), 3_000+p.Int64N(100_000)
	case 4:
		c.ReorderBy = p.Int64N(100 * Millisecond)
	}
	return c
}

func (p *faultPlay) play(n uint64) error {
	*p = faultPlay{Rand: rand.New(rand.NewPCG(n, 17)), c: p.c, paths: p.paths}
	o := [2]Options{Linux(), Linux()}
	for i := range o {
		o[i].Congestion = Congestion(p.IntN(2))
		o[i].Retries2 = 3 + p.IntN(8)
		o[i].SYNRetries, o[i].LinearSYNs = p.IntN(4), p.IntN(3)
		o[i].RmemInit = 8<<10 + p.Int64N(128<<10)
		o[i].WmemMax, o[i].RmemMax = 16<<10+p.Int64N(1<<20), 64<<10+p.Int64N(1<<20)
		if p.IntN(3) == 0 {
			o[i].Tick, o[i].Phase = 4*Millisecond, p.Int64N(4*Millisecond)
		}
		if p.IntN(4) == 0 {
			o[i].KeepIdle, o[i].KeepInterval, o[i].KeepCount = 5*Second, Second, 3
		}
		if p.IntN(8) == 0 {
			o[i].UserTimeout = Second + p.Int64N(10*Second)
		}
		p.paths[i].Reset(p.network(), p.Uint64())
	}
	c := &p.c
	c.Reset(&o[0], &o[1], &p.paths[0], &p.paths[1])
	c.Tap = p
	if p.IntN(10) == 0 {
		c.IdleDrop, c.IdleReset = Second+p.Int64N(5*Second), p.IntN(2) == 0
	}
	c.NoListener = p.IntN(50) == 0
	c.Open(0)
	act := Time(0)
	actions := 4 + p.IntN(16)
	steps := 0
	for now := Time(0); ; {
		at := c.Next()
		if actions > 0 && act < at {
			now = act
			p.act(now)
			actions--
			act = now + p.Int64N(pick(p, 20*Millisecond, 300*Millisecond, 3*Second))
		} else {
			if at == Never {
				break
			}
			if at < now {
				return fmt.Errorf("an event of the past")
			}
			now = at
			c.Step(now)
		}
		if err := p.look(now, steps%64 == 0); err != nil {
			return fmt.Errorf("at %d: %w", now, err)
		}
		if steps++; steps > 200_000 || actions == 0 && now > act+2000*Second {
			if p.holds > 0 || o[0].KeepIdle+o[1].KeepIdle > 0 || p.closed[0] != p.closed[1] || p.gone[0] || p.gone[1] {
				break // a reader that never reads again, probes without end
			}
			return fmt.Errorf("no end after %d steps: states %d %d", steps, c.State(0), c.State(1))
		}
	}
	return p.final()
}

func pick[T any](p *faultPlay, of ...T) T { return of[p.IntN(len(of))] }

// act does one thing to the connection or to the network.
func (p *faultPlay) act(now Time) {
	c, side := &p.c, p.IntN(2)
	path := &p.paths[p.IntN(2)]
	switch k := p.IntN(24); {
	case k < 12:
		if !p.closed[side] && !p.gone[side] && !p.dead[side] {
			p.offered[side] += 1 + p.Int64N(pick(p, int64(100), 3_000, 100_000))
			c.Offer(now, side, p.offered[side])
		}
	case k < 15:
		path.Silence(now, !path.Silent())
	case k < 17:
		on := p.IntN(3) > 0
		if !on {
			p.holds++
		}
		c.Reads(now, side, on)
	case k == 17:
		path.SetBandwidth(now, 10_000+p.Int64N(1_000_000))
	case k < 20 && !p.gone[side] && p.IntN(2) == 0:
		p.closed[side] = true
		c.Close(now, side)
	case k == 20 && p.IntN(3) == 0 && !p.gone[side]:
		p.closed[side], p.failed = true, true
		c.Abort(now, side)
	case k == 21 && p.IntN(3) == 0 && !p.closed[side] && !p.dead[side]:
		p.gone[side], p.failed = true, true
		c.Vanish(side)
	case k == 22 && p.gone[side]:
		c.Return(side)
	default: // all is well from now on
		for i := range p.paths {
			for p.paths[i].Silent() {
				p.paths[i].Silence(now, false)
			}
			if !p.gone[i] {
				c.Reads(now, i, true)
			}
		}
		p.holds = 0
	}
}

// look holds what both sides say against the account.
func (p *faultPlay) look(now Time, books bool) error {
	c := &p.c
	for _, e := range c.Events() {
		switch e.Kind {
		case EndOfFile:
			p.eof[e.Side] = true
			if !p.closed[e.Side] && p.IntN(4) > 0 { // as servers do
				p.closed[e.Side] = true
				c.Close(now, int(e.Side))
			}
		case Refused, TimedOut, Broken:
			p.dead[e.Side], p.failed = true, true
		}
	}
	for to := range 2 {
		from := 1 - to
		n := c.Arrived(to)
		if n < p.last[to] {
			return fmt.Errorf("what had arrived at side %d went from %d to %d", to, p.last[to], n)
		}
		p.last[to] = n
		if has := p.prefix(from); n > has {
			return fmt.Errorf("side %d has %d bytes, the network carried %d without a hole", to, n, has)
		}
		if c.Taken(from) > p.offered[from] || n > c.Taken(from) {
			return fmt.Errorf("side %d wrote %d, its socket took %d, %d arrived", from, p.offered[from], c.Taken(from), n)
		}
		if c.Acked(from) > n {
			return fmt.Errorf("side %d heard that %d bytes arrived, of %d that did", from, c.Acked(from), n)
		}
	}
	if books {
		if what := c.Check(); what != "" {
			return fmt.Errorf("%s", what)
		}
	}
	return nil
}

// final: a connection that did not fail has delivered all that was taken.
func (p *faultPlay) final() error {
	c := &p.c
	p.ended = (p.eof[0] || p.eof[1]) && c.State(0) == Dead && c.State(1) == Dead && !p.dead[0] && !p.dead[1]
	if what := c.Check(); what != "" {
		return fmt.Errorf("%s", what)
	}
	for to := range 2 {
		from := 1 - to
		if p.eof[to] && c.Arrived(to) != c.Taken(from) {
			return fmt.Errorf("side %d saw the end after %d of %d bytes", to, c.Arrived(to), c.Taken(from))
		}
		silent := p.paths[0].Silent() || p.paths[1].Silent() || c.forgotten
		living := c.State(0) == Open && c.State(1) == Open && !silent && p.holds == 0
		if living && c.Arrived(to) != p.offered[from] && !p.closed[from] {
			return fmt.Errorf("a living connection came to rest with %d of %d bytes at side %d", c.Arrived(to), p.offered[from], to)
		}
	}
	return nil
}

package rig

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// bulkPort is where side B reads.
const bulkPort = 5001

// reader accepts connections at side B and hands each to whoever waits for its
// address.
type reader struct {
	l    *net.TCPListener
	mu   sync.Mutex
	want map[netip.Addr]chan *net.TCPConn
}

func (n *Net) newReader() (*reader, error) {
	l, err := n.listen(B, netip.AddrPortFrom(netip.IPv4Unspecified(), bulkPort))
	if err != nil {
		return nil, err
	}
	r := &reader{l: l, want: map[netip.Addr]chan *net.TCPConn{}}
	go r.accept()
	return r, nil
}

func (r *reader) accept() {
	for {
		c, err := r.l.AcceptTCP()
		if err != nil {
			return
		}
		r.mu.Lock()
		ch := r.want[c.LocalAddr().(*net.TCPAddr).AddrPort().Addr()]
		r.mu.Unlock()
		if ch == nil {
			c.Close()
			continue
		}
		ch <- c
	}
}

// at waits for connections to an address.
func (r *reader) at(addr netip.Addr) <-chan *net.TCPConn {
	ch := make(chan *net.TCPConn, 1)
	r.mu.Lock()
	r.want[addr] = ch
	r.mu.Unlock()
	return ch
}

func (r *reader) forget(addr netip.Addr) {
	r.mu.Lock()
	delete(r.want, addr)
	r.mu.Unlock()
}

// pair connects side A with side B over a path of its own.
func (n *Net) pair(ctx context.Context, r *reader, addr netip.Addr) (from, to *net.TCPConn, err error) {
	in := r.at(addr)
	defer r.forget(addr)
	if from, err = n.dial(ctx, A, addrA, netip.AddrPortFrom(addr, bulkPort)); err != nil {
		return nil, nil, err
	}
	select {
	case to = <-in:
		return from, to, nil
	case <-ctx.Done():
		from.Close()
		return nil, nil, ctx.Err()
	case <-time.After(20 * time.Second): // its ACK was lost and nothing was sent: the SYN-ACK is sent again
		from.Close()
		return nil, nil, fmt.Errorf("connected to %s, but nobody accepted", addr)
	}
}

// arrivals is what a reader had when.
type arrivals struct {
	mu    sync.Mutex
	begun time.Time
	at    []time.Duration
	total []int64
}

// follow reads until the connection ends.
func (a *arrivals) follow(c io.Reader) {
	buf := make([]byte, 256<<10)
	var sum int64
	for {
		k, err := c.Read(buf)
		if k > 0 {
			now := time.Since(a.begun)
			sum += int64(k)
			a.mu.Lock()
			a.at, a.total = append(a.at, now), append(a.total, sum)
			a.mu.Unlock()
		}
		if err != nil {
			return
		}
	}
}

// by is what had arrived by t.
func (a *arrivals) by(t time.Duration) (n int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, at := range a.at {
		if at > t {
			break
		}
		n = a.total[i]
	}
	return n
}

// after is when the first byte arrived at or after t.
func (a *arrivals) after(t time.Duration) (time.Duration, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, at := range a.at {
		if at >= t {
			return at, true
		}
	}
	return 0, false
}

// bulk makes one transfer.
func (n *Net) bulk(ctx context.Context, w *watched, r *reader, c *BulkCell, seed uint64) (run BulkRun, late Lateness, err error) {
	w.all()
	addr, path, err := n.Add(Link{RTT: c.RTT, Rate: c.Rate, Queue: c.Queue, LossPPM: c.LossPPM, Seed: c.luck(seed)}, c.Congestion)
	if err != nil {
		return run, late, err
	}
	defer n.Remove(addr)
	from, to, err := n.pair(ctx, r, addr)
	if err != nil {
		return run, late, err
	}
	a := &arrivals{begun: time.Now()}
	var both sync.WaitGroup
	both.Go(func() { a.follow(to) })
	both.Go(func() {
		buf := make([]byte, 64<<10)
		for {
			if _, err := from.Write(buf); err != nil {
				return
			}
		}
	})
	select {
	case <-time.After(c.For):
	case <-ctx.Done():
	}
	run.Seed = seed
	if t, err := info(from); err == nil {
		run.Retransmit = int64(t.Total_retrans)
	}
	n.fw.with(func() { run.Data, run.ACKs, late = path.Count(A), path.Count(B), path.late })
	run.Late = late.Mean()
	hangUp(from, to)
	both.Wait()
	for i := range run.ByTime {
		run.ByTime[i] = a.by(c.For * time.Duration(i+1) / Samples)
	}
	run.Bytes = run.ByTime[Samples-1]
	return run, late, ctx.Err()
}

// hangUp ends connections at once; what is on its way is forgotten.
func hangUp(cs ...*net.TCPConn) {
	for _, c := range cs {
		_ = c.SetLinger(0)
		c.Close()
	}
}

// silence makes one silence in a stream of small writes.
func (n *Net) silence(ctx context.Context, w *watched, r *reader, c *SilenceCell, seed uint64) (run SilenceRun, late Lateness, err error) {
	addr, path, err := n.Add(Link{RTT: c.RTT, Seed: seed}, c.Congestion)
	if err != nil {
		return run, late, err
	}
	defer n.Remove(addr)
	w.follow(path, c.RTT)
	from, to, err := n.pair(ctx, r, addr)
	if err != nil {
		return run, late, err
	}
	a := &arrivals{begun: time.Now()}
	run.Seed, run.At = seed, time.Duration(silenceAt(seed))
	n.fw.with(func() {
		from := a.begun.Sub(n.fw.begun) + run.At
		path.Outage(Outage{from, from + c.Silence})
	})
	w.begins(a.begun.Sub(n.fw.begun) + run.At - memory)
	over := run.At + c.Silence
	var both sync.WaitGroup
	both.Go(func() { a.follow(to) })
	both.Go(func() {
		buf := make([]byte, c.Size)
		tick := time.NewTicker(c.Every)
		defer tick.Stop()
		for range tick.C {
			if _, err := from.Write(buf); err != nil {
				return
			}
		}
	})
	untilAfter(ctx, w, a, run.At+c.RTT, over, over+2*c.Silence+5*time.Second)
	n.fw.with(func() { late = path.late })
	hangUp(from, to)
	both.Wait()
	at, ok := a.after(over)
	if !ok && ctx.Err() == nil {
		return run, late, fmt.Errorf("nothing came after a silence of %s", c.Silence)
	}
	if ctx.Err() == nil && !w.promptly(A, a.begun.Add(at)) {
		return run, late, errors.New("nothing had just arrived when a byte was read")
	}
	run.First = at - over
	return run, late, ctx.Err()
}

// untilAfter waits until the first byte after a silence has come, or a limit.
func untilAfter(ctx context.Context, w *watched, a *arrivals, quiet, over, limit time.Duration) {
	poll(ctx, func() bool {
		now := time.Since(a.begun)
		if now > quiet {
			w.rest() // hardly a packet from now on
		}
		at, ok := a.after(over)
		if ok {
			w.known(a.begun.Add(at))
		}
		return ok || now > limit
	})
}

// connect makes one connect whose first packets are lost.
func (n *Net) connect(ctx context.Context, w *watched, r *reader, c *ConnectCell, seed uint64) (took time.Duration, late Lateness, err error) {
	addr, path, err := n.Add(Link{RTT: c.RTT, Seed: seed}, "reno")
	if err != nil {
		return 0, late, err
	}
	defer n.Remove(addr)
	w.follow(path, c.RTT)
	path.DropFirst(A, c.SYNs)
	path.DropFirst(B, c.ACKs)
	in := r.at(addr)
	defer r.forget(addr)
	from, begun, took, err := n.dialed(ctx, A, addrA, netip.AddrPortFrom(addr, bulkPort))
	w.known(begun.Add(took))
	n.fw.with(func() { late = path.late })
	if err != nil {
		return 0, late, err
	}
	hangUp(from)
	select {
	case to := <-in:
		hangUp(to)
	case <-time.After(time.Second):
	}
	// The first SYN goes when the connect begins. Else our own thread was late.
	if syn := w.first().at - begun.Sub(n.fw.begun); syn > mostUneven {
		return 0, late, fmt.Errorf("the first SYN was seen %s after the connect began", syn)
	}
	if !w.promptly(B, begun.Add(took)) {
		return 0, late, errors.New("nothing had just arrived when the connect ended")
	}
	return took, late, nil
}

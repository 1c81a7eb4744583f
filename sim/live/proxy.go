package live

import (
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Proxy is a wire between a replica and its master that can be broken. It
// carries bytes in order or not at all, as TCP does; it never loses some and
// carries the next.
//
// One thing is not as on a real wire: while the proxy is silent, the kernel
// still completes new connections for it. Nothing passes on them.
type Proxy struct {
	target string
	addr   string
	tap    Tap

	mu     sync.Mutex
	change *sync.Cond // something below changed
	listen net.Listener
	silent bool
	rate   int64
	closed bool
	wires  map[*wire]bool
	count  int
	tasks  sync.WaitGroup
	tapMu  sync.Mutex
}

// Tap is told what a proxy carries, in order: which connection, counted from 1,
// whether the dialing side said it, and the bytes, which it must copy to keep.
type Tap func(conn int, dialer bool, b []byte)

// wire is one connection: its two sockets.
type wire struct {
	number int
	ends   [2]*net.TCPConn // dialer, target
	dead   bool
}

// NewProxy listens on a free port of 127.0.0.1 and carries what comes to the
// target. tap may be nil.
func NewProxy(target string, tap Tap) (*Proxy, error) {
	p := &Proxy{target: target, tap: tap, wires: map[*wire]bool{}}
	p.change = sync.NewCond(&p.mu)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	p.addr = l.Addr().String()
	p.serve(l)
	return p, nil
}

// Addr is where the proxy listens, or will again.
func (p *Proxy) Addr() string { return p.addr }

// Conns is how many connections there were.
func (p *Proxy) Conns() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count
}

// Pass ends every fault: what waited in silence goes on.
func (p *Proxy) Pass() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silent, p.rate = false, 0
	p.change.Broadcast()
	if p.listen != nil || p.closed {
		return nil
	}
	var err error
	for range 100 { // the port was free a moment ago, and will be again
		var l net.Listener
		if l, err = net.Listen("tcp", p.addr); err == nil {
			p.serve(l)
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("proxy: %w", err)
}

// Reset breaks the connections that there are; both sides are told. New ones
// are carried.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reset()
}

// Refuse breaks the connections that there are and refuses new ones until Pass.
func (p *Proxy) Refuse() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deafen()
	p.reset()
}

// Blackhole lets nothing pass any more and tells nobody, until Pass.
func (p *Proxy) Blackhole() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silent = true
	p.change.Broadcast()
}

// Throttle lets so many bytes a second pass, in each direction of each
// connection; 0 is no limit.
func (p *Proxy) Throttle(bytesPerSecond int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rate = bytesPerSecond
	p.change.Broadcast()
}

// Close ends the proxy and its connections.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	p.deafen()
	p.reset()
	p.change.Broadcast()
	p.mu.Unlock()
	p.tasks.Wait()
}

func (p *Proxy) deafen() {
	if p.listen != nil {
		p.listen.Close()
		p.listen = nil
	}
}

func (p *Proxy) reset() {
	for w := range p.wires {
		w.kill()
		delete(p.wires, w)
	}
	p.change.Broadcast()
}

// kill resets both sockets.
func (w *wire) kill() {
	w.dead = true
	for _, c := range w.ends {
		if c != nil {
			c.SetLinger(0)
			c.Close()
		}
	}
}

func (p *Proxy) serve(l net.Listener) {
	p.listen = l
	p.tasks.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.tasks.Go(func() { p.carry(c.(*net.TCPConn)) })
		}
	})
}

// carry is one connection from its beginning.
func (p *Proxy) carry(c *net.TCPConn) {
	p.mu.Lock()
	p.count++
	w := &wire{number: p.count, ends: [2]*net.TCPConn{c}}
	if p.listen == nil { // accepted while it became deaf
		w.kill()
		p.mu.Unlock()
		return
	}
	p.wires[w] = true
	p.mu.Unlock()
	if !p.gate(w) {
		return
	}
	d, err := net.DialTimeout("tcp", p.target, 10*time.Second)
	p.mu.Lock()
	if err != nil || w.dead {
		if err == nil {
			d.Close()
		}
		w.kill()
		delete(p.wires, w)
		p.mu.Unlock()
		return
	}
	w.ends[1] = d.(*net.TCPConn)
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { p.flow(w, 0) })
	both.Go(func() { p.flow(w, 1) })
	both.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !w.dead {
		w.ends[0].Close()
		w.ends[1].Close()
	}
	delete(p.wires, w)
}

// gate waits until the wire may carry; false when it is dead.
func (p *Proxy) gate(w *wire) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.silent && !w.dead {
		p.change.Wait()
	}
	return !w.dead
}

// pace is the limit now, and how many bytes to carry at a time under it.
func (p *Proxy) pace() (rate int64, piece int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rate == 0 {
		return 0, 16 << 10
	}
	return p.rate, int(min(max(p.rate/50, 1), 16<<10))
}

// flow carries one direction to its end.
func (p *Proxy) flow(w *wire, from int) {
	src, dst := w.ends[from], w.ends[1-from]
	buf := make([]byte, 16<<10)
	for {
		rate, piece := p.pace()
		n, err := src.Read(buf[:piece])
		if !p.gate(w) {
			return
		}
		if n > 0 {
			if rate > 0 {
				time.Sleep(time.Duration(int64(n) * int64(time.Second) / rate))
				if !p.gate(w) {
					return
				}
			}
			if p.tap != nil {
				p.tapMu.Lock()
				p.tap(w.number, from == 0, buf[:n])
				p.tapMu.Unlock()
			}
			if _, werr := dst.Write(buf[:n]); werr != nil {
				err = werr
			}
		}
		if err == io.EOF {
			dst.CloseWrite()
			return
		}
		if err != nil { // one side broke it: the other learns it the same way
			p.mu.Lock()
			w.kill()
			delete(p.wires, w)
			p.mu.Unlock()
			return
		}
	}
}

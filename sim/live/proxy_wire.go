package live

import (
	"io"
	"net"
	"sync"
	"time"
)

// What a proxy carries.

// wire is one connection: its two sockets.
type wire struct {
	number int
	over   bool            // its end was told
	ends   [2]*net.TCPConn // dialer, target
	dead   bool
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

// carry is one connection from its beginning.
func (p *Proxy) carry(c *net.TCPConn) {
	p.mu.Lock()
	p.count++
	w := &wire{ends: [2]*net.TCPConn{c}}
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
	p.mu.Lock()
	target := p.target
	p.mu.Unlock()
	d, err := net.DialTimeout("tcp", target, 10*time.Second)
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
	p.made++
	if w.number = p.made; p.notice != nil {
		p.notice(w.number, NobodyYet)
	}
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
			if p.tap != nil && !(p.closesWhole() && gone(dst)) {
				p.tapMu.Lock()
				p.tap(w.number, from == 0, buf[:n])
				p.tapMu.Unlock()
			}
			if _, werr := dst.Write(buf[:n]); werr != nil {
				err = werr
			}
		}
		if err != nil {
			p.mu.Lock()
			if !w.dead {
				p.ended(w, DialerEnded+Ender(from))
			}
			p.mu.Unlock()
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

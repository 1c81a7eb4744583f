package live

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// Proxy is a wire between a replica and its master that can be broken. It
// carries bytes in order or not at all, as TCP does; it never loses some and
// carries the next.
//
// While it is silent, new connections are not completed: on Linux their SYNs go
// unanswered, and the dialer repeats them, as over a dead wire.
type Proxy struct {
	target string
	addr   string
	tap    Tap
	notice Notice

	mu     sync.Mutex
	change *sync.Cond // something below changed
	listen net.Listener
	silent bool
	idle   bool // nobody accepts: see parked
	rate   int64
	closed bool
	wires  map[*wire]bool
	count  int // connections that were accepted
	made   int // those whose target answered
	// stuff keeps the queue of the silent listener full; stuffed are the addresses
	// of such connections that were not accepted yet.
	stuff   []net.Conn
	stuffed []string
	tasks   sync.WaitGroup
	tapMu   sync.Mutex
	whole   bool // see WholeCloses
}

// Tap is told what a proxy carries, in order: which connection of those whose
// target answered, counted from 1,
// whether the dialing side said it, and the bytes, which it must copy to keep.
type Tap func(conn int, dialer bool, b []byte)

// Notice is told of the beginning and the end of each connection; who says which
// side ended it.
type Notice func(conn int, who Ender)

// Ender is who ended a connection.
type Ender uint8

// NobodyYet is the beginning of a connection.
const (
	NobodyYet Ender = iota
	DialerEnded
	TargetEnded
	ProxyReset
)

// Notify lets f know of all connections that begin from now on. It must not call
// the proxy.
func (p *Proxy) Notify(f Notice) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.notice = f
}

// ended tells of the end of a wire, once.
func (p *Proxy) ended(w *wire, who Ender) {
	if !w.over && w.number > 0 && p.notice != nil {
		p.notice(w.number, who)
	}
	w.over = true
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

// Retarget lets connections that come from now on be carried to another address.
func (p *Proxy) Retarget(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
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
	p.breakGone()
	p.silent, p.rate = false, 0
	p.unstuff()
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
	if p.listen != nil {
		p.listen.(*net.TCPListener).SetDeadline(time.Now()) // ends the wait in Accept: see parked
	}
	p.change.Broadcast()
	for p.silent && p.listen != nil && !p.idle {
		p.change.Wait()
	}
}

// parked waits for the end of the silence. Nobody accepts meanwhile, and the
// queue of the listener is so short that one connection of our own fills it.
func (p *Proxy) parked(l *net.TCPListener) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.silent && p.listen == l {
		if backlog(l, 0) == nil {
			if c, err := net.DialTimeout("tcp", p.addr, 100*time.Millisecond); err == nil {
				p.stuff, p.stuffed = append(p.stuff, c), append(p.stuffed, c.LocalAddr().String())
			}
		}
	}
	p.idle = true
	p.change.Broadcast()
	for p.silent && p.listen == l {
		p.change.Wait()
	}
	p.idle = false
	if p.listen != l {
		return false
	}
	backlog(l, 128)
	return l.SetDeadline(time.Time{}) == nil
}

// backlog says how many connections may wait to be accepted.
func backlog(l *net.TCPListener, n int) error {
	raw, err := l.SyscallConn()
	if err != nil {
		return err
	}
	if e := raw.Control(func(fd uintptr) { err = syscall.Listen(int(fd), n) }); e != nil {
		return e
	}
	return err
}

// unstuff ends the connections that filled the queue.
func (p *Proxy) unstuff() {
	for _, c := range p.stuff {
		c.Close()
	}
	p.stuff = p.stuff[:0]
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
	p.unstuff()
	if p.listen != nil {
		p.listen.Close()
		p.listen = nil
	}
}

func (p *Proxy) reset() {
	for w := range p.wires {
		p.ended(w, ProxyReset)
		w.kill()
		delete(p.wires, w)
	}
	p.change.Broadcast()
}

func (p *Proxy) serve(l net.Listener) {
	p.listen = l
	p.tasks.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				if errors.Is(err, os.ErrDeadlineExceeded) && p.parked(l.(*net.TCPListener)) {
					continue
				}
				return
			}
			if p.ours(c) {
				c.Close()
				continue
			}
			p.tasks.Go(func() { p.carry(c.(*net.TCPConn)) })
		}
	})
}

// ours says whether a connection is one that filled the queue. Both ends of it
// are here.
func (p *Proxy) ours(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	from := c.RemoteAddr().String()
	for i, s := range p.stuffed {
		if s == from {
			p.stuffed = append(p.stuffed[:i], p.stuffed[i+1:]...)
			return true
		}
	}
	return false
}

package live

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"psyncsim/model"
)

// conn is one connection of a node. All but out belongs to the node's loop.
type conn struct {
	id       model.ConnID
	net      net.Conn           // nil while it is dialed
	cancel   context.CancelFunc // ends the dialing
	attached bool               // carries the node's stream
	from     model.Offset       // since this byte
	stall    model.Offset       // the byte from which the node knows that nothing is taken; 0: all is
	seen     int64              // what the socket had taken when it was last looked at
	rest     []byte             // read and not yet told
	waits    bool               // the reader waits for next
	next     chan struct{}      // lets the reader read on
	gone     chan struct{}      // closed when the node has given it up
	sink     *sink              // a snapshot that arrives
	taken    *sink              // one that is here as a whole
	snapshot int64              // bytes of one that goes out, with its trailer
	out      outbox
}

func newConn(id model.ConnID) *conn {
	c := &conn{id: id, next: make(chan struct{}, 1), gone: make(chan struct{})}
	c.out.wake = make(chan struct{}, 1)
	return c
}

// lingering bounds the wait for a peer that does not take the last bytes of a
// connection that the node has closed.
const lingering = time.Second

func (n *Node) acceptAll() {
	for {
		nc, err := n.listen.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of files: others may free some
			time.Sleep(10 * time.Millisecond)
			continue
		}
		if !n.post(event{kind: evAccepted, nc: nc}) {
			nc.Close()
		}
	}
}

func (n *Node) dial(id model.ConnID, peer string) {
	c := newConn(id)
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	n.conns[id] = c
	n.tasks.Go(func() {
		defer cancel()
		var d net.Dialer
		nc, err := d.DialContext(ctx, "tcp", peer)
		e := event{kind: evDialed, c: c, nc: nc}
		if err != nil {
			e.nc, e.why = nil, reason(err, model.WhyUnreachable)
		}
		if !n.post(e) && e.nc != nil {
			e.nc.Close()
		}
	})
}

// reason names the end of a connection.
func reason(err error, other model.Why) model.Why {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return model.WhyRefused
	case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
		return model.WhyClosed
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return model.WhyReset
	}
	return other
}

// open begins to read and write a connection that stands.
func (c *conn) open(n *Node, nc net.Conn) {
	c.net = nc
	if n.conns[c.id] != c {
		nc.Close() // given up by the step that heard of it
		return
	}
	n.tasks.Go(func() { c.readAll(n) })
	n.tasks.Go(func() { c.out.writeAll(nc, func() { n.post(event{kind: evSent, c: c}) }) })
}

// readAll tells the loop what arrives, one piece at a time: what is not taken
// waits in the socket, and its sender with it.
func (c *conn) readAll(n *Node) {
	buf := make([]byte, 64<<10)
	for {
		k, err := c.net.Read(buf)
		if k > 0 {
			if !n.post(event{kind: evRead, c: c, data: buf[:k]}) {
				return
			}
			select {
			case <-c.next:
			case <-c.gone:
				return
			}
		}
		if err != nil {
			n.post(event{kind: evEnded, c: c, why: reason(err, model.WhyReset)})
			return
		}
	}
}

// hangup closes the connection: behind a refusal, but a replica gets no more of
// what waits for it (freeClient).
func (c *conn) hangup() {
	if c.net == nil || c.attached {
		c.abort()
		return
	}
	close(c.gone)
	c.net.SetDeadline(time.Now().Add(lingering))
	c.out.close()
}

// abort closes it at once.
func (c *conn) abort() {
	close(c.gone)
	if c.net == nil {
		c.cancel()
		return
	}
	c.net.Close()
	c.out.close()
}

// outbox is what waits to be written. It takes everything: how much a peer may
// leave waiting is the node's to decide.
type outbox struct {
	mu     sync.Mutex
	pieces []piece
	put    int64 // bytes that came
	taken  int64 // bytes that the socket took
	closed bool
	wake   chan struct{}
}

// piece is bytes to write, or the note that all before it was written.
type piece struct {
	data  []byte
	fixed bool // not ours: nothing may be appended
	sent  bool
}

// add copies bytes behind what waits.
func (o *outbox) add(b []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.put += int64(len(b))
	if n := len(o.pieces); n > 0 && !o.pieces[n-1].fixed {
		o.pieces[n-1].data = append(o.pieces[n-1].data, b...)
	} else if len(b) > 0 {
		o.pieces = append(o.pieces, piece{data: bytes.Clone(b)})
	}
	o.ring()
}

// addSnapshot adds a snapshot and its trailer without copying them; its end is
// told.
func (o *outbox) addSnapshot(b, trailer []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.put += int64(len(b) + len(trailer))
	o.pieces = append(o.pieces, piece{data: b, fixed: true}, piece{data: trailer, fixed: true}, piece{fixed: true, sent: true})
	o.ring()
}

func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.ring()
}

func (o *outbox) ring() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// writeAll writes what comes until close, then closes the connection. An error
// closes it too: the reader tells of it.
func (o *outbox) writeAll(nc net.Conn, sent func()) {
	defer nc.Close()
	for {
		o.mu.Lock()
		pieces, closed := o.pieces, o.closed
		o.pieces = nil
		o.mu.Unlock()
		for _, p := range pieces {
			if p.sent {
				sent()
			} else if !o.write(nc, p.data) {
				return
			}
		}
		if len(pieces) == 0 {
			if closed {
				return
			}
			<-o.wake
		}
	}
}

// write writes a piece bit by bit, so that its progress can be seen.
func (o *outbox) write(nc net.Conn, b []byte) bool {
	for len(b) > 0 {
		n, err := nc.Write(b[:min(len(b), 16<<10)])
		b = b[n:]
		o.mu.Lock()
		o.taken += int64(n)
		if err != nil {
			o.pieces = nil // nobody will write it
		}
		o.mu.Unlock()
		if err != nil {
			return false
		}
	}
	return true
}

// waiting is how many bytes wait, and how many the socket has taken.
func (o *outbox) waiting() (bytes, taken int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.put - o.taken, o.taken
}

// sink takes a snapshot off a connection.
type sink struct {
	left int64  // bytes to come; below 0: until the mark
	mark []byte // ends a snapshot without length
	buf  []byte // the snapshot so far; of one that is thrown away, its end
	drop bool
}

// take gives how many of the bytes are the snapshot's, its mark included, and
// whether it is complete.
func (s *sink) take(p []byte) (used int, done bool) {
	if s.mark == nil {
		used = int(min(s.left, int64(len(p))))
		s.left -= int64(used)
		if !s.drop {
			s.buf = append(s.buf, p[:used]...)
		}
		return used, s.left == 0
	}
	had := len(s.buf)
	s.buf = append(s.buf, p...)
	from := max(0, had-len(s.mark)+1) // the mark may have begun in what was here
	if i := bytes.Index(s.buf[from:], s.mark); i >= 0 {
		s.buf = s.buf[:from+i]
		return from + i + len(s.mark) - had, true
	}
	if over := len(s.buf) - len(s.mark); s.drop && over > 0 {
		s.buf = append(s.buf[:0], s.buf[over:]...)
	}
	return len(p), false
}

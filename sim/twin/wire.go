package twin

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"sync"

	"psyncsim/model"
)

// Exchange is one request to synchronize, and what became of it. Times are
// seconds since the first server started.
type Exchange struct {
	T               float64
	Replica, Master int
	Conn            int    // counted from 1 between these two
	Request, Reply  string // the lines; the reply is "" when none came
	Reason          string // "" for a partial one, and where it cannot be known
	Gap             int64  // bytes missed; -1 where there is no such number
	Stream          int64  // bytes of stream that followed; -1 where that is not known
	Digest          string // of these bytes without PINGs; "" where they were only counted
	sifter          sifter
	hushed          bool // its connection went through a silence
}

// wires hears connections, real or simulated ones.
type wires struct {
	mu    sync.Mutex
	conns map[wireKey]*wire
	all   []*Exchange
	// tell, if it is set, hears each request, each reply to one, and each line
	// before a snapshot.
	tell func(k wireKey, line string, kind lineKind)
}

type wireKey struct{ replica, master, conn int }

// wire is one connection.
type wire struct {
	request model.CommandReader
	reply   model.LineReader
	now     *Exchange
	state   wireState
	left    int64  // bytes of payload to come
	mark    []byte // ends the payload
	tail    []byte // its last bytes
	tell    func(line string, kind lineKind)
}

// lineKind is what kind of line a connection carries.
type lineKind uint8

const (
	lineRequest lineKind = iota // PSYNC or SYNC
	lineReply                   // to PSYNC
	lineHeader                  // before a snapshot
	lineError                   // instead of one
)

// endOffset begins the line with which a valkey answers SYNC on an rdb channel.
const endOffset = "$ENDOFF:"

// fullReply says whether a reply is that of a full synchronization.
func fullReply(line string) bool {
	return strings.HasPrefix(line, "+FULLRESYNC") || strings.HasPrefix(line, "+DUALCHANNELSYNC")
}

type wireState uint8

const (
	speaking  wireState = iota // lines
	answered                   // the line before a snapshot is to come
	payload                    // of known length
	marked                     // ends with the mark
	streaming                  //
)

func newWires() *wires { return &wires{conns: map[wireKey]*wire{}} }

// hear takes bytes in the order in which they were said.
func (h *wires) hear(k wireKey, t float64, dialer bool, b []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.conns[k]
	if c == nil {
		c = &wire{tell: func(line string, kind lineKind) {
			if h.tell != nil {
				h.tell(k, line, kind)
			}
		}}
		h.conns[k] = c
	}
	if dialer {
		h.asked(k, c, t, b)
	} else {
		c.said(b)
	}
}

func (h *wires) asked(k wireKey, c *wire, t float64, b []byte) {
	c.request.Feed(b)
	for {
		args, _, ok, err := c.request.Next()
		if !ok || err != nil {
			return
		}
		if len(args) == 0 {
			continue
		}
		if word := strings.ToUpper(string(args[0])); word == "PSYNC" || word == "SYNC" {
			c.now = &Exchange{T: t, Replica: k.replica, Master: k.master, Conn: k.conn, Request: string(bytes.Join(args, []byte(" "))), Gap: -1}
			h.all = append(h.all, c.now)
			c.tell(c.now.Request, lineRequest)
			if word == "SYNC" {
				c.state = answered
			}
		}
	}
}

func (c *wire) said(b []byte) {
	switch c.state {
	case speaking, answered:
		c.reply.Feed(b)
		for c.state == speaking || c.state == answered {
			line, _, ok, err := c.reply.Line()
			if !ok || err != nil {
				return
			}
			c.line(string(line))
		}
		c.said(c.reply.Rest())
	case payload:
		n := min(c.left, int64(len(b)))
		if c.left -= n; c.left == 0 {
			c.state = streaming
			c.said(b[n:])
		}
	case marked:
		c.tail = append(c.tail, b...)
		if i := bytes.Index(c.tail, c.mark); i >= 0 {
			c.state = streaming
			c.said(c.tail[i+len(c.mark):])
			c.tail = nil
		} else if n := len(c.tail) - len(c.mark); n > 0 {
			c.tail = append(c.tail[:0], c.tail[n:]...)
		}
	case streaming:
		c.took(int64(len(b)), b)
	}
}

// took tells of stream bytes that went on to the replica; b is nil when they
// are only counted.
func (h *wires) took(k wireKey, n int64, b []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c := h.conns[k]; c != nil && c.now != nil {
		c.took(n, b)
	}
}

func (c *wire) took(n int64, b []byte) {
	c.now.Stream += n
	if b == nil {
		return
	}
	c.now.sifter.write(b)
}

func (c *wire) line(line string) {
	if line == "" || c.now == nil {
		return
	}
	switch {
	case c.state == answered:
		if strings.HasPrefix(line, endOffset) { // of a dual-channel sync, before the snapshot
			c.now.Reply = line
		} else if mark, ok := strings.CutPrefix(line, "$EOF:"); ok {
			c.state, c.mark = marked, []byte(mark)
			c.tell(line, lineHeader)
		} else if n, err := strconv.ParseInt(strings.TrimPrefix(line, "$"), 10, 64); err == nil {
			c.tell(line, lineHeader)
			if c.left, c.state = n, payload; n == 0 {
				c.state = streaming
			}
		} else {
			c.tell(line, lineError)
		}
	case c.now.Reply != "":
	default:
		c.now.Reply = line
		c.tell(line, lineReply)
		switch {
		case strings.HasPrefix(line, "+FULLRESYNC"):
			c.state = answered
		case strings.HasPrefix(line, "+CONTINUE"):
			c.state = streaming
		}
	}
}

// hush notes that the connections between two servers fall silent.
func (h *wires) hush(a, b int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for k, c := range h.conns {
		if c.now != nil && linkKey(k.replica, k.master) == linkKey(a, b) {
			c.now.hushed = true
		}
	}
}

// exchanges are copies of those that were heard, in order.
func (h *wires) exchanges() (list []Exchange) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, e := range h.all {
		x := *e
		if e.hushed && slices.ContainsFunc(h.all[i+1:], func(n *Exchange) bool { return n.Replica == e.Replica }) {
			// After the silence the proxy carried on what waited, to a socket that the
			// replica had closed meanwhile.
			x.Stream = -1
		} else {
			x.Digest = e.sifter.digest()
		}
		list = append(list, x)
	}
	return list
}

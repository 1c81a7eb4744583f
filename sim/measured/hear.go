package measured

import (
	"bytes"
	"strconv"
	"strings"

	"psyncsim/model"
	"psyncsim/sim"
	"psyncsim/sim/trace"
)

// recorder writes down of a simulated run what the real recorder did: its
// proxies saw every connection, its log readers every verdict.
type recorder struct {
	names    []string
	latency  model.Instant
	conns    []*conn
	open     []*conn // established, in that order
	dials    []dial
	verdicts []verdict
	pings    []ping
	linkUp   []moment              // a replica follows the stream
	online   []moment              // a master streams to a replica
	disks    []disk                // what is in each server's snapshot file
	saving   []disk                // what the snapshot being made, or received, will hold
	saves    []bool                // the process will save when it ends
	fulls    map[int]model.Instant // when a full sync last began at a server
	left     func(server int) *model.Saved
	saved    func(server int) *model.Saved
	skew     func() model.Instant // recorded time minus simulated time
}

// conn is one connection as a proxy between the servers sees it.
type conn struct {
	serial    int
	link      string        // "B->A"
	number    int           // of the connections of that link that were established
	at        model.Instant // when the connect was seen
	real      model.Instant // that in recorded time
	request   model.CommandReader
	reply     model.LineReader
	items     []item
	streamed  int64 // bytes of stream that the replica took
	closedBy  string
	halfOpen  bool // its dialer alone was told that it ended
	closed    model.Instant
	realEnd   model.Instant // closed in recorded time
	acceptor  int
	dialer    int
	requested bool
}

type itemKind uint8

const (
	itemRequest itemKind = iota // PSYNC or SYNC
	itemReply                   // the line that answers it
	itemHeader                  // the line before a snapshot
	itemAck
)

// eofLine announces a snapshot of unknown length, as the recorder writes it.
const eofLine = "$EOF:<40 bytes>"

// item is one line on a connection.
type item struct {
	kind itemKind
	at   model.Instant
	real model.Instant // at in recorded time
	line string
	ack  model.Offset
	seen bool // compared with a recorded line
}

// dial is one attempt to connect, also one that is refused.
type dial struct {
	at   model.Instant
	link string
}

// verdict is what a master decided.
type verdict struct {
	at     model.Instant // in recorded time
	master string
	full   bool
	from   model.Offset
	bytes  int64
	hist   int64
}

type ping struct {
	at     model.Instant
	server string
	offset model.Offset // its last byte
}

type moment struct {
	at   model.Instant
	link string
}

// disk is a snapshot file.
type disk struct {
	exists bool
	saved  *model.Saved
}

func (r *recorder) index(name string) int {
	for i, n := range r.names {
		if n == name {
			return i
		}
	}
	return -1
}

// Hear is the wire; see sim.Listener.
func (r *recorder) Hear(at model.Instant, s sim.Signal) {
	c := r.conn(s)
	switch s.Kind {
	case sim.SignalOpen:
		// The proxy between the two sees the connect when it has come half way.
		c.at, c.real = at-r.latency, at-r.latency+r.skew()
		for _, o := range r.open {
			if o.link == c.link {
				c.number++
			}
		}
		c.number++
		r.open = append(r.open, c)
	case sim.SignalData:
		if s.From == s.Dialer {
			c.asked(item{at: at, real: at + r.skew()}, s.Data)
		} else {
			c.answered(item{at: at, real: at + r.skew()}, s.Data)
		}
	case sim.SignalTaken:
		c.streamed += s.Bytes
	case sim.SignalHalfOpen:
		c.halfOpen = true
	case sim.SignalHangup, sim.SignalReset:
		if c.closedBy != "" {
			return
		}
		c.closed, c.realEnd = at, at+r.skew()
		switch {
		case s.Kind == sim.SignalReset:
			c.closedBy = "proxy reset"
		case s.From == s.Dialer:
			c.closedBy = "replica"
		default:
			c.closedBy = "master"
		}
	}
}

func (r *recorder) conn(s sim.Signal) *conn {
	for _, c := range r.conns {
		if c.serial == s.Conn {
			return c
		}
	}
	c := &conn{serial: s.Conn, dialer: s.Dialer, acceptor: s.Acceptor, link: r.names[s.Dialer] + "->" + r.names[s.Acceptor]}
	r.conns = append(r.conns, c)
	return c
}

// asked reads what the replica says.
func (c *conn) asked(it item, data []byte) {
	c.request.Feed(data)
	for {
		args, _, ok, err := c.request.Next()
		if !ok || err != nil {
			return
		}
		if len(args) == 0 {
			continue
		}
		switch word := strings.ToUpper(string(args[0])); {
		case word == "PSYNC" || word == "SYNC":
			c.requested = true
			it.kind, it.line = itemRequest, string(bytes.Join(args, []byte(" ")))
			c.items = append(c.items, it)
		case word == "REPLCONF" && len(args) > 2 && strings.EqualFold(string(args[1]), "ack"):
			n, _ := strconv.ParseInt(string(args[2]), 10, 64)
			it.kind, it.ack = itemAck, model.Offset(n)
			c.items = append(c.items, it)
		}
	}
}

// answered reads what the master says before the stream.
func (c *conn) answered(it item, data []byte) {
	c.reply.Feed(data)
	for {
		line, _, ok, err := c.reply.Line()
		if !ok || err != nil {
			return
		}
		if len(line) == 0 || !c.requested {
			continue
		}
		it.kind, it.line = itemReply, string(line)
		if line[0] == '$' {
			it.kind = itemHeader
			if mark, ok := strings.CutPrefix(it.line, "$EOF:"); ok && len(mark) == len(model.ZeroID) {
				it.line = eofLine // the mark is arbitrary
			}
		}
		c.items = append(c.items, it)
	}
}

// Observe reads the trace: what the servers log.
func (r *recorder) Observe(rec *trace.Record) {
	e := &rec.Event
	me := r.index(rec.Node)
	switch e.Kind {
	case model.EvDialed:
		r.dials = append(r.dials, dial{rec.At, rec.Node + "->" + e.Peer})
	case model.EvJudged:
		r.verdicts = append(r.verdicts, verdict{rec.At + r.skew(), rec.Node, e.Full, e.Offset, e.Gap, e.Hist})
	case model.EvPinged:
		r.pings = append(r.pings, ping{rec.At, rec.Node, e.Offset})
	case model.EvOnline:
		r.linkUp = append(r.linkUp, moment{rec.At, rec.Node + "->" + e.Peer})
	case model.EvPeerOnline:
		r.online = append(r.online, moment{rec.At, e.Peer + "->" + rec.Node})
	case trace.Killed:
		if r.saves[me] {
			r.disks[me] = disk{exists: true, saved: r.left(me)}
		}
		r.saves[me] = false
	case model.EvSaving:
		r.saving[me] = disk{exists: true, saved: r.saved(me)}
	case model.EvSaved:
		if e.Bytes > 0 { // a snapshot to sockets leaves no file
			r.disks[me] = r.saving[me]
		}
	case model.EvFullBegins:
		r.saving[me] = disk{exists: true}
		if r.fulls == nil {
			r.fulls = map[int]model.Instant{}
		}
		r.fulls[me] = rec.At
		if e.ID != "" && len(e.ID) == len(model.ZeroID) {
			r.saving[me].saved = &model.Saved{ID: e.ID, Offset: e.Offset}
		}
	case model.EvLoading:
		r.disks[me] = r.saving[me] // the received file becomes its own
	}
}

// established is connection n of a link, nil until there is one.
func (r *recorder) established(link string, n int) *conn {
	for _, c := range r.open {
		if c.link == link && c.number == n {
			return c
		}
	}
	return nil
}

// next is the first line of a kind that was not compared yet.
func (c *conn) next(kinds ...itemKind) *item {
	for i := range c.items {
		for _, k := range kinds {
			if c.items[i].kind == k && !c.items[i].seen {
				return &c.items[i]
			}
		}
	}
	return nil
}

// find is line n of a kind.
func (c *conn) find(kind itemKind, n int) *item {
	for i := range c.items {
		if c.items[i].kind == kind {
			if n == 0 {
				return &c.items[i]
			}
			n--
		}
	}
	return nil
}

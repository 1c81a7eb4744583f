package measured

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"psyncsim/model"
)

// The modes of the action link, in the recorder's words.
const (
	modePacketLoss = "drop all packets (TCP retransmits)"
	modeResetOne   = "reset one connection"
	modeHalfOpen   = "half-open: replica side reset, master side kept open; new connections pass"
	modeHollow     = "reset, then new connections are accepted by the network but nothing is forwarded"
)

// link does something to the network between two servers.
func (p *player) link(e *Event, f fields) bool {
	var name, mode, connects string
	f.take("link", &name)
	f.take("mode", &mode)
	f.take("new_connections", &connects)
	replica, master, _ := strings.Cut(name, "->")
	a, b := p.server(replica), p.server(master)
	if a < 0 || b < 0 {
		return false
	}
	p.handOn(name)
	p.done = append(p.done, deed{op: e.Op, link: name, mode: mode, at: p.w.Now()})
	known := true
	switch mode {
	case "reset":
		known = connects == "refuse" || connects == "accept" || connects == "pass" || connects == ""
		p.w.Cut(a, b, connects == "refuse")
	case "pass":
		p.w.Heal(a, b)
		p.unshape(a, b)
	case modePacketLoss:
		p.w.Silence(a, b)
	case "blackhole":
		known = p.blackhole(name, a, b, f)
	case "throttle":
		var rate float64
		known = f.take("bytes_per_s", &rate) && rate >= 0
		latency, _ := p.w.Shaped(a, b)
		p.w.Shape(a, b, latency, int64(rate))
	case "delay":
		var way float64
		known = f.take("one_way_s", &way) && way >= 0
		_, rate := p.w.Shaped(a, b)
		p.w.Shape(a, b, time.Duration(p.rec.latency)+time.Duration(way*1e9), rate)
	case "cut_after_bytes":
		known = p.cutAfter(name, a, b, connects == "refuse", f)
	case modeResetOne:
		known = p.resetOne(name, f)
	case modeHalfOpen:
		p.w.HalfOpen(a, b)
	case modeHollow:
		p.w.Hollow(a, b)
	default:
		known = false
	}
	if !known {
		p.differ("not known: link", strings.TrimSpace(mode+" "+connects), "")
	}
	return true
}

// handOn lets lines arrive that were seen on a link: the proxy between the two
// servers had handed them on before it did anything else.
func (p *player) handOn(link string) {
	for _, c := range p.rec.open {
		for i := range c.items {
			if it := &c.items[i]; c.link == link && it.seen {
				p.advance(it.at + p.rec.latency + pollStep)
			}
		}
	}
}

// unshape takes delay and limit off a link.
func (p *player) unshape(a, b int) {
	if latency, rate := p.w.Shaped(a, b); latency != time.Duration(p.rec.latency) || rate != p.bandwidth {
		p.w.Shape(a, b, time.Duration(p.rec.latency), p.bandwidth)
	}
}

// ways reads a direction, or several: "both", "B->A", "replica->master",
// "to_master", a list of these. Of a link B->A the replica is B.
func ways(raw json.RawMessage, link string) (up, down, ok bool) {
	var list []string
	if json.Unmarshal(raw, &list) != nil {
		var one string
		if len(raw) > 0 && json.Unmarshal(raw, &one) != nil {
			return false, false, false
		}
		list = []string{one}
	}
	replica, master, _ := strings.Cut(link, "->")
	for _, w := range list {
		w = strings.NewReplacer("_", "", " ", "", "to", "->").Replace(strings.ToLower(w))
		switch w {
		case "", "both":
			up, down = true, true
		case strings.ToLower(replica + "->" + master), "replica->master", "->master", "up", "upstream":
			up = true
		case strings.ToLower(master + "->" + replica), "master->replica", "->replica", "down", "downstream":
			down = true
		default:
			return false, false, false
		}
	}
	return up, down, true
}

// blackhole lets nothing pass, both ways or one way.
func (p *player) blackhole(link string, replica, master int, f fields) bool {
	up, down, ok := ways(f["directions"], link)
	delete(f, "directions")
	switch {
	case !ok:
		return false
	case up && down:
		p.w.Silence(replica, master)
	case up:
		p.w.SilenceOneWay(replica, master)
	default:
		p.w.SilenceOneWay(master, replica)
	}
	return true
}

// cutAfter cuts a connection when so many bytes have passed, the stream's side
// of it if nothing else is said.
func (p *player) cutAfter(link string, replica, master int, refuse bool, f fields) bool {
	var n int64
	raw := f["direction"]
	if raw == nil {
		raw = json.RawMessage(`"master->replica"`)
	}
	up, down, ok := ways(raw, link)
	delete(f, "direction")
	if !f.take("bytes", &n) || n < 0 || !ok || up == down {
		return false
	}
	p.cutting = &cutting{link: link, replica: replica, master: master, bytes: n, closed: p.resets(link), refuse: refuse}
	if up {
		p.w.CutAfter(replica, master, n)
	} else {
		p.w.CutAfter(master, replica, n)
	}
	return true
}

// cutting is a cut that waits for its byte.
type cutting struct {
	link            string
	replica, master int
	bytes           int64
	closed          int  // connections of that link that were reset before
	refuse          bool // connects are then refused
	done            bool
}

// cut sees to a cut that waits for its byte.
func (p *player) cut() {
	c := p.cutting
	for i := range p.cfg.Servers {
		p.infoOf(i) // what has arrived is worked out when it is asked for
	}
	p.w.Advance(p.w.Now())
	if p.resets(c.link) == c.closed {
		return
	}
	if c.done = true; c.refuse {
		p.w.Cut(c.replica, c.master, true)
	}
}

// resets counts the connections of a link that the network reset.
func (p *player) resets(link string) (n int) {
	for _, c := range p.rec.open {
		if c.link == link && c.closedBy == "proxy reset" {
			n++
		}
	}
	return n
}

// resetOne resets one connection of a link: the one with that number, or the
// oldest or newest of those that are open; or the one that carries the snapshot
// or the stream of a sync with two of them.
func (p *player) resetOne(link string, f fields) bool {
	var open []*conn
	for _, c := range p.rec.open {
		if c.link == link && c.closedBy == "" {
			open = append(open, c)
		}
	}
	raw := f["which"]
	delete(f, "which")
	var number int
	var word string
	var c *conn
	switch {
	case len(open) == 0:
		p.differ("link "+modeResetOne, "a connection", "none is open")
		return true
	case raw == nil:
		c = open[len(open)-1]
	case json.Unmarshal(raw, &number) == nil:
		c = p.rec.established(link, number)
	case json.Unmarshal(raw, &word) == nil:
		if n, err := strconv.Atoi(strings.TrimPrefix(word, "#")); err == nil {
			c = p.rec.established(link, n)
			break
		}
		switch word {
		case "main", "main-channel", "oldest", "first":
			c = open[0]
		case "rdb", "rdb-channel", "newest", "last":
			c = open[len(open)-1]
		}
	}
	return c != nil && p.w.ResetConn(c.serial)
}

// background is a client that writes for a while.
type background struct {
	server int
	sizes  []int64
	from   model.Instant
	over   float64 // seconds
}

// due is when its next command is written.
func (b *background) due(done int) model.Instant {
	return b.from + model.Instant(b.over*1e9*float64(done)/float64(len(b.sizes)))
}

// writeOver lets a client write commands evenly over some seconds, from now on.
func (p *player) writeOver(s int, sizes []int64, over float64) {
	p.writing = append(p.writing, &writing{background: background{s, sizes, p.w.Now(), over}})
	var total int64
	for _, n := range sizes {
		total += n
	}
	p.loose = max(p.loose, int64(2*float64(total)/over*Latency.Seconds())+sizes[0])
}

type writing struct {
	background
	done int
}

// writes lets the clients write that write in the background, and says when the
// next of them will.
func (p *player) writes() (next model.Instant) {
	next = model.Never
	left := p.writing[:0]
	for _, b := range p.writing {
		for b.done < len(b.sizes) && b.due(b.done) <= p.w.Now() {
			p.w.Write(b.server, b.sizes[b.done])
			b.done++
		}
		if b.done < len(b.sizes) {
			next = min(next, b.due(b.done))
			left = append(left, b)
		}
	}
	p.writing = left
	return next
}

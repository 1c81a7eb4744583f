package measured

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"psyncsim/model"
)

// observe compares one thing that was seen; false if it is not known.
func (p *player) observe(e *Event, f fields) bool {
	switch e.Op {
	case "connect_attempt", "psync_request", "psync_reply", "sync_error_reply", "rdb_header",
		"conn_closed", "replica_side_closed", "master_side_closed", "conn_half_open", "link_cut_at_byte":
		return p.wire(e, f)
	case "wait_timeout":
		// The recorder waited for something and went on without it. What it waited
		// for is its own words; what happened instead is in the other events.
		clear(f)
	case "stopped":
		node := ""
		f.take("node", &node)
		if s := p.server(node); s < 0 || !p.await(seconds(e.T), func() bool { return !p.w.Alive(s) }) {
			p.differ("stopped", node, "runs")
		}
	case "rdb_on_disk":
		node := ""
		if f.take("node", &node); p.server(node) < 0 {
			return false
		}
		p.compareDisk("rdb_on_disk of "+node, f["rdb"], p.rec.disks[p.server(node)])
		delete(f, "rdb")
	case "info":
		return p.info(e, f)
	case "dataset_digest":
		return p.digest(e, f)
	case "staircase_start":
		p.stairStart(f)
	default:
		return false
	}
	return true
}

// wire compares what a proxy saw of one connection.
func (p *player) wire(e *Event, f fields) bool {
	var link, line, by string
	var number int
	if !f.take("link", &link) || !f.take("conn", &number) {
		return false
	}
	f.take("line", &line)
	named := f.take("by", &by)
	t := seconds(e.T)
	what := fmt.Sprintf("%s %s#%d", e.Op, link, number)
	c := p.rec.established(link, number)
	if e.Op == "connect_attempt" {
		if !p.awaitFrom(t, p.held, func() bool { c = p.rec.established(link, number); return c != nil }) {
			p.differ(what, "seen", "not seen")
			return true
		}
		p.connected(t, c, what)
		return true
	}
	if c == nil {
		p.differ(what, "seen", "no such connection")
		return true
	}
	switch e.Op {
	case "conn_half_open":
		if !p.await(t, func() bool { return c.halfOpen }) {
			p.differ(what, "seen", "not seen")
		}
		return true
	case "link_cut_at_byte":
		return p.cutAt(t, c, f, what)
	case "conn_closed", "replica_side_closed", "master_side_closed":
		held := false
		if f.take("held", &held); held {
			return false
		}
		p.closed(e, c, what, named, by)
		return true
	}
	kinds := map[string]itemKind{"psync_request": itemRequest, "rdb_header": itemHeader}
	kind, ok := kinds[e.Op]
	if !ok {
		kind = itemReply
	}
	if !p.await(t, func() bool { return c.next(kind) != nil }) {
		p.differ(what, line, "nothing")
		return true
	}
	it := c.next(kind)
	it.seen = true
	if !p.sameLine(line, it.line) {
		p.differ(what, line, p.ids.show(it.line))
	}
	p.within(what, inSeconds(t), inSeconds(it.at+p.skew))
	return true
}

// connected compares when a connect was seen. It is what a turn of
// replicationCron did, or followed from what was done at a recorded time; so it
// sets the clocks right. On a machine that held processes up the turn may come
// later by what that adds up to, and no earlier.
func (p *player) connected(t model.Instant, c *conn, what string) {
	d := p.sim(t) - c.at
	late := time.Duration(d) > Latency && time.Duration(d) <= Latency+p.held
	if late {
		c.real += d
		p.result.Late = max(p.result.Late, time.Duration(d))
	} else {
		p.within(what, inSeconds(t), inSeconds(c.at+p.skew))
	}
	if late || max(d, -d) <= model.Instant(Latency) {
		p.skew += d
	}
}

// closed compares the end of a connection. Of an end that nothing explains, and
// after which the server is heard of no more, the recorder was the cause.
func (p *player) closed(e *Event, c *conn, what string, named bool, by string) {
	t := seconds(e.T)
	if !named {
		by = strings.TrimSuffix(e.Op, "_side_closed")
	}
	if c.closedBy == "" && p.lastWord(by, c) {
		name := p.rec.names[map[string]int{"replica": c.dialer, "master": c.acceptor}[by]]
		p.result.Assumed = append(p.result.Assumed, fmt.Sprintf("%.4f: the recorder ended %s", e.T, name))
		p.advance(p.sim(t))
		p.w.Stop(p.server(name), false)
	}
	if !p.await(t, func() bool { return c.closedBy != "" }) {
		p.differ(what, by, "open")
		return
	}
	p.equal(what, by, c.closedBy)
	p.within(what, inSeconds(t), inSeconds(c.closed+p.skew))
}

// lastWord says whether the recording never mentions the end `by` of a
// connection again, apart from the ends of its connections.
func (p *player) lastWord(by string, c *conn) bool {
	name := p.rec.names[c.dialer]
	if by == "master" {
		name = p.rec.names[c.acceptor]
	} else if by != "replica" {
		return false
	}
	for _, e := range p.c.Events[p.event:] {
		if strings.HasSuffix(e.Op, "_closed") {
			continue
		}
		if strings.Contains(string(e.fields["nodes"]), strconv.Quote(name)+":") || e.fields.text("node") == name ||
			e.fields.text("master") == name || strings.Contains(e.fields.text("link"), name) {
			return false
		}
	}
	return true
}

// digest compares whether all servers hold the same data: they do if they hold
// the same history up to the same byte, which the world itself checks.
func (p *player) digest(e *Event, f fields) bool {
	var nodes map[string]string
	equal := false
	if !f.take("nodes", &nodes) || !f.take("equal", &equal) {
		return false
	}
	same := func() bool {
		end := model.Offset(-1)
		for name := range nodes {
			if info := p.infoOf(p.server(name)); info != nil && info.Role == "master" {
				end = info.MRO
			}
			for m, at := range p.filled { // a replica has that with its next snapshot
				if s := p.server(name); s != m && at > p.rec.fulls[s] {
					return false
				}
			}
		}
		for name := range nodes {
			info := p.infoOf(p.server(name))
			if info == nil || info.Role != "master" && (!info.LinkUp || info.SlaveReplOffset != end) {
				return false
			}
		}
		return true
	}
	if equal {
		p.await(seconds(e.T), same)
	} else {
		p.advance(p.sim(seconds(e.T)))
	}
	p.equal("dataset_digest of the nodes", strconv.FormatBool(equal), strconv.FormatBool(len(values(nodes)) == 1))
	p.equal("dataset_digest equal", strconv.FormatBool(equal), strconv.FormatBool(same()))
	return true
}

package twin

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"psyncsim/sim"
	"psyncsim/sim/live"
	"psyncsim/sim/measured"
)

// recorder writes a real run down in the words of recorded files.
type recorder struct {
	s    *stage
	tape measured.Tape

	mu      sync.Mutex
	asked   []*talk
	open    map[wireKey]*talk
	nodes   []measured.NodeInfo
	spoiled error
	exs     []Exchange
}

// talk is one connection.
type talk struct {
	measured.Asked
	key wireKey
}

func newRecorder(s *stage) *recorder {
	r := &recorder{s: s, open: map[wireKey]*talk{}}
	s.heard.tell = r.heard
	return r
}

func (r *recorder) name(i int) string { return r.s.cfg.Servers[i].Name }

func (r *recorder) link(k wireKey) string { return r.name(k.replica) + "->" + r.name(k.master) }

// did writes down what is done to a server.
func (r *recorder) did(op string, server int, more ...measured.TapeMember) {
	r.tape.Did(r.s.since(), op, append([]measured.TapeMember{measured.Member("node", r.name(server))}, more...)...)
}

func (r *recorder) saw(op string, server int) {
	r.tape.Saw(r.s.since(), op, measured.Member("node", r.name(server)))
}

// bootTakes is about how long a process works before its timers run.
const bootTakes = 3 * time.Millisecond

// started writes down that a process was started; its timers run since ready.
func (r *recorder) started(i int, ready time.Duration) {
	op, set := "start", r.s.cfg.Servers[i].Settings
	r.mu.Lock()
	if slices.ContainsFunc(r.nodes, func(n measured.NodeInfo) bool { return n.Node == r.name(i) }) {
		op = "start_again"
	} else {
		r.nodes = append(r.nodes, measured.NodeInfo{Node: r.name(i)})
	}
	r.mu.Unlock()
	config := map[string]string{}
	for _, d := range directives(r.s.prof, &set) {
		config[d[0]] = d[1]
	}
	if up := r.s.cfg.Servers[i].ReplicaOf; up != "" {
		config[r.s.replicaOf()] = up
	}
	r.tape.Did(max(ready-bootTakes, 0), op, measured.Member("node", r.name(i)), measured.Member("config", config))
}

// onLink writes down what is done to the network between two servers: on each
// link that it has.
func (r *recorder) onLink(a, b int, mode string, more ...measured.TapeMember) {
	keys := slices.SortedFunc(maps.Keys(r.s.proxies), func(x, y [2]int) int { return x[0] - y[0] })
	for _, k := range keys {
		if linkKey(k[0], k[1]) == linkKey(a, b) {
			link := r.link(wireKey{k[0], k[1], 0})
			r.tape.Did(r.s.since(), "link", append([]measured.TapeMember{measured.Member("link", link), measured.Member("mode", mode)}, more...)...)
			return // the simulated network is the same for both ways
		}
	}
}

// wrote writes down commands that a client wrote, run by run of equal lengths.
func (r *recorder) wrote(a *action, refused int) {
	l, at := r.s.loads[a.load], r.s.since()
	switch {
	case int64(refused) == a.next-a.first:
		return // a replica takes no writes
	case refused > 0:
		r.spoil("some of the client's writes were refused")
	}
	for k := a.first; k < a.next; {
		size, n := l.Size(k), int64(0)
		for k+n < a.next && l.Size(k+n) == size {
			n++
		}
		r.tape.Did(at, "write", measured.Member("node", r.name(a.server)), measured.Member("bytes", n*size),
			measured.Member("commands", n), measured.Member("cmd_bytes", size))
		k += n
	}
}

// spoil ends a recording: there are no words for what happens.
func (r *recorder) spoil(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.spoiled == nil {
		r.spoiled = errors.New(what + ": recorded files have no words for that")
	}
}

// ordered writes an order down that is more than a command to follow somebody.
func (r *recorder) ordered(f *sim.FaultConfig) {
	switch {
	case f.Kind != sim.FaultFailover:
		r.spoil("WAIT, CLIENT PAUSE, SHUTDOWN ABORT or a request by hand")
	case f.Force || f.Abort || f.Timeout != 0 || f.Peer < 0:
		r.spoil("a FAILOVER with conditions, or to anybody")
	default:
		r.did("failover", f.Server, measured.Member("to", r.name(f.Peer)))
	}
}

// connection writes down the beginning or the end of one.
func (r *recorder) connection(k wireKey, who live.Ender) {
	at := r.s.since()
	r.mu.Lock()
	defer r.mu.Unlock()
	members := []measured.TapeMember{measured.Member("link", r.link(k)), measured.Member("conn", k.conn)}
	if who == live.NobodyYet {
		r.open[k] = &talk{Asked: measured.Asked{Link: r.link(k), Conn: k.conn, Connected: at}, key: k}
		r.tape.Saw(at, "connect_attempt", members...)
		return
	}
	by := map[live.Ender]string{live.DialerEnded: "replica", live.TargetEnded: "master", live.ProxyReset: "proxy reset"}[who]
	if c := r.open[k]; c != nil {
		c.ClosedBy, c.Closed = by, at
	}
	r.tape.Saw(at, "conn_closed", append(members, measured.Member("by", by))...)
}

// heard writes down a line.
func (r *recorder) heard(k wireKey, line string, kind lineKind) {
	at := r.s.since()
	r.mu.Lock()
	defer r.mu.Unlock()
	op := [...]string{"psync_request", "psync_reply", "rdb_header", "sync_error_reply"}[kind]
	if strings.HasPrefix(line, "$EOF:") {
		line = "$EOF:<40 bytes>" // the mark is arbitrary
	}
	r.tape.Saw(at, op, measured.Member("link", r.link(k)), measured.Member("conn", k.conn), measured.Member("line", line))
	c := r.open[k]
	if c == nil {
		return
	}
	switch kind {
	case lineRequest:
		if c.Request == "" {
			c.Request, c.Sent = line, at
			r.asked = append(r.asked, c)
		}
	case lineReply, lineError:
		if c.Reply == "" {
			c.Reply, c.Replied = line, at
		}
	case lineHeader:
		c.Header = line
	}
}

// recordedInfo are the fields of INFO that are written down, besides slaveN.
var recordedInfo = []string{"role", "connected_slaves", "master_link_status", "master_sync_in_progress", "master_replid", "master_replid2",
	"second_repl_offset", "master_repl_offset", "slave_repl_offset", "slave_read_repl_offset", "repl_backlog_active", "repl_backlog_size",
	"repl_backlog_first_byte_offset", "repl_backlog_histlen", "sync_full", "sync_partial_ok", "sync_partial_err", "rdb_bgsave_in_progress"}

// info keeps INFO of a server at the end.
func (r *recorder) info(i int, m map[string]string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := &r.nodes[slices.IndexFunc(r.nodes, func(n measured.NodeInfo) bool { return n.Node == r.name(i) })]
	fields := recordedInfo
	if r.s.prof.PSYNC == 1 {
		fields = append([]string{"run_id"}, fields...)
	}
	for _, f := range fields {
		if v, ok := m[f]; ok {
			n.Lines = append(n.Lines, measured.InfoLine{Name: f, Value: v})
		}
	}
	for _, f := range slices.Sorted(maps.Keys(m)) {
		if number, ok := strings.CutPrefix(f, "slave"); ok && number != "" && strings.Trim(number, "0123456789") == "" {
			n.Lines = append(n.Lines, measured.InfoLine{Name: f, Value: m[f]})
		}
	}
}

// ended takes what became of the requests.
func (r *recorder) ended(list []Exchange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.exs = list
	nodes := slices.DeleteFunc(slices.Clone(r.nodes), func(n measured.NodeInfo) bool { return len(n.Lines) == 0 })
	r.tape.Saw(r.s.since(), "info", measured.Member("label", "end"), measured.Member("nodes", nodes))
}

// line is the whole case.
func (r *recorder) line(id string) (json.RawMessage, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.spoiled != nil {
		return nil, nil // see why
	}
	var asked []measured.Asked
	var partials []measured.Partial
	for _, c := range r.asked {
		for _, e := range r.exs {
			if c.key != (wireKey{e.Replica, e.Master, e.Conn}) {
				continue
			}
			c.Stream = e.Stream // of a second request, if there was one: the first gave none
			if word := words(e.Request); len(word) > 2 && strings.HasPrefix(e.Reply, "+CONTINUE") && e.Gap >= 0 {
				from, _ := strconv.ParseInt(word[2], 10, 64)
				partials = append(partials, measured.Partial{At: c.Replied, Master: r.name(e.Master), Bytes: e.Gap, From: from})
			}
		}
		asked = append(asked, c.Asked)
	}
	_, version, _ := strings.Cut(r.s.program.Name, "-")
	return r.tape.Case(id, id, version, asked, partials)
}

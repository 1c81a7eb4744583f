package measured

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"psyncsim/model"
)

// staircase is INFO after every single command.
type staircase struct {
	size, most, least int64 // least of histlen after a drop
	steps             []stair
}

// stepsKept is how many steps the recorder wrote down at most; the extremes are
// those of all.
const stepsKept = 40

// stair is one command that made the history drop something.
type stair struct {
	AfterCommand  int          `json:"after_command"`
	MRO           model.Offset `json:"master_repl_offset"`
	HistlenBefore int64        `json:"histlen_before"`
	HistlenAfter  int64        `json:"histlen_after"`
	Dropped       int64        `json:"dropped_bytes"`
}

// stairStart compares the history before the first command. It is that of the
// server that is then written to.
func (p *player) stairStart(f fields) {
	s := -1
	for _, e := range p.c.Events[p.event:] {
		if e.Op == "write" {
			s = p.server(e.fields.text("node"))
			break
		}
	}
	p.advance(p.sim(seconds(p.c.Events[p.event].T)))
	info := p.infoOf(s)
	if info == nil {
		p.differ("staircase_start", "of a server that is then written to", "none")
		return
	}
	for name, got := range map[string]int64{"master_repl_offset": int64(info.MRO), "repl_backlog_first_byte_offset": int64(info.First),
		"repl_backlog_histlen": info.Hist, "repl_backlog_size": info.BacklogSize} {
		var want int64
		if f.take(name, &want) {
			p.equalNumber("staircase_start "+name, want, got)
		}
	}
}

// climb writes command by command and notes each that drops history.
func (p *player) climb(s int, sizes []int64) {
	before := p.infoOf(s)
	p.stairs = &staircase{size: before.BacklogSize, most: before.Hist, least: -1}
	for i, n := range sizes {
		p.w.Write(s, n)
		after := p.infoOf(s)
		p.stairs.most = max(p.stairs.most, after.Hist)
		if after.First != before.First {
			p.stairs.steps = append(p.stairs.steps, stair{i + 1, after.MRO, before.Hist, after.Hist, int64(after.First - before.First)})
			if p.stairs.least < 0 || after.Hist < p.stairs.least {
				p.stairs.least = after.Hist
			}
		}
		before = after
	}
}

// compareWhole compares what the case worked out of its events, and what only
// the simulation showed.
func (p *player) compareWhole() {
	p.compareExtra()
	p.compareReconnects()
	p.comparePartials()
	facts := p.c.Observed.Facts.clone()
	for _, name := range slices.Sorted(mapKeys(facts)) {
		if !p.fact(name, facts[name]) {
			if strings.HasPrefix(name, "config ") || slices.Contains(factNames, name) {
				p.differ("not understood: fact "+name, string(facts[name]), "")
				continue
			}
			p.result.NotCompared = append(p.result.NotCompared, name)
		}
	}
	if p.c.Error != nil {
		p.differ("the recording ended in an error", *p.c.Error, "")
	}
}

// compareExtra names what no recorded event was compared with.
func (p *player) compareExtra() {
	attempts := map[string]int{}
	ends := map[string]bool{}
	for _, e := range p.c.Events {
		switch e.Op {
		case "connect_attempt":
			attempts[e.fields.text("link")]++
		case "conn_closed":
			ends[e.fields.text("link")+"#"+string(e.fields["conn"])] = true
		}
	}
	for _, c := range p.rec.open {
		name := fmt.Sprintf("%s#%d", c.link, c.number)
		if c.number > attempts[c.link] {
			p.differ("connect_attempt "+name, "not seen", fmt.Sprintf("at %.4f", inSeconds(c.at)))
			continue
		}
		if c.closedBy != "" && !ends[name] {
			p.differ("conn_closed "+name, "not seen", c.closedBy)
		}
		for _, it := range c.items {
			if !it.seen && it.kind != itemAck {
				p.differ([]string{"psync_request", "psync_reply", "rdb_header"}[it.kind]+" "+name, "not seen", p.ids.show(it.line))
			}
		}
	}
}

// kindOf is the type of a reply to PSYNC.
func kindOf(reply string) string {
	switch {
	case strings.HasPrefix(reply, "+FULLRESYNC"):
		return "full"
	case strings.HasPrefix(reply, "+CONTINUE"):
		return "partial"
	case strings.HasPrefix(reply, "-"):
		return "error"
	}
	return ""
}

// compareReconnects compares the case's table of connections that asked.
func (p *player) compareReconnects() {
	var asked []*conn
	for _, c := range p.rec.open {
		if c.find(itemRequest, 0) != nil {
			asked = append(asked, c)
		}
	}
	p.equalNumber("reconnects", int64(len(p.c.Observed.Reconnects)), int64(len(asked)))
	for i, row := range p.c.Observed.Reconnects {
		if i < len(asked) {
			p.compareReconnect(asked[i], row.clone())
		}
	}
}

func (p *player) compareReconnect(c *conn, f fields) {
	what := fmt.Sprintf("reconnects %s#%d ", c.link, c.number)
	got := map[string]string{"link": c.link, "conn": strconv.Itoa(c.number), "rdb_bytes": "null"}
	times := map[string]model.Instant{"t_connect": c.real}
	if c.closedBy != "" {
		got["closed_by"], times["t_closed"] = c.closedBy, c.realEnd
	}
	if it := c.find(itemRequest, 0); it != nil {
		got["request"], times["t_request"] = it.line, it.real
	}
	if it := c.find(itemReply, 0); it != nil {
		got["reply"], got["type"], times["t_reply"] = it.line, kindOf(it.line), it.real
	}
	if it := c.find(itemHeader, 0); it != nil && it.line == eofLine {
		delete(got, "rdb_bytes")
		delete(f, "rdb_bytes") // the length of an encoding that is not simulated
	} else if it != nil {
		got["rdb_bytes"] = strings.TrimPrefix(it.line, "$")
	}
	p.infoOf(c.dialer) // what has arrived is worked out when it is asked for
	got["stream_bytes_after_reply"] = strconv.FormatInt(c.streamed, 10)
	for _, name := range slices.Sorted(mapKeys(f)) {
		if at, ok := times[name]; ok {
			var t float64
			f.take(name, &t)
			p.within(what+name, t, inSeconds(at))
			continue
		}
		var want scalar
		_ = json.Unmarshal(f[name], &want)
		g, ok := got[name]
		if !ok {
			g = "nothing"
		}
		if !p.sameLine(string(want), g) {
			p.differ(what+name, string(want), p.ids.show(g))
		}
		delete(got, name)
	}
	if by := got["closed_by"]; by != "" {
		p.differ(what+"closed_by", "nothing", by)
	}
}

// comparePartials compares the bytes that each partial resynchronization sent.
func (p *player) comparePartials() {
	var got []verdict
	for _, v := range p.rec.verdicts {
		if !v.full {
			got = append(got, v)
		}
	}
	p.equalNumber("partial_payloads", int64(len(p.c.Observed.Partials)), int64(len(got)))
	for i, row := range p.c.Observed.Partials {
		if i >= len(got) {
			break
		}
		var master string
		var bytes, from int64
		f, v := row.clone(), got[i]
		what := fmt.Sprintf("partial_payloads %d ", i+1)
		f.take("master", &master)
		f.take("partial_payload_bytes", &bytes)
		f.take("from_offset", &from)
		var t float64
		f.take("t", &t)
		p.within(what+"t", t, inSeconds(v.at))
		p.equal(what+"master", master, v.master)
		if !p.near(bytes, v.bytes) {
			p.equalNumber(what+"partial_payload_bytes", bytes, v.bytes)
		}
		if !p.near(from, int64(v.from)) {
			p.equalNumber(what+"from_offset", from, int64(v.from))
		}
		for name := range f {
			p.differ("not known: "+what+name, string(f[name]), "")
		}
	}
}

// factNames are the facts that are compared, besides those of settings.
var factNames = []string{"histlen_at_reconnect", "partial", "M", "F", "histlen", "table", "steps", "max_histlen_seen", "max_histlen_minus_size",
	"min_histlen_after_drop_minus_size", "master_after_restart", "rows", "reset_to_connect_min_med_max", "reset_to_reply_min_med_max",
	"restore_to_connect_min_med_max", "attempt_intervals_from_log_s", "slaveof_to_link_up_s", "slaveof_to_online_s", "growth", "intervals_s",
	"ack_intervals_s", "ack_offsets"}

// fact compares one of the case's own numbers; false if it is not known.
func (p *player) fact(name string, raw json.RawMessage) bool {
	number := func(got int64) bool {
		var want scalar
		_ = json.Unmarshal(raw, &want)
		p.equal("fact "+name, string(want), strconv.FormatInt(got, 10))
		return true
	}
	if strings.HasPrefix(name, "config ") {
		return p.defaults(name, raw)
	}
	switch name {
	case "histlen_at_reconnect", "partial":
		if len(p.rec.verdicts) == 0 {
			p.differ("fact "+name, string(raw), "nobody asked")
			return true
		}
	}
	switch name {
	case "histlen_at_reconnect":
		return number(p.rec.verdicts[len(p.rec.verdicts)-1].hist)
	case "partial":
		p.equal("fact "+name, string(raw), strconv.FormatBool(!p.rec.verdicts[len(p.rec.verdicts)-1].full))
	case "M", "F", "histlen":
		base := p.infos["base"][p.cfg.Servers[0].Name]
		if base == nil {
			return false
		}
		return number(map[string]int64{"M": int64(base.MRO), "F": int64(base.First), "histlen": base.Hist}[name])
	case "table": // the raw probes once more
		return p.c.Params != nil && strings.HasPrefix(p.c.ID, "probe-")
	case "steps":
		return p.stairSteps(raw)
	case "max_histlen_seen":
		return p.stairs != nil && number(p.stairs.most)
	case "max_histlen_minus_size":
		return p.stairs != nil && number(p.stairs.most-p.stairs.size)
	case "min_histlen_after_drop_minus_size":
		return p.stairs != nil && number(p.stairs.least-p.stairs.size)
	case "master_after_restart":
		return p.afterRestart(name, raw)
	default:
		return p.timing(name, raw)
	}
	return true
}

// stairSteps compares each command that dropped history.
func (p *player) stairSteps(raw json.RawMessage) bool {
	var want []stair
	if p.stairs == nil || json.Unmarshal(raw, &want) != nil {
		return false
	}
	got := p.stairs.steps
	if len(want) == stepsKept && len(got) > stepsKept {
		got = got[:stepsKept]
	}
	p.equalNumber("fact steps", int64(len(want)), int64(len(got)))
	for i := range min(len(want), len(got)) {
		if want[i] != got[i] {
			p.differ("fact steps", fmt.Sprintf("%+v", want[i]), fmt.Sprintf("%+v", got[i]))
			break
		}
	}
	return true
}

// afterRestart compares the INFO that followed the restart of the master.
func (p *player) afterRestart(name string, raw json.RawMessage) bool {
	var want map[string]*scalar
	_ = json.Unmarshal(raw, &want)
	info := p.infos["after_restart"][p.cfg.Servers[0].Name]
	if info == nil {
		return false
	}
	got := map[string]string{}
	for _, f := range info.Fields() {
		got[f.Name] = f.Text
		if f.Text == "" {
			got[f.Name] = strconv.FormatInt(f.Number, 10)
		}
	}
	for _, field := range slices.Sorted(mapKeys(want)) {
		g, ok := got[field]
		switch w := want[field]; {
		case w == nil:
			if ok && field != "run_id" { // which stands in a section that the recorder did not read
				p.differ("fact "+name+" "+field, "no such field", p.ids.show(g))
			}
		case !p.ids.same(string(*w), g):
			p.differ("fact "+name+" "+field, string(*w), p.ids.show(g))
		}
	}
	return true
}

// defaults compares what CONFIG GET shows.
func (p *player) defaults(name string, raw json.RawMessage) bool {
	var pair []string
	if json.Unmarshal(raw, &pair) != nil || len(pair) != 2 {
		return false
	}
	d := p.cfg.Servers[0].Settings // the version's own, but for what the recorder set: see its README
	seconds := func(n int64) string { return strconv.FormatInt(n/1e9, 10) }
	got, ok := map[string]string{
		"repl-diskless-sync":       map[bool]string{true: "yes", false: "no"}[d.Diskless],
		"repl-diskless-sync-delay": seconds(int64(d.DisklessDelay)),
		"repl-timeout":             seconds(int64(d.Timeout)),
		"repl-backlog-size":        strconv.FormatInt(d.BacklogSize, 10),
		"repl-backlog-ttl":         seconds(int64(d.BacklogTTL)),
	}[pair[0]]
	if ok {
		p.equal("fact "+name, pair[1], got)
	}
	return ok
}

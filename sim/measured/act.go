package measured

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"psyncsim/model"
	"psyncsim/scenarios"
	"psyncsim/sim"
)

// act does one action; false if it is not known.
func (p *player) act(e *Event, f fields) bool {
	node, s := "", -1
	switch e.Op {
	case "raw_probe", "fake_psync", "link", "sleep", "stop_writes": // of no server, or of one that they need not name
	default:
		f.take("node", &node)
		if s = p.server(node); s < 0 {
			p.differ(e.Op+": a server that was never started", node, "")
			return true
		}
	}
	switch e.Op {
	case "stop", "replicaof", "replicaof_no_one", "config_set", "write", "process_stop", "process_continue", "debug_reload", "populate", "failover":
		if !p.w.Alive(s) {
			p.differ(e.Op+" of "+node, "runs", "does not run")
			clear(f)
			return true
		}
	}
	switch e.Op {
	case "start", "start_again":
		return p.start(s, f)
	case "stop":
		return p.stop(s, f)
	case "save":
		p.rec.disks[s] = disk{exists: true, saved: p.w.Saved(s)}
	case "rdb_removed":
		p.removed(s, f)
	case "rdb_put_back":
		p.rec.disks[s] = p.aside[s]
	case "debug_reload": // saves and loads: neither id, offset nor history hang on it
		p.rec.disks[s] = disk{exists: true, saved: p.w.Saved(s)}
	case "populate":
		return p.populate(s, f)
	case "stop_writes":
		delete(f, "node")
		p.writing = nil
	case "replicaof":
		master := ""
		f.take("master", &master)
		if p.server(master) < 0 {
			return false
		}
		p.done = append(p.done, deed{op: e.Op, link: node + "->" + master, at: p.w.Now()})
		p.w.Order(sim.FaultConfig{Kind: sim.FaultReplicaOf, Server: s, Peer: p.server(master)})
	case "replicaof_no_one":
		p.w.Order(sim.FaultConfig{Kind: sim.FaultPromote, Server: s})
	case "config_set":
		key, value := "", ""
		f.take("key", &key)
		f.take("value", &value)
		if why := p.configure(&p.cfg.Servers[s].Settings, key, value, false); why != "" {
			p.differ("not known: config_set "+key, value, why)
			return true
		}
		set := p.cfg.Servers[s].Settings
		p.w.Order(sim.FaultConfig{Kind: sim.FaultConfigSet, Server: s, Settings: &set})
	case "process_stop":
		p.w.Pause(s)
	case "process_continue":
		delete(f, "after_s") // what the times of the two events say too
		p.w.Resume(s)
	case "sleep":
		var d float64
		if !f.take("s", &d) {
			return false
		}
		p.advance(p.sim(seconds(e.T + d)))
	case "write":
		return p.write(s, f)
	case "link":
		return p.link(e, f)
	case "raw_probe":
		p.probe(e, f)
	case "fake_psync":
		return p.fake(e, f)
	case "failover":
		return p.failover(s, f)
	default:
		return false
	}
	return true
}

// start lets a process boot, a moment later than recorded.
func (p *player) start(s int, f fields) bool {
	config := map[string]string{}
	if !f.take("config", &config) {
		return false
	}
	sc := &p.cfg.Servers[s]
	sc.Settings, sc.ReplicaOf = p.base, ""
	for key, value := range config {
		switch {
		case key == "replicaof" || key == "slaveof":
			sc.ReplicaOf = value
		default:
			if why := p.configure(&sc.Settings, key, value, true); why != "" {
				p.differ("not known: config "+key, value, why)
			}
		}
	}
	sc.Settings.BacklogSize = max(sc.Settings.BacklogSize, p.prof.BacklogMinConfig)
	p.wait = append(p.wait, boot{p.w.Now() + model.Instant(p.boots[p.event]), s})
	return true
}

// configure sets one directive of redis.conf; the answer says what is wrong.
func (p *player) configure(set *model.Settings, key, value string, file bool) string {
	name := key
	if !p.prof.FramedHandshake { // before 5.0 it is a slave, whatever the recorder calls it
		name = strings.ReplaceAll(key, "replica", "slave")
	}
	if err := scenarios.Directive(p.prof, set, name, value, file); err != nil {
		if scenarios.Directive(p.prof, set, key, value, file) != nil {
			return err.Error()
		}
	}
	return ""
}

// stop ends a process. There are no save points: only "save" writes a snapshot.
func (p *player) stop(s int, f fields) bool {
	how := ""
	f.take("how", &how)
	switch how {
	case "save", "nosave", "term": // in order: it may take a while
		p.rec.saves[s] = how == "save"
		p.w.Shutdown(s, how == "save")
	case "kill":
		p.w.Stop(s, false)
	default:
		return false
	}
	return true
}

// removed deletes a snapshot file, whose content the recorder noted.
func (p *player) removed(s int, f fields) {
	if was, ok := f["was"]; ok {
		p.compareDisk("rdb_removed", was, p.rec.disks[s])
		delete(f, "was")
	}
	p.aside[s], p.rec.disks[s] = p.rec.disks[s], disk{}
}

// mostCommands is far above what any case writes at once.
const mostCommands = 1 << 20

// write lets a client write: commands of cmd_bytes, the last one with what is
// left of bytes.
func (p *player) write(s int, f fields) bool {
	var bytes, size, commands int64
	note := ""
	f.take("note", &note)
	var over float64
	f.take("over_s", &over)
	if !f.take("bytes", &bytes) || !f.take("cmd_bytes", &size) || !f.take("commands", &commands) || size < 1 ||
		commands < 1 || commands > mostCommands || bytes <= size*(commands-1) {
		return false
	}
	sizes := make([]int64, commands)
	for i := range sizes {
		sizes[i] = size
	}
	sizes[commands-1] = bytes - size*(commands-1)
	switch note {
	case "":
		if over > 0 {
			p.writeOver(s, sizes, over)
			return true
		}
		p.w.Write(s, sizes...)
	case "one at a time, INFO after each":
		p.climb(s, sizes)
	default:
		p.differ("not known: write note", note, "")
	}
	return true
}

// probe lets a handmade client ask. The recorder first waits until no snapshot
// is being made, and hangs up when it writes its line.
func (p *player) probe(e *Event, f fields) {
	var label, request, reply string
	var capa []string
	var payload *int64
	var want [4]int64
	s := p.probed(f)
	delete(f, "node")
	f.take("label", &label)
	f.take("request", &request)
	f.take("capa", &capa)
	f.take("reply", &reply)
	f.take("payload_bytes", &payload)
	names := [4]string{"d_sync_full", "d_partial_ok", "d_partial_err", "d_master_offset"}
	for i, name := range names {
		if !f.take(name, &want[i]) {
			p.differ("raw_probe without "+name, "", "")
		}
	}
	end := p.sim(seconds(e.T))
	if !p.w.Alive(s) {
		p.differ("raw_probe", "answered", "the server does not run")
		return
	}
	for p.infoOf(s).BgsaveInProgress && p.w.Now() < end {
		p.advance(p.w.Now() + pollStep)
	}
	before := p.infoOf(s)
	c := p.w.Connect(s, "probe")
	if len(capa) > 0 {
		c.Say(model.AppendInline(nil, append([]string{"REPLCONF", "capa"}, strings.Split(strings.Join(capa, " capa "), " ")...)...))
	}
	skip := len(c.Heard)
	c.Say(model.AppendInline(nil, strings.Split(p.spell(request, before), " ")...))
	p.advance(end)
	after := p.infoOf(s)
	what := "raw_probe " + strconv.Quote(label) + " "
	got := firstLine(c.Heard[skip:])
	if !p.ids.sameLine(reply, got) {
		p.differ(what+"reply", reply, p.ids.show(got))
	}
	wantPayload, gotPayload := "none", "none"
	if payload != nil {
		wantPayload = strconv.FormatInt(*payload, 10)
	}
	if c.Given {
		gotPayload = strconv.FormatInt(c.Stream.Bytes(), 10)
	}
	p.equal(what+"payload_bytes", wantPayload, gotPayload)
	for i, d := range [4]int64{after.SyncFull - before.SyncFull, after.SyncPartialOK - before.SyncPartialOK,
		after.SyncPartialErr - before.SyncPartialErr, int64(after.MRO - before.MRO)} {
		p.equalNumber(what+names[i], want[i], d)
	}
	c.Close()
}

// spell writes a recorded request with simulated ids. An id that was not seen
// before is a wrong one; one in capitals, which the recorder does not number,
// is the server's own.
func (p *player) spell(request string, info *model.Info) string {
	words := strings.Split(request, " ")
	for i, w := range words {
		switch {
		case isToken(w):
			if _, known := p.ids.of[w]; !known {
				p.wrongIDs++
				p.ids.bind(w, fmt.Sprintf("%040x", p.wrongIDs))
			}
			words[i] = p.ids.of[w]
		case w != strings.ToLower(w) && isID(strings.ToLower(w)):
			own := info.ReplID
			if p.prof.PSYNC == 1 {
				own = info.RunID
			}
			words[i] = strings.ToUpper(string(own))
		}
	}
	return strings.Join(words, " ")
}

// firstLine is the first line with something in it.
func firstLine(heard []byte) string {
	for line := range strings.SplitSeq(string(heard), "\n") {
		if line = strings.TrimSuffix(line, "\r"); line != "" {
			return line
		}
	}
	return ""
}

// compareDisk compares what a snapshot file remembers: null is no file, {} one
// without the fields.
func (p *player) compareDisk(what string, raw json.RawMessage, d disk) {
	var want *map[string]scalar
	if err := json.Unmarshal(raw, &want); err != nil {
		p.differ(what+": not understood", string(raw), "")
		return
	}
	switch {
	case want == nil:
		if d.exists {
			p.differ(what, "no file", "a file")
		}
	case !d.exists:
		p.differ(what, string(raw), "no file")
	case d.saved == nil || len(*want) == 0:
		if d.saved != nil || len(*want) > 0 {
			p.differ(what, string(raw), fmt.Sprint(d.saved))
		}
	default:
		got := map[string]string{"repl-id": string(d.saved.ID), "repl-offset": strconv.FormatInt(int64(d.saved.Offset), 10), "repl-stream-db": "0"}
		for key, v := range *want {
			g, ok := got[key]
			if w := string(v); !ok || !p.ids.same(w, g) {
				p.differ(what+" "+key, w, p.ids.show(g))
			}
		}
		if len(*want) != len(got) {
			p.differ(what, string(raw), fmt.Sprint(got))
		}
	}
}

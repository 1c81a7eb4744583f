package measured

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"psyncsim/model"
	"psyncsim/sim"
	"psyncsim/sim/trace"
)

// timing compares a fact about durations: with this run, whose phases are those
// of the recording, and with the range over free phases.
func (p *player) timing(name string, raw json.RawMessage) bool {
	switch name {
	case "rows":
		return p.rows(raw)
	case "reset_to_connect_min_med_max", "reset_to_reply_min_med_max", "restore_to_connect_min_med_max":
		key := strings.TrimSuffix(name, "_min_med_max") + "_s"
		var got []float64
		for _, row := range p.simulatedRows() {
			got = append(got, row[key])
		}
		return p.list(name, raw, minMedMax(got))
	case "attempt_intervals_from_log_s":
		var got []float64
		for i := 1; i < len(p.rec.dials); i++ {
			got = append(got, inSeconds(p.rec.dials[i].at-p.rec.dials[i-1].at))
		}
		return p.list(name, raw, got)
	case "slaveof_to_link_up_s":
		return p.since(name, raw, p.rec.linkUp)
	case "slaveof_to_online_s":
		return p.since(name, raw, p.rec.online)
	case "growth":
		return p.growth(raw)
	case "intervals_s":
		return p.list(name, raw, intervals(p.growthTimes()))
	case "ack_intervals_s":
		var at []model.Instant
		for _, a := range p.acks() {
			at = append(at, a.at)
		}
		return p.list(name, raw, intervals(at))
	case "ack_offsets":
		return p.ackOffsets(raw)
	}
	return false
}

// list compares durations one by one.
func (p *player) list(name string, raw json.RawMessage, got []float64) bool {
	var want []float64
	if json.Unmarshal(raw, &want) != nil {
		return false
	}
	p.equalNumber("fact "+name+" how many", int64(len(want)), int64(len(got)))
	for i := range min(len(want), len(got)) {
		p.within(fmt.Sprintf("fact %s %d", name, i+1), want[i], got[i])
	}
	return true
}

func intervals(at []model.Instant) (d []float64) {
	for i := 1; i < len(at); i++ {
		d = append(d, inSeconds(at[i]-at[i-1]))
	}
	return d
}

// since compares the time from REPLICAOF to a moment.
func (p *player) since(name string, raw json.RawMessage, moments []moment) bool {
	var want float64
	if json.Unmarshal(raw, &want) != nil {
		return false
	}
	for _, d := range p.done {
		if d.op != "replicaof" {
			continue
		}
		for _, m := range moments {
			if m.link == d.link && m.at >= d.at {
				p.within("fact "+name, want, inSeconds(m.at-d.at))
				p.inRange(name, want)
				return true
			}
		}
	}
	p.differ("fact "+name, fmt.Sprint(want), "never")
	return true
}

// inRange compares a real duration with the range over free phases.
func (p *player) inRange(name string, want float64) {
	r, ok := p.c.file.freePhases(p.prof)[name]
	if !ok {
		p.differ("no range: "+name, fmt.Sprint(want), "")
		return
	}
	if d := Latency.Seconds(); want < r.Least-d || want > r.Most+d {
		p.differ("range: "+name, fmt.Sprintf("%.4f", want), fmt.Sprintf("%.4f to %.4f", r.Least, r.Most))
	}
}

// rows compares the repeats of a timing case: from each reset, or from each
// moment at which connects were let through again, to what followed.
func (p *player) rows(raw json.RawMessage) bool {
	var want []map[string]float64
	if json.Unmarshal(raw, &want) != nil {
		return false
	}
	got := p.simulatedRows()
	p.equalNumber("fact rows", int64(len(want)), int64(len(got)))
	for i := range min(len(want), len(got)) {
		for key, w := range want[i] {
			g, ok := got[i][key]
			switch {
			case !ok:
				p.differ("not known: fact rows "+key, fmt.Sprint(w), "")
			case key == "attempts":
				p.equalNumber("fact rows attempts", int64(w), int64(g))
			default:
				p.within(fmt.Sprintf("fact rows %d %s", i+1, key), w, g)
				p.inRange(key, w)
			}
		}
	}
	return true
}

func (p *player) simulatedRows() (rows []map[string]float64) {
	from, prefix := "reset", "reset"
	for _, d := range p.done {
		if d.mode == "pass" {
			from, prefix = "pass", "restore"
		}
	}
	for _, d := range p.done {
		if d.op != "link" || d.mode != from {
			continue
		}
		row := map[string]float64{}
		for _, c := range p.rec.open {
			if c.link != d.link || c.at < d.at {
				continue
			}
			row[prefix+"_to_connect_s"] = inSeconds(c.at - d.at)
			if it := c.find(itemRequest, 0); it != nil {
				row[prefix+"_to_psync_request_s"] = inSeconds(it.at - d.at)
			}
			if it := c.find(itemReply, 0); it != nil {
				row[prefix+"_to_reply_s"] = inSeconds(it.at - d.at)
			}
			for _, a := range p.rec.dials {
				if a.link == d.link && a.at >= d.at && a.at <= c.at {
					row["attempts"]++
				}
			}
			break
		}
		rows = append(rows, row)
	}
	return rows
}

// growthTimes is when the stream grew by itself after the INFO called t0.
func (p *player) growthTimes() (at []model.Instant) {
	for _, g := range p.rec.pings {
		if g.at >= p.infoAt["t0"] {
			at = append(at, g.at)
		}
	}
	return at
}

// growth compares how an idle stream grew: [seconds since t0, bytes].
func (p *player) growth(raw json.RawMessage) bool {
	var want [][2]float64
	if json.Unmarshal(raw, &want) != nil {
		return false
	}
	got := p.growthTimes()
	p.equalNumber("fact growth how often", int64(len(want)), int64(len(got)))
	info := p.infos["t0"][p.cfg.Servers[0].Name]
	if info == nil {
		return false
	}
	last := info.MRO
	for i := range min(len(want), len(got)) {
		// From the one before on: turns come late, and the lateness adds up.
		real, simulated := want[i][0], inSeconds(got[i]-p.infoAt["t0"])
		if i > 0 {
			real, simulated = real-want[i-1][0], inSeconds(got[i]-got[i-1])
		}
		p.within(fmt.Sprintf("fact growth %d", i+1), real, simulated)
		for _, g := range p.rec.pings {
			if g.at == got[i] {
				p.equalNumber("fact growth bytes", int64(want[i][1]), int64(g.offset-last))
				last = g.offset
			}
		}
	}
	return true
}

// acks are all ACKs of the run.
func (p *player) acks() (all []item) {
	for _, c := range p.rec.open {
		for _, it := range c.items {
			if it.kind == itemAck {
				all = append(all, it)
			}
		}
	}
	return all
}

func (p *player) ackOffsets(raw json.RawMessage) bool {
	var want []model.Offset
	if json.Unmarshal(raw, &want) != nil {
		return false
	}
	got := p.acks()
	p.equalNumber("fact ack_offsets how many", int64(len(want)), int64(len(got)))
	for i := range min(len(want), len(got)) {
		if !p.ackAgrees(p.cfg.Servers[0].Name, got[i], want[i]) {
			p.differ(fmt.Sprintf("fact ack_offsets %d", i+1), fmt.Sprint(want[i]), fmt.Sprint(got[i].ack))
		}
	}
	return true
}

// Ranges are durations over many seeds, in seconds, by the name of the fact.
type Ranges map[string]Range

// Range is the least and the most that was seen.
type Range struct{ Least, Most float64 }

func (r Ranges) add(name string, v float64) {
	old, ok := r[name]
	if !ok {
		old = Range{v, v}
	}
	r[name] = Range{min(old.Least, v), max(old.Most, v)}
}

// rangeSeeds is how many seeds a range is made of.
const rangeSeeds = 200

func (f *File) freePhases(prof *model.Profile) Ranges {
	f.rangesOnce.Do(func() { f.ranges = FreePhases(prof, rangeSeeds) })
	return f.ranges
}

// FreePhases measures, with the phases of cron and wall clock drawn from each
// seed: how long a first sync takes from REPLICAOF on, and a reconnect after a
// reset and after connects were refused for a while.
func FreePhases(prof *model.Profile, seeds int) Ranges {
	r := Ranges{}
	for seed := range seeds {
		rec := &recorder{latency: model.Instant(sim.DefaultLink.Latency), names: []string{"A", "B"}, disks: make([]disk, 2), saving: make([]disk, 2), saves: make([]bool, 2)}
		set := prof.Defaults()
		set.PingPeriod, set.SavePoints = time.Hour, model.SavePoints{}
		server := func(name string) sim.ServerConfig {
			return sim.ServerConfig{Name: name, Profile: prof, Settings: set, Dataset: 200, Fork: quickSave, Uptime: -1, Wall: -1}
		}
		w, err := sim.New(&sim.Config{Seed: uint64(seed), Duration: time.Hour, Servers: []sim.ServerConfig{server("A"), server("B")}}, trace.Watcher(rec))
		if err != nil {
			panic("measured: " + err.Error())
		}
		rec.saved, rec.skew = w.Saved, func() model.Instant { return 0 }
		w.Listen(rec)
		w.Begin()
		const s = model.Instant(time.Second)
		w.Advance(s)
		w.Order(sim.FaultConfig{Kind: sim.FaultReplicaOf, Server: 1, Peer: 0})
		w.Advance(20 * s)
		r.add("slaveof_to_link_up_s", inSeconds(rec.linkUp[0].at-s))
		r.add("slaveof_to_online_s", inSeconds(rec.online[0].at-s))
		w.Cut(0, 1, false)
		w.Advance(30 * s)
		w.Cut(0, 1, true)
		w.Advance(33 * s)
		w.Heal(0, 1)
		w.Advance(43 * s)
		for i, name := range []string{"reset", "restore"} {
			from, c := []model.Instant{20 * s, 33 * s}[i], rec.open[1+i]
			r.add(name+"_to_connect_s", inSeconds(c.at-from))
			r.add(name+"_to_psync_request_s", inSeconds(c.find(itemRequest, 0).at-from))
			r.add(name+"_to_reply_s", inSeconds(c.find(itemReply, 0).at-from))
		}
	}
	return r
}

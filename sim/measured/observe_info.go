package measured

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"psyncsim/model"
)

// What INFO said, and what it says here.

// An INFO is taken at infoSteps moments, from the event before it or infoTakes
// before its recorded time on, whichever is later.
const (
	infoSteps = 8
	infoTakes = model.Instant(20 * time.Millisecond)
)

// scalar is a JSON number, text or truth value as text.
type scalar string

// UnmarshalJSON keeps numbers as they are written.
func (s *scalar) UnmarshalJSON(text []byte) error {
	var word string
	if json.Unmarshal(text, &word) == nil && len(text) > 0 && text[0] == '"' {
		*s = scalar(word)
		return nil
	}
	*s = scalar(text)
	return nil
}

// info compares an INFO of several servers, each field of it.
func (p *player) info(e *Event, f fields) bool {
	label := ""
	var nodes map[string]map[string]scalar
	if !f.take("label", &label) || !f.take("nodes", &nodes) {
		return false
	}
	to := p.sim(seconds(e.T))
	p.advance(to - infoTakes)
	from := p.w.Now()
	step := max((to-from)/infoSteps, pollStep)
	best := map[string][]Difference{}
	p.infos[label], p.infoAt[label] = map[string]*model.Info{}, 0
	for {
		open := 0
		for _, name := range slices.Sorted(mapKeys(nodes)) {
			if got, ok := best[name]; ok && len(got) == 0 {
				continue
			}
			d, info := p.compareInfo(label, name, nodes[name])
			if old, ok := best[name]; !ok || len(d) <= len(old) {
				best[name] = d
				p.infos[label][name], p.infoAt[label] = info, p.w.Now()
			}
			open += min(len(d), 1)
		}
		if now := p.w.Now(); now >= to && (open == 0 || now >= to+model.Instant(Latency)) {
			break
		}
		switch now := p.w.Now(); {
		case open == 0:
			p.advance(to)
		case now < to:
			p.advance(now + step)
		default:
			p.advance(now + infoTakes/infoSteps)
		}
	}
	for _, name := range slices.Sorted(mapKeys(best)) {
		p.result.Differences = append(p.result.Differences, best[name]...)
	}
	return true
}

// compareInfo compares one server's INFO now; ids are learned if all agrees.
func (p *player) compareInfo(label, name string, want map[string]scalar) (diff []Difference, info *model.Info) {
	differ := func(field, real, simulated string) {
		diff = append(diff, Difference{p.c.Events[p.event].T, "info " + strconv.Quote(label) + " " + name + " " + field, real, simulated})
	}
	s := p.server(name)
	if info = p.infoOf(s); info == nil {
		differ("", "runs", "does not run")
		return diff, nil
	}
	got := map[string]string{}
	for _, fd := range info.Fields() {
		got[fd.Name] = fd.Text
		if fd.Text == "" {
			got[fd.Name] = strconv.FormatInt(fd.Number, 10)
		}
	}
	known := p.ids.clone()
	for _, field := range infoOrder(want) {
		w := string(want[field])
		g, ok := got[field]
		switch {
		case !ok:
			differ(field, w, "no such field")
		case strings.HasPrefix(field, "slave") && strings.Count(w, ",") == 2 && !strings.Contains(w, "="): // 2.6
			part := strings.Split(w, ",")
			w = "ip=" + part[0] + ",port=" + part[1] + ",state=" + part[2]
			fallthrough
		case strings.HasPrefix(field, "slave") && strings.HasPrefix(w, "ip="):
			n, _ := strconv.Atoi(strings.TrimPrefix(field, "slave"))
			p.compareSlave(info.Slaves[n], s, w, func(part, real, simulated string) { differ(field+" "+part, real, simulated) })
		case !known.same(w, g) && !p.nearText(w, g):
			differ(field, w, known.show(g))
		}
	}
	for i := range info.Slaves {
		if field := "slave" + strconv.Itoa(i); want[field] == "" {
			differ(field, "no such field", got[field])
		}
	}
	if len(diff) == 0 {
		p.ids = known
	}
	return diff, info
}

// infoOrder sorts fields; those with ids then come in the order in which INFO
// prints them.
func infoOrder(fields map[string]scalar) []string {
	return slices.SortedFunc(mapKeys(fields), func(a, b string) int { return strings.Compare(a, b) })
}

// compareSlave compares a slaveN line: ip and port say who it is.
func (p *player) compareSlave(got model.InfoSlave, master int, line string, differ func(part, real, simulated string)) {
	if got.Type != "" && !strings.Contains(line, ",type=") {
		differ("type", "no such part", got.Type)
	}
	for part := range strings.SplitSeq(line, ",") {
		key, want, _ := strings.Cut(part, "=")
		switch key {
		case "ip":
		case "port":
			if name, ok := p.ports[want]; !ok {
				p.ports[want] = got.Name
			} else if name != got.Name {
				differ(key, name, got.Name)
			}
		case "state":
			if want != got.State {
				differ(key, want, got.State)
			}
		case "lag":
			if n := strconv.FormatInt(got.Lag, 10); n != want {
				differ(key, want, n)
			}
		case "type":
			if want != got.Type {
				differ(key, want, got.Type)
			}
		case "offset":
			n, _ := strconv.ParseInt(want, 10, 64)
			if !p.acked(master, got, model.Offset(n)) {
				differ(key, want, strconv.FormatInt(int64(got.Offset), 10))
			}
		default:
			differ(key, want, "no such part")
		}
	}
}

// acked says whether a recorded ACK offset agrees with the simulated one: a
// PING that entered the stream within Latency of the ACK may have come before
// or after it, and an ACK within Latency before a reconnect may have come after
// it, on the new connection.
func (p *player) acked(master int, got model.InfoSlave, want model.Offset) bool {
	if got.Offset == want {
		return true
	}
	link := got.Name + "->" + p.rec.names[master]
	var last, before *item
	for _, c := range p.rec.open {
		if c.link != link {
			continue
		}
		before = nil
		for _, o := range p.rec.open {
			for i := range o.items {
				if it := &o.items[i]; o.link == link && o.number == c.number-1 && it.kind == itemAck && it.at >= c.at-model.Instant(Latency) {
					before = it
				}
			}
		}
		for i := range c.items {
			if it := &c.items[i]; it.kind == itemAck && it.ack == got.Offset {
				last = it
			}
		}
	}
	if last == nil && got.Offset == 0 && before != nil {
		return p.ackAgrees(p.rec.names[master], *before, want)
	}
	return last != nil && p.ackAgrees(p.rec.names[master], *last, want)
}

const pingBytes = 14

func (p *player) ackAgrees(master string, ack item, want model.Offset) bool {
	if ack.ack == want {
		return true
	}
	for _, g := range p.rec.pings {
		near := max(g.at-ack.at, ack.at-g.at) <= model.Instant(Latency)
		if g.server == master && near && (g.offset == want && want == ack.ack+pingBytes || g.offset == ack.ack && want == ack.ack-pingBytes) {
			return true
		}
	}
	return false
}

// values are the different values of a map.
func values(m map[string]string) map[string]bool {
	seen := map[string]bool{}
	for _, v := range m {
		seen[v] = true
	}
	return seen
}

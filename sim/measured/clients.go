package measured

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"psyncsim/model"
	"psyncsim/sim"
)

// populate adds keys that no stream carries (DEBUG POPULATE). What a full sync
// carries afterwards is in the recording: see feed.
func (p *player) populate(s int, f fields) bool {
	var keys, value int64
	if !f.take("keys", &keys) || keys < 0 {
		return false
	}
	f.take("value_bytes", &value)
	p.filled[s] = p.w.Now()
	return true
}

// words are the values of a member that is one text, or a list of them.
func (f fields) words(name string) (list []string, ok bool) {
	raw, given := f[name]
	if !given || string(raw) == "null" {
		delete(f, name)
		return nil, true
	}
	var one string
	if json.Unmarshal(raw, &one) == nil {
		list = strings.Fields(one)
	} else if json.Unmarshal(raw, &list) != nil {
		return nil, false
	}
	delete(f, name)
	return list, true
}

// fake lets a handmade replica ask for a full synchronization. It stays, and the
// recorder wrote it down when it had its answer.
func (p *player) fake(e *Event, f fields) bool {
	var reply *string
	s := p.probed(f)
	delete(f, "node")
	delete(f, "n") // its number
	capa, ok := f.words("capa")
	if !ok {
		return false
	}
	f.take("reply", &reply)
	if raw, given := f["reply"]; given {
		if string(raw) != "null" {
			return false
		}
		delete(f, "reply")
	}
	end := p.sim(seconds(e.T))
	if !p.w.Alive(s) {
		p.differ("fake_psync", "answered", "the server does not run")
		return true
	}
	c := p.w.Connect(s, "fake")
	p.fakes = append(p.fakes, c)
	if len(capa) > 0 {
		line := []string{"REPLCONF"}
		for _, word := range capa {
			line = append(line, "capa", word)
		}
		c.Say(model.AppendInline(nil, line...))
	}
	skip := len(c.Heard)
	c.Say(model.AppendInline(nil, "PSYNC", "?", "-1"))
	p.advance(end)
	want, got := "", firstLine(c.Heard[skip:])
	if reply != nil {
		want = *reply
	}
	if !p.sameLine(want, got) {
		p.differ("fake_psync reply", want, p.ids.show(got))
	}
	return true
}

// near says whether two numbers agree: while clients write in the background, to
// within what they write in twice Latency.
func (p *player) near(recorded, simulated int64) bool {
	return max(recorded-simulated, simulated-recorded) <= p.loose
}

func (p *player) nearText(recorded, simulated string) bool {
	if p.loose == 0 {
		return false
	}
	r, err := strconv.ParseInt(recorded, 10, 64)
	s, err2 := strconv.ParseInt(simulated, 10, 64)
	return err == nil && err2 == nil && p.near(r, s)
}

// sameLine compares a line word by word; see near.
func (p *player) sameLine(recorded, simulated string) bool {
	if p.loose == 0 {
		return p.ids.sameLine(recorded, simulated)
	}
	r, s := strings.Split(recorded, " "), strings.Split(simulated, " ")
	if len(r) != len(s) {
		return false
	}
	for i := range r {
		if !p.ids.same(r[i], s[i]) && !p.nearText(r[i], s[i]) {
			return false
		}
	}
	return true
}

// cutAt compares where a connection was cut: numbers are the byte, words the
// direction.
func (p *player) cutAt(t model.Instant, c *conn, f fields, what string) bool {
	if p.cutting == nil || p.cutting.link != c.link {
		return false
	}
	if !p.await(t, func() bool { return p.cutting.done && c.closedBy != "" }) {
		p.differ(what, "cut", "not cut")
	}
	delete(f, "direction")
	for _, name := range []string{"bytes", "byte", "at_byte", "at"} {
		var n int64
		if f.take(name, &n) {
			p.equalNumber(what+" "+name, n, p.cutting.bytes)
		}
	}
	return true
}

// failover lets a master hand its place over: to the server that is named, or to
// any replica.
func (p *player) failover(s int, f fields) bool {
	var to string
	var timeout float64
	order := sim.FaultConfig{Kind: sim.FaultFailover, Server: s, Peer: -1}
	if f.take("to", &to); to != "" && to != "any" {
		if order.Peer = p.server(to); order.Peer < 0 {
			return false
		}
	}
	f.take("force", &order.Force)
	f.take("abort", &order.Abort)
	switch {
	case f.take("timeout_ms", &timeout):
		order.Timeout = time.Duration(timeout * 1e6)
	case f.take("timeout_s", &timeout):
		order.Timeout = time.Duration(timeout * 1e9)
	}
	p.w.Order(order)
	return true
}

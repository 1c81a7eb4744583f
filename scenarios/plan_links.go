package scenarios

import (
	"errors"
	"math/big"
	"strings"
	"time"

	yaml "go.yaml.in/yaml/v4"

	"psyncsim/sim"
	"psyncsim/sim/tcp"
)

// linkReader is one link while it is read.
type linkReader struct {
	p       *planner
	link    sim.LinkConfig
	tcp     sim.TCPLink
	wants   *yaml.Node // the first field that only a link of segments has
	model   string
	shaping [2]*yaml.Node // there, back: read last, over what holds for both
}

func (p *planner) readLink(i int, n *yaml.Node) {
	r := &linkReader{p: p, link: sim.LinkConfig{A: -1, B: -1}, tcp: sim.TCPLink{Options: tcp.Linux()}}
	name := ""
	if k := lookup(n, "preset"); k != nil {
		name = k.Value
	}
	preset := presetOf(name)
	r.tcp.There = preset.path()
	r.tcp.Options.MSS = preset.MSS
	r.tcp.Options.LinearSYNs = p.config.LinearSYNs
	fields := []field{
		{name: "between", need: true, read: func(n *yaml.Node) { r.link.A, r.link.B = p.pair(n) }},
		{name: "preset", read: func(n *yaml.Node) { p.word(n, presetNames()...) }},
		{name: "model", read: func(n *yaml.Node) { r.model = p.word(n, "flow", "tcp") }},
		{name: "latency", fallback: preset.Latency.String(), read: r.latency(&r.tcp.There)},
		{name: "bandwidth", fallback: asRate.format(preset.Bandwidth), read: r.bandwidth(&r.tcp.There)},
	}
	fields = append(fields, r.networkFields(&r.tcp.There)...)
	fields = append(fields, r.hostFields()...)
	fields = append(fields,
		field{name: "there", read: func(n *yaml.Node) { r.need(n); r.shaping[0] = n }},
		field{name: "back", read: func(n *yaml.Node) { r.need(n); r.shaping[1] = n }})
	p.object(n, "a link", "", fields)
	r.tcp.Back = r.tcp.There
	for k, n := range r.shaping {
		if n == nil {
			continue
		}
		c := &r.tcp.There
		if k == 1 {
			c = &r.tcp.Back
		}
		p.object(n, "one direction of a link", "", append([]field{
			{name: "latency", read: r.latency(c)}, {name: "bandwidth", read: r.bandwidth(c)}}, r.networkFields(c)...))
	}
	r.finish(n, preset.Segments)
}

// finish checks what the fields make together, and keeps the link.
func (r *linkReader) finish(n *yaml.Node, segments bool) {
	p, l := r.p, r.link
	if l.A < 0 || l.B < 0 {
		return
	}
	for _, have := range p.config.Links {
		if have.A == l.A && have.B == l.B || have.A == l.B && have.B == l.A {
			p.fail(lookup(n, "between"), "these two have a link already")
			return
		}
	}
	if r.wants != nil && r.model == "flow" {
		p.fail(r.wants, "a link of formulas has no such thing; use model: tcp, or leave model out")
		return
	}
	for _, c := range []*tcp.PathConfig{&r.tcp.There, &r.tcp.Back} {
		if least := r.tcp.Options.MSS + tcp.DefaultOverhead; c.Queue > 0 && c.Queue < least {
			p.fail(n, "a queue of %d bytes is too short for one segment (%d bytes)", c.Queue, least)
			return
		}
	}
	l.Latency, l.Bandwidth = time.Duration(r.tcp.There.Latency), r.tcp.There.Bandwidth
	if r.model == "tcp" || r.model == "" && (r.wants != nil || segments) {
		t := r.tcp
		l.TCP = &t
	}
	p.config.Links = append(p.config.Links, l)
}

// need remembers a field that only a link of segments has.
func (r *linkReader) need(n *yaml.Node) {
	if r.wants == nil {
		r.wants = n
	}
}

func (r *linkReader) latency(c *tcp.PathConfig) func(*yaml.Node) {
	return func(n *yaml.Node) {
		d := r.p.duration1(n)
		if d > time.Hour {
			r.p.fail(n, "too long for a link; at most 1h")
		}
		c.Latency = int64(d)
	}
}

func (r *linkReader) bandwidth(c *tcp.PathConfig) func(*yaml.Node) {
	return func(n *yaml.Node) { c.Bandwidth = r.p.speed(n) }
}

// networkFields are the fields of one direction or of both.
func (r *linkReader) networkFields(c *tcp.PathConfig) []field {
	p := r.p
	span := func(to *int64, most time.Duration) func(*yaml.Node) {
		return func(n *yaml.Node) {
			r.need(n)
			d := p.duration1(n)
			if d > most {
				p.fail(n, "too long; at most %v", most)
			}
			*to = int64(d)
		}
	}
	chance := func(to *tcp.PPB, most tcp.PPB) func(*yaml.Node) {
		return func(n *yaml.Node) {
			r.need(n)
			*to = p.share(n, most)
		}
	}
	return []field{
		{name: "jitter", read: span(&c.Jitter, time.Minute)},
		{name: "loss", read: chance(&c.Loss, tcp.Always)},
		{name: "burst-loss", read: func(n *yaml.Node) {
			r.need(n)
			p.object(n, "loss in bursts", "", []field{
				{name: "enter", need: true, read: chance(&c.Enter, tcp.Always)},
				{name: "leave", need: true, read: func(n *yaml.Node) {
					chance(&c.Leave, tcp.Always)(n)
					if c.Leave == 0 && len(p.problems.List) == 0 {
						p.fail(n, "a bad time that never ends is a silent fault; expected more than 0%%")
					}
				}},
				{name: "loss", fallback: "100%", read: chance(&c.BadLoss, tcp.Always)},
			})
		}},
		{name: "duplicate", read: chance(&c.Duplicate, tcp.Always/2)},
		{name: "reorder", read: chance(&c.Reorder, tcp.Always/2)},
		{name: "reorder-by", read: span(&c.ReorderBy, time.Minute)},
		{name: "queue", read: func(n *yaml.Node) { r.need(n); c.Queue = p.size(n) }},
	}
}

// hostFields are those of the kernels at both ends.
func (r *linkReader) hostFields() []field {
	p, o := r.p, &r.tcp.Options
	number := func(to *int, most int64) func(*yaml.Node) {
		return func(n *yaml.Node) { r.need(n); *to = int(p.count(n, 0, most)) }
	}
	buffer := func(to *int64) func(*yaml.Node) {
		return func(n *yaml.Node) {
			r.need(n)
			if *to = p.size(n); *to < 8<<10 || *to > 1<<30 {
				p.fail(n, "expected a buffer from 8KiB to 1GiB")
			}
		}
	}
	return []field{
		{name: "mss", read: func(n *yaml.Node) { r.need(n); o.MSS = p.count(n, 88, 65_000) }},
		{name: "congestion", read: func(n *yaml.Node) {
			r.need(n)
			if p.word(n, "cubic", "reno") == "reno" {
				o.Congestion = tcp.Reno
			}
		}},
		{name: "tcp-wmem", read: buffer(&o.WmemMax)},
		{name: "tcp-rmem", read: buffer(&o.RmemMax)},
		{name: "tcp-syn-retries", read: number(&o.SYNRetries, 127)},
		{name: "tcp-syn-linear-timeouts", read: number(&o.LinearSYNs, 127)},
		{name: "tcp-retries2", read: number(&o.Retries2, 127)},
		{name: "tcp-user-timeout", read: func(n *yaml.Node) { r.need(n); o.UserTimeout = int64(p.duration1(n)) }},
		{name: "idle-drop", read: func(n *yaml.Node) { r.need(n); r.tcp.IdleDrop = p.durationAbove0(n) }},
	}
}

// share reads a chance: 1%, 0.01%.
func (d *decoder) share(n *yaml.Node, most tcp.PPB) tcp.PPB {
	s, ok := d.scalarText(n, shareWant)
	if !ok {
		return 0
	}
	v, err := parseShare(s, int64(most))
	if err != nil {
		d.fail(n, "%v", err)
		return 0
	}
	d.saw(n, v, PPB, asShare)
	return tcp.PPB(v)
}

const shareWant = "a share such as 1% or 0.01%"

// parseShare reads a percentage as parts per billion.
func parseShare(s string, most int64) (int64, error) {
	number, unit := decimal(s)
	switch {
	case number == "":
		return 0, notNumber(s, shareWant)
	case strings.TrimSpace(unit) != "%":
		return 0, errors.New("expected " + shareWant)
	case len(number) > 40:
		return 0, errors.New("that many digits make no sense here")
	}
	r, ok := new(big.Rat).SetString(number)
	if !ok {
		return 0, errors.New("not a number")
	}
	r.Mul(r, big.NewRat(10_000_000, 1))
	if r.Cmp(new(big.Rat).SetInt64(most)) > 0 {
		return 0, errors.New("too much; at most " + asShare.format(most))
	}
	if !r.IsInt() {
		return 0, errors.New("finer than a billionth")
	}
	return r.Num().Int64(), nil
}

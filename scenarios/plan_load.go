package scenarios

import (
	"strings"
	"time"

	"psyncsim/sim"

	yaml "go.yaml.in/yaml/v4"
)

// reads are commands that a stream never carries.
var reads = words2set("GET MGET HGET HMGET HGETALL LRANGE SMEMBERS ZRANGE EXISTS TTL PTTL TYPE KEYS SCAN STRLEN LLEN SCARD ZCARD HLEN PING INFO")

func (p *planner) command(n *yaml.Node) string {
	s, ok := p.text(n, "the name of a write command, such as SET")
	if !ok {
		return ""
	}
	for i := 0; i < len(s); i++ {
		c := s[i] | 0x20
		if !(c >= 'a' && c <= 'z' || i > 0 && (s[i] == '.' || s[i] == '_' || s[i] >= '0' && s[i] <= '9')) || len(s) > 64 {
			p.fail(n, "not the name of a command; expected one such as SET")
			return ""
		}
	}
	if s == "" {
		p.failAt(n, "command", "a value is missing; expected the name of a write command, such as SET")
	}
	if reads[strings.ToUpper(s)] {
		p.fail(n, "it writes nothing, so a replication stream never carries it")
	}
	return s
}

// hasValue are the commands whose value is spelled out when left out.
func hasValue(command string) bool { return command == "" || strings.EqualFold(command, "SET") }

// commandFields are the fields of a load's one command, or of an item of a mix.
func (p *planner) commandFields(n *yaml.Node, c *sim.Command) []field {
	var key, value *yaml.Node
	fallback := func(s string) string {
		if lookup(n, "args") != nil {
			return ""
		}
		return s
	}
	name := "SET"
	if v := lookup(n, "command"); v != nil {
		name = v.Value
	}
	if c.Times == 0 {
		c.Times = 1
	}
	fs := []field{
		{name: "command", fallback: "SET", read: func(n *yaml.Node) { c.Name = p.command(n) }},
		{name: "key", fallback: fallback("16"), read: func(n *yaml.Node) { key = n; c.Args = []int{p.length(n)} }},
		{name: "value", read: func(n *yaml.Node) {
			value = n
			v := p.length(n)
			c.Args = append(c.Args, v)
			if len(c.Args) == 1 {
				p.fail(n, "there is no key; give the lengths of all arguments as args")
			}
		}},
		{name: "args", read: func(n *yaml.Node) {
			if key != nil || value != nil {
				p.fail(n, "args are all arguments; key and value do not stand beside it")
			}
			c.Args = nil
			p.list(n, "lengths", func(_ int, n *yaml.Node) { c.Args = append(c.Args, p.length(n)) })
			if len(c.Args) == 0 && n.Kind == yaml.SequenceNode {
				p.fail(n, "a write has one argument at least, its key")
			}
			if len(c.Args) > 1<<20 {
				p.failAt(n, "args", "at most 1048576 arguments")
			}
		}},
	}
	if hasValue(name) {
		fs[2].fallback = fallback("200")
	}
	return fs
}

// meanCommand is the mean length of a mix's commands: total bytes and count.
func meanCommand(mix []sim.Command) (bytes, commands int64) {
	for i := range mix {
		bytes += mix[i].Bytes() * int64(mix[i].Times)
		commands += int64(mix[i].Times)
	}
	return
}

func (p *planner) readLoad(i int, n *yaml.Node) {
	if i >= maxLoads {
		if i == maxLoads {
			p.failAt(n, "workload", "at most %d loads", maxLoads)
		}
		return
	}
	l := sim.LoadConfig{Server: -1}
	one, client := sim.Command{}, clientWrite{}
	var on, mix, rateNode, until *yaml.Node
	var r rate
	a := arrivals{}
	mixed := lookup(n, "mix") != nil
	fields := []field{
		{name: "on", need: true, read: func(n *yaml.Node) { on = n; l.Server = p.server(n) }},
		{name: "rate", read: func(n *yaml.Node) { rateNode = n; r = p.rate(n) }},
	}
	if mixed {
		fields = append(fields, field{name: "mix", need: true, read: func(n *yaml.Node) { mix = n; l.Commands = p.readMix(n, l.Server) }})
		for _, name := range append([]string{"client", "command", "key", "value", "args"}, clientNames...) {
			fields = append(fields, field{name: name, read: func(n *yaml.Node) {
				p.failAt(n, name, "does not stand beside mix")
			}})
		}
	} else {
		fields = append(fields, p.writeFields(n, &one, &client)...)
		fields = append(fields, field{name: "mix", read: func(*yaml.Node) {}})
	}
	fields = append(fields,
		field{name: "arrivals", fallback: "constant", read: func(n *yaml.Node) { a = p.readArrivals(n) }},
		field{name: "from", fallback: "0s", read: func(n *yaml.Node) { l.From = p.duration1(n) }},
		field{name: "until", read: func(n *yaml.Node) { until = n; l.Until = p.duration1(n) }})
	before := p.problems.count()
	ok := p.object(n, "a load", writeKind(n), fields)
	if ok && p.problems.count() == before && client.node != nil {
		one, ok = p.clientCommand(&client, l.Server, 1)
	}
	if mix == nil && !mixed {
		l.Commands = []sim.Command{one}
	}
	if until != nil && l.Until <= l.From {
		p.fail(until, "the load ends before it begins; until must be later than from")
	}
	if p.duration != nil && l.From >= p.config.Duration && l.From > 0 {
		p.fail(lookup(n, "from"), "the load begins after the end of the run (duration)")
	}
	l.Arrivals = a.kind
	switch {
	case !a.ok:
		return
	case a.kind == sim.Trace:
		l.Trace = p.window(&l, &a)
		if rateNode != nil {
			p.fail(rateNode, "a trace has its own rate; leave it out")
		}
	case a.mean.unit != "" && rateNode != nil:
		p.fail(rateNode, "the rate while off follows from the mean of the bursts; give one of the two")
		return
	case a.mean.unit != "":
		r = a.meanOff()
	case rateNode == nil:
		p.failAt(n, "rate", "missing in a load")
		return
	}
	l.BytesPerSecond, l.PerSecond = r.bytes, r.commands
	if a.kind == sim.Bursts && !p.bursts(&l, r, &a) {
		return
	}
	if !ok || l.Server < 0 || len(l.Commands) == 0 {
		return
	}
	if !p.checkVolume(n, &l) {
		return
	}
	if a.kind != sim.Trace && a.kind != sim.Bursts && r.bytes == 0 && r.commands == 0 {
		return // no writes at all
	}
	p.loads = append(p.loads, on)
	p.config.Loads = append(p.config.Loads, l)
}

func (p *planner) readMix(n *yaml.Node, server int) (mix []sim.Command) {
	cycle := int64(0)
	p.list(n, "commands", func(_ int, n *yaml.Node) {
		c, client := sim.Command{}, clientWrite{}
		fields := append(p.writeFields(n, &c, &client), field{name: "times", fallback: "1", read: func(n *yaml.Node) { c.Times = int(p.count(n, 1, maxCycle)) }})
		before := p.problems.count()
		ok := p.object(n, "a command of a mix", writeKind(n), fields)
		if ok && p.problems.count() == before && client.node != nil {
			c, ok = p.clientCommand(&client, server, c.Times)
		}
		if ok {
			mix = append(mix, c)
		}
		cycle += int64(c.Times)
	})
	if len(n.Content) == 0 && n.Kind == yaml.SequenceNode {
		p.fail(n, "a mix needs one command at least")
	}
	if cycle > maxCycle {
		p.failAt(n, "mix", "its times add up to %d; at most %d", cycle, maxCycle)
	}
	return mix
}

// arrivals are when writes come.
type arrivals struct {
	ok        bool
	kind      sim.ArrivalKind
	on, off   time.Duration
	rate      rate
	factor    int64 // thousandths; 0 is none
	factorAt  *yaml.Node
	mean      rate // over time, instead of the load's own rate
	phase     time.Duration
	phaseSet  bool
	phaseNode *yaml.Node
	trace     []sim.TracePoint
	start     *yaml.Node // of the place in the trace at which it begins; nil is its beginning
	startAt   time.Duration
}

func (p *planner) readArrivals(n *yaml.Node) (a arrivals) {
	if n.Kind == yaml.ScalarNode {
		switch p.word(n, "constant", "poisson", "bursts", "trace") {
		case "constant":
			return arrivals{ok: true, kind: sim.Constant}
		case "poisson":
			return arrivals{ok: true, kind: sim.Poisson}
		case "bursts":
			p.fail(n, "bursts need their numbers: {bursts: {on: 8s, off: 32s, rate: 2MB/s}}")
		case "trace":
			p.fail(n, "a trace needs its file: {trace: info.csv}")
		}
		return
	}
	if n.Kind != yaml.MappingNode || len(n.Content) != 2 && lookup(n, "trace") == nil {
		p.fail(n, "expected constant, poisson, {bursts: {on, off, rate}} or {trace: FILE}")
		return
	}
	p.object(n, "arrivals", "", []field{
		{name: "bursts", read: func(n *yaml.Node) {
			a.kind = sim.Bursts
			a.ok = p.object(n, "bursts", "", []field{
				{name: "on", need: true, read: func(n *yaml.Node) { a.on = p.durationAbove0(n) }},
				{name: "off", need: true, read: func(n *yaml.Node) { a.off = p.durationAbove0(n) }},
				{name: "rate", read: func(n *yaml.Node) { a.rate = p.rate(n) }},
				{name: "factor", read: func(n *yaml.Node) { a.factor = p.factor(n); a.factorAt = n }},
				{name: "mean", read: func(n *yaml.Node) { a.mean = p.rate(n) }},
				{name: "phase", fallback: "drawn", read: func(n *yaml.Node) {
					if n.Kind == yaml.ScalarNode && n.Value == "drawn" {
						p.saw(n, 0, Text, asText)
						return
					}
					a.phase, a.phaseSet, a.phaseNode = p.duration1(n), true, n
				}},
			})
			switch {
			case !a.ok:
			case lookup(n, "rate") == nil && lookup(n, "factor") == nil:
				p.failAt(n, "rate", "missing in bursts: the rate while on, or factor, by which it is higher than the load's rate")
				a.ok = false
			case lookup(n, "rate") != nil && lookup(n, "factor") != nil:
				p.fail(lookup(n, "factor"), "either rate or factor, not both")
				a.ok = false
			case lookup(n, "mean") != nil && lookup(n, "factor") == nil:
				p.fail(lookup(n, "mean"), "a mean needs factor: how many times the rate while on is the rate while off")
				a.ok = false
			}
			if a.phaseSet && a.on > 0 && a.off > 0 && a.phase >= a.on+a.off {
				p.fail(a.phaseNode, "a phase is less than on + off")
			}
		}},
		{name: "trace", read: func(n *yaml.Node) {
			a.kind = sim.Trace
			name, ok := p.text(n, "the path of a capture such as info.csv")
			if !ok {
				return
			}
			points, prob, err := p.files.trace(name)
			switch {
			case err != nil:
				p.fail(n, "cannot be read: %v", err)
			case prob != nil:
				p.problems.add(*prob)
			default:
				a.trace, a.ok = points, true
			}
		}},
		{name: "start", read: func(n *yaml.Node) { a.start, a.startAt = n, p.duration1(n) }},
	})
	return a
}

// maxWindow is how many samples a capture may come to that is repeated.
const maxWindow = 5_000_000

// window is the part of a trace that a load takes: all of it, or what lies
// behind start, and then all from its beginning, as often as it takes.
func (p *planner) window(l *sim.LoadConfig, a *arrivals) []sim.TracePoint {
	if a.start == nil {
		return a.trace
	}
	if last := a.trace[len(a.trace)-1].At; a.startAt >= last {
		p.fail(a.start, "the capture ends at %v; start lies before that", last)
		return a.trace
	}
	end := p.config.Duration
	if l.Until > 0 {
		end = min(end, l.Until)
	}
	length := max(end-l.From, time.Second)
	if int64(length/a.trace[len(a.trace)-1].At+2) > maxWindow/int64(len(a.trace)) {
		p.fail(a.start, "the capture would be repeated until it has more than %d samples; take a longer one, or a shorter duration", maxWindow)
		return a.trace
	}
	return AppendWindow(nil, a.trace, a.startAt, length)
}

// factor reads how many times a burst's rate is the load's, in thousandths.
func (p *planner) factor(n *yaml.Node) int64 {
	s, ok := p.scalarText(n, "a number such as 4 or 2.5")
	if !ok {
		return 0
	}
	number, rest := decimal(s)
	if number == "" || rest != "" {
		p.fail(n, "%v", notNumber(s, "a number such as 4 or 2.5"))
		return 0
	}
	v, err := times(number, 1000, 1, 1e9, "thousandths")
	if err != nil {
		p.fail(n, "%v", err)
	} else {
		p.saw(n, 0, Text, asText)
	}
	return v
}

// meanOff is the rate while off that gives the mean over time.
func (a *arrivals) meanOff() rate {
	// off × (off + factor × on) = mean × (off + on), factor in thousandths.
	// Durations go down to microseconds so that the products stay in 64 bits.
	on, off := max(int64(a.on/time.Microsecond), 1), max(int64(a.off/time.Microsecond), 1)
	weight := satAdd(satMul(off, 1000), satMul(on, a.factor))
	part := func(v int64) int64 { return mulDiv(v, (on+off)*1000, weight) }
	return rate{unit: a.mean.unit, bytes: part(a.mean.bytes), commands: part(a.mean.commands), node: a.mean.node}
}

// bursts puts the rates of a burst into a load.
func (p *planner) bursts(l *sim.LoadConfig, r rate, a *arrivals) bool {
	l.On, l.Off, l.PhaseSet, l.Phase = a.on, a.off, a.phaseSet, a.phase
	if a.factorAt != nil {
		base, most := r.bytes, maxRate
		if r.unit == CommandsPerSecond {
			base, most = r.commands, maxCommands
		}
		// base <= 1e12 and factor <= 1e9 thousandths: split to stay in 64 bits.
		whole, part := base/1000, base%1000
		if a.factor > 0 && whole > most/a.factor {
			p.fail(a.factorAt, "the burst's rate is too large; at most %d a second", most)
			return false
		}
		v := whole*a.factor + part*a.factor/1000
		a.rate = rate{unit: r.unit, bytes: v}
		if r.unit == CommandsPerSecond {
			a.rate = rate{unit: r.unit, commands: v}
		}
	}
	if a.rate.unit == "" || r.unit == "" {
		return false
	}
	if a.rate.unit != r.unit {
		p.fail(a.rate.node, "the load's rate and the burst's must be of one kind: both of bytes, or both of commands")
		return false
	}
	l.BurstBytes, l.BurstPerSecond = a.rate.bytes, a.rate.commands
	return true
}

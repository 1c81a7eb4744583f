package scenarios

import (
	"fmt"
	"path"
	"sort"
	"strings"
	"time"

	yaml "go.yaml.in/yaml/v4"

	"psyncsim/model"
	"psyncsim/sim"
)

// Limits on how much one scenario may hold.
const (
	MaxServers = 1000
	MaxFaults  = 1_000_000 // after every and times are spread out
	maxLoads   = 1000
	maxCycle   = 1_000_000 // commands of a mix, with their times
)

// Meta are the numbers of the rule, for every run, swept or not.
type Meta struct {
	Backlog   int64         // repl-backlog-size of the first master, bytes
	WriteRate int64         // bytes a second: the mean over time of the loads on it, while they last
	Outage    time.Duration // how long the first link fault lasts; 0 without one
	FaultKind string        // kind of the first link fault, else of the first fault, else ""
	Version   string        // of the first master
}

// plan is one point of the sweep, compiled.
type plan struct {
	config   sim.Config
	meta     Meta
	question string
	repeat   int64
}

// server is what decoding knows of a server besides its sim.ServerConfig.
type server struct {
	sim.ServerConfig
	node      *yaml.Node // the server's map
	replicaof *yaml.Node
	moves     bool // a fault changes whom it follows
}

// planner holds a point's parts while they are decoded.
type planner struct {
	*decoder
	plan
	servers  []*server
	byName   map[string]int
	faults   []fault
	loads    []*yaml.Node // of config.Loads: where its server is named
	duration *yaml.Node
}

type fault struct {
	sim.FaultConfig
	node  *yaml.Node
	kind  string
	every time.Duration
	count int64
	set   []setting
}

var faultKinds = []string{"reset", "silent", "restart", "crash", "pause", "promote", "replicaof", "config"}

func (d *decoder) decode(root *yaml.Node) *plan {
	p := &planner{decoder: d, byName: map[string]int{}}
	p.repeat = 1
	p.object(root, "a scenario", "", []field{
		{name: "question", need: true, read: func(n *yaml.Node) {
			p.question, _ = p.text(n, "the question that the scenario answers")
			if strings.TrimSpace(p.question) == "" && n.Kind == yaml.ScalarNode {
				p.failAt(n, "question", "the question is empty; say what the scenario asks")
			}
		}},
		{name: "seed", fallback: "1", read: func(n *yaml.Node) { p.config.Seed = uint64(p.count(n, 0, 1<<62)) }},
		{name: "duration", fallback: "60s", read: func(n *yaml.Node) {
			p.duration = n
			p.config.Duration = p.durationAbove0(n)
		}},
		{name: "servers", need: true, read: p.readServers},
		{name: "links", read: func(n *yaml.Node) { p.list(n, "links", p.readLink) }},
		{name: "workload", read: func(n *yaml.Node) { p.list(n, "loads", p.readLoad) }},
		{name: "faults", read: func(n *yaml.Node) { p.list(n, "faults", p.readFault) }},
		{name: "sweep", read: func(*yaml.Node) {}},
		{name: "repeat", fallback: "1", read: func(n *yaml.Node) { p.repeat = p.count(n, 1, 1<<40) }},
		{name: "expect", read: func(*yaml.Node) {}},
		{name: "observed", read: func(*yaml.Node) {}},
	})
	p.checkLoads()
	p.finishFaults()
	p.measure()
	return &p.plan
}

// --- servers ---

func validName(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || i > 0 && (c == '_' || c == '-')) {
			return false
		}
	}
	return true
}

func (p *planner) readServers(n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		p.fail(n, "expected a map from names to servers")
		return
	}
	if len(n.Content) == 0 {
		p.failAt(n, "servers", "at least one server is needed")
		return
	}
	if len(n.Content)/2 > MaxServers {
		p.failAt(n, "servers", "%d servers; at most %d", len(n.Content)/2, MaxServers)
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if !validName(key.Value) || key.Value == "link" {
			p.fail(key, "not a name for a server; expected letters, digits, _ and -, at most 64 of them, and not the word link")
		}
		p.byName[key.Value] = i / 2
		p.servers = append(p.servers, p.readServer(key.Value, n.Content[i+1]))
	}
	for _, s := range p.servers {
		if s.replicaof != nil {
			if at := p.server(s.replicaof); at >= 0 {
				s.ReplicaOf = p.servers[at].Name
			}
		}
	}
	p.checkCycles()
	for _, s := range p.servers {
		p.config.Servers = append(p.config.Servers, s.ServerConfig)
	}
}

func (p *planner) readServer(name string, n *yaml.Node) *server {
	s := &server{node: n}
	s.Name = name
	var config, configFile *yaml.Node
	what := "server " + shorten(name)
	drawn := func(to *time.Duration, most time.Duration) func(*yaml.Node) {
		return func(n *yaml.Node) {
			if n.Kind == yaml.ScalarNode && n.Value == "drawn" {
				p.saw(n, 0, Text, asText)
				*to = -1
				return
			}
			if *to = p.duration1(n); *to >= most {
				p.fail(n, "must be less than %v", most)
			}
		}
	}
	fields := []field{
		{name: "version", need: true, read: func(n *yaml.Node) { s.Profile = p.version(n) }},
		{name: "config", read: func(n *yaml.Node) { config = n }},
		{name: "config-file", read: func(n *yaml.Node) { configFile = n }},
		{name: "replicaof", read: func(n *yaml.Node) { s.replicaof = n }},
		{name: "dataset", fallback: "100MB", read: func(n *yaml.Node) { s.Dataset = p.size(n) }},
		{name: "save-rate", fallback: "200MB/s", read: func(n *yaml.Node) { s.SaveRate = p.speed(n) }},
		{name: "load-rate", fallback: "100MB/s", read: func(n *yaml.Node) { s.LoadRate = p.speed(n) }},
		{name: "fork", fallback: "10ms", read: func(n *yaml.Node) { s.Fork = p.duration1(n) }},
		{name: "uptime", fallback: "drawn", read: drawn(&s.Uptime, MaxDuration+1)},
		{name: "wall", fallback: "drawn", read: drawn(&s.Wall, time.Second)},
	}
	p.object(n, what, "", fields)
	if s.Profile == nil {
		return s
	}
	s.Settings = s.Profile.Defaults()
	if configFile != nil {
		p.readConfigFile(s, configFile)
	}
	if config != nil {
		p.readConfig(s.Profile, &s.Settings, config, true, nil)
	}
	p.fillConfig(s, n, config, configFile)
	if p.fill {
		reorder(n, fields) // config may be new
	}
	return s
}

func (p *planner) duration1(n *yaml.Node) time.Duration { return p.decoder.duration(n) }

func (p *planner) version(n *yaml.Node) *model.Profile {
	name, ok := p.text(n, "a version such as redis-6.2")
	if !ok {
		return nil
	}
	if prof, ok := model.LookupProfile(name); ok {
		return prof
	}
	var known []string
	for _, q := range model.Profiles() {
		known = append(known, q.Name)
	}
	for _, v := range versions {
		if v == name {
			p.fail(n, "not modelled yet; expected one of %s", strings.Join(known, ", "))
			return nil
		}
	}
	p.fail(n, "not a version; %s", oneOf(name, known))
	return nil
}

// server reads the name of a server; -1 is none.
func (p *planner) server(n *yaml.Node) int {
	name, ok := p.text(n, "the name of a server")
	if !ok {
		return -1
	}
	if i, ok := p.byName[name]; ok {
		return i
	}
	var names []string
	for _, s := range p.servers {
		if names = append(names, s.Name); len(names) == 20 {
			break
		}
	}
	p.fail(n, "there is no such server; %s", oneOf(name, names))
	return -1
}

func (p *planner) checkCycles() {
	done := make([]bool, len(p.servers))
	for i, s := range p.servers {
		seen := map[int]bool{}
		for at := i; !done[at]; {
			if seen[at] {
				p.fail(s.replicaof, "a circle: %s follows itself through its masters", s.Name)
				return
			}
			seen[at] = true
			next, ok := p.byName[p.servers[at].ReplicaOf]
			if !ok || p.servers[at].ReplicaOf == "" {
				break
			}
			at = next
		}
		for at := range seen {
			done[at] = true
		}
	}
}

// readConfig reads a map of directives into s. With CONFIG SET (file false)
// list takes the settings, to be applied in their turn.
func (p *planner) readConfig(prof *model.Profile, s *model.Settings, n *yaml.Node, file bool, list *[]setting) {
	if n.Kind != yaml.MappingNode {
		p.fail(n, "expected a map of redis.conf's directives, such as {repl-backlog-size: 1mb}")
		return
	}
	seen := map[*directive]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		r, msg := findDirective(prof.Name, key.Value)
		if msg != "" {
			p.fail(key, "%s", msg)
			continue
		}
		if r == nil {
			p.remark(fmt.Sprintf("%s has no effect on replication; it is ignored", strings.ToLower(key.Value)))
			continue
		}
		if seen[r] {
			p.fail(key, "given twice, under its old and its new name")
			continue
		}
		seen[r] = true
		var lines []*yaml.Node
		switch {
		case value.Kind == yaml.ScalarNode && !isNull(value):
			lines = []*yaml.Node{value}
		case value.Kind == yaml.SequenceNode && (r.class == limits || r.name == "save"):
			lines = value.Content
		case isNull(value):
			p.failAt(value, key.Value, "a value is missing; leave the line out to have the default")
			continue
		default:
			p.fail(value, "%s: expected a value as in redis.conf", key.Value)
			continue
		}
		for _, line := range lines {
			if line.Kind != yaml.ScalarNode {
				p.fail(line, "expected a value as in redis.conf")
				continue
			}
			args := []string{line.Value}
			if r.class == limits {
				args = strings.Fields(line.Value)
			}
			v, w, msg, note := applyDirective(prof, s, r, args, file)
			if msg != "" {
				p.fail(line, "%s: %s", key.Value, msg)
				continue
			}
			if note != "" {
				p.remark(note)
			}
			switch w {
			case asConfMemory:
				p.saw(line, v, Bytes, w)
			case asConfSeconds:
				p.saw(line, v, Nanoseconds, w)
			case asCount:
				p.saw(line, v, Count, w)
			default:
				p.saw(line, 0, Text, asText)
			}
			if list != nil && r.effect == modelled {
				*list = append(*list, setting{dir: r, args: args})
			}
		}
	}
}

// readConfigFile reads a real redis.conf. What it says of replication counts;
// the rest is named in the notes.
func (p *planner) readConfigFile(s *server, n *yaml.Node) {
	name, ok := p.text(n, "the path of a redis.conf")
	if !ok {
		return
	}
	data, err := p.files.read(name)
	if err != nil {
		p.fail(n, "cannot be read: %v", err)
		return
	}
	var ignored []string
	complain := func(line int, text, format string, a ...any) {
		p.problems.add(Problem{File: path.Clean(name), Line: line, Col: 1, Text: text, Want: fmt.Sprintf(format, a...)})
	}
	for i, line := range strings.Split(string(data), "\n") {
		line = strings.Trim(line, " \t\r")
		if line == "" || line[0] == '#' {
			continue
		}
		args, ok := confLine(line)
		if !ok {
			complain(i+1, line, "unbalanced quotes")
			continue
		}
		if len(args) == 0 {
			continue
		}
		key := strings.ToLower(args[0])
		if key == "replicaof" || key == "slaveof" {
			p.remark(fmt.Sprintf("%s: %s names an address and is ignored; the server's field replicaof names a server", path.Base(name), key))
			continue
		}
		r, msg := findDirective(s.Profile.Name, key)
		if msg != "" {
			complain(i+1, args[0], "%s", msg)
			continue
		}
		if r == nil {
			if len(ignored) < 200 {
				ignored = append(ignored, key)
			}
			continue
		}
		_, _, msg, note := applyDirective(s.Profile, &s.Settings, r, args[1:], true)
		if msg != "" {
			complain(i+1, line, "%s", msg)
			continue
		}
		if note != "" {
			p.remark(note)
		}
	}
	if len(ignored) > 0 {
		sort.Strings(ignored)
		p.remark(fmt.Sprintf("%s: not about replication, ignored: %s", path.Base(name), strings.Join(dedupe(ignored), ", ")))
	}
}

func dedupe(s []string) []string {
	out := s[:0]
	for i, v := range s {
		if i == 0 || v != s[i-1] {
			out = append(out, v)
		}
	}
	return out
}

// fillConfig spells out the settings of a server, unless its version or its
// file is swept: then they are the version's, or the file's, own.
func (p *planner) fillConfig(s *server, n, config, configFile *yaml.Node) {
	if !p.fill || p.swept[n] || p.swept[lookup(n, "version")] || p.swept[config] || p.swept[configFile] {
		return
	}
	if config == nil {
		config = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: n.Line, Column: n.Column}
		put(n, "config", config)
	}
	if config.Kind != yaml.MappingNode {
		return
	}
	v := rank(s.Profile.Name)
	for i := range directives {
		r := &directives[i]
		if v < r.since || hasDirective(config, r) {
			continue
		}
		if text := defaultText(s.Profile, r, &s.Settings); text != "" {
			put(config, r.nameIn(v), scalar(text, n.Line, n.Column))
		}
	}
	for i := 0; i+1 < len(config.Content); i += 2 {
		switch strings.ToLower(config.Content[i].Value) {
		case "masterauth", "primaryauth", "requirepass":
			// It has no effect here, and results are passed on.
			config.Content[i+1] = scalar("hidden", n.Line, n.Column)
		}
	}
	if configFile != nil {
		*n = *without(n, "config-file")
	}
}

func hasDirective(config *yaml.Node, r *directive) bool {
	for i := 0; i < len(config.Content); i += 2 {
		if k := strings.ToLower(config.Content[i].Value); k == r.name || k == r.old {
			return true
		}
	}
	return false
}

// --- links ---

func (p *planner) pair(n *yaml.Node) (a, b int) {
	a, b = -1, -1
	if n.Kind != yaml.SequenceNode || len(n.Content) != 2 {
		p.fail(n, "expected the names of two servers, such as [master, replica]")
		return
	}
	a, b = p.server(n.Content[0]), p.server(n.Content[1])
	if a >= 0 && a == b {
		p.fail(n, "a link joins two different servers")
		return -1, -1
	}
	return
}

func (p *planner) readLink(i int, n *yaml.Node) {
	l := sim.LinkConfig{A: -1, B: -1}
	p.object(n, "a link", "", []field{
		{name: "between", need: true, read: func(n *yaml.Node) { l.A, l.B = p.pair(n) }},
		{name: "latency", fallback: sim.DefaultLink.Latency.String(), read: func(n *yaml.Node) {
			if l.Latency = p.duration1(n); l.Latency > time.Hour {
				p.fail(n, "too long for a link; at most 1h")
			}
		}},
		{name: "bandwidth", fallback: asRate.format(sim.DefaultLink.Bandwidth), read: func(n *yaml.Node) { l.Bandwidth = p.speed(n) }},
	})
	if l.A < 0 || l.B < 0 {
		return
	}
	for _, have := range p.config.Links {
		if have.A == l.A && have.B == l.B || have.A == l.B && have.B == l.A {
			p.fail(lookup(n, "between"), "these two have a link already")
			return
		}
	}
	p.config.Links = append(p.config.Links, l)
}

// --- workload ---

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

// respBytes is what a command takes on the stream.
func respBytes(c *sim.Command) int64 {
	digits := func(n int) int64 { return int64(len(fmt.Sprint(n))) }
	bulk := func(n int) int64 { return 1 + digits(n) + 2 + int64(n) + 2 }
	total := 1 + digits(1+len(c.Args)) + 2 + bulk(len(c.Name))
	for _, a := range c.Args {
		total += bulk(a)
	}
	return total
}

// meanCommand is the mean length of a mix's commands: total bytes and count.
func meanCommand(mix []sim.Command) (bytes, commands int64) {
	for i := range mix {
		bytes += respBytes(&mix[i]) * int64(mix[i].Times)
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
	one := sim.Command{}
	var on, mix, rateNode, until *yaml.Node
	var r rate
	a := arrivals{}
	mixed := lookup(n, "mix") != nil
	fields := []field{
		{name: "on", need: true, read: func(n *yaml.Node) { on = n; l.Server = p.server(n) }},
		{name: "rate", read: func(n *yaml.Node) { rateNode = n; r = p.rate(n) }},
	}
	if mixed {
		fields = append(fields, field{name: "mix", need: true, read: func(n *yaml.Node) { mix = n; l.Commands = p.readMix(n) }})
		for _, name := range []string{"command", "key", "value", "args"} {
			fields = append(fields, field{name: name, read: func(n *yaml.Node) {
				p.failAt(n, name, "does not stand beside mix")
			}})
		}
	} else {
		fields = append(fields, p.commandFields(n, &one)...)
		fields = append(fields, field{name: "mix", read: func(*yaml.Node) {}})
	}
	fields = append(fields,
		field{name: "arrivals", fallback: "constant", read: func(n *yaml.Node) { a = p.readArrivals(n) }},
		field{name: "from", fallback: "0s", read: func(n *yaml.Node) { l.From = p.duration1(n) }},
		field{name: "until", read: func(n *yaml.Node) { until = n; l.Until = p.duration1(n) }})
	ok := p.object(n, "a load", "command", fields)
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
		l.Trace = a.trace
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

// checkVolume refuses loads that no stream could carry.
func (p *planner) checkVolume(n *yaml.Node, l *sim.LoadConfig) bool {
	cycle, longest := int64(0), int64(0)
	for i := range l.Commands {
		size := respBytes(&l.Commands[i])
		longest = max(longest, size)
		cycle = satAdd(cycle, satMul(size, int64(l.Commands[i].Times)))
	}
	if cycle >= 1<<40 {
		p.failAt(n, "workload", "its commands have more than 1 TiB a cycle")
		return false
	}
	if l.Arrivals == sim.Trace {
		return true
	}
	if v := max(l.PerSecond, l.BurstPerSecond); satMul(v, longest) > maxRate {
		p.failAt(n, "rate", "%d commands of up to %d bytes a second are more than 1 TB/s", v, longest)
		return false
	}
	return true
}

func (p *planner) readMix(n *yaml.Node) (mix []sim.Command) {
	cycle := int64(0)
	p.list(n, "commands", func(_ int, n *yaml.Node) {
		c := sim.Command{}
		fields := append(p.commandFields(n, &c), field{name: "times", fallback: "1", read: func(n *yaml.Node) { c.Times = int(p.count(n, 1, maxCycle)) }})
		if p.object(n, "a command of a mix", "command", fields) {
			mix = append(mix, c)
		}
		cycle += int64(c.Times)
	})
	if len(mix) == 0 && n.Kind == yaml.SequenceNode {
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
	if n.Kind != yaml.MappingNode || len(n.Content) != 2 {
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
	})
	return a
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

// --- faults ---

func (p *planner) readFault(i int, n *yaml.Node) {
	f := fault{node: n, count: 1}
	f.A, f.B, f.Server, f.Peer = -1, -1, -1, -1
	if k := lookup(n, "kind"); k != nil && k.Kind == yaml.ScalarNode {
		f.kind = k.Value
	}
	var forNode, timesNode, everyNode *yaml.Node
	fields := []field{
		{name: "at", need: true, read: func(n *yaml.Node) { f.At = p.duration1(n) }},
		{name: "kind", need: true, read: func(n *yaml.Node) { f.kind = p.word(n, faultKinds...) }},
	}
	add := func(name string, need bool, fallback string, read func(*yaml.Node)) {
		fields = append(fields, field{name: name, need: need, fallback: fallback, read: read})
	}
	lasting := func(n *yaml.Node) { forNode = n; f.For = p.duration1(n) }
	known := true
	onServer := func() {
		name := "server"
		if lookup(n, "on") != nil {
			name = "on"
		}
		add(name, true, "", func(n *yaml.Node) { f.Server = p.server(n) })
	}
	switch f.kind {
	case "reset", "silent":
		f.Kind = sim.FaultReset
		add("link", true, "", func(n *yaml.Node) { f.A, f.B = p.pair(n) })
		if f.kind == "silent" {
			f.Kind = sim.FaultSilent
			add("for", true, "", func(n *yaml.Node) { forNode = n; f.For = p.durationAbove0(n) })
		} else {
			add("for", false, "0s", lasting)
		}
	case "restart", "crash":
		f.Kind = sim.FaultCrash
		onServer()
		add("for", false, "0s", lasting)
		if f.kind == "restart" {
			f.Kind = sim.FaultRestart
			add("save", false, "yes", func(n *yaml.Node) { f.Save = p.yes(n) })
		}
	case "pause":
		f.Kind = sim.FaultPause
		onServer()
		add("for", true, "", func(n *yaml.Node) { forNode = n; f.For = p.durationAbove0(n) })
	case "promote":
		f.Kind = sim.FaultPromote
		onServer()
	case "replicaof":
		f.Kind = sim.FaultReplicaOf
		onServer()
		add("to", true, "", func(n *yaml.Node) { f.Peer = p.server(n) })
	case "config":
		f.Kind = sim.FaultConfigSet
		onServer()
		add("set", true, "", func(n *yaml.Node) {
			if f.Server >= 0 && p.servers[f.Server].Profile != nil {
				scratch := p.servers[f.Server].Settings
				p.readConfig(p.servers[f.Server].Profile, &scratch, n, false, &f.set)
			}
		})
	default:
		// An unknown kind is one problem; its fields cannot be judged.
		known = false
		for _, name := range []string{"link", "server", "on", "for", "save", "to", "set"} {
			add(name, false, "", func(*yaml.Node) {})
		}
	}
	add("every", false, "", func(n *yaml.Node) { everyNode = n; f.every = p.durationAbove0(n) })
	add("times", false, "", func(n *yaml.Node) { timesNode = n; f.count = p.count(n, 1, MaxFaults) })
	ok := p.object(n, "a "+strings.TrimSpace(f.kind+" fault"), "kind", fields)
	if timesNode != nil && everyNode == nil {
		p.fail(timesNode, "times needs every, the time from one to the next")
		return
	}
	if p.config.Duration > 0 && f.At >= p.config.Duration {
		p.fail(lookup(n, "at"), "at or after the end of the run (duration %v)", p.config.Duration)
		return
	}
	if !ok || !known || f.Kind == 0 {
		return
	}
	if f.Kind == sim.FaultReplicaOf && f.Peer >= 0 && f.Peer == f.Server {
		p.fail(lookup(n, "to"), "a server does not follow itself")
		return
	}
	if everyNode != nil && f.every > 0 {
		if forNode != nil && f.For >= f.every {
			p.fail(everyNode, "must be longer than for: the next one begins before this one has ended")
			return
		}
		fit := int64((p.config.Duration-f.At-1)/f.every) + 1
		switch {
		case timesNode == nil:
			f.count = fit
		case f.count > fit:
			p.fail(timesNode, "only %d of them begin before the end of the run (duration %v)", fit, p.config.Duration)
			return
		}
	}
	if f.Kind <= sim.FaultSilent {
		if f.A < 0 || f.B < 0 {
			return
		}
	} else if f.Server < 0 || f.Kind == sim.FaultReplicaOf && f.Peer < 0 {
		return
	}
	if f.Kind == sim.FaultPromote || f.Kind == sim.FaultReplicaOf {
		p.servers[f.Server].moves = true
	}
	if f.A < 0 {
		f.A = 0
	}
	if f.B < 0 {
		f.B = 0
	}
	f.Server, f.Peer = max(f.Server, 0), max(f.Peer, 0)
	p.faults = append(p.faults, f)
}

// checkLoads refuses writes to servers that would refuse them.
func (p *planner) checkLoads() {
	for i, l := range p.config.Loads {
		if s := p.servers[l.Server]; s.replicaof != nil && !s.moves {
			p.fail(p.loads[i], "a replica is read-only and nothing promotes this one; writes go to a master")
		}
	}
}

// finishFaults spreads repeated faults out and gives each CONFIG SET the whole
// set of settings that it leaves behind.
func (p *planner) finishFaults() {
	total := int64(0)
	for _, f := range p.faults {
		total += f.count
	}
	if total > MaxFaults {
		p.failAt(p.faults[0].node, "faults", "%d faults once they are repeated; at most %d", total, MaxFaults)
		return
	}
	if p.drafting || len(p.problems.List) > 0 {
		return
	}
	p.config.Faults = make([]sim.FaultConfig, 0, total)
	var sets []int // indices into config.Faults
	var owners []*fault
	for i := range p.faults {
		f := &p.faults[i]
		for k := int64(0); k < f.count; k++ {
			c := f.FaultConfig
			c.At += time.Duration(k) * f.every
			if f.Kind == sim.FaultConfigSet {
				sets = append(sets, len(p.config.Faults))
				owners = append(owners, f)
			}
			p.config.Faults = append(p.config.Faults, c)
		}
	}
	if len(sets) == 0 {
		return
	}
	order := make([]int, len(sets))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(i, j int) bool {
		return p.config.Faults[sets[order[i]]].At < p.config.Faults[sets[order[j]]].At
	})
	now := make(map[int]model.Settings)
	for _, i := range order {
		f := owners[i]
		s, ok := now[f.Server]
		if !ok {
			s = p.servers[f.Server].Settings
		}
		for _, set := range f.set {
			applyDirective(p.servers[f.Server].Profile, &s, set.dir, set.args, false)
		}
		now[f.Server] = s
		whole := s
		p.config.Faults[sets[i]].Settings = &whole
	}
}

// measure takes the rule's numbers.
func (p *planner) measure() {
	master := -1
	for i, s := range p.servers {
		if s.replicaof == nil {
			master = i
			break
		}
	}
	if master < 0 {
		return
	}
	m := &p.meta
	s := p.servers[master]
	m.Backlog = s.Settings.BacklogSize
	if s.Profile != nil {
		m.Version = s.Profile.Name
	}
	for i := range p.config.Loads {
		if l := &p.config.Loads[i]; l.Server == master {
			m.WriteRate += meanRate(l)
		}
	}
	var first, firstLink *fault
	for i := range p.faults {
		f := &p.faults[i]
		if first == nil || f.At < first.At {
			first = f
		}
		if f.Kind <= sim.FaultSilent && (firstLink == nil || f.At < firstLink.At) {
			firstLink = f
		}
	}
	if firstLink != nil {
		first = firstLink
		m.Outage = firstLink.For
	}
	if first != nil {
		m.FaultKind = first.kind
	}
}

// meanRate is a load's mean over time in stream bytes a second, while it lasts.
func meanRate(l *sim.LoadConfig) int64 {
	perByte := func(bytes, commands int64) int64 {
		if commands == 0 {
			return bytes
		}
		sum, count := meanCommand(l.Commands)
		return mulDiv(commands, sum, count)
	}
	switch l.Arrivals {
	case sim.Trace:
		last := l.Trace[len(l.Trace)-1]
		return mulDiv(last.Bytes, int64(time.Second), int64(last.At-l.Trace[0].At))
	case sim.Bursts:
		off, on := perByte(l.BytesPerSecond, l.PerSecond), perByte(l.BurstBytes, l.BurstPerSecond)
		return mulDiv(on, int64(l.On), int64(l.On+l.Off)) + mulDiv(off, int64(l.Off), int64(l.On+l.Off))
	}
	return perByte(l.BytesPerSecond, l.PerSecond)
}

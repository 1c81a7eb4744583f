package scenarios

import (
	"fmt"
	"path"
	"psyncsim/model"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	yaml "go.yaml.in/yaml/v4"
)

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
		{name: "cron-late", fallback: strings.Replace(model.CronLate.String(), "µ", "u", 1), read: func(n *yaml.Node) {
			if s.CronLate = p.duration1(n); s.CronLate <= 0 || s.CronLate > model.MaxCronLate {
				p.fail(n, "must be above 0s, at most %v: no timer is early", model.MaxCronLate)
			}
		}},
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
	for _, q := range model.Variants() {
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
		r, msg := findDirective(prof.Like(), key.Value)
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
		case value.Kind == yaml.SequenceNode && r.class == saves:
			p.readSaves(prof, s, r, value, list)
			continue
		case value.Kind == yaml.SequenceNode && r.class == limits:
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
			if r.class == saves && strings.TrimSpace(line.Value) == `""` {
				args[0] = ""
			}
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

// readSaves reads several save directives: together they are the save points.
func (p *planner) readSaves(prof *model.Profile, s *model.Settings, r *directive, n *yaml.Node, list *[]setting) {
	var args []string
	for _, line := range n.Content {
		if line.Kind != yaml.ScalarNode {
			p.fail(line, "expected seconds and changes, such as 3600 1")
			return
		}
		p.saw(line, 0, Text, asText)
		args = append(args, line.Value)
	}
	if _, _, msg, _ := applyDirective(prof, s, r, args, true); msg != "" {
		p.fail(n, "save: %s", msg)
		return
	}
	if list != nil {
		*list = append(*list, setting{dir: r, args: args})
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
	var ignored, saved []string
	if s.Profile.FileResetsSaves { // it starts without the save points that it has without a file
		s.Settings.SavePoints = model.SavePoints{}
	}
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
		r, msg := findDirective(s.Profile.Like(), key)
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
		if r.class == saves { // each line adds to those before; "" takes them away
			if strings.Join(args[1:], "") == "" {
				saved = nil
			}
			saved = append(saved, args[1:]...)
			args = append(args[:1:1], saved...)
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
	p.hide(&s.Settings)
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
	v := rank(s.Profile.Like())
	for i := range directives {
		r := &directives[i]
		if v < r.since || hasDirective(config, r) {
			continue
		}
		text := defaultText(s.Profile, r, &s.Settings)
		if r.text != nil {
			text = *r.text(&s.Settings)
		}
		if text != "" {
			put(config, r.nameIn(v), scalar(text, n.Line, n.Column))
		}
	}
	for i := 0; i+1 < len(config.Content); i += 2 {
		switch strings.ToLower(config.Content[i].Value) {
		case "masterauth", "primaryauth", "requirepass":
			// Results are passed on: they tell only which passwords are the same.
			config.Content[i+1] = scalar(p.hidden(config.Content[i+1].Value), n.Line, n.Column)
		}
	}
	if configFile != nil {
		*n = *without(n, "config-file")
	}
}

// hide puts what stands for passwords in their place, also on the way to a run.
func (p *planner) hide(s *model.Settings) {
	s.RequirePass, s.MasterAuth = p.hidden(s.RequirePass), p.hidden(s.MasterAuth)
}

// hidden stands for a password: the same for the same one.
func (p *planner) hidden(password string) string {
	if password == "" || strings.HasPrefix(password, "hidden") {
		return password
	}
	i := slices.Index(p.secrets, password)
	if i < 0 {
		i = len(p.secrets)
		p.secrets = append(p.secrets, password)
	}
	return "hidden" + strconv.Itoa(i+1)
}

func hasDirective(config *yaml.Node, r *directive) bool {
	for i := 0; i < len(config.Content); i += 2 {
		if k := strings.ToLower(config.Content[i].Value); k == r.name || k == r.old {
			return true
		}
	}
	return false
}

package scenarios

import (
	"fmt"
	"path"
	"slices"
	"sort"
	"strconv"
	"strings"

	yaml "go.yaml.in/yaml/v4"

	"psyncsim/model"
)

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

package scenarios

import (
	"strings"
	"time"

	"psyncsim/model"

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

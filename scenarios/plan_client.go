package scenarios

import (
	"errors"
	"strings"
	"time"

	yaml "go.yaml.in/yaml/v4"

	"psyncsim/model"
	"psyncsim/sim"
)

// Limits on writes that clients make together: the commands of a MULTI or of a
// script, and of all loads of a scenario.
const (
	maxTogether  = 1000
	maxClientAll = 10_000
)

// clientWrite is a write as its client states it.
type clientWrite struct {
	model.ClientWrite
	node *yaml.Node // where the command is named; nil for a command of the stream
}

// clientNames are the fields that only a client's command has.
var clientNames = []string{"field", "ttl", "together", "script"}

// writeFields are the fields of a load's one command, or of an item of a mix:
// either a client's command or one of the stream.
func (p *planner) writeFields(n *yaml.Node, c *sim.Command, w *clientWrite) []field {
	if lookup(n, "client") == nil {
		fs := append([]field{{name: "client", read: func(*yaml.Node) {}}}, p.commandFields(n, c)...)
		for _, name := range clientNames {
			fs = append(fs, field{name: name, read: func(v *yaml.Node) {
				p.failAt(v, name, "it belongs to a client's command; name that as client, not command")
			}})
		}
		return fs
	}
	if c.Times == 0 {
		c.Times = 1
	}
	fs := p.clientFields(n, w)
	for _, name := range []string{"command", "args"} {
		fs = append(fs, field{name: name, read: func(v *yaml.Node) {
			p.failAt(v, name, "does not stand beside client")
		}})
	}
	return fs
}

// writeKind is the field that decides which others a write has.
func writeKind(n *yaml.Node) string {
	if lookup(n, "client") != nil {
		return "client"
	}
	return "command"
}

// clientFields are the fields of a client's command.
func (p *planner) clientFields(n *yaml.Node, w *clientWrite) []field {
	name := lookup(n, "client").Value
	parts, known := model.LookupClientWrite(name)
	part := func(s string, has bool, fallback string, to *int) field {
		f := field{name: s, read: func(v *yaml.Node) {
			if *to = p.length(v); known && !has {
				p.failAt(v, s, "%s has no %s", shorten(name), s)
			}
		}}
		if has {
			f.fallback = fallback
		}
		return f
	}
	return []field{
		{name: "client", need: true, read: func(v *yaml.Node) {
			w.node = v
			if w.Command, _ = p.text(v, "the name of a write command, such as SET"); known || v.Kind != yaml.ScalarNode {
				return
			}
			if reads[strings.ToUpper(name)] {
				p.fail(v, "it writes nothing, so a replication stream never carries it")
				return
			}
			p.fail(v, "what it costs on the stream is not known, but command may state the stream's own commands; %s",
				oneOf(strings.ToUpper(name), model.ClientCommands()))
		}},
		{name: "key", fallback: "16", read: func(v *yaml.Node) {
			if w.Key = p.length(v); w.Key == 0 && len(v.Value) > 0 && v.Value[0] == '0' {
				p.fail(v, "a key has one byte at least")
			}
		}},
		part("field", parts.Field, "16", &w.Field),
		part("value", parts.Value, "200", &w.Value),
		{name: "ttl", need: known && parts.NeedsTTL, read: func(v *yaml.Node) {
			w.TTL = p.durationAbove0(v)
			switch {
			case known && !parts.TTL:
				p.failAt(v, "ttl", "%s takes no time to live", shorten(name))
			case w.TTL%time.Second != 0:
				p.fail(v, "a time to live has whole seconds here")
			}
		}},
		{name: "together", read: func(v *yaml.Node) { w.Together = int(p.count(v, 1, maxTogether)) }},
		{name: "script", read: func(v *yaml.Node) {
			if w.Script = p.length(v); w.Script == 0 && len(v.Value) > 0 && v.Value[0] == '0' {
				p.fail(v, "a script has one byte at least")
			}
		}},
	}
}

// clientCommand is what a client's command becomes on the stream of the version
// that the server runs.
func (p *planner) clientCommand(w *clientWrite, server int, times int) (c sim.Command, ok bool) {
	if server < 0 || p.servers[server].Profile == nil {
		return c, false
	}
	if p.clients += max(1, w.Together); p.clients > maxClientAll {
		p.failAt(w.node, "together", "more than %d commands that clients make together, in all loads", maxClientAll)
		return c, false
	}
	version := p.servers[server].Profile.Name
	rules, known := model.LookupStreamRules(p.servers[server].Profile.Like())
	if !known {
		p.fail(w.node, "what %s writes on its stream is not known; state the stream's own commands as command", version)
		return c, false
	}
	cost, err := p.files.cost(rules, w.ClientWrite)
	var refused model.Refused
	var unknown model.NotModelled
	switch n := len(cost); {
	case errors.As(err, &refused):
		p.fail(w.node, "%s refuses it: %s", version, strings.TrimPrefix(string(refused), "ERR "))
	case errors.As(err, &unknown):
		p.fail(w.node, "not modelled for %s: %s", version, string(unknown))
	case err != nil:
		p.fail(w.node, "%v", err)
	case n == 0:
		p.fail(w.node, "%s writes nothing of it on the stream", version)
	case n > 1 && (cost[0].Name != "MULTI" || cost[n-1].Name != "EXEC"):
		p.fail(w.node, "%s writes it as %d commands that are no transaction; state one without together, at %d times the rate", version, n, n)
	default:
		c = cost[0]
		c.Times = times
		if w.TTL > 0 {
			c.TTL, c.Keys, c.KeyBytes = w.TTL, max(1, w.Together), w.Key
		}
		if n > 1 {
			c.Then = cost[1:n:n]
		}
		return c, true
	}
	return c, false
}

// costKey is a write on the stream of a version.
type costKey struct {
	rules *model.StreamRules
	write model.ClientWrite
}

type costFile struct {
	commands []sim.Command
	err      error
}

// cost is the stream's commands of a client's. The last few are kept: the points
// of a sweep mostly have the same. Nobody changes them.
func (f *files) cost(rules *model.StreamRules, w model.ClientWrite) ([]sim.Command, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := costKey{rules, w}
	if have, ok := f.costs[key]; ok {
		return have.commands, have.err
	}
	cost, err := rules.Cost(w)
	var list []sim.Command
	for i := range cost.Commands {
		list = append(list, streamCommand(&cost.Commands[i]))
	}
	if f.costs == nil || len(f.costs) >= 64 {
		f.costs = map[costKey]costFile{}
	}
	f.costs[key] = costFile{list, err}
	return list, err
}

func streamCommand(s *model.StreamCommand) sim.Command {
	c := sim.Command{Name: s.Name, Args: s.ArgLens[1:]}
	for i, w := range s.Words[1:] {
		if w != "" {
			c.Words = append(c.Words, make([]string, i-len(c.Words))...)
			c.Words = append(c.Words, w)
		}
	}
	return c
}

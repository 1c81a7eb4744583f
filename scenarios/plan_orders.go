package scenarios

import (
	"strings"
	"time"
	"unicode"

	"psyncsim/model"
	"psyncsim/sim"

	yaml "go.yaml.in/yaml/v4"
)

// Orders of an operator or a client that some versions only know.

// readOrder adds the fields of an order of kind f.kind to those that a fault has.
func (p *planner) readOrder(f *fault, n *yaml.Node, add func(name string, need bool, fallback string, read func(*yaml.Node))) {
	timeout := func(n *yaml.Node) {
		if f.Timeout = p.duration1(n); f.Timeout%time.Millisecond != 0 {
			p.fail(n, "the servers take whole milliseconds")
		}
	}
	needs := func(what string, has func(prof *model.Profile) bool) {
		at := lookup(n, "server")
		if at == nil {
			at = lookup(n, "on")
		}
		if at == nil || at.Kind != yaml.ScalarNode {
			return
		}
		for i := range p.servers {
			if s := p.servers[i]; s.Name == at.Value && s.Profile != nil && !has(s.Profile) {
				p.fail(lookup(n, "kind"), "%s has no %s; it came with %s", s.Profile.Name, what, firstWith(has))
			}
		}
	}
	switch f.kind {
	case "failover":
		f.Kind = sim.FaultFailover
		add("to", false, "", func(n *yaml.Node) { f.Peer = p.server(n) })
		add("force", false, "no", func(n *yaml.Node) { f.Force = p.yes(n) })
		add("timeout", false, "", timeout)
		add("abort", false, "no", func(n *yaml.Node) { f.Abort = p.yes(n) })
		needs("FAILOVER", func(prof *model.Profile) bool { return prof.Failover })
	case "wait":
		f.Kind = sim.FaultWait
		add("replicas", true, "", func(n *yaml.Node) { f.Count = p.count(n, 0, maxInt32) })
		add("timeout", false, "0s", timeout)
		needs("WAIT", func(prof *model.Profile) bool { return prof.GetAck })
	case "waitaof":
		f.Kind = sim.FaultWaitAOF
		add("local", true, "", func(n *yaml.Node) { f.Local = p.count(n, 0, 1) })
		add("replicas", true, "", func(n *yaml.Node) { f.Count = p.count(n, 0, maxInt32) })
		add("timeout", false, "0s", timeout)
		needs("WAITAOF", func(prof *model.Profile) bool { return prof.WaitAOF })
	case "bgrewriteaof":
		f.Kind = sim.FaultRewrite
	case "client-pause":
		f.Kind, f.All = sim.FaultClientPause, true
		add("for", true, "", timeout)
		add("mode", false, "all", func(n *yaml.Node) { f.All = p.word(n, "all", "write") == "all" })
		needs("CLIENT PAUSE", func(prof *model.Profile) bool { return prof.Orders.ClientPause })
		if m := lookup(n, "mode"); m != nil && m.Value == "write" {
			needs("CLIENT PAUSE … WRITE", func(prof *model.Profile) bool { return prof.Orders.PauseWrites })
		}
	case "client-unpause":
		f.Kind = sim.FaultClientUnpause
		needs("CLIENT UNPAUSE", func(prof *model.Profile) bool { return prof.Orders.PauseWrites })
	case "client-kill":
		f.Kind = sim.FaultClientKill
		add("replica", true, "", func(n *yaml.Node) { f.Peer = p.server(n) })
		add("channel", false, "main", func(n *yaml.Node) { f.Channel = p.word(n, "main", "rdb") == "rdb" })
		if m := lookup(n, "channel"); m != nil && m.Value == "rdb" {
			needs("rdb channel", func(prof *model.Profile) bool { return prof.DualChannel })
		}
	case "shutdown-abort":
		f.Kind = sim.FaultShutdownAbort
		needs("SHUTDOWN ABORT", func(prof *model.Profile) bool { return prof.ShutdownTimeout > 0 })
	}
}

// Limits of what a client says.
const (
	maxSay     = 100
	maxSayLine = 1000
)

// readSay reads the lines of a client.
func (p *planner) readSay(f *fault, n *yaml.Node) {
	p.list(n, `what a client says, such as ["PSYNC ? -1", PING]`, func(i int, n *yaml.Node) {
		line, ok := p.text(n, `a line such as "PSYNC ? -1"`)
		switch {
		case !ok:
		case i == maxSay:
			p.fail(n, "a client says at most %d lines", maxSay)
		case len(line) > maxSayLine || strings.TrimSpace(line) == "" || strings.ContainsFunc(line, unicode.IsControl):
			p.fail(n, "expected a line of 1 to %d characters, none of them a control character", maxSayLine)
		}
		f.Say = append(f.Say, line)
	})
	if len(f.Say) == 0 && n.Kind == yaml.SequenceNode {
		p.fail(n, "a client says one line at least")
	}
}

// firstWith is the oldest version that can do something.
func firstWith(has func(p *model.Profile) bool) string {
	for _, p := range model.Profiles() {
		if has(p) {
			return p.Name
		}
	}
	return "none"
}

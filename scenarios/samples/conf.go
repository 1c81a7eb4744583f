package samples

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"psyncsim/scenarios"
)

// What outranks what: a running server's word counts more than its file, and
// CONFIG GET is more than INFO can tell.
const (
	rankFile = iota
	rankProm
	rankInfo
	rankConfig
)

// unit says how a directive's value is read.
type unit uint8

const (
	memory unit = iota + 1
	seconds
	yesNo
	count
)

// directives are those whose numbers matter for a size. Others are kept as
// words.
var directives = map[string]unit{
	"repl-backlog-size": memory, "maxmemory": memory, "client-query-buffer-limit": memory, "proto-max-bulk-len": memory,
	"repl-backlog-ttl": seconds, "repl-timeout": seconds, "repl-ping-replica-period": seconds, "repl-diskless-sync-delay": seconds,
	"shutdown-timeout":   seconds,
	"repl-diskless-sync": yesNo, "appendonly": yesNo, "dual-channel-replication-enabled": yesNo,
	"hz": count, "repl-diskless-sync-max-replicas": count, "min-replicas-to-write": count,
}

// newer gives the name that redis has used since 5.0.
func newer(name string) string {
	name = strings.ToLower(name)
	if rest, ok := strings.CutPrefix(name, "slave-"); ok {
		return "replica-" + rest
	}
	return strings.Replace(strings.Replace(name, "-slave-", "-replica-", 1), "-slaves-", "-replicas-", 1)
}

// setting keeps a value whose text has been checked, or needs no check.
func (p *parser) setting(role Role, name, value, source string, rank int) {
	if role == "" {
		role = Master
	}
	n, err := number(name, value)
	if err != nil {
		return // INFO and exporters print numbers; what is none is no setting
	}
	x := Setting{Role: role, Name: name, Value: value, Source: source, Number: n, rank: rank}
	for i, old := range p.set.Settings {
		if old.Role == role && old.Name == name && old.rank == rank {
			p.set.Settings[i] = x // a later line wins, as it does in redis.conf
			return
		}
	}
	p.set.Settings = append(p.set.Settings, x)
}

// number reads a value in base units.
func number(name, value string) (int64, error) {
	switch directives[name] {
	case memory:
		if name == "maxmemory" && strings.HasSuffix(value, "%") { // valkey
			return 0, nil
		}
		return scenarios.ParseConfMemory(value)
	case seconds, count:
		n, err := strconv.ParseInt(value, 10, 64)
		switch {
		case err != nil:
			return 0, fmt.Errorf("%q is not a whole number", clip(value))
		case n < 0:
			return 0, fmt.Errorf("%d is negative", n)
		}
		return n, nil
	case yesNo:
		switch strings.ToLower(value) {
		case "yes":
			return 1, nil
		case "no":
			return 0, nil
		}
		return 0, fmt.Errorf("%q is neither yes nor no", clip(value))
	}
	return 0, nil
}

// pair is a directive as it stands in a file.
type pair struct {
	line        int
	name, value string
}

// take keeps the pairs of one server.
func (p *parser) take(in Input, pairs []pair, kind string, rank int) error {
	role := in.Role
	if role == "" {
		role = Master
		for _, x := range pairs {
			if (x.name == "replicaof" || x.name == "slaveof") && strings.Trim(x.value, `" `) != "" && !strings.EqualFold(x.value, "no one") {
				role = Replica
			}
		}
	}
	known := 0
	for _, x := range pairs {
		name := newer(x.name)
		source := fmt.Sprintf("%s:%d (%s)", in.Name, x.line, kind)
		if name == "client-output-buffer-limit" {
			known++
			if err := p.limits(role, x.value, source, rank); err != nil {
				return fmt.Errorf("%s:%d: %s: %w", in.Name, x.line, x.name, err)
			}
			continue
		}
		if scenarios.IsDirective(name) {
			known++
		}
		if name == "save" {
			p.saves(role, x.value, source, rank)
			continue
		}
		if !strings.HasPrefix(name, "repl-") && directives[name] == 0 {
			continue
		}
		n, err := number(name, x.value)
		if err != nil {
			return fmt.Errorf("%s:%d: %s: %w", in.Name, x.line, x.name, err)
		}
		p.setting(role, name, x.value, source, rank)
		p.unitTrap(x, n, in.Name)
	}
	if known == 0 {
		return fmt.Errorf("%s:1: neither samples nor settings: no line is a directive of redis.conf, a field of INFO or a column", in.Name)
	}
	return nil
}

// saves keeps save points: each line of a redis.conf adds to those before, and
// an empty one takes them away.
func (p *parser) saves(role Role, value, source string, rank int) {
	value = strings.Trim(value, `" `)
	for _, x := range p.set.Settings {
		if x.Role == role && x.Name == "save" && x.rank == rank && rank == rankFile && value != "" {
			value = strings.TrimSpace(x.Value + " " + value)
		}
	}
	p.setting(role, "save", value, source, rank)
}

// unitTrap tells of 1m, which is not 1mb.
func (p *parser) unitTrap(x pair, n int64, file string) {
	low := strings.ToLower(x.value)
	if directives[newer(x.name)] != memory || low == "" {
		return
	}
	if c := low[len(low)-1]; strings.IndexByte("kmg", c) >= 0 {
		p.set.trap("unit", "%s:%d: %s %s is %d bytes: %c alone is decimal in redis.conf, the binary unit is %s%c", file, x.line, x.name, x.value, n, c, low, 'b')
	}
	if newer(x.name) == "repl-backlog-size" && n > 0 && n < 16384 {
		p.set.trap("unit", "%s:%d: %s %s is raised to 16384 bytes, the least that a server takes", file, x.line, x.name, x.value)
	}
}

// limits reads class hard soft seconds, once or for several classes.
func (p *parser) limits(role Role, value, source string, rank int) error {
	w := strings.Fields(value)
	if len(w) == 0 || len(w)%4 != 0 {
		return fmt.Errorf("%q is not CLASS HARD SOFT SECONDS", clip(value))
	}
	for ; len(w) > 0; w = w[4:] {
		class := strings.ToLower(w[0])
		if class == "slave" {
			class = "replica"
		}
		if !slices.Contains([]string{"normal", "replica", "pubsub"}, class) {
			return fmt.Errorf("%q is no class of clients: normal, replica, pubsub", clip(w[0]))
		}
		hard, err := scenarios.ParseConfMemory(w[1])
		if err == nil {
			_, err = scenarios.ParseConfMemory(w[2])
		}
		if err != nil {
			return err
		}
		if s, err := strconv.ParseInt(w[3], 10, 64); err != nil || s < 0 {
			return fmt.Errorf("%q is no number of seconds", clip(w[3]))
		}
		if class != "replica" {
			continue
		}
		for _, amount := range w[1:3] {
			if low := strings.ToLower(amount); strings.IndexByte("kmg", low[len(low)-1]) >= 0 {
				n, _ := scenarios.ParseConfMemory(amount)
				p.set.trap("unit", "%s: client-output-buffer-limit has %s, which is %d bytes: %c alone is decimal, the binary unit is %sb",
					strings.TrimSuffix(source, " (redis.conf)"), amount, n, low[len(low)-1], low)
			}
		}
		p.setting(role, "client-output-buffer-limit replica", strings.Join(w[1:4], " "), source, rank)
		for i := range p.set.Settings {
			if x := &p.set.Settings[i]; x.Name == "client-output-buffer-limit replica" && x.Role == role && x.rank == rank {
				x.Number = hard
			}
		}
	}
	return nil
}

// confFile reads a redis.conf.
func (p *parser) confFile(in Input) error {
	var pairs []pair
	number := 0
	for line := range strings.Lines(string(in.Data)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, _ := strings.Cut(strings.ReplaceAll(line, "\t", " "), " ")
		value = strings.TrimSpace(value)
		if len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"' {
			value = value[1 : len(value)-1]
		}
		if len(value) > 1 && value[0] == '\'' && value[len(value)-1] == '\'' {
			value = value[1 : len(value)-1]
		}
		if low := strings.ToLower(name); directives[newer(low)] != 0 && value == "" {
			return fmt.Errorf("%s:%d: %s has no value", in.Name, number, name)
		}
		if strings.EqualFold(name, "include") { // CONFIG GET has what came of all files
			p.set.trap("include", "%s:%d: include %s: what that file sets is not known; give it too, or the output of CONFIG GET '*'", in.Name, number, clip(value))
		}
		pairs = append(pairs, pair{number, strings.ToLower(name), value})
	}
	return p.take(in, pairs, "redis.conf", rankFile)
}

// numbered is a line of redis-cli's output for people: 1) "name", or with
// RESP3 1# "name" => "value".
var numbered = regexp.MustCompile(`^\s*\d+([)#]) ("(?:[^"\\]|\\.)*")(?: => ("(?:[^"\\]|\\.)*"))?\s*$`)

// confGet reads what redis-cli prints of CONFIG GET, numbered or raw.
func (p *parser) confGet(in Input) error {
	type word struct {
		line int
		text string
	}
	var words []word
	lines := strings.Split(strings.TrimRight(string(in.Data), "\n"), "\n")
	isNumbered := false
	for i, line := range lines {
		line = strings.TrimRight(line, "\r")
		m := numbered.FindStringSubmatch(line)
		if len(words) == 0 && (strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#")) {
			continue
		}
		if isNumbered = isNumbered || m != nil; !isNumbered {
			words = append(words, word{i + 1, line})
			continue
		}
		if m == nil {
			return fmt.Errorf("%s:%d: %q does not go on the numbered output of CONFIG GET", in.Name, i+1, clip(line))
		}
		for _, q := range m[2:] {
			if q == "" {
				continue
			}
			text, err := strconv.Unquote(q)
			if err != nil {
				text = strings.Trim(q, `"`)
			}
			words = append(words, word{i + 1, text})
		}
	}
	if len(words)%2 == 1 {
		if isNumbered {
			return fmt.Errorf("%s:%d: the output of CONFIG GET ends after a name, without its value", in.Name, words[len(words)-1].line)
		}
		words = append(words, word{len(lines), ""}) // an empty last value was trimmed off
	}
	var pairs []pair
	for i := 0; i+1 < len(words); i += 2 {
		name := strings.ToLower(strings.TrimSpace(words[i].text))
		if strings.ContainsAny(name, " \t") {
			return fmt.Errorf("%s:%d: %q is no name of a setting; the output of CONFIG GET has names and values in turn", in.Name, words[i].line, clip(name))
		}
		pairs = append(pairs, pair{words[i+1].line, name, words[i+1].text})
	}
	return p.take(in, pairs, "CONFIG GET", rankConfig)
}

// confJSON reads what redis-cli --json prints of CONFIG GET.
func (p *parser) confJSON(in Input) error {
	var m map[string]string
	if err := json.Unmarshal(in.Data, &m); err != nil {
		line := 1
		var bad *json.SyntaxError
		if errors.As(err, &bad) {
			line += bytes.Count(in.Data[:min(int(bad.Offset), len(in.Data))], []byte("\n"))
		}
		return fmt.Errorf("%s:%d: neither the answer of a Prometheus range query nor CONFIG GET as JSON: %w", in.Name, line, err)
	}
	var pairs []pair
	for name, value := range m {
		pairs = append(pairs, pair{1, strings.ToLower(name), value})
	}
	slices.SortFunc(pairs, func(a, b pair) int { return strings.Compare(a.name, b.name) })
	return p.take(in, pairs, "CONFIG GET", rankConfig)
}

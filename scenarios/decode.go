package scenarios

import (
	"fmt"
	"strings"
	"time"

	yaml "go.yaml.in/yaml/v4"
)

// decoder turns a tree into a plan and collects what is wrong with it.
type decoder struct {
	file     string
	sets     []string // the --set texts, for the places of their values
	problems *Problems
	files    *files

	// drafting: repeated faults are not spread out; nobody runs the plan.
	drafting bool
	// fill: what is left out is added to the tree with its default.
	fill bool
	// swept are the nodes that axes have put into the tree: what hangs on one
	// of them is not filled in, it may differ at the next point.
	swept map[*yaml.Node]bool
	// watch asks for the values of the nodes of axes; the rest of the decoder
	// puts them into values.
	watch  map[*yaml.Node]int
	values []Value
	writes []notation

	notes []string
}

func (d *decoder) problem(line, col int, text, want string) {
	p := Problem{File: d.file, Line: line, Col: col, Text: text, Want: want}
	if line < 0 && -line <= len(d.sets) {
		p.File, p.Line, p.Col = "--set "+shorten(d.sets[-line-1]), 0, 0
	}
	d.problems.add(p)
}

func (d *decoder) fail(n *yaml.Node, format string, a ...any) {
	d.problem(n.Line, n.Column, flow(n), fmt.Sprintf(format, a...))
}

// failAt complains with a text of its own, where the place's whole text is too
// long to be of help.
func (d *decoder) failAt(n *yaml.Node, text, format string, a ...any) {
	d.problem(n.Line, n.Column, text, fmt.Sprintf(format, a...))
}

func (d *decoder) remark(text string) {
	for _, have := range d.notes {
		if have == text {
			return
		}
	}
	if len(d.notes) < maxProblems {
		d.notes = append(d.notes, text)
	}
}

// saw tells the value of a node to whoever watches it.
func (d *decoder) saw(n *yaml.Node, v int64, u Unit, w notation) {
	if i, ok := d.watch[n]; ok && d.values[i].Unit == "" {
		d.values[i] = Value{Axis: d.values[i].Axis, Number: v, Unit: u, Text: n.Value}
		d.writes[i] = w
	}
}

// field is one key of a map: the one table that decodes it, checks it and
// spells out its default.
type field struct {
	name     string
	need     bool   // it must be there
	fallback string // what it is when left out; "" is nothing to spell out
	read     func(n *yaml.Node)
}

// object reads the keys of a map in the order of the table. what names the map
// in messages. kind is the field that decides which other fields there are.
func (d *decoder) object(n *yaml.Node, what string, kind string, fields []field) bool {
	if n.Kind != yaml.MappingNode {
		d.fail(n, "expected %s as a map of %s", what, fieldNames(fields))
		return false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if findField(fields, key.Value) >= 0 {
			continue
		}
		if len(d.problems.List) >= maxProblems {
			d.problems.More++ // not worth looking for what it is near to
		} else {
			names := make([]string, len(fields))
			for j, f := range fields {
				names[j] = f.name
			}
			d.fail(key, "%s has no such key; %s", what, oneOf(key.Value, names))
		}
	}
	fill := d.fill && !d.swept[n] && !(kind != "" && d.swept[lookup(n, kind)])
	ok := true
	for i := range fields {
		f := &fields[i]
		v := lookup(n, f.name)
		switch {
		case v != nil && isNull(v) && f.need:
			d.failAt(v, f.name, "a value is missing")
			ok = false
		case v != nil && isNull(v):
			d.failAt(v, f.name, "a value is missing; leave the key out to have the default")
			ok = false
		case v != nil:
			f.read(v)
		case f.need:
			d.failAt(n, f.name, "missing in %s", what)
			ok = false
		case f.fallback != "":
			v = scalar(f.fallback, n.Line, n.Column)
			f.read(v)
			if fill {
				put(n, f.name, v)
			}
		}
	}
	if d.fill {
		reorder(n, fields)
	}
	return ok
}

// reorder puts the keys of a map into the order of the table.
func reorder(n *yaml.Node, fields []field) {
	var content []*yaml.Node
	for _, f := range fields {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == f.name {
				content = append(content, n.Content[i], n.Content[i+1])
			}
		}
	}
	n.Content = content
}

func findField(fields []field, name string) int {
	for i := range fields {
		if fields[i].name == name {
			return i
		}
	}
	return -1
}

func fieldNames(fields []field) string {
	var b strings.Builder
	for i, f := range fields {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(f.name)
	}
	return b.String()
}

// list reads the items of a list; none is as good as a missing one.
func (d *decoder) list(n *yaml.Node, what string, item func(i int, n *yaml.Node)) {
	if n.Kind != yaml.SequenceNode {
		d.fail(n, "expected a list of %s", what)
		return
	}
	for i, k := range n.Content {
		item(i, k)
	}
}

// text reads a scalar as it stands.
func (d *decoder) text(n *yaml.Node, want string) (string, bool) {
	if n.Kind != yaml.ScalarNode {
		d.fail(n, "expected %s", want)
		return "", false
	}
	if isNull(n) {
		d.failAt(n, "", "a value is missing; expected %s", want)
		return "", false
	}
	d.saw(n, 0, Text, asText)
	return n.Value, true
}

// word reads one of a few words.
func (d *decoder) word(n *yaml.Node, choices ...string) string {
	s, ok := d.text(n, "one of "+strings.Join(choices, ", "))
	if !ok {
		return ""
	}
	for _, c := range choices {
		if s == c {
			return s
		}
	}
	d.fail(n, "%s", oneOf(s, choices))
	return ""
}

// scalarText is the text of a quantity; text is for those that are no number.
func (d *decoder) scalarText(n *yaml.Node, want string) (string, bool) {
	if n.Kind != yaml.ScalarNode {
		d.fail(n, "expected %s", want)
		return "", false
	}
	return n.Value, true
}

func (d *decoder) duration(n *yaml.Node) time.Duration {
	s, ok := d.scalarText(n, durationWant)
	if !ok {
		return 0
	}
	v, err := parseDuration(s)
	if err != nil {
		d.fail(n, "%v", err)
		return 0
	}
	d.saw(n, int64(v), Nanoseconds, asDuration)
	return v
}

func (d *decoder) durationAbove0(n *yaml.Node) time.Duration {
	v := d.duration(n)
	if v == 0 && len(n.Value) > 0 && n.Value[0] == '0' {
		d.fail(n, "must be more than 0")
	}
	return v
}

func (d *decoder) size(n *yaml.Node) int64 {
	s, ok := d.scalarText(n, sizeWant)
	if !ok {
		return 0
	}
	v, err := parseSize(s, maxSize)
	if err != nil {
		d.fail(n, "%v", err)
		return 0
	}
	d.saw(n, v, Bytes, asSize)
	return v
}

// length reads the length of an argument: a plain number of bytes, or a size.
func (d *decoder) length(n *yaml.Node) int {
	const most = 512 << 20 // proto-max-bulk-len
	s, ok := d.scalarText(n, "a length in bytes")
	if !ok {
		return 0
	}
	if number, unit := decimal(s); number != "" && unit != "" {
		v, err := parseSize(s, most)
		if err != nil {
			d.fail(n, "%v", err)
			return 0
		}
		d.saw(n, v, Bytes, asSize)
		return int(v)
	}
	v, err := parseCount(s, 0, most)
	if err != nil {
		d.fail(n, "%v", err)
		return 0
	}
	d.saw(n, v, Bytes, asCount)
	return int(v)
}

func (d *decoder) count(n *yaml.Node, least, most int64) int64 {
	s, ok := d.scalarText(n, "a whole number")
	if !ok {
		return least
	}
	v, err := parseCount(s, least, most)
	if err != nil {
		d.fail(n, "%v", err)
		return least
	}
	d.saw(n, v, Count, asCount)
	return v
}

func (d *decoder) yes(n *yaml.Node) bool {
	s, ok := d.scalarText(n, "yes or no")
	if !ok {
		return false
	}
	switch s {
	case "yes", "true":
		d.saw(n, 0, Text, asText)
		return true
	case "no", "false":
		d.saw(n, 0, Text, asText)
		return false
	}
	d.fail(n, "expected yes or no")
	return false
}

// unlimited is the word for a rate without limit.
const unlimited = "unlimited"

// speed reads a rate of bytes for which 0 stands for no limit.
func (d *decoder) speed(n *yaml.Node) int64 {
	s, ok := d.scalarText(n, "a rate such as 100MB/s or 1gbit/s, or "+unlimited)
	if !ok {
		return 0
	}
	if s == unlimited {
		d.saw(n, 0, Text, asText)
		return 0
	}
	v, u, err := parseRate(s)
	switch {
	case err != nil:
		d.fail(n, "%v", err)
	case u != BytesPerSecond:
		d.fail(n, "a rate of commands means nothing here; expected one such as 100MB/s or 1gbit/s, or %s", unlimited)
	case v == 0:
		d.fail(n, "at this rate it never ends; for no limit write %s", unlimited)
	default:
		d.saw(n, v, BytesPerSecond, asRate)
	}
	return v
}

// rate reads a rate of writes.
type rate struct {
	bytes, commands int64
	unit            Unit
	node            *yaml.Node
}

func (d *decoder) rate(n *yaml.Node) rate {
	s, ok := d.scalarText(n, rateWant)
	if !ok {
		return rate{}
	}
	v, u, err := parseRate(s)
	if err != nil {
		d.fail(n, "%v", err)
		return rate{}
	}
	r := rate{unit: u, node: n}
	if u == CommandsPerSecond {
		r.commands = v
		d.saw(n, v, u, asCommands)
	} else {
		r.bytes = v
		d.saw(n, v, u, asRate)
	}
	return r
}

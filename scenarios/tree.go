package scenarios

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

// What a file may be; beyond it nobody means well.
const (
	MaxFile  = 1 << 20 // bytes of a scenario file
	maxDepth = 40      // nesting
	maxNodes = 200_000 // after aliases are written out
)

// A tree is YAML with aliases and merge keys written out, and without
// comments. Line is negative in nodes that come from --set: -1 is the first.

// parseTree reads one YAML document. What is wrong goes to d.
func (d *decoder) parseTree(data []byte) *yaml.Node {
	if len(data) > MaxFile {
		d.problem(0, 0, "", fmt.Sprintf("the file has %d bytes; a scenario has at most %d", len(data), MaxFile))
		return nil
	}
	if line, col, text := badByte(data); text != "" {
		d.problem(line, col, text, "not UTF-8 text")
		return nil
	}
	var doc yaml.Node
	err := yaml.Load(data, &doc, yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(maxDepth))))
	if err != nil {
		d.yamlError(data, err)
		return nil
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) == 0 {
		d.problem(1, 1, "", "the file is empty; a scenario needs at least question and servers")
		return nil
	}
	c := copier{d: d}
	root := c.copy(doc.Content[0], 0)
	if c.refused || len(d.problems.List) > 0 {
		return nil
	}
	return root
}

// badByte finds the first byte that is not UTF-8 or a control character.
func badByte(data []byte) (line, col int, text string) {
	line, col = 1, 1
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			return line, col, fmt.Sprintf("byte 0x%02x", data[i])
		case r < 0x20 && r != '\n' && r != '\r' && r != '\t', r == 0x7f:
			return line, col, fmt.Sprintf("control character 0x%02x", r)
		case r == '\n':
			line, col = line+1, 0
		}
		i, col = i+n, col+1
	}
	return 0, 0, ""
}

// yamlError tells in our words what the YAML reader did not like.
func (d *decoder) yamlError(data []byte, err error) {
	var le *yaml.LoadError
	if !errors.As(err, &le) {
		d.problem(0, 0, "", err.Error())
		return
	}
	line, col, msg := le.Mark.Line, le.Mark.Column, strings.TrimPrefix(le.Message, "yaml: ")
	switch {
	case strings.Contains(msg, "found multiple"):
		line, col = secondDocument(data)
		d.problem(line, col, "---", "a second document; a scenario file holds one")
		return
	case strings.Contains(msg, "no documents"):
		d.problem(1, 1, "", "the file is empty; a scenario needs at least question and servers")
		return
	case strings.Contains(msg, "max depth"):
		d.problem(line, col, "", fmt.Sprintf("nested more than %d deep; a scenario needs less than 10", maxDepth))
		return
	}
	text := lineText(data, line, col)
	if strings.HasPrefix(text, "\t") {
		msg = "YAML indents with spaces, not with tabs"
	}
	d.problem(line, col, strings.TrimSpace(text), "not YAML: "+msg)
}

func secondDocument(data []byte) (line, col int) {
	seen := false
	for i, l := range strings.Split(string(data), "\n") {
		if strings.HasPrefix(l, "---") && seen {
			return i + 1, 1
		}
		if t := strings.TrimSpace(l); t != "" && t[0] != '#' && t[0] != '%' {
			seen = true
		}
	}
	return 0, 0
}

// lineText is what stands at a place of the file, to the end of the line.
func lineText(data []byte, line, col int) string {
	lines := strings.SplitN(string(data), "\n", line+1)
	if line < 1 || line > len(lines) {
		return ""
	}
	r := []rune(lines[line-1])
	if col < 1 || col > len(r) {
		return ""
	}
	return string(r[col-1:])
}

// copier writes out aliases and merge keys, and drops what a scenario has no
// use for: comments, anchors, styles.
type copier struct {
	d       *decoder
	nodes   int
	refused bool
}

func (c *copier) copy(n *yaml.Node, depth int) *yaml.Node {
	if c.refused {
		return nil
	}
	if c.nodes++; c.nodes > maxNodes || depth > maxDepth {
		c.refused = true
		c.d.fail(n, "too large once its aliases are written out; at most %d values, %d deep", maxNodes, maxDepth)
		return nil
	}
	if n.Kind == yaml.AliasNode {
		m := c.copy(n.Alias, depth+1)
		if m != nil {
			m.Line, m.Column = n.Line, n.Column
		}
		return m
	}
	if n.Style&yaml.TaggedStyle != 0 {
		c.d.fail(n, "tags such as %s have no meaning in a scenario", shorten(n.Tag))
	}
	m := &yaml.Node{Kind: n.Kind, Tag: n.Tag, Value: n.Value, Line: n.Line, Column: n.Column}
	if n.Kind == yaml.ScalarNode && n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		m.Style = yaml.DoubleQuotedStyle
	}
	if n.Kind != yaml.MappingNode {
		for _, k := range n.Content {
			m.Content = append(m.Content, c.copy(k, depth+1))
		}
		return m
	}
	var merged []*yaml.Node
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode {
			c.d.fail(key, "a key must be a plain word")
			continue
		}
		value := c.copy(n.Content[i+1], depth+1)
		if c.refused {
			return nil
		}
		if key.Tag == "!!merge" {
			merged = append(merged, value)
			continue
		}
		if seen[key.Value] {
			c.d.fail(key, "given twice in the same place")
			continue
		}
		seen[key.Value] = true
		m.Content = append(m.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: key.Tag, Value: key.Value, Line: key.Line, Column: key.Column}, value)
	}
	for _, v := range merged {
		list := []*yaml.Node{v}
		if v.Kind == yaml.SequenceNode {
			list = v.Content
		}
		for _, from := range list {
			if from.Kind != yaml.MappingNode {
				c.d.fail(from, "<< merges a map, or a list of maps")
				continue
			}
			for i := 0; i+1 < len(from.Content); i += 2 {
				if key := from.Content[i]; !seen[key.Value] {
					seen[key.Value] = true
					m.Content = append(m.Content, key, from.Content[i+1])
				}
			}
		}
	}
	return m
}

// clone copies a tree; scalars are never changed and are shared.
func clone(n *yaml.Node) *yaml.Node {
	if n == nil || n.Kind == yaml.ScalarNode {
		return n
	}
	m := *n
	m.Content = make([]*yaml.Node, len(n.Content))
	for i, k := range n.Content {
		m.Content[i] = clone(k)
	}
	return &m
}

func countNodes(n *yaml.Node) int {
	c := 1
	for _, k := range n.Content {
		c += countNodes(k)
	}
	return c
}

// lookup is the value of a key of a map, or nil.
func lookup(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// put sets a key of a map.
func put(n *yaml.Node, key string, value *yaml.Node) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			n.Content[i+1] = value
			return
		}
	}
	k := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key, Line: value.Line, Column: value.Column}
	n.Content = append(n.Content, k, value)
}

// without is a map lacking some keys.
func without(n *yaml.Node, keys ...string) *yaml.Node {
	m := *n
	m.Content = nil
next:
	for i := 0; i+1 < len(n.Content); i += 2 {
		for _, k := range keys {
			if n.Content[i].Value == k {
				continue next
			}
		}
		m.Content = append(m.Content, n.Content[i], n.Content[i+1])
	}
	return &m
}

// scalar makes a node of a text.
func scalar(text string, line, col int) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text, Line: line, Column: col}
}

func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Tag == "!!null" && n.Style == 0
}

// flow is a node as one line of text, for messages and for labels.
func flow(n *yaml.Node) string {
	var b strings.Builder
	appendFlow(&b, n)
	return b.String()
}

func appendFlow(b *strings.Builder, n *yaml.Node) {
	if b.Len() > 200 {
		return
	}
	switch n.Kind {
	case yaml.MappingNode:
		b.WriteByte('{')
		for i := 0; i+1 < len(n.Content); i += 2 {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(n.Content[i].Value + ": ")
			appendFlow(b, n.Content[i+1])
		}
		b.WriteByte('}')
	case yaml.SequenceNode:
		b.WriteByte('[')
		for i, k := range n.Content {
			if i > 0 {
				b.WriteString(", ")
			}
			appendFlow(b, k)
		}
		b.WriteByte(']')
	case yaml.AliasNode:
		b.WriteString("*" + n.Value)
	default:
		b.WriteString(n.Value)
	}
}

// namesOfUsers are the maps whose keys are names that users give. Paths do not
// make new names by the way: a misspelt one would be one server more.
var namesOfUsers = map[string]string{"servers": "server", "sweep": "axis"}

// setPath puts a value at every place that a path names. The problem with the
// path is returned, or "".
func setPath(root *yaml.Node, path string, value *yaml.Node) string {
	if path == "" || len(path) > 500 {
		return "expected a path such as servers.master.config.repl-backlog-size or faults.0.for"
	}
	parts := strings.Split(path, ".")
	for _, p := range parts {
		if p == "" {
			return "a path has no empty parts; expected one such as faults.0.for"
		}
	}
	return setAt(root, parts, parts, value)
}

func setAt(n *yaml.Node, all, rest []string, value *yaml.Node) string {
	part, last := rest[0], len(rest) == 1
	done := len(all) - len(rest)
	here := strings.Join(all[:done], ".")
	if here == "" {
		here = "the scenario"
	}
	if n.Kind == yaml.SequenceNode || n.Kind == yaml.MappingNode {
		if part == "*" {
			if len(n.Content) == 0 {
				return fmt.Sprintf("%s is empty, * fits nothing", here)
			}
			for i := range n.Content {
				if n.Kind == yaml.MappingNode && i%2 == 0 {
					continue
				}
				if last {
					n.Content[i] = clone(value)
				} else if msg := setAt(n.Content[i], all, rest[1:], value); msg != "" {
					return msg
				}
			}
			return ""
		}
	}
	switch n.Kind {
	case yaml.SequenceNode:
		i, err := strconv.Atoi(part)
		if err != nil || i < 0 {
			return fmt.Sprintf("%s is a list: expected an index from 0, or *", here)
		}
		switch {
		case i < len(n.Content) && last:
			n.Content[i] = clone(value)
		case i < len(n.Content):
			return setAt(n.Content[i], all, rest[1:], value)
		case i == len(n.Content) && last:
			n.Content = append(n.Content, clone(value))
		default:
			return fmt.Sprintf("%s has no item %d, it has %d (counted from 0)", here, i, len(n.Content))
		}
		return ""
	case yaml.MappingNode:
		child := lookup(n, part)
		if last {
			put(n, part, clone(value))
			return ""
		}
		if child == nil || isNull(child) {
			if kind := namesOfUsers[here]; kind != "" {
				var have []string
				for i := 0; i < len(n.Content); i += 2 {
					have = append(have, n.Content[i].Value)
				}
				return fmt.Sprintf("there is no %s %s; %s", kind, shorten(part), oneOf(part, have))
			}
			if _, err := strconv.Atoi(rest[1]); err == nil || rest[1] == "*" {
				return fmt.Sprintf("%s has no %s, so %s fits nothing", here, shorten(part), rest[1])
			}
			child = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: value.Line, Column: value.Column}
			put(n, part, child)
		}
		return setAt(child, all, rest[1:], value)
	}
	if isNull(n) {
		return fmt.Sprintf("%s is empty", here)
	}
	return fmt.Sprintf("%s is a single value, nothing is inside it", here)
}

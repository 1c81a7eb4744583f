package measured

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"psyncsim/model"
)

// Tape writes down what is done to real servers and seen of them, in the words
// of a recorded file. Its methods may be called by several goroutines.
type Tape struct {
	mu     sync.Mutex
	events []taped
}

type taped struct {
	at      time.Duration
	kind    string
	op      string
	members []TapeMember
}

// TapeMember is one member of an event.
type TapeMember struct {
	name  string
	value any
}

// Member is one member of an event: a text, a number, a truth value, an Info or
// a map of them.
func Member(name string, value any) TapeMember { return TapeMember{name, value} }

// InfoLine is one field of INFO.
type InfoLine struct{ Name, Value string }

// NodeInfo is INFO of one server.
type NodeInfo struct {
	Node  string
	Lines []InfoLine
}

// Did writes an action down that was done at a time since the case began.
func (t *Tape) Did(at time.Duration, op string, members ...TapeMember) {
	t.add(at, "action", op, members)
}

// Saw writes an observation down.
func (t *Tape) Saw(at time.Duration, op string, members ...TapeMember) {
	t.add(at, "observation", op, members)
}

func (t *Tape) add(at time.Duration, kind, op string, members []TapeMember) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.events = append(t.events, taped{at, kind, op, members})
}

// Asked is one connection on which a replica asked to synchronize, as the table
// of a case has it.
type Asked struct {
	Link                             string // "B->A"
	Conn                             int
	Request, Reply                   string
	Header                           string // the line before a snapshot: "$176", "$EOF:…", or ""
	Stream                           int64  // bytes of stream behind the reply; -1 if that is not known
	ClosedBy                         string // "" while it is open
	Connected, Sent, Replied, Closed time.Duration
}

// Partial is one partial resynchronization.
type Partial struct {
	At          time.Duration
	Master      string
	Bytes, From int64
}

// Case is what was written down, as one line of a recorded file. The events come
// in the order of their times.
func (t *Tape) Case(id, title, version string, asked []Asked, partials []Partial) (json.RawMessage, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := slices.Clone(t.events)
	slices.SortStableFunc(list, func(a, b taped) int { return cmp.Compare(a.at, b.at) })
	w := namer{names: map[string]string{string(model.ZeroID): "id0"}}
	var last time.Duration
	events := make([]json.RawMessage, len(list))
	for i, e := range list {
		last = e.at
		events[i] = w.object(append([]TapeMember{{"t", inTape(e.at)}, {"op", e.op}, {"kind", e.kind}}, e.members...))
	}
	rows, payloads := []json.RawMessage{}, []json.RawMessage{}
	for _, a := range asked {
		rows = append(rows, w.object(a.members()))
	}
	for _, p := range partials {
		payloads = append(payloads, w.object([]TapeMember{{"t", inTape(p.At)}, {"master", p.Master}, {"partial_payload_bytes", p.Bytes}, {"from_offset", p.From}}))
	}
	observed := w.object([]TapeMember{{"reconnects", rows}, {"partial_payloads", payloads}, {"facts", struct{}{}}, {"n_psync", len(asked)}})
	line := w.object([]TapeMember{{"id", id}, {"title", title}, {"version", version}, {"params", struct{}{}}, {"duration_s", inTape(last)},
		{"error", nil}, {"notes", []string{}}, {"events", events}, {"observed", observed}})
	return line, w.err
}

func (a *Asked) members() []TapeMember {
	m := []TapeMember{{"link", a.Link}, {"conn", a.Conn}, {"t_connect", inTape(a.Connected)}, {"t_request", inTape(a.Sent)}, {"request", a.Request}}
	if a.Reply != "" {
		m = append(m, TapeMember{"t_reply", inTape(a.Replied)}, TapeMember{"reply", a.Reply}, TapeMember{"type", kindOf(a.Reply)})
	}
	if n, err := strconv.ParseInt(strings.TrimPrefix(a.Header, "$"), 10, 64); err == nil {
		m = append(m, TapeMember{"rdb_bytes", n})
	} else if a.Header == "" {
		m = append(m, TapeMember{"rdb_bytes", nil})
	}
	if a.Stream >= 0 {
		m = append(m, TapeMember{"stream_bytes_after_reply", a.Stream})
	}
	if a.ClosedBy != "" {
		m = append(m, TapeMember{"closed_by", a.ClosedBy}, TapeMember{"t_closed", inTape(a.Closed)})
	}
	return m
}

// inTape is a time in seconds, to a tenth of a millisecond.
func inTape(d time.Duration) float64 { return math.Round(d.Seconds()*1e4) / 1e4 }

// namer writes JSON, with ids as id1, id2, … in the order of their appearance.
type namer struct {
	names map[string]string
	err   error
}

func (w *namer) object(members []TapeMember) json.RawMessage {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range members {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.Quote(m.name) + ": ")
		b.Write(w.value(m.value))
	}
	b.WriteByte('}')
	return b.Bytes()
}

func (w *namer) value(v any) []byte {
	switch x := v.(type) {
	case string:
		v = w.text(x)
	case []NodeInfo:
		var nodes []TapeMember
		for _, n := range x {
			var lines []TapeMember
			for _, l := range n.Lines {
				if i, err := strconv.ParseInt(l.Value, 10, 64); err == nil && !isID(l.Value) {
					lines = append(lines, TapeMember{l.Name, i})
				} else {
					lines = append(lines, TapeMember{l.Name, l.Value})
				}
			}
			nodes = append(nodes, TapeMember{n.Node, w.object(lines)})
		}
		v = w.object(nodes)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil && w.err == nil {
		w.err = err
	}
	return bytes.TrimSpace(b.Bytes())
}

// text names the ids in a text.
func (w *namer) text(s string) string {
	words := strings.Split(s, " ")
	for i, word := range words {
		if !isID(word) {
			continue
		}
		if w.names[word] == "" {
			w.names[word] = fmt.Sprintf("id%d", len(w.names))
		}
		words[i] = w.names[word]
	}
	return strings.Join(words, " ")
}

// ServerName is what a recorded file calls a server: its version, and its
// allocator if that is not the C library's.
func ServerName(kind, version string, libc bool) string {
	name := version
	if kind != "redis" {
		name = kind + "-" + version
	}
	if !libc {
		name += "-jemalloc"
	}
	return name
}

// Decode is a file with one case, as if it had been read.
func Decode(server string, line json.RawMessage) (*File, error) {
	c := &Case{}
	if err := json.Unmarshal(line, c); err != nil {
		return nil, err
	}
	f := &File{Server: server, Cases: []*Case{c}}
	c.file = f
	return f, nil
}

// Write writes a recorded file, a line a case.
func Write(path, server string, cases []json.RawMessage) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\"server\": %q, \"cases\": [\n", server)
	for i, c := range cases {
		b.Write(c)
		if i+1 < len(cases) {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
	}
	b.WriteString("]}\n")
	return os.WriteFile(path, b.Bytes(), 0o666)
}

package scenarios

import (
	"slices"
	"strings"
	"time"

	yaml "go.yaml.in/yaml/v4"

	"psyncsim/model"
)

// Op compares.
type Op string

var ops = []Op{"==", "!=", "<=", ">=", "<", ">"}

// Holds compares two numbers.
func (o Op) Holds(a, b int64) bool {
	switch o {
	case "==":
		return a == b
	case "!=":
		return a != b
	case "<=":
		return a <= b
	case ">=":
		return a >= b
	case "<":
		return a < b
	}
	return a > b
}

// Expect is one check of a run.
type Expect struct {
	Text   string // as the file has it
	Server string // whose INFO has the field; "" is the run as a whole
	Field  string // of INFO, or one of RunFields
	Op     Op
	Number int64
	Word   string // instead of Number, for fields that are text
	IsWord bool
	// OtherServer and OtherField are what the field is held against instead of
	// Number and Word, "" without.
	OtherServer, OtherField string
	// At is when the servers are asked; 0 is the end of the run. It stands for
	// fields of servers only.
	At   time.Duration
	When []Condition // the points of the sweep it is meant for; none is all
}

// Condition limits an expectation to values of an axis.
type Condition struct {
	Axis   string
	Op     Op
	Number int64
	Word   string
	IsWord bool
}

// RunFields are the names that a run as a whole has. A reconnect is every
// verdict on a request to synchronize but each replica's first; of a server that
// was the master of others that is one too.
var RunFields = []string{
	"reconnects",         // how many
	"reconnects_full",    // of them, those that ended in a full resync
	"reconnects_partial", // and those that continued
	"gap_max_bytes",      // most that a reconnect had missed
	"writes_refused",     // commands that min-replicas-to-write, maxmemory or a failed snapshot kept out
	"failovers",          // FAILOVERs that came to their end
	"failovers_aborted",  // and those that did not
	"wait_acks_min",      // the least that a WAIT was answered with; -1 without one
	"waitaof_local_min",  // the least that a WAITAOF counted of this server; -1 without one
	"waitaof_acks_min",   // and of replicas
	"orders_refused",     // orders that were answered with an error
	"requests_refused",   // lines of clients (kind: request) that were answered with an error
	"requests_hung_up",   // and those on which the server closed the connection
	"diverged",           // +CONTINUEs to a replica whose history was another one, as servers up to 3.2 may answer
	// The full ones by their reason.
	"full_first_sync", "full_id_mismatch", "full_second_offset", "full_backlog_absent", "full_below_backlog",
	"full_ahead_of_master", "full_bad_offset", "full_no_psync", "full_other",
}

// RoleField is what ROLE answers and INFO does not tell: "master", or where the
// link of a replica is (connect, connecting, handshake, sync, connected).
const RoleField = "ROLE"

// infoFields are INFO's names; true for text.
var infoFields = func() map[string]bool {
	fields := map[string]bool{RoleField: true}
	for _, f := range model.InfoNames() {
		fields[f.Name] = f.Text
	}
	return fields
}()

// Applies says whether an expectation is meant for a point of the sweep.
func (e *Expect) Applies(point []Value) bool {
	for _, c := range e.When {
		for _, v := range point {
			if v.Axis != c.Axis {
				continue
			}
			if c.IsWord || v.Unit == Text {
				if (v.Text == c.Word) != (c.Op == "==") {
					return false
				}
			} else if !c.Op.Holds(v.Number, c.Number) {
				return false
			}
		}
	}
	return true
}

// Holds compares what a run has with what is expected: number, or text when
// the field is text.
func (e *Expect) Holds(number int64, text string) bool {
	return e.Holding(number, text, e.Number, e.Word)
}

// Holding is Holds against what another server has.
func (e *Expect) Holding(number int64, text string, other int64, word string) bool {
	if e.IsWord {
		return (text == word) == (e.Op == "==")
	}
	return e.Op.Holds(number, other)
}

// asks are the instants at which a run of a point is to ask its servers.
func (s *Scenario) asks(point []Value) (at []time.Duration) {
	for i := range s.Expect {
		if e := &s.Expect[i]; e.At > 0 && e.Applies(point) {
			at = append(at, e.At)
		}
	}
	slices.Sort(at)
	return slices.Compact(at)
}

func (s *Scenario) readExpect(d *decoder, n *yaml.Node) {
	d.list(n, `checks such as "reconnects_full == 0"`, func(_ int, n *yaml.Node) {
		text, ok := d.text(n, `a check such as "reconnects_full == 0"`)
		if !ok {
			return
		}
		if e, msg := s.parseExpect(text); msg != "" {
			d.fail(n, "%s", msg)
		} else {
			s.Expect = append(s.Expect, e)
		}
	})
}

// compare cuts "a OP b".
func compare(s string) (left string, op Op, right string, ok bool) {
	at := strings.IndexAny(s, "=!<>")
	if at < 0 {
		return "", "", "", false
	}
	for _, o := range ops {
		if strings.HasPrefix(s[at:], string(o)) {
			left, right = strings.TrimSpace(s[:at]), strings.TrimSpace(s[at+len(o):])
			return left, o, right, left != "" && right != ""
		}
	}
	return "", "", "", false
}

const expectWant = `expected a check such as "master.sync_full == 1" or "reconnects_full == 0 when outage < 5s"; the operators are == != < <= > >=`

func (s *Scenario) parseExpect(text string) (e Expect, msg string) {
	e.Text = text
	check, when, limited := strings.Cut(text, " when ")
	check, at, early := strings.Cut(check, " at ")
	left, op, right, ok := compare(check)
	if !ok {
		return e, expectWant
	}
	e.Op = op
	server, fieldName, dotted := strings.Cut(left, ".")
	if dotted {
		e.Server, e.Field = server, fieldName
		if e.IsWord, msg = s.expectedField(server, fieldName); msg != "" {
			return e, msg
		}
		if early {
			if msg = s.expectAt(&e, strings.TrimSpace(at)); msg != "" {
				return e, msg
			}
		}
	} else {
		if early {
			return e, "only what a server's INFO says can be asked before the end of the run; expected SERVER.FIELD"
		}
		e.Field = left
		if !contains(RunFields, left) {
			if _, known := infoFields[left]; known {
				return e, "whose " + left + "? expected SERVER." + left
			}
			return e, shorten(left) + " is no field of a run; " + oneOf(left, RunFields)
		}
	}
	if e.IsWord && op != "==" && op != "!=" {
		return e, e.Field + " is text; it can be == or != only"
	}
	if other, name, two := strings.Cut(right, "."); two && dotted && s.namesField(other, name) {
		e.OtherServer, e.OtherField = other, name
		isText, msg := s.expectedField(other, name)
		if msg == "" && isText != e.IsWord {
			msg = "one of " + e.Field + " and " + name + " is text, the other a number"
		}
		if msg != "" {
			return e, msg
		}
	} else if e.IsWord {
		e.Word = right
	} else if e.Number, msg = numberOrSize(right); msg != "" {
		return e, msg
	}
	if !limited {
		return e, ""
	}
	for _, part := range strings.Split(when, " and ") {
		left, op, right, ok := compare(part)
		if !ok {
			return e, `after "when" stands AXIS OP VALUE, such as outage < 5s`
		}
		c := Condition{Axis: left, Op: op, Word: right}
		a := s.axis(left)
		if a == nil && len(s.Axes) == 0 {
			return e, "there is no sweep, so it has no axis " + shorten(left)
		}
		if a == nil {
			return e, "the sweep has no axis " + shorten(left) + "; " + oneOf(left, s.axisNames())
		}
		if a.Unit == Text {
			c.IsWord = true
			if op != "==" && op != "!=" {
				return e, left + " has words; they can be == or != only"
			}
		} else if c.Number, msg = a.parse(right); msg != "" {
			return e, msg
		}
		e.When = append(e.When, c)
	}
	return e, ""
}

// namesField says that "OTHER.NAME" means a field of a server, perhaps a wrong one.
func (s *Scenario) namesField(server, name string) bool {
	_, known := infoFields[name]
	return known || contains(s.serverNames(), server)
}

// expectedField says whether a field of a server is text.
func (s *Scenario) expectedField(server, name string) (text bool, msg string) {
	names := s.serverNames()
	if !contains(names, server) {
		return false, "there is no server " + shorten(server) + "; " + oneOf(server, names)
	}
	text, known := infoFields[name]
	if !known {
		return false, shorten(name) + " is no field of INFO that is known here; " + nearOr(name, sortedKeys(infoFields))
	}
	return text, ""
}

// expectAt reads when an expectation is looked at.
func (s *Scenario) expectAt(e *Expect, text string) (msg string) {
	at, err := parseDuration(text)
	switch {
	case err != nil:
		return `after "at" stands when the servers are asked: ` + shorten(text) + ": " + err.Error()
	case at <= 0:
		return "at " + shorten(text) + ": servers have nothing to say before the run begins"
	case s.first != nil && at >= s.first.config.Duration:
		return "at " + shorten(text) + ": at or after the end of the run (duration " + s.first.config.Duration.String() + "); without at it is the end"
	}
	e.At = at
	return ""
}

func numberOrSize(s string) (int64, string) {
	if v, err := parseCount(s, -1<<62, 1<<62); err == nil {
		return v, ""
	}
	v, err := parseSize(s, maxSize)
	if err != nil {
		return 0, shorten(s) + ": expected a whole number or a size such as 5MB"
	}
	return v, ""
}

// parse reads a value in the notation of an axis.
func (a *Axis) parse(s string) (int64, string) {
	var v int64
	var err error
	switch a.writes {
	case asSize:
		v, err = parseSize(s, maxSize)
	case asRate, asCommands:
		v, _, err = parseRate(s)
	case asDuration:
		d, e := parseDuration(s)
		v, err = int64(d), e
	case asConfMemory:
		v, err = parseConfMemory(s, maxSize)
	case asConfSeconds:
		v, err = parseCount(s, 0, maxInt32)
		v *= 1e9
	default:
		v, err = parseCount(s, -1<<62, 1<<62)
	}
	if err != nil {
		return 0, shorten(s) + ": " + err.Error()
	}
	return v, ""
}

func (s *Scenario) axis(name string) *Axis {
	for i := range s.Axes {
		if s.Axes[i].Name == name {
			return &s.Axes[i]
		}
	}
	return nil
}

func (s *Scenario) axisNames() (names []string) {
	for _, a := range s.Axes {
		names = append(names, a.Name)
	}
	return
}

func (s *Scenario) serverNames() (names []string) {
	if n := lookup(s.base, "servers"); n != nil && n.Kind == yaml.MappingNode {
		for i := 0; i < len(n.Content); i += 2 {
			names = append(names, n.Content[i].Value)
		}
	}
	return
}

package live

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"psyncsim/model"
)

// Side is a server that is probed, and what a probe's words stand for there:
// its own INFO.
type Side struct {
	Addr        string
	ID, ID2     string
	RunID       string
	First, Next int64 // the backlog's first byte, and MRO + 1
	Second      int64 // second_repl_offset
	// BothLines: an offset that is no number is answered with an error and with a
	// full synchronization (before 6.2.7). Which line comes first hangs on whether
	// the snapshot can be made at once.
	BothLines bool
}

// SideOf reads a side off the fields of INFO.
func SideOf(addr string, info map[string]string) (Side, error) {
	s := Side{Addr: addr, ID: info["master_replid"], ID2: info["master_replid2"], RunID: info["run_id"]}
	numbers := map[string]*int64{"repl_backlog_first_byte_offset": &s.First, "master_repl_offset": &s.Next, "second_repl_offset": &s.Second}
	if s.ID == "" { // before 4.0 a run id is all there is
		s.ID, s.ID2, s.Second = s.RunID, zeroID, -1
		delete(numbers, "second_repl_offset")
	}
	for name, to := range numbers {
		n, err := strconv.ParseInt(info[name], 10, 64)
		if err != nil {
			return s, fmt.Errorf("probe: INFO of %s: %s is %q", addr, name, info[name])
		}
		*to = n
	}
	s.Next++
	return s, nil
}

// Probe is one request that is sent to a server, alone on its connection. In
// its text, {id}, {id2} and {runid} stand for the server's own, {id:upper},
// {id:mixed}, {id:39} for the same in capitals, in both, and without its last
// character; {first}, {next}, {second} and {middle} for offsets, {first-1} and
// the like for their neighbours.
type Probe struct {
	Words  []string // sent as a RESP array; if Inline, as one line
	Inline bool
	Raw    string // instead of Words: bytes as they are
	Capa   bool   // "REPLCONF capa eof capa psync2" goes first
	Then   string // bytes that follow when the answer was heard
}

func (p Probe) String() string {
	s := fmt.Sprintf("%q", p.Words)
	switch {
	case p.Words == nil:
		s = fmt.Sprintf("raw %.80q", p.Raw)
	case p.Inline:
		s = "inline " + s
	}
	if p.Capa {
		s += " with capa"
	}
	if p.Then != "" {
		s += fmt.Sprintf(" then %q", p.Then)
	}
	return s
}

var symbol = regexp.MustCompile(`\{[a-z0-9]+(:[a-z0-9]+|[+-][0-9]+)?\}`)

// fill replaces what stands for something.
func (s *Side) fill(text string) string {
	return symbol.ReplaceAllStringFunc(text, func(sym string) string {
		name, how, _ := strings.Cut(strings.Trim(sym, "{}"), ":")
		ids := map[string]string{"id": s.ID, "id2": s.ID2, "runid": s.RunID}
		if id, ok := ids[name]; ok {
			switch how {
			case "upper":
				id = strings.ToUpper(id)
			case "mixed":
				id = strings.ToUpper(id[:20]) + id[20:]
			case "39":
				id = id[:39]
			}
			return id
		}
		at, by := name, int64(0)
		if i := strings.IndexAny(name, "+-"); i > 0 {
			at = name[:i]
			by, _ = strconv.ParseInt(name[i:], 10, 64)
		}
		offsets := map[string]int64{"first": s.First, "next": s.Next, "second": s.Second, "middle": (s.First + s.Next) / 2}
		n, ok := offsets[at]
		if !ok {
			panic("live: a probe with " + sym)
		}
		return strconv.FormatInt(n+by, 10)
	})
}

// wire is what goes over the connection.
func (p Probe) wire(s *Side) []byte {
	if p.Words == nil {
		return []byte(s.fill(p.Raw))
	}
	words := make([]string, len(p.Words))
	for i, w := range p.Words {
		words[i] = s.fill(w)
	}
	if p.Inline {
		return model.AppendInline(nil, words...)
	}
	return model.AppendCommand(nil, words...)
}

// What Ask gives where no line comes.
const (
	Closed  = "(closed)"
	Silence = "(silence)"
)

// quiet is how long a server may be silent after a request that may well have
// no answer.
const quiet = 400 * time.Millisecond

// Ask sends a probe and gives the answer with the server's own values replaced
// by their names, so that answers of two servers can be compared. Behind a
// +CONTINUE it waits for all the bytes that were missed; their number follows
// as far as the probe decides it. A probe with Then adds what became of the
// connection.
func Ask(s Side, p Probe) (string, error) {
	c, err := net.Dial("tcp", s.Addr)
	if err != nil {
		return "", err
	}
	defer c.Close()
	r := bufio.NewReader(c)
	if p.Capa {
		if _, err := io.WriteString(c, "REPLCONF capa eof capa psync2\r\n"); err != nil {
			return "", err
		}
		if line := hear(c, r, 10*time.Second); line != "+OK" {
			return "", fmt.Errorf("probe: REPLCONF capa is answered %q", line)
		}
	}
	// A server may answer and close before it has read all: then writing fails,
	// and the answer is there all the same.
	_, _ = c.Write(p.wire(&s))
	patience := 10 * time.Second
	if p.Words == nil {
		patience = quiet
	}
	line := hear(c, r, patience)
	answer := s.name(line)
	if s.BothLines && len(p.Words) > 2 && strings.EqualFold(p.Words[0], "PSYNC") && oddNumber(s.fill(p.Words[2])) {
		answer = s.both(c, r, line)
	}
	if strings.HasPrefix(line, "+CONTINUE") && len(p.Words) > 2 {
		at, _ := strconv.ParseInt(s.fill(p.Words[2]), 10, 64)
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if n, err := io.CopyN(io.Discard, r, s.Next-at); err != nil {
			answer += fmt.Sprintf(" then %d of %d bytes: %v", n, s.Next-at, err)
		}
	}
	if p.Then != "" {
		_, _ = io.WriteString(c, s.fill(p.Then))
		answer += " then " + s.name(hear(c, r, quiet))
	}
	return answer, nil
}

// oddNumber says whether a text is anything but a number in its shortest form.
func oddNumber(text string) bool {
	n, err := strconv.ParseInt(text, 10, 64)
	return err != nil || strconv.FormatInt(n, 10) != text
}

const badNumber = "-ERR value is not an integer or out of range"

// both leaves the error out of an answer that has both lines: whether it comes,
// and which comes first, hangs on what snapshots are being made for others.
func (s *Side) both(c net.Conn, r *bufio.Reader, line string) string {
	if line == badNumber {
		line = hear(c, r, 10*time.Second)
	}
	return s.name(line)
}

// hear reads the next line that is not empty.
func hear(c net.Conn, r *bufio.Reader, patience time.Duration) string {
	c.SetReadDeadline(time.Now().Add(patience))
	for {
		line, err := r.ReadString('\n')
		line = strings.TrimRight(line, "\r\n")
		switch {
		case line != "":
			return line
		case errors.Is(err, os.ErrDeadlineExceeded):
			return Silence
		case err != nil:
			return Closed
		}
	}
}

// name puts names where the server's own values stand.
func (s *Side) name(line string) string {
	words := strings.Split(line, " ")
	for i, w := range words {
		switch {
		case w == s.ID:
			words[i] = "{id}"
		case w == strconv.FormatInt(s.Next-1, 10) && words[0] == "+FULLRESYNC":
			words[i] = "{mro}"
		}
	}
	return strings.Join(words, " ")
}

// Difference is a probe that two servers answered differently.
type Difference struct {
	Probe        Probe
	Ours, Theirs string
}

// Compare sends every probe to both sides, some at a time, and gives the
// differences in the order of the probes.
func Compare(ours, theirs Side, probes []Probe) ([]Difference, error) {
	type answer struct {
		text string
		err  error
	}
	answers := make([][2]answer, len(probes))
	var all sync.WaitGroup
	next := make(chan int)
	for range 48 {
		all.Go(func() {
			for i := range next {
				for j, side := range [2]Side{ours, theirs} {
					text, err := Ask(side, probes[i])
					answers[i][j] = answer{text, err}
				}
			}
		})
	}
	for i := range probes {
		next <- i
	}
	close(next)
	all.Wait()
	var diffs []Difference
	for i, a := range answers {
		if err := errors.Join(a[0].err, a[1].err); err != nil {
			return nil, fmt.Errorf("probe %v: %w", probes[i], err)
		}
		if a[0].text != a[1].text {
			diffs = append(diffs, Difference{probes[i], a[0].text, a[1].text})
		}
	}
	return diffs, nil
}

// Requests are handmade requests: every id with every offset, in every framing,
// and what no replica sends. None of them changes the history of a server that
// has a backlog; but a replica takes over at the right FAILOVER, see TakesOver.
func Requests() []Probe {
	var ps []Probe
	for _, id := range probeIDs {
		for _, at := range probeOffsets {
			ps = append(ps, Probe{Words: []string{"PSYNC", id, at}, Capa: true})
		}
	}
	for _, id := range []string{"{id}", "{id2}", "{id:upper}", "?", zeroID, "x"} {
		for _, at := range probeOffsets {
			ps = append(ps, Probe{Words: []string{"psync", id, at}})
			if at != "" && !strings.Contains(at, " ") {
				ps = append(ps, Probe{Words: []string{"PSync", id, at}, Inline: true})
			}
		}
	}
	return append(ps, oddities...)
}

// TakesOver says whether a replica may become a master when it hears the probe.
func (p Probe) TakesOver() bool {
	return len(p.Words) > 3 && strings.EqualFold(p.Words[3], "failover") && strings.HasPrefix(p.Words[1], "{id")
}

const zeroID = string(model.ZeroID)

var probeIDs = []string{"{id}", "{id:upper}", "{id:mixed}", "{id:39}", "{id}0", "{id} ", " {id}", "{id2}", "{id2:upper}",
	"{runid}", zeroID, zeroID + "0", "?", "??", "?{id}", "{id}?", "", "-", "0", "-1", "x", strings.Repeat("f", 40), strings.Repeat("g", 40),
	strings.Repeat("a", 1000), "\x00", "{id:39}\x00", "\r\n", "psync"}

var probeOffsets = []string{"{first-2}", "{first-1}", "{first}", "{first+1}", "{middle}", "{next-2}", "{next-1}", "{next}", "{next+1}", "{next+2}",
	"{second-1}", "{second}", "{second+1}", "0", "1", "-1", "-2", "9223372036854775807", "-9223372036854775808",
	"9223372036854775808", "-9223372036854775809", "18446744073709551615", "+5", "05", "00", "-0", "-", "5 ", " 5", "", "abc", "5abc", "0x10", "1e3", "5.0", "{id}"}

// oddities are requests that are wrong in form, or right in an odd one.
var oddities = []Probe{
	{Words: []string{"PSYNC"}}, {Words: []string{"PSYNC", "?"}}, {Words: []string{"PSYNC", "{id}"}},
	{Words: []string{"PSYNC", "?", "-1", "x"}}, {Words: []string{"PSYNC", "{id}", "{next}", "x"}, Capa: true},
	{Words: []string{"PSYNC", "{id}", "{next}", "FAILOVER"}, Capa: true}, {Words: []string{"PSYNC", "x", "{next}", "failover"}},
	{Words: []string{"PSYNC", "{id}", "abc", "FAILOVER"}}, {Words: []string{"PSYNC", "{id}", "{next}", "x", "y"}, Capa: true},
	{Words: []string{"PSYNC", "{id}", "abc", "x"}},
	{Words: []string{"SYNC", "x"}}, {Words: []string{"SYNC", "?", "-1"}},
	{Words: []string{"REPLCONF"}}, {Words: []string{"REPLCONF", "capa"}}, {Words: []string{"REPLCONF", "capa", "x"}},
	{Words: []string{"REPLCONF", "listening-port", "x"}}, {Words: []string{"REPLCONF", "listening-port", "1"}},
	{Words: []string{"REPLCONF", "what", "x"}}, {Words: []string{"replconf", "CAPA", "EOF", "Capa", "PSync2"}},
	{Words: []string{"REPLCONF", "ip-address", "1.2.3.4"}},
	{Words: []string{"REPLCONF", "listening-port", "99999999999999999999"}}, {Words: []string{"REPLCONF", "listening-port", "-5"}},
	{Words: []string{"PING"}}, {Words: []string{"ping"}}, {Words: []string{"PING", "hello"}}, {Words: []string{"PING", "a", "b"}}, {Words: []string{"nosuchcommand"}}, {Words: []string{"nosuchcommand", "a", "b"}},
	{Words: []string{"no\r\nsuch", strings.Repeat("a", 100), strings.Repeat("b", 100), "c"}}, {Words: []string{strings.Repeat("n", 200)}},
	// An ACK of someone who is no replica, and what a replica says behind its PSYNC.
	{Raw: "*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$1\r\n0\r\n"}, {Raw: "REPLCONF ACK x\r\n"},
	{Raw: "REPLCONF GETACK *\r\n"},
	{Words: []string{"PSYNC", "{id}", "{next}"}, Capa: true, Then: "PSYNC ? -1\r\n"},
	{Words: []string{"PSYNC", "{id}", "{next}"}, Capa: true, Then: "REPLCONF ACK 5\r\n"},
	{Words: []string{"PSYNC", "{id}", "{next}"}, Capa: true, Then: "\n"},
	{Words: []string{"PSYNC", "{id}", "{next}"}, Capa: true, Then: "SYNC\r\n"},
	{Words: []string{"PSYNC", "{id}", "abc"}, Then: "PSYNC {id} abc\r\n"},
	{Words: []string{"PSYNC", "{id}", "abc"}, Then: "PSYNC {id} {next}\r\n"},
	{Words: []string{"PSYNC", "{id}"}, Then: "PSYNC {id} {next}\r\n"},
	// Framing.
	{Raw: "\r\n"}, {Raw: "\r\n\r\nPSYNC {id} {next}\r\n"}, {Raw: "PSYNC {id} {next}\n"}, {Raw: "   PSYNC   {id}\t{next}  \r\n"},
	{Raw: "PSYNC \"{id}\" '{next}'\r\n"}, {Raw: "PSYNC \"{id} {next}\r\n"}, {Raw: "PSYNC \"{id}\"x {next}\r\n"},
	{Raw: "\"PSYNC\" \"\\x7b\" 1\r\n"}, {Raw: "PSYNC {id} {next}"}, {Raw: "PSYNC {id} {next}\r"},
	{Raw: "*0\r\nPSYNC {id} {next}\r\n"}, {Raw: "*-1\r\nPSYNC {id} abc\r\n"}, {Raw: "*x\r\n"}, {Raw: "*3\r\n"},
	{Raw: "*3\r\n$5\r\nPSYNC\r\n$-1\r\n$1\r\n1\r\n"}, {Raw: "*3\r\n$5\r\nPSYNC\r\n+1\r\n"}, {Raw: "*3\r\nPSYNC\r\n"}, {Raw: "*3\r\n\r\n"},
	{Raw: "*3\r\n$x\r\nPSYNC\r\n"}, {Raw: "*99999999999\r\n"}, {Raw: "*2147483648\r\n"}, {Raw: "*3\r\n$999999999999\r\n"},
	{Raw: "*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPING\r\n"}, {Raw: "$5\r\nPSYNC\r\n"}, {Raw: ":1\r\n"}, {Raw: "+PSYNC\r\n"},
	{Raw: "*" + strings.Repeat("1", 70000)}, {Raw: strings.Repeat("x", 70000)}, {Raw: "*1\r\n$" + strings.Repeat("1", 70000)},
	{Raw: "*3\r\n$5\r\nPSYNC\r\n$40\r\n{id}\r\n$4\r\n"}, {Raw: "\x00\r\n"}, {Raw: "PSYNC\x00 {id} {next}\r\n"}, {Raw: "\xff\xfe\r\n"},
	{Raw: "*1\r\n$5\r\nPSYNC\r\n"}, {Raw: "*1\r\n$0\r\n\r\n"}, {Raw: "*+3\r\n$5\r\nPSYNC\r\n"}, {Raw: "*03\r\n$5\r\nPSYNC\r\n"}, {Raw: "* 3\r\n"},
	{Raw: "*3\r\n$05\r\nPSYNC\r\n"}, {Raw: "*3\n$5\nPSYNC\n$1\n?\n$2\n-1\n"}, {Raw: "*3\r\n$5\r\npsync\r\n$1\r\n?\r\n$2\r\n-x\r\n"},
}

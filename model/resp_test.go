package model

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"testing"
)

// told is all that a CommandReader says of some input, as text.
type told struct {
	text     string // a line per command, the error at the end
	commands int64  // with at least one argument
	wire     int64
	bound    int64 // behind the last of them that is not in a transaction
	err      error
}

// readCommands feeds input in pieces whose sizes next gives.
func readCommands(input []byte, next func() int) told {
	var r CommandReader
	var t told
	var text strings.Builder
	multi, stream := false, input
	for len(input) > 0 && t.err == nil {
		n := min(next(), len(input))
		r.Feed(input[:n])
		input = input[n:]
		for {
			args, wire, ok, err := r.Next()
			if t.err = err; !ok {
				break
			}
			begun := t.wire
			t.wire += wire
			for _, a := range args {
				text.WriteString(strconv.Quote(string(a)) + " ")
			}
			text.WriteString(strconv.FormatInt(wire, 10) + "\n")
			if len(args) > 0 {
				t.commands++
				if dollar := t.wire - int64(len(args[0])) - 6; len(args) == 1 && dollar >= begun && stream[dollar] == '$' {
					switch strings.ToLower(string(args[0])) {
					case "multi":
						multi = true
					case "exec", "discard":
						multi = false
					}
				}
				if !multi {
					t.bound = t.wire
				}
			}
		}
	}
	if t.err != nil {
		text.WriteString(t.err.Error())
	}
	t.text = text.String()
	return t
}

// scanStream does the same with a StreamScanner.
func scanStream(input []byte, next func() int) (commands, bound int64, err error) {
	var s StreamScanner
	for at := 0; at < len(input) && err == nil; {
		n := min(next(), len(input)-at)
		var c int64
		var b int
		c, b, err = s.Scan(input[at : at+n])
		commands += c
		if b > 0 {
			bound = int64(at + b)
		}
		at += n
	}
	return commands, bound, err
}

func whole() int { return 1 << 30 }

func pieces(n int) func() int { return func() int { return n } }

// uneven gives sizes from 1 to about 2*mean, the same for the same mean.
func uneven(mean int) func() int {
	x := uint32(mean)
	return func() int {
		x = x*1664525 + 1013904223
		return 1 + int(x>>8)%(2*mean)
	}
}

// splits are the ways every input is cut.
func splits() []func() int {
	return []func() int{whole, pieces(1), pieces(2), pieces(7), uneven(3), uneven(40), uneven(1500)}
}

// Inputs and what redis makes of them. Wire lengths show that nothing is
// skipped without being counted.
var commandCases = []struct{ name, in, want string }{
	{"array", "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n", "\"SET\" \"k\" \"v\" 27\n"},
	{"two", "*1\r\n$4\r\nPING\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n", "\"PING\" 14\n\"SELECT\" \"0\" 23\n"},
	{"empty argument", "*2\r\n$3\r\nGET\r\n$0\r\n\r\n", "\"GET\" \"\" 19\n"},
	{"payload with line ends", "*1\r\n$4\r\n\r\n*1\r\n", "\"\\r\\n*1\" 14\n"},
	{"line ends are not looked at", "*1\rx$1\ryAzz", "\"A\" 11\n"},
	{"inline", "PING\r\nSELECT 9\n", "\"PING\" 6\n\"SELECT\" \"9\" 9\n"},
	{"blanks", " \t a  b\v\t\r\n", "\"a\" \"b\\v\" 11\n"},
	{"keepalive", "\n\r\n\n", "1\n2\n1\n"},
	{"keepalive before a command", "\n*1\r\n$4\r\nPING\r\n", "1\n\"PING\" 14\n"},
	{"empty arrays", "*0\r\n*-1\r\n*1\r\n$4\r\nPING\r\n", "\"PING\" 23\n"},
	{"counted once", "*0\r\nPING\r\nPING\r\n", "\"PING\" 10\n\"PING\" 6\n"},
	{"a line of blanks is no sign of life", "  \r\nPING\r\n", "\"PING\" 10\n"},
	{"double quotes", `set "a b" "\x41\n\r\t\b\a\"\\\q\x4"` + "\r\n", "\"set\" \"a b\" \"A\\n\\r\\t\\b\\a\\\"\\\\qx4\" 37\n"},
	{"single quotes", `set 'a "b"' 'it\'s\n'` + "\r\n", "\"set\" \"a \\\"b\\\"\" \"it's\\\\n\" 23\n"},
	{"quotes inside a word", `a"b c"` + "\n" + `"" ''` + "\n", "\"ab c\" 7\n\"\" \"\" 6\n"},
	{"open quote", "set \"a\r\n", string(ErrQuotes)},
	{"open single quote", "set 'a\\'\r\n", string(ErrQuotes)},
	{"glued quote", "\"a\"b\r\n", string(ErrQuotes)},
	{"escape at the end", "\"a\\\r\n", string(ErrQuotes)},
	{"no dollar", "*1\r\n+OK\r\n", "Protocol error: expected '$', got '+'"},
	{"no dollar, nothing", "*1\r\n\r\n", "Protocol error: expected '$', got ' '"},
	{"count too large", "*1048577\r\n", string(ErrArgs)},
	{"largest count", "*1048576\r\n", ""},
	{"count no number", "*1x\r\n", string(ErrArgs)},
	{"count missing", "*\r\n", string(ErrArgs)},
	{"count with plus", "*+1\r\n", string(ErrArgs)},
	{"count with zero in front", "*01\r\n", string(ErrArgs)},
	{"count beyond 64 bits", "*99999999999999999999999999\r\n", string(ErrArgs)},
	{"bulk negative", "*1\r\n$-1\r\n", string(ErrBulk)},
	{"bulk too large", "*1\r\n$536870913\r\n", string(ErrBulk)},
	{"largest bulk", "*1\r\n$536870912\r\n", ""},
	{"bulk overflow", "*1\r\n$9223372036854775808\r\n", string(ErrBulk)},
	{"transaction", "*1\r\n$5\r\nMULTI\r\nPING\r\n*1\r\n$4\r\nexec\r\n*1\r\n$5\r\nmulti\r\n", "\"MULTI\" 15\n\"PING\" 6\n\"exec\" 14\n\"multi\" 15\n"},
	{"no transaction", "*1\r\n$4\r\nEXEC\r\n*2\r\n$5\r\nMULTI\r\n$1\r\nx\r\nmulti\r\n*1\r\n$11\r\nMULTI\r\nMULT\r\n",
		"\"EXEC\" 14\n\"MULTI\" \"x\" 22\n\"multi\" 7\n\"MULTI\\r\\nMULT\" 22\n"},
	{"whole commands before an error", "PING\r\n*x\r\n", "\"PING\" 6\n" + string(ErrArgs)},
	{"longest inline", strings.Repeat("a", MaxLine-1) + "\r\n", "\"" + strings.Repeat("a", MaxLine-1) + "\" 65537\n"},
	{"inline too long", strings.Repeat("a", MaxLine+1), string(ErrInlineTooBig)},
	{"inline too long, with its end", strings.Repeat("a", MaxLine+1) + "\n", string(ErrInlineTooBig)},
	{"count line too long", "*" + strings.Repeat("1", MaxLine), string(ErrArgsTooBig)},
	{"bulk line too long", "*1\r\n$" + strings.Repeat("1", MaxLine), string(ErrBulkTooBig)},
	{"long line without a dollar", "*1\r\n" + strings.Repeat("\n", MaxLine+1), string(ErrBulkTooBig)},
	{"NUL hides the line end", "PI\x00NG\r\n*1\r\n", ""},
	{"NUL hides it for good", "*1\x00\r\n" + strings.Repeat("a", MaxLine), string(ErrArgsTooBig)},
}

func TestCommandReader(t *testing.T) {
	for _, c := range commandCases {
		for i, split := range splits() {
			if got := readCommands([]byte(c.in), split).text; got != c.want {
				t.Errorf("%s, split %d: %.200q, want %.200q", c.name, i, got, c.want)
			}
		}
	}
}

func TestStreamScannerAgrees(t *testing.T) {
	for _, c := range commandCases {
		want := readCommands([]byte(c.in), whole)
		for i, split := range splits() {
			commands, bound, err := scanStream([]byte(c.in), split)
			if commands != want.commands || bound != want.bound || err != want.err {
				t.Errorf("%s, split %d: %d commands to %d, %v; want %d to %d, %v",
					c.name, i, commands, bound, err, want.commands, want.bound, want.err)
			}
		}
	}
}

// An error stays: whatever follows it is noise.
func TestErrorsStay(t *testing.T) {
	var r CommandReader
	var s StreamScanner
	for range 3 {
		r.Feed([]byte("*x\r\nPING\r\n"))
		if _, _, ok, err := r.Next(); ok || err != ErrArgs {
			t.Fatalf("reader: ok %v, error %v", ok, err)
		}
		if n, bound, err := s.Scan([]byte("*x\r\nPING\r\n")); n != 0 || bound != 0 || err != ErrArgs {
			t.Fatalf("scanner: %d, %d, %v", n, bound, err)
		}
	}
	r.Reset()
	s.Reset()
	r.Feed([]byte("PING\r\n"))
	if _, _, ok, err := r.Next(); !ok || err != nil {
		t.Errorf("reader after Reset: ok %v, error %v", ok, err)
	}
	if n, bound, err := s.Scan([]byte("PING\r\n")); n != 1 || bound != 6 || err != nil {
		t.Errorf("scanner after Reset: %d, %d, %v", n, bound, err)
	}
}

// A few hostile bytes announce much; memory must follow what came.
func TestAnnouncedLengthsCostNothing(t *testing.T) {
	for _, in := range []string{"*1\r\n$536870912\r\n", "*1048576\r\n", "*1048576\r\n$0\r\n\r\n"} {
		var r CommandReader
		r.Feed([]byte(in))
		if _, _, ok, err := r.Next(); ok || err != nil {
			t.Fatalf("%q: ok %v, error %v", in, ok, err)
		}
		if held := cap(r.buf) + 16*cap(r.spans) + 24*cap(r.args); held > 1024 {
			t.Errorf("%q: holds %d bytes", in, held)
		}
	}
}

// What was handed out is dropped, so a long stream needs little memory.
func TestCommandReaderForgets(t *testing.T) {
	var r CommandReader
	piece := bytes.Repeat(AppendCommand(nil, "SET", "key", strings.Repeat("v", 100)), 7)
	for i := range 1000 {
		cut := i % len(piece)
		r.Feed(piece[:cut])
		r.Next() // leaves others unread
		r.Feed(piece[cut:])
		for ok := true; ok; _, _, ok, _ = r.Next() {
		}
	}
	if cap(r.buf) > 8*len(piece) {
		t.Errorf("holds %d bytes after pieces of %d", cap(r.buf), len(piece))
	}
}

// The capture of a real stream: every way of cutting it gives the same.
func TestRealStream(t *testing.T) {
	const path = "../../shared/data/redis-7.0.15-bursty/stream-sample.resp"
	input, err := os.ReadFile(path)
	if err != nil {
		t.Skipf("THE REAL STREAM IS NOT CHECKED: %v", err)
	}
	want := readCommands(input, whole)
	if len(input) != 300000 || want.err != nil || want.commands != 855 || want.wire != 299717 {
		t.Fatalf("%d bytes: %d commands in %d bytes, %v", len(input), want.commands, want.wire, want.err)
	}
	if !strings.HasPrefix(want.text, "\"SELECT\" \"0\" 23\n") {
		t.Errorf("begins with %.40q", want.text)
	}
	for i, split := range splits() {
		if got := readCommands(input, split); got != want {
			t.Errorf("split %d: reader: %d commands in %d bytes, %v", i, got.commands, got.wire, got.err)
		}
		commands, bound, err := scanStream(input, split)
		if commands != want.commands || bound != want.wire || err != nil {
			t.Errorf("split %d: scanner: %d commands to %d, %v", i, commands, bound, err)
		}
	}
	t.Logf("%d commands in %d bytes, %d bytes of one more", want.commands, want.wire, 300000-want.wire)
}

// Redis's own examples (facts: 1.5).
func TestCommandLen(t *testing.T) {
	for want, args := range map[int64][]string{
		14:  {"PING"},
		23:  {"SELECT", "0"},
		24:  {"SELECT", "10"},
		37:  {"REPLCONF", "GETACK", "*"},
		20:  {"DEL", "k"},
		27:  {"SET", "k", "v"},
		144: {"SET", strings.Repeat("k", 16), strings.Repeat("v", 100)},
		4:   {},
		75:  strings.Split("abcdefghij", ""), // a count of two digits
	} {
		var lens []int
		for _, a := range args {
			lens = append(lens, len(a))
		}
		written := int64(len(AppendCommand(nil, args...)))
		if got := CommandLen(lens...); got != want || got != written {
			t.Errorf("%q: length %d, written %d, want %d", args, got, written, want)
		}
	}
	if got := string(AppendInline([]byte("+"), "REPLCONF", "capa", "eof")); got != "+REPLCONF capa eof\r\n" {
		t.Errorf("inline: %q", got)
	}
}

func TestParseInt(t *testing.T) {
	for in, want := range map[string]int64{
		"0": 0, "7": 7, "-1": -1, "10": 10, "1048576": 1048576,
		"9223372036854775807": 1<<63 - 1, "-9223372036854775808": -1 << 63,
	} {
		if got, ok := ParseInt([]byte(in)); !ok || got != want {
			t.Errorf("%q: %d, %v", in, got, ok)
		}
	}
	for _, in := range []string{"", "-", "+1", "-0", "00", "01", "-01", " 1", "1 ", "1\n", "0x1", "1e3", "1_0",
		"9223372036854775808", "-9223372036854775809", "18446744073709551617", "10000000000000000000", "99999999999999999999999"} {
		if got, ok := ParseInt([]byte(in)); ok {
			t.Errorf("%q is taken for %d", in, got)
		}
	}
}

func TestLineReader(t *testing.T) {
	const in = "+PONG\r\n\n+CONTINUE\n\r\n$12\r\n"
	const want = "\"+PONG\" 7\n\"\" 1\n\"+CONTINUE\" 10\n\"\" 2\n\"$12\" 5\nREDIS0011"
	for i, split := range splits() {
		var r LineReader
		var got strings.Builder
		for rest := in; len(rest) > 0; {
			n := min(split(), len(rest))
			r.Feed([]byte(rest[:n]))
			rest = rest[n:]
			for line, wire, ok, err := r.Line(); ok || err != nil; line, wire, ok, err = r.Line() {
				got.WriteString(strconv.Quote(string(line)) + " " + strconv.Itoa(wire) + "\n")
			}
		}
		r.Feed([]byte("REDIS"))
		r.Feed([]byte("0011"))
		got.Write(r.Rest())
		if got.String() != want || len(r.Rest()) != 0 {
			t.Errorf("split %d: %q", i, got.String())
		}
	}
}

func TestLineReaderLimit(t *testing.T) {
	var r LineReader
	r.Feed(bytes.Repeat([]byte("a"), MaxLine))
	if _, _, ok, err := r.Line(); ok || err != nil {
		t.Fatalf("a line of %d bytes: ok %v, error %v", MaxLine, ok, err)
	}
	r.Feed([]byte("a"))
	if _, _, ok, err := r.Line(); ok || err == nil {
		t.Error("one more byte is no error")
	}
	r.Reset()
	r.Feed(append(bytes.Repeat([]byte("a"), MaxLine), '\n'))
	if line, wire, ok, err := r.Line(); !ok || err != nil || len(line) != MaxLine || wire != MaxLine+1 {
		t.Errorf("the longest line: %d bytes, wire %d, ok %v, error %v", len(line), wire, ok, err)
	}
}

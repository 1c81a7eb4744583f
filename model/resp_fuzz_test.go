package model

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func seedCommands(f *testing.F) {
	for i, c := range commandCases {
		if len(c.in) < 1000 {
			f.Add([]byte(c.in), uint16(i))
		}
	}
	f.Add([]byte("*1\r\n$5\r\nMULTI\r\nMULTI\r\n*1\r\n$4\r\nEXEC\r\n*1\r\n$7\r\ndiscard\r\n"), uint16(2))
	f.Add([]byte("*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n\nselect 3\r\n"), uint16(5))
}

// cutBy makes a way of cutting input out of a fuzzed number.
func cutBy(n uint16) func() int { return uneven(1 + int(n)%300) }

// Any bytes, cut anywhere: no panic, the same commands, wire lengths that are
// the bytes consumed, and arguments that can be written and read again.
func FuzzCommandReader(f *testing.F) {
	seedCommands(f)
	f.Fuzz(func(t *testing.T, input []byte, cut uint16) {
		want := readCommands(input, whole)
		if want.wire > int64(len(input)) {
			t.Fatalf("%d bytes consumed of %d", want.wire, len(input))
		}
		for _, split := range []func() int{cutBy(cut), pieces(1)} {
			if got := readCommands(input, split); got != want {
				t.Fatalf("cut: %q, %v\nwhole: %q, %v", got.text, got.err, want.text, want.err)
			}
		}
		rewrite(t, input)
	})
}

// rewrite reads commands, writes them as arrays and reads those.
func rewrite(t *testing.T, input []byte) {
	var first, second CommandReader
	first.Feed(input)
	for {
		args, _, ok, _ := first.Next()
		if !ok {
			return
		}
		if len(args) == 0 {
			continue
		}
		var words []string
		var lens []int
		for _, a := range args {
			words = append(words, string(a))
			lens = append(lens, len(a))
		}
		second.Feed(AppendCommand(nil, words...))
		again, wire, ok, err := second.Next()
		if !ok || err != nil || len(again) != len(words) || wire != CommandLen(lens...) {
			t.Fatalf("%q written: ok %v, error %v, %q", words, ok, err, again)
		}
		for i := range again {
			if string(again[i]) != words[i] {
				t.Fatalf("%q became %q", words, again)
			}
		}
	}
}

// The scanner and the reader know the same commands, ends and errors.
func FuzzStreamScanner(f *testing.F) {
	seedCommands(f)
	f.Fuzz(func(t *testing.T, input []byte, cut uint16) {
		want := readCommands(input, whole)
		for _, split := range []func() int{whole, cutBy(cut), pieces(1)} {
			commands, bound, err := scanStream(input, split)
			if commands != want.commands || bound != want.bound || err != want.err {
				t.Fatalf("scanner: %d commands to %d, %v\nreader: %d to %d, %v",
					commands, bound, err, want.commands, want.bound, want.err)
			}
		}
	})
}

// Lines and rest together are the input, and no line holds an LF.
func FuzzLineReader(f *testing.F) {
	for i, in := range []string{"", "\n", "+OK\r\n", "+FULLRESYNC id 1\r\n\n$EOF:", "\r\r\n\n\r", "no end"} {
		f.Add([]byte(in), uint16(i))
	}
	f.Fuzz(func(t *testing.T, input []byte, cut uint16) {
		var r LineReader
		next := cutBy(cut)
		taken := 0
		for at := 0; at < len(input); {
			n := min(next(), len(input)-at)
			r.Feed(input[at : at+n])
			at += n
			line, wire, ok, err := r.Line()
			for ; ok; line, wire, ok, err = r.Line() {
				raw := input[taken : taken+wire]
				if !bytes.HasPrefix(raw, line) || bytes.IndexByte(raw, '\n') != wire-1 || wire-len(line) > 2 {
					t.Fatalf("line %q, wire %d, of %q", line, wire, raw)
				}
				taken += wire
			}
			if err != nil && at-taken <= MaxLine {
				t.Fatalf("%v after %d bytes", err, at-taken)
			}
		}
		if rest := r.Rest(); !bytes.Equal(rest, input[taken:]) {
			t.Fatalf("rest %q, want %q", rest, input[taken:])
		}
	})
}

// stream is a replication stream of n bytes or a little more: SETs of 144
// bytes, what a master of small writes sends.
func stream(n int) []byte {
	one := AppendCommand(nil, "SET", strings.Repeat("k", 16), strings.Repeat("v", 100))
	return bytes.Repeat(one, n/len(one)+1)
}

func BenchmarkCommandReader(b *testing.B) {
	input := stream(1 << 20)
	var r CommandReader
	b.SetBytes(int64(len(input)))
	b.ReportAllocs()
	for b.Loop() {
		for at := 0; at < len(input); at += 16 << 10 {
			r.Feed(input[at:min(at+16<<10, len(input))])
			for ok := true; ok; _, _, ok, _ = r.Next() {
			}
		}
	}
}

func BenchmarkStreamScanner(b *testing.B) {
	for _, c := range []struct {
		name  string
		input []byte
	}{
		{"small", stream(1 << 20)},
		{"large", AppendCommand(nil, "SET", "k", strings.Repeat("v", 1<<20))},
	} {
		b.Run(c.name, func(b *testing.B) {
			var s StreamScanner
			b.SetBytes(int64(len(c.input)))
			b.ReportAllocs()
			for b.Loop() {
				for at := 0; at < len(c.input); at += 16 << 10 {
					if _, _, err := s.Scan(c.input[at:min(at+16<<10, len(c.input))]); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func TestScanAllocatesNothing(t *testing.T) {
	input, err := os.ReadFile("../../shared/data/redis-7.0.15-bursty/stream-sample.resp")
	if err != nil {
		input = stream(300000)
	}
	var s StreamScanner
	if n := testing.AllocsPerRun(10, func() { s.Reset(); s.Scan(input) }); n != 0 {
		t.Errorf("%v allocations a scan", n)
	}
}

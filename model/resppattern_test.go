package model

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Commands that resemble each other, with a byte changed here and there: however the
// stream is cut, the scanner finds what it finds byte by byte, when no command is ever
// long enough to be known from the one before; and what the reader of commands finds.
func TestPatternChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		input := alikeStream(t)
		want := scanAll(input, func() int { return 1 })
		read := readCommands(input, whole)
		if want.commands != read.commands || want.bound != read.bound || want.err != read.err {
			t.Fatalf("byte by byte %+v, the reader of commands %d to %d, %v", want, read.commands, read.bound, read.err)
		}
		cut := rapid.IntRange(1, 300).Draw(t, "cut")
		for _, next := range []func() int{whole, uneven(cut), func() int { return cut }} {
			if got := scanAll(input, next); got.commands != want.commands || got.bound != want.bound || got.err != want.err || !slices.Equal(got.asks, want.asks) {
				t.Fatalf("cut %+v, byte by byte %+v of %q", got, want, input)
			}
		}
	})
}

type scanned struct {
	commands int64
	bound    int64
	asks     []int
	err      error
}

// scanAll is a whole stream in pieces; asks and bound count from its beginning.
func scanAll(input []byte, next func() int) (all scanned) {
	var s StreamScanner
	for at := 0; at < len(input) && all.err == nil; {
		n := min(next(), len(input)-at)
		commands, bound, err := s.Scan(input[at : at+n])
		if all.commands += commands; bound > 0 {
			all.bound = int64(at + bound)
		}
		for _, i := range s.Asks {
			all.asks = append(all.asks, at+i)
		}
		all.err = err
		at += n
	}
	return all
}

// alikeStream is a stream of few kinds of commands, again and again.
func alikeStream(t *rapid.T) (b []byte) {
	kinds := [][]string{{"MULTI"}, {"EXEC"}, {"PING"}, {"REPLCONF", "GETACK", "*"}, {"REPLCONF", "ACK", "7"}, {"replconf", "getack", ""}}
	for range rapid.IntRange(1, 4).Draw(t, "kinds") {
		words := []string{rapid.SampledFrom([]string{"SET", "DEL", "REPLCONF", "PUBLISHX"}).Draw(t, "name")}
		for range rapid.IntRange(0, 8).Draw(t, "arguments") {
			words = append(words, fmt.Sprintf("%0*d", rapid.OneOf(rapid.IntRange(0, 20), rapid.IntRange(90, 110)).Draw(t, "size"), 0))
		}
		kinds = append(kinds, words)
	}
	for range rapid.IntRange(1, 8).Draw(t, "runs") {
		k := rapid.IntRange(0, len(kinds)-1).Draw(t, "kind")
		for range rapid.IntRange(1, 9).Draw(t, "commands") {
			b = AppendCommand(b, kinds[k]...)
		}
		if rapid.IntRange(0, 3).Draw(t, "changed") == 0 {
			at := rapid.IntRange(max(0, len(b)-60), len(b)-1).Draw(t, "where")
			b[at] = rapid.SampledFrom([]byte("\r\n$*0179 x\x00")).Draw(t, "byte")
		}
	}
	return b
}

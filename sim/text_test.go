package sim

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"psyncsim/model"
)

// What is written from a text that was made once is what the commands say, wherever
// a run begins and ends, and however long its keys and numbers are.
func TestTextIsTheCommands(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := LoadConfig{PerSecond: 1000}
		for range rapid.IntRange(1, 5).Draw(t, "commands") {
			c.Commands = append(c.Commands, drawCommand(t))
		}
		l, err := newLoad(&c, time.Hour, 1, 0)
		if err != nil {
			t.Fatal(err)
		}
		k := rapid.OneOf(rapid.Int64Range(0, 200), rapid.Int64Range(1e8-50, 1e8+50), rapid.Int64Range(1e17, 1<<58)).Draw(t, "first")
		n := rapid.Int64Range(0, 100).Draw(t, "count")
		want := []byte("x")
		for i := k; i < k+n; i++ {
			want = l.fill(want, i)
		}
		if got := l.fillRun([]byte("x"), k, k+n); string(got) != string(want) {
			t.Fatalf("commands [%d, %d):\n%q\nwant\n%q", k, k+n, got, want)
		}
		text := want[1:]
		if !l.sameRun(text, k, k+n) {
			t.Fatalf("commands [%d, %d) are not what was written", k, k+n)
		}
		if l.sameRun(append(text, '\n'), k, k+n) || len(text) > 0 && l.sameRun(text[:len(text)-1], k, k+n) {
			t.Fatalf("commands [%d, %d) are as long as they like", k, k+n)
		}
		if len(text) == 0 {
			return
		}
		i := rapid.IntRange(0, len(text)-1).Draw(t, "changed")
		if text[i] ^= 1; l.sameRun(text, k, k+n) {
			t.Fatalf("commands [%d, %d): nobody sees that byte %d has changed", k, k+n, i)
		}
	})
}

// Wherever a piece of a stream begins and ends, it is what was written, and no byte of it
// may be another: one load and two, several commands and one, and a literal in between.
func TestStreamHoldsWhatWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var loads []*load
		for range rapid.IntRange(1, 2).Draw(t, "loads") {
			l, err := newLoad(&LoadConfig{PerSecond: 1000, Commands: []Command{drawCommand(t)}}, time.Hour, 1, 0)
			if err != nil {
				t.Fatal(err)
			}
			loads = append(loads, l)
		}
		var src writes = loads[0]
		if len(loads) > 1 {
			src = &merged{parts: loads}
		}
		var log streamLog
		log.reset(src)
		ping := []byte("*1\r\n$4\r\nPING\r\n")
		k := rapid.Int64Range(0, 2000).Draw(t, "first")
		all := []byte{}
		for range rapid.IntRange(1, 3).Draw(t, "runs") {
			n := rapid.Int64Range(1, 60).Draw(t, "commands")
			from := model.Offset(1 + len(all))
			all = src.fillRun(all, k, k+n)
			log.appendRun(from, k, src.bytes(k), src.bytes(k+n), src.when(k), false)
			log.appendOne(model.Offset(1+len(all)), model.Offset(1+len(all)+len(ping)), src.when(k+n), ping)
			all = append(all, ping...)
			k += n
		}
		a := rapid.IntRange(0, len(all)-1).Draw(t, "from")
		b := rapid.IntRange(a+1, len(all)).Draw(t, "to")
		piece, at := all[a:b], model.Offset(1+a)
		if !log.wrote(piece, at) {
			t.Fatalf("[%d, %d) is not what was written", a, b)
		}
		i := rapid.IntRange(0, len(piece)-1).Draw(t, "changed")
		if piece[i] ^= 0x80; log.wrote(piece, at) {
			t.Fatalf("[%d, %d): nobody sees that byte %d has changed", a, b, i)
		}
		if other := log.firstOther(piece, at); other != at+model.Offset(i) {
			t.Fatalf("byte %d has changed, and %d is said to", int(at)+i, other)
		}
	})
}

// drawCommand is any command or transaction.
func drawCommand(t *rapid.T) Command {
	one := func() Command {
		c := Command{Name: rapid.SampledFrom([]string{"SET", "INCRBY", "HSET"}).Draw(t, "name"), Times: rapid.IntRange(1, 4).Draw(t, "times")}
		for range rapid.IntRange(0, 3).Draw(t, "arguments") {
			n := rapid.OneOf(rapid.IntRange(0, 30), rapid.IntRange(200, 300)).Draw(t, "size")
			word := ""
			if n > 0 && rapid.Bool().Draw(t, "named") {
				word = fmt.Sprintf("%0*d", n, 0)
			}
			c.Args, c.Words = append(c.Args, n), append(c.Words, word)
		}
		return c
	}
	c := one()
	if rapid.Bool().Draw(t, "together") {
		c = Command{Name: "MULTI", Times: c.Times, Then: []Command{c, one(), {Name: "EXEC", Times: 1}}}
	}
	return c
}

func TestEightDigits(t *testing.T) {
	for v := uint32(0); v < 1e8; v = v*3/2 + 1 {
		for _, v := range []uint32{v, 99_999_999 - v} {
			var b [8]byte
			for i := range b {
				b[i] = '0'
			}
			if putDigits(b[:], uint64(v)); string(b[:]) != fmt.Sprintf("%08d", v) {
				t.Fatalf("%d is written as %s", v, b)
			}
		}
	}
	for v := uint32(0); v < 10_000; v++ {
		var b [8]byte
		if putDigits(b[:], uint64(v)*10_000+uint64(v)); string(b[:]) != fmt.Sprintf("%04d%04d", v, v) {
			t.Fatalf("%04d twice is written as %s", v, b)
		}
	}
}

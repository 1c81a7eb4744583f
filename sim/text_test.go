package sim

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
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

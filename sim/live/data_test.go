package live

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"psyncsim/model"
)

func stream(commands ...string) (b []byte) {
	for _, c := range commands {
		b = model.AppendCommand(b, strings.Fields(c)...)
	}
	return b
}

func (d *Dataset) String() string {
	var lines []string
	for db, keys := range d.dbs {
		for k, v := range keys {
			lines = append(lines, fmt.Sprintf("%d %s=%s %d", db, k, v.Text, v.ExpireMS))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// However a stream is cut, the data is the same.
func TestApply(t *testing.T) {
	s := stream("SELECT 0", "PING", "SET a 1", "incrby a 41", "APPEND t x", "APPEND t yz", "MULTI", "SELECT 2", "SET in 2", "EXEC",
		"SET in2 v PXAT 5000", "SELECT 0", "MSET p 1 q 2 r 3", "DEL p q", "SETRANGE s 2 ab", "PEXPIREAT r 7000", "RENAME r r2", "MOVE t 3",
		"DECR n", "REPLCONF GETACK *", "SETNX a 9", "SETNX b 9", "EXPIREAT b 9", "SET b 8 KEEPTTL", "PERSIST a", "SWAPDB 3 4")
	const want = "0 a=42 0\n0 b=8 9000\n0 n=-1 0\n0 r2=3 7000\n0 s=\x00\x00ab 0\n2 in2=v 5000\n2 in=2 0\n4 t=xyz 0"
	for _, n := range []int{1, 7, len(s)} {
		d := NewDataset()
		for part := range slices.Chunk(s, n) {
			if err := d.Apply(part); err != nil {
				t.Fatal(err)
			}
		}
		if got := d.String(); got != want {
			t.Errorf("in pieces of %d:\n%s\nwant\n%s", n, got, want)
		}
		again := NewDataset()
		if err := again.Load(d.Snapshot(&model.Saved{ID: model.ZeroID, Offset: 5})); err != nil {
			t.Fatal(err)
		}
		if got := again.String(); got != want {
			t.Errorf("loaded from its snapshot:\n%s", got)
		}
	}
	d := NewDataset()
	if err := d.Apply(stream("SET a 1", "FLUSHALL", "SET b 1")); err != nil || d.String() != "0 b=1 0" {
		t.Error(err, d)
	}
}

func TestApplyRefuses(t *testing.T) {
	for _, c := range []string{"LPUSH l 1", "SET a", "INCRBY a x", "SET a 1 NX", "RENAME no x", "SELECT x"} {
		if err := NewDataset().Apply(stream(c)); err == nil {
			t.Errorf("%s was applied", c)
		}
	}
	for _, c := range []string{"PING", "SELECT 1", "MULTI", "LPUSH l 1"} {
		if err := NewDataset().Write(strings.Fields(c)...); err == nil {
			t.Errorf("%s was written", c)
		}
	}
}

// A snapshot ends where it should, whatever pieces it comes in.
func TestSink(t *testing.T) {
	mark := []byte("MMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMm")
	payload := []byte("payload MMMMM with MMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMM in it MM")
	all := slices.Concat(payload, mark, []byte("rest"))
	for n := 1; n <= len(all); n++ {
		for _, s := range []*sink{{left: -1, mark: mark}, {left: int64(len(payload))}, {left: -1, mark: mark, drop: true}} {
			read, done := 0, false
			for part := range slices.Chunk(all, n) {
				var used int
				used, done = s.take(part)
				read += used
				if done {
					break
				}
			}
			if !done || read != len(payload)+len(s.mark) || !s.drop && !bytes.Equal(s.buf, payload) {
				t.Fatalf("in pieces of %d: done %v after %d bytes", n, done, read)
			}
		}
	}
}

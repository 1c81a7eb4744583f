package results

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// Runs in blocks are the same files and the same document as run by run, however the
// sweep is cut into blocks.
func TestBlocks(t *testing.T) {
	dir := t.TempDir()
	one := filepath.Join(dir, "one")
	writeSweep(t, one, testHeader)
	var document bytes.Buffer
	alone := NewJSON(&document, testHeader)
	sweep(2, func(r *Run) { alone.Add(r) })
	alone.End()
	for _, size := range []int{1, 2, 5, 36, 100} {
		out := filepath.Join(dir, "blocks")
		w, err := NewWriter(out, testHeader, Options{})
		if err != nil {
			t.Fatal(err)
		}
		var text bytes.Buffer
		j := NewJSON(&text, testHeader)
		b := NewBlock(testAxes, true)
		put := func() {
			if err := w.WriteBlock(b); err != nil {
				t.Fatal(err)
			}
			if err := j.AddBlock(b); err != nil {
				t.Fatal(err)
			}
			b.Reset()
		}
		sweep(2, func(r *Run) {
			if b.Add(r); b.Len() == size {
				put()
			}
		})
		put() // what is left, or nothing
		j.End()
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if text.String() != document.String() {
			t.Errorf("blocks of %d: another document", size)
		}
		for _, name := range []string{RunsFile, ResyncsFile, SummaryFile} {
			want, err1 := os.ReadFile(filepath.Join(one, name))
			got, err2 := os.ReadFile(filepath.Join(out, name))
			if err1 != nil || err2 != nil || !bytes.Equal(got, want) {
				t.Errorf("blocks of %d: %s differs\n%s", size, name, got)
			}
		}
	}
}

// The only run of a sweep is kept with its reconnects, however its block is used again.
func TestOnlyBlock(t *testing.T) {
	h := testHeader
	h.Planned = 1
	w, err := NewWriter(t.TempDir(), h, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Discard()
	b, c := NewBlock(testAxes, false), NewCollector(Meta{})
	m := Meta{Backlog: 1 << 20, WriteRate: 1e6, Outage: second, Point: make([]Value, len(testAxes))}
	c.Reset(m)
	play(c, &m)
	b.Add(c.Fold())
	w.WriteBlock(b)
	b.Reset()
	c.Reset(m)
	m.Outage *= 10
	play(c, &m)
	b.Add(c.Fold())
	if only := w.Kept().Only; only == nil || len(only.Resyncs) != 2 || only.Resyncs[1].Kind != Partial {
		t.Errorf("kept %+v", only)
	}
	w.WriteBlock(b)
	if w.Kept().Only != nil {
		t.Error("of two runs one is the only one")
	}
}

// What a run becomes costs no memory but its fingerprint's.
func TestBlockAllocates(t *testing.T) {
	b, c := NewBlock(testAxes, false), NewCollector(Meta{})
	m := Meta{Backlog: 1 << 20, WriteRate: 1e6, Point: make([]Value, len(testAxes)), Version: "redis-7.0"}
	play(c, &m)
	for range 1000 {
		b.Add(c.Fold())
	}
	b.runs.line, b.resyncs.line, b.prints = b.runs.line[:0], b.resyncs.line[:0], b.prints[:0]
	if n := testing.AllocsPerRun(100, func() { b.Add(c.Fold()) }); n > 1 {
		t.Errorf("%v allocations a run", n)
	}
}

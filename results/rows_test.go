package results

import (
	"bytes"
	"encoding/csv"
	"testing"
)

// Cells are quoted as encoding/csv does it.
func TestQuotes(t *testing.T) {
	for _, s := range []string{"", "a", `\.`, `\`, " a", "a ", "\u00a0a", "a,b", `a"b`, `""`, "a\nb", "a\r\nb", "\ra", "é", "\xff", "PSYNC ? -1", "\t"} {
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		if err := w.Write([]string{"x", s}); err != nil {
			t.Fatal(err)
		}
		w.Flush()
		if got := string(appendQuoted([]byte("x,"), s)) + "\n"; got != b.String() {
			t.Errorf("%q is written %q, by encoding/csv %q", s, got, b.String())
		}
	}
}

// A row costs no memory but that of its bytes.
func TestRowsAllocate(t *testing.T) {
	r := newRows(&bytes.Buffer{}, newLayout(testAxes))
	row := &Row{Meta: Meta{Seed: 1, Point: make([]Value, len(testAxes)), Version: "redis-7.0"}, Fingerprint: "0123"}
	v := &Resync{Replica: "b", Master: "a", Request: "PSYNC ? -1", Reply: "+FULLRESYNC", Kind: Full}
	r.line = make([]byte, 0, 2*rowsBlock)
	if n := testing.AllocsPerRun(100, func() {
		r.line = r.line[:0]
		row.Seed++
		r.run(row)
		r.resync(&row.Meta, v)
	}); n > 0 {
		t.Errorf("%v allocations for a row of each file", n)
	}
}

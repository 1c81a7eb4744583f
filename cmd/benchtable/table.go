package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"runtime"
	"strconv"
)

// row is one figure.
type row struct {
	what, unit string
	measured   float64
	target     target
	note       string
}

// target is a bound.
type target struct {
	sign  string
	bound float64
}

func atMost(n float64) target  { return target{"≤", n} }
func atLeast(n float64) target { return target{"≥", n} }

func (t target) met(n float64) bool {
	if t.sign == "≤" {
		return n <= t.bound
	}
	return n >= t.bound
}

func (t target) String() string { return t.sign + " " + figure(t.bound) }

func (b *bench) add(what string, measured float64, unit string, t target, note string, args ...any) {
	if note != "" {
		note = fmt.Sprintf(note, args...)
	}
	b.rows = append(b.rows, row{what, unit, measured, t, note})
}

// figure is a number for people: three digits, thousands set apart.
func figure(n float64) string {
	if math.Abs(n) < 1000 {
		return strconv.FormatFloat(n, 'g', 3, 64)
	}
	d := strconv.FormatFloat(n, 'f', 0, 64)
	for i := len(d) - 3; i > 0; i -= 3 {
		d = d[:i] + "," + d[i:]
	}
	return d
}

func (b *bench) csv(out io.Writer) error {
	w := csv.NewWriter(out)
	w.Write([]string{"what", "measured", "unit", "target", "bound", "met", "note"})
	for _, r := range b.rows {
		w.Write([]string{r.what, strconv.FormatFloat(r.measured, 'g', 6, 64), r.unit, r.target.sign, strconv.FormatFloat(r.target.bound, 'g', -1, 64), fmt.Sprint(r.target.met(r.measured)), r.note})
	}
	w.Flush()
	return w.Error()
}

// table is the same in Markdown.
func (b *bench) table(out io.Writer) error {
	var err error
	print := func(format string, args ...any) {
		if err == nil {
			_, err = fmt.Fprintf(out, format, args...)
		}
	}
	print("# What it costs\n\nMeasured by `make bench` on %s: %s, %d processors, %s, load average %s when it began.\n", b.began.UTC().Format("2006-01-02 15:04 UTC"), processor(), runtime.NumCPU(), runtime.Version(), b.load)
	if l, e := strconv.ParseFloat(b.load, 64); e == nil && l > float64(runtime.NumCPU())/2 {
		print("**The machine had other work to do: all that is measured by the clock took longer than it would by itself.** CPU times hold, and ratios of what ran at about the same time.\n")
	}
	print("Where the time goes is in [pprof.txt](pprof.txt), the figures for programs in [bench.csv](bench.csv).\n\n")
	print("| what | measured | target | met | beside it |\n|---|---:|---:|---|---|\n")
	missed := 0
	for _, r := range b.rows {
		met := "yes"
		if !r.target.met(r.measured) {
			met = "**no**"
			missed++
		}
		unit := r.unit
		if unit != "" {
			unit = " " + unit
		}
		print("| %s | %s%s | %s | %s | %s |\n", r.what, figure(r.measured), unit, r.target, met, r.note)
	}
	for _, m := range b.missing {
		print("\nNot measured: %s.\n", m)
	}
	print("\n%d of %d figures reach their targets.\n", len(b.rows)-missed, len(b.rows))
	return err
}

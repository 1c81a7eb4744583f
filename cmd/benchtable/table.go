package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// row is one figure.
type row struct {
	what, unit string
	scale      scale
	target     target
	rounds     []sample
	note       string
}

// measured is the median of what was measured.
func (r *row) measured() float64 { return median(each(r.rounds, sample.measured)) }

// scaled is the median at the pace of the design's machine. It is what the target is
// held against.
func (r *row) scaled() float64 { return median(each(r.rounds, r.scale.scaled)) }

// peer is the median of the peer's pace beside it, nanoseconds, 0 where it does not matter.
func (r *row) peer() float64 {
	if r.scale == plain || r.scale == worth {
		return 0
	}
	return median(each(r.rounds, func(x sample) float64 { return x.peer }))
}

// span is the fastest and the slowest round.
func (r *row) span() (fastest, slowest float64) {
	all := each(r.rounds, sample.measured)
	if len(all) == 0 {
		return 0, 0
	}
	fastest, slowest = slices.Min(all), slices.Max(all)
	if r.scale == speed || r.scale == worth {
		fastest, slowest = slowest, fastest
	}
	return fastest, slowest
}

// met says whether the target is reached; everywhere: without the scale, too.
func (r *row) met() (scaled, everywhere bool) {
	scaled = r.target.met(r.scaled())
	return scaled, scaled && r.target.met(r.measured())
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

// add adds a figure that is measured once, and not by the clock.
func (b *bench) add(what string, measured float64, unit string, t target, note string, args ...any) {
	b.figure(what, unit, plain, t, []sample{{value: measured}}, note, args...)
}

// figure adds one that is measured in rounds.
func (b *bench) figure(what, unit string, s scale, t target, rounds []sample, note string, args ...any) {
	if note != "" {
		note = fmt.Sprintf(note, args...)
	}
	b.rows = append(b.rows, row{what: what, unit: unit, scale: s, target: t, rounds: rounds, note: note})
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
	w.Write([]string{"what", "measured", "scaled", "unit", "target", "bound", "met", "met_unscaled", "rounds", "fastest", "slowest", "peer_ns", "note"})
	digits := func(n float64) string { return strconv.FormatFloat(n, 'g', 6, 64) }
	for i := range b.rows {
		r := &b.rows[i]
		met, _ := r.met()
		fastest, slowest := r.span()
		w.Write([]string{r.what, digits(r.measured()), digits(r.scaled()), r.unit, r.target.sign, strconv.FormatFloat(r.target.bound, 'g', -1, 64),
			fmt.Sprint(met), fmt.Sprint(r.target.met(r.measured())), fmt.Sprint(len(r.rounds)), digits(fastest), digits(slowest), digits(r.peer()), r.note})
	}
	w.Flush()
	return w.Error()
}

// beside is what stands beside a figure: its note, its rounds, and the peer's pace.
func (r *row) beside() string {
	var parts []string
	if r.note != "" {
		parts = append(parts, r.note)
	}
	if n := len(r.rounds); n > 1 {
		fastest, slowest := r.span()
		first, last := "fastest", "slowest"
		switch r.scale {
		case plain:
			first, last = "least", "most"
		case worth:
			first, last = "most", "least"
		}
		parts = append(parts, fmt.Sprintf("%d rounds, %s %s, %s %s", n, first, figure(fastest), last, figure(slowest)))
	}
	if p := r.peer(); p > 0 {
		parts = append(parts, fmt.Sprintf("peer %.4g ns", p))
	}
	return strings.Join(parts, "; ")
}

// explained says what the columns mean. It stands above the table.
const explained = `How fast this machine is changes from second to second, and it is not the one that the targets were written on, so whatever is
measured by the clock stands here twice: as it was measured here, the median of its rounds, and **scaled**. A scaled time is the measured one times
%d ns ÷ what an event takes the peer here (a speed: divided by that): the peer is a small program that has nothing to do with psyncsim,
Go's container/heap with closures, 16 pending, which took %d ns on the machine of the design, and it is timed right before and after each
round and every two seconds within, on two threads beside two jobs. Targets are held against the scaled figure, where "yes"
is a target that the figure as measured reaches too and "scaled" one that it does not; ratios and sizes are not scaled, and the runs of a ratio took turns.
What a second job gains is scaled by what a second core is worth on this machine: to 2 × where the same work in two programs at once, which share
nothing, gains as much.
`

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
		print("**The machine had other work to do: what is measured by the clock took longer than it would by itself.**\n")
	}
	print("Where the time goes is in [pprof.txt](pprof.txt), the figures for programs in [bench.csv](bench.csv).\n\n")
	print(explained+"\n", designPeer, designPeer)
	print("| what | measured here | scaled | target | met | beside it |\n|---|---:|---:|---|---|---|\n")
	reached, here := 0, 0
	for i := range b.rows {
		r := &b.rows[i]
		scaled, everywhere := r.met()
		met := "**no**"
		switch {
		case everywhere:
			met, reached, here = "yes", reached+1, here+1
		case scaled:
			met, reached = "scaled", reached+1
		}
		unit, at := r.unit, "–"
		if unit != "" {
			unit = " " + unit
		}
		if r.scale != plain {
			at = figure(r.scaled()) + unit
		}
		print("| %s | %s%s | %s | %s | %s | %s |\n", r.what, figure(r.measured()), unit, at, r.target, met, r.beside())
	}
	for _, m := range b.missing {
		print("\nNot measured: %s.\n", m)
	}
	print("\n%d of %d figures reach their targets, %d of them also as measured here.\n", reached, len(b.rows), here)
	return err
}

package results

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// TableOptions say where a table is shown.
type TableOptions struct {
	Color  bool // with ANSI colours
	Width  int  // columns of the screen; 0 is 100
	Height int  // lines of the screen; 0 is 40
	Note   string
}

const (
	colorBold  = "\x1b[1m"
	colorFaint = "\x1b[2m"
	colorRed   = "\x1b[31m"
	colorGreen = "\x1b[32m"
	colorOff   = "\x1b[0m"
)

// WriteTable shows results on a terminal: the question, the rule against what
// happened, and then the points, or of a long sweep as much as a screen holds.
func WriteTable(w io.Writer, k *Kept, o TableOptions) error {
	if o.Width <= 0 {
		o.Width = 100
	}
	if o.Height <= 0 {
		o.Height = 40
	}
	p := &printer{w: bufio.NewWriter(w), o: o}
	for _, l := range wrap(oneLine(k.Question), o.Width) {
		p.line(p.paint(colorBold, l))
	}
	p.line(k.Subtitle())
	if k.Shard != nil && k.Planned == 0 {
		p.line("No run falls to this part: there are more parts than runs, or their costs differ widely.")
	}
	if k.Only != nil && len(k.Only.Resyncs) > 0 {
		p.line()
		p.resyncs(k.Only)
	}
	groups, names := Groups(k.Axes, k.Points)
	p.rule(groups, names)
	p.points(k)
	p.warnings(k)
	if o.Note != "" {
		p.line(o.Note)
	}
	return p.w.Flush()
}

// Subtitle says what results are of, in one line.
func (k *Kept) Subtitle() string {
	s := oneLine(k.Scenario)
	if n := len(k.Points); n > 1 {
		s += fmt.Sprintf(" · %s points", thousands(int64(n)))
	}
	s += " · " + plural(int64(k.Done), "run")
	if !k.Complete {
		s += fmt.Sprintf(" of %s (interrupted)", thousands(int64(k.Planned)))
	}
	if k.Shard != nil {
		s += fmt.Sprintf(" · only part %s of a sweep of %s", k.Shard, plural(int64(k.Shard.Runs), "run"))
	}
	if k.Done > 0 {
		if k.SeedFirst == k.SeedLast {
			s += fmt.Sprintf(" · seed %d", k.SeedFirst)
		} else {
			s += fmt.Sprintf(" · seeds %d to %d", k.SeedFirst, k.SeedLast)
		}
	}
	if k.Version != "" {
		s += " · psyncsim " + oneLine(k.Version)
	}
	return s
}

// resyncs lists the verdicts of a single run.
func (p *printer) resyncs(r *Run) {
	g := &grid{
		head: []string{"at", "replica", "asks", "is told", "kind", "reason", "missed", "without link"},
		left: map[int]bool{1: true, 2: true, 3: true, 4: true, 5: true},
	}
	limit := max(5, p.o.Height-16)
	for i := range r.Resyncs {
		if i == limit {
			break
		}
		v := &r.Resyncs[i]
		down := "–"
		if v.Down > 0 {
			down = PrettyDuration(v.Down)
		}
		g.rows = append(g.rows, []string{
			Seconds((v.T+5e5)/1e6*1e6) + " s", oneLine(v.Replica), shortIDs(v.Request), shortIDs(v.Reply),
			v.Kind, v.Reason, BinaryBytes(v.Gap), down,
		})
	}
	g.color = func(row, col int) string {
		switch {
		case col != 4:
			return ""
		case g.rows[row][4] == Full:
			return colorRed
		}
		return colorGreen
	}
	p.grid(g)
	if n := len(r.Resyncs) - limit; n > 0 {
		p.line(p.paint(colorFaint, fmt.Sprintf("  … and %s in %s", plural(int64(n), "more resync"), ResyncsFile)))
	}
}

// shortIDs cuts the 40 characters of an id to the 7 that tell it apart.
func shortIDs(s string) string {
	words := strings.Fields(oneLine(s))
	for i, w := range words {
		if len(w) == 40 {
			words[i] = w[:7] + "…"
		}
	}
	return strings.Join(words, " ")
}

// rule shows the rule against what happened.
func (p *printer) rule(groups []Group, names string) {
	g := &grid{
		head: []string{names, "below 1 ×", "1 × to 2 ×", "2 × and more", "95 % interval", "the rule", "last full at"},
		left: map[int]bool{5: true},
	}
	var colors []string
	for _, r := range Judge(groups) {
		if r.Below.Points+r.Short.Points+r.Rule.Points == 0 {
			continue
		}
		verdict, color := "not tried", ""
		if holds, ok := r.Holds(); ok && holds {
			verdict, color = "holds", colorGreen
		} else if ok {
			verdict, color = "is broken", colorRed
		}
		last := "never"
		if r.LastFull > 0 {
			last = strconv.FormatFloat(r.LastFull, 'g', 3, 64) + " ×"
		}
		interval := "–"
		if r.Rule.Runs > 0 {
			interval = intervalText(r.Rule.Fulls, r.Rule.Runs)
		}
		label := r.Group
		if label == "" {
			label = "all"
		}
		g.rows = append(g.rows, []string{cut(label, 30), r.Below.text(), r.Short.text(), r.Rule.text(), interval, verdict, last})
		colors = append(colors, color)
	}
	if len(g.rows) == 0 {
		return
	}
	g.color = func(row, col int) string {
		if col == 5 {
			return colors[row]
		}
		return ""
	}
	p.line()
	p.line(p.paint(colorBold, "Runs that needed a full resync, by backlog ÷ (outage × write rate)"))
	p.grid(g)
}

func (b Band) text() string {
	if b.Runs == 0 {
		return "–"
	}
	return fmt.Sprintf("%s %% of %s", percent(b.Fulls, b.Runs), thousands(b.Runs))
}

func intervalText(k, n int64) string {
	lo, hi := ClopperPearson(k, n, Confidence)
	return fmt.Sprintf("%s–%s %%", strconv.FormatFloat(100*lo, 'g', 3, 64), strconv.FormatFloat(100*hi, 'g', 3, 64))
}

var warningText = map[string]string{
	WarnNoReconnect: "had an outage, but nobody reconnected",
	WarnDownAtEnd:   "ended with a replica still without its master",
	WarnUnended:     "broke off",
	WarnRefused:     "had writes refused",
	WarnDiverged:    "had a replica continue over another history: its data is not its master's (servers up to 3.2 do that)",
}

func (p *printer) warnings(k *Kept) {
	var names []Value
	for n := range k.Warnings {
		names = append(names, Value{Text: n})
	}
	sortValues(names)
	for _, n := range names {
		text := warningText[n.Text]
		if text == "" {
			text = "warn: " + oneLine(n.Text)
		}
		p.line(p.paint(colorFaint, "note: "), plural(k.Warnings[n.Text], "run"), " ", text)
	}
}

package results

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
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

// printer writes lines and counts them.
type printer struct {
	w     *bufio.Writer
	o     TableOptions
	lines int
}

func (p *printer) line(parts ...string) {
	p.lines++
	p.w.WriteString(strings.TrimRight(strings.Join(parts, ""), " ") + "\n")
}

func (p *printer) paint(color, s string) string {
	if !p.o.Color || color == "" {
		return s
	}
	return color + s + colorOff
}

func width(s string) int { return utf8.RuneCountInString(s) }

func padLeft(s string, n int) string  { return strings.Repeat(" ", max(0, n-width(s))) + s }
func padRight(s string, n int) string { return s + strings.Repeat(" ", max(0, n-width(s))) }

func cut(s string, n int) string {
	if width(s) <= n {
		return s
	}
	return string([]rune(s)[:max(0, n-1)]) + "…"
}

func wrap(s string, n int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		if line != "" && width(line)+1+width(word) > n {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// grid is cells to be aligned: the first column to the left, the others to the
// right, but those in left.
type grid struct {
	head []string
	rows [][]string
	left map[int]bool
	// color of a cell, if any
	color func(row, col int) string
}

func (p *printer) grid(g *grid) {
	ws := make([]int, len(g.head))
	for i, h := range g.head {
		ws[i] = width(h)
	}
	for _, r := range g.rows {
		for i, c := range r {
			ws[i] = max(ws[i], width(c))
		}
	}
	show := func(row int, cells []string) {
		var b strings.Builder
		for i, c := range cells {
			if i > 0 {
				b.WriteString("  ")
			}
			t := padLeft(c, ws[i])
			if i == 0 || g.left[i] {
				t = padRight(c, ws[i])
				if i == len(cells)-1 {
					t = c
				}
			}
			if row < 0 {
				t = p.paint(colorFaint, t)
			} else if g.color != nil {
				t = p.paint(g.color(row, i), t)
			}
			b.WriteString(t)
		}
		p.line("  ", b.String())
	}
	show(-1, g.head)
	for i, r := range g.rows {
		show(i, r)
	}
}

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

func plural(n int64, what string) string {
	if n != 1 {
		what += "s"
	}
	return thousands(n) + " " + what
}

func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
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

// points shows the points: as one or more matrices of shares where the sweep
// has two axes of numbers, else one by one.
func (p *printer) points(k *Kept) {
	if len(k.Axes) == 0 || len(k.Points) == 0 {
		return
	}
	p.line()
	dims := Dims(k.Axes, k.Points)
	row, col := -1, -1
	for i, d := range dims {
		if d.Words || !d.Varies() {
			continue
		}
		switch {
		case d.Name == "backlog" || row < 0 && d.Name != "outage":
			if row >= 0 && col < 0 {
				col = row
			}
			row = i
		case d.Name == "outage" || col < 0:
			col = i
		}
	}
	if row < 0 || col < 0 || len(k.Points) <= 12 || len(k.Points) > 1<<20 {
		p.list(k, dims)
		return
	}
	p.matrices(k, dims, row, col)
}

// list shows points line by line.
func (p *printer) list(k *Kept, dims []Dim) {
	g := &grid{left: map[int]bool{}}
	for i, d := range dims {
		g.head = append(g.head, Words(d.Name))
		g.left[i] = d.Words
	}
	g.head = append(g.head, "runs", "reconnects", "full", "runs with a full", "95 % interval", "gap up to", "most for")
	g.left[len(g.head)-1] = true
	room := max(5, p.o.Height-p.lines-6)
	for i, n := range k.Points {
		if i == room {
			break
		}
		var r []string
		for _, d := range dims {
			r = append(r, cut(n.Values[d.Index].Pretty(), 24))
		}
		share, interval := "–", "–"
		if n.Tried() > 0 {
			share, interval = percent(n.FullRuns, n.Tried())+" %", intervalText(n.FullRuns, n.Tried())
		}
		reason, _ := n.Reasons.Most()
		g.rows = append(g.rows, append(r, thousands(n.Runs), thousands(n.Reconnects), thousands(n.Fulls), share, interval,
			BinaryBytes(n.GapMax), reason))
	}
	p.grid(g)
	p.more(int64(len(k.Points) - room))
}

func (p *printer) more(points int64) {
	if points > 0 {
		p.line(p.paint(colorFaint, fmt.Sprintf("… and %s in %s", plural(points, "more point"), RunsFile)))
	}
}

// matrices shows shares as backlog × outage, one block for each value of the
// other axes, as many as there is room for.
func (p *printer) matrices(k *Kept, dims []Dim, row, col int) {
	var others []Dim
	for i, d := range dims {
		if i != row && i != col && d.Varies() {
			others = append(others, d)
		}
	}
	type block struct {
		label  string
		points map[[2]Value]*Point
	}
	var blocks []*block
	index := make(map[string]*block)
	for _, n := range k.Points {
		l := n.Label(others)
		b := index[l]
		if b == nil {
			b = &block{l, make(map[[2]Value]*Point)}
			index[l] = b
			blocks = append(blocks, b)
		}
		b.points[[2]Value{n.Values[row], n.Values[col]}] = n
	}
	p.line(p.paint(colorBold, "Share of runs that needed a full resync, in %"), "  (· nobody reconnected)")
	// The largest backlog on top, as in the chart; both axes thinned to the screen.
	rows, cols := thin(dims[row].Values, 16), thin(dims[col].Values, max(2, (p.o.Width-16)/9))
	var shown int64
	for i, b := range blocks {
		if i > 0 && p.lines+len(rows)+5 > p.o.Height {
			break
		}
		if b.label != "" {
			p.line(b.label)
		}
		g := &grid{head: []string{Words(dims[row].Name) + " \\ " + Words(dims[col].Name)}}
		for _, v := range cols {
			g.head = append(g.head, v.Pretty())
		}
		for j := len(rows) - 1; j >= 0; j-- {
			r := []string{rows[j].Pretty()}
			for _, v := range cols {
				n := b.points[[2]Value{rows[j], v}]
				switch {
				case n == nil:
					r = append(r, "")
					continue
				case n.Tried() == 0:
					r = append(r, "·")
				default:
					r = append(r, percent(n.FullRuns, n.Tried()))
				}
				shown++
			}
			g.rows = append(g.rows, r)
		}
		g.color = func(row, col int) string {
			switch c := g.rows[row][col]; {
			case col == 0 || c == "" || c == "·":
				return ""
			case c == "0":
				return colorGreen
			case c == "100":
				return colorRed
			}
			return ""
		}
		p.grid(g)
	}
	p.more(int64(len(k.Points)) - shown)
}

// thin keeps at most n values, evenly spread, with the first and the last.
func thin(vs []Value, n int) []Value {
	if len(vs) <= n {
		return vs
	}
	out := make([]Value, 0, n)
	for i := range n {
		out = append(out, vs[i*(len(vs)-1)/(n-1)])
	}
	return out
}

var warningText = map[string]string{
	WarnNoReconnect: "had an outage, but nobody reconnected",
	WarnDownAtEnd:   "ended with a replica still without its master",
	WarnUnended:     "broke off",
	WarnRefused:     "had writes refused for want of replicas",
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

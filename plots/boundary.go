package plots

import (
	"fmt"
	"image/color"
	"iter"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"psyncsim/results"
)

// The most panels side by side and below each other in one file.
const (
	maxColumns = 4
	maxRows    = 4
)

// Boundary draws the map of a sweep of backlog against outage: the share of
// runs that needed a full resynchronization, and the lines 1 × and
// 2 × outage × write rate. Further axes become panels, and then files. It
// returns the files' names, none if the sweep does not cover both axes.
func Boundary(dir string, k *results.Kept) ([]string, error) {
	m := newMap(k)
	if m == nil {
		return nil, nil
	}
	var names []string
	for page := 0; page*maxRows < len(m.rows); page++ {
		name := "boundary"
		if len(m.rows) > maxRows {
			name = fmt.Sprintf("boundary-%d", page+1)
		}
		f := m.figure(m.rows[page*maxRows : min((page+1)*maxRows, len(m.rows))])
		ns, err := f.save(dir, name)
		names = append(names, ns...)
		if err != nil {
			return names, err
		}
	}
	return names, nil
}

// boundaryMap is a sweep cut into panels.
type boundaryMap struct {
	k          *results.Kept
	x, y       cells
	rows, cols []string // labels of the panels
	panels     map[[2]string][]*results.Point
	notes      []string
	quiet      bool // somewhere nobody reconnected
}

// cells is one axis of cells: its values and the edges between them.
type cells struct {
	values []int64
	edges  []float64 // one more than values
}

func newCells(ds map[int64]bool) cells {
	var c cells
	for v := range ds {
		c.values = append(c.values, v)
	}
	slices.Sort(c.values)
	n := len(c.values)
	if n == 0 {
		return c
	}
	mid := func(i int) float64 { return math.Sqrt(float64(c.values[i]) * float64(c.values[i+1])) }
	first, last := math.Sqrt2, math.Sqrt2
	if n > 1 {
		first, last = mid(0)/float64(c.values[0]), float64(c.values[n-1])/mid(n-2)
	}
	c.edges = append(c.edges, float64(c.values[0])/first)
	for i := range n - 1 {
		c.edges = append(c.edges, mid(i))
	}
	c.edges = append(c.edges, float64(c.values[n-1])*last)
	return c
}

func (c *cells) index(v int64) int { i, _ := slices.BinarySearch(c.values, v); return i }
func (c *cells) lo() float64       { return c.edges[0] }
func (c *cells) hi() float64       { return c.edges[len(c.edges)-1] }

// ticks marks the values themselves when they are few.
func (c *cells) ticks(pretty func(int64) string, many func(lo, hi float64) []tick) []tick {
	if len(c.values) > 9 {
		return many(c.lo(), c.hi())
	}
	var ts []tick
	for _, v := range c.values {
		ts = append(ts, tick{float64(v), pretty(v)})
	}
	return ts
}

func newMap(k *results.Kept) *boundaryMap {
	m := &boundaryMap{k: k, panels: make(map[[2]string][]*results.Point)}
	xs, ys := make(map[int64]bool), make(map[int64]bool)
	var points []*results.Point
	skipped := 0
	for _, p := range k.Points {
		if p.Outage <= 0 || p.Backlog <= 0 {
			skipped++
			continue
		}
		points = append(points, p)
		m.quiet = m.quiet || p.Reconnects == 0
		xs[p.Outage], ys[p.Backlog] = true, true
	}
	m.x, m.y = newCells(xs), newCells(ys)
	if len(xs) < 2 || len(ys) < 2 {
		return nil
	}
	if skipped > 0 {
		m.notes = append(m.notes, fmt.Sprintf("%d points without an outage or a backlog have no place here", skipped))
	}
	var others []results.Dim
	for _, d := range results.Dims(k.Axes, points) {
		if d.Varies() && d.Name != "backlog" && d.Name != "outage" {
			others = append(others, d)
		}
	}
	m.divide(points, others)
	return m
}

// divide makes panels: write rates side by side, or else the values of the
// first further axis; all other axes below each other.
func (m *boundaryMap) divide(points []*results.Point, others []results.Dim) {
	col := slices.IndexFunc(others, func(d results.Dim) bool { return d.Name == "write_rate" })
	if col < 0 && len(others) > 0 {
		col = 0
	}
	var cols, rows []results.Dim
	if col >= 0 {
		cols = others[col : col+1]
		rows = append(append(rows, others[:col]...), others[col+1:]...)
		shown := cols[0].Values
		if len(shown) > maxColumns {
			shown = nil
			for i := range maxColumns {
				shown = append(shown, cols[0].Values[i*(len(cols[0].Values)-1)/(maxColumns-1)])
			}
			m.notes = append(m.notes, fmt.Sprintf("%d of %d values of %s shown", maxColumns, len(cols[0].Values), results.Words(cols[0].Name)))
		}
		for _, v := range shown {
			m.cols = append(m.cols, results.Words(cols[0].Name)+" "+v.Pretty())
		}
	} else {
		m.cols = []string{""}
	}
	for _, p := range points {
		key := [2]string{p.Label(rows), p.Label(cols)}
		if !slices.Contains(m.cols, key[1]) {
			continue
		}
		if !slices.Contains(m.rows, key[0]) {
			m.rows = append(m.rows, key[0])
		}
		m.panels[key] = append(m.panels[key], p)
	}
}

// Sizes of a panel by how many stand side by side.
var panelSizes = [...][2]vg.Length{1: {340, 270}, 2: {230, 190}, 3: {185, 150}, 4: {160, 135}}

func (m *boundaryMap) figure(rows []string) *figure {
	nc, nr := len(m.cols), len(rows)
	pw, ph := panelSizes[nc][0], panelSizes[nc][1]
	if nr == 1 && nc > 1 {
		ph = pw * 0.85
	}
	const (
		leftRoom   = vg.Length(62)  // name and texts of the y axis
		bottomRoom = vg.Length(40)  // of the x axis
		gap        = vg.Length(14)  // between panels
		keyRoom    = vg.Length(168) // colour scale and lines
	)
	head, rowHead := vg.Length(0), vg.Length(0)
	if m.cols[0] != "" {
		head = 15
	}
	if nr > 1 || rows[0] != "" {
		rowHead = 17
	}
	inner := leftRoom + vg.Length(nc)*pw + vg.Length(nc-1)*gap + keyRoom
	sub := m.k.Subtitle()
	if len(m.notes) > 0 {
		sub += " · " + strings.Join(m.notes, " · ")
	}
	title := newHeading(inner, m.k.Question, sub, nil)
	ph = max(ph, (265-vg.Length(nr-1)*(gap+head+rowHead))/vg.Length(nr)) // the key needs room too
	body := vg.Length(nr)*(ph+head+rowHead) + vg.Length(nr-1)*gap
	f := &figure{w: inner + 2*margin, h: title.height() + body + bottomRoom + 2*margin}
	f.draw = func(c *draw.Canvas) {
		y := f.h - margin
		title.draw(c, margin, y)
		y -= title.height()
		bodyTop := y
		all := box{margin + leftRoom, margin + bottomRoom, margin + leftRoom + vg.Length(nc)*pw + vg.Length(nc-1)*gap, y}
		for i, row := range rows {
			if rowHead > 0 {
				c.FillText(bold(style(10, ink, left, top)), vg.Point{X: all.x0, Y: y - 1}, row)
				y -= rowHead
			}
			for j, col := range m.cols {
				x := all.x0 + vg.Length(j)*(pw+gap)
				if head > 0 {
					c.FillText(style(9, ink, center, top), vg.Point{X: x + pw/2, Y: y - 2}, col)
				}
				b := box{snap(x), snap(y - head - ph), snap(x + pw), snap(y - head)}
				m.panel(c, b, m.panels[[2]string{row, col}], j == 0, i == nr-1)
			}
			y -= head + ph + gap
		}
		nameX(c, all, 22, "outage (how long the replica cannot reach its master)")
		nameY(c, all, margin, "repl-backlog-size")
		m.key(c, box{all.x1 + 22, all.y0, margin + inner, bodyTop - head - rowHead})
	}
	return f
}

func (m *boundaryMap) panel(c *draw.Canvas, b box, points []*results.Point, yTexts, xTexts bool) {
	sx := newScale(m.x.lo(), m.x.hi(), true, b.x0, b.x1)
	sy := newScale(m.y.lo(), m.y.hi(), true, b.y0, b.y1)
	has := make(map[[2]int]*results.Point)
	for _, p := range points {
		has[[2]int{m.x.index(p.Outage), m.y.index(p.Backlog)}] = p
	}
	var rate int64
	for i := range m.x.values {
		for j := range m.y.values {
			p := has[[2]int{i, j}]
			if p == nil {
				continue
			}
			rate = p.WriteRate
			r := box{snap(sx.at(m.x.edges[i])), snap(sy.at(m.y.edges[j])), snap(sx.at(m.x.edges[i+1])), snap(sy.at(m.y.edges[j+1]))}
			share, ok := p.Share()
			if !ok {
				blank(c, r)
				continue
			}
			// A little under its neighbours, which come later, so that no
			// viewer shows a seam between them.
			if has[[2]int{i + 1, j}] != nil {
				r.x1 += pixel
			}
			if has[[2]int{i, j + 1}] != nil {
				r.y1 += pixel
			}
			c.FillPolygon(shareColor(share), rectangle(r.x0, r.y0, r.x1, r.y1))
		}
	}
	// A cell stands for the one place where it was run, which may lie on the
	// other side of a line.
	for at, p := range m.order(has) {
		if _, ok := p.Share(); ok {
			clr := fade(white, 170)
			if p.FullRuns*2 > p.Tried() {
				clr = fade(black, 150)
			}
			run(c, sx.at(float64(m.x.values[at[0]])), sy.at(float64(m.y.values[at[1]])), clr)
		}
	}
	if len(points) == 0 {
		c.FillText(style(9, faint, center, middle), vg.Point{X: (b.x0 + b.x1) / 2, Y: (b.y0 + b.y1) / 2}, "not in this sweep")
	}
	if rate > 0 {
		for _, l := range ruleLines {
			m.line(c, b, sx, sy, l, rate)
		}
	}
	b.frame(c)
	axisX(c, b, sx, m.x.ticks(results.PrettyDuration, func(lo, hi float64) []tick { return timeTicks(lo, hi, 0, true) }), xTexts)
	axisY(c, b, sy, m.y.ticks(results.PrettyBytes, func(lo, hi float64) []tick { return byteTicks(lo, hi, 8, true) }), yTexts)
}

// order goes through the cells of a panel, always in the same order.
func (m *boundaryMap) order(has map[[2]int]*results.Point) iter.Seq2[[2]int, *results.Point] {
	return func(yield func([2]int, *results.Point) bool) {
		for i := range m.x.values {
			for j := range m.y.values {
				if p := has[[2]int{i, j}]; p != nil && !yield([2]int{i, j}, p) {
					return
				}
			}
		}
	}
}

// run is the dot in the middle of a cell.
func run(c *draw.Canvas, x, y vg.Length, clr color.Color) {
	c.DrawGlyphNoClip(draw.GlyphStyle{Color: clr, Radius: 0.9, Shape: draw.CircleGlyph{}}, vg.Point{X: x, Y: y})
}

// blank marks a cell in which nobody reconnected.
func blank(c *draw.Canvas, r box) {
	c.FillPolygon(blankGrey, rectangle(r.x0, r.y0, r.x1, r.y1))
	c.StrokeLine2(stroke(grey170, 0.5), r.x0, r.y0, r.x1, r.y1)
}

var grey170 = shade(170)

// ruleLine is a line factor × outage × write rate.
type ruleLine struct {
	factor float64
	name   string
	style  draw.LineStyle
}

var ruleLines = []ruleLine{
	{1, "1×", stroke(black, 1.6, 5, 3)},
	{2, "2×", stroke(vermilion, 2)},
}

// line draws one, with a white halo to be seen on every colour.
func (m *boundaryMap) line(c *draw.Canvas, b box, sx, sy scale, l ruleLine, rate int64) {
	at := func(outage float64) vg.Point {
		return vg.Point{X: sx.at(outage), Y: sy.at(l.factor * outage * float64(rate) / 1e9)}
	}
	p, q := at(m.x.lo()), at(m.x.hi())
	halo(c, b, l.style, p, q)
	d := b.clip(c)
	part := d.ClipLinesXY([]vg.Point{p, q})
	if len(part) == 0 || len(part[0]) < 2 {
		return
	}
	// Its name stands near the end at which it leaves.
	end, start := part[0][len(part[0])-1], part[0][0]
	if end.X-start.X < 12 {
		return
	}
	w := vg.Length(10)
	pt := vg.Point{X: end.X - w - 2, Y: end.Y - w*(end.Y-start.Y)/(end.X-start.X) - 2}
	label(c, bold(style(8, l.style.Color, center, middle)), vg.Point{X: max(pt.X, b.x0+8), Y: min(max(pt.Y, b.y0+7), b.y1-7)}, l.name)
}

func halo(c *draw.Canvas, b box, s draw.LineStyle, pts ...vg.Point) {
	b.lines(c, stroke(white, s.Width+2), pts...)
	b.lines(c, s, pts...)
}

// key explains colours and lines, at the right of the panels.
func (m *boundaryMap) key(c *draw.Canvas, b box) {
	y := b.y1
	st := style(9, ink, left, top)
	para := func(txt string, x vg.Length) {
		for _, l := range wrap(st, txt, b.x1-x) {
			c.FillText(st, vg.Point{X: x, Y: y}, l)
			y -= 11.5
		}
	}
	para("Share of runs that needed a full resync", b.x0)
	y -= 5
	// The scale takes the room that the texts leave, but is no tower.
	bar := box{b.x0, 0, b.x0 + 16, y}
	bar.y0 = y - min(max(b.h()-185, 70), 150)
	const steps = 100
	for i := range steps {
		lo, hi := bar.y0+bar.h()*vg.Length(i)/steps, bar.y0+bar.h()*vg.Length(i+1)/steps
		if i < steps-1 {
			hi += pixel
		}
		c.FillPolygon(shareColor((float64(i)+0.5)/steps), rectangle(bar.x0, lo, bar.x1, hi))
	}
	bar.frame(c)
	for _, t := range []struct {
		at   vg.Length
		text string
	}{{0, "0 %: always partial"}, {0.5, "50 %"}, {1, "100 %: always full"}} {
		h := bar.y0 + bar.h()*t.at
		c.StrokeLine2(stroke(ink, 0.8), bar.x1, h, bar.x1+3, h)
		c.FillText(style(8.5, ink, left, middle), vg.Point{X: bar.x1 + 6, Y: h}, t.text)
	}
	y = bar.y0 - 14
	for _, l := range []struct {
		ruleLine
		text string
	}{{ruleLines[1], "2 × seconds × write rate: what the rule calls enough"}, {ruleLines[0], "1 × seconds × write rate: what is written meanwhile"}} {
		c.StrokeLine2(l.style, b.x0, y-5, b.x0+swatch, y-5)
		para(l.text, b.x0+swatch+6)
		y -= 5
	}
	run(c, b.x0+swatch/2, y-5, ink)
	para("where it was run", b.x0+swatch+6)
	if m.quiet {
		y -= 5
		blank(c, box{b.x0 + 4, y - 10, b.x0 + swatch - 4, y})
		para("nobody had to reconnect", b.x0+swatch+6)
	}
}

package plots

import (
	"image/color"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"psyncsim/results"
)

// TCP draws what was measured on the real TCP stack beside what the simulation says:
// throughput above, times below. Bars reach from the least to the greatest.
func TCP(dir, subtitle string, rows []results.TCPRow) ([]string, error) {
	var rates, times []results.TCPRow
	for _, r := range rows {
		switch {
		case r.Real.Median <= 0: // nothing happened
		case r.Unit == "ns":
			times = append(times, r)
		default:
			rates = append(rates, r)
		}
	}
	var panels []*tcpPanel
	if len(rates) > 0 {
		panels = append(panels, newTCPPanel(rates, "bytes a second", rateTicks))
	}
	if len(times) > 0 {
		panels = append(panels, newTCPPanel(times, "time", func(lo, hi float64) []tick { return timeTicks(lo, hi, 10, true) }))
	}
	const w, h, leftRoom = vg.Length(700), vg.Length(230), vg.Length(62)
	room := vg.Length(0) // of all names below the panels
	for _, p := range panels {
		room += p.names()
	}
	legend := []entry{
		{"measured", func(c *draw.Canvas, b box) {
			tcpMark(c, vermilion, draw.BoxGlyph{}, (b.x0+b.x1)/2, b.y0, (b.y0+b.y1)/2, b.y1)
		}},
		{"simulated", func(c *draw.Canvas, b box) {
			tcpMark(c, blue, draw.CircleGlyph{}, (b.x0+b.x1)/2, b.y0, (b.y0+b.y1)/2, b.y1)
		}},
	}
	head := newHeading(leftRoom+w, "Does the simulated TCP do what Linux does?", subtitle+". Medians; bars from the least to the greatest.", legend)
	f := &figure{w: leftRoom + w + 2*margin, h: head.height() + vg.Length(len(panels))*h + room + 2*margin}
	f.draw = func(c *draw.Canvas) {
		head.draw(c, margin, f.h-margin)
		y := f.h - margin - head.height()
		for _, p := range panels {
			p.draw(c, box{margin + leftRoom, y - h, margin + leftRoom + w, y})
			y -= h + p.names()
		}
	}
	return f.save(dir, "comparison")
}

// tcpPanel is the rows of one unit.
type tcpPanel struct {
	rows   []results.TCPRow
	name   string
	lo, hi float64
	ticks  []tick
}

func newTCPPanel(rows []results.TCPRow, name string, ticks func(lo, hi float64) []tick) *tcpPanel {
	p := &tcpPanel{rows: rows, name: name, lo: math.Inf(1), hi: math.Inf(-1)}
	for _, r := range rows {
		for _, s := range []results.Spread{r.Real, r.Sim} {
			if s.Low > 0 {
				p.lo = min(p.lo, s.Low)
			}
			p.hi = max(p.hi, s.High)
		}
	}
	p.lo, p.hi = p.lo/1.2, p.hi*1.2
	p.ticks = ticks(p.lo, p.hi)
	return p
}

// tcpName is the style of the names of cases.
var tcpName = turned(style(7.5, ink, right, middle))

// names is the room that the names of the cases take below.
func (p *tcpPanel) names() (room vg.Length) {
	for _, r := range p.rows {
		room = max(room, style(7.5, ink, right, middle).Width(caseName(r)))
	}
	return room + 20
}

func caseName(r results.TCPRow) string {
	if r.What == "throughput" {
		return r.Case
	}
	return r.What + ": " + r.Case
}

func (p *tcpPanel) draw(c *draw.Canvas, b box) {
	sy := newScale(p.lo, p.hi, true, b.y0, b.y1)
	step := b.w() / vg.Length(len(p.rows))
	for _, t := range p.ticks {
		c.StrokeLine2(stroke(gridGrey, 0.6), b.x0, sy.at(t.v), b.x1, sy.at(t.v))
	}
	at := func(v float64) vg.Length { return sy.at(min(max(v, p.lo), p.hi)) }
	for i, r := range p.rows {
		x := b.x0 + (vg.Length(i)+0.5)*step
		if i > 0 && group(r) != group(p.rows[i-1]) {
			c.StrokeLine2(stroke(faint, 0.6), x-step/2, b.y0, x-step/2, b.y1)
		}
		tcpMark(c, vermilion, draw.BoxGlyph{}, x-3, at(r.Real.Low), at(r.Real.Median), at(r.Real.High))
		tcpMark(c, blue, draw.CircleGlyph{}, x+3, at(r.Sim.Low), at(r.Sim.Median), at(r.Sim.High))
		c.FillText(tcpName, vg.Point{X: x, Y: b.y0 - 4}, caseName(r))
	}
	b.frame(c)
	axisY(c, b, sy, p.ticks, true)
	nameY(c, b, margin, p.name)
}

// group is what stands together: a kind of congestion control, a kind of time.
func group(r results.TCPRow) string {
	if r.What == "throughput" {
		cc, rest, _ := strings.Cut(r.Case, " ")
		rtt, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
		return cc + rtt
	}
	return r.What
}

func tcpMark(c *draw.Canvas, clr color.Color, shape draw.GlyphDrawer, x, lo, at, hi vg.Length) {
	c.StrokeLine2(stroke(clr, 1.2), x, lo, x, hi)
	c.DrawGlyphNoClip(draw.GlyphStyle{Color: clr, Radius: 2.6, Shape: shape}, vg.Point{X: x, Y: at})
}

// rateTicks marks 1, 2, 5, 10 ... kB and MB a second.
func rateTicks(lo, hi float64) (ts []tick) {
	for e := 1.0; e < 1e15; e *= 10 {
		for _, s := range []float64{1, 2, 5} {
			v := e * s
			if v < lo || v > hi {
				continue
			}
			text := strconv.FormatFloat(v/1e3, 'f', -1, 64) + " kB/s"
			if v >= 1e6 {
				text = strconv.FormatFloat(v/1e6, 'f', -1, 64) + " MB/s"
			}
			ts = append(ts, tick{v, text})
		}
	}
	return ts
}

package plots

import (
	"cmp"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"psyncsim/results"
)

// Cost draws what an outage really costs: how many seconds of writes the replica had
// missed when its request was judged, against how long the cable was out, one
// curve for each version or other word of the sweep, with the lines of the rule. A
// ring at the bottom is an outage that TCP bridged: nobody had to ask for anything.
func Cost(dir string, k *results.Kept) ([]string, error) {
	for _, p := range k.Points { // what is missed does not hang on the backlog: that is another chart
		if p.Backlog != k.Points[0].Backlog {
			return nil, nil
		}
	}
	groups, names := results.GroupsWithin(k.Axes, k.Points, costCurves)
	var curves []costCurve
	lo, hi, most := 0.0, 0.0, 0.0
	for _, g := range groups {
		cv := newCostCurve(g)
		for _, d := range cv.dots {
			if lo == 0 || d.outage < lo {
				lo = d.outage
			}
			hi, most = max(hi, d.outage), max(most, d.missed)
		}
		if len(cv.dots) > 0 {
			curves = addCurve(curves, cv)
		}
	}
	if most == 0 || hi <= lo {
		return nil, nil
	}
	return costFigure(k, curves, names, lo, hi, most).save(dir, "cost")
}

// costCurves is how many groups the chart looks at. Those whose curves coincide
// share one; of the rest there are as many as can be told apart.
const costCurves = 16

func addCurve(all []costCurve, cv costCurve) []costCurve {
	for i := range all {
		if slices.Equal(all[i].dots, cv.dots) {
			all[i].label += ", " + cv.label
			return all
		}
	}
	i := len(all)
	cv.style = draw.GlyphStyle{Color: series[i%len(series)], Radius: 3, Shape: glyphs[i%len(glyphs)]}
	return append(all, cv)
}

// costCurve is one line of the chart.
type costCurve struct {
	label string
	style draw.GlyphStyle
	dots  []costDot
}

// costDot is one point of the sweep, in nanoseconds.
type costDot struct {
	outage, missed float64
	bridged        bool // nobody reconnected
}

// newCostCurve takes the silences of a group: a reset is told at once.
func newCostCurve(g results.Group) costCurve {
	cv := costCurve{label: g.Label}
	for _, p := range g.Points {
		if p.Fault != "silent" || p.Outage <= 0 || p.WriteRate <= 0 {
			continue
		}
		cv.dots = append(cv.dots, costDot{float64(p.Outage), float64(p.GapMax) / float64(p.WriteRate) * 1e9, p.Reconnects == 0})
	}
	slices.SortStableFunc(cv.dots, func(a, b costDot) int { return cmp.Compare(a.outage, b.outage) })
	return cv
}

func costFigure(k *results.Kept, curves []costCurve, names string, lo, hi, most float64) *figure {
	const (
		w, h     = vg.Length(520), vg.Length(320)
		leftRoom = vg.Length(58)
	)
	var legend []entry
	for _, cv := range curves {
		name := cv.label
		switch {
		case name == "":
			name = "all runs"
		case names != "":
			name = names + ": " + name
		}
		legend = append(legend, entry{name, func(c *draw.Canvas, b box) {
			y := (b.y0 + b.y1) / 2
			c.StrokeLine2(stroke(cv.style.Color, 1.6), b.x0, y, b.x1, y)
			c.DrawGlyphNoClip(cv.style, vg.Point{X: (b.x0 + b.x1) / 2, Y: y})
		}})
	}
	legend = append(legend, entry{"bridged by TCP: no resync", func(c *draw.Canvas, b box) {
		c.DrawGlyphNoClip(draw.GlyphStyle{Color: faint, Radius: 3, Shape: draw.RingGlyph{}}, vg.Point{X: (b.x0 + b.x1) / 2, Y: (b.y0 + b.y1) / 2})
	}})
	head := newHeading(leftRoom+w, k.Question, k.Subtitle(), legend)
	const above = vg.Length(20)
	f := &figure{w: leftRoom + w + 2*margin + 10, h: head.height() + above + h + 40 + 2*margin}
	f.draw = func(c *draw.Canvas) {
		head.draw(c, margin, f.h-margin)
		b := box{margin + leftRoom, margin + 40, margin + leftRoom + w, margin + 40 + h}
		sx, sy := newScale(lo/1.1, hi*1.1, true, b.x0, b.x1), newScale(0, most*1.1, false, b.y0, b.y1)
		yTicks := timeTicks(0, most*1.1, 6, false)
		for _, t := range yTicks {
			c.StrokeLine2(stroke(gridGrey, 0.6), b.x0, sy.at(t.v), b.x1, sy.at(t.v))
		}
		for _, l := range ruleLines {
			var pts []vg.Point
			for i := range 101 { // straight, but not where the outages are logarithms
				x := b.x0 + (b.x1-b.x0)*vg.Length(i)/100
				pts = append(pts, vg.Point{X: x, Y: sy.at(l.factor * sx.value(x))})
			}
			b.lines(c, l.style, pts...)
		}
		for _, cv := range curves {
			cv.draw(c, b, sx, sy)
		}
		b.frame(c)
		axisX(c, b, sx, timeTicks(lo/1.1, hi*1.1, 0, true), true)
		axisY(c, b, sy, yTicks, true)
		nameX(c, b, 22, "how long the cable was out (dashed: 1×, orange: 2× of it)")
		nameY(c, b, margin, "writes missed at the verdict, in seconds of them")
	}
	return f
}

func (cv *costCurve) draw(c *draw.Canvas, b box, sx, sy scale) {
	var pts []vg.Point
	for _, d := range cv.dots {
		if !d.bridged {
			pts = append(pts, vg.Point{X: sx.at(d.outage), Y: sy.at(d.missed)})
		}
	}
	b.lines(c, stroke(cv.style.Color, 1.4), pts...)
	for _, p := range pts {
		c.DrawGlyphNoClip(cv.style, p)
	}
	ring := draw.GlyphStyle{Color: cv.style.Color, Radius: 3, Shape: draw.RingGlyph{}}
	for _, d := range cv.dots {
		if d.bridged {
			c.DrawGlyphNoClip(ring, vg.Point{X: sx.at(d.outage), Y: sy.at(0)})
		}
	}
}

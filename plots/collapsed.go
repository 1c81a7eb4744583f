package plots

import (
	"image/color"
	"maps"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"psyncsim/results"
)

// Collapsed draws the share of runs that needed a full resynchronization
// against backlog ÷ (outage × write rate), one curve for each kind of fault,
// version or other word of the sweep, with 95 % intervals.
func Collapsed(dir string, k *results.Kept) ([]string, error) {
	groups, names := results.Groups(k.Axes, k.Points)
	var curves []curve
	lo, hi := math.Inf(1), math.Inf(-1)
	lastFull, firstPartial := 0.0, math.Inf(1)
	for i, g := range groups {
		cv := newCurve(g, i, spread(k))
		if len(cv.dots) == 0 {
			continue
		}
		curves = append(curves, cv)
		for _, d := range cv.dots {
			lo, hi = min(lo, d.x), max(hi, d.x)
			if d.full > 0 {
				lastFull = max(lastFull, d.x)
			}
			if d.full < d.all {
				firstPartial = min(firstPartial, d.x)
			}
		}
	}
	if len(curves) == 0 {
		return nil, nil
	}
	// The rule is always in sight. Where all dots are full, or all partial, a
	// few of them are enough.
	lo, hi = min(lo/1.2, 0.4), max(hi*1.2, 5)
	from, to := max(lo, min(1.0/8, firstPartial/2)), min(hi, max(16, lastFull*2))
	cropped := ""
	switch {
	case from > lo && to < hi:
		cropped = "further left all runs were full, further right all were partial"
	case from > lo:
		cropped = "further left all runs were full"
	case to < hi:
		cropped = "further right all runs were partial"
	}
	f := collapsedFigure(k, curves, names, from, to, cropped)
	return f.save(dir, "collapsed")
}

// spread tells whether there is any: for one seed a result is exact.
func spread(k *results.Kept) bool { return k.SeedFirst != k.SeedLast }

// curve is one line with its dots.
type curve struct {
	label string
	color color.NRGBA
	glyph draw.GlyphDrawer
	dots  []dot
}

// dot is the runs of one bin together.
type dot struct {
	x             float64 // ratio: the mean of those in the bin, by logarithm
	sum           float64 // of the logarithms of all
	full, all     int64
	share, lo, hi float64
}

var glyphs = []draw.GlyphDrawer{
	draw.CircleGlyph{}, draw.BoxGlyph{}, draw.TriangleGlyph{}, draw.RingGlyph{}, draw.CrossGlyph{}, draw.SquareGlyph{}, draw.PlusGlyph{}, draw.PyramidGlyph{},
}

// More than manyRatios ratios are put into bins; 1 and 2 are edges of bins.
// Each has enough runs to say something.
const (
	manyRatios  = 24
	perDoubling = 3
	enough      = 40
)

func newCurve(g results.Group, i int, spread bool) curve {
	cv := curve{label: g.Label, color: series[i%len(series)], glyph: glyphs[i%len(glyphs)]}
	seen := make(map[float64]bool)
	for _, p := range g.Points {
		if r, ok := p.Ratio(); ok && p.Reconnects > 0 {
			seen[r] = true
		}
	}
	// What is exact is shown as it is, as long as dots can be told apart.
	binned := len(seen) > manyRatios && spread || len(seen) > 8*manyRatios
	bins := make(map[float64]*dot)
	for _, p := range g.Points {
		r, ok := p.Ratio()
		if !ok || p.Reconnects == 0 {
			continue
		}
		key := r
		if binned {
			key = math.Floor(perDoubling * math.Log2(r))
		}
		b := bins[key]
		if b == nil {
			b = &dot{}
			bins[key] = b
		}
		b.add(dot{sum: float64(p.Tried()) * math.Log2(r), full: p.FullRuns, all: p.Tried()})
	}
	keys := slices.Sorted(maps.Keys(bins))
	for _, key := range keys {
		cv.dots = append(cv.dots, *bins[key])
	}
	if binned && spread {
		// Bins with few runs join their neighbours, seen from the rule
		// outwards and never across 1 or 2.
		below, _ := slices.BinarySearch(keys, 0)
		above, _ := slices.BinarySearch(keys, perDoubling)
		outer := merge(cv.dots[above:])
		inner := slices.Clone(cv.dots[below:above])
		slices.Reverse(cv.dots[:below])
		first := merge(cv.dots[:below])
		slices.Reverse(first)
		cv.dots = slices.Concat(first, inner, outer)
	}
	for i := range cv.dots {
		d := &cv.dots[i]
		d.x = math.Exp2(d.sum / float64(d.all))
		d.share = float64(d.full) / float64(d.all)
		d.lo, d.hi = results.ClopperPearson(d.full, d.all, results.Confidence)
	}
	return cv
}

func (d *dot) add(o dot) { d.sum += o.sum; d.full += o.full; d.all += o.all }

// merge joins bins, from the first on, until each has enough runs.
func merge(dots []dot) []dot {
	var out []dot
	for _, d := range dots {
		if n := len(out); n > 0 && out[n-1].all < enough {
			out[n-1].add(d)
			continue
		}
		out = append(out, d)
	}
	if n := len(out); n > 1 && out[n-1].all < enough {
		out[n-2].add(out[n-1])
		out = out[:n-1]
	}
	return out
}

func collapsedFigure(k *results.Kept, curves []curve, names string, lo, hi float64, cropped string) *figure {
	const (
		w, h     = vg.Length(520), vg.Length(280)
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
			c.StrokeLine2(stroke(cv.color, 1.6), b.x0, y, b.x1, y)
			c.DrawGlyphNoClip(draw.GlyphStyle{Color: cv.color, Radius: 3.2, Shape: cv.glyph}, vg.Point{X: (b.x0 + b.x1) / 2, Y: y})
		}})
	}
	bands := spread(k)
	if bands {
		legend = append(legend, entry{"95 % interval (Clopper–Pearson, seeds pooled)", func(c *draw.Canvas, b box) {
			c.FillPolygon(fade(curves[0].color, 50), rectangle(b.x0, b.y0+1, b.x1, b.y1-1))
		}})
	}
	head := newHeading(leftRoom+w, k.Question, k.Subtitle(), legend)
	const above = vg.Length(28) // the names of the two lines
	f := &figure{w: leftRoom + w + 2*margin + 10, h: head.height() + above + h + 52 + 2*margin}
	f.draw = func(c *draw.Canvas) {
		head.draw(c, margin, f.h-margin)
		b := box{margin + leftRoom, margin + 52, margin + leftRoom + w, margin + 52 + h}
		sx := newScale(lo, hi, true, b.x0, b.x1)
		sy := newScale(-0.03, 1.03, false, b.y0, b.y1)
		b.polygon(c, fade(green, 22), rectangle(sx.at(2), b.y0, b.x1, b.y1))
		for _, s := range []float64{0, 0.25, 0.5, 0.75, 1} {
			c.StrokeLine2(stroke(gridGrey, 0.6), b.x0, sy.at(s), b.x1, sy.at(s))
		}
		for _, l := range ruleLines {
			x := sx.at(l.factor)
			c.StrokeLine2(l.style, x, b.y0, x, b.y1+4)
		}
		c.FillText(style(9, black, right, bottom), vg.Point{X: sx.at(1) + 3, Y: b.y1 + 6}, "1×: what is written meanwhile")
		promise := bold(style(9, vermilion, left, bottom))
		for _, txt := range []string{"2×: from here on, the rule promises partial resyncs", "2×: the rule promises partial resyncs", "2×: the rule"} {
			if sx.at(2)-3+promise.Width(txt) <= b.x1 {
				c.FillText(promise, vg.Point{X: sx.at(2) - 3, Y: b.y1 + 6}, txt)
				break
			}
		}
		for _, cv := range curves {
			if bands {
				cv.band(c, b, sx, sy)
			}
		}
		for _, cv := range curves {
			cv.draw(c, b, sx, sy)
		}
		b.frame(c)
		axisX(c, b, sx, ratioTicks(lo, hi), true)
		axisY(c, b, sy, []tick{{0, "0 %"}, {0.25, "25 %"}, {0.5, "50 %"}, {0.75, "75 %"}, {1, "100 %"}}, true)
		nameX(c, b, 22, "repl-backlog-size ÷ (outage × write rate)")
		c.FillText(style(8.5, faint, center, top), vg.Point{X: (b.x0 + b.x1) / 2, Y: b.y0 - 37}, cropped)
		nameY(c, b, margin, "runs that needed a full resync")
	}
	return f
}

func ratioTicks(lo, hi float64) []tick {
	var ts []tick
	for e := -8; e <= 10; e++ {
		v := math.Exp2(float64(e))
		if v < lo || v > hi {
			continue
		}
		t := strconv.Itoa(1<<max(e, 0)) + "×"
		if e < 0 {
			t = "1/" + strconv.Itoa(1<<-e) + "×"
		}
		ts = append(ts, tick{v, t})
	}
	return ts
}

func (cv *curve) band(c *draw.Canvas, b box, sx, sy scale) {
	var pts []vg.Point
	for _, d := range cv.dots {
		pts = append(pts, vg.Point{X: sx.at(d.x), Y: sy.at(d.hi)})
	}
	for _, d := range slices.Backward(cv.dots) {
		pts = append(pts, vg.Point{X: sx.at(d.x), Y: sy.at(d.lo)})
	}
	if len(cv.dots) == 1 {
		pts[0].X, pts[1].X = pts[0].X-3, pts[1].X-3
		pts = append(pts, vg.Point{X: pts[1].X + 6, Y: pts[1].Y}, vg.Point{X: pts[0].X + 6, Y: pts[0].Y})
	}
	b.polygon(c, fade(cv.color, 50), pts)
}

func (cv *curve) draw(c *draw.Canvas, b box, sx, sy scale) {
	var pts []vg.Point
	for _, d := range cv.dots {
		pts = append(pts, vg.Point{X: sx.at(d.x), Y: sy.at(d.share)})
	}
	b.lines(c, stroke(cv.color, 1.6), pts...)
	d := b.clip(c)
	for _, p := range pts {
		d.DrawGlyph(draw.GlyphStyle{Color: cv.color, Radius: 3.2, Shape: cv.glyph}, p)
	}
}

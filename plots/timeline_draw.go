package plots

import (
	"fmt"
	"image/color"
	"math"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"psyncsim/results"
)

func (r *runView) subtitle() string {
	t := r.k.Timeline
	s := "one run over time: " + strings.TrimSpace(r.k.Scenario)
	for _, v := range t.Point {
		s += " · " + results.Words(v.Name) + " " + v.Pretty()
	}
	if len(t.Point) == 0 {
		if t.Backlog > 0 {
			s += " · backlog " + results.PrettyBytes(t.Backlog)
		}
		if t.WriteRate > 0 {
			s += " · write rate " + results.PrettyRate(t.WriteRate)
		}
		if t.Outage > 0 {
			s += " · outage " + results.PrettyDuration(t.Outage)
		}
	}
	if t.Version != "" {
		s += " · " + t.Version
	}
	s += fmt.Sprintf(" · seed %d", t.Seed)
	if r.k.Shard != nil {
		s += " · chosen from part " + r.k.Shard.String() + " only"
	}
	if r.k.Version != "" {
		s += " · psyncsim " + r.k.Version
	}
	return s
}

func (r *runView) figure() *figure {
	const (
		w        = vg.Length(560)
		leftRoom = vg.Length(96)
		offsetsH = vg.Length(190)
		behindH  = vg.Length(150)
		barH     = vg.Length(15)
		gap      = vg.Length(16)
	)
	head := newHeading(leftRoom+w, r.k.Question, r.subtitle(), append(r.legend(), r.unnamed(w)...))
	stripH := vg.Length(len(r.bars)) * (barH + 3)
	f := &figure{w: leftRoom + w + 2*margin + 8}
	f.h = head.height() + offsetsH + behindH + stripH + 2*gap + 40 + 2*margin
	f.draw = func(c *draw.Canvas) {
		head.draw(c, margin, f.h-margin)
		x0, x1 := margin+leftRoom, margin+leftRoom+w
		y := margin + 40
		strip := box{x0, y, x1, y + stripH}
		y += stripH + gap
		behind := box{x0, y, x1, y + behindH}
		y += behindH + gap
		offsets := box{x0, y, x1, y + offsetsH}
		sx := newScale(float64(r.t0), float64(r.t1), false, x0, x1)
		for _, b := range []box{offsets, behind} {
			for _, d := range r.downs {
				b.polygon(c, fade(spanColors[d.what], 38), rectangle(sx.at(float64(d.from)), b.y0, sx.at(float64(d.to)), b.y1))
			}
		}
		r.offsets(c, offsets, sx)
		r.behind(c, behind, sx)
		r.strip(c, strip, sx, barH)
		axisX(c, strip, sx, timeTicks(float64(r.t0), float64(r.t1), 10, false), true)
		nameX(c, strip, 22, "virtual time since the run began")
		nameY(c, offsets, x0-62, "place in the stream")
		nameY(c, behind, x0-62, "behind the master")
	}
	return f
}

func (r *runView) color(replica string) color.NRGBA {
	for i, s := range r.replicas {
		if s == replica {
			return [...]color.NRGBA{blue, purple, yellow, skyBlue, orange}[i%maxReplicas]
		}
	}
	return black
}

func (r *runView) legend() []entry {
	line := func(clr color.Color, w vg.Length) func(c *draw.Canvas, b box) {
		return func(c *draw.Canvas, b box) {
			c.StrokeLine2(stroke(clr, w), b.x0, (b.y0+b.y1)/2, b.x1, (b.y0+b.y1)/2)
		}
	}
	patch := func(clr color.Color) func(c *draw.Canvas, b box) {
		return func(c *draw.Canvas, b box) {
			c.FillPolygon(clr, rectangle(b.x0, b.y0+1, b.x1, b.y1-1))
		}
	}
	es := []entry{{r.master + ": what it has written", line(black, 3.2)}}
	for _, s := range r.replicas {
		es = append(es, entry{s + ": what it has processed", line(r.color(s), 1.5)})
	}
	es = append(es, entry{"what the backlog holds", patch(windowColor)})
	seen := make(map[string]bool)
	for _, d := range r.downs {
		if !seen[d.what] {
			seen[d.what] = true
			es = append(es, entry{"link " + d.what, patch(fade(spanColors[d.what], 60))})
		}
	}
	for _, kind := range []string{results.Partial, results.Full} {
		for _, v := range r.verdicts {
			if v.Kind == kind {
				es = append(es, entry{"verdict: " + kind + " resync", func(c *draw.Canvas, b box) {
					verdictGlyph(c, vg.Point{X: (b.x0 + b.x1) / 2, Y: (b.y0 + b.y1) / 2}, kind)
				}})
				break
			}
		}
	}
	return es
}

// unnamed are the entries of states that nowhere have room for their name.
func (r *runView) unnamed(width vg.Length) (es []entry) {
	sx := newScale(float64(r.t0), float64(r.t1), false, 0, width)
	widest := make(map[string]vg.Length)
	var order []string
	for _, row := range r.bars {
		for _, s := range row.spans {
			if s.to < r.t0 || s.from > r.t1 {
				continue
			}
			if _, seen := widest[s.what]; !seen {
				order = append(order, s.what)
			}
			widest[s.what] = max(widest[s.what], min(width, sx.at(float64(s.to)))-max(0, sx.at(float64(s.from))))
		}
	}
	for _, what := range order {
		if w := widest[what]; w > 0 && !named(what, w) {
			es = append(es, entry{"below: " + what, func(c *draw.Canvas, b box) {
				c.FillPolygon(spanColors[what], rectangle(b.x0, b.y0+1, b.x1, b.y1-1))
			}})
		}
	}
	return es
}

// named says that a state's name fits into so wide a bar.
func named(what string, width vg.Length) bool {
	return style(8, black, center, middle).Width(what)+4 < width
}

var windowColor = color.NRGBA{86, 180, 233, 80}

func verdictGlyph(c *draw.Canvas, at vg.Point, kind string) {
	s := draw.GlyphStyle{Color: green, Radius: 4.5, Shape: draw.CircleGlyph{}}
	if kind == results.Full {
		s = draw.GlyphStyle{Color: vermilion, Radius: 6, Shape: draw.PyramidGlyph{}}
	}
	w := s
	w.Color, w.Radius = white, s.Radius+1.5
	c.DrawGlyphNoClip(w, at)
	c.DrawGlyphNoClip(s, at)
}

// inside calls f for the samples of a server that are shown, and for one on
// either side, so that lines reach the edges.
func (r *runView) inside(server string, f func(m *results.Moment)) {
	ms := r.samples[server]
	for i, m := range ms {
		before := i+1 < len(ms) && ms[i+1].T < r.t0
		after := i > 0 && ms[i-1].T > r.t1
		if !before && !after {
			f(m)
		}
	}
}

// offsets shows places in the stream, and the backlog as a band.
func (r *runView) offsets(c *draw.Canvas, b box, sx scale) {
	lo, hi := math.Inf(1), math.Inf(-1)
	see := func(v int64) { lo, hi = min(lo, float64(v)), max(hi, float64(v)) }
	r.inside(r.master, func(m *results.Moment) {
		see(m.Offset)
		if m.Hist > 0 {
			see(m.First)
		}
	})
	for _, s := range r.replicas {
		r.inside(s, func(m *results.Moment) { see(m.Offset) })
	}
	pad := (hi - lo) * 0.04
	sy := newScale(lo-pad, hi+pad, false, b.y0, b.y1)
	var upper, lower []vg.Point
	flush := func() {
		for i := range lower {
			upper = append(upper, lower[len(lower)-1-i])
		}
		if len(upper) > 3 {
			b.polygon(c, windowColor, upper)
		}
		upper, lower = nil, nil
	}
	r.inside(r.master, func(m *results.Moment) {
		if m.Hist <= 0 {
			flush()
			return
		}
		x := sx.at(float64(m.T))
		upper = append(upper, vg.Point{X: x, Y: sy.at(float64(m.First + m.Hist))})
		lower = append(lower, vg.Point{X: x, Y: sy.at(float64(m.First))})
	})
	flush()
	r.line(c, b, sx, r.master, stroke(black, 3.2), func(m *results.Moment) vg.Length { return sy.at(float64(m.Offset)) })
	for _, s := range r.replicas {
		r.line(c, b, sx, s, stroke(r.color(s), 1.5), func(m *results.Moment) vg.Length { return sy.at(float64(m.Offset)) })
	}
	b.frame(c)
	axisY(c, b, sy, byteTicks(max(lo, 0), hi+pad, 7, false), true)
}

func (r *runView) line(c *draw.Canvas, b box, sx scale, server string, st draw.LineStyle, y func(*results.Moment) vg.Length) {
	var pts []vg.Point
	r.inside(server, func(m *results.Moment) { pts = append(pts, vg.Point{X: sx.at(float64(m.T)), Y: y(m)}) })
	b.lines(c, st, pts...)
}

// behind shows how many bytes a replica has not got yet against how many the
// backlog still holds: what lies in the band can be had partially.
func (r *runView) behind(c *draw.Canvas, b box, sx scale) {
	hi := 1.0
	see := func(v int64) { hi = max(hi, float64(v)) }
	r.masters(func(m *results.Moment) { see(m.Hist) })
	for _, s := range r.replicas {
		r.lags(s, func(_, lag int64) { see(lag) })
	}
	first := r.firsts()
	for _, v := range r.verdicts {
		if !first[v] {
			see(v.Gap)
		}
	}
	hi *= 1.12
	sy := newScale(0, hi, false, b.y0, b.y1)
	var pts []vg.Point
	r.masters(func(m *results.Moment) {
		x := sx.at(float64(m.T))
		if len(pts) == 0 {
			pts = append(pts, vg.Point{X: x, Y: b.y0})
		}
		pts = append(pts, vg.Point{X: x, Y: sy.at(float64(m.Hist))})
	})
	if n := len(pts); n > 1 {
		b.polygon(c, windowColor, append(pts, vg.Point{X: pts[n-1].X, Y: b.y0}))
		b.lines(c, stroke(skyBlue, 0.8), pts[1:]...)
	}
	for _, s := range r.replicas {
		var pts []vg.Point
		r.lags(s, func(t, lag int64) { pts = append(pts, vg.Point{X: sx.at(float64(t)), Y: sy.at(float64(lag))}) })
		b.lines(c, stroke(r.color(s), 1.8), pts...)
	}
	b.frame(c)
	axisY(c, b, sy, byteTicks(0, hi, 5, false), true)
	r.judgements(c, b, sx, sy, first)
}

// judgements marks the verdicts, with words while there is room for them.
func (r *runView) judgements(c *draw.Canvas, b box, sx, sy scale, first map[*results.Moment]bool) {
	type placed struct{ x0, x1, y vg.Length }
	var texts []placed
	for _, v := range r.verdicts {
		gap := v.Gap
		if first[v] {
			gap = 0
		}
		at := vg.Point{X: sx.at(float64(v.T)), Y: min(sy.at(float64(gap)), b.y1)}
		c.StrokeLine2(stroke(faint, 0.6, 2, 2), at.X, b.y0, at.X, b.y1)
		verdictGlyph(c, at, v.Kind)
		if len(r.verdicts) > 8 {
			continue
		}
		txt := "partial: " + results.BinaryBytes(v.Gap) + " replayed"
		switch {
		case first[v]:
			txt = "full: first sync"
		case v.Kind == results.Full:
			txt = "full: " + strings.ReplaceAll(v.Reason, "-", " ") + ", " + results.BinaryBytes(v.Gap) + " missed"
		}
		st := style(8.5, ink, left, middle)
		w := st.Width(txt)
		// To the left and a little up: the line came from below there.
		p := vg.Point{X: at.X - 9 - w, Y: min(max(at.Y+7, b.y0+8), b.y1-8)}
		if p.X < b.x0+3 {
			p.X = at.X + 9
		}
		for range 6 {
			for _, o := range texts {
				if p.X < o.x1+4 && p.X+w > o.x0-4 && p.Y-o.y < 11 && o.y-p.Y < 11 {
					p.Y = o.y - 12
					if p.Y < b.y0+6 {
						p.Y = o.y + 12
					}
				}
			}
		}
		texts = append(texts, placed{p.X, p.X + w, p.Y})
		label(c, st, p, txt)
	}
}

// strip shows the state of links and servers.
func (r *runView) strip(c *draw.Canvas, b box, sx scale, h vg.Length) {
	y := b.y1
	for _, row := range r.bars {
		in := box{b.x0, y - h, b.x1, y}
		name := wrap(style(8.5, ink, right, middle), row.name, 90)
		if len(name) > 0 {
			c.FillText(style(8.5, ink, right, middle), vg.Point{X: b.x0 - 5, Y: (in.y0 + in.y1) / 2}, name[0])
		}
		for _, s := range row.spans {
			if s.to < r.t0 || s.from > r.t1 {
				continue
			}
			p := box{max(b.x0, sx.at(float64(s.from))), in.y0, min(b.x1, sx.at(float64(s.to))), in.y1}
			if p.w() <= 0 {
				continue
			}
			c.FillPolygon(spanColors[s.what], rectangle(p.x0, p.y0, max(p.x1, p.x0+pixel), p.y1))
			clr := black
			if s.what == isKilled {
				clr = white
			}
			st := style(8, clr, center, middle)
			if named(s.what, p.w()) {
				c.FillText(st, vg.Point{X: (p.x0 + p.x1) / 2, Y: (p.y0 + p.y1) / 2}, s.what)
			}
		}
		y -= h + 3
	}
	c.StrokeLine2(stroke(ink, 0.8), b.x0, b.y0, b.x1, b.y0)
}

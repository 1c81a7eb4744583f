package plots

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"psyncsim/results/risk"
)

// Risk draws the risk curve: the share of outages (or months) with a full
// resynchronization against the size of the backlog, with its interval, and on
// it the sizes that people ask about: the one in force, the recommended one, the
// rule of thumb, one percent of the memory. The scale of shares is logarithmic
// where the target lies at the foot of a linear one.
func Risk(dir string, a *risk.Answer) ([]string, error) {
	if a.Curve == nil || len(a.Curve.Needs) == 0 {
		return nil, errNoOutages
	}
	return newRiskView(a).figure().save(dir, "risk")
}

// riskView is an answer ready to be drawn.
type riskView struct {
	a        *risk.Answer
	marks    []mark
	lo, hi   float64 // sizes that are shown
	log      bool    // shares by their logarithm
	least    float64 // the least share that is shown, if so
	hopeless int64   // samples that no size saves
}

func newRiskView(a *risk.Answer) *riskView {
	r := &riskView{a: a, log: a.Question.Target > 0.9, least: 0}
	n := len(a.Curve.Needs)
	finite := a.Curve.Needs
	if i, found := slices.BinarySearch(finite, risk.Hopeless); found {
		r.hopeless, finite = int64(n-i), finite[:i]
	}
	r.findMarks()
	r.lo, r.hi = math.Inf(1), 0
	see := func(v int64) {
		if v > 0 && v != risk.Hopeless {
			r.lo, r.hi = min(r.lo, float64(v)), max(r.hi, float64(v))
		}
	}
	for _, m := range r.marks {
		see(m.at)
	}
	if len(finite) > 0 { // not to the very smallest: nobody asks for those sizes
		positive := finite[sort.Search(len(finite), func(i int) bool { return finite[i] > 0 }):]
		if n := len(positive); n > 0 {
			see(positive[n/50])
			see(positive[n-1])
		}
	}
	if r.hi == 0 {
		r.lo, r.hi = 1<<20, 1<<20
	}
	r.lo, r.hi = max(r.lo/1.6, 12<<10), min(max(r.hi*1.6, 32<<10), 1<<62) // no backlog is smaller than 16kb
	if r.log {
		r.least = math.Pow10(int(math.Floor(math.Log10(min(0.5/float64(n), (1-a.Question.Target)/3)))))
		r.least = max(r.least, 1e-7)
	}
	return r
}

// findMarks collects the sizes to mark, those of one size under one line.
func (r *riskView) findMarks() {
	a := r.a
	add := func(size int64, style draw.LineStyle, strong bool, name string) {
		if size <= 0 || size == risk.Hopeless {
			return
		}
		for i := range r.marks {
			if m := &r.marks[i]; m.at == size {
				m.text = name + " = " + m.text
				return
			}
		}
		p := a.Curve.At(size)
		if a.Recommended != nil && a.Recommended.Bytes == size {
			p = *a.Recommended // as it was simulated as itself
		}
		full := 0.
		if p.Of > 0 {
			full = float64(p.Full) / float64(p.Of)
		}
		r.marks = append(r.marks, mark{size, fmt.Sprintf("%s, %s: %s full", name, sizeText(size), shareText(full)), style, strong})
	}
	if p := a.Recommended; p != nil {
		add(p.Bytes, stroke(green, 2), true, "recommended")
	}
	if p := a.Current; p != nil {
		add(p.Bytes, stroke(black, 1.4), true, "now")
	}
	if a.Rule != nil {
		add(a.Rule.Once.Bytes, ruleLines[0].style, false, "rule 1×")
		add(a.Rule.Twice.Bytes, stroke(vermilion, 1.6), false, "rule 2×")
	}
	add(a.Memory.Max/100, stroke(purple, 1.2, 2, 2), false, "1 % of maxmemory")
	slices.SortStableFunc(r.marks, func(a, b mark) int { return cmp.Compare(a.at, b.at) })
}

// sizeText is a size as redis.conf has it where that is short, else rounded
// to a tenth of the next smaller unit.
func sizeText(n int64) string {
	if s := risk.ConfSize(n); len(s) <= 6 && (n < 1<<10 || s[len(s)-1] == 'b') {
		return s
	}
	for _, u := range []struct {
		bytes int64
		name  string
	}{{1 << 30, "gb"}, {1 << 20, "mb"}, {1 << 10, "kb"}} {
		if v := float64(n) / float64(u.bytes); v >= 100 {
			return fmt.Sprintf("%.0f%s", v, u.name)
		} else if v >= 1 {
			return fmt.Sprintf("%.1f%s", v, u.name)
		}
	}
	return fmt.Sprint(n)
}

func markStyle(m mark) text.Style {
	clr := m.style.Color
	if clr == nil {
		clr = ink
	}
	st := style(8.5, clr, left, middle)
	if m.bold {
		st = bold(st)
	}
	return st
}

func (r *riskView) sample() string { return sampleOf(r.a) }

func (r *riskView) title() string {
	t := wholePercent(r.a.Question.Target)
	if float64(r.hopeless) > (1-r.a.Question.Target)*float64(len(r.a.Curve.Needs)) {
		return fmt.Sprintf("No repl-backlog-size saves %s of %ss from a full resync", t, r.sample())
	}
	return fmt.Sprintf("Which repl-backlog-size saves %s of %ss from a full resync?", t, r.sample())
}

func (r *riskView) figure() *figure {
	const (
		w, h     = vg.Length(430), vg.Length(290)
		leftRoom = vg.Length(62)
		keyRoom  = vg.Length(176)
	)
	inner := leftRoom + w + keyRoom
	head := newHeading(inner, r.title(), asked(r.a), nil)
	x0 := margin + leftRoom
	sx := newScale(r.lo, r.hi, true, x0, x0+w)
	marks, rows := stack(r.marks, sx)
	above := markLine*vg.Length(rows) + 10
	f := &figure{w: inner + 2*margin, h: head.height() + above + h + 40 + 2*margin}
	for _, p := range marks { // a text may need more room than the key
		f.w = max(f.w, p.x+markStyle(p.mark).Width(p.text)+3+margin)
	}
	f.draw = func(c *draw.Canvas) {
		head.draw(c, margin, f.h-margin)
		b := box{x0, margin + 40, x0 + w, margin + 40 + h}
		sy := newScale(0, 1, false, b.y0, b.y1)
		if r.log {
			sy = newScale(r.least, 1, true, b.y0, b.y1)
		}
		r.beyond(c, b, sx)
		ticks := percentTicks(r.least, 1, r.log)
		for _, t := range ticks {
			c.StrokeLine2(stroke(gridGrey, 0.6), b.x0, sy.at(t.v), b.x1, sy.at(t.v))
		}
		r.curve(c, b, sx, sy)
		b.frame(c)
		drawMarks(c, b, marks)
		r.target(c, b, sy)
		r.dots(c, b, sx, sy)
		axisX(c, b, sx, sizeTicks(r.lo, r.hi, 9), true)
		axisY(c, b, sy, ticks, true)
		nameX(c, b, 22, "repl-backlog-size, as redis.conf has it (1mb = 1,048,576 bytes)")
		nameY(c, b, margin, fmt.Sprintf("share of %ss that end in a full resync", r.sample()))
		r.key(c, box{b.x1 + 18, b.y0, margin + inner, b.y1})
	}
	return f
}

// height is the place of a share; what is less than any that is shown lies on
// the lower edge.
func (r *riskView) height(sy scale, share float64) vg.Length {
	if r.log {
		share = max(share, r.least)
	}
	return sy.at(share)
}

// curve draws share and interval, as finely as the picture is.
func (r *riskView) curve(c *draw.Canvas, b box, sx, sy scale) {
	var line, upper, lower []vg.Point
	const step = vg.Length(1)
	for x := b.x0; x <= b.x1+step/2; x += step {
		p := r.a.Curve.At(int64(sx.value(x)))
		at := func(saved float64) vg.Point { return vg.Point{X: x, Y: r.height(sy, 1-saved)} }
		line, upper, lower = append(line, at(p.Share)), append(upper, at(p.Lo)), append(lower, at(p.Hi))
	}
	slices.Reverse(lower)
	b.polygon(c, riskBand, append(upper, lower...))
	b.lines(c, stroke(blue, 2), line...)
}

var riskBand = fade(skyBlue, 110)

// dots mark where the lines cross the curve; the recommended size where it came
// out when it was simulated as itself, with its interval.
func (r *riskView) dots(c *draw.Canvas, b box, sx, sy scale) {
	for _, m := range r.marks {
		p := r.a.Curve.At(m.at)
		if rec := r.a.Recommended; rec != nil && rec.Bytes == m.at {
			p = *rec
		}
		at := vg.Point{X: sx.at(float64(m.at)), Y: r.height(sy, 1-p.Share)}
		c.DrawGlyphNoClip(draw.GlyphStyle{Color: white, Radius: 4.5, Shape: draw.CircleGlyph{}}, at)
		c.DrawGlyphNoClip(draw.GlyphStyle{Color: m.style.Color, Radius: 3.2, Shape: draw.CircleGlyph{}}, at)
	}
}

// target is the share that may be full.
func (r *riskView) target(c *draw.Canvas, b box, sy scale) {
	rest := 1 - r.a.Question.Target
	if rest <= 0 || r.log && rest < r.least {
		return
	}
	y := sy.at(rest)
	c.StrokeLine2(stroke(green, 1, 1.5, 2.5), b.x0, y, b.x1, y)
	label(c, style(8.5, green, left, top), vg.Point{X: b.x0 + 5, Y: y - 3}, "asked for: "+wholePercent(rest)+" at most")
}

// beyond shades the gaps after which a full resynchronization is the quicker way.
func (r *riskView) beyond(c *draw.Canvas, b box, sx scale) {
	if at := r.quicker(); at > 0 {
		c.FillPolygon(blankGrey, rectangle(max(b.x0, sx.at(at)), b.y0, b.x1, b.y1))
	}
}

// quicker is the gap from which on a full resynchronization is quicker, 0 if
// that is not known or not shown.
func (r *riskView) quicker() float64 {
	f := r.a.FullSync
	if f == nil || f.Beyond <= 0 || f.Beyond == risk.Hopeless || float64(f.Beyond) >= r.hi {
		return 0
	}
	return float64(f.Beyond)
}

// key explains, at the right of the chart.
func (r *riskView) key(c *draw.Canvas, b box) {
	st := style(9, ink, left, top)
	y := b.y1
	para := func(sign func(y vg.Length), txt string) {
		if sign != nil {
			sign(y - 5)
		}
		for _, l := range wrap(st, txt, b.x1-b.x0-swatch-6) {
			c.FillText(st, vg.Point{X: b.x0 + swatch + 6, Y: y}, l)
			y -= 11.5
		}
		y -= 6
	}
	n := int64(len(r.a.Curve.Needs))
	para(func(y vg.Length) { c.StrokeLine2(stroke(blue, 2), b.x0, y, b.x0+swatch, y) },
		fmt.Sprintf("share of %s that end in a full resync", counted(n, r.sample())))
	para(func(y vg.Length) { c.FillPolygon(riskBand, rectangle(b.x0, y-4, b.x0+swatch, y+4)) },
		fmt.Sprintf("%s interval for the true share (Clopper–Pearson)", wholePercent(r.a.Curve.Confidence)))
	if r.a.Rule != nil {
		para(func(y vg.Length) {
			c.StrokeLine2(stroke(vermilion, 1.6), b.x0, y+2, b.x0+swatch, y+2)
			c.StrokeLine2(ruleLines[0].style, b.x0, y-2, b.x0+swatch, y-2)
		}, "the rule of thumb: 2 × and 1 × seconds × write rate, both on average")
	}
	if r.quicker() > 0 {
		para(func(y vg.Length) { c.FillPolygon(blankGrey, rectangle(b.x0, y-4, b.x0+swatch, y+4)) },
			"so much missed takes longer to replay than a full resync takes")
	}
	if r.hopeless > 0 {
		para(nil, fmt.Sprintf("%s of %ss are full whatever the size", shareText(float64(r.hopeless)/float64(n)), r.sample()))
	}
	if r.log {
		para(nil, "Each line of the grid is ten times fewer full resyncs.")
	}
}

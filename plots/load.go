package plots

import (
	"cmp"
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"psyncsim/results"
)

// LoadView is a load over time with the outages that fell into it.
type LoadView struct {
	Question string       // the title; empty: one that fits
	Source   string       // where the load was read
	Samples  []LoadSample // in the order of time
	Outages  []LoadOutage // in any order
}

// LoadSample is the load at one moment.
type LoadSample struct {
	T     int64 // ns since the first sample
	Bytes int64 // written since the first sample
	Blind bool  // nobody watched between the sample before and this one
}

// LoadOutage is one outage and how it ended.
type LoadOutage struct {
	From, To int64  // ns since the first sample; To is when the master judged
	Kind     string // reset, silent, restart, crash, failover, switchover; empty if nobody knows
	Verdict  string // results.Full, results.Partial, or empty
	Gap      int64  // bytes missed; negative if not known
}

// Load draws the write rate over time, with its mean and the outages that fell
// into it. A nil view, or one of fewer than two samples, draws nothing.
func Load(dir string, l *LoadView) ([]string, error) {
	if l == nil || len(l.Samples) < 2 || l.Samples[len(l.Samples)-1].T <= l.Samples[0].T {
		return nil, nil
	}
	return l.figure().save(dir, "load")
}

// column is one column of the picture: the least and mean rate in it, and the greatest of
// samples that are no longer than it is wide.
type column struct {
	lo, hi, bytes, ns float64
	blind             bool
}

// shownColumns is as many columns as can be seen.
const shownColumns = 600

// columns folds the samples into as many columns as can be seen.
func (l *LoadView) columns(n int) []column {
	out := make([]column, n)
	first, last := l.Samples[0].T, l.Samples[len(l.Samples)-1].T
	wide := float64(last-first) / float64(n)
	at := func(t int64) int {
		return min(max(int(float64(t-first)/float64(last-first)*float64(n)), 0), n-1)
	}
	for i, s := range l.Samples[1:] {
		before := l.Samples[i]
		dt := float64(s.T - before.T)
		if dt <= 0 {
			continue
		}
		rate := max(0, float64(s.Bytes-before.Bytes)/dt*1e9)
		for k := at(before.T); k <= at(s.T-1); k++ {
			c := &out[k]
			if s.Blind {
				c.blind = true
				continue
			}
			if c.ns == 0 || rate < c.lo {
				c.lo = rate
			}
			if dt <= wide { // a longer one only begins or ends in this column
				c.hi = max(c.hi, rate)
			}
			c.bytes, c.ns = c.bytes+rate*dt, c.ns+dt
		}
	}
	return out
}

// mean is the rate from the first sample to the last, bytes a second, as the answer
// counts it, and peak the greatest between two samples with nobody away.
func (l *LoadView) mean() (mean, peak float64) {
	first, last := l.Samples[0], l.Samples[len(l.Samples)-1]
	for i, s := range l.Samples[1:] {
		if dt := float64(s.T - l.Samples[i].T); !s.Blind && dt > 0 {
			peak = max(peak, float64(s.Bytes-l.Samples[i].Bytes)/dt*1e9)
		}
	}
	return float64(last.Bytes-first.Bytes) / max(float64(last.T-first.T), 1) * 1e9, peak
}

func (l *LoadView) figure() *figure {
	const (
		w, h     = vg.Length(600), vg.Length(210)
		leftRoom = vg.Length(66)
	)
	strip := vg.Length(6) // above the frame: verdicts and their gaps
	if len(l.Outages) > 0 {
		strip = 30
	}
	mean, peak := l.mean()
	title := l.Question
	switch {
	case title != "":
	case len(l.Outages) > 0:
		title = "When is how much written, and where did the outages fall?"
	default:
		title = "When is how much written?"
	}
	sub := fmt.Sprintf("%s · mean %s · busiest %s", l.Source, results.PrettyRate(int64(mean)), results.PrettyRate(int64(peak)))
	head := newHeading(leftRoom+w, title, sub, l.legend())
	f := &figure{w: leftRoom + w + 2*margin + 12, h: head.height() + strip + h + 40 + 2*margin}
	f.draw = func(c *draw.Canvas) {
		head.draw(c, margin, f.h-margin)
		b := box{margin + leftRoom, margin + 40, margin + leftRoom + w, margin + 40 + h}
		first, last := l.Samples[0].T, l.Samples[len(l.Samples)-1].T
		sx := newScale(float64(first), float64(last), false, b.x0, b.x1)
		top := max(peak, mean, 1) * 1.06
		sy := newScale(0, top, false, b.y0, b.y1)
		for _, t := range loadTicks(top) {
			c.StrokeLine2(stroke(gridGrey, 0.6), b.x0, sy.at(t.v), b.x1, sy.at(t.v))
		}
		l.area(c, b, sy, shownColumns)
		l.outages(c, b, sx)
		y := sy.at(mean)
		c.StrokeLine2(stroke(black, 1.2, 5, 3), b.x0, y, b.x1, y)
		b.frame(c)
		axisX(c, b, sx, timeTicks(float64(first), float64(last), 10, false), true)
		axisY(c, b, sy, loadTicks(top), true)
		nameX(c, b, 22, "time since the first sample")
		nameY(c, b, margin, "write rate, bytes of the stream")
	}
	return f
}

// loadTicks marks 1, 2, 5, 10 … bytes a second.
func loadTicks(hi float64) (ts []tick) {
	step := 1.
	for i := 0; hi/step > 6 && i < 120; i++ {
		step *= [...]float64{2, 2.5, 2}[i%3]
	}
	for i := 0; float64(i)*step <= hi; i++ {
		ts = append(ts, tick{float64(i) * step, results.PrettyRate(int64(float64(i) * step))})
	}
	return ts
}

// area draws the rate as columns: the mean of each filled, the rest of its range
// lighter.
func (l *LoadView) area(c *draw.Canvas, b box, sy scale, n int) {
	cols := l.columns(n)
	for i, k := range cols {
		x0, x1 := snap(b.x0+b.w()*vg.Length(i)/vg.Length(n)), snap(b.x0+b.w()*vg.Length(i+1)/vg.Length(n))
		if x1 <= x0 {
			x1 = x0 + pixel
		}
		switch {
		case k.ns > 0:
			mean := sy.at(k.bytes / k.ns)
			c.FillPolygon(blue, rectangle(x0, b.y0, x1, mean))
			if hi := sy.at(k.hi); hi > mean+pixel {
				c.FillPolygon(fade(skyBlue, 130), rectangle(x0, mean, x1, hi))
			}
		case k.blind:
			c.FillPolygon(blankGrey, rectangle(x0, b.y0, x1, b.y1))
		}
	}
}

func outageColor(kind string) color.NRGBA {
	switch kind {
	case "silent":
		return orange
	case "restart":
		return purple
	case "crash":
		return ink
	case "failover":
		return yellow
	case "switchover":
		return green
	case "":
		return faint
	}
	return vermilion
}

// outages draws each as a band, and above the frame its verdict and gap, as far
// as there is room for the words.
func (l *LoadView) outages(c *draw.Canvas, b box, sx scale) {
	all := slices.Clone(l.Outages)
	slices.SortStableFunc(all, func(a, b LoadOutage) int { return cmp.Compare(a.From, b.From) })
	places := make([]vg.Length, len(all)) // where each ended; off the picture: not a number
	glyphs := map[string]vg.Length{}
	for i, o := range all {
		x0, x1 := sx.at(float64(o.From)), sx.at(float64(o.To))
		places[i] = vg.Length(math.NaN())
		if x1 < b.x0 || x0 > b.x1 {
			continue
		}
		x0, x1 = max(x0, b.x0), min(max(x1, x0+1.5), b.x1)
		places[i] = x1
		c.FillPolygon(fade(outageColor(o.Kind), 85), rectangle(x0, b.y0, x1, b.y1))
		// Of verdicts that would lie on each other one stands for all.
		if before, drawn := glyphs[o.Verdict]; o.Verdict != "" && (!drawn || x1-before > 5) {
			verdictGlyph(c, vg.Point{X: x1, Y: b.y1 + 8}, o.Verdict)
			glyphs[o.Verdict] = x1
		}
	}
	end := vg.Length(math.Inf(-1))
	for i, o := range all {
		if o.Verdict == "" || o.Gap < 0 || places[i] != places[i] {
			continue
		}
		st, txt := style(8, ink, center, bottom), sizeText(o.Gap)
		if half := st.Width(txt) / 2; places[i]-half > end {
			c.FillText(st, vg.Point{X: places[i], Y: b.y1 + 16}, txt)
			end = places[i] + half + 5
		}
	}
}

func (l *LoadView) legend() (es []entry) {
	patch := func(clr color.NRGBA) func(c *draw.Canvas, b box) {
		return func(c *draw.Canvas, b box) { c.FillPolygon(clr, rectangle(b.x0, b.y0+1, b.x1, b.y1-1)) }
	}
	es = append(es, entry{"written", patch(blue)}, entry{"mean", func(c *draw.Canvas, b box) {
		c.StrokeLine2(stroke(black, 1.2, 5, 3), b.x0, (b.y0+b.y1)/2, b.x1, (b.y0+b.y1)/2)
	}})
	if slices.ContainsFunc(l.columns(shownColumns), func(k column) bool { return k.ns > 0 && k.hi > k.bytes/k.ns*1.01 }) {
		es = append(es, entry{"the busiest samples within a column", patch(fade(skyBlue, 130))})
	}
	for _, s := range l.Samples {
		if s.Blind {
			es = append(es, entry{"nobody watched", patch(blankGrey)})
			break
		}
	}
	kinds, verdicts := map[string]bool{}, map[string]bool{}
	for _, o := range l.Outages {
		kinds[o.Kind], verdicts[o.Verdict] = true, true
	}
	for _, k := range []string{"", "reset", "silent", "restart", "crash", "failover", "switchover"} {
		if kinds[k] {
			name := "outage: " + k
			if k == "" {
				name = "outage"
			}
			es = append(es, entry{name, patch(fade(outageColor(k), 85))})
		}
	}
	for _, k := range []string{results.Partial, results.Full} {
		if verdicts[k] {
			es = append(es, entry{k + " resync, and the gap", func(c *draw.Canvas, b box) {
				verdictGlyph(c, vg.Point{X: (b.x0 + b.x1) / 2, Y: (b.y0 + b.y1) / 2}, k)
			}})
		}
	}
	return es
}

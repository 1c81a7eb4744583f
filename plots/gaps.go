package plots

import (
	"cmp"
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"psyncsim/results/risk"
)

// gapTerm is one part of what a replica has missed.
type gapTerm struct {
	name string
	of   func(o *risk.Outage) int64
	fill color.NRGBA
}

var gapTerms = [...]gapTerm{
	{"behind already when it began", func(o *risk.Outage) int64 { return o.Lag }, purple},
	{"written while it lasted", func(o *risk.Outage) int64 { return o.During }, blue},
	{"written until it was noticed", func(o *risk.Outage) int64 { return o.Detection }, orange},
	{"written until the replica asked again", func(o *risk.Outage) int64 { return o.Reconnect }, green},
}

// terms are the parts of a gap: for bars.
type terms [len(gapTerms)]float64

func (t *terms) add(o *risk.Outage) {
	for i, g := range gapTerms {
		t[i] += max(0, float64(g.of(o)))
	}
}

func (t *terms) sum() (s float64) {
	for _, v := range t {
		s += v
	}
	return s
}

// Gaps draws how large the gaps are that outages left, and what they are made
// of: what the replica was behind by, what was written while the outage lasted,
// until it was noticed, and until the replica had asked again. Outages that TCP
// bridged, those in which nothing was written, and those that no backlog helps, have no
// gap; they are counted in the small print.
func Gaps(dir string, a *risk.Answer) ([]string, error) {
	if len(a.Outages) == 0 {
		return nil, errNoOutages
	}
	var with []*risk.Outage
	bridged, nothing, hopeless := int64(0), int64(0), int64(0)
	for i := range a.Outages {
		switch o := &a.Outages[i]; {
		case o.Need == risk.Hopeless:
			hopeless++
		case o.Need <= 0 && o.Resyncs == 0:
			bridged++
		case o.Need <= 0:
			nothing++
		default:
			with = append(with, o)
		}
	}
	if len(with) == 0 {
		return nil, nil
	}
	slices.SortStableFunc(with, func(a, b *risk.Outage) int { return cmp.Compare(a.Need, b.Need) })
	sub := asked(a)
	if bridged > 0 {
		sub += " · " + thousands(bridged) + " bridged by TCP: nobody had to ask"
	}
	if nothing > 0 {
		sub += " · " + thousands(nothing) + " missed nothing"
	}
	if hopeless > 0 {
		sub += " · " + thousands(hopeless) + " full whatever the size"
	}
	if bridged+nothing+hopeless > 0 {
		sub = fmt.Sprintf("%s · %s with a gap are shown", sub, thousands(int64(len(with))))
	}
	return gapsFigure(with, sub).save(dir, "gaps")
}

// gapBins is how many bars the distribution has at most.
const gapBins = 44

// bin is one bar: how many outages, and their bytes by term.
type bin struct {
	n     int
	bytes terms
}

func gapBars(with []*risk.Outage) (lo, hi float64, bins []bin) {
	first, last := math.Log2(float64(with[0].Need)), math.Log2(float64(with[len(with)-1].Need))
	n := gapBins
	if last-first < 0.02 {
		first, last, n = first-1, last+1, 9 // one gap: a bar in the middle
	}
	bins = make([]bin, n)
	for _, o := range with {
		i := int((math.Log2(float64(o.Need)) - first) / (last - first) * float64(n))
		b := &bins[min(max(i, 0), n-1)]
		b.n++
		b.bytes.add(o)
	}
	return math.Exp2(first), math.Exp2(last), bins
}

// gapRow is the composition of the gaps about a quantile.
type gapRow struct {
	name  string
	need  int64
	bytes terms
}

// gapRows are taken at quantiles that as many outages show. Around each, the
// quarter of the way to the nearer end counts, so that one outage does not
// stand for all.
func gapRows(with []*risk.Outage) (rows []gapRow) {
	n := len(with)
	for _, q := range []float64{0.5, 0.75, 0.9, 0.99, 0.999} {
		if float64(n)*(1-q) < 4 {
			break
		}
		k := min(int(math.Ceil(q*float64(n))), n) - 1
		half := int((1 - q) / 4 * float64(n))
		r := gapRow{name: fmt.Sprintf("%g %% need at most", 100*q), need: with[k].Need}
		for _, o := range with[max(0, k-half):min(n, k+half+1)] {
			r.bytes.add(o)
		}
		rows = append(rows, r)
	}
	worst := with[n-1]
	r := gapRow{name: "the worst needs", need: worst.Need}
	r.bytes.add(worst)
	return append(rows, r)
}

func gapsFigure(with []*risk.Outage, sub string) *figure {
	const (
		w, h     = vg.Length(470), vg.Length(190)
		leftRoom = vg.Length(118)
		rowH     = vg.Length(19)
		between  = vg.Length(78)
	)
	var legend []entry
	for _, g := range gapTerms {
		legend = append(legend, entry{g.name, func(c *draw.Canvas, b box) {
			c.FillPolygon(g.fill, rectangle(b.x0, b.y0+1, b.x1, b.y1-1))
		}})
	}
	head := newHeading(leftRoom+w, "What has a replica missed when it asks its master to go on?", sub, legend)
	lo, hi, bins := gapBars(with)
	rows := gapRows(with)
	most := 0.
	for _, bn := range bins {
		most = max(most, float64(bn.n)/float64(len(with)))
	}
	rowsH := rowH * vg.Length(len(rows))
	f := &figure{w: leftRoom + w + 2*margin + 10, h: head.height() + h + between + rowsH + 36 + 2*margin}
	f.draw = func(c *draw.Canvas) {
		head.draw(c, margin, f.h-margin)
		x0 := margin + leftRoom
		low := box{x0, margin + 36, x0 + w, margin + 36 + rowsH}
		b := box{x0, low.y1 + between, x0 + w, low.y1 + between + h}
		sx, sy := newScale(lo, hi, true, b.x0, b.x1), newScale(0, most*1.08, false, b.y0, b.y1)
		for i, bn := range bins {
			x := func(i int) vg.Length { return snap(b.x0 + b.w()*vg.Length(i)/vg.Length(len(bins))) }
			stacked(c, bn.bytes, func(from, to float64) []vg.Point {
				n := float64(bn.n) / float64(len(with))
				return rectangle(x(i), sy.at(n*from), x(i+1)-pixel, sy.at(n*to))
			})
		}
		b.frame(c)
		axisX(c, b, sx, sizeTicks(lo, hi, 9), true)
		axisY(c, b, sy, shareTicks(most*1.08), true)
		nameX(c, b, 20, "gap: bytes missed, and so the backlog that saves the outage")
		nameY(c, b, x0-48, "share of outages")
		composition(c, low, rows, rowH)
	}
	return f
}

// shareTicks marks shares from 0 in whole steps.
func shareTicks(hi float64) (ts []tick) {
	step := 0.2
	for _, s := range []float64{0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001} {
		if hi/step < 4 {
			step = s
		}
	}
	for i := 0; float64(i)*step <= hi && i < 100; i++ {
		ts = append(ts, tick{float64(i) * step, fmt.Sprintf("%g %%", math.Round(float64(i)*step*1e5)/1e3)})
	}
	return ts
}

// stacked fills the parts of a bar, one on the other; place has the corners of a
// part from one share of the whole to another.
func stacked(c *draw.Canvas, t terms, place func(from, to float64) []vg.Point) {
	all, from := t.sum(), 0.
	if all <= 0 {
		return
	}
	for i, g := range gapTerms {
		to := from + t[i]/all
		if to > from {
			c.FillPolygon(g.fill, place(from, to))
		}
		from = to
	}
}

// composition draws a bar for each row: shares of the gap, with their numbers.
func composition(c *draw.Canvas, b box, rows []gapRow, rowH vg.Length) {
	c.FillText(bold(style(9, ink, left, bottom)), vg.Point{X: b.x0, Y: b.y1 + 7}, "What the gaps are made of, from the usual to the worst")
	for i, r := range rows {
		y1 := b.y1 - rowH*vg.Length(i) - 2
		y0 := y1 - rowH + 5
		c.FillText(style(8.5, ink, right, middle), vg.Point{X: b.x0 - 5, Y: (y0 + y1) / 2}, r.name+" "+sizeText(r.need))
		all := r.bytes.sum()
		stacked(c, r.bytes, func(from, to float64) []vg.Point {
			return rectangle(b.x0+b.w()*vg.Length(from), y0, b.x0+b.w()*vg.Length(to), y1)
		})
		from := 0.
		for j, g := range gapTerms {
			share := r.bytes[j] / max(all, 1)
			txt := fmt.Sprintf("%.0f %%", 100*share)
			clr := white
			if g.fill == orange {
				clr = black
			}
			if st := style(8, clr, center, middle); b.w()*vg.Length(share) > st.Width(txt)+6 {
				c.FillText(st, vg.Point{X: b.x0 + b.w()*vg.Length(from+share/2), Y: (y0 + y1) / 2}, txt)
			}
			from += share
		}
	}
	axisX(c, b, newScale(0, 1, false, b.x0, b.x1), percentTicks(0, 1, false), true)
	nameX(c, b, 20, "share of the gap's bytes")
}

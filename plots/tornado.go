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

// Tornado draws how the size that the target needs moves with each input alone,
// the input that moves it most at the top. None is drawn without inputs.
func Tornado(dir string, a *risk.Answer) ([]string, error) {
	var rows []risk.Sensitivity
	for _, s := range a.Sensitivity {
		if s.Need > 0 && s.Need != risk.Hopeless {
			rows = append(rows, s)
		}
	}
	if len(rows) == 0 {
		return nil, nil
	}
	span := func(s risk.Sensitivity) float64 {
		lo, hi := min(s.LowNeed, s.HighNeed, s.Need), max(s.LowNeed, s.HighNeed, s.Need)
		return float64(hi) / float64(max(lo, 1))
	}
	slices.SortStableFunc(rows, func(a, b risk.Sensitivity) int { return cmp.Compare(span(b), span(a)) })
	return tornadoFigure(a, rows).save(dir, "sensitivity")
}

// tornadoRoom is beside the outermost bars, for their texts.
const tornadoRoom = vg.Length(118)

func tornadoFigure(a *risk.Answer, rows []risk.Sensitivity) *figure {
	const (
		w     = vg.Length(520)
		rowH  = vg.Length(30)
		room  = tornadoRoom
		below = vg.Length(40)
	)
	st := style(9, ink, right, middle)
	leftRoom := vg.Length(60)
	for _, s := range rows {
		leftRoom = max(leftRoom, st.Width(s.Input)+14)
	}
	head := newHeading(leftRoom+w, "Which input moves the answer?",
		fmt.Sprintf("the backlog that %s of %ss need, when one input alone is lower or higher · %s", wholePercent(a.Question.Target), sampleOf(a), asked(a)),
		[]entry{tornadoKey("the input lower", skyBlue), tornadoKey("the input higher", orange)})
	lo, hi := math.Inf(1), 0.
	for _, s := range rows {
		for _, v := range []int64{s.LowNeed, s.HighNeed, s.Need} {
			if v > 0 && v != risk.Hopeless {
				lo, hi = min(lo, float64(v)), max(hi, float64(v))
			}
		}
	}
	if hi/lo < 1.02 {
		lo, hi = lo/1.5, hi*1.5
	}
	bodyH := rowH*vg.Length(len(rows)) + 8
	f := &figure{w: leftRoom + w + 2*margin, h: head.height() + bodyH + below + 2*margin}
	f.draw = func(c *draw.Canvas) {
		head.draw(c, margin, f.h-margin)
		b := box{margin + leftRoom, margin + below, margin + leftRoom + w, margin + below + bodyH}
		sx := newScale(lo, hi, true, b.x0+room, b.x1-room)
		for i, s := range rows {
			y := b.y1 - 4 - rowH*(vg.Length(i)+0.5)
			c.FillText(st, vg.Point{X: b.x0 - 8, Y: y}, s.Input)
			tornadoBar(c, b, sx, y, s)
		}
		at := sx.at(float64(rows[0].Need))
		c.StrokeLine2(stroke(ink, 1.2), at, b.y0, at, b.y1)
		b.frame(c)
		// The scale goes on into the room at both sides.
		wide := newScale(sx.value(b.x0), sx.value(b.x1), true, b.x0, b.x1)
		axisX(c, b, wide, sizeTicks(sx.value(b.x0), sx.value(b.x1), 9), true)
		nameX(c, b, 22, "backlog needed, without the margin that confidence takes; the line: "+sizeText(rows[0].Need)+", as asked")
	}
	return f
}

func tornadoKey(txt string, clr color.NRGBA) entry {
	return entry{txt, func(c *draw.Canvas, b box) { c.FillPolygon(clr, rectangle(b.x0, b.y0+1, b.x1, b.y1-1)) }}
}

// tornadoBar draws both sides of one input.
func tornadoBar(c *draw.Canvas, b box, sx scale, y vg.Length, s risk.Sensitivity) {
	place := func(need int64) vg.Length {
		switch {
		case need == risk.Hopeless:
			return b.x1 - tornadoRoom + 12
		case need <= 0:
			return b.x0 + tornadoRoom - 12
		}
		return sx.at(float64(need))
	}
	at := place(s.Need)
	type side struct {
		need  int64
		value string
		low   bool
	}
	sides := []side{{s.LowNeed, s.Low, true}, {s.HighNeed, s.High, false}}
	oneSide := (s.LowNeed > s.Need) == (s.HighNeed > s.Need) && s.LowNeed != s.Need && s.HighNeed != s.Need
	for i, d := range sides {
		x := place(d.need)
		half := vg.Length(9)
		y0, y1 := y-half, y+half
		if oneSide { // both move it the same way: one above the other
			y0, y1 = y-half*vg.Length(i), y+half*vg.Length(1-i)
		}
		clr := skyBlue
		if !d.low {
			clr = orange
		}
		if d.need == risk.Hopeless {
			clr = fade(clr, 110)
		}
		c.FillPolygon(clr, rectangle(min(at, x), y0, max(at, x), y1))
		txt := d.value + ": " + sizeText(d.need)
		switch {
		case d.need == risk.Hopeless:
			txt = d.value + ": no size helps"
		case d.need <= 0:
			txt = d.value + ": none needed"
		}
		// At the end of its bar; where the bar fills the room, inside it.
		toRight := x > at || x == at && place(sides[1-i].need) <= at && !(d.low && sides[1-i].need == d.need)
		st := style(8, ink, left, middle)
		p := vg.Point{X: x + 4, Y: (y0 + y1) / 2}
		width := st.Width(txt)
		if !toRight {
			p.X = x - 4 - width
		}
		p.X = min(max(p.X, b.x0+4), b.x1-4-width)
		c.FillText(st, p, txt)
	}
}

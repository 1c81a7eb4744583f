package plots

import (
	"fmt"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"psyncsim/results"
)

const tickSize = 8.5

// scale maps numbers to a length, evenly or by their logarithm.
type scale struct {
	lo, hi   float64 // as mapped: logarithms if log
	from, to vg.Length
	log      bool
}

func newScale(lo, hi float64, log bool, from, to vg.Length) scale {
	if log {
		lo, hi = math.Log2(lo), math.Log2(hi)
	}
	if !(hi > lo) {
		lo, hi = lo-1, lo+1
	}
	return scale{lo, hi, from, to, log}
}

func (s scale) at(v float64) vg.Length {
	if s.log {
		v = math.Log2(v)
	}
	return s.from + (s.to-s.from)*vg.Length((v-s.lo)/(s.hi-s.lo))
}

// value is what lies at a length.
func (s scale) value(l vg.Length) float64 {
	v := s.lo + (s.hi-s.lo)*float64((l-s.from)/(s.to-s.from))
	if s.log {
		v = math.Exp2(v)
	}
	return v
}

func (s scale) holds(v float64) bool {
	a := s.at(v)
	return a >= min(s.from, s.to)-0.01 && a <= max(s.from, s.to)+0.01
}

// tick is a marked value of an axis.
type tick struct {
	v    float64
	text string
}

// fit leaves out the ticks whose text would touch that of one before; size is
// the room a text takes along the axis.
func fit(ts []tick, s scale, size func(string) vg.Length) []tick {
	var out []tick
	end := vg.Length(math.Inf(-1))
	for _, t := range ts {
		if !s.holds(t.v) {
			continue
		}
		a, half := s.at(t.v), size(t.text)/2
		if a-half < end {
			continue
		}
		out = append(out, t)
		end = a + half
	}
	return out
}

func acrossTicks(s string) vg.Length { return style(tickSize, ink, center, top).Width(s) + 4 }

func upTicks(string) vg.Length { return tickSize + 5 }

// axisX draws ticks with their texts below the box, axisY to its left.
func axisX(c *draw.Canvas, b box, s scale, ts []tick, texts bool) {
	for _, t := range fit(ts, s, acrossTicks) {
		x := s.at(t.v)
		c.StrokeLine2(stroke(ink, 0.8), x, b.y0, x, b.y0-3)
		if texts {
			c.FillText(style(tickSize, ink, center, top), vg.Point{X: x, Y: b.y0 - 5}, t.text)
		}
	}
}

func axisY(c *draw.Canvas, b box, s scale, ts []tick, texts bool) {
	for _, t := range fit(ts, s, upTicks) {
		y := s.at(t.v)
		c.StrokeLine2(stroke(ink, 0.8), b.x0, y, b.x0-3, y)
		if texts {
			c.FillText(style(tickSize, ink, right, middle), vg.Point{X: b.x0 - 5, Y: y}, t.text)
		}
	}
}

func nameX(c *draw.Canvas, b box, below vg.Length, txt string) {
	c.FillText(style(10, ink, center, top), vg.Point{X: (b.x0 + b.x1) / 2, Y: b.y0 - below}, txt)
}

func nameY(c *draw.Canvas, b box, x vg.Length, txt string) {
	c.FillText(turned(style(10, ink, center, top)), vg.Point{X: x, Y: (b.y0 + b.y1) / 2}, txt)
}

// byteTicks marks powers of two between lo and hi, at most n of them or so.
func byteTicks(lo, hi float64, n int, log bool) []tick {
	var ts []tick
	if log {
		a, b := int(math.Ceil(math.Log2(max(lo, 1)))), int(math.Floor(math.Log2(max(hi, 1))))
		step := max(1, int(math.Ceil(float64(b-a)/float64(n))))
		for k := (a + step - 1) / step * step; k <= min(b, 62); k += step {
			ts = append(ts, tick{float64(int64(1) << k), results.PrettyBytes(1 << k)})
		}
		return ts
	}
	step := 1.0
	for (hi-lo)/step > float64(n) {
		step *= 2
	}
	for v := math.Ceil(lo/step) * step; v <= hi; v += step {
		ts = append(ts, tick{v, results.PrettyBytes(int64(v))})
	}
	return ts
}

// timeTicks marks 1, 2, 5, 10 … between lo and hi nanoseconds; evenly, from a minute
// on, whole minutes and hours.
func timeTicks(lo, hi float64, n int, log bool) []tick {
	var ts []tick
	steps := [...]float64{1, 2, 5}
	if log {
		for e := 1.0; e < 1e19; e *= 10 {
			for _, s := range steps {
				if v := e * s; v >= lo*0.999 && v <= hi*1.001 {
					ts = append(ts, tick{v, results.PrettyDuration(int64(v))})
				}
			}
		}
		return ts
	}
	for e := 1.0; e <= 1e10; e *= 10 {
		for _, s := range steps {
			if step := e * s; step < minute && (hi-lo)/step <= float64(n) {
				return everyTime(lo, hi, step)
			}
		}
	}
	for _, m := range [...]float64{1, 2, 5, 10, 20, 30, 60, 120, 240, 480, 720} {
		if (hi-lo)/(m*minute) <= float64(n) {
			return everyTime(lo, hi, m*minute)
		}
	}
	for days := 1.0; days < 1e9; days *= 2 {
		if (hi-lo)/(days*24*60*minute) <= float64(n) {
			return everyTime(lo, hi, days*24*60*minute)
		}
	}
	return nil
}

const minute = 60e9 // ns

// everyTime marks the multiples of a step, in one unit below a minute.
func everyTime(lo, hi, step float64) (ts []tick) {
	for v := math.Ceil(lo/step) * step; v <= hi; v += step {
		name := results.PrettyDuration(int64(v))
		if step >= 1e9 && step < minute {
			name = fmt.Sprintf("%.0f s", v/1e9)
		}
		ts = append(ts, tick{v, name})
	}
	return ts
}

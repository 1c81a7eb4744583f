package plots

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"psyncsim/results"
	"psyncsim/results/risk"
)

// Sizing draws what an answer has data for: the risk curve ([Risk]), the gaps
// by their terms ([Gaps]), how sensitive the answer is ([Tornado]), and the load
// with its outages ([Load]) if there is one. It returns the files' names. Charts of
// an earlier answer that this one does not have are removed.
func Sizing(dir string, a *risk.Answer, l *LoadView) ([]string, error) {
	names, err := Risk(dir, a)
	if err != nil {
		return names, err
	}
	more := []func() ([]string, error){
		func() ([]string, error) { return Gaps(dir, a) },
		func() ([]string, error) { return Tornado(dir, a) },
		func() ([]string, error) { return Load(dir, l) },
	}
	for _, f := range more {
		ns, err := f()
		names = append(names, ns...)
		if err != nil {
			return names, err
		}
	}
	return names, clear(dir, ofSizing, names)
}

var errNoOutages = errors.New("no chart: not one outage was simulated")

// asked is what a sizing was asked, as the small print of a chart.
func asked(a *risk.Answer) string {
	var all []string
	add := func(s string) {
		if s != "" {
			all = append(all, s)
		}
	}
	add(a.Question.Load)
	if a.Question.Rate > 0 {
		add(results.PrettyRate(a.Question.Rate) + " on average")
	}
	if o := a.Question.Outage; strings.Contains(o, "outage") {
		add(o)
	} else if o != "" {
		add("outages " + o)
	}
	add(a.Version)
	add(counted(int64(len(a.Outages)), "simulated outage"))
	add(fmt.Sprintf("seed %d", a.Question.Seed))
	return strings.Join(all, " · ")
}

// sampleOf is what the curve of an answer counts.
func sampleOf(a *risk.Answer) string {
	if a.Question.Per == "month" {
		return "month"
	}
	return "outage"
}

// counted is "1 outage" or "20,000 outages".
func counted(n int64, what string) string {
	if n != 1 {
		what += "s"
	}
	return thousands(n) + " " + what
}

func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// sizeTicks marks powers of two as redis.conf writes them.
func sizeTicks(lo, hi float64, n int) []tick {
	ts := byteTicks(lo, hi, n, true)
	for i := range ts {
		ts[i].text = risk.ConfSize(int64(ts[i].v))
	}
	return ts
}

// shareText is a share in percent with the digits that matter: two beyond what
// is 0, or, near 1, beyond what is 100.
func shareText(s float64) string {
	switch {
	case s <= 0:
		return "0 %"
	case s >= 1:
		return "100 %"
	}
	digits := int(min(max(1-math.Floor(math.Log10(100*min(s, 1-s))), 0), 6))
	if s > 0.01 && s < 0.99 {
		digits = min(digits, 1)
	}
	return fmt.Sprintf("%.*f %%", digits, 100*s)
}

// percentTicks marks shares from lo to hi, or from 0 to 1 if they are not logarithmic.
func percentTicks(lo, hi float64, log bool) (ts []tick) {
	if !log {
		for i := range 6 {
			ts = append(ts, tick{float64(i) / 5, fmt.Sprintf("%d %%", i*20)})
		}
		return ts
	}
	for e := -7; e <= 0; e++ {
		if v := math.Pow10(e); v >= lo*0.999 && v <= hi*1.001 {
			ts = append(ts, tick{v, fmt.Sprintf("%.*f %%", max(0, -e-2), 100*v)})
		}
	}
	return ts
}

// wholePercent is a share that somebody asked for, as they wrote it.
func wholePercent(s float64) string { return fmt.Sprintf("%g %%", math.Round(s*1e8)/1e6) }

// mark is a place on an axis of sizes with its name.
type mark struct {
	at    int64 // bytes
	text  string
	style draw.LineStyle
	bold  bool
}

// placed is a mark with the row that its text stands in, 0 the lowest.
type placed struct {
	mark
	x   vg.Length
	row int
}

// stack puts the texts of marks above a box, each beginning at its line, in
// rows: the line of a mark never crosses the text of another, because whatever
// stands to the right of a mark stands below it. Marks are in the order of their
// sizes; texts that would pass the edge end there.
func stack(marks []mark, sx scale) (out []placed, rows int) {
	out = make([]placed, len(marks))
	for i := len(marks) - 1; i >= 0; i-- {
		p := placed{mark: marks[i], x: sx.at(float64(marks[i].at))}
		end := p.x + markStyle(p.mark).Width(p.text) + 10
		for _, q := range out[i+1:] {
			if q.x < end {
				p.row = max(p.row, q.row+1)
			}
		}
		out[i], rows = p, max(rows, p.row+1)
	}
	return out, rows
}

const markLine = vg.Length(12)

// drawMarks draws the lines through a box and the texts above it.
func drawMarks(c *draw.Canvas, b box, all []placed) {
	for _, p := range all {
		up := b.y1 + 5 + markLine*vg.Length(p.row)
		c.StrokeLine2(p.style, p.x, b.y0, p.x, up+markLine-3)
		c.FillText(markStyle(p.mark), vg.Point{X: p.x + 3, Y: up + markLine/2 - 1.5}, p.text)
	}
}

package plots

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"sort"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"psyncsim/results"
)

// Timeline draws one run over time: how far master and replicas are in the
// stream and what the backlog holds; how far behind the replicas are against
// how far back the backlog reaches; links and verdicts.
func Timeline(dir string, k *results.Kept) ([]string, error) {
	if k.Timeline == nil {
		return nil, nil
	}
	r := newRunView(k)
	if r == nil {
		return nil, nil
	}
	return r.figure().save(dir, "timeline")
}

// runView is a run ready to be drawn.
type runView struct {
	k        *results.Kept
	t0, t1   int64 // the part of the run that is shown
	master   string
	replicas []string
	samples  map[string][]*results.Moment // by server, all at the same instants
	joins    map[string][]*results.Moment // verdicts on a server's requests, all of the run
	bars     []bar
	verdicts []*results.Moment
	downs    []span // of links, for the background
}

// bar is a row of the strip: a name and what was when.
type bar struct {
	name  string
	spans []span
}

type span struct {
	from, to int64
	what     string
}

// maxReplicas is how many lines can be told apart.
const maxReplicas = 5

func newRunView(k *results.Kept) *runView {
	t := k.Timeline
	r := &runView{k: k, samples: make(map[string][]*results.Moment), joins: make(map[string][]*results.Moment)}
	servers, isMaster := t.Servers()
	for _, s := range servers {
		if isMaster[s] && r.master == "" {
			r.master = s
		} else {
			r.replicas = append(r.replicas, s)
		}
	}
	if r.master == "" {
		return nil
	}
	first := r.firsts()
	r.choose(t, first)
	r.window(t, first)
	for i := range t.Moments {
		m := &t.Moments[i]
		if m.What == results.MomentSample {
			r.samples[m.Server] = append(r.samples[m.Server], m)
		}
		if m.What == results.MomentVerdict {
			r.joins[m.Server] = append(r.joins[m.Server], m)
		}
		if m.What == results.MomentVerdict && m.T >= r.t0 && m.T <= r.t1 {
			r.verdicts = append(r.verdicts, m)
		}
	}
	r.spans(t)
	return r
}

// choose keeps as many replicas as can be told apart: those that lost their
// master or were judged again before the others.
func (r *runView) choose(t *results.Timeline, first map[*results.Moment]bool) {
	if len(r.replicas) <= maxReplicas {
		return
	}
	trouble := make(map[string]bool)
	for i := range t.Moments {
		if m := &t.Moments[i]; m.What == results.MomentLost || m.What == results.MomentVerdict && !first[m] {
			trouble[m.Server] = true
		}
	}
	slices.SortStableFunc(r.replicas, func(a, b string) int {
		switch {
		case trouble[a] == trouble[b]:
			return 0
		case trouble[a]:
			return -1
		}
		return 1
	})
	r.replicas = r.replicas[:maxReplicas]
}

// window chooses what is shown: from before the first trouble until after the
// last verdict; all of a run without trouble.
func (r *runView) window(t *results.Timeline, first map[*results.Moment]bool) {
	var end int64
	from, to := int64(math.MaxInt64), int64(-1)
	for i := range t.Moments {
		m := &t.Moments[i]
		end = max(end, m.T)
		switch m.What {
		case results.MomentSample, results.MomentEnd:
			continue
		case results.MomentOnline, results.MomentStarted:
			if to < 0 {
				continue // the beginning
			}
		case results.MomentVerdict:
			if first[m] {
				continue
			}
		}
		from, to = min(from, m.T), max(to, m.T)
	}
	r.t0, r.t1 = 0, end
	if to >= 0 {
		pad := max((to-from)*35/100, 500e6)
		r.t0, r.t1 = max(0, from-pad), min(end, to+pad)
	}
	if r.t1 <= r.t0 {
		r.t1 = r.t0 + 1e9
	}
}

// What a link or a server can be.
const (
	isUp     = "up"
	isReset  = "reset"
	isSilent = "silent"
	isSynced = "in sync"
	isFull   = "full sync"
	isAlone  = "no master"
	isRaised = "master"
	isKilled = "not running"
	isPaused = "frozen"
)

var spanColors = map[string]color.NRGBA{
	isUp: fade(green, 150), isReset: vermilion, isSilent: orange, isSynced: fade(blue, 150), isAlone: shade(215),
	isFull: fade(yellow, 150), isRaised: fade(green, 150),
	isKilled: shade(90), isPaused: purple,
}

// spans follows the state of every link, and of every server, through the run.
func (r *runView) spans(t *results.Timeline) {
	index := make(map[string]int)
	set := func(name, initial string, at int64, what string) {
		i, ok := index[name]
		if !ok {
			i = len(r.bars)
			index[name] = i
			r.bars = append(r.bars, bar{name, []span{{0, at, initial}}})
		}
		b := &r.bars[i]
		last := &b.spans[len(b.spans)-1]
		if last.what == what {
			return
		}
		last.to = at
		b.spans = append(b.spans, span{at, at, what})
	}
	// Links stand first, then replicas in their order.
	for i := range t.Moments {
		m := &t.Moments[i]
		link := "link " + strings.Replace(m.Peer, "-", " – ", 1)
		switch m.What {
		case results.MomentCut:
			set(link, isUp, m.T, isReset)
		case results.MomentSilent:
			set(link, isUp, m.T, isSilent)
		case results.MomentHeal:
			set(link, isUp, m.T, isUp)
		}
	}
	links := len(r.bars)
	for _, s := range r.replicas {
		set(s, isAlone, 0, isAlone)
	}
	for i := range t.Moments {
		m := &t.Moments[i]
		if _, shown := index[m.Server]; !shown && m.What != results.MomentKilled && m.What != results.MomentPaused {
			continue
		}
		switch m.What {
		case results.MomentSample: // a replica that was promoted, and back
			b := r.bars[index[m.Server]].spans
			switch last := b[len(b)-1].what; {
			case m.Master && m.Server != r.master && (last == isAlone || last == isSynced || last == isFull):
				set(m.Server, isAlone, m.T, isRaised)
			case !m.Master && last == isRaised:
				set(m.Server, isAlone, m.T, isAlone)
			}
		case results.MomentVerdict:
			if m.Kind == results.Full && m.Server != r.master {
				set(m.Server, isAlone, m.T, isFull)
			}
		case results.MomentOnline:
			set(m.Server, isAlone, m.T, isSynced)
		case results.MomentLost:
			set(m.Server, isAlone, m.T, isAlone)
		case results.MomentKilled:
			set(m.Server, isUp, m.T, isKilled)
		case results.MomentPaused:
			set(m.Server, isUp, m.T, isPaused)
		case results.MomentStarted, results.MomentResumed:
			b := r.bars[index[m.Server]].spans
			switch last := b[len(b)-1]; {
			case m.What == results.MomentResumed && last.what == isPaused && len(b) > 1:
				set(m.Server, isUp, m.T, b[len(b)-2].what)
			case last.what == isKilled && m.Server == r.master:
				set(m.Server, isUp, m.T, isUp)
			case last.what == isKilled:
				set(m.Server, isUp, m.T, isAlone)
			}
		}
	}
	for i := range r.bars {
		b := &r.bars[i]
		b.spans[len(b.spans)-1].to = r.t1
		for _, s := range b.spans {
			if i < links && s.what != isUp {
				r.downs = append(r.downs, s)
			}
		}
	}
}

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
	head := newHeading(leftRoom+w, r.k.Question, r.subtitle(), r.legend())
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

// last is the newest of some moments at or before t, nil without one.
func last(ms []*results.Moment, t int64) *results.Moment {
	n := sort.Search(len(ms), func(i int) bool { return ms[i].T > t })
	if n == 0 {
		return nil
	}
	return ms[n-1]
}

// above is where the master stood then whose stream a server took: the one at
// the top of those that it was served by last. Nil without one.
func (r *runView) above(server string, t int64) *results.Moment {
	for range len(r.samples) {
		v := last(r.joins[server], t)
		if v == nil {
			return nil
		}
		server = v.Peer
		if m := last(r.samples[server], t); m == nil || m.Master {
			return m
		}
	}
	return nil // they follow each other in a ring
}

// lags pairs a replica's samples with what its master had written then: the one
// that it had then, which after a failover is another.
func (r *runView) lags(server string, f func(t, lag int64)) {
	r.inside(server, func(m *results.Moment) {
		if m.Master {
			return
		}
		top := r.above(server, m.T)
		if top == nil {
			top = last(r.samples[r.current(m.T)], m.T)
		}
		if top != nil {
			f(m.T, max(0, top.Offset-m.Offset))
		}
	})
}

// current is the master at an instant: of several the one that became it last.
func (r *runView) current(t int64) string {
	name, since := r.master, int64(-1)
	for _, s := range append([]string{r.master}, r.replicas...) {
		ms := r.samples[s]
		n := sort.Search(len(ms), func(i int) bool { return ms[i].T > t })
		if n == 0 || !ms[n-1].Master {
			continue
		}
		for n > 0 && ms[n-1].Master {
			n--
		}
		if from := ms[n].T; from > since {
			name, since = s, from
		}
	}
	return name
}

// masters calls f for the samples that are shown of the server that was the
// master then.
func (r *runView) masters(f func(m *results.Moment)) {
	r.inside(r.master, func(m *results.Moment) {
		if x := last(r.samples[r.current(m.T)], m.T); x != nil {
			f(x)
		}
	})
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

// firsts are the first synchronizations: nothing was missed there. The first
// one of a server that was the master of others is none.
func (r *runView) firsts() map[*results.Moment]bool {
	first, seen := make(map[*results.Moment]bool), make(map[string]bool)
	for i := range r.k.Timeline.Moments {
		switch m := &r.k.Timeline.Moments[i]; m.What {
		case results.MomentVerdict:
			first[m] = !seen[m.Server]
			seen[m.Server], seen[m.Peer] = true, true
		}
	}
	return first
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
			if st.Width(s.what)+4 < p.w() {
				c.FillText(st, vg.Point{X: (p.x0 + p.x1) / 2, Y: (p.y0 + p.y1) / 2}, s.what)
			}
		}
		y -= h + 3
	}
	c.StrokeLine2(stroke(ink, 0.8), b.x0, b.y0, b.x1, b.y0)
}

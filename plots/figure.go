// Package plots draws kept results: where full resynchronization begins against
// the rule 2 × seconds × write rate ([Boundary]), the same collapsed onto
// backlog ÷ (outage × rate) ([Collapsed]), one run over time ([Timeline]), and
// what sizing a backlog found ([Sizing]).
//
// A figure is laid out by hand on gonum/plot's canvases, once for PNG and once
// for SVG: logarithmic axes in bytes and seconds, cells with edges where the
// values' geometric middles are, legends beside the data. The same results give
// the same bytes on one kind of machine; the last bits of a float, and so a
// shade at the edge of a line, may differ on another.
package plots

import (
	"bytes"
	"image/color"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/font/liberation"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

const (
	dpi    = 180
	margin = vg.Length(16) // free space around a figure
	// pixel is a pixel of the PNG; edges of cells lie on whole ones.
	pixel = vg.Length(72.0 / dpi)
)

var fonts = text.Plain{Fonts: font.NewCache(liberation.Collection())}

// Colours that stay apart for the colour-blind: Okabe and Ito's.
var (
	black     = color.NRGBA{0, 0, 0, 255}
	orange    = color.NRGBA{230, 159, 0, 255}
	skyBlue   = color.NRGBA{86, 180, 233, 255}
	green     = color.NRGBA{0, 158, 115, 255}
	blue      = color.NRGBA{0, 114, 178, 255}
	vermilion = color.NRGBA{213, 94, 0, 255}
	purple    = color.NRGBA{204, 121, 167, 255}
	yellow    = color.NRGBA{200, 180, 40, 255} // darker than theirs, to show on white
	white     = color.NRGBA{255, 255, 255, 255}
	ink       = color.NRGBA{40, 40, 40, 255}
	faint     = color.NRGBA{110, 110, 110, 255}
	gridGrey  = color.NRGBA{225, 225, 225, 255}
	blankGrey = color.NRGBA{236, 236, 236, 255}

	// series leaves out vermilion, which is the rule's.
	series = []color.NRGBA{blue, purple, green, orange, skyBlue, black, yellow, faint}
)

func fade(c color.NRGBA, alpha uint8) color.NRGBA { c.A = alpha; return c }

// shares is the colour scale of a share from 0 to 1, after Cividis: its
// lightness grows evenly, also for the colour-blind and in grey print.
var shares = [...][3]float64{
	{0, 34, 78}, {18, 53, 112}, {59, 73, 108}, {87, 93, 109}, {112, 113, 115},
	{138, 134, 120}, {165, 156, 116}, {195, 179, 105}, {225, 204, 85}, {254, 232, 56},
}

func shareColor(s float64) color.NRGBA {
	s = min(max(s, 0), 1) * float64(len(shares)-1)
	i := min(int(s), len(shares)-2)
	f := s - float64(i)
	mix := func(k int) uint8 { return uint8(math.Round(shares[i][k]*(1-f) + shares[i+1][k]*f)) }
	return color.NRGBA{mix(0), mix(1), mix(2), 255}
}

// figure is a drawing of a certain size.
type figure struct {
	w, h vg.Length
	draw func(c *draw.Canvas)
}

// save writes the figure as NAME.png and NAME.svg, each whole or not at all.
func (f *figure) save(dir, name string) ([]string, error) {
	img := vgimg.NewWith(vgimg.UseWH(f.w, f.h), vgimg.UseDPI(dpi))
	svg := vgsvg.New(f.w, f.h)
	var names []string
	for _, t := range []struct {
		ext   string
		c     vg.CanvasSizer
		write func(io.Writer) error
	}{{".png", img, func(w io.Writer) error { return writePNG(w, img.Image()) }}, {".svg", svg, func(w io.Writer) error { _, err := svg.WriteTo(w); return err }}} {
		c := draw.New(t.c)
		if t.ext == ".svg" { // a PNG is white
			c.FillPolygon(white, rectangle(0, 0, f.w, f.h))
		}
		f.draw(&c)
		var b bytes.Buffer
		if err := t.write(&b); err != nil {
			return names, err
		}
		out := b.Bytes()
		if t.ext == ".svg" {
			// The font is named, not embedded: say what may stand in for it.
			out = bytes.ReplaceAll(out, []byte("font-family:Liberation Sans;"), []byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif;"))
		}
		if err := writeFile(filepath.Join(dir, name+t.ext), out); err != nil {
			return names, err
		}
		names = append(names, name+t.ext)
	}
	return names, nil
}

func writeFile(path string, b []byte) error {
	t, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	_, err = t.Write(b)
	if err == nil {
		err = t.Chmod(0o644)
	}
	if e := t.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(t.Name(), path)
	}
	if err != nil {
		os.Remove(t.Name())
	}
	return err
}

func rectangle(x0, y0, x1, y1 vg.Length) []vg.Point {
	return []vg.Point{{X: x0, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y1}, {X: x0, Y: y1}}
}

// box is a part of the figure.
type box struct{ x0, y0, x1, y1 vg.Length }

func (b box) w() vg.Length { return b.x1 - b.x0 }
func (b box) h() vg.Length { return b.y1 - b.y0 }

// clip makes a canvas of the box, for its Clip methods.
func (b box) clip(c *draw.Canvas) draw.Canvas {
	return draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{Min: vg.Point{X: b.x0, Y: b.y0}, Max: vg.Point{X: b.x1, Y: b.y1}}}
}

// lines draws a line, cut at the edges of the box.
func (b box) lines(c *draw.Canvas, s draw.LineStyle, pts ...vg.Point) {
	d := b.clip(c)
	d.StrokeLines(s, d.ClipLinesXY(pts)...)
}

func (b box) polygon(c *draw.Canvas, clr color.Color, pts []vg.Point) {
	d := b.clip(c)
	if p := d.ClipPolygonXY(pts); len(p) > 2 {
		c.FillPolygon(clr, p)
	}
}

func (b box) frame(c *draw.Canvas) {
	p := rectangle(b.x0, b.y0, b.x1, b.y1)
	c.StrokeLines(stroke(ink, 0.8), append(p, p[0]))
}

func stroke(clr color.Color, w vg.Length, dashes ...vg.Length) draw.LineStyle {
	return draw.LineStyle{Color: clr, Width: w, Dashes: dashes}
}

// How text can be set against its point.
const (
	left   = text.XLeft
	center = text.XCenter
	right  = text.XRight
	top    = text.YTop
	middle = text.YCenter
	bottom = text.YBottom
)

func style(size vg.Length, clr color.Color, x text.XAlignment, y text.YAlignment) text.Style {
	return text.Style{
		Color: clr, XAlign: x, YAlign: y, Handler: fonts,
		Font: font.Font{Typeface: "Liberation", Variant: "Sans", Size: size},
	}
}

func bold(s text.Style) text.Style { s.Font.Weight = xfont.WeightBold; return s }

func turned(s text.Style) text.Style { s.Rotation = math.Pi / 2; return s }

// label draws text on a patch of white, so that it can be read on anything.
func label(c *draw.Canvas, s text.Style, at vg.Point, txt string) {
	r := s.Rectangle(txt).Add(at)
	c.FillPolygon(fade(white, 215), rectangle(r.Min.X-1.5, r.Min.Y-0.5, r.Max.X+1.5, r.Max.Y+0.5))
	c.FillText(s, at, txt)
}

// wrap breaks text into lines of that width; a word that is wider is cut.
func wrap(s text.Style, txt string, width vg.Length) []string {
	var lines []string
	line := ""
	for _, w := range strings.Fields(strings.ToValidUTF8(txt, "?")) {
		for utf8.RuneCountInString(w) > 1 && s.Width(w) > width {
			r := []rune(strings.TrimSuffix(w, "…"))
			w = string(r[:len(r)-1]) + "…"
			if len(r) <= 2 {
				break
			}
		}
		next := w
		if line != "" {
			next = line + " " + w
		}
		if line != "" && s.Width(next) > width {
			lines = append(lines, line)
			next = w
		}
		line = next
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// heading is the question and what it was asked of.
type heading struct {
	title, sub []string
	legend     []entry
	legendRows [][]entry
}

const (
	titleSize  = 13
	subSize    = 9
	titleLine  = vg.Length(17)
	subLine    = vg.Length(12)
	legendLine = vg.Length(15)
	swatch     = vg.Length(24)
)

// entry is one line of a legend.
type entry struct {
	text string
	draw func(c *draw.Canvas, b box)
}

func newHeading(width vg.Length, title, sub string, legend []entry) *heading {
	h := &heading{legend: legend}
	if strings.TrimSpace(title) == "" {
		title = "psyncsim"
	}
	h.title = wrap(bold(style(titleSize, ink, left, top)), title, width)
	if len(h.title) > 4 {
		h.title = append(h.title[:3], h.title[3]+" …")
	}
	h.sub = wrap(style(subSize, faint, left, top), sub, width)
	st := style(subSize, ink, left, middle)
	room := vg.Length(0)
	for _, e := range legend {
		w := swatch + 6 + st.Width(e.text) + 14
		if len(h.legendRows) == 0 || room+w > width+14 {
			h.legendRows = append(h.legendRows, nil)
			room = 0
		}
		room += w
		last := len(h.legendRows) - 1
		h.legendRows[last] = append(h.legendRows[last], e)
	}
	return h
}

func (h *heading) height() vg.Length {
	t := titleLine*vg.Length(len(h.title)) + subLine*vg.Length(len(h.sub)) + 8
	if n := len(h.legendRows); n > 0 {
		t += legendLine*vg.Length(n) + 4
	}
	return t
}

func (h *heading) draw(c *draw.Canvas, x, y vg.Length) {
	for _, l := range h.title {
		c.FillText(bold(style(titleSize, ink, left, top)), vg.Point{X: x, Y: y}, l)
		y -= titleLine
	}
	for _, l := range h.sub {
		c.FillText(style(subSize, faint, left, top), vg.Point{X: x, Y: y - 1}, l)
		y -= subLine
	}
	y -= 8
	st := style(subSize, ink, left, middle)
	for _, row := range h.legendRows {
		at := x
		for _, e := range row {
			e.draw(c, box{at, y - 10, at + swatch, y})
			c.FillText(st, vg.Point{X: at + swatch + 6, Y: y - 5}, e.text)
			at += swatch + 6 + st.Width(e.text) + 14
		}
		y -= legendLine
	}
}

// snap moves a length onto a whole pixel.
func snap(l vg.Length) vg.Length { return vg.Length(math.Round(float64(l/pixel))) * pixel }

// shade is a grey.
func shade(v uint8) color.NRGBA { return color.NRGBA{v, v, v, 255} }

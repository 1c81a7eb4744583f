package results

import (
	"bufio"
	"strconv"
	"strings"
	"unicode/utf8"
)

// printer writes lines and counts them.
type printer struct {
	w     *bufio.Writer
	o     TableOptions
	lines int
}

func (p *printer) line(parts ...string) {
	p.lines++
	p.w.WriteString(strings.TrimRight(strings.Join(parts, ""), " ") + "\n")
}

func (p *printer) paint(color, s string) string {
	if !p.o.Color || color == "" {
		return s
	}
	return color + s + colorOff
}

func width(s string) int { return utf8.RuneCountInString(s) }

func padLeft(s string, n int) string { return strings.Repeat(" ", max(0, n-width(s))) + s }

func padRight(s string, n int) string { return s + strings.Repeat(" ", max(0, n-width(s))) }

func cut(s string, n int) string {
	if width(s) <= n {
		return s
	}
	return string([]rune(s)[:max(0, n-1)]) + "…"
}

func wrap(s string, n int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		if line != "" && width(line)+1+width(word) > n {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// grid is cells to be aligned: the first column to the left, the others to the
// right, but those in left.
type grid struct {
	head []string
	rows [][]string
	left map[int]bool
	// color of a cell, if any
	color func(row, col int) string
}

func plural(n int64, what string) string {
	if n != 1 {
		what += "s"
	}
	return thousands(n) + " " + what
}

func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func (p *printer) grid(g *grid) {
	ws := make([]int, len(g.head))
	for i, h := range g.head {
		ws[i] = width(h)
	}
	for _, r := range g.rows {
		for i, c := range r {
			ws[i] = max(ws[i], width(c))
		}
	}
	show := func(row int, cells []string) {
		var b strings.Builder
		for i, c := range cells {
			if i > 0 {
				b.WriteString("  ")
			}
			t := padLeft(c, ws[i])
			if i == 0 || g.left[i] {
				t = padRight(c, ws[i])
				if i == len(cells)-1 {
					t = c
				}
			}
			if row < 0 {
				t = p.paint(colorFaint, t)
			} else if g.color != nil {
				t = p.paint(g.color(row, i), t)
			}
			b.WriteString(t)
		}
		p.line("  ", b.String())
	}
	show(-1, g.head)
	for i, r := range g.rows {
		show(i, r)
	}
}

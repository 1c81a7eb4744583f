package scenarios

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Problem is one thing that is wrong with a scenario, and where.
type Problem struct {
	File      string // the scenario, a file it names, or "--set PATH=VALUE"
	Line, Col int    // counted from 1; 0 when there is no place
	Text      string // the offending text, shortened
	Want      string // what is wrong with it and what was expected
}

// String is the problem's one line.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
		if p.Col > 0 {
			fmt.Fprintf(&b, ":%d", p.Col)
		}
	}
	b.WriteString(": ")
	if p.Text != "" {
		b.WriteString(p.Text)
		b.WriteString(": ")
	}
	b.WriteString(p.Want)
	return b.String()
}

// Problems are all problems of a scenario at once, in the order of their
// places. It is the error type of Load, ReadFile and OpenEmbedded.
type Problems struct {
	List []Problem
	More int // further ones that were not kept
}

// maxProblems is how many are kept; nobody reads more at a time.
const maxProblems = 100

func (p *Problems) Error() string {
	lines := make([]string, 0, len(p.List)+1)
	for _, q := range p.List {
		lines = append(lines, q.String())
	}
	if p.More > 0 {
		lines = append(lines, fmt.Sprintf("… and %d more", p.More))
	}
	return strings.Join(lines, "\n")
}

// count is how many problems there are so far.
func (p *Problems) count() int { return len(p.List) + p.More }

func (p *Problems) add(q Problem) {
	q.Text = shorten(q.Text)
	for _, have := range p.List {
		if have == q {
			return
		}
	}
	if len(p.List) >= maxProblems {
		p.More++
		return
	}
	p.List = append(p.List, q)
}

// err is the list as an error, or nil if nothing is wrong.
func (p *Problems) err() error {
	if len(p.List) == 0 {
		return nil
	}
	sort.SliceStable(p.List, func(i, j int) bool {
		a, b := p.List[i], p.List[j]
		if a.File != b.File {
			return false // files keep the order in which they were met
		}
		if a.Line != b.Line {
			return a.Line < b.Line
		}
		return a.Col < b.Col
	})
	return p
}

// shorten makes a text fit for one line of a message: no control bytes, at
// most 60 characters.
func shorten(s string) string {
	const most = 60
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n == most {
			b.WriteString("…")
			break
		}
		switch {
		case r == utf8.RuneError:
			b.WriteString("\\ufffd")
		case r < 0x20 || r >= 0x7f && r < 0xa0:
			q := strconv.QuoteRune(r)
			b.WriteString(q[1 : len(q)-1])
		default:
			b.WriteRune(r)
		}
		n++
	}
	return b.String()
}

// oneOf names the choices, and the nearest one when there is a near one.
func oneOf(got string, choices []string) string {
	if near := nearest(got, choices); near != "" {
		return "did you mean " + near + "?"
	}
	if len(choices) == 0 {
		return "nothing is possible here"
	}
	return "expected one of " + strings.Join(choices, ", ")
}

// nearest is the choice that a typing error may have made into got, or "".
func nearest(got string, choices []string) string {
	if len(got) > 64 {
		return ""
	}
	best, bestDist := "", 1+len(got)/3
	got = strings.ToLower(got)
	for _, c := range choices {
		if d := editDistance(got, strings.ToLower(c)); d <= bestDist && (best == "" || d < bestDist) {
			best, bestDist = c, d
		}
	}
	return best
}

// editDistance counts insertions, deletions, changes and swaps of neighbours.
func editDistance(a, b string) int {
	if a == b {
		return 0
	}
	var before, prev []int
	cur := make([]int, len(b)+1)
	for j := range cur {
		cur[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, prev, cur = prev, cur, make([]int, len(b)+1)
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
		}
	}
	return cur[len(b)]
}

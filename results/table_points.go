package results

import "fmt"

// points shows the points: as one or more matrices of shares where the sweep
// has two axes of numbers, else one by one.
func (p *printer) points(k *Kept) {
	if len(k.Axes) == 0 || len(k.Points) == 0 {
		return
	}
	p.line()
	dims := Dims(k.Axes, k.Points)
	row, col := -1, -1
	for i, d := range dims {
		if d.Words || !d.Varies() {
			continue
		}
		switch {
		case d.Name == "backlog" || row < 0 && d.Name != "outage":
			if row >= 0 && col < 0 {
				col = row
			}
			row = i
		case d.Name == "outage" || col < 0:
			col = i
		}
	}
	if row < 0 || col < 0 || len(k.Points) <= 12 || len(k.Points) > 1<<20 {
		p.list(k, dims)
		return
	}
	p.matrices(k, dims, row, col)
}

// list shows points line by line.
func (p *printer) list(k *Kept, dims []Dim) {
	g := &grid{left: map[int]bool{}}
	for i, d := range dims {
		g.head = append(g.head, Words(d.Name))
		g.left[i] = d.Words
	}
	g.head = append(g.head, "runs", "reconnects", "full", "runs with a full", "95 % interval", "gap up to", "most for")
	g.left[len(g.head)-1] = true
	room := max(5, p.o.Height-p.lines-6)
	for i, n := range k.Points {
		if i == room {
			break
		}
		var r []string
		for _, d := range dims {
			r = append(r, cut(n.Values[d.Index].Pretty(), 24))
		}
		share, interval := "–", "–"
		if n.Tried() > 0 {
			share, interval = percent(n.FullRuns, n.Tried())+" %", intervalText(n.FullRuns, n.Tried())
		}
		reason, _ := n.Reasons.Most()
		g.rows = append(g.rows, append(r, thousands(n.Runs), thousands(n.Reconnects), thousands(n.Fulls), share, interval,
			BinaryBytes(n.GapMax), reason))
	}
	p.grid(g)
	p.more(int64(len(k.Points) - room))
}

func (p *printer) more(points int64) {
	if points > 0 {
		p.line(p.paint(colorFaint, fmt.Sprintf("… and %s in %s", plural(points, "more point"), RunsFile)))
	}
}

// matrices shows shares as backlog × outage, one block for each value of the
// other axes, as many as there is room for.
func (p *printer) matrices(k *Kept, dims []Dim, row, col int) {
	var others []Dim
	for i, d := range dims {
		if i != row && i != col && d.Varies() {
			others = append(others, d)
		}
	}
	type block struct {
		label  string
		points map[[2]Value]*Point
	}
	var blocks []*block
	index := make(map[string]*block)
	for _, n := range k.Points {
		l := n.Label(others)
		b := index[l]
		if b == nil {
			b = &block{l, make(map[[2]Value]*Point)}
			index[l] = b
			blocks = append(blocks, b)
		}
		b.points[[2]Value{n.Values[row], n.Values[col]}] = n
	}
	p.line(p.paint(colorBold, "Share of runs that needed a full resync, in %"), "  (· nobody reconnected)")
	// The largest backlog on top, as in the chart; both axes thinned to the screen.
	rows, cols := thin(dims[row].Values, 16), thin(dims[col].Values, max(2, (p.o.Width-16)/9))
	var shown int64
	for i, b := range blocks {
		if i > 0 && p.lines+len(rows)+5 > p.o.Height {
			break
		}
		if b.label != "" {
			p.line(b.label)
		}
		g := &grid{head: []string{Words(dims[row].Name) + " \\ " + Words(dims[col].Name)}}
		for _, v := range cols {
			g.head = append(g.head, v.Pretty())
		}
		for j := len(rows) - 1; j >= 0; j-- {
			r := []string{rows[j].Pretty()}
			for _, v := range cols {
				n := b.points[[2]Value{rows[j], v}]
				switch {
				case n == nil:
					r = append(r, "")
					continue
				case n.Tried() == 0:
					r = append(r, "·")
				default:
					r = append(r, percent(n.FullRuns, n.Tried()))
				}
				shown++
			}
			g.rows = append(g.rows, r)
		}
		g.color = func(row, col int) string {
			switch c := g.rows[row][col]; {
			case col == 0 || c == "" || c == "·":
				return ""
			case c == "0":
				return colorGreen
			case c == "100":
				return colorRed
			}
			return ""
		}
		p.grid(g)
	}
	p.more(int64(len(k.Points)) - shown)
}

// thin keeps at most n values, evenly spread, with the first and the last.
func thin(vs []Value, n int) []Value {
	if len(vs) <= n {
		return vs
	}
	out := make([]Value, 0, n)
	for i := range n {
		out = append(out, vs[i*(len(vs)-1)/(n-1)])
	}
	return out
}

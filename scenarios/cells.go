package scenarios

import (
	"fmt"
	"strconv"
	"strings"

	"psyncsim/sim"
)

// SeedRange is what --seeds asks for: the seeds First to Last at every sweep
// point, instead of the scenario's own. The zero value asks for nothing.
type SeedRange struct {
	First, Last uint64
	Given       bool
}

// ParseSeeds reads "A..B", or "A" for one seed.
func ParseSeeds(s string) (SeedRange, error) {
	a, b, ok := strings.Cut(s, "..")
	if !ok {
		b = a
	}
	first, err1 := strconv.ParseUint(a, 10, 62)
	last, err2 := strconv.ParseUint(b, 10, 62)
	if err1 != nil || err2 != nil || last < first {
		return SeedRange{}, fmt.Errorf("%q: expected seeds such as 1..20", shorten(s))
	}
	return SeedRange{First: first, Last: last, Given: true}, nil
}

// PointKey is the index of a sweep point: cells with the same key differ in
// their seed only.
type PointKey int

// Cell is one run.
type Cell struct {
	Index  int      // in the order of the sweep
	Point  []Value  // a value for every axis, in the order of the file; read only
	Key    PointKey //
	Seed   uint64   // of the scenario, plus the number of the run within its point
	Config *sim.Config
	Meta   Meta
	// Err tells that this combination of values is impossible. Load finds such
	// combinations in sweeps of up to 4096 points; Config is then nil.
	Err error
}

// Cells are all runs of a scenario. Nothing is kept: each is made when it is
// asked for.
type Cells struct {
	s     *Scenario
	first uint64
	reps  int64
	n     int
}

// Cells spreads the sweep: its grid with the first axis outermost, and the
// seeds of every point innermost.
func (s *Scenario) Cells(seeds SeedRange) (Cells, error) {
	c := Cells{s: s, first: s.Seed, reps: s.Repeat}
	if seeds.Given {
		c.first, c.reps = seeds.First, int64(seeds.Last-seeds.First)+1
	}
	runs := satMul(s.points, c.reps)
	if runs > MaxRuns {
		var b strings.Builder
		for _, a := range s.Axes {
			fmt.Fprintf(&b, "%s %s × ", a.Name, countText(a.Len))
		}
		return Cells{}, fmt.Errorf("%s: %s runs (%sseeds %s); at most %s at a time", s.File, countText(runs), b.String(), countText(c.reps), countText(MaxRuns))
	}
	c.n = int(runs)
	return c, nil
}

// Len is the number of runs.
func (c Cells) Len() int { return c.n }

// Points is the number of sweep points.
func (c Cells) Points() int { return int(c.s.points) }

// Repeats is the number of runs of every point.
func (c Cells) Repeats() int { return int(c.reps) }

// At makes one cell. It may be called by many at once; who wants many cells in
// a row is better served by a Cursor.
func (c Cells) At(i int) Cell { return c.NewCursor().At(i) }

// Cursor makes cells for one goroutine and keeps the last sweep point.
type Cursor struct {
	c    Cells
	at   []int64
	cell Cell // the last one
	plan *plan
	any  bool
}

// NewCursor begins a walk over the cells.
func (c Cells) NewCursor() *Cursor {
	return &Cursor{c: c, at: make([]int64, len(c.s.Axes))}
}

// At makes one cell. What its pointers lead to is shared with the other cells
// of the point and must not be changed; its Config has the seed of the last cell that
// was made.
func (u *Cursor) At(i int) Cell {
	if i < 0 || i >= u.c.n {
		panic(fmt.Sprintf("scenarios: cell %d of %d", i, u.c.n))
	}
	s := u.c.s
	key := PointKey(int64(i) / u.c.reps)
	rep := int64(i) % u.c.reps
	if !u.any || u.cell.Key != key {
		u.any = true
		s.spread(int64(key), u.at)
		d := s.decoder()
		p, values := s.compile(d, u.at)
		u.plan = p
		u.cell = Cell{Key: key, Point: values}
		if err := d.problems.err(); err != nil {
			u.cell.Err = err
		} else {
			u.cell.Meta = p.meta
			p.config.Asks = s.asks(values)
		}
	}
	cell := u.cell
	cell.Index = i
	cell.Seed = u.c.first + uint64(rep)
	if cell.Err == nil {
		u.plan.config.Seed = cell.Seed
		cell.Config = &u.plan.config
	}
	return cell
}

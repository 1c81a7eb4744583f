package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"psyncsim/model"

	"psyncsim/results"
	"psyncsim/scenarios"
	"psyncsim/sim"
)

var errInterrupted = errors.New("interrupted")

// batch is how many neighbouring cells a worker takes at a time: they share
// their sweep point, and the hand-over costs little.
const batch = 16

// part is one batch on its way from a worker to the writer.
type part struct {
	n     int // number of the batch
	cells []scenarios.Cell
	runs  []*results.Run
	unmet [][]string // expectations of each run that did not hold; of a filter
	err   error
}

// sweep runs the cells [first, last) on as many workers as asked and gives every
// run to take in the order of the sweep. Each worker has a world of its own;
// nothing is shared. When ctx ends, runs under way are finished, no more are
// begun, what lies before the first that is missing is given, and the error is
// errInterrupted. A cell that fails ends the sweep behind the runs before it.
func sweep(ctx context.Context, cells scenarios.Cells, first, last, jobs int, bytes bool,
	take func(*scenarios.Cell, *results.Run) error) error {
	batches := (last - first + batch - 1) / batch
	jobs = min(jobs, max(batches, 1))
	todo := make(chan int)
	done := make(chan part, jobs)
	ahead := make(chan struct{}, 4*jobs) // bounds what waits for its turn
	stop, halt := context.WithCancel(ctx)
	defer halt()
	go func() {
		defer close(todo)
		for n := range batches {
			select {
			case ahead <- struct{}{}:
			case <-stop.Done():
				return
			}
			select {
			case todo <- n:
			case <-stop.Done():
				return
			}
		}
	}()
	var wg sync.WaitGroup
	for range jobs {
		wg.Add(1)
		go func() {
			defer wg.Done()
			w := worker{ctx: ctx, cursor: cells.NewCursor(), bytes: bytes}
			for n := range todo {
				from := first + n*batch
				done <- w.play(ctx, n, from, min(from+batch, last))
			}
		}()
	}
	go func() { wg.Wait(); close(done) }()
	err := inOrder(done, ahead, halt, func(p *part, i int) error { return take(&p.cells[i], p.runs[i]) })
	if err == nil && ctx.Err() != nil {
		return errInterrupted
	}
	return err
}

// inOrder gives parts to take in their order. After a failure it lets the
// workers run dry.
func inOrder(done <-chan part, ahead <-chan struct{}, halt func(), take func(p *part, i int) error) (err error) {
	waiting := map[int]part{}
	next := 0
	for p := range done {
		waiting[p.n] = p
		for {
			q, ok := waiting[next]
			if !ok {
				break
			}
			delete(waiting, next)
			next++
			<-ahead
			if err != nil && !errors.Is(err, errInterrupted) {
				continue
			}
			for i := range q.runs { // after an interruption too: it is finished
				if e := take(&q, i); e != nil {
					err = e
					break
				}
			}
			if err == nil {
				err = q.err
			}
			if err != nil {
				halt()
			}
		}
	}
	return err
}

// worker plays cells in one world that it keeps.
type worker struct {
	ctx     context.Context
	cursor  *scenarios.Cursor
	world   *sim.World
	collect *results.Collector
	bytes   bool
	of      scenarios.Cell // the last one, and
	meta    results.Meta   // what results know of it
}

func (w *worker) play(ctx context.Context, n, from, to int) part {
	p := part{n: n}
	for i := from; i < to; i++ {
		if ctx.Err() != nil {
			p.err = errInterrupted
			break
		}
		cell := w.cursor.At(i)
		r, err := w.one(&cell)
		if err != nil {
			p.err = err
			break
		}
		p.cells = append(p.cells, cell)
		p.runs = append(p.runs, r)
	}
	return p
}

func (w *worker) one(cell *scenarios.Cell) (*results.Run, error) {
	if cell.Err != nil {
		return nil, fmt.Errorf("run %d: %w", cell.Index, cell.Err)
	}
	m := w.metaOf(cell)
	if w.collect == nil {
		w.collect = results.NewCollector(m)
	} else {
		w.collect.Reset(m)
	}
	c := cell.Config
	if w.bytes {
		own := *c
		own.Bytes = true
		c = &own
	}
	if w.world == nil {
		w.world = &sim.World{Interrupt: func() bool { return w.ctx.Err() != nil }}
	}
	if err := w.world.Reset(c, w.collect); err != nil {
		return nil, fmt.Errorf("run %d: %w", cell.Index, err)
	}
	if err := w.world.Run(); errors.Is(err, sim.ErrStopped) {
		return nil, errInterrupted
	} else if err != nil {
		return nil, &brokenRun{cell.Index, err}
	}
	return w.collect.Run(), nil
}

// metaOf is meta. Cells of one point share their values, and so do their rows.
func (w *worker) metaOf(c *scenarios.Cell) results.Meta {
	same := len(w.of.Point) == len(c.Point) && (len(c.Point) == 0 || &w.of.Point[0] == &c.Point[0])
	if !same || w.of.Meta != c.Meta {
		w.of, w.meta = *c, meta(c)
	}
	w.meta.Index, w.meta.Seed = c.Index, c.Seed
	return w.meta
}

// brokenRun is a violation with the number of its run.
type brokenRun struct {
	index int
	err   error
}

func (b *brokenRun) Error() string { return fmt.Sprintf("run %d: %v", b.index, b.err) }
func (b *brokenRun) Unwrap() error { return b.err }

// axes are a scenario's axes as results know them.
func axes(s *scenarios.Scenario) []results.Axis {
	var out []results.Axis
	for _, a := range s.Axes {
		out = append(out, results.Axis{Name: a.Name, Unit: unit(a.Unit)})
	}
	return out
}

func unit(u scenarios.Unit) string {
	switch u {
	case scenarios.Bytes, scenarios.BytesPerSecond, scenarios.PPB:
		return string(u)
	case scenarios.Nanoseconds:
		return "s"
	}
	return ""
}

// meta is what results need to know of a cell.
func meta(c *scenarios.Cell) results.Meta {
	m := results.Meta{Index: c.Index, Seed: c.Seed, Backlog: c.Meta.Backlog, WriteRate: c.Meta.WriteRate,
		Outage: int64(c.Meta.Outage), Fault: c.Meta.FaultKind, Version: c.Meta.Version}
	for _, v := range c.Point {
		r := results.Value{Name: v.Axis, Unit: unit(v.Unit), Number: v.Number}
		if v.Unit == scenarios.Text {
			r.Text = v.Text
		}
		m.Point = append(m.Point, r)
	}
	return m
}

// fieldOf finds what an expectation names: an INFO field of a server, or a
// number of the run. at is when the server was asked, 0 at the end.
func fieldOf(r *results.Run, server, field string, at time.Duration) (n int64, text string, ok bool) {
	if server == "" {
		n, ok = runField(r, field)
		return n, "", ok
	}
	if at == 0 {
		for i := range r.Infos {
			if r.Infos[i].Name == server {
				return infoField(r.Infos[i].Info, field)
			}
		}
	}
	for i := range r.Asked {
		if a := &r.Asked[i]; a.At == int64(at) && a.Name == server {
			return infoField(a.Info, field)
		}
	}
	return 0, "", false
}

func infoField(info *model.Info, field string) (n int64, text string, ok bool) {
	if field == scenarios.RoleField {
		return 0, info.RoleWord, true
	}
	for _, f := range info.Fields() {
		if f.Name == field {
			return f.Number, f.Text, true
		}
	}
	return 0, "", false
}

func runField(r *results.Run, field string) (int64, bool) {
	switch field {
	case "reconnects":
		return r.Reconnects, true
	case "reconnects_full":
		return r.Fulls, true
	case "reconnects_partial":
		return r.Partials, true
	case "gap_max_bytes":
		return r.GapMax, true
	case "writes_refused":
		return r.Orders.Refused, true
	case "failovers":
		return r.Orders.Failovers, true
	case "failovers_aborted":
		return r.Orders.Aborted, true
	case "wait_acks_min":
		return r.Orders.WaitAcks, true
	case "waitaof_local_min":
		return r.Orders.AOFLocal, true
	case "waitaof_acks_min":
		return r.Orders.AOFAcks, true
	case "orders_refused":
		return r.Orders.Errors, true
	case "requests_refused":
		return r.Orders.NoRequest, true
	case "requests_hung_up":
		return r.Orders.HungUp, true
	}
	for i, name := range results.ReasonNames() {
		if "full_"+name == field || "full_"+underscored(name) == field {
			return r.Reasons[i], true
		}
	}
	return 0, false
}

func underscored(s string) string {
	b := []byte(s)
	for i := range b {
		if b[i] == '-' {
			b[i] = '_'
		}
	}
	return string(b)
}

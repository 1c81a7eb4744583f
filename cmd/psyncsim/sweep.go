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

// A part is what a worker hands over: neighbouring runs that took about handOver
// together, at most mostRuns of them, for their rows are in memory.
const (
	handOver = 4 * time.Millisecond
	mostRuns = 512
)

// part is something about neighbouring cells on its way from a worker to the writer.
type part[T any] struct {
	n   int // its number, from 0 and without gaps
	of  T
	err error // why it ends before its last cell
}

// sweep plays the cells [first, last) on as many workers as asked and gives what
// became of them to take, in the order of the sweep. Each worker has a world of its own;
// nothing is shared. When ctx ends, runs under way are stopped, no more are begun, what
// lies before the first that is missing is given, and the error is errInterrupted. A
// cell that fails ends the sweep behind the runs before it.
func sweep(ctx context.Context, cells scenarios.Cells, first, last, jobs int, fresh func() *chunk, bytes bool,
	add func(*chunk, *scenarios.Cell, *results.Run), take func(*chunk) error) error {
	jobs = min(jobs, max(last-first, 1))
	d := &dispenser{next: first, last: last, repeats: cells.Repeats(), jobs: jobs}
	done := make(chan part[*chunk], jobs)
	ahead := make(chan struct{}, 4*jobs) // bounds what waits for its turn
	used := make(chan *chunk, 4*jobs)    // chunks that were taken
	stop, halt := context.WithCancel(ctx)
	defer halt()
	var wg sync.WaitGroup
	for range jobs {
		wg.Go(func() {
			w := worker{ctx: ctx, cursor: cells.NewCursor(), bytes: bytes}
			for pace := time.Duration(0); ; {
				select {
				case ahead <- struct{}{}:
				case <-stop.Done():
					return
				}
				n, from, to := d.take(pace)
				if from == to || stop.Err() != nil {
					return
				}
				p := part[*chunk]{n: n}
				select {
				case p.of = <-used:
				default:
					p.of = fresh()
				}
				began := time.Now()
				p.err = w.play(from, to, p.of, add)
				pace = time.Since(began) / time.Duration(to-from)
				done <- p
			}
		})
	}
	go func() { wg.Wait(); close(done) }()
	err := inOrder(done, ahead, halt, func(c *chunk) error {
		err := take(c)
		c.reset()
		select {
		case used <- c:
		default:
		}
		return err
	})
	if err == nil && ctx.Err() != nil {
		return errInterrupted
	}
	return err
}

// dispenser hands out the cells of a sweep.
type dispenser struct {
	mu         sync.Mutex
	n          int // parts that were handed out
	next, last int // cells
	repeats    int // runs of a point
	jobs       int
}

// take gives the next part to a worker that needed so long for each of its runs, 0 before
// the first: cells [from, to), none at the end. It ends where a point ends if that
// is near, for a point is compiled by every worker that has runs of it; and parts become
// small towards the end, where one worker would wait for the other.
func (d *dispenser) take(pace time.Duration) (n, from, to int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	size := 1
	if pace > 0 {
		size = int(min(handOver/pace, mostRuns/2))
	}
	from, to = d.next, d.next+max(size, 1)
	if before, after := to/d.repeats*d.repeats, (to+d.repeats-1)/d.repeats*d.repeats; before > from+size/2 {
		to = before
	} else if after <= from+2*size {
		to = after
	}
	n, to = d.n, max(from, min(to, from+max(1, (d.last-from)/(2*d.jobs)), d.last))
	d.n, d.next = n+1, to
	return n, from, to
}

// inOrder gives parts to take in their order, up to the first that is not whole. After
// that it lets the workers run dry.
func inOrder[T any](done <-chan part[T], ahead <-chan struct{}, halt func(), take func(T) error) (err error) {
	waiting := map[int]part[T]{}
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
			if err != nil {
				continue
			}
			if err = take(q.of); err == nil {
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

// play plays the cells [from, to) and adds them to c, up to the first that fails.
func (w *worker) play(from, to int, c *chunk, add func(*chunk, *scenarios.Cell, *results.Run)) error {
	for i := from; i < to; i++ {
		if w.ctx.Err() != nil {
			return errInterrupted
		}
		cell := w.cursor.At(i)
		r, err := w.one(&cell)
		if err != nil {
			return err
		}
		add(c, &cell, r)
	}
	return nil
}

// one plays a cell. The run is good until the next one.
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
	return w.collect.Fold(), nil
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
	m.FromAxes()
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
	case "diverged":
		return r.Orders.Diverged, true
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

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/urfave/cli/v2"

	"psyncsim/sim"
)

// batch is how many cells a worker takes at a time.
const batch = 16

// answers is what a worker makes of a batch.
type answers struct {
	text   []byte // rows
	fails  int64  // expectations that did not hold
	failed []string
}

// lines is a batch of cells as text, on its way to a worker.
type lines struct {
	n     int // number of the batch
	first int // number of its first line, from 1
	text  [][]byte
}

// maxSheets bounds how many scenarios a worker keeps open.
const maxSheets = 64

// filter reads cells from stdin and writes a row for each to stdout, in the order
// of the cells. It answers what it has been given before it waits for more, so
// that it can be talked to through a pipe.
func (c *commands) filter(x *cli.Context) error {
	for _, f := range []string{"seed", "seeds", "set", "cell", "trace", "pcap", "pcap-at", "out", "shard", "resume", "restart", "yes", "json", "no-charts", "format"} {
		if x.IsSet(f) {
			return usage("run - reads cells that are planned: --%s belongs to psyncsim plan, or has no place here", f)
		}
	}
	ctx, stop := context.WithCancel(x.Context)
	defer stop()
	jobs := x.Int("jobs")
	todo := make(chan lines)
	done := make(chan part[*answers], jobs)
	ahead := make(chan struct{}, 4*jobs)
	read := make(chan error, 1)
	go func() { read <- readLines(ctx, c.stdin, todo, ahead) }()
	var wg sync.WaitGroup
	for range jobs {
		wg.Add(1)
		go func() {
			defer wg.Done()
			f := filterWorker{worker: worker{ctx: ctx, bytes: x.Bool("bytes")}, sheets: map[string]*sheet{}}
			for {
				select {
				case l, more := <-todo:
					if !more {
						return
					}
					done <- f.play(&l)
				case <-ctx.Done(): // whoever reads may wait for a line for ever
					return
				}
			}
		}()
	}
	go func() { wg.Wait(); close(done) }()
	fails := int64(0)
	rows := 0
	var failed []string
	err := inOrder(done, ahead, stop, func(a *answers) error {
		fails += a.fails
		failed = append(failed, a.failed[:min(len(a.failed), maxFailures-len(failed))]...)
		n, err := c.stdout.Write(a.text)
		rows += bytes.Count(a.text[:n], []byte("\n"))
		return err
	})
	var v *sim.Violation
	switch {
	case errors.As(err, &v):
		return &exitError{exitViolation, fmt.Errorf("%w\nThis is a bug of psyncsim, not of your scenario. The line plays it again with: psyncsim run -", err)}
	case x.Context.Err() != nil:
		return &exitError{exitInterrupted, errInterrupted}
	case err != nil:
		return &exitError{exitUsage, kept(err, fmt.Sprintf("the rows of the first %d cells are whole: go on with the cells behind them", rows))}
	}
	if err := <-read; err != nil {
		return &exitError{exitUsage, err}
	}
	if fails > 0 {
		return expectations("-", fails, failed)
	}
	return nil
}

// readLines hands out batches: full ones, or what has come so far.
func readLines(ctx context.Context, in io.Reader, todo chan<- lines, ahead chan<- struct{}) error {
	defer close(todo)
	r := bufio.NewReaderSize(in, 1<<16)
	l := lines{first: 1}
	send := func() bool {
		if len(l.text) == 0 {
			return true
		}
		select {
		case ahead <- struct{}{}:
		case <-ctx.Done():
			return false
		}
		select {
		case todo <- l:
		case <-ctx.Done():
			return false
		}
		l = lines{n: l.n + 1, first: l.first + len(l.text)}
		return true
	}
	for {
		line, err := readLine(r)
		if err != nil && !errors.Is(err, io.EOF) {
			send()
			return fmt.Errorf("line %d: %w", l.first+len(l.text), err)
		}
		if len(line) > 0 || err == nil {
			l.text = append(l.text, line)
		}
		if len(l.text) == batch || !lineIn(r) || err != nil {
			if !send() || err != nil {
				return nil
			}
		}
	}
}

// lineIn says whether the next line is there, whole, without waiting for it.
func lineIn(r *bufio.Reader) bool {
	b, err := r.Peek(r.Buffered())
	return err == nil && bytes.IndexByte(b, '\n') >= 0
}

// maxLine bounds a cell: a whole scenario may stand in it.
const maxLine = 8 << 20

func readLine(r *bufio.Reader) ([]byte, error) {
	var all []byte
	for {
		part, err := r.ReadSlice('\n')
		all = append(all, part...)
		if len(all) > maxLine {
			return nil, fmt.Errorf("more than %d bytes", maxLine)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return all, err
		}
	}
}

// filterWorker plays planned cells of any scenarios.
type filterWorker struct {
	worker
	sheets map[string]*sheet
}

func (f *filterWorker) play(l *lines) part[*answers] {
	p := part[*answers]{n: l.n, of: &answers{}}
	for i, text := range l.text {
		if f.ctx.Err() != nil {
			p.err = errInterrupted
			break
		}
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		if err := f.line(p.of, text); err != nil {
			p.err = fmt.Errorf("line %d: %w", l.first+i, err)
			break
		}
	}
	return p
}

// line plays one cell.
func (f *filterWorker) line(to *answers, text []byte) error {
	p, err := readPlanned(text)
	if err != nil {
		return err
	}
	key := strings.Join(append([]string{p.Scenario, p.Text, p.Seeds}, p.Set...), "\x00")
	t := f.sheets[key]
	if t == nil {
		if t, err = p.open(); err != nil {
			return err
		}
		if len(f.sheets) >= maxSheets {
			clear(f.sheets)
		}
		f.sheets[key] = t
	}
	cell, err := t.cell(p)
	if err != nil {
		return err
	}
	r, err := f.one(&cell)
	if err != nil {
		return err
	}
	_, failed := unmet(t.s, &cell, r)
	to.text = r.AppendJSON(to.text, failed)
	to.fails += int64(len(failed))
	for _, t := range failed {
		to.failed = append(to.failed, fmt.Sprintf("  %s (cell %d)", t, cell.Index))
	}
	return nil
}

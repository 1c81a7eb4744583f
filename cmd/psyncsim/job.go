package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"psyncsim/plots"
	"psyncsim/results"
	"psyncsim/scenarios"
	"psyncsim/sim"
	"psyncsim/sim/trace"
)

// job is one scenario on its way from cells to charts.
type job struct {
	c     *commands
	x     *cli.Context
	s     *scenarios.Scenario
	seeds scenarios.SeedRange
	file  string
	dir   string

	cells  scenarios.Cells
	out    *results.Writer
	json   *results.JSON
	failed []string // expectations that did not hold
	fails  int
	shown  int // the run that the timeline shows
	found  bool
	pairs  []results.Pair // of the first run, beside what was observed
	text   *traceText     // where --trace goes, nil without
}

// maxFailures is how many failed expectations are printed; all are counted.
const maxFailures = 20

func (j *job) run() (err error) {
	if j.cells, err = j.s.Cells(j.seeds); err != nil {
		return &exitError{exitUsage, err}
	}
	first, last := 0, j.cells.Len()
	if n := j.x.Int("cell"); n >= 0 {
		if n >= last {
			return usage("--cell %d: the sweep has the runs 0 to %d", n, last-1)
		}
		first, last = n, n+1
	}
	h := results.Header{Scenario: j.s.Name, Question: j.s.Question, Version: version, Axes: axes(j.s), Planned: last - first}
	if j.text, err = j.traceWriter(); err != nil {
		return err
	}
	if j.out, err = results.NewWriter(j.dir, h); err != nil {
		return &exitError{exitUsage, err}
	}
	done := false
	defer func() {
		if !done {
			j.out.Discard()
		}
	}()
	if j.x.Bool("json") {
		j.json = results.NewJSON(j.c.stdout, h)
	}
	j.shown = first
	runErr := j.sweep(first, last)
	if runErr == nil {
		runErr = j.timeline()
	}
	runErr = errors.Join(runErr, j.text.close())
	done = true
	if err := j.finish(); err != nil {
		return err
	}
	return j.verdict(runErr)
}

// sweep runs the cells [first, last) and takes their rows in order.
func (j *job) sweep(first, last int) error {
	bar := j.progress(last - first)
	defer bar.Finish()
	return sweep(j.x.Context, j.cells, first, last, j.x.Int("jobs"), j.x.Bool("bytes"), func(cell *scenarios.Cell, r *results.Run) error {
		bar.Add(1)
		if !j.found && r.Fulls > 0 {
			j.shown, j.found = r.Index, true
		}
		j.expect(cell, r)
		j.observe(cell, r)
		if j.json != nil {
			if err := j.json.Add(r); err != nil {
				return err
			}
		}
		return j.out.Write(r)
	})
}

// progress is a bar on a terminal, and nothing elsewhere.
func (j *job) progress(n int) *progressbar.ProgressBar {
	f, ok := j.c.stderr.(*os.File)
	if !ok || j.x.Bool("quiet") || n < 2 || !term.IsTerminal(int(f.Fd())) {
		return progressbar.DefaultSilent(int64(n))
	}
	return progressbar.NewOptions(n, progressbar.OptionSetWriter(f), progressbar.OptionSetDescription(j.s.Name),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("runs"),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionFullWidth())
}

// finish keeps what was finished: rows, timeline, scenario, charts, table.
func (j *job) finish() error {
	if j.json != nil {
		if err := j.json.End(); err != nil {
			return err
		}
	}
	if err := j.out.Close(); err != nil {
		return err
	}
	if err := writeFile(j.dir, "scenario.yaml", j.s.Resolved()); err != nil {
		return err
	}
	k := j.out.Kept()
	var charts []string
	if !j.x.Bool("no-charts") && k.Done > 0 {
		var err error
		if charts, err = plots.All(j.dir, k); err != nil {
			return err
		}
	}
	if j.json != nil || j.x.Bool("quiet") {
		return nil
	}
	return j.table(k, charts)
}

func (j *job) table(k *results.Kept, charts []string) error {
	o := results.TableOptions{}
	if f, ok := j.c.stdout.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		o.Color = os.Getenv("NO_COLOR") == ""
		if w, h, err := term.GetSize(int(f.Fd())); err == nil {
			o.Width, o.Height = w, h
		}
	}
	if err := results.WriteTable(j.c.stdout, k, o); err != nil {
		return err
	}
	if len(j.pairs) > 0 {
		fmt.Fprintln(j.c.stdout)
		if err := results.WritePairs(j.c.stdout, j.pairs); err != nil {
			return err
		}
	}
	fmt.Fprintf(j.c.stdout, "\nrows    %s\n", filepath.Join(j.dir, results.RunsFile))
	for _, f := range charts {
		if strings.HasSuffix(f, ".png") {
			fmt.Fprintf(j.c.stdout, "chart   %s\n", filepath.Join(j.dir, filepath.Base(f)))
		}
	}
	return nil
}

// timeline runs one cell once more, with a closer look: the first with a full
// resynchronization, else the first.
func (j *job) timeline() error {
	cell := j.cells.At(j.shown)
	if cell.Err != nil {
		return nil
	}
	c := *cell.Config
	c.Sample = max(c.Duration/600, time.Millisecond)
	t := results.NewTimelineCollector(meta(&cell))
	watch := []trace.Watcher{t}
	if j.text != nil {
		watch = append(watch, j.text)
	}
	w, err := sim.New(&c, watch...)
	if err != nil {
		return err
	}
	if err := w.Run(); err != nil {
		return &brokenRun{j.shown, err}
	}
	j.out.SetTimeline(t.Timeline())
	return nil
}

// traceText writes records as lines of text.
type traceText struct {
	w    io.Writer
	file io.Closer // nil for stdout
	line []byte
	err  error
}

func (t *traceText) Observe(r *trace.Record) {
	if r.Event.Kind == trace.Sampled || t.err != nil {
		return
	}
	t.line = append(r.AppendText(t.line[:0]), '\n')
	_, t.err = t.w.Write(t.line)
}

// close says whether all of the trace was written.
func (t *traceText) close() error {
	if t == nil {
		return nil
	}
	if t.file != nil {
		t.err = errors.Join(t.err, t.file.Close())
	}
	return t.err
}

// traceWriter opens what --trace names, before anything runs.
func (j *job) traceWriter() (*traceText, error) {
	switch name := j.x.String("trace"); name {
	case "":
		return nil, nil
	case "-":
		return &traceText{w: j.c.stdout}, nil
	default:
		f, err := os.Create(name)
		if err != nil {
			return nil, &exitError{exitUsage, err}
		}
		return &traceText{w: f, file: f}, nil
	}
}

// verdict turns what happened into an exit status.
func (j *job) verdict(runErr error) error {
	var v *sim.Violation
	switch {
	case errors.As(runErr, &v):
		return &exitError{exitViolation, j.broken(runErr, v)}
	case errors.Is(runErr, errInterrupted):
		return &exitError{exitInterrupted, fmt.Errorf("interrupted: %d of %d runs are in %s", j.out.Kept().Done, j.cells.Len(), j.dir)}
	case runErr != nil:
		return &exitError{exitUsage, runErr}
	case j.fails > 0:
		text := strings.Join(j.failed, "\n")
		if more := j.fails - len(j.failed); more > 0 {
			text += fmt.Sprintf("\n... and %d more", more)
		}
		return &exitError{exitFailed, fmt.Errorf("%s: %d expectations failed\n%s", j.file, j.fails, text)}
	}
	return nil
}

// broken reports a broken invariant: what, the last facts before it, and the
// command that plays the run again.
func (j *job) broken(runErr error, v *sim.Violation) error {
	text := runErr.Error() + "\nThis is a bug of psyncsim, not of your scenario. The last facts before it:\n"
	for i := range v.Last {
		text += "  " + string(v.Last[i].AppendText(nil)) + "\n"
	}
	cell := scenarios.Cell{}
	var b *brokenRun
	if errors.As(runErr, &b) {
		cell.Index = b.index
	}
	return errors.New(text + "It happens again with: " + strings.TrimSuffix(j.replay(&cell), " --trace -"))
}

// expect checks what the scenario expects of a run.
func (j *job) expect(cell *scenarios.Cell, r *results.Run) {
	for i := range j.s.Expect {
		e := &j.s.Expect[i]
		if !e.Applies(cell.Point) {
			continue
		}
		n, text, ok := fieldOf(r, e.Server, e.Field)
		if ok && e.Holds(n, text) {
			continue
		}
		j.fails++
		if len(j.failed) >= maxFailures {
			continue
		}
		has := fmt.Sprint(n)
		if !ok {
			has = "no such field"
		} else if text != "" {
			has = text
		}
		j.failed = append(j.failed, fmt.Sprintf("  %s, but it is %s (%s)", e.Text, has, j.replay(cell)))
	}
}

// observe holds a run against what real servers did.
func (j *job) observe(cell *scenarios.Cell, r *results.Run) {
	if len(j.s.Observed) == 0 {
		return
	}
	var seen []results.Observed
	for _, o := range j.s.Observed {
		seen = append(seen, results.Observed{T: int64(o.At), Kind: o.Kind, Gap: o.Gap, Within: o.Within})
	}
	pairs := results.Compare(seen, r)
	if j.pairs == nil {
		j.pairs = pairs
	}
	for i := range pairs {
		if pairs[i].Agrees() {
			continue
		}
		j.fails++
		if len(j.failed) < maxFailures {
			j.failed = append(j.failed, fmt.Sprintf("  reconnect %d is not as observed (%s)", i+1, j.replay(cell)))
		}
	}
}

// replay is the command that plays one cell alone.
func (j *job) replay(cell *scenarios.Cell) string {
	b := "psyncsim run " + j.file
	for _, s := range j.x.StringSlice("set") {
		b += fmt.Sprintf(" --set %q", s)
	}
	if j.x.IsSet("seed") {
		b += fmt.Sprintf(" --seed %d", j.x.Uint64("seed"))
	}
	if j.x.IsSet("seeds") {
		b += " --seeds " + j.x.String("seeds")
	}
	return b + fmt.Sprintf(" --cell %d --trace -", cell.Index)
}

// writeFile puts a whole file in place, or none.
func writeFile(dir, name string, data []byte) error {
	tmp := filepath.Join(dir, "."+name+".tmp")
	if err := os.WriteFile(tmp, data, 0o666); err != nil {
		return err
	}
	return os.Rename(tmp, filepath.Join(dir, name))
}

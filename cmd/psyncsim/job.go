package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
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

	cells     scenarios.Cells
	out       *results.Writer
	json      *results.JSON
	failed    []string // expectations that did not hold
	fails     int64
	checked   int64     // expectations that were looked at
	nextSave  time.Time // when the next checkpoint is due
	shown     int       // the run that the timeline shows
	found     bool
	published bool           // the results are there, all of them
	pairs     []results.Pair // of the first run, beside what was observed
	text      *traceText     // where --trace goes, nil without
	pcap      *pcapJob       // where --pcap goes, nil without
}

// maxFailures is how many failed expectations are printed; all are counted.
const maxFailures = 20

// run does all of it. Where a file cannot be written, it says what there is all the same.
func (j *job) run() error {
	err := j.all()
	switch {
	case j.out == nil:
		return err
	case j.published:
		return kept(err, fmt.Sprintf("the results in %s are whole, and psyncsim plot %s draws their charts", j.dir, j.dir))
	case j.out.Saved() > 0:
		return kept(err, fmt.Sprintf("%d of %d runs are kept: the same command goes on with them", j.out.Saved(), j.out.Kept().Planned))
	}
	return kept(err, "nothing is finished yet: give the same command again when there is room")
}

func (j *job) all() (err error) {
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
	shard, err := j.shard()
	if err != nil {
		return err
	}
	if shard != nil {
		first, last = shard.First, shard.Last
	}
	if j.text, err = j.traceWriter(); err != nil {
		return err
	}
	if err := j.open(first, last, shard); err != nil {
		return err
	}
	done := false
	defer func() {
		if !done {
			j.out.Discard()
		}
	}()
	if j.pcap, err = j.pcapWriter(last - first); err != nil {
		return err
	}
	if j.x.Bool("json") {
		j.json = results.NewJSON(j.c.stdout, j.out.Kept().Header)
	}
	runErr := j.play(first, last)
	if runErr == nil {
		runErr = j.capture()
	}
	if errors.Is(runErr, errAsked) {
		return runErr
	}
	done = true
	if shard != nil {
		shard.Failed = j.failed
	}
	if err := j.finish(); err != nil {
		return err
	}
	if runErr == nil {
		j.pcap.print(j)
	}
	return j.verdict(runErr)
}

// play runs what is not there yet, and one run once more for its timeline.
func (j *job) play(first, last int) error {
	from := first + j.out.Done()
	j.shown = first
	err := j.restore(from - first)
	if err == nil && from < last {
		err = j.estimate(from, last)
	}
	if err == nil && j.json != nil && from > first {
		err = j.sweep(first, from, j.tell)
	}
	if err == nil && from < last {
		err = j.sweep(from, last, j.take)
	}
	if err == nil && last > first {
		err = j.timeline()
	}
	return errors.Join(err, j.text.close())
}

// open makes the writer of results, which knows what is there already.
func (j *job) open(first, last int, shard *results.Shard) (err error) {
	format, err := results.ParseFormat(j.x.String("format"))
	if err != nil {
		return usage("--format %w", err)
	}
	h := results.Header{Scenario: j.s.Name, Question: j.s.Question, Version: version, Axes: axes(j.s), Planned: last - first}
	o := results.Options{Format: format, Inputs: inputs(j.s, j.cells), Program: program(), Shard: shard, Resume: j.x.Bool("resume"), Restart: j.x.Bool("restart")}
	withCharts(j.x, j.dir, &o)
	if j.x.Int("cell") >= 0 {
		o.Inputs = results.Inputs(o.Inputs, fmt.Sprint("cell ", first))
	}
	if j.out, err = results.NewWriter(j.dir, h, o); err != nil {
		return &exitError{exitUsage, err}
	}
	j.out.Extra(results.ScenarioFile, j.s.Resolved())
	return nil
}

// withCharts says which charts will stand beside results, and that those of other results will not.
func withCharts(x *cli.Context, dir string, o *results.Options) {
	if !x.Bool("no-charts") {
		o.Besides = plots.Names()
	}
	o.Replaces = func() error { return plots.Clear(dir) }
}

// inputs is the fingerprint of everything that decides a sweep's rows.
func inputs(s *scenarios.Scenario, cells scenarios.Cells) string {
	return results.Inputs(version, string(s.Resolved()), strings.Join(s.Files(), "\n"),
		fmt.Sprint(cells.At(0).Seed, " ", cells.Repeats()))
}

// sweepGC is how much may be thrown away, in percent of what is in use, before it is
// collected. A sweep has a few megabytes in use and makes little that is thrown
// away, but hundreds of thousands of runs of it; whoever sets GOGC has chosen.
const sweepGC = 400

// sweep runs the cells [first, last) and gives their rows to take, in order.
func (j *job) sweep(first, last int, take func(*chunk) error) error {
	bar := j.progress(last - first)
	defer bar.Finish()
	if os.Getenv("GOGC") == "" && !j.x.Bool("bytes") {
		defer debug.SetGCPercent(debug.SetGCPercent(sweepGC))
	}
	h := j.out.Kept().Header
	fresh := func() *chunk { return &chunk{rows: results.NewBlock(h.Axes, j.json != nil), full: -1} }
	add := (&judge{s: j.s, seen: j.seen()}).add
	return sweep(j.x.Context, j.cells, first, last, j.x.Int("jobs"), fresh, j.x.Bool("bytes"), add, func(c *chunk) error {
		bar.Add(c.rows.Len())
		return take(c)
	})
}

// take keeps rows, and prints them where --json asks for it.
func (j *job) take(c *chunk) error {
	j.count(c)
	if err := j.tell(c); err != nil {
		return err
	}
	if err := j.out.WriteBlock(c.rows); err != nil {
		return err
	}
	return j.checkpoint()
}

// tell prints rows where --json asks for it. Of runs that an earlier process has
// finished there are only the rows: for --json they are played again.
func (j *job) tell(c *chunk) error {
	if j.json == nil {
		return nil
	}
	return j.json.AddBlock(c.rows)
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
	j.out.SetExpect(j.checked, j.fails)
	if err := j.save(); err != nil {
		j.out.Discard()
		return err
	}
	if err := j.out.Close(); err != nil {
		return err
	}
	k := j.out.Kept()
	j.published = k.Complete && !j.out.Aside()
	if j.json != nil {
		if err := j.json.End(); err != nil {
			return err
		}
	}
	if j.out.Aside() {
		return nil
	}
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
	return j.c.table(j.dir, k, j.pairs, charts)
}

// table prints results for people, and where the rest of them is.
func (c *commands) table(dir string, k *results.Kept, pairs []results.Pair, charts []string) error {
	o := results.TableOptions{}
	if f, ok := fileOf(c.stdout); ok && term.IsTerminal(int(f.Fd())) {
		o.Color = os.Getenv("NO_COLOR") == ""
		if w, h, err := term.GetSize(int(f.Fd())); err == nil {
			o.Width, o.Height = w, h
		}
	}
	if err := results.WriteTable(c.stdout, k, o); err != nil {
		return err
	}
	if len(pairs) > 0 {
		fmt.Fprintln(c.stdout)
		if err := results.WritePairs(c.stdout, pairs); err != nil {
			return err
		}
	}
	fmt.Fprintf(c.stdout, "\nrows    %s\n", filepath.Join(dir, results.RowsIn(dir)))
	for _, f := range charts {
		if strings.HasSuffix(f, ".png") {
			fmt.Fprintf(c.stdout, "chart   %s\n", filepath.Join(dir, filepath.Base(f)))
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

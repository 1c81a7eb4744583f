package results

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Unfinished is the folder, in that of the results, where a run collects its
// rows. It is gone when the results are complete.
const Unfinished = ".unfinished"

const checkpointFile = "checkpoint.json"

// checkpoint says how far the files in [Unfinished] are good. It is replaced
// whole, after the rows that it counts are in the files, so that a process may
// die at any moment: what stands behind the counted bytes is cut off when the
// run goes on.
type checkpoint struct {
	Inputs       string          `json:"inputs"`
	Version      string          `json:"version,omitempty"`
	Program      string          `json:"program,omitempty"`
	Shard        *Shard          `json:"shard,omitempty"`
	Planned      int             `json:"runs_planned,omitempty"`
	Runs         int             `json:"runs"`
	RunsBytes    int64           `json:"runs_bytes"`
	ResyncsBytes int64           `json:"resyncs_bytes"`
	State        json.RawMessage `json:"state,omitempty"`
}

// Checkpoint makes what was written so far survive the process. state is
// whatever the caller needs to go on; it is JSON.
func (w *Writer) Checkpoint(state []byte) error {
	if w.err == nil {
		w.err = w.flush()
	}
	if w.err != nil {
		return w.err
	}
	b, err := json.Marshal(checkpoint{
		Inputs: w.opt.Inputs, Version: w.kept.Version, Program: w.opt.Program, Shard: w.opt.Shard, Planned: w.kept.Planned,
		Runs: w.kept.Done, RunsBytes: w.runs.bytes, ResyncsBytes: w.resyncs.bytes, State: state,
	})
	if err != nil {
		return err
	}
	name := filepath.Join(w.work, checkpointFile)
	if err := os.WriteFile(name+".new", b, 0o644); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

// State is what the caller gave to the checkpoint that this run goes on from.
func (w *Writer) State() []byte { return w.state }

func (w *Writer) flush() error {
	return errors.Join(w.runs.flush(), w.resyncs.flush())
}

// readCheckpoint finds where to go on; nil is at the beginning.
func (w *Writer) readCheckpoint() (*checkpoint, error) {
	name := filepath.Join(w.work, checkpointFile)
	b, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c := &checkpoint{}
	if err := json.Unmarshal(b, c); err != nil {
		return nil, fmt.Errorf("%s: %w; %s", name, err, anew)
	}
	if c.Inputs != w.opt.Inputs || c.Program != w.opt.Program || !c.Shard.Equal(w.opt.Shard) {
		return nil, fmt.Errorf("%s holds %d of %d runs of an unfinished sweep, of %s: give another --out, or throw them away with --restart",
			w.dir, c.Runs, c.Planned, w.differs(c.Version, c.Program, c.Shard))
	}
	for _, f := range []struct {
		name  string
		bytes int64
	}{{RunsFile, c.RunsBytes}, {ResyncsFile, c.ResyncsBytes}} {
		if s, err := os.Stat(filepath.Join(w.work, f.name)); err != nil || f.bytes < 0 || s.Size() < f.bytes {
			return nil, fmt.Errorf("%s is shorter than it was; %s", filepath.Join(w.work, f.name), anew)
		}
	}
	return c, nil
}

// anew is the way out where unfinished rows are damaged.
const anew = "--restart throws the unfinished runs away and begins anew"

// differs says in what other results are not of this sweep.
func (w *Writer) differs(version, program string, shard *Shard) string {
	part := func(s *Shard) string {
		if s == nil {
			return "the whole sweep"
		}
		return "shard " + s.String()
	}
	switch {
	case version != w.kept.Version:
		return fmt.Sprintf("another version of the program (%s, this is %s)", version, w.kept.Version)
	case program != w.opt.Program:
		return fmt.Sprintf("another build of the program (%s, this is %s)", program, w.opt.Program)
	case !shard.Equal(w.opt.Shard) && part(shard) != part(w.opt.Shard):
		return fmt.Sprintf("another part (%s, this is %s)", part(shard), part(w.opt.Shard))
	}
	return "another scenario, or with other settings or seeds"
}

// reread takes up the rows that a checkpoint counts.
func (w *Writer) reread(c *checkpoint) error {
	if c.Runs == 0 {
		return nil
	}
	w.state = c.State
	part := func(r *rowFile) io.Reader { return io.NewSectionReader(r.f, 0, r.bytes) }
	var last *Row
	err := ReadRuns(part(w.runs), w.kept.Axes, func(r *Row) error { w.count(r); last = r; return nil })
	if err != nil {
		return fmt.Errorf("%s: %w; %s", filepath.Join(w.work, RunsFile), err, anew)
	}
	if w.kept.Done != c.Runs || w.kept.Done > w.kept.Planned {
		return fmt.Errorf("%s holds %d runs, not %d; %s", filepath.Join(w.work, RunsFile), w.kept.Done, c.Runs, anew)
	}
	if w.kept.Done == 1 {
		w.kept.Only = &Run{Row: *last}
		return ReadResyncs(part(w.resyncs), w.kept.Axes, func(_ *Meta, v *Resync) error {
			w.kept.Only.Resyncs = append(w.kept.Only.Resyncs, *v)
			return nil
		})
	}
	return nil
}

// complete says whether there are finished results of the same inputs, and
// takes them.
func (w *Writer) complete() (bool, error) {
	if _, err := os.Stat(filepath.Join(w.dir, SummaryFile)); err != nil {
		return false, nil
	}
	k, err := Open(w.dir)
	if err != nil {
		return false, nil // damaged: it is made anew
	}
	program := w.opt.Program // which only shards are kept with
	if k.Shard != nil {
		program = k.Shard.Program
	}
	if k.Inputs != w.opt.Inputs || program != w.opt.Program || !k.Shard.Equal(w.opt.Shard) {
		if w.begun() {
			return false, nil // older results, and an unfinished run that was to replace them
		}
		return false, fmt.Errorf("%s holds results of %s: give another --out, or run without --resume to replace them",
			w.dir, w.differs(k.Version, program, k.Shard))
	}
	if !k.Complete {
		return false, nil
	}
	w.old = k
	return true, nil
}

// begun says whether there are rows of an unfinished run.
func (w *Writer) begun() bool {
	_, err := os.Stat(filepath.Join(w.work, checkpointFile))
	return err == nil
}

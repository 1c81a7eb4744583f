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
	Shard        *Shard          `json:"shard,omitempty"`
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
	b, err := json.Marshal(checkpoint{w.opt.Inputs, w.opt.Shard, w.kept.Done, w.runs.bytes, w.resyncs.bytes, state})
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
		return nil, fmt.Errorf("%s: %w; run without --resume", name, err)
	}
	if c.Inputs != w.opt.Inputs || !c.Shard.Equal(w.opt.Shard) {
		return nil, w.other()
	}
	for _, f := range []struct {
		name  string
		bytes int64
	}{{RunsFile, c.RunsBytes}, {ResyncsFile, c.ResyncsBytes}} {
		if s, err := os.Stat(filepath.Join(w.work, f.name)); err != nil || f.bytes < 0 || s.Size() < f.bytes {
			return nil, fmt.Errorf("%s is shorter than it was; run without --resume", filepath.Join(w.work, f.name))
		}
	}
	return c, nil
}

func (w *Writer) other() error {
	return fmt.Errorf("%s holds results of another scenario, other seeds, another shard or another version of the program: give another --out, or run without --resume", w.dir)
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
		return fmt.Errorf("%s: %w; run without --resume", filepath.Join(w.work, RunsFile), err)
	}
	if w.kept.Done != c.Runs || w.kept.Done > w.kept.Planned {
		return fmt.Errorf("%s holds %d runs, not %d; run without --resume", filepath.Join(w.work, RunsFile), w.kept.Done, c.Runs)
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
		return false, nil // not ours, or damaged: it is made anew
	}
	if k.Inputs != w.opt.Inputs || !k.Shard.Equal(w.opt.Shard) {
		if _, err := os.Stat(filepath.Join(w.work, checkpointFile)); err == nil {
			return false, nil // older results, and an unfinished run that was to replace them
		}
		return false, w.other()
	}
	if !k.Complete {
		return false, nil
	}
	w.old = k
	return true, nil
}

package results

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
)

// Unfinished is the folder, in that of the results, where a run collects its
// rows. It is gone when the results are complete.
const Unfinished = ".unfinished"

const checkpointFile = "checkpoint.json"

// checkpoint says how far the files in [Unfinished] are good. It is replaced
// whole, after the rows that it counts are on the disk, so that a process may
// die at any moment, and the machine too: what stands behind the counted bytes is cut
// off when the run goes on. The sums are there for disks that lie.
type checkpoint struct {
	Inputs       string          `json:"inputs"`
	Version      string          `json:"version,omitempty"`
	Program      string          `json:"program,omitempty"`
	Shard        *Shard          `json:"shard,omitempty"`
	Planned      int             `json:"runs_planned,omitempty"`
	Runs         int             `json:"runs"`
	RunsBytes    int64           `json:"runs_bytes"`
	ResyncsBytes int64           `json:"resyncs_bytes"`
	RunsSum      uint32          `json:"runs_crc32c"`
	ResyncsSum   uint32          `json:"resyncs_crc32c"`
	State        json.RawMessage `json:"state,omitempty"`
}

// Checkpoint makes what was written so far survive the process. state is
// whatever the caller needs to go on; it is JSON.
func (w *Writer) Checkpoint(state []byte) error {
	if w.old != nil {
		return nil
	}
	if w.err == nil {
		w.err = errors.Join(w.runs.keep(), w.resyncs.keep())
	}
	if w.err != nil {
		return w.err
	}
	b, err := json.Marshal(checkpoint{
		Inputs: w.opt.Inputs, Version: w.kept.Version, Program: w.opt.Program, Shard: w.opt.Shard, Planned: w.kept.Planned,
		Runs: w.kept.Done, RunsBytes: w.runs.bytes, ResyncsBytes: w.resyncs.bytes,
		RunsSum: w.runs.crc, ResyncsSum: w.resyncs.crc, State: state,
	})
	if err != nil {
		return err
	}
	if err := w.create(checkpointFile, func(f io.Writer) error { _, err := f.Write(b); return err }); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(w.work, fresh+checkpointFile), filepath.Join(w.work, checkpointFile)); err != nil {
		return err
	}
	w.saved = w.kept.Done
	return nil // whether the disk keeps this name or the older checkpoint: both are true
}

// Saved is how many runs survive the process, whatever happens to it.
func (w *Writer) Saved() int { return w.saved }

// keep puts what was written on the disk.
func (r *rowFile) keep() error {
	if err := r.flush(); err != nil {
		return err
	}
	return r.f.Sync()
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

// reread takes up the rows that a checkpoint counts, if they are still what they were.
func (w *Writer) reread(c *checkpoint) error {
	if c.Runs == 0 {
		return nil
	}
	w.state, w.saved = c.State, c.Runs
	if err := w.runs.whole(c.RunsSum); err != nil {
		return err
	}
	if err := w.resyncs.whole(c.ResyncsSum); err != nil {
		return err
	}
	var last *Row
	err := ReadRuns(w.runs.part(), w.kept.Axes, func(r *Row) error { w.count(r); last = r; return nil })
	if err != nil {
		return fmt.Errorf("%s: %w; %s", w.runs.f.Name(), err, anew)
	}
	if w.kept.Done != c.Runs || w.kept.Done > w.kept.Planned {
		return fmt.Errorf("%s holds %d runs, not %d; %s", w.runs.f.Name(), w.kept.Done, c.Runs, anew)
	}
	if w.kept.Done == 1 {
		w.kept.Only = &Run{Row: *last}
		return ReadResyncs(w.resyncs.part(), w.kept.Axes, func(_ *Meta, v *Resync) error {
			w.kept.Only.Resyncs = append(w.kept.Only.Resyncs, *v)
			return nil
		})
	}
	return nil
}

// part is what was written.
func (r *rowFile) part() io.Reader { return io.NewSectionReader(r.f, 0, r.bytes) }

// whole checks that a file is what a checkpoint says, and takes up its sum.
func (r *rowFile) whole(want uint32) error {
	h := crc32.New(castagnoli)
	if _, err := io.Copy(h, r.part()); err != nil {
		return err
	}
	if r.crc = h.Sum32(); r.crc != want {
		return fmt.Errorf("%s is not what was written: it is damaged; %s", r.f.Name(), anew)
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
	if err != nil || !w.hasResyncs() {
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

// hasResyncs says whether finished results have their reconnects, which nobody reads to open them.
func (w *Writer) hasResyncs() bool {
	_, err := os.Stat(filepath.Join(w.dir, ResyncsFile))
	_, err2 := os.Stat(filepath.Join(w.dir, ResyncsParquet))
	return err == nil || err2 == nil
}

// begun says whether there are rows of an unfinished run.
func (w *Writer) begun() bool {
	_, err := os.Stat(filepath.Join(w.work, checkpointFile))
	return err == nil
}

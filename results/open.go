package results

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Open reads kept results back. The points are summed again from the rows.
func Open(dir string) (*Kept, error) {
	k, timeline, err := openHead(dir)
	if err != nil {
		return nil, err
	}
	var ps Points
	var last *Row
	n := &Kept{}
	err = eachRun(dir, k.Axes, func(row *Row) error {
		ps.Add(row)
		n.add(row)
		last = row
		if timeline != nil && row.Index == timeline.Index {
			timeline = &row.Meta
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	k.format = CSV
	if RowsIn(dir) == RunsParquet {
		k.format = Parquet
	}
	k.Points, k.Done, k.SeedFirst, k.SeedLast, k.Warnings = ps.All, n.Done, n.SeedFirst, n.SeedLast, n.Warnings
	if k.Done == 1 {
		k.Only = &Run{Row: *last}
		err = eachResync(dir, k.Axes, func(_ *Meta, v *Resync) error {
			k.Only.Resyncs = append(k.Only.Resyncs, *v)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if timeline != nil {
		k.Timeline = &Timeline{Meta: *timeline}
		if err := read(dir, TimelineFile, k.Timeline.readCSV); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// openHead reads the summary, and which part of a sweep it is of.
func openHead(dir string) (k *Kept, timeline *Meta, err error) {
	err = read(dir, SummaryFile, func(r io.Reader) (err error) { k, timeline, err = ReadSummary(r); return err })
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, nothingIn(dir, err)
	}
	if err != nil {
		return nil, nil, err
	}
	err = read(dir, ShardFile, func(r io.Reader) (err error) { k.Shard, err = readShard(r); return err })
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, nil, err
	}
	return k, timeline, nil
}

// nothing is an error in words, for one of the system.
type nothing struct {
	text string
	err  error
}

func (n *nothing) Error() string { return n.text }
func (n *nothing) Unwrap() error { return n.err }

// nothingIn says why a folder has no results.
func nothingIn(dir string, err error) error {
	_, gone := os.Stat(dir)
	switch _, begun := os.Stat(filepath.Join(dir, Unfinished)); {
	case gone != nil:
		return &nothing{dir + ": no such folder", err}
	case begun == nil:
		return &nothing{dir + " holds a run that has not ended: there is no " + SummaryFile + " yet (psyncsim run --resume goes on with one that was killed)", err}
	}
	return &nothing{dir + " holds no results: there is no " + SummaryFile, err}
}

// eachRun gives the rows of a folder, in whichever format they are kept.
func eachRun(dir string, axes []Axis, f func(*Row) error) error {
	return readRows(dir, RunsFile, RunsParquet, axes, func(r records) error { return readRuns(r, axes, f) })
}

// eachResync gives the reconnects of a folder.
func eachResync(dir string, axes []Axis, f func(*Meta, *Resync) error) error {
	return readRows(dir, ResyncsFile, ResyncsParquet, axes, func(r records) error { return readResyncs(r, axes, f) })
}

func readRows(dir, asCSV, asParquet string, axes []Axis, f func(records) error) error {
	err := read(dir, asCSV, func(r io.Reader) error { return f(csvRecords(r)) })
	if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	absent := err
	err = read(dir, asParquet, func(r io.Reader) error {
		p, err := openParquet(r.(*os.File), axes)
		if err != nil {
			return err
		}
		return f(p)
	})
	if errors.Is(err, os.ErrNotExist) {
		return absent
	}
	return err
}

func read(dir, name string, f func(io.Reader) error) error {
	path := filepath.Join(dir, name)
	r, err := os.Open(path)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := f(r); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// RowsIn is the name of the file of rows in a folder of results.
func RowsIn(dir string) string {
	if _, err := os.Stat(filepath.Join(dir, RunsFile)); err != nil {
		return RunsParquet
	}
	return RunsFile
}

// SizeOf is how many bytes a run's rows have.
func SizeOf(axes []Axis, r *Run) (int64, error) {
	var n counter
	rows := newRows(&n, newLayout(axes))
	err := rows.run(&r.Row)
	for i := range r.Resyncs {
		err = errors.Join(err, rows.resync(&r.Meta, &r.Resyncs[i]))
	}
	return int64(n), errors.Join(err, rows.flush())
}

// counter counts the bytes that are written to it.
type counter int64

func (c *counter) Write(b []byte) (int, error) { *c += counter(len(b)); return len(b), nil }

package results

import (
	"bufio"
	"crypto/sha256"
	"encoding/csv"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
)

// Writer streams runs into a directory. Files appear under their names at
// Close, whole; until then, and after Discard, what was there before stays.
// Memory grows with the points of the sweep, not with its runs.
type Writer struct {
	dir     string
	kept    Kept
	points  Points
	all     hash.Hash
	runs    rows
	resyncs rows
	files   []*file
	err     error // the first one; nothing is written after it
}

// file is one that is being made.
type file struct {
	name string
	f    *os.File
	w    *bufio.Writer
}

// NewWriter begins results in dir, which is made if it is not there.
func NewWriter(dir string, h Header) (*Writer, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	w := &Writer{dir: dir, kept: Kept{Header: h}, all: sha256.New()}
	l := newLayout(h.Axes)
	for _, t := range []struct {
		name, first string
		columns     []string
		rows        *rows
	}{{RunsFile, "index", runColumns, &w.runs}, {ResyncsFile, "run", resyncColumns, &w.resyncs}} {
		f, err := w.create(t.name)
		if err != nil {
			w.Discard()
			return nil, err
		}
		*t.rows = rows{w: csv.NewWriter(f.w), l: l}
		if err := t.rows.begin(t.first, t.columns); err != nil {
			w.Discard()
			return nil, err
		}
	}
	return w, nil
}

func (w *Writer) create(name string) (*file, error) {
	f, err := os.CreateTemp(w.dir, "."+name+"-*")
	if err != nil {
		return nil, err
	}
	t := &file{name, f, bufio.NewWriterSize(f, 1<<16)}
	w.files = append(w.files, t)
	return t, nil
}

// Write adds a run. Runs come in the order of the sweep.
func (w *Writer) Write(r *Run) error {
	if w.err != nil {
		return w.err
	}
	w.err = w.runs.run(&r.Row)
	for i := range r.Resyncs {
		if w.err == nil {
			w.err = w.resyncs.resync(&r.Meta, &r.Resyncs[i])
		}
	}
	w.kept.add(&r.Row)
	w.points.Add(&r.Row)
	io.WriteString(w.all, r.Fingerprint+"\n")
	w.kept.Only = nil
	if w.kept.Done == 1 {
		w.kept.Only = r
	}
	return w.err
}

// add counts a run in the head of the results.
func (k *Kept) add(r *Row) {
	if k.Done == 0 || r.Seed < k.SeedFirst {
		k.SeedFirst = r.Seed
	}
	if k.Done == 0 || r.Seed > k.SeedLast {
		k.SeedLast = r.Seed
	}
	k.Done++
	for _, n := range r.Warnings {
		if k.Warnings == nil {
			k.Warnings = make(map[string]int64)
		}
		k.Warnings[n]++
	}
}

// SetTimeline keeps one run over time beside the rows.
func (w *Writer) SetTimeline(t *Timeline) { w.kept.Timeline = t }

// Kept is what has been written so far.
func (w *Writer) Kept() *Kept {
	k := &w.kept
	k.Points = w.points.All
	k.Complete = k.Done >= k.Planned
	k.Fingerprint = shorten(w.all)
	return k
}

// Close writes the summary and gives all files their names. After an
// interruption it keeps what was finished, and the summary says that it is not
// complete.
func (w *Writer) Close() error {
	k := w.Kept()
	w.runs.w.Flush()
	w.resyncs.w.Flush()
	w.err = errors.Join(w.err, w.runs.w.Error(), w.resyncs.w.Error())
	if w.err == nil && k.Timeline != nil {
		w.err = w.extra(TimelineFile, k.Timeline.WriteCSV)
	}
	if w.err == nil {
		// The summary is last: where it is, the rest is.
		w.err = w.extra(SummaryFile, k.WriteSummary)
	}
	if w.err != nil {
		w.Discard()
		return w.err
	}
	for _, f := range w.files {
		w.err = errors.Join(w.err, f.w.Flush(), f.f.Chmod(0o644), f.f.Close())
	}
	if w.err != nil {
		w.Discard()
		return w.err
	}
	if k.Timeline == nil {
		// One from an earlier run would be read as ours.
		if err := os.Remove(filepath.Join(w.dir, TimelineFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
			w.err = err
		}
	}
	for _, f := range w.files {
		if w.err == nil {
			w.err = os.Rename(f.f.Name(), filepath.Join(w.dir, f.name))
		}
	}
	return w.err
}

func (w *Writer) extra(name string, write func(io.Writer) error) error {
	f, err := w.create(name)
	if err != nil {
		return err
	}
	return write(f.w)
}

// Discard throws away what was written.
func (w *Writer) Discard() {
	for _, f := range w.files {
		f.f.Close()
		os.Remove(f.f.Name())
	}
	w.files = nil
	if w.err == nil {
		w.err = errors.New("results: discarded")
	}
}

// Open reads kept results back. The points are summed again from runs.csv.
func Open(dir string) (*Kept, error) {
	var k *Kept
	var timeline *Meta
	err := read(dir, SummaryFile, func(r io.Reader) (err error) { k, timeline, err = ReadSummary(r); return err })
	if err != nil {
		return nil, err
	}
	var ps Points
	var last *Row
	n := &Kept{}
	err = read(dir, RunsFile, func(r io.Reader) error {
		return ReadRuns(r, k.Axes, func(row *Row) error {
			ps.Add(row)
			n.add(row)
			last = row
			if timeline != nil && row.Index == timeline.Index {
				timeline = &row.Meta
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	k.Points, k.Done, k.SeedFirst, k.SeedLast, k.Warnings = ps.All, n.Done, n.SeedFirst, n.SeedLast, n.Warnings
	if k.Done == 1 {
		k.Only = &Run{Row: *last}
		err = read(dir, ResyncsFile, func(r io.Reader) error {
			return ReadResyncs(r, k.Axes, func(_ *Meta, v *Resync) error {
				k.Only.Resyncs = append(k.Only.Resyncs, *v)
				return nil
			})
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

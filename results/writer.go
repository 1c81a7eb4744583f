package results

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
)

// Options say how results are kept. The zero value keeps CSV.
type Options struct {
	Format Format
	// Inputs stands for everything that decides the rows: the scenario with its
	// settings and seeds, and the program. See [Inputs].
	Inputs string
	// Program is the build of the program: only the same one goes on with unfinished rows.
	Program string
	Shard   *Shard // the part of the sweep that this is; nil is all of it
	Resume  bool   // take finished results of the same inputs for what they are
	Restart bool   // throw away what an earlier run left unfinished
	// Besides are the names of other files that will be made there: in a folder without
	// results of ours they must not be taken.
	Besides []string
	// Replaces is told when results of something else are about to lose their names, all
	// of the new ones being there: what was made of the old ones can go with them.
	Replaces func() error
}

// Inputs is the fingerprint of what decides a sweep's rows.
func Inputs(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return shorten(h, nil)
}

// Writer streams runs into a directory. Files appear under their names at
// Close, whole, the summary last: where it is, the rest is. Until then, and
// after Discard, what was there before stays. Rows are collected in the folder
// [Unfinished], from which a run that was interrupted or killed goes on.
// Memory grows with the points of the sweep, not with its runs.
type Writer struct {
	dir     string
	work    string // dir/.unfinished
	opt     Options
	lock    *flock.Flock
	kept    Kept
	points  Points
	all     hash.Hash
	line    []byte // memory
	runs    *rowFile
	resyncs *rowFile
	extras  []extra
	state   []byte // what the checkpoint held besides
	saved   int    // runs that the checkpoint counts
	old     *Kept  // complete results of the same inputs were there
	err     error  // the first one; nothing is written after it
}

// extra is a small file that stands beside the rows.
type extra struct {
	name string
	data []byte
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// rowFile is a CSV file that grows.
type rowFile struct {
	rows
	f     *os.File
	bytes int64     // written, flushed or not
	crc   uint32    // CRC-32C of what is written
	sum   hash.Hash // of what is written, while somebody wants to know; else nil
}

// Write counts what goes into the file.
func (r *rowFile) Write(b []byte) (int, error) {
	n, err := r.f.Write(b)
	r.bytes += int64(n)
	r.crc = crc32.Update(r.crc, castagnoli, b[:n])
	if r.sum != nil {
		r.sum.Write(b[:n])
	}
	return n, err
}

// NewWriter begins results in dir, which is made if it is not there. It goes on
// with the rows that an earlier run left unfinished, see Done; those of another
// sweep are an error, for nobody has said that they may be lost.
func NewWriter(dir string, h Header, o Options) (*Writer, error) {
	if o.Format == "" {
		o.Format = CSV
	}
	w := &Writer{dir: dir, work: filepath.Join(dir, Unfinished), opt: o, all: sha256.New()}
	w.kept.Header, w.kept.Inputs, w.kept.Shard = h, o.Inputs, o.Shard
	if err := w.foreign(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(w.work, 0o755); err != nil {
		return nil, err
	}
	w.lock = flock.New(filepath.Join(w.work, "lock"))
	if ok, err := w.lock.TryLock(); err != nil {
		return nil, err
	} else if !ok {
		return nil, fmt.Errorf("%s: another run is writing its results there", dir)
	}
	if o.Resume {
		done, err := w.complete()
		if err != nil {
			w.abandon()
			return nil, err
		}
		if done && (w.old.format == o.Format || w.begun()) {
			return w, w.leave()
		}
	}
	if err := w.begin(); err != nil {
		w.abandon()
		return nil, err
	}
	if k := w.old; k != nil {
		w.old = nil
		if err := w.copy(k); err != nil {
			w.Discard()
			return nil, err
		}
	}
	return w, nil
}

// leave ends a writer whose results are all there.
func (w *Writer) leave() error {
	_, err := w.readCheckpoint()
	w.release()
	if err != nil { // unfinished rows of something else: they are not ours to remove
		return nil
	}
	return w.drop()
}

// copy takes the rows of finished results, which are to be kept in another format.
func (w *Writer) copy(k *Kept) error {
	err := eachRun(w.dir, k.Axes, func(r *Row) error { w.row(r); return w.err })
	if err == nil {
		err = eachResync(w.dir, k.Axes, func(m *Meta, v *Resync) error { w.resync(m, v); return w.err })
	}
	w.kept.Only, w.kept.Timeline, w.kept.Checked, w.kept.Failed = k.Only, k.Timeline, k.Checked, k.Failed
	if k.Shard != nil {
		w.opt.Shard.Failed = k.Shard.Failed
	}
	return err
}

// foreign refuses a folder with files of our names that no run of ours has left there:
// the scenario.yaml that is to be run may be one of them.
func (w *Writer) foreign() error {
	if _, err := os.Stat(w.work); err == nil {
		return nil
	}
	if k, _, err := openHead(w.dir); err == nil && k.Version != "" && k.Fingerprint != "" {
		return nil
	}
	ours := []string{ScenarioFile, SummaryFile, RunsFile, ResyncsFile, RunsParquet, ResyncsParquet, TimelineFile, ShardFile}
	for _, name := range append(ours, w.opt.Besides...) {
		if _, err := os.Lstat(filepath.Join(w.dir, name)); err == nil {
			return fmt.Errorf("%s holds a %s that belongs to no results of psyncsim and would be replaced: give another --out", w.dir, name)
		}
	}
	return nil
}

// begin opens the files of rows, new or where the checkpoint says.
func (w *Writer) begin() error {
	var c *checkpoint
	if !w.opt.Restart {
		var err error
		if c, err = w.readCheckpoint(); err != nil {
			return err
		}
	}
	if c == nil || c.Runs == 0 {
		if err := remove(filepath.Join(w.work, checkpointFile)); err != nil {
			return err
		}
		c = &checkpoint{}
	}
	l := newLayout(w.kept.Axes)
	for _, t := range []struct {
		name, first string
		columns     []string
		bytes       int64
		file        **rowFile
	}{{RunsFile, "index", runColumns, c.RunsBytes, &w.runs}, {ResyncsFile, "run", resyncColumns, c.ResyncsBytes, &w.resyncs}} {
		f, err := os.OpenFile(filepath.Join(w.work, t.name), os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return err
		}
		r := &rowFile{f: f}
		*t.file = r
		r.rows = newRows(r, l)
		if err := errors.Join(f.Truncate(t.bytes), seekEnd(f)); err != nil {
			return err
		}
		if r.bytes = t.bytes; t.bytes > 0 {
			continue
		}
		if err := r.begin(t.first, t.columns); err != nil {
			return err
		}
	}
	return w.reread(c)
}

func seekEnd(f *os.File) error { _, err := f.Seek(0, io.SeekEnd); return err }

func remove(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// Write adds a run. Runs come in the order of the sweep.
func (w *Writer) Write(r *Run) error {
	w.row(&r.Row)
	for i := range r.Resyncs {
		w.resync(&r.Meta, &r.Resyncs[i])
	}
	if w.kept.Done == 1 {
		w.kept.Only = r
	}
	return w.err
}

// row adds the row of a run without its reconnects.
func (w *Writer) row(r *Row) {
	if w.err == nil {
		w.err = w.runs.run(r)
	}
	w.count(r)
}

func (w *Writer) resync(m *Meta, v *Resync) {
	if w.err == nil {
		w.err = w.resyncs.rows.resync(m, v)
	}
}

// count adds a run to the sums.
func (w *Writer) count(r *Row) {
	w.kept.add(r)
	w.points.Add(r)
	w.line = append(append(w.line[:0], r.Fingerprint...), '\n')
	w.all.Write(w.line)
	w.kept.Only = nil
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
		k.warn(n, 1)
	}
}

// SetTimeline keeps one run over time beside the rows.
func (w *Writer) SetTimeline(t *Timeline) { w.kept.Timeline = t }

// SetExpect keeps how many of the scenario's expectations were checked and how
// many did not hold.
func (w *Writer) SetExpect(checked, failed int64) { w.kept.Checked, w.kept.Failed = checked, failed }

// Extra keeps a small file beside the rows. It appears with them.
func (w *Writer) Extra(name string, data []byte) { w.extras = append(w.extras, extra{name, data}) }

// Done is how many runs there are already.
func (w *Writer) Done() int { return w.Kept().Done }

// Kept is what has been written so far.
func (w *Writer) Kept() *Kept {
	if w.old != nil {
		return w.old
	}
	k := &w.kept
	k.Points = w.points.All
	k.Complete = k.Done >= k.Planned
	k.Fingerprint = shorten(w.all, nil)
	return k
}

// Close gives all files their names. After an interruption it keeps what was
// finished, and the summary says that it is not complete; what [NewWriter] needs
// to go on stays. Finished results that are there stay, too, until there are finished
// ones to replace them: see Aside.
func (w *Writer) Close() error {
	if w.old != nil {
		return nil
	}
	if w.err != nil {
		err := w.err
		w.Discard()
		return err
	}
	if w.Aside() {
		w.err = w.flush()
	} else if w.err = w.publish(); w.err != nil {
		w.sweepUp()
	}
	w.release()
	if w.err == nil && w.kept.Complete {
		w.err = errDone
		return w.drop()
	}
	return w.err
}

// sweepUp removes what did not get its name: where a disk is full, that is room.
func (w *Writer) sweepUp() {
	all, _ := os.ReadDir(w.work)
	for _, e := range all {
		if strings.HasPrefix(e.Name(), fresh) {
			os.Remove(filepath.Join(w.work, e.Name()))
		}
	}
	if !w.begun() {
		w.release()
		os.RemoveAll(w.work)
	}
}

// errDone is what a writer says to rows that come after the end.
var errDone = errors.New("results: rows after the end")

// drop removes the unfinished rows, what makes them worth something first: a process may
// die here, too.
func (w *Writer) drop() error {
	return errors.Join(remove(filepath.Join(w.work, checkpointFile)), os.RemoveAll(w.work))
}

// Discard throws away what was collected and leaves what was there before,
// unfinished rows too.
func (w *Writer) Discard() {
	w.release()
	if w.old == nil && !w.begun() {
		os.RemoveAll(w.work)
	}
	if w.err == nil {
		w.err = errDone
	}
}

// abandon leaves the folder of unfinished rows as it was found.
func (w *Writer) abandon() {
	os.Remove(w.lock.Path())
	w.release()
	os.Remove(w.work) // if it is empty
}

// release closes the files that rows are collected in.
func (w *Writer) release() {
	for _, r := range []*rowFile{w.runs, w.resyncs} {
		if r != nil {
			r.f.Close()
		}
	}
	if w.lock != nil {
		w.lock.Unlock()
	}
}

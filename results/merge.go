package results

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// part is the folder of one shard.
type part struct {
	dir      string
	kept     *Kept
	timeline *Meta
	scenario []byte
}

// ScenarioFile is the scenario as it was run.
const ScenarioFile = "scenario.yaml"

// Merge joins the folders of a sweep's shards in dir, in whatever order they
// are named. The result is byte for byte the one of a single run. Missing or
// doubled shards, unfinished ones, and shards of different scenarios, seeds or
// programs are refused, all of them at once. Of o the Format, Besides and Replaces count.
// failed are the expectations that did not hold.
func Merge(dir string, parts []string, o Options) (k *Kept, failed []string, err error) {
	all, err := openParts(parts)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range all {
		if same(p.dir, dir) {
			return nil, nil, fmt.Errorf("%s is one of the shards: the whole needs a folder of its own", dir)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, Unfinished, checkpointFile)); err == nil {
		return nil, nil, fmt.Errorf("%s holds an unfinished run: give another --out", dir)
	}
	first := all[0].kept
	h := first.Header
	h.Planned = first.Shard.Runs
	o.Inputs = first.Inputs
	w, err := NewWriter(dir, h, o)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range all {
		if err = w.take(p); err != nil {
			w.Discard()
			return nil, nil, err
		}
		w.kept.Checked += p.kept.Checked
		w.kept.Failed += p.kept.Failed
		failed = append(failed, p.kept.Shard.Failed...)
	}
	w.Extra(ScenarioFile, all[0].scenario)
	if err = w.shownBy(all); err != nil {
		w.Discard()
		return nil, nil, err
	}
	return w.Kept(), failed, w.Close()
}

func same(a, b string) bool {
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}

// take adds the rows of one part, which must be those that it is to have.
func (w *Writer) take(p *part) error {
	if err := p.whole(); err != nil {
		return err
	}
	next := p.kept.Shard.First
	var only *Row
	if err := w.summing(w.runs, "index", runColumns); err != nil {
		return err
	}
	err := eachRun(p.dir, p.kept.Axes, func(r *Row) error {
		if r.Index != next {
			return fmt.Errorf("run %d stands where run %d should", r.Index, next)
		}
		next++
		w.row(r)
		only = r
		return w.err
	})
	if err == nil && next != p.kept.Shard.Last {
		err = fmt.Errorf("%s: the runs %d to %d are missing", p.dir, next, p.kept.Shard.Last-1)
	}
	if err := errors.Join(err, w.runs.flush()); err != nil {
		return err
	}
	if err := p.same(RunsFile, w.runs.sum); err != nil {
		return err
	}
	if err := w.summing(w.resyncs, "run", resyncColumns); err != nil {
		return err
	}
	var resyncs []Resync
	err = eachResync(p.dir, p.kept.Axes, func(m *Meta, v *Resync) error {
		w.resync(m, v)
		if w.kept.Planned == 1 {
			resyncs = append(resyncs, *v)
		}
		return w.err
	})
	if w.kept.Planned == 1 && only != nil {
		w.kept.Only = &Run{Row: *only, Resyncs: resyncs}
	}
	if err := errors.Join(err, w.resyncs.flush()); err != nil {
		return err
	}
	return p.same(ResyncsFile, w.resyncs.sum)
}

// summing begins the sum of the rows that will be written, as if they were a file of
// their own.
func (w *Writer) summing(r *rowFile, first string, columns []string) error {
	err := r.flush()
	r.sum = sha256.New()
	head := newRows(r.sum, newLayout(w.kept.Axes))
	return errors.Join(err, head.begin(first, columns), head.flush())
}

// whole checks the small files of a part.
func (p *part) whole() error {
	for name, want := range p.kept.Shard.Files {
		if name == RunsFile || name == ResyncsFile {
			continue
		}
		b, err := os.ReadFile(filepath.Join(p.dir, name))
		if err != nil {
			return err
		}
		h := sha256.New()
		h.Write(b)
		if hex.EncodeToString(h.Sum(nil)) != want {
			return p.damaged(name)
		}
	}
	return nil
}

// same checks a file of rows by what they came to.
func (p *part) same(name string, h hash.Hash) error {
	if hex.EncodeToString(h.Sum(nil)) != p.kept.Shard.Files[name] {
		return p.damaged(name)
	}
	return nil
}

func (p *part) damaged(name string) error {
	if _, err := os.Stat(filepath.Join(p.dir, name)); err != nil {
		name = strings.TrimSuffix(name, ".csv") + ".parquet"
	}
	return fmt.Errorf("%s is not what shard %s wrote: it was cut off or changed; run the shard again", filepath.Join(p.dir, name), p.kept.Shard)
}

// shownBy finds the timeline that a single run would keep: of the first run
// with a full resynchronization, else of the first.
func (w *Writer) shownBy(all []*part) error {
	var shown *part
	for _, p := range all {
		if p.timeline == nil {
			continue
		}
		if shown == nil {
			shown = p
		}
		if p.kept.Shard.Fulls {
			shown = p
			break
		}
	}
	if shown == nil {
		return nil
	}
	k, err := Open(shown.dir)
	if err != nil {
		return err
	}
	w.SetTimeline(k.Timeline)
	return nil
}

// openParts reads the heads of all folders, checks that they make one whole, and
// puts them in order.
func openParts(dirs []string) ([]*part, error) {
	var all []*part
	var bad []error
	for _, d := range dirs {
		p, err := openPart(d)
		if err != nil {
			bad = append(bad, err)
			continue
		}
		all = append(all, p)
	}
	if len(bad) > 0 {
		return nil, errors.Join(bad...)
	}
	if len(all) == 0 {
		return nil, errors.New("there is nothing to merge")
	}
	slices.SortStableFunc(all, func(a, b *part) int { return a.kept.Shard.Index - b.kept.Shard.Index })
	return all, check(all)
}

func openPart(dir string) (*part, error) {
	k, timeline, err := openHead(dir)
	if err != nil {
		if _, e := os.Stat(filepath.Join(dir, Unfinished)); e == nil {
			return nil, fmt.Errorf("%s is unfinished: run it again with --resume", dir)
		}
		return nil, err
	}
	if k.Shard == nil {
		return nil, fmt.Errorf("%s holds a whole sweep, no shard (there is no %s)", dir, ShardFile)
	}
	if !k.Complete {
		return nil, fmt.Errorf("%s is unfinished, %d of %d runs: run it again with --resume", dir, k.Done, k.Planned)
	}
	p := &part{dir: dir, kept: k, timeline: timeline}
	if p.scenario, err = os.ReadFile(filepath.Join(dir, ScenarioFile)); err != nil {
		return nil, err
	}
	return p, nil
}

// check refuses parts that do not make one whole, with every reason.
func check(all []*part) error {
	var bad []error
	a := all[0]
	for _, b := range all[1:] {
		switch {
		case a.kept.Version != b.kept.Version:
			bad = append(bad, fmt.Errorf("%s was made by version %s of the program, %s by %s", b.dir, b.kept.Version, a.dir, a.kept.Version))
		case a.kept.Shard.Program != b.kept.Shard.Program:
			bad = append(bad, fmt.Errorf("%s was made by another build of the program (%s) than %s (%s)", b.dir, b.kept.Shard.Program, a.dir, a.kept.Shard.Program))
		case !bytes.Equal(a.scenario, b.scenario):
			bad = append(bad, fmt.Errorf("%s and %s are of different scenarios: their %s differ", a.dir, b.dir, ScenarioFile))
		case a.kept.Inputs != b.kept.Inputs:
			bad = append(bad, fmt.Errorf("%s and %s were run with different seeds or settings", a.dir, b.dir))
		case a.kept.Shard.Of != b.kept.Shard.Of || a.kept.Shard.Runs != b.kept.Shard.Runs:
			bad = append(bad, fmt.Errorf("%s is shard %s of %d runs, %s is %s of %d", b.dir, b.kept.Shard, b.kept.Shard.Runs, a.dir, a.kept.Shard, a.kept.Shard.Runs))
		}
	}
	if len(bad) > 0 {
		return errors.Join(bad...)
	}
	have := make(map[int]*part)
	for _, p := range all {
		if q := have[p.kept.Shard.Index]; q != nil {
			bad = append(bad, fmt.Errorf("shard %s is there twice: %s and %s", p.kept.Shard, q.dir, p.dir))
		}
		have[p.kept.Shard.Index] = p
	}
	var missing []string
	for i := 1; i <= a.kept.Shard.Of; i++ {
		if have[i] == nil {
			missing = append(missing, fmt.Sprintf("%d/%d", i, a.kept.Shard.Of))
		}
	}
	if len(missing) > 0 {
		what := "shard " + missing[0] + " is"
		if len(missing) > 1 {
			what = "the shards " + strings.Join(missing, ", ") + " are"
		}
		bad = append(bad, fmt.Errorf("%s missing", what))
	}
	if len(bad) > 0 {
		return errors.Join(bad...)
	}
	next := 0
	for _, p := range all {
		if p.kept.Shard.First != next {
			return fmt.Errorf("shard %s begins with run %d, not %d: the shards were cut differently (all of them with --bytes, or none)", p.kept.Shard, p.kept.Shard.First, next)
		}
		next = p.kept.Shard.Last
	}
	return nil
}

package results

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// Aside says that the folder holds finished results and these are not: they are
// kept in [Unfinished] alone.
func (w *Writer) Aside() bool {
	if w.old != nil || w.Kept().Complete {
		return false
	}
	k, _, err := openHead(w.dir)
	return err == nil && k.Complete
}

// fresh begins the names of files that are not finished.
const fresh = "new-"

// publish makes every file under another name first and gives them their names
// in the end, without a summary in between.
func (w *Writer) publish() error {
	k := w.Kept()
	if err := w.flush(); err != nil {
		return err
	}
	names := []string{TimelineFile, RunsFile, ResyncsFile, RunsParquet, ResyncsParquet, ShardFile}
	made, sums := map[string]bool{}, map[string]string{}
	put := func(name string, write func(io.Writer) error) error {
		made[name] = true
		h := sha256.New()
		err := w.create(name, func(f io.Writer) error { return write(io.MultiWriter(f, h)) })
		sums[name] = hex.EncodeToString(h.Sum(nil))
		return err
	}
	errs := make([]error, 2)
	var both sync.WaitGroup
	both.Go(func() { errs[0] = w.table(RunsFile, RunsParquet, w.runs) })
	both.Go(func() { errs[1] = w.table(ResyncsFile, ResyncsParquet, w.resyncs) })
	both.Wait()
	parquet := w.opt.Format == Parquet
	made[RunsFile], made[ResyncsFile], made[RunsParquet], made[ResyncsParquet] = !parquet, !parquet, parquet, parquet
	if k.Timeline != nil {
		errs = append(errs, put(TimelineFile, k.Timeline.WriteCSV))
	}
	for _, e := range w.extras {
		errs = append(errs, put(e.name, func(f io.Writer) error { _, err := f.Write(e.data); return err }))
		names = append(names, e.name)
	}
	errs = append(errs, put(SummaryFile, k.WriteSummary))
	if w.opt.Shard != nil {
		s := *w.opt.Shard
		s.Fulls = slices.ContainsFunc(k.Points, func(p *Point) bool { return p.Fulls > 0 })
		s.Files = sums
		errs = append(errs, w.sum(RunsFile, sums), w.sum(ResyncsFile, sums), put(ShardFile, s.write))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if err := w.clear(k); err != nil {
		return err
	}
	for _, n := range names {
		if !made[n] { // one from an earlier run would be read as ours
			errs = append(errs, remove(filepath.Join(w.dir, n)))
			continue
		}
		errs = append(errs, w.rename(n))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	// What the summary stands for is on the disk before it is.
	if err := syncFolder(w.dir); err != nil {
		return err
	}
	return errors.Join(w.rename(SummaryFile), syncFolder(w.dir))
}

// clear takes the summary of older results away: from here on there is none until the
// last moment.
func (w *Writer) clear(k *Kept) error {
	old, _, err := openHead(w.dir)
	if !errors.Is(err, os.ErrNotExist) {
		if err := errors.Join(remove(filepath.Join(w.dir, SummaryFile)), syncFolder(w.dir)); err != nil {
			return err
		}
	}
	if same := err == nil && old.Inputs == k.Inputs && old.Fingerprint == k.Fingerprint; same || w.opt.Replaces == nil {
		return nil
	}
	return w.opt.Replaces()
}

func (w *Writer) rename(name string) error {
	return os.Rename(filepath.Join(w.work, fresh+name), filepath.Join(w.dir, name))
}

// table makes a file of rows in the format that is asked for. Finished CSV rows
// are the very file that was collected; rows that will grow are a copy.
func (w *Writer) table(asCSV, asParquet string, rows *rowFile) error {
	from := filepath.Join(w.work, asCSV)
	if w.opt.Format == Parquet {
		return w.create(asParquet, func(out io.Writer) error {
			in, err := os.Open(from)
			if err != nil {
				return err
			}
			defer in.Close()
			return writeParquet(out, in, w.kept.Axes)
		})
	}
	to := filepath.Join(w.work, fresh+asCSV)
	if err := remove(to); err != nil {
		return err
	}
	if w.kept.Complete && os.Link(from, to) == nil {
		return rows.f.Sync()
	}
	return w.create(asCSV, func(out io.Writer) error {
		in, err := os.Open(from)
		if err != nil {
			return err
		}
		defer in.Close()
		_, err = io.CopyN(out, in, rows.bytes)
		return err
	})
}

// sum adds what a file of collected rows comes to.
func (w *Writer) sum(name string, to map[string]string) error {
	f, err := os.Open(filepath.Join(w.work, name))
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	to[name] = hex.EncodeToString(h.Sum(nil))
	return err
}

// create makes a file that is on the disk before rename gives it its name: else a machine
// that dies might keep the name and lose what is in it.
func (w *Writer) create(name string, write func(io.Writer) error) error {
	f, err := os.OpenFile(filepath.Join(w.work, fresh+name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

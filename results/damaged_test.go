package results

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// unfinishedSweep leaves runs behind a checkpoint, as a process does that is killed.
func unfinishedSweep(t *testing.T, dir string) {
	t.Helper()
	w, err := NewWriter(dir, testHeader, Options{})
	if err != nil {
		t.Fatal(err)
	}
	sweep(1, func(r *Run) {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	})
	if err := w.Checkpoint([]byte(`{"shown": 3}`)); err != nil {
		t.Fatal(err)
	}
	if w.Saved() != 18 {
		t.Fatalf("%d runs are saved", w.Saved())
	}
	w.release()
}

// What a dying machine does to rows that were counted is noticed: a block of zeros, a byte, an
// older length, a row in place of another.
func TestDamagedRows(t *testing.T) {
	swap := func(b []byte) []byte {
		lines := strings.SplitAfter(string(b), "\n")
		lines[2], lines[3] = lines[3], lines[2]
		return []byte(strings.Join(lines, ""))
	}
	for name, damage := range map[string]func([]byte) []byte{
		"zeros": func(b []byte) []byte { clear(b[len(b)/2:]); return b },
		"digit": func(b []byte) []byte { b[len(b)-40] ^= 1; return b },
		"cut":   func(b []byte) []byte { return b[:len(b)-1] },
		"gone":  func([]byte) []byte { return nil },
		"swap":  swap,
	} {
		for _, file := range []string{RunsFile, ResyncsFile, checkpointFile} {
			if file == checkpointFile && (name == "digit" || name == "swap") {
				continue // it has no rows, and what it says is held against them
			}
			dir := t.TempDir()
			unfinishedSweep(t, dir)
			path := filepath.Join(dir, Unfinished, file)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, damage(b), 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err = NewWriter(dir, testHeader, Options{}); err == nil {
				t.Errorf("%s: %s: it goes on", name, file)
			} else if !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "--restart") {
				t.Errorf("%s: %s: %v", name, file, err)
			}
			w, err := NewWriter(dir, testHeader, Options{Restart: true})
			if err != nil || w.Done() != 0 {
				t.Fatalf("%s: %s: --restart: %v", name, file, err)
			}
			w.Discard()
		}
	}
}

// Rows behind the last checkpoint are cut off, and the sums go on from there.
func TestGoesOnBehindCheckpoints(t *testing.T) {
	one, dir := t.TempDir(), t.TempDir()
	writeSweep(t, one, testHeader)
	unfinished := filepath.Join(dir, Unfinished, RunsFile)
	for next := 0; next < 36; next += 12 {
		if next > 0 {
			f, err := os.OpenFile(unfinished, os.O_WRONLY|os.O_APPEND, 0)
			if err != nil {
				t.Fatal(err)
			}
			f.WriteString("99,half a row")
			f.Close()
		}
		w, err := NewWriter(dir, testHeader, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if w.Done() != next {
			t.Fatalf("%d runs are there, not %d", w.Done(), next)
		}
		n := 0
		sweep(2, func(r *Run) {
			if n >= next && n < next+12 {
				if err := w.Write(r); err != nil {
					t.Fatal(err)
				}
			}
			n++
		})
		if next < 24 {
			if err := w.Checkpoint(nil); err != nil {
				t.Fatal(err)
			}
			w.release()
		} else if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{RunsFile, ResyncsFile, SummaryFile} {
		a, _ := os.ReadFile(filepath.Join(one, name))
		b, _ := os.ReadFile(filepath.Join(dir, name))
		if len(a) == 0 || string(a) != string(b) {
			t.Errorf("%s differs", name)
		}
	}
}

// Finished results that lost a file are not taken for whole.
func TestResumeWithoutResyncs(t *testing.T) {
	for _, lost := range []string{"", RunsFile, ResyncsFile, SummaryFile} {
		dir := t.TempDir()
		writeSweep(t, dir, testHeader)
		if lost != "" {
			if err := os.Remove(filepath.Join(dir, lost)); err != nil {
				t.Fatal(err)
			}
		}
		w, err := NewWriter(dir, testHeader, Options{Resume: true})
		if lost == SummaryFile { // then nothing says whose the others are
			if err == nil {
				t.Error("it would replace files of somebody else")
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if want := map[bool]int{true: 36, false: 0}[lost == ""]; w.Done() != want {
			t.Errorf("without %q there are %d runs, not %d", lost, w.Done(), want)
		}
		w.Discard()
	}
}

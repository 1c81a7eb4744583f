package main

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// full is a file on a disk that has room for so many more bytes.
type full int

func (f *full) Write(b []byte) (int, error) {
	if len(b) <= int(*f) {
		*f -= full(len(b))
		return len(b), nil
	}
	n := int(*f)
	*f = 0
	return n, &fs.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.ENOSPC}
}

// Whoever prints into a full disk exits 2 and says so in one sentence.
func TestStdoutFull(t *testing.T) {
	dir := t.TempDir()
	must(t, runSmall(filepath.Join(dir, "kept"))...)
	for _, c := range []struct{ args, says string }{
		{"--help", ""}, {"run --help", ""}, {"--version", ""}, {"profiles", ""}, {"links", ""}, {"outages", ""},
		{"outages p50=2s,p99=45s", ""}, {"scenarios", ""}, {"scenarios show outage", ""}, {"scenarios lint outage", ""},
		{"plan outage", ""}, {"plot DIR/kept", ""}, {"size --rate 1MB/s --outage 5s --outages 400", ""},
		{"size --rate 1MB/s --outage 5s --outages 400 --json", ""},
		{"run contract-example --cell 3 --no-charts --out DIR/a", "; the results in DIR/a are whole"},
		{"run contract-example --cell 3 --no-charts --out DIR/b --trace -", "; the results in DIR/b are whole"},
		{"run contract-example --no-charts --out DIR/c --json", "runs are kept: the same command goes on with them"},
	} {
		for _, room := range []full{0, 7} {
			left := room
			var errs bytes.Buffer
			code := run(context.Background(), append([]string{"psyncsim"}, strings.Fields(strings.ReplaceAll(c.args, "DIR", dir))...), &left, &errs)
			text := errs.String()
			i := strings.Index(text, "psyncsim: ")
			if code != exitUsage || i < 0 || strings.Count(text[i:], "\n") != 1 || !strings.Contains(text, "write /dev/stdout: "+syscall.ENOSPC.Error()) ||
				!strings.Contains(text, strings.ReplaceAll(c.says, "DIR", dir)) {
				t.Errorf("%s: room for %d: exit %d: %s", c.args, room, code, text)
			}
		}
	}
	must(t, "run", "contract-example", "--no-charts", "--quiet", "--out", filepath.Join(dir, "c")) // it goes on
}

// A filter says how many of its rows are whole.
func TestFilterFull(t *testing.T) {
	_, cells, _ := call(t, "plan", "contract-example")
	stdinForTests = strings.NewReader(cells)
	defer func() { stdinForTests = nil }()
	left := full(5000)
	var out, errs bytes.Buffer
	code := run(context.Background(), []string{"psyncsim", "run", "-"}, &tee{&out, &left}, &errs)
	rows := strings.Count(out.String(), "\n")
	if want := "the rows of the first " + strconv.Itoa(rows) + " cells are whole"; code != exitUsage || rows == 0 || rows > 9 || !strings.Contains(errs.String(), want) {
		t.Errorf("exit %d, %d rows: %s", code, rows, errs.String())
	}
}

// tee keeps what a full disk has taken.
type tee struct {
	kept *bytes.Buffer
	to   *full
}

func (w *tee) Write(b []byte) (int, error) {
	n, err := w.to.Write(b)
	w.kept.Write(b[:n])
	return n, err
}

// On a disk that is full at any moment of a run, what is finished is kept, the message names the
// file and how to go on, and the same command ends in the same bytes when there is room.
func TestFilesFull(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("SKIPPED: no sh, which bounds the size of files")
	}
	dir := t.TempDir()
	one, out := filepath.Join(dir, "one"), filepath.Join(dir, "out")
	more := append([]string{"--seeds", "1..2"}, small...)
	must(t, append([]string{"run", "--quiet", "--no-charts", "--out", one}, more...)...)
	var said []string
	for blocks := 1; ; blocks += blocks/4 + 1 { // of 512 or 1024 bytes
		args := append([]string{"run", "--quiet", "--out", out}, more...)
		c := exec.Command(sh, append([]string{"-c", `ulimit -f "$0"; exec "$@"`, strconv.Itoa(blocks), os.Args[0]}, args...)...)
		c.Env = append(os.Environ(), asProgram+"=1")
		b, err := c.CombinedOutput()
		text := string(b)
		if err == nil {
			break
		}
		lines := strings.Split(strings.TrimSpace(text), "\n")
		if text = lines[len(lines)-1]; c.ProcessState.ExitCode() != exitUsage || !strings.HasPrefix(text, "psyncsim: write "+out) || len(lines) > 1 {
			t.Fatalf("%d blocks: %v: %s", blocks, err, b)
		}
		_, kept, _ := strings.Cut(text, "; ")
		if !slices.ContainsFunc([]string{"the same command goes on", "give the same command again", "psyncsim plot " + out}, func(s string) bool { return strings.Contains(kept, s) }) {
			t.Errorf("%d blocks: %s", blocks, text)
		}
		said = append(said, kept)
		untorn(t, one, out)
	}
	sameFiles(t, one, out, whole)
	for _, want := range []string{"runs are kept", "are whole"} {
		if !slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, want) }) {
			t.Errorf("it never said %q: %q", want, said)
		}
	}
}

// Half a file is removed, but nothing that was there before it: a device, a pipe, a link.
func TestRemoveHalf(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		t.Skip("SKIPPED: no links here: ", err)
	}
	for _, name := range []string{link, file} {
		removeHalf(name)
		_, err := os.Lstat(name)
		if gone := os.IsNotExist(err); gone != (name == file) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Charts never stand beside results that they do not show, and what somebody else put there stays.
func TestChartsOfOtherResults(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	mine := map[string]string{"cost.png": "a receipt", "timeline-3.svg": "<svg/>", "boundary-draft.png": "x"}
	run := func(more ...string) []string {
		must(t, append([]string{"run", "contract-example", "--quiet", "--out", dir}, more...)...)
		drawn, _ := filepath.Glob(filepath.Join(dir, "*.[ps][nv]g"))
		for name, text := range mine {
			path := filepath.Join(dir, name)
			if b, err := os.ReadFile(path); err == nil && string(b) != text {
				t.Errorf("%s was changed", name)
			}
			drawn = slices.DeleteFunc(drawn, func(s string) bool { return s == path })
		}
		return drawn
	}
	if got := run(); len(got) != 6 {
		t.Fatalf("%q", got)
	}
	for name, text := range mine {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := run("--no-charts"); len(got) != 6 {
		t.Errorf("of the same results there are left %q", got)
	}
	if got := run("--no-charts", "--seeds", "3..4"); len(got) != 0 {
		t.Errorf("of other results there are left %q", got)
	}
	for name := range mine {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	must(t, "plot", "--quiet", dir)
	if got := run("--no-charts", "--cell", "3"); len(got) != 0 {
		t.Errorf("of other results there are left %q", got)
	}
}

// A file that would be drawn over in a folder of somebody else's is not.
func TestForeignChartsStay(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "timeline.png")
	if err := os.WriteFile(path, []byte("holiday"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"run", "contract-example", "--cell", "0", "--quiet", "--out", dir}
	if code, _, stderr := call(t, args...); code != exitUsage || !strings.Contains(stderr, "timeline.png") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	must(t, append(args, "--no-charts")...)
	if b, _ := os.ReadFile(path); string(b) != "holiday" {
		t.Error("it was drawn over")
	}
}

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"psyncsim/results"
)

// interrupted runs for a moment and is stopped. It says how many runs were finished: some,
// and not all.
func interrupted(t *testing.T, args ...string) (done int) {
	t.Helper()
	for after := 4 * time.Millisecond; ; after += after / 4 {
		ctx, stop := context.WithTimeout(context.Background(), after)
		var out, errs bytes.Buffer
		code := run(ctx, append([]string{"psyncsim"}, args...), &out, &errs)
		stop()
		n, all := 0, 0
		if m := regexp.MustCompile(`interrupted: \d+ of .*`).FindString(errs.String()); m != "" {
			fmt.Sscanf(m, "interrupted: %d of %d", &n, &all)
		}
		switch {
		case code == exitInterrupted && n > 0:
			return n
		case code != exitInterrupted:
			t.Fatalf("exit %d: %s", code, errs.String())
		}
	}
}

// seeds enough that a run can be stopped in the middle.
var seeded = []string{"--seeds", "1..60"}

// What was interrupted is gone on with, whether --resume is said or not, and what is
// of another sweep is not thrown away unless --restart says so.
func TestUnfinishedIsKept(t *testing.T) {
	dir := t.TempDir()
	one, out := filepath.Join(dir, "one"), filepath.Join(dir, "out")
	must(t, runSmall(one, seeded...)...)
	done := interrupted(t, runSmall(out, seeded...)...)
	mark := filepath.Join(out, results.Unfinished, "checkpoint.json")
	before, err := os.ReadFile(mark)
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range [][]string{
		{"--seeds", "7..9"}, {"--seeds", "1..60", "--shard", "1/2"}, {"--seeds", "1..60", "--set", "duration=61s"}, {"--cell", "3"},
		{"--seeds", "7..9", "--resume"}, {"--seeds", "7..9", "--json"},
	} {
		code, _, stderr := call(t, runSmall(out, other...)...)
		if code != exitUsage || !strings.Contains(stderr, fmt.Sprint(done, " of ")) || !strings.Contains(stderr, "another") || !strings.Contains(stderr, "--restart") {
			t.Errorf("%v: exit %d: %s", other, code, stderr)
		}
		if after, _ := os.ReadFile(mark); !bytes.Equal(after, before) {
			t.Fatalf("%v: the unfinished runs are lost", other)
		}
	}
	build := regexp.MustCompile(`"program":"[^"]*"`).ReplaceAll(before, []byte(`"program":"revision 0"`))
	if err := os.WriteFile(mark, build, 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := call(t, runSmall(out, seeded...)...); code != exitUsage || !strings.Contains(stderr, "another build of the program (revision 0, this is") {
		t.Errorf("another build: exit %d: %s", code, stderr)
	}
	if err := os.WriteFile(mark, before, 0o644); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"run", "--no-charts", "--out", out}, append(append([]string{}, small...), seeded...)...)
	code, _, stderr := call(t, args...)
	if code != 0 || !strings.Contains(stderr, fmt.Sprintf("%d of ", done)) {
		t.Errorf("going on: exit %d: %s", code, stderr)
	}
	sameFiles(t, one, out, whole)

	interrupted(t, runSmall(out, "--seeds", "1..61")...)
	sameFiles(t, one, out, whole) // finished results stay
	must(t, runSmall(out, append(seeded, "--resume")...)...)
	sameFiles(t, one, out, whole)
	if _, err := os.Stat(mark); err != nil {
		t.Error("looking at finished results threw unfinished ones away")
	}
	must(t, runSmall(out, append(seeded, "--restart")...)...)
	sameFiles(t, one, out, whole)
	if _, err := os.Stat(filepath.Dir(mark)); err == nil {
		t.Error("--restart left unfinished runs")
	}
	if code, _, _ := call(t, runSmall(out, "--resume", "--restart")...); code != exitUsage {
		t.Errorf("--resume --restart: exit %d", code)
	}
}

// --json prints every run, also those that were finished before it began.
func TestUnfinishedAsJSON(t *testing.T) {
	dir := t.TempDir()
	args := func(name string, more ...string) []string {
		return runSmall(filepath.Join(dir, name), append(more, append(seeded, "--json")...)...)
	}
	_, want, _ := call(t, args("one")...)
	interrupted(t, args("out")...)
	code, got, stderr := call(t, args("out")...)
	if code != 0 || got != want {
		t.Errorf("exit %d, %d bytes, not %d: %s", code, len(got), len(want), stderr)
	}
	if code, got, _ := call(t, args("out", "--resume")...); code != 0 || got != want {
		t.Errorf("--resume: exit %d, %d bytes, not %d", code, len(got), len(want))
	}
	sameFiles(t, filepath.Join(dir, "one"), filepath.Join(dir, "out"), whole)
}

// Files that are not ours are not replaced, the scenario that is run least of all.
func TestForeignFilesStay(t *testing.T) {
	_, text, _ := call(t, "scenarios", "show", "contract-example")
	for name, content := range map[string]string{
		"scenario.yaml": text, "runs.csv": "who,km\nme,42\n", "summary.json": `{"runs": 3}`, "shard.json": "{}",
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		run := "contract-example"
		if name == "scenario.yaml" {
			run = file
		}
		code, _, stderr := call(t, "run", run, "--cell", "0", "--quiet", "--no-charts", "--out", dir)
		if code != exitUsage || !strings.Contains(stderr, name) {
			t.Errorf("%s: exit %d: %s", name, code, stderr)
		}
		if b, _ := os.ReadFile(file); string(b) != content {
			t.Errorf("%s was replaced", name)
		}
		if left, _ := os.ReadDir(dir); len(left) != 1 {
			t.Errorf("%s: it left %v", name, left)
		}
	}
}

// Finished results become those of the other format without a run, expectations that
// failed in a shard included.
func TestResumeInAnotherFormat(t *testing.T) {
	dir := t.TempDir()
	expect := []string{"--set", "expect=[reconnects_full == 0]", "--shard", "1/2"}
	run := func(name string, more ...string) (int, string) {
		code, _, stderr := call(t, runSmall(filepath.Join(dir, name), append(more, expect...)...)...)
		return code, stderr
	}
	want, said := run("csv")
	run("parquet", "--format", "parquet")
	for _, f := range []string{"parquet", "csv"} {
		code, again := run("other", "--resume", "--format", f)
		if f == "csv" && (code != want || again != said) {
			t.Errorf("exit %d, not %d: %s", code, want, again)
		}
		files, _ := os.ReadDir(filepath.Join(dir, f))
		var names []string
		for _, e := range files {
			names = append(names, e.Name())
		}
		sameFiles(t, filepath.Join(dir, f), filepath.Join(dir, "other"), names)
		if left, _ := os.ReadDir(filepath.Join(dir, "other")); len(left) != len(names) {
			t.Errorf("%s: %v", f, left)
		}
	}
}

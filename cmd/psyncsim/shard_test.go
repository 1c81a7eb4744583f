package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// whole are the files of results that decide: a merged or resumed sweep has the
// same as a single one.
var whole = []string{"runs.csv", "resyncs.csv", "summary.json", "scenario.yaml", "timeline.csv"}

func sameFiles(t *testing.T, want, got string, names []string) {
	t.Helper()
	for _, f := range names {
		a, err1 := os.ReadFile(filepath.Join(want, f))
		b, err2 := os.ReadFile(filepath.Join(got, f))
		if err1 != nil || err2 != nil {
			t.Error(err1, err2)
		} else if !bytes.Equal(a, b) {
			t.Errorf("%s and %s differ in %s", want, got, f)
		}
	}
}

func must(t *testing.T, args ...string) {
	t.Helper()
	if code, _, stderr := call(t, args...); code != 0 {
		t.Fatalf("%v: exit %d: %s", args, code, stderr)
	}
}

func runSmall(dir string, more ...string) []string {
	return append(append([]string{"run", "--quiet", "--no-charts", "--out", dir}, small...), more...)
}

// Shards, merged in any order and format, are the single run byte for byte.
func TestMerge(t *testing.T) {
	dir := t.TempDir()
	one := filepath.Join(dir, "one")
	must(t, runSmall(one)...)
	shards := []int{1, 2, 5, 100}
	if testing.Short() {
		shards = shards[1:3]
	}
	for _, n := range shards {
		for _, format := range []string{"csv", "parquet"} {
			var parts []string
			for i := n; i > 0; i-- {
				p := filepath.Join(dir, fmt.Sprintf("%s-%d-of-%d", format, i, n))
				must(t, runSmall(p, "--shard", fmt.Sprintf("%d/%d", i, n), "--format", format)...)
				parts = append(parts, p)
			}
			all := filepath.Join(dir, fmt.Sprintf("all-%s-%d", format, n))
			must(t, append([]string{"merge", "--quiet", "--no-charts", "--out", all}, parts...)...)
			sameFiles(t, one, all, whole)
			if left, _ := os.ReadDir(all); len(left) != len(whole) {
				t.Errorf("%d shards: the merged folder holds %v", n, left)
			}
		}
	}
}

// What does not make one whole is refused, by name.
func TestMergeRefuses(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	shard := func(name, part string, more ...string) string {
		must(t, runSmall(at(name), append([]string{"--shard", part}, more...)...)...)
		return at(name)
	}
	a, b, c := shard("a", "1/3"), shard("b", "2/3"), shard("c", "3/3")
	other := shard("other", "2/3", "--set", "question=another")
	seeds := shard("seeds", "2/3", "--seeds", "2..4")
	four := shard("four", "4/4")
	must(t, runSmall(at("whole"))...)
	old := shard("old", "2/3")
	for _, f := range []string{"summary.json"} {
		text, err := os.ReadFile(filepath.Join(old, f))
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.Replace(text, []byte(`"version": "`+version), []byte(`"version": "0.0.1`), 1)
		if err := os.WriteFile(filepath.Join(old, f), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	var out, errs bytes.Buffer
	if code := run(ctx, append([]string{"psyncsim"}, runSmall(at("broken"), "--shard", "2/3")...), &out, &errs); code != exitInterrupted {
		t.Fatal(code, errs.String())
	}
	for _, c := range []struct {
		name  string
		parts []string
		want  []string
	}{
		{"missing", []string{a, c}, []string{"shard 2/3 is missing"}},
		{"all but one missing", []string{b}, []string{"the shards 1/3, 3/3 are missing"}},
		{"twice", []string{a, b, c, b}, []string{"shard 2/3 is there twice", at("b")}},
		{"scenario", []string{a, other, c}, []string{at("other"), "different scenarios"}},
		{"seeds", []string{a, seeds, c}, []string{at("seeds"), "different seeds"}},
		{"count", []string{a, b, c, four}, []string{at("four"), "4/4"}},
		{"no shard", []string{a, at("whole")}, []string{at("whole"), "no shard"}},
		{"version", []string{a, old, c}, []string{at("old"), "version 0.0.1"}},
		{"unfinished", []string{a, at("broken"), c}, []string{at("broken"), "unfinished", "--resume"}},
		{"nothing there", []string{a, at("nowhere")}, []string{"nowhere"}},
	} {
		code, _, stderr := call(t, append([]string{"merge", "--out", at("x")}, c.parts...)...)
		if code != exitUsage {
			t.Errorf("%s: exit %d", c.name, code)
		}
		for _, w := range c.want {
			if !strings.Contains(stderr, w) {
				t.Errorf("%s: %q is not in: %s", c.name, w, stderr)
			}
		}
		if left, _ := os.ReadDir(at("x")); len(left) > 0 {
			t.Errorf("%s: it left %v", c.name, left)
		}
	}
	if code, _, stderr := call(t, "merge", "--out", a, a, b, c); code != exitUsage || !strings.Contains(stderr, "folder of its own") {
		t.Errorf("merging into a shard: exit %d: %s", code, stderr)
	}
}

// So they are where rates of bursts are spread on a logarithmic axis, whose mean is not
// quite the rate that was asked for.
func TestMergeOfBursts(t *testing.T) {
	dir := t.TempDir()
	args := func(name string, more ...string) []string {
		return append([]string{"run", "risk-surface", "--seeds", "1", "--set", "sweep.outage.steps=2", "--set", "sweep.backlog.steps=2",
			"--quiet", "--no-charts", "--out", filepath.Join(dir, name)}, more...)
	}
	must(t, args("one")...)
	must(t, args("a", "--shard", "1/2")...)
	must(t, args("b", "--shard", "2/2")...)
	must(t, "merge", "--quiet", "--no-charts", "--out", filepath.Join(dir, "all"), filepath.Join(dir, "a"), filepath.Join(dir, "b"))
	sameFiles(t, filepath.Join(dir, "one"), filepath.Join(dir, "all"), whole)
}

// A part that was damaged on its way is refused with the name of the file, whatever is
// wrong with it.
func TestMergeDamaged(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, format := range []string{"csv", "parquet"} {
		a, b := at("a"+format), at("b"+format)
		must(t, runSmall(a, "--shard", "1/2", "--format", format)...)
		must(t, runSmall(b, "--shard", "2/2", "--format", format)...)
		files, err := os.ReadDir(b)
		if err != nil || len(files) != 6 {
			t.Fatal(files, err)
		}
		for _, f := range files {
			name := filepath.Join(b, f.Name())
			good, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			line := bytes.LastIndexByte(bytes.TrimRight(good, "\n"), '\n') + 1
			digit := bytes.LastIndexAny(good, "1234567")
			changed := bytes.Clone(good)
			changed[digit]++
			for what, bad := range map[string][]byte{"cut off": good[:line], "half": good[:len(good)/2], "empty": nil, "a digit": changed, "gone": nil} {
				if err := os.WriteFile(name, bad, 0o644); err != nil {
					t.Fatal(err)
				}
				if what == "gone" {
					os.Remove(name)
				}
				code, _, stderr := call(t, "merge", "--quiet", "--no-charts", "--out", at("x"), a, b)
				if code != exitUsage || !strings.Contains(stderr, b) {
					t.Errorf("%s, %s: exit %d: %s", f.Name(), what, code, stderr)
				}
				if left, _ := os.ReadDir(at("x")); len(left) > 0 {
					t.Fatalf("%s, %s: it left %v", f.Name(), what, left)
				}
			}
			if err := os.WriteFile(name, good, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		must(t, "merge", "--quiet", "--no-charts", "--out", at("all"+format), a, b)
	}
}

// What is shown of a part says that it is one.
func TestPartSaysSo(t *testing.T) {
	dir := t.TempDir()
	code, table, stderr := call(t, "run", "contract-example", "--out", dir, "--shard", "2/3")
	if code != 0 || !strings.Contains(table, "only part 2/3 of a sweep of 70 runs") {
		t.Errorf("exit %d: %s%s", code, stderr, table)
	}
	charts := func() {
		t.Helper()
		for _, f := range []string{"boundary.svg", "collapsed.svg", "timeline.svg"} {
			if b, err := os.ReadFile(filepath.Join(dir, f)); err != nil || !strings.Contains(string(b), "part 2/3") {
				t.Errorf("%s does not say that it shows a part (%v)", f, err)
			}
		}
	}
	charts()
	if !testing.Short() {
		must(t, "plot", "--quiet", dir)
		charts()
	}
	if _, table, _ := call(t, "run", "contract-example", "--no-charts", "--out", dir, "--shard", "90/100"); !strings.Contains(table, "No run falls to this part") {
		t.Error(table)
	}
}

// A failed expectation in any shard makes the merge exit 1, as the single run.
func TestMergeExpect(t *testing.T) {
	dir := t.TempDir()
	set := []string{"--set", "expect=[replica.sync_full == 0, reconnects_full == 0]", "--set", "sweep.backlog={set: servers.*.config.repl-backlog-size, values: [1mb, 64mb]}"}
	base := append([]string{"run", "contract-example", "--quiet", "--no-charts"}, set...)
	single, _, _ := call(t, append(base, "--out", filepath.Join(dir, "one"))...)
	args := []string{"merge", "--quiet", "--no-charts", "--out", filepath.Join(dir, "all")}
	for i := 1; i <= 4; i++ {
		p := filepath.Join(dir, fmt.Sprint(i))
		call(t, append(base, "--out", p, "--shard", fmt.Sprintf("%d/4", i))...)
		args = append(args, p)
	}
	code, _, stderr := call(t, args...)
	if code != single || code != exitFailed || !strings.Contains(stderr, "reconnects_full == 0, but it is 1") {
		t.Errorf("merged: exit %d, alone: exit %d: %s", code, single, stderr)
	}
	sameFiles(t, filepath.Join(dir, "one"), filepath.Join(dir, "all"), whole)
}

func TestParseShard(t *testing.T) {
	type env map[string]string
	slurm := env{"SLURM_ARRAY_TASK_ID": "14", "SLURM_ARRAY_TASK_MIN": "10", "SLURM_ARRAY_TASK_STEP": "2", "SLURM_ARRAY_TASK_COUNT": "5"}
	for _, c := range []struct {
		text string
		env  env
		want string // or a part of the error
	}{
		{"1/1", nil, "1/1"}, {"3/8", nil, "3/8"}, {"8/8", nil, "8/8"},
		{"0/8", nil, "which shard"}, {"9/8", nil, "which shard"}, {"x/8", nil, "which shard"},
		{"1/0", nil, "how many"}, {"1/", nil, "how many"}, {"3", nil, "expected I/N"}, {"", nil, "expected I/N"}, {"-1/2", nil, "which shard"},
		{"auto", nil, "neither"}, {"auto/4", nil, "neither"},
		{"auto/4", env{"JOB_COMPLETION_INDEX": "0"}, "1/4"}, {"auto/4", env{"JOB_COMPLETION_INDEX": "3"}, "4/4"},
		{"auto/4", env{"JOB_COMPLETION_INDEX": "4"}, "task 5 of 4"}, {"auto", env{"JOB_COMPLETION_INDEX": "1"}, "auto/N"},
		{"auto/4", env{"JOB_COMPLETION_INDEX": "one"}, "JOB_COMPLETION_INDEX"},
		{"auto", slurm, "3/5"}, {"auto/5", slurm, "3/5"}, {"auto/6", slurm, "SLURM_ARRAY_TASK_COUNT is 5"},
		{"auto", env{"SLURM_ARRAY_TASK_ID": "2", "SLURM_ARRAY_TASK_COUNT": "3"}, "2/3"},
		{"auto", env{"SLURM_ARRAY_TASK_ID": "0", "SLURM_ARRAY_TASK_MIN": "0", "SLURM_ARRAY_TASK_COUNT": "3"}, "1/3"},
		{"auto", env{"SLURM_ARRAY_TASK_ID": "0", "SLURM_ARRAY_TASK_COUNT": "3"}, "is none of"},
		{"auto", env{"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_MAX": "7", "SLURM_ARRAY_TASK_STEP": "1", "SLURM_ARRAY_TASK_COUNT": "3"}, "gaps between their ids, 1 to 7"},
		{"auto/16", env{"SLURM_ARRAY_TASK_ID": "7", "SLURM_ARRAY_TASK_MIN": "7", "SLURM_ARRAY_TASK_MAX": "7", "SLURM_ARRAY_TASK_COUNT": "1"}, "write I/16, such as $SLURM_ARRAY_TASK_ID/16"},
		{"auto", env{"SLURM_ARRAY_TASK_ID": "14", "SLURM_ARRAY_TASK_MIN": "10", "SLURM_ARRAY_TASK_MAX": "18", "SLURM_ARRAY_TASK_STEP": "2", "SLURM_ARRAY_TASK_COUNT": "5"}, "3/5"},
		{"auto/5", env{"SLURM_ARRAY_TASK_ID": "2", "JOB_COMPLETION_INDEX": "2"}, "both"},
		{"auto/4", env{"JOB_COMPLETION_INDEX": "", "SLURM_ARRAY_TASK_ID": ""}, "neither"},
		{"auto", env{"JOB_COMPLETION_INDEX": "", "SLURM_ARRAY_TASK_ID": "2", "SLURM_ARRAY_TASK_COUNT": "3", "SLURM_ARRAY_TASK_MIN": ""}, "2/3"},
	} {
		index, of, err := parseShard(c.text, func(name string) (string, bool) { v, ok := c.env[name]; return v, ok })
		got := fmt.Sprintf("%d/%d", index, of)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, c.want) || err == nil && got != c.want {
			t.Errorf("%q with %v: %s, not %s", c.text, c.env, got, c.want)
		}
	}
}

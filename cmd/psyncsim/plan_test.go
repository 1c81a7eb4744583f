package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"psyncsim/results"
)

// feed runs the program with text on its stdin.
func feed(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	stdinForTests = strings.NewReader(stdin)
	defer func() { stdinForTests = nil }()
	return call(t, args...)
}

// The rows of planned cells are those of the sweep, however the cells are cut
// and on however many workers.
func TestPlanAndFilter(t *testing.T) {
	dir := t.TempDir()
	must(t, runSmall(dir)...)
	var want []string
	f, err := os.Open(filepath.Join(dir, "runs.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	k, err := results.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	err = results.ReadRuns(f, k.Axes, func(r *results.Row) error { want = append(want, r.Fingerprint); return nil })
	if err != nil {
		t.Fatal(err)
	}
	for _, inline := range []bool{false, true} {
		args := append([]string{"plan"}, small...)
		if inline {
			args = append(args, "--inline")
		}
		code, plan, stderr := call(t, args...)
		if code != 0 {
			t.Fatal(stderr)
		}
		cells := strings.SplitAfter(strings.TrimSuffix(plan, "\n"), "\n")
		if len(cells) != len(want) {
			t.Fatalf("%d cells of %d runs", len(cells), len(want))
		}
		code, all, stderr := feed(t, plan, "run", "-", "--jobs", "3")
		if code != 0 {
			t.Fatal(stderr)
		}
		half := len(cells) / 2
		_, a, _ := feed(t, strings.Join(cells[:half], ""), "run", "-", "--jobs", "1")
		_, b, _ := feed(t, strings.Join(cells[half:], "")+"\n\n", "run", "-")
		if a+b != all {
			t.Error("halves of a plan give other rows than the whole")
		}
		for i, line := range strings.Split(strings.TrimSpace(all), "\n") {
			var row struct {
				Cell        int
				Fingerprint string
			}
			if err := json.Unmarshal([]byte(line), &row); err != nil {
				t.Fatal(err)
			}
			if row.Cell != i || row.Fingerprint != want[i] {
				t.Fatalf("row %d: %+v, not %s", i, row, want[i])
			}
		}
	}
}

// A filter answers what it has before it waits for more.
func TestFilterAnswers(t *testing.T) {
	_, plan, _ := call(t, append([]string{"plan"}, small...)...)
	cells := strings.SplitAfter(plan, "\n")
	in, feeder := io.Pipe()
	reader, out := io.Pipe()
	stdinForTests = in
	defer func() { stdinForTests = nil }()
	done := make(chan int)
	go func() {
		var errs bytes.Buffer
		done <- run(context.Background(), []string{"psyncsim", "run", "-"}, out, &errs)
		out.Close()
	}()
	rows := json.NewDecoder(reader)
	for i := range 5 {
		if _, err := io.WriteString(feeder, cells[i]); err != nil {
			t.Fatal(err)
		}
		var row struct{ Cell int }
		if err := rows.Decode(&row); err != nil || row.Cell != i {
			t.Fatal(row, err)
		}
	}
	feeder.Close()
	if code := <-done; code != 0 {
		t.Errorf("exit %d", code)
	}
}

// A filter answers lines that are whole while it waits for the rest of another, and
// ends at a bad line or an interruption though its input stays open.
func TestFilterWhileInputIsOpen(t *testing.T) {
	_, plan, _ := call(t, append([]string{"plan"}, small...)...)
	cells := strings.SplitAfter(plan, "\n")
	defer func() { stdinForTests = nil }()
	for _, c := range []struct {
		more, want string
		code       int
	}{{"xx\n", "line 2", exitUsage}, {cells[1][:20], "interrupted", exitInterrupted}} {
		in, feeder := io.Pipe()
		reader, out := io.Pipe()
		stdinForTests = in
		ctx, interrupt := context.WithCancel(context.Background())
		code, errs := make(chan int), bytes.Buffer{}
		go func() {
			code <- run(ctx, []string{"psyncsim", "run", "-"}, out, &errs)
		}()
		go io.WriteString(feeder, cells[0]+c.more)
		var row struct{ Cell int }
		if err := json.NewDecoder(reader).Decode(&row); err != nil {
			t.Fatal(err)
		}
		go io.Copy(io.Discard, reader) // the end of the line
		if c.code == exitInterrupted {
			interrupt()
		}
		select {
		case got := <-code:
			if got != c.code || !strings.Contains(errs.String(), c.want) {
				t.Errorf("%q: exit %d: %s", c.more, got, errs.String())
			}
		case <-time.After(time.Minute):
			t.Fatalf("%q: it waits for its input", c.more)
		}
		interrupt()
	}
}

// The plans of all shards, one behind the other, are the plan.
func TestPlanShards(t *testing.T) {
	_, plan, _ := call(t, append([]string{"plan"}, small...)...)
	for _, n := range []int{1, 3, 50} {
		all := ""
		for i := 1; i <= n; i++ {
			_, part, _ := call(t, append([]string{"plan", "--shard", fmt.Sprintf("%d/%d", i, n)}, small...)...)
			all += part
		}
		if all != plan {
			t.Errorf("%d shards plan other cells", n)
		}
	}
}

func TestFilterRefuses(t *testing.T) {
	_, plan, _ := call(t, "plan", "contract-example")
	line, _, _ := strings.Cut(plan, "\n")
	edit := func(old, new string) string {
		if !strings.Contains(line, old) {
			t.Fatalf("%q is not in %s", old, line)
		}
		return strings.Replace(line, old, new, 1)
	}
	for _, c := range []struct{ in, want string }{
		{"x", "line 1: not a cell"}, {`"cell"`, "no object but a JSON string"}, {`{"scenario":7}`, `"scenario" cannot be a JSON number`}, {`{"cell":0`, "ends in the middle"},
		{line + "\n\n{}", `line 3: "scenario" is missing`},
		{line + line, "more than one cell"},
		{edit(`"cell":0`, `"cel":0`), "cel"},
		{edit(`"cell":0`, `"cell":70`), "the cells 0 to 69"},
		{edit(`"cell":0`, `"cell":-1`), "the cells 0 to 69"},
		{edit(`"cell":0`, `"cell":1`), "not at"},
		{edit(`"inputs":"`, `"inputs":"0`), "is not the scenario that was planned"},
		{edit(`"contract-example"`, `"nowhere.yaml"`), "nowhere.yaml"},
		{edit(`"contract-example"`, `"contract-example","set":["duration=1"]`), "duration"},
		{edit(`"contract-example"`, `"contract-example","seeds":"x"`), "seeds"},
		{`{"scenario":"a","text":"question: [","cell":0}`, "a:2:1: not YAML"},
		{`{"scenario":"` + strings.Repeat("x", maxLine), "more than"},
	} {
		code, _, stderr := feed(t, c.in, "run", "-")
		if code != exitUsage || !strings.Contains(stderr, c.want) {
			t.Errorf("%.80s: exit %d: %.300s", c.in, code, stderr)
		}
	}
	if code, _, stderr := feed(t, line, "run", "-", "--out", "x"); code != exitUsage || !strings.Contains(stderr, "--out") {
		t.Errorf("--out: exit %d: %s", code, stderr)
	}
	for _, args := range [][]string{{"--pcap", "x"}, {"--yes"}, {"contract-example"}} {
		if code, _, stderr := feed(t, line, append([]string{"run", "-"}, args...)...); code != exitUsage {
			t.Errorf("%v: exit %d: %s", args, code, stderr)
		}
	}
	// Rows before a bad line are written.
	code, stdout, _ := feed(t, line+"\nx\n", "run", "-")
	if code != exitUsage || strings.Count(stdout, "\n") != 1 {
		t.Errorf("exit %d: %s", code, stdout)
	}
	// A failed expectation stands in its row and in the exit status.
	code, stdout, stderr := feed(t, `{"scenario":"contract-example","set":["expect=[master.sync_full == 7]"],"cell":3,"seed":9}`, "run", "-")
	if code != exitFailed || !strings.Contains(stdout, `"failed": ["master.sync_full == 7, but it is`) || !strings.Contains(stdout, `"seed": 9`) || !strings.Contains(stderr, "cell 3") {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
}

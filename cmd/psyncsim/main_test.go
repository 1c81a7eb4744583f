package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"psyncsim/model"
	"psyncsim/sim"
	"psyncsim/sim/trace"
)

// call runs the program in this process.
func call(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(context.Background(), append([]string{"psyncsim"}, args...), &out, &err)
	return code, out.String(), err.String()
}

// small is the default sweep with fewer values: some seconds under the race
// detector, but every part of it.
var small = []string{
	"--set", "sweep.backlog={set: servers.*.config.repl-backlog-size, values: [1mb, 8mb]}",
	"--set", "sweep.outage={set: faults.0.for, values: [2s, 15s, 30s]}", "--seeds", "1..3",
}

func sums(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	for _, f := range []string{"runs.csv", "resyncs.csv", "summary.json"} {
		data, err := os.ReadFile(filepath.Join(dir, f))
		if err != nil {
			t.Fatal(err)
		}
		s := sha256.Sum256(data)
		b.WriteString(f + " " + hex.EncodeToString(s[:]) + "\n")
	}
	return b.String()
}

// The same scenario, seeds and version give the same bytes: for any number of
// workers and processors, with the race detector, and on a 32-bit machine. The
// last two are other runs of this test, so the sums are kept in a file; make
// golden writes it anew when a change of the bytes is meant.
func TestSameBytes(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	const pin = "testdata/same-bytes.txt"
	var got string
	for _, c := range []struct {
		jobs  string
		procs int
	}{{"1", 1}, {"1", 2}, {"2", 1}, {"2", 2}, {"7", 2}} {
		runtime.GOMAXPROCS(c.procs)
		dir := t.TempDir()
		args := append([]string{"run", "sizing-rule", "--quiet", "--no-charts", "--out", dir, "--jobs", c.jobs}, small...)
		if code, _, stderr := call(t, args...); code != 0 {
			t.Fatalf("exit %d: %s", code, stderr)
		}
		s := sums(t, dir)
		if got == "" {
			got = s
		}
		if s != got {
			t.Fatalf("--jobs %s, GOMAXPROCS %d: other bytes\n%s\nthan\n%s", c.jobs, c.procs, s, got)
		}
	}
	if os.Getenv("REWRITE") != "" {
		if err := os.MkdirAll("testdata", 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(pin, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(pin)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("other bytes than kept in %s:\n%s\nwant\n%s", pin, got, want)
	}
}

func TestJSON(t *testing.T) {
	code, stdout, stderr := call(t, "run", "contract-example", "--json", "--out", t.TempDir(), "--no-charts", "--seed", "7")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	var doc struct {
		Scenario, Version, Fingerprint string
		Runs                           []struct {
			Point       map[string]any
			Seed        int
			Fingerprint string
			Servers     map[string]map[string]any
			Resyncs     []map[string]any
		}
	}
	d := json.NewDecoder(strings.NewReader(stdout))
	if err := d.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	if d.More() {
		t.Error("more than one document on stdout")
	}
	if len(doc.Runs) != 70 || doc.Fingerprint == "" {
		t.Fatalf("%d runs, fingerprint %q", len(doc.Runs), doc.Fingerprint)
	}
	r := doc.Runs[4] // backlog 1 MiB, outage 5 s
	if r.Point["backlog"] != 1048576.0 || r.Point["outage"] != 5.0 || r.Seed != 7 {
		t.Errorf("point %v, seed %d", r.Point, r.Seed)
	}
	if m := r.Servers["master"]; m["role"] != "master" || m["sync_full"] != 2.0 || m["repl_backlog_size"] != 1048576.0 {
		t.Errorf("master: %v", m)
	}
	if len(r.Resyncs) != 2 || r.Resyncs[1]["kind"] != "full" || r.Resyncs[1]["reason"] != "below-backlog" {
		t.Errorf("resyncs: %v", r.Resyncs)
	}
	for _, k := range []string{"t", "replica", "master", "request", "reply", "kind", "reason", "gap_bytes", "down_s"} {
		if _, ok := r.Resyncs[1][k]; !ok {
			t.Errorf("a resync has no %s", k)
		}
	}
}

func TestUsage(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return p
	}
	good, _, _ := call(t, "scenarios", "list")
	if good != 0 {
		t.Fatal("scenarios list fails")
	}
	bad := write("bad.yaml", "question: q\nduration: 60s\nservers: {m: {version: redis-9.9}}\nworkloads: []\n")
	failing := write("failing.yaml", "question: q\nduration: 10s\nservers: {m: {version: redis-6.2}, r: {version: redis-6.2, replicaof: m}}\nexpect: [\"m.sync_full == 2\"]\n")
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"rum"}, 2, `"rum" is no command`},
		{[]string{"run", "contract-example", "--sed", "5"}, 2, "-sed"},
		{[]string{"run", "contract-example", "--seed"}, 2, "--seed needs a value"},
		{[]string{"run", "contract-example", "--seed", "x"}, 2, "seed"},
		{[]string{"run", "contract-example", "--seeds", "9..1"}, 2, "seeds"},
		{[]string{"run", "--jobs", "0"}, 2, "--jobs"},
		{[]string{"run", "no-such"}, 2, "no-such"},
		{[]string{"run", "a", "b", "--json"}, 2, "one scenario"},
		{[]string{"run", "--json", "--trace", "-"}, 2, "both want stdout"},
		{[]string{"run", "--cell", "-5"}, 2, "from 0"},
		{[]string{"run", "first-sync", "first-sync"}, 2, "both write to"},
		{[]string{"run", "first-sync", "--trace", filepath.Join(dir, "no", "file"), "--out", filepath.Join(dir, "t")}, 2, "file"},
		{[]string{"run", bad}, 2, "bad.yaml:3:"},
		{[]string{"run", bad}, 2, "bad.yaml:4:"},
		{[]string{"scenarios", "lint", bad}, 2, "bad.yaml:4:"},
		{[]string{"run", failing, "--out", filepath.Join(dir, "f"), "--quiet", "--no-charts"}, 1, "m.sync_full == 2, but it is 1"},
		{[]string{"run", "contract-example", "--cell", "70", "--out", dir}, 2, "0 to 69"},
		{[]string{"plot"}, 2, "folder"},
		{[]string{"plot", filepath.Join(dir, "nothing")}, 2, "nothing"},
		{[]string{"profiles"}, 0, ""},
		// Flags count behind the file name too.
		{[]string{"run", "first-sync", "--quiet", "--no-charts", "--out", filepath.Join(dir, "o"), "--seed", "5"}, 0, ""},
	} {
		code, _, stderr := call(t, c.args...)
		if code != c.code || !strings.Contains(stderr, c.says) {
			t.Errorf("psyncsim %s: exit %d, want %d; says %q, want %q", strings.Join(c.args, " "), code, c.code, stderr, c.says)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "t")); err == nil {
		t.Error("a trace that cannot be written was noticed only after the runs")
	}
	b, err := os.ReadFile(filepath.Join(dir, "o", "scenario.yaml"))
	if err != nil || !strings.Contains(string(b), "seed: 5") {
		t.Errorf("--seed behind the name did not count: %v", err)
	}
}

// An interrupted sweep keeps what was finished, and says so.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	dir := t.TempDir()
	var out, errs bytes.Buffer
	code := run(ctx, []string{"psyncsim", "run", "sizing-rule", "--out", dir, "--quiet", "--no-charts"}, &out, &errs)
	if code != exitInterrupted || !strings.Contains(errs.String(), "interrupted") {
		t.Fatalf("exit %d: %s", code, errs.String())
	}
	b, err := os.ReadFile(filepath.Join(dir, "summary.json"))
	if err != nil || !strings.Contains(string(b), `"complete": false`) {
		t.Errorf("summary.json: %v\n%s", err, b)
	}
}

// A broken invariant is exit 3, with the facts before it and the command that
// plays the run again.
func TestViolation(t *testing.T) {
	set := flag.NewFlagSet("run", flag.ContinueOnError)
	for _, f := range runFlags() {
		if err := f.Apply(set); err != nil {
			t.Fatal(err)
		}
	}
	if err := set.Parse([]string{"--seeds", "3..4", "--set", "duration=90s"}); err != nil {
		t.Fatal(err)
	}
	j := &job{file: "my.yaml", x: cli.NewContext(cli.NewApp(), set, nil)}
	last := []trace.Record{{At: 1, Node: "link", Event: model.Event{Kind: trace.Cut, Peer: "a-b"}}}
	err := j.verdict(&brokenRun{17, &sim.Violation{What: "two and two is five", Last: last}})
	var x *exitError
	if !errors.As(err, &x) || x.code != exitViolation {
		t.Fatalf("%v", err)
	}
	for _, want := range []string{"two and two is five", "0.000000001  link  cut peer=a-b", `psyncsim run my.yaml --set "duration=90s" --seeds 3..4 --cell 17`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the report lacks %q:\n%v", want, err)
		}
	}
}

// Plot draws from kept results alone, and draws the same.
func TestPlotAgain(t *testing.T) {
	dir := t.TempDir()
	if code, _, stderr := call(t, "run", "contract-example", "--quiet", "--out", dir); code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	before := map[string][]byte{}
	for _, f := range []string{"boundary.png", "boundary.svg", "collapsed.png", "collapsed.svg", "timeline.png", "timeline.svg"} {
		b, err := os.ReadFile(filepath.Join(dir, f))
		if err != nil {
			t.Fatal(err)
		}
		before[f] = b
		os.Remove(filepath.Join(dir, f))
	}
	if testing.Short() {
		return // charts were drawn side by side
	}
	if code, _, stderr := call(t, "plot", dir); code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	for f, want := range before {
		if got, err := os.ReadFile(filepath.Join(dir, f)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is drawn differently from kept results (%v)", f, err)
		}
	}
}

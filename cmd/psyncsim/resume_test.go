package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"psyncsim/results"
)

// asProgram makes this binary the program itself, saving its rows often.
const asProgram = "PSYNCSIM_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		pause, rest = 3*time.Millisecond, 0
		os.Exit(run(context.Background(), append([]string{"psyncsim"}, os.Args[1:]...), os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// A run that is killed at any moment leaves complete files or none, and resumes
// to the same bytes.
func TestKilled(t *testing.T) {
	kills := 120
	if testing.Short() {
		kills = 10
	}
	dir := t.TempDir()
	one := filepath.Join(dir, "one")
	must(t, runSmall(one)...)
	// A slow machine, or one with much to do, gets the time that it takes.
	began := time.Now()
	if killed(t, nil, runSmall(filepath.Join(dir, "whole"))) {
		t.Fatal("it was killed by nobody")
	}
	window := int64(time.Since(began)) * 5 / 4
	chance := rand.New(rand.NewPCG(1, 2))
	done := 0
	for attempt := 0; done < kills; attempt++ {
		if attempt > 20*kills {
			t.Fatalf("only %d kills in %d attempts", done, attempt)
		}
		out := filepath.Join(dir, "killed")
		format := []string{"csv", "parquet"}[attempt%2]
		for tries := 0; ; tries++ {
			if tries > 10*kills {
				t.Fatal("it never ends")
			}
			after := time.Duration(chance.Int64N(window))
			if killed(t, func() { time.Sleep(after) }, runSmall(out, "--resume", "--format", format)) {
				done++
				untorn(t, one, out)
				continue
			}
			break
		}
		files := whole
		if format == "parquet" {
			files = []string{"summary.json", "scenario.yaml", "timeline.csv"}
			plain := filepath.Join(dir, "plain")
			must(t, runSmall(plain, "--format", format)...)
			sameFiles(t, plain, out, []string{"runs.parquet", "resyncs.parquet"})
		}
		sameFiles(t, one, out, files)
		if _, err := os.Stat(filepath.Join(out, ".unfinished")); err == nil {
			t.Error("a finished run left its unfinished rows")
		}
		if err := os.RemoveAll(out); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d kills", done)
}

// killed starts the program and kills it when wait comes back; false when it was
// done before, or wait is nil.
func killed(t *testing.T, wait func(), args []string) bool {
	t.Helper()
	var stderr bytes.Buffer
	c := exec.Command(os.Args[0], args...)
	c.Env = append(os.Environ(), asProgram+"=1")
	c.Stderr = &stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if wait != nil {
		go func() { wait(); c.Process.Kill() }()
	}
	err := c.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == -1 {
		return true
	}
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	return false
}

// untorn checks that what has the name of a result is a whole result.
func untorn(t *testing.T, one, out string) {
	t.Helper()
	for _, f := range whole {
		got, err := os.ReadFile(filepath.Join(out, f))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		want, err2 := os.ReadFile(filepath.Join(one, f))
		if err != nil || err2 != nil || !bytes.Equal(got, want) {
			t.Fatalf("killed, it left a %s of %d bytes, not of %d", f, len(got), len(want))
		}
	}
}

// An interruption keeps what was finished under the results' names, and the
// unfinished rows to go on with; going on with something else is refused.
func TestResume(t *testing.T) {
	dir := t.TempDir()
	one, out := filepath.Join(dir, "one"), filepath.Join(dir, "out")
	must(t, runSmall(one)...)
	for i := range 4 {
		ctx, stop := context.WithCancel(context.Background())
		time.AfterFunc(15*time.Millisecond, stop)
		var stdout, stderr bytes.Buffer
		code := run(ctx, append([]string{"psyncsim"}, runSmall(out, "--resume", "--jobs", fmt.Sprint(1+i%2))...), &stdout, &stderr)
		stop()
		if code == 0 {
			break
		}
		if code != exitInterrupted || !strings.Contains(stderr.String(), "--resume goes on") {
			t.Fatal(code, stderr.String())
		}
		rows, err := os.ReadFile(filepath.Join(out, "runs.csv"))
		if err != nil {
			t.Fatal(err)
		}
		if all, _ := os.ReadFile(filepath.Join(one, "runs.csv")); !bytes.HasPrefix(all, rows) {
			t.Fatal("interrupted, it kept other rows")
		}
		for _, other := range [][]string{{"--seeds", "7..9"}, {"--shard", "1/2"}, {"--set", "duration=61s"}} {
			code, _, stderr := call(t, runSmall(out, append(other, "--resume")...)...)
			if code != exitUsage || !strings.Contains(stderr, "another") {
				t.Errorf("%v: exit %d: %s", other, code, stderr)
			}
		}
	}
	must(t, runSmall(out, "--resume")...)
	sameFiles(t, one, out, whole)
	must(t, runSmall(out, "--resume")...) // there is nothing left to do
	sameFiles(t, one, out, whole)
}

// Two runs never write to one folder at a time: the second is refused while the
// first writes, and may begin when that one is gone, even if it was killed.
func TestLocked(t *testing.T) {
	dir := t.TempDir()
	first := exec.Command(os.Args[0], runSmall(dir, "--seeds", "1..1000000")...)
	first.Env = append(os.Environ(), asProgram+"=1")
	var said bytes.Buffer
	first.Stderr = &said
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan error, 1)
	go func() { gone <- first.Wait() }()
	for writes := false; !writes; {
		select {
		case err := <-gone:
			t.Fatalf("the first run ended by itself: %v: %s", err, said.String())
		case <-time.After(5 * time.Millisecond):
			rows, _ := filepath.Glob(filepath.Join(dir, results.Unfinished, "runs*"))
			writes = len(rows) > 0
		}
	}
	if code, _, stderr := call(t, runSmall(dir)...); code == 0 || !strings.Contains(stderr, "another run is writing") {
		t.Errorf("beside another run: exit %d: %s", code, stderr)
	}
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-gone
	must(t, runSmall(dir)...)
}

// stopAt keeps what is written, and stops when it has read a word.
type stopAt struct {
	bytes.Buffer
	word string
	stop func()
}

func (s *stopAt) Write(b []byte) (int, error) {
	n, err := s.Buffer.Write(b)
	if strings.Contains(s.String(), s.word) {
		s.stop()
	}
	return n, err
}

// A sweep that is large is announced, and wants --yes on a terminal.
func TestEstimate(t *testing.T) {
	large := []string{"psyncsim", "run", "contract-example", "--seeds", "1..1000000", "--no-charts", "--out"}
	start := func(terminal bool, args ...string) (int, string) {
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		var out bytes.Buffer
		errs := stopAt{word: "runs, about", stop: stop} // it is not to be played
		terminalForTests = func() bool { return terminal }
		defer func() { terminalForTests = nil }()
		dir := t.TempDir()
		code := run(ctx, append(append(large, dir), args...), &out, &errs)
		if left, _ := os.ReadDir(dir); code == exitUsage && len(left) > 0 {
			t.Errorf("what was not begun left %v", left)
		}
		return code, errs.String()
	}
	if code, text := start(true); code != exitUsage || !strings.Contains(text, "70000000 runs") || !strings.Contains(text, "--yes") {
		t.Errorf("on a terminal: exit %d: %s", code, text)
	}
	for _, c := range []struct {
		terminal bool
		args     []string
	}{{false, nil}, {true, []string{"--yes"}}} {
		if code, text := start(c.terminal, c.args...); code != exitInterrupted || !strings.Contains(text, "70000000 runs, about") {
			t.Errorf("%v: exit %d: %s", c, code, text)
		}
	}
}

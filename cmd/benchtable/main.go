// Command benchtable measures the simulator and writes results/bench: one table of
// what was measured beside its target, the same as CSV, and where the time goes. It
// runs the benchmarks and the program itself; nothing in the table is written by hand.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"
)

func main() {
	out := flag.String("out", "results/bench", "the folder of the table")
	quick := flag.Bool("quick", false, "fewer rounds and runs, none of the large sweep, no random scenarios")
	flag.Parse()
	if err := run(*out, *quick); err != nil {
		fmt.Fprintln(os.Stderr, "benchtable:", err)
		os.Exit(1)
	}
}

// bench is everything that is measured.
type bench struct {
	dir, program string
	quick        bool
	rounds       int                // of everything that is timed
	got          map[string][]round // of each benchmark
	last         pace               // of the peer, when it was timed the last time:
	lastThreads  int                // on so many threads,
	lastAt       time.Time          // then
	rows         []row
	missing      []string // what could not be measured here, and why
	profiles     strings.Builder
	began        time.Time
	load         string // the machine's when it began
}

func run(out string, quick bool) error {
	dir, err := os.MkdirTemp("", "benchtable")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{dir: dir, program: filepath.Join(dir, "psyncsim"), quick: quick, rounds: 5,
		got: map[string][]round{}, began: time.Now(), load: loadAverage()}
	if quick {
		b.rounds = 3
	}
	if err := command("go", "build", "-trimpath", arranged, "-o", b.program, "./cmd/psyncsim").Run(); err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	for _, step := range []func() error{b.benchmarks, b.sweeps, b.sizing, b.memory, b.instructions, b.profile, b.random} {
		// What was measured is kept, even if the rest does not come to an end.
		if err := errors.Join(step(), b.keep(out)); err != nil {
			return err
		}
	}
	return b.table(os.Stdout)
}

// keep writes what was measured so far.
func (b *bench) keep(out string) error {
	return errors.Join(write(filepath.Join(out, "bench.csv"), b.csv), write(filepath.Join(out, "README.md"), b.table),
		write(filepath.Join(out, "pprof.txt"), func(w io.Writer) error { _, err := io.WriteString(w, b.profiles.String()); return err }))
}

func write(name string, text func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(text(f), f.Close())
}

func command(name string, args ...string) *exec.Cmd {
	c := exec.Command(name, args...)
	c.Stderr = os.Stderr
	return c
}

// output runs a command and shows what it runs.
func output(name string, args ...string) (string, error) {
	fmt.Fprintln(os.Stderr, name, strings.Join(args, " "))
	text, err := command(name, args...).Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, text)
	}
	return string(text), nil
}

// loadAverage is how busy the machine is besides, "" where it does not tell.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	return strings.Fields(string(text))[0]
}

var modelName = regexp.MustCompile(`(?m)^model name\s*: (.*)$`)

// processor is the CPU's name.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if m := modelName.FindSubmatch(text); err == nil && m != nil {
		return string(m[1])
	}
	return runtime.GOARCH
}

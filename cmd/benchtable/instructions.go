package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// instructions counts those of the reference run in lengths. They repeat where times do not:
// by the processor's own counters if perf may read them, else in valgrind's processor.
func (b *bench) instructions() error {
	binary, err := b.simulator()
	if err != nil {
		return err
	}
	for _, with := range []struct {
		name, note string
		count      func(binary string, runs int) (total, sum float64, err error)
	}{
		{"perf", "user mode, by perf stat", perfInstructions},
		{"valgrind", "by callgrind, whose processor has no instructions for SHA-256: %.3g M of them are the fingerprint's sums, %.3g M all the rest", b.callgrind},
	} {
		few, fewSums, err := with.count(binary, instructionRuns[0])
		if err != nil {
			fmt.Fprintln(os.Stderr, "benchtable:", with.name, "counts no instructions here:", err)
			continue
		}
		many, manySums, err := with.count(binary, instructionRuns[1])
		if err != nil {
			return err
		}
		runs := float64(instructionRuns[1]-instructionRuns[0]) * 1e6
		all, sums := (many-few)/runs, (manySums-fewSums)/runs
		note := with.note
		if strings.Contains(note, "%") {
			note = fmt.Sprintf(note, sums, all-sums)
		}
		b.add("reference run, lengths: instructions a simulated hour", all, "M", atMost(5), "%s", note)
		return nil
	}
	b.missing = append(b.missing, "the instructions of the reference run: neither perf nor valgrind counts them here")
	return nil
}

// instructionRuns are two numbers of runs: the difference leaves out what a process costs.
var instructionRuns = [2]int{10, 40}

func reference(binary string, runs int) []string {
	return []string{binary, "-test.run", "^$", "-test.bench", "^BenchmarkReference$/^lengths$", "-test.benchtime", strconv.Itoa(runs) + "x"}
}

// counted runs a command with one thread that nothing interrupts, and gives all it says.
func counted(name string, args ...string) (string, error) {
	fmt.Fprintln(os.Stderr, name, strings.Join(args, " "))
	c := exec.Command(name, args...)
	c.Env = append(os.Environ(), "GOMAXPROCS=1", "GODEBUG=asyncpreemptoff=1", "LC_ALL=C")
	text, err := c.CombinedOutput()
	return string(text), err
}

var perfCount = regexp.MustCompile(`(?m)^(\d+),[^,]*,instructions`)

func perfInstructions(binary string, runs int) (total, sum float64, err error) {
	text, err := counted("perf", append([]string{"stat", "-x,", "-e", "instructions:u"}, reference(binary, runs)...)...)
	if err != nil {
		return 0, 0, err
	}
	m := perfCount.FindStringSubmatch(text)
	if m == nil {
		return 0, 0, fmt.Errorf("perf stat: %s", lastLine(text))
	}
	total, err = strconv.ParseFloat(m[1], 64)
	return total, 0, err
}

var callgrindTotal = regexp.MustCompile(`Collected : (\d+)`)

// callgrind also tells what the sums of SHA-256 alone cost.
func (b *bench) callgrind(binary string, runs int) (total, sum float64, err error) {
	out := filepath.Join(b.dir, "callgrind")
	text, err := counted("valgrind", append([]string{"--tool=callgrind", "--callgrind-out-file=" + out}, reference(binary, runs)...)...)
	if err != nil {
		return 0, 0, err
	}
	m := callgrindTotal.FindStringSubmatch(text)
	if m == nil {
		return 0, 0, fmt.Errorf("callgrind: %s", lastLine(text))
	}
	if total, err = strconv.ParseFloat(m[1], 64); err != nil {
		return 0, 0, err
	}
	text, err = counted("callgrind_annotate", "--threshold=100", "--auto=no", out)
	for _, line := range strings.Split(text, "\n") {
		if f := strings.Fields(line); len(f) > 0 && strings.Contains(line, "fips140/sha256.block") {
			n, _ := strconv.ParseFloat(strings.ReplaceAll(f[0], ",", ""), 64)
			sum += n
		}
	}
	return total, sum, err
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

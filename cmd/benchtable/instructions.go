package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// counts are the instructions of some runs: all of them, those of the fingerprint's sums among
// them, how often those were called, and how many bytes one run gives them.
type counts struct{ total, sum, calls, hashed float64 }

// instructions counts those of the reference run in lengths. They repeat where times do not:
// by the processor's own counters if perf may read them, else in valgrind's processor.
func (b *bench) instructions() error {
	binary, err := b.simulator()
	if err != nil {
		return err
	}
	for _, with := range []struct {
		name  string
		count func(binary string, runs int) (counts, error)
	}{{"perf", perfInstructions}, {"valgrind", b.callgrind}} {
		few, err := with.count(binary, instructionRuns[0])
		if err != nil {
			fmt.Fprintln(os.Stderr, "benchtable:", with.name, "counts no instructions here:", err)
			continue
		}
		many, err := with.count(binary, instructionRuns[1])
		if err != nil {
			return err
		}
		runs := float64(instructionRuns[1] - instructionRuns[0])
		one := counts{(many.total - few.total) / runs, (many.sum - few.sum) / runs, (many.calls - few.calls) / runs, many.hashed}
		figure, note := one.total, "user mode, by perf stat"
		if with.name == "valgrind" {
			figure, note = one.withSHA(binary)
		}
		b.add("reference run, lengths: instructions a simulated hour", figure/1e6, "M", atMost(5), "%s", note)
		return nil
	}
	b.missing = append(b.missing, "the instructions of the reference run: neither perf nor valgrind counts them here")
	return nil
}

// withSHA is what a run takes on this processor, if callgrind's has to make the fingerprint's
// sums without instructions for them and this one has not; and how that was found.
func (c counts) withSHA(binary string) (figure float64, note string) {
	counted := fmt.Sprintf("callgrind counts %.3f M: its processor has no instructions for SHA-256, and the fingerprint's sums take %.3f M of them, all the rest %.3f M", c.total/1e6, c.sum/1e6, (c.total-c.sum)/1e6)
	if !hasSHA() {
		return c.total, counted
	}
	code, err := readSHA(binary)
	if err != nil {
		return c.total, counted + "; " + err.Error()
	}
	blocks := math.Floor(c.hashed / 64)
	sums := blocks*code.block + c.calls*code.call
	return c.total - c.sum + sums, fmt.Sprintf("%s. Here they take %.3f M: %.0f blocks of 64 bytes, %.0f instructions each in the code that this processor runs", counted, sums/1e6, blocks, code.block)
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

func perfInstructions(binary string, runs int) (n counts, err error) {
	text, err := counted("perf", append([]string{"stat", "-x,", "-e", "instructions:u"}, reference(binary, runs)...)...)
	if err != nil {
		return n, err
	}
	m := perfCount.FindStringSubmatch(text)
	if m == nil {
		return n, fmt.Errorf("perf stat: %s", lastLine(text))
	}
	n.total, err = strconv.ParseFloat(m[1], 64)
	return n, err
}

var callgrindTotal = regexp.MustCompile(`Collected : (\d+)`)

var hashedBytes = regexp.MustCompile(`([0-9.e+]+) hashed_B\b`)

// callgrind also tells what the sums of SHA-256 alone cost.
func (b *bench) callgrind(binary string, runs int) (n counts, err error) {
	out := filepath.Join(b.dir, "callgrind")
	text, err := counted("valgrind", append([]string{"--tool=callgrind", "--callgrind-out-file=" + out}, reference(binary, runs)...)...)
	if err != nil {
		return n, err
	}
	all, hashed := callgrindTotal.FindStringSubmatch(text), hashedBytes.FindStringSubmatch(text)
	if all == nil || hashed == nil {
		return n, fmt.Errorf("callgrind: %s", lastLine(text))
	}
	var errs [3]error
	n.total, errs[0] = strconv.ParseFloat(all[1], 64)
	n.hashed, errs[1] = strconv.ParseFloat(hashed[1], 64)
	n.calls, errs[2] = shaCalls(out)
	if err := errors.Join(errs[:]...); err != nil {
		return n, err
	}
	text, err = counted("callgrind_annotate", "--threshold=100", "--auto=no", out)
	for _, line := range strings.Split(text, "\n") {
		if f := strings.Fields(line); len(f) > 0 && strings.Contains(line, "fips140/sha256.block") {
			k, _ := strconv.ParseFloat(strings.ReplaceAll(f[0], ",", ""), 64)
			n.sum += k
		}
	}
	return n, err
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

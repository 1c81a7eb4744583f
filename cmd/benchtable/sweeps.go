package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// played is one run of the program.
type played struct {
	wall, cpu time.Duration
	rss       int64 // bytes, at the most
}

// play runs psyncsim run with results in a folder of their own.
func (b *bench) play(args ...string) (played, error) {
	p, err := b.psyncsim(append([]string{"run", "--quiet", "--yes", "--out", filepath.Join(b.dir, "out")}, args...)...)
	if err != nil {
		return p, err
	}
	return p, os.RemoveAll(filepath.Join(b.dir, "out"))
}

// psyncsim runs the program.
func (b *bench) psyncsim(args ...string) (p played, err error) {
	fmt.Fprintln(os.Stderr, "psyncsim", strings.Join(args, " "))
	c := exec.Command(b.program, args...)
	c.Stderr = os.Stderr
	began := time.Now()
	if err := c.Run(); err != nil {
		return p, fmt.Errorf("psyncsim %s: %w", strings.Join(args, " "), err)
	}
	p.wall, p.cpu, p.rss = time.Since(began), c.ProcessState.UserTime()+c.ProcessState.SystemTime(), maxRSS(c.ProcessState)
	return p, nil
}

// sweeps measures whole sweeps through the program: rows, sums and charts included.
func (b *bench) sweeps() error {
	for _, load := range []string{"poisson", "bursts"} {
		runs := 100_000.
		if b.quick {
			runs = 20_000
		}
		var by [2]played
		for i, jobs := range []string{"1", "2"} {
			var err error
			if by[i], err = b.play("outage-"+load, "--jobs", jobs, "--seeds", fmt.Sprintf("1..%.0f", runs)); err != nil {
				return err
			}
		}
		b.add("simulated outages a minute, "+load+", 2 jobs", runs/by[1].wall.Minutes(), "outages/min", atLeast(1e6), "%.3g µs of one core a run, %.3g MB", by[1].cpu.Seconds()*1e6/runs, float64(by[1].rss)/1e6)
		b.add("one core a run of one outage, "+load, by[1].cpu.Seconds()*1e6/runs, "µs", atMost(120), "CPU time, also where the machine has other work")
		b.add("from 1 to 2 jobs, "+load, by[0].wall.Seconds()/by[1].wall.Seconds(), "×", atLeast(1.9), "%.3g s and %.3g s", by[0].wall.Seconds(), by[1].wall.Seconds())
	}
	p, err := b.play("sizing-rule")
	if err != nil {
		return err
	}
	b.add("the default sweep, 5,280 runs with charts", p.wall.Seconds(), "s", atMost(2), "%.3g s of CPU, %.3g MB, %d processors", p.cpu.Seconds(), float64(p.rss)/1e6, runtime.GOMAXPROCS(0))
	tenth, err := b.play("risk-surface", "--seeds", "1..10")
	if err != nil {
		return err
	}
	b.add("one core a run of 20 × 20 × 20 points × 10 seeds, with results and charts", tenth.cpu.Seconds()*1e6/80_000, "µs", atMost(150), "800,000 in 60 s on two cores leave 150 µs; %.4g s of CPU, %.3g MB", tenth.cpu.Seconds(), float64(tenth.rss)/1e6)
	if b.quick {
		return nil
	}
	all, err := b.play("risk-surface")
	if err != nil {
		return err
	}
	b.add("20 × 20 × 20 points × 100 seeds, 800,000 runs with results and charts", all.wall.Seconds(), "s", atMost(60), "%.4g s of CPU", all.cpu.Seconds())
	b.add("memory of 800,000 runs to that of 80,000", float64(all.rss)/float64(tenth.rss), "×", atMost(1.1), "%.3g MB and %.3g MB resident at the most", float64(all.rss)/1e6, float64(tenth.rss)/1e6)
	return nil
}

// sizing measures psyncsim size with a question like that of the README: bursts, and outages
// of 12 s in the mean of which some are silent. All parts of the answer count, sensitivity too.
func (b *bench) sizing() error {
	const n = 100_000
	p, err := b.psyncsim("size", "--quiet", "--rate", "3.2MB/s", "--arrivals", "{bursts: {on: 8s, off: 32s, rate: 17.7MB/s}}",
		"--outage", "70% reset:p50=8s,p99=60s + 30% silent:p50=8s,p99=60s", "--outages", strconv.Itoa(n), "--jobs", "2")
	if err != nil {
		return err
	}
	b.add("psyncsim size, 100,000 outages, 2 jobs", p.wall.Seconds(), "s", atMost(10), "%.3g s of CPU, that is %.3g s on two cores without other work; %.3g MB", p.cpu.Seconds(), p.cpu.Seconds()/2, float64(p.rss)/1e6)
	return nil
}

// simulator is the benchmarks of sim as a program.
func (b *bench) simulator() (binary string, err error) {
	binary = filepath.Join(b.dir, "sim.test")
	if _, err = os.Stat(binary); err != nil {
		_, err = output("go", "test", "-c", "-o", binary, "./sim")
	}
	return binary, err
}

var residentKB = regexp.MustCompile(`resident (\d+) kB`)

// memory measures what the reference run holds, in processes of its own: the most that each
// had resident (VmHWM), less that of one that plays nothing.
func (b *bench) memory() error {
	if runtime.GOOS != "linux" {
		return nil
	}
	binary, err := b.simulator()
	if err != nil {
		return err
	}
	var mb [3]float64
	for i, backlog := range []int{0, 1 << 20, 1 << 30} {
		text, err := output(binary, "-test.run", "^TestResident$", "-resident", strconv.Itoa(backlog))
		if err != nil {
			return err
		}
		m := residentKB.FindStringSubmatch(text)
		if m == nil {
			return fmt.Errorf("TestResident told nothing: %s", text)
		}
		mb[i], _ = strconv.ParseFloat(m[1], 64)
		mb[i] *= 1024. / 1e6
	}
	b.add("reference run, lengths: resident memory, backlog of 1 GiB", mb[2]-mb[0], "MB", atMost(8),
		"VmHWM of a process that plays it less that of one that plays nothing: %.3g less %.3g MB; with a backlog of 1 MiB %.3g less %.3g MB", mb[2], mb[0], mb[1], mb[0])
	return nil
}

var scenarios = regexp.MustCompile(`(\d+) scenarios;`)

// random counts the random scenarios that the tests compare, by playing them.
func (b *bench) random() error {
	if b.quick {
		return nil
	}
	began := time.Now()
	text, err := output("go", "test", "-count=1", "-timeout", "30m", "-run", "^TestSameTrace$", "-v", "./sim")
	if err != nil {
		return err
	}
	n := 0
	if m := scenarios.FindStringSubmatch(text); m != nil {
		n, _ = strconv.Atoi(m[1])
	}
	b.add("random scenarios with the same trace in every way", float64(n), "", atLeast(10_000), "in %.3g s", time.Since(began).Seconds())
	return nil
}

// profile keeps where the time goes.
func (b *bench) profile() error {
	for _, t := range []struct{ what, pkg, name, time string }{
		{"the reference run in lengths", "./sim", "^BenchmarkReference$/^lengths$", "3s"},
		{"a sweep of outages, Poisson arrivals, with rows", "./cmd/psyncsim", "^BenchmarkSweep$/^outage-poisson$/jobs=1", "3x"},
	} {
		binary, cpu := filepath.Join(b.dir, "test"), filepath.Join(b.dir, "cpu")
		if _, err := output("go", "test", "-run", "^$", "-bench", t.name, "-benchtime", t.time, "-cpuprofile", cpu, "-o", binary, t.pkg); err != nil {
			return err
		}
		for _, order := range []string{"flat", "cum"} {
			text, err := output("go", "tool", "pprof", "-top", "-"+order, "-nodecount", "10", binary, cpu)
			if err != nil {
				return err
			}
			_, text, _ = strings.Cut(text, "Showing nodes")
			fmt.Fprintf(&b.profiles, "%s, by %s\n\nShowing nodes%s\n", t.what, map[string]string{"flat": "itself", "cum": "all below it"}[order], text)
		}
	}
	return nil
}

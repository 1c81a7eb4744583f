package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// sweeps measures whole sweeps through the program: rows, sums and charts included.
func (b *bench) sweeps() error {
	for _, load := range []string{"poisson", "bursts"} {
		if err := b.outages(load); err != nil {
			return err
		}
	}
	var whole, tenth []played
	for range b.rounds {
		for _, s := range []struct {
			to   *[]played
			args []string
		}{{&whole, []string{"sizing-rule"}}, {&tenth, []string{"risk-surface", "--seeds", "1..10"}}} {
			p, err := b.play(2, s.args...)
			if err != nil {
				return err
			}
			*s.to = append(*s.to, p)
		}
	}
	b.figure("the default sweep, 5,280 runs with charts", "s", spent, atMost(2), mapped(whole, played.seconds), "%s", resources(whole))
	b.figure("one core a run of 20 × 20 × 20 points × 10 seeds, with results and charts", "µs", spent, atMost(150),
		mapped(tenth, func(p played) sample { return p.micros(80_000) }), "800,000 in 60 s on two cores leave 150 µs; %s", resources(tenth))
	if b.quick {
		return nil
	}
	all, err := b.play(2, "risk-surface")
	if err != nil {
		return err
	}
	b.figure("20 × 20 × 20 points × 100 seeds, 800,000 runs with results and charts", "s", spent, atMost(60), []sample{all.seconds()}, "%.4g s of CPU", all.cpu.Seconds())
	small := median(each(tenth, megabytes))
	b.add("memory of 800,000 runs to that of 80,000", megabytes(all)/small, "×", atMost(1.1), "%.3g MB and %.3g MB resident at the most", megabytes(all), small)
	return nil
}

// outages measures sweeps of runs with one outage each, and what a second job is worth.
func (b *bench) outages(load string) error {
	runs := 50_000.
	if b.quick {
		runs = 10_000
	}
	var all []played
	for range b.rounds {
		p, err := b.play(2, "outage-"+load, "--seeds", fmt.Sprintf("1..%.0f", runs))
		if err != nil {
			return err
		}
		all = append(all, p)
	}
	b.figure("simulated outages a minute, "+load+", 2 jobs", "outages/min", speed, atLeast(1e6),
		mapped(all, func(p played) sample { return sample{runs / p.wall.Minutes(), p.at.wall} }), "%s", resources(all))
	b.figure("one core a run of one outage, "+load, "µs", spent, atMost(120), mapped(all, func(p played) sample { return p.micros(runs) }), "CPU time")
	t, err := b.twoJobs(load)
	if err == nil {
		b.jobsRow(load, t)
	}
	return err
}

func seconds(p played) float64   { return p.wall.Seconds() }
func megabytes(p played) float64 { return float64(p.rss) / 1e6 }

// resources are what the rounds took besides time.
func resources(all []played) string {
	return fmt.Sprintf("%.3g s of CPU, %.3g MB", median(each(all, func(p played) float64 { return p.cpu.Seconds() })), median(each(all, megabytes)))
}

// sizing measures psyncsim size with a question like that of the README: bursts, and outages
// of 12 s in the mean of which some are silent. All parts of the answer count, sensitivity too.
func (b *bench) sizing() error {
	const n = 100_000
	var all []played
	for range min(b.rounds, 3) {
		p, err := b.psyncsim(2, "size", "--quiet", "--rate", "3.2MB/s", "--arrivals", "{bursts: {on: 8s, off: 32s, rate: 17.7MB/s}}",
			"--outage", "70% reset:p50=8s,p99=60s + 30% silent:p50=8s,p99=60s", "--outages", strconv.Itoa(n), "--jobs", "2")
		if err != nil {
			return err
		}
		all = append(all, p)
	}
	b.figure("psyncsim size, 100,000 outages, 2 jobs", "s", spent, atMost(10), mapped(all, played.seconds), "%s", resources(all))
	return nil
}

// arranged has the code arranged by the profile that make build takes, too.
const arranged = "-pgo=cmd/psyncsim/hot.pgo"

// simulator is the benchmarks of sim as a program, built as psyncsim is.
func (b *bench) simulator() (binary string, err error) {
	binary = filepath.Join(b.dir, "sim.test")
	if _, err = os.Stat(binary); err != nil {
		_, err = output("go", "test", "-trimpath", arranged, "-c", "-o", binary, "./sim")
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
	text, err := output("go", "test", "-count=1", "-timeout", "30m", "-run", "^TestSameTrace$", "-v", "./sim", "-scenarios", "600", "-smallscenarios", "9600")
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
		if _, err := output("go", "test", "-trimpath", arranged, "-run", "^$", "-bench", t.name, "-benchtime", t.time, "-cpuprofile", cpu, "-o", binary, t.pkg); err != nil {
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

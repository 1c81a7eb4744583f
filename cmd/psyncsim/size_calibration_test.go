package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/urfave/cli/v2"

	"psyncsim/results/risk"
)

var (
	calibrate      = flag.Int("calibrate", 6, "random workloads in TestSizeCalibration")
	calibrateFrom  = flag.Int("calibrate-from", 0, "the first of them")
	calibrateN     = flag.Int("calibrate-outages", 200, "outages that the recommendation is made of")
	calibrateTimes = flag.Int("calibrate-times", 25, "how many times as many measure the truth")
	calibrateKeep  = flag.String("calibrate-keep", "", "write the cases to this file")
)

// kept is where the full calibration is kept.
const keptCalibration = "../../results/sizing/calibration.csv"

// calibration is one random workload and distribution of outages, what size
// said of it, and what was true.
type calibration struct {
	n                    int
	args                 []string
	size                 int64
	target, said, lo, hi float64
	truth                float64
	of                   int64
}

func (c *calibration) covered() bool { return c.lo <= c.truth && c.truth <= c.hi }

// calibrationCase is random case number n.
func calibrationCase(n int) (args []string) {
	r := rand.New(rand.NewPCG(42, uint64(n)))
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	num := func(lo, hi float64) float64 { return lo + (hi-lo)*r.Float64() }
	rate := num(0.2, 20)
	add := func(s ...string) { args = append(args, s...) }
	add("--version", pick("redis-2.8", "redis-3.2", "redis-4.0", "redis-5.0", "redis-6.2", "redis-7.0", "redis-7.2", "redis-7.4", "valkey-8.0"))
	add("--rate", fmt.Sprintf("%.3fMB/s", rate), "--value", fmt.Sprint(100+r.IntN(2000)))
	switch r.IntN(3) {
	case 0:
		add("--arrivals", "poisson")
	case 1:
		add("--arrivals", fmt.Sprintf("{bursts: {on: %.2fs, off: %.2fs, rate: %.3fMB/s}}", num(0.5, 10), num(1, 40), rate*num(2, 6)))
	}
	spread := func(lo, hi float64) string {
		m := num(lo, hi)
		switch r.IntN(4) {
		case 0:
			return fmt.Sprintf("p50=%.2fs,p99=%.2fs", m, m*num(2, 8))
		case 1:
			return fmt.Sprintf("min=%.2fs,max=%.2fs", m/2, m*num(2, 4))
		case 2:
			return fmt.Sprintf("lognormal(median=%.2f,sigma=%.2f)", m, num(0.3, 1))
		}
		return fmt.Sprintf("p10=%.2fs,p50=%.2fs,p95=%.2fs", m/4, m, m*num(1.5, 4))
	}
	reset := "reset:" + spread(0.3, 2.5)
	kind := r.IntN(3)
	if kind == 1 && (args[1] == "redis-2.8" || args[1] == "redis-3.2") {
		kind = 0 // a replica that is restarted asks for everything there: no size helps
	}
	switch kind {
	case 0:
		add("--outage", reset)
	case 1:
		add("--outage", fmt.Sprintf("%d%% %s + %d%% %s", 70, reset, 30, "restart:"+spread(0.3, 2)))
	case 2:
		add("--outage", fmt.Sprintf("%d%% %s + %d%% %s", 60, reset, 40, "silent:"+spread(3, 10)), "--conf", "testdata/timeout-5.conf")
	}
	add("--bandwidth", pick("1gbit/s", "10gbit/s", "500mbit/s"), "--latency", pick("100us", "1ms", "20ms"))
	add("--target", pick("75%", "80%", "85%", "90%"), "--seed", fmt.Sprint(1+r.IntN(1_000_000)))
	return args
}

// calibrationRun asks for a size with so many outages, and measures the truth
// with times as many others, played with that size as it is.
func calibrationRun(t *testing.T, n, outageCount, times, jobs int) *calibration {
	c := &calibration{n: n, args: calibrationCase(n)}
	j := sizeJobOf(t, append(c.args, "--outages", fmt.Sprint(outageCount), "--jobs", fmt.Sprint(jobs), "--no-sensitivity")...)
	if j.a.Recommended == nil {
		t.Fatalf("case %d: %v: no size", n, c.args)
	}
	c.size, c.target, c.of = j.a.Recommended.Bytes, j.a.Question.Target, int64(outageCount*times)
	c.said, c.lo, c.hi = j.a.Recommended.Share, j.a.Recommended.Lo, j.a.Recommended.Hi
	list := make([]int, c.of)
	for i := range list {
		list[i] = outageCount + i // none of those that the size was read off
	}
	s := &sizer{ctx: context.Background(), plan: j.plan, dist: j.dists[0], jobs: jobs}
	played, err := s.some(list, j.better.change)
	if err != nil {
		t.Fatalf("case %d: %v: %v", n, c.args, err)
	}
	p := j.pointOf(c.size, played, nil)
	c.truth = p.Share
	return c
}

// sizeJobOf is size up to its answer.
func sizeJobOf(t *testing.T, args ...string) *sizeJob {
	t.Helper()
	var out, errs bytes.Buffer
	app := newApp(&out, &errs)
	var j *sizeJob
	for _, cmd := range app.Commands {
		if cmd.Name == "size" {
			cmd.Action = func(x *cli.Context) error {
				j = &sizeJob{c: &commands{stdout: &out, stderr: &errs}, x: x}
				if err := j.inputs(); err != nil {
					return err
				}
				return j.answer()
			}
		}
	}
	if err := app.RunContext(context.Background(), append([]string{"psyncsim", "size"}, args...)); err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return j
}

// TestSizeCalibration asks random questions and measures what came true. The
// full one is kept: -calibrate 210 -calibrate-outages 300 -calibrate-times 100
// -calibrate-keep ../../results/sizing/calibration.csv -timeout 5h.
func TestSizeCalibration(t *testing.T) {
	count := *calibrate
	if testing.Short() {
		count = min(count, 4)
	}
	var all []*calibration
	for n := *calibrateFrom; n < *calibrateFrom+count; n++ {
		c := calibrationRun(t, n, *calibrateN, *calibrateTimes, 2)
		all = append(all, c)
		t.Logf("%d: %v: %s, said %.4f [%.4f, %.4f], true %.4f %v", n, c.args, risk.ConfSize(c.size), c.said, c.lo, c.hi, c.truth, c.covered())
		if *calibrateKeep != "" {
			if err := writeCalibration(*calibrateKeep, all); err != nil {
				t.Fatal(err)
			}
		}
	}
	judgeCalibration(t, all)
}

// judgeCalibration: 93 to 97 % of the intervals hold the truth; of few, as many
// as chance allows. No recommendation is below its target by more than its
// interval says.
func judgeCalibration(t *testing.T, all []*calibration) {
	t.Helper()
	covered, short := 0, 0
	for _, c := range all {
		if c.covered() {
			covered++
		}
		if c.truth < c.target {
			short++
			if c.hi < c.target {
				t.Errorf("case %d: %s for %g %%, and its interval %.4f to %.4f says less", c.n, risk.ConfSize(c.size), 100*c.target, c.lo, c.hi)
			}
		}
	}
	share := float64(covered) / float64(len(all))
	t.Logf("%d of %d intervals hold the truth (%.1f %%); %d sizes miss their target", covered, len(all), 100*share, short)
	lo, hi := 0.93, 0.97
	if len(all) < 200 { // what chance allows where 95 % is true: all of them, or one in a thousand fewer
		p := risk.PointOf(0, int64(len(all)-covered), int64(len(all)), 0.998)
		if p.Hi < 0.95 {
			t.Errorf("%d of %d intervals hold the truth", covered, len(all))
		}
		return
	}
	if share < lo || share > hi {
		t.Errorf("%.1f %% of %d intervals hold the truth, want %.0f to %.0f %%", 100*share, len(all), 100*lo, 100*hi)
	}
	if short > len(all)*5/100 { // the lower end of a 95 % interval is passed once in 40
		t.Errorf("%d of %d sizes miss their target", short, len(all))
	}
}

var calibrationHeader = []string{"case", "question", "backlog_bytes", "target", "said", "lo", "hi", "true", "of_outages", "covered"}

func writeCalibration(file string, all []*calibration) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	w := csv.NewWriter(f)
	w.Write(calibrationHeader)
	share := func(v float64) string { return strconv.FormatFloat(v, 'f', 5, 64) }
	for _, c := range all {
		words := ""
		for _, a := range c.args {
			words += " " + shellWord(a)
		}
		w.Write([]string{fmt.Sprint(c.n), words[1:], fmt.Sprint(c.size), share(c.target), share(c.said), share(c.lo), share(c.hi), share(c.truth), fmt.Sprint(c.of), fmt.Sprint(c.covered())})
	}
	w.Flush()
	return w.Error()
}

// The kept calibration is what the test's full run wrote, and holds.
func TestSizeCalibrationKept(t *testing.T) {
	f, err := os.Open(keptCalibration)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var all []*calibration
	for _, row := range rows[1:] {
		c := &calibration{}
		c.n, _ = strconv.Atoi(row[0])
		c.size, _ = strconv.ParseInt(row[2], 10, 64)
		for i, to := range []*float64{&c.target, &c.said, &c.lo, &c.hi, &c.truth} {
			if *to, err = strconv.ParseFloat(row[3+i], 64); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, c)
	}
	if len(all) < 200 {
		t.Errorf("%d cases are kept, want at least 200", len(all))
	}
	judgeCalibration(t, all)
}

package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"flag"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"psyncsim/model"
	"psyncsim/results/risk"
)

var (
	calibrate      = flag.Int("calibrate", 6, "random workloads in TestSizeCalibration")
	calibrateFrom  = flag.Int("calibrate-from", 0, "the first of them")
	calibrateTimes = flag.Int("calibrate-times", 10, "how many times as many outages measure the truth")
	calibrateKeep  = flag.String("calibrate-keep", "", "add the cases to this file; those that it has are not played again")
)

// kept is where the full calibration is kept.
const keptCalibration = "../../results/sizing/calibration.csv"

// calibration is one random workload and distribution of outages, what size
// said of it, and what was true.
type calibration struct {
	n                    int
	question             question
	size                 int64 // 0: no size was recommended
	target, said, lo, hi float64
	truth                float64
	of                   int64
}

func (c *calibration) covered() bool { return c.lo <= c.truth && c.truth <= c.hi }

// calibrationRun asks for a size, and measures the truth with times as many other
// outages, played with that size as it is.
func calibrationRun(t *testing.T, n, times, jobs int) *calibration {
	t.Helper()
	c := &calibration{n: n, question: calibrationCase(n)}
	q := &c.question
	j := sizeJobOf(t, append(q.args, "--outages", fmt.Sprint(q.outages), "--jobs", fmt.Sprint(jobs), "--no-sensitivity")...)
	c.target = j.a.Question.Target
	if j.a.Recommended == nil {
		return c
	}
	c.size, c.of = j.a.Recommended.Bytes, int64(q.outages*times)
	c.said, c.lo, c.hi = j.a.Recommended.Share, j.a.Recommended.Lo, j.a.Recommended.Hi
	list := make([]int, c.of)
	for i := range list {
		list[i] = q.outages + i // none of those that the size was read off
	}
	s := &sizer{ctx: context.Background(), plan: j.plan, dist: j.dists[0], jobs: jobs}
	played, err := s.some(list, j.better.change)
	if err != nil {
		t.Fatalf("case %d: %v: %v", n, q.args, err)
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
				j.current = model.MinBacklog // unless the smallest suffices, the size is the one that the target takes
				return j.answer()
			}
		}
	}
	if err := app.RunContext(context.Background(), append([]string{"psyncsim", "size"}, args...)); err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return j
}

// TestSizeCalibration asks random questions and measures what came true. How the full
// one is made is said in results/sizing.
func TestSizeCalibration(t *testing.T) {
	t.Parallel()
	count := *calibrate
	if testing.Short() {
		count = min(count, 3)
	}
	var all []*calibration
	if *calibrateKeep != "" {
		all, _ = readCalibration(*calibrateKeep)
	}
	have := map[int]bool{}
	for _, c := range all {
		have[c.n] = true
	}
	for n := *calibrateFrom; n < *calibrateFrom+count; n++ {
		if have[n] {
			continue
		}
		c := calibrationRun(t, n, *calibrateTimes, 2)
		all = append(all, c)
		t.Logf("%d: %v: %s, said %.4f [%.4f, %.4f], true %.4f %v", n, c.question.args, risk.ConfSize(c.size), c.said, c.lo, c.hi, c.truth, c.covered())
		if *calibrateKeep != "" {
			if err := addCalibration(*calibrateKeep, c); err != nil {
				t.Fatal(err)
			}
		}
	}
	judgeCalibration(t, all)
}

// verdict is what the cases of one sort came to.
type verdict struct{ cases, covered, below, above int }

func (v *verdict) add(c *calibration) {
	v.cases++
	switch {
	case c.covered():
		v.covered++
	case c.truth < c.lo:
		v.below++
	default:
		v.above++
	}
}

func (v *verdict) share() float64 { return float64(v.covered) / float64(v.cases) }

// judgeCalibration: where outages last any time, 93 to 97 % of the intervals hold the
// truth; of few of them, as many as chance allows. Where they last one of some times, or where
// the smallest size there is will do, a size comes to one of some shares, mostly all, and no
// interval that holds in 95 of 100 cases can do so in no more: there, at least 93 %.
//
// A size is one whose interval begins at its target or above it. So it may miss its target as often as
// the truth may lie below the interval: in one of 40 cases. And by no more than the interval
// says at any confidence: with one that fails in one of a thousand files as long as this, every case is
// above its lower end.
func judgeCalibration(t *testing.T, all []*calibration) (any verdict) {
	t.Helper()
	var lists verdict
	short, none := 0, 0
	for _, c := range all {
		switch {
		case c.size == 0:
			none++
			continue
		case c.question.list || c.size == model.MinBacklog:
			lists.add(c)
		default:
			any.add(c)
		}
		if c.truth < c.target {
			short++
		}
		if c.target-c.truth > c.said-c.lo {
			t.Errorf("case %d: %s for %g %%, said %.4f from %.4f on, and it was %.4f", c.n, risk.ConfSize(c.size), 100*c.target, c.said, c.lo, c.truth)
		}
	}
	t.Logf("%d cases without a size; any duration: %+v; lists: %+v; %d sizes miss their target", none, any, lists, short)
	cases := any.cases + lists.cases
	if p := risk.PointOf(0, int64(short), int64(cases), 0.998); cases > 0 && p.Hi < 0.975 {
		t.Errorf("%d of %d sizes miss their target, more than one in 40", short, cases)
	}
	for _, c := range all {
		n := int64(c.question.outages)
		full := int64(math.Round((1 - c.said) * float64(n)))
		if p := risk.PointOf(c.size, full, n, 1-0.002/float64(cases)); c.size > 0 && c.truth < p.Lo {
			t.Errorf("case %d: %d of %d outages were full, and it was %.4f: that is no chance", c.n, full, n, c.truth)
		}
	}
	for _, v := range []struct {
		*verdict
		most float64
	}{{&any, 0.97}, {&lists, 1}} {
		if v.cases < 100 { // what chance allows where 95 % is true: all of them, or one in a thousand fewer
			if p := risk.PointOf(0, int64(v.below+v.above), int64(v.cases), 0.998); v.cases > 0 && p.Hi < 0.95 {
				t.Errorf("%d of %d intervals hold the truth", v.covered, v.cases)
			}
		} else if v.share() < 0.93 || v.share() > v.most {
			t.Errorf("%.1f %% of %d intervals hold the truth, want 93 to %.0f %%", 100*v.share(), v.cases, 100*v.most)
		}
	}
	return any
}

var calibrationHeader = []string{"case", "outages_are", "question", "outages", "backlog_bytes", "target", "said", "lo", "hi", "true", "of_outages", "covered"}

// row is a case in the file.
func (c *calibration) row() []string {
	words := ""
	for _, a := range c.question.args {
		words += " " + shellWord(a)
	}
	share := func(v float64) string { return strconv.FormatFloat(v, 'f', 6, 64) }
	return []string{fmt.Sprint(c.n), c.question.sort, words[1:], fmt.Sprint(c.question.outages), fmt.Sprint(c.size),
		share(c.target), share(c.said), share(c.lo), share(c.hi), share(c.truth), fmt.Sprint(c.of), fmt.Sprint(c.covered())}
}

// addCalibration adds a case at the end of a file.
func addCalibration(file string, c *calibration) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	w := csv.NewWriter(f)
	if st, err := f.Stat(); err == nil && st.Size() == 0 {
		w.Write(calibrationHeader)
	}
	w.Write(c.row())
	w.Flush()
	return w.Error()
}

// readCalibration reads such a file. The questions are those that the cases have now.
func readCalibration(file string) ([]*calibration, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		return nil, err
	}
	var all []*calibration
	for _, row := range rows[min(1, len(rows)):] {
		c := &calibration{}
		if c.n, err = strconv.Atoi(row[0]); err != nil {
			return nil, err
		}
		c.question = calibrationCase(c.n)
		c.size, _ = strconv.ParseInt(row[4], 10, 64)
		c.of, _ = strconv.ParseInt(row[10], 10, 64)
		for i, to := range []*float64{&c.target, &c.said, &c.lo, &c.hi, &c.truth} {
			if *to, err = strconv.ParseFloat(row[5+i], 64); err != nil {
				return nil, err
			}
		}
		if got := c.row(); strings.Join(got, "|") != strings.Join(row, "|") {
			return nil, fmt.Errorf("case %d is another one now: %q, kept is %q", c.n, got, row)
		}
		all = append(all, c)
	}
	return all, nil
}

// The kept calibration is what TestSizeCalibration wrote, and holds; some of its cases are
// played again, and come to the same numbers.
func TestSizeCalibrationKept(t *testing.T) {
	t.Parallel()
	all, err := readCalibration(keptCalibration)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of %d planned cases are kept", len(all), plannedCases)
	if len(all) != plannedCases {
		t.Errorf("%d cases are kept, want all %d of the plan", len(all), plannedCases)
	}
	if any := judgeCalibration(t, all); any.cases < 200 {
		t.Errorf("%d cases have outages that last any time, want at least 200", any.cases)
	}
	again := map[string]*calibration{} // the cheapest of each sort
	for _, c := range all {
		if was := again[c.question.sort]; c.size > 0 && (was == nil || c.of < was.of) {
			again[c.question.sort] = c
		}
	}
	for sort, c := range again {
		if testing.Short() && sort != "list" && sort != "quantiles" {
			continue
		}
		if got, want := calibrationRun(t, c.n, int(c.of)/c.question.outages, 2).row(), c.row(); strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("played again:\n%q\nkept:\n%q", got, want)
		}
	}
}

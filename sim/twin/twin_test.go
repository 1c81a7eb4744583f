package twin

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"psyncsim/scenarios"
	"psyncsim/sim/live/redisd"
)

// The scenarios of scenarios/verify on the installed server and in simulation.
func TestInstalled(t *testing.T) {
	p := realServer(t)
	if testing.Short() {
		t.Skip("SKIPPED, not passed: real time passes here")
	}
	verifyAll(t, p, "../../scenarios/verify/*.yaml", 40)
	if p.Profile.WaitAOF {
		verifyAll(t, p, "../../scenarios/verify/since-7.2/*.yaml", 3)
	}
}

// What only a valkey knows, on a real one if there is any.
func TestValkey(t *testing.T) {
	path, err := redisd.FindValkey()
	if err != nil {
		t.Skipf("SKIPPED, not passed: no valkey-server on PATH, and VALKEY_SERVER names none (%v)", err)
	}
	if testing.Short() {
		t.Skip("SKIPPED, not passed: real time passes here")
	}
	p, err := Detect(path)
	if err != nil {
		t.Fatal(err)
	}
	verifyAll(t, p, "../../scenarios/verify/valkey/*.yaml", 25)
}

// verifyAll plays scenarios, of which there are at least so many runs.
func verifyAll(t *testing.T, p *Program, pattern string, least int) {
	files, _ := filepath.Glob(pattern)
	var cases []Case
	for _, f := range files {
		if only := os.Getenv("ONLY"); only != "" && !strings.Contains(f, only) {
			continue
		}
		s, err := scenarios.ReadFile(f, []string{"servers.*.version=" + p.Profile.Name})
		if err != nil {
			t.Fatal(err)
		}
		cases = append(cases, casesOf(t, s)...)
	}
	if len(cases) < least && os.Getenv("ONLY") == "" {
		t.Errorf("%d scenarios; there should be %d or more", len(cases), least)
	}
	began := time.Now()
	r, err := Verify(context.Background(), p, cases, Options{Jobs: 12, Attempts: 3})
	if err != nil {
		t.Fatal(err)
	}
	// Those that differ last: where only the end of a long output is kept, it should say which and why.
	slices.SortStableFunc(r.Cases, func(a, b CaseReport) int { return len(a.Differences) - len(b.Differences) })
	var b strings.Builder
	untold := 0 // the machine never let the servers run
	for _, c := range r.Cases {
		word := "agrees"
		switch {
		case !c.Agree && c.Judged():
			word = "DIFFERS"
			t.Errorf("%s differs", c.ID)
		case !c.Agree:
			word = "UNJUDGED"
			untold++
		}
		fmt.Fprintf(&b, "%-60s %-8s %3d facts, %3d seeds, %d tries, %d void\n", c.ID, word, len(c.Facts), c.Seeds, c.Attempts, c.Void)
		for _, e := range c.Before {
			list(&b, "earlier try", e.HeldUp, e.Differences)
		}
		list(&b, "last try", c.HeldUp, c.Differences)
	}
	t.Logf("%s against %s: %d of %d agree, %v\n%s", p.Name, p.Profile.Name, r.Agree, r.Total, time.Since(began).Round(time.Second), &b)
	if untold > 0 {
		t.Logf("NOT JUDGED, not passed: %d of %d, for the machine held the servers up in every try", untold, r.Total)
	}
	if untold > r.Total/50 {
		t.Errorf("%d of %d not judged: this machine is too busy for real servers", untold, r.Total)
	}
}

// list writes down what differed in a try.
func list(b *strings.Builder, try string, held float64, differences []Difference) {
	for _, d := range differences {
		fmt.Fprintf(b, "      %s, held up %.3f s: %7.3f  %s: real %s, simulated %s\n", try, held, d.T, d.What, d.Real, d.Simulated)
	}
}

func casesOf(t *testing.T, s *scenarios.Scenario) (list []Case) {
	t.Helper()
	cells, err := s.Cells(scenarios.SeedRange{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range cells.Len() {
		c := cells.At(i)
		if c.Err != nil {
			t.Fatal(c.Err)
		}
		id := s.Name
		for _, v := range c.Point {
			id += " " + v.Axis + "=" + v.Text
		}
		list = append(list, Case{ID: id, Config: c.Config})
	}
	return list
}

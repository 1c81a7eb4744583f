package main

import (
	"os"
	"strings"
	"testing"

	"psyncsim/scenarios"
)

const capture = "../../../shared/data/redis-7.0.15-bursty/info.csv"

// needCapture skips, loudly, where the capture is not beside the project; in
// continuous integration it must be.
func needCapture(t *testing.T) []byte {
	b, err := os.ReadFile(capture)
	if err != nil && os.Getenv("CI") != "" {
		t.Fatal(err)
	}
	if err != nil {
		t.Skipf("SKIPPED: no capture of a real server to compare with: %v", err)
	}
	return b
}

// A real master's load and a real replica's link losses give the verdicts that
// the real replica got, and gaps as near as the capture can tell.
func TestCapture(t *testing.T) {
	code, stdout, stderr := call(t, "run", "../../scenarios/capture/bursty.yaml", "--out", t.TempDir(), "--no-charts")
	if code != 0 {
		t.Fatalf("exit %d: %s\n%s", code, stderr, stdout)
	}
	if n := strings.Count(stdout, "agrees"); n != 7 {
		t.Errorf("%d of 7 reconnects agree:\n%s", n, stdout)
	}
	code, _, stderr = call(t, "run", "../../scenarios/capture/bursty.yaml", "--out", t.TempDir(), "--no-charts", "--quiet", "--set", "faults.0.for=1s")
	if code != exitFailed || !strings.Contains(stderr, "reconnect 1 is not as observed") {
		t.Errorf("a first outage of one second passes: exit %d: %s", code, stderr)
	}
}

// The gaps may differ by no more than was written in the two seconds in which
// the capture does not say when.
func TestCaptureTolerance(t *testing.T) {
	const kept = "../../scenarios/capture/bursty.csv"
	text, err := os.ReadFile(kept)
	if err != nil {
		t.Fatal(err)
	}
	points, problem := scenarios.ReadTrace(kept, text)
	if problem != nil {
		t.Fatal(problem)
	}
	s, err := scenarios.ReadFile("../../scenarios/capture/bursty.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	cells, err := s.Cells(scenarios.SeedRange{})
	if err != nil {
		t.Fatal(err)
	}
	faults := cells.At(0).Config.Faults
	second := func(at int64) (n int64) {
		for i := 1; i < len(points); i++ {
			if int64(points[i-1].At) <= at && at < int64(points[i].At) {
				n = points[i].Bytes - points[i-1].Bytes
			}
		}
		return n
	}
	for i, o := range s.Observed {
		if most := second(int64(faults[i].At)) + second(int64(o.At)); o.Within > most {
			t.Errorf("reconnect %d may differ by %d bytes, but only %d are unknown", i+1, o.Within, most)
		}
	}
}

package main

import (
	"fmt"
	"io"
	"testing"
)

// BenchmarkSweep plays whole sweeps as the program does, with rows, sums and charts:
// outages with load of every kind, the surface of risk, and the default sweep.
// The jobs of 1 and 2 show what a second core is worth.
func BenchmarkSweep(b *testing.B) {
	for _, s := range []struct {
		name  string
		runs  int
		args  []string
		chart bool
	}{
		{"outage-poisson", 10_000, []string{"outage-poisson", "--seeds", "1..10000"}, false},
		{"outage-bursts", 10_000, []string{"outage-bursts", "--seeds", "1..10000"}, false},
		{"risk-surface", 16_000, []string{"risk-surface", "--seeds", "1..2"}, true},
		{"sizing-rule", 5280, []string{"sizing-rule"}, true},
	} {
		for _, jobs := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/jobs=%d", s.name, jobs), func(b *testing.B) {
				args := append([]string{"psyncsim", "run", "--quiet", "--jobs", fmt.Sprint(jobs), "--out", b.TempDir()}, s.args...)
				if !s.chart {
					args = append(args, "--no-charts")
				}
				b.ReportAllocs()
				for b.Loop() {
					if code := run(b.Context(), args, io.Discard, io.Discard); code != 0 {
						b.Fatalf("exit status %d", code)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(s.runs), "ns/run")
				b.ReportMetric(float64(s.runs)*float64(b.N)/b.Elapsed().Minutes(), "runs/min")
			})
		}
	}
}

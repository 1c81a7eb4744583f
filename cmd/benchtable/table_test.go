package main

import (
	"strings"
	"testing"
)

// The table says what was measured, and whether that is what was asked for.
func TestTable(t *testing.T) {
	b := &bench{got: map[string]metrics{}}
	parse("goos: linux\nBenchmarkHold/queue/16-2 \t 100 \t 12.5 ns/op \t 0 B/op \t 0 allocs/op\nBenchmarkReference/lengths-poisson-8 5 200 ns/op 1.5e+06 sim_s/s\nPASS\n", b.got)
	if b.got["Hold/queue/16"]["ns/op"] != 12.5 || b.got["Reference/lengths-poisson"]["sim_s/s"] != 1.5e6 || len(b.got) != 2 {
		t.Fatalf("read %v", b.got)
	}
	b.add("a queue", 12.5, "ns", atMost(20), "beside %d", 3)
	b.add("a rate", 4e6, "s/s", atLeast(5e6), "")
	var md, csv strings.Builder
	if err := b.table(&md); err != nil {
		t.Fatal(err)
	}
	if err := b.csv(&csv); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| a queue | 12.5 ns | ≤ 20 | yes | beside 3 |", "| a rate | 4,000,000 s/s | ≥ 5,000,000 | **no** |", "1 of 2 figures"} {
		if !strings.Contains(md.String(), want) {
			t.Errorf("no %q in\n%s", want, &md)
		}
	}
	if want := "a rate,4e+06,s/s,≥,5e+06,false,\n"; !strings.HasSuffix(csv.String(), want) {
		t.Errorf("csv ends\n%s", &csv)
	}
}

package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"psyncsim/sim/twin"
)

// TestTable: each kind of run is counted where it belongs, and what differed is told.
func TestTable(t *testing.T) {
	wrong := []twin.Difference{{What: "x", Real: "1", Simulated: "2..3"}}
	r := twin.Report{Agree: 4, Total: 5, Cases: []twin.CaseReport{
		{Server: "redis-9.9.9", ID: "plain", Agree: true, Facts: make([]twin.Fact, 2)},
		{Server: "redis-9.9.9", ID: "tired", Agree: true, Late: true, HeldUp: 0.0561},
		{Server: "redis-9.9.9", ID: "void", Agree: true, Void: 2, Before: []twin.Earlier{{Void: true, Differences: wrong}, {Void: true}}},
		{Server: "redis-9.9.9", ID: "second", Agree: true, Before: []twin.Earlier{{Differences: wrong}}},
		{Server: "redis-9.9.9", ID: "bad", Differences: wrong, Before: []twin.Earlier{{Differences: wrong}}},
	}, LeftOut: []twin.LeftOut{{Server: "redis-9.9.9", File: "scenarios/verify/a.yaml", Why: "unknown"}}}
	b := &pass{reports: []twin.Report{r}, files: []string{"scenarios/verify/a.yaml"}, began: time.Unix(0, 0), commit: "abc", jobs: 8}
	var table, cells bytes.Buffer
	b.table(&table)
	b.csv(&cells)
	for _, want := range []string{
		"| redis-9.9.9 | 5 | 4 | **1** | 0 | 1 | 1 | 2 | 1 (2) | 2 |\n",
		"| all | 5 | 4 | **1** | 0 | 1 | 1 | 2 | 1 (2) | 2 |\n",
		"commit abc, 1970-01-01 00:00 UTC",
		"## What differs, and what is undecided\n\n- redis-9.9.9, bad: x: real `1`, simulated `2..3`\n",
		"- a.yaml: on redis-9.9.9\n",
		"followed by others\n\n- redis-9.9.9, second: x: real `1`, simulated `2..3`\n- redis-9.9.9, bad:",
	} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("no %q in\n%s", want, &table)
		}
	}
	if want := "redis-9.9.9,tired,true,0,0,true,0,0,56\n"; !strings.Contains(cells.String(), want) {
		t.Errorf("no %q in\n%s", want, &cells)
	}
	if b.verdict() == nil {
		t.Error("a run that differs is no error")
	}
}

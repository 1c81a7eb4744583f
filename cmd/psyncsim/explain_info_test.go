package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// With the samples beside the logs of the capture: the rule of thumb on the
// average rate fails the outage that a burst fell into, and by how much.
func TestExplainInfo(t *testing.T) {
	data := needCapture(t)
	dir := filepath.Dir(capture)
	logs := []string{filepath.Join(dir, "replica.log"), filepath.Join(dir, "master.log")}
	code, stdout, stderr := call(t, append([]string{"explain", "--info", capture}, logs...)...)
	if code != 0 {
		t.Fatal(stderr)
	}
	for _, want := range []string{
		"420 samples, 335 kB/s on average; the logs have the clock of the samples",
		"2921472             6104516  fails by 3183044 bytes",
		"13916210            1586835  is enough",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is not in\n%s", want, stdout)
		}
	}
	// A sampler in another zone: the offsets tell.
	other := filepath.Join(t.TempDir(), "other.csv")
	moved := regexp.MustCompile(`(?m)^\d{13}`).ReplaceAllFunc(data, func(b []byte) []byte {
		n, err := strconv.ParseInt(string(b), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return strconv.AppendInt(nil, n-2*3600*1000, 10)
	})
	if err := os.WriteFile(other, moved, 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr = call(t, append([]string{"explain", "--json", "--info", other}, logs...)...)
	if code != 0 {
		t.Fatal(stderr)
	}
	var doc struct {
		Info    infoJSON
		Resyncs []struct {
			Gap    *int64 `json:"gap_bytes"`
			Around *aroundJSON
		}
	}
	if err := json.Unmarshal([]byte(stdout), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Info.Shift != -7200 || doc.Info.Mean != 335185 || doc.Info.Agree != doc.Info.Of {
		t.Errorf("%+v", doc.Info)
	}
	for _, r := range doc.Resyncs {
		if r.Around == nil || r.Gap == nil {
			continue
		}
		if want := r.Around.Rule >= *r.Gap; r.Around.Enough == nil || *r.Around.Enough != want || want == (*r.Gap == 6104516) {
			t.Errorf("%d missed: %+v", *r.Gap, r.Around)
		}
	}
	// The samples are a better load for a replay than the offsets of the logs.
	file := filepath.Join(t.TempDir(), "replay.yaml")
	if code, _, stderr := call(t, append([]string{"explain", "--info", other, "--scenario", file}, logs...)...); code != 0 {
		t.Fatal(stderr)
	}
	text, _ := os.ReadFile(file)
	if !strings.Contains(string(text), "repl-backlog-size: 1048576") {
		t.Errorf("the setting of the samples is not taken over:\n%s", text)
	}
	code, stdout, stderr = call(t, "run", file, "--out", t.TempDir(), "--no-charts")
	if code != 0 || strings.Count(stdout, "agrees") != 7 {
		t.Errorf("replayed: exit %d: %s%s", code, stdout, stderr)
	}
}

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// explain gives every verdict and gap of the capture, and a scenario whose
// simulation gives them too.
func TestExplain(t *testing.T) {
	needCapture(t)
	dir := filepath.Dir(capture)
	file := filepath.Join(t.TempDir(), "replay.yaml")
	code, stdout, stderr := call(t, "explain", filepath.Join(dir, "replica.log"), filepath.Join(dir, "master.log"), "--scenario", file)
	if code != 0 {
		t.Fatal(stderr)
	}
	for _, want := range []string{
		"9 synchronizations, 4 full (2 of them not first syncs)",
		"below-backlog  6104516", "6104516 (6mb)", "repl-backlog-size 6mb would have kept the history, 5mb not",
		"below-backlog  1586835", "1586835 (2mb)", "73236",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is not in\n%s", want, stdout)
		}
	}
	code, stdout, stderr = call(t, "run", file, "--out", t.TempDir(), "--no-charts")
	if code != 0 || strings.Count(stdout, "agrees") != 6 {
		t.Errorf("replayed: exit %d: %s%s", code, stdout, stderr)
	}
	// With the size that it names, both are partial.
	code, stdout, stderr = call(t, "run", file, "--out", t.TempDir(), "--no-charts", "--json", "--set", "servers.master.config.repl-backlog-size=6mb", "--set", "observed=")
	if code != 0 || strings.Count(stdout, `"kind": "full"`) != 1 {
		t.Errorf("with 6mb: exit %d: %s", code, stderr)
	}
}

func TestExplainJSON(t *testing.T) {
	logs := "../../scenarios/logs/testdata/valkey-8.0-"
	code, stdout, stderr := call(t, "explain", logs+"master.log", logs+"replica.log", "--json")
	if code != 0 {
		t.Fatal(stderr)
	}
	var doc struct {
		Versions map[string]string
		Resyncs  []struct {
			Kind, Reason, Judged string
			LostWhy              string `json:"lost_why"`
			Gap                  *int64 `json:"gap_bytes"`
			Enough               *int64 `json:"backlog_enough_bytes"`
			Lines                []string
		}
	}
	if err := json.Unmarshal([]byte(stdout), &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Resyncs) != 5 || doc.Versions["valkey-8.0-master.log"] != "valkey-8.0.1" {
		t.Fatalf("%+v", doc)
	}
	r := doc.Resyncs[2]
	if r.Kind != "full" || r.Reason != "below-backlog" || *r.Gap != 200300 || *r.Enough != 200300 || !strings.HasPrefix(r.Judged, "2026-11-22T05:48:15") || len(r.Lines) < 3 {
		t.Errorf("%+v", r)
	}
	if doc.Resyncs[4].Enough != nil || doc.Resyncs[4].Reason != "id-mismatch" {
		t.Errorf("%+v", doc.Resyncs[4])
	}
}

func TestExplainRefuses(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.log")
	if err := os.WriteFile(empty, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	logs := "../../scenarios/logs/testdata/redis-7.0-replica.log"
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "explain needs logs"},
		{[]string{empty}, "empty.log is empty"},
		{[]string{"../../go.mod"}, "is one that redis-server or valkey-server logs"},
		{[]string{logs, "--scenario", "x.txt"}, ".yaml"},
	} {
		code, _, stderr := call(t, append([]string{"explain"}, c.args...)...)
		if code != exitUsage || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: exit %d: %s", c.args, code, stderr)
		}
	}
}

// Masters that were restarted, killed and replaced are named as such, with how long there was
// none (logs of a real 7.0.15).
func TestExplainRestarts(t *testing.T) {
	dir := "../../scenarios/logs/testdata/restarts/redis-7.0/"
	files := []string{dir + "master.log", dir + "replica.log", dir + "replica-2.log"}
	code, stdout, stderr := call(t, append([]string{"explain", "--json"}, files...)...)
	if code != 0 {
		t.Fatal(stderr)
	}
	var doc struct {
		Resyncs []struct {
			Replica, Kind, Heir string
			LostWhy             string  `json:"lost_why"`
			Gone                float64 `json:"gone_s"`
		}
	}
	if err := json.Unmarshal([]byte(stdout), &doc); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range doc.Resyncs {
		got = append(got, fmt.Sprintf("%s %s %s %.3f %s", r.Replica, r.Kind, r.LostWhy, r.Gone, r.Heir))
	}
	want := `replica.log full  0.000 
replica-2.log full  0.000 
replica-2.log partial master-restart 3.014 
replica.log partial master-restart 3.014 
replica.log full master-crash 4.072 
replica-2.log full master-crash 4.071 
replica.log partial restart 2.012 
master.log partial switchover 0.218 replica.log
replica-2.log partial switchover 0.226 replica.log
replica-2.log partial failover 3.017 master.log
replica.log full failover 3.017 master.log`
	if g := strings.Join(got, "\n"); g != want {
		t.Errorf("read\n%s\nnot\n%s", g, want)
	}
	code, stdout, stderr = call(t, append([]string{"explain"}, files...)...)
	for _, say := range []string{
		"the master's process ended without a word, and the next one began 4.072s later. No backlog helps",
		"master.log took the master's place at 15:11:39.764, 3.017s after it was gone. No backlog helps",
		"15:11:28.420 restart", // of the replica, from the end of its process on
	} {
		if code != 0 || !strings.Contains(stdout, say) {
			t.Errorf("exit %d: nothing says %q\n%s%s", code, say, stdout, stderr)
		}
	}
}

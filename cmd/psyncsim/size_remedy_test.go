package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"psyncsim/results/risk"
)

// playedAgain runs a command line that size printed, and gives the resyncs after
// the first.
func playedAgain(t *testing.T, command string) (full, partial int) {
	t.Helper()
	words, err := exec.Command("sh", "-c", "for w in "+strings.TrimPrefix(command, "psyncsim ")+`; do printf '%s\0' "$w"; done`).Output()
	if err != nil {
		t.Fatal(err)
	}
	line := append(strings.Split(strings.TrimSuffix(string(words), "\x00"), "\x00"), "--json", "--no-charts", "--out", t.TempDir())
	var out, errs bytes.Buffer
	if code := run(context.Background(), append([]string{"psyncsim"}, line...), &out, &errs); code != 0 {
		t.Fatalf("%s\nexit %d: %s", command, code, errs.String())
	}
	var doc struct {
		Runs []struct {
			Resyncs []struct{ Kind, Reason string }
		}
	}
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	first := 0
	for _, r := range doc.Runs[0].Resyncs {
		switch {
		case r.Kind == "full" && r.Reason == "first-sync" && first < strings.Count(command, "replicaof: master")+1:
			first++
		case r.Kind == "full":
			full++
		default:
			partial++
		}
	}
	return full, partial
}

// Every limit binds somewhere, and what is said to remove it does: one of the
// outages is played as a scenario, with it and without.
func TestSizeRemediesHelp(t *testing.T) {
	if raceEnabled {
		t.Skip("minutes under the race detector; it starts nothing of its own")
	}
	for _, x := range []struct{ args, limit, better string }{
		{"--outage restart:5s --version redis-6.2 --rate 200kB/s", limitHistory, "FAILOVER to a replica before the restart"},
		{"--outage restart:5s --version redis-5.0 --rate 200kB/s", limitHistory, "REPLICAOF NO ONE at a replica while clients are paused, and REPLICAOF at the old master before the restart"},
		{"--outage restart:5s --version redis-3.2 --rate 200kB/s", limitHistory, "version redis-7.0"},
		{"--outage restart:5s --version redis-7.2 --rate 200kB/s --conf testdata/size/no-saves.conf", limitHistory, "SHUTDOWN SAVE, or a save point"},
		{"--outage restart:5s --version redis-7.2 --rate 200kB/s --conf testdata/size/aof.conf", limitHistory, "appendonly no"},
		{"--outage crash:5s --version redis-7.4 --rate 200kB/s", limitHistory, "SHUTDOWN or SIGTERM instead of kill -9"},
		{"--outage crash:5s --version redis-6.2 --rate 200kB/s", limitHistory, "SHUTDOWN or SIGTERM instead of kill -9, and version redis-7.0"},
		{"--outage failover:5s --version redis-7.0 --rate 50kB/s", limitHistory, "FAILOVER to a replica, while the master runs"},
		{"--outage replica-restart:5s --version redis-3.2 --rate 200kB/s", limitHistory, "version redis-7.0"},
		{"--outage replica-restart:5s --version redis-7.0 --rate 200kB/s --conf testdata/size/aof.conf", limitHistory, "appendonly no"},
		{"--outage reset:min=50m,max=80m --version redis-6.2 --rate 10kB/s --target 90%", limitTTL, "repl-backlog-ttl 7200"},
		{"--outage reset:p50=2s,p90=10s --version redis-5.0 --rate 40MB/s --target 90%", limitHard, "client-output-buffer-limit replica 1gb 64mb 60"},
		// A silence that the link outlives, but not the output buffer.
		{"--outage silent:40s --version redis-7.0 --rate 10MB/s --target 90% --outages 60", limitHard, "client-output-buffer-limit replica 512mb 64mb 60"},
		// A full synchronization that its output buffer ends: by the hard limit, and by the soft one.
		{"--outage reset:2s --version redis-7.0 --rate 20MB/s --dataset 2GB", limitBuffer, "client-output-buffer-limit replica 864mb 432mb 60"},
		{"--outage reset:2s --version redis-6.2 --rate 1MB/s --dataset 2GB --conf testdata/size/soft.conf", limitBuffer, "client-output-buffer-limit replica 52mb 26mb 60"},
		// A silence that ends before the link does.
		{"--outage silent:p50=20s,p90=80s --version redis-7.0 --rate 100kB/s --target 90%", limitTimeout, "repl-timeout 480"},
		{"--outage reset:2s --version redis-7.0 --rate 3MB/s --bandwidth 10mbit/s", limitLink, "a link of 5.0 MB/s"},
	} {
		t.Run(x.limit, func(t *testing.T) {
			t.Parallel()
			out, errs, _ := sizeCmd(t, append([]string{"--outages", "400", "--no-sensitivity", "--json"}, strings.Fields(x.args)...)...)
			var a risk.Answer
			if err := json.Unmarshal([]byte(out), &a); err != nil {
				t.Errorf("%s: %s", x.args, errs)
				return
			}
			i := slices.IndexFunc(a.Limits, func(l risk.Limit) bool { return l.Binds && l.Name == x.limit })
			if i < 0 {
				t.Errorf("%s: %s does not bind: %+v", x.args, x.limit, a.Limits)
				return
			}
			l := a.Limits[i]
			if l.Better != x.better || l.Removed == 0 || l.Replay == "" || l.Cured == "" {
				t.Errorf("%s: %+v", x.args, l)
				return
			}
			if full, _ := playedAgain(t, l.Replay); full == 0 {
				t.Errorf("%s\nnothing is full\n%s", x.args, l.Replay)
			}
			// Where the link outlives a silence, or no outage is played, nobody reconnects.
			quiet := strings.HasPrefix(x.args, "--outage silent") || l.Name == limitBuffer || l.Name == limitLink
			if full, partial := playedAgain(t, l.Cured); full != 0 || (partial == 0) != quiet {
				t.Errorf("%s\n%d full, %d partial with %s\n%s", x.args, full, partial, l.Better, l.Cured)
			}
		})
	}
}

// The wait before a diskless snapshot makes no resynchronization full, and lets none be closed:
// long ones, longer than repl-timeout, come to the same as none at all.
func TestDisklessDelayNeverBinds(t *testing.T) {
	if raceEnabled || testing.Short() {
		t.Skip("minutes under the race detector; it starts nothing of its own")
	}
	for _, version := range []string{"redis-6.2", "valkey-8.0"} {
		for _, rate := range []string{"1MB/s", "30MB/s"} { // over the soft limit for long, over the hard one
			t.Run(version+" "+rate, func(t *testing.T) {
				t.Parallel()
				var all [2]risk.Answer
				for i, conf := range []string{"testdata/size/delay-0.conf", "testdata/size/delay-20.conf"} {
					out, errs, _ := sizeCmd(t, "--version", version, "--rate", rate, "--outage", "reset:2s", "--dataset", "400MB", "--conf", conf, "--target", "90%", "--outages", "60", "--no-sensitivity", "--json")
					if err := json.Unmarshal([]byte(out), &all[i]); err != nil {
						t.Fatalf("%s, %s: %s", version, conf, errs)
					}
				}
				a, b := all[0], all[1]
				if a.FullSync.Ends != b.FullSync.Ends || *a.Recommended != *b.Recommended {
					t.Errorf("%s, %s: %+v %+v without a wait, %+v %+v with it", version, rate, a.FullSync, a.Recommended, b.FullSync, b.Recommended)
				}
				if n := a.FullSync.Buffer - b.FullSync.Buffer; max(n, -n) > a.FullSync.Buffer/20 {
					t.Errorf("%s, %s: %d bytes of output buffer without a wait, %d with it", version, rate, a.FullSync.Buffer, b.FullSync.Buffer)
				}
				if d := b.FullSync.Seconds - a.FullSync.Seconds; d < 18 || d > 22 { // all that it costs
					t.Errorf("%s, %s: a full sync takes %g s without a wait of 20 s, %g s with it", version, rate, a.FullSync.Seconds, b.FullSync.Seconds)
				}
				i := slices.IndexFunc(b.Limits, func(l risk.Limit) bool { return l.Name == limitDelay })
				if i < 0 || b.Limits[i].Binds || !strings.Contains(b.Limits[i].Text, "Do not change this setting") {
					t.Errorf("%s: nothing is said of the wait: %+v", version, b.Limits)
				}
			})
		}
	}
}

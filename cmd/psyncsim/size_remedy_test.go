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
	} {
		out, errs, _ := sizeCmd(t, append(strings.Fields(x.args), "--outages", "400", "--no-sensitivity", "--json")...)
		var a risk.Answer
		if err := json.Unmarshal([]byte(out), &a); err != nil {
			t.Errorf("%s: %s", x.args, errs)
			continue
		}
		i := slices.IndexFunc(a.Limits, func(l risk.Limit) bool { return l.Binds && l.Name == x.limit })
		if i < 0 {
			t.Errorf("%s: %s does not bind: %+v", x.args, x.limit, a.Limits)
			continue
		}
		l := a.Limits[i]
		if l.Better != x.better || l.Removed == 0 || l.Replay == "" || l.Cured == "" {
			t.Errorf("%s: %+v", x.args, l)
			continue
		}
		if full, _ := playedAgain(t, l.Replay); full == 0 {
			t.Errorf("%s\nnothing is full\n%s", x.args, l.Replay)
		}
		if full, partial := playedAgain(t, l.Cured); full != 0 || partial == 0 {
			t.Errorf("%s\n%d full, %d partial with %s\n%s", x.args, full, partial, l.Better, l.Cured)
		}
	}
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"psyncsim/results/risk"
	"psyncsim/scenarios/outages"
	"psyncsim/scenarios/sizing"
)

// sizeCmd runs psyncsim size.
func sizeCmd(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(context.Background(), append([]string{"psyncsim", "size"}, args...), &out, &errs)
	return out.String(), errs.String(), code
}

func sizeAnswer(t *testing.T, args ...string) *risk.Answer {
	t.Helper()
	out, errs, code := sizeCmd(t, append(args, "--json")...)
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	var a risk.Answer
	if err := json.Unmarshal([]byte(out), &a); err != nil {
		t.Fatal(err)
	}
	return &a
}

func TestSizeDoesNotHangOnJobs(t *testing.T) {
	count := "700"
	if testing.Short() { // the least that the target takes
		count = "370"
	}
	args := []string{"--rate", "3MB/s", "--arrivals", "poisson", "--value", "5000", "--outage", "p50=2s,p99=45s", "--outages", count, "--json", "--seed", "11"}
	first, _, code := sizeCmd(t, append(args, "--jobs", "1")...)
	if code != 0 {
		t.Fatal(code)
	}
	for _, jobs := range []string{"2", "7"} {
		if got, _, _ := sizeCmd(t, append(args, "--jobs", jobs)...); got != first {
			t.Errorf("another answer with %s jobs", jobs)
		}
	}
}

// The replay is the very run: the same gap, to the byte, with a size that is
// just enough partial and with one byte less full.
func TestSizeReplayIsTheRun(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"--rate", "2MB/s", "--outage", "p50=2s,p99=45s", "--version", "redis-6.2"},
		{"--rate", "9000/s", "--arrivals", "{bursts: {on: 3s, off: 9s, rate: 40000/s}}", "--outage", "reset:4s", "--version", "redis-4.0", "--replicas", "2"},
		{"--info", "../../../shared/data/redis-7.0.15-bursty/info.csv", "--outage", "silent:70s", "--version", "redis-6.2"},
		{"--rate", "200kB/s", "--outage", "silent:min=6s,max=9s", "--version", "redis-6.2", "--conf", "testdata/size/timeout-10.conf"}, // over segments
	} {
		a := sizeAnswer(t, append(args, "--outages", "400")...)
		words, err := exec.Command("sh", "-c", "for w in "+strings.TrimPrefix(a.Replay, "psyncsim ")+`; do printf '%s\0' "$w"; done`).Output()
		if err != nil {
			t.Fatal(err)
		}
		line := strings.Split(strings.TrimSuffix(string(words), "\x00"), "\x00")
		for less := range int64(2) {
			size := a.Worst.Need - less
			var out, errs bytes.Buffer
			code := run(context.Background(), append(append([]string{"psyncsim"}, line...), "--json", "--no-charts", "--out", t.TempDir(),
				"--set", "servers.master.config.repl-backlog-size="+fmt.Sprint(size)), &out, &errs)
			if code != 0 {
				t.Fatalf("%s\nexit %d: %s", a.Replay, code, errs.String())
			}
			var doc struct {
				Runs []struct {
					Resyncs []struct {
						Replica, Kind string
						Gap           int64 `json:"gap_bytes"`
						T             float64
					}
				}
			}
			if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
				t.Fatal(err)
			}
			all := doc.Runs[0].Resyncs
			last := all[len(all)-1]
			for _, r := range all {
				if r.Gap > 0 {
					last = r
					break
				}
			}
			if want := [...]string{"partial", "full"}[less]; last.Gap != a.Worst.Need || last.Kind != want {
				t.Errorf("%s\nwith %d bytes: %+v, want %s of %d bytes", a.Replay, size, last, want, a.Worst.Need)
			}
		}
	}
}

// The terms of every gap add up to it.
func TestSizeTermsAddUp(t *testing.T) {
	p, err := sizing.New(sizing.Spec{Profile: "redis-7.2", Replicas: 1, Dataset: 1e6, Seed: 3, Load: sizing.Load{Rate: "1MB/s", Arrivals: "poisson"}})
	if err == nil {
		err = p.Start(20 * time.Second)
	}
	if err != nil {
		t.Fatal(err)
	}
	d, err := outages.Parse("50% silent:p50=40s,p90=100s + 30% reset:p50=1s,p90=9s + 20% replica-restart:2s", outages.Reset)
	if err != nil {
		t.Fatal(err)
	}
	s := &sizer{ctx: context.Background(), plan: p, dist: d, jobs: 2}
	all, err := s.all(300, lifted)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, o := range all {
		kinds[o.Kind]++
		if o.Fulls > 0 || !o.Settled {
			t.Errorf("%+v", o)
		}
		if o.Lag+o.During+o.Detection+o.Reconnect != o.Need || min(o.Lag, o.During, o.Detection, o.Reconnect) < 0 {
			t.Errorf("the terms do not add up: %+v", o)
		}
		if o.Kind == "reset" && o.Need < o.Lasted/1100 {
			t.Errorf("less than was written while it lasted: %+v", o)
		}
	}
	if !reflect.DeepEqual([]bool{kinds["silent"] > 100, kinds["reset"] > 50, kinds["replica-restart"] > 30}, []bool{true, true, true}) {
		t.Errorf("%v", kinds)
	}
}

// BenchmarkSizeOutage is what one simulated outage costs.
func BenchmarkSizeOutage(b *testing.B) {
	for _, x := range []struct{ name, outage, arrivals string }{
		{"reset", "reset:3s", ""}, {"silent", "silent:70s", ""}, {"bridged", "silent:3s", ""}, {"restart", "restart:3s", ""}, {"replica-restart", "replica-restart:3s", ""}, {"failover", "failover:3s", ""},
		{"poisson", "reset:3s", "poisson"}, {"bursts", "reset:3s", "{bursts: {on: 2s, off: 9s, rate: 12MB/s}}"},
	} {
		b.Run(x.name, func(b *testing.B) {
			p, err := sizing.New(sizing.Spec{Profile: "redis-7.0", Replicas: 1, Dataset: 1e8, Seed: 1, Load: sizing.Load{Rate: "5MB/s", Arrivals: x.arrivals}})
			if err == nil {
				err = p.Start(10 * time.Second)
			}
			if err != nil {
				b.Fatal(err)
			}
			d, err := outages.Parse(x.outage, outages.Reset)
			if err != nil {
				b.Fatal(err)
			}
			s := &sizer{ctx: context.Background(), plan: p, dist: d, jobs: 1}
			b.ReportAllocs()
			if _, err := s.all(b.N, lifted); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// Outages that cost nothing need no backlog at all: what is there stays.
func TestSizeOfOutagesThatCostNothing(t *testing.T) {
	a := sizeAnswer(t, "--rate", "1MB/s", "--outage", "silent:1s", "--outages", "100", "--target", "90%", "--no-sensitivity")
	if a.Recommended == nil || a.Recommended.Bytes != 1<<20 || a.Verdict != "keep" || a.Bridged != 100 {
		t.Errorf("recommended %+v, %d bridged", a.Recommended, a.Bridged)
	}
}

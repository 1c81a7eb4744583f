package samples

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// One fact at the border of each rule: what is just inside and what is just outside.
func TestBorders(t *testing.T) {
	pairs := func(first, second string) []string {
		return []string{first + "\n" + info("master_repl_offset:100") + second + "\n" + info("master_repl_offset:200")}
	}
	for _, c := range []struct {
		name  string
		in    []string
		every time.Duration
		sets  string
		traps string // kinds without interval
		err   string
	}{
		{name: "milliseconds", in: pairs("1700000000000", "1700000002500"), every: 2500 * time.Millisecond},
		{name: "a duration since the first", in: pairs("0s", "1m30s"), every: 90 * time.Second},
		{name: "a year and more", in: pairs("1600000000", "1700000000"), err: "more than a year"},
		{name: "a time before clocks", in: pairs("1969-01-02T03:04:05Z", "1969-01-02T03:04:06Z"), err: "nothing says when"},
		{name: "what date prints", in: pairs("Sun Nov 22 06:31:54 UTC 2026", "Sun Nov 22 06:31:56 UTC 2026"), every: 2 * time.Second},

		{name: "quotes of both kinds, tabs and comments", in: []string{"# x 1\n\nrepl-timeout\t'30'\nrepl-backlog-size \"2mb\"\n"}, sets: "repl-timeout=30 repl-backlog-size=2097152"},
		{name: "one quote is no pair", in: []string{"repl-timeout '\n"}, err: `f0:1: repl-timeout: "'" is not a whole number`},
		{name: "nothing but a comment", in: []string{"# repl-timeout 30\n"}, err: "neither samples nor settings"},
		{name: "one directive among others is enough", in: []string{"wonder 1\nclient-output-buffer-limit normal 0 0 0\n"}},
		{name: "a timeout of zero", in: []string{"repl-timeout 0\n"}, sets: "repl-timeout=0"},
		{name: "words for a timeout", in: []string{"repl-timeout never\n"}, err: `"never" is not a whole number`},
		{name: "a line without its value", in: []string{"hz 10\nrepl-timeout\nrepl-backlog-size 1mb\n"}, err: "f0:2: repl-timeout has no value"},
		{name: "a limit of no seconds", in: []string{"client-output-buffer-limit replica 2 1 0\n"}, sets: "client-output-buffer-limit replica=2"},
		{name: "a limit of less", in: []string{"client-output-buffer-limit replica 2 1 -1\n"}, err: `"-1" is no number of seconds`},
		{name: "a limit in words", in: []string{"client-output-buffer-limit replica 2 1 soon\n"}, err: `"soon" is no number of seconds`},
		{name: "a class that is none", in: []string{"client-output-buffer-limit master 2 1 1\n"}, err: `"master" is no class of clients`},
		{name: "decimal in a limit", in: []string{"client-output-buffer-limit replica 2gb 1g 60\n"}, sets: "client-output-buffer-limit replica=2147483648", traps: "unit"},
		{name: "the least backlog", in: []string{"repl-backlog-size 16384\n"}, sets: "repl-backlog-size=16384"},
		{name: "less than it", in: []string{"repl-backlog-size 16383\n"}, sets: "repl-backlog-size=16383", traps: "unit"},
		{name: "no backlog", in: []string{"repl-backlog-size 0\n"}, sets: "repl-backlog-size=0"},
		{name: "seconds are no memory", in: []string{"repl-timeout 60\nrepl-backlog-ttl 3600\nmaxmemory 10%\n"}, sets: "repl-timeout=60 repl-backlog-ttl=3600 maxmemory=0"},
		{name: "old names", in: []string{"repl-ping-slave-period 5\nmin-slaves-to-write 1\n"}, sets: "repl-ping-replica-period=5 min-replicas-to-write=1"},
		{name: "a limit written in two ways", in: []string{"client-output-buffer-limit replica 256mb 64mb 60\n", "client-output-buffer-limit\nslave 268435456 67108864 60\n"},
			sets: "client-output-buffer-limit replica=268435456 client-output-buffer-limit replica=268435456"},
		{name: "another soft limit", in: []string{"client-output-buffer-limit replica 256mb 64mb 60\n", "client-output-buffer-limit\nslave 268435456 67108863 60\n"},
			sets: "client-output-buffer-limit replica=268435456 client-output-buffer-limit replica=268435456", traps: "file-differs"},
		{name: "other seconds", in: []string{"client-output-buffer-limit replica 256mb 64mb 60\n", "client-output-buffer-limit\nslave 268435456 67108864 61\n"},
			sets: "client-output-buffer-limit replica=268435456 client-output-buffer-limit replica=268435456", traps: "file-differs"},
		{name: "another hard limit", in: []string{"client-output-buffer-limit replica 256mb 64mb 60\n", "client-output-buffer-limit\nslave 268435457 67108864 60\n"},
			sets: "client-output-buffer-limit replica=268435456 client-output-buffer-limit replica=268435457", traps: "file-differs"},

		{name: "the largest offset", in: []string{csvTop + "1000,0,1,1,0,r,a,,\n2000,1152921504606846976,1,1,0,r,a,,\n"}, every: time.Second},
		{name: "beyond it", in: []string{csvTop + "1000,0,1,1,0,r,a,,\n2000,1152921504606846977,1,1,0,r,a,,\n"}, err: "f0:3: master_repl_offset is beyond all offsets"},
		{name: "a comment and an empty line in a CSV", in: []string{"# mine\n\n" + csvTop + "1000,0,1,1,0,r,a,,\n#\n2000,5,1,1,0,r,a,,\n"}, every: time.Second},
		{name: "one of two has no id", in: []string{csvTop + "1000,0,1,1,0,r,,,\n2000,5,1,1,0,r,a,,\n3000,9,1,1,0,r,,,\n"}, every: time.Second},
		{name: "a gap of five intervals", in: []string{"unix_ms,master_repl_offset\n0,1\n1000,2\n2000,3\n3000,4\n8000,5\n"}, every: time.Second},
		{name: "a little more", in: []string{"unix_ms,master_repl_offset\n0,1\n1000,2\n2000,3\n3000,4\n8001,5\n"}, every: time.Second, traps: "gap"},
		{name: "one replica's sum is no trap", in: []string{"unix_ms,master_repl_offset,connected_slaves,instantaneous_output_repl_kbps\n0,0,1,20\n1000,10,1,20\n2000,20,1,20\n"}, every: time.Second},
		{name: "nor is silence of two", in: []string{"unix_ms,master_repl_offset,connected_slaves,instantaneous_output_repl_kbps\n0,0,2,0\n1000,10,2,0\n2000,20,2,0\n"}, every: time.Second},
		{name: "the last full sync came before", in: []string{csvTop + "1000,5,1,1,4,r,a,,\n2000,9,1,1,4,r,a,,\n"}, every: time.Second},
		{name: "a sample every five seconds", in: []string{"unix_ms,master_repl_offset\n0,0\n5000,10\n10000,20\n"}, every: 5 * time.Second},

		{name: "Prometheus' exact offsets", in: []string{matrix(one("master_repl_offset", "", `[10,"9007199254740990"],[11,"9007199254740992"]`))}, every: time.Second},
		{name: "and rounded ones", in: []string{matrix(one("master_repl_offset", "", `[10,"9007199254740992"],[11,"9007199254740994"]`))}, every: time.Second, traps: "rounded"},
		{name: "Prometheus by pod", in: []string{matrix(one("master_repl_offset", `,"pod":"m"`, two), strings.ReplaceAll(one("memory_used_bytes", `,"pod":"m"`, two), "a:9121", "b:9121"))}, every: 15 * time.Second},
		{name: "another namespace", in: []string{strings.ReplaceAll(matrix(one("master_repl_offset", "", two)), "redis_", "valkey_")}, every: 15 * time.Second},
		{name: "broken JSON behind whole", in: []string{matrix(one("master_repl_offset", "", two)) + "\n\n{"}, err: "f0:3: not the answer of a Prometheus range query"},
		{name: "a word where JSON should go on", in: []string{"{\"status\":\n\"success\",\n oops}"}, err: "f0:3: not the answer of a Prometheus range query"},
	} {
		s, err := Parse(inputs(c.in)...)
		if c.err != "" || err != nil {
			if err == nil || c.err == "" || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: %v, not %q", c.name, err, c.err)
			}
			continue
		}
		var sets, traps []string
		for _, x := range s.Settings {
			sets = append(sets, fmt.Sprintf("%s=%d", x.Name, x.Number))
		}
		for _, x := range s.Traps {
			if x.Kind != "interval" {
				traps = append(traps, x.Kind)
			}
		}
		if s.Every != c.every || strings.Join(sets, " ") != c.sets || strings.Join(traps, " ") != c.traps {
			t.Errorf("%s: every %v, settings %q, traps %+v", c.name, s.Every, sets, s.Traps)
		}
	}
}

// Bursts are what is more than twice the average; they are a trap where most of
// them fill one interval only.
func TestBurstBorders(t *testing.T) {
	csv := func(steps ...int) string {
		text, sum := "unix_ms,master_repl_offset\n0,0\n", 0
		for i, n := range steps {
			sum += n
			text += fmt.Sprintf("%d,%d\n", (i+1)*1000, sum)
		}
		return text
	}
	for _, c := range []struct {
		steps []int
		trap  bool
	}{
		{[]int{1, 9, 1, 1, 9, 1, 1, 1, 1, 1}, true},                    // 2 of 2
		{[]int{1, 9, 9, 1, 9, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, false}, // 1 of 2: no majority
		{[]int{1, 9, 1, 1, 1, 1, 1, 1, 1, 1}, false},                   // one burst may be chance
		{[]int{2, 4, 1, 1, 4, 1, 1, 2, 2, 2}, false},                   // twice the average is not more
		{[]int{1, 1, 1, 9, 1, 1, 1, 1, 1, 9}, true},                    // the last one ends with the samples
	} {
		s, err := Parse(inputs([]string{csv(c.steps...)})...)
		if err != nil {
			t.Fatal(err)
		}
		if has(s, "interval") != c.trap {
			t.Errorf("%v: traps %v", c.steps, s.Traps)
		}
	}
}

package scenarios

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

const head = "question: x\nservers: {m: {version: redis-6.2}, r: {version: redis-6.2, replicaof: m}}\n"

// Files that mean no good end in an error that can be read, fast and in
// little memory.
func TestHostile(t *testing.T) {
	repeat := strings.Repeat
	aliases := "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 12; i++ {
		aliases += fmt.Sprintf("a%d: &a%d [%s*a%d]\n", i, i, repeat(fmt.Sprintf("*a%d, ", i-1), 8), i-1)
	}
	many := func(n int, f func(i int) string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(f(i))
		}
		return b.String()
	}
	tests := []struct{ name, data, want string }{
		{"flow depth", repeat("[", 500_000), "nested more than 40 deep"},
		{"block depth", repeat("- ", 400_000) + "x", "nested more than 40 deep"},
		{"map depth", repeat("{a: ", 100_000), "nested more than 40 deep"},
		{"alias bomb", aliases + head, "once its aliases are written out"},
		{"alias to itself", head + "faults: &x [*x]\n", "once its aliases are written out"},
		{"merge bomb", "a0: &a0 {x: 1}\n" + many(30, func(i int) string {
			return fmt.Sprintf("a%d: &a%d {<<: [*a%d, *a%d], k%d: 1}\n", i+1, i+1, i, i, i)
		}), "once its aliases are written out"},
		{"too large", head + "#" + repeat("x", MaxFile), "at most 1048576"},
		{"one scalar", "question: " + repeat("x", MaxFile-100), "servers: missing"},
		{"not utf-8", "question: \xff\n", "f:1:11: byte 0xff: not UTF-8"},
		{"control", "question: a\x00b\n", "f:1:12: control character 0x00"},
		{"utf-16", "\xff\xfeq\x00", "not UTF-8"},
		{"two documents", head + "---\n" + head, "a second document"},
		{"a tab", "servers:\n\tm: {}\n", "tabs"},
		{"NaN", head + "duration: .nan\n", "not a duration"},
		{"inf", head + "repeat: .inf\n", "not a whole number"},
		{"negative", head + "seed: -1\n", "out of range"},
		{"overflow", head + "seed: 99999999999999999999\n", "out of range"},
		{"hex", head + "seed: 0x10\n", "not a whole number"},
		{"long number", head + "duration: " + repeat("9", 500_000) + "s\n", "too long"},
		{"long size", "question: x\nservers: {m: {version: redis-6.2, dataset: " + repeat("9", 500_000) + "MB}}\n", "that many digits"},
		{"longer than a month", head + "duration: 800h\n", "at most 720h"},
		{"servers", "question: x\nservers:\n" + many(20_000, func(i int) string { return fmt.Sprintf("  s%d: {version: redis-6.2}\n", i) }), "20000 servers; at most 1000"},
		{"a chain of servers", "question: x\nservers:\n" + many(1000, func(i int) string {
			return fmt.Sprintf("  s%d: {version: redis-6.2, replicaof: s%d}\n", i, (i+1)%1000)
		}), "a circle"},
		{"faults", head + "duration: 720h\nfaults: [{at: 0s, kind: crash, server: m, every: 1ms}]\n", "at most 1000000"},
		{"more faults", head + "duration: 720h\nfaults:\n" + many(20, func(int) string {
			return "  - {at: 0s, kind: crash, server: m, every: 1s, times: 1000000}\n"
		}), "at most 1000000"},
		{"loads", head + "workload:\n" + many(20_000, func(int) string { return "  - {on: m, rate: 1B/s}\n" }), "at most 1000"},
		{"problems", head + many(50_000, func(i int) string { return fmt.Sprintf("k%d: 1\n", i) }), "and 49900 more"},
		{"args", head + "workload: [{on: m, rate: 1/s, args: [" + repeat("500000000,", 50_000) + "1]}]\n", "more than 1 TiB"},
		{"axes", head + "sweep:\n" + many(5000, func(i int) string {
			return fmt.Sprintf("  a%d: {set: servers.m.dataset, from: 1B, to: 1GB, steps: 1000000}\n", i)
		}), "5000 axes; at most 16"},
		{"a value twice", head + "sweep: {a: {set: servers.m.dataset, values: [1MB, 2MB, 1000kB]}}\n", "f:3:56: 1000kB: the axis has this value already"},
		{"a word twice", head + "sweep: {v: {set: servers.m.version, values: [redis-7.0, redis-7.0]}}\n", "redis-7.0: the axis has this value already"},
		{"crowded", head + "sweep: {a: {set: servers.m.dataset, from: 1B, to: 5B, steps: 6}}\n", "axis a: there are fewer different values than steps"},
		{"crowded logarithms", head + "sweep: {a: {set: servers.m.dataset, from: 1GB, to: 1B, steps: 100, scale: log}}\n", "axis a: there are fewer different values than steps"},
		{"paths", head + "sweep: {a: {set: [" + repeat("servers.m.dataset,", 30_000) + "servers.*.fork], values: [1B, 2s]}}\n", "expected"},
		{"long path", head + "sweep: {a: {set: " + repeat("a.", 200_000) + "a, values: [1]}}\n", "expected a path"},
		{"path of stars", head + "sweep: {a: {set: '*.*.*.*.*', values: [1]}}\n", ""},
		{"terminal", "question: x\nservers: {\"\\e[31mred\": {version: redis-6.2}}\n", `\x1b[31mred`},
		{"expectations", head + "expect:\n" + many(30_000, func(int) string { return "  - reconnects == x\n" }), "expected a whole number"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if len(test.data) > MaxFile && test.name != "too large" {
				t.Fatalf("the test's file has %d bytes", len(test.data))
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := spent()
			s, err := Load("f", []byte(test.data), nil, nil)
			if err == nil {
				_, err = s.Cells(SeedRange{})
			}
			took := spent() - start
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("says %.300q, not %q", err, test.want)
			}
			for _, line := range strings.Split(err.Error(), "\n") {
				if len(line) > 600 {
					t.Errorf("a line of %d bytes", len(line))
				}
			}
			if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > 400 {
				t.Errorf("%d MB allocated", mb)
			}
			limit := time.Second
			if raceEnabled {
				limit *= 20
			}
			if took > limit {
				t.Errorf("took %v", took)
			}
		})
	}
}

// What is large and honest is counted, not made.
func TestLargeSweep(t *testing.T) {
	s, err := Load("f", []byte(head+`
faults: [{at: 5s, kind: reset, link: [m, r]}]
sweep:
  outage: {set: faults.0.for, from: 1s, to: 0s, steps: 1000}
  kind: {set: faults.0.kind, values: [reset, silent]}
  dataset: {set: servers.m.dataset, from: 1MB, to: 1GB, steps: 5000, scale: log}
repeat: 10
`), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	cells, err := s.Cells(SeedRange{})
	if err != nil {
		t.Fatal(err)
	}
	if cells.Len() != 100_000_000 {
		t.Fatalf("%d runs", cells.Len())
	}
	c := cells.At(99_949_999)
	if c.Err != nil || c.Meta.Outage != 0 || c.Meta.FaultKind != "reset" || c.Config.Servers[0].Dataset != 1e9 || c.Seed != 10 {
		t.Errorf("cell 99949999 is %+v", c)
	}
	// A silent fault of no length: no value of an axis is wrong by itself.
	c = cells.At(99_999_999)
	if c.Err == nil || !strings.Contains(c.Err.Error(), "must be more than 0") || c.Config != nil {
		t.Errorf("the last cell is %+v", c)
	}
	for i := 0; i+1 < 5000; i++ {
		if a, b := s.Axes[2].number(int64(i)), s.Axes[2].number(int64(i+1)); a > b {
			t.Fatalf("value %d is %d, the next one %d", i, a, b)
		}
	}
	if _, err := s.Cells(SeedRange{First: 1, Last: 11, Given: true}); err == nil {
		t.Error("110 million runs are not refused")
	}
	if _, err := s.Cells(SeedRange{First: 0, Last: 1<<62 - 1, Given: true}); err == nil {
		t.Error("2^62 seeds are not refused")
	}
}

// Cells may be made by many at once, in any order, and are the same.
func TestCellsAtOnce(t *testing.T) {
	s, err := OpenEmbedded("sizing-rule", nil)
	if err != nil {
		t.Fatal(err)
	}
	cells, err := s.Cells(SeedRange{First: 5, Last: 6, Given: true})
	if err != nil {
		t.Fatal(err)
	}
	want := make([]string, cells.Len())
	text := func(c Cell) string { return fmt.Sprintf("%+v %+v %+v %d", c.Point, *c.Config, c.Meta, c.Seed) }
	for i := range want {
		want[i] = text(cells.At(i))
	}
	var wait sync.WaitGroup
	for w := range 4 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			cur := cells.NewCursor()
			for i := range want {
				i = (i*7 + w) % len(want)
				if got := text(cur.At(i)); got != want[i] {
					t.Errorf("cell %d:\n%s\n%s", i, got, want[i])
					return
				}
			}
		}()
	}
	wait.Wait()
}

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name, data string) string {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
		return p
	}
	write("redis.conf", "repl-backlog-size 3mb\n")
	good := write("a/good.yaml", "question: x\nservers: {m: {version: redis-6.2, config-file: ../redis.conf}}\n")
	s, err := ReadFile(good, nil)
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != "good" {
		t.Errorf("its name is %q", s.Name)
	}
	cells, _ := s.Cells(SeedRange{})
	if b := cells.At(0).Meta.Backlog; b != 3<<20 {
		t.Errorf("backlog %d", b)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none.yaml"): "no such file",
		dir:                             "folder",
		write("big.yaml", "question: "+strings.Repeat("x", MaxFile)):                                  "more than 1048576 bytes",
		write("conf.yaml", "question: x\nservers: {m: {version: redis-6.2, config-file: no.conf}}\n"): "no such file",
	} {
		_, err := ReadFile(path, nil)
		var ps *Problems
		if !errors.As(err, &ps) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, not %q", path, err, want)
		}
	}
}

func TestParseSeeds(t *testing.T) {
	for in, want := range map[string]SeedRange{
		"1..20": {1, 20, true}, "7": {7, 7, true}, "0..0": {0, 0, true},
		"5..1": {}, "": {}, "a..b": {}, "-1..2": {}, "1..2..3": {}, "1..99999999999999999999": {},
	} {
		got, err := ParseSeeds(in)
		if got != want || (err != nil) == want.Given {
			t.Errorf("%q: %v, %v", in, got, err)
		}
	}
}

// Any bytes: no panic, an end, and what is read can be written and read again.
func FuzzLoad(f *testing.F) {
	for _, name := range embeddedNames() {
		data, _ := EmbeddedSource(name)
		if name == "sizing-rule" {
			continue // large sweeps are slow to compare
		}
		f.Add(data, "")
	}
	f.Add([]byte(head+"sweep: {a: {set: faults.0.for, from: 1s, to: 9s, steps: 3, scale: log}}\nfaults: [{at: 1s, kind: config, server: m, set: {repl-timeout: 5}}, {at: 2s, kind: reset, link: [m, r], every: 1s}]\n"), "servers.*.version=redis-2.8")
	f.Add([]byte(head+"workload: [{on: m, rate: 5/s, mix: [{command: SET, args: [1, 2]}], arrivals: {bursts: {on: 1s, off: 2s, factor: 2.5, phase: 1s}}}]\nexpect: [m.role == master, reconnects < 1MB]\n"), "seed=3")
	f.Add([]byte(head+"workload: [{on: m, arrivals: {trace: info.csv}}]\nservers: {a: {config-file: redis.conf}}\n"), "links=[{between: [m, r]}]")
	files := map[string]string{
		"info.csv":   "unix_ms,master_repl_offset\n1,2\n3,4\n",
		"redis.conf": "repl-timeout 5\nsave \"\"\n",
	}
	f.Fuzz(func(t *testing.T, data []byte, set string) {
		var sets []string
		if set != "" {
			sets = []string{set}
		}
		open := func(p string) ([]byte, error) {
			if s, ok := files[p]; ok {
				return []byte(s), nil
			}
			return nil, os.ErrNotExist
		}
		start := time.Now()
		s, err := Load("f.yaml", data, open, sets)
		if err != nil {
			var ps *Problems
			if !errors.As(err, &ps) || len(ps.List) == 0 {
				t.Fatalf("%T without problems", err)
			}
			return
		}
		cells, err := s.Cells(SeedRange{})
		if err != nil {
			return
		}
		cells.At(0)
		cells.At(cells.Len() - 1)
		checkRoundTrip(t, s)
		if took := time.Since(start); took > 20*time.Second {
			t.Fatalf("took %v", took)
		}
	})
}

// FuzzTrace: any capture, no panic.
func FuzzTrace(f *testing.F) {
	f.Add([]byte("unix_ms,master_repl_offset\n1,2\n3,4\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		points, p := ReadTrace("f.csv", data)
		if (p == nil) == (points == nil) {
			t.Fatal("either points or a problem")
		}
		for i := 1; i < len(points); i++ {
			if points[i].At <= points[i-1].At || points[i].Bytes < points[i-1].Bytes {
				t.Fatal("goes back")
			}
		}
	})
}

package sim

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"psyncsim/model"
)

// TestConversations plays the runs of testdata/conversations and compares what
// they tell. One command, `play`, with what differs from two servers "m" and "r",
// 250 bytes every 10 ms, a link of 1 ms, and processes that started at 0:
//
//	play version=redis-6.2 for=8s backlog=65536 latency=1ms rate=25000
//	reset at=4s for=300ms
//	----
//	...
//
// The lines below it are faults. INFO at the end is left out and identifiers are
// cut to six characters. With -rewrite the answers are written anew.
func TestConversations(t *testing.T) {
	datadriven.Walk(t, "testdata/conversations", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd != "play" {
				d.Fatalf(t, "no command %s", d.Cmd)
			}
			c, err := conversation(d)
			if err != nil {
				d.Fatalf(t, "%v", err)
			}
			var text []byte
			for i, v := range []variant{{}, {bytes: true, perWrite: true, everyTick: true}} {
				b, err := v.play(&World{}, c, &printer{})
				if err != nil {
					d.Fatalf(t, "%v\n%s", err, b)
				}
				if i > 0 && string(b) != string(text) {
					d.Fatalf(t, "not the same byte by byte:\n%s", divergence(text, b))
				}
				text = b
			}
			return readable(text)
		})
	})
}

var identifier = regexp.MustCompile(`[0-9a-f]{40}`)

// readable is a trace for people.
func readable(text []byte) string {
	var b strings.Builder
	for line := range strings.Lines(string(text)) {
		switch strings.Fields(line)[2] {
		case "info", "began", "ended":
			continue
		}
		b.WriteString(identifier.ReplaceAllStringFunc(line, func(id string) string { return id[:6] }))
	}
	return b.String()
}

// conversation reads one play command.
func conversation(d *datadriven.TestData) (c *Config, err error) {
	c = &Config{Seed: 1, Links: []LinkConfig{{A: 0, B: 1, Latency: time.Millisecond}},
		Loads: []LoadConfig{{Commands: []Command{{Name: "SET", Args: []int{16, 206}, Times: 1}}, BytesPerSecond: 25_000}}}
	version, set := "redis-6.2", func(*model.Settings) {}
	dataset, saveRate := int64(100_000), int64(1_000_000)
	for _, a := range d.CmdArgs {
		if len(a.Vals) != 1 {
			return nil, fmt.Errorf("%s without one value", a.Key)
		}
		var n int64
		var span time.Duration
		v, before := a.Vals[0], set
		switch a.Key {
		case "version":
			version = v
		case "for", "latency", "ttl", "ping", "timeout":
			span, err = time.ParseDuration(v)
		default:
			n, err = strconv.ParseInt(v, 10, 64)
		}
		if err != nil {
			return nil, err
		}
		switch a.Key {
		case "version":
		case "for":
			c.Duration = span
		case "latency":
			c.Links[0].Latency = span
		case "rate":
			c.Loads[0].BytesPerSecond = n
		case "diskless": // at so many bytes a second, without a delay
			set = func(s *model.Settings) { before(s); s.Diskless, s.DisklessDelay = true, 0 }
			saveRate = n
		case "dataset":
			dataset = n
		case "backlog":
			set = func(s *model.Settings) { before(s); s.BacklogSize = n }
		case "ttl":
			set = func(s *model.Settings) { before(s); s.BacklogTTL = span }
		case "ping":
			set = func(s *model.Settings) { before(s); s.PingPeriod = span }
		case "channels":
			set = func(s *model.Settings) { before(s); s.DualChannel, s.DisklessDelay = n == 2, 0 }
		case "timeout":
			set = func(s *model.Settings) { before(s); s.Timeout = span }
		default:
			return nil, fmt.Errorf("no setting %s", a.Key)
		}
	}
	prof, ok := model.LookupProfile(version)
	if !ok {
		return nil, fmt.Errorf("no version %s", version)
	}
	for i, name := range []string{"m", "r"} {
		s := ServerConfig{Name: name, Profile: prof, Settings: prof.Defaults(), Dataset: dataset, SaveRate: saveRate, LoadRate: max(dataset, 1_000_000)}
		set(&s.Settings)
		if i > 0 {
			s.ReplicaOf = "m"
		}
		c.Servers = append(c.Servers, s)
	}
	for line := range strings.Lines(d.Input) {
		f, err := faultLine(strings.Fields(line))
		if err != nil {
			return nil, err
		}
		c.Faults = append(c.Faults, f)
	}
	return c, nil
}

// faultLine reads "<kind> [m|r] at=<duration> [for=<duration>] [save] [rdb]", and of orders
// [to=m|r|any] [timeout=<duration>] [replicas=<n>] [force] [abort] [all].
func faultLine(words []string) (f FaultConfig, err error) {
	f.B, f.Peer = 1, 1
	for k, name := range faultNames {
		if name == words[0] {
			f.Kind = FaultKind(k)
		}
	}
	if f.Kind == 0 {
		return f, fmt.Errorf("no fault %s", words[0])
	}
	for _, word := range words[1:] {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "m":
		case "r":
			f.Server = 1
		case "rdb":
			f.Channel = true
		case "save":
			f.Save = true
		case "force":
			f.Force = true
		case "abort":
			f.Abort = true
		case "all":
			f.All = true
		case "to":
			f.Peer = map[string]int{"m": 0, "r": 1, "any": -1}[value]
		case "replicas":
			f.Count, err = strconv.ParseInt(value, 10, 64)
		case "timeout":
			f.Timeout, err = time.ParseDuration(value)
		case "at":
			f.At, err = time.ParseDuration(value)
		case "for":
			f.For, err = time.ParseDuration(value)
		default:
			err = fmt.Errorf("no setting %s", key)
		}
		if err != nil {
			return f, err
		}
	}
	return f, nil
}

// TestPinned compares fingerprints of whole traces with testdata/pinned.txt: a
// build for another machine, or with the race detector, must tell the same.
// -rewrite writes them anew.
func TestPinned(t *testing.T) {
	const file = "testdata/pinned.txt"
	var b strings.Builder
	w, p := &World{}, &printer{}
	for _, version := range []string{"redis-2.8", "redis-4.0", "redis-6.2"} {
		for arrivals := Constant; arrivals <= Trace; arrivals++ {
			for _, bytes := range []bool{false, true} {
				c := pinned(version, arrivals)
				text, err := variant{bytes: bytes}.play(w, c, p)
				if err != nil {
					t.Fatalf("%s, arrivals %d: %v", version, arrivals, err)
				}
				kind := map[bool]string{false: "lengths", true: "bytes"}[bytes]
				fmt.Fprintf(&b, "%s %s %s %d lines %x\n", version, [...]string{"constant", "poisson", "bursts", "trace"}[arrivals], kind,
					strings.Count(string(text), "\n"), sha256.Sum256(text))
			}
		}
	}
	if rewriting() {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := b.String(); got != string(want) {
		t.Errorf("on %s:\n%sshould be\n%s", runtime.GOARCH, got, want)
	}
}

// pinned is a run in which much happens: three servers, two loads, a narrow link,
// every kind of fault.
func pinned(version string, arrivals ArrivalKind) *Config {
	prof, _ := model.LookupProfile(version)
	set := prof.Defaults()
	set.BacklogSize, set.Timeout, set.PingPeriod, set.BacklogTTL = 300_000, 5*time.Second, 2*time.Second, 3*time.Second
	other := set
	other.BacklogSize = 100_000
	server := func(name, master string, dataset int64) ServerConfig {
		return ServerConfig{Name: name, Profile: prof, Settings: set, ReplicaOf: master, Dataset: dataset, SaveRate: 5_000_000, LoadRate: 3_000_000,
			Fork: time.Millisecond, Uptime: -1, Wall: -1}
	}
	third := "a"
	if prof.PSYNC == 2 {
		third = "b"
	}
	l := LoadConfig{Commands: []Command{{Name: "SET", Args: []int{16, 200}, Times: 3}, {Name: "DEL", Args: []int{16}, Times: 1}}, Arrivals: arrivals, BytesPerSecond: 60_001}
	switch arrivals {
	case Bursts:
		l.On, l.Off, l.BurstBytes = 1100*time.Millisecond, 700*time.Millisecond, 150_000
	case Trace:
		l.BytesPerSecond = 0
		for i := range 40 {
			l.Trace = append(l.Trace, TracePoint{time.Duration(i) * time.Second, int64(i*i) * 2000})
		}
	}
	return &Config{Seed: 7, Duration: 40 * time.Second,
		Servers: []ServerConfig{server("a", "", 2_000_000), server("b", "a", 0), server("c", third, 0)},
		Links:   []LinkConfig{{A: 0, B: 1, Latency: 3 * time.Millisecond, Bandwidth: 150_000}, {A: 0, B: 2, Latency: time.Millisecond}},
		Loads:   []LoadConfig{l, {Commands: []Command{{Name: "INCR", Args: []int{5}, Times: 1}}, Arrivals: Poisson, PerSecond: 37}},
		Faults: []FaultConfig{
			{At: 8 * time.Second, For: 700 * time.Millisecond, Kind: FaultReset, A: 0, B: 1},
			{At: 11 * time.Second, For: 6 * time.Second, Kind: FaultSilent, A: 0, B: 1},
			{At: 19 * time.Second, For: time.Second, Kind: FaultPause, Server: 0},
			{At: 22 * time.Second, For: 1500 * time.Millisecond, Kind: FaultRestart, Server: 1, Save: true},
			{At: 26 * time.Second, Kind: FaultConfigSet, Server: 0, Settings: &other},
			{At: 28 * time.Second, For: 2 * time.Second, Kind: FaultCrash, Server: 0},
			{At: 36 * time.Second, Kind: FaultPromote, Server: 1},
		}}
}

// rewriting says whether -rewrite was given; the flag is datadriven's.
func rewriting() bool { return flag.Lookup("rewrite").Value.String() == "true" }

package sim

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"psyncsim/model"
	"psyncsim/sim/trace"
)

// reference is the reference run: one master and one replica, 10,000 writes a
// second of about 200 bytes, twenty outages of two seconds in an hour.
func reference(duration time.Duration, arrivals ArrivalKind) *Config {
	prof, _ := model.LookupProfile("redis-6.2")
	set := prof.Defaults()
	set.BacklogSize = 8 << 20
	c := &Config{Seed: 1, Duration: duration,
		Servers: []ServerConfig{
			{Name: "master", Profile: prof, Settings: set, Dataset: 10_000_000, SaveRate: 200_000_000, LoadRate: 100_000_000, Uptime: -1, Wall: -1},
			{Name: "replica", Profile: prof, Settings: set, ReplicaOf: "master", SaveRate: 200_000_000, LoadRate: 100_000_000, Uptime: -1, Wall: -1},
		},
		Links: []LinkConfig{{A: 0, B: 1, Latency: 500 * time.Microsecond, Bandwidth: 125_000_000}},
		Loads: []LoadConfig{{Server: 0, Commands: []Command{{Name: "SET", Args: []int{16, 155}, Times: 1}}, Arrivals: arrivals, PerSecond: 10_000}},
	}
	for i := range 20 {
		at := duration * time.Duration(2*i+1) / 40
		c.Faults = append(c.Faults, FaultConfig{At: at, For: duration / 1800, Kind: FaultReset, A: 0, B: 1})
	}
	return c
}

// BenchmarkReference measures the reference run, its fingerprint included: nanoseconds
// an event, simulated seconds a second by the clock on the wall and by the processor's
// (sim_s/cpu_s: on a machine that is shared the second one says more), and what a run
// allocates. lengths is an hour; the modes that make every byte, or an event of every
// write, play less of it.
func BenchmarkReference(b *testing.B) {
	for _, m := range []struct {
		name     string
		duration time.Duration
		arrivals ArrivalKind
		change   func(*Config)
	}{
		{"lengths", time.Hour, Constant, func(*Config) {}},
		{"lengths-poisson", time.Hour, Poisson, func(*Config) {}},
		{"lengths-every-tick", time.Hour, Constant, func(c *Config) { c.EveryTick = true }},
		{"bytes", 10 * time.Minute, Constant, func(c *Config) { c.Bytes = true }},
		{"bulk", 10 * time.Minute, Constant, inBulk},
		{"per-write", time.Minute, Constant, func(c *Config) { c.PerWrite = true }},
		{"per-write-bytes", time.Minute, Constant, func(c *Config) { c.PerWrite, c.Bytes = true, true }},
	} {
		b.Run(m.name, func(b *testing.B) {
			c := reference(m.duration, m.arrivals)
			m.change(c)
			r := newRunner(b)
			b.ReportAllocs()
			var events int64
			began := cpuTime()
			for b.Loop() {
				r.run(c)
				events += r.w.Events()
			}
			spent := cpuTime() - began
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events), "ns/event")
			b.ReportMetric(float64(events)/float64(b.N), "events")
			b.ReportMetric(float64(r.print.hashed)/float64(b.N), "hashed_B")
			b.ReportMetric(m.duration.Seconds()*float64(b.N)/b.Elapsed().Seconds(), "sim_s/s")
			b.ReportMetric(m.duration.Seconds()*float64(b.N)/spent.Seconds(), "sim_s/cpu_s")
		})
	}
}

// inBulk carries as many bytes a second in values of 64 KiB: each byte is made, stored,
// carried and compared, and there is next to nothing to parse.
func inBulk(c *Config) {
	l := &c.Loads[0]
	total := l.PerSecond * l.Commands[0].Bytes()
	l.Commands = []Command{{Name: "SET", Args: []int{16, 64 << 10}, Times: 1}}
	c.Bytes, l.PerSecond, l.BytesPerSecond = true, 0, total
}

// runner plays configurations in one world, with a fingerprint.
type runner struct {
	b     *testing.B
	w     World
	print fingerprinter
}

func newRunner(b *testing.B) *runner {
	runtime.LockOSThread()
	b.Cleanup(runtime.UnlockOSThread)
	return &runner{b: b, print: fingerprinter{sum: sha256.New()}}
}

func (r *runner) run(c *Config) {
	r.print.sum.Reset()
	if err := r.w.Reset(c, &r.print); err != nil {
		r.b.Fatal(err)
	}
	if err := r.w.Run(); err != nil {
		r.b.Fatal(err)
	}
	r.print.flush()
}

// fingerprinter hashes the trace as results.Fingerprint does.
type fingerprinter struct {
	sum    hash.Hash
	buf    []byte
	hashed int64 // bytes, of all runs
}

func (f *fingerprinter) Observe(r *trace.Record) {
	if f.buf = append(r.AppendText(f.buf), '\n'); len(f.buf) > 1<<13 {
		f.flush()
	}
}

func (f *fingerprinter) flush() {
	f.sum.Write(f.buf)
	f.hashed += int64(len(f.buf))
	f.buf = f.buf[:0]
}

// cpuTime is the processor time of this thread.
func cpuTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic(err)
	}
	return time.Duration(t.Nano())
}

// BenchmarkOutage measures one outage from cut to catch-up, as a sweep plays it:
// a run of a few seconds in a world that is used again.
func BenchmarkOutage(b *testing.B) {
	for _, arrivals := range []ArrivalKind{Constant, Poisson} {
		b.Run(fmt.Sprint([...]string{"constant", "poisson"}[arrivals]), func(b *testing.B) {
			c := reference(10*time.Second, arrivals)
			c.Faults = []FaultConfig{{At: 5 * time.Second, For: time.Second, Kind: FaultReset, A: 0, B: 1}}
			w := &World{}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				c.Seed = uint64(i)
				if err := w.Reset(c); err != nil {
					b.Fatal(err)
				}
				if err := w.Run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

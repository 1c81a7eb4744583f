package sim

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"psyncsim/model"
	"psyncsim/sim/trace"
)

// TestConservation plays thousands of short runs with many faults. Bytes sent
// are delivered, in flight or lost with their connection, histories join, and
// bytes arrive as they were written: else Run returns a Violation.
func TestConservation(t *testing.T) {
	count := int64(*faultCount)
	if testing.Short() {
		count = min(count, 500)
	}
	first := int64(0)
	if *scenarioOne >= 0 {
		first, count = *scenarioOne, *scenarioOne+1
	}
	inParallel(t, first, count, func() func(n int64) error {
		w, p := &World{}, &printer{}
		return func(n int64) error {
			g := newGen(6, uint64(n))
			c := &Config{Seed: g.Uint64(), Duration: g.span(2*time.Second, 12*time.Second)}
			g.servers(c)
			g.network(c)
			g.loads(c)
			for range 1 + g.IntN(4) {
				g.faults(c)
			}
			g.takeTime(c)
			g.segments(c)
			v := variant{bytes: n%8 == 0}
			if text, err := v.play(w, c, p); err != nil {
				return fmt.Errorf("%v\nlast facts:\n%s%s", err, lastLines(text, 20), goText(c))
			}
			return nil
		}
	})
}

// watcher is a function that hears a run.
type watcher func(r *trace.Record)

func (f watcher) Observe(r *trace.Record) { f(r) }

// TestChecksFail breaks the world on purpose in the middle of a run: each break
// must end it with the words that belong to it.
func TestChecksFail(t *testing.T) {
	pipe := func(w *World) *pipe {
		for _, c := range w.conns {
			if c.live && c.pipes[fromAcceptor].flow.on {
				return &c.pipes[fromAcceptor]
			}
		}
		panic("no stream")
	}
	for _, test := range []struct {
		name string
		when model.EventKind // at the first such fact after 8 s
		harm func(w *World)
		what string
	}{
		{"a byte counted twice", model.EvPinged, func(w *World) { pipe(w).delivered++ }, "bytes sent"},
		{"a byte not counted", model.EvPinged, func(w *World) { pipe(w).sent-- }, "bytes sent"},
		{"a changed byte", model.EvPinged, func(w *World) { f := &pipe(w).flow; f.bytes.Piece(f.next - 1).Data[0] ^= 1 }, "arrived changed"},
		{"a lost byte", model.EvPinged, func(w *World) { pipe(w).flow.arrived++ }, "arrived changed"},
		{"a forgotten stream", model.EvPinged, func(w *World) { w.hosts[0].log.segs = nil }, "forgotten"},
		{"another history", trace.Cut, func(w *World) { w.hosts[1].log.lives[0].epoch++ }, "a history that is not"},
		{"no history", model.EvLost, func(w *World) { w.hosts[1].log.lives = nil }, "a history that is not"},
		{"a pending event of the past", trace.Cut, func(w *World) { w.queue.Push(w.queue.Now()-1, event{}) }, "in the past"},
	} {
		c := contractExample()
		c.Bytes, c.Duration = true, 20*time.Second
		c.Servers[0].Dataset = 0
		for i := range c.Servers {
			c.Servers[i].Settings.PingPeriod, c.Servers[i].Settings.BacklogSize = time.Second, 8<<20
		}
		c.Faults = []FaultConfig{{At: 10 * time.Second, For: time.Second, Kind: FaultReset, B: 1}}
		harmed := false
		w := &World{}
		play := func(harm func(w *World)) error {
			err := w.Reset(c, watcher(func(r *trace.Record) {
				if !harmed && r.At > 8_000_000_000 && r.Event.Kind == test.when {
					harmed = true
					harm(w)
				}
			}))
			if err != nil {
				t.Fatal(err)
			}
			return w.Run()
		}
		if err := play(func(*World) {}); err != nil || !harmed {
			t.Fatalf("%s: without harm: %v", test.name, err)
		}
		harmed = false
		err := play(test.harm)
		var v *Violation
		if !errors.As(err, &v) || !strings.Contains(v.What, test.what) {
			t.Errorf("%s: %v, should say %q", test.name, err, test.what)
			continue
		}
		if v.Seed != c.Seed || len(v.Last) == 0 || v.Last[len(v.Last)-1].At < 8_000_000_000 {
			t.Errorf("%s: seed %d, last facts %v", test.name, v.Seed, v.Last)
		}
	}
}

// TestSameInstant: what happens at one instant has an order; see World.
func TestSameInstant(t *testing.T) {
	c := contractExample()
	for i := range c.Servers {
		c.Servers[i].Uptime, c.Servers[i].Wall = 0, 0
	}
	c.Servers[0].Dataset = 0
	// 250 bytes each millisecond: one write exactly then, from each of two clients.
	l := LoadConfig{Commands: []Command{{Name: "SET", Args: []int{16, 206}, Times: 1}}, PerSecond: 1000}
	c.Loads = []LoadConfig{l, l}
	c.Links = []LinkConfig{{A: 0, B: 1, Latency: time.Millisecond}}
	c.Duration = 12 * time.Second
	c.Faults = []FaultConfig{
		{At: 10 * time.Second, Kind: FaultReset, For: time.Second, B: 1}, // these four in this order,
		{At: 10 * time.Second, Kind: FaultSilent, For: time.Second, B: 1},
		{At: 10 * time.Second, Kind: FaultPause, For: time.Second, Server: 1},
		{At: 9 * time.Second, Kind: FaultPause, For: time.Second, Server: 0}, // and this one ends behind them
	}
	for _, v := range variants {
		p := &printer{}
		text, err := v.play(&World{}, c, p)
		if err != nil {
			t.Fatal(err)
		}
		var at []string
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "10.000000000  ") {
				at = append(at, strings.Fields(line)[2])
			}
		}
		if got, want := strings.Join(at, " "), "cut silent paused resumed peer-gone"; got != want {
			t.Errorf("%s: %q, should be %q\n%s", v.name, got, want, text)
		}
	}

	// Writes come before what arrives, and both before events: at 5.000 s the master
	// has the two writes of that instant, and the replica those of 4.999 s.
	w, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	w.Begin()
	w.Advance(5_000_000_000)
	mro, done := w.Info(0).MRO, w.Info(1).SlaveReplOffset
	if int64(mro-done) != 2*w.loads[0].size(0) {
		t.Errorf("the master has %d, the replica %d: not two writes of %d bytes apart", mro, done, w.loads[0].size(0))
	}
	if n := w.loads[0].upto(5_000_000_000); w.loads[0].when(n-1) != 5_000_000_000 {
		t.Errorf("no write at 5 s: %d", w.loads[0].when(n-1))
	}

	// Timers come last, in the order of the servers, whoever was scheduled first.
	var q Queue
	q.Reset(0)
	q.PushLast(5, 1, event{host: 1})
	q.Push(5, event{host: 10})
	q.PushLast(5, 0, event{host: 0})
	q.Push(5, event{host: 11})
	q.Push(4, event{host: 9})
	var got []int32
	for x := q.Pop(9); x != nil; x = q.Pop(9) {
		if got = append(got, x.host); x.host == 10 {
			q.Push(5, event{host: 12}) // scheduled meanwhile: behind its like, before the timers
		}
	}
	if fmt.Sprint(got) != "[9 10 11 12 0 1]" {
		t.Errorf("order %v", got)
	}
}

// TestSameAgain: a world that has played something else plays a scenario as a
// fresh one does.
func TestSameAgain(t *testing.T) {
	used, count := &World{}, uint64(60)
	if testing.Short() {
		count = 6
	}
	for n := range count {
		for _, v := range []variant{variants[0], variants[1]} {
			c := scenario(n)
			fresh, again := &printer{}, &printer{}
			a, err := v.play(&World{}, c, fresh)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second time with the loads that it has compiled already
				b, err := v.play(used, c, again)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(a, b) {
					t.Fatalf("scenario %d, %s: a used world differs\n%s", n, v.name, divergence(a, b))
				}
			}
		}
	}
}

package sim

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"psyncsim/model"
	"psyncsim/sim/trace"
)

var (
	scenarioCount = flag.Int("scenarios", 1200, "random scenarios in TestSameTrace")
	smallCount    = flag.Int("smallscenarios", 12_000, "small random scenarios there")
	scenarioFrom  = flag.Int64("scenariofrom", 0, "the first of them")
	scenarioOne   = flag.Int64("scenario", -1, "play this random scenario only")
	borderCount   = flag.Int("borders", 10_000, "random configurations in TestBorderExact")
	faultCount    = flag.Int("faultruns", 10_000, "random fault sequences in TestConservation")
)

// variant is one way to play a scenario; all must tell the same.
type variant struct {
	name                       string
	bytes, perWrite, everyTick bool
}

var variants = []variant{
	{"lengths", false, false, false},
	{"bytes", true, false, false},
	{"per write", false, true, false},
	{"every tick", false, false, true},
	{"bytes, per write, every tick", true, true, true},
	{"bytes, in small pieces", true, false, false},
	{"lengths, marked", false, false, false},
	{"lengths, in parts", false, false, false},
}

// play runs a configuration one way and gives its trace as text.
func (v variant) play(w *World, c *Config, p *printer, watch ...trace.Watcher) ([]byte, error) {
	d := *c
	d.Bytes, d.PerWrite, d.EveryTick = v.bytes, v.perWrite, v.everyTick
	d.Marks = strings.HasSuffix(v.name, "marked")
	p.b = p.b[:0]
	if w.atMost = 0; strings.HasSuffix(v.name, "small pieces") {
		w.atMost = 1 + int(draw(c.Seed, 1<<61, 0)%2000)
	}
	if strings.HasSuffix(v.name, "in parts") {
		return v.inParts(w, &d, p)
	}
	if err := w.Reset(&d, append(watch, p)...); err != nil {
		return nil, err
	}
	err := w.Run()
	return p.b, err
}

// observer is a watcher that is a function.
type observer func(r *trace.Record)

func (f observer) Observe(r *trace.Record) { f(r) }

// inParts ends a run three times before its end, at places that hang on its seed, and
// continues it. What is told at those ends is left out.
func (v variant) inParts(w *World, c *Config, p *printer) ([]byte, error) {
	whole := c.Duration
	c.Horizon = whole
	at := func(i uint64) time.Duration { return time.Duration(uniform(draw(c.Seed, 1<<60, i), uint64(whole))) + 1 }
	ends := []time.Duration{at(0), at(1), at(2), whole}
	slices.Sort(ends)
	c.Duration = ends[0]
	if err := w.Reset(c, observer(func(r *trace.Record) {
		if end := r.At == model.Instant(ends[0]); !end || len(ends) == 1 || r.Event.Kind != model.EvInfo && r.Event.Kind != trace.Ended {
			p.Observe(r)
		}
	})); err != nil {
		return nil, err
	}
	err := w.Run()
	for err == nil && len(ends) > 1 {
		ends = ends[1:]
		err = w.Continue(ends[0])
	}
	return p.b, err
}

// TestSameTrace plays random scenarios in every way: with bytes or lengths,
// writes coalesced or one by one, idle ticks folded or run. Some are large; many are
// small, with more faults a second. A number from smallFrom on is that of a small one.
func TestSameTrace(t *testing.T) {
	most := [2]int64{int64(*scenarioCount), int64(*smallCount)}
	if testing.Short() {
		most[0], most[1] = min(most[0], 100), min(most[1], 1000)
	}
	if raceEnabled { // worlds side by side: how many does not matter
		most[0], most[1] = min(most[0], 30), min(most[1], 300)
	}
	if *scenarioOne >= 0 {
		playAll(t, *scenarioOne, *scenarioOne+1)
		return
	}
	var all coverage
	for i, first := range [2]int64{0, smallFrom} {
		first += *scenarioFrom
		all.add(playAll(t, first, first+most[i]))
	}
	t.Log(&all)
	if all.played >= 10_000 {
		for _, name := range all.missing() {
			t.Errorf("none of %d scenarios had %s", all.played, name)
		}
	}
}

// TestPiecesOfTheStream: what came at once goes into an append-only file at once, however
// its bytes lie in memory. Number 4294971805 has a replica with such a file that tells
// what it synchronized in each ACK.
func TestPiecesOfTheStream(t *testing.T) {
	for n := int64(smallFrom) + 4500; n < smallFrom+4520; n++ {
		c := scenario(uint64(n))
		var w World
		var p printer
		whole, err := variants[0].play(&w, c, &p)
		if err != nil {
			t.Fatal(err)
		}
		whole = bytes.Clone(whole)
		for _, most := range []int{40, 160, 333, 700, 1001} {
			d := *c
			d.Bytes, p.b, w.atMost = true, p.b[:0], most
			if err := w.Reset(&d, &p); err != nil {
				t.Fatal(err)
			}
			if err := w.Run(); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(p.b, whole) {
				t.Errorf("number %d, in pieces of %d bytes:\n%s", n, most, divergence(whole, p.b))
			}
		}
	}
}

// playAll plays the scenarios [first, last) in every way.
func playAll(t *testing.T, first, last int64) *coverage {
	var mu sync.Mutex
	var all []*coverage
	inParallel(t, first, last, func() func(n int64) error {
		e := &equal{ps: make([]printer, len(variants))}
		mu.Lock()
		all = append(all, &e.seen)
		mu.Unlock()
		return e.play
	})
	sum := &coverage{}
	for _, c := range all {
		sum.add(c)
	}
	return sum
}

// equal plays scenarios in every way, in one world.
type equal struct {
	w    *World
	ps   []printer
	seen coverage
}

func (e *equal) play(n int64) (err error) {
	if e.w == nil {
		e.w = &World{}
	}
	defer func() {
		if err != nil {
			e.w = nil // a run that broke off leaves things behind
		}
	}()
	c := scenario(uint64(n))
	e.seen.config(c)
	return e.same(c)
}

// same says how what one of the ways to play a scenario tells differs from the first.
func (e *equal) same(c *Config) error {
	var want []byte
	for i, v := range variants {
		var watch []trace.Watcher
		if i == 0 {
			watch = []trace.Watcher{&e.seen}
		}
		got, err := v.play(e.w, c, &e.ps[i], watch...)
		var s *Spinning
		if i == 0 && errors.As(err, &s) {
			e.w = &World{}
			return nil // nobody plays that to its end
		}
		if err != nil {
			return fmt.Errorf("%s: %v\nlast facts:\n%s%s", v.name, err, lastLines(got, 20), goText(c))
		}
		if i == 0 {
			want = got
		} else if !bytes.Equal(got, want) {
			return fmt.Errorf("%s and %s differ:\n%s%s", variants[0].name, v.name, divergence(want, got), goText(c))
		}
	}
	return nil
}

// inParallel calls a worker for each number of [first, last) and reports the
// least few that failed.
func inParallel(t *testing.T, first, last int64, worker func() func(n int64) error) {
	t.Helper()
	var next, failed atomic.Int64
	next.Store(first)
	var mu sync.Mutex
	errs := map[int64]error{}
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			do := worker()
			for n := next.Add(1) - 1; n < last && failed.Load() < 50; n = next.Add(1) - 1 {
				if err := do(n); err != nil {
					failed.Add(1)
					mu.Lock()
					errs[n] = err
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	list := make([]int64, 0, len(errs))
	for n := range errs {
		list = append(list, n)
	}
	sort.Slice(list, func(i, j int) bool { return list[i] < list[j] })
	if len(list) > 0 {
		t.Errorf("%d failed: %v", len(list), list)
	}
	for _, n := range list[:min(3, len(list))] {
		t.Errorf("number %d: %v", n, errs[n])
	}
}

// lastLines is the last n lines of a text.
func lastLines(b []byte, n int) string {
	lines := strings.SplitAfter(string(b), "\n")
	return strings.Join(lines[max(0, len(lines)-n-1):], "")
}

// divergence shows the first line in which two traces differ, and what came before.
func divergence(a, b []byte) string {
	x, y := strings.SplitAfter(string(a), "\n"), strings.SplitAfter(string(b), "\n")
	i := 0
	for i < len(x) && i < len(y) && x[i] == y[i] {
		i++
	}
	s := strings.Join(x[max(0, i-20):i], "")
	return s + "< " + strings.Join(x[i:min(len(x), i+2)], "< ") + "> " + strings.Join(y[i:min(len(y), i+2)], "> ")
}

// TestPrintScenario shows one random scenario, with -scenario.
func TestPrintScenario(t *testing.T) {
	if *scenarioOne < 0 {
		t.Skip("no -scenario")
	}
	c := scenario(uint64(*scenarioOne))
	p := &printer{}
	b, err := variants[0].play(&World{}, c, p)
	fmt.Fprintf(os.Stdout, "%s\n%s%v\n", goText(c), b, err)
}

var _ = trace.Ended

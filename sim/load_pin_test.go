package sim

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/bits"
	"psyncsim/model"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The first answers are pinned: they must be the same on every machine, and a
// change of chance must not go unseen.
func TestLoadPin(t *testing.T) {
	bursts := LoadConfig{Commands: mixedMix, Arrivals: Bursts, PerSecond: 70, BurstPerSecond: 9001, On: 333 * time.Millisecond, Off: 2 * time.Second}
	for _, c := range []struct {
		name string
		c    LoadConfig
		want string
	}{
		{"constant bytes", LoadConfig{Commands: mixedMix, BytesPerSecond: 1_234_567}, "b018c72f74c8673e"},
		{"constant commands", LoadConfig{Commands: setMix, PerSecond: 7777, From: 12345}, "2e1e21e3e88bda1d"},
		{"bursts", bursts, "eb889c0faee68125"},
		{"trace", LoadConfig{Commands: setMix, Arrivals: Trace, Trace: []TracePoint{{3, 1}, {1e9, 77_777}, {2e9 + 1, 77_779}, {7e9, 1e6}}}, "ccbdf673785c0f05"},
		{"poisson", LoadConfig{Commands: setMix, Arrivals: Poisson, PerSecond: 10_000}, "f865c22dc5666fc7"},
		{"poisson bytes", LoadConfig{Commands: mixedMix, Arrivals: Poisson, BytesPerSecond: 77_777}, "b4f6546683b80e4d"},
		{"poisson slow", LoadConfig{Commands: setMix, Arrivals: Poisson, BytesPerSecond: 11}, "46bcd6b8877a0bf3"},
		{"poisson fast", LoadConfig{Commands: setMix, Arrivals: Poisson, PerSecond: 900_000_000}, "7eb7392b047fd00e"},
	} {
		l := mustLoad(t, c.c, time.Hour, 1)
		h := fnv.New64a()
		for k := int64(0); k < 1000; k++ {
			fmt.Fprintln(h, l.when(k), l.bytes(k))
		}
		fmt.Fprintln(h, l.upto(1e9), maxLag(l, 0, min(l.upto(10e9), 100_000), 4_000))
		if got := fmt.Sprintf("%016x", h.Sum64()); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestWideDivide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.OneOf(rapid.Uint64(), rapid.Uint64Range(0, 3), rapid.Uint64Range(math.MaxUint64-2, math.MaxUint64))
		b := wide{word.Draw(t, "hi") >> rapid.IntRange(0, 64).Draw(t, "shift"), word.Draw(t, "lo") | 1}
		q := word.Draw(t, "q") >> bits.Len64(b.hi)
		r := wide{0, rapid.Uint64().Draw(t, "r")}
		if !r.less(b) {
			r = wide{}
		}
		gotQ, gotR := b.times(q).add(r).div(b)
		if gotQ != q || gotR != r {
			t.Fatalf("got %d rest %v, want %d rest %v", gotQ, gotR, q, r)
		}
	})
}

func TestLoadAllocs(t *testing.T) {
	for _, kind := range []ArrivalKind{Constant, Poisson, Bursts} {
		l := mustLoad(t, LoadConfig{Commands: mixedMix, Arrivals: kind, PerSecond: 10_000, BurstPerSecond: 1000, On: 5e8, Off: 5e8}, time.Hour, 1)
		buf := make([]byte, 0, 1<<12)
		seed := uint64(0)
		if n := testing.AllocsPerRun(20, func() {
			seed++
			l.reset(seed, 1)
			for at := model.Instant(0); at < 60e9; at += 1e8 {
				k := l.upto(at)
				l.when(k)
				buf = l.fill(buf[:0], k)
				maxLag(l, max(0, k-1000), k, 4000)
			}
		}); n != 0 {
			t.Errorf("kind %d: %v allocations", kind, n)
		}
	}
}

package sim

import (
	"psyncsim/model"
	"testing"
	"time"
)

func benchLoad(b *testing.B, kind ArrivalKind) *load {
	b.ReportAllocs()
	return mustLoad(b, LoadConfig{Commands: setMix, Arrivals: kind, PerSecond: 10_000,
		BurstPerSecond: 20_000, On: time.Second, Off: time.Second}, time.Hour, 1)
}

func benchUpto(b *testing.B, kind ArrivalKind) {
	l := benchLoad(b, kind)
	at := model.Instant(0)
	for b.Loop() {
		if at += 1e8; at >= 3600e9 {
			at = 0
		}
		loadSink += l.upto(at)
	}
}

func BenchmarkLoadConstantUpto(b *testing.B) { benchUpto(b, Constant) }

func BenchmarkLoadBurstsUpto(b *testing.B) { benchUpto(b, Bursts) }

func BenchmarkLoadPoissonUpto(b *testing.B) { benchUpto(b, Poisson) }

func benchWhen(b *testing.B, kind ArrivalKind, step int64) {
	l := benchLoad(b, kind)
	k, total := int64(0), l.total()
	for b.Loop() {
		if k += step; k >= total {
			k -= total
		}
		loadSink += int64(l.when(k))
	}
}

func BenchmarkLoadConstantWhen(b *testing.B) { benchWhen(b, Constant, 1000) }

func BenchmarkLoadPoissonWhen(b *testing.B) { benchWhen(b, Poisson, 1000) }

func BenchmarkLoadPoissonWhenNext(b *testing.B) { benchWhen(b, Poisson, 1) }

func BenchmarkLoadPoissonWhenRandom(b *testing.B) { benchWhen(b, Poisson, 22_222_223) }

func benchLag(b *testing.B, kind ArrivalKind, ps int64) {
	l := benchLoad(b, kind)
	k, total := int64(0), l.total()
	for b.Loop() {
		if k += 10_000; k+10_000 > total {
			k = 0
		}
		loadSink += maxLag(l, k, k+10_000, ps)
	}
}

// 10,000 commands of 200 bytes; 2 MB/s are 500,000 ps a byte.
func BenchmarkMaxLagUnder(b *testing.B) { benchLag(b, Constant, 4000) }

func BenchmarkMaxLagNear(b *testing.B) { benchLag(b, Constant, 499_000) }

func BenchmarkMaxLagPoissonUnder(b *testing.B) { benchLag(b, Poisson, 4000) }

func BenchmarkMaxLagPoissonNear(b *testing.B) { benchLag(b, Poisson, 499_000) }

func BenchmarkLoadReset(b *testing.B) {
	l := benchLoad(b, Poisson)
	for b.Loop() {
		l.reset(uint64(loadSink), 1)
		loadSink++
	}
}

func BenchmarkLoadNewPoisson(b *testing.B) {
	for b.Loop() {
		benchLoad(b, Poisson)
	}
}

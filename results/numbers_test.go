package results

import (
	"math"
	"testing"
)

func TestClopperPearson(t *testing.T) {
	for _, c := range []struct {
		k, n   int64
		lo, hi float64
	}{
		{0, 0, 0, 1}, {0, 10, 0, 0.3084971078187608}, {10, 10, 0.6915028921812392, 1},
		{1, 10, 0.0025285785444617, 0.4450161170389}, {5, 10, 0.187086028447, 0.812913971553},
		{0, 1, 0, 0.975}, {1, 1, 0.025, 1}, {50, 100, 0.398321129503, 0.601678870497}, {-1, 3, 0, 1}, {4, 3, 0, 1},
	} {
		lo, hi := ClopperPearson(c.k, c.n, 0.95)
		if math.Abs(lo-c.lo) > 1e-9 || math.Abs(hi-c.hi) > 1e-9 {
			t.Errorf("%d of %d: [%.12f, %.12f], want [%.12f, %.12f]", c.k, c.n, lo, hi, c.lo, c.hi)
		}
	}
}

// The border is exact where floats would not be.
func TestAtLeast(t *testing.T) {
	p := &Point{Backlog: 10_000_000, WriteRate: 1e6, Outage: 5 * second}
	if !p.AtLeast(2) {
		t.Error("exactly 2 × is not enough")
	}
	p.Backlog--
	if p.AtLeast(2) || !p.AtLeast(1) {
		t.Error("a byte less than 2 ×")
	}
	p = &Point{Backlog: math.MaxInt64, WriteRate: math.MaxInt64, Outage: math.MaxInt64}
	if p.AtLeast(1) || p.AtLeast(2) {
		t.Error("overflow")
	}
	if !(&Point{}).AtLeast(2) {
		t.Error("nothing needs nothing")
	}
}

func TestRule(t *testing.T) {
	k := writeSweep(t, t.TempDir(), testHeader)
	groups, names := Groups(k.Axes, k.Points)
	if names != "fault" || len(groups) != 2 || groups[0].Label != "reset" {
		t.Fatalf("groups by %q: %+v", names, groups)
	}
	rs := Judge(groups)
	if holds, ok := rs[0].Holds(); !holds || !ok || rs[0].Below.Fulls != rs[0].Below.Runs || rs[0].Broke != nil {
		t.Errorf("reset: %+v", rs[0])
	}
	if holds, ok := rs[1].Holds(); holds || !ok || rs[1].Broke == nil || rs[1].LastFull < 2 {
		t.Errorf("silent: %+v", rs[1])
	}
}

func TestPretty(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{PrettyBytes(0), "0 B"}, {PrettyBytes(16384), "16 KiB"}, {PrettyBytes(1 << 20), "1 MiB"}, {PrettyBytes(1e6), "1 MB"},
		{PrettyBytes(1536), "1.5 KiB"}, {PrettyBytes(571937), "559 KiB"}, {PrettyBytes(-5), "-5 B"}, {PrettyBytes(math.MinInt64), "-8388608 TiB"},
		{PrettyBytes(1<<20 + 1), "1 MiB"}, {PrettyBytes(1<<40 - 1), "1024 GiB"}, {PrettyBytes(700000), "700 kB"},
		{PrettyRate(1e6), "1 MB/s"}, {PrettyRate(1 << 20), "1 MiB/s"}, {PrettyRate(250_000), "250 kB/s"}, {PrettyRate(1234567), "1.23 MB/s"},
		{PrettyDuration(4500e6), "4.5 s"}, {PrettyDuration(0), "0 s"}, {PrettyDuration(250e6), "250 ms"}, {PrettyDuration(60e9), "60 s"},
		{PrettyDuration(120e9), "2 min"}, {PrettyDuration(7200e9), "2 h"}, {PrettyDuration(5001000001), "5.001 s"}, {PrettyDuration(1500), "0.002 ms"},
		{Value{Text: "re\x1b[31mset\n"}.Pretty(), "re [31mset"}, {Seconds(-1), "-0.000000001"}, {Seconds(math.MinInt64), "-9223372036.854775808"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

package tcp

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// sentTimes notes when a side sends segments that have one of some flags, or data.
type sentTimes struct {
	side  int
	flags Flags
	at    []Time
}

func (s *sentTimes) Segment(at Time, point Point, side int, g *Segment, _ Fate) {
	if point == Sent && side == s.side && (g.Flags&s.flags != 0 || s.flags == 0 && g.Payload() > 0) {
		s.at = append(s.at, at)
	}
}

func seconds(at []Time) string {
	var b strings.Builder
	for _, t := range at {
		fmt.Fprintf(&b, " %g", float64(t/Millisecond)/1000)
	}
	return b.String()[1:]
}

// TestSYNSequence: Documentation/networking/ip-sysctl.rst, tcp_syn_retries: with six
// retries the last SYN goes out after 63 s and the connect fails after 127 s; with four
// linear timeouts after 67 s and 131 s.
func TestSYNSequence(t *testing.T) {
	for linear, want := range map[int]string{
		0: "0 1 3 7 15 31 63, failed 127",
		4: "0 1 2 3 4 5 7 11 19 35 67, failed 131",
	} {
		o := Linux()
		o.LinearSYNs = linear
		tap := &sentTimes{flags: SYN}
		c, paths := &Conn{}, [2]Path{}
		for i := range paths {
			paths[i].Reset(PathConfig{Latency: Millisecond}, uint64(i))
			paths[i].Silence(0, true)
		}
		c.Reset(&o, &o, &paths[0], &paths[1])
		c.Tap = tap
		c.Open(0)
		now := Time(0)
		for now = c.Next(); now != Never; now = c.Next() {
			c.Step(now)
			if c.State(0) == Dead {
				break
			}
		}
		if got := fmt.Sprintf("%s, failed %g", seconds(tap.at), float64(now)/1e9); got != want {
			t.Errorf("linear %d: %s, should be %s", linear, got, want)
		}
	}
}

// TestRTOSequence: one segment into a silence, RTT 20 ms. A loss probe after two
// RTTs and RTO_MIN (RFC 8985 7.2 as tcp_schedule_loss_probe has it), then an RTO of
// SRTT + RTO_MIN (RFC 6298 with Linux's floor) which doubles up to 120 s, and the end
// not before 924.6 s (ip-sysctl.rst, tcp_retries2).
func TestRTOSequence(t *testing.T) {
	o := Linux()
	tap := &sentTimes{}
	c, paths := &Conn{}, [2]Path{}
	for i := range paths {
		paths[i].Reset(PathConfig{Latency: 10 * Millisecond}, uint64(i))
	}
	c.Reset(&o, &o, &paths[0], &paths[1])
	c.Open(0)
	now := Time(0)
	for ; c.Next() < Second; c.Step(now) {
		now = c.Next()
	}
	for i := range paths {
		paths[i].Silence(now, true)
	}
	c.Tap = tap
	start := Second
	c.Offer(start, 0, 100)
	for now = c.Next(); now != Never && c.State(0) == Open; now = c.Next() {
		c.Step(now)
	}
	var pauses []Time
	for i := 1; i < len(tap.at); i++ {
		pauses = append(pauses, tap.at[i]-tap.at[i-1])
	}
	const want = "0.22 0.22 0.44 0.88 1.76 3.52 7.04 14.08 28.16 56.32 112.64 120 120 120 120 120"
	if got := seconds(pauses); got != want {
		t.Errorf("pauses %s, should be %s", got, want)
	}
	if end := c.at - start; end < 924_600*Millisecond || end > 924_600*Millisecond+121*Second {
		t.Errorf("given up after %g s", float64(end)/1e9)
	}
}

// median is the throughput, bytes a second, of a lossy link: the median of seeds.
func median(cc Congestion, rtt Time, loss PPB, duration Time, seeds uint64) float64 {
	var all []int64
	for seed := range seeds {
		b := Bulk{Options: Linux(), Seed: seed, Duration: duration, There: PathConfig{Latency: rtt / 2, Loss: loss}, Back: PathConfig{Latency: rtt / 2}}
		b.Options.Congestion = cc
		all = append(all, b.Run().BytesPerSec)
	}
	slices.Sort(all)
	return float64(all[len(all)/2])
}

// TestMathis: Mathis, Semke, Mahdavi, Ott, "The macroscopic behavior of the TCP
// congestion avoidance algorithm" (1997): Reno moves MSS/RTT * C/sqrt(p), C =
// sqrt(3/2) with an ACK a segment. It is a bound: timeouts at high loss cost more.
func TestMathis(t *testing.T) {
	for _, rtt := range []Time{10 * Millisecond, 100 * Millisecond} {
		for _, p := range []PPB{Always / 1000, Always / 200, Always / 100} {
			bound := 1448 / (float64(rtt) / 1e9) * math.Sqrt(1.5/(float64(p)/1e9))
			if got := median(Reno, rtt, p, 120*Second, 9) / bound; got < 0.75 || got > 1.15 {
				t.Errorf("RTT %d ms, loss %g %%: %.2f of the bound", rtt/Millisecond, float64(p)/1e7, got)
			}
		}
	}
}

// TestCubicResponse: RFC 9438 5.1, figure 8: an average window of
// 1.054 * RTT^0.75 / p^0.75 segments, for losses so rare that it is above Reno's.
func TestCubicResponse(t *testing.T) {
	for _, rtt := range []Time{100 * Millisecond, 200 * Millisecond} {
		const p = Always / 10_000
		s := float64(rtt) / 1e9
		want := 1.054 * math.Pow(s, 0.75) / math.Pow(float64(p)/1e9, 0.75) * 1448 / s
		if got := median(Cubic, rtt, p, 1000*Second, 5) / want; got < 0.75 || got > 1.3 {
			t.Errorf("RTT %d ms: %.2f of the response function", rtt/Millisecond, got)
		}
	}
}

// TestCubeRoot holds the whole part of cube roots against their definition.
func TestCubeRoot(t *testing.T) {
	for _, a := range []int64{0, 1, 7, 8, 9, 26, 27, 1 << 40, 1<<40 - 1, 999_999_999_999, math.MaxInt64} {
		if y := cubeRoot(a); y*y*y > a || y < 2_000_000 && (y+1)*(y+1)*(y+1) <= a {
			t.Errorf("cube root of %d: %d", a, y)
		}
	}
}

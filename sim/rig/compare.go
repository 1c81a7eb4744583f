package rig

import (
	"strconv"
	"time"

	"psyncsim/sim/tcp"
)

// Kernel is what of the measured kernel the simulation is told.
type Kernel struct {
	HZ         int // ticks a second
	LinearSYNs int // tcp_syn_linear_timeouts, of Linux 6.5 and later
}

// Told is what a measurement says of its kernel.
func (m *Measured) Told() Kernel {
	k := Kernel{HZ: m.HZ}
	if k.HZ == 0 {
		k.HZ = 250 // of most distributions
	}
	k.LinearSYNs, _ = strconv.Atoi(m.Sysctls["tcp_syn_linear_timeouts"])
	return k
}

// wheel is after how many ticks the edges repeat at which timers go off in groups
// (kernel/time/timer.c).
const wheel = 4096

// options are those of the measured hosts. Where a kernel's clock stands when an
// experiment begins is not known: it is drawn.
func (k Kernel) options(congestion string, seed uint64) tcp.Options {
	o := tcp.Linux()
	o.MSS, o.Congestion, o.LinearSYNs = mss, tcp.Cubic, k.LinearSYNs
	if congestion == "reno" {
		o.Congestion = tcp.Reno
	}
	o.Tick = tcp.Second / tcp.Time(k.HZ)
	o.Phase = tcp.Time(mix(seed) % uint64(wheel*o.Tick))
	return o
}

// overhead is what a packet has beside its payload: the rate of the measured link
// is that of IP packets.
const overhead = mtu - mss

// path is one direction of a measured link. late is by how much its packets came
// late on average: the real link was longer by that.
func path(rtt, late time.Duration) tcp.PathConfig {
	return tcp.PathConfig{Latency: tcp.Time(rtt/2 + late), Overhead: overhead}
}

// Again plays a transfer that was measured in simulation, over a network that loses
// the same packets, by number.
func (c *BulkCell) Again(k Kernel, r *BulkRun) tcp.BulkResult {
	b := c.transfer(k, r.Late, r.Seed)
	if c.LossPPM > 0 {
		b.LoseThere, b.LoseBack = c.losses(r, A), c.losses(r, B)
	}
	return b.Run()
}

// Other plays a transfer of the cell with other luck.
func (c *BulkCell) Other(k Kernel, seed uint64) tcp.BulkResult {
	var late time.Duration
	for i := range c.Runs {
		late += c.Runs[i].Late / time.Duration(len(c.Runs))
	}
	b := c.transfer(k, late, seed)
	b.There.Loss, b.Back.Loss = tcp.PPB(c.LossPPM*1000), tcp.PPB(c.LossPPM*1000)
	return b.Run()
}

func (c *BulkCell) transfer(k Kernel, late time.Duration, seed uint64) *tcp.Bulk {
	p := path(c.RTT, late)
	p.Bandwidth, p.Queue = c.Rate, c.Queue
	return &tcp.Bulk{Options: k.options(c.Congestion, seed), There: p, Back: p, Seed: seed, For: tcp.Time(c.For)}
}

// losses are the packets that the network of a run loses from a side: as many as
// the transfer may come to, twice over.
func (c *BulkCell) losses(r *BulkRun, from Side) (numbers []int64) {
	most := 2*max(r.Data.Packets, r.ACKs.Packets) + 10000
	for n := int64(1); n <= most; n++ {
		if lost(c.luck(r.Seed), uint64(from), uint64(n), c.LossPPM) {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// Again plays a silence that was measured in simulation. The real network was
// uneven by some milliseconds: so is this one, by a jitter that is drawn.
func (c *SilenceCell) Again(k Kernel, seed uint64) time.Duration {
	p := uneven(c.RTT, seed)
	b := tcp.Bulk{Options: k.options(c.Congestion, seed), There: p, Back: p, Seed: seed,
		Rate: c.Size * int64(time.Second/c.Every), Every: tcp.Time(c.Every),
		SilentAt: tcp.Time(c.RTT) + silenceAt(seed), SilentFor: tcp.Time(c.Silence)}
	b.Duration = b.SilentAt + 3*b.SilentFor + 10*tcp.Second
	return time.Duration(b.Run().AfterSilence)
}

// uneven is a path as a busy machine makes it.
func uneven(rtt time.Duration, seed uint64) tcp.PathConfig {
	p := path(rtt, 0)
	p.Jitter = tcp.Time(mix(seed^0x6a) % uint64(mostJitter))
	return p
}

// silenceAt is when the silence of a run begins, since the connect: when the round
// trip is known, then at any moment between two writes.
func silenceAt(seed uint64) tcp.Time { return 2*tcp.Second + tcp.Time(mix(seed)%uint64(time.Second)) }

// Again plays a connect in simulation.
func (c *ConnectCell) Again(k Kernel, seed uint64) time.Duration {
	p := uneven(c.RTT, seed)
	b := tcp.Bulk{Options: k.options("reno", seed), There: p, Back: p, Seed: seed, Bytes: 1, For: tcp.Second, LoseThere: firsts(c.SYNs), LoseBack: firsts(c.ACKs)}
	return time.Duration(b.Run().Connected)
}

func firsts(n int) (numbers []int64) {
	for i := range n {
		numbers = append(numbers, int64(i+1))
	}
	return numbers
}

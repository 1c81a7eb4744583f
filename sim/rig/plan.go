package rig

import (
	"errors"
	"math"
	"time"
)

// Plan says what to measure.
type Plan struct {
	Measured      // the cells, without runs
	Seeds     int // runs of each bulk and silence cell
	Sure      int // runs of a bulk cell without loss: nothing is drawn there
	Repeats   int // of each connect
	Pairs     int // silences of each reconnect cell
	PacketsPS int // how many packets a second bulk transfers ask of the forwarder at most
	SmallPS   int // and all others
	// Within is how long measuring may take: what is not done then stays undone.
	Within time.Duration
}

// ErrNoNamespaces is why nothing can be measured here.
var ErrNoNamespaces = errors.New("network namespaces with TUN devices cannot be made here (this needs Linux, root and /dev/net/tun)")

// mtu is that of the devices. Segments carry mss bytes: IP header, TCP header and
// timestamps take the rest.
const (
	mtu = 1500
	mss = mtu - 20 - 20 - 12
)

// The bulk link: 40 mbit/s with a queue of 300 kB in front.
const (
	bulkRate  = 5_000_000
	bulkQueue = 300_000
)

// NewPlan is all that is measured; quick is what continuous integration has time
// for: all cells, but few runs where nothing is drawn and each is like the other.
func NewPlan(quick bool) *Plan {
	p := &Plan{Seeds: 24, Sure: 24, Repeats: 6, Pairs: 8, PacketsPS: 17000, SmallPS: 4000, Within: time.Hour}
	p.Quick, p.MSS = quick, mss
	silences := []int{1, 3, 7, 20}
	syns := []int{0, 1, 2, 3, 4, 5, 6}
	if quick {
		p.Seeds, p.Sure, p.Repeats, p.Pairs = 20, 3, 3, 2
		p.Within = 6 * time.Minute
	}
	for _, cc := range []string{"reno", "cubic"} {
		for _, rtt := range []time.Duration{10, 40, 100} {
			for _, ppm := range []int64{0, 5_000, 10_000, 40_000} {
				rtt := rtt * time.Millisecond
				p.Bulk = append(p.Bulk, BulkCell{RTT: rtt, LossPPM: ppm, Congestion: cc, Rate: bulkRate, Queue: bulkQueue, For: bulkTime(rtt, ppm)})
			}
		}
	}
	for _, s := range silences {
		p.Silence = append(p.Silence, SilenceCell{RTT: 40 * time.Millisecond, Congestion: "cubic", Silence: time.Duration(s) * time.Second,
			Every: 10 * time.Millisecond, Size: 1000})
	}
	for _, n := range syns {
		p.Connect = append(p.Connect, ConnectCell{RTT: 40 * time.Millisecond, SYNs: n})
	}
	for n := 1; n <= 3; n++ {
		p.Connect = append(p.Connect, ConnectCell{RTT: 40 * time.Millisecond, ACKs: n})
	}
	for _, c := range [][2]time.Duration{{3, 60}, {3, 5}, {7, 5}, {12, 5}, {20, 5}, {20, 60}} {
		p.Reconnect = append(p.Reconnect, ReconnectCell{RTT: 40 * time.Millisecond, Silence: c[0] * time.Second, Timeout: c[1] * time.Second, Rate: 100_000})
	}
	return p
}

// Parts are the names of what is measured.
var Parts = []string{"bulk", "silence", "connect", "redis"}

// Only leaves in the plan what one part measures.
func (p *Plan) Only(part string) {
	m := p.Measured
	p.Bulk, p.Silence, p.Connect, p.Reconnect = nil, nil, nil, nil
	switch part {
	case "bulk":
		p.Bulk = m.Bulk
	case "silence":
		p.Silence = m.Silence
	case "connect":
		p.Connect = m.Connect
	case "redis":
		p.Reconnect = m.Reconnect
	}
}

// Replace puts the parts that n has in place of those of m.
func (m *Measured) Replace(n *Measured) {
	if len(n.Bulk) > 0 {
		m.Bulk, m.Lateness, m.Repeated = n.Bulk, n.Lateness, n.Repeated
	}
	if len(n.Silence) > 0 {
		m.Silence = n.Silence
	}
	if len(n.Connect) > 0 {
		m.Connect = n.Connect
	}
	if len(n.Reconnect) > 0 {
		m.Reconnect, m.Redis, m.RedisVersion = n.Reconnect, n.Redis, n.RedisVersion
	}
	m.Kernel, m.HZ, m.Date, m.Sysctls, m.Quick = n.Kernel, n.HZ, n.Date, n.Sysctls, m.Quick || n.Quick
}

// bulkTime is how long a transfer takes: long enough for the start to matter
// little and, at 4 %, for fifty losses; without loss, for the queue to overflow
// and what follows.
func bulkTime(rtt time.Duration, ppm int64) time.Duration {
	t := 25 * time.Second
	switch {
	case rtt <= 10*time.Millisecond:
		t = 6 * time.Second
	case rtt <= 40*time.Millisecond:
		t = 12 * time.Second
	}
	if ppm == 0 {
		t = t/2 + time.Second
	}
	return t
}

// runs is how many runs a cell gets.
func (p *Plan) runs(c *BulkCell) int {
	if c.LossPPM == 0 {
		return p.Sure
	}
	return p.Seeds
}

// packetsPS is what a transfer asks of the forwarder at most, both ways: the square-root law
// (Mathis, Semke, Mahdavi, Ott 1997) with the factor of the cell that asked for most when it
// was measured, bounded by the rate.
func (c *BulkCell) packetsPS() int {
	most := float64(c.Rate) / mss
	if c.LossPPM > 0 {
		most = min(most, 1.42/math.Sqrt(float64(c.LossPPM)/1e6)/c.RTT.Seconds())
	}
	return int(1.6 * most)
}

package rig

import (
	"container/heap"
	"time"
)

// Side is where a packet comes from.
type Side uint8

// The two ends of the network.
const (
	A Side = iota // sends the bulk data; the masters
	B             // the replicas
)

// Link is what one path does to packets, the same both ways.
type Link struct {
	RTT   time.Duration // half of it each way
	Rate  int64         // bytes of IP packets a second; 0 is without limit
	Queue int64         // bytes that may wait for the wire, beside the packet on it; 0 is without limit
	// LossPPM is how many packets of a million the wire loses, independently.
	LossPPM int64
	Seed    uint64
}

// Outage is a time in which nothing passes: [From, To) on the forwarder's clock.
type Outage struct{ From, To time.Duration }

// Count is what became of the packets of one direction.
type Count struct {
	Packets int64 `json:"packets"` // that came
	Dropped int64 `json:"dropped"` // the queue was full
	Lost    int64 `json:"lost"`    // on the wire
	Silent  int64 `json:"silent"`  // in an outage
}

// Path is one link at work. It is not safe for concurrent use.
type Path struct {
	link    Link
	outages []Outage
	drops   [2]int // how many first packets of a direction are still to be lost
	lanes   [2]lane
	late    Lateness
	logs    bool          // keep a log
	log     []passage     // of all packets that came
	strict  time.Duration // packets that were due before count as late only by more than mostLate
}

// Lateness is how well the forwarder kept its times.
type Lateness struct {
	Packets int64         `json:"packets"`
	Late    int64         `json:"late"`     // by a millisecond or more
	Total   time.Duration `json:"total_ns"` // of all packets together
	Worst   time.Duration `json:"worst_ns"`
	Failed  int64         `json:"failed"` // that a device did not take
}

// came notes by how much a packet was late that was due at a time.
func (p *Path) came(due, late time.Duration, err error) {
	if due < p.strict && late <= mostLate {
		late = 0
	}
	p.late.add(late, err)
}

func (l *Lateness) add(late time.Duration, err error) {
	l.Packets++
	l.Total += late
	l.Worst = max(l.Worst, late)
	if late >= time.Millisecond {
		l.Late++
	}
	if err != nil {
		l.Failed++
	}
}

// Mean is what a packet came late on average.
func (l *Lateness) Mean() time.Duration {
	if l.Packets == 0 {
		return 0
	}
	return l.Total / time.Duration(l.Packets)
}

// mostLate is the worst lateness with which an experiment counts: less than the
// shortest retransmission timeout, 200 ms.
const mostLate = 150 * time.Millisecond

// spoiled says whether an experiment over this round trip does not count: packets
// were lost, or one came so late that a timer may have gone off, or all of them so
// late that the round trip was a tenth longer.
func (l *Lateness) spoiled(rtt time.Duration) bool {
	return l.Failed > 0 || l.Worst > mostLate || 2*l.Mean() > rtt/10
}

// Slack is what a busy machine may add to a measured time. An experiment in which it
// held up a timer for half as long, or longer, does not count, whatever came of it.
const (
	Slack      = 50 * time.Millisecond
	SlackRedis = 2 * Slack // of two servers: it moves their timers too
)

// uneven says whether packets came so unevenly that the sender's idea of a round
// trip, and so its timeout, is not that of the link.
func (l *Lateness) uneven() bool { return l.Failed > 0 || l.Worst > mostUneven }

// mostUneven is how late a packet may come where timeouts are measured; most come
// much less late, and so do those of the simulated network: up to mostJitter.
const (
	mostUneven = 8 * time.Millisecond
	mostJitter = 5 * time.Millisecond
)

// lane is one direction of a path.
type lane struct {
	free   int64  // picoseconds: when the wire has sent all that was accepted
	number uint64 // packets that came to the wire
	count  Count
}

// NewPath makes a path without outages.
func NewPath(l Link) *Path { return &Path{link: l} }

// DropFirst loses the first n packets from a side: its SYNs.
func (p *Path) DropFirst(from Side, n int) { p.drops[from] = n }

// Outage adds a time in which nothing passes.
func (p *Path) Outage(o Outage) { p.outages = append(p.outages, o) }

// Count tells what became of the packets from a side.
func (p *Path) Count(from Side) Count { return p.lanes[from].count }

// silent says whether a packet meets a silence: it enters in one, or is on its way
// when one begins.
func (p *Path) silent(enters, comesOut time.Duration) bool {
	for _, o := range p.outages {
		if enters < o.To && comesOut >= o.From {
			return true
		}
	}
	return false
}

// Enter takes a packet of n bytes from a side at now, and says when it comes out
// at the other; ok is false when it never does.
func (p *Path) Enter(now time.Duration, from Side, n int) (out time.Duration, ok bool) {
	out, ok = p.enter(now, from, n)
	if p.logs {
		p.log = append(p.log, passage{now, from, ok})
	}
	return out, ok
}

func (p *Path) enter(now time.Duration, from Side, n int) (out time.Duration, ok bool) {
	l := &p.lanes[from]
	l.count.Packets++
	leaves := now
	if p.link.Rate > 0 {
		perByte := int64(time.Second) * 1000 / p.link.Rate // picoseconds
		begin := max(int64(now)*1000, l.free)
		if p.link.Queue > 0 && begin > int64(now)*1000 && (begin-int64(now)*1000)/perByte+int64(n) > p.link.Queue {
			l.count.Dropped++
			return 0, false
		}
		l.free = begin + int64(n)*perByte
		leaves = time.Duration(l.free / 1000)
	}
	out = leaves + p.link.RTT/2
	l.number++
	switch {
	case p.drops[from] > 0:
		p.drops[from]--
		l.count.Lost++
	case p.silent(now, out):
		l.count.Silent++
	case lost(p.link.Seed, uint64(from), l.number, p.link.LossPPM):
		l.count.Lost++
	default:
		return out, true
	}
	return 0, false
}

// lost draws the fate of a packet from its number alone.
func lost(seed, direction, number uint64, ppm int64) bool {
	x := mix(mix(seed<<1|direction) + number*0x9e3779b97f4a7c15)
	return int64(x>>32)*1_000_000>>32 < ppm
}

// mix is the finalizer of splitmix64 (Steele, Lea, Flood: Fast splittable
// pseudorandom number generators).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// packet is one on its way.
type packet struct {
	due  time.Duration
	turn uint64 // order of entering, for those of one instant
	to   Side
	data []byte
	path *Path
}

// onWire is all packets on their way, by time.
type onWire []*packet

func (w onWire) Len() int { return len(w) }
func (w onWire) Less(i, j int) bool {
	return w[i].due < w[j].due || w[i].due == w[j].due && w[i].turn < w[j].turn
}
func (w onWire) Swap(i, j int) { w[i], w[j] = w[j], w[i] }
func (w *onWire) Push(x any)   { *w = append(*w, x.(*packet)) }
func (w *onWire) Pop() any {
	n := len(*w) - 1
	p := (*w)[n]
	(*w)[n] = nil
	*w = (*w)[:n]
	return p
}

var _ heap.Interface = (*onWire)(nil)

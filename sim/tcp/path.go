package tcp

// PathConfig is the network in one direction.
type PathConfig struct {
	Latency   Time  // from the end of a segment's service to its arrival
	Jitter    Time  // each segment takes up to so much longer; later ones wait for it
	Bandwidth int64 // bytes a second, headers included; 0 is without limit
	// Queue is how many bytes may wait for their service; a segment that does not
	// fit is dropped (drop-tail). 0 is DefaultQueue.
	Queue int64
	Loss  PPB // each segment, independently
	// Bursts: the Gilbert-Elliott model. In the good state nothing but Loss is
	// lost; each segment may enter the bad state, where BadLoss are lost (0 means
	// all), and which each segment may leave.
	Enter, Leave, BadLoss PPB
	Duplicate             PPB  // each segment arrives twice
	Reorder               PPB  // each segment is late by ReorderBy: those behind it overtake
	ReorderBy             Time // 0 is a fourth of Latency and at least 1 ms
	Overhead              int64
}

// DefaultQueue is the queue of a Linux interface: 1000 packets (txqueuelen).
const DefaultQueue = 1000 * 1500

// DefaultOverhead is what the wire carries with a segment: Ethernet 14, IPv4 20,
// TCP 20, timestamps 12.
const DefaultOverhead = 66

// Fate is what the network does with a segment.
type Fate uint8

// The fates.
const (
	Carried  Fate = iota
	Dropped       // the queue was full
	Lost          // by chance
	Silenced      // the link is silent
	Filtered      // a firewall has forgotten the connection
	Closed        // nobody hears it: its host is gone
)

func (f Fate) String() string {
	return [...]string{"carried", "dropped", "lost", "silenced", "filtered", "closed"}[f]
}

// Path is one direction of a link. All connections of the link share it: its
// bandwidth, its queue and its luck.
type Path struct {
	c        PathConfig
	key      uint64 // of its chance
	ps       int64  // picoseconds a byte
	free     int64  // picoseconds: when all that waits is served
	last     Time   // the last arrival that keeps its order
	count    uint64 // segments so far
	silent   int    // how many silences hold it
	since    Time   // when the last silence began
	loss     geometric
	enter    geometric
	leave    geometric
	badLoss  geometric
	bad      bool
	stay     int64 // segments before the state changes
	lose     int64 // segments before the next independent loss
	badLose  int64 // segments before the next loss of the bad state
	draws    uint64
	served   int64    // segments that the queue let pass
	script   []int64  // see Lose
	Counts   [6]int64 // segments by fate
	Segments int64    // all
}

// Reset makes a path as new. The same key gives the same luck.
func (p *Path) Reset(c PathConfig, key uint64) {
	if c.Queue == 0 {
		c.Queue = DefaultQueue
	}
	if c.Overhead == 0 {
		c.Overhead = DefaultOverhead
	}
	if c.ReorderBy == 0 {
		c.ReorderBy = max(c.Latency/4, Millisecond)
	}
	if c.BadLoss == 0 {
		c.BadLoss = Always
	}
	*p = Path{c: c, key: key, ps: psPerByte(c.Bandwidth)}
	p.loss, p.enter, p.leave, p.badLoss = newGeometric(c.Loss), newGeometric(c.Enter), newGeometric(c.Leave), newGeometric(c.BadLoss)
	p.lose = p.loss.gap(p.next())
	p.stay = p.enter.gap(p.next())
}

func psPerByte(bandwidth int64) int64 {
	if bandwidth <= 0 {
		return 0
	}
	return (1000*Second + bandwidth - 1) / bandwidth
}

func (p *Path) next() uint64 {
	p.draws++
	return draw(p.key, p.draws<<1)
}

// SetBandwidth changes the rate from now on. What waits already is served at it;
// what was given its arrival keeps it.
func (p *Path) SetBandwidth(now Time, bandwidth int64) {
	ps := psPerByte(bandwidth)
	if wait := p.free - now*1000; wait > 0 && p.ps > 0 {
		p.free = now*1000 + wait/p.ps*ps
	}
	p.ps = ps
}

// Restore gives a path its own rate back.
func (p *Path) Restore(now Time) { p.SetBandwidth(now, p.c.Bandwidth) }

// Silence begins or ends a silence; they nest. What is on the way at its
// beginning is lost.
func (p *Path) Silence(now Time, on bool) {
	if !on {
		p.silent--
		return
	}
	p.silent++
	p.since = now
}

// Silent says whether the path is silent.
func (p *Path) Silent() bool { return p.silent > 0 }

// Lose makes the network lose these segments, beside those that chance takes:
// numbers from 1 on, in order, of the segments that the queue let pass since the
// last Reset.
func (p *Path) Lose(numbers []int64) { p.script = numbers }

// scripted says whether this segment is one of those.
func (p *Path) scripted() bool {
	if len(p.script) == 0 || p.script[0] != p.served {
		return false
	}
	p.script = p.script[1:]
	return true
}

// unlucky draws whether a segment is lost by chance: the gaps to the next loss
// are drawn, not a coin for each segment.
func (p *Path) unlucky() bool {
	lost := false
	if p.lose == 0 {
		lost = true
		p.lose = p.loss.gap(p.next())
	} else {
		p.lose--
	}
	if p.c.Enter == 0 {
		return lost
	}
	if p.stay == 0 {
		p.bad = !p.bad
		if p.bad {
			p.stay, p.badLose = p.leave.gap(p.next()), p.badLoss.gap(p.next())
		} else {
			p.stay = p.enter.gap(p.next())
		}
	} else {
		p.stay--
	}
	if !p.bad {
		return lost
	}
	if p.badLose == 0 {
		p.badLose = p.badLoss.gap(p.next())
		return true
	}
	p.badLose--
	return lost
}

// send takes a segment with so many bytes of payload and says when it arrives;
// again is the arrival of its duplicate, 0 without one.
func (p *Path) send(now Time, payload int64) (at, again Time, fate Fate) {
	p.Segments++
	p.count++
	at, again, fate = p.carry(now, payload+p.c.Overhead)
	p.Counts[fate]++
	return at, again, fate
}

func (p *Path) carry(now Time, size int64) (at, again Time, fate Fate) {
	if p.silent > 0 {
		return 0, 0, Silenced
	}
	start := max(now*1000, p.free)
	if p.ps > 0 && start > now*1000 && (start-now*1000)/p.ps+size > p.c.Queue {
		return 0, 0, Dropped
	}
	p.free = start + size*p.ps
	p.served++
	if p.scripted() || p.unlucky() {
		return 0, 0, Lost
	}
	at = (p.free+999)/1000 + p.c.Latency
	if p.c.Jitter > 0 {
		at += Time(uniform(p.coin(1), uint64(p.c.Jitter)+1))
	}
	at = max(at, p.last)
	if p.c.Duplicate > 0 && uniform(p.coin(2), uint64(Always)) < uint64(p.c.Duplicate) {
		again = at + Time(uniform(p.coin(3), uint64(Millisecond)))
	}
	if p.c.Reorder > 0 && uniform(p.coin(4), uint64(Always)) < uint64(p.c.Reorder) {
		return at + p.c.ReorderBy, again, Carried
	}
	p.last = at
	return at, again, Carried
}

// coin is chance that belongs to the present segment.
func (p *Path) coin(kind uint64) uint64 { return draw(p.key, (p.count<<3|kind)<<1|1) }

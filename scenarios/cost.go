package scenarios

import (
	"math/bits"
	"slices"
	"time"

	"psyncsim/sim"
	"psyncsim/sim/tcp"
)

// How many sweep points at most are compiled to cut a sweep into parts, and to
// guess its time; of larger ones every n-th stands for its neighbours.
const (
	shardPoints = 1 << 14
	guessPoints = 1 << 8
)

// Cost estimates what a run costs, in events: whole numbers that hold between
// runs, not times. It is the same on every machine, so that everybody cuts a
// sweep in the same places.
func Cost(c *sim.Config) int64 {
	seconds := int64(c.Duration/time.Second) + 1
	events := int64(64)
	replicas := int64(0)
	for i := range c.Servers {
		if c.Servers[i].ReplicaOf != "" {
			replicas++
		}
	}
	events = satAdd(events, satMul(seconds, replicas)/3) // what is heard and acknowledged is seldom an event
	events = satAdd(events, satMul(int64(len(c.Faults)), 60*(replicas+1)))
	for i := range c.Loads {
		l := &c.Loads[i]
		switch l.Arrivals {
		case sim.Poisson: // what is asked of it is drawn
			events = satAdd(events, satMul(seconds, 4))
		case sim.Bursts:
			events = satAdd(events, seconds/4)
		}
		if c.Bytes {
			events = satAdd(events, satMul(seconds, meanRate(l)/2000))
		}
	}
	return min(satAdd(events, segments(c, seconds)), 1<<40)
}

// segmentBytes and segmentEvents: what a full segment carries, and how many events it
// costs, as measured.
const (
	segmentBytes  = 1448
	segmentEvents = 18
)

// segments estimates what the links cost that carry segments: the stream, as fast as the
// link takes it, and the first snapshot.
func segments(c *sim.Config, seconds int64) (events int64) {
	rate := int64(0)
	for i := range c.Loads {
		rate = satAdd(rate, meanRate(&c.Loads[i]))
	}
	for i := range c.Servers {
		s := &c.Servers[i]
		m := slices.IndexFunc(c.Servers, func(o sim.ServerConfig) bool { return o.Name == s.ReplicaOf })
		if m < 0 {
			continue
		}
		for k := range c.Links {
			l := &c.Links[k]
			if l.TCP == nil || !(l.A == i && l.B == m || l.A == m && l.B == i) {
				continue
			}
			most := throughput(l)
			carried := min(satAdd(satMul(rate, seconds), c.Servers[m].Dataset), satMul(most, seconds))
			events = satAdd(events, satMul(carried/segmentBytes, segmentEvents))
		}
	}
	return events
}

// throughput is about how many bytes a second a link carries: its bandwidth, or what
// its losses leave of that (Mathis).
func throughput(l *sim.LinkConfig) int64 {
	most := int64(1 << 40)
	for _, p := range []*tcp.PathConfig{&l.TCP.There, &l.TCP.Back} {
		if p.Bandwidth > 0 {
			most = min(most, p.Bandwidth)
		}
		if p.Loss > 0 {
			trip := max(int64(l.TCP.There.Latency)+int64(l.TCP.Back.Latency), int64(100*time.Microsecond))
			most = min(most, satMul(segmentBytes*1220*int64(time.Millisecond)/trip, root(int64(time.Second)/int64(p.Loss))))
		}
	}
	return max(most, 1)
}

// root is the square root, rounded down, and at least 1.
func root(n int64) int64 {
	r := int64(1)
	for (r+1)*(r+1) <= n {
		r++
	}
	return r
}

// Costs are the estimated costs of a sweep's runs, summed up along it.
type Costs struct {
	reps int64
	step int64   // points that share one entry
	sum  []int64 // before each entry, and at the end
	each []int64 // of one run of each entry
	n    int64
}

// Costs estimates well enough to cut the sweep into parts. bytes: all runs carry them,
// whatever the scenario says.
func (c Cells) Costs(bytes bool) *Costs { return c.costs(shardPoints, bytes) }

func (c Cells) costs(most int64, bytes bool) *Costs {
	points := int64(c.s.points)
	k := &Costs{reps: c.reps, step: (points + most - 1) / most, n: int64(c.n), sum: []int64{0}}
	cursor := c.NewCursor()
	total := int64(0)
	for p := int64(0); p < points; p += k.step {
		cell := cursor.At(int(p * c.reps))
		each := int64(1)
		if cell.Err == nil {
			own := *cell.Config
			own.Bytes = own.Bytes || bytes
			each = Cost(&own)
		}
		total = satAdd(total, satMul(each, min(k.step, points-p)*c.reps))
		k.each, k.sum = append(k.each, each), append(k.sum, total)
	}
	return k
}

// total is what all runs cost.
func (k *Costs) total() int64 { return k.sum[len(k.sum)-1] }

// at is the first run before which at least a fraction num/of of the cost lies.
func (k *Costs) at(num, of int64) int64 {
	hi, lo := bits.Mul64(uint64(k.total()), uint64(num))
	want, _ := bits.Div64(hi, lo, uint64(of)) // num <= of: it fits
	i := 0
	for i < len(k.each) && uint64(k.sum[i+1]) < want {
		i++
	}
	if i == len(k.each) {
		return k.n
	}
	inside := (int64(want) - k.sum[i] + k.each[i] - 1) / k.each[i]
	return min(int64(i)*k.step*k.reps+inside, k.n)
}

// Part is the index-th (from 1) of n parts of the runs, [first, last): parts of
// about equal cost that cover all runs once.
func (k *Costs) Part(index, n int) (first, last int) {
	first, last = int(k.at(int64(index-1), int64(n))), int(k.at(int64(index), int64(n)))
	if index == n {
		last = int(k.n)
	}
	return first, last
}

// Sample is one run that stands for many.
type Sample struct {
	Run  int
	Cost int64
}

// Spread picks at most n runs, evenly among [first, last), and tells what all of
// that part cost. bytes: see Costs.
func (c Cells) Spread(first, last, n int, bytes bool) (picked []Sample, all int64) {
	k := c.costs(guessPoints, bytes)
	n = min(n, last-first)
	for i := range n {
		run := first + int(int64(last-first)*int64(2*i+1)/int64(2*n))
		picked = append(picked, Sample{run, k.each[int64(run)/k.reps/k.step]})
	}
	return picked, k.until(last) - k.until(first)
}

// until is the cost of the runs before one.
func (k *Costs) until(run int) int64 {
	i := int64(run) / k.reps / k.step
	if i >= int64(len(k.each)) {
		return k.total()
	}
	return satAdd(k.sum[i], satMul(k.each[i], int64(run)-i*k.step*k.reps))
}

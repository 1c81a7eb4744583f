package sizing

import (
	"fmt"
	"math"
	"time"

	"psyncsim/model"
	"psyncsim/scenarios/outages"
	"psyncsim/sim"
	"psyncsim/sim/tcp"
)

// Silences over a link that carries TCP segments. When a silence ends, bytes
// arrive again with the next retransmission, whose pauses double: that may be as
// long after its end as it lasted, and repl-timeout may pass before. A link of
// formulas goes on at once.

// thinWrites is to how many writes a second a load of chance is thinned where segments
// only decide whether a silence is noticed: when a retransmission comes does not
// hang on how much waits for it.
const thinWrites = 1000

// steadyWrites is the same for a steady load. Of that little is played before a silence, so it
// need not be as thin; and the fewer writes there are, the longer a replica waits with its
// ACKs: a tenth of them moves the retransmission behind a minute of silence by a second.
const steadyWrites = 10_000

// thinDataset is at most what is synchronized there, bytes.
const thinDataset = 1_000_000

// probeDataset is the same in a probe, where nothing but the silence counts.
const probeDataset = 100_000

// Near says whether segments decide what an outage comes to: a silence that is
// over before repl-timeout has certainly ended the link, but so late that the
// retransmission behind it may come too late. The replica may have heard nothing
// for a ping period when it began; for a second at most where the load never pauses.
func (p *Plan) Near(o *Draw) bool {
	s := p.ReplicaSettings()
	quiet := p.Settings().PingPeriod
	if p.unbroken() && p.quietest() >= 20 { // writes a second
		quiet = min(quiet, time.Second)
	}
	return o.Kind == outages.Silent && o.For < p.notices() && o.For > (s.Timeout-quiet-slack)/2
}

// slack is what a retransmission may come later than twice the silence.
const slack = 3 * time.Second

// notices is how long after the beginning of a silence a replica has given its
// link up for certain, if nothing arrives.
func (p *Plan) notices() time.Duration { return p.ReplicaSettings().Timeout + 3*time.Second }

// compileSegments makes the link of segments that is like the plan's.
func (p *Plan) compileSegments(sets []string) error {
	cell, err := only(append(sets[:len(sets):len(sets)], segments))
	if err != nil {
		return err
	}
	p.tcp = *cell.Config.Links[0].TCP
	return nil
}

// segments is the set that makes the link one of segments.
const segments = "links.0.model=tcp"

// little is how much there is to synchronize where segments carry it.
func (p *Plan) little() int64 { return min(p.base.Servers[masterIndex].Dataset, thinDataset) }

// Segments is the plan over a link that carries segments, with not much to
// synchronize at first: that is over before the load begins.
func (p *Plan) Segments() *Plan {
	q, base, link := *p, *p.base, p.tcp
	base.Links = append([]sim.LinkConfig(nil), base.Links...)
	l := &base.Links[0]
	for _, way := range []*tcp.PathConfig{&link.There, &link.Back} {
		way.Bandwidth = l.Bandwidth
	}
	l.TCP = &link
	base.Servers = append([]sim.ServerConfig(nil), base.Servers...)
	for i := range base.Servers {
		base.Servers[i].Dataset = p.little()
	}
	q.base, q.sets = &base, append(q.sets[:len(q.sets):len(q.sets)], segments, fmt.Sprintf("servers.*.dataset=%dB", p.little()))
	return &q
}

// Thin is the plan over segments, with so much of the load that its quietest
// time has thinWrites writes a second, or steadyWrites where it is Steady; bursts that never
// pause are as quiet all the time.
func (p *Plan) Thin() *Plan {
	q := p.Segments()
	for i := range q.base.Servers {
		s := &q.base.Servers[i]
		s.Dataset = min(s.Dataset, probeDataset)
	}
	if p.Steady() {
		q = q.With(Vary{}) // its own copy
		l := &q.base.Loads[0]
		l.Arrivals, l.BytesPerSecond, l.PerSecond = sim.Constant, 0, min(p.quietest(), steadyWrites)
		return q
	}
	if k := p.quietest() / thinWrites; k > 1 {
		return q.With(Vary{WriteRate, 1, uint32(min(k, 1<<31))})
	}
	return q
}

// Steady says that the load has more than thinWrites writes a second at any time, and that not
// chance alone spaces them.
func (p *Plan) Steady() bool {
	a := p.base.Loads[0].Arrivals
	return (a == sim.Constant || a == sim.Bursts && p.unbroken()) && p.quietest() > thinWrites
}

// quietest is how many writes a second there are at least while there are any.
func (p *Plan) quietest() int64 {
	l := &p.base.Loads[0]
	size := max(l.Commands[0].Bytes(), 1)
	least := int64(-1)
	take := func(n int64) {
		if n > 0 && (least < 0 || n < least) {
			least = n
		}
	}
	switch l.Arrivals {
	case sim.Trace:
		t := p.spec.Load.Trace
		for i := 1; i < len(t); i++ {
			if d := t[i].At - t[i-1].At; d > 0 && t[i].Bytes > t[i-1].Bytes {
				take(max(int64(float64(t[i].Bytes-t[i-1].Bytes)/d.Seconds())/size, 1))
			}
		}
	default:
		for _, n := range []int64{l.PerSecond, l.BurstPerSecond, l.BytesPerSecond / size, l.BurstBytes / size} {
			take(n)
		}
	}
	return least
}

// waits is how much of the load stands in the socket of a probe, in time: more than
// a congestion window of segments, if something is written in any such time.
const waits = 200 * time.Millisecond

// remembers is how much of a steady load is written in a probe before its silence, bytes: of TCP's
// memory of round trips an eighth goes with each, and a replica that hears small commands
// sends an ACK for two segments full of them. That is fifty.
const remembers = 150_000

// shortest is the least time for that.
const shortest = 50 * time.Millisecond

// around is how much of the load a probe plays before its silence and within, of this plan.
func (p *Plan) around() (before, within time.Duration) {
	switch {
	case p.Steady():
		rate := p.quietest() * max(p.base.Loads[0].Commands[0].Bytes(), 1)
		before = max(shortest, time.Duration(remembers*int64(time.Second)/rate))
		return before, min(before/5, waits)
	case p.unbroken():
		return warm + spread, waits
	}
	return warm + spread, p.notices()
}

// Probe is the run that finds out whether a silence is noticed: it ends when it
// would have been. Where the load never pauses, not all that waits in the
// socket need be played. Of what was written before enough is: a retransmission's moment hangs on
// TCP's memory of round trips, times 2, 4, 8 ….
func (r *Runs) Probe(o *Draw) *sim.Config {
	c := r.Config(o, r.p.notices()-o.For+time.Second)
	l := c.Loads[0]
	before, within := r.p.around()
	if l.Until = o.At + min(o.For, within); r.p.Steady() {
		l.From += max(o.At-before-l.From, 0).Truncate(time.Millisecond)
	}
	c.Loads = []sim.LoadConfig{l}
	return c
}

// MostProbed is at least what a replica's output buffer may hold in a probe of this plan,
// bytes: all of its load, in blocks that are half empty.
func (p *Plan) MostProbed() int64 {
	l, size := &p.base.Loads[0], max(p.base.Loads[0].Commands[0].Bytes(), 1)
	fastest := max(l.BytesPerSecond, l.PerSecond*size)
	switch l.Arrivals {
	case sim.Trace:
		return math.MaxInt64
	case sim.Bursts:
		fastest = max(fastest, l.BurstBytes, l.BurstPerSecond*size)
	}
	before, within := p.around()
	seconds := int64((before+within)/time.Second) + 1
	if fastest > math.MaxInt64/8/seconds {
		return math.MaxInt64
	}
	return 1<<20 + 4*fastest*seconds // Poisson arrivals come in crowds, too
}

// unbroken says whether the load writes something at any time.
func (p *Plan) unbroken() bool {
	switch l := &p.base.Loads[0]; l.Arrivals {
	case sim.Bursts:
		return (l.BytesPerSecond > 0 || l.PerSecond > 0) && (l.BurstBytes > 0 || l.BurstPerSecond > 0)
	case sim.Trace:
		return false
	}
	return true
}

// Noticed is the silence as a link of formulas has it when its replica gives the
// link up after so long: it lasts until then, so that nothing arrives before, and
// the next connect works.
func (o Draw) Noticed(after time.Duration) Draw {
	o.End = o.For
	o.For = max(o.For, after-1)
	return o
}

// Longest is a silence as a link of formulas has it that lasts until its replica has given the
// link up for certain.
func (p *Plan) Longest(o *Draw) Draw { return o.Noticed(p.notices()) }

// Until is the silence as a link of formulas has it when TCP goes on so long after its
// beginning.
func (o Draw) Until(after time.Duration) Draw {
	o.End = o.For
	o.For = max(o.For, after)
	return o
}

// Latest is a silence as a link of formulas has it if TCP goes on as late as it may: the
// pauses between retransmissions double, from one that is below a second.
func (p *Plan) Latest(o *Draw) Draw { return o.Until(min(2*o.For+slack, p.notices())) }

// Outlived says that no silence like this one, with TCP as late as it may be, ends by a
// repl-timeout.
func (p *Plan) Outlived(o *Draw) bool {
	return o.Kind == outages.Silent && !p.Near(o) && o.For < p.notices()
}

// Fills says whether what is written in a silence, until TCP goes on at the latest, may reach a
// limit of a master's output buffer with these settings. Memory beside the bytes is an eighth
// of them at most.
func (p *Plan) Fills(o *Draw, s *model.Settings) bool {
	most, ok := p.Fastest()
	lasts := int64(2*o.For+slack)/int64(time.Second) + 1
	if !ok || most > math.MaxInt64/2/lasts || !p.Wide() { // more may come while it is sent
		return true
	}
	holds := most*lasts + most*lasts/8 + 1<<20
	hard := s.HardLimit
	if p.Profile().HardLimitFloor && hard > 0 { // it may hold what the backlog holds anyway
		hard = max(hard, s.BacklogSize)
	}
	return hard > 0 && holds >= hard || s.SoftLimit > 0 && holds >= s.SoftLimit && 2*o.For+slack >= s.SoftSeconds
}

// Latency is that of the link, one way.
func (p *Plan) Latency() time.Duration { return p.base.Links[0].Latency }

func (o *Draw) asks() []time.Duration {
	if o.End == 0 {
		return nil
	}
	return []time.Duration{o.At + o.End}
}

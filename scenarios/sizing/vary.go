package sizing

import (
	"math/bits"
	"time"

	"psyncsim/sim"
)

// ratio is a factor in whole numbers; its zero value is 1.
type ratio struct{ num, den uint32 }

func (r ratio) of(n int64) int64 {
	if r.den == 0 {
		return n
	}
	hi, lo := bits.Mul64(uint64(n), uint64(r.num))
	q, _ := bits.Div64(hi, lo, uint64(r.den))
	return int64(q)
}

// Vary is one input changed by a factor of Num/Den.
type Vary struct {
	What     Input
	Num, Den uint32
}

// Input is what can be varied.
type Input uint8

// The inputs.
const (
	WriteRate Input = iota
	OutageLength
	LinkBandwidth
	ReplTimeout // of both sides, whole seconds
)

// With is the plan with one input changed. Everything else is the same, chance
// too.
func (p *Plan) With(v Vary) *Plan {
	q, base, by := *p, *p.base, ratio{v.Num, v.Den}
	q.base = &base
	switch v.What {
	case WriteRate:
		base.Loads = []sim.LoadConfig{base.Loads[0]}
		l := &base.Loads[0]
		for _, n := range []*int64{&l.BytesPerSecond, &l.PerSecond, &l.BurstBytes, &l.BurstPerSecond} {
			*n = by.of(*n)
		}
		if len(l.Trace) > 0 {
			l.Trace = append([]sim.TracePoint(nil), l.Trace...)
			for i := range l.Trace {
				l.Trace[i].Bytes = by.of(l.Trace[i].Bytes)
			}
			q.spec.Load.Trace = l.Trace
		}
		q.Rate = by.of(q.Rate)
	case OutageLength:
		q.longer = by
	case LinkBandwidth:
		base.Links = append([]sim.LinkConfig(nil), base.Links...)
		base.Links[0].Bandwidth = max(by.of(base.Links[0].Bandwidth), 1)
	case ReplTimeout:
		base.Servers = append([]sim.ServerConfig(nil), base.Servers...)
		for i := range base.Servers {
			s := &base.Servers[i].Settings
			s.Timeout = max(time.Duration(by.of(int64(s.Timeout))).Truncate(time.Second), time.Second)
		}
	}
	return &q
}

// Later lets the load of a plan begin later than it does, if that is later: a varied
// plan may take longer to synchronize.
func (p *Plan) Later(begin time.Duration) {
	if begin <= p.Begin {
		return
	}
	p.Begin = begin
	p.base.Loads = append([]sim.LoadConfig(nil), p.base.Loads...)
	for i := range p.base.Loads {
		p.base.Loads[i].From = begin
	}
}

// Bandwidth is the link's, bytes a second; 0 is without limit.
func (p *Plan) Bandwidth() int64 { return p.base.Links[0].Bandwidth }

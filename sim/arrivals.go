package sim

import (
	"errors"
	"fmt"
	"math/bits"
	"time"
)

// Constant, Bursts and Trace are fluid: bytes accrue along a line of straight
// pieces, and a command is written at the first nanosecond at which all of its
// bytes have accrued. The line is asked afresh each time in whole numbers of
// 128 bits, so there is no rounding that could add up.

// fluid is two rates that alternate for ever; a constant load is one that
// never ends. Rates are bytes a nanosecond as a fraction: rate/unit.
type fluid struct {
	onRate, offRate uint64
	unit            uint64
	on, period      int64 // ns
	onSum, sum      wide  // what accrues while on, in a period; in 1/unit bytes

	drawn bool  // the phase comes from the seed
	phase int64 // ns into the period at own time 0
	base  wide  // accrued from the start of the period to the phase
}

// endless is the period of a constant rate.
const endless = 1<<63 - 1

func (f *fluid) compile(c *LoadConfig, m *cycle) error {
	den := uint64(1)
	if c.PerSecond != 0 || c.BurstPerSecond != 0 {
		den = uint64(m.commands)
	}
	var err error
	if f.offRate, err = byteRate(c.BytesPerSecond, c.PerSecond, m, den); err != nil {
		return err
	}
	f.unit = den * 1_000_000_000 // commands < 2^30
	f.onRate, f.on, f.period = f.offRate, endless, endless
	if c.Arrivals == Bursts {
		if f.onRate, err = byteRate(c.BurstBytes, c.BurstPerSecond, m, den); err != nil {
			return err
		}
		if c.On < 0 || c.Off < 0 || c.On >= longest/2 || c.Off >= longest/2 || c.On+c.Off == 0 {
			return fmt.Errorf("bursts on %v, off %v", c.On, c.Off)
		}
		f.on, f.period = int64(c.On), int64(c.On+c.Off)
		f.drawn, f.phase = !c.PhaseSet, int64(c.Phase)
		if c.PhaseSet && (c.Phase < 0 || c.Phase >= c.On+c.Off) {
			return fmt.Errorf("phase %v is not in [0, %v)", c.Phase, c.On+c.Off)
		}
	}
	if g := commonDivisor(commonDivisor(f.onRate, f.offRate), f.unit); g > 1 {
		f.onRate, f.offRate, f.unit = f.onRate/g, f.offRate/g, f.unit/g
	}
	f.onSum = wideMul(uint64(f.on), f.onRate)
	f.sum = f.onSum.add(wideMul(uint64(f.period-f.on), f.offRate))
	return nil
}

// byteRate is a rate in bytes a second, times den.
func byteRate(bytes, commands int64, m *cycle, den uint64) (uint64, error) {
	n, by := bytes, den
	if commands != 0 {
		n, by = commands, uint64(m.size)
	}
	if n < 0 {
		return 0, fmt.Errorf("rate %d is negative", n)
	}
	hi, lo := bits.Mul64(uint64(n), by)
	if hi != 0 || lo >= longest {
		return 0, fmt.Errorf("rate %d is out of range", n)
	}
	return lo, nil
}

func (f *fluid) reset(k seedKey) {
	if f.drawn {
		f.phase = int64(uniform(uint64(k.sub(0)), uint64(f.period)))
	}
	f.base = wide{}
	f.base = f.sumTo(0)
}

// sumTo is what has accrued x ns after own time 0, in 1/unit bytes.
func (f *fluid) sumTo(x int64) wide {
	x += f.phase
	a := wide{}
	if x >= f.period {
		w := x / f.period
		x -= w * f.period
		a = f.sum.times(uint64(w))
	}
	if x > f.on {
		return a.add(f.onSum).add(wideMul(uint64(x-f.on), f.offRate)).sub(f.base)
	}
	return a.add(wideMul(uint64(x), f.onRate)).sub(f.base)
}

// reached says where in the line bytes 1 to b have accrued.
func (f *fluid) reached(b int64) reach {
	a := wideMul(uint64(b), f.unit).add(f.base)
	var w int64
	if f.sum.less(a) { // a period's last byte belongs to it, not to the next
		q, r := a.sub(wide{0, 1}).div(f.sum)
		w, a = int64(q), r.add(wide{0, 1})
	}
	r := reach{piece: 2 * w, start: w*f.period - f.phase, rate: f.onRate, unit: f.unit}
	if f.onSum.less(a) {
		a = a.sub(f.onSum)
		r.piece, r.start, r.rate = 2*w+1, r.start+f.on, f.offRate
	}
	r.divide(a)
	return r
}

// reach is the moment at which an amount has accrued: start + whole +
// rest/rate ns of own time, in the given straight piece.
type reach struct {
	piece int64 // its number, not falling with time; -1 is a jump
	start int64 // ns; own time at which the piece begins, may be below 0
	whole int64 // ns
	rest  uint64
	rate  uint64 // the piece's, in 1/unit bytes a ns; not 0
	unit  uint64
}

func (r *reach) divide(a wide) {
	var q uint64
	q, r.rest = bits.Div64(a.hi, a.lo, r.rate)
	r.whole = int64(q)
}

// ceil is the first nanosecond at which the amount is there.
func (r *reach) ceil() int64 {
	if r.rest > 0 {
		return r.start + r.whole + 1
	}
	return r.start + r.whole
}

func checkTrace(list []TracePoint) error {
	if len(list) == 0 {
		return errors.New("a trace without samples")
	}
	last := TracePoint{}
	for i, p := range list {
		if p.At < last.At || p.Bytes < last.Bytes || p.At >= longest {
			return fmt.Errorf("trace: sample %d (%v, %d bytes) goes back or too far", i, p.At, p.Bytes)
		}
		last = p
	}
	return nil
}

// accruedTrace is the bytes of a trace at x. The bytes of the first sample come
// with it at once, those between two samples evenly, and none after the last.
func accruedTrace(list []TracePoint, x int64) int64 {
	lo, hi := -1, len(list) // list[lo].At <= x < list[hi].At
	for hi-lo > 1 {
		if mid := int(uint(lo+hi) / 2); list[mid].At <= time.Duration(x) {
			lo = mid
		} else {
			hi = mid
		}
	}
	if lo < 0 {
		return 0
	}
	b := list[lo].Bytes
	if hi < len(list) {
		a := wideMul(uint64(list[hi].Bytes-b), uint64(x-int64(list[lo].At)))
		q, _ := bits.Div64(a.hi, a.lo, uint64(list[hi].At-list[lo].At))
		b += int64(q)
	}
	return b
}

// reachedTrace says where in a trace bytes 1 to b have accrued. b > 0, and the
// trace has that many.
func reachedTrace(list []TracePoint, b int64) reach {
	lo, hi := -1, len(list)-1 // list[lo].Bytes < b <= list[hi].Bytes
	for hi-lo > 1 {
		if mid := int(uint(lo+hi) / 2); list[mid].Bytes < b {
			lo = mid
		} else {
			hi = mid
		}
	}
	if lo < 0 || list[lo].At == list[hi].At {
		return reach{piece: -1, start: int64(list[hi].At), rate: 1, unit: 1}
	}
	r := reach{piece: int64(hi), start: int64(list[lo].At)}
	r.rate = uint64(list[hi].Bytes - list[lo].Bytes)
	r.unit = uint64(list[hi].At - list[lo].At)
	r.divide(wideMul(uint64(b-list[lo].Bytes), r.unit))
	return r
}

// accrued is the whole bytes of a fluid load at x ns of own time.
func (l *load) accrued(x int64) int64 {
	if l.kind == Trace {
		return accruedTrace(l.trace, x)
	}
	a := l.flow.sumTo(x)
	q, _ := bits.Div64(a.hi, a.lo, l.flow.unit)
	return int64(q)
}

// reach is the moment at which a fluid load has accrued b bytes, b > 0.
func (l *load) reach(b int64) reach {
	if l.kind == Trace {
		return reachedTrace(l.trace, b)
	}
	return l.flow.reached(b)
}

// grainOf remembers the granularity of one kind of piece.
type grainOf struct{ rate, unit, grain uint64 }

// granularity is the greatest number that divides the rate of a piece and the
// amount (in 1/unit bytes) of every command. Two are kept: bursts have two
// kinds of piece, with even and odd numbers.
func (l *load) granularity(r *reach) uint64 {
	g := &l.grain[r.piece&1]
	if g.rate != r.rate || g.unit != r.unit {
		hi, lo := bits.Mul64(uint64(l.mix.divisor), r.unit)
		*g = grainOf{r.rate, r.unit, commonDivisor(bits.Rem64(hi, lo, r.rate), r.rate)}
	}
	return g.grain
}

// worstRounding is r's rest in picoseconds with the most that rounding up to a
// whole nanosecond adds to the instant of any command of the piece.
func (l *load) worstRounding(r *reach) int64 {
	g := l.granularity(r)
	over := r.rest % g
	if over == 0 {
		over = g
	}
	hi, lo := bits.Mul64(r.rest+r.rate-over, 1000)
	q, _ := bits.Div64(hi, lo, r.rate)
	return int64(q)
}

func commonDivisor(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// wide is a whole number of 128 bits. Nothing here leaves them: durations and
// rates are below 2^62 each.
type wide struct{ hi, lo uint64 }

func wideMul(a, b uint64) wide {
	hi, lo := bits.Mul64(a, b)
	return wide{hi, lo}
}

func (a wide) add(b wide) wide {
	lo, c := bits.Add64(a.lo, b.lo, 0)
	hi, _ := bits.Add64(a.hi, b.hi, c)
	return wide{hi, lo}
}

func (a wide) sub(b wide) wide {
	lo, c := bits.Sub64(a.lo, b.lo, 0)
	hi, _ := bits.Sub64(a.hi, b.hi, c)
	return wide{hi, lo}
}

func (a wide) less(b wide) bool { return a.hi < b.hi || a.hi == b.hi && a.lo < b.lo }

func (a wide) times(n uint64) wide {
	hi, lo := bits.Mul64(a.lo, n)
	return wide{hi + a.hi*n, lo}
}

// div divides by b, above 0; the quotient must fit 64 bits. With an upper word in b
// the quotient comes from the upper words alone and is at most one too small
// (Warren, Hacker's Delight, 2nd edition, section 9-5).
func (a wide) div(b wide) (q uint64, r wide) {
	if b.hi == 0 {
		q, lo := bits.Div64(a.hi, a.lo, b.lo)
		return q, wide{0, lo}
	}
	n := uint(bits.LeadingZeros64(b.hi))
	top := b.hi<<n | b.lo>>1>>(63-n)
	q, _ = bits.Div64(a.hi>>1, a.hi<<63|a.lo>>1, top)
	if q >>= 63 - n; q > 0 {
		q--
	}
	r = a.sub(b.times(q))
	if !r.less(b) {
		q, r = q+1, r.sub(b)
	}
	return q, r
}

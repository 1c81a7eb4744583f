package sim

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"time"

	"psyncsim/model"
)

// load is one stream of client writes that can be asked and need not be
// played: how many commands until an instant, when a command is written, where
// its bytes lie. Commands are numbered from 0, bytes are counted from 0; the
// server that takes the writes adds its own offset.
//
// The answers hang on the configuration, the seed and the stream number. What
// is kept between questions (the places where a Poisson load was last asked)
// makes the next one cheap and changes no answer.
type load struct {
	mix  cycle
	kind ArrivalKind
	from int64 // ns; own time 0
	span int64 // ns; arrivals lie in [0, span) of own time
	all  int64 // commands in span; not for Poisson, where it would have to be counted

	flow  fluid        // Constant, Bursts
	trace []TracePoint // Trace; the configuration's, not changed
	count poisson      // Poisson

	grain   [2]grainOf // see granularity
	text    text       // of its commands, when they are first written
	written bool       // it was made
	easy    int64      // see eases: ps a byte up to which no command waits for another; -1 for none
}

// longest bounds every duration, and the bytes of a load: sums of two stay
// inside an int64. 2^62 ns are 146 years.
const longest = 1 << 62

var errLoadBytes = errors.New("more than 2^62 bytes until its end")

// newLoad compiles a load. It keeps references into c, which must not change
// while the load is in use.
func newLoad(c *LoadConfig, duration time.Duration, seed, stream uint64) (*load, error) {
	until := duration
	if c.Until != 0 && c.Until < until {
		until = c.Until
	}
	switch {
	case duration <= 0 || duration >= longest:
		return nil, fmt.Errorf("load: duration %v is not in (0, 146 years)", duration)
	case c.From < 0 || c.Until < 0:
		return nil, fmt.Errorf("load: from %v until %v: before the run", c.From, c.Until)
	case c.Until != 0 && c.Until < c.From:
		return nil, fmt.Errorf("load: until %v is before from %v", c.Until, c.From)
	}
	l := &load{kind: c.Arrivals, from: int64(c.From), span: max(0, int64(until-c.From))}
	err := l.mix.compile(c.Commands)
	if err == nil {
		err = l.compileArrivals(c)
	}
	if err == nil && l.kind != Poisson {
		err = l.checkBytes()
	}
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	l.easy = l.eases()
	l.reset(seed, stream)
	return l, nil
}

func (l *load) compileArrivals(c *LoadConfig) error {
	switch c.Arrivals {
	case Constant, Bursts:
		return l.flow.compile(c, &l.mix)
	case Poisson:
		return l.count.compile(c, &l.mix, l.span)
	case Trace:
		l.trace = c.Trace
		return checkTrace(c.Trace)
	}
	return fmt.Errorf("arrivals %d are not known", c.Arrivals)
}

// checkBytes refuses a fluid load that would leave the numbers in use here.
// The bound holds for every phase.
func (l *load) checkBytes() error {
	if l.kind == Trace {
		if l.trace[len(l.trace)-1].Bytes >= longest {
			return errLoadBytes
		}
		return nil
	}
	x := wideMul(uint64(l.span), max(l.flow.onRate, l.flow.offRate))
	if y := wideMul(longest-1, l.flow.unit); y.less(x) {
		return errLoadBytes
	}
	return nil
}

// reset is the same load with other chance. It allocates nothing.
func (l *load) reset(seed, stream uint64) {
	k := newSeedKey(seed, stream)
	switch l.kind {
	case Poisson:
		l.count.reset(k)
		return
	case Constant, Bursts:
		l.flow.reset(k)
	}
	l.all = 0
	if l.span > 0 {
		l.all = l.mix.find(l.accrued(l.span - 1))
	}
}

// total is the number of commands of the whole load. For Poisson arrivals it
// has to count them.
func (l *load) total() int64 {
	if l.kind == Poisson {
		return l.upto(model.Never)
	}
	return l.all
}

// upto is the number of commands written at or before t.
func (l *load) upto(t model.Instant) int64 {
	if int64(t) < l.from || l.span == 0 {
		return 0
	}
	x := min(int64(t)-l.from, l.span-1)
	switch l.kind {
	case Constant:
		hi, lo := bits.Mul64(uint64(x), l.flow.onRate)
		b, _ := bits.Div64(hi, lo, l.flow.unit)
		return l.mix.find(int64(b))
	case Poisson:
		return l.count.upto(x)
	}
	return l.mix.find(l.accrued(x))
}

// when is the instant at which command k is written, model.Never if the load
// ends before.
func (l *load) when(k int64) model.Instant {
	if k < 0 {
		panic("sim: load asked for command " + strconv.FormatInt(k, 10))
	}
	if l.kind == Poisson {
		x, ok := l.count.when(k)
		if !ok || x >= l.span {
			return model.Never
		}
		return model.Instant(l.from + x)
	}
	if k >= l.all {
		return model.Never
	}
	if l.kind == Constant { // one piece that begins at 0
		hi, lo := bits.Mul64(uint64(l.mix.bytes(k+1)), l.flow.unit)
		x, rest := bits.Div64(hi, lo, l.flow.onRate)
		if rest > 0 {
			x++
		}
		return model.Instant(l.from + int64(x))
	}
	r := l.reach(l.mix.bytes(k + 1))
	return model.Instant(l.from + r.ceil())
}

// bytes is the length of the first k commands.
func (l *load) bytes(k int64) int64 { return l.mix.bytes(k) }

// find is the number of whole commands within the first b bytes.
func (l *load) find(b int64) int64 { return l.mix.find(b) }

// size is the length of command k.
func (l *load) size(k int64) int64 { return l.mix.list[l.mix.at(k%l.mix.commands)].size }

// fill appends the bytes of command k, size(k) of them. They hang on k and on
// the mix alone: two loads of one mix write the same.
func (l *load) fill(dst []byte, k int64) []byte { return l.fillPart(dst, k, 0, longest) }

// fillPart appends those bytes of command k that are [from, to) of it.
func (l *load) fillPart(dst []byte, k, from, to int64) []byte {
	c := clip{dst: dst, from: from, to: to}
	l.clip(&c, k)
	return c.dst
}

// samePart says whether data is what fillPart would append.
func (l *load) samePart(data []byte, k, from, to int64) bool {
	c := clip{dst: data, from: from, to: to, checks: true}
	l.clip(&c, k)
	return c.same()
}

// clip writes command k.
func (l *load) clip(c *clip, k int64) {
	parts := l.mix.list[l.mix.at(k%l.mix.commands)].parts
	for i := range parts {
		parts[i].fill(c, k, k*int64(len(parts))+int64(i))
	}
}

// fill writes the command as part of command k of a load, with a key of that
// number.
func (p *part) fill(c *clip, k, key int64) {
	c.add(p.head)
	for i, n := range p.args {
		var line [24]byte
		c.add(append(strconv.AppendInt(append(line[:0], '$'), int64(n), 10), "\r\n"...))
		switch {
		case i < len(p.words) && p.words[i] != "":
			c.add([]byte(p.words[i]))
		case i == 0:
			c.key(key, n)
		default:
			c.letters(uint64(k)+uint64(i), n)
		}
		c.add([]byte("\r\n"))
	}
}

// longest is the length of the longest command.
func (l *load) longest() int64 { return l.mix.longest }

// nextLong is the first command of [k, end) with an argument that a master with
// blocks feeds as a piece above model.BlockRequest, end if there is none.
func (l *load) nextLong(k, end int64) int64 {
	if !l.mix.long {
		return end
	}
	return l.nextEntry(k, end, func(e *cycleEntry) bool { return e.long })
}

// nextSize is the first command of [k, end) of at least so many bytes, end if
// there is none.
func (l *load) nextSize(k, end, least int64) int64 {
	if l.mix.longest < least {
		return end
	}
	return l.nextEntry(k, end, func(e *cycleEntry) bool { return e.size >= least })
}

// nextEntry is the first command of [k, end) whose entry is one of those meant.
func (l *load) nextEntry(k, end int64, meant func(e *cycleEntry) bool) int64 {
	for k < end {
		r := k % l.mix.commands
		i := l.mix.at(r)
		if meant(&l.mix.list[i]) {
			return k
		}
		next := l.mix.commands
		if i+1 < len(l.mix.list) {
			next = l.mix.list[i+1].commands
		}
		k += next - r
	}
	return end
}

// pieces appends the lengths in which a master with blocks feeds command k.
func (l *load) pieces(dst []int64, k int64) []int64 {
	return append(dst, l.mix.list[l.mix.at(k%l.mix.commands)].pieces...)
}

package sim

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
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
func (l *load) fill(dst []byte, k int64) []byte {
	parts := l.mix.list[l.mix.at(k%l.mix.commands)].parts
	for i := range parts {
		dst = parts[i].fill(dst, k, k*int64(len(parts))+int64(i))
	}
	return dst
}

// fill appends the command as part of command k of a load, with a key of that
// number.
func (p *part) fill(dst []byte, k, key int64) []byte {
	dst = append(dst, p.head...)
	for i, n := range p.args {
		dst = append(dst, '$')
		dst = strconv.AppendInt(dst, int64(n), 10)
		dst = append(dst, "\r\n"...)
		switch {
		case i < len(p.words) && p.words[i] != "":
			dst = append(dst, p.words[i]...)
		case i == 0:
			dst = appendKey(dst, key, n)
		default:
			dst = appendLetters(dst, uint64(k)+uint64(i), n)
		}
		dst = append(dst, "\r\n"...)
	}
	return dst
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

// appendKey appends the last n decimal digits of k, with leading zeros: keys
// of few digits come again, as those of a real client do.
func appendKey(dst []byte, k int64, n int) []byte {
	from := len(dst)
	for range n {
		dst = append(dst, '0')
	}
	for i := len(dst) - 1; i >= from && k > 0; i-- {
		dst[i] = byte('0' + k%10)
		k /= 10
	}
	return dst
}

const (
	alphabet = "abcdefghijklmnopqrstuvwxyz"
	letters  = alphabet + alphabet + alphabet + alphabet + alphabet + alphabet + alphabet + alphabet + alphabet
)

// appendLetters appends n letters of the alphabet, again and again from the
// one that turn says, so that a shifted or exchanged value is seen.
func appendLetters(dst []byte, turn uint64, n int) []byte {
	const whole = len(letters) - len(alphabet)
	from := int(turn % uint64(len(alphabet)))
	for ; n > whole; n -= whole {
		dst = append(dst, letters[from:from+whole]...)
	}
	return append(dst, letters[from:from+n]...)
}

// cycle is the command mix: a list that repeats, with sums up to each entry.
type cycle struct {
	list     []cycleEntry
	commands int64 // in one cycle
	size     int64 // bytes of one cycle
	longest  int64 // bytes of the longest command
	divisor  int64 // the greatest that divides the size of every command
	long     bool  // an entry is
	free     bool  // an entry needs no memory
}

// cycleEntry is one command and its repeats.
type cycleEntry struct {
	commands, bytes int64 // in the cycle before this entry
	size            int64 // of one command
	parts           []part
	long            bool    // an argument is longer than model.BlockRequest
	pieces          []int64 // see load.pieces; of long entries
	ttl, keys       int64   // ms that its keys live, 0 for ever; how many it writes
	keyLen          int
	value           int64  // bytes that it stores beside its key
	word            string // that key, if it is always the same
	stores          bool   // it leaves data behind
	needs           bool   // it is refused for want of memory
}

// part is one command as RESP; several are a transaction.
type part struct {
	head  []byte
	args  []int
	words []string
}

func (m *cycle) compile(commands []Command) error {
	if len(commands) == 0 {
		return errors.New("no commands")
	}
	for i := range commands {
		c := &commands[i]
		if c.Times < 1 {
			return fmt.Errorf("command %d: name %q, times %d", i, c.Name, c.Times)
		}
		e := cycleEntry{commands: m.commands, bytes: m.size, size: c.Bytes()}
		if err := errors.Join(e.compile(c), e.expires(c)); err != nil {
			return fmt.Errorf("command %d: %w", i, err)
		}
		m.list = append(m.list, e)
		m.long = m.long || e.long
		m.free = m.free || !e.needs
		m.commands += int64(c.Times)
		hi, lo := bits.Mul64(uint64(e.size), uint64(c.Times))
		if hi != 0 || lo >= 1<<40 || m.size+int64(lo) >= 1<<40 || m.commands >= 1<<30 {
			return errors.New("one cycle of the commands is longer than 2^40 bytes or 2^30 commands")
		}
		m.size += int64(lo)
		m.longest = max(m.longest, e.size)
		m.divisor = int64(commonDivisor(uint64(m.divisor), uint64(e.size)))
	}
	return nil
}

// compile makes the parts of an entry.
func (e *cycleEntry) compile(c *Command) error {
	for i := range 1 + len(c.Then) {
		one := c
		if i > 0 {
			one = &c.Then[i-1]
		}
		begins, ends := i == 0 && len(c.Then) > 0, i > 0 && i == len(c.Then)
		switch {
		case one.Name == "":
			return errors.New("no name")
		case begins != (one.alone("MULTI")) || ends != one.alone("EXEC"):
			return errors.New("commands that go together begin with MULTI and end with EXEC")
		}
		for j, n := range one.Args {
			if n < 0 || n > 512<<20 {
				return fmt.Errorf("argument of %d bytes", n)
			}
			e.long = e.long || n > model.BlockRequest
			if j < len(one.Words) && one.Words[j] != "" && len(one.Words[j]) != n {
				return fmt.Errorf("%q is not %d bytes", one.Words[j], n)
			}
		}
		head := fmt.Appendf(nil, "*%d\r\n$%d\r\n%s\r\n", 1+len(one.Args), len(one.Name), one.Name)
		e.parts = append(e.parts, part{head: head, args: one.Args, words: one.Words})
		e.holds(one)
	}
	for i := 0; e.long && i <= len(c.Then); i++ {
		one := c
		if i > 0 {
			one = &c.Then[i-1]
		}
		e.pieces = model.AppendCommandPieces(e.pieces, append([]int{len(one.Name)}, one.Args...)...)
	}
	return nil
}

// alone says whether the command is this word and no more.
func (c *Command) alone(word string) bool {
	return len(c.Args) == 0 && strings.EqualFold(c.Name, word)
}

// wireLen is the length of a command as a RESP array of bulk strings.
func wireLen(name string, args []int) int64 {
	bulk := func(n int) int64 { return 5 + decimals(n) + int64(n) }
	size := 3 + decimals(1+len(args)) + bulk(len(name))
	for _, n := range args {
		size += bulk(n)
	}
	return size
}

func decimals(n int) int64 {
	d := int64(1)
	for ; n >= 10; n /= 10 {
		d++
	}
	return d
}

// at is the entry of the r-th command of a cycle.
func (m *cycle) at(r int64) int {
	lo, hi := 0, len(m.list)
	for hi-lo > 1 {
		if mid := int(uint(lo+hi) / 2); m.list[mid].commands <= r {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

func (m *cycle) bytes(k int64) int64 {
	if len(m.list) == 1 {
		return k * m.list[0].size
	}
	q, r := k/m.commands, k%m.commands
	e := &m.list[m.at(r)]
	return q*m.size + e.bytes + (r-e.commands)*e.size
}

func (m *cycle) find(b int64) int64 {
	if len(m.list) == 1 {
		return b / m.list[0].size
	}
	q, r := b/m.size, b%m.size
	lo, hi := 0, len(m.list)
	for hi-lo > 1 {
		if mid := int(uint(lo+hi) / 2); m.list[mid].bytes <= r {
			lo = mid
		} else {
			hi = mid
		}
	}
	e := &m.list[lo]
	return q*m.commands + e.commands + (r-e.bytes)/e.size
}

// noLag is maxLag of no commands.
const noLag = -1 << 63

// timed is what maxLag asks: a load, or several as one stream.
type timed interface {
	when(k int64) model.Instant
	bytes(k int64) int64
	size(k int64) int64
}

// maxLag is how far, in picoseconds, the commands [i, j) hold back a link that
// takes ps picoseconds a byte: the greatest of when(k)*1000 - bytes(k)*ps. With
// an idle link at the first of them, the last byte of command k leaves it at
// maxLag(i, k+1) + bytes(k+1)*ps. The load must reach j, and the numbers must
// fit an int64; whoever chooses ps and the duration has checked that.
//
// It bisects. What lies between two commands is at most the later's instant
// less the earlier's bytes; inside one straight piece of a fluid load, where
// that bound is too wide when load and link are nearly even, it is at most what
// the better of the two would be with the worst rounding (see lagSearch.mark).
func maxLag(l timed, i, j, ps int64) int64 {
	if i >= j {
		return noLag
	}
	s := lagSearch{l: l, ps: ps, best: noLag}
	if f, ok := l.(*load); ok && f.kind != Poisson {
		if ps <= f.easy {
			return int64(f.when(j-1))*1000 - f.bytes(j-1)*ps
		}
		s.fluid = f
	}
	lo, hi := s.mark(i), s.mark(j-1)
	s.between(&lo, &hi, s.bound(&lo, &hi))
	return s.best
}

// eases is how many picoseconds a byte a link may take so that each command of a constant
// load has left before the next one is written: then the last one is held back longest.
// Two commands are no less apart than the smallest takes to accrue, rounded down.
func (l *load) eases() int64 {
	if l.kind != Constant || l.flow.onRate == 0 {
		return -1
	}
	least := l.mix.list[0].size
	for i := range l.mix.list {
		least = min(least, l.mix.list[i].size)
	}
	hi, lo := bits.Mul64(uint64(least), l.flow.unit)
	if hi >= l.flow.onRate {
		return -1
	}
	gap, _ := bits.Div64(hi, lo, l.flow.onRate)
	if gap >= longest/1000 {
		gap = longest/1000 - 1
	}
	return int64(gap) * 1000 / l.mix.longest
}

type lagSearch struct {
	l     timed
	fluid *load // l, if its arrivals are fluid
	ps    int64
	best  int64
	looks int // marks made; for tests
}

// lagMark is a command that was looked at.
type lagMark struct {
	k     int64
	at    int64 // its instant, ps
	after int64 // ps to send all up to its end
	piece int64 // the straight piece it is written in, or -1
	most  int64 // inside a piece: at with the worst rounding, less after
}

// mark looks at command k. In a piece its instant is ceil(r/rate), and r has
// the same remainder by the piece's granularity g for every command; so the
// ceiling adds at most (rate - g)/rate, and r/rate + that less the bytes is a
// straight line over the bytes, whose maximum is at an end of any range.
func (s *lagSearch) mark(k int64) lagMark {
	first := s.l.bytes(k)
	next := first + s.l.size(k)
	m := lagMark{k: k, after: next * s.ps, piece: -1}
	at := model.Never
	if l := s.fluid; l == nil {
		at = s.l.when(k)
	} else if k < l.all {
		r := l.reach(next)
		at = model.Instant(l.from + r.ceil())
		if m.piece = r.piece; m.piece >= 0 {
			m.most = (l.from+r.start+r.whole)*1000 + l.worstRounding(&r) - m.after
		}
	}
	if at == model.Never {
		panic("sim: lag of commands behind the load's end")
	}
	m.at = int64(at) * 1000
	s.best = max(s.best, m.at-first*s.ps)
	s.looks++
	return m
}

// bound is the most that a command strictly between lo and hi can come to.
func (s *lagSearch) bound(lo, hi *lagMark) int64 {
	b := hi.at - lo.after
	if lo.piece >= 0 && lo.piece == hi.piece {
		b = min(b, max(lo.most, hi.most)+s.fluid.mix.longest*s.ps)
	}
	return b
}

// between searches the commands strictly between lo and hi, of which none
// comes to more than most. The half that promises more comes first, the later
// one if they are even.
func (s *lagSearch) between(lo, hi *lagMark, most int64) {
	n := hi.k - lo.k - 1
	if n <= 0 || most <= s.best {
		return
	}
	if n <= 8 {
		for k := hi.k - 1; k > lo.k; k-- {
			s.best = max(s.best, int64(s.l.when(k))*1000-s.l.bytes(k)*s.ps)
		}
		return
	}
	mid := s.mark(split(lo, hi, n))
	left, right := s.bound(lo, &mid), s.bound(&mid, hi)
	if left > right {
		s.between(lo, &mid, left)
		s.between(&mid, hi, right)
	} else {
		s.between(&mid, hi, right)
		s.between(lo, &mid, left)
	}
}

// split is where to cut the n commands between lo and hi: so near to the end
// with the greatest, as the load of the link tells it, that at even arrivals the
// longer part can be dropped at once. In doubt it is the middle.
func split(lo, hi *lagMark, n int64) int64 {
	arrive, send := hi.at-lo.at, hi.after-lo.after
	if send < arrive {
		near := send / (arrive/n + 1)
		return hi.k - min(near+near/4+4, n/2)
	}
	near := arrive / (send/n + 1)
	return lo.k + min(near+near/4+4, n/2)
}

package sim

import (
	"bytes"
	"encoding/binary"

	"psyncsim/model"
)

// text is the bytes of a load's commands, made once: they come again after a period,
// but for the numbers of their keys. To write many commands is to copy them and
// to put the numbers in.
type text struct {
	period int64   // commands in all; 0 when they would take too much memory
	all    []byte  // of one period, every key 0; or what it was when it was compared last
	starts []int32 // of each command of the period in all, and behind the last
	keys   []textKey
	first  []int32 // of each command the first of its keys, and behind the last
	stride int     // from one key to the next, where every command has one with room for 8 digits; 0 where not
}

// textKey is one key: number k*times + plus in the period whose first command is number
// k of the load.
type textKey struct {
	at, size    int32 // in all
	times, plus int64
}

// mostText is the most memory for the text of one load. It is written out again and
// again and should stay in the processor's cache.
const mostText = 1 << 16

// compile makes the text of a mix. Letters begin with the number of their command:
// the period is that of the mix and of the alphabet.
func (x *text) compile(m *cycle) {
	a := int64(len(alphabet))
	period := m.commands / int64(commonDivisor(uint64(m.commands), uint64(a))) * a
	if period/m.commands > mostText/m.size {
		return
	}
	*x = text{period: period}
	for k := range period {
		x.starts = append(x.starts, int32(len(x.all)))
		x.first = append(x.first, int32(len(x.keys)))
		parts := m.list[m.at(k%m.commands)].parts
		for i := range parts {
			at := len(x.all)
			c := clip{dst: x.all, to: longest}
			parts[i].fill(&c, k, 0)
			x.all = c.dst
			if n := parts[i].keySize(); n > 0 {
				at += len(parts[i].head) + 3 + int(decimals(n))
				x.keys = append(x.keys, textKey{int32(at), int32(n), int64(len(parts)), k*int64(len(parts)) + int64(i)})
			}
		}
	}
	x.starts = append(x.starts, int32(len(x.all)))
	x.first = append(x.first, int32(len(x.keys)))
	if m.even() > 0 && len(x.keys) == int(period) && x.keys[0].times == 1 && x.keys[0].size >= 8 {
		x.stride = int(m.even())
	}
}

// even is the length of every command, 0 if they differ.
func (m *cycle) even() int64 {
	if len(m.list) > 1 {
		return 0
	}
	return m.list[0].size
}

// keySize is the length of a part's numbered key, 0 without one.
func (p *part) keySize() int {
	if len(p.args) == 0 || len(p.words) > 0 && p.words[0] != "" {
		return 0
	}
	return p.args[0]
}

// write appends the commands [k, end).
func (x *text) write(dst []byte, k, end int64) []byte {
	for k < end {
		r, n := x.piece(k, end)
		from, to, at := x.starts[r], x.starts[r+n], len(dst)
		dst = append(dst, x.all[from:to]...)
		x.number(dst[at:], k, n) // there: text that has just changed is read slowly
		k += n
	}
	return dst
}

// same says whether data is the commands [k, end).
func (x *text) same(data []byte, k, end int64) bool {
	for k < end {
		r, n := x.piece(k, end)
		text := x.all[x.starts[r]:x.starts[r+n]]
		x.number(text, k, n)
		if len(data) < len(text) || !bytes.Equal(data[:len(text)], text) {
			return false
		}
		data, k = data[len(text):], k+n
	}
	return len(data) == 0
}

// piece is the first n of the commands [k, end), as many as lie in one period: they are
// number r and the next of it.
func (x *text) piece(k, end int64) (r, n int64) {
	r = k % x.period
	return r, min(end-k, x.period-r)
}

// number puts the numbers of their keys into the text of n commands from command k on,
// whatever numbers are there.
func (x *text) number(dst []byte, k, n int64) {
	if x.stride > 0 && k+n <= 100_000_000 {
		x.count(dst, uint32(k), n)
		return
	}
	r := k % x.period
	from, keys := x.starts[r], x.keys[x.first[r]:x.first[r+n]]
	for i := range keys {
		fillZeros(dst[keys[i].at-from:][:keys[i].size])
	}
	number(dst, from, keys, k-r)
}

// count puts the numbers from v on into n commands that are alike, below 10^8 all of them.
// A hundred numbers in a row differ in two digits.
func (x *text) count(dst []byte, v uint32, n int64) {
	at := int(x.keys[0].at + x.keys[0].size - 8)
	for n > 0 {
		low := v % 100
		row := pairs[low:min(100, int64(low)+n)]
		countRow(dst[at:], x.stride, eightDigits(v-low)&(1<<48-1), row)
		at += len(row) * x.stride
		v += uint32(len(row))
		n -= int64(len(row))
	}
}

// countRow writes numbers of eight digits of which the last two are a row, each a stride
// behind the one before. It is a loop by itself: all that it needs then stays in registers.
//
//go:noinline
func countRow(dst []byte, stride int, high uint64, row []uint64) {
	at := 0
	for _, pair := range row {
		binary.LittleEndian.PutUint64(dst[at:at+8], high|pair)
		at += stride
	}
}

// pairs is the last two of eight digits.
var pairs = func() (p [100]uint64) {
	for i := range p {
		p[i] = eightDigits(uint32(i)) &^ (1<<48 - 1)
	}
	return p
}()

func fillZeros(dst []byte) {
	for len(dst) > 0 {
		dst = dst[copy(dst, zeros):]
	}
}

// number puts the numbers of keys into a piece of the text that begins at byte from of
// the period, whose first command is number k.
func number(dst []byte, from int32, keys []textKey, k int64) {
	var last, digits uint64
	for i := range keys {
		key := &keys[i]
		v := uint64(k*key.times + key.plus)
		place := dst[key.at-from:][:key.size]
		if v >= 100_000_000 || len(place) < 8 {
			putDigits(place, v)
			continue
		}
		if v == last+1 && digits>>56 != '9' && digits != 0 { // one more is another last digit
			digits += 1 << 56
		} else {
			digits = eightDigits(uint32(v))
		}
		last = v
		binary.LittleEndian.PutUint64(place[len(place)-8:], digits)
	}
}

// putDigits writes the last decimal digits of v over zeros, as many as there is room for.
func putDigits(dst []byte, v uint64) {
	for len(dst) >= 8 {
		binary.LittleEndian.PutUint64(dst[len(dst)-8:], eightDigits(uint32(v%100_000_000)))
		if v /= 100_000_000; v == 0 {
			return
		}
		dst = dst[:len(dst)-8]
	}
	for i := len(dst) - 1; i >= 0 && v > 0; i-- {
		dst[i] = byte('0' + v%10)
		v /= 10
	}
}

// eightDigits is the text of a number below 10^8, the first digit in the lowest byte:
// halves are split in parallel, 4 + 4, then 2 + 2, then 1 + 1 digits.
func eightDigits(v uint32) uint64 {
	x := uint64(v/10_000) | uint64(v%10_000)<<32
	q := x * 10_486 >> 20 & 0x0000_007f_0000_007f // by 100
	x = q | (x-100*q)<<16
	q = x * 103 >> 10 & 0x000f_000f_000f_000f // by 10
	return (q | (x-10*q)<<8) + 0x3030_3030_3030_3030
}

// fillRun appends the bytes of the commands [k, end).
func (l *load) fillRun(dst []byte, k, end int64) []byte {
	if l.hasText() {
		return l.text.write(dst, k, end)
	}
	for ; k < end; k++ {
		dst = l.fill(dst, k)
	}
	return dst
}

// sameRun says whether data is what fillRun would append.
func (l *load) sameRun(data []byte, k, end int64) bool {
	if l.hasText() {
		return l.text.same(data, k, end)
	}
	for ; k < end; k++ {
		n := l.size(k)
		if int64(len(data)) < n || !l.samePart(data[:n], k, 0, n) {
			return false
		}
		data = data[n:]
	}
	return len(data) == 0
}

// hasText makes the text of a load, if it has one, for its first byte.
func (l *load) hasText() bool {
	if !l.written {
		l.text.compile(&l.mix)
		l.written = true
	}
	return l.text.period > 0
}

func (m *merged) fillRun(dst []byte, k, end int64) []byte {
	for ; k < end; k++ {
		l, n := m.own(k)
		dst = l.fillRun(dst, n, n+1)
	}
	return dst
}

func (m *merged) sameRun(data []byte, k, end int64) bool {
	for ; k < end; k++ {
		l, i := m.own(k)
		n := l.size(i)
		if int64(len(data)) < n || !l.sameRun(data[:n], i, i+1) {
			return false
		}
		data = data[n:]
	}
	return len(data) == 0
}

func (m *merged) fillPart(dst []byte, k, from, to int64) []byte {
	l, n := m.own(k)
	return l.fillPart(dst, n, from, to)
}

func (m *merged) samePart(data []byte, k, from, to int64) bool {
	l, n := m.own(k)
	return l.samePart(data, n, from, to)
}

// wrote says whether data is what the load and the literals make from an offset on: what
// the replica must receive, whatever path it took.
func (l *streamLog) wrote(data []byte, from model.Offset) bool {
	for to := from + model.Offset(len(data)); from < to; {
		s := &l.segs[l.index(from)]
		end := min(to, s.to)
		if from < s.from || from >= end || !s.wrote(data[:end-from], from) {
			return false
		}
		data, from = data[end-from:], end
	}
	return true
}

// wrote is that of one segment.
func (s *segment) wrote(data []byte, from model.Offset) bool {
	at := int64(from - s.from)
	if !s.run {
		return bytes.Equal(data, s.data[at:at+int64(len(data))])
	}
	at += s.base
	to := at + int64(len(data)) // as src counts bytes
	k, end := s.find(at), s.find(to)
	if begins := s.bytes(k); begins < at { // in the middle of a command
		n := min(to, s.bytes(k+1)) - at
		if !s.src.samePart(data[:n], k, at-begins, at-begins+n) {
			return false
		}
		data, at, k = data[n:], at+n, k+1
	}
	if k < end {
		n := s.bytes(end) - at
		if !s.src.sameRun(data[:n], k, end) {
			return false
		}
		data, at = data[n:], at+n
	}
	return at == to || s.src.samePart(data, end, 0, to-at)
}

// even is the length of every command, 0 if they differ.
func (l *load) even() int64 {
	return l.mix.even()
}

// spaced: see eases.
func (l *load) spaced() int64 { return l.easy }

func (m *merged) even() int64   { return 0 }
func (m *merged) spaced() int64 { return -1 }

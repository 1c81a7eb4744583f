package model

// pattern is what a reader of commands looks at in one array command: its counts. The
// commands of a stream resemble each other. Where one has the same bytes in the
// same places as the one before, reading it would come to the same end: it is as long
// and has as many arguments, whatever these say.
//
// A command of one word and a REPLCONF GETACK say something themselves. A pattern is
// only of commands that cannot be either.
type pattern struct {
	size  int // bytes of the command; 0 is no pattern
	marks [patternMarks]mark
	n     int // marks in use
}

// mark is up to eight bytes of a command that its reader looks at.
type mark struct {
	at, end    int
	bits, mask uint64
}

// A pattern is kept of commands with few arguments and of moderate length. Each mark is
// read as eight bytes, also in front of the end of a command: patternRoom bytes must follow.
// So many commands as have patternBytes are looked at before the next ones.
const (
	patternArgs  = 8
	patternMarks = patternArgs + 1
	mostPattern  = 64 << 10
	patternRoom  = 8
	patternBytes = 16 << 10
)

// alike is how many commands at the beginning of data have the pattern of the last one,
// and where they end. Without one it takes the pattern of the first command, if it is here
// wholly, for the next time.
func (s *StreamScanner) alike(data []byte) (commands int64, end int) {
	x := &s.last
	for {
		n := x.times(data[end:])
		commands += n
		end += int(n) * x.size
		if commands > 0 || !x.of(data) {
			return commands, end
		}
	}
}

// times is with how many commands of this pattern data begins. Each mark is looked for by
// itself in all of them, a few dozen at a time: they then lie in the processor's first cache.
func (x *pattern) times(data []byte) (n int64) {
	if x.size == 0 {
		return 0
	}
	atOnce := max(1, patternBytes/x.size)
	for len(data) >= x.size+patternRoom {
		most := min(atOnce, (len(data)-patternRoom)/x.size)
		alike := most
		for i := range x.marks[:x.n] {
			alike = x.marks[i].times(data, x.size, alike)
		}
		if n += int64(alike); alike < most {
			break
		}
		data = data[alike*x.size:]
	}
	return n
}

// times is in how many commands in a row, of at most so many, the mark is found.
func (m *mark) times(data []byte, size, most int) int {
	at, bits, mask := m.at, m.bits, m.mask
	for n := range most {
		if (eightBytes(data[at:at+8])^bits)&mask != 0 {
			return n
		}
		at += size
	}
	return most
}

// of takes the pattern of the command with which data begins. It is false for whatever is
// not quite plain, which is left to the reader itself: a pattern knows no errors.
func (x *pattern) of(data []byte) bool {
	*x = pattern{}
	if len(data) < patternRoom || data[0] != '*' {
		return false
	}
	args, at, ok := plainCount(data)
	if !ok || args < 2 || args > patternArgs {
		return false
	}
	x.mark(data, 0, at)
	for i := range args {
		if len(data)-at < patternRoom || data[at] != '$' {
			return false
		}
		size, n, ok := plainCount(data[at:])
		if !ok || i == 0 && args == 3 && size == len("REPLCONF") {
			return false
		}
		x.mark(data, at, at+n)
		if at += n + size + 2; at > mostPattern || at+patternRoom > len(data) {
			return false
		}
	}
	x.size = at
	return true
}

// plainCount reads the line of a count: a kind, one to five digits without a zero in
// front, CR and LF. n is its length, at most eight.
func plainCount(line []byte) (v, n int, ok bool) {
	for n = 1; n < len(line) && n < 7 && line[n] >= '0' && line[n] <= '9'; n++ {
		v = v*10 + int(line[n]-'0')
	}
	if n == 1 || n == 7 || n+2 > len(line) || line[1] == '0' && n > 2 || line[n] != '\r' || line[n+1] != '\n' {
		return 0, 0, false
	}
	return v, n + 2, true
}

// mark notes that the bytes [from, to) of data, at most eight, are looked at: with those
// before them if all together are no more. patternRoom bytes are there from each of them on.
func (x *pattern) mark(data []byte, from, to int) {
	if n := x.n - 1; n >= 0 && x.marks[n].end == from && to-x.marks[n].at <= 8 {
		x.n, from = n, x.marks[n].at
	}
	x.marks[x.n] = mark{at: from, end: to, bits: eightBytes(data[from:]), mask: ^uint64(0) >> (8 * (8 - to + from))}
	x.n++
}

// eightBytes is the first eight bytes as a number, the first one lowest; the compiler makes
// one read of it.
func eightBytes(b []byte) uint64 {
	_ = b[7]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

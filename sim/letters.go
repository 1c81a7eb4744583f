package sim

import "bytes"

// clip keeps the bytes [from, to) of a text that is written into it piece by piece; or
// holds what it would keep against bytes that are there.
type clip struct {
	dst      []byte
	at       int64 // bytes that were written, kept or not
	from, to int64

	checks bool // dst is what has yet to be compared
	other  bool // and something in front of that was another byte
}

// next is what is kept of the next n bytes: [a, b) of them.
func (c *clip) next(n int) (a, b int) {
	a, b = int(min(max(c.from-c.at, 0), int64(n))), int(max(min(c.to-c.at, int64(n)), 0))
	c.at += int64(n)
	return a, max(a, b)
}

// add writes bytes.
func (c *clip) add(text []byte) {
	a, b := c.next(len(text))
	c.put(text[a:b])
}

// put keeps bytes, or compares them.
func (c *clip) put(text []byte) {
	switch n := len(text); {
	case !c.checks:
		c.dst = append(c.dst, text...)
	case n > len(c.dst) || !bytes.Equal(c.dst[:n], text):
		c.dst, c.other = nil, true
	default:
		c.dst = c.dst[n:]
	}
}

// same says that all there was to compare is what was written.
func (c *clip) same() bool { return !c.other && len(c.dst) == 0 }

// key writes the last n decimal digits of k, with leading zeros: keys of few digits come
// again, as those of a real client do.
func (c *clip) key(k int64, n int) {
	var text [len("9223372036854775807")]byte
	digits := text[max(len(text)-n, 0):]
	for n -= len(digits); n > 0; n -= len(zeros) {
		c.add(zeros[:min(n, len(zeros))])
	}
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = byte('0' + k%10)
		k /= 10
	}
	c.add(digits)
}

// letters writes n letters of the alphabet, again and again from the one that turn says,
// so that a shifted or exchanged value is seen.
func (c *clip) letters(turn uint64, n int) {
	a, b := c.next(n)
	from := int((turn + uint64(a)) % uint64(len(alphabet)))
	n = b - a
	if first := -c.place() & (lineSize - 1); n > lettersAtOnce { // lines are compared faster than what lies across them
		c.put(letters[from : from+first])
		from, n = lined[(from+first)%len(alphabet)], n-first
	}
	for ; n > lettersAtOnce; n -= lettersAtOnce {
		c.put(letters[from : from+lettersAtOnce])
	}
	c.put(letters[from : from+n])
}

// place is where the next byte comes to lie, as a number of bytes before the end of the
// memory in which it is. Pages begin and end with lines of the cache.
func (c *clip) place() int {
	if c.checks {
		return -cap(c.dst)
	}
	return len(c.dst) - cap(c.dst)
}

const alphabet = "abcdefghijklmnopqrstuvwxyz"

// lettersAtOnce are so many that copying them takes longer than to call for it, and so few
// that they stay in the first cache of a processor. They are whole lines of it, too.
const (
	lineSize      = 64
	lettersAtOnce = lineSize * 5 / 2 * len(alphabet)
	lettersRow    = lettersAtOnce + lineSize/2*len(alphabet)
)

// letters is two rows of the alphabet, again and again, of which the second begins with its
// second letter. lined is for each letter a place in them where a line begins with it.
var (
	letters, lined = func() ([]byte, [len(alphabet)]int) {
		rows, lined := make([]byte, 0, 2*lettersRow), [len(alphabet)]int{}
		for row := range 2 {
			for i := range lettersRow {
				if i%lineSize == 0 && i < lettersRow-lettersAtOnce {
					lined[(i+row)%len(alphabet)] = len(rows)
				}
				rows = append(rows, alphabet[(i+row)%len(alphabet)])
			}
		}
		return rows, lined
	}()
	zeros = bytes.Repeat([]byte{'0'}, 64)
)

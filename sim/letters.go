package sim

import "strings"

// clip keeps the bytes [from, to) of a text that is written into it piece by piece.
type clip struct {
	dst      []byte
	at       int64 // bytes that were written, kept or not
	from, to int64
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
	c.dst = append(c.dst, text[a:b]...)
}

// key writes the last n decimal digits of k, with leading zeros: keys of few digits come
// again, as those of a real client do.
func (c *clip) key(k int64, n int) {
	a, b := c.next(n)
	c.dst = appendZeros(c.dst, b-a)
	for i := n - 1; i >= a && k > 0; i-- {
		if i < b {
			c.dst[len(c.dst)-b+i] = byte('0' + k%10)
		}
		k /= 10
	}
}

// letters writes n letters of the alphabet, again and again from the one that turn says,
// so that a shifted or exchanged value is seen.
func (c *clip) letters(turn uint64, n int) {
	a, b := c.next(n)
	c.dst = appendLetters(c.dst, turn+uint64(a), b-a)
}

const alphabet = "abcdefghijklmnopqrstuvwxyz"

// lettersAtOnce are so many that copying them takes longer than to call for it, and so few
// that they stay in the first cache of a processor.
const lettersAtOnce = 160 * len(alphabet)

var (
	letters = strings.Repeat(alphabet, 161)
	zeros   = strings.Repeat("0", 64)
)

func appendZeros(dst []byte, n int) []byte {
	for ; n > len(zeros); n -= len(zeros) {
		dst = append(dst, zeros...)
	}
	return append(dst, zeros[:n]...)
}

func appendLetters(dst []byte, turn uint64, n int) []byte {
	from := int(turn % uint64(len(alphabet)))
	for ; n > lettersAtOnce; n -= lettersAtOnce {
		dst = append(dst, letters[from:from+lettersAtOnce]...)
	}
	return append(dst, letters[from:from+n]...)
}

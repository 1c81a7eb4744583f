package model

import (
	"math/bits"
	"slices"
)

// AppendInt appends the decimal digits of a number, as strconv.AppendInt does. A trace is
// mostly numbers of about ten digits: eight of them are made at a time.
func AppendInt(b []byte, v int64) []byte {
	if v < 0 {
		return AppendUint(append(b, '-'), -uint64(v))
	}
	return AppendUint(b, uint64(v))
}

// AppendUint: see AppendInt.
func AppendUint(b []byte, v uint64) []byte {
	switch {
	case v < 10:
		return append(b, byte('0'+v))
	case v >= eight:
		q := v / eight
		return putEight(AppendUint(b, q), ascii|eightOf(v-q*eight), 8)
	}
	d := eightOf(v)
	zeros := bits.TrailingZeros64(d) / 8
	return putEight(b, (ascii|d)>>(8*zeros&63), 8-zeros)
}

// AppendNine appends a number below 1e9 as nine digits.
func AppendNine(b []byte, v uint64) []byte {
	q := v / eight
	return putEight(append(b, byte('0'+q)), ascii|eightOf(v-q*eight), 8)
}

const (
	eight = 100_000_000
	ascii = 0x3030303030303030
)

// eightOf are the eight decimal digits of a number below 1e8, a byte each, the first one
// lowest: it is halved into fours, twos and ones, all at once. The quotients by 100 and 10
// are right for all numbers of four and two digits.
func eightOf(v uint64) uint64 {
	q := v / 10_000
	v = q | (v-q*10_000)<<32
	q = v * 10486 >> 20 & 0x7f0000007f
	v = q | (v-q*100)<<16
	q = v * 103 >> 10 & 0x000f000f000f000f
	return q | (v-q*10)<<8
}

// putEight appends the n lowest bytes of a word, the lowest first; n is at most 8.
func putEight(b []byte, w uint64, n int) []byte {
	from := len(b)
	if cap(b)-from < 8 {
		b = slices.Grow(b, 8)
	}
	to := b[from : from+8]
	_ = to[7]
	to[0], to[1], to[2], to[3] = byte(w), byte(w>>8), byte(w>>16), byte(w>>24)
	to[4], to[5], to[6], to[7] = byte(w>>32), byte(w>>40), byte(w>>48), byte(w>>56) // one store
	return b[:from+n]
}

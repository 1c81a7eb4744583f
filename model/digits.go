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
	if cap(b)-len(b) < mostDigits {
		b = slices.Grow(b, mostDigits)
	}
	return appendUint(b, v)
}

// AppendStamp appends a number of seconds, a dot and nine digits of nanoseconds.
func AppendStamp(b []byte, seconds, ns uint64) []byte {
	if cap(b)-len(b) < mostDigits+len(".123456789") {
		b = slices.Grow(b, mostDigits+len(".123456789"))
	}
	b = appendUint(b, seconds)
	n := len(b)
	b = b[:n+10]
	q := ns / eight
	b[n], b[n+1] = '.', byte('0'+q)
	putEight(b[n+2:], ascii|eightOf(ns-q*eight))
	return b
}

// mostDigits is the length of the longest number, and the room that it is written with.
const mostDigits = 20 + 8

// appendUint is AppendUint for a slice that has room for mostDigits.
func appendUint(b []byte, v uint64) []byte {
	n := len(b)
	if v < 10 {
		b = b[:n+1]
		b[n] = byte('0' + v)
		return b
	}
	if v < eight {
		d := eightOf(v)
		zeros := uint(bits.TrailingZeros64(d)) / 8
		putEight(b[n:n+8], (ascii|d)>>(8*zeros&63))
		return b[:n+8-int(zeros)]
	}
	q := v / eight
	if q < 100 { // most offsets
		t := q / 10
		b = b[:n+10]
		b[n], b[n+1] = byte('0'+t), byte('0'+q-10*t)
		if t == 0 {
			b[n] = b[n+1]
			b = b[:n+9]
		}
	} else {
		b = appendUint(b, q)
		b = b[:len(b)+8]
	}
	putEight(b[len(b)-8:], ascii|eightOf(v-q*eight))
	return b
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

// putEight writes the bytes of a word, the lowest first.
func putEight(to []byte, w uint64) {
	_ = to[7]
	to[0], to[1], to[2], to[3] = byte(w), byte(w>>8), byte(w>>16), byte(w>>24)
	to[4], to[5], to[6], to[7] = byte(w>>32), byte(w>>40), byte(w>>48), byte(w>>56) // one store
}

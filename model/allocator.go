package model

import "math/bits"

// Allocator says how much memory a server gets when it asks for some. It shows
// in the history of redis >= 7.0, whose blocks use all they were given.
type Allocator uint8

// The allocators. The zero value is the one of packaged servers.
const (
	AllocJemalloc Allocator = iota // size classes, four to a doubling
	AllocLibc                      // glibc (built with MALLOC=libc): 16 bytes apart
)

// Usable is what a request for n bytes, n above 0, really gives
// (zmalloc.c: zmalloc_usable). For AllocLibc it is what a piece cut off fresh
// memory gives; glibc pads what it maps on its own (128 KiB and more) to whole
// pages, and that depends on what was freed before.
func (a Allocator) Usable(n int64) int64 {
	if a == AllocLibc {
		const overhead = 8 // of each piece, inside its 16-byte steps
		return max(roundUp(n+overhead, 16)-overhead, 24)
	}
	if n <= 8 {
		return 8
	}
	// 2^k < n <= 2^(k+1), in four steps; none of them is below 16.
	k := bits.Len64(uint64(n-1)) - 1
	return roundUp(n, 1<<max(k-2, 4))
}

// Mapped is Usable for a piece that is as large as a backlog and asked for early:
// glibc maps 128 KiB and more on their own, in whole pages.
func (a Allocator) Mapped(n int64) int64 {
	const page, overhead, threshold = 4096, 16, 128 << 10
	if a == AllocLibc && n >= threshold {
		return roundUp(n+overhead, page) - overhead
	}
	return a.Usable(n)
}

// roundUp is the least multiple of step that is not below n.
func roundUp(n, step int64) int64 { return (n + step - 1) / step * step }

package model

import (
	"math"
	"strconv"
	"testing"
)

// Digits are strconv's, at every border of length.
func TestAppendInt(t *testing.T) {
	check := func(v int64) {
		if got, want := string(AppendInt([]byte("x"), v)), "x"+strconv.FormatInt(v, 10); got != want {
			t.Fatalf("%d: %s", v, got)
		}
		if got, want := string(AppendUint(nil, uint64(v))), strconv.FormatUint(uint64(v), 10); got != want {
			t.Fatalf("%s: %s", want, got)
		}
	}
	for _, v := range []int64{0, math.MaxInt64, math.MinInt64, -1} {
		check(v)
	}
	for v := uint64(1); ; v *= 10 {
		for d := int64(-2); d <= 2; d++ {
			check(int64(v) + d)
			check(-int64(v) + d)
		}
		if v > math.MaxUint64/10 {
			break
		}
	}
	for i := range uint(64) {
		check(1<<i - 1)
		check(1 << i)
	}
	for i := range uint64(1000) {
		check(int64(mix64(i)) >> (i % 64))
	}
	for v := uint64(0); v < 1e9; v = v*5/4 + 1 {
		want := strconv.FormatUint(v/7, 10) + "." + strconv.FormatUint(1e9+v, 10)[1:]
		if got := string(AppendStamp([]byte("x")[1:], v/7, v)); got != want {
			t.Fatalf("%s: %s", want, got)
		}
	}
	for v := range int64(100_000) { // all of four digits, in either half
		check(v)
		check(v * 10_000)
	}
}

package sim

import "math/bits"

// Chance is addressed, not consumed: a number hangs on (seed, stream, counters)
// and on nothing else, so it is the same whoever asks for it, how often and in
// which order. There is no generator with a state that could run ahead.
//
// The mixing function is the output function of SplitMix64 (Steele, Lea, Flood:
// "Fast splittable pseudorandom number generators", OOPSLA 2014) with the
// constants of Stafford's Mix13, as in Vigna's splitmix64.c. For a fixed path
// but for its last counter the numbers are one SplitMix64 sequence.

// golden is the odd number next to 2^64 divided by the golden ratio: the step
// of a SplitMix64 sequence.
const golden = 0x9e3779b97f4a7c15

// seedKey is a place in the tree of all numbers of a seed. The key is itself
// the number at that place.
type seedKey uint64

// newSeedKey is the root of one stream of a seed.
func newSeedKey(seed, stream uint64) seedKey { return seedKey(0).sub(seed).sub(stream) }

// sub is the i-th place below k. Different i give different numbers.
func (k seedKey) sub(i uint64) seedKey {
	return mix(uint64(k) + (i+1)*golden)
}

// mix is the number at a step of a sequence.
func mix(z uint64) seedKey {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return seedKey(z ^ z>>31)
}

// draw is the number at a place: 64 even bits.
func draw(seed, stream uint64, counters ...uint64) uint64 {
	k := newSeedKey(seed, stream)
	for _, c := range counters {
		k = k.sub(c)
	}
	return uint64(k)
}

// Draw is the number at a place of a seed, for chance outside of a run. The
// streams of runs are below 64 << 32.
func Draw(seed, stream uint64, counters ...uint64) uint64 {
	return draw(seed, stream, counters...)
}

// uniform makes a whole number in [0, n) of 64 even bits; n > 0. It takes the
// upper word of the product and rejects nothing: the chance of a value is off
// by less than n / 2^64 of itself, one part in 10^6 for a period of five hours
// in nanoseconds.
func uniform(x, n uint64) uint64 {
	hi, _ := bits.Mul64(x, n)
	return hi
}

package sim

import (
	"bytes"
	"runtime"
	"testing"
)

// BenchmarkBytesBound is what the bytes of the reference run cost if they are only copied
// into a ring of the size of its backlog and compared once, by the processor's clock: no
// way of playing them with real bytes can be faster than that on the same machine.
func BenchmarkBytesBound(b *testing.B) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const size = 199 * 10_000 // bytes of a simulated second
	text := bytes.Repeat([]byte{7}, writtenAtOnce)
	same := bytes.Clone(text)
	for _, m := range []struct {
		name          string
		ring          int
		copy, compare bool
	}{{"copy", 8 << 20, true, false}, {"copy-cached", writtenAtOnce, true, false}, {"compare", writtenAtOnce, false, true}, {"copy+compare", 8 << 20, true, true}} {
		b.Run(m.name, func(b *testing.B) {
			ring := bytes.Repeat([]byte{1}, m.ring)
			at, done := 0, 0
			began := cpuTime()
			for b.Loop() {
				if m.copy {
					at = (at + copy(ring[at:], text)) % len(ring)
				}
				if m.compare && !bytes.Equal(text, same) {
					b.Fatal("changed")
				}
				done += len(text)
			}
			b.SetBytes(int64(len(text)))
			b.ReportMetric(float64(done)/size/(cpuTime()-began).Seconds(), "sim_s/cpu_s")
		})
	}
}

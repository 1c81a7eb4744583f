package tcp

import "testing"

// BenchmarkBulk moves segments through a link of 100 mbit/s and 40 ms, with loss
// and without: ns a segment, ACKs counted.
func BenchmarkBulk(b *testing.B) {
	for _, bench := range []struct {
		name string
		loss PPB
	}{{"clean", 0}, {"loss=1%", Always / 100}} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			x := newBulkBench(bench.loss)
			b.ResetTimer()
			for x.c.Segments < int64(b.N)+x.warm {
				x.step()
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "segments/s")
		})
	}
}

// TestNoAllocation: once its memory has grown, a connection needs no more.
func TestNoAllocation(t *testing.T) {
	x := newBulkBench(Always / 100)
	if n := testing.AllocsPerRun(20, func() {
		for range 5000 {
			x.step()
		}
	}); n > 0 {
		t.Errorf("%v allocations in 5000 steps", n)
	}
}

type bulkBench struct {
	there, back Path
	c           Conn
	warm        int64
}

func newBulkBench(loss PPB) *bulkBench {
	x := &bulkBench{}
	p := PathConfig{Latency: 20 * Millisecond, Bandwidth: 12_500_000, Loss: loss}
	x.there.Reset(p, 1)
	p.Loss = 0
	x.back.Reset(p, 2)
	o := Linux()
	x.c.Reset(&o, &o, &x.there, &x.back)
	x.c.Open(0)
	x.c.Offer(0, 0, 1<<60)
	for x.c.Segments < 200_000 {
		x.step()
	}
	x.warm = x.c.Segments
	return x
}

func (x *bulkBench) step() { x.c.Step(x.c.Next()) }

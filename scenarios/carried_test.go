package scenarios

import (
	"fmt"
	"strings"
	"testing"
)

// What a link of 1gbit/s may have to carry at most: half of the picoseconds that its clock counts, at
// 8001 for each byte (8000, rounded up). In an hour, at this many bytes a second.
const mostCarried = int64(1) << 62 / 8001 / 3600

// TestCarried: loads are refused from the first byte a second on that is too much, all loads of a
// scenario together, each for as long as it lasts and at its fastest; links of segments carry anything.
func TestCarried(t *testing.T) {
	for _, c := range []struct {
		name, link, loads string
		refused           bool
	}{
		{"the most", "bandwidth: 1gbit/s", fmt.Sprintf("{on: m, rate: %dB/s}", mostCarried), false},
		{"one more", "bandwidth: 1gbit/s", fmt.Sprintf("{on: m, rate: %dB/s}", mostCarried+1), true},
		{"half of it, over a link half as fast", "bandwidth: 500mbit/s", fmt.Sprintf("{on: m, rate: %dB/s}", mostCarried/2-10_000_000), false},
		{"the most, over a link half as fast", "bandwidth: 500mbit/s", fmt.Sprintf("{on: m, rate: %dB/s}", mostCarried), true},
		{"more, over segments", "bandwidth: 1gbit/s, model: tcp", fmt.Sprintf("{on: m, rate: %dB/s}", 2*mostCarried), false},
		{"more over a slow link of segments", "bandwidth: 1mbit/s, model: tcp", "{on: m, rate: 500MB/s}", false},
		{"two loads", "bandwidth: 1gbit/s", fmt.Sprintf("{on: m, rate: %[1]dB/s}, {on: m, rate: %[1]dB/s}", mostCarried/2+1), true},
		{"two loads, one after the other", "bandwidth: 1gbit/s", fmt.Sprintf("{on: m, rate: %[1]dB/s, until: 30m}, {on: m, rate: %[1]dB/s, from: 30m}", mostCarried), false},
		{"in bursts", "bandwidth: 1gbit/s", fmt.Sprintf("{on: m, rate: 1MB/s, arrivals: {bursts: {on: 1s, off: 9s, rate: %dB/s}}}", mostCarried+1), true},
	} {
		text := fmt.Sprintf("question: How much?\nduration: 1h\nservers:\n  m: {version: redis-7.0}\n  r: {version: redis-7.0, replicaof: m}\nlinks:\n  - {between: [m, r], %s}\nworkload: [%s]\n", c.link, c.loads)
		_, err := Load("f.yaml", []byte(text), nil, nil)
		if c.refused != (err != nil) || err != nil && !strings.Contains(err.Error(), "carries in 50 days") {
			t.Errorf("%s: refused: %v", c.name, err)
		}
	}
}

package plots

import (
	"math"
	"strings"
	"testing"
	"time"
)

// One axis has one unit below a minute, and whole minutes or hours above.
func TestTimeTicks(t *testing.T) {
	for _, x := range []struct {
		hi   time.Duration
		want string
	}{
		{90 * time.Millisecond, "0 s, 10 ms, 20 ms, 30 ms, 40 ms, 50 ms, 60 ms, 70 ms, 80 ms, 90 ms"},
		{90 * time.Second, "0 s, 10 s, 20 s, 30 s, 40 s, 50 s, 60 s, 70 s, 80 s, 90 s"},
		{5 * time.Minute, "0 s, 50 s, 100 s, 150 s, 200 s, 250 s, 300 s"},
		{45 * time.Minute, "0 s, 5 min, 10 min, 15 min, 20 min, 25 min, 30 min, 35 min, 40 min, 45 min"},
		{26 * time.Hour, "0 s, 4 h, 8 h, 12 h, 16 h, 20 h, 24 h"},
		{20 * 24 * time.Hour, "0 s, 48 h, 96 h, 144 h, 192 h, 240 h, 288 h, 336 h, 384 h, 432 h, 480 h"},
	} {
		var got []string
		for _, k := range timeTicks(0, float64(x.hi), 10, false) {
			got = append(got, k.text)
		}
		if s := strings.Join(got, ", "); s != x.want {
			t.Errorf("up to %v: %s, want %s", x.hi, s, x.want)
		}
	}
	for _, hi := range []float64{math.NaN(), math.Inf(1)} {
		timeTicks(0, hi, 10, false) // ends
	}
}

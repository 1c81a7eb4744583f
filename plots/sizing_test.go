package plots

import (
	"bytes"
	"fmt"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"psyncsim/results"
	"psyncsim/results/risk"
)

// madeUp is an answer that looks like a real one: log-normal outages, some of
// them silent, against a rate that varies.
func madeUp(n int, target float64) *risk.Answer {
	rng := rand.New(rand.NewPCG(3, 4))
	a := &risk.Answer{
		Question: risk.Question{Target: target, Confidence: 0.95, Per: "outage", Seed: 1, Rate: 6_100_000, Load: "samples of INFO, 1 h", Outage: "p50=2s,p99=45s"},
		Version:  "redis-7.0.15",
		Memory:   risk.Memory{Max: 12 << 30},
		FullSync: &risk.FullSync{Beyond: 900 << 20},
	}
	needs := make([]int64, n)
	for i := range n {
		seconds := 2 * math.Exp(1.34*rng.NormFloat64())
		rate := 6.1e6 * math.Exp(0.5*rng.NormFloat64())
		o := risk.Outage{Index: int64(i), Kind: "reset", Lasted: int64(seconds * 1e9)}
		o.Lag, o.During, o.Reconnect = int64(rate*0.01), int64(rate*seconds), int64(rate*(0.1+rng.Float64()))
		if rng.IntN(4) == 0 {
			o.Kind = "silent"
			if seconds < 3 {
				o.Lag, o.During, o.Reconnect = 0, 0, 0
			} else {
				o.Detection = int64(rate * max(0, 60-seconds))
			}
		}
		o.Need = o.Lag + o.During + o.Detection + o.Reconnect
		if rng.IntN(8000) == 0 {
			o.Need, o.Reason = risk.Hopeless, "id-mismatch"
		}
		needs[i] = o.Need
		a.Outages = append(a.Outages, o)
	}
	a.Curve = risk.NewCurve(needs, 0.95)
	if size, err := a.Curve.Recommend(target); err == nil {
		p := a.Curve.At(risk.Round(size))
		a.Recommended, a.OnCurve = &p, &p
		need, _ := a.Curve.Quantile(target)
		a.Sensitivity = []risk.Sensitivity{
			{Input: "write rate", Low: "3.1 MB/s", High: "12.2 MB/s", LowNeed: need / 2, HighNeed: need * 2, Need: need},
			{Input: "outage", Low: "half as long", High: "twice as long", LowNeed: need * 8 / 10, HighNeed: need * 16 / 10, Need: need},
			{Input: "repl-timeout", Low: "30 s", High: "120 s", LowNeed: need * 6 / 10, HighNeed: need * 17 / 10, Need: need},
			{Input: "latency", Low: "0.5 ms", High: "2 ms", LowNeed: need, HighNeed: need, Need: need},
			{Input: "link", Low: "100 mbit/s", High: "10 gbit/s", LowNeed: risk.Hopeless, HighNeed: need, Need: need},
		}
	}
	now := a.Curve.At(1 << 20)
	a.Current = &now
	a.Rule = &risk.Rule{Seconds: 12, Rate: 6_100_000, Once: a.Curve.At(73_200_000), Twice: a.Curve.At(146_400_000)}
	return a
}

func madeUpLoad() *LoadView {
	l := &LoadView{Source: "info.csv"}
	sum := int64(0)
	for s := range int64(420) {
		blind := s > 200 && s < 215
		if !blind || s == 214 {
			l.Samples = append(l.Samples, LoadSample{T: s * second, Bytes: sum, Blind: s == 214})
		}
		sum += 100_000
		if s%40 >= 32 {
			sum += 1_300_000
		}
	}
	l.Outages = []LoadOutage{
		{38 * second, 43 * second, "reset", results.Full, 6104516}, {46 * second, 49 * second, "reset", results.Partial, 73236},
		{300 * second, 361 * second, "silent", results.Full, 15868350}, {390 * second, 390 * second, "", results.Partial, 0}, {395 * second, 399 * second, "restart", results.Full, -1},
	}
	return l
}

// The charts of a sizing come out as PNG and SVG, the same twice, and nothing is
// cut at the edge.
func TestSizingCharts(t *testing.T) {
	month := madeUp(2000, 0.5)
	month.Question.Per = "month"
	close := madeUp(20_000, 0.999)
	near := close.Curve.At(close.Recommended.Bytes + 3<<20)
	close.Current = &near
	close.Rule.Once, close.Rule.Twice = close.Curve.At(close.Recommended.Bytes-1<<20), close.Curve.At(close.Recommended.Bytes)
	close.Memory.Max = (close.Recommended.Bytes + 1<<20) * 100
	for name, a := range map[string]*risk.Answer{"sizing": madeUp(20_000, 0.99), "month": month, "close": close} {
		dir, again := outDir(t, name), t.TempDir()
		names, err := Sizing(dir, a, madeUpLoad())
		if err != nil {
			t.Fatal(err)
		}
		if got, want := strings.Join(names, " "), "risk.png risk.svg gaps.png gaps.svg sensitivity.png sensitivity.svg load.png load.svg"; got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		if _, err := Sizing(again, a, madeUpLoad()); err != nil {
			t.Fatal(err)
		}
		for _, n := range names {
			b, _ := os.ReadFile(filepath.Join(dir, n))
			c, _ := os.ReadFile(filepath.Join(again, n))
			if len(b) == 0 || !bytes.Equal(b, c) {
				t.Errorf("%s/%s: %d and %d bytes, not the same", name, n, len(b), len(c))
			}
			if strings.HasSuffix(n, ".png") {
				if img, err := png.Decode(bytes.NewReader(b)); err != nil || img.Bounds().Dx() < 1000 {
					t.Errorf("%s/%s: %v", name, n, err)
				}
				free(t, name+"/"+n, b)
			} else {
				apart(t, name+"/"+n, b)
			}
		}
	}
}

var svgText = regexp.MustCompile(`<text x="([-\d.]+)" y="([-\d.]+)"([^>]*)>([^<]*)</text>`)

// apart checks that no two texts of an SVG that are not turned lie on each other,
// and that all can be read.
func apart(t *testing.T, name string, svg []byte) {
	type word struct {
		x0, x1, y, size float64
		text            string
	}
	var all []word
	for _, m := range svgText.FindAllSubmatch(svg, -1) {
		if bytes.Contains(m[3], []byte("rotate")) {
			continue
		}
		x, _ := strconv.ParseFloat(string(m[1]), 64)
		y, _ := strconv.ParseFloat(string(m[2]), 64)
		size := 0.
		if s := regexp.MustCompile(`font-size:([\d.]+)px`).FindSubmatch(m[3]); s != nil {
			size, _ = strconv.ParseFloat(string(s[1]), 64)
		}
		if size < 8*0.99 {
			t.Errorf("%s: %q is %g px high", name, m[4], size)
		}
		// vgsvg writes lengths in points at 1.25 px; here only ratios count.
		st := style(10, ink, left, top)
		w := float64(st.Width(string(m[4]))) / 10 * size
		all = append(all, word{x, x + w, y, size, string(m[4])})
	}
	if len(all) < 8 {
		t.Errorf("%s: only %d texts found", name, len(all))
	}
	for i, a := range all {
		for _, b := range all[:i] {
			if a.x0 < b.x1-1 && b.x0 < a.x1-1 && math.Abs(a.y-b.y) < 0.75*min(a.size, b.size) {
				t.Errorf("%s: %q lies on %q", name, a.text, b.text)
			}
		}
	}
}

// Few outages, none, all full, none full: sane charts or a clear error.
func TestSizingDegenerate(t *testing.T) {
	of := func(needs ...int64) *risk.Answer {
		a := &risk.Answer{Question: risk.Question{Target: 0.99, Confidence: 0.95}}
		for i, n := range needs {
			o := risk.Outage{Index: int64(i), Need: n}
			if n != risk.Hopeless {
				o.During = n
			}
			a.Outages = append(a.Outages, o)
		}
		a.Curve = risk.NewCurve(needs, 0.95)
		return a
	}
	same := make([]int64, 1000)
	hopeless := make([]int64, 1000)
	for i := range same {
		same[i], hopeless[i] = 5<<20, risk.Hopeless
	}
	huge := of(math.MaxInt64-1, 1, 1<<60)
	huge.Rule = &risk.Rule{Once: risk.Point{Bytes: math.MaxInt64 - 1}, Twice: risk.Point{Bytes: risk.Hopeless}}
	huge.FullSync = &risk.FullSync{Beyond: 1}
	torn := of(same...)
	torn.Sensitivity = []risk.Sensitivity{{Input: "a", Need: 1 << 20, LowNeed: 0, HighNeed: risk.Hopeless}, {Input: "b", Need: risk.Hopeless}, {}}
	for name, c := range map[string]struct {
		a    *risk.Answer
		want string
		err  string
	}{
		"no outage":    {of(), "", "not one outage"},
		"nil":          {&risk.Answer{}, "", "not one outage"},
		"one":          {of(7 << 20), "risk.png risk.svg gaps.png gaps.svg", ""},
		"all the same": {of(same...), "risk.png risk.svg gaps.png gaps.svg", ""},
		"all bridged":  {of(make([]int64, 1000)...), "risk.png risk.svg", ""},
		"all full":     {of(hopeless...), "risk.png risk.svg", ""},
		"huge":         {huge, "risk.png risk.svg gaps.png gaps.svg", ""},
		"sensitivity":  {torn, "risk.png risk.svg gaps.png gaps.svg sensitivity.png sensitivity.svg", ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := outDir(t, "degenerate-"+strings.ReplaceAll(name, " ", "-"))
			names, err := Sizing(dir, c.a, nil)
			if strings.Join(names, " ") != c.want || fmt.Sprint(err) != "<nil>" && !strings.Contains(err.Error(), c.err) || (err == nil) != (c.err == "") {
				t.Errorf("%v, %v; want %s", names, err, c.want)
			}
			for _, n := range names {
				if b, _ := os.ReadFile(filepath.Join(dir, n)); strings.HasSuffix(n, ".png") {
					free(t, n, b)
				} else {
					if bytes.Contains(b, []byte("NaN")) || bytes.Contains(b, []byte("Inf")) {
						t.Errorf("%s holds what is no number", n)
					}
					apart(t, n, b)
				}
			}
		})
	}
}

func TestLoadDegenerate(t *testing.T) {
	for name, c := range map[string]struct {
		l    *LoadView
		want int
	}{
		"nil":       {nil, 0},
		"none":      {&LoadView{}, 0},
		"one":       {&LoadView{Samples: []LoadSample{{}}}, 0},
		"same time": {&LoadView{Samples: []LoadSample{{}, {Bytes: 5}}}, 0},
		"idle":      {&LoadView{Samples: []LoadSample{{}, {T: second}}}, 2},
		"all blind": {&LoadView{Samples: []LoadSample{{}, {T: second, Bytes: 9, Blind: true}}}, 2},
		"backwards": {&LoadView{Samples: []LoadSample{{Bytes: 9}, {T: second, Bytes: 5}, {T: second / 2}, {T: 3 * second}}, Outages: []LoadOutage{{From: -9 * second, To: 99 * second}}}, 2},
		"enormous":  {&LoadView{Samples: []LoadSample{{}, {T: 1, Bytes: math.MaxInt64}, {T: math.MaxInt64, Bytes: math.MaxInt64}}}, 2},
		"many marks": {func() *LoadView {
			l := madeUpLoad()
			for i := range int64(400) {
				l.Outages = append(l.Outages, LoadOutage{i * second, i*second + 1, "silent", results.Full, 1 << 30})
			}
			return l
		}(), 2},
	} {
		t.Run(name, func(t *testing.T) {
			dir := outDir(t, "load-"+strings.ReplaceAll(name, " ", "-"))
			names, err := Load(dir, c.l)
			if err != nil || len(names) != c.want {
				t.Fatalf("%v, %v", names, err)
			}
			for _, n := range names {
				b, _ := os.ReadFile(filepath.Join(dir, n))
				if strings.HasSuffix(n, ".png") {
					free(t, n, b)
				} else {
					apart(t, n, b)
				}
			}
		})
	}
}

func TestShareText(t *testing.T) {
	for s, want := range map[float64]string{0: "0 %", 1: "100 %", 0.5: "50 %", 0.123: "12 %", 0.01: "1.0 %", 0.0123: "1.2 %", 0.99: "99.0 %", 0.999: "99.90 %", 0.00042: "0.042 %"} {
		if got := shareText(s); got != want {
			t.Errorf("%g is %q, want %q", s, got, want)
		}
	}
	for n, want := range map[int64]string{192 << 20: "192mb", 6104516: "5.8mb", 146_400_000: "140mb", 900: "900", 3 << 30: "3gb", 112240: "110kb", 9999: "9.8kb"} {
		if got := sizeText(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}

// The mean is that of the answer, from the first sample to the last: time in which nobody
// watched, but the bytes of which are known, is part of it.
func TestLoadMean(t *testing.T) {
	l := &LoadView{Samples: []LoadSample{{T: 0}, {T: 1e9, Bytes: 3000}, {T: 5e9, Bytes: 4000, Blind: true}}}
	if mean, peak := l.mean(); mean != 800 || peak != 3000 {
		t.Errorf("a mean of %g and a peak of %g, not 800 and 3000", mean, peak)
	}
}

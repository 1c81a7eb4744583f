package outages

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat/distuv"
)

// files are those of the tests.
var files = map[string]string{
	"plain.txt":    "# as the pager told us\n1s\n\n2.5s\n 45s\n",
	"seconds.csv":  "when,outage_s,kind\n08:00,1.5,reset\n09:00,45,silent\n10:00,45,restart\n",
	"ms.csv":       "duration_ms\n250\n1500\n",
	"empty.txt":    "# nothing\n\n",
	"column.csv":   "when,length\n08:00,1s\n",
	"kind.csv":     "duration,kind\n1s,slow\n",
	"negative.txt": "1s\n-2s\n",
	"cut.csv":      "duration,kind\n1s\n",
	"quote.csv":    "duration\n\"1s\n",
	"bare.txt":     "1s\n45\n",
	"wide.txt":     "1s,2s\n",
	"prose.txt":    "The switch was down on Tuesday.\n",
	"two.csv":      "duration,seconds\n1s,1\n",
}

func fromFiles(name string) ([]byte, error) {
	text, ok := files[name]
	if !ok {
		return nil, fmt.Errorf("open %s: %w", name, os.ErrNotExist)
	}
	return []byte(text), nil
}

func mustParse(t *testing.T, text string) *Distribution {
	t.Helper()
	d, err := parse(text, Reset, fromFiles)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		text, name         string
		min, p50, p99, max time.Duration
		mean               time.Duration
		kinds              map[Kind]int64
	}{
		{"30s", "reset:30s", 30 * time.Second, 30 * time.Second, 30 * time.Second, 30 * time.Second, 30 * time.Second, map[Kind]int64{Reset: whole}},
		{"silent: 1s, 2s,45s", "silent:1s, 2s,45s", time.Second, 2 * time.Second, 45 * time.Second, 45 * time.Second, 16 * time.Second, map[Kind]int64{Silent: whole}},
		{"@plain.txt", "@plain.txt", time.Second, 2500 * time.Millisecond, 45 * time.Second, 45 * time.Second, 16166667 * time.Microsecond, map[Kind]int64{Reset: whole}},
		{"@seconds.csv", "@seconds.csv", 1500 * time.Millisecond, 45 * time.Second, 45 * time.Second, 45 * time.Second, 30500 * time.Millisecond, map[Kind]int64{Reset: 333333333, Silent: 333333333, Restart: 333333333}},
		{"restart:@ms.csv", "restart:@ms.csv", 250 * time.Millisecond, 250 * time.Millisecond, 1500 * time.Millisecond, 1500 * time.Millisecond, 875 * time.Millisecond, map[Kind]int64{Restart: whole}},
		{"75% 2s + 25% silent:10s", "75% reset:2s + 25% silent:10s", 2 * time.Second, 2 * time.Second, 10 * time.Second, 10 * time.Second, 4 * time.Second, map[Kind]int64{Reset: 75e7, Silent: 25e7}},
		{"1s + restart:2s", "reset:1s + restart:2s", time.Second, time.Second, 2 * time.Second, 2 * time.Second, 1500 * time.Millisecond, map[Kind]int64{Reset: 5e8, Restart: 5e8}},
		{"min=1s,max=3s", "reset:min=1s,max=3s", time.Second, 2 * time.Second, 2980 * time.Millisecond, 3 * time.Second, 2 * time.Second, map[Kind]int64{Reset: whole}},
		{"uniform(min=10s,max=30s)", "reset:uniform(min=10s,max=30s)", 10 * time.Second, 20 * time.Second, 29800 * time.Millisecond, 30 * time.Second, 20 * time.Second, map[Kind]int64{Reset: whole}},
	} {
		d := mustParse(t, c.text)
		near := func(what string, got, want time.Duration) {
			if math.Abs(float64(got-want)) > 2e-4*float64(want) {
				t.Errorf("%s: %s is %v, want %v", c.text, what, got, want)
			}
		}
		near("min", d.Min(), c.min)
		near("median", d.Quantile(whole/2), c.p50)
		near("p99", d.Quantile(99*whole/100), c.p99)
		near("max", d.Max(), c.max)
		near("mean", d.Mean(), c.mean)
		if d.String() != c.name || fmt.Sprint(d.Shares()) != fmt.Sprint(c.kinds) {
			t.Errorf("%s: %s, %v", c.text, d, d.Shares())
		}
		if again := mustParse(t, d.String()); again.Mean() != d.Mean() {
			t.Errorf("%s is not read again as it was", d)
		}
	}
}

// Two quantiles state a log-normal distribution, and every quantile that was
// stated is met, but for four digits and for the straight line through the one
// share in 4,096 in which it lies.
func TestQuantilesAreMet(t *testing.T) {
	d := mustParse(t, "p99=45s,median=2s")
	sigma := math.Log(45./2) / distuv.UnitNormal.Quantile(0.99)
	l := distuv.LogNormal{Mu: math.Log(2), Sigma: sigma}
	for _, p := range []float64{0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.99999} {
		got, want := d.Quantile(int64(p*1e9)).Seconds(), l.Quantile(p)
		if math.Abs(got/want-1) > 2e-3 {
			t.Errorf("quantile %g is %g s, want %g", p, got, want)
		}
	}
	d = mustParse(t, "min=100ms,p50=2s,p90=20s,p99=25s,max=1m")
	for p, want := range map[int64]float64{0: 0.1, 25: 1.05, 50: 2, 90: 20, 99: 25, 100: 60} {
		if got := d.Quantile(p * whole / 100).Seconds(); math.Abs(got/want-1) > 2e-3 {
			t.Errorf("quantile %d is %g s, want %g", p, got, want)
		}
	}
	if d.Quantile(995*whole/1000) < 42*time.Second || d.Quantile(995*whole/1000) > 43*time.Second { // half of the way to the max
		t.Error(d.Quantile(995 * whole / 1000))
	}
}

// Draws have the distribution that Quantile and Mean tell.
func TestDraws(t *testing.T) {
	for _, text := range append(Distributions(), "p50=2s,p99=45s", "90% pod-restart + 10% zone-cut", "1s,2s,45s") {
		d := mustParse(t, text)
		const n = 40_000
		all := make([]time.Duration, n)
		for i := range all {
			o := d.Draw(7, uint64(i))
			if o != d.Draw(7, uint64(i)) {
				t.Fatal("a draw changes")
			}
			all[i] = o.For
			if o.For < d.Min() || o.For > d.Max() {
				t.Errorf("%s: %v is outside of %v to %v", text, o.For, d.Min(), d.Max())
			}
		}
		slices.Sort(all)
		for _, q := range []float64{0.1, 0.5, 0.9, 0.99} {
			// Five standard errors of the share.
			e := 5 * math.Sqrt(q*(1-q)/n)
			lo, hi := d.Quantile(int64((q-e)*1e9)), d.Quantile(int64((q+e)*1e9))
			if got := all[int(q*n)]; got < lo || got > hi {
				t.Errorf("%s: quantile %g of the draws is %v, expected %v to %v", text, q, got, lo, hi)
			}
		}
	}
	if mustParse(t, "p50=2s,p99=45s").Draw(1, 0) == mustParse(t, "p50=2s,p99=45s").Draw(2, 0) {
		t.Error("two seeds draw the same")
	}
}

// Named distributions are gonum's: their quantiles to four digits.
func TestNamed(t *testing.T) {
	for text, q := range map[string]quantiler{
		"lognormal(mu=1.5, sigma=0.5)":       distuv.LogNormal{Mu: 1.5, Sigma: 0.5},
		"Exponential(rate=0.1)":              distuv.Exponential{Rate: 0.1},
		"weibull(shape=0.7,scale=10)":        distuv.Weibull{K: 0.7, Lambda: 10},
		"gamma(k=2,scale=5s)":                distuv.Gamma{Alpha: 2, Beta: 0.2},
		"triangle(min=1s,mode=5s,max=60s)":   distuv.NewTriangle(1, 60, 5, nil),
		"normal(mean=30s,sd=500ms)":          distuv.Normal{Mu: 30, Sigma: 0.5},
		"uniform(min=500ms,max=2h)":          distuv.Uniform{Min: 0.5, Max: 7200},
		"lognormal(median=60s, sigma=0.001)": distuv.LogNormal{Mu: math.Log(60), Sigma: 0.001},
	} {
		d := mustParse(t, text)
		for _, p := range []float64{0.001, 0.25, 0.5, 0.75, 0.99, 0.9999} {
			if got, want := d.Quantile(int64(p*1e9)).Seconds(), q.Quantile(p); math.Abs(got/want-1) > 2e-3 {
				t.Errorf("%s: quantile %g is %g s, want %g", text, p, got, want)
			}
		}
	}
	p := distuv.Pareto{Xm: 1, Alpha: 1.5}
	d := mustParse(t, "pareto(xm=1s,alpha=1.5)")
	for _, x := range []float64{1.5, 3, 20} {
		if got, want := float64(d.below(time.Duration(x*1e9)))/1e9, p.CDF(x); math.Abs(got-want) > 3e-4 {
			t.Errorf("pareto: %g at most %g s, want %g", got, x, want)
		}
	}
}

// The tables are kept: another CPU, another version of math or gonum must give
// the same bytes. They were also the same on 386, with GOAMD64=v3 and in
// WebAssembly, where Exp and Pow differ in their last bits.
func TestPortable(t *testing.T) {
	h := fnv.New64a()
	texts := Distributions()
	for _, p := range Presets() {
		texts = append(texts, p.Name)
	}
	for _, text := range append(texts, "p50=2s,p99=45s", "1s,2s,45s") {
		d := mustParse(t, text)
		for i := range d.parts {
			if tab := d.parts[i].table; tab != nil {
				fmt.Fprintln(h, tab.body, tab.tail)
			}
		}
		for i := range uint64(1000) {
			fmt.Fprintln(h, d.Draw(42, i))
		}
		fmt.Fprintln(h, d.Mean(), d.Max(), d.Quantile(99*whole/100))
	}
	if got := fmt.Sprintf("%016x", h.Sum64()); got != "0169f78a75a543ab" {
		t.Errorf("tables and draws are %s", got)
	}
}

func TestPresets(t *testing.T) {
	for _, p := range Presets() {
		d := mustParse(t, p.Name)
		if d.Draw(1, 0).Kind != p.Kind || p.Source == "" || p.About == "" {
			t.Errorf("%+v", p)
		}
		if s := d.Summary(); !strings.HasPrefix(s, "half within ") || !strings.HasSuffix(s, string(p.Kind)) {
			t.Error(s)
		}
	}
	if got := mustParse(t, "reset:zone-cut").Draw(1, 0).Kind; got != Reset {
		t.Errorf("a stated kind: %s", got)
	}
	if got, want := mustParse(t, "90% silent:2s + 10% 30s").Summary(), "half within 2s, 90% within 2s, 99% within 30s, none beyond 30s; 10% reset, 90% silent"; got != want {
		t.Errorf("%s", got)
	}
}

func TestList(t *testing.T) {
	d, err := List("replica.log", []Outage{{3 * time.Second, Reset}, {time.Second, Silent}})
	if err != nil || d.String() != "2 outages of replica.log" || d.Quantile(whole/2) != time.Second || d.Mean() != 2*time.Second {
		t.Error(d, err)
	}
	for _, all := range [][]Outage{nil, {{0, Reset}}, {{time.Second, "slow"}}, {{31 * 24 * time.Hour, Reset}}} {
		if _, err := List("x.log", all); err == nil {
			t.Errorf("%v is taken", all)
		}
	}
}

// Every error is one sentence with its place.
func TestRefused(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "at character 1: an outage is missing"},
		{"45", `at character 1: "45": a unit is missing: 45s is seconds`},
		{"1s,,2s", "at character 4: \"\": a value is missing"},
		{"1s,-2s", `at character 4: "-2s": must not be negative`},
		{"-1s", `at character 1: "-1s": must not be negative`},
		{"0s", "longer than nothing"},
		{"9999h", "at most 720h"},
		{"p50=2s", "one quantile says nothing"},
		{"p50=2s,p99=1s", `at character 8: "p99": 1s is less than the 2s of p50; quantiles must not fall`},
		{"p50=2s,p50=3s", `at character 8: "p50": stated twice`},
		{"p50=2s,median=3s", "stated twice"},
		{"p101=2s,p50=1s", `at character 1: "p101": not a quantile`},
		{"p-1=2s,p50=1s", "not a quantile"},
		{"p50=2s,99=1s", `at character 8: "99": not a quantile`},
		{"p50=2s,45s", `at character 8: "45s": not a quantile`},
		{"p50=2s,p99=-45s", `at character 12: "-45s": must not be negative`},
		{"p50=2s, p99=soon", `at character 13: "soon": not a number`},
		{"p50=1s,p90=24h", "one outage in a thousand would be longer"},
		{"pod-restrat", `at character 1: "pod-restrat": unknown; expected`},
		{"slow:2s", "slow is no kind of outage"},
		{"reset:", "at character 7: an outage is missing"},
		{"50% 2s + 3s", "1 of 2 terms say how many"},
		{"50% 2s + 60% 3s", "110% of the outages together"},
		{"0% 2s + 100% 3s", `at character 1: "0%": not a share`},
		{"120% 2s", `at character 1: "120%": not a share`},
		{"cauchy(mu=1)", `at character 1: "cauchy": no distribution that is known; expected one of lognormal(`},
		{"lognormal(mu=1)", "sigma is missing"},
		{"lognormal(sigma=1)", "median is missing"},
		{"lognormal(mu=1,sigma=-1)", `at character 22: "-1": not a number that makes sense here`},
		{"lognormal(mu=1,sigma=NaN)", "not a number that makes sense"},
		{"lognormal(mu=1,sigma=1e300)", "not a number that makes sense"},
		{"lognormal(mu=50,sigma=1)", "half of the outages would be longer than 720h"},
		{"lognormal(mu=-50,sigma=1)", "half of the outages would be shorter than 1µs"},
		{"lognormal(mu=1,sigma=9)", "one outage in a thousand would be longer"},
		{"lognormal(mu=1,sigma=1,rho=2)", `at character 24: "rho": no parameter of this distribution`},
		{"lognormal(mu=1,mu=1)", `at character 16: "mu": stated twice`},
		{"lognormal(1,2)", `at character 11: "1": not a parameter`},
		{"uniform(min=2s,max=1s)", "max is less than min"},
		{"triangle(min=1s,mode=9s,max=2s)", "expected min ≤ mode ≤ max"},
		{"gamma(alpha=0,beta=1)", "not a number that makes sense"},
		{"pareto(xm=1s,alpha=0.1)", "one outage in a thousand"},
		{"lognormal mu=1)", "the ( is missing"},
		{"@", "the name of a file is missing"},
		{"@nowhere.txt", "open nowhere.txt"},
		{"@empty.txt", "empty.txt: no duration in it"},
		{"@column.csv", "column.csv:1: the header \"when,length\" names no column of durations"},
		{"@kind.csv", `kind.csv:2: "slow" is no kind of outage`},
		{"@negative.txt", `negative.txt:2: "-2s": must not be negative`},
		{"@cut.csv", "cut.csv:2: the row has 1 cells, the rows before 2"},
		{"@quote.csv", "quote.csv:"},
		{"@bare.txt", `bare.txt:2: "45": a unit is missing`},
		{"@wide.txt", "wide.txt:1: 2 columns and no header"},
		{"@prose.txt", "prose.txt:1: the header"},
		{"@two.csv", "two.csv:1: two columns of durations"},
		{strings.Repeat("1s + ", 40) + "1s", "41 terms; at most 32"},
		{strings.Repeat("1s,", maxText) + "1s", "put a long list into a file"},
	} {
		_, err := parse(c.text, Reset, fromFiles)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.60s: %v\nwant %s", c.text, err, c.want)
		}
	}
	if _, err := Parse("1s", "slow"); err == nil {
		t.Error("a kind that does not exist is taken")
	}
	dir := t.TempDir()
	if _, err := Parse("@"+dir, Reset); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Error(err)
	}
	if _, err := Parse("@"+filepath.Join(dir, "none"), Reset); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// Any text gives a distribution that can be drawn from, or one sentence.
func FuzzParse(f *testing.F) {
	for _, text := range append(Distributions(), "30s", "1s,2s,45s", "p50=2s,p99=45s", "90% reset:2s + 10% zone-cut", "@plain.txt", "min=1s,max=2s") {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := parse(text, Silent, func(string) ([]byte, error) { return []byte(text), nil })
		if err != nil {
			if s := err.Error(); s == "" || len(s) > 4000 {
				t.Errorf("%q", s)
			}
			return
		}
		for i := range uint64(20) {
			if o := d.Draw(i, i); o.For < 1 || o.For > maxDuration || !slices.Contains(Kinds(), o.Kind) {
				t.Errorf("%v", o)
			}
		}
		if lo, mean, hi := d.Min(), d.Mean(), d.Max(); lo > hi || mean < lo-time.Microsecond || mean > hi+time.Microsecond {
			t.Errorf("%v %v %v", lo, mean, hi)
		}
		if d.Quantile(0) > d.Quantile(whole/2) || d.Quantile(whole/2) > d.Quantile(whole) || d.Quantile(whole) > d.Max() {
			t.Error("quantiles fall")
		}
		if d.Summary() == "" {
			t.Error("no summary")
		}
	})
}

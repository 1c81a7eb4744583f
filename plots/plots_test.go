package plots

import (
	"bytes"
	"fmt"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"psyncsim/results"
)

const second = int64(1e9)

// outDir is where the charts go; PLOTS_OUT keeps them to be looked at.
func outDir(t *testing.T, name string) string {
	if d := os.Getenv("PLOTS_OUT"); d != "" {
		d = filepath.Join(d, name)
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
		return d
	}
	return t.TempDir()
}

// grid describes made-up results that look like real ones: a reconnect is full
// where what was missed is more than the backlog holds.
type grid struct {
	header            results.Header
	faults            []string
	rates             []int64
	backlogs, outages []int64
	seeds             int
	noise             bool
}

func (g grid) kept() *results.Kept {
	var ps results.Points
	rng := rand.New(rand.NewPCG(1, 2))
	k := &results.Kept{Header: g.header, Complete: true, SeedFirst: 1, SeedLast: uint64(g.seeds)}
	for _, f := range g.faults {
		for _, rate := range g.rates {
			for _, b := range g.backlogs {
				for _, o := range g.outages {
					for seed := range g.seeds {
						row := &results.Row{Meta: results.Meta{Index: k.Done, Seed: uint64(seed + 1), Backlog: b, WriteRate: rate, Outage: o, Fault: f, Version: "redis-6.2"}}
						row.Point = []results.Value{
							{Name: "fault", Text: f}, {Name: "write_rate", Unit: "bytes_per_s", Number: rate},
							{Name: "backlog", Unit: "bytes", Number: b}, {Name: "outage", Unit: "s", Number: o},
						}
						seconds, r := float64(o)/1e9+0.01, float64(rate)
						if g.noise {
							r *= math.Exp(0.5*rng.NormFloat64() - 0.1)
						}
						lost := true
						if f == "silent" {
							lost = seconds > 8+2*rng.Float64()
							seconds += 5 + 2*rng.Float64()
						}
						if gap := int64(seconds * r); lost {
							row.Reconnects, row.GapMax = 1, gap
							if gap > b {
								row.Fulls = 1
								row.Reasons[4] = 1
							} else {
								row.Partials = 1
							}
						}
						ps.Add(row)
						k.Done++
					}
				}
			}
		}
	}
	k.Points, k.Planned = ps.All, k.Done
	return k
}

var axes = []results.Axis{{Name: "fault"}, {Name: "write_rate", Unit: "bytes_per_s"}, {Name: "backlog", Unit: "bytes"}, {Name: "outage", Unit: "s"}}

func header(scenario, question string) results.Header {
	return results.Header{Scenario: scenario, Question: question, Version: "v0.1.0", Axes: axes}
}

func steps(from, factor float64, n int) []int64 {
	var out []int64
	for i := range n {
		out = append(out, int64(math.Round(from*math.Pow(factor, float64(i)))))
	}
	return out
}

func sizingRule() *results.Kept {
	return grid{
		header: header("sizing-rule", "Is a backlog of 2 × seconds × write_rate enough, when writes come in bursts and a link can be reset or fall silent?"),
		faults: []string{"reset", "silent"}, rates: []int64{100_000, 300_000, 1_000_000, 3_000_000},
		backlogs: steps(1<<18, 2, 10), outages: steps(1e9, 1.6, 10), seeds: 6, noise: true,
	}.kept()
}

func contractExample() *results.Kept {
	g := grid{
		header: header("one", "Does a 1 MiB backlog survive a five-second disconnection at 1 MB/s?"),
		faults: []string{"reset"}, rates: []int64{1_000_000},
		backlogs: []int64{1 << 20, 2 << 20, 4 << 20, 5 << 20, 6 << 20, 8 << 20, 16 << 20}, seeds: 1,
	}
	for i := int64(1); i <= 10; i++ {
		g.outages = append(g.outages, i*second)
	}
	return g.kept()
}

// oneRun is a replica that comes back partially after a reset of two seconds
// and fully after eight seconds of silence.
func oneRun(replicas int) *results.Kept {
	t := &results.Timeline{Meta: results.Meta{Seed: 1, Backlog: 4 << 20, WriteRate: 1e6, Outage: 2 * second, Fault: "reset", Version: "redis-6.2"}}
	add := func(m results.Moment) { t.Moments = append(t.Moments, m) }
	pos := make([]int64, replicas)
	for ms := int64(0); ms <= 60_000; ms += 50 {
		at := ms * 1e6
		mro := ms * 1000
		down := ms >= 30_000 && ms < 32_000 || ms >= 38_000 && ms < 46_000
		switch ms {
		case 0:
			for i := range replicas {
				add(results.Moment{T: 5e6, What: results.MomentVerdict, Server: name(i), Peer: "master", Kind: results.Full, Reason: "first-sync"})
				add(results.Moment{T: 6e6, What: results.MomentOnline, Server: name(i)})
			}
		case 30_000:
			add(results.Moment{T: at, What: results.MomentCut, Server: "link", Peer: "master-replica"})
			add(results.Moment{T: at, What: results.MomentLost, Server: "replica"})
		case 32_000:
			add(results.Moment{T: at, What: results.MomentHeal, Server: "link", Peer: "master-replica"})
			add(results.Moment{T: at, What: results.MomentVerdict, Server: "replica", Peer: "master", Kind: results.Partial, Gap: 2_000_000})
			add(results.Moment{T: at, What: results.MomentOnline, Server: "replica"})
		case 38_000:
			add(results.Moment{T: at, What: results.MomentSilent, Server: "link", Peer: "master-replica"})
		case 43_000:
			add(results.Moment{T: at, What: results.MomentLost, Server: "replica"})
		case 46_000:
			add(results.Moment{T: at, What: results.MomentHeal, Server: "link", Peer: "master-replica"})
			add(results.Moment{T: at + 2e8, What: results.MomentVerdict, Server: "replica", Peer: "master", Kind: results.Full, Reason: "below-backlog", Gap: 8_200_000})
		case 47_000:
			add(results.Moment{T: at, What: results.MomentOnline, Server: "replica"})
		}
		hist := min(mro, 4<<20)
		add(results.Moment{T: at, What: results.MomentSample, Server: "master", Master: true, Offset: mro, First: mro - hist + 1, Hist: hist})
		for i := range pos {
			if !(i == 0 && (down || ms >= 46_000 && ms < 47_000)) {
				pos[i] = mro - int64(i)*300_000*int64(ms%3000)/3000
			}
			add(results.Moment{T: at, What: results.MomentSample, Server: name(i), Offset: max(0, pos[i])})
		}
	}
	add(results.Moment{T: 60e9, What: results.MomentEnd, Server: "link"})
	k := &results.Kept{Header: header("one", "Does a 4 MiB backlog survive a reset of two seconds, and eight seconds of silence, at 1 MB/s?"), Done: 1, Complete: true, Timeline: t}
	k.Axes = nil
	return k
}

func name(i int) string {
	if i == 0 {
		return "replica"
	}
	return fmt.Sprintf("replica%d", i+1)
}

// Every chart comes out as PNG and SVG, sharp enough, the same twice.
func TestCharts(t *testing.T) {
	both := oneRun(2)
	for _, c := range []struct {
		name string
		kept func() *results.Kept
		want string
	}{
		{"sizing-rule", sizingRule, "boundary.png boundary.svg collapsed.png collapsed.svg"},
		{"contract", contractExample, "boundary.png boundary.svg collapsed.png collapsed.svg"},
		{"run", func() *results.Kept { return oneRun(1) }, "timeline.png timeline.svg"},
		{"two-replicas", func() *results.Kept { return both }, "timeline.png timeline.svg"},
	} {
		dir, again := outDir(t, c.name), t.TempDir()
		names, err := All(dir, c.kept())
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		if _, err := All(again, c.kept()); err != nil {
			t.Fatal(err)
		}
		for _, n := range names {
			a, _ := os.ReadFile(filepath.Join(dir, n))
			b, _ := os.ReadFile(filepath.Join(again, n))
			if len(a) == 0 || !bytes.Equal(a, b) {
				t.Errorf("%s/%s: %d and %d bytes, not the same", c.name, n, len(a), len(b))
			}
			if strings.HasSuffix(n, ".png") {
				img, err := png.Decode(bytes.NewReader(a))
				if err != nil {
					t.Fatal(err)
				}
				if img.Bounds().Dx() < 1000 || img.Bounds().Dx() > 4000 {
					t.Errorf("%s/%s: %v", c.name, n, img.Bounds())
				}
				free(t, c.name+"/"+n, a)
			}
		}
	}
}

// free checks that nothing is drawn at the very edge: there it would be cut.
func free(t *testing.T, name string, b []byte) {
	img, _ := png.Decode(bytes.NewReader(b))
	r := img.Bounds()
	at := func(x, y int) {
		if c, g, d, _ := img.At(x, y).RGBA(); c&g&d != 0xffff {
			t.Fatalf("%s: something is drawn at %d, %d", name, x, y)
		}
	}
	for x := r.Min.X; x < r.Max.X; x++ {
		for d := range 8 {
			at(x, r.Min.Y+d)
			at(x, r.Max.Y-1-d)
		}
	}
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for d := range 8 {
			at(r.Min.X+d, y)
			at(r.Max.X-1-d, y)
		}
	}
}

// The SVG says in text what the picture says.
func TestWords(t *testing.T) {
	k := contractExample()
	k.Timeline = oneRun(1).Timeline
	dir := t.TempDir()
	if _, err := All(dir, k); err != nil {
		t.Fatal(err)
	}
	for name, words := range map[string][]string{
		"boundary.svg":  {"five-second disconnection at 1 MB/s?", "repl-backlog-size", "outage", "16 MiB", "5 s", "seconds × write", "100 %"},
		"collapsed.svg": {"÷ (outage × write rate)", "2×", "all runs", "100 %"},
		"timeline.svg":  {"below backlog", "7.82 MiB missed", "1.91 MiB replayed", "silent", "behind the master", "seed 1"},
	} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range words {
			if !bytes.Contains(b, []byte(w)) {
				t.Errorf("%s does not say %q", name, w)
			}
		}
	}
}

// Whatever results there are, charts are drawn or left out, never a panic.
func TestDegenerate(t *testing.T) {
	zero := func(g grid) *results.Kept { return g.kept() }
	base := grid{header: header("x", strings.Repeat("long ", 200)+strings.Repeat("w", 500)), faults: []string{"reset"}, rates: []int64{1e6}, backlogs: []int64{1 << 20}, outages: []int64{second}, seeds: 1}
	with := func(f func(*grid)) *results.Kept { g := base; f(&g); return zero(g) }
	cases := map[string]*results.Kept{
		"nothing":   {},
		"one point": zero(base),
		"no outage": with(func(g *grid) { g.outages = []int64{0, 0} }),
		"zero rate": with(func(g *grid) { g.rates = []int64{0, 1}; g.backlogs = steps(1, 2, 3); g.outages = steps(1, 2, 3) }),
		"never": with(func(g *grid) {
			g.faults = []string{"silent"}
			g.outages = steps(1e6, 2, 4)
			g.backlogs = steps(1, 3, 4)
		}),
		"huge":       with(func(g *grid) { g.backlogs = []int64{1, math.MaxInt64}; g.outages = []int64{1, math.MaxInt64} }),
		"many rates": with(func(g *grid) { g.rates = steps(1, 3, 20); g.backlogs = steps(1e4, 2, 3); g.outages = steps(1e9, 2, 3) }),
		"many faults": with(func(g *grid) {
			g.faults = strings.Fields("a b c d e f g h i j k l")
			g.backlogs = steps(1e4, 2, 3)
			g.outages = steps(1e9, 2, 3)
		}),
		"no samples":    {Timeline: &results.Timeline{Moments: []results.Moment{{What: results.MomentCut, Peer: "a-b"}}}},
		"one sample":    {Timeline: &results.Timeline{Moments: []results.Moment{{What: results.MomentSample, Server: "m", Master: true}}}},
		"empty run":     {Timeline: &results.Timeline{}},
		"odd moments":   {Timeline: &results.Timeline{Moments: []results.Moment{{What: results.MomentSample, Server: "m", Master: true, Offset: math.MaxInt64, First: math.MinInt64, Hist: math.MaxInt64, T: math.MaxInt64 / 4}, {What: results.MomentResumed, Server: "m", T: -5}, {What: results.MomentStarted}, {What: results.MomentVerdict, Gap: math.MaxInt64}, {What: results.MomentVerdict, Gap: -1, T: 5}, {What: results.MomentKilled, Server: "m", T: 1}, {What: results.MomentStarted, Server: "m", T: 2}}}},
		"many replicas": oneRun(9),
	}
	for name, k := range cases {
		t.Run(name, func(t *testing.T) {
			names, err := All(t.TempDir(), k)
			if err != nil {
				t.Error(err)
			}
			t.Log(names)
		})
	}
}

// A chart that no longer belongs to the results does not stay, nor half of one; what only has
// such a name does.
func TestStale(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a[b]*")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := All(dir, contractExample()); err != nil {
		t.Fatal(err)
	}
	for old, n := range map[string]string{"boundary.svg": "boundary-2.svg", "boundary.png": ".boundary.png-171", "collapsed.png": "mine.png"} {
		b, err := os.ReadFile(filepath.Join(dir, old))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, n), b[:len(b)/2], 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []string{"boundary-3.png", "boundary-old.txt", "cost.svg"} {
		if err := os.WriteFile(filepath.Join(dir, n), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := All(dir, oneRun(1)); err != nil {
		t.Fatal(err)
	}
	fs, _ := os.ReadDir(dir)
	var got []string
	for _, f := range fs {
		got = append(got, f.Name())
	}
	if s := strings.Join(got, " "); s != "boundary-3.png boundary-old.txt cost.svg mine.png timeline.png timeline.svg" {
		t.Errorf("left: %s", s)
	}
}

// Of many replicas those in trouble are shown, and a server that was a master
// before has no first synchronization.
func TestTimelineShows(t *testing.T) {
	k := oneRun(9)
	for i := range k.Timeline.Moments {
		if m := &k.Timeline.Moments[i]; m.Server == "replica" && m.T > 20*second {
			m.Server = "replica9"
		}
	}
	r := newRunView(k)
	if len(r.replicas) != maxReplicas || r.replicas[0] != "replica9" {
		t.Errorf("shows %v", r.replicas)
	}
	verdict := results.Moment{T: 55 * second, What: results.MomentVerdict, Server: "master", Peer: "replica9", Kind: results.Full, Reason: "second-offset", Gap: 5}
	k.Timeline.Moments = append(k.Timeline.Moments, verdict)
	r = newRunView(k)
	last := r.verdicts[len(r.verdicts)-1]
	if last.Reason != "second-offset" || r.firsts()[last] {
		t.Errorf("%v is no first sync", *last)
	}
	for _, b := range r.bars {
		if b.name != "replica9" {
			continue
		}
		for _, s := range b.spans {
			if s.what == isFull && s.from == 46_200_000_000 && s.to == 47*second {
				return
			}
		}
		t.Errorf("no full sync in %v", b.spans)
	}
}

// A state that nowhere has room for its name is told by its colour: the legend says which.
func TestTimelineNamesNarrowStates(t *testing.T) {
	r := &runView{t1: 1000, bars: []bar{{"replica", []span{{0, 500, isSynced}, {500, 505, isFull}, {505, 995, isAlone}, {995, 1000, isSynced}, {2000, 3000, isPaused}}}}}
	var got []string
	for _, e := range r.unnamed(500) {
		got = append(got, e.text)
	}
	if len(got) != 1 || got[0] != "below: full sync" {
		t.Errorf("the legend says %q", got)
	}
}

package twin

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"psyncsim/model"
	"psyncsim/sim"
	"psyncsim/sim/live/redisd"
	"psyncsim/sim/measured"
)

// Case is one run of a scenario that is played on both sides.
type Case struct {
	ID     string
	Config *sim.Config
}

// Program is a server program and the version that is like it.
type Program struct {
	Path    string
	Name    string // "redis-7.0.15"
	Profile *model.Profile
}

// Detect asks a program what it is.
func Detect(path string) (*Program, error) {
	line, version, err := redisd.Version(path)
	if err != nil {
		return nil, err
	}
	patch, err := strconv.Atoi(version[strings.LastIndex(version, ".")+1:])
	if err != nil {
		patch = math.MaxInt
	}
	p, ok := model.LookupRelease(line, patch)
	if !ok {
		return nil, fmt.Errorf("%s is %s: no version that is simulated is like it", path, line)
	}
	kind, _, _ := strings.Cut(line, "-")
	return &Program{Path: path, Name: kind + "-" + version, Profile: p}, nil
}

// server is what a recorded file calls the program.
func (p *Program) server(libc bool) string {
	kind, version, _ := strings.Cut(p.Name, "-")
	return measured.ServerName(kind, version, libc)
}

// Difference is one place where both sides differ.
type Difference struct {
	T         float64 `json:"t"` // seconds since the first server was started, 0 for the end
	What      string  `json:"what"`
	Real      string  `json:"real"`
	Simulated string  `json:"simulated"`
}

// Report is the document of `psyncsim verify --json`.
type Report struct {
	Agree int          `json:"agree"`
	Total int          `json:"total"`
	Cases []CaseReport `json:"cases"`
	// LeftOut are the scenarios that a server's version cannot play.
	LeftOut []LeftOut `json:"left_out,omitempty"`
}

// LeftOut is a scenario that is not played on a server, and why not.
type LeftOut struct {
	Server string `json:"server"`
	File   string `json:"file"`
	Why    string `json:"why"`
}

// CaseReport is one case.
type CaseReport struct {
	Server      string       `json:"server"`
	ID          string       `json:"id"`
	Agree       bool         `json:"agree"`
	Differences []Difference `json:"differences"`
	Facts       []Fact       `json:"facts"`
	Seeds       int          `json:"seeds"`     // simulated
	HeldUp      float64      `json:"held_up_s"` // how late timers came on this machine, all in all
	Attempts    int          `json:"attempts"`  // real ones that count: see Options.Attempts
	Void        int          `json:"void"`      // those that do not: the machine held the servers up for too long
	Late        bool         `json:"late"`      // it agrees only with runs that are held up as the machine may have done
	Error       string       `json:"error,omitempty"`
	Before      []Earlier    `json:"before,omitempty"` // tries before the one that is told, oldest first
}

// Earlier is a try on real servers that did not agree, and was followed by another.
type Earlier struct {
	Void        bool         `json:"void"`      // it does not count
	HeldUp      float64      `json:"held_up_s"` // see CaseReport
	Differences []Difference `json:"differences"`
}

// withBytes is how many simulated runs carry bytes, for the digests of streams.
const withBytes = 3

// heldUpTooLong is what stands first among the differences of a try that tells nothing.
const heldUpTooLong = "machine"

// allowance is added to what a process was held up, as measured beside it.
const allowance = 20 * time.Millisecond

// Options say how to compare. The zero value is fine.
type Options struct {
	Jobs int // real runs at a time; 0 is 8
	// Seeds is how many simulated runs there are; 0 is 20. Before a difference is
	// told four times as many are tried, and then as many again that also draw by how much
	// the machine held up each process, its timers and whatever it waits for, up to twice
	// what was measured beside it, and by how much each turn of a server's timer comes late,
	// within what real ones were measured to (mostCronLate). That is only done where little was measured
	// (mostHeld): what no more than moves the phase of a timer by a turn or two
	// cannot hide another wait. A case with more counts for nothing, and is played again,
	// voids times at most.
	Seeds int
	// Attempts is how often a case is played on real servers before a difference
	// counts; 0 is 2. A busy machine holds processes up in ways that nothing
	// records, and the cases themselves keep it busy: where few differ (mostAlone) each
	// is played so often again by itself when the others are over. How many it took is in the report.
	Attempts int
	Done     func(*CaseReport) // told of each case as it ends, one at a time
	// Record, if it is set, is given each case that agrees, as a line of a recorded
	// file of that server. If it refuses it the case is played again.
	// line is nil where the format has no words; why says for what.
	Record func(n int, server string, line json.RawMessage, why error) error
}

// mostAlone is how many cases that differ are played again one by one. Where more do it is not the machine's
// doing, and nobody should wait for each.
const mostAlone = 8

// Judged says that the machine let the servers run so that the last try tells something.
func (r *CaseReport) Judged() bool {
	return r.Agree || !slices.ContainsFunc(r.Differences, func(d Difference) bool { return d.What == heldUpTooLong })
}

// Verify plays cases on both sides. The error is that of the context.
func Verify(ctx context.Context, p *Program, cases []Case, o Options) (Report, error) {
	if o.Jobs == 0 {
		o.Jobs = 8
	}
	if o.Seeds == 0 {
		o.Seeds = 20
	}
	if o.Attempts == 0 {
		o.Attempts = 2
	}
	r := Report{Cases: make([]CaseReport, len(cases))}
	var mu sync.Mutex
	play := func(i int) {
		got := both(ctx, p, i, &cases[i], o, &r.Cases[i])
		mu.Lock()
		defer mu.Unlock()
		r.Cases[i] = got
	}
	done := func(i int) {
		if o.Done != nil && ctx.Err() == nil {
			mu.Lock()
			defer mu.Unlock()
			o.Done(&r.Cases[i])
		}
	}
	var tasks sync.WaitGroup
	slots := make(chan struct{}, o.Jobs)
	for i := range cases {
		tasks.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if play(i); r.Cases[i].Agree {
				done(i)
			}
		})
	}
	tasks.Wait()
	var differ []int
	for i := range r.Cases {
		if !r.Cases[i].Agree {
			differ = append(differ, i)
		}
	}
	for _, i := range differ {
		if len(differ) <= mostAlone && len(cases) > 1 && ctx.Err() == nil {
			play(i)
		}
		done(i)
	}
	for i := range r.Cases {
		r.Total++
		if r.Cases[i].Agree {
			r.Agree++
		}
	}
	return r, ctx.Err()
}

// both plays one case on both sides. was tells of the tries that there were already, if any.
func both(ctx context.Context, p *Program, i int, c *Case, o Options, was *CaseReport) (r CaseReport) {
	defer func() {
		if x := recover(); x != nil { // our own mistake; the servers are gone already
			text := fmt.Sprintf("%v\n%s", x, debug.Stack())
			r = CaseReport{Server: p.Name, ID: c.ID, Error: text, Differences: []Difference{{What: "panic", Simulated: fmt.Sprint(x)}}}
		}
	}()
	before := was.Before
	if was.Attempts > 0 {
		before = append(before, Earlier{!was.Judged(), was.HeldUp, was.Differences})
	}
	for n, void := 1, 0; ; n++ {
		var real *played
		r, real = once(ctx, p, c, o)
		voided := !r.Agree && real != nil && !real.held.bearable() && void < voids
		if voided {
			void++
			n--
		}
		r.Attempts, r.Void, r.Before = was.Attempts+n, was.Void+void, before
		if r.Agree && o.Record != nil {
			if err := o.Record(i, p.server(real.libc), real.line, real.unrecorded); err != nil {
				r.Agree, r.Error = false, err.Error()
				r.Differences = append(r.Differences, Difference{What: "recording", Real: err.Error()})
			}
		}
		if r.Agree || ctx.Err() != nil || n >= o.Attempts && !voided {
			return r
		}
		before = append(before, Earlier{voided, r.HeldUp, r.Differences})
	}
}

// once plays a case on real servers, and then in simulation.
func once(ctx context.Context, p *Program, c *Case, o Options) (CaseReport, *played) {
	r := CaseReport{Server: p.Name, ID: c.ID, Differences: []Difference{}}
	err := Playable(c.Config, p.Profile)
	var real *played
	if err == nil {
		real, err = playReal(ctx, p, c.ID, c.Config)
	}
	if err == nil {
		aside(func() { err = r.weigh(real, c.Config, p.Profile.PSYNC, o.Seeds) })
	}
	if err != nil {
		r.Error, r.Agree = err.Error(), false
		r.Differences = append(r.Differences, Difference{What: "error", Real: r.Error})
		return r, nil
	}
	return r, real
}

// weigh holds a real run against simulated ones.
func (r *CaseReport) weigh(real *played, c *sim.Config, psync, n int) error {
	var names []string
	for _, s := range c.Servers {
		names = append(names, s.Name)
	}
	r.HeldUp = real.held.all.Seconds()
	want := accountOf(names, &real.outcome, psync)
	var seeds []account
	ordinary := 4 * n
	for _, more := range []int{n, ordinary, 2 * ordinary} {
		if r.Late = more > ordinary; r.Late && !real.held.bearable() {
			break
		}
		for len(seeds) < more {
			held := lateness{}
			if len(seeds) >= ordinary {
				held = real.held.twice()
			}
			got := simulate(c, real, held, uint64(len(seeds)+1), false)
			if got.err != nil {
				return got.err
			}
			seeds = append(seeds, accountOf(names, &got, psync))
		}
		r.Facts, r.Seeds, r.Agree = compare(want, seeds), len(seeds), true
		var runs []account
		for i := range n {
			if len(runs) == withBytes || !slices.Equal(seeds[i].talk, want.talk) {
				continue
			}
			got := simulate(c, real, lateness{}, uint64(i+1), true)
			if got.err != nil {
				return got.err
			}
			runs = append(runs, accountOf(names, &got, psync))
		}
		r.Facts = append(r.Facts, digested(want, r.Facts, runs)...)
		for _, f := range r.Facts {
			r.Agree = r.Agree && f.Agree
		}
		if r.Agree {
			return nil
		}
	}
	if r.Late = false; !real.held.bearable() {
		r.Differences = append(r.Differences, Difference{What: heldUpTooLong, Real: fmt.Sprintf("held the servers up by %v, %v at once: too much to tell", real.held.all, real.held.worst)})
	}
	for _, f := range r.Facts {
		if !f.Agree {
			r.Differences = append(r.Differences, Difference{f.T, f.What, f.Real, f.Simulated})
		}
	}
	return nil
}

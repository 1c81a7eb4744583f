package rig

import (
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
	"golang.org/x/sys/unix"
)

// measuring is a measurement under way.
type measuring struct {
	*Net
	r     *reader
	bulks kind
	small func(name string, slack time.Duration, adds bool) *kind // they share what the forwarder has for them
	can   canaries
	say   io.Writer

	mu sync.Mutex
	m  *Measured
}

// Measure does what is planned. It says on say how far it is.
func Measure(ctx context.Context, p *Plan, say io.Writer) (*Measured, error) {
	n, err := NewNet()
	if err != nil {
		return nil, err
	}
	defer n.Close()
	r, err := n.newReader()
	if err != nil {
		return nil, err
	}
	defer r.l.Close()
	m := p.Measured
	m.Kernel, m.HZ, m.Date, m.Sysctls = kernel(), hz(), time.Now().UTC().Format(time.DateOnly), n.rooms[A].sys
	x := newMeasuring(n, r, p, say, &m)
	watching, stop := context.WithCancel(ctx)
	var watch errgroup.Group
	defer func() { stop(); _ = watch.Wait() }()
	if err := x.can.watch(watching, &watch); err != nil {
		return nil, err
	}
	// All at once: most of it is waiting, and the forwarder's packets are shared out.
	g, ctx := errgroup.WithContext(ctx)
	ctx, over := context.WithTimeoutCause(ctx, p.Within, errOver)
	defer over()
	for _, part := range []func(context.Context, *Plan) error{x.allConnects, x.allSilences, x.allReconnects, x.allBulk} {
		g.Go(func() error { return part(ctx, p) })
	}
	err = errors.Join(g.Wait(), x.can.failed())
	m.Disturbed = x.disturbed(p.Within)
	return &m, err
}

// newMeasuring shares the forwarder out: bulk transfers stand in one line; who only sends
// a little does not wait behind them.
func newMeasuring(n *Net, r *reader, p *Plan, say io.Writer, m *Measured) *measuring {
	bulk, small := int64(p.PacketsPS), int64(p.SmallPS)
	room := semaphore.NewWeighted(small)
	return &measuring{Net: n, r: r, say: say, m: m,
		bulks: kind{"bulk transfers", semaphore.NewWeighted(bulk), bulk, 2 * mostLate, false},
		small: func(name string, slack time.Duration, adds bool) *kind { return &kind{name, room, small, slack, adds} }}
}

func kernel() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:])
}

var hzLine = regexp.MustCompile(`(?m)^CONFIG_HZ=(\d+)$`)

// hz is how many ticks a second the kernel's clock has, 0 when it does not say.
func hz() int {
	var text []byte
	if f, err := os.Open("/proc/config.gz"); err == nil {
		defer f.Close()
		if z, err := gzip.NewReader(f); err == nil {
			text, _ = io.ReadAll(z)
		}
	}
	if text == nil {
		text, _ = os.ReadFile("/boot/config-" + strings.TrimPrefix(kernel(), "Linux "))
	}
	if m := hzLine.FindSubmatch(text); m != nil {
		n, _ := strconv.Atoi(string(m[1]))
		return n
	}
	return 0
}

// kind is one kind of experiment.
type kind struct {
	name  string
	room  *semaphore.Weighted // packets a second that the forwarder has for it
	most  int64
	slack time.Duration // a timer that matters may be held up for half of it
	adds  bool          // and all of a chain of them together
}

// again makes an experiment until nothing that mattered was late, and keeps its books.
// One that is void ends at once. When the time is over it is left undone.
func (x *measuring) again(ctx context.Context, k *kind, what string, spoils func(*Lateness) bool, packetsPS int, try func(context.Context, *watched) (Lateness, error), keep func()) error {
	weight := min(int64(packetsPS), k.most)
	trouble := "its turn never came"
	for k.room.Acquire(ctx, weight) == nil {
		rest := sync.OnceFunc(func() { k.room.Release(weight) })
		w := &watched{fw: x.fw, slack: k.slack, adds: k.adds, spoils: spoils, rest: rest}
		trial, end := context.WithCancelCause(ctx)
		began := time.Now()
		go w.guard(trial, &x.can, began, end)
		late, err := try(trial, w)
		w.ends(late)
		x.can.settled(trial, time.Now())
		void, why := w.verdict(&x.can, began)
		early := context.Cause(trial) == errVoid
		end(nil)
		rest()
		if ctx.Err() != nil {
			break
		}
		x.mu.Lock()
		if err == nil && !early && !void {
			l := &x.m.Lateness
			l.Packets, l.Late, l.Total, l.Worst = l.Packets+late.Packets, l.Late+late.Late, l.Total+late.Total, max(l.Worst, late.Worst)
			keep()
			x.mu.Unlock()
			return nil
		}
		x.m.Repeated++
		x.mu.Unlock()
		if trouble = why; err != nil && !early {
			trouble = err.Error()
		}
		select { // what disturbed it may not be over
		case <-ctx.Done():
		case <-time.After(calmDown):
		}
	}
	if context.Cause(ctx) != errOver {
		return ctx.Err()
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.m.undone++
	x.m.lastTrouble = fmt.Sprintf("%s: %s", what, trouble)
	return nil
}

const calmDown = 200 * time.Millisecond

// errOver ends what is under way when the time for measuring is over.
var errOver = errors.New("the time for measuring is over")

// disturbed says why experiments are missing.
func (x *measuring) disturbed(within time.Duration) string {
	if x.m.undone == 0 {
		return ""
	}
	n, worst := x.can.count(Slack / 2)
	return fmt.Sprintf("%d experiments could not be made within %s, %d were void: this machine is too disturbed, or too slow. It held up timers for %s or longer %d times, for %s at worst. The last that was not made, %s",
		x.m.undone, within, x.m.Repeated, Slack/2, n, worst.Round(time.Millisecond), x.m.lastTrouble)
}

// each makes the same kind of experiment for every cell and seed, side by side.
func each[C, R any](ctx context.Context, x *measuring, k *kind, cells []C, runs func(*C) int, what func(*C) (string, func(*Lateness) bool, int),
	try func(context.Context, *watched, *C, uint64) (R, Lateness, error), keep func(*C, R)) error {
	g, ctx := errgroup.WithContext(ctx)
	begun := time.Now()
	total, done := 0, 0
	for i := range cells {
		total += runs(&cells[i])
	}
	for i := range cells {
		c := &cells[i]
		for s := range runs(c) {
			g.Go(func() error {
				name, spoils, packets := what(c)
				var run R
				return x.again(ctx, k, name, spoils, packets, func(ctx context.Context, w *watched) (late Lateness, err error) {
					run, late, err = try(ctx, w, c, uint64(s+1))
					return late, err
				}, func() {
					keep(c, run)
					if done++; done%50 == 0 || done == total {
						fmt.Fprintf(x.say, "%s: %d of %d, %s\n", k.name, done, total, time.Since(begun).Round(time.Second))
					}
				})
			})
		}
	}
	return g.Wait()
}

func (x *measuring) allBulk(ctx context.Context, p *Plan) error {
	// The long ones first: at the end few are left to wait for.
	slices.SortStableFunc(x.m.Bulk, func(a, b BulkCell) int { return int(b.For - a.For) })
	err := each(ctx, x, &x.bulks, x.m.Bulk, p.runs, func(c *BulkCell) (string, func(*Lateness) bool, int) {
		return c.String(), func(l *Lateness) bool { return l.spoiled(c.RTT) }, c.packetsPS()
	},
		func(ctx context.Context, w *watched, c *BulkCell, seed uint64) (BulkRun, Lateness, error) {
			return x.bulk(ctx, w, x.r, c, seed)
		},
		func(c *BulkCell, r BulkRun) { c.Runs = append(c.Runs, r) })
	slices.SortStableFunc(x.m.Bulk, func(a, b BulkCell) int {
		return cmp.Or(-cmp.Compare(a.Congestion, b.Congestion), cmp.Compare(a.RTT, b.RTT), cmp.Compare(a.LossPPM, b.LossPPM))
	})
	for i := range x.m.Bulk {
		sortRuns(x.m.Bulk[i].Runs, func(r *BulkRun) uint64 { return r.Seed })
	}
	return err
}

func (x *measuring) allSilences(ctx context.Context, p *Plan) error {
	err := each(ctx, x, x.small("silences", Slack, true), x.m.Silence, func(*SilenceCell) int { return p.Seeds },
		func(c *SilenceCell) (string, func(*Lateness) bool, int) {
			return fmt.Sprint("a silence of ", c.Silence), (*Lateness).uneven, int(2 * time.Second / c.Every)
		},
		func(ctx context.Context, w *watched, c *SilenceCell, seed uint64) (SilenceRun, Lateness, error) {
			return x.silence(ctx, w, x.r, c, seed)
		},
		func(c *SilenceCell, r SilenceRun) { c.Runs = append(c.Runs, r) })
	for i := range x.m.Silence {
		sortRuns(x.m.Silence[i].Runs, func(r *SilenceRun) uint64 { return r.Seed })
	}
	return err
}

func (x *measuring) allConnects(ctx context.Context, p *Plan) error {
	err := each(ctx, x, x.small("connects", Slack, true), x.m.Connect, func(*ConnectCell) int { return p.Repeats },
		func(c *ConnectCell) (string, func(*Lateness) bool, int) {
			return fmt.Sprintf("a connect without %d SYNs and %d answers", c.SYNs, c.ACKs), (*Lateness).uneven, 1
		},
		func(ctx context.Context, w *watched, c *ConnectCell, seed uint64) (time.Duration, Lateness, error) {
			return x.connect(ctx, w, x.r, c, seed)
		},
		func(c *ConnectCell, took time.Duration) { c.Took = append(c.Took, took) })
	for i := range x.m.Connect {
		slices.Sort(x.m.Connect[i].Took)
	}
	return err
}

// sortRuns puts runs in the order of their seeds, whichever ended first.
func sortRuns[R any](runs []R, seed func(*R) uint64) {
	slices.SortFunc(runs, func(a, b R) int { return cmp.Compare(seed(&a), seed(&b)) })
}

package rig

import (
	"cmp"
	"compress/gzip"
	"context"
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
	r    *reader
	room *semaphore.Weighted // packets a second that the forwarder still has for experiments
	most int64
	can  canaries
	say  io.Writer

	mu sync.Mutex
	m  *Measured
}

// attempts is how often an experiment is made until the forwarder is in time. One
// that is spoiled each time does not count; a cell with too few runs fails when it is
// compared. A virtual machine whose host takes its processors away for 40 ms twice a minute
// spoils most of what lasts 20 s.
const attempts = 24

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
	x := &measuring{Net: n, r: r, most: int64(p.PacketsPS), room: semaphore.NewWeighted(int64(p.PacketsPS)), say: say, m: &m}
	watching, stop := context.WithCancel(ctx)
	var watch errgroup.Group
	defer func() { stop(); _ = watch.Wait() }()
	if err := x.can.watch(watching, &watch); err != nil {
		return nil, err
	}
	// All at once: most of it is waiting, and the forwarder's packets are shared out.
	g, ctx := errgroup.WithContext(ctx)
	for _, part := range []func(context.Context, *Plan) error{x.allConnects, x.allSilences, x.allReconnects, x.allBulk} {
		g.Go(func() error { return part(ctx, p) })
	}
	return &m, g.Wait()
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

// again makes an experiment until the forwarder was in time and no CPU held up a timer
// for half of slack, and keeps its books.
func (x *measuring) again(ctx context.Context, what string, slack time.Duration, spoils func(*Lateness) bool, packetsPS int, try func() (Lateness, error), keep func()) error {
	weight := min(int64(packetsPS), x.most)
	trouble := ""
	for range attempts {
		if err := x.room.Acquire(ctx, weight); err != nil {
			return err
		}
		began := time.Now()
		late, err := try()
		held := x.can.worst(began, time.Now())
		x.room.Release(weight)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		x.mu.Lock()
		spoiled := err != nil || spoils(&late) || held > slack/2
		if trouble = fmt.Sprintf("packets came %s late, %s at worst, and a timer was held up for %s", late.Mean(), late.Worst, held); err != nil {
			trouble = err.Error()
		}
		if spoiled {
			x.m.Repeated++
		} else {
			l := &x.m.Lateness
			l.Packets, l.Late, l.Total, l.Worst = l.Packets+late.Packets, l.Late+late.Late, l.Total+late.Total, max(l.Worst, late.Worst)
			keep()
		}
		x.mu.Unlock()
		if !spoiled {
			return nil
		}
	}
	fmt.Fprintf(x.say, "%s: %d attempts failed, the last because %s\n", what, attempts, trouble)
	return nil
}

// each makes the same kind of experiment for every cell and seed, side by side.
func each[C, R any](ctx context.Context, x *measuring, kind string, slack time.Duration, cells []C, runs func(*C) int, what func(*C) (string, func(*Lateness) bool, int),
	try func(context.Context, *C, uint64) (R, Lateness, error), keep func(*C, R)) error {
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
				return x.again(ctx, name, slack, spoils, packets, func() (late Lateness, err error) {
					run, late, err = try(ctx, c, uint64(s+1))
					return late, err
				}, func() {
					keep(c, run)
					if done++; done%50 == 0 || done == total {
						fmt.Fprintf(x.say, "%s: %d of %d, %s\n", kind, done, total, time.Since(begun).Round(time.Second))
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
	err := each(ctx, x, "bulk transfers", 2*mostLate, x.m.Bulk, p.runs, func(c *BulkCell) (string, func(*Lateness) bool, int) {
		return c.String(), func(l *Lateness) bool { return l.spoiled(c.RTT) }, c.packetsPS()
	},
		func(ctx context.Context, c *BulkCell, seed uint64) (BulkRun, Lateness, error) {
			return x.bulk(ctx, x.r, c, seed)
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
	err := each(ctx, x, "silences", Slack, x.m.Silence, func(*SilenceCell) int { return p.Seeds },
		func(c *SilenceCell) (string, func(*Lateness) bool, int) {
			return fmt.Sprint("a silence of ", c.Silence), (*Lateness).uneven, int(2 * time.Second / c.Every)
		},
		func(ctx context.Context, c *SilenceCell, seed uint64) (SilenceRun, Lateness, error) {
			return x.silence(ctx, x.r, c, seed)
		},
		func(c *SilenceCell, r SilenceRun) { c.Runs = append(c.Runs, r) })
	for i := range x.m.Silence {
		sortRuns(x.m.Silence[i].Runs, func(r *SilenceRun) uint64 { return r.Seed })
	}
	return err
}

func (x *measuring) allConnects(ctx context.Context, p *Plan) error {
	err := each(ctx, x, "connects", Slack, x.m.Connect, func(*ConnectCell) int { return p.Repeats },
		func(c *ConnectCell) (string, func(*Lateness) bool, int) {
			return fmt.Sprintf("a connect without %d SYNs and %d answers", c.SYNs, c.ACKs), (*Lateness).uneven, 1
		},
		func(ctx context.Context, c *ConnectCell, seed uint64) (time.Duration, Lateness, error) {
			return x.connect(ctx, x.r, c, seed)
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

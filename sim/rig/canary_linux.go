package rig

import (
	"context"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// held is a time in which a CPU held up a timer: it was due at from and ran at to.
type held struct{ from, to time.Time }

// canaries are threads that do nothing but sleep, one on each CPU, and note when
// they are woken late. Kernel timers belong to a CPU, and a virtual one may stand
// still while the others run: the forwarder alone does not notice.
type canaries struct {
	mu   sync.Mutex
	held []held
}

const (
	nap      = 4 * time.Millisecond
	noteHeld = 10 * time.Millisecond // less is every machine's
)

// watch sleeps on every CPU until ctx is done.
func (c *canaries) watch(ctx context.Context, g *errgroup.Group) error {
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return err
	}
	for cpu := range len(all) * 64 {
		if !all.IsSet(cpu) {
			continue
		}
		g.Go(func() error {
			runtime.LockOSThread() // and never unlocked: the thread ends with its affinity
			var one unix.CPUSet
			one.Set(cpu)
			if err := unix.SchedSetaffinity(0, &one); err != nil {
				return err
			}
			// Before the forwarder: what keeps it awake is the machine, not our own work.
			_ = unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 2}, 0)
			c.sleep(ctx)
			return nil
		})
	}
	return nil
}

func (c *canaries) sleep(ctx context.Context) {
	for ctx.Err() == nil {
		due := time.Now().Add(nap)
		ts := unix.NsecToTimespec(int64(nap))
		_ = unix.Nanosleep(&ts, nil) // a signal ends it early: no harm
		if now := time.Now(); now.Sub(due) >= noteHeld {
			c.mu.Lock()
			c.held = append(c.held, held{due, now})
			c.mu.Unlock()
		}
	}
}

// worst is for how long a timer was held up at most, of those between two times.
func (c *canaries) worst(from, to time.Time) (worst time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range c.held {
		if h.to.After(from) && h.from.Before(to) {
			worst = max(worst, h.to.Sub(h.from))
		}
	}
	return worst
}

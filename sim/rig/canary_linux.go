package rig

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
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
	mu    sync.Mutex
	held  []held
	awake map[int]time.Time // of each CPU: when its thread was last seen
	err   error             // a CPU has no canary
}

// noteHeld is what a canary notes: less is every machine's.
const noteHeld = 10 * time.Millisecond

// watch sleeps on every CPU until ctx is done.
func (c *canaries) watch(ctx context.Context, g *errgroup.Group) error {
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return err
	}
	c.awake = map[int]time.Time{}
	for cpu := range len(all) * 64 {
		if all.IsSet(cpu) {
			c.awake[cpu] = time.Time{}
		}
	}
	for _, cpu := range slices.Collect(maps.Keys(c.awake)) {
		g.Go(func() error {
			runtime.LockOSThread() // and never unlocked: the thread ends with its affinity
			var one unix.CPUSet
			one.Set(cpu)
			if err := unix.SchedSetaffinity(0, &one); err != nil {
				c.mu.Lock()
				defer c.mu.Unlock()
				c.err = fmt.Errorf("a thread on CPU %d: %w", cpu, err)
				return c.err
			}
			// Before the forwarder: what keeps it awake is the machine, not our own work.
			_ = unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 2}, 0)
			c.sleep(ctx, cpu)
			return nil
		})
	}
	return nil
}

func (c *canaries) sleep(ctx context.Context, cpu int) {
	for ctx.Err() == nil {
		due := time.Now().Add(nap)
		ts := unix.NsecToTimespec(int64(nap))
		_ = unix.Nanosleep(&ts, nil) // a signal ends it early: no harm
		now := time.Now()
		c.mu.Lock()
		c.awake[cpu] = now
		if now.Sub(due) >= noteHeld {
			c.held = append(c.held, held{due, now})
		}
		c.mu.Unlock()
	}
}

// since is what was held up since a time, in the order of their ends.
func (c *canaries) since(t time.Time) []held {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := len(c.held)
	for i > 0 && c.held[i-1].to.After(t) {
		i--
	}
	return c.held[i:len(c.held):len(c.held)]
}

// settled waits until every CPU has been seen after a time: one that stands still says so
// only when it runs again.
func (c *canaries) settled(ctx context.Context, t time.Time) {
	for ctx.Err() == nil {
		c.mu.Lock()
		all, broken := true, c.err != nil
		for _, a := range c.awake {
			all = all && a.After(t)
		}
		c.mu.Unlock()
		if all || broken {
			return
		}
		time.Sleep(nap)
	}
}

// failed is why a CPU is not watched.
func (c *canaries) failed() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// count says how many timers were held up for at least d, and the worst.
func (c *canaries) count(d time.Duration) (n int, worst time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range c.held {
		l := h.to.Sub(h.from)
		if worst = max(worst, l); l >= d {
			n++
		}
	}
	return n, worst
}

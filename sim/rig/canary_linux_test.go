package rig

import (
	"context"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// A CPU that does something else for a while is noticed, and when that was.
func TestCanaries(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	var c canaries
	var g errgroup.Group
	if err := c.watch(ctx, &g); err != nil {
		t.Fatal(err)
	}
	defer func() { stop(); _ = g.Wait() }()
	time.Sleep(50 * time.Millisecond)
	const long = 200 * time.Millisecond
	before := time.Now()
	if err := hog(long); err != nil {
		t.Skip("SKIPPED: real-time priority is not allowed here: ", err)
	}
	after := time.Now()
	time.Sleep(50 * time.Millisecond)
	// The kernel lets ordinary threads in between (its fair server): not all of it is one.
	var worst time.Duration
	for _, h := range c.since(before) {
		if h.from.Before(after) {
			worst = max(worst, h.to.Sub(h.from))
		}
	}
	if worst < noteHeld || worst > after.Sub(before)+long {
		t.Errorf("a CPU did something else for %s; noticed: %s", long, worst)
	}
	if n, most := c.count(noteHeld); n == 0 || most < worst {
		t.Errorf("counted %d, %s at worst; %s was one", n, most, worst)
	}
	c.settled(ctx, time.Now())
	if late := c.since(time.Now().Add(time.Hour)); len(late) > 0 {
		t.Errorf("in an hour: %v", late)
	}
}

// hog keeps this thread's CPU from everybody for a time.
func hog(d time.Duration) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends
		err := unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 10}, 0)
		for until := time.Now().Add(d); err == nil && time.Now().Before(until); {
		}
		done <- err
	}()
	return <-done
}

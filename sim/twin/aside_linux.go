package twin

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"

	"golang.org/x/sys/unix"
)

// aside does work that can wait, on a thread that gives way to the servers and to what
// hears them. One at a time: other goroutines need processors too.
func aside(work func()) {
	quiet.Do(func() { go giveWay() })
	over := make(chan any)
	works <- func() {
		defer func() {
			x := recover()
			if x != nil {
				x = fmt.Sprintf("%v\n%s", x, debug.Stack())
			}
			over <- x
		}()
		work()
	}
	if x := <-over; x != nil {
		panic(x)
	}
}

var (
	quiet sync.Once
	works = make(chan func())
)

// giveWay does one work after the other. Its thread lives as long as the program: with a
// thread the servers die that it started (Pdeathsig).
func giveWay() {
	runtime.LockOSThread()
	if n, err := unix.Getpriority(unix.PRIO_PROCESS, unix.Gettid()); err == nil {
		// The system call returns 20 - nice. If this is refused we are only in the way.
		_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), min(20-n+15, 19))
	}
	for work := range works {
		work()
	}
}

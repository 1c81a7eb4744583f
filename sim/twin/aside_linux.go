package twin

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// aside does work that can wait, on a thread of its own that gives way to the servers and
// to what hears them. One at a time: the others' goroutines need processors too.
func aside(work func()) {
	alone.Lock()
	defer alone.Unlock()
	over := make(chan any, 1)
	go func() {
		defer func() {
			x := recover()
			if x != nil {
				x = fmt.Sprintf("%v\n%s", x, debug.Stack())
			}
			over <- x
		}()
		runtime.LockOSThread() // and never unlocked: the thread ends with its priority
		if nice, err := unix.Getpriority(unix.PRIO_PROCESS, unix.Gettid()); err == nil {
			// What the system call returns is 20 - nice. If it is refused it is only less quiet here.
			_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), min(20-nice+15, 19))
		}
		work()
	}()
	if x := <-over; x != nil {
		panic(x)
	}
}

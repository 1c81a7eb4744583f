package twin

import (
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func niceness(t *testing.T) int {
	t.Helper()
	n, err := unix.Getpriority(unix.PRIO_PROCESS, unix.Gettid())
	if err != nil {
		t.Fatal(err)
	}
	return 20 - n
}

// TestAside: what is done aside gives way, nothing else does, and a panic comes back.
func TestAside(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, within := niceness(t), 0
	aside(func() { within = niceness(t) })
	if want := min(before+15, 19); within != want || niceness(t) != before {
		t.Errorf("aside %d, want %d; then %d, before %d", within, want, niceness(t), before)
	}
	defer func() {
		if x, ok := recover().(string); !ok || !strings.HasPrefix(x, "lost\n") {
			t.Errorf("recovered %q", x)
		}
		aside(func() {}) // and it is not locked
	}()
	aside(func() { panic("lost") })
}

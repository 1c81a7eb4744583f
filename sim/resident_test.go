//go:build linux

package sim

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"testing"
	"time"
)

var resident = flag.Int64("resident", -1, "play the reference run with a backlog of so many bytes, 0 to play nothing, and print how much memory the process had resident")

var highWater = regexp.MustCompile(`VmHWM:\s*(\d+) kB`)

// TestResident is for a process of its own, which make bench starts: the most memory that
// it had resident (VmHWM of proc_pid_status(5)).
func TestResident(t *testing.T) {
	if *resident < 0 {
		t.Skip("-resident says how large a backlog is")
	}
	if *resident > 0 {
		c := reference(time.Hour, Constant)
		for i := range c.Servers {
			c.Servers[i].Settings.BacklogSize = *resident
		}
		w, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Run(); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	m := highWater.FindSubmatch(text)
	if m == nil {
		t.Fatalf("no VmHWM in %s", text)
	}
	fmt.Printf("resident %s kB\n", m[1])
}

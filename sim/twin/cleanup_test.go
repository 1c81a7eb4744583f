package twin

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"psyncsim/scenarios"
	"psyncsim/sim"
	"psyncsim/sim/live/redisd"
)

// realServer is the program that is played with.
func realServer(t *testing.T) *Program {
	t.Helper()
	path, err := redisd.Find()
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("CI needs redis-server (Debian package redis-server)")
		}
		t.Skip("SKIPPED, not passed: redis-server is not installed")
	}
	p, err := Detect(path)
	if err != nil {
		t.Skipf("SKIPPED, not passed: %v", err)
	}
	return p
}

// left is what is left of servers in a folder for temporary files: their
// folders, and processes that work in one.
func left(t *testing.T, tmp string) (list []string) {
	t.Helper()
	dirs, err := os.ReadDir(tmp)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		list = append(list, d.Name())
	}
	procs, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, p := range procs {
		if dir, err := os.Readlink(p); err == nil && strings.HasPrefix(dir, tmp+"/psyncsim-redis-") {
			list = append(list, p)
		}
	}
	return list
}

// Whatever ends the program, servers and folders go with it. Folders outlive a
// kill -9 and go when the next program starts.
func TestLeavesNothing(t *testing.T) {
	p := realServer(t)
	bin := filepath.Join(t.TempDir(), "psyncsim")
	if out, err := exec.Command("go", "build", "-o", bin, "../../cmd/psyncsim").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, x := range []struct {
		signal syscall.Signal
		exit   int
	}{{syscall.SIGINT, 130}, {syscall.SIGTERM, 130}, {syscall.SIGKILL, -1}} {
		tmp := t.TempDir()
		run := func() *exec.Cmd {
			c := exec.Command(bin, "verify", "../../scenarios/verify/outage.yaml", "--jobs", "3", "--redis-server", p.Path)
			c.Env = append(os.Environ(), "TMPDIR="+tmp)
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			for until := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
				servers := 0
				for _, name := range left(t, tmp) {
					if strings.HasPrefix(name, "/proc/") {
						servers++
					}
				}
				if servers >= 4 {
					return c
				}
				if time.Now().After(until) {
					t.Fatal("the servers do not come up")
				}
			}
		}
		c := run()
		_ = c.Process.Signal(x.signal)
		_ = c.Wait()
		if code := c.ProcessState.ExitCode(); code != x.exit {
			t.Errorf("%v: exit %d", x.signal, code)
		}
		if x.signal == syscall.SIGKILL { // the next one cleans up
			old := filepath.Join(tmp, "psyncsim-redis-"+strconv.Itoa(c.Process.Pid)+"-old")
			if err := os.Mkdir(old, 0o777); err != nil {
				t.Fatal(err)
			}
			c = run()
			_ = c.Process.Signal(syscall.SIGINT)
			_ = c.Wait()
		}
		var rest []string
		for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
			if rest = left(t, tmp); len(rest) == 0 {
				break
			}
		}
		if len(rest) > 0 {
			t.Errorf("%v leaves %q", x.signal, rest)
		}
	}
}

// A mistake of our own in the middle of a run ends that case alone, and its
// servers.
func TestPanicEndsServers(t *testing.T) {
	p := realServer(t)
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	s, err := scenarios.ReadFile("../../scenarios/verify/crash.yaml", []string{"servers.*.version=" + p.Profile.Name})
	if err != nil {
		t.Fatal(err)
	}
	c := casesOf(t, s)[0]
	c.Config.Faults = []sim.FaultConfig{{At: 100 * time.Millisecond, Kind: sim.FaultConfigSet}} // without settings
	r, err := Verify(context.Background(), p, []Case{c}, Options{})
	if err != nil || r.Agree != 0 || !strings.Contains(r.Cases[0].Error, "nil pointer") {
		t.Errorf("%v: %+v", err, r)
	}
	if rest := left(t, tmp); len(rest) > 0 {
		t.Errorf("left: %q", rest)
	}
}

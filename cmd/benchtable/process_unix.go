//go:build unix

package main

import (
	"os"
	"runtime"
	"syscall"
)

// maxRSS is the most memory that a process had resident, in bytes.
func maxRSS(s *os.ProcessState) int64 {
	u, ok := s.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	if n := int64(u.Maxrss); runtime.GOOS == "darwin" {
		return n
	} else {
		return n << 10
	}
}

// stop lets a process stand still, and goOn lets it go on; false where that fails.
func stop(p *os.Process) bool { return p.Signal(syscall.SIGSTOP) == nil }
func goOn(p *os.Process)      { p.Signal(syscall.SIGCONT) }

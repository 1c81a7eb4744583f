package redisd

import "syscall"

// dieWithUs ends a server whose program was killed and could not clean up.
func dieWithUs() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

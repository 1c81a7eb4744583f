//go:build !linux

package redisd

import "syscall"

func dieWithUs() *syscall.SysProcAttr { return nil }

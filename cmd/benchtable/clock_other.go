//go:build !linux

package main

import "time"

var started = time.Now()

// threadTime is the time on the wall where a thread's own is not told.
func threadTime() time.Duration { return time.Since(started) }

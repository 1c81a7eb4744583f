//go:build !unix

package main

import "os"

// maxRSS is not told here.
func maxRSS(*os.ProcessState) int64 { return 0 }

// stop is not possible here.
func stop(*os.Process) bool { return false }
func goOn(*os.Process)      {}

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"regexp"
	"runtime/debug"
	"sync"
)

// program is the build of this program: rows of two builds are never put together.
// It is the revision of the source where the build has recorded one and nothing was
// changed since; else what the executable is.
var program = sync.OnceValue(func() string {
	clean := ""
	if b, ok := debug.ReadBuildInfo(); ok {
		changed := false
		for _, s := range b.Settings {
			switch {
			case s.Key == "vcs.revision":
				clean = s.Value
			case s.Key == "vcs.modified":
				changed = s.Value == "true"
			}
		}
		if changed {
			clean = ""
		}
	}
	if clean != "" {
		return "revision " + clean
	}
	name, err := os.Executable()
	if err != nil {
		return "unknown"
	}
	id, err := executable(name)
	if err != nil {
		return "unknown"
	}
	return "executable " + id
})

// buildID is what Go's linker writes near the beginning of an executable: it changes with
// everything that goes into it.
var buildID = regexp.MustCompile(`[A-Za-z0-9_-]{20}/[A-Za-z0-9_-]{20}/[A-Za-z0-9_-]{20}/[A-Za-z0-9_-]{20}`)

// executable names a file by its build id, or by its bytes where it has none.
func executable(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	head, err := io.ReadAll(io.LimitReader(f, 1<<16))
	if err != nil {
		return "", err
	}
	if id := buildID.Find(head); id != nil {
		h.Write(id)
		return hex.EncodeToString(h.Sum(nil))[:20], nil
	}
	h.Write(head)
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil))[:20], nil
}

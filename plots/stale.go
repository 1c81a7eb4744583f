package plots

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// By these a chart is known as one of ours, whatever its name.
const (
	pngMark = "Software\x00psyncsim"
	svgMark = "<!-- Drawn by psyncsim with "
)

// markWithin is how far from its beginning the mark of a file ends at the latest.
const markWithin = 512

// The names that charts have, without their ends: of a sweep, and of a sizing.
var (
	ofSweep  = []string{"boundary", "collapsed", "cost", "timeline"}
	ofSizing = []string{"risk", "gaps", "sensitivity", "load"}
)

// Names are the names that [All] gives to files.
func Names() (all []string) {
	for _, n := range ofSweep {
		all = append(all, n+".png", n+".svg")
	}
	return all
}

// Clear removes the charts of a sweep from a folder, because its results will be others.
// A file that was not drawn by this program stays.
func Clear(dir string) error { return clear(dir, ofSweep, nil) }

// clear removes charts with such names, numbered ones too, and what a process that was
// killed left of them, but those in keep.
func clear(dir string, names, keep []string) error {
	all, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, e := range all {
		path := filepath.Join(dir, e.Name())
		if !e.Type().IsRegular() || slices.Contains(keep, e.Name()) || !slices.Contains(names, chartOf(e.Name())) || !drawn(path) {
			continue
		}
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// chartOf is which chart a name is of: boundary of boundary-2.svg, and of .boundary.png-123.
func chartOf(name string) string {
	if rest, unfinished := strings.CutPrefix(name, "."); unfinished {
		name = strings.TrimRight(rest, "0123456789")
		if name = strings.TrimSuffix(name, "-"); name == rest {
			return ""
		}
	}
	ext := filepath.Ext(name)
	if ext != ".png" && ext != ".svg" {
		return ""
	}
	name = strings.TrimSuffix(name, ext)
	if base, number, numbered := strings.Cut(name, "-"); numbered && strings.Trim(number, "0123456789") == "" {
		return base
	}
	return name
}

// drawn says whether a file is a chart that this program drew.
func drawn(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, markWithin))
	return err == nil && (bytes.Contains(head, []byte(pngMark)) || bytes.Contains(head, []byte(svgMark)))
}

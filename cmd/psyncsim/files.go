package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// checked remembers that something could not be written: much of what is printed has
// nobody who looks.
type checked struct {
	w   io.Writer
	err error
}

func (c *checked) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	if err != nil && c.err == nil {
		c.err = err
	}
	return n, err
}

// fileOf is the file behind a writer, if there is one.
func fileOf(w io.Writer) (*os.File, bool) {
	if c, ok := w.(*checked); ok {
		w = c.w
	}
	f, ok := w.(*os.File)
	return f, ok
}

// unwritten is the first failure to write a file that err tells of, nil without one. Where a
// disk is full it is often told of several files at once.
func unwritten(err error) *fs.PathError {
	var p *fs.PathError
	if !errors.As(err, &p) {
		return nil
	}
	switch p.Op {
	case "write", "sync", "mkdir", "truncate":
		return p
	}
	return nil
}

// kept is err in one sentence, with what is kept and how to go on, if a file could not be
// written; else it is err.
func kept(err error, what string) error {
	if p := unwritten(err); p != nil {
		return &exitError{exitUsage, fmt.Errorf("%w; %s", p, what)}
	}
	return err
}

// putFile writes a whole file or none.
func putFile(name string, data []byte) error {
	err := os.WriteFile(name, data, 0o644)
	if unwritten(err) != nil {
		removeHalf(name)
	}
	return err
}

// removeHalf takes away what became of a file that could not be written, unless it is a
// device or a pipe, which was there before.
func removeHalf(name string) {
	if s, err := os.Lstat(name); err == nil && s.Mode().IsRegular() {
		os.Remove(name)
	}
}

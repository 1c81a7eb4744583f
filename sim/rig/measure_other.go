//go:build !linux

package rig

import (
	"context"
	"io"
)

// Measure needs Linux.
func Measure(context.Context, *Plan, io.Writer) (*Measured, error) { return nil, ErrNoNamespaces }

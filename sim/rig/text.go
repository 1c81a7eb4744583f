package rig

import "regexp"

var numbers = regexp.MustCompile(`\[\s*((?:-?[0-9]+,?\s*)+)\]`)
var spaces = regexp.MustCompile(`\s+`)

// compact puts lists of numbers on one line: a kept file is read by people too.
func compact(b []byte) []byte {
	return numbers.ReplaceAllFunc(b, func(m []byte) []byte { return spaces.ReplaceAll(m, []byte(" ")) })
}

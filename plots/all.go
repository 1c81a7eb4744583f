package plots

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"psyncsim/results"
)

// All draws every chart that the results have data for into dir, and returns
// the names of the files. Charts that an earlier sweep left there under names
// of ours, and that these results do not have, are removed.
func All(dir string, k *results.Kept) ([]string, error) {
	charts := []func(string, *results.Kept) ([]string, error){Boundary, Collapsed, Cost, Timeline}
	drawn, errs := make([][]string, len(charts)), make([]error, len(charts))
	var all sync.WaitGroup
	for i, chart := range charts {
		all.Go(func() { drawn[i], errs[i] = chart(dir, k) })
	}
	all.Wait()
	names := slices.Concat(drawn...)
	if err := errors.Join(errs...); err != nil {
		return names, err
	}
	for _, pattern := range []string{"boundary", "boundary-[0-9]*", "collapsed", "cost", "timeline"} {
		for _, ext := range []string{".png", ".svg"} {
			old, err := filepath.Glob(filepath.Join(globQuote(dir), pattern+ext))
			if err != nil {
				return names, err
			}
			for _, path := range old {
				if slices.Contains(names, filepath.Base(path)) {
					continue
				}
				if err := os.Remove(path); err != nil {
					return names, err
				}
			}
		}
	}
	return names, nil
}

// globQuote makes a directory's name stand for itself in a pattern.
func globQuote(dir string) string {
	var b []rune
	for _, r := range dir {
		if r == '*' || r == '?' || r == '[' || r == '\\' && filepath.Separator == '/' {
			b = append(b, '\\')
		}
		b = append(b, r)
	}
	return string(b)
}

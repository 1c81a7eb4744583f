package plots

import (
	"errors"
	"slices"
	"sync"

	"psyncsim/results"
)

// All draws every chart that the results have data for into dir, and returns
// the names of the files. Charts that were drawn there of other results, and that
// these do not have, are removed.
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
	return names, clear(dir, ofSweep, names)
}

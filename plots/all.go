package plots

import "psyncsim/results"

// All draws every chart that the results have data for into dir, and returns
// the names of the files.
func All(dir string, k *results.Kept) ([]string, error) {
	var names []string
	for _, chart := range []func(string, *results.Kept) ([]string, error){Boundary, Collapsed, Timeline} {
		ns, err := chart(dir, k)
		names = append(names, ns...)
		if err != nil {
			return names, err
		}
	}
	return names, nil
}

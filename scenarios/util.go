package scenarios

import "sort"

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

func sortedKeys(m map[string]bool) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// nearOr names the nearest choice, without the whole list when there is none.
func nearOr(got string, choices []string) string {
	if near := nearest(got, choices); near != "" {
		return "did you mean " + near + "?"
	}
	return "see psyncsim run --json for the names"
}

package model

import "testing"

// A release that still had a bug is like its variant, a later one like its line.
func TestLookupRelease(t *testing.T) {
	for _, c := range []struct {
		line  string
		patch int
		want  string
	}{
		{"redis-4.0", 0, "redis-4.0.6"}, {"redis-4.0", 6, "redis-4.0.6"}, {"redis-4.0", 7, "redis-4.0"},
		{"redis-7.0", 9, "redis-7.0.9"}, {"redis-7.0", 10, "redis-7.0"}, {"redis-2.8", 0, "redis-2.8"}, {"redis-6.2", 1, "redis-6.2"},
	} {
		p, ok := LookupRelease(c.line, c.patch)
		if !ok || p.Name != c.want {
			t.Errorf("%s.%d is like %v, not %s", c.line, c.patch, p, c.want)
		}
	}
	for _, v := range Variants() {
		if p, ok := LookupProfile(v.Name); !ok || p != v || v.Like() == v.Name {
			t.Errorf("%s: %v, like %s", v.Name, ok, v.Like())
		}
	}
	if _, ok := LookupRelease("redis-9.9", 1); ok {
		t.Error("redis-9.9 is known")
	}
}

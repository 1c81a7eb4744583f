package main

import (
	"regexp"
	"strings"
	"testing"

	"psyncsim/scenarios/outages"
)

func TestOutages(t *testing.T) {
	code, stdout, _ := call(t, "outages")
	for _, p := range outages.Presets() {
		if code != 0 || !strings.Contains(stdout, p.Name) || !strings.Contains(stdout, p.Source) {
			t.Errorf("%s is not in the list", p.Name)
		}
	}
	code, stdout, _ = call(t, "outages", "silent:p50=2s,p99=45s")
	if code != 0 || !regexp.MustCompile(`(?m)^ +50 % +2s$`).MatchString(stdout) || !regexp.MustCompile(`(?m)^ +99 % +45\.00\ds$`).MatchString(stdout) || !strings.Contains(stdout, "; silent\n") {
		t.Errorf("%s", stdout)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"outages", "p50=2s,p99=1s"}, `outages: at character 8: "p99"`},
		{[]string{"outages", "90%", "2s"}, "put it in quotes"},
	} {
		if code, _, stderr := call(t, c.args...); code != exitUsage || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: exit %d: %s", c.args, code, stderr)
		}
	}
}

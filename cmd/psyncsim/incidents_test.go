package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"psyncsim/scenarios"
)

// failsWith is what the comment of an incident or peer test says before the
// one change, PATH=VALUE, that makes it fail.
const failsWith = "# Fails with --set "

// Every incident and every test of the servers' own suite meets what it
// expects, and stops doing so when its deciding number is another one.
func TestIncidentsAndPeers(t *testing.T) {
	for _, folder := range []string{"incidents", "peers"} {
		files, err := filepath.Glob("../../scenarios/" + folder + "/*.yaml")
		if err != nil || len(files) < 10 {
			t.Fatalf("%s: %d files, %v", folder, len(files), err)
		}
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), ".yaml")
			t.Run(folder+"/"+name, func(t *testing.T) {
				t.Parallel()
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				s, err := scenarios.ReadFile(file, nil)
				if err != nil {
					t.Fatal(err)
				}
				if len(s.Expect) == 0 {
					t.Error("expects nothing")
				}
				_, rest, ok := strings.Cut(string(text), failsWith)
				if !ok {
					t.Fatalf("the comment does not say %q", failsWith)
				}
				set, _, _ := strings.Cut(rest, "\n")
				if folder == "incidents" {
					checkIncident(t, name, string(text), s)
				}
				if testing.Short() {
					return
				}
				out := t.TempDir()
				if code, stdout, stderr := call(t, "run", file, "--out", out, "--no-charts", "--quiet"); code != 0 {
					t.Errorf("exit %d: %s\n%s", code, stderr, stdout)
				}
				if code, _, stderr := call(t, "run", file, "--out", out, "--no-charts", "--quiet", "--seeds", "1", "--set", set); code != exitFailed {
					t.Errorf("with %s: exit %d: %s", set, code, stderr)
				}
			})
		}
	}
}

// checkIncident wants a source, what is assumed, and something that would have
// helped: a file NAME-fixed, or a sweep whose points expect different things.
func checkIncident(t *testing.T, name, text string, s *scenarios.Scenario) {
	if !strings.Contains(text, "ounterfactual") {
		t.Error("names no counterfactual")
	}
	if strings.HasSuffix(name, "-fixed") {
		return
	}
	for _, word := range []string{"# https://", "From the source", "Assumed:", "must match"} {
		if !strings.Contains(text, word) {
			t.Errorf("the comment does not say %q", word)
		}
	}
	points := map[string]bool{}
	for _, e := range s.Expect {
		if _, when, ok := strings.Cut(e.Text, " when "); ok {
			points[when] = true
		}
	}
	if len(points) < 2 {
		t.Error("no sweep has points that expect different things")
	}
}

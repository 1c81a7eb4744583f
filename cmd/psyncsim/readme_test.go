package main

import (
	"os"
	"strings"
	"testing"
)

// What README.md says of sizing is what the program says, line by line.
func TestReadmeSize(t *testing.T) {
	if testing.Short() {
		t.Skip("simulates 40,000 outages")
	}
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), "## Size your backlog in two minutes\n")
	command, answer := "psyncsim size --info load.csv --outage p50=2s,p99=45s --charts charts\n```\n\n```\n", ""
	if ok {
		_, answer, ok = strings.Cut(section, command)
	}
	if answer, _, _ = strings.Cut(answer, "\n```"); !ok || strings.Count(answer, "\n") < 5 {
		t.Fatal("README.md does not show the command and its answer")
	}
	load, err := os.ReadFile("../../scenarios/capture/load.csv")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if err := os.WriteFile("load.csv", load, 0o600); err != nil {
		t.Fatal(err)
	}
	out, errs, code := sizeCmd(t, "--info", "load.csv", "--outage", "p50=2s,p99=45s", "--no-sensitivity", "--quiet")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	shown, said := strings.Split(answer, "\n"), strings.Split(out, "\n")
	for i, line := range shown {
		if i == len(shown)-1 && line == "…" {
			break
		}
		if i >= len(said) || strings.TrimRight(said[i], " ") != strings.TrimRight(line, " ") {
			t.Errorf("README.md says  %s\nthe program     %s", line, said[min(i, len(said)-1)])
		}
	}
}

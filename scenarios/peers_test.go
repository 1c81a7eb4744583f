package scenarios

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPeersList holds peers/LIST.txt against the files: what it names is there, and every
// scenario beside it is named, and says itself of which of their tests it is.
func TestPeersList(t *testing.T) {
	text, err := os.ReadFile("peers/LIST.txt")
	if err != nil {
		t.Fatal(err)
	}
	named, rows, reasons := map[string]bool{}, 0, 0
	for i, line := range strings.Split(string(text), "\n") {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		rows++
		what, where, ok := strings.Cut(line, " | ")
		if !ok || what == "" {
			t.Fatalf("line %d: expected a test, a bar, and where it is shown: %q", i+1, line)
		}
		files, why, not := strings.Cut(where, "not: ")
		if files = strings.TrimSuffix(strings.TrimSpace(files), ";"); not {
			if reasons++; len(why) < 5 {
				t.Errorf("line %d: no reason", i+1)
			}
		}
		if files == "" {
			if !not {
				t.Errorf("line %d: neither a file nor a reason", i+1)
			}
			continue
		}
		for name := range strings.SplitSeq(files, ", ") {
			path := "../" + name
			if !strings.Contains(name, "/") {
				path = "peers/" + name + ".yaml"
				named[path] = true
			}
			if text, err := os.ReadFile(path); err != nil {
				t.Errorf("line %d: %s: %v", i+1, name, err)
			} else if named[path] && !namesTest(string(text), what) {
				t.Errorf("line %d: the comment above %s names none of the tests of %q", i+1, name, what)
			}
		}
	}
	kept, err := filepath.Glob("peers/*.yaml")
	if err != nil || len(kept) < 100 {
		t.Fatalf("%d scenarios, %v", len(kept), err)
	}
	for _, path := range kept {
		if !named[filepath.ToSlash(path)] {
			t.Errorf("%s is in no line of peers/LIST.txt", path)
		}
	}
	if rows < 70 || reasons > 14 {
		t.Errorf("%d lines, %d reasons why not", rows, reasons)
	}
}

// namesTest says whether the comment at the head of a scenario has the name of a file of the
// tests that a line is about: "integration/psync2: a tree" is about psync2.
func namesTest(scenario, line string) bool {
	head, _, _ := strings.Cut(scenario, "\nquestion:")
	files, _, _ := strings.Cut(line, ":")
	for file := range strings.SplitSeq(files, ", ") {
		if strings.Contains(head, filepath.Base(file)) {
			return true
		}
	}
	return false
}

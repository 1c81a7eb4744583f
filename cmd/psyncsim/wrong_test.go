package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
)

// Whatever is wrong with an input, size and explain say it in one sentence with
// its place, print nothing else, exit 2, and take no time.
//
//	file name=NAME [repeat=N]   writes a file; \x00 is a zero byte
//	run                         runs psyncsim with each line of arguments
func TestWrongInputs(t *testing.T) {
	file, err := os.ReadFile("testdata/wrong-inputs.txt")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(file, []byte("\nrun\n")) {
		t.Fatal("nothing is run")
	}
	path := t.TempDir()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	var problems []string
	datadriven.RunTest(t, here+"/testdata/wrong-inputs.txt", func(t *testing.T, d *datadriven.TestData) string {
		t.Chdir(path)
		switch d.Cmd {
		case "file":
			var name string
			n := 1
			d.ScanArgs(t, "name", &name)
			d.MaybeScanArgs(t, "repeat", &n)
			text := strings.ReplaceAll(strings.Repeat(d.Input+"\n", n), `\x00`, "\x00")
			if d.Input == "" {
				text = ""
			}
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			return ""
		case "run":
			var b strings.Builder
			for line := range strings.Lines(d.Input) {
				b.WriteString(wrong(strings.TrimSpace(line), func(format string, a ...any) {
					problems = append(problems, d.Pos+": "+fmt.Sprintf(format, a...)) // all of them, not the first alone
				}))
			}
			return b.String()
		}
		d.Fatalf(t, "unknown %s", d.Cmd)
		return ""
	})
	for _, p := range problems {
		t.Error(p)
	}
}

// wrong runs one command that must fail as said, and returns its words.
func wrong(line string, bad func(string, ...any)) string {
	var out, errs bytes.Buffer
	began := time.Now()
	code := run(context.Background(), append([]string{"psyncsim"}, fieldsOf(line)...), &out, &errs)
	text := strings.TrimPrefix(errs.String(), "psyncsim: ")
	if code != exitUsage || out.Len() > 0 || strings.Count(text, "\n") != 1 || text == errs.String() || len(text) > 700 {
		bad("psyncsim %s: exit %d, stdout %q, stderr %q", line, code, out.String(), errs.String())
	}
	if took := time.Since(began); took > 20*time.Second {
		bad("psyncsim %s took %v", line, took)
	}
	for _, word := range []string{"panic", "goroutine", "nil pointer", "%!"} {
		if strings.Contains(text, word) {
			bad("psyncsim %s: %s", line, text)
		}
	}
	return text
}

// fieldsOf cuts a line at its spaces, but not within single quotes.
func fieldsOf(line string) (all []string) {
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			all = append(all, part)
		} else {
			all = append(all, strings.Fields(part)...)
		}
	}
	return all
}

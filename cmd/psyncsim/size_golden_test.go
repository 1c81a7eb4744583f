package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// What size prints, for people: testdata/size. -rewrite writes it anew.
func TestSizeAnswers(t *testing.T) {
	t.Parallel()
	if raceEnabled {
		t.Skip("minutes under the race detector; TestSizeDoesNotHangOnJobs plays the same code with more workers")
	}
	datadriven.RunTest(t, "testdata/size/answers.txt", func(t *testing.T, d *datadriven.TestData) string {
		args := append(strings.Fields(d.Input), "--no-sensitivity", "--jobs", "2")
		out, errs, code := sizeCmd(t, args...)
		if errs != "" {
			out += "stderr: " + errs
		}
		if code != 0 {
			out += fmt.Sprintf("exit %d\n", code)
		}
		return out
	})
}

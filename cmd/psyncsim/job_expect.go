package main

import (
	"errors"
	"fmt"
	"strings"

	"psyncsim/results"
	"psyncsim/scenarios"
	"psyncsim/sim"
)

// verdict turns what happened into an exit status.
func (j *job) verdict(runErr error) error {
	var v *sim.Violation
	switch {
	case errors.As(runErr, &v):
		return &exitError{exitViolation, j.broken(runErr, v)}
	case errors.Is(runErr, errInterrupted):
		k := j.out.Kept()
		text := fmt.Sprintf("interrupted: %d of %d runs are in %s; --resume goes on", k.Done, k.Planned, j.dir)
		if j.out.Aside() {
			text += ", and the finished results that were there stay until then"
		}
		return &exitError{exitInterrupted, errors.New(text)}
	case runErr != nil:
		return &exitError{exitUsage, runErr}
	case j.fails > 0:
		return expectations(j.file, j.fails, j.failed)
	}
	return nil
}

// expectations reports those that did not hold.
func expectations(of string, fails int64, failed []string) error {
	failed = failed[:min(len(failed), maxFailures)]
	text := strings.Join(failed, "\n")
	if more := fails - int64(len(failed)); more > 0 {
		text += fmt.Sprintf("\n... and %d more", more)
	}
	return &exitError{exitFailed, fmt.Errorf("%s: %d expectations failed\n%s", of, fails, text)}
}

// broken reports a broken invariant: what, the last facts before it, and the
// command that plays the run again.
func (j *job) broken(runErr error, v *sim.Violation) error {
	text := runErr.Error() + "\nThis is a bug of psyncsim, not of your scenario. The last facts before it:\n"
	for i := range v.Last {
		text += "  " + string(v.Last[i].AppendText(nil)) + "\n"
	}
	cell := 0
	var b *brokenRun
	if errors.As(runErr, &b) {
		cell = b.index
	}
	return errors.New(text + "It happens again with: " + strings.TrimSuffix(j.replay(cell), " --trace -"))
}

// chunk is what a worker makes of neighbouring runs: all that the writer then has to do
// is to add it to what is there.
type chunk struct {
	rows    *results.Block
	checked int64     // expectations
	fails   int64     // of them that did not hold; of the first maxFailures it is told
	failed  []failure // which
	full    int       // the first run with a full resynchronization; -1 without one
	pairs   []results.Pair
}

// failure is an expectation that did not hold.
type failure struct {
	text  string
	index int // of the cell
}

func (c *chunk) reset() {
	c.rows.Reset()
	*c = chunk{rows: c.rows, failed: c.failed[:0], full: -1}
}

func (c *chunk) fail(index int, text string) {
	c.fails++
	if len(c.failed) < maxFailures {
		c.failed = append(c.failed, failure{text, index})
	}
}

// judge holds runs against what is expected of them. Workers share it: it is only read.
type judge struct {
	s    *scenarios.Scenario
	seen []results.Observed
}

// add is the last that is done about a run where it was played.
func (j *judge) add(c *chunk, cell *scenarios.Cell, r *results.Run) {
	if c.full < 0 && r.Fulls > 0 {
		c.full = r.Index
	}
	checked, failed := unmet(j.s, cell, r)
	c.checked += checked
	for _, text := range failed {
		c.fail(r.Index, text)
	}
	j.observe(c, r)
	c.rows.Add(r)
}

// count adds what a worker found out.
func (j *job) count(c *chunk) {
	if !j.found && c.full >= 0 {
		j.shown, j.found = c.full, true
	}
	if j.pairs == nil {
		j.pairs = c.pairs
	}
	j.checked += c.checked
	j.fails += c.fails
	for _, f := range c.failed {
		if len(j.failed) < maxFailures {
			j.failed = append(j.failed, fmt.Sprintf("  %s (%s)", f.text, j.replay(f.index)))
		}
	}
}

// unmet are the expectations that a run does not meet, of those that apply.
func unmet(s *scenarios.Scenario, cell *scenarios.Cell, r *results.Run) (checked int64, failed []string) {
	for i := range s.Expect {
		e := &s.Expect[i]
		if !e.Applies(cell.Point) {
			continue
		}
		checked++
		n, text, ok := fieldOf(r, e.Server, e.Field, e.At)
		has := shown(n, text, ok)
		if e.OtherServer == "" {
			ok = ok && e.Holds(n, text)
		} else {
			number, word, also := fieldOf(r, e.OtherServer, e.OtherField, e.At)
			ok = ok && also && e.Holding(n, text, number, word)
			has += " and " + shown(number, word, also)
		}
		if !ok {
			failed = append(failed, fmt.Sprintf("%s, but it is %s", e.Text, has))
		}
	}
	return checked, failed
}

// shown is a field's value as a message has it.
func shown(n int64, text string, ok bool) string {
	switch {
	case !ok:
		return "no such field"
	case text != "":
		return text
	}
	return fmt.Sprint(n)
}

// observe holds a run against what real servers did.
func (j *judge) observe(c *chunk, r *results.Run) {
	if len(j.seen) == 0 {
		return
	}
	if c.pairs == nil { // they may be shown in the end
		r = r.Clone()
	}
	pairs := results.Compare(j.seen, r)
	if c.pairs == nil {
		c.pairs = pairs
	}
	for i := range pairs {
		c.checked++
		if !pairs[i].Agrees() {
			c.fail(r.Index, fmt.Sprintf("reconnect %d is not as observed", i+1))
		}
	}
}

func (j *job) seen() (seen []results.Observed) {
	for _, o := range j.s.Observed {
		seen = append(seen, results.Observed{T: int64(o.At), Kind: o.Kind, Gap: o.Gap, Within: o.Within})
	}
	return seen
}

// replay is the command that plays one cell alone.
func (j *job) replay(cell int) string {
	b := "psyncsim run " + j.file
	for _, s := range j.x.StringSlice("set") {
		b += fmt.Sprintf(" --set %q", s)
	}
	if j.x.IsSet("seed") {
		b += fmt.Sprintf(" --seed %d", j.x.Uint64("seed"))
	}
	if j.x.IsSet("seeds") {
		b += " --seeds " + j.x.String("seeds")
	}
	return b + fmt.Sprintf(" --cell %d --trace -", cell)
}

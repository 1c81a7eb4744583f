package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	"psyncsim/results"
)

// pause is how often a sweep makes its rows safe against the death of the
// process; a variable for tests. What was run since is run again.
var pause = 500 * time.Millisecond

// rest is how many times as long as a save took nothing is saved: a slow disk costs a
// sweep a twentieth of its time at most.
var rest = 20

// state is what a job must know of its finished runs besides their rows.
type state struct {
	Failed  []string `json:"failed,omitempty"`
	Fails   int64    `json:"fails,omitempty"`
	Checked int64    `json:"checked,omitempty"`
	Shown   int      `json:"shown"`
	Found   bool     `json:"found"`
}

// checkpoint saves now and then.
func (j *job) checkpoint() error {
	if time.Now().Before(j.nextSave) {
		return nil
	}
	began := time.Now()
	err := j.save()
	j.nextSave = time.Now().Add(max(pause, time.Duration(rest)*time.Since(began)))
	return err
}

func (j *job) save() error {
	b, err := json.Marshal(state{j.failed, j.fails, j.checked, j.shown, j.found})
	if err != nil {
		return err
	}
	return j.out.Checkpoint(b)
}

// restore takes up what an earlier run knew of the done first runs.
func (j *job) restore(done int) error {
	if done == 0 {
		return nil
	}
	k := j.out.Kept()
	if b := j.out.State(); b != nil {
		var s state
		if err := json.Unmarshal(b, &s); err != nil {
			return &exitError{exitUsage, fmt.Errorf("%s: %w; --restart begins anew", filepath.Join(j.dir, results.Unfinished), err)}
		}
		j.failed, j.fails, j.checked, j.shown, j.found = s.Failed, s.Fails, s.Checked, s.Shown, s.Found
	} else if k.Complete { // results that are finished
		j.fails, j.checked = k.Failed, k.Checked
		if k.Timeline != nil {
			j.shown = k.Timeline.Meta.Index
		}
		if k.Shard != nil {
			j.failed = k.Shard.Failed
		}
	}
	if !j.x.Bool("quiet") {
		fmt.Fprintf(j.c.stderr, "%s: %d of %d runs are there\n", j.dir, done, k.Planned)
	}
	if len(j.s.Observed) > 0 {
		return j.again()
	}
	return nil
}

// again plays the first run once more, for what is shown of it beside
// observations.
func (j *job) again() error {
	cell := j.cells.At(j.shown)
	w := worker{ctx: j.x.Context}
	r, err := w.one(&cell)
	if err == nil {
		j.pairs = results.Compare(j.seen(), r)
	}
	return err
}

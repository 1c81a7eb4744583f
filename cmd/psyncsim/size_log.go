package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"psyncsim/results"
	"psyncsim/results/risk"
	"psyncsim/scenarios"
	"psyncsim/scenarios/logs"
	"psyncsim/sim"
)

// captured is the load that a replay of the logs is played with: the samples,
// if they cover the outages, else the offsets that the logs name.
func (j *sizeJob) captured() []logs.Sample {
	if j.set == nil || len(j.set.Samples) < 2 {
		return j.story.Load()
	}
	var watched []logs.Watched
	for _, x := range j.set.Samples {
		watched = append(watched, logs.Watched{At: x.Time, Offset: x.Offset, Bytes: x.Bytes})
	}
	b, err := j.story.Beside(watched)
	if err != nil { // samples of another time than the logs
		j.a.Traps = append(j.a.Traps, err.Error())
		return j.story.Load()
	}
	var load []logs.Sample
	for _, x := range j.set.Samples {
		load = append(load, logs.Sample{At: x.Time.Add(-b.Shift), Offset: x.Bytes})
	}
	return load
}

// replayLogs plays what the logs tell with a size, and with the size there was.
func (j *sizeJob) replayLogs(size int64) error {
	load := j.captured()
	if len(load) < 2 {
		return nil
	}
	set := func(name string) time.Duration {
		for _, d := range j.spec.Master {
			var n int
			if d.Name == name {
				fmt.Sscan(d.Value, &n)
				return time.Duration(n) * time.Second
			}
		}
		return 0
	}
	l := &risk.Logs{}
	for _, x := range []struct {
		size int64
		to   *risk.Replayed
	}{{j.current, &l.Now}, {size, &l.Then}} {
		if x.size == 0 && x.to == &l.Then {
			continue
		}
		text, _, err := j.story.Scenario(logs.Replay{Load: load, File: "load.csv", Backlog: x.size, Timeout: set("repl-timeout"), Ping: set("repl-ping-replica-period")})
		if err != nil {
			return err
		}
		run, err := playText(text, logs.LoadCSV(load))
		if err != nil {
			return fmt.Errorf("the logs cannot be played again: %w", err)
		}
		if run.Reconnects == 0 { // none of them can be played
			continue
		}
		*x.to = risk.Replayed{Bytes: run.Backlog, Reconnects: run.Reconnects, Full: run.Fulls, Left: max(j.reconnects()-run.Reconnects, 0)}
		for _, v := range run.Resyncs {
			if !v.First {
				x.to.Gaps = append(x.to.Gaps, v.Gap)
			}
		}
	}
	j.broke(l)
	j.a.Logs = l
	return nil
}

// reconnects is how many the logs tell of.
func (j *sizeJob) reconnects() (n int64) {
	for i := range j.story.Resyncs {
		if !j.story.Resyncs[i].Lost.IsZero() {
			n++
		}
	}
	return n
}

// broke finds the reconnects that the rule of thumb would have failed: their own
// seconds, and the mean rate.
func (j *sizeJob) broke(l *risk.Logs) {
	for i := range j.story.Resyncs {
		r := &j.story.Resyncs[i]
		if !r.Gap.Known || r.Lost.IsZero() || r.Gap.N == 0 {
			continue
		}
		rule := int64(2 * r.Down().Seconds() * float64(j.plan.Rate))
		b := risk.Observed{Judged: r.Judged.Format("15:04:05.000"), Down: r.Down().Seconds(), Gap: r.Gap.N, Full: r.Full, Rule: rule}
		l.Seen = append(l.Seen, b)
	}
}

// playText plays a scenario that is not in a file.
func playText(text, load []byte) (*results.Run, error) {
	s, err := scenarios.Load("logs.yaml", text, func(string) ([]byte, error) { return load, nil }, nil)
	if err != nil {
		return nil, err
	}
	cells, err := s.Cells(scenarios.SeedRange{})
	if err != nil {
		return nil, err
	}
	cell := cells.At(0)
	if cell.Err != nil {
		return nil, cell.Err
	}
	c := results.NewCollector(meta(&cell))
	w, err := sim.New(cell.Config, c)
	if err != nil {
		return nil, err
	}
	if err := w.Run(); err != nil {
		return nil, &brokenRun{0, err}
	}
	return c.Run(), nil
}

// write keeps the worst outage as a scenario, if that was asked for.
func (j *sizeJob) write() error {
	if file := j.x.String("scenario"); file != "" {
		return j.writeScenario(file)
	}
	return nil
}

func reason(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// writeScenario writes the worst outage as a file of its own, its load beside it.
func (j *sizeJob) writeScenario(file string) error {
	if j.a.Worst == nil {
		return usage("--scenario: there is no outage to write: none missed anything")
	}
	load := strings.TrimSuffix(file, filepath.Ext(file)) + "-load.csv"
	text, csv, err := j.plan.ScenarioText(&j.worstDraw, j.a.Recommended.Bytes, j.worstTail, filepath.Base(load))
	if err != nil {
		return err
	}
	files := map[string][]byte{file: text}
	if csv != nil {
		files[load] = csv
	}
	for name, data := range files {
		if err := putFile(name, data); err != nil {
			return &exitError{exitUsage, fmt.Errorf("--scenario %s: %w", name, reason(err))}
		}
	}
	return nil
}

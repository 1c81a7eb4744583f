package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"psyncsim/plots"
	"psyncsim/results"
	"psyncsim/scenarios/logs"
)

// charts draws the answer into the folder of --charts, which is made if need be.
func (j *sizeJob) charts() error {
	dir := j.x.String("charts")
	if dir == "" || j.a.Curve == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return &exitError{exitUsage, fmt.Errorf("--charts: %w", err)}
	}
	names, err := plots.Sizing(dir, &j.a, j.loadView())
	if err != nil {
		return &exitError{exitUsage, fmt.Errorf("--charts: %w", kept(err, "the answer above is whole: give the same command again for its charts when there is room"))}
	}
	if !j.x.Bool("quiet") {
		var shown []string
		for _, n := range names {
			if strings.HasSuffix(n, ".png") {
				shown = append(shown, filepath.Join(dir, n))
			}
		}
		fmt.Fprintf(j.c.stderr, "charts  %s (and as SVG)\n", strings.Join(shown, " "))
	}
	return nil
}

// loadView is the load that was sampled, or else what the logs know of it, with
// the outages of the logs. Nil where it is known by its rate alone.
func (j *sizeJob) loadView() *plots.LoadView {
	v := &plots.LoadView{}
	var zero time.Time
	shift := time.Duration(0)
	switch {
	case j.set != nil && len(j.set.Samples) > 1:
		v.Source, zero = j.set.Source, j.set.Samples[0].Time
		var watched []logs.Watched
		for _, s := range j.set.Samples {
			v.Samples = append(v.Samples, plots.LoadSample{T: int64(s.Time.Sub(zero)), Bytes: s.Bytes, Blind: s.Gap != ""})
			watched = append(watched, logs.Watched{At: s.Time, Offset: s.Offset, Bytes: s.Bytes})
		}
		if j.story == nil {
			return v
		}
		b, err := j.story.Beside(watched)
		if err != nil {
			return v // samples of another time than the logs: each says what it knows
		}
		shift = b.Shift
	case j.story != nil:
		load := j.story.Load()
		if len(load) < 2 {
			return nil
		}
		v.Source, zero = "the offsets in the logs", load[0].At
		for _, s := range load {
			v.Samples = append(v.Samples, plots.LoadSample{T: int64(s.At.Sub(zero)), Bytes: s.Offset - load[0].Offset})
		}
	default:
		return nil
	}
	v.Outages = outagesOf(j.story, zero.Add(-shift))
	return v
}

// outagesOf are the outages of logs, with time 0 at zero of their clock.
func outagesOf(s *logs.Story, zero time.Time) (all []plots.LoadOutage) {
	for i := range s.Resyncs {
		r := &s.Resyncs[i]
		if r.Lost.IsZero() || r.Judged.IsZero() {
			continue
		}
		o := plots.LoadOutage{From: int64(r.Lost.Sub(zero)), To: int64(r.Judged.Sub(zero)), Verdict: results.Partial, Gap: -1}
		if r.Full {
			o.Verdict = results.Full
		}
		if r.Gap.Known {
			o.Gap = r.Gap.N
		}
		switch r.LostWhy {
		case logs.LostSilence, logs.LostMaster:
			o.Kind = "silent"
		case logs.LostRestart, logs.LostMasterRestart:
			o.Kind = "restart"
		case logs.LostMasterCrash, logs.LostFailover, logs.LostSwitchover:
			o.Kind = strings.TrimPrefix(r.LostWhy, "master-")
		case logs.LostClosed, logs.LostBuffer, logs.LostBulk:
			o.Kind = "reset"
		}
		all = append(all, o)
	}
	return all
}

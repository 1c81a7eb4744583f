package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"psyncsim/scenarios"
	"psyncsim/sim/live/redisd"
	"psyncsim/sim/measured"
	"psyncsim/sim/twin"
)

// longestVerify bounds how long real servers are kept busy for one program.
const longestVerify = time.Hour

// verifyLive plays scenarios on real servers and in simulation.
func (c *commands) verifyLive(x *cli.Context, files []string) error {
	if len(files) == 0 {
		return usage("verify needs scenarios, or --measured and recorded experiments")
	}
	if x.Int("jobs") < 1 {
		return usage("--jobs %d: at least one", x.Int("jobs"))
	}
	paths := x.StringSlice("redis-server")
	if len(paths) == 0 {
		path, err := redisd.Find()
		if err != nil {
			return usage("verify needs a redis-server: none is on PATH, and --redis-server names none")
		}
		paths = []string{path}
	}
	var programs []*twin.Program
	for _, path := range paths {
		p, err := twin.Detect(path)
		if err != nil {
			return &exitError{exitUsage, err}
		}
		programs = append(programs, p)
	}
	if x.String("record") != "" && len(programs) > 1 {
		return usage("--record writes what one server did; name one --redis-server")
	}
	all := twin.Report{Cases: []twin.CaseReport{}}
	for _, p := range programs {
		cases, left, err := liveCases(p, files, x.Bool("skip"))
		if err != nil {
			return &exitError{exitUsage, err}
		}
		if all.LeftOut = append(all.LeftOut, left...); len(cases) == 0 {
			return usage("%s can play none of these scenarios", p.Name)
		}
		var takes time.Duration
		for _, k := range cases {
			takes += k.Config.Duration
		}
		if takes /= time.Duration(x.Int("jobs")); takes > longestVerify {
			return usage("%d runs would take %v in real time; more than %v is refused", len(cases), takes.Round(time.Minute), longestVerify)
		}
		if !x.Bool("quiet") {
			fmt.Fprintf(c.stderr, "%s (%s): %d runs, in real time\n", p.Name, p.Path, len(cases))
			for _, l := range left {
				fmt.Fprintf(c.stderr, "left out: %s: %s\n", l.File, l.Why)
			}
		}
		o := twin.Options{Jobs: x.Int("jobs")}
		tape := newTapes(len(cases))
		if x.String("record") != "" {
			o.Record, o.Attempts = tape.take, recordAttempts
		}
		r, err := twin.Verify(x.Context, p, cases, o)
		if err != nil {
			return &exitError{exitInterrupted, nil}
		}
		if err := tape.write(x.String("record")); err != nil {
			return &exitError{exitUsage, err}
		}
		all.Agree, all.Total, all.Cases = all.Agree+r.Agree, all.Total+r.Total, append(all.Cases, r.Cases...)
	}
	if err := c.verifiedLive(x, all); err != nil {
		return err
	}
	if all.Agree < all.Total {
		return &exitError{exitFailed, fmt.Errorf("%d of %d runs do not agree", all.Total-all.Agree, all.Total)}
	}
	return nil
}

// recordAttempts is how often a case is played that is to be recorded: what was
// recorded must agree when it is played back, and a write that met a request
// halfway is in no order with it.
const recordAttempts = 6

// tapes are what is kept of a run.
type tapes struct {
	mu     sync.Mutex
	server string
	lines  []json.RawMessage
}

func newTapes(cases int) *tapes { return &tapes{lines: make([]json.RawMessage, cases)} }

// take keeps a case if it agrees when it is played back.
func (r *tapes) take(n int, server string, line json.RawMessage, why error) error {
	if line == nil {
		return why
	}
	f, err := measured.Decode(server, line)
	if err != nil {
		return err
	}
	if back := measured.Verify([]*measured.File{f}, measured.Options{}); back.Agree == 0 {
		return fmt.Errorf("played back it does not agree: %+v", back.Cases[0].Differences)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.server, r.lines[n] = server, line
	return nil
}

// write writes the cases that were kept.
func (r *tapes) write(path string) error {
	lines := slices.DeleteFunc(r.lines, func(l json.RawMessage) bool { return l == nil })
	if path == "" || len(lines) == 0 {
		return nil
	}
	return measured.Write(path, r.server, lines)
}

// liveCases are all points of the scenarios that a program can play, one seed
// each: in reality there is no other chance than the load's.
//
// With skip a file that is fine as it stands, and not with the program's version, is left
// out.
func liveCases(p *twin.Program, files []string, skip bool) (cases []twin.Case, left []twin.LeftOut, err error) {
	var bad []error
	for _, name := range files {
		list, err := casesOf(p, name)
		if err == nil {
			cases = append(cases, list...)
			continue
		}
		if skip {
			if _, alone := open(name, nil); alone == nil {
				why, _, _ := strings.Cut(err.Error(), "\n")
				left = append(left, twin.LeftOut{Server: p.Name, File: name, Why: strings.TrimPrefix(why, name+":")})
				continue
			}
		}
		bad = append(bad, err)
	}
	return cases, left, errors.Join(bad...)
}

func casesOf(p *twin.Program, name string) (cases []twin.Case, err error) {
	s, err := open(name, []string{"servers.*.version=" + p.Profile.Name})
	if err != nil {
		return nil, err
	}
	cells, err := s.Cells(scenarios.SeedRange{First: s.Seed, Last: s.Seed, Given: true})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for i := range cells.Len() {
		cell := cells.At(i)
		if cell.Err != nil {
			return nil, fmt.Errorf("%s: %w", name, cell.Err)
		}
		if cell.Meta.Version != p.Profile.Name {
			continue
		}
		if err := twin.Playable(cell.Config, p.Profile); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		id := s.Name
		for _, v := range cell.Point {
			id += " " + v.Axis + "=" + v.Text
		}
		cases = append(cases, twin.Case{ID: id, Config: cell.Config})
	}
	if len(cases) == 0 {
		return nil, fmt.Errorf("%s: nothing in it is for %s", name, p.Profile.Name)
	}
	return cases, nil
}

// verifiedLive prints both sides.
func (c *commands) verifiedLive(x *cli.Context, r twin.Report) error {
	if err := reportTo(x.String("report"), r); err != nil {
		return err
	}
	switch {
	case x.Bool("json"):
		return asJSON(c.stdout, r)
	case x.Bool("quiet"):
		return nil
	}
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	for i := range r.Cases {
		k := &r.Cases[i]
		word := "agrees"
		if !k.Agree {
			word = "DIFFERS"
		}
		also := ""
		if k.Void > 0 {
			also += fmt.Sprintf(", void: %d, for the machine held the servers up", k.Void)
		}
		if k.Late {
			also += fmt.Sprintf(", some of them as late as the machine was: %.0f ms in all", k.HeldUp*1000)
		}
		fmt.Fprintf(w, "%s  %s: %s (%d seeds, tries: %d%s)\n", k.Server, k.ID, word, k.Seeds, k.Attempts, also)
		if k.Error != "" {
			fmt.Fprintf(w, "  %s\n", strings.ReplaceAll(k.Error, "\n", "\n  "))
		}
		fmt.Fprintln(w, "  what\treal\tsimulated\t")
		for _, f := range k.Facts {
			mark := ""
			if !f.Agree {
				mark = "DIFFERS"
			}
			fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", f.What, f.Real, f.Simulated, mark)
		}
		fmt.Fprintln(w, "\t\t\t")
	}
	fmt.Fprintf(w, "%d of %d runs agree\n", r.Agree, r.Total)
	return w.Flush()
}

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"psyncsim/sim/measured"
)

func verifyCommand(c *commands) *cli.Command {
	return &cli.Command{
		Name: "verify", Usage: "play scenarios on real servers and in simulation, and compare; or recorded experiments in simulation",
		ArgsUsage: "FILE... | --measured FILE...", Action: c.verify,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "measured", Usage: "the files are recorded experiments (as in data/measured-servers)"},
			&cli.StringSliceFlag{Name: "redis-server", Usage: "play on this `PROGRAM` (several are possible; default: redis-server of PATH)"},
			&cli.StringFlag{Name: "record", Usage: "write what the servers did to `FILE`, which --measured plays"},
			&cli.BoolFlag{Name: "skip", Usage: "leave out scenarios that a server's version cannot play, and say which and why"},
			&cli.StringFlag{Name: "report", Usage: "write the JSON document to `FILE` too"},
			&cli.IntFlag{Name: "jobs", Value: 8, Usage: "play `N` runs at a time on real servers (they mostly wait)"},
			&cli.BoolFlag{Name: "json", Usage: "print one JSON document on stdout, and nothing else there"},
			&cli.BoolFlag{Name: "quiet", Usage: "print nothing: the exit status says it"},
		},
	}
}

func (c *commands) verify(x *cli.Context) error {
	if !x.Bool("measured") {
		return c.verifyLive(x, x.Args().Slice())
	}
	if x.IsSet("record") {
		return usage("--record writes what real servers do; with --measured there are none")
	}
	if x.Bool("skip") {
		return usage("--skip is for scenarios on real servers; with --measured nothing is left out")
	}
	if x.NArg() == 0 {
		return usage("verify --measured needs files of recorded experiments")
	}
	var files []*measured.File
	var bad []error
	for _, name := range x.Args().Slice() { // every bad file, before anything is played
		f, err := measured.Read(name)
		if err != nil {
			bad = append(bad, err)
		}
		files = append(files, f)
	}
	if len(bad) > 0 {
		return &exitError{exitUsage, errors.Join(bad...)}
	}
	all := measured.Report{Cases: []measured.CaseReport{}}
	var parts []measured.Report
	for _, f := range files {
		if x.Context.Err() != nil {
			return &exitError{exitInterrupted, nil}
		}
		r := measured.Verify([]*measured.File{f}, measured.Options{})
		all.Agree, all.Total, all.Cases = all.Agree+r.Agree, all.Total+r.Total, append(all.Cases, r.Cases...)
		parts = append(parts, r)
	}
	if err := c.verified(x, parts, all); err != nil {
		return err
	}
	if all.Agree < all.Total {
		return &exitError{exitFailed, fmt.Errorf("%d of %d recorded cases do not agree", all.Total-all.Agree, all.Total)}
	}
	return nil
}

// reportTo writes the document of --json to a file, if there is to be one.
func reportTo(path string, doc any) error {
	if path == "" {
		return nil
	}
	var b bytes.Buffer
	if err := asJSON(&b, doc); err != nil {
		return err
	}
	if err := putFile(path, b.Bytes()); err != nil {
		return &exitError{exitUsage, err}
	}
	return nil
}

func asJSON(w io.Writer, doc any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(doc)
}

// verified prints what playing recordings gave.
func (c *commands) verified(x *cli.Context, parts []measured.Report, all measured.Report) error {
	if err := reportTo(x.String("report"), all); err != nil {
		return err
	}
	switch {
	case x.Bool("json"):
		return asJSON(c.stdout, all)
	case x.Bool("quiet"):
		return nil
	}
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "server\tcases\tagree\tdiffers")
	row := func(server string, r measured.Report, differs []string) {
		text := "-"
		if len(differs) > 0 {
			text = strings.Join(differs, ", ")
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\n", server, r.Total, r.Agree, text)
	}
	for _, r := range parts {
		var differs []string
		for i := range r.Cases {
			if !r.Cases[i].Agree {
				differs = append(differs, r.Cases[i].ID)
			}
		}
		row(r.Cases[0].Server, r, differs)
	}
	row("all", all, nil)
	if err := w.Flush(); err != nil {
		return err
	}
	for i := range all.Cases {
		if k := &all.Cases[i]; len(k.NotCompared) > 0 {
			fmt.Fprintf(c.stderr, "%s %s: not compared, for nobody here knows what it counts: %s\n", k.Server, k.ID, strings.Join(k.NotCompared, ", "))
		}
		if err := differences(c.stdout, &all.Cases[i]); err != nil {
			return err
		}
	}
	return nil
}

// mostShown is how many differences of one case a person is shown; --json has
// them all.
const mostShown = 12

func differences(w io.Writer, r *measured.CaseReport) error {
	if r.Agree {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s %s\n", r.Server, r.ID)
	for i, d := range r.Differences {
		if i == mostShown {
			fmt.Fprintf(&b, "  and %d more; --json shows all\n", len(r.Differences)-i)
			break
		}
		fmt.Fprintf(&b, "  %8.4f s  %s", d.T, d.What)
		if d.Real != "" || d.Simulated != "" {
			fmt.Fprintf(&b, ": real %s, simulated %s", strconv.Quote(d.Real), strconv.Quote(d.Simulated))
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

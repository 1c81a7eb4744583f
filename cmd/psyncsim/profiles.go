package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"psyncsim/model"
)

// profiles prints where the versions differ.
func (c *commands) profiles(x *cli.Context) error {
	if x.NArg() > 0 {
		return usage("profiles takes no argument")
	}
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	for _, p := range model.Profiles() {
		fmt.Fprintf(w, "\t%s", p.Name)
	}
	fmt.Fprintln(w)
	for _, t := range traits {
		if t.of == nil {
			fmt.Fprintf(w, "%s%s\n", strings.ToUpper(t.name), strings.Repeat("\t", len(model.Profiles())))
			continue
		}
		fmt.Fprint(w, t.name)
		for _, p := range model.Profiles() {
			fmt.Fprintf(w, "\t%s", t.of(p))
		}
		fmt.Fprintln(w)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(c.stdout, "\nFields of INFO that a version is the first to have:")
	var known []string
	for _, p := range model.Profiles() {
		var more []string
		for _, f := range p.InfoFields() {
			if !slices.Contains(known, f) {
				more = append(more, f)
			}
		}
		if known = append(known, more...); len(more) > 0 {
			fmt.Fprintf(c.stdout, "%-11s %s\n", p.Name, strings.Join(more, " "))
		}
	}
	fmt.Fprintln(c.stdout)
	for _, p := range model.Profiles() {
		fmt.Fprintf(c.stdout, "%-11s %s. %s\n", p.Name, p.About, p.Source)
	}
	fmt.Fprintln(c.stdout, "\nSingle releases that still had a bug of some fame; all else is as in their line:")
	for _, p := range model.Variants() {
		fmt.Fprintf(c.stdout, "%-15s as %s. %s\n", p.Name, p.Line, p.About)
	}
	return nil
}

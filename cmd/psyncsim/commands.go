package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"psyncsim/plots"
	"psyncsim/results"
	"psyncsim/scenarios"
)

type commands struct {
	stdin          io.Reader
	stdout, stderr io.Writer
}

// defaultScenario is what run plays when it is given nothing.
const defaultScenario = "sizing-rule"

// open reads a scenario: a file, or the name of an embedded one.
func open(name string, sets []string) (*scenarios.Scenario, error) {
	_, err := os.Stat(name)
	if err != nil {
		if _, unknown := scenarios.EmbeddedSource(name); unknown == nil {
			return scenarios.OpenEmbedded(name, sets)
		}
	}
	if err != nil && !strings.ContainsAny(name, `/\.`) {
		return nil, fmt.Errorf("%s: no such file, and no embedded scenario (psyncsim scenarios lists them)", name)
	}
	return scenarios.ReadFile(name, sets)
}

// source is the text of what open reads.
func source(name string) ([]byte, error) {
	if b, err := os.ReadFile(name); err == nil {
		return b, nil
	}
	return scenarios.EmbeddedSource(name)
}

func (c *commands) run(x *cli.Context) error {
	names := x.Args().Slice()
	if len(names) == 0 {
		names = []string{defaultScenario}
	}
	if slices.Equal(names, []string{"-"}) {
		return c.filter(x)
	}
	if slices.Contains(names, "-") {
		return usage("run - reads cells from stdin: it takes no scenario beside them")
	}
	if x.Bool("json") && len(names) > 1 {
		return usage("--json prints one document: give one scenario")
	}
	if x.Bool("json") && x.String("trace") == "-" {
		return usage("--trace - and --json both want stdout")
	}
	if x.Bool("resume") && x.Bool("restart") {
		return usage("--resume and --restart contradict each other")
	}
	if x.Int("jobs") < 1 {
		return usage("--jobs %d: at least one", x.Int("jobs"))
	}
	if x.IsSet("cell") && x.Int("cell") < 0 {
		return usage("--cell %d: runs are numbered from 0", x.Int("cell"))
	}
	sets, seeds, err := selection(x)
	if err != nil {
		return err
	}
	var all []*scenarios.Scenario
	var bad []error
	for _, n := range names { // every problem of every file, before anything runs
		s, err := open(n, sets)
		if err != nil {
			bad = append(bad, err)
		}
		all = append(all, s)
	}
	if len(bad) > 0 {
		return &exitError{exitUsage, errors.Join(bad...)}
	}
	dirs := make([]string, len(all))
	for i, s := range all {
		dirs[i] = outDir(x, s, len(all) > 1)
		if k := slices.Index(dirs[:i], dirs[i]); k >= 0 {
			return usage("%s and %s would both write to %s: run them one by one, with --out", names[k], names[i], dirs[i])
		}
	}
	worst := error(nil)
	for i, s := range all {
		j := &job{c: c, x: x, s: s, seeds: seeds, file: names[i], dir: dirs[i]}
		err := j.run()
		var e *exitError
		if errors.As(err, &e) && e.code == exitFailed {
			worst = err // the others are still worth running
			continue
		}
		if err != nil {
			return err
		}
	}
	return worst
}

// selection is which runs of a scenario are meant: its settings and seeds.
func selection(x *cli.Context) (sets []string, seeds scenarios.SeedRange, err error) {
	sets = x.StringSlice("set")
	if x.IsSet("seed") {
		if x.IsSet("seeds") {
			return nil, seeds, usage("--seed and --seeds contradict each other")
		}
		sets = append(sets, fmt.Sprintf("seed=%d", x.Uint64("seed")))
	}
	if x.IsSet("seeds") {
		if seeds, err = scenarios.ParseSeeds(x.String("seeds")); err != nil {
			return nil, seeds, usage("--seeds: %w", err)
		}
	}
	return sets, seeds, nil
}

func outDir(x *cli.Context, s *scenarios.Scenario, many bool) string {
	switch dir := x.String("out"); {
	case dir == "":
		return filepath.Join("results", "out", s.Name)
	case many:
		return filepath.Join(dir, s.Name)
	default:
		return dir
	}
}

func (c *commands) plot(x *cli.Context) error {
	if x.NArg() == 0 {
		return usage("plot needs the folder of kept results, such as results/out/%s", defaultScenario)
	}
	for _, dir := range x.Args().Slice() {
		k, err := results.Open(dir)
		if err != nil {
			return &exitError{exitUsage, err}
		}
		files, err := plots.All(dir, k)
		if err != nil {
			return &exitError{exitUsage, kept(err, "the results are as they were: give the same command again when there is room")}
		}
		if !x.Bool("quiet") {
			for _, f := range files {
				fmt.Fprintln(c.stdout, filepath.Join(dir, filepath.Base(f)))
			}
		}
	}
	return nil
}

func (c *commands) scenarios(x *cli.Context) error {
	args := x.Args().Slice()
	verb := "list"
	if len(args) > 0 {
		verb, args = args[0], args[1:]
	}
	switch verb {
	case "list":
		if len(args) > 0 {
			return usage("scenarios list takes no argument")
		}
		w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
		for _, e := range scenarios.Embedded() {
			fmt.Fprintf(w, "%s\t%s\n", e.Name, e.Question)
		}
		return w.Flush()
	case "show":
		if len(args) != 1 {
			return usage("scenarios show takes one name")
		}
		b, err := scenarios.EmbeddedSource(args[0])
		if err != nil {
			return usage("%w", err)
		}
		_, err = c.stdout.Write(b)
		return err
	case "lint":
		return c.lint(args)
	}
	return usage("scenarios %s: list, show or lint", verb)
}

func (c *commands) lint(files []string) error {
	if len(files) == 0 {
		return usage("scenarios lint needs files")
	}
	var bad []error
	for _, f := range files {
		s, err := open(f, nil)
		if err != nil {
			bad = append(bad, err)
			continue
		}
		cells, err := s.Cells(scenarios.SeedRange{})
		if err != nil {
			bad = append(bad, fmt.Errorf("%s: %w", f, err))
			continue
		}
		fmt.Fprintf(c.stdout, "%s: ok, %s at %s\n", f, count(cells.Len(), "run"), count(int(cells.Points()), "point"))
		for _, n := range s.Notes {
			fmt.Fprintf(c.stdout, "%s: note: %s\n", f, n)
		}
	}
	if len(bad) > 0 {
		return &exitError{exitUsage, errors.Join(bad...)}
	}
	return nil
}

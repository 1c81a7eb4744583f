package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"psyncsim/plots"
	"psyncsim/results"
	"psyncsim/scenarios"
)

// environment is what an engine tells the tasks of an array about themselves.
type environment func(name string) (value string, ok bool)

// maxShards bounds N of --shard I/N.
const maxShards = 1_000_000

// parseShard reads I/N, from 1; auto, which takes both from the engine that runs
// this; or auto/N, which takes I from there.
//
// Kubernetes' Indexed Job tells a pod its index from 0 (JOB_COMPLETION_INDEX)
// and not how many there are. Slurm tells an array task its id, the smallest of
// all ids, the largest, their step and their number (SLURM_ARRAY_TASK_ID, _MIN, _MAX,
// _STEP, _COUNT).
func parseShard(s string, env environment) (index, of int, err error) {
	left, right, two := strings.Cut(s, "/")
	if two {
		if of, err = number(right, 1, maxShards); err != nil {
			return 0, 0, fmt.Errorf("%q: how many shards there are: %w", s, err)
		}
	}
	if left != "auto" {
		if !two {
			return 0, 0, fmt.Errorf("%q: expected I/N, such as 3/8, or auto, or auto/N", s)
		}
		if index, err = number(left, 1, of); err != nil {
			return 0, 0, fmt.Errorf("%q: which shard: %w", s, err)
		}
		return index, of, nil
	}
	index, count, err := fromEngine(env)
	if err != nil {
		return 0, 0, fmt.Errorf("%q: %w", s, err)
	}
	switch {
	case !two && count == 0:
		return 0, 0, fmt.Errorf("%q: JOB_COMPLETION_INDEX does not say how many there are: write auto/N", s)
	case !two:
		of = count
	case count > 0 && count != of:
		return 0, 0, fmt.Errorf("%q: SLURM_ARRAY_TASK_COUNT is %d: to run some of %d shards again write I/%d, such as $SLURM_ARRAY_TASK_ID/%d", s, count, of, of, of)
	}
	if index > of {
		return 0, 0, fmt.Errorf("%q: this is task %d of %d", s, index, of)
	}
	return index, of, nil
}

// fromEngine is the number of this task, from 1, and how many there are; 0 is
// unknown.
func fromEngine(env environment) (index, count int, err error) {
	get := func(name string, least int, absent int) int {
		v, ok := env(name)
		if !ok || v == "" || err != nil {
			return absent
		}
		n, e := number(v, least, 1<<31-1)
		if e != nil {
			err = fmt.Errorf("%s: %w", name, e)
		}
		return n
	}
	set := func(name string) bool { v, ok := env(name); return ok && v != "" } // who sets it to nothing does not mean it
	kubernetes, slurm := set("JOB_COMPLETION_INDEX"), set("SLURM_ARRAY_TASK_ID")
	switch {
	case kubernetes && slurm:
		return 0, 0, fmt.Errorf("both JOB_COMPLETION_INDEX and SLURM_ARRAY_TASK_ID are set: write I/N with the one that is meant")
	case kubernetes:
		return get("JOB_COMPLETION_INDEX", 0, 0) + 1, 0, err
	case !slurm:
		return 0, 0, fmt.Errorf("neither JOB_COMPLETION_INDEX nor SLURM_ARRAY_TASK_ID is set")
	}
	id, least := get("SLURM_ARRAY_TASK_ID", 0, 0), get("SLURM_ARRAY_TASK_MIN", 0, 1)
	step, count := get("SLURM_ARRAY_TASK_STEP", 1, 1), get("SLURM_ARRAY_TASK_COUNT", 1, 0)
	most := get("SLURM_ARRAY_TASK_MAX", 0, least+(count-1)*step)
	switch {
	case err != nil:
	case id < least || (id-least)%step != 0:
		err = fmt.Errorf("SLURM_ARRAY_TASK_ID %d is none of %d, %d, …", id, least, least+step)
	case count > 0 && (most-least)/step+1 != count:
		err = fmt.Errorf("the array has %d tasks with gaps between their ids, %d to %d: write I/N, such as $SLURM_ARRAY_TASK_ID/%d", count, least, most, most)
	}
	return (id-least)/step + 1, count, err
}

func number(s string, least, most int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("%q is not a number from %d to %d", s, least, most)
	}
	return n, nil
}

// shard cuts this task's part out of the sweep.
func (j *job) shard() (*results.Shard, error) {
	if j.x.IsSet("shard") && j.x.Int("cell") >= 0 {
		return nil, usage("--shard and --cell contradict each other")
	}
	return shardOf(j.x, j.cells)
}

// shardOf is the part of the cells that --shard asks for; nil is all of them.
func shardOf(x *cli.Context, cells scenarios.Cells) (*results.Shard, error) {
	if !x.IsSet("shard") {
		return nil, nil
	}
	index, of, err := parseShard(x.String("shard"), os.LookupEnv)
	if err != nil {
		return nil, usage("--shard %w", err)
	}
	s := &results.Shard{Index: index, Of: of, Runs: cells.Len(), Program: program()}
	s.First, s.Last = cells.Costs(x.Bool("bytes")).Part(index, of)
	return s, nil
}

func mergeCommand(c *commands) *cli.Command {
	return &cli.Command{
		Name: "merge", Usage: "join the results of a sweep's shards; the bytes are those of a single run",
		ArgsUsage: "DIR...", Action: c.merge,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "out", Usage: "write results and charts to `DIR` (default results/out/NAME)"},
			&cli.StringFlag{Name: "format", Usage: "keep rows as csv or parquet", Value: string(results.CSV)},
			&cli.BoolFlag{Name: "no-charts", Usage: "draw no charts"},
			&cli.BoolFlag{Name: "quiet", Usage: "no table"},
		},
	}
}

// merge joins shards. It exits like a single run would: 1 when an expectation
// failed in any of them.
func (c *commands) merge(x *cli.Context) error {
	if x.NArg() == 0 {
		return usage("merge needs the folders of a sweep's shards")
	}
	format, err := results.ParseFormat(x.String("format"))
	if err != nil {
		return usage("--format %w", err)
	}
	dir := x.String("out")
	if dir == "" {
		name, err := results.NameOf(x.Args().First())
		if err != nil {
			return &exitError{exitUsage, err}
		}
		dir = filepath.Join("results", "out", name)
	}
	o := results.Options{Format: format}
	withCharts(x, dir, &o)
	k, failed, err := results.Merge(dir, x.Args().Slice(), o)
	if err != nil {
		return &exitError{exitUsage, kept(err, "nothing is joined, the shards are as they were: give the same command again when there is room")}
	}
	var charts []string
	if !x.Bool("no-charts") && k.Done > 0 {
		if charts, err = plots.All(dir, k); err != nil {
			return kept(err, fmt.Sprintf("the results in %s are whole: psyncsim plot %s draws their charts", dir, dir))
		}
	}
	if !x.Bool("quiet") {
		if err := c.table(dir, k, nil, charts); err != nil {
			return err
		}
	}
	if k.Failed > 0 {
		return expectations(k.Scenario, k.Failed, failed)
	}
	return nil
}

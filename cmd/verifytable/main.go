// Command verifytable plays the scenarios of scenarios/verify on every real server in a
// folder and in simulation (psyncsim verify), and keeps what came of it in
// results/verify: a table, and the same as CSV, a row for each run. Nothing in them is
// written by hand.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"psyncsim/sim/twin"
)

func main() {
	servers := flag.String("servers", "", "the folder: NAME/redis-server or NAME/valkey-server for each server")
	out := flag.String("out", "results/verify", "the folder of the table")
	program := flag.String("psyncsim", "bin/psyncsim", "the program")
	atOnce := flag.Int("at-once", 2, "servers that are played on at a time")
	jobs := flag.Int("jobs", 8, "runs at a time on each of them")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	b := &pass{program: *program, jobs: *jobs}
	if err := b.run(ctx, *servers, *out, *atOnce); err != nil {
		fmt.Fprintln(os.Stderr, "verifytable:", err)
		os.Exit(1)
	}
}

// pass is one pass over all servers.
type pass struct {
	program string
	jobs    int
	files   []string
	began   time.Time
	commit  string
	reports []twin.Report // of each server, in the order of their versions
}

func (b *pass) run(ctx context.Context, folder, out string, atOnce int) error {
	if folder == "" {
		return errors.New("-servers DIR: NAME/redis-server for each server")
	}
	paths, err := programs(folder)
	if err != nil {
		return err
	}
	for _, pattern := range []string{"scenarios/verify/*.yaml", "scenarios/verify/*/*.yaml"} {
		list, _ := filepath.Glob(pattern)
		b.files = append(b.files, list...)
	}
	if len(b.files) == 0 {
		return errors.New("no scenarios/verify here: run it at the top of the repository")
	}
	b.began, b.commit = time.Now(), commit()
	dir, err := os.MkdirTemp("", "verifytable")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(atOnce, 1))
	b.reports = make([]twin.Report, len(paths))
	for i, path := range paths {
		g.Go(func() error {
			err := b.play(ctx, path, filepath.Join(dir, strconv.Itoa(i)), &b.reports[i])
			if err == nil {
				fmt.Fprintf(os.Stderr, "%s: %d of %d runs agree\n", path, b.reports[i].Agree, b.reports[i].Total)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	slices.SortStableFunc(b.reports, func(x, y twin.Report) int { return strings.Compare(x.Cases[0].Server, y.Cases[0].Server) })
	if err := b.keep(out); err != nil {
		return err
	}
	return b.verdict()
}

// programs are the servers of a folder.
func programs(folder string) (paths []string, err error) {
	names, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		for _, name := range []string{"redis-server", "valkey-server"} {
			if path, err := exec.LookPath(filepath.Join(folder, n.Name(), name)); err == nil {
				paths = append(paths, path)
				break
			}
		}
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("%s: no NAME/redis-server or NAME/valkey-server in it", folder)
	}
	return paths, nil
}

// play plays all scenarios that a server can play.
func (b *pass) play(ctx context.Context, path, report string, r *twin.Report) error {
	args := append([]string{"verify", "--skip", "--quiet", "--redis-server", path, "--jobs", strconv.Itoa(b.jobs), "--report", report}, b.files...)
	c := exec.CommandContext(ctx, b.program, args...)
	// Its simulations run on one thread, which gives way; what hears the servers needs the others.
	c.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(max(4, runtime.NumCPU())))
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.WaitDelay = 10 * time.Second
	said, err := c.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 { // runs that differ: the report says which
		err = nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", path, err, said)
	}
	text, err := os.ReadFile(report)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, r)
}

// commit names the program: what is checked out here, and whether it was changed but for
// what this command writes.
func commit() string {
	out, err := exec.Command("git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	name := strings.TrimSpace(string(out))
	changed, err := exec.Command("git", "status", "--porcelain", "--", ".", ":!results").Output()
	if err != nil || len(changed) > 0 {
		name += ", changed"
	}
	return name
}

// verdict is an error if some runs differ.
func (b *pass) verdict() error {
	differ := 0
	for _, r := range b.reports {
		differ += r.Total - r.Agree
	}
	if differ > 0 {
		return fmt.Errorf("%d runs differ", differ)
	}
	return nil
}

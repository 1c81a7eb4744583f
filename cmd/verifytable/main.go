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
	reports := flag.String("reports", "results/out/verify", "the folder of each server's report: a server that has one there is not played on again")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	b := &pass{program: *program, jobs: *jobs}
	if err := b.run(ctx, *servers, *out, *reports, *atOnce); err != nil {
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

func (b *pass) run(ctx context.Context, folder, out, dir string, atOnce int) error {
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
	if err := b.begin(dir); err != nil {
		return err
	}
	g, each := errgroup.WithContext(ctx)
	g.SetLimit(max(atOnce, 1))
	b.reports = make([]twin.Report, len(paths))
	for i, path := range paths {
		g.Go(func() error {
			report := filepath.Join(dir, filepath.Base(filepath.Dir(path))+".json")
			if readReport(report, &b.reports[i]) == nil {
				return nil
			}
			err := b.play(each, path, report, b.files, &b.reports[i])
			if err == nil {
				fmt.Fprintf(os.Stderr, "%s: %d of %d runs agree\n", path, b.reports[i].Agree, b.reports[i].Total)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i, path := range paths { // one after the other: the machine had too much to do
		if err := b.decide(ctx, path, filepath.Join(dir, filepath.Base(filepath.Dir(path))+".again"), &b.reports[i]); err != nil {
			if ctx.Err() != nil { // then they stay undecided
				break
			}
			return err
		}
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
func (b *pass) play(ctx context.Context, path, report string, files []string, r *twin.Report) error {
	args := append([]string{"verify", "--skip", "--quiet", "--redis-server", path, "--jobs", strconv.Itoa(b.jobs), "--report", report + ".part"}, files...)
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
	if err := os.Rename(report+".part", report); err != nil {
		return err
	}
	return readReport(report, r)
}

func readReport(path string, r *twin.Report) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, r)
}

// undecided says that a run differs, and that the machine held the servers up for so long
// each time that this says nothing.
func undecided(c *twin.CaseReport) bool {
	return !c.Agree && len(c.Differences) > 0 && c.Differences[0].What == "machine"
}

// decide plays the files of runs that are undecided once more, with nothing beside them.
func (b *pass) decide(ctx context.Context, path, report string, r *twin.Report) error {
	var files []string
	for _, f := range b.files {
		name := strings.TrimSuffix(filepath.Base(f), ".yaml")
		if slices.ContainsFunc(r.Cases, func(c twin.CaseReport) bool {
			first, _, _ := strings.Cut(c.ID, " ")
			return undecided(&c) && first == name
		}) {
			files = append(files, f)
		}
	}
	if len(files) == 0 {
		return nil
	}
	var more twin.Report
	if err := b.play(ctx, path, report, files, &more); err != nil {
		return err
	}
	for i := range r.Cases {
		c := &r.Cases[i]
		j := slices.IndexFunc(more.Cases, func(m twin.CaseReport) bool { return m.ID == c.ID })
		if !undecided(c) || j < 0 {
			continue
		}
		m := more.Cases[j]
		// What was said under such lateness does not count: the tries were void, all of them.
		before := append(c.Before, twin.Earlier{HeldUp: c.HeldUp, Differences: c.Differences})
		for k := range before {
			if d := before[k].Differences; len(d) > 0 && d[0].What == "machine" && !before[k].Void {
				before[k].Void = true
				m.Void++
			}
		}
		m.Void += c.Void
		m.Before = append(before, m.Before...)
		if *c = m; m.Agree {
			r.Agree++
		}
	}
	return nil
}

// begin notes when the pass begins and with which program; one that goes on has begun
// before.
func (b *pass) begin(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	name := filepath.Join(dir, "begun")
	if text, err := os.ReadFile(name); err == nil {
		at, commit, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
		if b.began, err = time.Parse(time.RFC3339, at); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		b.commit = commit
		return nil
	}
	b.began, b.commit = time.Now(), commit()
	return os.WriteFile(name, []byte(b.began.UTC().Format(time.RFC3339)+" "+b.commit+"\n"), 0o644)
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

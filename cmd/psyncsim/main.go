// Command psyncsim simulates Redis PSYNC replication: which disconnections end
// in a partial resynchronization, which in a full one, and why.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/urfave/cli/v2"
)

// version is part of every result's header: rows are the same for the same
// scenario, seeds and version.
const version = "0.1.0"

// The exit statuses of the contract.
const (
	exitFailed      = 1   // an expectation or comparison failed
	exitUsage       = 2   // bad usage or a bad input file
	exitViolation   = 3   // an invariant of the simulator broke
	exitInterrupted = 130 // what was finished is kept
)

// exitError carries an exit status; a nil err has been reported already.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func usage(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() { // a second signal kills at once
		<-ctx.Done()
		stop()
	}()
	os.Exit(run(ctx, os.Args, os.Stdout, os.Stderr))
}

// run is main without the process: arguments in, exit status out.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	out := &checked{w: stdout}
	app := newApp(out, stderr)
	args, err := flagsFirst(app, args)
	if err == nil {
		err = app.RunContext(ctx, args)
	}
	code := exitUsage
	var x *exitError
	if errors.As(err, &x) {
		code = x.code
	}
	if out.err != nil && (err == nil || code == exitFailed) {
		err, code = errors.Join(err, out.err), exitUsage
	}
	if err == nil {
		return 0
	}
	if text := err.Error(); text != "" {
		fmt.Fprintln(stderr, "psyncsim:", text)
	}
	return code
}

var stdinForTests io.Reader

func newApp(stdout, stderr io.Writer) *cli.App {
	c := &commands{stdin: os.Stdin, stdout: stdout, stderr: stderr}
	if stdinForTests != nil {
		c.stdin = stdinForTests
	}
	app := &cli.App{
		Name:                      "psyncsim",
		Usage:                     "simulate Redis PSYNC replication and size repl-backlog-size",
		Version:                   version,
		Writer:                    stdout,
		ErrWriter:                 stderr,
		HideHelpCommand:           true,
		DisableSliceFlagSeparator: true, // a comma in --set belongs to the value
		ExitErrHandler:            func(*cli.Context, error) {},
		OnUsageError:              func(_ *cli.Context, err error, _ bool) error { return usage("%w", err) },
		Action: func(x *cli.Context) error {
			if x.NArg() > 0 {
				return usage("%q is no command; see psyncsim --help", x.Args().First())
			}
			return cli.ShowAppHelp(x)
		},
		Commands: []*cli.Command{
			{
				Name: "run", Usage: "run scenarios (a sweep, if the file has one); without a file the sizing-rule sweep",
				ArgsUsage: "[FILE|NAME...]", Flags: append(runFlags(), outFlags()...), Action: c.run,
			},
			{
				Name: "plot", Usage: "draw the charts again from kept results", ArgsUsage: "DIR...",
				Flags: []cli.Flag{&cli.BoolFlag{Name: "quiet", Usage: "say nothing"}}, Action: c.plot,
			},
			{
				Name: "scenarios", Usage: "list, show or check scenarios", ArgsUsage: "[list|show NAME|lint FILE...]",
				Action: c.scenarios,
			},
			verifyCommand(c),
			planCommand(c),
			mergeCommand(c),
			explainCommand(c),
			sizeCommand(c),
			observeCommand(c),
			outagesCommand(c),
			{Name: "profiles", Usage: "the server versions that are known", Action: c.profiles},
			{Name: "links", Usage: "the link presets, and what a link models", Action: c.links},
		},
	}
	for _, cmd := range app.Commands {
		cmd.OnUsageError = app.OnUsageError
		cmd.HideHelpCommand = true
	}
	return app
}

// selectFlags say which runs of a scenario are meant.
func selectFlags() []cli.Flag {
	return []cli.Flag{
		&cli.Uint64Flag{Name: "seed", Usage: "the first seed of every point, instead of the scenario's"},
		&cli.StringFlag{Name: "seeds", Usage: "run every point with the seeds `A..B`"},
		&cli.StringSliceFlag{Name: "set", Usage: "set any field of the scenario, `PATH=VALUE`, e.g. servers.*.version=redis-4.0"},
	}
}

func runFlags() []cli.Flag {
	return append(selectFlags(),
		&cli.IntFlag{Name: "jobs", Usage: "how many runs at a time", Value: runtime.GOMAXPROCS(0)},
		&cli.IntFlag{Name: "cell", Usage: "run only the run number `N` of the sweep", Value: -1},
		&cli.BoolFlag{Name: "bytes", Usage: "carry, parse and compare the stream's bytes; same results, slower"},
		&cli.StringFlag{Name: "trace", Usage: "write the trace of the (first) run as text to `FILE`; - is stdout"},
		&cli.StringFlag{Name: "pcap", Usage: "write the traffic of the run as pcapng to `FILE`, for Wireshark and tshark"},
		&cli.StringFlag{Name: "pcap-at", Usage: "capture on the interface of `SERVER`; else on the first master's"},
	)
}

func outFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "out", Usage: "write results and charts to `DIR` (default results/out/NAME)"},
		&cli.StringFlag{Name: "format", Usage: "keep rows as csv or parquet", Value: "csv"},
		&cli.StringFlag{Name: "shard", Usage: "run only part `I/N` of the sweep; auto or auto/N asks Kubernetes or Slurm (see merge)"},
		&cli.BoolFlag{Name: "resume", Usage: "go on with what is in DIR: nothing is run again, also if all of it is there"},
		&cli.BoolFlag{Name: "restart", Usage: "throw away what an interrupted or killed run left in DIR"},
		&cli.BoolFlag{Name: "yes", Usage: "start a sweep of more than an hour or 10 GB without a question"},
		&cli.BoolFlag{Name: "no-charts", Usage: "draw no charts"},
		&cli.BoolFlag{Name: "json", Usage: "print one JSON document on stdout, and nothing else there"},
		&cli.BoolFlag{Name: "quiet", Usage: "no table, no progress"},
	}
}

// flagsFirst moves flags before the file names: the library stops reading flags
// at the first argument, and people write them anywhere.
func flagsFirst(app *cli.App, args []string) ([]string, error) {
	at := -1
	var cmd *cli.Command
	for i, a := range args {
		if i > 0 && len(a) > 0 && a[0] != '-' {
			at, cmd = i, app.Command(a)
			break
		}
	}
	if cmd == nil {
		return args, nil
	}
	flags, rest := append([]string{}, args[:at+1]...), []string(nil)
	for i := at + 1; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			rest = append(rest, args[i+1:]...)
			break
		}
		if len(a) < 2 || a[0] != '-' {
			rest = append(rest, a)
			continue
		}
		flags = append(flags, a)
		if takesValue(cmd, a) {
			if i++; i == len(args) {
				return nil, usage("%s needs a value", a)
			}
			flags = append(flags, args[i])
		}
	}
	return append(append(flags, "--"), rest...), nil
}

// takesValue says whether the next argument belongs to flag a.
func takesValue(cmd *cli.Command, a string) bool {
	for a != "" && a[0] == '-' {
		a = a[1:]
	}
	for _, f := range cmd.Flags {
		for _, n := range f.Names() {
			if n == a {
				d, ok := f.(cli.DocGenerationFlag)
				return ok && d.TakesValue()
			}
		}
	}
	return false
}

package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"
	"golang.org/x/term"

	"psyncsim/scenarios"
	"psyncsim/scenarios/samples"
	"psyncsim/sim/live/observe"
)

func observeCommand(c *commands) *cli.Command {
	return &cli.Command{
		Name: "observe", Usage: "sample a live master's load with INFO; never a PSYNC, never a write", Action: c.observe,
		Description: "User and password come from the environment: REDIS_USERNAME, REDIS_PASSWORD (or REDISCLI_AUTH);\n" +
			"those of Sentinels from SENTINEL_USERNAME and SENTINEL_PASSWORD. An ACL user needs +info.",
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "addr", Usage: "the master's `HOST:PORT` or socket; Sentinels' or cluster nodes' with --sentinel or --cluster (repeatable)"},
			&cli.StringFlag{Name: "sentinel", Usage: "ask the Sentinels at --addr for the master called `NAME`, and follow it"},
			&cli.BoolFlag{Name: "cluster", Usage: "observe every master of the cluster, a file each"},
			&cli.DurationFlag{Name: "for", Usage: "how long", Value: time.Hour},
			&cli.DurationFlag{Name: "every", Usage: "the time between two INFOs", Value: time.Second},
			&cli.DurationFlag{Name: "give-up", Usage: "end after this long without an answer", Value: 5 * time.Minute},
			&cli.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: "write the samples to `FILE`; - is stdout", Value: "load.csv"},
			&cli.BoolFlag{Name: "tls", Usage: "speak TLS"},
			&cli.StringFlag{Name: "cacert", Usage: "trust the authorities in `FILE` (PEM) and no others"},
			&cli.StringFlag{Name: "cert", Usage: "the client certificate in `FILE`"},
			&cli.StringFlag{Name: "key", Usage: "the client certificate's key in `FILE`"},
			&cli.StringFlag{Name: "sni", Usage: "the `NAME` that the server's certificate must have, if not the host"},
			&cli.BoolFlag{Name: "insecure", Usage: "do not check the server's certificate"},
			&cli.BoolFlag{Name: "json", Usage: "print the report as one JSON document on stdout, and nothing else there"},
			&cli.BoolFlag{Name: "quiet", Usage: "no progress, no report"},
		},
	}
}

// target is one master, and the file of its samples.
type target struct {
	source observe.Source
	name   string
	file   *observe.File
	out    io.Writer
	report observe.Report
	traps  []string // what is true of the samples and leads to a wrong size if nobody says it
	err    error
}

// trapsOf finds the traps of a file that has been written; one with too few samples has none.
func trapsOf(file string) (all []string) {
	set, err := samples.Read([]string{file}, nil)
	if err != nil {
		return nil
	}
	for _, t := range set.Traps {
		if t.Kind != "replica" { // said with the role
			all = append(all, t.Text)
		}
	}
	return all
}

func (c *commands) observe(x *cli.Context) error {
	base, err := sourceOf(x)
	if err != nil {
		return err
	}
	targets, err := targetsOf(x, base)
	if err != nil {
		return err
	}
	for i := range targets {
		t := &targets[i]
		if t.out = c.stdout; t.name != "-" {
			if t.file, err = observe.Create(t.name); err != nil {
				for _, made := range targets[:i] {
					err = errors.Join(err, made.file.Remove())
				}
				return &exitError{exitUsage, err}
			}
			t.out = t.file
		}
	}
	o := observe.Options{Every: x.Duration("every"), For: x.Duration("for"), GiveUp: x.Duration("give-up"), Timeout: min(5*time.Second, max(time.Second, x.Duration("every")))}
	bar := c.watching(x, len(targets))
	var g errgroup.Group
	for i := range targets {
		g.Go(func() error {
			o := o
			o.Source, o.Out, o.Tell = targets[i].source, targets[i].out, func(s observe.Status) { bar.tell(i, s) }
			targets[i].report, targets[i].err = observe.Run(x.Context, o)
			return nil
		})
	}
	_ = g.Wait() // each target has its own error
	bar.clear()
	return c.observed(x, targets)
}

// observed closes the files, reports, and finds the exit status.
func (c *commands) observed(x *cli.Context, targets []target) error {
	var failed error
	code := 0
	fail := func(status int, err error) {
		if failed = cmp.Or(failed, err); status > code {
			code = status
		}
	}
	for i := range targets {
		t := &targets[i]
		switch {
		case t.file == nil:
		case t.report.Rows == 0:
			t.err = errors.Join(t.err, t.file.Remove())
		default:
			t.err = errors.Join(t.err, t.file.Close())
			if t.err == nil && (!x.Bool("quiet") || x.Bool("json")) {
				t.traps = trapsOf(t.name)
			}
		}
		r := &t.report
		if r.Interrupted {
			fail(exitInterrupted, nil)
		}
		if t.err != nil {
			fail(exitUsage, explainConnect(t.err))
		}
		if r.Gone != nil {
			fail(exitFailed, fmt.Errorf("given up: %w", r.Gone))
		}
		if r.Rows > 0 && !x.Bool("quiet") && !x.Bool("json") {
			fmt.Fprint(c.stderr, reportText(t.name, r))
			for _, trap := range t.traps {
				fmt.Fprintf(c.stderr, "note: %s\n", trap)
			}
		}
	}
	if x.Bool("json") {
		if err := c.observedJSON(targets); err != nil {
			return err
		}
	}
	if code != 0 {
		return &exitError{code, failed}
	}
	return nil
}

// reportText says what was sampled, and what it cost the server.
func reportText(name string, r *observe.Report) string {
	if name == "-" {
		name = "stdout"
	}
	b := fmt.Sprintf("%s: %d samples of %s in %v", name, r.Rows, r.Addr, r.Took.Round(time.Second))
	if r.Gaps > 0 {
		b += fmt.Sprintf(", %d gaps (the longest %v)", r.Gaps, r.Longest.Round(time.Millisecond))
	}
	b += "\n"
	if r.Role == "slave" {
		b += "note: this is a replica; its offset follows its master's, its settings are its own\n"
	}
	mean := time.Duration(0)
	if r.Rows > 0 {
		mean = r.Spent / time.Duration(r.Rows)
	}
	b += fmt.Sprintf("what it cost the server: %d INFOs", r.Infos)
	if r.Others > 0 {
		b += fmt.Sprintf(", %d questions who is master", r.Others)
	}
	return b + fmt.Sprintf(", %d connects, %s received from us, %s sent to us; an answer took %v on average, %v at worst\n",
		r.Connects, inBytes(r.Sent), inBytes(r.Received), mean.Round(time.Microsecond), r.Slowest.Round(time.Microsecond))
}

func inBytes(n int64) string {
	switch {
	case n >= 10e6:
		return fmt.Sprintf("%.0f MB", float64(n)/1e6)
	case n >= 10e3:
		return fmt.Sprintf("%.0f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d B", n)
}

// explainConnect adds to a first contact's error what helps.
func explainConnect(err error) error {
	if !errors.Is(err, observe.ErrNever) {
		return err
	}
	text := err.Error()
	for _, hint := range [][2]string{
		{"NOAUTH", "set REDIS_PASSWORD, and REDIS_USERNAME for an ACL user"},
		{"WRONGPASS", "REDIS_USERNAME and REDIS_PASSWORD do not fit"},
		{"invalid password", "REDIS_PASSWORD does not fit"},
		{"without any password configured", "the server wants no password; unset REDIS_PASSWORD"},
		{"NOPERM", "the ACL user needs +info, with --cluster +cluster|slots too"},
		{"unknown authority", "name the authority's certificate with --cacert"},
		{"does not look like a TLS handshake", "the server does not speak TLS there; leave --tls out"},
		{"cluster support disabled", "leave --cluster out"},
		{"EOF", "it hung up at once: does it want --tls?"},
		{"connection reset", "it hung up at once: does it want --tls?"},
	} {
		if strings.Contains(text, hint[0]) {
			return fmt.Errorf("%w (%s)", err, hint[1])
		}
	}
	return err
}

// sourceOf reads the flags and the environment.
func sourceOf(x *cli.Context) (s observe.Source, err error) {
	if x.NArg() > 0 {
		return s, usage("observe takes no argument %q; the server is --addr HOST:PORT", x.Args().First())
	}
	for _, f := range []struct {
		name        string
		least, most time.Duration
	}{{"every", 100 * time.Millisecond, time.Hour}, {"for", time.Second, scenarios.MaxDuration}, {"give-up", time.Second, scenarios.MaxDuration}} {
		if d := x.Duration(f.name); d < f.least || d > f.most {
			return s, usage("--%s %v: from %v to %v", f.name, d, f.least, f.most)
		}
	}
	if x.Bool("json") && x.String("out") == "-" {
		return s, usage("--json and -o - both want stdout; name a file for the samples")
	}
	if x.Bool("cluster") && x.IsSet("sentinel") {
		return s, usage("--cluster and --sentinel exclude each other")
	}
	port := "6379"
	if x.IsSet("sentinel") {
		port = "26379"
	}
	for _, a := range x.StringSlice("addr") {
		if a, err = address(a, port); err != nil {
			return s, err
		}
		s.Addrs = append(s.Addrs, a)
	}
	switch {
	case len(s.Addrs) == 0:
		return s, usage("observe needs --addr HOST:PORT")
	case len(s.Addrs) > 1 && !x.IsSet("sentinel") && !x.Bool("cluster"):
		return s, usage("several --addr are for --sentinel and --cluster; one master is observed at a time")
	}
	s.Slot, s.Sentinel = -1, x.String("sentinel")
	s.User, s.Password = os.Getenv("REDIS_USERNAME"), cmp.Or(os.Getenv("REDIS_PASSWORD"), os.Getenv("REDISCLI_AUTH"))
	s.SentinelUser, s.SentinelPassword = os.Getenv("SENTINEL_USERNAME"), os.Getenv("SENTINEL_PASSWORD")
	s.TLS, err = tlsOf(x)
	return s, err
}

// address completes HOST or HOST:PORT.
func address(a, port string) (string, error) {
	switch {
	case strings.Contains(a, "://"), strings.Contains(a, "@"):
		return "", usage("--addr takes HOST:PORT; TLS is --tls, and user and password come from REDIS_USERNAME and REDIS_PASSWORD")
	case strings.HasPrefix(a, "/"):
		return a, nil
	}
	if !strings.Contains(a, ":") && a != "" {
		return net.JoinHostPort(a, port), nil
	}
	host, p, err := net.SplitHostPort(a)
	if err != nil || host == "" || p == "" {
		return "", usage("--addr %q: expected HOST:PORT", a)
	}
	return a, nil
}

// tlsOf makes the TLS settings; nil is plain.
func tlsOf(x *cli.Context) (*tls.Config, error) {
	if !x.Bool("tls") {
		for _, f := range []string{"cacert", "cert", "key", "sni", "insecure"} {
			if x.IsSet(f) {
				return nil, usage("--%s is of use with --tls only", f)
			}
		}
		return nil, nil
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: x.String("sni"), InsecureSkipVerify: x.Bool("insecure")}
	if name := x.String("cacert"); name != "" {
		pem, err := os.ReadFile(name)
		if err != nil {
			return nil, &exitError{exitUsage, err}
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, usage("--cacert %s: no certificate in it", name)
		}
	}
	if (x.String("cert") == "") != (x.String("key") == "") {
		return nil, usage("--cert and --key belong together")
	}
	if x.String("cert") != "" {
		pair, err := tls.LoadX509KeyPair(x.String("cert"), x.String("key"))
		if err != nil {
			return nil, usage("--cert %s: %v", x.String("cert"), err)
		}
		t.Certificates = []tls.Certificate{pair}
	}
	return t, nil
}

// targetsOf are the masters: one, or all of a cluster.
func targetsOf(x *cli.Context, base observe.Source) ([]target, error) {
	out := x.String("out")
	if !x.Bool("cluster") {
		return []target{{source: base, name: out}}, nil
	}
	ctx, cancel := context.WithTimeout(x.Context, 10*time.Second)
	defer cancel()
	shards, err := base.Shards(ctx)
	if err != nil {
		return nil, &exitError{exitUsage, explainConnect(fmt.Errorf("%w from %s: %w", observe.ErrNever, strings.Join(base.Addrs, ", "), err))}
	}
	if len(shards) > 1 && out == "-" {
		return nil, usage("the cluster has %d masters, a file each; -o names a file", len(shards))
	}
	var all []target
	for _, s := range shards {
		t := target{source: base, name: out}
		t.source.Slot = s.Start
		if len(shards) > 1 {
			ext := filepath.Ext(out)
			t.name = fmt.Sprintf("%s-slot%d%s", strings.TrimSuffix(out, ext), s.Start, ext)
		}
		all = append(all, t)
	}
	return all, nil
}

// watching shows the progress on a terminal.
type watching struct {
	mu    sync.Mutex
	out   io.Writer // nil: nothing is shown
	total time.Duration
	last  []observe.Status
}

func (c *commands) watching(x *cli.Context, n int) *watching {
	w := &watching{total: x.Duration("for"), last: make([]observe.Status, n)}
	if f, ok := c.stderr.(*os.File); ok && !x.Bool("quiet") && term.IsTerminal(int(f.Fd())) {
		w.out = f
	}
	return w
}

// tell shows one line for all masters.
func (w *watching) tell(i int, s observe.Status) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.last[i] = s; w.out != nil {
		fmt.Fprintf(w.out, "\r\033[K%s", w.line())
	}
}

func (w *watching) line() string {
	rows, gaps, rate, bad := 0, 0, 0.0, error(nil)
	var elapsed time.Duration
	for _, s := range w.last {
		rows, gaps, rate, bad = rows+s.Rows, gaps+s.Gaps, rate+s.Rate, cmp.Or(bad, s.Err)
		elapsed = max(elapsed, s.Elapsed)
	}
	text := fmt.Sprintf("%s  %v of %v  %d samples  %s/s", w.last[0].Addr, elapsed.Round(time.Second), w.total, rows, inBytes(int64(rate)))
	if len(w.last) > 1 {
		text = fmt.Sprintf("%d masters%s", len(w.last), strings.TrimPrefix(text, w.last[0].Addr))
	}
	if gaps > 0 {
		text += fmt.Sprintf("  %d gaps", gaps)
	}
	if bad != nil {
		text += "  no answer, trying again"
	}
	return text
}

func (w *watching) clear() {
	if w.out != nil {
		fmt.Fprint(w.out, "\r\033[K")
	}
}

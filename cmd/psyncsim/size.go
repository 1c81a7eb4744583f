package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"psyncsim/results/risk"
)

func sizeCommand(c *commands) *cli.Command {
	return &cli.Command{
		Name: "size", Usage: "recommend repl-backlog-size from a load and outages: how sure, what it costs, and whether another limit binds",
		Action: c.size, Flags: append(sizeInputFlags(), sizeAskFlags()...),
	}
}

// sizeInputFlags are what is known of the servers, their load and their outages.
func sizeInputFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "rate", Usage: "what the master writes: `RATE` of its replication stream such as 5MB/s, or 5000/s commands"},
		&cli.StringFlag{Name: "arrivals", Usage: "when it is written, as in a scenario: constant, poisson, '{bursts: {on: 8s, off: 32s, rate: 2MB/s}}'"},
		&cli.IntFlag{Name: "value", Usage: "bytes of a written value", Value: 200},
		&cli.StringSliceFlag{Name: "info", Usage: "samples of the load: INFO texts, an info.csv (psyncsim observe), a Prometheus answer; - is stdin"},
		&cli.StringSliceFlag{Name: "conf", Usage: "the master's redis.conf, or its CONFIG GET"},
		&cli.StringSliceFlag{Name: "log", Usage: "logs of the master and of a replica: the outages that there were"},
		&cli.StringFlag{Name: "outage", Usage: "how long outages last: 30s, a list, p50=2s,p99=45s, zone-cut … (psyncsim outages lists the ways)"},
		&cli.StringFlag{Name: "version", Usage: "of the servers (psyncsim profiles)"},
		&cli.IntFlag{Name: "replicas", Usage: "how many replicas the master has", Value: 1},
		&cli.StringFlag{Name: "dataset", Usage: "what a full synchronization has to carry, such as 12GB"},
		&cli.StringFlag{Name: "save-rate", Usage: "how fast the master writes a snapshot", Value: "200MB/s"},
		&cli.StringFlag{Name: "load-rate", Usage: "how fast a replica loads it", Value: "100MB/s"},
		&cli.StringFlag{Name: "bandwidth", Usage: "of the link between them", Value: "1gbit/s"},
		&cli.DurationFlag{Name: "latency", Usage: "of the link, one way", Value: 500 * time.Microsecond},
		&cli.StringFlag{Name: "maxmemory", Usage: "of the master, as in redis.conf, if --conf or --info do not say it"},
	}
}

// sizeAskFlags are what is asked, and how it is answered.
func sizeAskFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "target", Usage: "share of outages, or months, without a full resynchronization", Value: "99%"},
		&cli.StringFlag{Name: "confidence", Usage: "with which the target is reached", Value: "95%"},
		&cli.StringFlag{Name: "per", Usage: "what the target counts: outage or month", Value: "outage"},
		&cli.Float64Flag{Name: "outages-per-month", Usage: "on average, for --per month; logs say it too"},
		&cli.IntFlag{Name: "outages", Usage: "how many outages are simulated; as many as the target takes if it is not given"},
		&cli.Uint64Flag{Name: "seed", Usage: "of the first outage", Value: 1},
		&cli.IntFlag{Name: "jobs", Usage: "how many runs at a time", Value: runtime.GOMAXPROCS(0)},
		&cli.StringFlag{Name: "scenario", Usage: "write the worst outage as a scenario to `FILE`, its load beside it"},
		&cli.StringFlag{Name: "charts", Usage: "draw charts into `DIR`"},
		&cli.BoolFlag{Name: "no-sensitivity", Usage: "do not work out how the answer moves with each input"},
		&cli.BoolFlag{Name: "json", Usage: "print one JSON document on stdout, and nothing else there"},
		&cli.BoolFlag{Name: "quiet", Usage: "no progress"},
	}
}

// size recommends a size. It exits 1 if none reaches the target.
func (c *commands) size(x *cli.Context) error {
	if x.NArg() > 0 {
		return usage("size takes no files but those of its flags: %q; --info, --conf and --log name them", x.Args().First())
	}
	j := &sizeJob{c: c, x: x}
	if err := j.inputs(); err != nil {
		var e *exitError
		if errors.As(err, &e) {
			return err
		}
		return &exitError{exitUsage, err}
	}
	err := j.answer()
	var few *risk.TooFew
	switch {
	case errors.As(err, &few):
		return usage("--outages: %w", err)
	case errors.Is(err, errInterrupted):
		return &exitError{exitInterrupted, err}
	case err != nil:
		return j.broken(err)
	}
	if err := j.write(); err != nil {
		return err
	}
	return j.print()
}

// broken tells a broken invariant with the command that shows it again.
func (j *sizeJob) broken(err error) error {
	var b *brokenRun
	if !errors.As(err, &b) {
		return err
	}
	return &exitError{exitViolation, fmt.Errorf("%w\nto see it again: psyncsim %s --outages 1 --seed %d", err, strings.Join(j.args(), " "), b.index)}
}

// args is the command line as it was given, without what says how many.
func (j *sizeJob) args() []string {
	out := []string{"size"}
	for _, name := range j.x.LocalFlagNames() {
		switch name {
		case "outages", "seed", "jobs", "json", "quiet", "charts", "scenario":
			continue
		}
		switch v := j.x.Value(name).(type) {
		case cli.StringSlice:
			for _, s := range v.Value() {
				out = append(out, "--"+name, shellWord(s))
			}
		case bool:
			out = append(out, "--"+name)
		default:
			out = append(out, "--"+name, shellWord(fmt.Sprint(v)))
		}
	}
	return out
}

// shellWord quotes a word for a shell.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./=:,%@+", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// parseShare reads 99%, 99.9 % or 0.99.
func parseShare(flag, text string) (float64, error) {
	s := strings.TrimSpace(text)
	t, percent := strings.CutSuffix(s, "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(t), 64)
	if err != nil {
		return 0, fmt.Errorf("--%s %q: expected a share such as 99%%", flag, text)
	}
	if percent {
		v /= 100
	}
	if !(v > 0 && v < 1) {
		return 0, fmt.Errorf("--%s %s: a share lies above 0 %% and below 100 %%; nobody can show the ends", flag, text)
	}
	return v, nil
}

// print gives the answer.
func (j *sizeJob) print() error {
	var err error
	if j.x.Bool("json") {
		e := json.NewEncoder(j.c.stdout)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		err = e.Encode(j.a)
	} else {
		err = j.a.Write(j.c.stdout)
	}
	if err != nil {
		return err
	}
	if err := j.charts(); err != nil {
		return err
	}
	if j.a.Recommended == nil || !j.a.Confirmed {
		return &exitError{exitFailed, nil}
	}
	return nil
}

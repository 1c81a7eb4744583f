package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"psyncsim/results"
	"psyncsim/scenarios"
	"psyncsim/scenarios/logs"
)

func explainCommand(c *commands) *cli.Command {
	return &cli.Command{
		Name: "explain", Usage: "read real logs: every resynchronization, its cause, and the backlog that would have been enough",
		ArgsUsage: "LOG...", Action: c.explain,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "print one JSON document on stdout, and nothing else there"},
			&cli.StringSliceFlag{Name: "info", Usage: "what was sampled of the master meanwhile: `FILE` of INFO texts, an info.csv or a Prometheus answer, perhaps its redis.conf too (repeatable)"},
			&cli.StringFlag{Name: "scenario", Usage: "write a scenario that replays the logs to `FILE`, and its load beside it"},
			&cli.StringFlag{Name: "backlog", Usage: "the master's repl-backlog-size, as in redis.conf; without it one that the verdicts allow"},
			&cli.DurationFlag{Name: "timeout", Usage: "repl-timeout of the servers"},
		},
	}
}

// explain tells what logs say.
func (c *commands) explain(x *cli.Context) error {
	if x.NArg() == 0 {
		return usage("explain needs logs: those of a replica and, better, of its master too")
	}
	s, err := logs.Read(x.Args().Slice(), c.stdin)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	b, err := c.infoBeside(s, x.StringSlice("info"))
	if err != nil {
		return &exitError{exitUsage, err}
	}
	var made []string
	if x.IsSet("scenario") {
		if made, err = c.writeReplay(x, s, b); err != nil {
			return &exitError{exitUsage, err}
		}
	}
	if x.Bool("json") {
		return c.explainJSON(s, b)
	}
	c.explainTable(s)
	if b != nil {
		b.table(c, s)
	}
	for _, f := range made {
		fmt.Fprintf(c.stdout, "\nscenario  %s\n", f)
	}
	return nil
}

// stamp is a time of the logs for people.
func stamp(s *logs.Story, t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	if s.From.Truncate(24 * time.Hour).Equal(s.To.Truncate(24 * time.Hour)) {
		return t.Format("15:04:05.000")
	}
	if s.Year {
		return t.Format("2006-01-02 15:04:05.000")
	}
	return t.Format("2 Jan 15:04:05.000")
}

func (c *commands) explainTable(s *logs.Story) {
	full, beyond := 0, 0
	for i := range s.Resyncs {
		if r := &s.Resyncs[i]; r.Full {
			full++
			if r.Reason != logs.FirstSync {
				beyond++
			}
		}
	}
	day := s.From.Format("2 Jan 2006")
	if !s.Year {
		day = s.From.Format("2 Jan")
	}
	fmt.Fprintf(c.stdout, "%s, %s to %s: %s, %d full (%d of them not first syncs)\n\n", day, stamp(s, s.From), stamp(s, s.To),
		count(len(s.Resyncs), "synchronization"), full, beyond)
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "judged\treplica\tlink lost\tverdict\twhy\tmissed bytes\taway\tfull sync took\tbacklog that is enough")
	for i := range s.Resyncs {
		r := &s.Resyncs[i]
		fmt.Fprintln(w, strings.Join([]string{
			stamp(s, r.Judged), r.Replica, lostText(s, r), verdictText(r), orDash(r.Reason), bytesText(r.Gap),
			durationText(r.Down()), durationText(tookFull(r)), enoughText(r),
		}, "\t"))
	}
	w.Flush()
	for i := range s.Resyncs {
		if text := story(s, &s.Resyncs[i]); text != "" {
			fmt.Fprintf(c.stdout, "\n%s\n", text)
		}
	}
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func lostText(s *logs.Story, r *logs.Resync) string {
	if r.Lost.IsZero() {
		return "-"
	}
	return stamp(s, r.Lost) + " " + r.LostWhy
}

func verdictText(r *logs.Resync) string {
	switch {
	case !r.Full:
		return "partial"
	case r.Failed != "":
		return "full, failed"
	}
	return "full"
}

func bytesText(b logs.Bytes) string {
	if !b.Known {
		return "-"
	}
	text := fmt.Sprint(b.N)
	if b.AtMost {
		text = "at most " + text
	}
	if b.Guessed {
		text = "about " + text
	}
	return text
}

func durationText(d time.Duration) string {
	if d <= 0 {
		return "-"
	}
	return d.Round(time.Millisecond).String()
}

func tookFull(r *logs.Resync) time.Duration {
	if !r.Full || r.Finished.IsZero() {
		return 0
	}
	return r.Finished.Sub(r.Judged)
}

// megabytes is a size as redis.conf has it, rounded up.
func megabytes(n int64) string { return fmt.Sprintf("%dmb", (n+1<<20-1)>>20) }

func enoughText(r *logs.Resync) string {
	n, ok := r.Enough()
	switch {
	case ok:
		return fmt.Sprintf("%d (%s)", n, megabytes(n))
	case r.Full && r.Reason != logs.FirstSync && r.Reason != logs.BelowBacklog && r.Reason != logs.Unknown:
		return "none: no size helps"
	}
	return "-"
}

// story says in words what a full resynchronization came from, and what would
// have saved it.
func story(s *logs.Story, r *logs.Resync) string {
	if !r.Full || r.Reason == logs.FirstSync && r.Failed == "" {
		return ""
	}
	b := stamp(s, r.Judged) + " " + r.Replica + ": "
	switch n, ok := r.Enough(); {
	case ok:
		b += fmt.Sprintf("it asked for byte %d, and its master was at %d: %s bytes were missing", r.Request, r.Offset, bytesText(r.Gap))
		if r.Gap.AtMost {
			b += " (the snapshot, from which this is counted, began later than the verdict)"
		}
		b += fmt.Sprintf(". repl-backlog-size %s would have kept the history", megabytes(n))
		switch less := (n - 1) >> 20; {
		case r.Gap.AtMost:
			b += "; a smaller one may have too"
		case less > 0:
			b += fmt.Sprintf(", %dmb not", less)
		}
		b += "."
	case r.Reason == logs.BelowBacklog:
		b += fmt.Sprintf("it asked for byte %d, which was no longer in the backlog. How much was missing is in the replica's log: \"Full resync from master\".", r.Request)
	case r.Reason == logs.AheadOfMaster:
		b += fmt.Sprintf("it had byte %d, its master only %d: it was ahead. No backlog helps.", r.Request-1, r.Offset)
	case r.Reason == logs.IDMismatch:
		b += "its history is not the master's: " + another(s, r) + ". No backlog helps."
	case r.Reason == logs.SecondOffset:
		b += "it had gone on with the history from before the failover for longer than the new master. No backlog helps."
	case r.Reason == logs.NoPSYNC:
		b += "its master answered PSYNC with an error."
	default:
		b += "the logs do not say why."
	}
	if d := r.Down(); d > 0 {
		b += fmt.Sprintf("\n  away %s: link lost (%s), %s, then asked", durationText(d), r.LostWhy, count(r.Refused, "failed connect"))
	}
	if d := tookFull(r); d > 0 {
		b += "\n  the full synchronization: " + phases(r, d)
	} else if r.Failed != "" {
		b += "\n  the full synchronization did not end: " + r.Failed
	}
	if r.Buffer.Known {
		b += fmt.Sprintf("\n  meanwhile the master had to keep %s bytes for it: client-output-buffer-limit replica must allow more", bytesText(r.Buffer))
	}
	return b
}

// another says why a master has another history, as far as the logs know.
func another(s *logs.Story, r *logs.Resync) string {
	switch r.LostWhy {
	case logs.LostMasterRestart:
		return fmt.Sprintf("the master's process ended at %s as it was told, and the next one began %s later", stamp(s, r.Stopped), durationText(r.Away()))
	case logs.LostMasterCrash:
		return fmt.Sprintf("the master's process ended without a word, and the next one began %s later", durationText(r.Away()))
	case logs.LostFailover:
		return fmt.Sprintf("%s took the master's place at %s, %s after it was gone", r.Heir, stamp(s, r.Promoted), durationText(r.Away()))
	case logs.LostSwitchover:
		return fmt.Sprintf("%s took the master's place at %s", r.Heir, stamp(s, r.Promoted))
	}
	return "the master was restarted, or another took its place"
}

func phases(r *logs.Resync, all time.Duration) string {
	if r.Received.IsZero() || r.Loaded.IsZero() {
		return durationText(all)
	}
	return fmt.Sprintf("%s (%s until the snapshot came, %s to carry it, %s to load it)", durationText(all),
		r.Received.Sub(r.Judged).Round(time.Millisecond), r.Loaded.Sub(r.Received).Round(time.Millisecond), r.Finished.Sub(r.Loaded).Round(time.Millisecond))
}

// explained is one resynchronization in explain --json. Times are RFC 3339
// without a zone: the servers' own.
type explained struct {
	Replica   string   `json:"replica"`
	Lost      string   `json:"lost,omitempty"`
	LostWhy   string   `json:"lost_why,omitempty"`
	Gone      *float64 `json:"gone_s,omitempty"` // without a process, or without a master
	Heir      string   `json:"heir,omitempty"`   // the server that took the master's place
	Refused   int      `json:"connects_failed"`
	Asked     string   `json:"asked"`
	ID        string   `json:"request_replid,omitempty"`
	Request   int64    `json:"request_offset,omitempty"`
	Judged    string   `json:"judged"`
	Kind      string   `json:"kind"`
	Reason    string   `json:"reason"`
	Offset    *int64   `json:"offset"`
	Gap       *int64   `json:"gap_bytes"`
	GapAtMost bool     `json:"gap_at_most,omitempty"`
	Down      float64  `json:"down_s"`
	Wait      *float64 `json:"snapshot_wait_s,omitempty"`
	Transfer  *float64 `json:"transfer_s,omitempty"`
	Load      *float64 `json:"load_s,omitempty"`
	Full      *float64 `json:"full_sync_s,omitempty"`
	Snapshot  int64    `json:"snapshot_bytes,omitempty"`
	Failed    string   `json:"failed,omitempty"`
	Buffer    *int64   `json:"output_buffer_bytes,omitempty"`
	Guess     bool     `json:"output_buffer_guessed,omitempty"`
	Enough    *int64   `json:"backlog_enough_bytes"`
	Lines     []string `json:"lines"`

	Around *aroundJSON `json:"around,omitempty"` // with --info, where the samples cover it
}

func (c *commands) explainJSON(s *logs.Story, b *besideLogs) error {
	doc := struct {
		From     string            `json:"from"`
		To       string            `json:"to"`
		Versions map[string]string `json:"versions"`
		Info     *infoJSON         `json:"info,omitempty"`
		Resyncs  []explained       `json:"resyncs"`
	}{at(s, s.From), at(s, s.To), s.Versions, b.json(), []explained{}}
	for i := range s.Resyncs {
		e := explainedOf(s, &s.Resyncs[i])
		e.Around = b.around(&s.Resyncs[i])
		doc.Resyncs = append(doc.Resyncs, e)
	}
	e := json.NewEncoder(c.stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(doc)
}

func at(s *logs.Story, t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case s.Year:
		return t.Format("2006-01-02T15:04:05.000")
	}
	return t.Format("01-02T15:04:05.000")
}

func explainedOf(s *logs.Story, r *logs.Resync) explained {
	e := explained{
		Replica: r.Replica, Lost: at(s, r.Lost), LostWhy: r.LostWhy, Refused: r.Refused, Asked: at(s, r.Asked), ID: r.ID,
		Request: r.Request, Judged: at(s, r.Judged), Kind: results.Partial, Reason: r.Reason, Down: r.Down().Seconds(),
		Snapshot: r.Snapshot, Failed: r.Failed, Lines: r.Lines, GapAtMost: r.Gap.AtMost, Guess: r.Buffer.Guessed,
	}
	if r.Full {
		e.Kind = results.Full
	}
	if d := r.Away().Seconds(); d > 0 {
		e.Gone = &d
	}
	e.Heir = r.Heir
	if r.HasOff {
		e.Offset = &r.Offset
	}
	if r.Gap.Known {
		e.Gap = &r.Gap.N
	}
	if r.Buffer.Known {
		e.Buffer = &r.Buffer.N
	}
	if n, ok := r.Enough(); ok {
		e.Enough = &n
	}
	between := func(a, b time.Time) *float64 {
		if a.IsZero() || b.IsZero() || !r.Full {
			return nil
		}
		d := b.Sub(a).Seconds()
		return &d
	}
	e.Wait, e.Transfer, e.Load, e.Full = between(r.Judged, r.Received), between(r.Received, r.Loaded), between(r.Loaded, r.Finished), between(r.Judged, r.Finished)
	return e
}

// writeReplay writes the scenario, and its load beside it.
func (c *commands) writeReplay(x *cli.Context, s *logs.Story, beside *besideLogs) (made []string, err error) {
	file := x.String("scenario")
	if ext := filepath.Ext(file); ext != ".yaml" && ext != ".yml" {
		return nil, fmt.Errorf("--scenario %s: a scenario's name ends in .yaml", file)
	}
	load := beside.replayLoad(s)
	csv := strings.TrimSuffix(file, filepath.Ext(file)) + "-load.csv"
	r := logs.Replay{Load: load, File: filepath.Base(csv), Timeout: cmp.Or(x.Duration("timeout"), beside.timeout()), Backlog: beside.backlog()}
	if b := x.String("backlog"); b != "" {
		if r.Backlog, err = scenarios.ParseConfMemory(b); err != nil {
			return nil, fmt.Errorf("--backlog %w", err)
		}
	}
	text, notes, err := s.Scenario(r)
	if err != nil {
		return nil, err
	}
	slices.Sort(notes)
	for _, n := range slices.Compact(notes) {
		fmt.Fprintf(c.stderr, "note: %s\n", n)
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{csv, logs.LoadCSV(load)}, {file, text}} {
		if err := putFile(f.name, f.data); err != nil {
			return nil, err
		}
	}
	return []string{file}, nil
}

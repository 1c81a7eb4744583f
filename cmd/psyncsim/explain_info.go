package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"psyncsim/results"
	"psyncsim/scenarios/logs"
	"psyncsim/scenarios/samples"
)

// besideLogs is a load that was sampled, beside the logs.
type besideLogs struct {
	*logs.Beside
	set *samples.Set
}

// infoBeside reads the samples of --info; nil without them.
func (c *commands) infoBeside(s *logs.Story, names []string) (*besideLogs, error) {
	if len(names) == 0 {
		return nil, nil
	}
	set, err := samples.Read(names, c.stdin)
	if err != nil {
		return nil, fmt.Errorf("--info %w", err)
	}
	if _, err := set.Load(); err != nil {
		return nil, fmt.Errorf("--info %w", err)
	}
	watched := make([]logs.Watched, len(set.Samples))
	for i, x := range set.Samples {
		watched[i] = logs.Watched{At: x.Time, Offset: x.Offset, Bytes: x.Bytes}
	}
	b, err := s.Beside(watched)
	if err != nil {
		return nil, fmt.Errorf("--info %s: %w", set.Source, err)
	}
	return &besideLogs{b, set}, nil
}

// table says what was written around each loss of a link, and what the rule of
// thumb would have given.
func (b *besideLogs) table(c *commands, s *logs.Story) {
	fmt.Fprintf(c.stdout, "\n%s: %s, %s on average; %s\n", b.set.Source, count(len(b.set.Samples), "sample"), results.PrettyRate(b.Mean), b.clocks())
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	head := "judged\treplica\taway\twrites before\twrites meanwhile\twritten meanwhile\t2 × away × average\tneeded\tthe rule"
	outside := 0
	for i := range s.Resyncs {
		r := &s.Resyncs[i]
		a, ok := b.Around(r)
		if !ok {
			if r.Down() > 0 {
				outside++
			}
			continue
		}
		if head != "" {
			fmt.Fprintln(w, head)
			head = ""
		}
		fmt.Fprintln(w, strings.Join([]string{
			stamp(s, r.Judged), r.Replica, durationText(r.Down()), results.PrettyRate(a.Before), results.PrettyRate(a.During),
			fmt.Sprint(a.Written), fmt.Sprint(a.Rule), bytesText(r.Gap), ruleText(r, a.Rule),
		}, "\t"))
	}
	w.Flush()
	if outside > 0 {
		fmt.Fprintf(c.stdout, "outside of the samples: %s of the logs\n", count(outside, "reconnect"))
	}
	for _, t := range b.set.Traps {
		fmt.Fprintf(c.stdout, "note: %s\n", t.Text)
	}
}

// clocks says how the times of logs and samples were brought together.
func (b *besideLogs) clocks() string {
	how := "the logs have the clock of the samples"
	switch {
	case b.Shift > 0:
		how = fmt.Sprintf("the clock of the logs is %v behind that of the samples", b.Shift)
	case b.Shift < 0:
		how = fmt.Sprintf("the clock of the logs is %v ahead of that of the samples", -b.Shift)
	}
	return fmt.Sprintf("%s (%d of %s agree)", how, b.Agree, count(b.Of, "offset"))
}

// ruleText holds the rule of thumb against what was needed.
func ruleText(r *logs.Resync, rule int64) string {
	switch {
	case r.Full && r.Reason != logs.BelowBacklog:
		return "no size helps"
	case !r.Gap.Known:
		return "-"
	case rule < r.Gap.N:
		return fmt.Sprintf("fails by %d bytes", r.Gap.N-rule)
	}
	return "is enough"
}

// aroundJSON is the load around a resynchronization in explain --json.
type aroundJSON struct {
	Before  int64 `json:"before_bytes_per_s"`
	During  int64 `json:"during_bytes_per_s"`
	Written int64 `json:"written_bytes"`
	Rule    int64 `json:"rule_2x_bytes"`
	Enough  *bool `json:"rule_2x_enough"` // null where no size helps, or the gap is not known
}

func (b *besideLogs) around(r *logs.Resync) *aroundJSON {
	if b == nil {
		return nil
	}
	a, ok := b.Around(r)
	if !ok {
		return nil
	}
	j := &aroundJSON{Before: a.Before, During: a.During, Written: a.Written, Rule: a.Rule}
	if r.Gap.Known && (!r.Full || r.Reason == logs.BelowBacklog) {
		enough := a.Rule >= r.Gap.N
		j.Enough = &enough
	}
	return j
}

// infoJSON is the load as a whole in explain --json.
type infoJSON struct {
	Source  string   `json:"source"`
	Samples int      `json:"samples"`
	Mean    int64    `json:"mean_bytes_per_s"`
	Shift   float64  `json:"clock_shift_s"`
	Agree   int      `json:"offsets_that_agree"`
	Of      int      `json:"offsets_in_logs"`
	Traps   []string `json:"traps"`
}

func (b *besideLogs) json() *infoJSON {
	if b == nil {
		return nil
	}
	j := &infoJSON{Source: b.set.Source, Samples: len(b.set.Samples), Mean: b.Mean, Shift: b.Shift.Seconds(), Agree: b.Agree, Of: b.Of, Traps: []string{}}
	for _, t := range b.set.Traps {
		j.Traps = append(j.Traps, t.Text)
	}
	return j
}

// replayLoad is the load that a replay takes: the samples' where there are any.
func (b *besideLogs) replayLoad(s *logs.Story) []logs.Sample {
	if b == nil {
		return s.Load()
	}
	return b.Load()
}

// backlog is what the samples say of the master's setting; 0 if nothing.
func (b *besideLogs) backlog() int64 {
	if b == nil {
		return 0
	}
	x, _ := b.set.Setting(samples.Master, "repl-backlog-size")
	return x.Number
}

// timeout is the same for repl-timeout.
func (b *besideLogs) timeout() time.Duration {
	if b == nil {
		return 0
	}
	x, _ := b.set.Setting(samples.Master, "repl-timeout")
	return time.Duration(x.Number) * time.Second
}

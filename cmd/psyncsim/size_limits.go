package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"psyncsim/model"
	"psyncsim/results/risk"
	"psyncsim/scenarios/sizing"
)

// edit is the user's settings with some of them changed. Fields below 0 leave
// theirs as it is.
type edit struct {
	size             int64
	hard, soft       int64
	softSeconds, ttl time.Duration
	timeout          time.Duration // of both sides
}

func editOf(size int64) edit { return edit{size, -1, -1, -1, -1, -1} }

// change makes it one for runs.
func (e edit) change(i int, s *model.Settings) {
	if e.timeout >= 0 {
		s.Timeout = e.timeout
	}
	if i > 0 {
		return
	}
	s.BacklogSize = e.size
	for _, x := range []struct {
		to   *int64
		with int64
	}{{&s.HardLimit, e.hard}, {&s.SoftLimit, e.soft}, {(*int64)(&s.SoftSeconds), int64(e.softSeconds)}, {(*int64)(&s.BacklogTTL), int64(e.ttl)}} {
		if x.with >= 0 {
			*x.to = x.with
		}
	}
}

// mostBlamed is how many of the outages that another limit may have made full
// are played again with that limit lifted.
const mostBlamed = 400

// lift is one limit, and the settings without it.
type lift struct {
	name string
	edit edit
}

func (j *sizeJob) lifts(e edit) []lift {
	hard, soft, both, ttl, timeout := e, e, e, e, e
	hard.hard, soft.soft, both.hard, both.soft, ttl.ttl = 0, 0, 0, 0, 0
	timeout.timeout = 10 * max(j.plan.Settings().Timeout, j.plan.ReplicaSettings().Timeout)
	return []lift{{limitHard, hard}, {limitSoft, soft}, {limitBuffer, both}, {limitTTL, ttl}, {limitTimeout, timeout}}
}

// The limits that may bind.
const (
	limitBuffer  = "client-output-buffer-limit"
	limitHard    = "client-output-buffer-limit (hard)"
	limitSoft    = "client-output-buffer-limit (soft)"
	limitTTL     = "repl-backlog-ttl"
	limitTimeout = "repl-timeout"
	limitDelay   = "repl-diskless-sync-delay"
	limitSize    = "repl-backlog-size"
	limitHistory = "identity"
	limitLink    = "bandwidth"
)

// bad says that an outage did not end well.
func bad(p *risk.Played) bool { return p.Fulls > 0 || !p.Settled }

// limits finds which limits made resynchronizations full that the size would
// have saved: each of them is played again with one limit lifted. What removes
// them is proposed. It gives the settings with the proposals.
func (j *sizeJob) limits(s *sizer, c *curve, played []risk.Played, size int64) (edit, error) {
	e := editOf(size)
	var extra []int
	for i := range played {
		if bad(&played[i]) && c.outages[i].Need <= size {
			extra = append(extra, i)
		}
	}
	if err := j.remaining(c, played, size); err != nil || len(extra) == 0 {
		return e, err
	}
	again := extra[:min(len(extra), mostBlamed)]
	best, bestLeft := lift{}, len(again)
	for _, l := range j.lifts(e) {
		left, err := j.left(s, again, l.edit)
		if err != nil {
			return e, err
		}
		removed := len(again) - left
		if removed == 0 {
			continue
		}
		j.a.Limits = append(j.a.Limits, risk.Limit{Name: l.name, Full: int64(len(extra)), Of: int64(len(played)), Removed: int64(removed), Now: j.now(l.name)})
		if left < bestLeft { // a single limit before two of them
			best, bestLeft = l, left
		}
	}
	if best.name == "" {
		j.a.Limits = append(j.a.Limits, risk.Limit{Name: "none", Binds: true, Full: int64(len(extra)), Of: int64(len(played)),
			Text: fmt.Sprintf("%d of %d outages end in a full resync although the size holds what they missed, and no single limit removes them", len(extra), len(played))})
		return e, nil
	}
	then, err := j.propose(s, e, best, again, bestLeft, len(extra), len(played))
	if err != nil {
		return e, err
	}
	for i := range j.a.Limits {
		if l := &j.a.Limits[i]; l.Name == best.name {
			l.Replay, l.Cured = j.example(c, again, size, playing{j.plan, e.change, nil}, playing{j.plan, then.change, j.sets(then)})
		}
	}
	return then, nil
}

// left is how many of some outages still end badly.
func (j *sizeJob) left(s *sizer, list []int, e edit) (int, error) {
	played, err := s.some(list, e.change)
	n := 0
	for i := range played {
		if bad(&played[i]) {
			n++
		}
	}
	return n, err
}

// propose finds the least step that does what lifting a limit does.
func (j *sizeJob) propose(s *sizer, e edit, best lift, again []int, left, extra, of int) (edit, error) {
	now := j.plan.Settings()
	for step := int64(2); step <= 1<<20; step *= 2 {
		try := e
		switch best.name {
		case limitHard, limitBuffer, limitSoft:
			if best.name != limitSoft {
				try.hard = risk.Round(max(now.HardLimit, now.SoftLimit, 1<<20) * step)
			}
			if best.name != limitHard {
				try.soft = risk.Round(max(now.SoftLimit, 1<<20) * step)
				if try.hard > 0 {
					try.soft = try.hard
				} else if now.HardLimit > 0 {
					try.soft = min(try.soft, now.HardLimit)
				}
			}
		case limitTTL:
			if try.ttl = now.BacklogTTL * time.Duration(step); try.ttl > 90*24*time.Hour {
				try.ttl = 0
			}
		case limitTimeout:
			try.timeout = now.Timeout * time.Duration(step)
		}
		n, err := j.left(s, again, try)
		if err != nil {
			return e, err
		}
		if n <= left {
			j.binds(best.name, try, extra, of)
			return try, nil
		}
	}
	j.binds(best.name, best.edit, extra, of)
	return best.edit, nil
}

// binds writes down which limit it is, and what is proposed.
func (j *sizeJob) binds(name string, e edit, extra, of int) {
	for i := range j.a.Limits {
		l := &j.a.Limits[i]
		if l.Name != name {
			continue
		}
		l.Binds, l.Better = true, j.value(name, e)
		what := map[string]string{
			limitHard: "the output buffer of a replica that is silent or comes back grows to the hard limit", limitSoft: "the output buffer of a replica that is silent or comes back stays above the soft limit",
			limitBuffer: "the output buffer of a replica that is silent or comes back grows to its limits", limitTTL: "without a replica the history is freed after repl-backlog-ttl",
			limitTimeout: "repl-timeout ends links that would have gone on",
		}[name]
		l.Text = fmt.Sprintf("%d of %d outages end in a full resync although the backlog holds what they missed: %s. %s removes %d of the %d that were played again",
			extra, of, what, l.Better, l.Removed, min(extra, mostBlamed))
		j.advise(name, e)
	}
}

// advise adds what an edit makes of a limit to the lines for redis.conf. Output-buffer
// limits have one line there: it is the largest of those that were found.
func (j *sizeJob) advise(name string, e edit) {
	if name != limitHard && name != limitSoft && name != limitBuffer {
		j.a.Conf = append(j.a.Conf, j.value(name, e))
		return
	}
	s := j.plan.Settings()
	e.change(0, &s)
	if b := j.buffers; b != nil {
		e.hard, e.soft, e.softSeconds = looser(s.HardLimit, b.hard), looser(s.SoftLimit, b.soft), max(s.SoftSeconds, b.softSeconds)
		j.a.Conf = slices.DeleteFunc(j.a.Conf, func(l string) bool { return strings.HasPrefix(l, limitBuffer+" ") })
	} else {
		e.hard, e.soft, e.softSeconds = s.HardLimit, s.SoftLimit, s.SoftSeconds
	}
	j.buffers = &e
	j.a.Conf = append(j.a.Conf, j.value(limitBuffer, e))
}

// looser is the larger of two limits, of which 0 is none at all.
func looser(a, b int64) int64 {
	if a == 0 || b == 0 {
		return 0
	}
	return max(a, b)
}

// sets are what an edit changes, as fields of a scenario.
func (j *sizeJob) sets(e edit) (all []string) {
	for _, x := range []struct {
		name    string
		changed bool
	}{{limitBuffer, e.hard >= 0 || e.soft >= 0}, {limitTTL, e.ttl >= 0}, {limitTimeout, e.timeout >= 0}} {
		if !x.changed {
			continue
		}
		name, value, _ := strings.Cut(j.value(x.name, e), " ")
		who := "master"
		if x.name == limitTimeout {
			who = "*"
		}
		all = append(all, fmt.Sprintf("servers.%s.config.%s=%s", who, name, value))
	}
	return all
}

// now is a limit as it stands.
func (j *sizeJob) now(name string) string {
	s := j.plan.Settings()
	return j.value(name, edit{s.BacklogSize, s.HardLimit, s.SoftLimit, s.SoftSeconds, s.BacklogTTL, s.Timeout})
}

// value is a line of redis.conf, in the words of the version.
func (j *sizeJob) value(name string, e edit) string {
	s := j.plan.Settings()
	e.change(0, &s) // the master's
	switch name {
	case limitTTL:
		return fmt.Sprintf("repl-backlog-ttl %d", s.BacklogTTL/time.Second)
	case limitTimeout:
		return fmt.Sprintf("repl-timeout %d", s.Timeout/time.Second)
	case limitDelay:
		return fmt.Sprintf("repl-diskless-sync-delay %d", s.DisklessDelay/time.Second)
	case limitSize:
		return "repl-backlog-size " + risk.ConfSize(s.BacklogSize)
	}
	d := sizing.Directive{Name: "client-output-buffer-limit replica",
		Value: fmt.Sprintf("%s %s %d", risk.ConfSize(s.HardLimit), risk.ConfSize(s.SoftLimit), s.SoftSeconds/time.Second)}
	n, v := sizing.DirectiveIn(j.spec.Profile, d)
	return n + " " + v
}

package main

import (
	"fmt"
	"slices"

	"psyncsim/results/risk"
	"psyncsim/scenarios/outages"
	"psyncsim/scenarios/sizing"
)

// What a size leaves over, and why.

// remaining says why the full resynchronizations that a size leaves over are
// full.
func (j *sizeJob) remaining(c *curve, played []risk.Played, size int64) error {
	reasons := map[string]int64{}
	var names []string
	var larger []int
	for i := range played {
		switch o := &c.outages[i]; {
		case !bad(&played[i]):
		case o.Need == risk.Hopeless && slices.Contains(identityReasons, o.Reason):
		case o.Need == risk.Hopeless:
			if reasons[o.Reason]++; reasons[o.Reason] == 1 {
				names = append(names, o.Reason)
			}
		case o.Need > size:
			larger = append(larger, i)
		}
	}
	n := int64(len(played))
	if len(larger) > 0 {
		j.a.Limits = append(j.a.Limits, risk.Limit{Name: limitSize, Full: int64(len(larger)), Of: n, Now: j.value(limitSize, editOf(size)),
			Text: fmt.Sprintf("%d of %d outages missed more than %s", len(larger), n, risk.Size(size))})
		if err := j.bridged(c, larger, n, size); err != nil {
			return err
		}
	}
	slices.Sort(names)
	for _, r := range names {
		j.a.Limits = append(j.a.Limits, j.hopeless(r, reasons[r], n))
	}
	return j.identity(c, played)
}

// hopeless is a reason that no size takes away.
func (j *sizeJob) hopeless(reason string, full, of int64) risk.Limit {
	l := risk.Limit{Name: limitHistory, Binds: true, Full: full, Of: of}
	why := map[string]string{
		"never-caught-up": "no size can help: the link drains slower than you write",
		"no-psync":        "no size can help: " + j.spec.Profile + " knows no partial resynchronization",
	}[reason]
	if why == "" {
		why = "no size can help: " + reason
	}
	switch reason {
	case "never-caught-up":
		l.Name = limitLink
	case "no-psync":
		l.Name = "version"
	}
	l.Text = fmt.Sprintf("%s (%d of %d outages)", why, full, of)
	return l
}

// mostBridged is how many of the silences that missed more than a size holds are
// played again with a longer repl-timeout: where segments decide, each costs as much as
// a hundred others.
const mostBridged = 40

// bridged looks whether silences that missed more than the size holds cost nothing
// where repl-timeout is longer: the link outlives them then, and TCP goes on.
func (j *sizeJob) bridged(c *curve, larger []int, of, size int64) error {
	list := slices.DeleteFunc(slices.Clone(larger), func(i int) bool { return c.outages[i].Kind != string(outages.Silent) })
	again := list[:min(len(list), mostBridged)]
	if len(again) == 0 {
		return nil
	}
	var best *sizing.Plan
	left, change := len(again), editOf(size).change
	for by := uint32(2); by <= 8 && left > 0; by *= 2 {
		plan := j.plan.With(sizing.Vary{What: sizing.ReplTimeout, Num: by, Den: 1})
		s := &sizer{ctx: j.x.Context, plan: plan, dist: c.dist, jobs: j.x.Int("jobs")}
		played, err := s.some(again, change)
		if err != nil {
			return err
		}
		n := 0
		for i := range played {
			if bad(&played[i]) {
				n++
			}
		}
		if n < left {
			best, left = plan, n
		}
	}
	if best == nil {
		return nil
	}
	seconds := int(best.ReplicaSettings().Timeout.Seconds())
	l := risk.Limit{Name: limitTimeout, Binds: true, Full: int64(len(list)), Of: of, Removed: int64(len(again) - left), Now: j.now(limitTimeout),
		Better: fmt.Sprintf("repl-timeout %d", seconds)}
	l.Text = fmt.Sprintf("%d of %d outages were silences that missed more than %s; with %s on both sides %d of the %d that were played again cost nothing, as the link outlives them (but a master that is gone is noticed as much later)",
		len(list), of, risk.Size(size), l.Better, l.Removed, len(again))
	l.Replay, l.Cured = j.example(c, again, size, playing{j.plan, change, nil},
		playing{best, change, []string{fmt.Sprintf("servers.*.config.repl-timeout=%d", seconds)}})
	j.a.Limits = append(j.a.Limits, l)
	return nil
}

package main

import (
	"fmt"
	"slices"
	"strings"

	"psyncsim/results/risk"
	"psyncsim/scenarios/outages"
	"psyncsim/scenarios/sizing"
)

// Identity: who asks for the history of a master that has another one by now
// gets a full resynchronization, whatever the size. Restarts and failovers do
// that. What would have kept the history is found by playing it.

// identityReasons are the verdicts about a history, not about its length.
var identityReasons = []string{"id-mismatch", "second-offset", "first-sync"}

// mostCured is how many of the outages that lost the history are played again
// with each thing that may keep it.
const mostCured = 100

// cure is something else that could be done, in words.
type cure struct {
	sizing.Cure
	text string
	conf string // a line of redis.conf; "" if it is something to do
}

// cures are what may help against the kinds of outages that there are: settings
// before other deeds, deeds before another version.
func (j *sizeJob) cures(kinds map[outages.Kind]int64) []cure {
	var all []cure
	prof := j.plan.Profile()
	restarts := kinds[outages.Restart] > 0
	stops := restarts || kinds[outages.Crash] > 0 || kinds[outages.ReplicaRestart] > 0
	m, r := j.plan.Settings(), j.plan.ReplicaSettings()
	if stops && (!m.SavePoints.Any() || !r.SavePoints.Any()) {
		all = append(all, cure{sizing.Cure{Save: true}, "SHUTDOWN SAVE, or a save point", "save 3600 1"})
	}
	if stops && (m.AppendOnly || r.AppendOnly) {
		all = append(all, cure{sizing.Cure{NoAOF: true}, "appendonly no", ""})
	}
	move := "FAILOVER to a replica"
	if !prof.Failover {
		move = "REPLICAOF NO ONE at a replica while clients are paused, and REPLICAOF at the old master"
	}
	for _, x := range []struct {
		from, to outages.Kind
		text     string
	}{
		{outages.Crash, outages.Restart, "SHUTDOWN or SIGTERM instead of kill -9"},
		{outages.Failover, outages.Switchover, move + ", while the master runs"},
		{outages.Restart, outages.Switchover, move + " before the restart"},
	} {
		if kinds[x.from] > 0 {
			all = append(all, cure{sizing.Cure{Kinds: [][2]outages.Kind{{x.from, x.to}}}, x.text, ""})
		}
	}
	if newer := sizing.KeepsHistory(); !prof.MasterRestart {
		all = append(all, cure{sizing.Cure{Profile: newer}, "version " + newer, ""})
	}
	return all
}

// both is what two cures come to together.
func (c cure) and(d cure) cure {
	c.Kinds = append(slices.Clone(c.Kinds), d.Kinds...)
	c.Save, c.NoAOF = c.Save || d.Save, c.NoAOF || d.NoAOF
	if c.Profile == "" {
		c.Profile = d.Profile
	}
	c.text += ", and " + d.text
	if c.conf == "" {
		c.conf = d.conf
	}
	return c
}

// combined are all ways to do k of the cures together.
func combined(all []cure, k int) (out []cure) {
	if k == 1 {
		return all
	}
	for i := range all {
		for _, rest := range combined(all[i+1:], k-1) {
			out = append(out, all[i].and(rest))
		}
	}
	return out
}

// cured is one cure as it was played.
type cured struct {
	cure
	plan *sizing.Plan
	left int
	also []string // as good, and as little
}

// try plays outages with a cure; nil if this cannot be played.
func (j *sizeJob) try(c *curve, list []int, what cure) (*cured, error) {
	spec := j.spec.Cured(what.Cure)
	plan, err := sizing.New(spec)
	if err != nil { // a setting that the other version does not have
		return nil, nil
	}
	if err := j.firstSync(plan); err != nil {
		return nil, err
	}
	played, err := j.with(plan, c, list)
	if err != nil {
		return nil, err
	}
	x := &cured{cure: what, plan: plan}
	for i := range played {
		if bad(&played[i]) {
			x.left++
		}
	}
	return x, nil
}

func (j *sizeJob) with(plan *sizing.Plan, c *curve, list []int) ([]risk.Played, error) {
	s := &sizer{ctx: j.x.Context, plan: plan, dist: c.dist, jobs: j.x.Int("jobs")}
	return s.some(list, lifted)
}

// identity says how many outages lost the history, why, and what keeps it: the
// fewest things that leave the least.
func (j *sizeJob) identity(c *curve, played []risk.Played) error {
	var lost []int
	kinds := map[outages.Kind]int64{}
	why, most := "", map[string]int{}
	for i := range played {
		o := &c.outages[i]
		if !bad(&played[i]) || o.Need != risk.Hopeless || !slices.Contains(identityReasons, o.Reason) {
			continue
		}
		lost = append(lost, i)
		kinds[outages.Kind(o.Kind)]++
		text := j.whyLost(outages.Kind(o.Kind), o.Reason)
		if most[text]++; why == "" || most[text] > most[why] {
			why = text
		}
	}
	if len(lost) == 0 {
		return nil
	}
	l := risk.Limit{Name: limitHistory, Binds: true, Full: int64(len(lost)), Of: int64(len(played))}
	l.Text = fmt.Sprintf("no size can help: %s (%d of %d outages)", why, len(lost), len(played))
	again := lost[:min(len(lost), mostCured)]
	best, err := j.cureOf(c, again, kinds)
	if err != nil {
		return err
	}
	if best == nil {
		l.Text += "; nothing that a server can be told keeps it"
		j.a.Limits = append(j.a.Limits, l)
		return nil
	}
	l.Removed, l.Better = int64(len(again)-best.left), best.text
	l.Text += fmt.Sprintf("; with %s, %d of the %d that were played again keep it", best.text, l.Removed, len(again))
	if len(best.also) > 0 {
		l.Text += " (so they do with " + strings.Join(best.also, ", or with ") + ")"
	}
	if err := j.sizeWith(c, best, lost, &l); err != nil {
		return err
	}
	l.Replay, l.Cured = j.example(c, again, refusesNothing, playing{plan: j.plan, change: lifted}, playing{plan: best.plan, change: lifted})
	j.a.Limits = append(j.a.Limits, l)
	if best.conf != "" {
		j.a.Conf = append(j.a.Conf, best.conf)
	}
	return nil
}

// cureOf is the fewest things that leave the least, nil if none removes any.
func (j *sizeJob) cureOf(c *curve, again []int, kinds map[outages.Kind]int64) (best *cured, err error) {
	all := j.cures(kinds)
	for k := 1; k <= min(len(all), 3); k++ {
		before := best
		for _, what := range combined(all, k) {
			x, err := j.try(c, again, what)
			if err != nil {
				return nil, err
			}
			switch {
			case x == nil || x.left == len(again):
			case best == nil || x.left < best.left:
				best = x
			case best != before && x.left == best.left:
				best.also = append(best.also, x.text)
			}
		}
		if best != nil && (best.left == 0 || best == before) {
			break
		}
	}
	return best, nil
}

// sizeWith says which size the target needs with a cure: what lost its history
// is played with it, the rest is as it was.
func (j *sizeJob) sizeWith(c *curve, x *cured, lost []int, l *risk.Limit) error {
	if c.need != risk.Hopeless || len(j.a.Kinds) > 1 {
		return nil
	}
	n := len(c.outages)
	if x.Cure.Heirs() && len(lost) > mostBlamed { // those before are a sample too
		if c.counts != nil {
			return nil
		}
		n, lost = lost[mostBlamed], lost[:mostBlamed]
	}
	played, err := j.with(x.plan, c, lost)
	if err != nil {
		return err
	}
	needs := make([]int64, n)
	for i := range needs {
		needs[i] = c.outages[i].Need
	}
	for k, i := range lost {
		if needs[i] = played[k].Need; bad(&played[k]) {
			needs[i] = risk.Hopeless
		}
	}
	if c.counts != nil {
		needs = risk.Months(needs, c.counts)
	}
	size, err := risk.NewCurve(needs, j.a.Question.Confidence).Recommend(j.a.Question.Target)
	if err != nil {
		return nil
	}
	l.Text += fmt.Sprintf("; then repl-backlog-size %s reaches the target", risk.ConfSize(risk.Round(max(size, 1<<14))))
	return nil
}

// whyLost says in words why a history was another one.
func (j *sizeJob) whyLost(kind outages.Kind, reason string) string {
	prof, m, r := j.plan.Profile(), j.plan.Settings(), j.plan.ReplicaSettings()
	switch kind {
	case outages.Restart:
		switch {
		case !prof.MasterRestart:
			return "the master's replid changes at a restart of " + prof.Name
		case m.AppendOnly:
			return "the master's replid changes at a restart with appendonly yes: an AOF does not hold it"
		case !m.SavePoints.Any() && !j.spec.Save:
			return "the master's replid changes at a restart that saves nothing"
		}
		return "the master ended before the replica had everything, and takes up its history for those alone who have all of it"
	case outages.Crash:
		return "a master that is killed comes back with another replid, and without what it wrote since its last snapshot"
	case outages.Failover:
		if reason == "second-offset" {
			return "the replica had more of the old history than the one that was promoted"
		}
		if j.spec.Replicas > 1 && prof.PSYNC < 2 || prof.PSYNC < 2 {
			return "a promoted replica of " + prof.Name + " has a replid of its own, and no second one"
		}
		return "a master that was killed comes back with another replid than the one of the replica that was promoted"
	case outages.Switchover:
		if prof.PSYNC < 2 {
			return "a promoted replica of " + prof.Name + " has a replid of its own, and no second one"
		}
		return "the old master wrote what the promoted replica does not have"
	case outages.ReplicaRestart:
		switch {
		case !prof.RestartKeepsID:
			return "a replica of " + prof.Name + " that was restarted asks for everything"
		case r.AppendOnly:
			return "a replica that restarts with appendonly yes asks for everything: an AOF does not hold its replid and offset"
		}
		return "a replica that restarts and has saved nothing asks for everything"
	}
	return "the replica comes back to a master with another history (" + strings.ReplaceAll(reason, "-", " ") + ")"
}

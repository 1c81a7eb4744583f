package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"psyncsim/model"
	"psyncsim/results/risk"
	"psyncsim/scenarios/outages"
	"psyncsim/scenarios/sizing"
)

// refusesNothing is a backlog that no outage outgrows.
const refusesNothing = 1 << 40

// mostConfirmed is how many outages play the recommended size as itself: those
// after them differ from these by chance alone.
const mostConfirmed = 20_000

// answer simulates until everything is known.
func (j *sizeJob) answer() (err error) {
	if j.plan, err = sizing.New(j.spec); err != nil {
		return &exitError{exitUsage, j.inFlags(err)}
	}
	if err := j.writes(); err != nil {
		return &exitError{exitUsage, err}
	}
	j.a.Question.Rate = j.plan.Rate
	if err := j.firstSync(j.plan); err != nil {
		return err
	}
	n, counts, err := j.samples()
	if err != nil {
		return err
	}
	if drains, err := j.drains(); err != nil || !drains {
		return err
	}
	if err := j.fullSync(); err != nil {
		return err
	}
	d, err := j.worseKind(n)
	if err != nil {
		return err
	}
	if counts == nil && !j.x.IsSet("outages") && j.near(d) > nearSample/10 {
		n = min(n, max(usualHeirs, int(risk.Least(j.a.Question.Target, j.a.Question.Confidence)/4*5)))
	}
	c, err := j.curve(d, n, counts)
	if err == nil {
		err = j.recommend(&c)
	}
	if err != nil {
		return err
	}
	j.a.Curve, j.a.Outages, j.a.Simulated = c.Curve, c.outages, int64(n)
	j.a.CurveShown = c.Points(200)
	for i := range c.outages {
		if c.outages[i].Resyncs == 0 {
			j.a.Bridged++
		}
	}
	j.currentSize()
	j.rule(&c)
	if c.need == risk.Hopeless {
		j.a.Verdict = "no-size"
		if err := j.remaining(&c, c.played, risk.Hopeless-1); err != nil {
			return err
		}
		return j.afterwards(&c, 0)
	}
	size := max(risk.Round(c.need), model.MinBacklog)
	if now := j.inForce(); now >= c.need { // a smaller one saves little, and nobody asked for that
		size = now
	}
	if f := j.a.FullSync; f != nil && f.Beyond < size {
		size = max(risk.RoundDown(f.Beyond), model.MinBacklog)
		j.a.Traps = append(j.a.Traps, fmt.Sprintf("the target needs %s, but beyond %s a full sync is quicker than sending what was missed: no larger size is recommended", risk.Size(c.need), risk.Size(f.Beyond)))
	}
	if err := j.confirm(&c, size); err != nil {
		return err
	}
	return j.afterwards(&c, size)
}

// usual is the most that is played unless the target takes more.
const usual = 200_000

// usualHeirs is the same where a replica takes the master's place, and every write
// is played by itself, or where TCP segments decide.
const usualHeirs = 2_000

// samples is how many outages are played; with months, how many each has.
func (j *sizeJob) samples() (n int, counts []int, err error) {
	q := &j.a.Question
	want := risk.Enough(q.Target, q.Confidence)
	if given := j.x.Int("outages"); given > 0 {
		want = int64(given)
		if j.monthly > 0 && q.Per == "month" {
			want = max(int64(float64(given)/j.monthly), 1)
		}
	}
	if j.spec.Heir && !j.x.IsSet("outages") && want > usualHeirs { // each takes a hundred times as long
		want = max(usualHeirs, risk.Least(q.Target, q.Confidence)/4*5)
	}
	if !j.x.IsSet("outages") && want > usual { // fewer beyond the size than one would like
		want = max(usual, risk.Least(q.Target, q.Confidence)/4*5)
	}
	if least := risk.Least(q.Target, q.Confidence); want < least || least > mostOutages {
		return 0, nil, &risk.TooFew{N: min(want, mostOutages), Least: least, Target: q.Target, Confidence: q.Confidence}
	}
	n = int(min(want, mostOutages))
	if q.Per == "month" {
		counts = j.counts(n)
		n = 0
		for _, k := range counts {
			n += k
		}
		if n > mostOutages {
			return 0, nil, usage("--per month: %g outages a month and a target of %g %% take %d outages; at most %d are simulated", j.monthly, 100*q.Target, n, mostOutages)
		}
	}
	return n, counts, nil
}

// curve is what outages of one distribution need.
type curve struct {
	*risk.Curve
	dist    *outages.Distribution
	outages []risk.Outage
	played  []risk.Played
	counts  []int
	need    int64 // for the target, not rounded; risk.Hopeless if no size reaches it
}

func (j *sizeJob) sizer(d *outages.Distribution, what string, n int) (*sizer, func()) {
	s := &sizer{ctx: j.x.Context, plan: j.plan, dist: d, jobs: j.x.Int("jobs")}
	bar := j.bar(what, n)
	s.tick = func(n int) { bar.Add(n) }
	return s, func() { bar.Finish() }
}

// bar is a progress bar on a terminal, and nothing elsewhere.
func (j *sizeJob) bar(what string, n int) *progressbar.ProgressBar {
	f, ok := j.c.stderr.(*os.File)
	if !ok || j.x.Bool("quiet") || n < 2000 || !term.IsTerminal(int(f.Fd())) {
		return progressbar.DefaultSilent(int64(n))
	}
	return progressbar.NewOptions(n, progressbar.OptionSetWriter(f), progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("outages"),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionFullWidth())
}

// lifted are settings under which nothing but the replica's own history can
// make a resynchronization full.
func lifted(i int, s *model.Settings) {
	if i == 0 {
		s.BacklogSize, s.BacklogTTL, s.HardLimit, s.SoftLimit = refusesNothing, 0, 0, 0
	}
}

// curve plays outages with a backlog that refuses nothing.
func (j *sizeJob) curve(d *outages.Distribution, n int, counts []int) (c curve, err error) {
	s, done := j.sizer(d, d.String(), n)
	defer done()
	c.dist, c.counts = d, counts
	if c.played, err = s.all(n, lifted); err != nil {
		return c, err
	}
	c.outages = make([]risk.Outage, n)
	needs := make([]int64, n)
	for i := range c.played {
		p := &c.played[i]
		switch {
		case p.Fulls > 0:
			p.Need, p.Reason = risk.Hopeless, p.Why
		case !p.Settled:
			p.Need, p.Reason = risk.Hopeless, "never-caught-up"
		}
		c.outages[i], needs[i] = p.Outage, p.Need
	}
	if counts != nil {
		needs = risk.Months(needs, counts)
	}
	c.Curve = risk.NewCurve(needs, j.a.Question.Confidence)
	return c, nil
}

// recommend finds what the target needs.
func (j *sizeJob) recommend(c *curve) (err error) {
	var none *risk.NoSize
	if c.need, err = c.Recommend(j.a.Question.Target); errors.As(err, &none) {
		c.need, err = risk.Hopeless, nil
	}
	return err
}

// pilot is how many outages of each kind find out which is worse.
const pilot = 2000

// pilotNear is how many, where segments decide what they come to.
const pilotNear = 200

// silences tells how silent outages are played, and whether segments decide what
// some of them come to.
func (j *sizeJob) silences() (near bool) {
	for _, d := range j.dists {
		near = near || j.near(d) > 0
	}
	if near {
		timeout := j.plan.ReplicaSettings().Timeout
		j.assume("Linux's TCP: a silence that ends before repl-timeout (%v) costs nothing if a retransmission comes before it; their pauses double, so one of more than about half of it may be noticed all the same, and then needs what is written in %v and more. Those near it were played over TCP segments, with %s, and those that are noticed then last until they are, in their replay too; all others over links of formulas, where that makes no difference",
			timeout, timeout, "at least 1,000 writes a second of the load")
	}
	return near
}

// nearSample is of how many outages it is counted how many segments decide.
const nearSample = 1000

// near is how many of them segments decide.
func (j *sizeJob) near(d *outages.Distribution) (n int) {
	for i := range nearSample {
		if o := j.plan.Outage(d, i); j.plan.Near(&o) {
			n++
		}
	}
	return n
}

// processes tells what is played of processes that end.
func (j *sizeJob) processes() {
	shares := map[outages.Kind]int64{}
	for _, d := range j.dists {
		for k, n := range d.Shares() {
			shares[k] += n
		}
	}
	m, r := j.plan.Settings(), j.plan.ReplicaSettings()
	for _, x := range []struct {
		kind outages.Kind
		s    model.Settings
		who  string
	}{{outages.Restart, m, "the master"}, {outages.ReplicaRestart, r, "the replica"}} {
		if shares[x.kind] == 0 {
			continue
		}
		saves := "saves, as it has save points"
		if !x.s.SavePoints.Any() {
			saves = "saves nothing, as it has no save points"
		}
		j.assume("%s is told to end (SHUTDOWN, SIGTERM) and %s; no process runs for as long as the outage lasts, and then it loads what is on its disk", x.who, saves)
	}
	if shares[outages.Crash] > 0 {
		j.assume("a crash is kill -9: nothing is saved, and the master comes back with what its disk had")
	}
	switch {
	case shares[outages.Failover]+shares[outages.Switchover] == 0:
	case j.spec.Replicas == 1:
		j.assume("with one replica a failover is followed by the old master alone: whether it needs a full resync is what counts (--replicas 2: whether the other replica does)")
	case shares[outages.Failover] > 0:
		j.assume("after a failover it counts whether the other replicas need a full resync; the master that was killed does, when it comes back")
	}
}

// worseKind is the distribution of outages that counts: where nobody said what
// the ends of the connection are told of an outage, the one that needs more.
func (j *sizeJob) worseKind(n int) (*outages.Distribution, error) {
	near := j.silences()
	j.processes()
	if len(j.dists) == 1 {
		return j.dists[0], nil
	}
	best := 0
	for i, d := range j.dists {
		first := min(n, pilot)
		if near && i > 0 { // each costs as much as a hundred others
			first = min(n, pilotNear)
		}
		c, err := j.curve(d, first, nil)
		if err != nil {
			return nil, err
		}
		k := risk.Kind{Name: string(outages.Reset), N: int64(len(c.outages))}
		if i > 0 {
			k.Name = string(outages.Silent)
		}
		if k.Bytes, _ = c.Quantile(j.a.Question.Target); k.Bytes > 0 && i > 0 && k.Bytes > j.a.Kinds[best].Bytes {
			best = i
		}
		j.a.Kinds = append(j.a.Kinds, k)
	}
	j.assume("nobody said what the two ends are told of an outage: both reset and silent were simulated, and %s, which needs more, counts (--outage %s:%s)",
		j.a.Kinds[best].Name, j.a.Kinds[best].Name, j.x.String("outage"))
	return j.dists[best], nil
}

// currentSize is what the size in force comes to.
func (j *sizeJob) currentSize() {
	p := j.a.Curve.At(j.inForce())
	j.a.Current = &p
}

// inForce is the size that there is, or the version's default if nobody said it.
func (j *sizeJob) inForce() int64 {
	if j.current > 0 {
		return j.current
	}
	return j.plan.Settings().BacklogSize
}

// rule holds the rule of thumb against the curve.
func (j *sizeJob) rule(c *curve) {
	mean := c.dist.Mean()
	once := int64(mean.Seconds() * float64(j.plan.Rate))
	r := &risk.Rule{Seconds: mean.Seconds(), Rate: j.plan.Rate, Once: c.At(once), Twice: c.At(2 * once)}
	r.Explain(c.outages)
	j.a.Rule = r
}

// confirm plays a size as itself, under the user's own limits.
func (j *sizeJob) confirm(c *curve, size int64) error {
	n := min(len(c.outages), mostConfirmed)
	counts := c.counts
	if counts != nil { // whole months
		n, counts = 0, nil
		for _, k := range c.counts {
			if n+k > mostConfirmed && len(counts) > 0 {
				break
			}
			n, counts = n+k, append(counts, k)
		}
	}
	s, done := j.sizer(c.dist, "repl-backlog-size "+risk.ConfSize(size), n)
	defer done()
	played, err := s.all(n, editOf(size).change)
	if err != nil {
		return err
	}
	e, err := j.limits(s, c, played, size)
	if err != nil {
		return err
	}
	if e != editOf(size) { // with what is proposed beside it
		p := j.pointOf(size, played, counts)
		j.a.Alone = &p
		if played, err = s.all(n, e.change); err != nil {
			return err
		}
	}
	on, p := c.At(size), j.pointOf(size, played, counts)
	j.a.OnCurve, j.a.Recommended, j.better = &on, &p, e
	j.a.Confirmed = p.Hi >= j.a.Question.Target && p.Hi >= on.Lo
	j.again(c, size, played)
	j.worst(c, size)
	return nil
}

// again says what the outages that were played with the size as itself tell of those that were
// not: each is the same outage as on the curve, and may end as it does there or not.
func (j *sizeJob) again(c *curve, size int64, played []risk.Played) {
	if len(played) == len(c.outages) || c.counts != nil {
		return
	}
	a := &risk.Sampled{Of: int64(len(played))}
	for i := range played {
		if bad(&played[i]) != (c.outages[i].Need > size) {
			a.Differ++
		}
	}
	a.Most = 1 - risk.PointOf(size, a.Differ, a.Of, j.a.Question.Confidence).Lo
	j.a.Again = a
}

// pointOf is what played outages come to, or their months.
func (j *sizeJob) pointOf(size int64, played []risk.Played, counts []int) risk.Point {
	bad := make([]int64, len(played))
	for i := range played {
		if played[i].Fulls > 0 || !played[i].Settled {
			bad[i] = 1
		}
	}
	if counts != nil {
		bad = risk.Months(bad, counts)
	}
	full := int64(0)
	for _, b := range bad {
		full += b
	}
	return risk.PointOf(size, full, int64(len(bad)), j.a.Question.Confidence)
}

// worst is the outage with the greatest need that a size can meet, and how to
// see it.
func (j *sizeJob) worst(c *curve, size int64) {
	at := -1
	for i := range c.outages {
		if o := &c.outages[i]; o.Need != risk.Hopeless && (at < 0 || o.Need > c.outages[at].Need) {
			at = i
		}
	}
	if at < 0 || c.outages[at].Need == 0 {
		return
	}
	j.a.Worst = &c.outages[at]
	o := j.plan.Outage(c.dist, at)
	s := &sizer{ctx: j.x.Context, plan: j.plan, dist: c.dist}
	_, tail, err := s.player(editOf(size).change).play(&o)
	if err != nil {
		return
	}
	j.worstDraw, j.worstTail = o, tail
	args, ok := j.plan.Replay(&o, size, tail)
	if !ok {
		return
	}
	for i := range args {
		args[i] = shellWord(args[i])
	}
	j.a.Replay = "psyncsim " + strings.Join(args, " ")
}

// afterwards is what is said whether or not a size was found.
func (j *sizeJob) afterwards(c *curve, size int64) error {
	if j.a.Verdict == "" {
		j.a.Verdict = "set"
		if size > 0 && size == j.inForce() {
			j.a.Verdict = "keep"
		}
	}
	j.memoryOf(size)
	j.conf(size)
	if j.story != nil {
		if err := j.replayLogs(size); err != nil {
			return err
		}
	}
	if c != nil && !j.x.Bool("no-sensitivity") {
		return j.sensitivity(c)
	}
	return nil
}

// memoryOf is what a size costs.
func (j *sizeJob) memoryOf(size int64) {
	m := &j.a.Memory
	m.Backlog, m.More, m.Max, m.Replicas = size, size-j.a.Current.Bytes, j.memory, j.spec.Replicas
	m.OnReplicas = j.plan.Profile().ReplicaBacklog
	if j.memory > 0 {
		m.Share = float64(size) / float64(j.memory)
	}
}

// conf are the lines of redis.conf.
func (j *sizeJob) conf(size int64) {
	if size > 0 {
		j.a.Conf = append([]string{"repl-backlog-size " + risk.ConfSize(size)}, j.a.Conf...)
	}
}

package main

import (
	"errors"
	"fmt"
	"os"
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
		why := "the target needs " + risk.Size(c.need)
		if c.need <= f.Beyond {
			why = fmt.Sprintf("the %s in force are more than the %s that the target needs", risk.ConfSize(size), risk.Size(c.need))
		}
		size = max(risk.RoundDown(f.Beyond), model.MinBacklog)
		j.a.Traps = append(j.a.Traps, fmt.Sprintf("%s, but beyond %s a full sync is quicker than sending what was missed: no larger size is recommended", why, risk.Size(f.Beyond)))
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
	s := &sizer{ctx: j.x.Context, plan: j.plan, dist: d, jobs: j.x.Int("jobs"), probes: &j.probes}
	bar := j.bar(what, n)
	s.tick = func(n int) { bar.Add(n) }
	return s, func() { bar.Finish() }
}

// bar is a progress bar on a terminal, and nothing elsewhere.
func (j *sizeJob) bar(what string, n int) *progressbar.ProgressBar {
	f, ok := j.c.stderr.(*os.File)
	if !ok || j.x.Bool("quiet") || n < 2000 && j.dists[0].Mean() < 10*time.Minute || !term.IsTerminal(int(f.Fd())) {
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

// afterwards is what is said whether or not a size was found.
func (j *sizeJob) afterwards(c *curve, size int64) error {
	if j.a.Verdict == "" {
		j.a.Verdict = "set"
		if size > 0 && size == j.inForce() {
			j.a.Verdict = "keep"
		}
	}
	j.delay()
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
	if m.Share > 0.1 && m.More > 0 {
		j.a.Traps = append(j.a.Traps, fmt.Sprintf("a backlog of %s is %s %% of maxmemory: for so much of it keys are evicted, or writes refused", risk.ConfSize(size), risk.Percent(m.Share)))
	}
}

// conf are the lines of redis.conf.
func (j *sizeJob) conf(size int64) {
	if size > 0 {
		j.a.Conf = append([]string{"repl-backlog-size " + risk.ConfSize(size)}, j.a.Conf...)
	}
}

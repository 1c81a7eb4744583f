package main

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"time"

	"psyncsim/model"
	"psyncsim/scenarios/logs"
	"psyncsim/scenarios/outages"
	"psyncsim/sim"
)

// outages finds how long outages last and of which kind they are.
func (j *sizeJob) outages() error {
	text := j.x.String("outage")
	switch {
	case text != "" && j.story != nil:
		return fmt.Errorf("--outage %s: the logs say how long outages were; give one of them", text)
	case j.story != nil:
		return j.outagesOfLog()
	case text == "":
		return fmt.Errorf("how long do outages last? give --outage 30s, --outage p50=2s,p99=45s, or logs: --log master.log --log replica.log (psyncsim outages lists the ways)")
	}
	d, err := outages.Parse(text, outages.Reset)
	if err != nil {
		return fmt.Errorf("--outage %w", err)
	}
	j.dists = []*outages.Distribution{d}
	silent, err := outages.Parse(text, outages.Silent)
	if err == nil && silent.Shares()[outages.Silent] != d.Shares()[outages.Silent] {
		// Nobody said what the ends of the connection are told.
		j.dists = append(j.dists, silent)
	}
	j.spec.Heir = d.Heir()
	j.a.Question.Outage = d.Summary()
	if len(j.dists) > 1 {
		j.a.Question.Outage = text
	}
	return j.shorterThanSamples(max(d.Min(), d.Quantile(1e7).Round(time.Millisecond)))
}

func (j *sizeJob) shorterThanSamples(least time.Duration) error {
	if j.set != nil {
		if t, ok := j.set.CheckOutage(least); ok {
			j.a.Traps = append(j.a.Traps, t.Text)
		}
	}
	return nil
}

// outagesOfLog takes the outages that there were, each as likely as the others.
func (j *sizeJob) outagesOfLog() error {
	var all []outages.Outage
	timeout := time.Duration(0)
	for _, d := range append(slices.Clone(j.spec.Replica), j.spec.Master...) {
		if d.Name == "repl-timeout" && timeout == 0 {
			fmt.Sscan(d.Value, &timeout)
			timeout *= time.Second
		}
	}
	for i := range j.story.Resyncs {
		if o, ok := j.outageOfLog(&j.story.Resyncs[i], timeout); ok {
			all = append(all, o)
		}
	}
	if n := j.silentEnds(); n > 0 {
		j.a.Traps = append(j.a.Traps, fmt.Sprintf("%d processes of replicas ended without a word, and no log of their master says when: they are taken to have ended with their last line", n))
	}
	if j.unseen > 0 {
		j.a.Traps = append(j.a.Traps, fmt.Sprintf("%d of %d reconnects met a master with another history, and no log says how its process ended: they are taken for outages of kind %s", j.unseen, len(all), j.unseenAs()))
	}
	if len(all) == 0 {
		return fmt.Errorf("the logs tell of no outage: no replica lost its link and came back; give --outage")
	}
	d, err := outages.List("the logs", all)
	if err != nil {
		return err
	}
	j.dists = []*outages.Distribution{d}
	if j.spec.Heir = d.Heir(); j.spec.Heir && !j.x.IsSet("replicas") && slices.ContainsFunc(j.story.Resyncs, func(r logs.Resync) bool { return r.Heir != "" && !r.OldMaster }) {
		j.spec.Replicas = max(j.spec.Replicas, 2) // one takes the master's place, another follows it
	}
	j.a.Question.Outage = fmt.Sprintf("%d outages in the logs: %s", len(all), d.Summary())
	if span := j.story.To.Sub(j.story.From); span > 0 {
		j.monthly = min(float64(len(all))*float64(month)/float64(span), 1000)
	}
	if float64(len(all))*(1-j.a.Question.Target) < 1 {
		j.a.Traps = append(j.a.Traps, fmt.Sprintf("the logs hold %d outages: what %g %% of outages are like, they cannot show; the size is for outages like these, and no longer ones", len(all), 100*j.a.Question.Target))
	}
	return j.shorterThanSamples(max(d.Min(), d.Quantile(1e7).Round(time.Millisecond)))
}

// outageOfLog is what happened before a reconnect; false is that it says nothing about outages.
func (j *sizeJob) outageOfLog(r *logs.Resync, timeout time.Duration) (outages.Outage, bool) {
	if r.Lost.IsZero() || r.LostWhy == logs.LostOrder {
		return outages.Outage{}, false
	}
	from, until, kind := r.Cut(timeout)
	o := outages.Outage{For: until.Sub(from), Kind: outages.Kind(kind)}
	switch r.LostWhy {
	case logs.LostRestart:
		o = outages.Outage{For: r.Away(), Kind: outages.ReplicaRestart}
	case logs.LostMasterRestart:
		o = outages.Outage{For: r.Away(), Kind: outages.Restart}
	case logs.LostMasterCrash:
		o = outages.Outage{For: r.Away(), Kind: outages.Crash}
	case logs.LostFailover, logs.LostSwitchover:
		o = outages.Outage{For: r.Away(), Kind: outages.Failover}
		if r.LostWhy == logs.LostSwitchover {
			o.Kind = outages.Switchover
		}
		if r.OldMaster && j.followed(r) { // it counts whether those need a full one
			return o, false
		}
	case logs.LostClosed:
		if r.Full && r.Reason == logs.IDMismatch {
			o.Kind = j.unseenAs()
			j.unseen++
		}
	}
	o.For = max(o.For, time.Millisecond)
	return o, true
}

// silentEnds is how many restarts of replicas are known by the last word before them alone.
func (j *sizeJob) silentEnds() (n int) {
	for i := range j.story.Resyncs {
		if r := &j.story.Resyncs[i]; r.LostWhy == logs.LostRestart && !r.Exited {
			n++
		}
	}
	return n
}

// followed says whether another replica took part in the failover of an old master.
func (j *sizeJob) followed(old *logs.Resync) bool {
	return slices.ContainsFunc(j.story.Resyncs, func(r logs.Resync) bool {
		return !r.OldMaster && r.Heir == old.Heir && r.Promoted.Equal(old.Promoted)
	})
}

// unseenAs is what is made of a master that came back with another history, if no log says how
// its process ended: killed, if one that is told to end would have kept it.
func (j *sizeJob) unseenAs() outages.Kind {
	if p, _ := model.LookupProfile(j.spec.Profile); p != nil && p.MasterRestart {
		return outages.Crash
	}
	return outages.Restart
}

const month = 30 * 24 * time.Hour

// counts draws how many outages each of so many months has: a Poisson number,
// by whole numbers.
func (j *sizeJob) counts(months int) []int {
	out := make([]int, months)
	// The mean in parts of at most 20: the chance of none in a part, in 2^-53.
	parts := int(math.Ceil(j.monthly / 20))
	const billions = 1_000_000_000_000
	hi, lo := bits.Mul64(uint64(math.Round(math.Exp(-j.monthly/float64(parts))*billions)), 1<<53)
	none, _ := bits.Div64(hi, lo, billions)
	for i := range out {
		at := uint64(0)
		for range parts {
			for left := uint64(1) << 53; ; {
				at++
				if left, _ = bits.Mul64(left, sim.Draw(j.a.Question.Seed, streamMonths, uint64(i), at)); left < none {
					break
				}
				out[i]++
			}
		}
	}
	return out
}

// streamMonths is the stream of chance of how many outages months have.
const streamMonths = 66 << 32

// point is a sample of a log as one of a load.
func point(first, s logs.Sample) sim.TracePoint {
	return sim.TracePoint{At: s.At.Sub(first.At), Bytes: s.Offset - first.Offset}
}

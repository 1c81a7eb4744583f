package main

import (
	"psyncsim/model"
	"psyncsim/results/risk"
	"psyncsim/scenarios/outages"
)

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

package main

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// The plan of the calibration: what is asked in case number n, fixed before any was played.
//
// A case draws its version (those that know PSYNC), rate, values, arrivals, link and
// target (80 to 99 %, more of the low ones) anew, and its outages in one of the ways that size accepts. Each is given
// as many outages as put 20 beyond its target; size by itself would take 200.
//
// The first plan were the cases 0 to 249. A second one adds those from 250 to 329: all of their outages last any
// time, none are lists, and targets are 80 to 95 %. It was written when the first was known: both are judged together.

// question is one case.
type question struct {
	args    []string
	sort    string // how its outages are stated
	list    bool   // some of them last one of a few times
	outages int
}

// beyondTarget is how many outages a target leaves over.
const beyondTarget = 20

// secondPlan is the first case of the second plan, plannedCases the number of all.
const (
	secondPlan   = 250
	plannedCases = 330
)

// waysFirst and waysSecond are how outages are stated in either plan; the last is a mixture of two others.
var (
	waysFirst  = []string{"list", "quantiles", "preset", "distribution", "mixture"}
	waysSecond = []string{"quantiles", "preset", "distribution", "mixture"}
)

// maker draws the parts of one case.
type maker struct {
	*rand.Rand
	oldest bool // a version before 4.0: a replica that is restarted asks for everything, and no size helps
}

func (r *maker) pick(of ...string) string     { return of[r.IntN(len(of))] }
func (r *maker) num(lo, hi float64) float64   { return lo + float64((hi-lo)*r.Float64()) }
func (r *maker) scale(lo, hi float64) float64 { return lo * math.Pow(hi/lo, r.Float64()) }

// calibrationCase is case number n.
func calibrationCase(n int) question {
	r := &maker{Rand: rand.New(rand.NewPCG(2026, uint64(n)))}
	var q question
	add := func(s ...string) { q.args = append(q.args, s...) }
	version := r.pick("redis-2.8", "redis-3.2", "redis-4.0", "redis-5.0", "redis-6.2", "redis-7.0", "redis-7.2", "redis-7.4", "valkey-8.0")
	r.oldest = version == "redis-2.8" || version == "redis-3.2"
	rate := r.scale(0.1, 30)
	add("--version", version, "--rate", fmt.Sprintf("%.3fMB/s", rate), "--value", fmt.Sprint(50+r.IntN(4000)))
	switch r.IntN(3) {
	case 0:
		add("--arrivals", "poisson")
	case 1:
		add("--arrivals", fmt.Sprintf("{bursts: {on: %.2fs, off: %.2fs, rate: %.3fMB/s}}", r.scale(0.2, 20), r.scale(0.5, 60), rate*r.num(1.5, 6)))
	}
	ways, targets := waysFirst, 20
	if n >= secondPlan {
		ways, targets = waysSecond, 16
	}
	q.sort = r.pick(ways...)
	text := ""
	if q.sort == "mixture" {
		share := 10 + 5*r.IntN(17)
		single := ways[:len(ways)-1]
		a, listA := r.outages(r.pick(single...))
		b, listB := r.outages(r.pick(single...))
		text, q.list = fmt.Sprintf("%d%% %s + %d%% %s", share, a, 100-share, b), listA || listB
	} else {
		text, q.list = r.outages(q.sort)
	}
	add("--outage", text)
	if r.IntN(2) == 0 {
		add("--conf", "testdata/timeout-5.conf")
	}
	add("--bandwidth", r.pick("1gbit/s", "10gbit/s", "500mbit/s"), "--latency", r.pick("100us", "1ms", "20ms"))
	target := 80 + r.IntN(targets)
	if other := 80 + r.IntN(targets); r.IntN(4) > 0 { // targets near 100 % take the most outages
		target = min(target, other)
	}
	q.outages = (100*beyondTarget + 99 - target) / (100 - target)
	add("--target", fmt.Sprintf("%d%%", target), "--seed", fmt.Sprint(1+r.IntN(1_000_000)))
	return q
}

// outages states some in one way.
func (r *maker) outages(sort string) (text string, list bool) {
	if sort == "preset" {
		// Without zone-cut: its hours take 20 times as long to play as all else.
		names := []string{"proxy-restart", "switch-flap", "vpn", "live-migration", "pod-restart"}
		if r.oldest {
			names = names[:4]
		}
		return r.pick(names...), false
	}
	kinds := []string{"reset", "silent", "replica-restart"}
	if r.oldest {
		kinds = kinds[:2]
	}
	kind := r.pick(kinds...)
	m := r.scale(0.2, 8) // seconds, about the median
	if kind == "silent" {
		m = r.scale(1, 60)
	}
	switch sort {
	case "list":
		text := fmt.Sprintf("%.2fs", m)
		for range 2 + r.IntN(30) {
			text += fmt.Sprintf(",%.2fs", m*r.scale(0.2, 5))
		}
		return kind + ":" + text, true
	case "quantiles":
		switch r.IntN(3) {
		case 0:
			return fmt.Sprintf("%s:p50=%.2fs,p99=%.2fs", kind, m, m*r.num(2, 8)), false
		case 1:
			return fmt.Sprintf("%s:min=%.2fs,max=%.2fs", kind, m/2, m*r.num(2, 4)), false
		}
		return fmt.Sprintf("%s:p10=%.2fs,p50=%.2fs,p95=%.2fs", kind, m/4, m, m*r.num(1.5, 4)), false
	}
	return kind + ":" + r.distribution(m), false
}

// distribution is one of gonum's about m seconds.
func (r *maker) distribution(m float64) string {
	switch r.IntN(8) {
	case 0:
		return fmt.Sprintf("lognormal(median=%.2fs,sigma=%.2f)", m, r.num(0.3, 1.2))
	case 1:
		return fmt.Sprintf("exponential(mean=%.2fs)", m)
	case 2:
		return fmt.Sprintf("weibull(k=%.2f,lambda=%.2fs)", r.num(0.7, 3), m)
	case 3:
		return fmt.Sprintf("pareto(xm=%.2fs,alpha=%.2f)", m/2, r.num(1.5, 4))
	case 4:
		return fmt.Sprintf("uniform(min=%.2fs,max=%.2fs)", m/4, 2*m)
	case 5:
		return fmt.Sprintf("gamma(alpha=%.2f,beta=%.3f)", 2*r.num(0.5, 2), 2/m)
	case 6:
		return fmt.Sprintf("triangle(min=%.2fs,mode=%.2fs,max=%.2fs)", m/4, m, 3*m)
	}
	return fmt.Sprintf("normal(mean=%.2fs,sd=%.2fs)", m, m*r.num(0.1, 0.5))
}

package outages

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/stat/distuv"

	"psyncsim/scenarios"
)

// shape is a distribution of gonum's under its name.
type shape struct {
	name    string
	example string
	make    func(a *arguments) (quantiler, error)
}

type quantiler interface{ Quantile(p float64) float64 }

// shapes are the distributions that are known. Parameters have gonum's names,
// and those that people know from elsewhere.
var shapes = []shape{
	{"lognormal", "lognormal(median=5s,sigma=1.2)", func(a *arguments) (quantiler, error) {
		mu, ok := a.number("mu", anyNumber)
		if !ok {
			mu = math.Log(a.need(a.time("median")))
		}
		return distuv.LogNormal{Mu: mu, Sigma: a.need(a.number("sigma", above0))}, nil
	}},
	{"exponential", "exponential(mean=10s)", func(a *arguments) (quantiler, error) {
		rate, ok := a.number("rate", above0)
		if !ok {
			rate = 1 / a.need(a.time("mean"))
		}
		return distuv.Exponential{Rate: rate}, nil
	}},
	{"weibull", "weibull(k=0.7,lambda=10s)", func(a *arguments) (quantiler, error) {
		return distuv.Weibull{K: a.need(a.number("k|shape", above0)), Lambda: a.need(a.time("lambda|scale"))}, nil
	}},
	{"pareto", "pareto(xm=1s,alpha=1.5)", func(a *arguments) (quantiler, error) {
		xm, alpha := a.need(a.time("xm|min")), a.need(a.number("alpha|shape", above0))
		return function(func(p float64) float64 { return xm * math.Pow(1-p, -1/alpha) }), nil // distuv.Pareto has none
	}},
	{"uniform", "uniform(min=1s,max=60s)", func(a *arguments) (quantiler, error) {
		u := distuv.Uniform{Min: a.need(a.time("min")), Max: a.need(a.time("max"))}
		if u.Max < u.Min {
			return nil, errors.New("max is less than min")
		}
		return u, nil
	}},
	{"gamma", "gamma(alpha=2,beta=0.2)", func(a *arguments) (quantiler, error) {
		alpha := a.need(a.number("alpha|shape|k", above0))
		beta, ok := a.number("beta|rate", above0)
		if !ok {
			beta = 1 / a.need(a.time("scale|theta"))
		}
		return distuv.Gamma{Alpha: alpha, Beta: beta}, nil
	}},
	{"triangle", "triangle(min=1s,mode=5s,max=60s)", func(a *arguments) (quantiler, error) {
		lo, mode, hi := a.need(a.time("min|a")), a.need(a.time("mode|c")), a.need(a.time("max|b"))
		if a.missing == nil && !(lo <= mode && mode <= hi && lo < hi) {
			return nil, errors.New("expected min ≤ mode ≤ max and min < max")
		} else if a.missing != nil {
			return nil, nil
		}
		return distuv.NewTriangle(lo, hi, mode, nil), nil
	}},
	{"normal", "normal(mean=30s,sd=5s)", func(a *arguments) (quantiler, error) {
		n := distuv.Normal{Mu: a.need(a.time("mean|mu")), Sigma: a.need(a.time("sd|sigma"))}
		cut := n.CDF(0) // what would be below nothing is left out
		return function(func(p float64) float64 { return n.Quantile(cut + float64((1-cut)*p)) }), nil
	}},
}

func distributionNames() (all []string) {
	for _, s := range shapes {
		all = append(all, s.example)
	}
	return all
}

// Distributions are examples of all named distributions, each with all its
// parameters.
func Distributions() []string { return distributionNames() }

// function is a quantile function.
type function func(p float64) float64

func (f function) Quantile(p float64) float64 { return f(p) }

// distribution reads NAME(PARAMETER=VALUE,...).
func distribution(w piece) (t *table, err error) {
	name, rest, ok := strings.Cut(strings.TrimSuffix(w.text, ")"), "(")
	if !ok {
		return nil, w.fail("the ( is missing")
	}
	word := strings.ToLower(strings.TrimSpace(name))
	i := slices.IndexFunc(shapes, func(s shape) bool { return s.name == word })
	if i < 0 {
		return nil, piece{name, w.at}.fail("no distribution that is known; expected one of %s", strings.Join(distributionNames(), ", "))
	}
	a := &arguments{values: map[string]piece{}, used: map[string]bool{}}
	if err := a.read(piece{rest, w.at + len(name) + 1}); err != nil {
		return nil, err
	}
	defer func() { // distuv panics where a parameter is out of range
		if r := recover(); r != nil {
			t, err = nil, w.fail("%v; expected such as %s", r, shapes[i].example)
		}
	}()
	q, err := shapes[i].make(a)
	if a.bad != nil {
		return nil, a.bad
	}
	if err := a.unused(shapes[i].example); err != nil {
		return nil, err
	}
	if a.missing != nil {
		return nil, w.fail("%w; expected such as %s", a.missing, shapes[i].example)
	}
	if err == nil {
		t, err = newTable(q.Quantile)
	}
	if err != nil {
		return nil, w.fail("%w", err)
	}
	return t, nil
}

// arguments are the parameters as they were stated, in the order of stating.
type arguments struct {
	values  map[string]piece
	names   []piece
	used    map[string]bool
	missing error
	bad     error // the first that cannot be read
	asked   string
}

func (a *arguments) read(w piece) error {
	if strings.TrimSpace(w.text) == "" {
		return nil
	}
	for _, one := range split(w.text, ",", w.at) {
		name, value, ok := strings.Cut(one.text, "=")
		if !ok {
			return one.fail("not a parameter; expected NAME=VALUE")
		}
		n := piece{strings.TrimSpace(name), one.at}
		key := strings.ToLower(n.text)
		if _, twice := a.values[key]; twice {
			return n.fail("stated twice")
		}
		a.names = append(a.names, n)
		a.values[key] = piece{value, one.at + len(name) + 1}.trim()
	}
	return nil
}

// find looks for a parameter under any of its names.
func (a *arguments) find(names string) (w piece, ok bool) {
	a.asked = strings.ReplaceAll(names, "|", " or ")
	for _, n := range strings.Split(names, "|") {
		if w, ok = a.values[n]; ok {
			a.used[n] = true
			return w, true
		}
	}
	return w, false
}

func above0(v float64) bool    { return v > 0 }
func anyNumber(v float64) bool { return true }

// number is a plain number.
func (a *arguments) number(names string, good func(float64) bool) (float64, bool) {
	w, ok := a.find(names)
	if !ok {
		return 0, false
	}
	v, err := strconv.ParseFloat(w.text, 64)
	if err != nil || math.Abs(v) > 1e9 || v != 0 && math.Abs(v) < 1e-9 || !good(v) {
		a.fail(w.fail("not a number that makes sense here; expected one above 0, at most 1e9 (mu may be less)"))
	}
	return v, true
}

// time is a duration, or a plain number of seconds.
func (a *arguments) time(names string) (float64, bool) {
	w, ok := a.find(names)
	if !ok {
		return 0, false
	}
	if v, err := strconv.ParseFloat(w.text, 64); err == nil {
		if !(v >= 0) || v > maxDuration.Seconds() {
			a.fail(w.fail("out of range; expected seconds from 0 to %g, or a duration such as 5s", maxDuration.Seconds()))
		}
		return v, true
	}
	t, err := scenarios.ParseDuration(w.text)
	if err != nil {
		a.fail(fmt.Errorf("at character %d: %w", w.at+1, err))
	}
	return t.Seconds(), true
}

func (a *arguments) fail(err error) {
	if a.bad == nil {
		a.bad = err
	}
}

// need notes that a parameter which was asked for last is not there.
func (a *arguments) need(v float64, ok bool) float64 {
	if !ok && a.missing == nil {
		a.missing = fmt.Errorf("%s is missing", a.asked)
	}
	return v
}

// unused finds a parameter that nobody asked for.
func (a *arguments) unused(example string) error {
	for _, n := range a.names {
		if !a.used[strings.ToLower(n.text)] {
			return n.fail("no parameter of this distribution, or one too many; expected such as %s", example)
		}
	}
	return nil
}

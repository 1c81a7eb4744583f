package plots

import (
	"sort"

	"psyncsim/results"
)

// last is the newest of some moments at or before t, nil without one.
func last(ms []*results.Moment, t int64) *results.Moment {
	n := sort.Search(len(ms), func(i int) bool { return ms[i].T > t })
	if n == 0 {
		return nil
	}
	return ms[n-1]
}

// above is where the master stood then whose stream a server took: the one at
// the top of those that it was served by last. Nil without one.
func (r *runView) above(server string, t int64) *results.Moment {
	for range len(r.samples) {
		v := last(r.joins[server], t)
		if v == nil {
			return nil
		}
		server = v.Peer
		if m := last(r.samples[server], t); m == nil || m.Master {
			return m
		}
	}
	return nil // they follow each other in a ring
}

// lags pairs a replica's samples with what its master had written then: the one
// that it had then, which after a failover is another.
func (r *runView) lags(server string, f func(t, lag int64)) {
	r.inside(server, func(m *results.Moment) {
		if m.Master {
			return
		}
		top := r.above(server, m.T)
		if top == nil {
			top = last(r.samples[r.current(m.T)], m.T)
		}
		if top != nil {
			f(m.T, max(0, top.Offset-m.Offset))
		}
	})
}

// current is the master at an instant: of several the one that became it last.
func (r *runView) current(t int64) string {
	name, since := r.master, int64(-1)
	for _, s := range append([]string{r.master}, r.replicas...) {
		ms := r.samples[s]
		n := sort.Search(len(ms), func(i int) bool { return ms[i].T > t })
		if n == 0 || !ms[n-1].Master {
			continue
		}
		for n > 0 && ms[n-1].Master {
			n--
		}
		if from := ms[n].T; from > since {
			name, since = s, from
		}
	}
	return name
}

// masters calls f for the samples that are shown of the server that was the
// master then.
func (r *runView) masters(f func(m *results.Moment)) {
	r.inside(r.master, func(m *results.Moment) {
		if x := last(r.samples[r.current(m.T)], m.T); x != nil {
			f(x)
		}
	})
}

// firsts are the first synchronizations: nothing was missed there. The first
// one of a server that was the master of others is none.
func (r *runView) firsts() map[*results.Moment]bool {
	first, seen := make(map[*results.Moment]bool), make(map[string]bool)
	for i := range r.k.Timeline.Moments {
		switch m := &r.k.Timeline.Moments[i]; m.What {
		case results.MomentVerdict:
			first[m] = !seen[m.Server]
			seen[m.Server], seen[m.Peer] = true, true
		}
	}
	return first
}

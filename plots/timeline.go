package plots

import (
	"image/color"
	"math"
	"slices"
	"strings"

	"psyncsim/results"
)

// Timeline draws one run over time: how far master and replicas are in the
// stream and what the backlog holds; how far behind the replicas are against
// how far back the backlog reaches; links and verdicts.
func Timeline(dir string, k *results.Kept) ([]string, error) {
	if k.Timeline == nil {
		return nil, nil
	}
	r := newRunView(k)
	if r == nil {
		return nil, nil
	}
	return r.figure().save(dir, "timeline")
}

// runView is a run ready to be drawn.
type runView struct {
	k        *results.Kept
	t0, t1   int64 // the part of the run that is shown
	master   string
	replicas []string
	samples  map[string][]*results.Moment // by server, all at the same instants
	joins    map[string][]*results.Moment // verdicts on a server's requests, all of the run
	bars     []bar
	verdicts []*results.Moment
	downs    []span // of links, for the background
}

// bar is a row of the strip: a name and what was when.
type bar struct {
	name  string
	spans []span
}

type span struct {
	from, to int64
	what     string
}

// maxReplicas is how many lines can be told apart.
const maxReplicas = 5

func newRunView(k *results.Kept) *runView {
	t := k.Timeline
	r := &runView{k: k, samples: make(map[string][]*results.Moment), joins: make(map[string][]*results.Moment)}
	servers, isMaster := t.Servers()
	for _, s := range servers {
		if isMaster[s] && r.master == "" {
			r.master = s
		} else {
			r.replicas = append(r.replicas, s)
		}
	}
	if r.master == "" {
		return nil
	}
	first := r.firsts()
	r.choose(t, first)
	r.window(t, first)
	for i := range t.Moments {
		m := &t.Moments[i]
		if m.What == results.MomentSample {
			r.samples[m.Server] = append(r.samples[m.Server], m)
		}
		if m.What == results.MomentVerdict {
			r.joins[m.Server] = append(r.joins[m.Server], m)
		}
		if m.What == results.MomentVerdict && m.T >= r.t0 && m.T <= r.t1 {
			r.verdicts = append(r.verdicts, m)
		}
	}
	r.spans(t)
	return r
}

// choose keeps as many replicas as can be told apart: those that lost their
// master or were judged again before the others.
func (r *runView) choose(t *results.Timeline, first map[*results.Moment]bool) {
	if len(r.replicas) <= maxReplicas {
		return
	}
	trouble := make(map[string]bool)
	for i := range t.Moments {
		if m := &t.Moments[i]; m.What == results.MomentLost || m.What == results.MomentVerdict && !first[m] {
			trouble[m.Server] = true
		}
	}
	slices.SortStableFunc(r.replicas, func(a, b string) int {
		switch {
		case trouble[a] == trouble[b]:
			return 0
		case trouble[a]:
			return -1
		}
		return 1
	})
	r.replicas = r.replicas[:maxReplicas]
}

// window chooses what is shown: from before the first trouble until after the
// last verdict; all of a run without trouble.
func (r *runView) window(t *results.Timeline, first map[*results.Moment]bool) {
	var end int64
	from, to := int64(math.MaxInt64), int64(-1)
	for i := range t.Moments {
		m := &t.Moments[i]
		end = max(end, m.T)
		switch m.What {
		case results.MomentSample, results.MomentEnd:
			continue
		case results.MomentOnline, results.MomentStarted:
			if to < 0 {
				continue // the beginning
			}
		case results.MomentVerdict:
			if first[m] {
				continue
			}
		}
		from, to = min(from, m.T), max(to, m.T)
	}
	r.t0, r.t1 = 0, end
	if to >= 0 {
		pad := max((to-from)*35/100, 500e6)
		r.t0, r.t1 = max(0, from-pad), min(end, to+pad)
	}
	if r.t1 <= r.t0 {
		r.t1 = r.t0 + 1e9
	}
}

// What a link or a server can be.
const (
	isUp     = "up"
	isReset  = "reset"
	isSilent = "silent"
	isSynced = "in sync"
	isFull   = "full sync"
	isAlone  = "no master"
	isRaised = "master"
	isKilled = "not running"
	isPaused = "frozen"
)

var spanColors = map[string]color.NRGBA{
	isUp: fade(green, 150), isReset: vermilion, isSilent: orange, isSynced: fade(blue, 150), isAlone: shade(215),
	isFull: fade(yellow, 150), isRaised: fade(green, 150),
	isKilled: shade(90), isPaused: purple,
}

// spans follows the state of every link, and of every server, through the run.
func (r *runView) spans(t *results.Timeline) {
	index := make(map[string]int)
	set := func(name, initial string, at int64, what string) {
		i, ok := index[name]
		if !ok {
			i = len(r.bars)
			index[name] = i
			r.bars = append(r.bars, bar{name, []span{{0, at, initial}}})
		}
		b := &r.bars[i]
		last := &b.spans[len(b.spans)-1]
		if last.what == what {
			return
		}
		last.to = at
		b.spans = append(b.spans, span{at, at, what})
	}
	// Links stand first, then replicas in their order.
	for i := range t.Moments {
		m := &t.Moments[i]
		link := "link " + strings.Replace(m.Peer, "-", " – ", 1)
		switch m.What {
		case results.MomentCut:
			set(link, isUp, m.T, isReset)
		case results.MomentSilent:
			set(link, isUp, m.T, isSilent)
		case results.MomentHeal:
			set(link, isUp, m.T, isUp)
		}
	}
	links := len(r.bars)
	for _, s := range r.replicas {
		set(s, isAlone, 0, isAlone)
	}
	for i := range t.Moments {
		m := &t.Moments[i]
		if _, shown := index[m.Server]; !shown && m.What != results.MomentKilled && m.What != results.MomentPaused {
			continue
		}
		switch m.What {
		case results.MomentSample: // a replica that was promoted, and back
			b := r.bars[index[m.Server]].spans
			switch last := b[len(b)-1].what; {
			case m.Master && m.Server != r.master && (last == isAlone || last == isSynced || last == isFull):
				set(m.Server, isAlone, m.T, isRaised)
			case !m.Master && last == isRaised:
				set(m.Server, isAlone, m.T, isAlone)
			}
		case results.MomentVerdict:
			if m.Kind == results.Full && m.Server != r.master {
				set(m.Server, isAlone, m.T, isFull)
			}
		case results.MomentOnline:
			set(m.Server, isAlone, m.T, isSynced)
		case results.MomentLost:
			set(m.Server, isAlone, m.T, isAlone)
		case results.MomentKilled:
			set(m.Server, isUp, m.T, isKilled)
		case results.MomentPaused:
			set(m.Server, isUp, m.T, isPaused)
		case results.MomentStarted, results.MomentResumed:
			b := r.bars[index[m.Server]].spans
			switch last := b[len(b)-1]; {
			case m.What == results.MomentResumed && last.what == isPaused && len(b) > 1:
				set(m.Server, isUp, m.T, b[len(b)-2].what)
			case last.what == isKilled && m.Server == r.master:
				set(m.Server, isUp, m.T, isUp)
			case last.what == isKilled:
				set(m.Server, isUp, m.T, isAlone)
			}
		}
	}
	for i := range r.bars {
		b := &r.bars[i]
		b.spans[len(b.spans)-1].to = r.t1
		for _, s := range b.spans {
			if i < links && s.what != isUp {
				r.downs = append(r.downs, s)
			}
		}
	}
}

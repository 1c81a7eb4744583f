package logs

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"psyncsim/model"
)

// Sample is a master's offset at one time.
type Sample struct {
	At     time.Time
	Offset int64
}

// Load is what is known of the master's writes: the offsets in the logs, in
// their order, of the history that most of them belong to.
func (s *Story) Load() []Sample {
	count := map[string]int{}
	best := ""
	for _, p := range s.points {
		if count[p.id]++; p.id != "" && (best == "" || count[p.id] > count[best]) {
			best = p.id
		}
	}
	var all []Sample
	for _, p := range s.points {
		if p.id != "" && p.id != best {
			continue
		}
		if n := len(all); n > 0 {
			last := &all[n-1]
			if p.offset < last.Offset {
				continue // it was known later than it was true
			}
			if p.at.Sub(last.At) < time.Millisecond {
				last.Offset = p.offset
				continue
			}
		}
		all = append(all, Sample{p.at, p.offset})
	}
	return all
}

// LoadCSV writes samples as a capture that a scenario's arrivals can name.
func LoadCSV(load []Sample) []byte {
	b := []byte("unix_ms,master_repl_offset\n")
	for _, s := range load {
		b = strconv.AppendInt(b, s.At.UnixMilli(), 10)
		b = strconv.AppendInt(append(b, ','), s.Offset, 10)
		b = append(b, '\n')
	}
	return b
}

// Replay is what a scenario of the story needs besides the logs.
type Replay struct {
	Load    []Sample // at least two
	File    string   // the name of the capture that holds them
	Backlog int64    // the master's repl-backlog-size, bytes; 0 is unknown
	Timeout time.Duration
	Ping    time.Duration
}

// Scenario writes the story as a scenario: the load as it was known, the losses
// of links as faults, and what the servers did as observations to compare with.
// Notes say what could not be taken over.
func (s *Story) Scenario(r Replay) (text []byte, notes []string, err error) {
	if len(r.Load) < 2 {
		return nil, nil, errors.New("the logs name fewer than two offsets: a replay needs to know what was written; give the samples of INFO")
	}
	w := &writer{s: s, r: r, begin: r.Load[0].At, end: r.Load[len(r.Load)-1].At}
	w.replicas = w.called()
	w.zero = w.begin.Add(-w.lead())
	w.head()
	w.servers()
	w.faults()
	w.observed()
	return []byte(w.b.String()), w.notes, nil
}

type writer struct {
	s        *Story
	r        Replay
	zero     time.Time // virtual time 0
	begin    time.Time // of the load
	end      time.Time
	b        strings.Builder
	notes    []string
	replicas []string          // by their names in the logs
	names    map[string]string // in the scenario, by those
}

func (w *writer) line(format string, a ...any) { fmt.Fprintf(&w.b, format+"\n", a...) }
func (w *writer) note(format string, a ...any) { w.notes = append(w.notes, fmt.Sprintf(format, a...)) }

func (w *writer) at(t time.Time) string { return t.Sub(w.zero).Round(time.Microsecond).String() }

// inside are the resynchronizations that the load covers, of links that were
// lost before.
func (w *writer) inside() []*Resync {
	var all []*Resync
	for i := range w.s.Resyncs {
		r := &w.s.Resyncs[i]
		if w.names[r.Replica] == "" || r.Lost.IsZero() {
			continue
		}
		if r.Lost.Before(w.begin) || !r.Judged.Before(w.end) {
			w.note("the reconnect at %s lies outside of what is known of the load", r.Judged.Format(time.TimeOnly))
			continue
		}
		all = append(all, r)
	}
	return all
}

// lead is how long before the load the servers start: the first synchronization, which
// may wait for its snapshot, is over when the load begins, as it was.
func (w *writer) lead() time.Duration {
	const least = 5 * time.Second // a connect, a timer each of replica and master, an empty snapshot
	p, _ := model.LookupProfile(w.profile(w.master()))
	if wait, target := w.waited(); target != "disk" && p.DisklessDelay > 0 {
		return least + max(wait, p.DisklessDelay)
	}
	return least
}

func (w *writer) head() {
	w.line("# Made from logs. Virtual time 0 is %s, %v before the first that is known of the load.", w.zero.Format("2006-01-02 15:04:05.000"), w.begin.Sub(w.zero))
	w.line("question: Does the simulation give the verdicts that the servers gave?")
	w.line("duration: %s", w.at(w.end))
}

// called gives the replicas names for the scenario, in the order in which they come back.
func (w *writer) called() (replicas []string) {
	w.names = map[string]string{}
	for i := range w.s.Resyncs {
		r := &w.s.Resyncs[i]
		if w.names[r.Replica] != "" || len(w.s.replicas) > 0 && !slices.Contains(w.s.replicas, r.Replica) {
			continue
		}
		name := "replica"
		if len(replicas) > 0 {
			name = fmt.Sprint("replica-", len(replicas)+1)
		}
		w.names[r.Replica] = name
		replicas = append(replicas, r.Replica)
	}
	return replicas
}

// master is the first one that is no replica, "" if no log is of one.
func (w *writer) master() string {
	for _, m := range w.s.masters {
		if w.names[m] == "" {
			return m
		}
	}
	return ""
}

func (w *writer) servers() {
	master := w.master()
	size, why := w.backlog(w.profile(master))
	w.line("servers:")
	w.line("  master:")
	w.line("    version: %s", w.profile(master))
	config := ""
	if w.r.Timeout > 0 {
		config += fmt.Sprintf(", repl-timeout: %d", int(w.r.Timeout/time.Second))
	}
	if w.r.Ping > 0 {
		config += fmt.Sprintf(", repl-ping-replica-period: %d", int(w.r.Ping/time.Second))
	}
	config += w.diskless(w.profile(master))
	w.line("    config: {repl-backlog-size: %d%s}   # %s", size, config, why)
	for _, r := range w.replicas {
		w.line("  %s:   # %s", w.names[r], r)
		w.line("    version: %s", w.profile(r))
		w.line("    replicaof: master")
		if w.r.Timeout > 0 {
			w.line("    config: {repl-timeout: %d}", int(w.r.Timeout/time.Second))
		}
	}
	w.line("workload:")
	w.line("  - {on: master, from: %v, arrivals: {trace: %q}, command: SET, key: 16, value: 100}", w.begin.Sub(w.zero), w.r.File)
}

// diskless reads off the logs how snapshots were sent, and how long they waited
// for more replicas.
func (w *writer) diskless(profile string) string {
	p, _ := model.LookupProfile(profile)
	if p.DisklessDelay == 0 {
		return "" // it cannot
	}
	wait, target := w.waited()
	if target == "disk" || target == "" && !p.Diskless {
		return ", repl-diskless-sync: no"
	}
	if wait < 0 {
		return ""
	}
	return fmt.Sprintf(", repl-diskless-sync: yes, repl-diskless-sync-delay: %d", int((wait+time.Second/2)/time.Second))
}

// waited is where the master wrote its snapshots, disk, socket or "" where no log says, and
// how long one waited at least; below 0 if that is unknown.
func (w *writer) waited() (wait time.Duration, target string) {
	for i := range w.s.events {
		if e := &w.s.events[i]; e.kind == bgsave && e.message.text != "" {
			target = e.message.text
		}
	}
	wait = -1
	for i := range w.s.Resyncs {
		if r := &w.s.Resyncs[i]; r.Full && r.HasOff {
			if d := r.Judged.Sub(r.Asked); wait < 0 || d < wait {
				wait = d
			}
		}
	}
	return wait, target
}

// profile is the profile nearest to a log's version.
func (w *writer) profile(name string) string {
	v := w.s.Versions[name]
	if v == "" {
		for _, other := range w.s.Versions {
			if v == "" || other < v {
				v = other
			}
		}
	}
	p := Profile(v)
	if v == "" {
		w.note("no log says which version it is of: %s is assumed", p)
	}
	return p
}

// Profile is the name of the known profile nearest to a version such as
// redis-7.0.15; without one, redis-7.0.
func Profile(version string) string {
	if version == "" {
		return "redis-7.0"
	}
	parts := strings.SplitN(version, ".", 3)
	if len(parts) >= 2 {
		if _, ok := model.LookupProfile(parts[0] + "." + parts[1]); ok {
			return parts[0] + "." + parts[1]
		}
	}
	kind, number, _ := strings.Cut(parts[0], "-")
	switch {
	case kind == "valkey":
		return "valkey-8.0"
	case number == "2":
		return "redis-2.8"
	case number == "3":
		return "redis-3.2"
	case number == "6":
		return "redis-6.2"
	case number == "7" || number == "8":
		return "redis-7.4"
	}
	return "redis-7.0"
}

// backlog is the master's size: as it is known, else one that the verdicts allow.
func (w *writer) backlog(profile string) (size int64, why string) {
	if w.r.Backlog > 0 {
		return w.r.Backlog, "as it was set"
	}
	least, most := int64(0), int64(1)<<40
	for i := range w.s.Resyncs {
		switch r := &w.s.Resyncs[i]; {
		case !r.Gap.Known:
		case !r.Full:
			least = max(least, r.Gap.N)
		case r.Reason == BelowBacklog:
			most = min(most, r.Gap.N-1)
		}
	}
	p, _ := model.LookupProfile(profile)
	size = max(p.BacklogSize, 1<<20)
	switch {
	case size >= least && size <= most:
		return size, "not in the logs: the default, which the verdicts allow"
	case least <= most:
		return least + (most-least)/2, fmt.Sprintf("not in the logs: the verdicts allow %d to %d", least, most)
	}
	w.note("no single repl-backlog-size explains all verdicts: %d bytes were accepted and %d refused", least, most+1)
	return least, "not in the logs, and no size explains all verdicts"
}

// Cut is the outage behind a reconnect, as a fault of a scenario: when the link
// was cut, when it could be used again (between the last connect that failed and
// the first that worked; from itself where every connect worked), and the kind.
// A silence began repl-timeout (0 is a minute) before the replica noticed it.
func (r *Resync) Cut(timeout time.Duration) (from, until time.Time, kind string) {
	from, kind = r.Lost, "reset"
	switch r.LostWhy {
	case LostRestart:
		return from, from, "restart"
	case LostSilence:
		kind = "silent"
		if timeout == 0 {
			timeout = time.Minute
		}
		from = from.Add(-timeout - time.Second/2)
	}
	until = from
	switch {
	case !r.Blocked.IsZero() && r.Free.After(r.Blocked):
		until = r.Blocked.Add(r.Free.Sub(r.Blocked) / 2)
	case kind == "silent" && r.Free.After(from):
		until = r.Free
	}
	return from, until, kind
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// faults writes the losses of links.
func (w *writer) faults() {
	w.line("faults:")
	none := true
	var made []string
	for _, r := range w.inside() {
		name := w.names[r.Replica]
		from, until, kind := r.Cut(w.r.Timeout)
		if from.Before(w.begin) {
			from, until = w.begin, later(w.begin, until)
		}
		switch r.LostWhy {
		case LostRestart:
			w.line("  - {at: %s, server: %s, kind: restart, for: %s}", w.at(later(w.begin, r.Stopped)), name, r.Away())
			none = false
			continue
		case LostMasterRestart, LostMasterCrash:
			if line := w.process(r); !slices.Contains(made, line) { // the same for all its replicas
				made = append(made, line)
				w.line("%s", line)
			}
			none = false
			continue
		case LostOrder, LostFailover, LostSwitchover:
			w.note("the order REPLICAOF at %s is left out", r.Ordered.Format(time.TimeOnly))
			continue
		}
		none = false
		w.line("  # %s", r.Lost.Format("15:04:05.000"))
		if until.After(from) {
			w.line("  - {at: %s, link: [master, %s], kind: %s, for: %s}", w.at(from), name, kind, until.Sub(from).Round(time.Microsecond))
		} else {
			w.line("  - {at: %s, link: [master, %s], kind: %s}", w.at(from), name, kind)
		}
	}
	if none {
		w.line("  []")
	}
}

// process is the end of a master's process, as a fault.
func (w *writer) process(r *Resync) string {
	kind, save, from := "crash", "", r.Stopped
	if r.LostWhy == LostMasterRestart {
		kind = "restart"
		if !r.Saved {
			save = ", save: no"
		}
	} else { // its replicas do not all see it at once
		from = r.Started.Add(-r.Away().Round(100 * time.Millisecond))
	}
	return fmt.Sprintf("  - {at: %s, server: master, kind: %s, for: %s%s}", w.at(later(w.begin, from)), kind, r.Started.Sub(from).Round(time.Microsecond), save)
}

package samples

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

func (s *Set) trap(kind, format string, a ...any) {
	t := Trap{kind, fmt.Sprintf(format, a...)}
	if !slices.Contains(s.Traps, t) {
		s.Traps = append(s.Traps, t)
	}
}

// findTraps looks at all that was read.
func (s *Set) findTraps() {
	if len(s.curve) > 1 {
		s.still()
		s.resets()
		s.bursts()
		s.fullSyncs()
		s.summed()
		if !slices.ContainsFunc(s.curve, func(r row) bool { return r.role != Replica }) {
			s.trap("replica", "these samples are a replica's: its offset follows its master's stream, what it says of the backlog and its settings are its own")
		}
	}
	s.differing()
}

// since is a moment for people.
func (s *Set) since(i int) string {
	return s.curve[i].at.Sub(s.curve[0].at).Round(time.Millisecond).String()
}

// still finds offsets that do not count bytes: without a replica and a backlog
// the offset stands still, or, from 7.2 on with an AOF, moves by one for each
// command (replicationFeedSlaves).
func (s *Set) still() {
	alone, moved, first, last := 0, int64(0), -1, 0
	flat := 0
	for i := 1; i < len(s.curve); i++ {
		a, b := &s.curve[i-1], &s.curve[i]
		if b.off == a.off {
			flat++
		}
		if !lonely(a) || !lonely(b) {
			continue
		}
		if alone++; first < 0 {
			first = i - 1
		}
		last = i
		if anew(a, b) == "" {
			moved += b.off - a.off
		}
	}
	n := len(s.curve) - 1
	switch {
	case alone > 0 && moved > 0:
		s.trap("commands", "from %s to %s no replica is attached and there is no backlog, yet the offset moved by %d: with appendonly yes a server from 7.2 on counts commands there, one each, not bytes; attach a replica and sample again",
			s.since(first), s.since(last), moved)
	case alone > 0:
		s.trap("still", "from %s to %s the offset stands still at %d because no replica is attached and there is no backlog: what is written then is not seen; attach a replica and sample again",
			s.since(first), s.since(last), s.curve[last].off)
	case flat == n:
		s.trap("still", "the offset stands still at %d in all %d samples: nothing is written, or no replica is attached (connected_slaves says which)", s.curve[0].off, n+1)
	}
}

// lonely says that nothing is counted: no replica, and no backlog. A backlog
// outlives its replicas, and then the offset goes on.
func lonely(r *row) bool { return r.replicas == 0 && r.active <= 0 && r.role != Replica }

func (s *Set) resets() {
	gaps, longest, worst := 0, time.Duration(0), 0
	for i := 1; i < len(s.curve); i++ {
		a, b := &s.curve[i-1], &s.curve[i]
		if why := anew(a, b); why != "" {
			s.trap("reset", "at %s the offset begins anew at %d, before it was %d: %s; what was written in the %v between these two samples is not known, and the mean rate of the others is taken for it",
				s.since(i), b.off, a.off, why, b.at.Sub(a.at).Round(time.Millisecond))
		} else if a.replID != "" && b.replID != "" && a.replID != b.replID {
			s.trap("replid", "at %s master_replid changes from %.8s to %.8s, and the offset goes on: a promotion, or the first replica since the backlog was freed",
				s.since(i), a.replID, b.replID)
		}
		if d := b.at.Sub(a.at); b.gap != "" || s.Every > 0 && len(s.curve) > 4 && d > 5*s.Every {
			if gaps++; d > longest {
				longest, worst = d, i
			}
		}
		if a.role != b.role {
			s.trap("role", "at %s the server turns from %s to %s", s.since(i), a.role, b.role)
		}
	}
	if gaps > 0 {
		what := s.curve[worst].gap
		if what != "" {
			what = " (" + clip(what) + ")"
		}
		s.trap("gap", "%d times the samples are interrupted, longest for %v until %s%s; the bytes of that time are taken as spread evenly over it", gaps, longest.Round(time.Millisecond), s.since(worst), what)
	}
}

// bursts finds intervals that are too long for what they measure.
func (s *Set) bursts() {
	if len(s.Samples) == 2 {
		s.trap("interval", "two samples %v apart give one average rate: bursts between them are not seen, and they decide", s.Every.Round(time.Millisecond))
		return
	}
	total := s.Samples[len(s.Samples)-1].Bytes
	took := s.Samples[len(s.Samples)-1].Time.Sub(s.Samples[0].Time)
	if total == 0 || took <= 0 {
		return
	}
	runs, single, now := 0, 0, 0
	end := func() {
		if now > 0 {
			runs++
		}
		if now == 1 {
			single++
		}
		now = 0
	}
	for i := 1; i < len(s.Samples); i++ {
		a, b := s.Samples[i-1], s.Samples[i]
		// More than twice the average rate: bytes/d > 2 × total/took.
		if float64(b.Bytes-a.Bytes)*took.Seconds() > 2*float64(total)*b.Time.Sub(a.Time).Seconds() {
			now++
		} else {
			end()
		}
	}
	end()
	if runs >= 2 && single*2 > runs {
		s.trap("interval", "%d of %d bursts (more than twice the average rate) show in a single interval of %v: they may be shorter and steeper than the samples tell; sample more often",
			single, runs, s.Every.Round(time.Millisecond))
	} else if s.Every > 5*time.Second {
		s.trap("interval", "a sample every %v: bursts and outages shorter than that are not seen; observe samples once a second", s.Every.Round(time.Millisecond))
	}
}

// CheckOutage is the trap of outages that are shorter than the distance of
// samples; shortest is the shortest outage that is asked about.
func (s *Set) CheckOutage(shortest time.Duration) (Trap, bool) {
	if s.Every <= 0 || shortest <= 0 || shortest >= s.Every {
		return Trap{}, false
	}
	return Trap{"interval", fmt.Sprintf("the samples are %v apart, the shortest outage is %v: what is written during it is not seen but averaged", s.Every.Round(time.Millisecond), shortest)}, true
}

// fullSyncs finds samples that were taken while a replica was filled: the load
// of then may be that of a master which forks and sends.
func (s *Set) fullSyncs() {
	in, first, fulls := 0, -1, int64(0)
	for i := range s.curve {
		b := &s.curve[i]
		grew := false
		if i > 0 {
			if a := &s.curve[i-1]; a.full >= 0 && b.full > a.full && anew(a, b) == "" {
				grew, fulls = true, fulls+b.full-a.full
			}
		}
		if b.syncing || grew {
			if in++; first < 0 {
				first = i
			}
		}
	}
	if in > 0 {
		grew := ""
		if fulls > 0 {
			grew = fmt.Sprintf(" (sync_full grew by %d)", fulls)
		}
		s.trap("full-sync", "%d of %d samples, the first at %s, were taken during a full synchronization%s: the load then is that of a master which forks and sends its data",
			in, len(s.curve), s.since(first), grew)
	}
}

// summed tells of instantaneous_output_repl_kbps, which people take for the
// write rate.
func (s *Set) summed() {
	most, n := int64(0), 0
	for _, r := range s.curve {
		if r.outKBps > 0 {
			n++
			most = max(most, r.replicas)
		}
	}
	if n > 0 && most > 1 {
		s.trap("summed", "instantaneous_output_repl_kbps is what went to all %d replicas together, in kilobytes of 1024 bytes, full synchronizations included: it is not the write rate; master_repl_offset was used", most)
	}
}

// differing compares settings: the replica's with the master's, and what a
// server runs with with what its file says.
func (s *Set) differing() {
	names := []string{"repl-backlog-size", "repl-backlog-ttl", "repl-timeout", "client-output-buffer-limit replica", "repl-diskless-sync", "repl-ping-replica-period", "maxmemory"}
	for _, name := range names {
		m, ok1 := s.Setting(Master, name)
		r, ok2 := s.Setting(Replica, name)
		if ok1 && ok2 && !same(m, r) {
			s.trap("replica-differs", "%s is %s on the master (%s) and %s on a replica (%s): after a failover the replica's own counts", name, m.Value, m.Source, r.Value, r.Source)
		}
		for _, role := range []Role{Master, Replica} {
			running, ok := s.Setting(role, name)
			for _, x := range s.Settings {
				if ok && x.Role == role && x.Name == name && x.rank < running.rank && !same(x, running) {
					s.trap("file-differs", "%s is %s in %s and %s in %s: one of them is of another time; after a restart the file counts", name, running.Value, running.Source, x.Value, x.Source)
				}
			}
		}
	}
}

// same compares values, however they are written.
func same(a, b Setting) bool {
	if a.Name != "client-output-buffer-limit replica" {
		return directives[a.Name] != 0 && a.Number == b.Number || a.Value == b.Value
	}
	x, y := strings.Fields(a.Value), strings.Fields(b.Value)
	return len(x) == 3 && len(y) == 3 && amount(x[0]) == amount(y[0]) && amount(x[1]) == amount(y[1]) && x[2] == y[2]
}

func amount(text string) int64 {
	n, err := number("maxmemory", text)
	if err != nil {
		return -1
	}
	return n
}

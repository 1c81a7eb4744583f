package logs

import (
	"slices"
	"time"
)

// Processes that ended, and replicas that took a master's place: what the servers of the
// logs say of themselves tells why another one lost its link.

// gone is a time in which a server had no process.
type gone struct {
	server  string
	last    time.Time // the last word of the process before
	exited  time.Time // when it said that it was ready to exit; zero if it was killed
	saved   bool      // and it wrote a snapshot before
	started time.Time
	ready   time.Time // the next one accepts connections; zero where the log does not say
	replica bool      // it followed another one
}

// turned is a replica that became a master.
type turned struct {
	server string
	at     time.Time
	lost   time.Time // of its master; zero if it had one until then
}

// together is how far apart two servers' words on one moment may be.
const together = 2 * time.Second

// inHand is how long a replica may log that its link is lost before it logs that it is a
// master, if that is one order.
const inHand = 100 * time.Millisecond

// lives notes when a server had no process, and when it became a master.
func (s *Story) lives(v *server) {
	var exited, down time.Time
	saved, replica := false, false
	for i := range v.entries {
		switch e := &v.entries[i]; e.kind {
		case savesLast:
			saved = true
		case exiting:
			exited = e.At
		case started:
			if i > 0 || e.idle > 0 {
				last := e.At.Add(-e.idle)
				if e.idle == 0 {
					last = v.entries[i-1].At
				}
				s.gone = append(s.gone, gone{server: v.name, last: last, exited: exited, saved: saved && !exited.IsZero(), started: e.At, replica: replica})
			}
			exited, down, saved, replica = time.Time{}, time.Time{}, false, false
		case ready:
			if n := len(s.gone) - 1; n >= 0 && s.gone[n].server == v.name && s.gone[n].ready.IsZero() {
				s.gone[n].ready = e.At
			}
		case promoted:
			t := turned{server: v.name, at: e.At}
			if !down.IsZero() && e.At.Sub(down) > inHand {
				t.lost = down
			}
			if replica {
				s.turned = append(s.turned, t)
			}
			down, replica = time.Time{}, false
		case lost, silence:
			if down.IsZero() {
				down = e.At
			}
			replica = true
		case continued, finished:
			down, replica = time.Time{}, true
		case connecting, requested, uncached, fullFrom, following:
			replica = true
		}
	}
}

// fates says of links that were lost that the master's process had ended, or that another
// server took its place.
func (s *Story) fates() {
	for i := range s.Resyncs {
		r := &s.Resyncs[i]
		switch r.LostWhy {
		case "", LostOrder, LostClosed, LostSilence, LostBulk:
		case LostRestart:
			s.killed(r)
			continue
		default:
			continue
		}
		if !s.replaced(r) {
			s.masterGone(r)
		}
	}
}

// killed finds in a master's log when a replica's process ended that did not say so.
func (s *Story) killed(r *Resync) {
	if r.Exited || r.Stopped.IsZero() {
		return
	}
	for i := s.since(r.Stopped); i < len(s.events) && !s.events[i].At.After(r.Started); i++ {
		if s.events[i].kind == replicaLost {
			r.Stopped, r.Lost, r.Exited = s.events[i].At, s.events[i].At, true
		}
	}
}

// replaced finds the server that took the master's place.
func (s *Story) replaced(r *Resync) bool {
	if r.Ordered.IsZero() {
		return false
	}
	was := r.Lost.IsZero() // it was a master itself
	if was && !slices.Contains(s.masters, r.Replica) {
		return false
	}
	var by *turned
	for i := range s.turned {
		t := &s.turned[i]
		switch {
		case t.server == r.Replica, t.at.Sub(r.Ordered) > together:
		case was && r.Ordered.Sub(t.at) > time.Hour, !was && r.Lost.Sub(t.at) > together:
		case by == nil || t.at.After(by.at):
			by = t
		}
	}
	if by == nil {
		return false
	}
	r.Heir, r.Promoted, r.OldMaster = by.server, by.at, was
	if r.LostWhy = LostSwitchover; !by.lost.IsZero() {
		r.LostWhy = LostFailover
	}
	switch {
	case was && by.lost.IsZero():
		r.Lost = by.at
	case was:
		r.Lost = by.lost
	}
	r.Stopped = r.Lost
	if !by.lost.IsZero() && by.lost.Before(r.Lost) {
		r.Stopped = by.lost
	}
	return true
}

// masterGone finds the master's process that ended when the link was lost.
func (s *Story) masterGone(r *Resync) {
	if r.Lost.IsZero() || r.LostWhy == LostOrder {
		return
	}
	var by *gone
	begin := func(g *gone) time.Time {
		if g.exited.IsZero() {
			return g.last
		}
		return g.exited
	}
	for i := range s.gone {
		g := &s.gone[i]
		switch {
		case g.server == r.Replica, g.replica:
		case g.server == r.judge && r.told.Before(g.started): // the verdict was that of the process before
		case r.Lost.Before(begin(g).Add(-together)), r.Lost.After(g.started.Add(together)), r.Judged.Before(g.started.Add(-together)):
		case by == nil || begin(g).After(begin(by)):
			by = g
		}
	}
	if by == nil {
		return
	}
	r.Started, r.Ready, r.Saved = by.started, by.ready, by.saved
	if r.LostWhy, r.Stopped = LostMasterCrash, r.Lost; !by.exited.IsZero() {
		r.LostWhy, r.Stopped = LostMasterRestart, by.exited
	}
	if r.Stopped.After(r.Started) { // the clocks of two machines
		r.Stopped = r.Started
	}
}

// Away is how long no process ran, of the master or of the replica, if that is why the
// link was lost: from the end of one to the beginning of the next, without what that one
// takes to load its data. Where another server took the master's place it is how long
// there was none. 0 is that the logs do not say.
func (r *Resync) Away() time.Duration {
	switch r.LostWhy {
	case LostRestart, LostMasterRestart, LostMasterCrash:
		if !r.Started.IsZero() && !r.Stopped.IsZero() {
			return max(r.Started.Sub(r.Stopped), 0)
		}
	case LostFailover:
		return max(r.Promoted.Sub(r.Stopped), 0)
	case LostSwitchover:
		return max(r.Ordered.Sub(r.Promoted), 0)
	}
	return 0
}

// Loading is how long processes that started took to load their data, the median; 0 if
// the logs do not say.
func (s *Story) Loading() time.Duration {
	var all []time.Duration
	for i := range s.gone {
		if g := &s.gone[i]; g.ready.After(g.started) {
			all = append(all, g.ready.Sub(g.started))
		}
	}
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)/2]
}

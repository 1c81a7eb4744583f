package model

import "time"

// cron is the grid of serverCron turns. Turn i runs at base + i*period;
// every tenth runs replicationCron. Turns at which nothing can happen are
// counted, not run: Deadline names the next one that matters.
type cron struct {
	running bool
	base    Instant
	period  Instant // between two turns: a tenth of a second and what each comes late
	next    int64   // the first turn that has not run and was not passed over
	// peerDue is the unix second before which no replica can time out.
	peerDue int64
	// look says that limits may have been lowered below what a buffer holds.
	look bool
	// extra is how many replicationCron runs there were beyond one a second: it runs
	// with each turn while a FAILOVER goes on.
	extra int64
}

// turnsPerRepl: replicationCron runs once a second (run_with_period(1000)).
const turnsPerRepl = CronHz

// turnPeriod is the time between two turns that come so late; 0 is CronLate.
func turnPeriod(late time.Duration) Instant {
	if late == 0 {
		late = CronLate
	}
	return Instant(time.Second/CronHz + late)
}

func (c *cron) at(turn int64) Instant { return c.base + Instant(turn)*c.period }

// turnFrom is the first turn at or after an instant.
func (c *cron) turnFrom(t Instant) int64 {
	if t <= c.base {
		return -(int64(c.base-t) / int64(c.period))
	}
	return int64(uint64(t-c.base-1)/uint64(c.period)) + 1
}

// turnAt is the last turn at or before an instant.
func (c *cron) turnAt(t Instant) int64 { return floorDiv(int64(t-c.base), int64(c.period)) }

// replDue is the next replicationCron turn at or after an instant that is not over.
func (c *cron) replDue(now Instant) Instant {
	return c.at(replFrom(max(c.next, c.turnFrom(now))))
}

func (c *cron) start(booted, now Instant) {
	c.running = true
	c.base = booted + Instant(FirstCron)
	c.next = max(0, c.turnFrom(now))
}

// thaw moves the grid: no turn ran since the process froze, the next runs now.
func (c *cron) thaw(since, now Instant) {
	n := max(c.next, c.turnFrom(since))
	if c.at(n) >= now {
		return // no turn was missed
	}
	c.base = now - Instant(n)*c.period
	c.next = n
}

// replFrom is the first replicationCron turn that is not before turn n, which is not negative.
func replFrom(n int64) int64 {
	return int64((uint64(n) + turnsPerRepl - 1) / turnsPerRepl * turnsPerRepl)
}

// Deadline is when the node next wants an InWake: the next cron turn that can
// have an effect.
func (s *Server) Deadline() Instant { return min(s.QuietDeadline(), s.AckDue()) }

// QuietDeadline is Deadline for a driver that sees to the cron turns at AckDue
// itself: those that come before it do no more than send an ACK.
func (s *Server) QuietDeadline() Instant {
	c := &s.cron
	if !c.running {
		return Never
	}
	if s.disk.loading {
		return Never
	}
	if s.loading() {
		// serverCron does not run while a snapshot is loaded; only the newline that
		// keeps the master patient does.
		due := s.up.newlineAt.Add(time.Second)
		if l := &s.up.socket; l.reads() {
			due = min(due, l.due())
		}
		return due
	}
	next := c.next
	if c.at(next) < s.now { // turns that were passed over did not matter
		next = c.turnFrom(s.now)
	}
	if s.cfg.EveryTick || s.child.ended || s.disk.dying || s.stop.on || s.failover.state != failoverNone || s.prof.ChecksIdle && (c.look || s.overIdle()) {
		return c.at(next)
	}
	if s.expires() && s.expiry.asked == next+1 {
		return c.at(next)
	}
	k := census{closing: Never}
	if len(s.clients) > 0 {
		s.census(&k)
	}
	at, repl := Never, replFrom(next)
	waits := k.waiting || s.up.state != upNone && s.up.state != upConnected
	if waits {
		at = c.at(repl)
	} else if s.pingsTo(k.replicas) {
		at = c.at(s.nextPing(repl))
	}
	if due := s.turnDue(&k); due < at {
		at = min(at, c.at(c.first(next, due)))
	}
	if waits {
		return at
	}
	if due := s.replDue(&k); due < at {
		at = min(at, c.at(replFrom(c.first(next, due))))
	}
	return at
}

// WantsTurn says that something is there to be done with the serverCron turn of an instant, if
// one is due then. Else Deadline has to be asked.
func (s *Server) WantsTurn(now Instant) bool {
	if s.child.ended {
		return true
	}
	due, ok := s.saveDue()
	return ok && s.reaches(due) <= now
}

// turnDue is when something comes due that any serverCron turn sees to.
func (s *Server) turnDue(k *census) Instant {
	due := k.closing
	if s.pause.kind != pauseNone || len(s.blocked) > 0 || s.aof.state != aofOff || s.aof.scheduled {
		due = min(due, s.pauseDue(), s.waitDue(), s.aofDue())
	}
	if k.limit > 0 {
		due = min(due, s.reaches(k.limit))
	}
	if s.expires() {
		due = min(due, s.expiry.at)
	}
	if at, ok := s.saveDue(); ok {
		due = min(due, s.reaches(at))
	}
	if k.kept > 0 {
		due = min(due, s.reaches(k.kept))
	}
	return due
}

// census is what a deadline asks of all clients at once.
type census struct {
	replicas  int
	waiting   bool    // a replica waits for its snapshot to begin or to end
	unassured bool    // the silence of one says something; see Assure
	closing   Instant // when a turn may next close somebody; Never without
	limit     int64   // limitDue
	kept      int64   // the unix second at which a kept rdb channel is given up, 0 without one
}

// census adds the clients to what there is without any.
func (s *Server) census(k *census) {
	for _, c := range s.clients {
		if c.state != notReplica {
			k.replicas++
			k.unassured = k.unassured || !c.assured
			k.waiting = k.waiting || c.state == waitStart || c.state == waitEnd
		}
		if c.closing {
			k.closing = min(k.closing, c.closeFrom)
		} else if c.softSince > 0 {
			if due := s.limitEnds(c); k.limit == 0 || due < k.limit {
				k.limit = due
			}
		}
		if c.kept && c.over {
			if due := c.overAt + keptSeconds + 1; k.kept == 0 || due < k.kept {
				k.kept = due
			}
		}
	}
}

// replDue is when something comes due that the next replicationCron sees to, but for
// PINGs and ACKs.
func (s *Server) replDue(k *census) Instant {
	due := s.goodDue()
	if s.up.state == upConnected && !s.up.assured { // silence of the master
		due = min(due, s.reaches(s.up.lastIO+wholeSeconds(s.set.Timeout)+1))
	}
	if s.prof.MasterTimesOut && k.unassured {
		due = min(due, s.reaches(s.cron.peerDue))
	}
	if k.replicas > 0 {
		return due
	}
	if at, ok := s.ttlDue(); ok {
		due = min(due, s.reaches(at))
	}
	return due
}

// first is the first turn, from `next` on, at or after an instant.
func (c *cron) first(next int64, due Instant) int64 {
	if due <= c.at(next) {
		return next
	}
	return c.turnFrom(due)
}

// pings says whether replicationCron feeds PINGs: a top-level master with
// replicas; before 4.0 also without (facts: 5.1 step 7).
func (s *Server) pings() bool { return s.pingsTo(s.replicas()) }

func (s *Server) pingsTo(replicas int) bool {
	return (s.up.host == "" || s.prof.OwnStreamOnChains) && (replicas > 0 || s.prof.PingAlone && s.log != nil)
}

// nextPing is the first turn from repl on at which loops mod K is 0. K counts
// replicationCron runs since the process started.
func (s *Server) nextPing(repl int64) int64 {
	k := max(1, wholeSeconds(s.set.PingPeriod))
	loops := repl/turnsPerRepl + s.cron.extra
	if late := int64(uint64(loops) % uint64(k)); late > 0 {
		repl += (k - late) * turnsPerRepl
	}
	return repl
}

func (s *Server) ttlDue() (second int64, ok bool) {
	if s.log == nil || s.set.BacklogTTL == 0 || s.replicas() > 0 || s.up.host != "" && !s.prof.TTLOnReplicas {
		return 0, false
	}
	return s.noReplicasSince + wholeSeconds(s.set.BacklogTTL) + 1, true
}

// wake runs the serverCron turn that is due.
func (s *Server) wake() {
	c := &s.cron
	if !c.running {
		return
	}
	if s.loading() {
		l := &s.up.socket
		if l.reads() && s.now >= l.due() {
			s.socketFailed(WhyTimeout)
			return
		}
		if s.now >= s.up.newlineAt.Add(time.Second) {
			moved := !l.reads() || l.heard > s.up.newlineAt // a blocked process sends nothing
			s.up.newlineAt = s.now
			if moved && (s.up.state == upLoading || s.up.state == upBuffer) { // REPL_STATE_TRANSFER
				s.send(s.up.conn, newline)
			}
		}
		return
	}
	turn := c.turnAt(s.now)
	if turn < c.next {
		return
	}
	if s.expires() && s.expiry.at <= s.now && s.expiry.asked != turn+1 {
		s.expiry.asked = turn + 1 // the rest of the turn comes after it (databasesCron)
		s.out = append(s.out, Output{Kind: OutExpire})
		return
	}
	c.next = turn + 1
	if s.breaks() || s.tryExit() {
		return
	}
	c.look = false
	if s.blocks != nil || s.strained() { // else there is nobody to close
		s.closeMarked()
		s.dropKept()
		if s.prof.ChecksIdle {
			s.checkLimits(true)
		}
	}
	s.turned = true
	s.scheduledRewrite()
	if s.child.ended {
		s.reapChild()
	} else {
		s.savePoints()
		s.autoRewrite()
	}
	if s.busy() {
		s.serveWaits(true)
		s.lookAtPause()
	}
	switch loops := turn/turnsPerRepl + c.extra; {
	case turn%turnsPerRepl == 0:
		s.replicationCron(loops)
	case s.failover.state != failoverNone:
		c.extra++
		s.replicationCron(loops + 1)
	}
}

var newline = []byte("\n")

// replicationCron does what every version's does, in its order (facts: 5.1).
func (s *Server) replicationCron(loops int64) {
	s.advanceFailover()
	s.upstreamCron()
	quiet := s.failover.until > 0 && s.pause.kind != pauseNone // a FAILOVER with a timeout keeps the stream still
	if s.pings() && !quiet && loops%max(1, wholeSeconds(s.set.PingPeriod)) == 0 {
		p := pingUpper
		if s.prof.PingLower {
			p = pingLower
		}
		s.feedLiteral(p)
		s.note(Event{Kind: EvPinged, Offset: s.mro})
	}
	s.masterCron()
	if due, ok := s.ttlDue(); ok && s.unix() >= due {
		s.freeBacklog(WhyTTL)
		if s.prof.TTLNewID {
			s.changeID()
		}
	}
	s.startPendingSaves(false)
	s.countGood()
}

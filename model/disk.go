package model

// What a process leaves on its disk, and when: an RDB of each full sync that goes
// through a file, of BGSAVE and SAVE, of save points, of its end. What is on disk
// is the driver's to keep (OutSaved); what it says of replication is decided here.

// SavePoint is one `save` directive: a snapshot is made when at least Changes
// changes were made and more than Seconds seconds have passed since the last one.
// The zero value is none.
type SavePoint struct{ Seconds, Changes int64 }

// SavePoints are those of one server.
type SavePoints [MaxSavePoints]SavePoint

// MaxSavePoints is how many save points a server can have here.
const MaxSavePoints = 8

// Any says whether there is one.
func (p *SavePoints) Any() bool { return p[0] != SavePoint{} }

// bgsaveRetry is how long a failed BGSAVE keeps save points waiting, seconds
// (CONFIG_BGSAVE_RETRY_DELAY).
const bgsaveRetry = 5

// disk is what a process knows of files.
type disk struct {
	loading  bool  // what was on disk is being loaded: the process has just started
	restored Saved // what that remembers
	expired  int64 // rdb_last_load_keys_expired

	dirty    int64 // rdb_changes_since_last_save
	atFork   int64 // those that the child under way has seen
	lastSave int64 // unix second of the last snapshot on disk, or of the start
	lastTry  int64 // unix second of the last BGSAVE
	failed   bool  // it did not end well
	dying    bool  // a write has come that ends the process; see misconf.go

	plan savePlan // what save points come to, kept for the changes so far
}

// savePlan is what save points come to while there are [from, to) changes: which of them
// are reached by so many changes hangs on nothing else.
type savePlan struct {
	from, to int64
	due      int64 // the unix second from which on one of them is reached, if
	reached  bool  // any has its changes
	open     bool  // one has not
}

// forked: a child begins to save.
func (d *disk) forked(now int64, socket bool) {
	if !socket {
		d.atFork, d.lastTry, d.plan = d.dirty, now, savePlan{}
	}
}

// saveWorked: the child has saved all that it had seen (backgroundSaveDoneHandlerDisk).
func (s *Server) saveWorked() {
	d := &s.disk
	d.dirty -= d.atFork
	d.lastSave, d.plan = s.unix(), savePlan{}
	s.saveStatus(false)
}

// saveInfo is what a snapshot made now remembers (rdbPopulateSaveInfo; facts: 1.8).
func (s *Server) saveInfo() Saved {
	switch {
	case s.prof.PSYNC != 2:
	case s.up.host == "":
		if s.log != nil {
			return Saved{ID: s.id, Offset: s.mro}
		}
	case s.up.state == upConnected || s.up.cached:
		return Saved{ID: s.id, Offset: s.mro}
	}
	return Saved{}
}

// Saved is what a snapshot written now would remember of replication, nil when
// nothing.
func (s *Server) Saved() *Saved {
	if v := s.saveInfo(); v.ID != "" {
		return &v
	}
	return nil
}

// saved tells the driver that there is a new RDB on disk.
func (s *Server) saved(v Saved, received ConnID) {
	o := s.put(OutSaved)
	o.Saved, o.Conn = v, received
}

// childSaved: the child has done its work; serverCron has yet to notice.
func (s *Server) childSaved(bytes int64) {
	s.child.ended, s.child.bytes = true, bytes
	if !s.child.rewrite && !s.child.killed {
		s.saved(s.child.saved, 0)
	}
}

// bgsave starts a child that saves for nobody but ourselves: no replica can join
// it (rdbSaveBackground).
func (s *Server) bgsave() {
	s.child = child{running: true, saved: s.saveInfo()}
	s.disk.forked(s.unix(), false)
	s.note(Event{Kind: EvSaving, Offset: s.mro})
	s.put(OutSnapshot)
}

// saveOrder is BGSAVE, or SAVE, during which the process does nothing else.
func (s *Server) saveOrder(blocking bool) {
	name := saveText(blocking)
	switch {
	case s.child.running && !s.child.rewrite:
		s.answer(name, "-ERR Background save already in progress")
	case !blocking && s.child.running:
		s.answer(name, "-ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.")
	case !blocking:
		s.bgsave()
	default:
		s.disk.dirty, s.disk.lastSave, s.disk.plan = 0, s.unix(), savePlan{}
		s.saveStatus(false)
		s.out = append(s.out, Output{Kind: OutSave, Saved: s.saveInfo()})
	}
}

func saveText(blocking bool) string {
	if blocking {
		return "SAVE"
	}
	return "BGSAVE"
}

// savePoints starts a BGSAVE when one of them is reached (serverCron).
func (s *Server) savePoints() {
	if due, ok := s.saveDue(); ok && s.unix() >= due {
		s.bgsave()
	}
}

// saveDue is the unix second from which on a save point is reached by the changes
// made so far.
func (s *Server) saveDue() (second int64, ok bool) {
	if s.child.running || s.Loading() {
		return 0, false
	}
	if !s.disk.planned() {
		s.planSaves()
	}
	return s.disk.plan.due, s.disk.plan.reached
}

// savePlan is the plan for the changes so far.
func (s *Server) savePlan() *savePlan {
	if !s.disk.planned() {
		s.planSaves()
	}
	return &s.disk.plan
}

// planned says that the plan is that for the changes so far.
func (d *disk) planned() bool {
	return uint64(d.dirty-d.plan.from) < uint64(d.plan.to-d.plan.from)
}

func (s *Server) planSaves() {
	n, plan := s.disk.dirty, savePlan{to: 1<<63 - 1}
	for i := range s.set.SavePoints {
		p := &s.set.SavePoints[i]
		if p.Seconds|p.Changes == 0 { // behind the last one
			break
		}
		switch {
		case p.Changes <= 0:
		case n < p.Changes:
			plan.open, plan.to = true, min(plan.to, p.Changes)
		default:
			if at := s.disk.earliest(p); !plan.reached || at < plan.due {
				plan.due, plan.reached = at, true
			}
			plan.from = max(plan.from, p.Changes)
		}
	}
	s.disk.plan = plan
}

// earliest is the first unix second at which a save point can be reached.
func (d *disk) earliest(p *SavePoint) int64 {
	at := d.lastSave + p.Seconds + 1
	if d.failed {
		at = max(at, d.lastTry+bgsaveRetry+1)
	}
	return at
}

// Foresight is what a driver knows of changes to come: the instant before which
// the nth from now on cannot have been made (n > 0). A wake too early does no harm.
type Foresight interface {
	Changes(n int64) Instant
	// Longest is the length of the longest command that may come, bytes on the stream, at
	// least.
	Longest() int64
}

// Foresees says whether changes to come may reach something: else SaveWake, AOFWake and EndWake
// are Never.
func (s *Server) Foresees() bool {
	if !s.disk.planned() {
		s.planSaves()
	}
	return s.disk.plan.open || s.aof.state != aofOff || s.brittle()
}

// SaveWake is when the node wants an InWake for the sake of a save point that
// changes to come may reach, or Never. Deadline leaves those out.
func (s *Server) SaveWake(f Foresight) Instant {
	if s.child.running || s.Loading() || !s.cron.running || !s.savePlan().open {
		return Never
	}
	best := Never
	for i := range s.set.SavePoints {
		p := &s.set.SavePoints[i]
		if p.Seconds|p.Changes == 0 {
			break
		}
		if p.Changes == 0 || s.disk.dirty >= p.Changes {
			continue
		}
		at := f.Changes(p.Changes - s.disk.dirty)
		if at == Never {
			continue
		}
		at = max(at, s.reaches(s.disk.earliest(p)), s.now)
		best = min(best, s.cron.at(max(s.cron.next, s.cron.turnFrom(at))))
	}
	return best
}

package logs

import (
	"cmp"
	"errors"
	"io"
	"slices"
	"time"
)

// Why a full resynchronization was full. The names are those of the program's
// results, but for Unknown.
const (
	FirstSync     = "first-sync"      // the replica had nothing to go on with
	BelowBacklog  = "below-backlog"   // what it missed was no longer in the backlog
	AheadOfMaster = "ahead-of-master" // it had more than its master
	IDMismatch    = "id-mismatch"     // its history is not the master's
	SecondOffset  = "second-offset"   // it went on with the history before the last failover
	NoPSYNC       = "no-psync"        // the master speaks SYNC only
	Unknown       = "unknown"         // the logs do not say
)

// Why a replica lost its link.
const (
	LostSilence = "repl-timeout"        // the replica heard nothing for repl-timeout
	LostClosed  = "closed"              // the connection was closed or reset
	LostBuffer  = "output-buffer-limit" // the master closed it: client-output-buffer-limit
	LostMaster  = "master-timeout"      // the master closed it: no ACK for repl-timeout
	LostBulk    = "sync-broke"          // in the middle of a full synchronization
	LostOrder   = "replicaof"           // it was told to follow another
	LostRestart = "restart"             // the replica's process was started

	LostMasterRestart = "master-restart" // the master's process ended as it was told, and was started again
	LostMasterCrash   = "master-crash"   // it was killed, and started again
	LostFailover      = "failover"       // the master was gone, and a replica took its place
	LostSwitchover    = "switchover"     // a replica took its place while it was there
)

// Bytes is a number of bytes that may not be known.
type Bytes struct {
	N       int64
	Known   bool
	AtMost  bool // N is an upper bound
	Guessed bool // from the rate of writing around that time
}

// Resync is one synchronization of one replica, put together from the logs.
type Resync struct {
	Replica   string
	Lost      time.Time // zero: no link was lost before, as far as the logs go
	LostWhy   string
	Stopped   time.Time // of a process that ended, or of a master that another one replaced: since when it was gone
	Exited    bool      // of a replica's: Stopped is its end, not just its last word
	Saved     bool      // of a master's: it wrote a snapshot before it ended
	Started   time.Time // the next process begins
	Ready     time.Time // it accepts connections
	Ordered   time.Time // REPLICAOF, between the loss and the request
	Heir      string    // the server that took the master's place
	Promoted  time.Time // when it did
	OldMaster bool      // this is the master that was replaced
	Refused   int       // connects that failed in between
	Free      time.Time // the first connect that worked; zero where the log does not say
	Blocked   time.Time // the last one that did not
	Asked     time.Time
	ID        string // the history that was asked for, "" without one
	Request   int64  // the next byte that the replica wanted; 0 without one
	Full      bool
	Reason    string // of a full one
	Judged    time.Time
	Offset    int64 // of a full one: the last byte in the snapshot; of a partial one: the last byte sent at once
	HasOff    bool
	Gap       Bytes // what the replica had missed when it was judged
	Received  time.Time
	Loaded    time.Time // when the snapshot was there and loading began
	Finished  time.Time // the end of a full one
	Snapshot  int64     // bytes of the snapshot, 0 unknown
	Failed    string    // a full one that did not end, and why
	Buffer    Bytes     // a full one: what its master had to hold in the output buffer meanwhile
	Lines     []string  // where it stands

	judge string    // the master whose log has the verdict, "" for none
	told  time.Time // when, by that master's clock
}

// Down is from the loss of the old link to the verdict; 0 when that is unknown.
func (r *Resync) Down() time.Duration {
	if r.Lost.IsZero() || r.Judged.IsZero() {
		return 0
	}
	return r.Judged.Sub(r.Lost)
}

// Enough is the smallest backlog, in bytes, with which this full
// resynchronization would have been a partial one; false when no size helps, or
// when the logs do not say.
func (r *Resync) Enough() (bytes int64, ok bool) {
	if !r.Full || r.Reason != BelowBacklog || !r.Gap.Known {
		return 0, false
	}
	return r.Gap.N, true
}

// Story is what the logs tell.
type Story struct {
	Resyncs  []Resync
	Versions map[string]string // by the name of the log
	From, To time.Time
	Year     bool // the times have a year
	points   []point
	events   []entry // of masters
	masters  []string
	replicas []string
	gone     []gone
	turned   []turned
}

// point is a known offset of a history.
type point struct {
	at     time.Time
	id     string
	offset int64
}

// Read reads logs. Files whose names differ by what logrotate adds are one
// server's. All problems of all files are told at once.
func Read(names []string, stdin io.Reader) (*Story, error) {
	f := &files{byName: map[string]*server{}}
	var bad []error
	for _, n := range names {
		if err := f.readFile(n, stdin); err != nil {
			bad = append(bad, err)
		}
	}
	if len(bad) > 0 {
		return nil, errors.Join(bad...)
	}
	if f.kept == 0 {
		return nil, errors.New("the logs say nothing about replication")
	}
	f.order()
	f.names()
	s := &Story{Versions: map[string]string{}}
	for _, v := range f.servers {
		if v.version != "" {
			s.Versions[v.name] = v.version
		}
		s.cover(v)
		s.roles(v)
		s.lives(v)
		for _, e := range v.entries {
			if e.kind >= asks && e.kind < started {
				e.server = v.name
				s.events = append(s.events, e)
			}
		}
	}
	for _, v := range f.servers {
		s.follow(v)
	}
	slices.SortStableFunc(s.events, func(a, b entry) int { return a.At.Compare(b.At) })
	s.match()
	s.fates()
	slices.SortStableFunc(s.Resyncs, func(a, b Resync) int {
		return cmp.Or(a.Judged.Compare(b.Judged), cmp.Compare(a.Replica, b.Replica))
	})
	s.measure()
	return s, nil
}

func (s *Story) cover(v *server) {
	first, last := v.span()
	if len(v.entries) == 0 {
		return
	}
	s.Year = s.Year || v.entries[0].Year
	if s.From.IsZero() || first.Before(s.From) {
		s.From = first
	}
	if last.After(s.To) {
		s.To = last
	}
}

// roles notes which logs are of masters and which of replicas; one may be both.
func (s *Story) roles(v *server) {
	master := slices.ContainsFunc(v.entries, func(e entry) bool { return e.kind >= asks && e.kind < started })
	replica := slices.ContainsFunc(v.entries, func(e entry) bool { return e.kind > other && e.kind < asks })
	if master {
		s.masters = append(s.masters, v.name)
	}
	if replica {
		s.replicas = append(s.replicas, v.name)
	}
}

// follower walks through one replica's log.
type follower struct {
	s    *Story
	name string
	now  Resync // what is known of the next one
	open int    // the full one that has not ended; -1 without
	up   bool   // it has a link
	left bool   // its process said that it was ready to exit
}

func (s *Story) follow(v *server) {
	f := &follower{s: s, name: v.name, open: -1}
	for i := range v.entries {
		f.entry(&v.entries[i])
	}
}

func (f *follower) entry(e *entry) {
	r := &f.now
	switch e.kind {
	case exiting:
		f.left = true
	case following:
		f.lose(e)
		r.Ordered = e.At
	case lost, silence, bulkTimed, bulkFailed:
		f.lose(e)
	case started:
		if f.up || f.open >= 0 {
			f.lose(e)
		}
		f.up = false
		if f.now.LostWhy == LostRestart && f.now.Stopped.IsZero() {
			f.now.Stopped, f.now.Started, f.now.Exited = e.At.Add(-e.idle), e.At, f.left
			if f.left { // else its last word may be long before its end
				f.now.Lost = f.now.Stopped
			}
		}
		f.left = false
	case ready:
		if r.LostWhy == LostRestart && r.Ready.IsZero() {
			r.Ready = e.At
		}
	case promoted:
		f.now, f.up, f.open = Resync{}, false, -1
	case connectTimed, refused:
		r.Refused++
		r.Blocked = e.At
	case unanswered: // older versions say it in one line, newer ones in two
		if r.Free.After(r.Blocked) {
			r.Refused++
		}
		r.Blocked = e.At
	case connected:
		r.Free = e.At
	case requested:
		r.Asked, r.ID, r.Request = e.At, e.id, e.offset
		r.Lines = append(r.Lines, e.Place())
	case uncached:
		r.Asked, r.ID, r.Request = e.At, "", 0
		r.Lines = append(r.Lines, e.Place())
	case fullFrom:
		r.Full, r.Judged, r.Offset, r.HasOff = true, e.At, e.offset, true
		f.judged(e)
	case noPsync:
		r.Full, r.Judged, r.Reason = true, e.At, NoPSYNC
		f.judged(e)
	case continued:
		r.Judged = e.At
		f.judged(e)
	case receiving, flushing, loading, finished:
		f.progress(e)
	}
}

// lose notes the loss of a link, or of one that was about to be.
func (f *follower) lose(e *entry) {
	why := map[kind]string{lost: LostClosed, silence: LostSilence, bulkTimed: LostBulk, bulkFailed: LostBulk, following: LostOrder, started: LostRestart}[e.kind]
	if f.open >= 0 {
		r := &f.s.Resyncs[f.open]
		r.Failed = map[kind]string{lost: "the connection was lost", silence: "repl-timeout", bulkTimed: "repl-timeout", bulkFailed: e.message.text, following: "replicaof", started: "restart"}[e.kind]
		r.Lines = append(r.Lines, e.Place())
		f.open = -1
		why = LostBulk
	}
	if !f.now.Lost.IsZero() {
		return // the first loss opened the outage; silence is followed by lost
	}
	if f.up || why == LostBulk || e.kind == silence || e.kind == lost { // a log may begin with it
		f.now = Resync{Lost: e.At, LostWhy: why, Lines: []string{e.Place()}}
	}
	f.up = false
}

// judged ends what is known before the verdict.
func (f *follower) judged(e *entry) {
	r := f.now
	r.Replica = f.name
	r.Lines = append(r.Lines, e.Place())
	if r.Asked.IsZero() {
		r.Asked = e.At
	}
	f.s.Resyncs = append(f.s.Resyncs, r)
	i := len(f.s.Resyncs) - 1
	p := &f.s.Resyncs[i]
	f.now, f.open, f.up = Resync{}, -1, true
	if p.Full {
		f.open, f.up = i, false
		p.why(e)
	} else {
		p.Reason = ""
	}
	if p.Request > 0 && p.ID != "" && !p.Lost.IsZero() {
		f.s.points = append(f.s.points, point{p.Lost, p.ID, p.Request - 1})
	}
	if p.HasOff {
		f.s.points = append(f.s.points, point{p.Judged, e.id, p.Offset})
	}
}

// atOnce is how long a verdict may be under way. An answer that takes longer waited for
// its snapshot (repl-diskless-sync-delay), and has the offset of that moment.
const atOnce = 100 * time.Millisecond

// why reads the reason off the request and the answer.
func (r *Resync) why(e *entry) {
	switch {
	case r.Reason != "":
	case r.Request <= 0 || r.ID == "?":
		r.Reason = FirstSync
	case r.ID != e.id:
		r.Reason = IDMismatch
	case r.Request > e.offset+1:
		r.Reason = AheadOfMaster
	default:
		r.Reason = BelowBacklog
		r.Gap = Bytes{N: e.offset + 1 - r.Request, Known: true, AtMost: e.At.Sub(r.Asked) > atOnce}
	}
}

func (f *follower) progress(e *entry) {
	if f.open < 0 {
		return
	}
	r := &f.s.Resyncs[f.open]
	switch e.kind {
	case receiving:
		r.Received, r.Snapshot = e.At, e.bytes
	case flushing, loading:
		if r.Loaded.IsZero() {
			r.Loaded = e.At
		}
	case finished:
		r.Finished = e.At
		f.open, f.up = -1, true
	}
}

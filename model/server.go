package model

import (
	"strconv"
	"time"
)

// ServerConfig is what a process knows when it starts.
type ServerConfig struct {
	Name     string
	Profile  *Profile
	Settings Settings
	Master   string // replicaof in the config file; "" is a master
	Port     int    // announced as listening-port
	// IDSeed makes the node's run id and replication ids; two processes of one
	// run must not share it.
	IDSeed uint64
	// Booted is when the process started: now or before the run. The phase of
	// its cron and of its PINGs hangs on it.
	Booted Instant
	// Wall is the server's wall clock at instant 0, in nanoseconds; whole-second
	// comparisons use its floor.
	Wall int64
	// Bytes keeps real bytes in backlog and buffers.
	Bytes bool
	// LibcMalloc says that the server was built with the C library's allocator
	// and not with jemalloc: the sizes of real blocks differ.
	LibcMalloc bool
	// Data says that the process has keys from the beginning, other than those that
	// it loads from its disk.
	Data bool
	// CronLate is by how much each turn of its cron comes late; 0 is the constant
	// of that name, the most is MaxCronLate.
	CronLate time.Duration
	// EveryTick asks for a wake at each cron turn, also where nothing can happen.
	EveryTick bool
}

// Server is one process: the writing side (master.go), the reading side
// (replica.go) and the cron that drives both (cron.go). It is a Node.
type Server struct {
	cfg  ServerConfig
	prof *Profile
	set  Settings

	now     Instant
	out     []Output
	notes   []Event
	replies []byte // memory for what out sends
	began   Offset // mro before this step
	lone    bool   // this step appends one command

	idDraws uint64
	runID   ReplID
	id      ReplID    // replid; the run id for PSYNC1
	id2     ReplID    // replid2, ZeroID when unused
	second  Offset    // second_replid_offset, -1 when unused
	mro     Offset    // master_repl_offset: number of the last byte of this node's stream
	log     Backlog   // the history; nil without one
	blocks  *BlockLog // the same, where replicas share it (>= 7.0)
	lent    []Chunk   // of the history, with bytes, in what the last step put out: their pages are held
	// staleFirst and staleHist are what INFO shows of a freed backlog (<= 6.2).
	staleFirst Offset
	staleHist  int64
	// selected is false until the stream holds a SELECT that counts: after each
	// set-up of a full sync and after a promotion the next write repeats it
	// (slaveseldb = -1).
	selected        bool
	noReplicasSince int64 // unix second

	cron   cron
	expiry expiry
	child  child
	stop   stop
	// seen is the time at which the server last looked at its clock, unix
	// milliseconds; see looksAtClock.
	seen     int64
	pause    pause
	failover failover
	blocked  []blockedWait
	wantAcks bool  // a GETACK is to go out before the next sleep
	answered bool  // some client's WAIT was answered, and its next commands may be taken
	guarded  bool  // see minReplicas
	good     int64 // replicas that keep up, when they were last counted

	clients []*client // accepted connections, oldest first; replicas last, in the order in which they became some
	numbers int64     // numbers the accepted connections
	dead    []*client // for reuse
	stats   stats
	data    int64 // bytes of it in memory, as the driver told

	up   upstream
	disk disk
	aof  aof
	// wrote is master_repl_offset behind the last command of a client; turned says that
	// this step is one of serverCron.
	wrote  Offset
	turned bool
	keys   bool // the data set holds something, as far as is known
}

// stats are the counters of INFO's stats section, since the process started.
type stats struct {
	full, partialOK, partialErr int64
	netIn, netOut               int64 // bytes of links to masters; of links to replicas that have ended, and of snapshots
	overLimit                   int64 // connections closed for their output buffer
	expired, evicted            int64 // keys deleted
	unreplicated, oom           int64 // writes refused for want of replicas, and of memory
	unsaved, pings              int64 // writes refused because no snapshot could be saved, and PINGs
}

// child is the snapshot process.
type child struct {
	running bool
	socket  bool
	rewrite bool  // it rewrites the AOF
	saved   Saved // what its file remembers
	ended   bool  // waits to be noticed by the next serverCron turn
	failed  bool  // it was killed from without
	killed  bool  // it was of no use any more: ended, and its file is not there
	bytes   int64 // size of its file
}

var _ Node = (*Server)(nil)

// NewServer makes a process that waits for InStart.
func NewServer(c ServerConfig) *Server {
	s := &Server{}
	s.Reset(c)
	return s
}

// Reset makes the server as new, keeping its memory.
func (s *Server) Reset(c ServerConfig) {
	for _, cl := range s.clients {
		s.recycle(cl)
	}
	s.takeBack()
	if s.log != nil {
		s.log.Free()
	}
	*s = Server{cfg: c, prof: c.Profile, set: c.Settings, out: s.out[:0], lent: s.lent, notes: s.notes[:0], replies: s.replies[:0],
		clients: s.clients[:0], dead: s.dead, blocked: s.blocked[:0], up: s.up.cleared()}
	s.id2, s.second, s.cron.period = ZeroID, -1, turnPeriod(c.CronLate)
	s.up.conn = 0
	s.guard()
}

// newID makes the next identifier of this process: 40 hexadecimal characters
// from a counter-based mixer, because a node has no chance of its own.
func (s *Server) newID() ReplID {
	var b [40]byte
	var draw uint64
	for i := range b {
		if i%16 == 0 {
			s.idDraws++
			draw = mix64(s.cfg.IDSeed + s.idDraws*0x9e3779b97f4a7c15)
		}
		b[i] = "0123456789abcdef"[draw&15]
		draw >>= 4
	}
	return ReplID(b[:])
}

// mix64 is the finalizer of splitmix64: every input bit moves every output bit.
func mix64(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// clock is the server's unix time at an instant: the floor of its wall clock.
func (s *Server) clock(at Instant) int64 { return floorDiv(int64(at)+s.cfg.Wall, int64(time.Second)) }

// unix is the server's unix time now.
func (s *Server) unix() int64 { return s.clock(s.now) }

// reaches is the instant at which the server's clock shows the given second.
func (s *Server) reaches(second int64) Instant {
	return Instant(second*int64(time.Second) - s.cfg.Wall)
}

// floorDiv is the greatest number that b times is not above a, for b > 0.
func floorDiv(a, b int64) int64 {
	if a >= 0 {
		return int64(uint64(a) / uint64(b))
	}
	return -int64((uint64(-a) + uint64(b) - 1) / uint64(b))
}

func wholeSeconds(d time.Duration) int64 { return int64(d / time.Second) }

// Step takes one input. See Node.
func (s *Server) Step(now Instant, in *Input) []Output {
	if now < s.now {
		panic("model: time went back")
	}
	s.now, s.began, s.lone, s.turned = now, s.mro, false, false
	waiting := len(s.blocked) > 0
	s.out = s.out[:0]
	if len(s.lent) > 0 {
		s.takeBack()
	}
	s.notes, s.replies = s.notes[:0], s.replies[:0]
	s.up.ack, s.up.line = s.up.ack[:0], s.up.line[:0]
	if s.looksAtClock(in) {
		s.seen = s.millis()
	}
	switch in.Kind {
	case InStart:
		s.openAOF(in.Bytes)
		s.start(in.Restore)
	case InAppend:
		s.append(in)
	case InDelete:
		s.deleted(in)
	case InRefuse:
		s.stats.oom += in.Commands
	case InStream:
		s.stream(in)
	case InWake:
		s.wake()
	case InAccept:
		s.accept(in.Conn, in.Peer)
	case InUp:
		s.dialed(in.Conn)
	case InData:
		if in.Conn < 0 {
			s.clientData(in.Conn, in.Data)
		} else {
			s.upstreamData(in.Conn, in.Data)
		}
	case InBulk:
		s.bulk(in.Conn, in.Bytes)
	case InSent:
		s.snapshotSent(in.Conn, in.Bytes)
	case InDown:
		if in.Conn < 0 {
			s.clientDown(in.Conn, in.Why)
		} else {
			s.upstreamDown(in.Conn, in.Why)
		}
	case InSnapshotDone:
		s.childSaved(in.Bytes)
	case InLoaded:
		if in.Conn == 0 {
			s.booted(in.Commands, int(in.Bytes))
		} else {
			s.loaded(in.Conn, in.Count > 0)
		}
	case InReplicaOf, InConfigSet, InFailover, InClientPause, InWait, InWaitAOF, InClientKill, InSave, InRewrite:
		s.ordered(in)
	case InStop:
		if in.Save && !s.Loading() {
			s.saved(s.saveInfo(), 0)
		}
		s.note(Event{Kind: EvStopped, Offset: s.mro, Why: WhyStopped})
		s.cron.running = false
	case InShutdown:
		s.order(in)
	case InStall:
		s.stalled(in.Conn, in.Chunk.From)
	case InSnapshotHeld:
		s.held(in)
	case InChildKill:
		s.childKilled()
	case InThawed:
		s.cron.thaw(in.Since, now)
	case InAcks:
		s.noteAcks(in)
	default:
		panic("model: unknown input " + strconv.Itoa(int(in.Kind)))
	}
	if in.Kind != InAppend && in.Kind != InRefuse && in.Kind != InStop && in.Kind != InAcks && !s.Loading() && !s.midTurn() {
		s.beforeSleep()
		if s.aof.state != aofOff && (s.turned || isOrder(in.Kind) || waiting && in.Kind == InData) {
			s.aofTurn()
		}
	}
	if s.blocks != nil {
		s.settle()
	}
	out, notes := s.out, s.notes
	for i := range out { // their slice may have moved while it grew: point into it now
		if len(notes) == 0 {
			break
		}
		if o := &out[i]; o.Kind == OutNote {
			o.Event, notes = &notes[0], notes[1:]
		}
	}
	return out
}

// start brings the process up: identity first, then what is on disk (facts:
// 1.2, 1.9).
func (s *Server) start(saved *Saved) {
	s.runID = s.newID()
	s.id = s.runID
	if s.prof.PSYNC == 2 {
		s.id = s.newID()
	}
	s.noReplicasSince = s.clock(s.cfg.Booted)
	s.keys = saved != nil || s.cfg.Data
	s.note(Event{Kind: EvStarted, ID: s.id, Text: s.prof.Name})
	s.disk.lastSave, s.disk.plan = s.clock(s.cfg.Booted), savePlan{}
	if s.up.host = s.cfg.Master; s.up.host != "" {
		s.up.state = upConnect
		s.note(Event{Kind: EvFollows, Peer: s.up.host})
	}
	if saved != nil {
		s.boot(*saved)
		return
	}
	s.cron.start(s.cfg.Booted, s.now)
}

func (s *Server) configSet(set *Settings) {
	old, unsaved := s.set, s.refusesUnsaved()
	s.set, s.disk.plan = *set, savePlan{}
	s.guard()
	switch {
	case set.AppendOnly && !old.AppendOnly:
		s.startAOF()
	case !set.AppendOnly:
		s.stopAOF()
	}
	s.noteUnsaved(unsaved)
	s.cron.peerDue, s.cron.look = 0, true // repl-timeout and limits may be others: look at the next turn
	if s.set.BacklogSize < MinBacklog {
		s.set.BacklogSize = MinBacklog
	}
	if s.set.MinReplicas != old.MinReplicas || s.set.MinReplicasLag != old.MinReplicasLag {
		s.countGood()
	}
	if s.set.BacklogSize == old.BacklogSize || s.log == nil {
		return
	}
	s.log.Resize(s.set.BacklogSize)
	s.note(Event{Kind: EvBacklogResized, Bytes: s.set.BacklogSize, First: s.log.First(), Hist: s.log.Len()})
}

func (s *Server) note(e Event) {
	s.notes = append(s.notes, e)
	s.put(OutNote)
}

func (s *Server) send(c ConnID, data []byte) {
	o := s.put(OutSend)
	o.Conn, o.Data = c, data
}

// put is a new output, where it lies until the next one: the caller fills it in.
func (s *Server) put(kind OutputKind) *Output {
	n := len(s.out)
	if n == cap(s.out) {
		s.out = append(s.out, Output{})
	} else {
		s.out = s.out[:n+1]
		s.out[n] = Output{}
	}
	o := &s.out[n]
	o.Kind = kind
	return o
}

func (s *Server) hangup(c ConnID, why Why) {
	s.out = append(s.out, Output{Kind: OutHangup, Conn: c, Why: why})
}

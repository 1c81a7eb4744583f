package sim

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"psyncsim/model"
	"psyncsim/sim/trace"
)

// World is one run: servers, links, loads and faults on one virtual clock.
//
// Order at one instant: client writes first, then stream bytes that arrive, then
// replicas' ACKs and segments, then queued events in the order in which they were scheduled, and last the
// timers of the servers, in the order of the servers. The faults of the
// scenario were scheduled first of all. Timers have a place of their own because
// when they are scheduled depends on which idle ticks are folded.
type World struct {
	cfg    *Config
	queue  Queue
	hosts  []*host
	links  []link
	conns  []*conn
	watch  []trace.Watcher
	in     model.Input
	pieces []int64 // memory for in.Pieces
	last   ringLog
	events int64
	until  model.Instant // the end of the present playTo
	asked  int64         // events when Interrupt was asked
	// Interrupt, if it is set, is asked now and then whether to break the run off.
	Interrupt func() bool
	probes    []*Probe
	calm      model.Instant // the instant of the last event
	turns     int           // events at it
	turn      uint64        // counts the steps of servers: see flow.unsent
	begun     bool          // the turn of the next write has begun, with deletions
	// Memory for bytes that are made.
	pages  model.Pages
	copies model.Pages // of bytes that lie in several pages, see oneAfterOther
	page   *model.Page
	atMost int // bytes of a piece on its way; 0: as many as lie together. For tests: nothing may hang on it
	// While a replica takes stream bytes: whence, and since when it could.
	via   *conn
	since model.Instant
	exec  model.Offset // of a host with a stream of its own: its master's byte with which its next command begins
	shift model.Offset // its offsets are so much smaller than its master's: it was given none (SYNC)
	// listener and serial serve runs that are played by hand; see Listen.
	listener   Listener
	serial     int
	loads      []*load // one per load of the configuration
	touched    []int32 // connections of segments that have more to send
	readersOf  []int32 // memory for a list of connections
	tap        SegmentTap
	fore       foresight
	folds      bool    // ACKs need be no events; see acks.go
	segmented  bool    // a link carries segments
	longest    int64   // bytes of the longest command of a load, at least
	faultOrder []int32 // the faults as they come
	faults     int     // so many of them were scheduled
	faultRank  uint64  // of the first
	// reused are the names under which a process has begun more than one stream; see joined.
	reused []model.ReplID
	ackIn  model.Input // memory for what a lane tells
	ack    []byte      // and for an ACK
}

// host is a machine with one server process.
type host struct {
	cfg   *ServerConfig
	index int
	srv   *model.Server
	log   *streamLog
	src   writes
	loads []*load
	// longest is the length of the longest command of src, at least.
	longest int64
	each    int64         // bytes of every command of src, 0 if they differ
	next    int64         // commands of src before it were written or refused
	done    model.Instant // brought up to date to here
	alive   bool
	frozen  int  // how many pauses hold it
	down    int  // how many restarts and crashes keep it down
	dark    bool // its machine has no power
	since   model.Instant
	gen     uint32 // counts processes; a wake of an older one is void
	wakeAt  model.Instant
	snap    uint32 // counts snapshots; the end of a killed one is void
	feed    feeding
	disk    disk
	image   image // what the snapshot under way holds
	left    *model.Saved
	// A load from disk, or after a full sync: when it began, and when it ends.
	loadAt, loadEnd model.Instant
	loadsKeys       bool  // what is loaded holds some
	stuck           bool  // it loads from its socket, and something waits until it looks at the others
	expired         int64 // keys that the next process finds expired, and the length of their names
	expiredName     int

	accepted model.ConnID
	conns    []int32 // connections of which it is an end
	deferred []event // what reached it while it was frozen
	dataset  int64
	relays   bool // a replica with replicas: what it passes on is noted; see relayed
	stopSave bool // a shutdown that waits will save
	ending   bool // it writes its last snapshot
	stopEnd  int  // the fault whose end counts from the end of this process, plus 1
	epoch    uint32
	life     uint32 // counts its streams: see own
	// writeEnds is the soft limit's end for which the next write is an event.
	writeEnds model.Instant
	// held are the commands of src that wait for the end of a pause; resumes says
	// that it has come.
	held    []commands
	resumes bool
	// took is what a host with a stream of its own took from its masters; see lives.
	took []span
	// torn is the offset behind the rest of a command with which it continued another
	// stream than its own; see joined. 0 if it did not.
	torn model.Offset
	// dials counts how often it dialed in the second dialsIn; see Spinning.
	dialsIn model.Instant
	dials   int
	// request is the line with which its process asked to be synchronized last.
	request string
	// loneAt is the next event of watchLone, 0 without one.
	loneAt  model.Instant
	waiting []Written // likewise, of WriteCommands
	taken   int64     // see Taken
	// relayAt is the next event of watchRelay, 0 without one; estimated says that
	// it is being worked out.
	relayAt   model.Instant
	estimated bool
	asked     bool          // it is being brought up to date
	counts    bool          // its clients' writes were part of a stream when it was last stepped
	limit     int64         // bytes of src at which an output buffer comes to a limit; 0 without
	keys      *keyspace     // keys with a time to live; nil without any
	wall      int64         // nanoseconds of its wall clock at instant 0, of a second
	origin    int           // the host whose clients wrote its data, plus 1
	expiring  bool          // the cycle is due
	memoryAt  model.Instant // the next event of watchMemory
	folded    int32         // the connection on which its ACKs are no events, plus 1
	ackAt     model.Instant // the first turn of those that was not played; see acks.go
	ackFrom   model.Offset  // its first byte behind what it had before ackAt, if it has heard more since; see bringLate
	late      bool          // it hears more, though turns at which it sends ACKs were not played
	follows   bool          // it is known of its server that it OnlyFollows
	holds     int           // see hold
	stale     bool          // rearm is to be called
	noted     bool          // it did more than to write its clients' commands into its stream
	lanes     int           // connections to it on which ACKs are no events
}

// commands are those of a load with numbers [first, next).
type commands struct{ first, next int64 }

// span says that the bytes from `from` on were written by one process in one
// life: two histories are the same where their spans are.
type span struct {
	from  model.Offset
	epoch uint64
}

type eventKind uint8

const (
	evFault eventKind = iota
	evFaultEnd
	evWake
	evSYN      // a connect attempt reaches the wire
	evAccept   // the acceptor learns of the connection
	evUp       // the dialer learns of it
	evDeliver  // the first item of a pipe has arrived
	evFlowFin  // the end of a flow and of its connection has arrived
	evSent     // the snapshot at the head has left
	evFed      // the readers of a child have what it was to write by now
	evHeld     // a server learns that a reader's socket is full, or not any more
	evGiveUp   // a write of a child has waited for too long
	evTaken    // the same, for a sender that was frozen then
	evDown     // one side learns that the connection is gone
	evSnapshot // the snapshot child ends
	evLoaded   // a received snapshot is in memory
	evWrite    // per-write mode: the next client write
	evSample   // charts
	evMark     // the same, at one moment
	evCut      // a connection is reset: so much was to pass
	evStall    // a server learns how much a socket takes
	evLimit    // the write that fills an output buffer
	evExit     // a process ends by itself
	evSegment  // a connection of segments has something to do
	evRead     // a server that could not read before looks at a connection of segments
	evSaveEnd  // a process has written its snapshot itself
	evPump     // a process that loads from its socket looks at the others
	evAsk      // servers are asked for INFO
)

// event is small and holds no pointer, so that the queue is plain memory.
type event struct {
	kind   eventKind
	side   uint8
	why    model.Why
	listed bool // a fault of the scenario as it comes; see nextFault
	host   int32
	conn   int32
	gen    uint32
}

// ErrStopped is the end of a run that Interrupt broke off.
var ErrStopped = errors.New("sim: stopped")

// Run plays the whole of the configured duration. The error is a *Violation
// when a promise of the simulator broke, a *Spinning when a scenario has no end.
func (w *World) Run() (err error) {
	defer w.violated(&err)
	w.tell(0, "world", model.Event{Kind: trace.Began, Seed: w.cfg.Seed})
	for _, at := range w.cfg.Asks {
		w.queue.Push(model.Instant(at), event{kind: evAsk})
	}
	w.orderFaults()
	w.nextFault()
	for i := range w.hosts {
		w.boot(w.hosts[i], nil, nil)
	}
	if w.cfg.PerWrite || w.cfg.Bytes {
		for i, h := range w.hosts {
			if h.src != nil {
				w.scheduleWrite(i)
			}
		}
	}
	if w.cfg.Sample > 0 {
		w.queue.Push(0, event{kind: evSample})
	}
	w.pumpAll()
	w.foldFrom()
	return w.playTo(model.Instant(w.cfg.Duration))
}

// Continue plays on from where Run or Continue ended, until a later moment, at most
// Config.Horizon. All that happens is what would have happened in one run of that
// length; watchers are told everyone's INFO and the end (trace.Ended) once more.
func (w *World) Continue(until time.Duration) (err error) {
	if now := time.Duration(w.queue.Now()); until < now || until > w.cfg.horizon() {
		return fmt.Errorf("sim: a run that ended at %v cannot go on until %v; its horizon is %v", now, until, w.cfg.horizon())
	}
	defer w.violated(&err)
	return w.playTo(model.Instant(until))
}

// violated makes an error of a panic; to be deferred.
func (w *World) violated(err *error) {
	switch r := recover().(type) {
	case nil:
	case *Spinning:
		*err = r
	default:
		*err = &Violation{What: fmt.Sprint(r), Seed: w.cfg.Seed, Last: w.last.records()}
	}
}

// playTo plays everything up to end, and tells what there is then.
func (w *World) playTo(end model.Instant) error {
	w.until = end
	for {
		e := w.queue.Pop(end)
		if e == nil {
			break
		}
		if w.events++; w.events>>6 != w.asked>>6 { // steps that need no event count too; see race
			if w.asked = w.events; w.Interrupt != nil && w.Interrupt() {
				return ErrStopped
			}
		}
		if w.handle(e); len(w.touched) > 0 {
			w.pumpAll()
		}
	}
	w.finish(end)
	return nil
}

// foldFrom lets ACKs be no events from now on, if nobody listens and no switch is set.
func (w *World) foldFrom() {
	w.folds = !w.cfg.EveryTick && w.listener == nil && w.tap == nil && len(w.probes) == 0
}

// orderFaults puts the faults of the scenario in the order in which they come.
func (w *World) orderFaults() {
	w.faultOrder = w.faultOrder[:0]
	for i := range w.cfg.Faults {
		w.faultOrder = append(w.faultOrder, int32(i))
	}
	slices.SortStableFunc(w.faultOrder, func(a, b int32) int {
		return int(min(max(w.cfg.Faults[a].At-w.cfg.Faults[b].At, -1), 1))
	})
	w.faults, w.faultRank = 0, w.queue.Reserve(uint64(len(w.faultOrder)))
}

// nextFault schedules the next fault of the scenario, when the one before it has come: at
// the place that it has among the events of its instant since the run began. A queue is
// the faster the less is pending.
func (w *World) nextFault() {
	if n := w.faults; n < len(w.faultOrder) {
		w.faults++
		w.queue.PushReserved(model.Instant(w.cfg.Faults[w.faultOrder[n]].At), w.faultRank+uint64(n), event{kind: evFault, host: w.faultOrder[n], listed: true})
	}
}

// step speaks to a server and obeys it.
func (w *World) step(h *host, at model.Instant) {
	if h.folded > 0 || h.lanes > 0 {
		w.beforeStep(h, at)
	}
	w.turn++
	outs := h.srv.Step(at, &w.in)
	for i := range outs {
		o := &outs[i]
		if o.Kind == model.OutNote {
			h.noted = true
			w.noted(h, at, o.Event)
			continue
		}
		h.noted = h.noted || o.Kind != model.OutFeed || o.Literal
		w.obey(h, at, o)
	}
	if h.expiring { // a part of serverCron; who waited for the end of a pause comes after it
		h.expiring = false
		w.expire(h, at)
	}
	if h.resumes {
		w.retry(h, at)
	}
	w.watchRoom(h)
	w.rearm(h)
	if h.stuck && h.frozen == 0 && !h.srv.Loading() {
		w.unstick(h)
	}
}

// stepAppend is step for client writes [first, next): a literal command that
// the server puts before them was written with the first of them. held says that
// all of them waited until now.
//
// Each command was sent before the next one came: only the last one, and what was deleted
// for it, is what the server wrote in this turn. Those that waited are all of the turn that let them go.
func (w *World) stepAppend(h *host, at model.Instant, first, next int64, held bool) {
	if !held && !w.begun {
		w.turn++
	}
	outs := h.srv.Step(at, &w.in)
	for i := range outs {
		o := &outs[i]
		if o.Kind != model.OutFeed {
			h.noted = true
			w.obey(h, at, o)
			continue
		}
		if o.Literal {
			h.noted = true
			began := at
			if !held {
				began = h.src.when(first)
			}
			w.literal(h, began, o)
		} else {
			h.log.appendRun(o.Chunk.From, first, h.src.bytes(first), h.src.bytes(next), at, held)
			w.own(h, o.Chunk.From)
		}
		sent := model.Offset(0)
		if !o.Literal && !held && next > first+1 {
			sent = o.Chunk.To - model.Offset(h.src.size(next-1))
		}
		if w.forward(h, at, &o.Chunk, sent); o.Literal {
			w.lookBelow(h, 0)
		}
	}
	w.rearm(h)
}

// Events is how many events the run has played.
func (w *World) Events() int64 { return w.events }

// tell gives a fact to all watchers.
func (w *World) tell(at model.Instant, node string, e model.Event) { w.tellOf(at, node, &e) }

// tellOf is tell for a fact that lies somewhere already.
func (w *World) tellOf(at model.Instant, node string, e *model.Event) {
	r := w.last.next()
	r.At, r.Node = at, node
	r.Event = *e
	if e.Kind == model.EvLost {
		w.mark()
	}
	for _, x := range w.watch {
		x.Observe(r)
	}
}

package sim

import (
	"fmt"
	"slices"
	"time"

	"psyncsim/model"
	"psyncsim/sim/trace"
)

// World is one run: servers, links, loads and faults on one virtual clock.
//
// Order at one instant: client writes first, then stream bytes that arrive,
// then queued events in the order in which they were scheduled, and last the
// timers of the servers, in the order of the servers. The faults of the
// scenario were scheduled first of all. Timers have a place of their own because
// when they are scheduled depends on which idle ticks are folded.
type World struct {
	cfg    *Config
	queue  Queue[event]
	hosts  []*host
	links  []link
	conns  []*conn
	watch  []trace.Watcher
	rec    trace.Record
	in     model.Input
	last   ringLog
	events int64
	probes []*Probe
	calm   model.Instant // the instant of the last event
	turns  int           // events at it
	// While a replica takes stream bytes: whence, and since when it could.
	via   *conn
	since model.Instant
	shift model.Offset // its offsets are so much smaller than its master's: it was given none (SYNC)
	// listener and serial serve runs that are played by hand; see Listen.
	listener Listener
	serial   int
	loads    []*load // one per load of the configuration
}

// host is a machine with one server process.
type host struct {
	cfg    *ServerConfig
	index  int
	srv    *model.Server
	log    *streamLog
	src    writes
	loads  []*load
	next   int64         // commands of src before it were written or refused
	done   model.Instant // brought up to date to here
	alive  bool
	frozen int // how many pauses hold it
	down   int // how many restarts and crashes keep it down
	since  model.Instant
	gen    uint32 // counts processes; a wake of an older one is void
	wakeAt model.Instant
	snap   uint32 // counts snapshots; the end of a killed one is void
	saved  *model.Saved

	accepted model.ConnID
	conns    []int32 // connections of which it is an end
	deferred []event // what reached it while it was frozen
	dataset  int64
	relays   bool // a replica with replicas: each command is an event
	stopSave bool // a shutdown that waits will save
	stopEnd  int  // the fault whose end counts from the end of this process, plus 1
	epoch    uint32
	// writeEnds is the soft limit's end for which the next write is an event.
	writeEnds model.Instant
	asked     bool  // it is being brought up to date
	limit     int64 // bytes of src at which an output buffer comes to a limit; 0 without
}

// span says that the bytes from `from` on were written by one process in one
// life: two histories are the same where their spans are.
type span struct {
	from  model.Offset
	epoch uint32
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
	evTaken    // the same, for a sender that was frozen then
	evDown     // one side learns that the connection is gone
	evSnapshot // the snapshot child ends
	evLoaded   // a received snapshot is in memory
	evWrite    // per-write mode: the next client write
	evSample   // charts
	evStall    // a server learns how much a socket takes
	evLimit    // the write that fills an output buffer
	evExit     // a process ends by itself
)

// event is small and holds no pointer, so that the queue is plain memory.
type event struct {
	kind eventKind
	side uint8
	why  model.Why
	host int32
	conn int32
	gen  uint32
}

// New makes a world for a configuration; Run may be called once per Reset.
func New(c *Config, watch ...trace.Watcher) (*World, error) {
	w := &World{}
	if err := w.Reset(c, watch...); err != nil {
		return nil, err
	}
	return w, nil
}

// Reset prepares for a run of c, keeping memory of earlier runs.
func (w *World) Reset(c *Config, watch ...trace.Watcher) error {
	if err := c.check(); err != nil {
		return err
	}
	same := w.cfg != nil && len(c.Loads) > 0 && len(w.cfg.Loads) == len(c.Loads) && &w.cfg.Loads[0] == &c.Loads[0] && w.cfg.Duration == c.Duration
	w.cfg, w.watch = c, append(w.watch[:0], watch...)
	if err := w.resetLoads(same); err != nil {
		return err
	}
	w.queue.Reset(0)
	w.calm, w.turns = 0, 0
	w.last.reset()
	w.events = 0
	w.probes = w.probes[:0]
	w.listener, w.serial = nil, 0
	for i, cn := range w.conns {
		if cn.live {
			w.release(int32(i))
		}
	}
	for len(w.hosts) < len(c.Servers) {
		w.hosts = append(w.hosts, &host{})
	}
	w.hosts = w.hosts[:len(c.Servers)]
	for i := range w.hosts {
		w.resetHost(i)
	}
	w.resetLinks()
	return nil
}

func (w *World) resetHost(i int) {
	h, sc := w.hosts[i], &w.cfg.Servers[i]
	old := *h
	*h = host{cfg: sc, index: i, srv: old.srv, log: old.log, loads: old.loads[:0], conns: old.conns[:0],
		deferred: old.deferred[:0], gen: old.gen + 1, snap: old.snap + 1, dataset: sc.Dataset, wakeAt: -1}
	for j := range w.cfg.Loads {
		if w.cfg.Loads[j].Server == i {
			h.loads = append(h.loads, w.loads[j])
		}
	}
	switch len(h.loads) {
	case 0:
	case 1:
		h.src = h.loads[0]
	default:
		h.src = &merged{parts: h.loads}
	}
	if h.log == nil {
		h.log = &streamLog{}
	}
	h.log.reset(h.src)
	for j := range w.cfg.Servers {
		if sc.ReplicaOf != "" && w.cfg.Servers[j].ReplicaOf == sc.Name {
			h.relays = true
		}
	}
	if sc.Manual && len(w.cfg.Servers) > 2 {
		h.relays = true // played by hand: roles may change
	}
	for _, f := range w.cfg.Faults { // roles may change: then anyone may come to relay
		if f.Kind == FaultReplicaOf {
			h.relays = true
		}
	}
}

// resetLoads gives every load the run's seed. Another run of the same sweep
// point reuses what was worked out for it.
func (w *World) resetLoads(same bool) error {
	if same {
		for j, l := range w.loads {
			l.reset(w.cfg.Seed, streamLoad+uint64(j))
		}
		return nil
	}
	w.loads = w.loads[:0]
	for j := range w.cfg.Loads {
		l, err := newLoad(&w.cfg.Loads[j], w.cfg.Duration, w.cfg.Seed, streamLoad+uint64(j))
		if err != nil {
			return fmt.Errorf("workload %d: %w", j, err)
		}
		w.loads = append(w.loads, l)
	}
	return nil
}

// The numbers of the streams of chance: more draws in one move no other.
const (
	streamServer uint64 = 1 << 32
	streamLoad   uint64 = 2 << 32
)

func (w *World) resetLinks() {
	// Connections point into it: it must never move.
	n := len(w.cfg.Servers)
	w.links = slices.Grow(w.links[:0], n*(n-1)/2)
	for _, l := range w.cfg.Links {
		w.addLink(l)
	}
}

func (w *World) addLink(l LinkConfig) *link {
	a, b := min(l.A, l.B), max(l.A, l.B)
	w.links = append(w.links, link{a: a, b: b, latency: model.Instant(l.Latency), ps: psPerByte(l.Bandwidth),
		name: w.cfg.Servers[l.A].Name + "-" + w.cfg.Servers[l.B].Name})
	return &w.links[len(w.links)-1]
}

// linkOf is the number of the link between two hosts, made on first use.
func (w *World) linkOf(a, b int) int {
	if a > b {
		a, b = b, a
	}
	for i := range w.links {
		if w.links[i].a == a && w.links[i].b == b {
			return i
		}
	}
	d := DefaultLink
	d.A, d.B = a, b
	w.addLink(d)
	return len(w.links) - 1
}

// Run plays the whole of the configured duration. The error is a *Violation
// when a promise of the simulator broke.
func (w *World) Run() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &Violation{What: fmt.Sprint(r), Seed: w.cfg.Seed, Last: w.last.records()}
		}
	}()
	w.tell(0, "world", model.Event{Kind: trace.Began, Bytes: int64(w.cfg.Seed)})
	for _, i := range w.faultOrder() {
		w.queue.Push(model.Instant(w.cfg.Faults[i].At), event{kind: evFault, host: int32(i)})
	}
	for i := range w.hosts {
		w.boot(w.hosts[i], nil)
	}
	if w.cfg.PerWrite {
		for i, h := range w.hosts {
			if h.src != nil {
				w.scheduleWrite(i)
			}
		}
	}
	if w.cfg.Sample > 0 {
		w.queue.Push(0, event{kind: evSample})
	}
	end := model.Instant(w.cfg.Duration)
	for {
		e, ok := w.queue.Pop(end)
		if !ok {
			break
		}
		w.events++
		w.handle(e)
	}
	w.finish(end)
	return nil
}

func (w *World) faultOrder() []int {
	order := make([]int, len(w.cfg.Faults))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return int(min(max(w.cfg.Faults[a].At-w.cfg.Faults[b].At, -1), 1))
	})
	return order
}

// boot starts a process on a host.
func (w *World) boot(h *host, restore *model.Saved) {
	now := w.queue.Now()
	stream := streamServer + uint64(h.index)<<8
	uptime, wall := h.cfg.Uptime, h.cfg.Wall
	if uptime < 0 {
		uptime = time.Duration(uniform(draw(w.cfg.Seed, stream, 0), uint64(time.Minute)))
	}
	if wall < 0 {
		wall = time.Duration(uniform(draw(w.cfg.Seed, stream, 1), uint64(time.Second)))
	}
	booted := -model.Instant(uptime)
	if h.epoch > 0 || h.cfg.Manual {
		booted = now // started in the course of the run
	}
	h.gen++
	h.epoch++
	c := model.ServerConfig{Name: h.cfg.Name, Profile: h.cfg.Profile, Settings: h.cfg.Settings, Master: h.cfg.ReplicaOf,
		Port: 6379 + h.index, LibcMalloc: h.cfg.LibcMalloc, IDSeed: draw(w.cfg.Seed, stream+uint64(h.epoch), 2), Booted: booted,
		Wall: wallEpoch*int64(time.Second) + int64(wall), Bytes: w.cfg.Bytes, EveryTick: w.cfg.EveryTick}
	if h.srv == nil {
		h.srv = model.NewServer(c)
	} else {
		h.srv.Reset(c)
	}
	h.alive, h.done = true, now
	if h.src != nil {
		h.next = h.src.upto(now)
		if now == 0 {
			h.next = 0
		}
	}
	lives := h.log.lives
	w.newLog(h) // nobody can be sent what an earlier process wrote
	keeps := h.cfg.Profile.RestartKeepsID
	if h.cfg.ReplicaOf == "" {
		keeps = h.cfg.Profile.MasterRestart
	}
	if restore != nil && keeps {
		h.log.lives = append(h.log.lives, upTo(lives, restore.Offset+1)...) // what the snapshot holds of it
	}
	w.in = model.Input{Kind: model.InStart, Restore: restore}
	w.step(h, now)
}

// newLog begins a host's stream anew. What is on its way of the old one belongs
// to the old one.
func (w *World) newLog(h *host) {
	for _, ci := range h.conns {
		for s := range w.conns[ci].pipes {
			if f := &w.conns[ci].pipes[s].flow; f.on && f.log == h.log {
				h.log = &streamLog{}
			}
		}
	}
	h.log.reset(h.src)
}

// mostAtOnce is how many events one instant may have. A replica whose master
// hangs up on it at once comes back at once; only latency makes that take time.
const mostAtOnce = 1_000_000

// wallEpoch is the server's unix time at instant 0, in seconds: any date does.
const wallEpoch = 1_600_000_000

// bring makes a host know all that happened to it by t without an event of its
// own: stream bytes that arrived, client writes.
func (w *World) bring(h *host, t model.Instant) {
	if h.done >= t || !h.alive || h.frozen > 0 || h.asked {
		return
	}
	if c := w.upstreamOf(h); c != nil {
		h.asked = true // servers that follow each other in a ring ask no further
		w.receive(h, c, t)
		h.asked = false
	}
	h.done = t
	if h.src == nil {
		return
	}
	n := h.src.upto(t)
	if n <= h.next {
		return
	}
	first := h.next
	h.next = n
	if !h.srv.Counts() {
		return
	}
	w.in = model.Input{Kind: model.InAppend, Bytes: h.src.bytes(n) - h.src.bytes(first), Commands: n - first}
	if w.cfg.Bytes {
		data := make([]byte, 0, w.in.Bytes)
		for k := first; k < n; k++ {
			data = h.src.fill(data, k)
		}
		w.in.Data = data
	}
	w.appending(h, first, n)
}

// appending steps a host through client writes and notes where they stand.
func (w *World) appending(h *host, first, next int64) {
	h.log.trim(w.floor(h))
	w.stepAppend(h, h.src.when(next-1), first, next)
}

// floor is the first byte of a host's stream that may still be asked for.
func (w *World) floor(h *host) model.Offset {
	floor := h.srv.MRO() + 1
	if f, n := h.srv.History(); n > 0 {
		floor = min(floor, f)
	}
	floor = min(floor, h.srv.Buffered())
	for _, ci := range h.conns {
		c := w.conns[ci]
		for s := range c.pipes {
			if f := &c.pipes[s].flow; f.on && f.log == h.log {
				floor = min(floor, f.arrived+1)
			}
		}
	}
	return floor
}

// upstreamOf is the connection on which a host receives a stream, if any.
func (w *World) upstreamOf(h *host) *conn {
	for _, ci := range h.conns {
		c := w.conns[ci]
		if c.dialer == h.index && !c.told[fromDialer] && c.up {
			return c
		}
	}
	return nil
}

// receive delivers what has arrived at the dialer of c by t: progress of a
// snapshot, then stream.
func (w *World) receive(h *host, c *conn, t model.Instant) {
	p := &c.pipes[fromAcceptor]
	if c.frozen || !h.srv.Reads(c.ids[fromDialer]) {
		return
	}
	if p.head < len(p.items) {
		w.progress(h, c, p, t)
		return
	}
	f := &p.flow
	if !f.on {
		return
	}
	src := w.hosts[f.src]
	if !p.fin {
		w.bring(src, t)
	}
	o := f.arrivedBy(t, c.link.latency, c.link.ps)
	if o <= f.arrived {
		return
	}
	l := f.before
	at := min(t, f.arrivalOf(o, &l, c.link.latency, c.link.ps))
	w.take(h, c, f, o, max(at, h.lastStep()))
}

// lastStep is the least instant at which the host may be stepped.
func (h *host) lastStep() model.Instant { return h.srv.Now() }

// take hands the stream bytes up to o to a replica.
func (w *World) take(h *host, c *conn, f *flow, o model.Offset, at model.Instant) {
	ch := model.Chunk{From: f.arrived + 1, To: o + 1, Bound: f.log.bound(o, f.arrived+1)}
	if w.cfg.Bytes {
		n := ch.Bytes()
		ch.Data = f.data[:n:n]
		f.data = f.data[n:]
		w.compare(f, ch)
	}
	f.arrived = o
	c.pipes[fromAcceptor].delivered += ch.Bytes()
	w.via, w.since, w.shift = c, h.lastStep(), ch.From-(h.srv.Read()+1)
	w.follow(h, f.log, ch, w.shift)
	w.in = model.Input{Kind: model.InStream, Conn: c.ids[fromDialer], Chunk: ch}
	w.step(h, at)
}

// progress tells a receiver how much of a snapshot has arrived: its timers hang
// on the last byte heard.
func (w *World) progress(h *host, c *conn, p *pipe, t model.Instant) {
	it := &p.items[p.head]
	if it.kind != itemBulk {
		return
	}
	served := int64(t-c.link.latency)*1000 - it.start
	if served <= 0 {
		return
	}
	n := it.n
	if it.ps > 0 {
		n = min(it.n, served/it.ps)
	}
	if n = min(n, it.n-1); n <= it.arrived { // the last byte is an event
		return
	}
	at := max(psCeil(it.start+n*it.ps)+c.link.latency, h.lastStep())
	delta := n - it.arrived
	it.arrived = n
	p.delivered += delta
	w.in = model.Input{Kind: model.InBulk, Conn: c.ids[fromDialer], Bytes: delta}
	w.step(h, at)
}

// step speaks to a server and obeys it.
func (w *World) step(h *host, at model.Instant) {
	outs := h.srv.Step(at, &w.in)
	for i := range outs {
		w.obey(h, at, &outs[i])
	}
	w.rearm(h)
}

// stepAppend is step for client writes [first, next): a literal command that
// the server puts before them was written with the first of them.
func (w *World) stepAppend(h *host, at model.Instant, first, next int64) {
	outs := h.srv.Step(at, &w.in)
	for i := range outs {
		o := &outs[i]
		if o.Kind != model.OutFeed {
			w.obey(h, at, o)
			continue
		}
		if o.Literal {
			w.literal(h, h.src.when(first), o.Chunk)
		} else {
			h.log.appendRun(o.Chunk.From, first, next)
			w.own(h, o.Chunk)
		}
		w.forward(h, o.Chunk)
	}
	w.rearm(h)
}

// rearm schedules the host's next wake.
func (w *World) rearm(h *host) {
	w.watchLimit(h)
	d := max(h.srv.Deadline(), w.queue.Now())
	if d == h.wakeAt {
		return
	}
	h.wakeAt = d
	if d != model.Never {
		w.queue.PushLast(d, uint64(h.index), event{kind: evWake, host: int32(h.index), gen: h.gen})
	}
}

// Events is how many events the run has played.
func (w *World) Events() int64 { return w.events }

// tell gives a fact to all watchers.
func (w *World) tell(at model.Instant, node string, e model.Event) {
	w.rec = trace.Record{At: at, Node: node, Event: e}
	w.last.add(&w.rec)
	for _, x := range w.watch {
		x.Observe(&w.rec)
	}
}

// scheduleWrite makes an event of the next client write of a host.
func (w *World) scheduleWrite(i int) {
	h := w.hosts[i]
	if at := h.src.when(max(h.next, h.src.upto(w.queue.Now()))); at != model.Never {
		w.queue.Push(at, event{kind: evWrite, host: int32(i)})
	}
}

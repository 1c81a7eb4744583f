package sim

import (
	"slices"

	"psyncsim/model"
	"psyncsim/sim/trace"
)

// The methods of this file let a program play a run by hand, step by step: to
// repeat an experiment that was made on real servers, or a lesson. A world that
// is played by hand is begun with Begin instead of Run.

// Begin makes the world ready at instant 0. Servers whose configuration says
// Manual wait for Start.
func (w *World) Begin() {
	w.tell(0, "world", model.Event{Kind: trace.Began, Seed: w.cfg.Seed})
	for _, h := range w.hosts {
		if !h.cfg.Manual {
			w.boot(h, nil, nil)
		}
	}
}

// Advance plays all that happens until an instant, which is then now.
func (w *World) Advance(until model.Instant) {
	w.pumpAll()
	for {
		e := w.queue.Pop(until)
		if e == nil {
			break
		}
		w.handle(e)
		w.pumpAll()
	}
	w.queue.SetNow(until)
}

// Now is the virtual time.
func (w *World) Now() model.Instant { return w.queue.Now() }

// Start starts a process. What a snapshot on disk remembers of replication is
// restored from saved, which may be nil.
func (w *World) Start(server int, saved *model.Saved) {
	h := w.hosts[server]
	w.boot(h, saved, slices.Clone(h.log.lives))
}

// Again starts a process with what is on the disk of its server: nothing, if none
// ran before.
func (w *World) Again(server int) { w.again(w.hosts[server]) }

// Loads says whether a process that starts now has something to load first.
func (w *World) Loads(server int) bool { return w.hosts[server].onDisk() != nil }

// Stop ends a process, and gives what the snapshot that it then leaves behind
// remembers: that of now when save is true, else nil.
func (w *World) Stop(server int, save bool) *model.Saved {
	w.kill(w.hosts[server], w.queue.Now(), save)
	return w.hosts[server].left
}

// Shutdown ends a process in order. From 7.0 on it may wait for its replicas: it
// then ends by itself. Left is what the snapshot that it left behind remembers.
func (w *World) Shutdown(server int, save bool) {
	if h, now := w.hosts[server], w.queue.Now(); !w.shutdown(h, now, save) && !(h.alive && h.srv.Stopping()) {
		w.kill(h, now, save)
	}
}

// Left is what the snapshot that the last process of a server saved when it
// ended remembers, nil if it saved none.
func (w *World) Left(server int) *model.Saved { return w.hosts[server].left }

// Alive says whether a server's process runs.
func (w *World) Alive(server int) bool { return w.hosts[server].alive }

// SetDataset changes what a full sync from the server carries, in bytes.
func (w *World) SetDataset(server int, bytes int64) { w.hosts[server].dataset = bytes }

// Write lets clients write commands of the given sizes on the stream, now.
func (w *World) Write(server int, sizes ...int64) {
	list := make([]Written, len(sizes))
	for i, n := range sizes {
		list[i].Bytes = n
	}
	w.WriteCommands(server, list...)
}

// Written is one command as it stands on the stream.
type Written struct {
	Bytes int64
	// Data is the command itself: a run that carries bytes needs it, no other.
	Data []byte
	// Pieces are the lengths in which a master with blocks feeds it, if one of
	// them is long; see Writes.Pieces.
	Pieces []int64
}

// WriteCommands lets clients write commands, now.
func (w *World) WriteCommands(server int, list ...Written) {
	h, now := w.hosts[server], w.queue.Now()
	w.bring(h, now)
	if h.srv.Holds() {
		h.waiting = append(h.waiting, list...)
		return
	}
	w.turn++
	w.writeCommands(h, now, list)
	w.rearm(h)
}

// Taken is how many commands that WriteCommands gave a server it took as a master:
// neither those that it refused, nor those that still wait.
func (w *World) Taken(server int) int64 { return w.hosts[server].taken }

func (w *World) writeCommands(h *host, now model.Instant, list []Written) {
	for _, c := range list {
		if h.srv.IsMaster() && !h.srv.Refuses() {
			h.taken++
		}
		w.in = model.Input{Kind: model.InAppend, Bytes: c.Bytes, Commands: 1, Data: c.Data, Pieces: c.Pieces}
		outs := h.srv.Step(now, &w.in)
		for i := range outs {
			if o := &outs[i]; o.Kind == model.OutFeed {
				w.literal(h, now, o)
				h.log.last().quiet = o.Literal
				w.forward(h, now, &o.Chunk, 0)
				w.lookBelow(h, 0)
			} else {
				w.obey(h, now, o)
			}
		}
	}
}

// Order gives a server a command of its operator: REPLICAOF, CONFIG SET; or lets a
// client speak and hang up (FaultRequest).
func (w *World) Order(f FaultConfig) {
	switch {
	case w.hosts[f.Server].frozen > 0: // of a frozen one only a scenario's own faults are remembered
	case f.Kind == FaultRequest:
		f.For = 0
		w.request(&f, event{})
	default:
		w.order(&f, event{})
	}
}

// Cut resets the connections between two servers; refuse lets connects be
// refused from now on, until Heal.
func (w *World) Cut(a, b int, refuse bool) {
	l := &w.links[w.linkOf(a, b)]
	w.cut(l, w.queue.Now())
	if !refuse {
		l.reset--
	}
}

// Heal ends all faults of the link between two servers.
func (w *World) Heal(a, b int) {
	now := w.queue.Now()
	l := &w.links[w.linkOf(a, b)]
	l.quotas = [2]quota{}
	if l.reset == 0 && l.silent == 0 && !l.hollow {
		return
	}
	held := l.silent > 0 || l.hollow
	if l.hollow { // the far side hears of those that were made meanwhile
		for i, c := range w.conns {
			if c.live && c.link == l && c.up && c.ids[fromAcceptor] == 0 && !c.told[fromAcceptor] {
				w.queue.Push(now+l.latency, event{kind: evAccept, conn: int32(i), gen: c.gen})
			}
		}
	}
	l.reset, l.silent, l.hollow = 0, 0, false
	w.tell(now, "link", model.Event{Kind: trace.Healed, Peer: l.name})
	if held {
		w.thawLink(l, now)
	}
}

// Pause freezes a process, Resume lets it run again.
func (w *World) Pause(server int) { w.pause(w.hosts[server], w.queue.Now()) }

// Resume: see Pause.
func (w *World) Resume(server int) { w.resume(w.hosts[server], w.queue.Now()) }

// Silence lets nothing pass between two servers until Heal.
func (w *World) Silence(a, b int) { w.silence(&w.links[w.linkOf(a, b)], w.queue.Now()) }

// Probe is a handmade client of a server: it speaks and hears raw bytes.
type Probe struct {
	w      *World
	host   *host
	id     model.ConnID
	Heard  []byte      // all that the server said, without stream and payload
	Stream model.Chunk // the stream that it was given at once, if Given
	Given  bool
	Sync   bool         // a snapshot was sent
	Closed bool         // by the server
	fault  *FaultConfig // of which it is the client, if any
}

// Connect opens a handmade connection.
func (w *World) Connect(server int, name string) *Probe {
	h := w.hosts[server]
	h.accepted--
	p := &Probe{w: w, host: h, id: h.accepted}
	w.probes = append(w.probes, p)
	w.deliver(h, event{}, &model.Input{Kind: model.InAccept, Conn: p.id, Peer: name})
	return p
}

// Say sends raw bytes; the answers that come at once are then in Heard.
func (p *Probe) Say(data []byte) {
	p.w.deliver(p.host, event{}, &model.Input{Kind: model.InData, Conn: p.id, Data: data})
}

// Close hangs up.
func (p *Probe) Close() {
	if !p.Closed {
		p.w.deliver(p.host, event{}, &model.Input{Kind: model.InDown, Conn: p.id, Why: model.WhyClosed})
	}
	p.Closed = true
}

// heard gives an order that concerns a probe to it; false for any other.
func (w *World) heard(h *host, o *model.Output) bool {
	for _, p := range w.probes {
		if p.host != h || p.id != o.Conn || p.Closed {
			continue
		}
		switch o.Kind {
		case model.OutSend:
			p.Heard = append(p.Heard, o.Data...)
		case model.OutAttach:
			p.Stream, p.Given = o.Chunk, true
		case model.OutSendSnapshot:
			p.Heard = append(p.Heard, o.Data...)
			p.Sync = true
		case model.OutHangup:
			p.Closed = true
		}
		return true
	}
	return false
}

// Listener hears what a recorder between the servers would hear. It must not
// play the world on from within.
type Listener interface {
	Hear(at model.Instant, s Signal)
}

// SignalKind says what a Listener hears of a connection.
type SignalKind uint8

// The signals of one connection, in the order in which they can come.
const (
	SignalOpen     SignalKind = iota + 1 // it is established
	SignalData                           // From sends Data: handshake lines, an ACK, a newline, the line before a snapshot
	SignalStream                         // From lets the stream flow from byte First on, Bytes of it at once
	SignalTaken                          // the dialer took Bytes of stream, Data in a run that carries bytes
	SignalHangup                         // From closes it: Bytes of stream had arrived
	SignalHalfOpen                       // the network resets it for the dialer alone
	SignalReset                          // the network resets it: Bytes of stream had arrived

	// What a capture needs beside (sim/pcap).
	SignalDial    // the dialer sends a SYN: it is Lost, will be Refused (by the network if Lost too), or accepted
	SignalRefused // the dialer hears that nobody listens
	SignalSent    // From puts Bytes on the wire's queue: Data, or nil when they are not carried
	SignalUnsent  // of what From put on the wire's queue only Bytes in all are ever sent
	SignalFin     // From sends its end, behind all that it sent: Bytes
	SignalSilent  // nothing of it passes any more
	SignalHealed  // it passes again; what had not arrived is sent anew
)

// Signal is one thing that a Listener hears. Data is valid until Hear returns.
type Signal struct {
	Kind     SignalKind
	Conn     int // numbers the dialed connections of a run, from 1 on
	Dialer   int
	Acceptor int
	From     int // server
	Data     []byte
	First    model.Offset
	Bytes    int64
	Latency  model.Instant // of the link
	PS       int64         // SignalSent: picoseconds a byte while it is served
	Lost     bool          // SignalDial
	Refused  bool          // SignalDial
}

// Listen lets l hear all connections from now on; nil lets nobody.
func (w *World) Listen(l Listener) { w.listener = l }

// signal tells the listener of a connection; side is the end that acts.
func (w *World) signal(kind SignalKind, c *conn, side int, s Signal) {
	if w.listener == nil {
		return
	}
	if f := &c.pipes[fromAcceptor].flow; f.on && kind != SignalStream && kind != SignalTaken && kind <= SignalReset {
		s.First, s.Bytes = f.from, int64(f.arrived-f.from+1)
	}
	w.signalAt(w.queue.Now(), kind, c, side, s)
}

// signalAt is signal for what became known later than it was.
func (w *World) signalAt(at model.Instant, kind SignalKind, c *conn, side int, s Signal) {
	if w.listener == nil {
		return
	}
	s.Kind, s.Conn, s.Dialer, s.Acceptor = kind, c.serial, c.dialer, c.peer
	s.From, s.Latency = w.end(c, side), c.link.latency
	w.listener.Hear(at, s)
}

// Saved is what a snapshot written by a server now would remember of
// replication; nil without a process, and when it would remember nothing.
func (w *World) Saved(server int) *model.Saved {
	h := w.hosts[server]
	if !h.alive {
		return nil
	}
	w.bring(h, w.queue.Now())
	return h.srv.Saved()
}

// Package live plays one node with real sockets and the wall clock: the very
// state machine of the simulation follows a real redis-server, or serves one.
// No line of the protocol is written here. The package carries bytes, keeps the
// data set that snapshots and commands are about, and tells the time.
//
// A driver does four things: it takes one input, calls Step, obeys every output
// in order, and asks for the Deadline. Goroutines read sockets and dial, but
// all they hear goes through one channel, so the node hears one thing at a
// time; a connection is read again only after what it gave last was told.
package live

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"psyncsim/model"
	"psyncsim/sim/trace"
)

// Config says which node runs and where it listens.
type Config struct {
	// Server is what the process knows when it starts. Master is "host:port".
	// Bytes, Wall and Booted are the driver's to set; so are Port and IDSeed
	// where they are 0: the port of the listener, and chance.
	Server model.ServerConfig
	// Listen is where replicas connect: "127.0.0.1:0" takes any free port, ""
	// listens nowhere.
	Listen string
	// Watch are told every fact, from the goroutine of the node.
	Watch []trace.Watcher
	// NoData keeps no data set: snapshots are counted and thrown away, commands
	// are not executed. A master's data may then be of any type; a snapshot that
	// the node itself sends is empty.
	NoData bool
	// SaveTime is how long the making of a snapshot takes.
	SaveTime time.Duration
}

// ErrStopped is what calls on a node give after its end.
var ErrStopped = errors.New("live: the node has stopped")

// Node is a running node.
type Node struct {
	cfg    Config
	srv    *model.Server
	start  time.Time
	listen net.Listener
	events chan event
	quit   chan struct{} // closed when the loop has ended
	stop   chan struct{} // closed to end it
	once   sync.Once
	tasks  sync.WaitGroup
	err    error // why the loop ended; read after quit

	// What follows belongs to the loop.
	conns    map[model.ConnID]*conn
	accepted model.ConnID
	todo     []model.Input // what obeying has brought about, in order
	data     *Dataset
	snapshot []byte        // the newest snapshot made
	saveAt   model.Offset  // the last byte inside it
	saves    int           // counts snapshots; the end of a killed one is void
	lookAt   model.Instant // when to look whether sockets take what waits for them
	rec      trace.Record
}

type eventKind uint8

const (
	evAccepted eventKind = iota // nc
	evDialed                    // c, nc; or why
	evRead                      // c, data
	evEnded                     // c, why
	evSent                      // c
	evLoaded                    // c, data set, err
	evSaved                     // save
	evCall                      // call
)

// event is what a goroutine has for the loop.
type event struct {
	kind eventKind
	c    *conn
	nc   net.Conn
	why  model.Why
	data []byte
	set  *Dataset
	err  error
	save int
	call func()
}

// Start begins to play a node. Close ends it.
func Start(c Config) (*Node, error) {
	n := &Node{cfg: c, events: make(chan event), quit: make(chan struct{}), stop: make(chan struct{}),
		conns: map[model.ConnID]*conn{}, data: NewDataset()}
	s := &n.cfg.Server
	if c.Listen != "" {
		l, err := net.Listen("tcp", c.Listen)
		if err != nil {
			return nil, fmt.Errorf("live: %w", err)
		}
		n.listen = l
		if s.Port == 0 {
			s.Port = l.Addr().(*net.TCPAddr).Port
		}
	}
	if s.IDSeed == 0 {
		var b [8]byte
		rand.Read(b[:])
		s.IDSeed = binary.LittleEndian.Uint64(b[:])
	}
	n.start = time.Now()
	s.Bytes, s.Booted, s.Wall = true, 0, n.start.UnixNano()
	n.srv = model.NewServer(*s)
	if n.listen != nil {
		n.tasks.Go(n.acceptAll)
	}
	go n.loop()
	return n, nil
}

// Run plays a node until the context ends.
func Run(ctx context.Context, c Config) error {
	n, err := Start(c)
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case <-n.quit:
	}
	return n.Close()
}

// Addr is where the node listens.
func (n *Node) Addr() string { return n.listen.Addr().String() }

// Done is closed when the node has ended.
func (n *Node) Done() <-chan struct{} { return n.quit }

// Close stops the process and waits for its end. The error is what ended it
// before, if anything did.
func (n *Node) Close() error {
	n.once.Do(func() { close(n.stop) })
	<-n.quit
	n.tasks.Wait()
	return n.err
}

// Query calls f between two steps, with the node and its data set.
func (n *Node) Query(f func(s *model.Server, d *Dataset)) error {
	done := make(chan struct{})
	if !n.post(event{kind: evCall, call: func() { f(n.srv, n.data); close(done) }}) {
		return n.ended()
	}
	select {
	case <-done:
		return nil
	case <-n.quit:
		return n.ended()
	}
}

func (n *Node) ended() error {
	if <-n.quit; n.err != nil {
		return n.err
	}
	return ErrStopped
}

// tell gives the node one input and waits until its outputs were obeyed.
func (n *Node) tell(in model.Input) error {
	return n.Query(func(*model.Server, *Dataset) { n.step(in) })
}

// Info is what INFO prints now.
func (n *Node) Info() (info *model.Info, err error) {
	err = n.Query(func(s *model.Server, _ *Dataset) { info = s.Info(n.now()) })
	return info, err
}

// ReplicaOf is REPLICAOF; "" is NO ONE.
func (n *Node) ReplicaOf(addr string) error {
	return n.tell(model.Input{Kind: model.InReplicaOf, Peer: addr})
}

// ConfigSet is CONFIG SET.
func (n *Node) ConfigSet(s model.Settings) error {
	return n.tell(model.Input{Kind: model.InConfigSet, Settings: &s})
}

// Write lets a client write one command, in database 0.
func (n *Node) Write(args ...string) error { return n.WriteAll(args) }

// WriteAll lets a client write commands, one behind the other. All before the
// first that fails count.
func (n *Node) WriteAll(commands ...[]string) (err error) {
	down := n.Query(func(s *model.Server, d *Dataset) {
		if !s.IsMaster() {
			err = errors.New("live: a replica takes no writes")
			return
		}
		in := model.Input{Kind: model.InAppend}
		for _, args := range commands {
			if err = d.Write(args...); err != nil {
				break
			}
			in.Commands++
			in.Data = model.AppendCommand(in.Data, args...)
		}
		in.Bytes = int64(len(in.Data))
		if in.Commands > 0 {
			n.step(in)
		}
	})
	return errors.Join(down, err)
}

// post hands an event to the loop; false when it has ended.
func (n *Node) post(e event) bool {
	select {
	case n.events <- e:
		return true
	case <-n.quit:
		return false
	}
}

func (n *Node) now() model.Instant { return model.Instant(time.Since(n.start)) }

// loop is the node's one thread.
func (n *Node) loop() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	n.note(trace.Began, model.Event{Bytes: int64(n.cfg.Server.IDSeed)})
	n.step(model.Input{Kind: model.InStart})
	n.lookAt = model.Never
	for n.err == nil {
		if next := min(n.srv.Deadline(), n.lookAt); next == model.Never {
			timer.Stop()
		} else {
			timer.Reset(max(0, time.Duration(next-n.now())))
		}
		select {
		case e := <-n.events:
			n.handle(e)
		case <-timer.C:
			if n.now() >= n.srv.Deadline() {
				n.step(model.Input{Kind: model.InWake})
			}
		case <-n.stop:
			n.finish()
			return
		}
		for len(n.todo) > 0 && n.err == nil {
			in := n.todo[0]
			n.todo = n.todo[1:]
			n.step(in)
		}
		n.look()
	}
	n.finish()
}

// patience is for how long a socket must take nothing to count as full.
const patience = 20 * time.Millisecond

// look tells the node which of its replicas' sockets take nothing any more, and
// which do again: what waits is then the replica's output buffer.
func (n *Node) look() {
	now := n.now()
	due := now >= n.lookAt
	if !due && n.lookAt != model.Never {
		return
	}
	n.lookAt = model.Never
	for _, c := range n.conns {
		if !c.attached {
			continue
		}
		waiting, taken := c.out.waiting()
		stall := c.stall
		switch {
		case waiting == 0:
			stall = 0
		case due && (taken == c.seen || stall != 0):
			stall = max(c.from, n.srv.MRO()+1-model.Offset(waiting))
		}
		c.seen = taken
		if waiting > 0 {
			n.lookAt = now.Add(patience)
		}
		if stall != c.stall {
			c.stall = stall
			n.step(model.Input{Kind: model.InStall, Conn: c.id, Chunk: model.Chunk{From: stall}})
		}
	}
}

// finish ends the process: sockets close as the kernel would close them.
func (n *Node) finish() {
	n.note(model.EvInfo, model.Event{Info: n.srv.Info(n.now())})
	n.step(model.Input{Kind: model.InStop})
	n.note(trace.Ended, model.Event{})
	if n.listen != nil {
		n.listen.Close()
	}
	for _, c := range n.conns {
		c.abort()
	}
	close(n.quit)
}

func (n *Node) note(kind model.EventKind, e model.Event) {
	e.Kind = kind
	n.rec = trace.Record{At: n.now(), Node: n.cfg.Server.Name, Event: e}
	for _, w := range n.cfg.Watch {
		w.Observe(&n.rec)
	}
}

// handle takes one thing that a goroutine heard.
func (n *Node) handle(e event) {
	switch e.kind {
	case evCall:
		e.call()
	case evAccepted:
		n.accepted--
		c := newConn(n.accepted)
		c.net = e.nc
		n.conns[c.id] = c
		n.step(model.Input{Kind: model.InAccept, Conn: c.id, Peer: e.nc.RemoteAddr().String()})
		c.open(n, e.nc)
	case evSaved:
		if e.save == n.saves {
			n.step(model.Input{Kind: model.InSnapshotDone, Bytes: int64(len(n.snapshot))})
		}
	default:
		if n.conns[e.c.id] == e.c {
			n.heard(e)
		} else if e.nc != nil {
			e.nc.Close()
		}
	}
}

// heard handles what happened on a connection that the node still has.
func (n *Node) heard(e event) {
	c := e.c
	switch e.kind {
	case evDialed:
		if e.nc == nil {
			delete(n.conns, c.id)
			n.step(model.Input{Kind: model.InDown, Conn: c.id, Why: e.why})
			return
		}
		c.open(n, e.nc)
		n.step(model.Input{Kind: model.InUp, Conn: c.id})
	case evRead:
		c.rest, c.waits = e.data, true
		n.pump(c)
	case evEnded:
		delete(n.conns, c.id)
		c.abort()
		n.step(model.Input{Kind: model.InDown, Conn: c.id, Why: e.why})
	case evSent:
		n.step(model.Input{Kind: model.InSent, Conn: c.id})
	case evLoaded:
		if e.err != nil {
			n.err = fmt.Errorf("live: the snapshot of %s: %w", n.cfg.Server.Master, e.err)
			return
		}
		n.data = e.set
		n.step(model.Input{Kind: model.InLoaded, Conn: c.id})
		n.pump(c)
	}
}

// pump tells the node what was read from a connection, the snapshot apart, and
// lets it be read on. While the node loads, it waits.
func (n *Node) pump(c *conn) {
	for len(c.rest) > 0 && n.reads(c) {
		if c.sink == nil {
			data := c.rest
			c.rest = nil
			n.step(model.Input{Kind: model.InData, Conn: c.id, Data: data})
			continue
		}
		used, done := c.sink.take(c.rest)
		c.rest = c.rest[used:]
		bytes := int64(used)
		if done {
			if c.sink.mark != nil {
				bytes = -1
			}
			c.taken, c.sink = c.sink, nil
		}
		n.step(model.Input{Kind: model.InBulk, Conn: c.id, Bytes: bytes})
	}
	if c.waits && len(c.rest) == 0 && n.reads(c) {
		c.waits = false
		c.next <- struct{}{}
	}
}

func (n *Node) reads(c *conn) bool {
	return n.err == nil && n.conns[c.id] == c && n.srv.Reads(c.id)
}

// step takes one input: Step, then every output in order.
func (n *Node) step(in model.Input) {
	outs := n.srv.Step(n.now(), &in)
	for i := range outs {
		n.obey(&outs[i])
	}
}

// obey does one thing that the node wants done.
func (n *Node) obey(o *model.Output) {
	c := n.conns[o.Conn]
	switch o.Kind {
	case model.OutNote:
		if o.Event.Kind == model.EvSaving {
			n.saveAt = o.Event.Offset
		}
		n.note(o.Event.Kind, *o.Event)
		return
	case model.OutDial:
		n.dial(o.Conn, o.Peer)
		return
	case model.OutFeed:
		for _, c := range n.conns {
			if c.attached {
				c.out.add(o.Chunk.Data)
			}
		}
		return
	case model.OutApply:
		if !n.cfg.NoData && n.err == nil {
			n.err = n.data.Apply(o.Chunk.Data)
		}
		return
	case model.OutSnapshot:
		n.save(o.Socket)
		return
	case model.OutKillSnapshot:
		n.saves++
		return
	}
	if c == nil {
		return // gone a moment ago
	}
	switch o.Kind {
	case model.OutSend:
		c.out.add(o.Data)
	case model.OutAttach:
		c.attached, c.from = true, o.Chunk.From
		c.out.add(o.Chunk.Data)
	case model.OutSendSnapshot:
		c.out.add(o.Data)
		c.out.addSnapshot(n.snapshot, mark(o))
	case model.OutReceive:
		c.sink = &sink{left: o.Bytes, drop: n.cfg.NoData}
		if o.Bytes < 0 {
			c.sink.mark = slices.Clone(o.Data)
		}
		if o.Bytes == 0 {
			c.taken, c.sink = c.sink, nil
		}
		c.rest = o.Chunk.Data
	case model.OutLoad:
		n.load(c)
	case model.OutHangup:
		delete(n.conns, o.Conn)
		c.hangup()
	}
}

// mark is the trailer of a snapshot without length: the end of its header line.
func mark(o *model.Output) []byte {
	line := bytes.TrimRight(o.Data, "\r\n")
	return slices.Clone(line[len(line)-int(o.Bytes):])
}

// save makes a snapshot of the data set as it is now.
func (n *Node) save(socket bool) {
	n.saves++
	id := n.srv.Saved()
	if id != nil {
		id.Offset = n.saveAt
	}
	n.snapshot = n.data.Snapshot(id)
	if socket {
		return // who reads it tells of its end
	}
	e := event{kind: evSaved, save: n.saves}
	if n.cfg.SaveTime == 0 {
		n.todo = append(n.todo, model.Input{Kind: model.InSnapshotDone, Bytes: int64(len(n.snapshot))})
		return
	}
	n.tasks.Go(func() {
		select {
		case <-time.After(n.cfg.SaveTime):
			n.post(e)
		case <-n.quit:
		}
	})
}

// load makes a data set of a received snapshot, beside the loop.
func (n *Node) load(c *conn) {
	s := c.taken
	c.taken = nil
	n.tasks.Go(func() {
		e := event{kind: evLoaded, c: c, set: NewDataset()}
		if !s.drop {
			e.err = e.set.Load(s.buf)
		}
		n.post(e)
	})
}

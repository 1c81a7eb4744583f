package live

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"time"

	"psyncsim/model"
	"psyncsim/sim/trace"
)

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

func (n *Node) now() model.Instant { return model.Instant(time.Since(n.start)) }

// loop is the node's one thread.
func (n *Node) loop() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	n.note(trace.Began, model.Event{Seed: n.cfg.Server.IDSeed})
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

// fullAfter is for how long a socket must take nothing to count as full.
const fullAfter = 20 * time.Millisecond

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
			n.lookAt = now.Add(fullAfter)
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
		n.step(model.Input{Kind: model.InSent, Conn: c.id, Bytes: c.snapshot})
	case evLoaded:
		if e.err != nil {
			n.err = fmt.Errorf("live: the snapshot of %s: %w", n.cfg.Server.Master, e.err)
			return
		}
		n.data = e.set
		n.step(model.Input{Kind: model.InLoaded, Conn: c.id, Count: e.set.Keys()})
		for _, c := range n.conns { // the one of the snapshot, or of the stream that waited for it
			n.pump(c)
		}
	}
}

// pump tells the node what was read from a connection, the snapshot apart, and
// lets it be read on. While the node loads, it waits.
func (n *Node) pump(c *conn) {
	for len(c.rest) > 0 && n.reads(c) {
		if c.sink == nil {
			data := c.rest
			if room, bounded := n.srv.Room(c.id); bounded {
				data = data[:min(int64(len(data)), room)]
			}
			c.rest = c.rest[len(data):]
			n.step(model.Input{Kind: model.InData, Conn: c.id, Data: data})
			continue
		}
		used, done := c.sink.take(c.rest)
		c.rest = c.rest[used:]
		bytes := int64(used)
		if done {
			if c.sink.mark != nil {
				bytes = -bytes
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
	case model.OutResume:
		held := n.held
		n.held = nil
		if len(held) > 0 {
			n.tasks.Go(func() { _ = n.WriteAll(held...) }) // refused ones have nobody left to tell
		}
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
		for i := range o.Held {
			c.out.add(o.Held[i].Data)
		}
	case model.OutSendSnapshot:
		c.out.add(o.Data)
		c.snapshot = int64(len(n.snapshot)) + o.Bytes
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
		if !o.Socket { // what arrives is kept until all is there
			n.load(c)
		}
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

package sim

import (
	"slices"
	"time"

	"psyncsim/model"
)

// dial begins a connection: SYN, and its answer a round trip later. A name that no server
// has is that of a client who asked for the stream by hand, where FAILOVER took it for a
// replica: nobody listens there (a real one tells no port, and is dialed at port 0).
func (w *World) dial(h *host, id model.ConnID, peer string) {
	to, nobody := w.indexOf(peer), false
	if to < 0 {
		to, nobody = h.index, true
	}
	ci := w.slot()
	c := w.conns[ci]
	l := w.linkOf(h.index, to)
	if second := w.queue.Now() / model.Instant(time.Second); second != h.dialsIn {
		h.dialsIn, h.dials = second, 0
	}
	if h.dials++; h.dials > mostDials {
		panic(&Spinning{h.cfg.Name, peer, w.queue.Now(), time.Duration(w.links[l].latency)})
	}
	w.serial++
	c.live, c.link, c.dialer, c.peer, c.serial = true, &w.links[l], h.index, to, w.serial
	c.ids[fromDialer] = id
	c.frozen = c.link.silent > 0 || c.link.hollow
	c.nobody = nobody
	h.conns = append(h.conns, ci)
	if !nobody {
		w.hosts[to].conns = append(w.hosts[to].conns, ci)
	}
	if c.link.tcp != nil {
		w.openSegments(ci)
		return
	}
	w.connected(event{kind: evSYN, conn: ci, gen: c.gen}, c)
}

func (w *World) named(name string) int {
	i := w.indexOf(name)
	if i < 0 {
		panic("sim: no server " + name)
	}
	return i
}

// indexOf is the server of a name, -1 if there is none.
func (w *World) indexOf(name string) int {
	return slices.IndexFunc(w.hosts, func(h *host) bool { return h.cfg.Name == name })
}

// slot is a free connection.
func (w *World) slot() int32 {
	for i, c := range w.conns {
		if !c.live {
			return int32(i)
		}
	}
	w.conns = append(w.conns, &conn{connState: connState{gen: 1}})
	return int32(len(w.conns) - 1)
}

// synRetries is how often Linux repeats a SYN (tcp_syn_retries); the pause
// doubles from one second.
const synRetries = 6

// kernelTime is the least that a step of a connect takes. Without it a server
// that is closed as soon as it connects would dial again and again in one instant.
const kernelTime = model.Instant(1000)

// connected handles the events of a connection that is being made or ends.
func (w *World) connected(e event, c *conn) {
	now := w.queue.Now()
	lat := max(c.link.latency, kernelTime)
	next := event{conn: e.conn, gen: c.gen}
	switch e.kind {
	case evSYN:
		c.synAt = now
		lost := c.link.silent > 0
		refused := !lost && (c.nobody || c.link.reset > 0 || !w.hosts[c.peer].alive)
		w.signal(SignalDial, c, fromDialer, Signal{Lost: lost || c.link.reset > 0, Refused: refused})
		switch {
		case c.link.hollow:
			next.kind = evUp
			w.queue.Push(now+2*lat, next)
		case lost:
			if c.syn == synRetries+w.cfg.LinearSYNs {
				next.kind, next.side, next.why = evDown, fromDialer, model.WhyUnreachable
				w.queue.Push(now+w.synPause(c.syn), next)
				return
			}
			next.kind = evSYN
			w.queue.Push(now+w.synPause(c.syn), next)
			c.syn++
		case refused:
			next.kind, next.side, next.why = evDown, fromDialer, model.WhyRefused
			w.queue.Push(now+2*lat, next)
		default:
			c.frozen = false
			next.kind = evUp
			w.queue.Push(now+2*lat, next)
			next.kind = evAccept
			w.queue.Push(now+2*lat+c.link.latency, next) // before the first bytes of the dialer
		}
	case evUp:
		if c.told[fromDialer] {
			return
		}
		c.up = true
		w.signal(SignalOpen, c, fromDialer, Signal{})
		w.deliver(w.hosts[c.dialer], e, &model.Input{Kind: model.InUp, Conn: c.ids[fromDialer]})
	case evAccept:
		h := w.hosts[c.peer]
		if c.told[fromAcceptor] {
			return // its process has ended
		}
		if w.later(h, e) {
			return
		}
		h.accepted--
		c.ids[fromAcceptor] = h.accepted
		w.deliver(h, e, &model.Input{Kind: model.InAccept, Conn: h.accepted, Peer: w.hosts[c.dialer].cfg.Name})
		if c.segments && c.live && c.gen == e.gen {
			w.landed(e.conn, fromAcceptor)
		}
	case evTaken:
		if !c.told[e.side] {
			w.deliver(w.hosts[w.end(c, int(e.side))], e, &model.Input{Kind: model.InSent, Conn: c.ids[e.side], Bytes: c.snapshot})
		}
	case evRead:
		w.landed(e.conn, int(e.side))
	case evStall:
		w.tellStall(c, e)
	case evHeld:
		w.tellHeld(c, e)
	case evGiveUp:
		w.giveUp(c, e)
	case evDown:
		if e.why == model.WhyRefused {
			w.signal(SignalRefused, c, fromDialer, Signal{})
		}
		w.sideDown(e.conn, int(e.side), e.why)
	case evCut:
		w.bring(w.hosts[c.dialer], now)
		w.reset(e.conn, now)
	}
}

// resyn repeats a connect attempt whose answer is lost: the timer of the dialer
// runs since it was sent.
func (w *World) resyn(ci int32, now model.Instant) {
	c := w.conns[ci]
	c.gen++ // the answer is void
	w.queue.Push(max(now, c.synAt+w.synPause(c.syn)), event{kind: evSYN, conn: ci, gen: c.gen})
	c.syn++
}

// synPause is the wait after SYN number n (from 0). The first ones may be even:
// see Config.LinearSYNs.
func (w *World) synPause(n int) model.Instant {
	return model.Instant(1_000_000_000) << max(n-w.cfg.LinearSYNs, 0)
}

package sim

import (
	"psyncsim/model"
	"psyncsim/sim/trace"
)

// sample tells where every server stands, for charts, again and again.
func (w *World) sample(now model.Instant) {
	w.sampleAll(now)
	w.queue.Push(now+model.Instant(w.cfg.Sample), event{kind: evSample})
}

// mark has every server sampled at this instant.
func (w *World) mark() {
	if w.cfg.Marks {
		w.queue.Push(w.queue.Now(), event{kind: evMark})
	}
}

// sampleAll tells where every server stands.
func (w *World) sampleAll(now model.Instant) {
	for _, h := range w.hosts {
		w.bring(h, now)
		e := model.Event{Kind: trace.Sampled, MRO: h.srv.MRO(), Offset: h.srv.MRO(), Full: true}
		if !h.srv.IsMaster() {
			e.Offset, e.Full = h.srv.Processed(), h.srv.LinkUp()
		}
		e.First, e.Hist = h.srv.History()
		w.tell(now, h.cfg.Name, e)
	}
}

// ask tells what every server says of itself.
func (w *World) ask(now model.Instant) {
	for _, h := range w.hosts {
		w.bring(h, now)
		w.settleAllAcks(h)
		if h.alive {
			w.tell(now, h.cfg.Name, model.Event{Kind: trace.Asked, Info: h.srv.Info(now)})
		}
	}
}

// finish ends the run: everyone's INFO, and the books of every connection.
func (w *World) finish(end model.Instant) {
	w.queue.SetNow(end)
	for _, h := range w.hosts {
		if w.bring(h, end); h.folded > 0 && h.ackAt <= end { // turns at the end are a part of it
			w.acksUpto(h, end+1, false)
		}
	}
	for _, h := range w.hosts {
		w.settleAllAcks(h)
		if h.alive {
			w.tell(end, h.cfg.Name, model.Event{Kind: model.EvInfo, Info: h.srv.Info(end)})
		}
	}
	for _, c := range w.conns {
		if !c.live {
			continue
		}
		w.checkSegments(c)
		for side := range c.pipes {
			p := &c.pipes[side]
			if n := p.inFlight(); p.sent != p.delivered+n {
				panic("sim: bytes sent " + itoa(p.sent) + " are not delivered " + itoa(p.delivered) + " + in flight " + itoa(n))
			}
		}
	}
	w.tell(end, "world", model.Event{Kind: trace.Ended})
}

// Info is a server's INFO at the end of the run or, between steps, now; nil
// when no process runs.
func (w *World) Info(server int) *model.Info {
	h := w.hosts[server]
	if !h.alive {
		return nil
	}
	w.bring(h, w.queue.Now())
	w.settleAllAcks(h)
	return h.srv.Info(w.queue.Now())
}

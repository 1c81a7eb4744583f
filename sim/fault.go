package sim

import (
	"psyncsim/model"
	"psyncsim/sim/trace"
)

// fault begins fault i of the configuration.
func (w *World) fault(i int, now model.Instant) {
	f := &w.cfg.Faults[i]
	w.mark()
	ends := true
	e := event{kind: evFaultEnd, host: int32(i)}
	switch f.Kind {
	case FaultReset:
		w.cut(&w.links[w.linkOf(f.A, f.B)], now)
	case FaultSilent:
		w.silent(f, now, true)
	case FaultSlow:
		w.slow(f, now, f.Bandwidth)
	case FaultRestart, FaultCrash:
		h := w.hosts[f.Server]
		if f.Kind == FaultRestart && w.staysUp(h, now) {
			return
		}
		h.down++
		h.expired, h.expiredName = f.Expired, f.ExpiredName
		if f.Kind == FaultRestart && !f.Now && w.shutdown(h, now, f.Save) {
			h.stopEnd = i + 1
			return
		}
		if f.Kind == FaultCrash || f.Now || !h.alive || !h.srv.Stopping() {
			h.dark = f.Power
			if w.kill(h, now, f.Kind == FaultRestart && f.Save); h.ending {
				h.stopEnd = i + 1
				return
			}
		}
	case FaultRequest:
		w.request(f, event{kind: evFault, host: int32(i)})
		return
	case FaultPause:
		w.pause(w.hosts[f.Server], now)
		e.gen = w.hosts[f.Server].gen
	default:
		ends = false
		w.order(f, event{kind: evFault, host: int32(i)})
	}
	switch {
	case ends && f.For == 0: // a reset that lasts no time: the very next connect works
		w.faultEnd(e, now)
	case ends:
		w.queue.Push(now+model.Instant(f.For), e)
	}
}

// faultEnd ends a fault.
func (w *World) faultEnd(e event, now model.Instant) {
	f := &w.cfg.Faults[e.host]
	w.mark()
	switch f.Kind {
	case FaultReset:
		l := &w.links[w.linkOf(f.A, f.B)]
		if l.reset--; l.reset == 0 {
			w.tell(now, "link", model.Event{Kind: trace.Healed, Peer: l.name})
		}
	case FaultSilent:
		w.silent(f, now, false)
	case FaultSlow:
		w.slow(f, now, 0)
	case FaultRestart, FaultCrash:
		h := w.hosts[f.Server]
		if h.down--; h.down == 0 && !h.alive {
			w.powerUp(h)
			w.again(h)
		}
	case FaultRequest:
		w.requestEnds(f)
	case FaultPause:
		if h := w.hosts[f.Server]; h.gen == e.gen { // still the process that was frozen
			w.resume(h, now)
		}
	}
}

// order gives a server a command of its operator.
func (w *World) order(f *FaultConfig, e event) {
	h := w.hosts[f.Server]
	in := model.Input{}
	switch f.Kind {
	case FaultPromote:
		in.Kind = model.InReplicaOf
	case FaultReplicaOf:
		in.Kind, in.Peer = model.InReplicaOf, w.cfg.Servers[f.Peer].Name
	case FaultConfigSet:
		in.Kind, in.Settings = model.InConfigSet, f.Settings
	case FaultFailover:
		in.Kind, in.Force, in.Abort, in.Timeout = model.InFailover, f.Force, f.Abort, f.Timeout
		if f.Peer >= 0 && !f.Abort {
			in.Peer = w.cfg.Servers[f.Peer].Name
		}
	case FaultClientPause:
		in.Kind, in.Timeout, in.All = model.InClientPause, f.Timeout, f.All
	case FaultClientUnpause:
		in.Kind, in.Abort = model.InClientPause, true
	case FaultWait:
		in.Kind, in.Count, in.Timeout = model.InWait, f.Count, f.Timeout
	case FaultWaitAOF:
		in.Kind, in.Local, in.Count, in.Timeout = model.InWaitAOF, f.Local, f.Count, f.Timeout
	case FaultRewrite:
		in.Kind = model.InRewrite
	case FaultClientKill:
		in.Kind, in.Peer, in.Channel = model.InClientKill, w.cfg.Servers[f.Peer].Name, f.Channel
	case FaultShutdownAbort:
		in.Kind, in.Abort = model.InShutdown, true
	case FaultChildKill:
		in.Kind = model.InChildKill
	case FaultSave:
		in.Kind, in.Save = model.InSave, f.Save
	}
	// A frozen process finds the order in its socket when it thaws; without a
	// process nobody answers the operator.
	if w.deliver(h, e, &in) && f.Kind == FaultConfigSet && w.limited(h) { // it makes room at once (updateMaxmemory)
		w.evict(h, w.queue.Now())
		w.rearm(h)
	}
}

// staysUp tells a process to end that refuses to: its first AOF is being written.
func (w *World) staysUp(h *host, now model.Instant) bool {
	if !h.alive || h.frozen > 0 || !h.srv.RefusesToStop() {
		return false
	}
	w.bring(h, now)
	w.settleAllAcks(h)
	if !h.srv.RefusesToStop() || h.srv.Stopping() || h.srv.WaitsToStop() {
		return false
	}
	w.in = model.Input{Kind: model.InShutdown}
	w.step(h, now)
	return true
}

// shutdown tells a process to end in order; true if it waits for its replicas
// from now on, else nothing was done. One that is frozen never hears of it.
func (w *World) shutdown(h *host, now model.Instant, save bool) bool {
	if !h.alive || h.frozen > 0 {
		return false
	}
	w.bring(h, now)
	w.settleAllAcks(h) // it waits for those who have not acknowledged everything
	if h.srv.Stopping() || !h.srv.WaitsToStop() {
		return false
	}
	h.stopSave = save
	w.in = model.Input{Kind: model.InShutdown, Save: save}
	w.step(h, now)
	return true
}

// kill ends a process. If it is to save, it first does only that: its sockets stay
// open meanwhile.
func (w *World) kill(h *host, now model.Instant, save bool) {
	if save && h.alive && h.frozen == 0 && !h.srv.Loading() {
		if d := transferTime(h.dataset, h.cfg.SaveRate); d > 0 {
			w.busy(h, d)
			h.ending = true
			return
		}
	}
	w.endProcess(h, now, save)
}

// busy lets a process do nothing but write a snapshot for so long.
func (w *World) busy(h *host, d model.Instant) {
	if d > 0 {
		w.pause(h, w.queue.Now())
		w.queue.Push(w.queue.Now()+d, event{kind: evSaveEnd, host: int32(h.index), gen: h.gen})
	}
}

// saveEnded: it goes on, or was to end.
func (w *World) saveEnded(h *host, now model.Instant) {
	if h.ending {
		w.endProcess(h, now, true)
		return
	}
	w.resume(h, now)
}

// endProcess ends a process: its kernel closes its sockets.
func (w *World) endProcess(h *host, now model.Instant, save bool) {
	if !h.alive {
		return
	}
	w.bring(h, now)
	h.left, h.ending = nil, false
	if save {
		h.left = h.srv.Saved()
		w.remember(h)
	} else if h.keys != nil && h.onDisk() == nil {
		h.keys.lose()
	}
	w.in = model.Input{Kind: model.InStop, Save: save}
	w.step(h, now)
	w.tell(now, h.cfg.Name, model.Event{Kind: trace.Killed})
	h.snap++
	for i := len(h.conns) - 1; i >= 0; i-- { // a hangup takes away at most the one at i
		ci := h.conns[i]
		c := w.conns[ci]
		switch {
		case h.dark && c.segments:
			w.vanish(h, ci)
		case c.dialer == h.index:
			if !c.told[fromDialer] {
				w.hangup(h, ci, fromDialer)
			}
		case c.up:
			if !c.told[fromAcceptor] {
				w.hangup(h, ci, fromAcceptor)
			}
		case c.segments:
			c.seg.Abort(int64(now), fromAcceptor)
			w.touch(ci)
		case !c.frozen: // a connect attempt that is under way is refused
			c.gen++
			w.queue.Push(max(now, c.synAt+c.link.latency)+c.link.latency,
				event{kind: evDown, side: fromDialer, why: model.WhyRefused, conn: ci, gen: c.gen})
		}
	}
	h.alive, h.frozen, h.deferred, h.stuck = false, 0, h.deferred[:0], false
	h.held, h.waiting = h.held[:0], nil
	for _, p := range w.probes {
		p.Closed = p.Closed || p.host == h
	}
	h.gen++
	h.wakeAt = -1
	if h.stopEnd > 0 { // it was to start again so long after its end
		f := int32(h.stopEnd - 1)
		h.stopEnd = 0
		w.queue.Push(now+model.Instant(w.cfg.Faults[f].For), event{kind: evFaultEnd, host: f})
	}
}

// pause freezes a process: sockets stay open, nothing in it runs.
func (w *World) pause(h *host, now model.Instant) {
	if !h.alive {
		return
	}
	if h.frozen == 0 {
		w.bring(h, now)
		w.unfoldAll(h)
		h.since = now
		w.tell(now, h.cfg.Name, model.Event{Kind: trace.Paused})
	}
	if h.frozen++; h.frozen == 1 {
		w.readers(h, false)
		w.fillsHost(h, stoppedReader)
		w.refeed(h)
	}
}

// resume lets a process run again: its timers are late, its sockets are full.
func (w *World) resume(h *host, now model.Instant) {
	if !h.alive || h.frozen == 0 {
		return
	}
	if h.frozen--; h.frozen > 0 {
		return
	}
	w.tell(now, h.cfg.Name, model.Event{Kind: trace.Resumed})
	if h.src != nil {
		h.next = h.src.upto(now) // its clients were not served meanwhile
	}
	h.stuck = false // all that waits comes now
	w.in = model.Input{Kind: model.InThawed, Since: h.since}
	h.wakeAt = -1
	w.step(h, now)
	w.bring(h, now)
	waiting := h.deferred
	h.deferred = nil
	for _, e := range waiting {
		w.queue.Push(now, e)
	}
	h.deferred = waiting[:0]
	w.fillsHost(h, -1)
	w.refeed(h)
	w.comesAgain(h)
	if h.srv.LinkUp() || h.srv.Buffers(h.srv.Link()) {
		w.readers(h, true)
	} else {
		w.readSegments(h, true)
	}
}

package sim

import (
	"bytes"

	"psyncsim/model"
	"psyncsim/sim/trace"
)

// A client that nobody programmed to be a replica may speak the protocol too: what
// it says is text (FaultRequest).

// clientName is what a server takes such a client for.
const clientName = "client"

// request opens a connection to a server and says one line after the other, each
// when the one before was answered; the connection ends with the fault.
func (w *World) request(i int, now model.Instant) {
	f := &w.cfg.Faults[i]
	h := w.hosts[f.Server]
	if !h.alive {
		w.tell(now, h.cfg.Name, model.Event{Kind: trace.Requested, Text: f.Say[0], Why: model.WhyRefused})
		return
	}
	if w.later(h, event{kind: evFault, host: int32(i)}) {
		return
	}
	w.bring(h, now)
	p := w.Connect(f.Server, clientName)
	for _, line := range f.Say {
		from := len(p.Heard)
		p.Say(append([]byte(line), "\r\n"...))
		e := model.Event{Kind: trace.Requested, Text: line}
		e.Reply = string(bytes.ReplaceAll(bytes.TrimSuffix(p.Heard[from:], []byte("\r\n")), []byte("\r\n"), []byte(" / ")))
		if p.Closed {
			e.Why = model.WhyClosed
		}
		w.tell(now, h.cfg.Name, e)
		if p.Closed {
			return
		}
	}
	p.fault = i
	if f.For == 0 {
		p.Close()
	} else {
		w.queue.Push(now+model.Instant(f.For), event{kind: evFaultEnd, host: int32(i)})
	}
}

// requestEnds hangs up.
func (w *World) requestEnds(i int) {
	for _, p := range w.probes {
		if p.fault == i && p.host == w.hosts[w.cfg.Faults[i].Server] && p.host.frozen == 0 {
			p.Close()
		}
	}
}

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
func (w *World) request(f *FaultConfig, e event) {
	h, now := w.hosts[f.Server], w.queue.Now()
	if !h.alive {
		w.tell(now, h.cfg.Name, model.Event{Kind: trace.Requested, Text: f.Say[0], Why: model.WhyRefused})
		return
	}
	if w.later(h, e) {
		return
	}
	w.bring(h, now)
	p := w.Connect(f.Server, clientName)
	for _, line := range f.Say {
		from := len(p.Heard)
		p.Say(append([]byte(line), "\r\n"...))
		said := model.Event{Kind: trace.Requested, Text: line}
		said.Reply = string(bytes.ReplaceAll(bytes.TrimSuffix(p.Heard[from:], []byte("\r\n")), []byte("\r\n"), []byte(" / ")))
		if p.Closed {
			said.Why = model.WhyClosed
		}
		w.tell(now, h.cfg.Name, said)
		if p.Closed {
			return
		}
	}
	if f.For == 0 {
		p.Close()
		return
	}
	p.fault, e.kind = f, evFaultEnd
	w.queue.Push(now+model.Instant(f.For), e)
}

// requestEnds hangs up.
func (w *World) requestEnds(f *FaultConfig) {
	for _, p := range w.probes {
		if p.fault == f && p.host.frozen == 0 {
			p.Close()
		}
	}
}

package twin

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"psyncsim/model"
	"psyncsim/sim"
	"psyncsim/sim/trace"
)

type actionKind uint8

const (
	actStart actionKind = iota
	actWrite
	actCut     // and connects are refused
	actReset   // and that is all
	actSilence //
	actHeal
	actShutdown
	actCrash
	actPause
	actResume
	actOrder
	actInfo
)

// action is one thing that was done to the real servers, and the two instants
// between which it took effect, since the first server was started.
type action struct {
	kind     actionKind
	from, to time.Duration
	server   int
	a, b     int
	save     bool
	order    *sim.FaultConfig
	// The commands [first, next) of a load were written.
	load        int
	first, next int64
}

// outcome is what came of a run, real or simulated.
type outcome struct {
	exchanges []Exchange
	infos     [][]model.Field // of each server at the end; nil without a process
	written   []int64         // commands that each server took
	answers   []string        // what orders were answered with, if not OK, in order
	err       error
}

// listener hears simulated connections.
type listener struct {
	*wires
	names    []string
	verdicts []judged
	answers  []string
	// silent are the links that carry nothing now, held is what was said on them
	// meanwhile: the proxy of real servers hears what arrives.
	silent map[[2]int]bool
	held   map[wireKey][]said
}

// said is what one end of a connection sent.
type said struct {
	dialer bool
	data   []byte
}

type judged struct {
	replica, master string
	event           model.Event
	taken           bool
}

func (l *listener) Hear(at model.Instant, s sim.Signal) {
	k := wireKey{s.Dialer, s.Acceptor, s.Conn}
	switch s.Kind {
	case sim.SignalData:
		if l.silent[linkKey(s.Dialer, s.Acceptor)] {
			l.held[k] = append(l.held[k], said{s.From == s.Dialer, slices.Clone(s.Data)})
			return
		}
		l.hear(k, time.Duration(at).Seconds(), s.From == s.Dialer, s.Data)
	case sim.SignalTaken:
		l.took(k, s.Bytes, s.Data)
	case sim.SignalHealed:
		for _, x := range l.held[k] {
			l.hear(k, time.Duration(at).Seconds(), x.dialer, x.data)
		}
		delete(l.held, k)
	case sim.SignalReset:
		delete(l.held, k)
	}
}

func (l *listener) Observe(r *trace.Record) {
	if r.Event.Kind == model.EvJudged || r.Event.Kind == model.EvStreamed {
		l.verdicts = append(l.verdicts, judged{r.Event.Peer, r.Node, r.Event, false})
	}
	if r.Event.Kind == model.EvAnswered {
		l.answers = append(l.answers, r.Node+" "+r.Event.Reply)
	}
	if r.Event.Kind == trace.Requested {
		l.answers = append(l.answers, requestText(r.Node, r.Event.Text, r.Event.Reply, r.Event.Why == model.WhyClosed))
	}
}

// explained are the exchanges with what the trace says of them.
func (l *listener) explained() []Exchange {
	list := l.exchanges()
	for i := range list {
		e := &list[i]
		full := fullReply(e.Reply)
		if !full && !strings.HasPrefix(e.Reply, "+CONTINUE") {
			continue
		}
		for j := range l.verdicts {
			v := &l.verdicts[j]
			if v.taken || v.replica != l.names[e.Replica] || v.master != l.names[e.Master] || v.event.Full != full || v.event.Text != e.Request {
				continue
			}
			v.taken = true
			switch v.event.Why {
			case model.WhyBelowBacklog, model.WhyBacklogAbsent:
				e.Reason = lackOfBacklog
				if v.event.Offset > v.event.MRO { // real masters log this, whatever they hold
					e.Reason = model.WhyAheadOfMaster.String()
				}
			default:
				e.Reason = v.event.Why.String()
			}
			if !full {
				e.Gap = v.event.Gap
			}
			break
		}
	}
	return list
}

// The network between the processes of one machine, through a proxy (7.1 us one way
// was the least that was measured, all of them warm); and how long a small snapshot
// takes. Seeds draw from these, latencies of every size.
const (
	leastLatency, mostLatency = 7 * time.Microsecond, 800 * time.Microsecond
	leastSave, mostSave       = 2 * time.Millisecond, 30 * time.Millisecond
	leastLoad, mostLoad       = 100 * time.Microsecond, 10 * time.Millisecond // a process listens, and is not ready
	bandwidth                 = 1_000_000_000
)

// simulate plays what was done to real servers. A process may start by up to
// late.all later than it did: so its timers have the phase that they came to have.
// What it waits for may take up to late.worst more, and each turn of its timer comes as late
// as those of some real servers do.
// A run that carries bytes gives the digests of streams too.
func simulate(c *sim.Config, real *played, late lateness, seed uint64, bytes bool) (out outcome) {
	chance := rand.New(rand.NewPCG(seed, 0x7717))
	between := func(a, b time.Duration) time.Duration {
		if b <= a {
			return a
		}
		return a + time.Duration(chance.Int64N(int64(b-a)+1))
	}
	cfg := &sim.Config{Seed: seed, Duration: 24 * time.Hour, Servers: slices.Clone(c.Servers), LinearSYNs: linearSYNs(), Bytes: bytes}
	l := &listener{wires: newWires(), silent: map[[2]int]bool{}, held: map[wireKey][]said{}}
	for i := range cfg.Servers {
		s := &cfg.Servers[i]
		s.Manual, s.Wall, s.LibcMalloc = true, real.wall, real.libc
		s.LoadTime = between(leastLoad, mostLoad+between(0, late.worst))
		s.Dataset, s.SaveRate, s.LoadRate, s.Fork = 200, 0, 0, between(leastSave, mostSave+between(0, late.worst))
		if late != (lateness{}) {
			s.CronLate = between(leastCronLate, mostCronLate)
		}
		l.names = append(l.names, s.Name)
		for j := range i {
			cfg.Links = append(cfg.Links, sim.LinkConfig{A: j, B: i, Latency: between(leastLatency, min(leastLatency<<chance.IntN(8), mostLatency)+between(0, late.worst)), Bandwidth: bandwidth})
		}
	}
	out.infos, out.written = make([][]model.Field, len(c.Servers)), make([]int64, len(c.Servers))
	defer func() {
		if r := recover(); r != nil {
			out.err = fmt.Errorf("seed %d: %v", seed, r)
		}
	}()
	w, err := sim.New(cfg, l)
	if err != nil {
		return outcome{err: err}
	}
	w.Listen(l)
	w.Begin()
	for i := range real.actions {
		a := &real.actions[i]
		to := a.to
		if a.kind == actStart {
			to += late.all
		}
		at := between(a.from, to)
		if a.kind == actStart && w.Loads(a.server) { // it is written down when it was ready
			at -= cfg.Servers[a.server].LoadTime
		}
		w.Advance(model.Instant(max(at, time.Duration(w.Now()))))
		if a.kind == actSilence || a.kind == actHeal {
			l.silent[linkKey(a.a, a.b)] = a.kind == actSilence
		}
		act(w, a, real.loads, bytes, &out)
	}
	for i := range c.Servers {
		out.written[i] = w.Taken(i)
	}
	out.answers = l.answers
	out.exchanges = l.explained()
	return out
}

// linearSYNs is the setting of the kernel here that decides when a dialer finds
// out that a silent link carries again.
func linearSYNs() int {
	b, err := os.ReadFile("/proc/sys/net/ipv4/tcp_syn_linear_timeouts")
	if err != nil {
		return 0 // before Linux 6.5, or another system
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	return n
}

func act(w *sim.World, a *action, loads []*sim.Writes, bytes bool, out *outcome) {
	switch a.kind {
	case actStart:
		for until := w.Now() + model.Instant(time.Second); w.Alive(a.server) && w.Now() < until; {
			w.Advance(w.Now() + model.Instant(time.Millisecond)) // it still waits for its replicas
		}
		if w.Alive(a.server) {
			w.Stop(a.server, false)
		}
		w.Again(a.server) // with what is on its disk
	case actWrite:
		if info := w.Info(a.server); info != nil {
			l := loads[a.load]
			list := make([]sim.Written, 0, a.next-a.first)
			for k := a.first; k < a.next; k++ {
				c := sim.Written{Bytes: l.Size(k), Pieces: l.Pieces(k)}
				if bytes {
					c.Data = l.Append(nil, k)
				}
				list = append(list, c)
			}
			w.WriteCommands(a.server, list...)
		}
	case actCut, actReset:
		w.Cut(a.a, a.b, a.kind == actCut)
	case actSilence:
		w.Silence(a.a, a.b)
	case actHeal:
		w.BreakGone(a.a, a.b) // as the proxy does
		w.Heal(a.a, a.b)
	case actShutdown:
		w.Shutdown(a.server, a.save)
	case actCrash:
		w.Stop(a.server, false)
	case actPause:
		w.Pause(a.server)
	case actResume:
		w.Resume(a.server)
	case actOrder:
		w.Order(*a.order)
	case actInfo:
		if info := w.Info(a.server); info != nil {
			out.infos[a.server] = info.Fields()
		}
	}
}

package sim

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"psyncsim/model"
	"psyncsim/sim/trace"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// own notes that a host wrote bytes of its own: a new life of a process, and a stream
// that began anew, is a new part of its history.
func (w *World) own(h *host, from model.Offset) {
	id := uint64(h.index)<<32 | uint64(h.life)
	if n := len(h.log.lives); n == 0 || h.log.lives[n-1].epoch != id {
		h.log.lives = append(h.log.lives, span{from, id})
	}
}

// follow notes that a replica took a piece of its source's history, whose
// offsets are by shift greater than its own.
func (w *World) follow(h *host, src *streamLog, c model.Chunk, shift model.Offset) {
	lives := h.lives()
	for i, s := range src.lives {
		end := c.To
		if i+1 < len(src.lives) {
			end = src.lives[i+1].from
		}
		if end <= c.From || s.from >= c.To {
			continue
		}
		if n := len(*lives); n == 0 || (*lives)[n-1].epoch != s.epoch {
			*lives = append(*lives, span{max(c.From, s.from) - shift, s.epoch})
		}
	}
}

// upTo is the part of a history before an offset.
func upTo(s []span, before model.Offset) []span {
	n := len(s)
	for n > 0 && s[n-1].from >= before {
		n--
	}
	return s[:n]
}

// joined checks that a replica that goes online continues its master's history:
// after a partial resynchronization what it holds must be the master's own
// beginning; after a full one it takes the master's history over.
//
// Real servers up to 3.2 break that in one case, which diverges says: their name is that of
// the process, and it stays when another master, or none, lets their stream begin anew. A
// replica that comes back when the new stream has passed its place in the old one is told
// +CONTINUE (3.2.13: masterTryPartialResynchronization knows no more than name and offset;
// seen on a real one: 200 keys on the replica, 297 on its master, the link up).
//
// There the stream may go on in the middle of a command. A real replica takes what is left
// of it for commands of a line each, which mostly are none; here it is nothing (model.Input:
// Torn), and what the replica has of a command of its own stream is forgotten.
func (w *World) joined(h *host, e *model.Event) (diverges bool) {
	h.torn = 0
	src := w.hosts[w.named(e.Peer)]
	if h.origin = src.origin; src.srv.IsMaster() {
		h.origin = src.index + 1
	}
	log := src.log
	if c := w.upstreamOf(h); c != nil { // what it carries, if its sender is another process by now
		if f := &c.pipes[fromAcceptor].flow; f.on && f.src == src.index {
			log = f.log
		}
	}
	if e.Full && h.ownStream() {
		h.took = append(h.took[:0], upTo(log.lives, e.Offset)...)
		return false
	}
	if e.Full {
		w.newLog(h)
		h.log.lives = append(h.log.lives, upTo(log.lives, e.Offset)...)
		return false
	}
	lives := h.lives()
	mine, theirs := upTo(*lives, e.Offset), upTo(log.lives, e.Offset)
	if diverges = !sameLives(mine, theirs); diverges && !slices.Contains(w.reused, h.wanted()) {
		panic(fmt.Sprintf("sim: %s continues at %d a history that is not %s's: %v, %v", h.cfg.Name, e.Offset, e.Peer, mine, theirs))
	}
	if *lives = mine; diverges {
		h.torn = log.wholeFrom(e.Offset)
	}
	return diverges
}

// wholeFrom is where the first command begins that does so at offset o or behind it.
func (l *streamLog) wholeFrom(o model.Offset) model.Offset {
	if len(l.segs) == 0 {
		return o
	}
	s := l.segs[l.index(o)]
	if o <= s.from || o >= s.to {
		return o
	}
	if s.run {
		if b := s.base + int64(o-s.from); s.bytes(s.find(b)) == b {
			return o
		}
	}
	return s.commandEnd(o)
}

// rest is what is left of a command: offsets [from, to).
type rest struct{ from, to model.Offset }

// tornAt is the offset behind the rest of a command that a host hears from byte o of a flow
// on, 0 if that is none.
func (h *host) tornAt(f *flow, o model.Offset) model.Offset {
	if o < h.torn {
		return h.torn
	}
	for _, r := range f.log.torn {
		if r.from <= o && o < r.to {
			return r.to
		}
	}
	return 0
}

// untilTorn is the last byte, at most to, up to which all that comes next is the rest of a
// command (torn), or none of it is.
func (h *host) untilTorn(f *flow, to model.Offset) (last model.Offset, torn bool) {
	if end := h.tornAt(f, f.arrived+1); end > 0 {
		return min(to, end-1), true
	}
	for _, r := range f.log.torn {
		if r.from > f.arrived+1 {
			to = min(to, r.from-1)
		}
	}
	return to, false
}

// passTorn notes that a replica passes on the rest of a command.
func (h *host) passTorn(from, to model.Offset) {
	if n := len(h.log.torn); n == 0 || h.log.torn[n-1].to != to {
		h.log.torn = append(h.log.torn, rest{from, to})
	}
}

// sameLives says whether two histories are the same; where they begin does not matter.
func sameLives(a, b []span) bool {
	for i := range min(len(a), len(b)) {
		if a[i].epoch != b[i].epoch || i > 0 && a[i].from != b[i].from {
			return false
		}
	}
	return len(a) == len(b)
}

// wanted is the history that a replica asked for last; "" if it asked with SYNC.
func (h *host) wanted() model.ReplID {
	if words := strings.Fields(h.request); len(words) > 1 {
		return model.ReplID(words[1])
	}
	return ""
}

// ownStream says whether a host numbers a stream of its own also while it follows
// a master.
func (h *host) ownStream() bool { return h.cfg.Profile.OwnStreamOnChains }

// lives are whose bytes a host took from its masters. They are its own stream too,
// but for a host that makes that itself.
func (h *host) lives() *[]span {
	if h.ownStream() {
		return &h.took
	}
	return &h.log.lives
}

// compare checks delivered bytes against what the source's clients wrote.
func (w *World) compare(f *flow, c model.Chunk) {
	if n := len(f.log.segs); n == 0 || f.log.segs[0].from > c.From {
		panic("sim: a stream piece that its source has forgotten")
	}
	if first, ok := f.bytes.First(); !ok || first != c.From { // what was sent next
		panic(fmt.Sprintf("sim: bytes [%d, %d) of %s's stream arrived changed: the next that was sent is %d", c.From, c.To, w.hosts[f.src].cfg.Name, first))
	}
	if !f.log.wrote(c.Data, c.From) {
		panic(fmt.Sprintf("sim: byte %d of %s's stream arrived changed", f.log.firstOther(c.Data, c.From), w.hosts[f.src].cfg.Name))
	}
}

// firstOther is where data, which is not what the stream has from an offset on, begins to be
// something else.
func (l *streamLog) firstOther(data []byte, from model.Offset) model.Offset {
	for len(data) > 1 {
		n := len(data) / 2
		if l.wrote(data[:n], from) {
			data, from = data[n:], from+model.Offset(n)
		} else {
			data = data[:n]
		}
	}
	return from
}

// ringLog keeps the last facts, for the report of a violation.
type ringLog struct {
	recs [16]trace.Record
	n    int
}

func (l *ringLog) reset() { l.n = 0 }

// next is the place of the next fact.
func (l *ringLog) next() *trace.Record {
	l.n++
	return &l.recs[uint(l.n-1)%uint(len(l.recs))]
}

func (l *ringLog) records() []trace.Record {
	var out []trace.Record
	for i := max(0, l.n-len(l.recs)); i < l.n; i++ {
		out = append(out, l.recs[i%len(l.recs)])
	}
	return out
}

// check refuses a configuration that no world can play.
func (c *Config) check() error {
	if c.Duration <= 0 {
		return errors.New("sim: a run needs a duration")
	}
	if err := c.CheckFaults(); err != nil {
		return err
	}
	if len(c.Servers) == 0 {
		return errors.New("sim: a run needs a server")
	}
	for i := range c.Servers {
		s := &c.Servers[i]
		if s.Profile == nil {
			return fmt.Errorf("sim: server %q has no version", s.Name)
		}
		if s.CronLate < 0 || s.CronLate > model.MaxCronLate {
			return fmt.Errorf("sim: the turns of server %q come %v late: 0 to %v is possible", s.Name, s.CronLate, model.MaxCronLate)
		}
	}
	return nil
}

// mulDiv is a*b/c without overflow in between, for a, b, c >= 0.
func mulDiv(a, b, c int64) int64 {
	q, r := a/c, a%c
	return q*b + int64(uint64(r)*uint64(b)/uint64(c))
}

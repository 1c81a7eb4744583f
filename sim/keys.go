package sim

import (
	"errors"
	"slices"
	"time"

	"psyncsim/model"
)

// Keys with a time to live. A server with such a load remembers which of its
// commands' keys are still there: they are written in order, their time is over
// in order, and they are deleted in order, so a few numbers say it all. When the
// cycle that deletes them runs, and how many it finds, is the model's to say.
//
// Which of several expired keys goes first is not what a real server would
// choose; all keys of a load are equally long, so the stream's bytes are the same.
// Keys of different loads are taken for different ones.

// keyRun is the keys [from, to).
type keyRun struct{ from, to int64 }

// keyspace is all of them of one server.
type keyspace struct {
	tracks []expiring
	loops  int64 // commands of the source when the cycle last ran
	lazyAt model.Instant
}

// newKeyspace is the keys of some loads, nil when none has a time to live. weigh is
// set where all keys matter, for the memory that they take.
func newKeyspace(loads []*load, weigh *model.Allocator) *keyspace {
	s := &keyspace{}
	for _, l := range loads {
		for i := range l.mix.list {
			e := &l.mix.list[i]
			if e.ttl == 0 && (weigh == nil || !e.stores) {
				continue
			}
			next := l.mix.commands
			if i+1 < len(l.mix.list) {
				next = l.mix.list[i+1].commands
			}
			x := expiring{load: l, before: e.commands, times: next - e.commands, cycle: l.mix.commands,
				parts: int64(len(e.parts)), each: max(1, e.keys), keyLen: e.keyLen, ttl: e.ttl}
			if len(e.parts) == 1 && x.each == 1 && x.keyLen < 10 {
				x.period = 1
				for range x.keyLen {
					x.period *= 10
				}
			}
			if weigh != nil {
				x.weigh(e, *weigh)
			}
			s.tracks = append(s.tracks, x)
		}
	}
	if len(s.tracks) == 0 {
		return nil
	}
	return s
}

const million = 1_000_000 // nanoseconds of a millisecond

// wroteKeys notes which commands of a host's source were executed.
func (w *World) wroteKeys(h *host, first, next int64) {
	if h.keys == nil {
		return
	}
	m, several := h.src.(*merged)
	if !several {
		for i := range h.keys.tracks {
			if x := &h.keys.tracks[i]; x.load == h.src {
				x.write(first, next)
			}
		}
		return
	}
	var a, b [16]int64
	from, to := m.share(first, a[:0]), m.share(next, b[:0])
	for i := range h.keys.tracks {
		for j, l := range m.parts {
			if x := &h.keys.tracks[i]; x.load == l {
				x.write(from[j], to[j])
			}
		}
	}
}

// nextExpiry is when the next key's time is over, of those that are there or
// will be written next; Never without any.
func (w *World) nextExpiry(h *host) model.Instant {
	at, done := model.Never, h.done
	if h.next == 0 { // nothing was executed, nor what is due at this very instant
		done = -1
	}
	for i := range h.keys.tracks {
		x := &h.keys.tracks[i]
		if x.ttl > 0 && (len(x.there) > 0 || h.owns(x.load)) {
			at = min(at, x.ends(x.head(done), int64(h.wall)))
		}
	}
	return at
}

func (h *host) owns(l *load) bool {
	for _, own := range h.loads {
		if own == l {
			return true
		}
	}
	return false
}

// expire runs the cycle of a host.
func (w *World) expire(h *host, now model.Instant) {
	var all, over int64
	for i := range h.keys.tracks {
		x := &h.keys.tracks[i]
		limit := x.over(now, int64(h.wall))
		if x.ttl == 0 {
			continue
		}
		for _, r := range x.there {
			all += r.to - r.from
			over += max(0, min(r.to, limit)-r.from)
		}
	}
	if over == 0 { // a turn that was thought to matter
		return
	}
	loops := h.next - h.keys.loops
	h.keys.loops = h.next
	for n := h.srv.ExpireTurn(all, over, loops); n > 0; n-- {
		oldest, at := 0, model.Never
		for i := range h.keys.tracks {
			if x := &h.keys.tracks[i]; len(x.there) > 0 && x.ttl > 0 {
				if e := x.ends(x.head(h.done), int64(h.wall)); e < at {
					oldest, at = i, e
				}
			}
		}
		w.deleteKey(h, now, &h.keys.tracks[oldest], model.WhyExpired)
	}
}

// deleteKey lets a server delete the oldest key of some.
func (w *World) deleteKey(h *host, at model.Instant, x *expiring, why model.Why) {
	key := x.head(h.done)
	x.drop(key + 1)
	word := h.srv.DeleteWord(why)
	w.in = model.Input{Kind: model.InDelete, Why: why, Commands: 1, Bytes: wireLen(word, []int{x.keyLen})}
	if w.cfg.Bytes {
		w.in.Data = model.AppendCommand(nil, word, string(x.name(key)))
	}
	outs := h.srv.Step(at, &w.in)
	for i := range outs {
		if o := &outs[i]; o.Kind == model.OutFeed {
			w.literal(h, at, o)
			h.log.last().quiet = o.Literal
			w.forward(h, at, &o.Chunk, 0)
			w.lookBelow(h, 0)
		} else {
			w.obey(h, at, o)
		}
	}
}

// touches is the first command of [from, n) that finds its key expired and still
// there, n if none does.
func (w *World) touches(h *host, from, n int64) int64 {
	if h.keys == nil || len(h.loads) != 1 || h.srv.Holds() || h.srv.Refuses() || !h.srv.IsMaster() {
		return n
	}
	l, first := h.loads[0], n
	for i := range h.keys.tracks {
		x := &h.keys.tracks[i]
		if x.period == 0 || x.load != l || x.ttl == 0 {
			continue
		}
		oldest := x.upto(from)
		if len(x.there) > 0 {
			oldest = x.there[0].from
		}
		first = x.touched(from, max(from, x.command(oldest)+x.period), first, int64(h.wall))
	}
	return first
}

// touched is the first command of [lo, hi), none of them before from, that finds its
// key expired and still there, hi if none does. Later commands are written later, and
// later keys end later: where the first key outlives the last command, nothing is found.
func (x *expiring) touched(from, lo, hi, wall int64) int64 {
	if lo >= hi {
		return hi
	}
	key := x.upto(lo - x.period)
	if x.ends(key, wall) > x.load.when(hi-1) {
		return hi
	}
	if hi-lo > 1 {
		mid := lo + (hi-lo)/2
		if k := x.touched(from, lo, mid, wall); k < mid {
			return k
		}
		return x.touched(from, mid, hi, wall)
	}
	if x.upto(lo-x.period+1) == key || lo-x.period < from && !x.has(key) {
		return hi
	}
	return lo
}

// deleteTouched lets command k of a host delete the expired key that it is about to write.
func (w *World) deleteTouched(h *host, k int64) {
	for i := range h.keys.tracks {
		x := &h.keys.tracks[i]
		if x.period == 0 || x.ttl == 0 || k < x.period || x.upto(k-x.period+1) == x.upto(k-x.period) {
			continue
		}
		x.drop(x.upto(k - x.period))
		w.deleteKey(h, h.src.when(k), x, model.WhyExpired)
	}
}

// watched is how far ahead touches are looked for at a time.
const watched = 1024

// watchKeys makes an event of the next command that touches an expired key.
func (w *World) watchKeys(h *host) {
	if !h.srv.IsMaster() || h.frozen > 0 || !h.alive {
		h.srv.Expires(model.Never)
		return
	}
	h.srv.Expires(w.nextExpiry(h))
	again := false
	for i := range h.keys.tracks {
		again = again || h.keys.tracks[i].period > 0 && h.keys.tracks[i].ttl > 0
	}
	if !again || len(h.loads) != 1 {
		return
	}
	l := h.loads[0]
	at := l.when(w.touches(h, h.next, min(h.next+watched, l.total())))
	if at == model.Never || at == h.keys.lazyAt {
		return
	}
	h.keys.lazyAt = max(at, w.queue.Now())
	w.queue.Push(h.keys.lazyAt, event{kind: evLimit, host: int32(h.index), gen: h.gen})
}

// lose forgets all keys: their process ended without saving them.
func (s *keyspace) lose() {
	for i := range s.tracks {
		s.tracks[i].there = nil
	}
}

// expires reads what a command of a mix says of its keys' time.
func (e *cycleEntry) expires(c *Command) error {
	if c.TTL == 0 {
		return nil
	}
	if c.TTL < time.Millisecond || c.KeyBytes < 1 || c.Keys < 0 {
		return errors.New("a time to live is a millisecond at least, and of keys of a byte at least")
	}
	e.ttl, e.keys, e.keyLen = int64(c.TTL/time.Millisecond), int64(c.Keys), c.KeyBytes
	return nil
}

// inherit gives a replica that becomes a master the keys of the server that
// wrote its data. What that one deleted meanwhile is taken for deleted.
func (w *World) inherit(h *host) {
	if h.origin == 0 || w.hosts[h.origin-1].keys == nil {
		return
	}
	from := w.hosts[h.origin-1]
	w.bring(from, w.queue.Now())
	keys := &keyspace{loops: h.next}
	at := h.srv.MRO()
	if h.cfg.Profile.PSYNC == 0 { // it counts from somewhere else: take it for being in step
		at = from.srv.MRO()
	}
	k, known := from.log.whole(at)
	for _, x := range from.keys.tracks {
		x.there = slices.Clone(x.there)
		limit := int64(0)
		if known {
			limit = x.upto(from.partOf(k, x.load))
		}
		for n := len(x.there); n > 0 && x.there[n-1].to > limit; n-- {
			if x.there[n-1].to = max(limit, x.there[n-1].from); x.there[n-1].to == x.there[n-1].from {
				x.there = x.there[:n-1]
			}
		}
		x.period = 0
		keys.tracks = append(keys.tracks, x)
	}
	if own := w.keyspaceOf(h); own != nil {
		keys.tracks = append(keys.tracks, own.tracks...)
	}
	h.keys = keys
}

// shares is how many commands of each of its loads are among the first k of a host.
func (h *host) shares(k int64, counts []int64) []int64 {
	if m, several := h.src.(*merged); several {
		return m.share(k, counts)
	}
	return append(counts, k)
}

// partOf is how many commands of one of its loads are among the first k of a host.
func (h *host) partOf(k int64, l *load) int64 {
	m, several := h.src.(*merged)
	if !several {
		if l == h.src {
			return k
		}
		return 0
	}
	for i, n := range m.share(k, nil) {
		if m.parts[i] == l {
			return n
		}
	}
	return 0
}

// whole is how many of the source's commands end at or before byte o.
func (l *streamLog) whole(o model.Offset) (k int64, ok bool) {
	for i := len(l.segs) - 1; i >= 0; i-- {
		if s := &l.segs[i]; s.run && s.src == l.src && s.delay == 0 && s.from <= o {
			return l.src.find(s.base + int64(min(o+1, s.to)-s.from)), true
		}
	}
	return 0, false
}

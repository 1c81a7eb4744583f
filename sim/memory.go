package sim

import (
	"slices"

	"psyncsim/model"
)

// maxmemory. A server's data is what it began with (ServerConfig.Dataset, byte for
// byte) and the keys that its clients' commands wrote since, by their estimated
// weight. What is counted and what must go is the model's to say; see
// model.Server.ToFree.
//
// A key weighs what its command stores; one that is written again weighs the same,
// whatever its type. All that a transaction writes is taken for one key, unless it
// has a time to live. Which key a real server would choose is not known here: the
// oldest goes, and with volatile-ttl the one whose time is over first. Keys of the
// first data set are never chosen.

// limitedEver says whether maxmemory matters in a run: then all keys are kept count of.
func (c *Config) limitedEver() bool {
	for i := range c.Servers {
		if c.Servers[i].Settings.MaxMemory > 0 || c.Servers[i].Manual {
			return true
		}
	}
	for i := range c.Faults {
		if s := c.Faults[i].Settings; s != nil && s.MaxMemory > 0 {
			return true
		}
	}
	return false
}

// keyspaceOf is the keys that a host's clients will write.
func (w *World) keyspaceOf(h *host) *keyspace {
	if !w.cfg.limitedEver() {
		return newKeyspace(h.loads, nil)
	}
	alloc := model.AllocJemalloc
	if h.cfg.LibcMalloc {
		alloc = model.AllocLibc
	}
	return newKeyspace(h.loads, &alloc)
}

// holds notes what a part of a mix's entry leaves in memory.
func (e *cycleEntry) holds(c *Command) {
	if !model.NeedsMemory(c.Name) {
		return
	}
	e.needs = true
	for i, n := range c.Args {
		if i == 0 && !e.stores {
			e.stores, e.keyLen = true, n
			if len(c.Words) > 0 {
				e.word = c.Words[0]
			}
			continue
		}
		e.value += int64(n)
	}
}

// weigh says what the keys of an entry weigh, and when they come again.
func (x *expiring) weigh(e *cycleEntry, alloc model.Allocator) {
	if !e.stores {
		return
	}
	x.weight = alloc.KeyMemory(int64(x.keyLen), e.value/x.each)
	if x.ttl > 0 {
		x.weight += alloc.ExpireMemory()
		return
	}
	if x.word = e.word; x.word != "" {
		x.period = 1
	} else if x.parts > 1 && x.keyLen < 10 {
		x.period = 1
		for range x.keyLen {
			x.period *= 10
		}
		x.period /= int64(commonDivisor(uint64(x.period), uint64(x.parts)))
	}
}

// count is how many keys are there.
func (x *expiring) count() (n int64) {
	for _, r := range x.there {
		n += r.to - r.from
	}
	return n
}

// most is how many keys can be there after more of them were written.
func (x *expiring) most(more int64) int64 {
	n := x.count()
	if x.period == 0 {
		return n + more
	}
	return max(n, min(n+more, (x.period+x.cycle-1)/x.cycle*x.times*x.each))
}

// limited says whether maxmemory matters to a host's next command; its server then
// knows what it holds.
func (w *World) limited(h *host) bool {
	if !h.srv.Limited() {
		return false
	}
	data := h.dataset
	if h.keys != nil {
		for i := range h.keys.tracks {
			if x := &h.keys.tracks[i]; x.weight > 0 {
				data += x.weight * x.count()
			}
		}
	}
	h.srv.Holding(data)
	return true
}

// fits is the first command of (from, n) before which a host, which is limited, may
// have too much in memory; n if there is none, from if it has too much now.
func (w *World) fits(h *host, from, n int64) int64 {
	if h.srv.ToFree() > 0 {
		return from
	}
	var a [8]int64
	done := h.shares(from, a[:0])
	if w.fitAll(h, from, n-1, done) {
		return n
	}
	lo, hi := from, n-1 // before command lo all fits, before hi it may not
	for hi-lo > 1 {
		if mid := lo + (hi-lo)/2; w.fitAll(h, from, mid, done) {
			lo = mid
		} else {
			hi = mid
		}
	}
	return hi
}

// fitAll says that nothing is too much once the commands [from, k) are executed; done
// are the shares of from.
func (w *World) fitAll(h *host, from, k int64, done []int64) bool {
	if k <= from {
		return true
	}
	var data int64
	var a [8]int64
	then := h.shares(k, a[:0])
	if h.keys != nil {
		for i := range h.keys.tracks {
			x := &h.keys.tracks[i]
			if j := slices.Index(h.loads, x.load); x.weight > 0 && j >= 0 {
				more := x.upto(then[j]) - x.upto(done[j])
				data += (x.most(more) - x.count()) * x.weight
			}
		}
	}
	return h.srv.Fits(h.src.bytes(k)-h.src.bytes(from)+h.srv.Owes(), h.src.longest(), data)
}

// victim is the keys of which the next one is deleted for want of memory, nil if
// there are none that may be.
func (w *World) victim(h *host) (oldest *expiring) {
	policy := h.srv.Evicts()
	if policy == model.NoEviction || h.keys == nil {
		return nil
	}
	first := model.Never
	for i := range h.keys.tracks {
		x := &h.keys.tracks[i]
		if len(x.there) == 0 || x.weight == 0 || policy.Volatile() && x.ttl == 0 {
			continue
		}
		at := x.load.when(x.command(x.there[0].from))
		if policy == model.VolatileTTL {
			at = x.ends(x.there[0].from, int64(h.wall))
		}
		if oldest == nil || at < first {
			oldest, first = x, at
		}
	}
	return oldest
}

// evict deletes keys of a limited host until enough is free; false if there are not
// enough.
func (w *World) evict(h *host, at model.Instant) bool {
	for free := h.srv.ToFree(); free > 0; {
		x := w.victim(h)
		if x == nil {
			return false
		}
		free -= x.weight
		w.deleteKey(h, at, x, model.WhyEvicted)
	}
	return true
}

// makeRoom lets a limited host find memory for its command k, at an instant. The
// commands from k up to the one returned are refused, none of [.., n) behind it.
func (w *World) makeRoom(h *host, at model.Instant, k, n int64) int64 {
	if w.evict(h, at) {
		return k
	}
	end := w.refusedTo(h, k, n)
	if end > k {
		w.in = model.Input{Kind: model.InRefuse, Commands: end - k}
		outs := h.srv.Step(max(at, h.srv.Now()), &w.in)
		for i := range outs {
			w.obey(h, at, &outs[i])
		}
	}
	return end
}

// refusedTo is the first command of [k, n) that needs no memory, n if there is none.
// It may lie behind the end of the load.
func (w *World) refusedTo(h *host, k, n int64) int64 {
	m, several := h.src.(*merged)
	if !several {
		l := h.loads[0]
		if !l.mix.free {
			return n
		}
		return l.nextEntry(k, n, func(e *cycleEntry) bool { return !e.needs })
	}
	if !slices.ContainsFunc(m.parts, func(l *load) bool { return l.mix.free }) {
		return n
	}
	return m.next(k, n, func(l *load, j int64) bool { return !l.mix.list[l.mix.at(j%l.mix.commands)].needs })
}

// watchMemory makes an event of the next command before which a host may have too
// much in memory.
func (w *World) watchMemory(h *host) {
	if h.src == nil || !h.alive || h.frozen > 0 || !w.limited(h) || h.src.when(h.next) == model.Never {
		h.memoryAt = 0
		return
	}
	end := h.next + lookAhead
	k := w.fits(h, h.next, end)
	if k == h.next && w.victim(h) == nil { // all is refused that can be
		k = w.refusedTo(h, k, end)
	}
	at := h.src.when(k)
	if at == model.Never {
		return
	}
	if at = max(at, w.queue.Now()); at != h.memoryAt {
		h.memoryAt = at
		w.queue.Push(at, event{kind: evLimit, host: int32(h.index), gen: h.gen})
	}
}

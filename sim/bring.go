package sim

import (
	"psyncsim/model"
)

// bring makes a host know all that happened to it by t without an event of its
// own: stream bytes that arrived, client writes.
func (w *World) bring(h *host, t model.Instant) {
	if h.folded > 0 && h.ackAt < t && !h.asked {
		h.hold()
		w.bringLate(h, t) // one piece of stream, not one up to the turn and one behind it
		w.acksUpto(h, t, true)
		w.letGo(h)
	}
	if h.done >= t || !h.alive || h.frozen > 0 || h.asked {
		return
	}
	h.hold()
	w.bringTo(h, t)
	w.letGo(h)
}

// consult brings a host up to date because another one asks what it wrote. What it then
// knows was foreseen when its timers were set, so they stay: unless more came of it
// than its clients' writes, or its master's, in its stream. (With an open lane no write
// can come to a limit but one that is an event, and nobody looks at silence; see fold.)
func (w *World) consult(h *host, t model.Instant) {
	if h.done >= t {
		return
	}
	if h.stale || h.lanes == 0 || h.keys != nil || h.srv.Limited() || !h.srv.IsMaster() && (h.folded == 0 || h.src != nil) || h.srv.IsMaster() && h.relays {
		w.bring(h, t)
		return
	}
	h.noted = false
	h.hold()
	if !w.bringLate(h, t) {
		w.bring(h, t)
	}
	h.stale = h.noted
	w.letGo(h)
}

// bringLate is bring for a relay of which only the stream is asked for, if what it hears does
// nothing but make that longer: the turns at which it sends ACKs are played when somebody
// looks at those. Its log knows what it had by then.
func (w *World) bringLate(h *host, t model.Instant) bool {
	if h.folded == 0 || !h.relays || h.log.crowded() || !w.onlyHears(h) {
		return false
	}
	late := h.ackAt < t
	if late && h.done < h.ackAt {
		h.ackFrom = h.srv.MRO() + 1
	}
	if h.done < t && h.alive && h.frozen == 0 && !h.asked {
		h.late, h.asked, h.follows = late, true, true
		w.hearFrom(h, w.conns[h.folded-1], t) // its only connection to its master
		h.late, h.asked, h.follows = false, false, false
		h.done = t
	}
	return true
}

func (w *World) bringTo(h *host, t model.Instant) {
	h.asked = true // servers that follow each other in a ring ask no further
	if h.src != nil && !h.srv.IsMaster() && (h.ownStream() && h.srv.Writable() || h.srv.Refuses()) {
		w.between(h, t)
	}
	if !h.srv.IsMaster() {
		w.hear(h, t)
	}
	h.asked = false
	h.done = t
	if h.src == nil {
		return
	}
	n := h.src.upto(t)
	if n <= h.next {
		return
	}
	if w.grow(h, n, t) {
		return
	}
	refused := false
	for h.next < n {
		end := n
		if w.limited(h) {
			if end = w.fits(h, h.next, n); end == h.next {
				w.beginTurn()
				if h.next = w.makeRoom(h, h.src.when(end), end, n); h.next > end {
					refused, w.begun = true, false
					continue
				}
				end++
			}
		}
		k := end
		if h.keys != nil {
			k = w.touches(h, h.next, end)
		}
		w.writeTo(h, k)
		if k < end {
			w.beginTurn()
			w.deleteTouched(h, k)
			w.writeTo(h, k+1)
		}
	}
	if refused {
		w.rearm(h)
	}
}

// beginTurn begins the turn in which a server takes its clients' next write: what it deletes
// for it is of the same turn.
func (w *World) beginTurn() {
	if !w.begun {
		w.turn++
	}
	w.begun = true
}

// writeTo hands a host the client writes before number n.
func (w *World) writeTo(h *host, n int64) {
	for all := n; h.next < all; {
		n := w.ontoPage(h, h.next, all)
		long, alone := n, n
		if h.cfg.Profile.Backlog == model.Blocks { // a command with a long argument makes blocks of its own
			long = h.src.nextLong(h.next, n)
		}
		if least := h.srv.Lone(h.src.longest()); least > 0 { // an output buffer may not hold it
			alone = h.src.nextSize(h.next, n, least)
		}
		switch k := min(long, alone); {
		case k > h.next:
			w.write(h, k, nil)
		case long == k:
			w.pieces = h.src.pieces(w.pieces[:0], k)
			w.write(h, k+1, w.pieces)
		default:
			w.write(h, k+1, nil)
		}
	}
}

// between plays the client writes of a replica by t, each at its place in what
// the replica hears: both go into one stream, or the server counts what it refuses.
func (w *World) between(h *host, t model.Instant) {
	for h.alive && !h.srv.IsMaster() {
		at := h.src.when(h.next)
		if at > t {
			return
		}
		w.hear(h, at)
		w.write(h, h.next+1, nil)
	}
}

// write hands a host the client writes before number n. pieces are those of the
// only one if it is long.
func (w *World) write(h *host, n int64, pieces []int64) {
	first := h.next
	h.next = n
	if h.keys != nil && !h.srv.Holds() && !h.srv.Refuses() && h.srv.IsMaster() {
		w.wroteKeys(h, first, n)
	}
	switch {
	case h.srv.Holds():
		if k := len(h.held); k > 0 && h.held[k-1].next == first {
			h.held[k-1].next = n
		} else {
			h.held = append(h.held, commands{first, n})
		}
	case h.srv.Refuses() || h.srv.Executes():
		w.append(h, first, n, pieces, h.src.when(n-1), false)
	}
	w.begun = false
}

// retry lets clients whose writes waited try again, all of them now.
func (w *World) retry(h *host, now model.Instant) {
	h.resumes = false
	held := h.held
	h.held = nil // some may come to wait again
	for _, r := range held {
		for r.first < r.next {
			n, pieces := r.next, []int64(nil)
			if h.cfg.Profile.Backlog == model.Blocks {
				if n = h.src.nextLong(r.first, r.next); n == r.first {
					w.pieces = h.src.pieces(w.pieces[:0], r.first)
					n, pieces = r.first+1, w.pieces
				}
			}
			if w.limited(h) {
				end := w.fits(h, r.first, n)
				if end == r.first {
					if r.first = w.makeRoom(h, now, end, n); r.first > end {
						continue
					}
					end++
				}
				n = min(n, end)
			}
			if !h.srv.Holds() && !h.srv.Refuses() && h.srv.IsMaster() {
				w.wroteKeys(h, r.first, n)
			}
			switch {
			case h.srv.Holds():
				h.held = append(h.held, commands{r.first, n})
			case h.srv.Refuses() || h.srv.Executes():
				w.append(h, r.first, n, pieces, now, true)
			}
			r.first = n
		}
	}
	if len(h.held) == 0 {
		h.held = held[:0]
	}
	if len(held) > 0 {
		w.lookBelow(h, 0)
	}
	if len(h.waiting) > 0 && !h.srv.Holds() {
		waiting := h.waiting
		h.waiting = nil
		w.writeCommands(h, now, waiting)
	}
}

// append hands a host the client writes [first, n).
func (w *World) append(h *host, first, n int64, pieces []int64, at model.Instant, held bool) {
	w.in = model.Input{Kind: model.InAppend, Bytes: h.src.bytes(n) - h.src.bytes(first), Commands: n - first, Pieces: pieces}
	if w.cfg.Bytes {
		page := w.pageFor(int(w.in.Bytes))
		w.in.Page = page
		w.in.Data = page.Write(func(b []byte) []byte { return h.src.fillRun(b, first, n) })
	}
	if h.log.crowded() {
		h.log.trim(w.floor(h))
	}
	w.stepAppend(h, at, first, n, held)
}

// pageFor is a page with room for n bytes.
func (w *World) pageFor(n int) *model.Page {
	if w.page == nil || w.page.Room() < n {
		if w.page != nil {
			w.page.Release()
		}
		w.page = w.pages.Take(max(n, writtenAtOnce))
	}
	return w.page
}

// ontoPage is the end of those of the commands [k, end) that fit onto the present page, or
// onto an empty one if that is none: one at least.
func (w *World) ontoPage(h *host, k, end int64) int64 {
	if !w.cfg.Bytes || end-k < 2 {
		return end
	}
	base, room := h.src.bytes(k), int64(writtenAtOnce)
	if w.page != nil && int64(w.page.Room()) >= h.src.size(k) {
		room = int64(w.page.Room())
	}
	return min(end, max(k+1, h.src.find(base+room)))
}

// floor is the first byte of a host's stream that may still be asked for.
func (w *World) floor(h *host) model.Offset {
	floor := h.srv.MRO() + 1
	if f, n := h.srv.History(); n > 0 {
		floor = min(floor, f)
	}
	if floor = min(floor, h.srv.Buffered()); h.ackFrom > 0 {
		floor = min(floor, h.ackFrom)
	}
	for _, ci := range h.conns {
		c := w.conns[ci]
		for s := range c.pipes {
			if f := &c.pipes[s].flow; f.on && f.log == h.log {
				floor = min(floor, f.arrived+1)
				if r := w.hosts[c.dialer].srv; r.LinkUp() { // what it has read and not applied it will pass on
					floor = min(floor, f.arrived+1-(r.Read()-r.Processed()))
					if w.hosts[c.dialer].ownStream() {
						floor = min(floor, f.arrived+1-(r.Read()-r.Executed()))
					}
				}
			}
		}
	}
	return floor
}

// scheduleWrite makes an event of the next client write of a host; with bytes, of a
// later one.
func (w *World) scheduleWrite(i int) {
	h := w.hosts[i]
	k := max(h.next, h.src.upto(w.queue.Now()))
	if !w.cfg.PerWrite {
		k = max(k, h.src.find(h.src.bytes(k)+writtenAtOnce))
	}
	if at := h.src.when(k); at != model.Never {
		w.queue.Push(at, event{kind: evWrite, host: int32(i)})
	}
}

// writtenAtOnce is how many bytes clients write, with Config.Bytes, before all servers
// are told what has happened. Everyone who looks at a byte then finds it in the
// processor's cache.
const writtenAtOnce = 256 << 10

package sim

import "psyncsim/model"

// disk is what the processes of a host leave on its disk, and the next one
// finds. Kill -9 takes nothing from it: what a process handed to the kernel is
// there.
type disk struct {
	exists bool // there is an RDB
	saved  model.Saved
	bytes  int64  // its size
	lives  []span // whose history it holds
	aof    bool   // there is an AOF; it holds the whole data set at all times
}

// image is the data set of a host at one moment.
type image struct {
	bytes int64
	keys  bool // it holds some
	lives []span
}

// pumpBytes is how much of an RDB is loaded between two looks at the sockets
// (loading-process-events-interval-bytes).
const pumpBytes = 2 << 20

// firstDisk is what is on disk before a run: the data set came from there.
func (w *World) firstDisk(h *host) {
	lives := h.disk.lives[:0]
	h.disk = disk{lives: lives}
	switch {
	case h.cfg.Manual: // nobody ran before
	case h.cfg.Settings.AppendOnly:
		h.disk.aof = true
	case h.cfg.Dataset > 0 && h.cfg.Settings.SavePoints.Any():
		h.disk.exists, h.disk.bytes = true, h.cfg.Dataset
	}
}

// remember notes the data set as it is now: a file of it will come to the disk.
func (w *World) remember(h *host) {
	h.image.bytes, h.image.keys = h.dataset, h.dataset > 0 || h.srv.HasKeys()
	h.image.lives = append(h.image.lives[:0], h.log.lives...)
}

// saved puts a new RDB on disk: what was remembered, or what was received.
func (w *World) saved(h *host, o *model.Output) {
	d := &h.disk
	d.exists, d.saved = true, o.Saved
	if o.Conn == 0 {
		d.bytes = h.image.bytes
		d.lives = append(d.lives[:0], h.image.lives...)
		return
	}
	c, _ := w.find(h, o.Conn)
	if c < 0 {
		panic("sim: an RDB came from nowhere")
	}
	src := w.hosts[w.conns[c].peer]
	d.bytes = src.dataset
	d.lives = append(d.lives[:0], upTo(src.log.lives, o.Saved.Offset+1)...)
	if src.cfg.Profile.PSYNC != 2 { // its RDB says nothing of replication
		d.saved = model.Saved{}
	}
}

// onDisk is what a process that starts now will load: its AOF if it is to have
// one, whatever else there is; else the RDB; nil when there is nothing.
func (h *host) onDisk() *model.Saved {
	switch {
	case h.cfg.Settings.AppendOnly:
		if h.disk.aof {
			return &model.Saved{}
		}
	case h.disk.exists:
		return &h.disk.saved
	}
	return nil
}

// again starts the process of a host once more, with what is on its disk.
func (w *World) again(h *host) {
	found := h.onDisk()
	switch {
	case found == nil && h.epoch > 0:
		h.dataset = 0
	case !h.cfg.Settings.AppendOnly:
		h.dataset = h.disk.bytes
	}
	h.disk.aof = h.cfg.Settings.AppendOnly
	w.boot(h, found, h.disk.lives)
}

// load begins to load a data set: of a full sync, or what is on disk. One that is
// loaded as it arrives is in memory when both its last byte is there and it could
// be loaded since its first one was.
func (w *World) load(h *host, o *model.Output) {
	now := w.queue.Now()
	e := event{kind: evLoaded, host: int32(h.index), conn: -1, gen: h.gen}
	if o.Conn != 0 {
		c, _ := w.find(h, o.Conn)
		if c < 0 {
			return
		}
		if o.Socket {
			h.loadAt, h.loadEnd = now, model.Never
			return
		}
		src := w.hosts[w.conns[c].peer]
		h.dataset, h.loadsKeys = src.dataset, src.image.keys
		e.conn, e.gen = c, w.conns[c].gen
	}
	if !h.srv.Landed() {
		h.loadAt = now
	}
	h.loadEnd = max(now, h.loadAt+transferTime(h.dataset, h.cfg.LoadRate))
	if h.cfg.LoadTime > 0 && o.Conn == 0 {
		h.loadEnd = now + model.Instant(h.cfg.LoadTime)
	}
	w.queue.Push(h.loadEnd, e)
}

// later holds back an event that a process cannot take now: while it is frozen,
// and between two looks at its sockets while it loads.
func (w *World) later(h *host, e event) bool {
	if h.frozen > 0 {
		h.deferred = append(h.deferred, e)
		return true
	}
	if !h.alive || !h.srv.Loading() || w.feeds(h, &e) {
		return false
	}
	now := w.queue.Now()
	if c := w.feed(h); c != nil {
		return w.untilPump(h, c, e)
	}
	if now >= h.loadEnd {
		return false
	}
	step := max(transferTime(pumpBytes, h.cfg.LoadRate), 1)
	if h.cfg.LoadTime > 0 && h.dataset > pumpBytes { // its rate is not known
		step = max((h.loadEnd-h.loadAt)/64, 1)
	}
	at := min(h.loadAt+(now-h.loadAt+step-1)/step*step, h.loadEnd)
	if at <= now {
		return false
	}
	w.queue.Push(at, e)
	return true
}

// foresight is what a world knows of changes to come at a host.
type foresight struct {
	w *World
	h *host
}

// Longest: see model.Foresight.
func (f *foresight) Longest() int64 { return f.w.longest }

// Changes: see model.Foresight. Where it is not known it is now.
func (f *foresight) Changes(n int64) model.Instant {
	w, h := f.w, f.h
	now := w.queue.Now()
	if h.cfg.Manual || h.srv.Writable() && !h.srv.IsMaster() { // written by hand, or by clients of its own too
		return now
	}
	if h.srv.IsMaster() {
		return w.writeAt(h, n)
	}
	c := w.upstreamOf(h)
	if c == nil || !h.srv.LinkUp() {
		return model.Never
	}
	fl := &c.pipes[fromAcceptor].flow
	if !fl.on || !w.hosts[fl.src].srv.IsMaster() || w.hosts[fl.src].keys != nil {
		return now // what its master deletes, for one, is a change here
	}
	if n -= fl.log.changes(fl.arrived+1, fl.next); n <= 0 {
		return now
	}
	return w.writeAt(w.hosts[fl.src], n)
}

// writeAt is when clients write the nth command from now on at a host.
func (w *World) writeAt(h *host, n int64) model.Instant {
	switch {
	case h.src == nil:
		return model.Never
	case len(h.held) > 0 || h.srv.Paused(): // they come all at once when the pause ends
		return w.queue.Now()
	}
	return h.src.when(h.next + n - 1)
}

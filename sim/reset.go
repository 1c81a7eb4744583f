package sim

import (
	"fmt"
	"psyncsim/model"
	"psyncsim/sim/tcp"
	"psyncsim/sim/trace"
	"slices"
	"time"
)

// New makes a world for a configuration; Run may be called once per Reset.
func New(c *Config, watch ...trace.Watcher) (*World, error) {
	w := &World{}
	if err := w.Reset(c, watch...); err != nil {
		return nil, err
	}
	return w, nil
}

// Reset prepares for a run of c, keeping memory of earlier runs. What was worked out
// for the loads of the run before is used again if c has the same Horizon (without one,
// Duration) and the very same slice of Loads: whoever changes a load makes a new slice.
func (w *World) Reset(c *Config, watch ...trace.Watcher) error {
	if err := c.check(); err != nil {
		return err
	}
	same := w.cfg != nil && len(c.Loads) > 0 && len(w.cfg.Loads) == len(c.Loads) && &w.cfg.Loads[0] == &c.Loads[0] && w.cfg.horizon() == c.horizon()
	w.cfg, w.watch = c, append(w.watch[:0], watch...)
	if err := w.resetLoads(same); err != nil {
		return err
	}
	w.longest = 0
	for _, l := range w.loads {
		w.longest = max(w.longest, l.longest())
	}
	if w.page != nil { // bytes are written in pieces that end with their page: the first one is a new run's own
		w.page.Release()
		w.page = nil
	}
	w.queue.Reset(0)
	w.calm, w.turns, w.turn, w.begun = 0, 0, 0, false
	w.last.reset()
	w.events, w.asked = 0, 0
	w.probes = w.probes[:0]
	w.listener, w.serial, w.tap, w.reused = nil, 0, nil, w.reused[:0]
	w.touched = w.touched[:0]
	for i, cn := range w.conns {
		if cn.live {
			w.release(int32(i))
		}
	}
	for len(w.hosts) < len(c.Servers) {
		w.hosts = append(w.hosts, &host{})
	}
	w.hosts = w.hosts[:len(c.Servers)]
	for i := range w.hosts {
		w.resetHost(i)
	}
	w.resetLinks()
	return nil
}

func (w *World) resetHost(i int) {
	h, sc := w.hosts[i], &w.cfg.Servers[i]
	old := *h
	*h = host{cfg: sc, index: i, srv: old.srv, log: old.log, loads: old.loads[:0], conns: old.conns[:0],
		deferred: old.deferred[:0], took: old.took[:0], disk: old.disk, image: old.image, gen: old.gen + 1, snap: old.snap + 1, dataset: sc.Dataset, wakeAt: -1}
	for j := range w.cfg.Loads {
		if w.cfg.Loads[j].Server == i {
			h.loads = append(h.loads, w.loads[j])
		}
	}
	switch len(h.loads) {
	case 0:
	case 1:
		h.src = h.loads[0]
	default:
		h.src = &merged{parts: h.loads}
	}
	if h.src != nil {
		h.longest, h.each = h.src.longest(), h.src.even()
	}
	h.keys = w.keyspaceOf(h)
	w.firstDisk(h)
	if h.log == nil {
		h.log = &streamLog{}
	}
	h.log.reset(h.src)
	for j := range w.cfg.Servers {
		if sc.ReplicaOf != "" && w.cfg.Servers[j].ReplicaOf == sc.Name {
			h.relays = true
		}
	}
	if sc.Manual && len(w.cfg.Servers) > 2 {
		h.relays = true // played by hand: roles may change
	}
	for _, f := range w.cfg.Faults { // roles may change: then anyone may come to relay; a client may be a replica
		if f.Kind == FaultReplicaOf || f.Kind == FaultFailover || f.Kind == FaultRequest {
			h.relays = true
		}
	}
}

// resetLoads gives every load the run's seed. Another run of the same sweep
// point reuses what was worked out for it.
func (w *World) resetLoads(same bool) error {
	if same {
		for j, l := range w.loads {
			l.reset(w.cfg.Seed, streamLoad+uint64(j))
		}
		return nil
	}
	w.loads = w.loads[:0]
	for j := range w.cfg.Loads {
		l, err := newLoad(&w.cfg.Loads[j], w.cfg.horizon(), w.cfg.Seed, streamLoad+uint64(j))
		if err != nil {
			return fmt.Errorf("workload %d: %w", j, err)
		}
		w.loads = append(w.loads, l)
	}
	return nil
}

// The numbers of the streams of chance: more draws in one move no other.
const (
	streamServer uint64 = 1 << 32
	streamLoad   uint64 = 2 << 32
	streamLink   uint64 = 3 << 32
)

func (w *World) resetLinks() {
	// Connections point into it: it must never move.
	n := len(w.cfg.Servers)
	w.links, w.segmented = slices.Grow(w.links[:0], n*(n-1)/2), false
	for _, l := range w.cfg.Links {
		w.addLink(l)
	}
}

func (w *World) addLink(l LinkConfig) *link {
	a, b := min(l.A, l.B), max(l.A, l.B)
	w.links = append(w.links, link{a: a, b: b, latency: model.Instant(l.Latency), ps: psPerByte(l.Bandwidth),
		name: w.cfg.Servers[l.A].Name + "-" + w.cfg.Servers[l.B].Name})
	k := &w.links[len(w.links)-1]
	if l.TCP == nil {
		return k
	}
	k.tcp, k.ps, w.segmented = l.TCP, 0, true
	paths := [2]tcp.PathConfig{l.TCP.There, l.TCP.Back}
	if l.A != a {
		paths[0], paths[1] = paths[1], paths[0]
	}
	for i := range paths {
		k.paths[i].Reset(paths[i], draw(w.cfg.Seed, streamLink, uint64(a), uint64(b), uint64(i)))
	}
	k.latency = model.Instant(paths[0].Latency)
	return k
}

// linkOf is the number of the link between two hosts, made on first use.
func (w *World) linkOf(a, b int) int {
	if a > b {
		a, b = b, a
	}
	for i := range w.links {
		if w.links[i].a == a && w.links[i].b == b {
			return i
		}
	}
	d := DefaultLink
	d.A, d.B = a, b
	w.addLink(d)
	return len(w.links) - 1
}

// boot starts a process on a host. What it restores is of the history lives.
func (w *World) boot(h *host, restore *model.Saved, lives []span) {
	now := w.queue.Now()
	stream := streamServer + uint64(h.index)<<8
	uptime, wall := h.cfg.Uptime, h.cfg.Wall
	if uptime < 0 {
		uptime = time.Duration(uniform(draw(w.cfg.Seed, stream, 0), uint64(time.Minute)))
	}
	if wall < 0 {
		wall = time.Duration(uniform(draw(w.cfg.Seed, stream, 1), uint64(time.Second)))
	}
	h.wall = int64(wall)
	booted := -model.Instant(uptime)
	if h.epoch > 0 || h.cfg.Manual {
		booted = now // started in the course of the run
	}
	h.gen++
	h.epoch++
	h.life++
	c := model.ServerConfig{Name: h.cfg.Name, Profile: h.cfg.Profile, Settings: h.cfg.Settings, Master: h.cfg.ReplicaOf,
		Port: 6379 + h.index, LibcMalloc: h.cfg.LibcMalloc, IDSeed: draw(w.cfg.Seed, stream+uint64(h.epoch), 2), Booted: booted,
		Wall: wallEpoch*int64(time.Second) + int64(wall), Bytes: w.cfg.Bytes, EveryTick: w.cfg.EveryTick, CronLate: h.cfg.CronLate, Data: h.dataset > 0}
	if h.srv == nil {
		h.srv = model.NewServer(c)
	} else {
		h.srv.Reset(c)
	}
	h.alive, h.done = true, now
	if h.src != nil {
		h.next = h.src.upto(now)
		if now == 0 {
			h.next = 0
		}
	}
	h.took = h.took[:0]
	w.newLog(h) // nobody can be sent what an earlier process wrote
	keeps := h.cfg.Profile.RestartKeepsID
	if h.cfg.ReplicaOf == "" {
		keeps = h.cfg.Profile.MasterRestart
	}
	if restore != nil && restore.ID != "" && keeps {
		h.log.lives = append(h.log.lives, upTo(lives, restore.Offset+1)...) // what the snapshot holds of it
	}
	w.in = model.Input{Kind: model.InStart, Restore: restore, Bytes: h.dataset}
	w.step(h, now)
}

// newLog begins a host's stream anew. What is on its way of the old one belongs
// to the old one.
func (w *World) newLog(h *host) {
	for _, ci := range h.conns {
		for s := range w.conns[ci].pipes {
			if f := &w.conns[ci].pipes[s].flow; f.on && f.log == h.log {
				h.log = &streamLog{}
			}
		}
	}
	h.log.reset(h.src)
}

// mostAtOnce is how many events one instant may have. A replica whose master
// hangs up on it at once comes back at once; only latency makes that take time.
const mostAtOnce = 1_000_000

// wallEpoch is the server's unix time at instant 0, in seconds: any date does.
const wallEpoch = 1_600_000_000

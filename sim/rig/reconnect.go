package rig

import (
	"fmt"
	"time"

	"psyncsim/model"
	"psyncsim/sim"
	"psyncsim/sim/trace"
)

// Again plays the silence of a real pair of servers in simulation.
func (c *ReconnectCell) Again(k Kernel, version string, seed uint64) (ReconnectRun, error) {
	// Nearly always it is over a few seconds after the silence.
	run, err := c.again(k, version, seed, 3*time.Second)
	if err != nil || run.Reconnect != 0 {
		return run, err
	}
	return c.again(k, version, seed, c.Silence+10*time.Second)
}

// again plays it until a time after the silence.
func (c *ReconnectCell) again(k Kernel, version string, seed uint64, after time.Duration) (ReconnectRun, error) {
	prof, ok := model.LookupProfile(version)
	if !ok {
		return ReconnectRun{}, fmt.Errorf("%s: no such version is simulated", version)
	}
	set := prof.Defaults()
	set.BacklogSize = 64 << 20
	set.Timeout = c.Timeout
	set.DisklessDelay = 0
	at := 5*time.Second + time.Duration(mix(seed)%uint64(time.Second)) // the phases of both servers' timers are drawn
	cfg := sim.Config{Seed: seed, Duration: at + c.Silence + after, LinearSYNs: k.LinearSYNs,
		Servers: []sim.ServerConfig{
			{Name: "master", Profile: prof, Settings: set, Uptime: -1, Wall: -1},
			{Name: "replica", Profile: prof, Settings: set, ReplicaOf: "master", Uptime: -1, Wall: -1},
		},
		Links:  []sim.LinkConfig{c.link(k, seed)},
		Loads:  []sim.LoadConfig{{Server: 0, Commands: []sim.Command{{Name: "SET", Args: []int{10, 160}, Times: 1}}, BytesPerSecond: c.Rate}},
		Faults: []sim.FaultConfig{{At: at, For: c.Silence, Kind: sim.FaultSilent, A: 0, B: 1}},
	}
	seen := reconnectWatcher{from: model.Instant(at), to: model.Instant(at + c.Silence)}
	w, err := sim.New(&cfg, &seen)
	if err != nil {
		return ReconnectRun{}, err
	}
	if err := w.Run(); err != nil {
		return ReconnectRun{}, err
	}
	seen.run.Seed = seed
	return seen.run, nil
}

// reconnectWatcher reads off a trace what the logs of the real pair tell.
type reconnectWatcher struct {
	from, to model.Instant
	run      ReconnectRun
	lost     bool
}

// Observe reads one fact.
func (w *reconnectWatcher) Observe(r *trace.Record) {
	if r.Node != "replica" || r.At < w.from || w.run.Reconnect != 0 {
		return
	}
	switch r.Event.Kind {
	case model.EvLost:
		if !w.lost {
			w.lost, w.run.Detect = true, time.Duration(r.At-w.from)
		}
	case model.EvDialed:
		if w.lost {
			w.run.Dials++
		}
	case model.EvContinued, model.EvFullBegins:
		if w.lost {
			w.run.Reconnect, w.run.Partial = time.Duration(r.At-w.to), r.Event.Kind == model.EvContinued
		}
	}
}

// link is the measured one, segment by segment.
func (c *ReconnectCell) link(k Kernel, seed uint64) sim.LinkConfig {
	p := uneven(c.RTT, seed)
	return sim.LinkConfig{A: 0, B: 1, Latency: c.RTT / 2, TCP: &sim.TCPLink{There: p, Back: p, Options: k.options("cubic", seed)}}
}

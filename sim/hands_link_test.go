package sim

import (
	"testing"
	"time"

	"psyncsim/model"
)

// openings counts connections and remembers the newest.
type openings struct{ n, last int }

func (o *openings) Hear(_ model.Instant, s Signal) {
	if s.Kind == SignalOpen {
		o.n, o.last = o.n+1, s.Conn
	}
}

// What is done to a link by hand, and what the two servers make of it. Each case
// begins with a replica that has all of 60 kB.
func TestLinkByHand(t *testing.T) {
	const s = model.Instant(time.Second)
	const size = 1024
	wait := func(w *World, d time.Duration) { w.Advance(w.Now() + model.Instant(d)) }
	lags := func(w *World) int64 { return int64(w.Info(0).MRO - w.Info(1).SlaveReplOffset) }
	write := func(w *World, n int) {
		for range n {
			w.Write(0, size)
		}
	}
	cases := []struct {
		name, version string
		play          func(t *testing.T, w *World, o *openings)
	}{
		{"bandwidth", "redis-6.2", func(t *testing.T, w *World, _ *openings) {
			w.Shape(0, 1, 250*time.Microsecond, 10*size)
			write(w, 50)
			wait(w, time.Second)
			if got := lags(w); got < 39*size || got > 41*size {
				t.Errorf("after a second at ten commands a second %d bytes of fifty are missing", got)
			}
			w.Shape(0, 1, 250*time.Microsecond, 100*size)
			if wait(w, 500*time.Millisecond); lags(w) != 0 {
				t.Errorf("at a hundred a second %d bytes are still missing", lags(w))
			}
		}},
		{"delay", "redis-6.2", func(t *testing.T, w *World, _ *openings) {
			w.Shape(0, 1, time.Second, 0)
			write(w, 3)
			if wait(w, 990*time.Millisecond); lags(w) != 3*size {
				t.Errorf("before the delay is over %d bytes are missing", lags(w))
			}
			if wait(w, 20*time.Millisecond); lags(w) != 0 {
				t.Errorf("behind it %d bytes", lags(w))
			}
		}},
		{"one way, stream", "redis-6.2", func(t *testing.T, w *World, _ *openings) {
			w.SilenceOneWay(0, 1)
			write(w, 3)
			wait(w, 10*time.Second)
			if lags(w) != 3*size || w.Info(0).Slaves[0].Lag > 1 {
				t.Errorf("%d bytes are missing, the last ACK is %d s old", lags(w), w.Info(0).Slaves[0].Lag)
			}
			w.Heal(0, 1)
			if wait(w, time.Second); lags(w) != 0 || w.Info(0).SyncPartialOK != 0 {
				t.Errorf("healed, %d bytes are missing after %d reconnects", lags(w), w.Info(0).SyncPartialOK)
			}
		}},
		{"one way, ACKs", "redis-6.2", func(t *testing.T, w *World, _ *openings) {
			w.SilenceOneWay(1, 0)
			write(w, 3)
			wait(w, 30*time.Second)
			if lags(w) != 0 || w.Info(0).Slaves[0].Lag < 29 {
				t.Errorf("%d bytes are missing, the last ACK is %d s old", lags(w), w.Info(0).Slaves[0].Lag)
			}
			wait(w, 35*time.Second)
			if n := w.Info(0).ConnectedSlaves; n != 0 {
				t.Errorf("%d replicas behind repl-timeout", n)
			}
			w.Heal(0, 1)
			wait(w, 10*time.Second) // SYNs are some seconds apart by now
			if w.Info(0).SyncPartialOK != 1 || lags(w) != 0 {
				t.Errorf("healed: %d partial, %d bytes are missing", w.Info(0).SyncPartialOK, lags(w))
			}
		}},
		{"half-open", "redis-6.2", func(t *testing.T, w *World, o *openings) {
			w.HalfOpen(0, 1)
			write(w, 3)
			wait(w, 2*time.Second)
			if m := w.Info(0); lags(w) != 0 || m.ConnectedSlaves != 2 || m.SyncPartialOK != 1 || o.n != 1 {
				t.Errorf("%d bytes are missing, %d replicas, %d partial, %d connects", lags(w), m.ConnectedSlaves, m.SyncPartialOK, o.n)
			}
			if wait(w, 65*time.Second); w.Info(0).ConnectedSlaves != 1 {
				t.Errorf("%d replicas behind repl-timeout", w.Info(0).ConnectedSlaves)
			}
		}},
		{"hollow", "redis-6.2", func(t *testing.T, w *World, o *openings) {
			w.Hollow(0, 1)
			wait(w, 3*time.Second)
			if m := w.Info(0); w.Info(1).LinkUp || m.ConnectedSlaves != 0 || o.n != 1 {
				t.Errorf("up %v, %d replicas, %d connects", w.Info(1).LinkUp, m.ConnectedSlaves, o.n)
			}
			w.Heal(0, 1)
			if wait(w, 100*time.Millisecond); !w.Info(1).LinkUp || w.Info(0).SyncPartialOK != 1 || o.n != 1 {
				t.Errorf("healed: up %v, %d partial, %d connects", w.Info(1).LinkUp, w.Info(0).SyncPartialOK, o.n)
			}
		}},
		{"hollow for long", "redis-6.2", func(t *testing.T, w *World, o *openings) {
			w.Hollow(0, 1)
			wait(w, 70*time.Second)
			if w.Heal(0, 1); o.n < 2 {
				t.Errorf("%d connects", o.n)
			}
			if wait(w, 70*time.Second); !w.Info(1).LinkUp || w.Info(0).ConnectedSlaves != 1 {
				t.Errorf("healed: up %v, %d replicas", w.Info(1).LinkUp, w.Info(0).ConnectedSlaves)
			}
		}},
		{"cut at a byte, read", "redis-2.8", func(t *testing.T, w *World, _ *openings) {
			at := w.Info(1).SlaveReplOffset
			w.CutAfter(0, 1, 1500)
			write(w, 3)
			wait(w, 10*time.Millisecond)
			if r := w.Info(1); r.LinkUp || r.SlaveReplOffset-at != 1500 {
				t.Errorf("up %v, %d bytes came", r.LinkUp, r.SlaveReplOffset-at)
			}
			if wait(w, 2*time.Second); lags(w) != 0 || w.Info(0).SyncPartialOK != 1 {
				t.Errorf("%d bytes are missing, %d partial", lags(w), w.Info(0).SyncPartialOK)
			}
		}},
		{"cut at a byte, processed", "redis-6.2", func(t *testing.T, w *World, _ *openings) {
			at := w.Info(1).SlaveReplOffset
			w.Cut(0, 1, true)
			w.Heal(0, 1)
			wait(w, 2*time.Second)
			w.CutAfter(0, 1, 1500)
			write(w, 3)
			wait(w, time.Millisecond)
			if r := w.Info(1); r.SlaveReplOffset-at != size {
				t.Errorf("%d bytes were processed", r.SlaveReplOffset-at)
			}
			if wait(w, 2*time.Second); lags(w) != 0 || w.Info(0).SyncPartialOK != 2 {
				t.Errorf("%d bytes are missing, %d partial", lags(w), w.Info(0).SyncPartialOK)
			}
		}},
		{"gone in a silence", "redis-6.2", func(t *testing.T, w *World, o *openings) {
			at := w.Info(1).SlaveReplOffset
			w.BreakGone(0, 1) // nothing is silent
			w.Silence(0, 1)
			write(w, 3)
			wait(w, time.Second)
			if w.BreakGone(0, 1); !w.Info(1).LinkUp {
				t.Error("a connection that nobody closed was broken")
			}
			w.Order(FaultConfig{Kind: FaultClientKill, Server: 0, Peer: 1})
			wait(w, time.Second)
			if m := w.Info(0); m.ConnectedSlaves != 0 || !w.Info(1).LinkUp {
				t.Errorf("killed: %d replicas, up %v", m.ConnectedSlaves, w.Info(1).LinkUp)
			}
			if w.BreakGone(0, 1); w.Info(1).LinkUp {
				w.Advance(w.Now() + 1)
			}
			if r := w.Info(1); r.LinkUp || r.SlaveReplOffset != at {
				t.Errorf("broken: up %v, %d bytes came", r.LinkUp, r.SlaveReplOffset-at)
			}
			w.Heal(0, 1)
			if wait(w, 2*time.Second); lags(w) != 0 || w.Info(0).SyncPartialOK != 1 {
				t.Errorf("healed: %d bytes are missing, %d partial", lags(w), w.Info(0).SyncPartialOK)
			}
		}},
		{"one connection", "redis-6.2", func(t *testing.T, w *World, o *openings) {
			w.Cut(0, 1, false)
			wait(w, time.Second)
			if !w.ResetConn(o.last) || w.ResetConn(o.last) || w.ResetConn(1000) {
				t.Error("a connection is reset once")
			}
			if wait(w, time.Second); o.n != 2 || !w.Info(1).LinkUp {
				t.Errorf("%d connects, up %v", o.n, w.Info(1).LinkUp)
			}
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			prof, _ := model.LookupProfile(c.version)
			w, o := probeWorld(t, prof), &openings{}
			p := &printer{}
			w.watch = append(w.watch, p)
			defer func() {
				if t.Failed() {
					t.Logf("%s", p.b)
				}
			}()
			w.Listen(o)
			c.play(t, w, o)
			w.Advance(w.Now() + s)
			w.finish(w.Now())
		})
	}
}

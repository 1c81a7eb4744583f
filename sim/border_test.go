package sim

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"psyncsim/model"
	"psyncsim/sim/trace"
)

// TestBorderExact: for constant arrivals and a reset link, a reconnect is
// partial exactly if what the replica missed is no more than the history that the
// master still holds, to the byte.
//
// What was missed is worked out a second time, outside: from the closed form of
// the load, the latency, the instants of cut and judgement, and the 14 bytes of
// each PING and 23 of a SELECT that the trace tells of. Then the backlog is set to
// what was missed exactly, which must be partial, and to one byte less: full.
func TestBorderExact(t *testing.T) {
	count := int64(*borderCount)
	if testing.Short() {
		count = min(count, 500)
	}
	if *scenarioOne >= 0 {
		inParallel(t, *scenarioOne, *scenarioOne+1, (&borderCounts{}).worker)
		return
	}
	var seen borderCounts
	inParallel(t, 0, count, seen.worker)
	t.Logf("%d configurations: %d partial, %d full, %d on the border", count, seen.partial.Load(), seen.full.Load(), seen.border.Load())
	for _, n := range []*atomic.Int64{&seen.partial, &seen.full, &seen.border} {
		if n.Load() < count/4 {
			t.Errorf("too few of a kind")
		}
	}
}

// borderCounts says what the random configurations came to.
type borderCounts struct{ partial, full, border atomic.Int64 }

func (seen *borderCounts) worker() func(n int64) error {
	w, b := &World{}, &border{}
	return func(n int64) error {
		g := newGen(2, uint64(n))
		c := borderConfig(g)
		if err := b.play(w, c); err != nil {
			return fmt.Errorf("%v\n%s", err, goText(c))
		}
		for i := range b.judged {
			if b.judged[i].Full {
				seen.full.Add(1)
			} else {
				seen.partial.Add(1)
			}
		}
		// On the border itself. A gap that no backlog can be as small as has none.
		if len(b.judged) != 1 || b.judged[0].Gap <= model.MinBacklog {
			return nil
		}
		seen.border.Add(1)
		gap := b.judged[0].Gap
		for less := range int64(2) {
			c.Servers[0].Settings.BacklogSize = gap - less
			if err := b.play(w, c); err != nil {
				return fmt.Errorf("backlog %d below the gap: %v\n%s", less, err, goText(c))
			}
			if len(b.judged) != 1 || b.judged[0].Gap != gap || b.judged[0].Full != (less == 1) {
				return fmt.Errorf("backlog %d below the gap of %d: %+v\n%s", less, gap, b.judged, goText(c))
			}
		}
		return nil
	}
}

// borderConfig is one master, one replica, a constant load and one reset.
func borderConfig(g gen) *Config {
	prof, _ := model.LookupProfile(pick(g, "redis-2.8", "redis-4.0", "redis-6.2"))
	set := prof.Defaults()
	set.PingPeriod = time.Duration(1+g.IntN(10)) * time.Second
	set.HardLimit, set.SoftLimit = 0, 0 // up to 6.2 a copy of the history that is above them ends the link
	c := &Config{Seed: g.Uint64()}
	for i := range 2 {
		set.SavePoints = model.SavePoints{} // a child that saves for itself would put off the first sync
		c.Servers = append(c.Servers, ServerConfig{Name: string(rune('m' + 5*i)), Profile: prof, Settings: set, Uptime: -1, Wall: -1})
	}
	c.Servers[1].ReplicaOf = "m"
	l := LoadConfig{Commands: g.commands()}
	var m cycle
	if err := m.compile(l.Commands); err != nil {
		panic(err)
	}
	if g.oneIn(2) {
		l.PerSecond = g.between(1, 20_000)
	} else {
		l.BytesPerSecond = g.between(m.size, 20_000_000)
	}
	c.Loads = []LoadConfig{l}
	if !g.oneIn(8) {
		c.Links = []LinkConfig{{A: 0, B: 1, Latency: g.span(0, 100*time.Millisecond)}}
	}
	cut, outage := g.span(4*time.Second, 10*time.Second), g.span(0, 8*time.Second)
	c.Faults = []FaultConfig{{At: cut, For: outage, Kind: FaultReset, B: 1}}
	c.Duration = cut + outage + 4*time.Second
	// Around what will be missed, so that both verdicts are common.
	rate := l.BytesPerSecond
	if rate == 0 {
		rate = l.PerSecond * m.size / m.commands
	}
	expect := int64(float64(rate) * (outage.Seconds() + 0.5))
	c.Servers[0].Settings.BacklogSize = max(16<<10, expect/2+g.Int64N(expect+1))
	return c
}

// border hears a run, and compares the verdicts of reconnects with what follows
// from the load.
type border struct {
	cfg    *Config
	load   *load
	lost   model.Event // the replica's last word on its link
	cut    model.Instant
	fed    []fed // bytes of the master's own in the stream, with their instants
	since  int64 // commands before the stream began: they are no part of it
	begun  bool
	first  model.Offset // of the stream
	judged []model.Event
	err    error
}

type fed struct {
	at model.Instant
	n  int64
}

func (b *border) play(w *World, c *Config) error {
	l, err := newLoad(&c.Loads[0], c.Duration, c.Seed, streamLoad)
	if err != nil {
		return err
	}
	*b = border{cfg: c, load: l, judged: b.judged[:0], fed: b.fed[:0]}
	if err := w.Reset(c, b); err != nil {
		return err
	}
	if err := w.Run(); err != nil {
		return err
	}
	return b.err
}

// Observe is not called for client writes: there is nothing to be told there.
func (b *border) Observe(r *trace.Record) {
	e := r.Event
	switch {
	case r.Node == "m" && e.Kind == model.EvBacklogCreated:
		// From here on writes count. SELECT comes before the first of them.
		b.begun, b.first, b.since = true, e.First, b.load.upto(r.At)
		b.fed = append(b.fed, fed{b.load.when(b.since), 23})
	case r.Node == "m" && e.Kind == model.EvPinged:
		b.fed = append(b.fed, fed{r.At, 14})
	case e.Kind == trace.Cut:
		b.cut = r.At
	case r.Node == "r" && e.Kind == model.EvLost:
		b.lost = e
	case r.Node == "m" && e.Kind == model.EvJudged && e.Offset >= 0 && b.lost.Kind != 0:
		b.judged = append(b.judged, e)
		if err := b.check(r.At, &e); err != nil && b.err == nil {
			b.err = fmt.Errorf("%w\n%s", err, r.AppendText(nil))
		}
	}
}

// end is the offset behind all that was in the stream at an instant.
func (b *border) end(at model.Instant) model.Offset {
	n := b.load.bytes(max(b.load.upto(at), b.since)) - b.load.bytes(b.since)
	for _, f := range b.fed {
		if f.at <= at {
			n += f.n
		}
	}
	return b.first + model.Offset(n)
}

func (b *border) check(at model.Instant, e *model.Event) error {
	latency := DefaultLink.Latency
	if len(b.cfg.Links) > 0 {
		latency = b.cfg.Links[0].Latency
	} else {
		return b.rule(e) // the default link has a bandwidth; see TestPipe
	}
	// What had arrived at the cut was written by a latency before; nothing is ever
	// cut within a command, for the link has no bandwidth.
	next := b.end(b.cut - model.Instant(latency))
	if b.lost.Offset != next || e.Offset != next {
		return fmt.Errorf("the replica stands at %d and asks for %d, the load says %d", b.lost.Offset, e.Offset, next)
	}
	end := b.end(at)
	if e.MRO+1 != end {
		return fmt.Errorf("the master stands at %d, the load says %d", e.MRO, end-1)
	}
	gap := int64(end - next)
	if e.Gap != gap {
		return fmt.Errorf("gap %d, the load says %d", e.Gap, gap)
	}
	if hist := min(int64(end-b.first), b.cfg.Servers[0].Settings.BacklogSize); e.Hist != hist {
		return fmt.Errorf("history %d, the load says %d", e.Hist, hist)
	}
	return b.rule(e)
}

// rule is what item 2 says.
func (b *border) rule(e *model.Event) error {
	partial := e.Gap <= e.Hist
	if e.Full == partial {
		return fmt.Errorf("gap %d, history %d, full %v", e.Gap, e.Hist, e.Full)
	}
	if e.First+model.Offset(e.Hist) != e.MRO+1 || partial != (e.Offset >= e.First) {
		return fmt.Errorf("first %d + history %d is not behind %d", e.First, e.Hist, e.MRO)
	}
	return nil
}

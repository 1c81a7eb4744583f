package results

import (
	"psyncsim/model"
	"psyncsim/sim/trace"
	"slices"
	"strings"
	"testing"
)

// A run is what its trace says, to the nanosecond.
func TestCollector(t *testing.T) {
	m := Meta{Seed: 7, Backlog: 1 << 20, WriteRate: 1e6, Outage: 5 * second, Fault: "reset"}
	c := NewCollector(m)
	play(c, &m)
	r := c.Run()
	if r.Reconnects != 1 || r.Fulls != 1 || r.GapMax != 5e6 || r.SyncFull != 2 || len(r.Warnings) != 0 {
		t.Errorf("row: %+v", r.Row)
	}
	if !r.Resyncs[0].First || r.Resyncs[0].Down != 0 {
		t.Errorf("first sync: %+v", r.Resyncs[0])
	}
	if v := r.Resyncs[1]; v.First || v.Down != 5*second+1e6+1 || v.Silence != v.Down+1e6 || v.Reason != "below-backlog" {
		t.Errorf("reconnect: %+v", v)
	}
	if name, n := r.Reasons.Most(); name != "below-backlog" || n != 1 {
		t.Errorf("most: %s %d", name, n)
	}
	// Used again it gives the same; samples make no difference; a seed does.
	c.Reset(m)
	c.Observe(&trace.Record{Event: model.Event{Kind: trace.Sampled, Offset: 3}})
	play(c, &m)
	if got := c.Run(); got.Fingerprint != r.Fingerprint || len(got.Fingerprint) != 32 || len(got.Resyncs) != 2 {
		t.Errorf("again: %+v", got)
	}
	m.Seed++
	c.Reset(m)
	play(c, &m)
	if c.Run().Fingerprint == r.Fingerprint {
		t.Error("another trace has the same fingerprint")
	}
}

// What a reader of a row must know comes with it.
func TestWarnings(t *testing.T) {
	c := NewCollector(Meta{Outage: second})
	tell := func(at model.Instant, node string, e model.Event) {
		c.Observe(&trace.Record{At: at, Node: node, Event: e})
	}
	tell(1, "m", model.Event{Kind: model.EvJudged, Peer: "r", Full: true, Why: model.WhyFirstSync})
	tell(2, "r", model.Event{Kind: model.EvOnline, Peer: "m", Full: true})
	tell(5, "r", model.Event{Kind: trace.Killed})
	if got := strings.Join(c.Run().Warnings, " "); got != "no-reconnect down-at-end unended" {
		t.Errorf("warnings: %s", got)
	}
	// A transfer that is given up does not end the time without a master.
	tell(9, "m", model.Event{Kind: model.EvJudged, Peer: "r", Full: true, Why: model.WhyHardLimit})
	tell(10, "r", model.Event{Kind: model.EvLost, Peer: "m", Since: 9})
	tell(25, "m", model.Event{Kind: model.EvJudged, Peer: "r"})
	r := c.Run()
	if v := r.Resyncs[2]; v.Down != 20 || v.Silence != 20 {
		t.Errorf("down %d, silence %d, both want 20", v.Down, v.Silence)
	}
	if r.Reasons[len(reasons)] != 1 {
		t.Errorf("a reason without a column is not counted: %v", r.Reasons)
	}
}

func TestObserveAllocates(t *testing.T) {
	c := NewCollector(Meta{})
	r := &trace.Record{At: 5, Node: "master", Event: model.Event{Kind: model.EvPinged, Offset: 14}}
	if n := testing.AllocsPerRun(1000, func() { c.Observe(r) }); n > 0 {
		t.Errorf("%v allocations a record", n)
	}
}

// The first synchronization of a fresh server is no reconnect. That of a server
// that was the master of others is one: it has a history to lose.
func TestFirstOfAFormerMaster(t *testing.T) {
	c := NewCollector(Meta{})
	for _, v := range [][2]string{{"a", "b"}, {"a", "c"}, {"b", "a"}, {"b", "c"}} {
		c.Observe(&trace.Record{Node: v[0], Event: model.Event{Kind: model.EvJudged, Peer: v[1], Full: true, Why: model.WhyIDMismatch}})
	}
	r := c.Run()
	var first []bool
	for i := range r.Resyncs {
		first = append(first, r.Resyncs[i].First)
	}
	if want := []bool{true, true, false, false}; !slices.Equal(first, want) || r.Reconnects != 2 || r.Fulls != 2 {
		t.Errorf("first %v, %d reconnects, %d full", first, r.Reconnects, r.Fulls)
	}
}

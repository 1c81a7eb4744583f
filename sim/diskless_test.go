package sim

import (
	"testing"
	"time"

	"psyncsim/model"
	"psyncsim/sim/trace"
)

// moments notes when the first snapshot began and how many there were.
type moments struct {
	asked, saving model.Instant
	saves         int
}

func (m *moments) Observe(r *trace.Record) {
	switch r.Event.Kind {
	case model.EvJudged:
		if m.asked == 0 {
			m.asked = r.At
		}
	case model.EvSaving:
		if m.saves++; m.saves == 1 {
			m.saving = r.At
		}
	}
}

// Three replicas that connect together share one snapshot after the delay of
// five seconds, or without it when three are said to be enough.
func TestDisklessMaxReplicas(t *testing.T) {
	for _, c := range []struct {
		most        int64
		least, past time.Duration
	}{{0, 4 * time.Second, 6100 * time.Millisecond}, {3, 0, 1100 * time.Millisecond}, {4, 4 * time.Second, 6100 * time.Millisecond}} {
		prof, _ := model.LookupProfile("redis-7.0")
		set := prof.Defaults()
		set.DisklessMax = c.most
		cfg := &Config{Seed: 1, Duration: 20 * time.Second, Servers: []ServerConfig{{Name: "m", Profile: prof, Settings: set, Dataset: 1000}}}
		for _, name := range []string{"a", "b", "c"} {
			cfg.Servers = append(cfg.Servers, ServerConfig{Name: name, Profile: prof, Settings: set, ReplicaOf: "m", Uptime: 10 * time.Second})
		}
		m := &moments{}
		w, err := New(cfg, m)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Run(); err != nil {
			t.Fatal(err)
		}
		if wait := time.Duration(m.saving - m.asked); m.saves != 1 || wait < c.least || wait > c.past {
			t.Errorf("max-replicas %d: %d snapshots, the first after %v, want one after %v to %v", c.most, m.saves, wait, c.least, c.past)
		}
	}
}

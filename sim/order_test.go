package sim

import (
	"errors"
	"testing"
	"time"

	"psyncsim/model"
	"psyncsim/sim/trace"
)

// judged counts verdicts.
type judged struct{ n int }

func (j *judged) Observe(r *trace.Record) {
	if r.Event.Kind == model.EvJudged {
		j.n++
	}
}

func pair(version string) *Config {
	prof, _ := model.LookupProfile(version)
	m := ServerConfig{Name: "m", Profile: prof, Settings: prof.Defaults(), Uptime: time.Second}
	r := m
	r.Name, r.ReplicaOf = "r", "m"
	return &Config{Seed: 1, Duration: 20 * time.Second, Servers: []ServerConfig{m, r},
		Loads: []LoadConfig{{Server: 0, Commands: []Command{{Name: "SET", Args: []int{16, 200}, Times: 1}}, Arrivals: Constant, BytesPerSecond: 1_000_000}}}
}

// A frozen process carries out what its operator ordered when it runs again.
func TestOrderToFrozen(t *testing.T) {
	c := pair("redis-6.2")
	c.Faults = []FaultConfig{{At: 8 * time.Second, For: 4 * time.Second, Kind: FaultPause, Server: 1}, {At: 9 * time.Second, Kind: FaultPromote, Server: 1}}
	w, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Run(); err != nil {
		t.Fatal(err)
	}
	if in := w.Info(1); in.Role != "master" {
		t.Errorf("the promoted server is a %s", in.Role)
	}
}

// A replica that is accepted and closed again and again dials as often as it
// can, but time goes on, also on a link without latency.
func TestAcceptedAndClosedWithoutLatency(t *testing.T) {
	c := pair("redis-6.2")
	c.Duration = 10500 * time.Millisecond
	c.Links = []LinkConfig{{A: 0, B: 1}}
	for i := range c.Servers {
		c.Servers[i].Settings.BacklogSize, c.Servers[i].Settings.HardLimit = 8<<20, 100_000
	}
	c.Faults = []FaultConfig{{At: 8 * time.Second, For: 2 * time.Second, Kind: FaultReset, A: 0, B: 1}}
	v := &judged{}
	w, err := New(c, v)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Run(); err != nil {
		t.Fatal(err)
	}
	if v.n < 3 {
		t.Errorf("%d verdicts: nobody was closed", v.n)
	}
}

// A run can be broken off.
func TestInterrupt(t *testing.T) {
	w, err := New(pair("redis-6.2"))
	if err != nil {
		t.Fatal(err)
	}
	w.cfg.PerWrite = true
	w.Interrupt = func() bool { return true }
	if err := w.Run(); !errors.Is(err, ErrStopped) {
		t.Errorf("%v", err)
	}
}

package sim

import (
	"fmt"
	"testing"
	"time"

	"psyncsim/model"
	"psyncsim/sim/trace"
)

type printer struct{ b []byte }

func (p *printer) Observe(r *trace.Record) {
	if r.Event.Kind == trace.Sampled {
		return // no part of the trace
	}
	p.b = r.AppendText(p.b)
	p.b = append(p.b, '\n')
}

func contractExample() *Config {
	prof, _ := model.LookupProfile("redis-6.2")
	m, r := prof.Defaults(), prof.Defaults()
	return &Config{Seed: 1, Duration: 60 * time.Second,
		Servers: []ServerConfig{
			{Name: "master", Profile: prof, Settings: m, Dataset: 100_000_000, SaveRate: 200_000_000, LoadRate: 100_000_000, Fork: 10 * time.Millisecond, Uptime: -1, Wall: -1},
			{Name: "replica", Profile: prof, Settings: r, ReplicaOf: "master", Uptime: -1, Wall: -1, SaveRate: 200_000_000, LoadRate: 100_000_000},
		},
		Links:  []LinkConfig{{A: 0, B: 1, Latency: 500 * time.Microsecond, Bandwidth: 125_000_000}},
		Loads:  []LoadConfig{{Server: 0, Commands: []Command{{Name: "SET", Args: []int{16, 200}, Times: 1}}, Arrivals: Constant, BytesPerSecond: 1_000_000}},
		Faults: []FaultConfig{{At: 30 * time.Second, For: 5 * time.Second, Kind: FaultReset, A: 0, B: 1}},
	}
}

func TestContractExample(t *testing.T) {
	for _, bytes := range []bool{false, true} {
		c := contractExample()
		c.Bytes = bytes
		p := &printer{}
		w, err := New(c, p)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Run(); err != nil {
			v := err.(*Violation)
			for _, r := range v.Last {
				fmt.Println(string(r.AppendText(nil)))
			}
			t.Fatal(err)
		}
		fmt.Println(string(p.b))
	}
}

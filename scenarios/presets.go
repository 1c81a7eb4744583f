package scenarios

import (
	"time"

	"psyncsim/sim"
	"psyncsim/sim/tcp"
)

// Preset is a kind of network with its usual numbers: those of one connection, one
// way. A field of the link that is written out wins.
type Preset struct {
	Name, About     string
	Latency, Jitter time.Duration
	Bandwidth       int64 // bytes a second
	Loss            tcp.PPB
	Queue           int64 // bytes; 0 is tcp.DefaultQueue
	MSS             int64
	Segments        bool // it is played segment by segment unless model says flow
}

// Presets are the networks that a link may name.
func Presets() []Preset {
	return []Preset{
		{"lan", "two machines on one switch", 100 * time.Microsecond, 0, 1_250_000_000, 0, 0, 1448, false},
		{"same-az", "two machines of one availability zone; one connection gets 5 gbit/s", 150 * time.Microsecond, 0, 625_000_000, 0, 0, 1448, false},
		{"cross-az", "two zones of one region, a millisecond there and back", 500 * time.Microsecond, 0, 625_000_000, 0, 0, 1448, false},
		{"cross-region", "two regions, 80 ms there and back", 40 * time.Millisecond, 2 * time.Millisecond, 125_000_000, tcp.Always / 10_000, 4 << 20, 1448, true},
		{"vpn", "a tunnel over the internet, 50 ms there and back", 25 * time.Millisecond, 5 * time.Millisecond, 12_500_000, tcp.Always / 1000, 256 << 10, 1350, true},
	}
}

func presetNames() (names []string) {
	for _, p := range Presets() {
		names = append(names, p.Name)
	}
	return names
}

// path is a preset's network, one way.
func (p *Preset) path() tcp.PathConfig {
	return tcp.PathConfig{Latency: int64(p.Latency), Jitter: int64(p.Jitter), Bandwidth: p.Bandwidth, Loss: p.Loss, Queue: p.Queue}
}

// presetOf is the preset of a name; without one, what a link is that says nothing.
func presetOf(name string) Preset {
	for _, p := range Presets() {
		if p.Name == name {
			return p
		}
	}
	d := sim.DefaultLink
	return Preset{Latency: d.Latency, Bandwidth: d.Bandwidth, MSS: tcp.Linux().MSS}
}

package sim

import (
	"testing"
	"time"

	"psyncsim/model"
)

const ms = time.Millisecond

// following is a scenario of servers of some versions, each the replica of the one before it.
func following(d time.Duration, names ...string) *Config {
	c := &Config{Seed: 1, Duration: d}
	for i, name := range names {
		p, _ := model.LookupProfile(name)
		s := ServerConfig{Name: string(rune('a' + i)), Profile: p, Settings: p.Defaults(), Uptime: 0, Wall: 0}
		s.Settings.SavePoints = model.SavePoints{}
		if i > 0 {
			s.ReplicaOf = c.Servers[i-1].Name
		}
		c.Servers = append(c.Servers, s)
	}
	return c
}

func constantly(perSecond int64, of ...Command) []LoadConfig {
	return []LoadConfig{{Commands: of, PerSecond: perSecond}}
}

func set(args ...int) Command { return Command{Name: "SET", Args: args, Times: 1} }

// mended are scenarios that once were not the same in every way of playing them.
var mended = []struct {
	name string
	make func() *Config
}{
	{"FAILOVER takes a client that asked for the stream by hand for a replica: nobody listens there", func() *Config {
		c := following(12*time.Second, "redis-7.0")
		c.Servers[0].Settings.PingPeriod = 60 * time.Second
		c.Faults = []FaultConfig{
			{At: 2 * time.Second, For: 8 * time.Second, Kind: FaultRequest, Server: 0, Say: []string{"PSYNC ? -1", "REPLCONF ACK 0"}},
			{At: 4 * time.Second, Kind: FaultFailover, Server: 0, Peer: -1},
			{At: 8500 * ms, Kind: FaultFailover, Server: 0, Peer: -1, Abort: true},
		}
		return c
	}},
	{"the first command waits on its link for the SELECT before it, which came in a piece of its own", func() *Config {
		c := following(8*time.Second, "redis-5.0", "redis-5.0", "redis-5.0")
		c.Servers[2].Settings.Timeout, c.Servers[1].Settings.PingPeriod = 2*time.Second, 60*time.Second
		c.Servers[0].Settings.PingPeriod = 60 * time.Second
		c.Links = []LinkConfig{{A: 0, B: 1, Latency: 43 * ms, Bandwidth: 1_250_000}, {A: 1, B: 2, Latency: 13 * ms}}
		c.Loads = constantly(2, set(70, 8000))
		c.Loads[0].From, c.Loads[0].Until = 1500*ms, 2200*ms
		return c
	}},
	{"a replica's file holds nothing yet of a command that came in part", func() *Config {
		c := following(6*time.Second, "valkey-8.0", "valkey-8.0")
		c.Servers[1].Settings.AppendOnly, c.Servers[1].Settings.DualChannel = true, false
		c.Servers[0].Settings.Diskless = false
		c.Links = []LinkConfig{{A: 0, B: 1, Latency: 35 * ms, Bandwidth: 15_000}}
		c.Loads = constantly(5, set(2708), set(300))
		c.Faults = []FaultConfig{{At: 900 * ms, Kind: FaultFailover, Peer: 1}}
		return c
	}},
	{"a link heals above a relay whose replica hears segments", func() *Config {
		c := belowRelay()
		c.Faults = []FaultConfig{{At: 2 * time.Second, For: 1216 * ms, Kind: FaultSilent, A: 0, B: 1}}
		return c
	}},
	{"a master goes on above a relay whose replica hears segments", func() *Config {
		c := belowRelay()
		c.Faults = []FaultConfig{{At: 2 * time.Second, For: 1216 * ms, Kind: FaultPause, Server: 0}}
		return c
	}},
	{"writes count again above a relay whose replica hears segments", func() *Config {
		c := belowRelay()
		few := c.Servers[0].Settings
		few.MinReplicas = 2
		enough := c.Servers[0].Settings
		c.Faults = []FaultConfig{{At: 2 * time.Second, Kind: FaultConfigSet, Settings: &few}, {At: 3216 * ms, Kind: FaultConfigSet, Settings: &enough}}
		return c
	}},
	{"a server of 2.8 is promoted that has skipped a byte for a new backlog", func() *Config {
		c := following(9*time.Second, "redis-7.0", "redis-2.8.0-rc4")
		for i := range c.Servers {
			s := &c.Servers[i]
			s.Settings.Timeout, s.Settings.PingPeriod = time.Second, time.Duration(1+2*i)*time.Second
			s.SaveRate = 2_000_000
		}
		c.Links = []LinkConfig{{A: 0, B: 1, Latency: 13 * ms}}
		c.Faults = []FaultConfig{{At: 2200 * ms, Kind: FaultReplicaOf, Server: 0, Peer: 1}, {At: 4800 * ms, Kind: FaultPromote, Server: 1}}
		return c
	}},
	{"who waited for the end of a pause comes behind a turn that looks for expired keys", func() *Config {
		c := following(6*time.Second, "redis-5.0", "redis-5.0")
		c.Servers[0].Settings.PingPeriod = time.Second
		c.Loads = constantly(40, set(20, 100))
		c.Loads[0].Commands[0].TTL, c.Loads[0].Commands[0].KeyBytes = 267*ms, 20
		for _, at := range []time.Duration{1400, 2400, 3400} {
			c.Faults = append(c.Faults, FaultConfig{At: at * ms, Kind: FaultClientPause, All: true, Timeout: 570 * ms})
		}
		return c
	}},
	{"a buffer two hops below fills by what segments brought", func() *Config {
		c := fills()
		c.Links[0] = segments(c.Links[0])
		return c
	}},
	{"a replica that sends ACKs counts what it refuses", func() *Config {
		c := following(12*time.Second, "redis-7.4", "redis-7.4")
		c.Servers[0].Dataset, c.Servers[1].SaveRate, c.Servers[1].Settings.SavePoints[0] = 1_000_000, 1_000_000, model.SavePoint{Seconds: 3600, Changes: 1}
		c.Servers[0].Settings.DisklessDelay = 0
		c.Links = []LinkConfig{{A: 0, B: 1, Latency: ms}}
		c.Loads = constantly(10, set(20, 60))
		c.Loads[0].Server = 1
		c.Faults = []FaultConfig{{At: 4 * time.Second, Kind: FaultSave, Server: 1}, {At: 4500 * ms, Kind: FaultChildKill, Server: 1}}
		c.Asks = []time.Duration{9 * time.Second}
		return c
	}},
	{"what is evicted for a write is of its turn: who hangs up on a replica then has not sent it", func() *Config {
		c := following(25*time.Second, "valkey-8.0", "valkey-8.0")
		s := &c.Servers[0].Settings
		s.HardLimit, s.BacklogSize, s.MaxMemory, s.MaxMemoryPolicy = 22_000, 17_384, 1_164_000, model.AllKeysRandom
		c.Links = []LinkConfig{{A: 0, B: 1, Latency: 131 * ms}}
		c.Loads = constantly(49, set(16, 148))
		return c
	}},
	{"clients of a writable relay write what segments carry", func() *Config { return scenario(4295262755) }},
	{"a relay's log keeps what unplayed ACKs still say when it becomes long", func() *Config {
		c := following(14*time.Second, "redis-6.2", "redis-6.2", "redis-6.2")
		c.Servers[1].Settings.BacklogSize, c.Servers[0].Settings.PingPeriod = 16<<10, 60*time.Second
		c.Links = []LinkConfig{{A: 0, B: 1, Latency: 3 * ms, Bandwidth: 300_000}}
		c.Loads = constantly(1500, set(16, 60), set(16, 160), Command{Name: "DEL", Args: []int{16}, Times: 2})
		c.Loads[0].Arrivals = Poisson
		for at := 6 * time.Second; at < 13*time.Second; at += 313 * ms {
			c.Faults = append(c.Faults, FaultConfig{At: at, For: time.Second, Kind: FaultRequest, Server: 2, Say: []string{"GET x"}})
		}
		c.Asks = []time.Duration{13 * time.Second}
		return c
	}},
	{"the last block, which a long argument made, is too much for a relay's replica that the next byte puts on it", func() *Config {
		c := softly(100_000, 3*time.Second)
		c.Loads = append(constantly(4, set(20, 300_000)), constantly(20, set(10, 20))...)
		c.Loads[0].From, c.Loads[0].Until = 1500*ms, 1800*ms
		c.Loads[1].From, c.Loads[1].Until = 6300*ms, 6500*ms
		c.Faults = []FaultConfig{{At: 2 * time.Second, Kind: FaultPromote, Server: 2}, {At: 2300 * ms, Kind: FaultReplicaOf, Server: 2, Peer: 1}}
		return c
	}},
	{"one long command is more than a relay's replica may wait for", func() *Config {
		c := softly(57_712, 0)
		c.Servers[0].Settings.SoftLimit = 0
		c.Links = []LinkConfig{{A: 0, B: 1, Latency: 3460 * time.Microsecond}, {A: 1, B: 2, Latency: 12_561 * time.Microsecond}}
		c.Loads = constantly(4, set(20, 134_678))
		c.Loads[0].From, c.Loads[0].Until = 500*ms, 1100*ms
		return c
	}},
}

// softly is a chain of three with room for a soft limit's worth of output, and hardly a PING.
func softly(limit int64, d time.Duration) *Config {
	c := following(12*time.Second, "redis-7.0", "redis-7.0", "redis-7.0")
	for i := range c.Servers {
		s := &c.Servers[i].Settings
		s.BacklogSize, s.PingPeriod, s.DisklessDelay = 8<<20, 60*time.Second, 0
		s.SoftLimit, s.SoftSeconds = limit, d
	}
	return c
}

// fills is a chain of four, the third of which makes a snapshot for so long that the buffer of
// the last one fills.
func fills() *Config {
	c := following(20*time.Second, "redis-5.0", "redis-5.0", "redis-5.0", "redis-5.0")
	c.Servers[0].Dataset, c.Servers[2].SaveRate, c.Servers[2].Settings.HardLimit = 1_000_000, 100_000, 60_000
	c.Links = []LinkConfig{{A: 0, B: 1, Latency: 20 * ms}, {A: 1, B: 2, Latency: 8 * ms}, {A: 2, B: 3, Latency: 3 * ms}}
	c.Loads = constantly(100, set(20, 60))
	return c
}

// belowRelay is a chain of four with segments on its last link, which all look at while it
// comes back from something.
func belowRelay() *Config {
	c := following(5*time.Second, "redis-5.0", "redis-5.0", "redis-5.0", "redis-5.0")
	c.Links = []LinkConfig{{A: 0, B: 1, Latency: 3 * ms}, {A: 1, B: 2, Latency: 2 * ms}, segments(LinkConfig{A: 2, B: 3, Latency: 20 * ms})}
	c.Loads = constantly(50, set(20, 700))
	c.Asks = []time.Duration{3276 * ms}
	return c
}

// segments is a link that carries them.
func segments(l LinkConfig) LinkConfig {
	g := newGen(1, 1)
	l.TCP = &TCPLink{Options: g.kernel(), There: g.path(&l), Back: g.path(&l)}
	return l
}

func TestMended(t *testing.T) {
	for _, m := range mended {
		t.Run(m.name, func(t *testing.T) {
			e := &equal{w: &World{}, ps: make([]printer, len(variants))}
			if err := e.same(m.make()); err != nil {
				t.Error(err)
			}
		})
	}
}

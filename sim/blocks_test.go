package sim

import (
	"fmt"
	"testing"
	"time"

	"psyncsim/model"
)

// A master and its replica keep what block logs keep that are fed as each of them
// feeds: the master argument by argument, the replica command by command.
func TestLongArguments(t *testing.T) {
	mixes := map[string][]Command{
		"long": {{Name: "SET", Args: []int{16, 100_000}, Times: 1}},
		"both": {{Name: "SET", Args: []int{16, 300}, Times: 70}, {Name: "SET", Args: []int{3, 100_000}, Times: 1}},
		"transaction": {{Name: "MULTI", Times: 1, Then: []Command{
			{Name: "SET", Args: []int{16, 9000}}, {Name: "SET", Args: []int{16, 12_000}}, {Name: "EXEC"}}}},
		"short": {{Name: "SET", Args: []int{16, 16_000}, Times: 1}},
	}
	prof, _ := model.LookupProfile("redis-7.0")
	for name, mix := range mixes {
		set := prof.Defaults()
		set.PingPeriod, set.Diskless = 10*time.Minute, false
		c := &Config{Seed: 1, Duration: 20 * time.Second, Servers: []ServerConfig{
			{Name: "m", Profile: prof, Settings: set, Manual: true}, {Name: "r", Profile: prof, Settings: set, ReplicaOf: "m", Manual: true}},
			Loads: []LoadConfig{{Commands: mix, PerSecond: 500, From: 5 * time.Second}}}
		if name == "long" || name == "transaction" {
			c.Loads[0].PerSecond = 50
		}
		for _, perWrite := range []bool{false, true} {
			t.Run(fmt.Sprint(name, perWrite), func(t *testing.T) {
				d := *c
				d.PerWrite = perWrite
				w, err := New(&d)
				if err != nil {
					t.Fatal(err)
				}
				w.Begin()
				w.Start(0, nil)
				w.Start(1, nil)
				w.Advance(model.Instant(4 * time.Second))
				m, r := w.hosts[0].srv, w.hosts[1].srv
				if !r.LinkUp() {
					t.Fatal("the replica is not in step")
				}
				var logs [2]*model.BlockLog
				from := m.MRO() + 1
				for i := range logs {
					logs[i] = model.NewBlocks(set.BacklogSize, from, model.AllocJemalloc, false)
				}
				feed := func(log *model.BlockLog, pieces ...int64) {
					at := log.Next()
					to := at
					for _, n := range pieces {
						to += model.Offset(n)
					}
					log.AppendPieces(model.Chunk{From: at, To: to}, pieces)
					for log.Turn() {
					}
				}
				for i := range logs { // the first write has a SELECT before it
					feed(logs[i], 23)
				}
				src := w.hosts[0].src
				for k := int64(0); ; k++ {
					at := src.when(k)
					if at == model.Never {
						break
					}
					var pieces []int64
					for _, p := range w.loads[0].mix.list[w.loads[0].mix.at(k%w.loads[0].mix.commands)].parts {
						name := len(p.head) - len("*1\r\n$1\r\n\r\n")
						pieces = model.AppendCommandPieces(pieces, append([]int{name}, p.args...)...)
					}
					feed(logs[0], pieces...)
					feed(logs[1], src.size(k))
					if k%97 != 0 && src.when(k+1) != model.Never {
						continue
					}
					w.Advance(min(at.Add(800*time.Microsecond), src.when(k+1)-1))
					for i, s := range []*model.Server{m, r} {
						w.Info(i) // brings it up to date
						if f, n := s.History(); i == 0 && s.MRO()+1 != logs[0].Next() || s.MRO()+1 == logs[i].Next() && (f != logs[i].First() || n != logs[i].Len()) {
							t.Fatalf("after %d writes %s holds %d bytes from %d, a log %d from %d", k+1, w.hosts[i].cfg.Name, n, f, logs[i].Len(), logs[i].First())
						}
					}
				}
				if m.MRO() != r.MRO() || m.MRO()+1 != logs[0].Next() {
					t.Fatalf("offsets %d, %d, a log %d", m.MRO(), r.MRO(), logs[0].Next()-1)
				}
			})
		}
	}
}

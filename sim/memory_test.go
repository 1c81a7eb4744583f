package sim

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"psyncsim/model"
)

// limitedRun is a server with a limit, and with a replica if follow, to which clients
// write 1000 keys a second, each once.
func limitedRun(p *model.Profile, follow bool, value int, limit int64, policy model.Policy) *Config {
	set := p.Defaults()
	set.Diskless, set.SavePoints, set.MaxMemory, set.MaxMemoryPolicy = false, model.SavePoints{}, limit, policy
	set.BacklogSize = min(set.BacklogSize, 1<<20)
	server := ServerConfig{Name: "m", Profile: p, Settings: set, LibcMalloc: true}
	c := &Config{Seed: 1, Duration: 21 * time.Second, Servers: []ServerConfig{server},
		Loads: []LoadConfig{{Commands: []Command{{Name: "SET", Args: []int{16, value}, Times: 1}}, PerSecond: 1000, Until: 20 * time.Second}}}
	if follow {
		server.Name, server.ReplicaOf = "r", "m"
		c.Servers = append(c.Servers, server)
	}
	return c
}

func playLimited(t *testing.T, c *Config) *World {
	t.Helper()
	w, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Run(); err != nil {
		t.Fatal(err)
	}
	return w
}

// TestMaxMemoryIsReal holds what a full server refuses and evicts against what real
// ones with libc's allocator did, alone and with maxmemory 4mb.
func TestMaxMemoryIsReal(t *testing.T) {
	text, err := os.ReadFile("testdata/maxmemory.txt")
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if f[0] == "#" {
			continue
		}
		p, ok := model.LookupProfile(f[0])
		if !ok {
			t.Fatal(f[0])
		}
		var n [4]int64 // share of keys that may differ in %, bytes of a value, keys that fit, keys evicted
		for i := range n {
			if n[i], err = strconv.ParseInt(f[i+1], 10, 64); err != nil {
				t.Fatal(err)
			}
		}
		most := n[2] * n[0] / 100
		check := func(what string, got, want int64) {
			if cases++; got < want-most || got > want+most {
				t.Errorf("%s, values of %d bytes: %s %d, not %d ± %d", p.Name, n[1], what, got, want, most)
			}
		}
		full := playLimited(t, limitedRun(p, false, int(n[1]), 4<<20, model.NoEviction))
		check("keys that fit", 20_000-full.Info(0).Refused, n[2])
		if got := full.Info(0).EvictedKeys; got != 0 {
			t.Errorf("%s: %d keys evicted", p.Name, got)
		}
		evicts := playLimited(t, limitedRun(p, false, int(n[1]), 4<<20, model.AllKeysRandom))
		check("keys evicted", evicts.Info(0).EvictedKeys, n[3])
	}
	if cases != 40 {
		t.Errorf("%d cases", cases)
	}
}

// TestMaxMemoryStream compares with testdata/memory-stream.txt what the stream of a
// full master carries: under noeviction only what was not refused, else a deletion
// for each key that makes room. -rewrite writes it anew.
func TestMaxMemoryStream(t *testing.T) {
	const file = "testdata/memory-stream.txt"
	var b bytes.Buffer
	b.WriteString("# 20000 keys of 200 bytes to a master with a replica and maxmemory 4mb: what is refused and\n" +
		"# evicted, where the stream ends, how the deletions are written.\n")
	for _, p := range model.Profiles() {
		for _, policy := range []model.Policy{model.NoEviction, model.VolatileLRU, model.AllKeysLRU} {
			c := limitedRun(p, true, 200, 4<<20, policy)
			c.Servers[0].Settings.LazyEvict = p.LazyEvict
			w := playLimited(t, c)
			m, r := w.Info(0), w.Info(1)
			fmt.Fprintf(&b, "%-10s %-11s refused %5d  evicted %5d  offset %7d  replica evicted %d", p.Name, policy, m.Refused, m.EvictedKeys, m.MRO, r.EvictedKeys)
			if p.PSYNC == 2 { // others do not know UNLINK
				c.Servers[0].Settings.LazyEvict = !p.LazyEvict
				fmt.Fprintf(&b, "  with lazyfree-lazy-eviction %v %+d", !p.LazyEvict, playLimited(t, c).Info(0).MRO-m.MRO)
			}
			b.WriteString("\n")
			if p.PSYNC == 2 && r.SlaveReplOffset != m.MRO {
				t.Errorf("%s, %s: the replica is at %d of %d", p.Name, policy, r.SlaveReplOffset, m.MRO)
			}
			if (policy == model.AllKeysLRU) != (m.EvictedKeys > 0) || (policy == model.AllKeysLRU) != (m.Refused == 0) {
				t.Errorf("%s, %s: %d keys evicted, %d writes refused", p.Name, policy, m.EvictedKeys, m.Refused)
			}
		}
	}
	if rewriting() {
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, b.Bytes()) {
		t.Errorf("%s is now\n%s", file, b.String())
	}
}

// TestMaxMemoryVolatile evicts only keys with a time to live where the policy says so.
func TestMaxMemoryVolatile(t *testing.T) {
	p, _ := model.LookupProfile("redis-7.0")
	for _, share := range []int{1, 3} {
		c := limitedRun(p, true, 200, 4<<20, model.VolatileTTL)
		set := c.Loads[0].Commands[0]
		short := set
		short.TTL, short.KeyBytes = time.Hour, 16
		set.Times = share
		c.Loads[0].Commands = []Command{set, short}
		m := playLimited(t, c).Info(0)
		if m.EvictedKeys == 0 || m.EvictedKeys > 20_000/int64(1+share) || m.Refused == 0 {
			t.Errorf("one of %d keys has a time to live: %d evicted, %d refused", 1+share, m.EvictedKeys, m.Refused)
		}
	}
}

// TestMaxMemorySet makes room at once when CONFIG SET lowers the limit.
func TestMaxMemorySet(t *testing.T) {
	for _, p := range model.Profiles() {
		c := limitedRun(p, true, 200, 0, model.AllKeysRandom)
		c.Loads[0].Until = 5 * time.Second
		set := c.Servers[0].Settings
		set.MaxMemory = p.EmptyMemory + set.BacklogSize + 500_000
		c.Faults = []FaultConfig{{At: 10 * time.Second, Kind: FaultConfigSet, Settings: &set}}
		if m := playLimited(t, c).Info(0); m.EvictedKeys < 2500 || m.EvictedKeys > 4999 || m.MaxMemory != set.MaxMemory || m.MaxMemoryPolicy != "allkeys-random" {
			t.Errorf("%s: of 4999 keys %d evicted; maxmemory %d %s", p.Name, m.EvictedKeys, m.MaxMemory, m.MaxMemoryPolicy)
		}
	}
}

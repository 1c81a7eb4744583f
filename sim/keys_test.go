package sim

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"psyncsim/model"
)

// expiring is a master with a replica and writes that live for a while.
func expiringRun(t *testing.T, p *model.Profile, key int, rate int64, ttl, duration time.Duration) *Config {
	t.Helper()
	set := p.Defaults()
	set.DisklessDelay = 0
	server := ServerConfig{Name: "m", Profile: p, Settings: set, Wall: -1, Uptime: -1}
	replica := server
	replica.Name, replica.ReplicaOf = "r", "m"
	return &Config{Seed: 1, Duration: duration, Servers: []ServerConfig{server, replica},
		Loads: []LoadConfig{{Commands: []Command{{Name: "SET", Args: []int{key, 100}, Times: 1, TTL: ttl, KeyBytes: key}}, PerSecond: rate}}}
}

// TestExpiryIsReal holds expired_keys against what real servers counted, second
// by second: within 12 %, or the keys of half a second, as real runs differ too.
func TestExpiryIsReal(t *testing.T) {
	text, err := os.ReadFile("testdata/expiry.txt")
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if f[0] == "#" {
			continue
		}
		cases++
		p, _ := model.LookupProfile(f[0])
		rate, _ := strconv.ParseInt(f[1], 10, 64)
		ttl, _ := strconv.ParseInt(f[2], 10, 64)
		w, err := New(expiringRun(t, p, 16, rate, time.Duration(ttl)*time.Second, time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		w.Begin()
		for i, field := range f[3:] {
			real, err := strconv.ParseInt(field, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			w.Advance(model.Instant(i+1) * 1e9)
			got, most := w.Info(0).ExpiredKeys, max(real*12/100, rate*2/3)
			if got < real-most || got > real+most {
				t.Errorf("%s, %d/s for %d s: second %d: real %d, simulated %d", f[0], rate, ttl, i+1, real, got)
			}
		}
	}
	if cases != 5 {
		t.Errorf("%d cases", cases)
	}
}

// TestTouchedKeys lets writes come again to keys whose time is over: each of
// them is deleted first, and a replica gets the DEL before the write.
func TestTouchedKeys(t *testing.T) {
	for _, p := range model.Profiles() {
		// 100 keys, each written again after 5 s; they live for 1 s.
		c := expiringRun(t, p, 2, 20, time.Second, 30*time.Second)
		c.Bytes = true
		w, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Run(); err != nil {
			t.Fatal(p.Name, err)
		}
		w.Advance(model.Instant(c.Duration))
		if m := w.Info(0); m.ExpiredKeys < 540 || m.ExpiredKeys > 580 {
			t.Errorf("%s: %d of the keys of 580 writes expired", p.Name, m.ExpiredKeys)
		}
		// Written again before their time is over they never are.
		c = expiringRun(t, p, 2, 20, 10*time.Second, 30*time.Second)
		if w, err = New(c); err != nil {
			t.Fatal(err)
		}
		if err := w.Run(); err != nil {
			t.Fatal(p.Name, err)
		}
		if m := w.Info(0); m.ExpiredKeys != 0 {
			t.Errorf("%s: %d keys expired that were always written again", p.Name, m.ExpiredKeys)
		}
	}
}

// TestPromotedExpires lets a promoted replica delete the keys that it got from
// its master.
func TestPromotedExpires(t *testing.T) {
	for _, p := range model.Profiles() {
		c := expiringRun(t, p, 16, 100, 5*time.Second, 20*time.Second)
		c.Loads[0].Until = 4 * time.Second
		c.Faults = []FaultConfig{{At: 4500 * time.Millisecond, Kind: FaultPromote, Server: 1}}
		w, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Run(); err != nil {
			t.Fatal(err)
		}
		if m, r := w.Info(0), w.Info(1); m.ExpiredKeys != 399 || r.ExpiredKeys != 399 {
			t.Errorf("%s: of 399 keys %d expired on the old master, %d on the new one", p.Name, m.ExpiredKeys, r.ExpiredKeys)
		}
	}
}

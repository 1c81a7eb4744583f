package sim

import (
	"fmt"
	"sort"
	"strings"

	"psyncsim/model"
	"psyncsim/sim/trace"
)

// coverage counts what random scenarios had in them: an equality that was never
// tried says nothing.
type coverage struct {
	played int64
	faults map[string]int64 // kind of fault and version of its server
	has    map[string]int64 // what is configured
	told   [256]int64       // kinds of events
	why    [256]int64       // reasons told
}

// versions are those of random scenarios.
var versions = []string{"redis-2.6", "redis-2.8", "redis-3.2", "redis-4.0", "redis-5.0", "redis-6.2", "redis-7.0", "redis-7.2", "redis-7.4", "valkey-8.0",
	"redis-2.8.0-rc4", "redis-4.0.6", "redis-7.0.9"}

// Observe counts what is told.
func (v *coverage) Observe(r *trace.Record) {
	v.told[r.Event.Kind]++
	v.why[r.Event.Why]++
}

// config counts what a scenario has.
func (v *coverage) config(c *Config) {
	if v.has == nil {
		v.has, v.faults = map[string]int64{}, map[string]int64{}
	}
	v.played++
	for name, has := range features(c) {
		v.has[name] += int64(min(1, has))
	}
	for i := range c.Faults {
		f := &c.Faults[i]
		if f.At >= c.Duration {
			continue
		}
		of := []int{f.Server}
		if f.Kind <= FaultSilent || f.Kind == FaultSlow {
			of = []int{f.A, f.B}
		}
		for _, i := range of {
			v.faults[faultNames[f.Kind]+" "+c.Servers[i].Profile.Name]++
		}
	}
}

// features are what a scenario can have, and how often it does.
func features(c *Config) map[string]int {
	n := map[string]int{"several loads": len(c.Loads) / 2, "three servers": len(c.Servers) / 3}
	is := func(name string, holds bool) {
		if n[name] += 0; holds {
			n[name]++
		}
	}
	is("INFO in the middle", len(c.Asks) > 0)
	for i := range c.Servers {
		s := &c.Servers[i]
		is("a chain", i > 1 && s.ReplicaOf != "a")
		is("five servers", i > 3)
		is("a relay below a relay", i > 2 && s.ReplicaOf != "a" && followed(c, s.ReplicaOf) != "a")
		is("tcp-keepalive", s.KeepAlive > 0)
		is("a time to load", s.LoadTime > 0)
		is("another allocator", s.LibcMalloc)
		is("versions mixed", s.Profile != c.Servers[0].Profile)
		is("a snapshot that takes time", s.SaveRate > 0)
		is("a load that takes time", s.LoadRate > 0)
		is("a fork that takes time", s.Fork > 0)
		is("turns of another lateness", s.CronLate > 0)
		hasSettings(is, s.Profile, &s.Settings)
	}
	for i := range c.Links {
		l := &c.Links[i]
		is("segments", l.TCP != nil)
		is("segments lost", l.TCP != nil && l.TCP.There.Loss > 0)
		is("connections forgotten", l.TCP != nil && l.TCP.IdleDrop > 0)
		is("connections reset by who forgot them", l.TCP != nil && l.TCP.IdleReset)
		is("a narrow link", l.Bandwidth > 0 && l.Bandwidth < 100_000)
	}
	for i := range c.Loads {
		l := &c.Loads[i]
		is("arrivals "+[...]string{"constant", "poisson", "bursts", "trace"}[l.Arrivals], true)
		is("a load on a replica", l.Server > 0)
		is("a load that begins late", l.From > 0)
		is("a load that ends", l.Until > 0)
		for j := range l.Commands {
			m := &l.Commands[j]
			is("transactions", len(m.Then) > 0)
			is("keys with a time", m.TTL > 0)
			is("a long argument", m.Bytes() > model.BlockRequest)
		}
	}
	is("nothing that goes wrong", len(c.Faults) == 0)
	for i := range c.Faults {
		is("a fault at the same instant", i > 0 && c.Faults[i].At == c.Faults[i-1].At)
		is("power lost", c.Faults[i].Power)
		is("SHUTDOWN NOW", c.Faults[i].Now)
		is("keys that expired while nobody ran", c.Faults[i].Expired > 0)
		is("one way only", c.Faults[i].Way != BothWays)
		is("a BGSAVE whose child is killed", i > 0 && c.Faults[i].Kind == FaultChildKill && c.Faults[i-1].Kind == FaultSave && c.Faults[i-1].Server == c.Faults[i].Server)
	}
	return n
}

// followed is the name of whom a server follows at first.
func followed(c *Config, name string) string {
	for i := range c.Servers {
		if c.Servers[i].Name == name {
			return c.Servers[i].ReplicaOf
		}
	}
	return ""
}

func hasSettings(is func(string, bool), p *model.Profile, s *model.Settings) {
	d := p.Defaults()
	is("diskless", s.Diskless)
	is("dual channel", s.DualChannel)
	is("loaded from the socket", s.DisklessLoad == model.LoadWhenEmpty)
	is("swapped in", s.DisklessLoad == model.LoadSwap)
	is("append-only file", s.AppendOnly)
	is("save points", s.SavePoints[0].Seconds > 0)
	is("stop-writes-on-bgsave-error no", !s.StopWrites && s.SavePoints.Any())
	is("replica-ignore-disk-write-errors", s.IgnoreDisk && p.DiskErrorEnds)
	is("min-replicas", s.MinReplicas > 0)
	is("an output buffer that fills", s.HardLimit < d.HardLimit || s.SoftLimit < d.SoftLimit)
	is("a history that expires", s.BacklogTTL < d.BacklogTTL)
	is("passwords", s.RequirePass != "")
	is("a wrong password", s.RequirePass != s.MasterAuth)
	is("lazy expiry", s.LazyExpire)
	is("a replica that can be written to", !s.ReadOnly)
	is("stale data is not served", !s.ServeStale)
	is("a shutdown that waits for another time", s.ShutdownTimeout != d.ShutdownTimeout)
	is("so many replicas need not wait", s.DisklessMax > 0)
	is("maxmemory", s.MaxMemory > 0)
	is("maxmemory "+s.MaxMemoryPolicy.String(), s.MaxMemory > 0)
}

func (v *coverage) add(o *coverage) {
	if v.has == nil {
		v.has, v.faults = map[string]int64{}, map[string]int64{}
	}
	v.played += o.played
	for k, n := range o.faults {
		v.faults[k] += n
	}
	for k, n := range o.has {
		v.has[k] += n
	}
	for i := range v.told {
		v.told[i] += o.told[i]
		v.why[i] += o.why[i]
	}
}

// missing is what should have been in them and was not.
func (v *coverage) missing() (names []string) {
	for _, kind := range faultNames[1:] {
		for _, version := range versions {
			if k := kind + " " + version; v.faults[k] == 0 {
				names = append(names, "the fault "+k)
			}
		}
	}
	for k, n := range v.has {
		if n == 0 {
			names = append(names, k)
		}
	}
	for k := model.EventKind(1); k.Word() != ""; k++ {
		if v.told[k] == 0 {
			names = append(names, "the fact "+k.Word())
		}
	}
	sort.Strings(names)
	return names
}

// String is how often everything occurred.
func (v *coverage) String() string {
	var b strings.Builder
	least := int64(1 << 62)
	for _, n := range v.faults {
		least = min(least, n)
	}
	fmt.Fprintf(&b, "%d scenarios; each of %d pairs of fault and version %d times or more; scenarios with", v.played, len(v.faults), least)
	names := make([]string, 0, len(v.has))
	for k := range v.has {
		names = append(names, k)
	}
	sort.Strings(names)
	for _, k := range names {
		fmt.Fprintf(&b, "\n\t%6d %s", v.has[k], k)
	}
	return b.String()
}

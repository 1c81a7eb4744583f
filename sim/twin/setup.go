package twin

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"psyncsim/model"
	"psyncsim/sim"
)

// directives are settings as redis.conf writes them, in the words of a version.
func directives(p *model.Profile, s *model.Settings) [][2]string {
	period, class := "repl-ping-replica-period", "replica"
	if !knowsReplica(p) {
		period, class = "repl-ping-slave-period", "slave"
	}
	yes := map[bool]string{true: "yes", false: "no"}
	sec := func(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }
	d := [][2]string{{"repl-timeout", sec(s.Timeout)}, {period, sec(s.PingPeriod)}}
	d = append(d, [2]string{class + "-serve-stale-data", yes[s.ServeStale]}, [2]string{class + "-read-only", yes[s.ReadOnly]})
	if p.Backlog != model.BacklogNone {
		d = append(d, [2]string{"repl-backlog-size", strconv.FormatInt(s.BacklogSize, 10)},
			[2]string{"repl-backlog-ttl", sec(s.BacklogTTL)},
			[2]string{"repl-diskless-sync", yes[s.Diskless]},
			[2]string{"repl-diskless-sync-delay", sec(s.DisklessDelay)})
	}
	d = append(d, [2]string{"client-output-buffer-limit", fmt.Sprintf("%s %d %d %s", class, s.HardLimit, s.SoftLimit, sec(s.SoftSeconds))})
	if p.DisklessLoad {
		d = append(d, [2]string{"repl-diskless-load", model.LoadModes[s.DisklessLoad]})
	}
	if p.DualChannel {
		d = append(d, [2]string{"dual-channel-replication-enabled", yes[s.DualChannel]})
	}
	if p.Backlog != model.BacklogNone {
		to, lag := "min-replicas-to-write", "min-replicas-max-lag"
		if !knowsReplica(p) {
			to, lag = "min-slaves-to-write", "min-slaves-max-lag"
		}
		d = append(d, [2]string{to, strconv.FormatInt(s.MinReplicas, 10)}, [2]string{lag, sec(s.MinReplicasLag)})
	}
	var saves []string
	for _, x := range s.SavePoints {
		if x.Changes > 0 {
			saves = append(saves, strconv.FormatInt(x.Seconds, 10), strconv.FormatInt(x.Changes, 10))
		}
	}
	d = append(d, [2]string{"appendonly", yes[s.AppendOnly]}, [2]string{"save", strings.Join(saves, " ")}, [2]string{"appendfsync", model.FsyncPolicies[s.Fsync]},
		[2]string{"auto-aof-rewrite-percentage", strconv.FormatInt(s.RewritePercent, 10)}, [2]string{"auto-aof-rewrite-min-size", strconv.FormatInt(s.RewriteMin, 10)})
	if p.ShutdownTimeout > 0 {
		d = append(d, [2]string{"shutdown-timeout", sec(s.ShutdownTimeout)})
	}
	return d
}

// knowsReplica says whether a version says replica where it said slave before.
func knowsReplica(p *model.Profile) bool {
	return !slices.Contains([]string{"redis-2.6", "redis-2.8", "redis-3.2", "redis-4.0"}, p.Like())
}

// arguments are those of a server's command line. client-output-buffer-limit
// takes four of them.
func arguments(p *model.Profile, s *model.Settings) (args []string) {
	for _, d := range directives(p, s) {
		if d[0] == "save" { // a line for each; without one there is none
			for w := words(d[1]); len(w) > 1; w = w[2:] {
				args = append(args, "--save", w[0], w[1])
			}
			continue
		}
		args = append(args, "--"+d[0])
		if d[0] == "client-output-buffer-limit" {
			args = append(args, words(d[1])...)
			continue
		}
		args = append(args, d[1])
	}
	return args
}

// Playable says why a scenario cannot be played on real servers, if so.
func Playable(c *sim.Config, p *model.Profile) error {
	for i := range c.Servers {
		s := &c.Servers[i]
		if s.Profile != p {
			return fmt.Errorf("server %s is %s, the program is %s", s.Name, s.Profile.Name, p.Name)
		}
		if depth(c, i) < 0 {
			return fmt.Errorf("servers follow each other in a circle")
		}
	}
	for i := range c.Loads {
		for _, x := range c.Loads[i].Commands {
			if x.TTL > 0 { // a simulation by hand knows of no key, and an absolute time is one of its own clock
				return fmt.Errorf("load %d gives keys a time to live: when a real server deletes them cannot be compared yet", i)
			}
		}
	}
	for i, f := range c.Faults {
		if f.Kind == sim.FaultRequest && f.For > 0 {
			return errors.New("a client that says something by hand and stays cannot be played on real servers")
		}
		if f.Kind == sim.FaultClientKill && len(c.Servers) > 2 {
			return errors.New("whose connection is whose cannot be seen among more than two servers")
		}
		for j, g := range c.Faults {
			a, b := f.At, f.At+f.For
			if i != j && sameThing(&f, &g) && g.At >= a && g.At <= b && f.For > 0 {
				return errors.New("faults of one kind of thing overlap")
			}
		}
	}
	return nil
}

func isLink(k sim.FaultKind) bool { return k == sim.FaultReset || k == sim.FaultSilent }

// sameThing says whether both faults are of one link, or both of one process.
func sameThing(f, g *sim.FaultConfig) bool {
	if isLink(f.Kind) || isLink(g.Kind) {
		return isLink(f.Kind) && isLink(g.Kind) && min(f.A, f.B) == min(g.A, g.B) && max(f.A, f.B) == max(g.A, g.B)
	}
	return f.Server == g.Server
}

// depth is how many masters are above a server; -1 in a circle.
func depth(c *sim.Config, i int) int {
	for n := 0; n <= len(c.Servers); n++ {
		up := c.Servers[i].ReplicaOf
		if up == "" {
			return n
		}
		i = slices.IndexFunc(c.Servers, func(s sim.ServerConfig) bool { return s.Name == up })
	}
	return -1
}

package scenarios

import (
	"slices"

	"psyncsim/model"
	"psyncsim/sim"
)

// Replicas up to redis 4.0 keep to their own maxmemory: before each command, also one of
// their master's stream, they evict keys, or refuse it with -OOM when there are none
// (freeMemoryIfNeeded, processCommand). What real servers were seen to do then, with a
// replica of 4 MB behind a master with 4000 keys of 1000 bytes:
//
//   - 4.0.14, evicting: 1986 keys are left, and both offsets, the backlog and all 4000 keys of a
//     sub-replica are as if nothing had happened. With noeviction too, but for
//     rdb_changes_since_last_save: 2009, not 4000.
//   - 3.2.13 and 2.8.24: slave_repl_offset is the master's. Their own stream has a DEL for each key
//     that went (46,042 bytes more), or lacks what was refused (1,850,580 less).
//
// So nobody hears of it who follows only the master's stream, as long as that replica has
// no replicas of its own, is not promoted, and leaves no file whose size or time hangs
// on what it holds. That is taken, and its keys are not counted; the rest is refused.

// checkEvicting looks at the replicas that evict keys by themselves.
func (p *planner) checkEvicting() {
	for i, s := range p.servers {
		if s.replicaof == nil || s.Profile == nil || !s.Profile.ReplicaEvicts || !p.limits(i) {
			continue
		}
		refuse := func(what, instead string) {
			p.fail(s.replicaof, "a replica of %s evicts keys by itself, and %s: %s, leave maxmemory out at %s, or take redis-5.0 or newer", s.Profile.Name, what, instead, s.Name)
		}
		switch {
		case s.moves:
			refuse("what is left when it becomes a master is not modelled", "promote another one")
		case slices.ContainsFunc(p.servers, func(o *server) bool { return o.ReplicaOf == s.Name }),
			slices.ContainsFunc(p.faults, func(f fault) bool { return f.Kind == sim.FaultReplicaOf && f.Peer == i }):
			refuse("what its own replicas get of it is not modelled", "let them follow its master")
		case s.Settings.SavePoints != model.SavePoints{} || s.Settings.AppendOnly:
			refuse("what it saves is not modelled", `give it save: "" and no appendonly`)
		default:
			p.remark(s.Name + ": its own evictions reach nobody, and are not counted: evicted_keys and rdb_changes_since_last_save are those of a replica with room")
		}
	}
}

// limits says whether a server has a maxmemory at some time.
func (p *planner) limits(i int) bool {
	if p.servers[i].Settings.MaxMemory > 0 {
		return true
	}
	return slices.ContainsFunc(p.faults, func(f fault) bool {
		return f.Kind == sim.FaultConfigSet && f.Server == i && slices.ContainsFunc(f.set, func(x setting) bool {
			return x.dir != nil && x.dir.name == "maxmemory" && !slices.Equal(x.args, []string{"0"})
		})
	})
}

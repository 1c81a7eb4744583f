package main

import (
	"strconv"
	"strings"
	"time"

	"psyncsim/model"
	"psyncsim/results"
)

// trait is a line of the table of versions: what differs, and how. Without of it is a
// heading.
type trait struct {
	name string
	of   func(*model.Profile) string
}

func yes(f func(*model.Profile) bool) func(*model.Profile) string {
	return either(f, "yes", "-")
}

func either(f func(*model.Profile) bool, is, isNot string) func(*model.Profile) string {
	return func(p *model.Profile) string {
		if f(p) {
			return is
		}
		return isNot
	}
}

// psync is a trait of versions that know PSYNC at all.
func psync(of func(*model.Profile) string) func(*model.Profile) string {
	return func(p *model.Profile) string {
		if p.PSYNC == 0 {
			return "-"
		}
		return of(p)
	}
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d/time.Second)) + " s" }

// traits are the differences, in the order in which a reconnect meets them.
var traits = []trait{
	{"release", func(p *model.Profile) string { return p.Tag }},

	{"Identity and history", nil},
	{"identity", func(p *model.Profile) string { return [...]string{"none", "run id", "replid + 2nd"}[p.PSYNC] }},
	{"first +FULLRESYNC offset", psync(func(p *model.Profile) string { return strconv.Itoa(2 - p.PSYNC) })},
	{"first byte of a new backlog", psync(func(p *model.Profile) string { return strconv.Itoa(3 - p.PSYNC) })},
	{"offsets count bytes that were", psync(either(func(p *model.Profile) bool { return p.CountsRead }, "read", "processed"))},
	{"default backlog", func(p *model.Profile) string {
		if p.Backlog == model.BacklogNone {
			return "none"
		}
		return results.PrettyBytes(p.BacklogSize)
	}},
	{"backlog kept as", func(p *model.Profile) string { return [...]string{"-", "ring", "shared blocks"}[p.Backlog] }},
	{"a laggard keeps more of it", yes(func(p *model.Profile) bool { return p.Backlog == model.Blocks })},
	{"CONFIG SET keeps history", yes(func(p *model.Profile) bool { return p.ResizeKeepsData })},
	{"replicas keep a backlog", yes(func(p *model.Profile) bool { return p.ReplicaBacklog })},
	{"ttl takes a new id", yes(func(p *model.Profile) bool { return p.TTLNewID })},
	{"ttl runs on replicas too", yes(func(p *model.Profile) bool { return p.TTLOnReplicas })},
	{"partial after failover", yes(func(p *model.Profile) bool { return p.PSYNC == 2 })},
	{"partial after replica restart", yes(func(p *model.Profile) bool { return p.RestartKeepsID })},
	{"partial after master restart", yes(func(p *model.Profile) bool { return p.MasterRestart })},
	{"offset counts AOF commands", yes(func(p *model.Profile) bool { return p.CountsAOF })},

	{"Reconnect and handshake", nil},
	{"reconnects", either(func(p *model.Profile) bool { return p.ReconnectNow }, "at once", "within 1 s")},
	{"handshake words are", either(func(p *model.Profile) bool { return p.FramedHandshake }, "RESP", "inline")},
	{"round trips of handshake", func(p *model.Profile) string {
		if p.PSYNC == 0 || p.Pipelined {
			return "3"
		}
		return "4"
	}},
	{"capa", func(p *model.Profile) string {
		var words []string
		for _, c := range []struct {
			has  bool
			word string
		}{{p.CapaEOF, "eof"}, {p.CapaPSYNC2, "psync2"}, {p.DualChannel, "dual"}} {
			if c.has {
				words = append(words, c.word)
			}
		}
		if words == nil {
			return "-"
		}
		return strings.Join(words, "+")
	}},
	{"first sync asks own id", yes(func(p *model.Profile) bool { return p.AsksOwnID })},
	{"offset that is no number", psync(either(func(p *model.Profile) bool { return p.BadOffsetError }, "error", "full sync"))},
	{"refused while its link is down", func(p *model.Profile) string { return p.LinkDownWord }},
	{"stale replicas answer PING", yes(func(p *model.Profile) bool { return p.PingWhenStale })},
	{"a reply on the link ends it", yes(func(p *model.Profile) bool { return p.Orders.DropsTalkers })},

	{"Full sync", nil},
	{"diskless by default", yes(func(p *model.Profile) bool { return p.Diskless })},
	{"diskless delay is over when", func(p *model.Profile) string {
		switch {
		case !p.CapaEOF:
			return "-"
		case p.DelayInclusive:
			return ">="
		}
		return ">"
	}},
	{"diskless child writes to", func(p *model.Profile) string {
		switch {
		case !p.CapaEOF:
			return "-"
		case p.ChildWrites:
			return "sockets"
		}
		return "its server"
	}},
	{"snapshot fails: PING refused", yes(func(p *model.Profile) bool { return p.Orders.MisConfPing })},
	{"  a replica refuses it too", yes(func(p *model.Profile) bool { return p.Orders.MisConfAll })},
	{"  a replica's next write ends it", yes(func(p *model.Profile) bool { return p.DiskErrorEnds })},
	{"useless disk child is killed", yes(func(p *model.Profile) bool { return p.KillUselessChild })},
	{"ACK right after the load", func(p *model.Profile) string {
		switch {
		case p.AckAfterLoad:
			return "any load"
		case p.AckAfterEOFLoad:
			return "diskless"
		}
		return "-"
	}},
	{"old history is given up at", psync(either(func(p *model.Profile) bool { return p.LateDiscard }, "load", "+FULLRESYNC"))},
	{"loads from the socket", yes(func(p *model.Profile) bool { return p.DisklessLoad })},
	{"serves old data meanwhile", yes(func(p *model.Profile) bool { return p.AsyncLoad })},
	{"dual-channel full sync", yes(func(p *model.Profile) bool { return p.DualChannel })},

	{"Timers and chains", nil},
	{"PING without replicas", yes(func(p *model.Profile) bool { return p.PingAlone })},
	{"masters time replicas out", yes(func(p *model.Profile) bool { return p.MasterTimesOut })},
	{"tcp-keepalive", func(p *model.Profile) string { return seconds(p.KeepAlive) }},
	{"chained stream", either(func(p *model.Profile) bool { return p.OwnStreamOnChains }, "its own", "passed on")},
	{"link loss drops sub-replicas", yes(func(p *model.Profile) bool { return p.DropsSubsOnLink })},
	{"REPLICAOF drops sub-replicas", yes(func(p *model.Profile) bool { return p.DropsSubsOnMove })},

	{"Output buffers and memory", nil},
	{"hard limit at least backlog", yes(func(p *model.Profile) bool { return p.HardLimitFloor })},
	{"limits looked at when idle", yes(func(p *model.Profile) bool { return p.ChecksIdle })},
	{"who is over them is closed", either(func(p *model.Profile) bool { return p.ClosesInCron }, "by cron", "at once")},
	{"maxmemory-policy", func(p *model.Profile) string { return p.MaxMemoryPolicy.String() }},
	{"replicas keep to it too", yes(func(p *model.Profile) bool { return p.ReplicaEvicts })},
	{"counts against maxmemory", func(p *model.Profile) string {
		switch p.Backlog {
		case model.BacklogNone:
			return "data"
		case model.Ring:
			return "data, whole ring"
		}
		return "data, blocks up to backlog"
	}},

	{"Bytes on the stream", nil},
	{"SET k v", streamCost(model.ClientWrite{Command: "SET", Key: 1, Value: 1})},
	{"MULTI SET k v EXEC", streamCost(model.ClientWrite{Command: "SET", Key: 1, Value: 1, Together: 1})},
	{"SET k v EX 100", streamCost(model.ClientWrite{Command: "SET", Key: 1, Value: 1, TTL: 100 * time.Second})},
	{"EXPIRE k 100", streamCost(model.ClientWrite{Command: "EXPIRE", Key: 1, TTL: 100 * time.Second})},
	{"what expires is deleted by", either(func(p *model.Profile) bool { return p.LazyExpire }, "UNLINK", "DEL")},
	{"a replica shows what expired until then", yes(func(p *model.Profile) bool { return p.ShowsExpired })},
	{"what is evicted, by", either(func(p *model.Profile) bool { return p.LazyEvict }, "UNLINK", "DEL")},

	{"Orders", nil},
	{"WAIT", yes(func(p *model.Profile) bool { return p.GetAck })},
	{"WAITAOF, FACK", yes(func(p *model.Profile) bool { return p.WaitAOF })},
	{"FAILOVER", yes(func(p *model.Profile) bool { return p.Failover })},
	{"CLIENT PAUSE", func(p *model.Profile) string {
		switch {
		case p.Orders.PauseWrites:
			return "all, write"
		case p.Orders.ClientPause:
			return "all"
		}
		return "-"
	}},
	{"shutdown waits for replicas", func(p *model.Profile) string {
		if p.ShutdownTimeout == 0 {
			return "-"
		}
		return seconds(p.ShutdownTimeout)
	}},
	{"AUTH names a user", yes(func(p *model.Profile) bool { return p.Orders.Users })},
}

// streamCost is how many bytes a client's write puts on the stream.
func streamCost(w model.ClientWrite) func(*model.Profile) string {
	return func(p *model.Profile) string {
		rules, ok := model.LookupStreamRules(p.Like())
		if !ok {
			return "?"
		}
		cost, err := rules.Cost(w)
		if err != nil {
			return "?"
		}
		return strconv.FormatInt(cost.Bytes, 10)
	}
}

package model

import (
	"strconv"
	"strings"
)

// infoID names a field of INFO. Those behind infoQuiet are left out of a trace
// while they are zero.
type infoID uint8

const (
	infoRunID infoID = iota
	infoBgsave
	infoSyncFull
	infoSyncOK
	infoSyncErr
	infoRole
	infoLink
	infoLastIO
	infoSyncing
	infoReadOffset
	infoSlaveOffset
	infoDownSince
	infoSlaves
	infoSlaveLines
	infoReplID
	infoReplID2
	infoMRO
	infoSecond
	infoActive
	infoSize
	infoFirst
	infoHist
	infoQuiet // not a field
	infoLoading
	infoAsyncLoading
	infoChanges
	infoLoadExpired
	infoAOF
	infoRewriting
	infoMaxMemory
	infoPolicy
	infoUncounted
	infoBacklogMemory
	infoBufferMemory
	infoSlavesMemory
	infoNetInput
	infoNetOutput
	infoExpired
	infoEvicted
	infoTracked
	infoErrorReplies
	infoLimits
	infoHost
	infoSyncTotal
	infoSyncRead
	infoSyncLeft
	infoSyncPerc
	infoSyncLastIO
	infoSyncBuffer
	infoSyncPeak
	infoPriority
	infoReadOnly
	infoAnnounced
	infoGoodSlaves
	infoWaiting
	infoFailover
	infoRefused
	infoShutdown
	infoNoMemory
	infoMisConf
	infoSaveStatus
	infoCount
)

// infoNames are the fields' names; slave0, slave1 … have none of their own.
var infoNames = [infoCount]string{
	infoRunID: "run_id", infoBgsave: "rdb_bgsave_in_progress", infoSyncFull: "sync_full", infoSyncOK: "sync_partial_ok",
	infoSyncErr: "sync_partial_err", infoRole: "role", infoLink: "master_link_status", infoLastIO: "master_last_io_seconds_ago",
	infoSyncing: "master_sync_in_progress", infoReadOffset: "slave_read_repl_offset", infoSlaveOffset: "slave_repl_offset",
	infoDownSince: "master_link_down_since_seconds", infoSlaves: "connected_slaves", infoSlaveLines: "slaveN",
	infoReplID: "master_replid", infoReplID2: "master_replid2", infoMRO: "master_repl_offset", infoSecond: "second_repl_offset",
	infoActive: "repl_backlog_active", infoSize: "repl_backlog_size", infoFirst: "repl_backlog_first_byte_offset",
	infoHist: "repl_backlog_histlen", infoLoading: "loading", infoAsyncLoading: "async_loading", infoChanges: "rdb_changes_since_last_save",
	infoLoadExpired: "rdb_last_load_keys_expired", infoAOF: "aof_enabled", infoRewriting: "aof_rewrite_in_progress", infoMaxMemory: "maxmemory",
	infoPolicy: "maxmemory_policy", infoUncounted: "mem_not_counted_for_evict", infoBacklogMemory: "mem_replication_backlog",
	infoBufferMemory: "mem_total_replication_buffers", infoSlavesMemory: "mem_clients_slaves",
	infoNetInput: "total_net_repl_input_bytes", infoNetOutput: "total_net_repl_output_bytes", infoExpired: "expired_keys",
	infoEvicted: "evicted_keys", infoTracked: "slave_expires_tracked_keys", infoErrorReplies: "unexpected_error_replies",
	infoLimits: "client_output_buffer_limit_disconnections", infoHost: "master_host", infoSyncTotal: "master_sync_total_bytes",
	infoSyncRead: "master_sync_read_bytes", infoSyncLeft: "master_sync_left_bytes", infoSyncPerc: "master_sync_perc",
	infoSyncLastIO: "master_sync_last_io_seconds_ago", infoSyncBuffer: "replicas_repl_buffer_size",
	infoSyncPeak: "replicas_repl_buffer_peak", infoPriority: "slave_priority", infoReadOnly: "slave_read_only",
	infoAnnounced: "replica_announced", infoGoodSlaves: "min_slaves_good_slaves", infoWaiting: "replicas_waiting_psync",
	infoFailover: "master_failover_state", infoRefused: "errorstat_NOREPLICAS", infoShutdown: "shutdown_in_milliseconds",
	infoNoMemory: "errorstat_OOM", infoMisConf: "errorstat_MISCONF", infoSaveStatus: "rdb_last_bgsave_status",
}

// InfoName is the name of a field, and whether it is text.
type InfoName struct {
	Name string
	Text bool
}

// InfoNames are the fields that some version prints, besides slave0, slave1 and
// so on.
func InfoNames() (names []InfoName) {
	for id, name := range infoNames {
		if name != "" && infoID(id) != infoSlaveLines {
			names = append(names, InfoName{name, textual(infoID(id))})
		}
	}
	return names
}

// InfoFields names what INFO of the version prints of replication, in its order.
func (p *Profile) InfoFields() (names []string) {
	for _, f := range p.Info.fields {
		names = append(names, f.name)
	}
	return names
}

// textual says that a field is text.
func textual(id infoID) bool {
	switch id {
	case infoRunID, infoRole, infoLink, infoReplID, infoReplID2, infoPolicy, infoHost, infoSyncPerc, infoFailover, infoSaveStatus:
		return true
	}
	return false
}

// infoShape is what INFO of a version prints, in its order.
type infoShape struct {
	offsets bool // slaveN lines have offset= and lag=
	fields  []infoField
	traced  []infoField // the same, in the order of a trace: role first
}

type infoField struct {
	id   infoID
	name string
}

// shape reads lists of names, section by section.
func shape(sections ...string) infoShape {
	var s infoShape
	for _, name := range strings.Fields(strings.Join(sections, " ")) {
		id := infoCount
		for i, n := range infoNames {
			if n == name {
				id = infoID(i)
			}
		}
		if id == infoCount {
			panic("model: no field of INFO is called " + name)
		}
		s.offsets = s.offsets || id == infoMRO
		s.fields = append(s.fields, infoField{id, name})
	}
	for _, loud := range [2]bool{true, false} {
		for _, f := range s.fields {
			if (f.id >= infoRole && f.id < infoQuiet) == loud {
				s.traced = append(s.traced, f)
			}
		}
	}
	return s
}

// What the versions print (redis.c and server.c: genRedisInfoString), as far as
// it has to do with replication. Seen on a live server of each version in every
// role and state.
const (
	infoStats26 = "expired_keys evicted_keys "
	infoStats28 = "sync_full sync_partial_ok sync_partial_err expired_keys evicted_keys "
	infoStats40 = infoStats28 + "slave_expires_tracked_keys "
	infoStats62 = infoStats40 + "unexpected_error_replies errorstat_MISCONF errorstat_NOREPLICAS errorstat_OOM "
	infoStats70 = "total_net_repl_input_bytes total_net_repl_output_bytes " + infoStats62
	infoStats74 = infoStats70 + "client_output_buffer_limit_disconnections "

	infoMemory32 = "maxmemory maxmemory_policy "
	infoMemory50 = infoMemory32 + "mem_not_counted_for_evict mem_replication_backlog mem_clients_slaves "
	infoMemory70 = infoMemory32 + "mem_not_counted_for_evict mem_replication_backlog mem_total_replication_buffers mem_clients_slaves "

	infoLoads26 = "loading rdb_changes_since_last_save rdb_bgsave_in_progress rdb_last_bgsave_status aof_enabled aof_rewrite_in_progress "
	infoLoads70 = "loading async_loading rdb_changes_since_last_save rdb_bgsave_in_progress rdb_last_bgsave_status rdb_last_load_keys_expired aof_enabled aof_rewrite_in_progress "

	infoSlave26 = "role master_host master_link_status master_last_io_seconds_ago master_sync_in_progress "
	infoSync26  = "master_sync_left_bytes master_sync_last_io_seconds_ago "
	infoSync62  = "master_sync_total_bytes master_sync_read_bytes master_sync_left_bytes master_sync_perc master_sync_last_io_seconds_ago "
	infoDown26  = "master_link_down_since_seconds slave_priority slave_read_only "
	infoDown62  = infoDown26 + "replica_announced "
	infoPeers   = "connected_slaves min_slaves_good_slaves slaveN "
	infoLog28   = "master_repl_offset repl_backlog_active repl_backlog_size repl_backlog_first_byte_offset repl_backlog_histlen "
	infoLog40   = "master_replid master_replid2 master_repl_offset second_repl_offset " +
		"repl_backlog_active repl_backlog_size repl_backlog_first_byte_offset repl_backlog_histlen "
	infoRepl28 = infoSlave26 + "slave_repl_offset " + infoSync26 + infoDown26 + infoPeers + infoLog28
	infoRepl40 = infoSlave26 + "slave_repl_offset " + infoSync26 + infoDown26 + infoPeers + infoLog40
	infoRepl62 = infoSlave26 + "slave_read_repl_offset slave_repl_offset " + infoSync62 + infoDown62 + infoPeers + "master_failover_state " + infoLog40
	infoRepl80 = infoSlave26 + "slave_read_repl_offset slave_repl_offset replicas_repl_buffer_size replicas_repl_buffer_peak " +
		infoSync62 + infoDown62 + infoPeers + "replicas_waiting_psync master_failover_state " + infoLog40
)

var (
	info26 = shape("run_id", infoLoads26, infoStats26, infoSlave26, infoSync26, infoDown26, "connected_slaves slaveN")
	info28 = shape("run_id", infoLoads26, infoStats28, infoRepl28)
	info32 = shape("run_id", infoMemory32, infoLoads26, infoStats28, infoRepl28)
	info40 = shape("run_id", infoMemory32, infoLoads26, infoStats40, infoRepl40)
	info50 = shape("run_id", infoMemory50, infoLoads26, infoStats40, infoRepl40)
	info62 = shape("run_id", infoMemory50, infoLoads26, infoStats62, infoRepl62)
	info70 = shape("run_id shutdown_in_milliseconds", infoMemory70, infoLoads70, infoStats70, infoRepl62)
	info74 = shape("run_id shutdown_in_milliseconds", infoMemory70, infoLoads70, infoStats74, infoRepl62)
	info80 = shape("run_id shutdown_in_milliseconds", infoMemory70, infoLoads70, infoStats74, infoRepl80)
)

// prints says whether INFO has a field in the node's role and state.
func (n *Info) prints(id infoID) bool {
	switch id {
	case infoHost, infoLink, infoLastIO, infoSyncing, infoReadOffset, infoSlaveOffset, infoSyncBuffer, infoSyncPeak,
		infoPriority, infoReadOnly, infoAnnounced:
		return n.Role == "slave"
	case infoSyncTotal, infoSyncRead, infoSyncLeft, infoSyncPerc, infoSyncLastIO:
		return n.Role == "slave" && n.SyncInProgress
	case infoDownSince:
		return n.Role == "slave" && !n.LinkUp
	case infoGoodSlaves:
		return n.MinSlaves
	case infoRefused:
		return n.NoReplicas > 0
	case infoNoMemory:
		return n.NoMemory > 0
	case infoMisConf:
		return n.MisConf > 0
	case infoShutdown:
		return n.Stopping
	}
	return true
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// value is a field's: a text, or a number where it is empty.
func (n *Info) value(id infoID) (number int64, text string) {
	switch id {
	case infoRunID:
		return 0, string(n.RunID)
	case infoRole:
		return 0, n.Role
	case infoHost:
		return 0, n.MasterHost
	case infoLink:
		if n.LinkUp {
			return 0, "up"
		}
		return 0, "down"
	case infoReplID:
		return 0, string(n.ReplID)
	case infoReplID2:
		return 0, string(n.ReplID2)
	case infoPolicy:
		return 0, n.MaxMemoryPolicy
	case infoFailover:
		return 0, n.FailoverState
	case infoSaveStatus:
		if n.SaveFailed {
			return 0, "err"
		}
		return 0, "ok"
	case infoSyncPerc:
		return 0, percent(n.SyncRead, n.SyncTotal)
	}
	return n.number(id), ""
}

// percent is 100 * part / whole with two digits; 0.00 of nothing.
func percent(part, whole int64) string {
	v := int64(0)
	if whole > 0 {
		v = (part*20000/whole + 1) / 2
	}
	cents := strconv.FormatInt(100+v%100, 10)
	return strconv.FormatInt(v/100, 10) + "." + cents[1:]
}

func (n *Info) number(id infoID) int64 {
	switch id {
	case infoBgsave:
		return flag(n.BgsaveInProgress)
	case infoSyncFull:
		return n.SyncFull
	case infoSyncOK:
		return n.SyncPartialOK
	case infoSyncErr:
		return n.SyncPartialErr
	case infoLastIO:
		return n.LastIOSeconds
	case infoSyncing:
		return flag(n.SyncInProgress)
	case infoReadOffset:
		return int64(n.SlaveReadOffset)
	case infoSlaveOffset:
		return int64(n.SlaveReplOffset)
	case infoDownSince:
		return n.LinkDownSeconds
	case infoSlaves:
		return int64(n.ConnectedSlaves)
	case infoMRO:
		return int64(n.MRO)
	case infoSecond:
		return int64(n.SecondOffset)
	case infoActive:
		return flag(n.BacklogActive)
	case infoSize:
		return n.BacklogSize
	case infoFirst:
		return int64(n.First)
	case infoHist:
		return n.Hist
	case infoLoading:
		return flag(n.Loading)
	case infoAsyncLoading:
		return flag(n.AsyncLoading)
	case infoChanges:
		return n.Changes
	case infoLoadExpired:
		return n.LoadExpired
	case infoAOF:
		return flag(n.AppendOnly)
	case infoRewriting:
		return flag(n.Rewriting)
	case infoMaxMemory:
		return n.MaxMemory
	case infoUncounted:
		return n.Uncounted
	case infoBacklogMemory:
		return n.BacklogMemory
	case infoBufferMemory:
		return n.BufferMemory
	case infoSlavesMemory:
		return n.SlavesMemory
	case infoNetInput:
		return n.NetInput
	case infoNetOutput:
		return n.NetOutput
	case infoExpired:
		return n.ExpiredKeys
	case infoEvicted:
		return n.EvictedKeys
	case infoTracked:
		return n.TrackedExpires
	case infoLimits:
		return n.LimitDisconnections
	case infoSyncTotal:
		return n.SyncTotal
	case infoSyncRead:
		return n.SyncRead
	case infoSyncBuffer:
		return n.LocalBuffer
	case infoSyncPeak:
		return n.LocalPeak
	case infoWaiting:
		return n.WaitingPSYNC
	case infoSyncLeft:
		return n.SyncTotal - n.SyncRead
	case infoSyncLastIO:
		return n.SyncLastIOSeconds
	case infoReadOnly:
		return flag(n.ReadOnly)
	case infoGoodSlaves:
		return n.GoodSlaves
	case infoRefused:
		return n.NoReplicas
	case infoNoMemory:
		return n.NoMemory
	case infoMisConf:
		return n.MisConf
	case infoShutdown:
		return n.ShutdownMS
	case infoPriority:
		return 100 // the default of replica-priority: sentinel's matter
	case infoAnnounced:
		return 1 // replica-announced: likewise
	case infoErrorReplies:
		return 0
	}
	panic("model: a field of INFO without a value: " + infoNames[id])
}

package model

import (
	"strconv"
	"time"
)

// Info is what INFO says about replication: the fields' own names and
// meanings, for the node's version. What a version does not print, or not in the
// node's role and state, is left out by Fields.
//
// The numbers of memory hold for one server on its own: an allocator's usable
// sizes, without what its neighbours leave over.
type Info struct {
	Role              string // "master" or "slave"
	MasterHost        string // the master's name stands for master_host and master_port
	ConnectedSlaves   int
	GoodSlaves        int64  // min_slaves_good_slaves; printed only where MinSlaves is true
	MinSlaves         bool   // min-replicas-to-write and min-replicas-max-lag are both set
	FailoverState     string // master_failover_state
	ReplID, ReplID2   ReplID
	RunID             ReplID
	MRO               Offset // master_repl_offset
	SecondOffset      Offset // second_repl_offset, -1 when unused
	BacklogActive     bool
	BacklogSize       int64
	First             Offset // repl_backlog_first_byte_offset
	Hist              int64  // repl_backlog_histlen
	SyncFull          int64
	SyncPartialOK     int64
	SyncPartialErr    int64
	LinkUp            bool   // master_link_status
	SlaveReplOffset   Offset // slave_repl_offset
	SlaveReadOffset   Offset // slave_read_repl_offset
	SyncInProgress    bool   // master_sync_in_progress
	SyncTotal         int64  // master_sync_total_bytes: -1 before the line that says it, 0 where a mark ends it
	SyncRead          int64  // master_sync_read_bytes
	SyncLastIOSeconds int64  // master_sync_last_io_seconds_ago
	LastIOSeconds     int64  // master_last_io_seconds_ago
	LinkDownSeconds   int64  // master_link_down_since_seconds
	Loading           bool   // loading
	AsyncLoading      bool   // async_loading: the old data is served meanwhile
	Changes           int64  // rdb_changes_since_last_save
	LoadExpired       int64  // rdb_last_load_keys_expired
	AppendOnly        bool   // aof_enabled
	Rewriting         bool   // aof_rewrite_in_progress
	BgsaveInProgress  bool   // rdb_bgsave_in_progress
	ReadOnly          bool   // slave_read_only
	Slaves            []InfoSlave

	NetInput, NetOutput int64 // total_net_repl_input_bytes, total_net_repl_output_bytes
	Refused             int64 // writes refused, for whatever reason; no field of INFO
	NoReplicas          int64 // errorstat_NOREPLICAS: writes refused for want of replicas
	NoMemory            int64 // errorstat_OOM: writes refused for want of memory
	MisConf             int64 // errorstat_MISCONF: writes and PINGs refused because no snapshot could be saved
	SaveFailed          bool  // rdb_last_bgsave_status
	LimitDisconnections int64 // client_output_buffer_limit_disconnections
	ExpiredKeys         int64 // expired_keys
	EvictedKeys         int64 // evicted_keys
	TrackedExpires      int64 // slave_expires_tracked_keys
	MaxMemory           int64 // maxmemory
	MaxMemoryPolicy     string

	BacklogMemory int64 // mem_replication_backlog
	BufferMemory  int64 // mem_total_replication_buffers
	SlavesMemory  int64 // mem_clients_slaves
	Uncounted     int64 // mem_not_counted_for_evict

	RoleWord   string // "master", or where ROLE says that a replica's link is; no field of INFO
	ShutdownMS int64  // shutdown_in_milliseconds; printed only while a shutdown waits
	Stopping   bool

	WaitingPSYNC int64 // replicas_waiting_psync: rdb channels that are kept for their main ones
	LocalBuffer  int64 // replicas_repl_buffer_size: stream that waits for a snapshot here
	LocalPeak    int64 // replicas_repl_buffer_peak

	shape *infoShape
}

// InfoSlave is one slaveN line.
type InfoSlave struct {
	Name   string // the replica's name stands for its ip and port
	State  string
	Offset Offset
	Lag    int64  // seconds
	Type   string // "" where the version prints none
}

// Field is one INFO field; Text is empty for a number.
type Field struct {
	Name   string
	Text   string
	Number int64
}

// Fields lists what INFO of this version prints, in its order.
func (n *Info) Fields() []Field {
	shape := n.shape
	if shape == nil {
		shape = &info74
	}
	fs := make([]Field, 0, len(shape.fields)+len(n.Slaves))
	for i := range shape.fields {
		f := &shape.fields[i]
		if f.id == infoSlaveLines {
			fs = n.slaveLines(fs)
		} else if n.prints(f.id) {
			number, text := n.value(f.id)
			fs = append(fs, Field{Name: f.name, Text: text, Number: number})
		}
	}
	return fs
}

func (n *Info) slaveLines(fs []Field) []Field {
	for i, s := range n.Slaves {
		line := "name=" + s.Name + ",state=" + s.State
		if n.shape == nil || n.shape.offsets { // 2.6 knows no offsets
			line += ",offset=" + strconv.FormatInt(int64(s.Offset), 10) + ",lag=" + strconv.FormatInt(s.Lag, 10)
		}
		if s.Type != "" {
			line += ",type=" + s.Type
		}
		fs = append(fs, Field{Name: "slave" + strconv.Itoa(i), Text: line})
	}
	return fs
}

// quiet fields are left out of a trace's line while they are zero.
func quiet(id infoID) bool { return id > infoQuiet }

func (n *Info) appendText(b []byte) []byte {
	shape := n.shape
	if shape == nil {
		shape = &info74
	}
	for _, f := range shape.traced {
		if f.id == infoSlaveLines {
			for _, l := range n.slaveLines(nil) {
				b = append(append(append(append(b, ' '), l.Name...), '='), l.Text...)
			}
			continue
		}
		if !n.prints(f.id) {
			continue
		}
		number, text := n.value(f.id)
		if quiet(f.id) && number == 0 && (text == "" || f.id == infoSaveStatus && !n.SaveFailed) {
			continue
		}
		b = append(append(append(b, ' '), f.name...), '=')
		if text != "" {
			b = append(b, text...)
		} else {
			b = AppendInt(b, number)
		}
	}
	return b
}

// Info is what INFO prints at an instant.
func (s *Server) Info(at Instant) *Info {
	u := &s.up
	now := s.clock(at)
	n := &Info{Role: "master", ExpiredKeys: s.stats.expired, EvictedKeys: s.stats.evicted, ReplID: s.id, ReplID2: s.id2, RunID: s.runID, MRO: s.mro, SecondOffset: s.second,
		BacklogActive: s.log != nil, BacklogSize: s.set.BacklogSize, First: s.staleFirst, Hist: s.staleHist,
		SyncFull: s.stats.full, SyncPartialOK: s.stats.partialOK, SyncPartialErr: s.stats.partialErr,
		BgsaveInProgress: s.child.running && !s.child.rewrite, FailoverState: failoverWords[s.failover.state], GoodSlaves: s.good, MinSlaves: s.minReplicas(), Refused: s.Refused(), NoReplicas: s.stats.unreplicated, NoMemory: s.stats.oom, MisConf: s.stats.unsaved + s.stats.pings, SaveFailed: s.disk.failed, ReadOnly: s.set.ReadOnly,
		NetInput: s.stats.netIn, NetOutput: s.stats.netOut, LimitDisconnections: s.stats.overLimit,
		Loading: s.Loading() && !s.asyncLoading(), AsyncLoading: s.asyncLoading(), Changes: s.disk.dirty, LoadExpired: s.disk.expired, AppendOnly: s.aof.state != aofOff, Rewriting: s.child.rewrite,
		MaxMemory: s.set.MaxMemory, MaxMemoryPolicy: s.set.MaxMemoryPolicy.String(), shape: s.prof.Info}
	if s.log != nil {
		n.First, n.Hist = s.History()
	}
	s.memoryInfo(n)
	for _, c := range s.clients {
		if c.state == notReplica {
			continue
		}
		n.ConnectedSlaves++
		if c.state == snapshotOut || c.lost {
			continue // counted, but not listed
		}
		sl := InfoSlave{Name: c.peer, State: [...]string{"", "wait_bgsave", "wait_bgsave", "send_bulk", "online", "bg_transfer"}[c.state], Offset: c.ack}
		if s.prof.SlaveType {
			sl.Type = "replica"
			if c.rdbChannel {
				sl.Type = "rdb-channel"
			} else if c.state == bgLoad {
				sl.Type = "main-channel"
			}
		}
		if c.state == online {
			sl.Lag = now - c.ackTime
		}
		n.Slaves = append(n.Slaves, sl)
		n.NetOutput += s.flowed(c)
	}
	n.WaitingPSYNC = s.waitingPSYNC()
	n.RoleWord = n.Role
	if n.Stopping = s.stop.on; n.Stopping {
		n.ShutdownMS = int64(s.stop.until-at) / int64(time.Millisecond)
	}
	if u.host == "" {
		return n
	}
	n.Role, n.MasterHost, n.LinkUp, n.RoleWord = "slave", u.host, u.state == upConnected, s.LinkWord()
	n.SyncInProgress = u.state >= upHeader && u.state <= upBuffer
	n.SyncTotal, n.SyncRead, n.SyncLastIOSeconds = u.bulkTotal, u.bulkRead, now-u.lastIO
	n.LocalBuffer, n.LocalPeak = s.localSize(), u.rdb.local.peak
	n.SlaveReplOffset, n.SlaveReadOffset = u.done, u.read
	if !n.LinkUp && !u.cached {
		n.SlaveReplOffset, n.SlaveReadOffset = 1, 1
	}
	n.LastIOSeconds = -1
	if n.LinkUp {
		n.LastIOSeconds = now - u.lastIO
	} else if u.everUp || s.prof.LinkDownSince0 {
		n.LinkDownSeconds = now - u.downAt
	} else {
		n.LinkDownSeconds = -1
	}
	return n
}

// memoryInfo fills in what the history and the replicas' output buffers take
// (object.c: getMemoryOverheadData; evict.c: freeMemoryGetNotCountedMemory).
func (s *Server) memoryInfo(n *Info) {
	if s.blocks != nil {
		replicas := s.replicas() > 0
		n.BufferMemory = s.blocks.Memory()
		n.BacklogMemory = s.blocks.BacklogMemory(replicas)
		n.SlavesMemory = s.blocks.ReplicaMemory(replicas)
		n.Uncounted = s.blocks.UncountedMemory()
		return
	}
	if s.prof.Backlog != Ring {
		return
	}
	if s.log != nil {
		n.BacklogMemory = s.alloc().Mapped(s.set.BacklogSize)
	}
	for _, c := range s.clients {
		if c.state != notReplica {
			used := s.used(c)
			n.Uncounted += used
			n.SlavesMemory += used + s.prof.ClientMemory
		}
	}
}

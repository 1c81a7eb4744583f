package model

import "strconv"

// Info is what INFO says about replication: the fields' own names and
// meanings, for the node's version. Fields that a version does not have are
// left out by Fields.
type Info struct {
	Role                     string // "master" or "slave"
	ConnectedSlaves          int
	ReplID, ReplID2          ReplID
	RunID                    ReplID
	MRO                      Offset // master_repl_offset
	SecondOffset             Offset // second_repl_offset, -1 when unused
	BacklogActive            bool
	BacklogSize              int64
	First                    Offset // repl_backlog_first_byte_offset
	Hist                     int64  // repl_backlog_histlen
	SyncFull                 int64
	SyncPartialOK            int64
	SyncPartialErr           int64
	LinkUp                   bool   // master_link_status
	SlaveReplOffset          Offset // slave_repl_offset
	SlaveReadOffset          Offset // slave_read_repl_offset
	SyncInProgress           bool   // master_sync_in_progress
	LastIOSeconds            int64  // master_last_io_seconds_ago
	LinkDownSeconds          int64  // master_link_down_since_seconds
	BgsaveInProgress         bool   // rdb_bgsave_in_progress
	Slaves                   []InfoSlave
	sync, psync2, readOffset bool
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
	fs := make([]Field, 0, 32)
	num := func(name string, v int64) { fs = append(fs, Field{Name: name, Number: v}) }
	text := func(name, v string) { fs = append(fs, Field{Name: name, Text: v}) }
	flag := func(name string, v bool) {
		if v {
			num(name, 1)
		} else {
			num(name, 0)
		}
	}
	text("role", n.Role)
	if n.Role == "slave" {
		if n.LinkUp {
			text("master_link_status", "up")
		} else {
			text("master_link_status", "down")
		}
		num("master_last_io_seconds_ago", n.LastIOSeconds)
		flag("master_sync_in_progress", n.SyncInProgress)
		if n.readOffset {
			num("slave_read_repl_offset", int64(n.SlaveReadOffset))
		}
		if !n.sync {
			num("slave_repl_offset", int64(n.SlaveReplOffset))
		}
		if !n.LinkUp {
			num("master_link_down_since_seconds", n.LinkDownSeconds)
		}
	}
	num("connected_slaves", int64(n.ConnectedSlaves))
	for i, s := range n.Slaves {
		line := "name=" + s.Name + ",state=" + s.State + ",offset=" + strconv.FormatInt(int64(s.Offset), 10) + ",lag=" + strconv.FormatInt(s.Lag, 10)
		if s.Type != "" {
			line += ",type=" + s.Type
		}
		text("slave"+strconv.Itoa(i), line)
	}
	if n.sync { // 2.6 knows no offsets
		flag("rdb_bgsave_in_progress", n.BgsaveInProgress)
		return fs
	}
	if n.psync2 {
		text("master_replid", string(n.ReplID))
		text("master_replid2", string(n.ReplID2))
	} else {
		text("run_id", string(n.RunID))
	}
	num("master_repl_offset", int64(n.MRO))
	if n.psync2 {
		num("second_repl_offset", int64(n.SecondOffset))
	}
	flag("repl_backlog_active", n.BacklogActive)
	num("repl_backlog_size", n.BacklogSize)
	num("repl_backlog_first_byte_offset", int64(n.First))
	num("repl_backlog_histlen", n.Hist)
	num("sync_full", n.SyncFull)
	num("sync_partial_ok", n.SyncPartialOK)
	num("sync_partial_err", n.SyncPartialErr)
	flag("rdb_bgsave_in_progress", n.BgsaveInProgress)
	return fs
}

func (n *Info) appendText(b []byte) []byte {
	for _, f := range n.Fields() {
		b = append(b, ' ')
		b = append(b, f.Name...)
		b = append(b, '=')
		if f.Text != "" {
			b = append(b, f.Text...)
		} else {
			b = strconv.AppendInt(b, f.Number, 10)
		}
	}
	return b
}

// Info is what INFO prints at an instant.
func (s *Server) Info(at Instant) *Info {
	u := &s.up
	n := &Info{Role: "master", ReplID: s.id, ReplID2: s.id2, RunID: s.runID, MRO: s.mro, SecondOffset: s.second,
		BacklogActive: s.log != nil, BacklogSize: s.set.BacklogSize, First: s.staleFirst, Hist: s.staleHist,
		SyncFull: s.stats.full, SyncPartialOK: s.stats.partialOK, SyncPartialErr: s.stats.partialErr,
		BgsaveInProgress: s.child.running, sync: s.prof.PSYNC == 0, psync2: s.prof.PSYNC == 2, readOffset: s.prof.ReadOffsetInfo}
	if s.log != nil {
		n.First, n.Hist = s.History()
	}
	now := s.clock(at)
	for _, c := range s.clients {
		if c.state == notReplica {
			continue
		}
		n.ConnectedSlaves++
		sl := InfoSlave{Name: c.peer, State: [...]string{"", "wait_bgsave", "wait_bgsave", "send_bulk", "online"}[c.state], Offset: c.ack}
		if s.prof.SlaveType {
			sl.Type = "replica"
		}
		if c.state == online {
			sl.Lag = now - c.ackTime
		}
		n.Slaves = append(n.Slaves, sl)
	}
	if u.host == "" {
		return n
	}
	n.Role, n.LinkUp = "slave", u.state == upConnected
	n.SyncInProgress = u.state == upHeader || u.state == upBulk || u.state == upLoading
	n.SlaveReplOffset, n.SlaveReadOffset = u.done, u.read
	if !n.LinkUp && !u.cached {
		n.SlaveReplOffset = 1
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

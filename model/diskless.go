package model

import "time"

// Loading from the socket (repl-diskless-load; redis 6.2 and later): what arrives
// of a snapshot goes into memory at once. From its first byte on the process does
// nothing but read and load, at the pace of the slower of both, and no file is
// left behind (readSyncBulkPayload, useDisklessLoad).

// LoadMode is repl-diskless-load.
type LoadMode uint8

// The words of the directive.
const (
	LoadDisabled  LoadMode = iota // through a file
	LoadWhenEmpty                 // from the socket if the data set is empty
	LoadSwap                      // from the socket into a second data set, which takes the place of the first in the end
)

// LoadModes are their names in redis.conf.
var LoadModes = [...]string{LoadDisabled: "disabled", LoadWhenEmpty: "on-empty-db", LoadSwap: "swapdb"}

// socketLoad is a snapshot that is loaded while it arrives.
type socketLoad struct {
	on      bool
	swap    bool // the old data set is there until the end, also if there is none
	async   bool // and is served meanwhile: it is an older state of the same history
	landed  bool // all has arrived; it is not all in memory
	heard   Instant
	timeout time.Duration // of a blocking read (connRecvTimeout): repl-timeout when it began
}

// reads says that the process waits for bytes of the snapshot.
func (l *socketLoad) reads() bool { return l.on && !l.landed }

// due is when the blocking read fails.
func (l *socketLoad) due() Instant { return l.heard.Add(l.timeout) }

// LoadsFromSocket says whether a snapshot that came now would be loaded while it
// arrives (useDisklessLoad).
func (s *Server) LoadsFromSocket() bool {
	mode := s.set.DisklessLoad
	return s.prof.DisklessLoad && (mode == LoadSwap || mode == LoadWhenEmpty && !s.keys)
}

// SocketLoad is the connection whose snapshot is being loaded while it arrives.
func (s *Server) SocketLoad() (c ConnID, on bool) { return s.bulkConn(), s.up.socket.reads() }

// Landed says that all of a snapshot that was loaded as it arrived is there, and
// perhaps not yet in memory.
func (s *Server) Landed() bool { return s.up.socket.landed }

// HasKeys says whether the data set holds anything, as far as the node knows.
func (s *Server) HasKeys() bool { return s.keys }

// asyncLoading says that the old data set is served while a new one is loaded.
func (s *Server) asyncLoading() bool { return s.up.socket.on && s.up.socket.async }

// attachToNewMaster gives the old history up (replicationAttachToNewMaster, 7.0).
func (s *Server) attachToNewMaster() {
	if s.prof.LateDiscard {
		s.up.cached = false
		s.dropReplicas(WhyFullSync)
		s.freeBacklog(WhyFullSync)
	}
}

// openSocket begins: the first byte of a snapshot is there. From 7.0 on the old
// data set is served meanwhile if the master has the id that the node has.
func (s *Server) openSocket() {
	u := &s.up
	swap := s.set.DisklessLoad == LoadSwap
	u.socket = socketLoad{on: true, swap: swap, async: swap && s.prof.AsyncLoad && s.id == u.fullID, heard: s.now, timeout: s.set.Timeout}
	if !swap {
		s.attachToNewMaster()
	}
	s.dropOwnChild(true)
	s.beginLoad()
	s.out = append(s.out, Output{Kind: OutLoad, Conn: s.bulkConn(), Socket: true})
}

// socketBytes counts payload that went into memory; see bulk. INFO's
// master_sync_read_bytes and master_sync_last_io_seconds_ago do not know of it.
func (s *Server) socketBytes(n int64) {
	u := &s.up
	u.socket.heard = s.now
	if n < 0 {
		n, u.bulkLeft = -n, 0
	} else {
		u.bulkLeft -= n
	}
	s.stats.netIn += n
	if u.bulkLeft <= 0 {
		u.socket.landed = true
		s.out = append(s.out, Output{Kind: OutLoad, Conn: s.bulkConn()})
	}
}

// socketLoaded: the new data set takes the place of the old one.
func (s *Server) socketLoaded() {
	if s.up.socket.swap {
		s.attachToNewMaster()
	}
	if s.prof.LoadDirties {
		s.disk.dirty++
	}
	s.up.socket = socketLoad{}
}

// socketFailed: the snapshot broke off, or did not go on for repl-timeout. What was
// loaded is thrown away: the old data set stays with swapdb, without it there is
// none. The node asks again at once (cancelReplicationHandshake).
func (s *Server) socketFailed(why Why) {
	u := &s.up
	s.keys = s.keys && u.socket.swap
	u.socket = socketLoad{}
	s.cron.thaw(u.frozeAt, s.now)
	if u.rdb.state != rdbNone {
		s.abandonDual(u.rdb.conn, why, true)
		return
	}
	s.abandon(why, true)
}

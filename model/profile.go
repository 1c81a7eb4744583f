package model

import "time"

// BacklogKind says how a version keeps its replication history.
type BacklogKind uint8

// The two designs. BacklogNone is a version without a backlog (2.6).
const (
	BacklogNone BacklogKind = iota
	Ring                    // redis 2.8 - 6.2: one circular buffer of exactly the configured size
	Blocks                  // redis >= 7.0, valkey: shared blocks, at least the configured size
)

// Profile is one server version as data. Code asks it for a capability and
// never compares version numbers.
type Profile struct {
	Name  string // "redis-6.2": the name scenarios use
	Tag   string // the release its values were read from
	About string // its character in one line
	Line  string // of a variant: the version that it differs from, whose directives and stream it has
	Patch int    // of a variant: the last patch release of its line that it is like; 0 is none but itself

	PSYNC   int         // 0: SYNC only; 1: PSYNC with run id; 2: replid and replid2
	Backlog BacklogKind //

	BacklogSize       int64         // default repl-backlog-size, bytes
	BacklogMinConfig  int64         // least size that a config file gives (smaller is raised)
	BacklogTTL        time.Duration // default repl-backlog-ttl
	Diskless          bool          // default repl-diskless-sync
	DisklessDelay     time.Duration // default repl-diskless-sync-delay
	DelayInclusive    bool          // the delay test is >= instead of >
	ForkAtOnce        bool          // delay 0 forks on the request, not at the next cron tick
	FramedHandshake   bool          // handshake commands are RESP arrays, not inline words
	Pipelined         bool          // all REPLCONFs go out in one batch: three round trips, not four
	CapaPSYNC2        bool          // announces and understands capa psync2
	CapaEOF           bool          // announces capa eof
	ReconnectNow      bool          // dials at once when a link is lost; else at the next cron tick
	PingAlone         bool          // PINGs enter the stream even when no replica is attached
	PingLower         bool          // the stream's PING is written "ping"
	AsksOwnID         bool          // a former master asks with its own id at its first sync
	BadOffsetError    bool          // an offset that is no number is an error only, no full sync
	LinkDownWord      string        // first word of the refusal while the own link is down
	ReplicaBacklog    bool          // replicas keep a backlog without sub-replicas
	TTLNewID          bool          // freeing the backlog takes a new id
	TTLOnReplicas     bool          // the ttl runs on replicas too
	StaleInfo         bool          // INFO shows first byte and histlen of a freed backlog
	ReadOffsetInfo    bool          // INFO has slave_read_repl_offset
	CountsRead        bool          // offsets grow with bytes read, not with commands processed
	AckAfterEOFLoad   bool          // an ACK follows the load of an $EOF: snapshot at once
	MasterTimesOut    bool          // masters drop replicas that do not ACK
	KillUselessChild  bool          // a disk snapshot nobody waits for is killed
	RestartKeepsID    bool          // a replica restarted from its RDB asks with the saved id
	LateDiscard       bool          // the cached master survives until the new data set is applied
	DropsSubsOnLink   bool          // link loss drops sub-replicas
	DropsSubsOnMove   bool          // REPLICAOF drops sub-replicas
	ResizeKeepsData   bool          // CONFIG SET repl-backlog-size keeps the history
	LinkDownSince0    bool          // master_link_down_since_seconds counts from 1970 when never up
	OwnStreamOnChains bool          // a replica numbers the stream for its sub-replicas itself
	AckAfterLoad      bool          // an ACK follows the load of any snapshot at once
	MasterRestart     bool          // a master restarted from its RDB keeps its old id as the second one
	HardLimitFloor    bool          // a hard limit below the backlog's size is raised to it
	SaysVersion       bool          // the handshake has REPLCONF version
	ChecksIdle        bool          // serverCron looks at output buffer limits, also while nothing is written
	ClosesInCron      bool          // a replica over its limit is closed by the next serverCron turn, not at once
	EndBySize         bool          // the last byte that may be asked for is first byte + size - 1, not first byte + length
	TTLFromStart      bool          // a promotion does not start the backlog's ttl anew: it may have run out long ago
	WholeBlocks       bool          // an argument of any length makes one block
	ReplyBlocks       bool          // reply lists are of blocks that use all the memory they were given
	Failover          bool          // knows PSYNC … FAILOVER
	GetAck            bool          // knows REPLCONF GETACK
	KeepAlive         time.Duration // default tcp-keepalive, whole seconds; 0 is none
	GetAckOK          bool          // answers +OK to it when it is no master that asks
	IPAddress         bool          // knows REPLCONF ip-address
	LooseNumbers      bool          // reads numbers with strtoll: a plus, leading zeros, nothing at all
	PingWhenStale     bool          // PING is answered while the link is down, also with replica-serve-stale-data no
	ConfWhenStale     bool          // and REPLCONF
	StaleDirective    string        // what it calls replica-serve-stale-data in its refusal
	SlaveType         bool          // INFO's slaveN lines have type=
	RDBOnly           bool          // knows REPLCONF rdb-only
	DualChannel       bool          // knows dual-channel replication
	ShutdownTimeout   time.Duration // default shutdown-timeout: how long a shutdown waits for replicas; 0 does not know it
	ShowsExpired      bool          // a read on a replica finds a key whose time is over until its master deletes it
	WaitAOF           bool          // knows WAITAOF, and replicas with an AOF say FACK
	WaitsForOwn       bool          // WAIT is about the client's own writes, not about all before its last command
	FsyncMillis       bool          // appendfsync everysec counts a second in milliseconds, not by the clock's seconds
	FsyncIdle         bool          // what is in no AOF counts as on disk if the AOF is
	CountsAOF         bool          // with AOF and nobody to feed, master_repl_offset counts commands: it marks what was fsynced
	ConfigWhileLoads  bool          // CONFIG is answered while a data set is loaded
	ClientWhileLoads  bool          // CLIENT is answered while a data set is loaded
	FileResetsSaves   bool          // with a redis.conf only its own save points count, without one the default's
	LoadEndsChild     bool          // a replica that has received a snapshot in a file kills its own child before it loads
	SocketEndsChild   bool          // and one that loads from the socket
	DiskErrorEnds     bool          // a replica that could not save ends with the next write of its master; see misconf.go
	ChildWrites       bool          // a diskless child writes to the sockets itself, at most repl-timeout a write; else the server forwards and drops who takes nothing (6.0.15, 6.2.2)
	LoadingName       string        // who is loading, in the -LOADING reply; "" is Redis
	DisklessLoad      bool          // knows repl-diskless-load
	AsyncLoad         bool          // with swapdb it serves the old data set meanwhile, if the master has its id
	LoadDirties       bool          // a snapshot that was loaded from the socket counts as a change since the last save
	ArgsQuote         string        // how the refusal of an unknown command quotes its arguments; "" shows none

	Info       *infoShape // what INFO prints
	Expire     *ExpireRules
	LazyExpire bool // default of lazyfree-lazy-expire: UNLINK for DEL
	LazyEvict  bool // default of lazyfree-lazy-eviction
	// ReplicaEvicts says that maxmemory holds for a replica too: it evicts keys by itself, or
	// refuses its master's commands. What it holds then is not modelled; see the planner's
	// checkEvicting.
	ReplicaEvicts bool
	// MaxMemoryPolicy is the default of maxmemory-policy. EmptyMemory is used_memory
	// of a server without data, history and clients, in bytes, as it was measured.
	MaxMemoryPolicy Policy
	EmptyMemory     int64
	Orders          *OrderShape // what clients and operators can ask, and how they are refused
	ClientMemory    int64       // what mem_clients_slaves counts for a replica beside its output buffer, bytes (ring only)

	Source string // where these values were read
}

// The constants that every version shares.
const (
	// CronHz is how often serverCron runs a second (the default of hz).
	CronHz = 10
	// CronLate is by how much each serverCron turn comes late, if nobody says: the timer is armed
	// again after the work is done, and the event loop rounds up to milliseconds.
	// PINGs of an idle 7.0.15 were seen 10.02 s and 20.06 s after its start; on another
	// machine 1.0036 s apart. With traffic a turn is up to a millisecond late.
	CronLate = 250 * time.Microsecond
	// MaxCronLate is the most that a turn may be said to come late.
	MaxCronLate = 10 * time.Millisecond
	// FirstCron is when serverCron first runs after a process started.
	FirstCron = time.Millisecond
	// MinBacklog is the least size that CONFIG SET accepts
	// (CONFIG_REPL_BACKLOG_MIN_SIZE).
	MinBacklog = 16 * 1024
)

// Settings are the replication directives of one server, named as in
// redis.conf. Use Profile.Defaults for a version's own.
type Settings struct {
	BacklogSize   int64         // repl-backlog-size, bytes
	BacklogTTL    time.Duration // repl-backlog-ttl, whole seconds; 0 keeps it for ever
	Timeout       time.Duration // repl-timeout, whole seconds
	PingPeriod    time.Duration // repl-ping-replica-period, whole seconds
	Diskless      bool          // repl-diskless-sync
	DisklessDelay time.Duration // repl-diskless-sync-delay, whole seconds
	DisklessMax   int64         // repl-diskless-sync-max-replicas: so many need not wait; 0 always waits
	HardLimit     int64         // client-output-buffer-limit replica, hard, bytes; 0 is none
	SoftLimit     int64         // soft, bytes; 0 is none
	SoftSeconds   time.Duration // whole seconds above the soft limit
	DisklessLoad  LoadMode      // repl-diskless-load
	SavePoints    SavePoints    // save
	AppendOnly    bool          // appendonly
	Fsync         FsyncPolicy   // appendfsync
	// The AOF is rewritten when it is longer than RewriteMin bytes (auto-aof-rewrite-min-size)
	// and has grown by so many percent since the last time
	// (auto-aof-rewrite-percentage); 0 never rewrites it.
	RewritePercent, RewriteMin int64
	// MinReplicas is min-replicas-to-write, MinReplicasLag min-replicas-max-lag in
	// whole seconds: writes are refused with fewer replicas online whose last ACK
	// is no older; 0 in either takes them always.
	MinReplicas int64
	// RequirePass is requirepass, MasterAuth and MasterUser masterauth and masteruser;
	// "" is none. A connection that was made before a password was set needs none.
	RequirePass, MasterAuth, MasterUser string
	MinReplicasLag                      time.Duration
	DualChannel                         bool // dual-channel-replication-enabled
	// ShutdownTimeout is shutdown-timeout, whole seconds: how long a shutdown waits
	// for replicas that lag; 0 does not wait.
	ShutdownTimeout time.Duration
	ServeStale      bool   // replica-serve-stale-data
	StopWrites      bool   // stop-writes-on-bgsave-error
	IgnoreDisk      bool   // replica-ignore-disk-write-errors
	ReadOnly        bool   // replica-read-only
	LazyExpire      bool   // lazyfree-lazy-expire
	LazyEvict       bool   // lazyfree-lazy-eviction
	MaxMemory       int64  // maxmemory, bytes; 0 is without limit
	MaxMemoryPolicy Policy // maxmemory-policy
}

// Defaults are the settings of a server whose redis.conf says nothing.
func (p *Profile) Defaults() Settings {
	return Settings{
		BacklogSize: p.BacklogSize, BacklogTTL: p.BacklogTTL,
		Timeout: 60 * time.Second, PingPeriod: 10 * time.Second,
		Diskless: p.Diskless, DisklessDelay: p.DisklessDelay,
		HardLimit: 256 << 20, SoftLimit: 64 << 20, SoftSeconds: 60 * time.Second,
		SavePoints:      SavePoints{{3600, 1}, {300, 100}, {60, 10000}}, // initServerConfig of every version
		ShutdownTimeout: p.ShutdownTimeout, MinReplicasLag: 10 * time.Second,
		ServeStale: true, StopWrites: true, ReadOnly: true, LazyExpire: p.LazyExpire, LazyEvict: p.LazyEvict,
		MaxMemoryPolicy: p.MaxMemoryPolicy,
		RewritePercent:  100, RewriteMin: 64 << 20,
	}
}

var redis26 = Profile{
	Name: "redis-2.6", Tag: "2.6.17", About: "SYNC only: every reconnect is a full sync",
	LinkDownWord: "-ERR", CountsRead: true, LinkDownSince0: true, ClosesInCron: true, OwnStreamOnChains: true, DropsSubsOnLink: true,
	DropsSubsOnMove: true, FileResetsSaves: true, Info: &info26, Expire: &expire26, Orders: &orders26,
	PingWhenStale: true, StaleDirective: "slave-serve-stale-data",
	LooseNumbers: true, ShowsExpired: true,
	ReplicaEvicts: true, MaxMemoryPolicy: VolatileLRU, EmptyMemory: 919416,
	Source: "redis 2.6.17: replication.c",
}

var redis28 = Profile{
	Name: "redis-2.8", Tag: "2.8.24", About: "PSYNC with run id, ring backlog, ACK every second",
	PSYNC: 1, Backlog: Ring, BacklogSize: 1 << 20, BacklogMinConfig: MinBacklog, BacklogTTL: time.Hour,
	DisklessDelay: 5 * time.Second,
	CapaEOF:       true, PingAlone: true, LinkDownWord: "-ERR", TTLOnReplicas: true, StaleInfo: true,
	CountsRead: true, MasterTimesOut: true, LinkDownSince0: true, ClosesInCron: true, OwnStreamOnChains: true, DropsSubsOnMove: true,
	FileResetsSaves: true, Info: &info28, Expire: &expire26,
	Orders:        &orders28,
	PingWhenStale: true, ConfWhenStale: true, StaleDirective: "slave-serve-stale-data",
	LooseNumbers: true, ShowsExpired: true, ChildWrites: true,
	ReplicaEvicts: true, MaxMemoryPolicy: VolatileLRU, EmptyMemory: 876696,
	Source: "redis 2.8.24: replication.c, checked live",
}

var redis32 = as(redis28, "redis-3.2", "3.2.13", "as 2.8", func(p *Profile) {
	p.GetAck, p.ConfigWhileLoads, p.Info, p.Orders = true, true, &info32, &orders32
	p.KeepAlive = 300 * time.Second
	p.GetAckOK, p.IPAddress, p.LooseNumbers, p.ShowsExpired = true, true, false, false
	p.MaxMemoryPolicy, p.EmptyMemory = NoEviction, 880808
})

var redis40 = Profile{
	Name: "redis-4.0", Tag: "4.0.14", About: "PSYNC2: replid and replid2, replicas keep a backlog",
	PSYNC: 2, Backlog: Ring, BacklogSize: 1 << 20, BacklogMinConfig: MinBacklog, BacklogTTL: time.Hour,
	DisklessDelay: 5 * time.Second, KeepAlive: 300 * time.Second,
	CapaEOF: true, CapaPSYNC2: true, AsksOwnID: true, LinkDownWord: "-NOMASTERLINK", ReplicaBacklog: true,
	TTLNewID: true, StaleInfo: true, MasterTimesOut: true, RestartKeepsID: true, LinkDownSince0: true, ClosesInCron: true, DropsSubsOnMove: true,
	GetAck: true, IPAddress: true, ConfigWhileLoads: true, FileResetsSaves: true, ArgsQuote: "`", Info: &info40, Expire: &expire26, Orders: &orders40,
	PingWhenStale: true, ConfWhenStale: true, StaleDirective: "slave-serve-stale-data",
	ChildWrites: true, ReplicaEvicts: true, LoadEndsChild: true,
	EmptyMemory: 852630,
	Source:      "redis 4.0.14: replication.c, checked live",
}

var redis62 = Profile{
	Name: "redis-6.2", Tag: "6.2.16", About: "reconnects at once, handshake in one batch",
	PSYNC: 2, Backlog: Ring, BacklogSize: 1 << 20, BacklogMinConfig: 1, BacklogTTL: time.Hour,
	DisklessDelay: 5 * time.Second, KeepAlive: 300 * time.Second, DelayInclusive: true, ForkAtOnce: true,
	FramedHandshake: true, Pipelined: true,
	CapaEOF: true, CapaPSYNC2: true, ReconnectNow: true, PingLower: true, AsksOwnID: true, BadOffsetError: true,
	LinkDownWord: "-NOMASTERLINK", ReplicaBacklog: true, TTLNewID: true, StaleInfo: true, ReadOffsetInfo: true,
	AckAfterEOFLoad: true, MasterTimesOut: true, KillUselessChild: true, ChecksIdle: true, RestartKeepsID: true, DropsSubsOnMove: true,
	GetAck: true, IPAddress: true, ConfigWhileLoads: true, ClientWhileLoads: true, Failover: true, DisklessLoad: true, ReplyBlocks: true, RDBOnly: true, LoadEndsChild: true, ArgsQuote: "`",
	Info: &info62, Expire: &expire62, Orders: &orders62, ClientMemory: 17048,
	PingWhenStale: true, ConfWhenStale: true, StaleDirective: "replica-serve-stale-data",
	EmptyMemory: 887080,
	Source:      "redis 6.2.16: replication.c, checked live",
}

var redis50 = as(redis40, "redis-5.0", "5.0.14", "as 4.0, handshake in RESP", func(p *Profile) {
	p.FramedHandshake, p.ReplyBlocks, p.ReplicaEvicts, p.ArgsQuote = true, true, false, "`"
	p.Info, p.Orders, p.ClientMemory = &info50, &orders50, 16922
	p.StaleDirective = "replica-serve-stale-data"
	p.EmptyMemory = 862016
})

var redis70 = as(redis62, "redis-7.0", "7.0.15", "shared block buffer, diskless by default, masters can restart", func(p *Profile) {
	p.Backlog, p.ResizeKeepsData, p.HardLimitFloor, p.StaleInfo = Blocks, true, true, false
	p.Diskless = true
	p.LateDiscard, p.DropsSubsOnMove = true, false
	p.AsyncLoad, p.LoadDirties = true, true
	p.PingWhenStale = false
	p.MasterRestart, p.DiskErrorEnds, p.SocketEndsChild = true, true, true
	p.ShutdownTimeout = 10 * time.Second
	p.ArgsQuote, p.Info, p.Orders = "'", &info70, &orders70
	p.EmptyMemory = 876016
})

var redis72 = as(redis70, "redis-7.2", "7.2.4", "as 7.0", func(p *Profile) {
	p.CountsAOF, p.WaitAOF, p.WaitsForOwn, p.Orders = true, true, true, &orders72
	p.EmptyMemory = 956840
})

var redis74 = as(redis72, "redis-7.4", "7.4.1", "as 7.2", func(p *Profile) {
	p.Info, p.EmptyMemory = &info74, 969928
	p.FsyncMillis, p.FsyncIdle = true, true
})

var valkey80 = as(redis72, "valkey-8.0", "8.0.1", "10 MiB backlog, full sync over two channels on request", func(p *Profile) {
	p.BacklogSize = 10 << 20
	p.FsyncMillis, p.FsyncIdle = true, true
	p.EmptyMemory = 1000032
	p.LazyExpire, p.LazyEvict = true, true
	p.AckAfterLoad, p.SaysVersion, p.SlaveType, p.DualChannel, p.Info, p.Orders = true, true, true, true, &info80, &orders80
	p.LoadingName = "Valkey"
	p.Source = "valkey 8.0.1: replication.c, checked live"
})

// Variants are single releases that still had a bug of some fame. They are what
// their line's version is but for that bug; each was looked up in the tags before
// and behind its end.
var (
	redis280rc4 = variant(redis28, "redis-2.8.0-rc4", "2.8.0-rc1 to 2.8.0-rc4: a replica that missed nothing is refused once the backlog is full (redis#1271)", func(p *Profile) {
		p.EndBySize = true
		p.CapaEOF, p.BacklogMinConfig = false, MinBacklog // capa came with 2.8.22
	})
	redis406 = variant(redis40, "redis-4.0.6", "4.0.0 to 4.0.6: the backlog's ttl runs from the process's start, also for a promoted replica (redis#4607)", func(p *Profile) {
		p.TTLFromStart, p.Patch = true, 6
	})
	redis709 = variant(redis70, "redis-7.0.9", "7.0.0 to 7.0.9: a long argument makes one block, which may be more than the output buffer limit (redis#11666)", func(p *Profile) {
		p.WholeBlocks, p.Patch = true, 9
	})
)

// variant is a single release of a version's line.
func variant(p Profile, name, about string, change func(*Profile)) Profile {
	line, tag := p.Name, name[len("redis-"):]
	p = as(p, name, tag, about, change)
	p.Line, p.Source = line, "redis "+tag+": replication.c"
	return p
}

// as is a version that differs from an earlier one in what change sets.
func as(p Profile, name, tag, about string, change func(*Profile)) Profile {
	p.Name, p.Tag, p.About = name, tag, about
	p.Source = "redis " + tag + ": replication.c, checked live"
	if change != nil {
		change(&p)
	}
	return p
}

// profiles are the versions that are offered, oldest first.
var profiles = []*Profile{&redis26, &redis28, &redis32, &redis40, &redis50, &redis62, &redis70, &redis72, &redis74, &valkey80}

// Profiles lists the versions this program knows, oldest first.
func Profiles() []*Profile { return profiles }

var variants = []*Profile{&redis280rc4, &redis406, &redis709}

// Variants lists single releases that differ from their line, oldest first.
func Variants() []*Profile { return variants }

// LookupProfile finds a version, or a variant of one, by name.
func LookupProfile(name string) (*Profile, bool) {
	for _, list := range [2][]*Profile{profiles, variants} {
		for _, p := range list {
			if p.Name == name {
				return p, true
			}
		}
	}
	return nil, false
}

// LookupRelease finds the version of a line ("redis-7.0") that its patch release
// is like: a variant, or the line's own.
func LookupRelease(line string, patch int) (*Profile, bool) {
	for _, p := range variants {
		if p.Line == line && p.Patch > 0 && patch <= p.Patch {
			return p, true
		}
	}
	return LookupProfile(line)
}

// Like is the name of the version whose directives and stream it has: its own,
// or that of the line of a variant.
func (p *Profile) Like() string {
	if p.Line != "" {
		return p.Line
	}
	return p.Name
}

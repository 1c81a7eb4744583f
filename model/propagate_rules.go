package model

// TTLForm is how a version writes a time to live on its stream.
type TTLForm uint8

// The three forms. Only the last one means the same at whatever time a replica
// reads it.
const (
	TTLAsGiven  TTLForm = iota // redis <= 5.0: the client's own command
	TTLMillis                  // redis 6.2: SET with PX or PXAT; EXPIRE as given
	TTLAbsolute                // redis >= 7.0: PXAT and PEXPIREAT
)

// MultiTrigger is what makes a version write MULTI for a transaction.
type MultiTrigger uint8

// The triggers. The first three look at the flag of a command about to run,
// the last two at what is about to be written.
const (
	MultiBeforeWrite    MultiTrigger = iota // redis 2.8: not "readonly"; SELECT and PING are
	MultiBeforeNonRead                      // redis 3.2: not "readonly"; SELECT and PING are not
	MultiBeforeNonAdmin                     // redis 4.0, 5.0: neither "readonly" nor "admin"
	MultiBeforeStream                       // redis 6.2: the first command that goes out
	MultiAroundSeveral                      // redis >= 7.0: more than one goes out, in or out of a transaction
)

// ScriptForm is how a version writes what a script did.
type ScriptForm uint8

// The three forms.
const (
	ScriptAsGiven ScriptForm = iota // redis <= 4.0: the EVAL itself
	ScriptWrapped                   // redis 5.0, 6.2: what it wrote between MULTI and EXEC
	ScriptEffects                   // redis >= 7.0: what it wrote, as any command's
)

// Feature is a set of command families that a version knows.
type Feature uint32

// The families, in the order they came. A command's is in the command table.
const (
	HasWait      Feature = 1 << iota // 3.2: WAIT, BITFIELD, GEOADD, SPOP with a count, ZADD INCR (3.0 brought some)
	HasUnlink                        // 4.0: UNLINK, SWAPDB, FLUSHALL ASYNC
	HasStreams                       // 5.0: streams, ZPOPMIN
	HasGetEx                         // 6.2: GETEX, GETDEL, COPY, LMOVE, SET KEEPTTL, GET, PXAT
	HasFunctions                     // 7.0: FUNCTION, LMPOP, SPUBLISH, EXPIRE NX
	HasFieldTTL                      // 7.4: HEXPIRE; valkey 8.0 has none
)

// StreamRules is what one server version writes on its replication stream, as
// data. They were read off the sources of the releases named in Source and
// agree with all that was measured on them.
type StreamRules struct {
	Name   string // the profile's: "redis-6.2"
	Source string

	Knows         Feature
	TTL           TTLForm
	Multi         MultiTrigger
	SelectInMulti bool // a transaction's SELECT follows its MULTI; else it comes before
	WrapOps       bool // several commands made of one (SPOP 2) get a MULTI; MultiAroundSeveral does so too
	Scripts       ScriptForm
	LoadsScripts  bool // SCRIPT LOAD and SCRIPT FLUSH are written
	ForceFlushDB  bool // FLUSHDB is written even when the database is empty
	SetForGetSet  bool // GETSET becomes SET
	KeepTTLWord   bool // INCRBYFLOAT becomes SET with KEEPTTL
	SkipSameBits  bool // SETBIT and BITFIELD that change no bit are not written
	SkipSameTrim  bool // LTRIM that removes nothing is not written
	StoresNothing bool // SUNIONSTORE and its kin are written even when nothing is stored and nothing was there
	GivenMove     bool // BRPOPLPUSH that need not wait is written as given
	SplitMove     bool // BRPOPLPUSH that waited becomes RPOP and LPUSH
	ServesAgain   bool // a served client runs its command again: its own words; else the server's
	LowerZPop     bool // BZPOPMIN that waited becomes "zpopmin"
	WritesIDs     bool // XADD is written with its id in full even when the client gave one
	GroupSetID    bool // XREADGROUP also writes XGROUP SETID
	SPopBatch     int  // members in one SREM
	LazyExpire    bool // default of lazyfree-lazy-expire: UNLINK for DEL
	LazyEvict     bool // default of lazyfree-lazy-eviction
	LazyServerDel bool // default of lazyfree-lazy-server-del
	SPopUnlink    bool // SPOP of a whole set obeys lazyfree-lazy-server-del
	LowerPing     bool // the PING of the cron is "ping"
}

var stream28 = StreamRules{
	Name: "redis-2.8", Source: "redis 2.8.24: redis.c (call), multi.c, scripting.c, t_*.c, db.c",
	LoadsScripts: true, StoresNothing: true, GivenMove: true, SplitMove: true, SPopBatch: 1,
}

var stream32 = StreamRules{
	Name: "redis-3.2", Source: "redis 3.2.13: server.c (call), multi.c, scripting.c, t_*.c, db.c",
	Knows: HasWait, Multi: MultiBeforeNonRead,
	LoadsScripts: true, StoresNothing: true, GivenMove: true, SplitMove: true, SPopBatch: 1,
}

var stream40 = StreamRules{
	Name: "redis-4.0", Source: "redis 4.0.14: server.c (call), multi.c, scripting.c, t_*.c, db.c, expire.c",
	Knows: HasWait | HasUnlink, Multi: MultiBeforeNonAdmin,
	LoadsScripts: true, StoresNothing: true, SplitMove: true, SPopBatch: 1,
}

var stream50 = StreamRules{
	Name: "redis-5.0", Source: "redis 5.0.14: server.c (call), multi.c, scripting.c, t_*.c, db.c, expire.c",
	Knows: HasWait | HasUnlink | HasStreams, Multi: MultiBeforeNonAdmin,
	Scripts: ScriptWrapped, LoadsScripts: true, StoresNothing: true, SplitMove: true, LowerZPop: true, WritesIDs: true,
	SPopBatch: 1,
}

var stream62 = StreamRules{
	Name: "redis-6.2", Source: "redis 6.2.16: server.c (propagate, call), multi.c, scripting.c, t_*.c, db.c, expire.c",
	Knows: HasWait | HasUnlink | HasStreams | HasGetEx, TTL: TTLMillis, Multi: MultiBeforeStream, WrapOps: true,
	Scripts: ScriptWrapped, LoadsScripts: true, SetForGetSet: true, KeepTTLWord: true, SkipSameTrim: true,
	LowerZPop: true, WritesIDs: true, SPopBatch: 1, LowerPing: true,
}

var stream70 = StreamRules{
	Name: "redis-7.0", Source: "redis 7.0.15: server.c (propagatePendingCommands), script.c, t_*.c, db.c, expire.c",
	Knows: HasWait | HasUnlink | HasStreams | HasGetEx | HasFunctions, TTL: TTLAbsolute,
	Multi: MultiAroundSeveral, WrapOps: true, Scripts: ScriptEffects, ForceFlushDB: true, SetForGetSet: true,
	KeepTTLWord: true, SkipSameBits: true, SkipSameTrim: true, SPopBatch: 1, LowerPing: true,
}

var stream72 = StreamRules{
	Name: "redis-7.2", Source: "redis 7.2.6: server.c (propagatePendingCommands), blocked.c, t_*.c, db.c, expire.c",
	Knows: stream70.Knows, TTL: TTLAbsolute,
	Multi: MultiAroundSeveral, SelectInMulti: true, WrapOps: true, Scripts: ScriptEffects, ForceFlushDB: true,
	SetForGetSet: true, KeepTTLWord: true, SkipSameBits: true, SkipSameTrim: true, ServesAgain: true,
	SPopBatch: 1024, SPopUnlink: true, LowerPing: true,
}

var stream74 = StreamRules{
	Name: "redis-7.4", Source: "redis 7.4.1: server.c, t_stream.c (streamReplyWithRange), t_hash.c, else as 7.2",
	Knows: stream70.Knows | HasFieldTTL, TTL: TTLAbsolute,
	Multi: MultiAroundSeveral, SelectInMulti: true, WrapOps: true, Scripts: ScriptEffects, ForceFlushDB: true,
	SetForGetSet: true, KeepTTLWord: true, SkipSameBits: true, SkipSameTrim: true, ServesAgain: true,
	GroupSetID: true, SPopBatch: 1024, SPopUnlink: true, LowerPing: true,
}

var streamValkey80 = StreamRules{
	Name: "valkey-8.0", Source: "valkey 8.0.1: server.c, config.c (lazyfree defaults), t_stream.c, else as redis 7.2",
	Knows: stream70.Knows, TTL: TTLAbsolute,
	Multi: MultiAroundSeveral, SelectInMulti: true, WrapOps: true, Scripts: ScriptEffects, ForceFlushDB: true,
	SetForGetSet: true, KeepTTLWord: true, SkipSameBits: true, SkipSameTrim: true, ServesAgain: true,
	GroupSetID: true, SPopBatch: 1024, LazyExpire: true, LazyEvict: true, LazyServerDel: true, SPopUnlink: true,
	LowerPing: true,
}

var streamRules = []*StreamRules{
	&stream28, &stream32, &stream40, &stream50, &stream62, &stream70, &stream72, &stream74, &streamValkey80,
}

// AllStreamRules lists the rules this program knows, oldest version first.
// redis 2.6 has none: it counts no offsets.
func AllStreamRules() []*StreamRules { return streamRules }

// LookupStreamRules finds the rules of a version by its profile's name.
func LookupStreamRules(name string) (*StreamRules, bool) {
	for _, r := range streamRules {
		if r.Name == name {
			return r, true
		}
	}
	return nil, false
}

// has tells whether the version knows a family; the empty one is known to all.
func (r *StreamRules) has(f Feature) bool { return r.Knows&f == f }

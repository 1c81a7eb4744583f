package model

import "strings"

// maxmemory (evict.c; freeMemoryIfNeeded in redis.c before 4.0). Before a server
// executes a client's command it looks whether what it holds is above the limit.
// Then it deletes keys, each a DEL or UNLINK on the stream, until enough is free,
// or refuses the command with -OOM if it would need more memory.
//
// A node has no keys. Its driver weighs them with KeyMemory, tells the node the sum
// (Holding), asks how much must go (ToFree), tells each deletion (InDelete with
// WhyEvicted) and what is refused (InRefuse). Memory for anything but data,
// history and replicas' output buffers is Profile.EmptyMemory, at all times.

// Policy is maxmemory-policy.
type Policy uint8

// The policies, in the order of policyNames.
const (
	NoEviction Policy = iota
	AllKeysLRU
	AllKeysLFU
	AllKeysRandom
	VolatileLRU
	VolatileLFU
	VolatileRandom
	VolatileTTL
)

var policyNames = [...]string{
	"noeviction", "allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl",
}

func (p Policy) String() string { return policyNames[p] }

// Volatile says that only keys with a time to live are deleted.
func (p Policy) Volatile() bool { return p >= VolatileLRU }

// PolicyOf reads a policy as redis.conf names it. The LFU ones came with 4.0.
func (p *Profile) PolicyOf(name string) (Policy, bool) {
	for i, n := range policyNames {
		if strings.EqualFold(n, name) {
			return Policy(i), p.PSYNC == 2 || !strings.HasSuffix(n, "-lfu")
		}
	}
	return 0, false
}

// KeyMemory is what a key weighs in a server's memory, in bytes: its dictionary
// entry and slot, its name, and an object with `value` bytes. It is an estimate: what
// redis 5.0 to 7.4 took for strings of 5 to 1000 bytes was within 9 % of it; older ones
// took up to half more for short values, and other types take more.
func (a Allocator) KeyMemory(key, value int64) int64 {
	const (
		entry  = 24 // struct dictEntry
		slot   = 8  // its place in the table
		object = 16 // struct redisObject
		header = 4  // of a string: lengths, flags, the 0 at its end
	)
	n := a.Usable(entry) + slot + a.Usable(key+header)
	if value <= 44 { // lies in its object
		return n + a.Usable(object+header+value)
	}
	return n + a.Usable(object) + a.Usable(value+header)
}

// ExpireMemory is what a key's time to live weighs beside it.
func (a Allocator) ExpireMemory() int64 { return a.Usable(24) + 8 }

// Holding tells the node how many bytes of data it holds.
func (s *Server) Holding(bytes int64) { s.data = bytes }

// Limited says whether maxmemory matters to clients' commands now. Replicas ignore
// it (replica-ignore-maxmemory, >= 5.0), and nothing is looked at while clients are
// paused or data is loaded (isSafeToPerformEvictions).
func (s *Server) Limited() bool {
	return s.set.MaxMemory > 0 && s.up.host == "" && s.pause.kind == pauseNone && !s.Loading()
}

// counted is what is held against maxmemory.
func (s *Server) counted() int64 { return s.prof.EmptyMemory + s.data + s.countedHistory() }

// countedHistory is the stream's part of it: the ring whole, and no output buffer
// of a replica; of shared blocks what UncountedMemory leaves.
func (s *Server) countedHistory() int64 {
	switch {
	case s.blocks != nil:
		return s.blocks.Memory() - s.blocks.UncountedMemory()
	case s.log != nil:
		return s.alloc().Mapped(s.set.BacklogSize)
	}
	return 0
}

// ToFree is how many bytes of keys must go before the next command of a client is
// executed (getMaxmemoryState), 0 if all fits or nothing is limited.
func (s *Server) ToFree() int64 {
	if !s.Limited() {
		return 0
	}
	return max(0, s.counted()-s.set.MaxMemory)
}

// Fits says that after so many more bytes of stream, in commands of at most
// `longest` bytes, and of data the server will not be above its limit. It may be
// too careful, never too hopeful.
func (s *Server) Fits(stream, longest, data int64) bool {
	n := s.countedHistory()
	if s.blocks != nil {
		b := s.blocks
		// A long piece makes a block that the allocator rounds up, a quarter at most.
		grown := b.Memory() + stream + stream/4 + (stream/BlockRequest+2)*(b.payload-BlockRequest+blockCost) + b.payload + blockCost + 2*longest
		n = max(n, min(grown, b.countedMost()))
	}
	return s.prof.EmptyMemory+s.data+data+n <= s.set.MaxMemory
}

// Evicts is which keys the server deletes for want of memory: none with
// NoEviction.
func (s *Server) Evicts() Policy { return s.set.MaxMemoryPolicy }

// NeedsMemory says whether a command is refused for want of memory: every write but
// those that only take away or move (the flag denyoom of the command table).
func NeedsMemory(name string) bool {
	for _, n := range frugal {
		if strings.EqualFold(n, name) {
			return false
		}
	}
	return true
}

// frugal are the commands that a stream carries and that need no memory.
var frugal = [...]string{
	"DEL", "UNLINK", "RPOP", "LPOP", "LTRIM", "LREM", "SREM", "SMOVE", "SPOP", "ZREM", "ZPOPMIN", "ZPOPMAX",
	"ZREMRANGEBYSCORE", "ZREMRANGEBYRANK", "ZREMRANGEBYLEX", "HDEL", "SWAPDB", "MOVE", "RENAME", "RENAMENX",
	"EXPIRE", "EXPIREAT", "PEXPIRE", "PEXPIREAT", "FLUSHDB", "FLUSHALL", "PERSIST", "PUBLISH", "SPUBLISH", "XDEL", "XACK", "XTRIM",
	"MULTI", "EXEC", "SELECT", "SCRIPT", "FUNCTION", "PING",
}

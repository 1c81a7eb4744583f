package model

import (
	"slices"
	"strings"
)

// commandClass is what a command's flags say, as far as MultiTrigger asks.
type commandClass uint8

const (
	classWrite commandClass = iota // "write"; scripts count as such
	classRead                      // "readonly"
	classPlain                     // neither: "readonly" up to 2.8
	classAdmin                     // "admin": "readonly" up to 2.8
)

// clientCommand is one that clients may send.
type clientCommand struct {
	name  string
	least int // arguments, the name included
	needs Feature
	class commandClass
	do    func(*call) error
}

// lookupClientCommand finds a command by its name in any case.
func lookupClientCommand(name string) (clientCommand, bool) {
	name = strings.ToLower(name)
	at, ok := slices.BinarySearchFunc(clientCommands, name, func(c clientCommand, n string) int { return strings.Compare(c.name, n) })
	if !ok {
		return clientCommand{}, false
	}
	return clientCommands[at], true
}

// grown lists the commands that took so many arguments at most until a family
// came.
var grown = []struct {
	name string
	most int
	with Feature
}{
	{"expire", 3, HasFunctions},
	{"expireat", 3, HasFunctions},
	{"flushall", 1, HasUnlink},
	{"flushdb", 1, HasUnlink},
	{"hset", 4, HasUnlink},
	{"lpop", 2, HasGetEx},
	{"pexpire", 3, HasFunctions},
	{"pexpireat", 3, HasFunctions},
	{"rpop", 2, HasGetEx},
	{"spop", 2, HasWait},
}

// tooLong tells whether a command has arguments that came later. Others that
// have too many are not found out here.
func (r *StreamRules) tooLong(args []string) bool {
	for _, g := range grown {
		if len(args) > g.most && strings.EqualFold(args[0], g.name) {
			return !r.has(g.with)
		}
	}
	return false
}

// Commands that change nothing themselves, but may find an expired key.
func readNothing(*call) error { return nil }

func readKey(c *call) error {
	c.look(c.args[1])
	return nil
}

func readKeys(c *call) error {
	for _, key := range c.args[1:] {
		c.look(key)
	}
	return nil
}

// verbatim is a command that always changes something that is not kept here.
func verbatim(c *call) error {
	c.dirty = true
	return nil
}

// forced is written though it changes no data.
func forced(c *call) error {
	c.force = true
	return nil
}

// The commands, sorted by name. What is missing is NotModelled.
var clientCommands = []clientCommand{
	{"append", 3, 0, classWrite, doAppend},
	{"auth", 2, 0, classPlain, readNothing},
	{"bgrewriteaof", 1, 0, classAdmin, readNothing},
	{"bgsave", 1, 0, classAdmin, readNothing},
	{"bitcount", 2, 0, classRead, readKey},
	{"bitfield", 2, HasWait, classWrite, doBitField},
	{"blmove", 6, HasGetEx, classWrite, doMove},
	{"blmpop", 5, HasFunctions, classWrite, doListMPop},
	{"blpop", 3, 0, classWrite, doBlockingPop},
	{"brpop", 3, 0, classWrite, doBlockingPop},
	{"brpoplpush", 4, 0, classWrite, doMove},
	{"bzmpop", 5, HasFunctions, classWrite, doZMPop},
	{"bzpopmax", 3, HasStreams, classWrite, doBlockingZPop},
	{"bzpopmin", 3, HasStreams, classWrite, doBlockingZPop},
	{"client", 2, 0, classAdmin, readNothing},
	{"config", 2, 0, classAdmin, doConfig},
	{"copy", 3, HasGetEx, classWrite, doCopy},
	{"dbsize", 1, 0, classRead, readNothing},
	{"decr", 2, 0, classWrite, doIncr},
	{"decrby", 3, 0, classWrite, doIncr},
	{"del", 2, 0, classWrite, doDelete},
	{"dump", 2, 0, classRead, readKey},
	{"echo", 2, 0, classPlain, readNothing},
	{"exists", 2, 0, classRead, readKeys},
	{"expire", 3, 0, classWrite, doExpire},
	{"expireat", 3, 0, classWrite, doExpire},
	{"flushall", 1, 0, classWrite, doFlush},
	{"flushdb", 1, 0, classWrite, doFlush},
	{"function", 2, HasFunctions, classWrite, doFunction},
	{"geoadd", 5, HasWait, classWrite, doGeoAdd},
	{"get", 2, 0, classRead, readKey},
	{"getbit", 3, 0, classRead, readKey},
	{"getdel", 2, HasGetEx, classWrite, doGetDel},
	{"getex", 2, HasGetEx, classWrite, doGetEx},
	{"getrange", 4, 0, classRead, readKey},
	{"getset", 3, 0, classWrite, doGetSet},
	{"hdel", 3, 0, classWrite, doHashDelete},
	{"hexists", 3, 0, classRead, readKey},
	{"hexpire", 6, HasFieldTTL, classWrite, doHashExpire},
	{"hexpireat", 6, HasFieldTTL, classWrite, doHashExpire},
	{"hget", 3, 0, classRead, readKey},
	{"hgetall", 2, 0, classRead, readKey},
	{"hincrby", 4, 0, classWrite, doHashIncr},
	{"hincrbyfloat", 4, 0, classWrite, doHashIncrDecimal},
	{"hkeys", 2, 0, classRead, readKey},
	{"hlen", 2, 0, classRead, readKey},
	{"hmget", 3, 0, classRead, readKey},
	{"hmset", 4, 0, classWrite, doHashSet},
	{"hpexpire", 6, HasFieldTTL, classWrite, doHashExpire},
	{"hpexpireat", 6, HasFieldTTL, classWrite, doHashExpire},
	{"hset", 4, 0, classWrite, doHashSet},
	{"hsetnx", 4, 0, classWrite, doHashSet},
	{"hvals", 2, 0, classRead, readKey},
	{"incr", 2, 0, classWrite, doIncr},
	{"incrby", 3, 0, classWrite, doIncr},
	{"incrbyfloat", 3, 0, classWrite, doIncrDecimal},
	{"info", 1, 0, classPlain, readNothing},
	{"lindex", 3, 0, classRead, readKey},
	{"linsert", 5, 0, classWrite, doListInsert},
	{"llen", 2, 0, classRead, readKey},
	{"lmove", 5, HasGetEx, classWrite, doMove},
	{"lmpop", 4, HasFunctions, classWrite, doListMPop},
	{"lpop", 2, 0, classWrite, doListPop},
	{"lpush", 3, 0, classWrite, doPush},
	{"lpushx", 3, 0, classWrite, doPush},
	{"lrange", 4, 0, classRead, readKey},
	{"lrem", 4, 0, classWrite, doListRemove},
	{"lset", 4, 0, classWrite, doListSet},
	{"ltrim", 4, 0, classWrite, doListTrim},
	{"mget", 2, 0, classRead, readKeys},
	{"move", 3, 0, classWrite, doMoveDB},
	{"mset", 3, 0, classWrite, doMSet},
	{"msetnx", 3, 0, classWrite, doMSet},
	{"persist", 2, 0, classWrite, doPersist},
	{"pexpire", 3, 0, classWrite, doExpire},
	{"pexpireat", 3, 0, classWrite, doExpire},
	{"pfadd", 2, 0, classWrite, doCountAdd},
	{"pfcount", 2, 0, classRead, doCount},
	{"pfmerge", 2, 0, classWrite, doCountMerge},
	{"ping", 1, 0, classPlain, readNothing},
	{"psetex", 4, 0, classWrite, doSetEx},
	{"pttl", 2, 0, classRead, readKey},
	{"publish", 3, 0, classPlain, forced},
	{"rename", 3, 0, classWrite, doRename},
	{"renamenx", 3, 0, classWrite, doRename},
	{"restore", 4, 0, classWrite, doRestore},
	{"rpop", 2, 0, classWrite, doListPop},
	{"rpoplpush", 3, 0, classWrite, doMove},
	{"rpush", 3, 0, classWrite, doPush},
	{"rpushx", 3, 0, classWrite, doPush},
	{"sadd", 3, 0, classWrite, doSetAdd},
	{"scard", 2, 0, classRead, readKey},
	{"script", 2, 0, classPlain, doScript},
	{"sdiffstore", 3, 0, classWrite, doSetStore},
	{"select", 2, 0, classPlain, doSelect},
	{"set", 3, 0, classWrite, doSet},
	{"setbit", 4, 0, classWrite, doSetBit},
	{"setex", 4, 0, classWrite, doSetEx},
	{"setnx", 3, 0, classWrite, doSetNX},
	{"setrange", 4, 0, classWrite, doSetRange},
	{"sinterstore", 3, 0, classWrite, doSetStore},
	{"sismember", 3, 0, classRead, readKey},
	{"smembers", 2, 0, classRead, readKey},
	{"smove", 4, 0, classWrite, doSetMove},
	{"sort", 2, 0, classWrite, doSort},
	{"spop", 2, 0, classWrite, doSetPop},
	{"spublish", 3, HasFunctions, classPlain, forced},
	{"srandmember", 2, 0, classRead, readKey},
	{"srem", 3, 0, classWrite, doSetRemove},
	{"strlen", 2, 0, classRead, readKey},
	{"sunionstore", 3, 0, classWrite, doSetStore},
	{"swapdb", 3, HasUnlink, classWrite, doSwapDB},
	{"time", 1, 0, classPlain, readNothing},
	{"ttl", 2, 0, classRead, readKey},
	{"type", 2, 0, classRead, readKey},
	{"unlink", 2, HasUnlink, classWrite, doDelete},
	{"wait", 3, HasWait, classPlain, doWait},
	{"xack", 4, HasStreams, classWrite, doStreamAck},
	{"xadd", 5, HasStreams, classWrite, doStreamAdd},
	{"xdel", 3, HasStreams, classWrite, doStreamDelete},
	{"xgroup", 4, HasStreams, classWrite, doStreamGroup},
	{"xlen", 2, HasStreams, classRead, readKey},
	{"xrange", 4, HasStreams, classRead, readKey},
	{"xreadgroup", 7, HasStreams, classWrite, doStreamReadGroup},
	{"xtrim", 4, HasStreams, classWrite, doStreamTrim},
	{"zadd", 4, 0, classWrite, doZAdd},
	{"zcard", 2, 0, classRead, readKey},
	{"zincrby", 4, 0, classWrite, doZIncr},
	{"zmpop", 4, HasFunctions, classWrite, doZMPop},
	{"zpopmax", 2, HasStreams, classWrite, doZPop},
	{"zpopmin", 2, HasStreams, classWrite, doZPop},
	{"zrange", 4, 0, classRead, readKey},
	{"zrangestore", 5, HasGetEx, classWrite, doZRangeStore},
	{"zrank", 3, 0, classRead, readKey},
	{"zrem", 3, 0, classWrite, doZRemove},
	{"zscore", 3, 0, classRead, readKey},
}

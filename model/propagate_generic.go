package model

import (
	"slices"
	"strings"
)

func doDelete(c *call) error {
	for _, key := range c.args[1:] {
		if c.look(key) != nil {
			c.keys().remove(key)
			c.dirty = true
		}
	}
	return nil
}

// deletePast deletes a key that was given a time in the past: replicas are
// told of the deletion, not of the time (expire.c: expireGenericCommand).
func (c *call) deletePast(key string) {
	c.keys().remove(key)
	c.rewrite(deleteWord(c.s.LazyExpire), key)
	c.dirty = true
}

// expiry reads the time of EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT and their
// kin for fields, as Unix ms.
func (c *call) expiry(i int) (when int64, err error) {
	when, err = c.number(i)
	if err != nil {
		return 0, err
	}
	name := strings.TrimPrefix(strings.ToLower(c.args[0]), "h")
	if !strings.HasPrefix(name, "p") {
		if when > 1<<53 || when < -1<<53 {
			return 0, Refused("ERR invalid expire time")
		}
		when *= 1000
	}
	if !strings.HasSuffix(name, "at") {
		when += c.now
	}
	return when, nil
}

// expiryAllowed applies NX, XX, GT and LT; no expiry (0) counts as endless.
func expiryAllowed(flag string, current, when int64) bool {
	switch strings.ToUpper(flag) {
	case "NX":
		return current == 0
	case "XX":
		return current != 0
	case "GT":
		return current != 0 && when > current
	case "LT":
		return current == 0 || when < current
	}
	return true
}

func doExpire(c *call) error {
	when, err := c.expiry(2)
	if err != nil {
		return err
	}
	e := c.look(c.args[1])
	if e == nil {
		return nil
	}
	for _, flag := range c.args[3:] {
		if !expiryAllowed(flag, e.expireAt, when) {
			return nil
		}
	}
	if when <= c.now {
		c.deletePast(e.name)
		return nil
	}
	e.expireAt = when
	c.dirty = true
	if c.s.rules.TTL == TTLAbsolute {
		c.rewriteExpiry("pexpireat", when)
	}
	return nil
}

// rewriteExpiry makes the time absolute; a command that says it in that way
// already keeps its own spelling.
func (c *call) rewriteExpiry(name string, when int64) {
	if !c.is(0, name) {
		c.rewriteAt(0, strings.ToUpper(name))
		c.rewriteAt(2, itoa(when))
	}
}

func doPersist(c *call) error {
	if e := c.look(c.args[1]); e != nil && e.expireAt != 0 {
		e.expireAt = 0
		c.dirty = true
	}
	return nil
}

// doRename is RENAME and RENAMENX.
func doRename(c *call) error {
	from, to := c.args[1], c.args[2]
	e := c.look(from)
	if e == nil {
		return ErrNoKey
	}
	if from == to || c.look(to) != nil && c.is(0, "renamenx") {
		return nil
	}
	c.keys().remove(from)
	e.name = to
	c.keys().set(e)
	c.dirty = true
	return nil
}

// otherDB reads the number of a database.
func (c *call) otherDB(i int) (int, error) {
	n, err := c.number(i)
	if err != nil || n < 0 || n > 1<<20 {
		return 0, Refused("ERR DB index is out of range")
	}
	return int(n), nil
}

func doMoveDB(c *call) error {
	db, err := c.otherDB(2)
	if err != nil {
		return err
	}
	if db == c.db {
		return Refused("ERR source and destination objects are the same")
	}
	e := c.look(c.args[1])
	if e == nil || c.lookIn(db, e.name) != nil {
		return nil
	}
	c.keys().remove(e.name)
	c.s.database(db).set(e)
	c.dirty = true
	return nil
}

func doCopy(c *call) error {
	db, replace := c.db, false
	for i := 3; i < len(c.args); i++ {
		switch {
		case c.is(i, "replace"):
			replace = true
		case c.is(i, "db"):
			var err error
			if db, err = c.otherDB(i + 1); err != nil {
				return err
			}
			i++
		default:
			return ErrSyntax
		}
	}
	if db == c.db && c.args[1] == c.args[2] {
		return Refused("ERR source and destination objects are the same")
	}
	e := c.look(c.args[1])
	if e == nil || c.lookIn(db, c.args[2]) != nil && !replace {
		return nil
	}
	c.s.database(db).set(e.copyAs(c.args[2]))
	c.dirty = true
	return nil
}

func doSwapDB(c *call) error {
	a, err := c.otherDB(1)
	if err != nil {
		return err
	}
	b, err := c.otherDB(2)
	if err != nil {
		return err
	}
	c.s.database(a)
	y, x := c.s.database(b), c.s.database(a)
	x.keys, y.keys = y.keys, x.keys
	c.dirty = true
	return nil
}

// doFlush is FLUSHDB and FLUSHALL. FLUSHALL is always written.
func doFlush(c *call) error {
	if len(c.args) > 1 && !c.is(1, "async") && !c.is(1, "sync") {
		return ErrSyntax
	}
	if c.is(0, "flushall") {
		c.s.dbs = nil
		c.dirty = true
		return nil
	}
	c.dirty = len(c.keys().keys) > 0
	c.keys().keys = nil
	c.force = c.s.rules.ForceFlushDB
	return nil
}

// doRestore keeps of the value only that it is there.
func doRestore(c *call) error {
	ttl, err := c.number(2)
	if err != nil || ttl < 0 {
		return Refused("ERR Invalid TTL value, must be >= 0")
	}
	replace, absolute := false, false
	for i := 4; i < len(c.args); i++ {
		replace = replace || c.is(i, "replace")
		absolute = absolute || c.is(i, "absttl")
	}
	old := c.look(c.args[1])
	if old != nil && !replace {
		return Refused("BUSYKEY Target key name already exists.")
	}
	when := ttl
	if ttl != 0 && !absolute {
		when += c.now
	}
	if when != 0 && when <= c.now {
		if old != nil {
			c.keys().remove(old.name)
			c.rewrite("DEL", c.args[1])
			c.dirty = true
		}
		return nil
	}
	c.keys().set(&keyEntry{name: c.args[1], kind: kindOpaque, expireAt: when})
	c.dirty = true
	if ttl != 0 && !absolute && c.s.rules.TTL == TTLAbsolute {
		c.rewriteAt(2, itoa(when))
		c.rewriteAt(len(c.args), "ABSTTL")
	}
	return nil
}

// doSort writes something only with STORE (sort.c: sortCommand).
func doSort(c *call) error {
	e := c.look(c.args[1])
	if e != nil && e.kind != kindList && e.kind != kindSet && e.kind != kindZSet {
		return ErrWrongType
	}
	to, words := "", false
	for i := 2; i < len(c.args); i++ {
		switch {
		case c.is(i, "store") && i+1 < len(c.args):
			to = c.args[i+1]
			i++
		case c.is(i, "alpha"):
			words = true
		case c.is(i, "asc") || c.is(i, "desc"):
		default:
			return NotModelled("SORT " + c.args[i])
		}
	}
	if to == "" {
		return nil
	}
	result := &keyEntry{name: to, kind: kindList}
	if e != nil {
		for _, item := range e.items {
			if _, ok := parseDecimal(item.name); !ok && !words {
				return Refused("ERR One or more scores can't be converted into double")
			}
			result.items = append(result.items, keyItem{name: item.name})
		}
	}
	sortItems(result.items, words)
	c.store(result)
	return nil
}

func sortItems(items []keyItem, words bool) {
	slices.SortFunc(items, func(a, b keyItem) int {
		x, _ := parseDecimal(a.name)
		y, _ := parseDecimal(b.name)
		if order := x.compare(y); order != 0 && !words {
			return order
		}
		return strings.Compare(a.name, b.name)
	})
}

// store puts a result in place of what its key held. An empty one deletes the
// key, and is written only if there was one.
func (c *call) store(result *keyEntry) {
	if len(result.items) == 0 {
		c.dirty = c.look(result.name) != nil
		c.keys().remove(result.name)
		return
	}
	c.keys().set(result)
	c.dirty = true
}

func doSelect(c *call) (err error) {
	c.newDB, err = c.otherDB(1)
	c.movedTo = err == nil
	return err
}

// doConfig follows the settings that change what deletions are called.
func doConfig(c *call) error {
	if !c.is(1, "set") || !c.s.rules.has(HasUnlink) {
		return nil
	}
	for i := 2; i+1 < len(c.args); i += 2 {
		switch on := c.is(i+1, "yes"); {
		case c.is(i, "lazyfree-lazy-expire"):
			c.s.LazyExpire = on
		case c.is(i, "lazyfree-lazy-eviction"):
			c.s.LazyEvict = on
		case c.is(i, "lazyfree-lazy-server-del"):
			c.s.LazyServerDel = on
		}
	}
	return nil
}

// doScript is SCRIPT LOAD, FLUSH and the rest: replicas that run the scripts
// themselves must have them.
func doScript(c *call) error {
	if !c.is(1, "load") && !c.is(1, "flush") {
		return nil
	}
	c.force = c.s.rules.LoadsScripts
	if c.is(1, "flush") {
		c.dirty, c.s.cached = c.force, nil
	}
	return nil
}

func doFunction(c *call) error {
	switch {
	case c.is(1, "load"), c.is(1, "delete"), c.is(1, "flush"), c.is(1, "restore"):
		c.dirty = true
	}
	return nil
}

// doWait asks the replicas for their offsets if too few have acknowledged.
// Inside a transaction it answers at once (replication.c: waitCommand).
func doWait(c *call) error {
	n, err := c.number(1)
	if err != nil {
		return err
	}
	c.getAck = n > int64(c.s.Acked) && !c.s.inMulti
	return nil
}

package model

import (
	"slices"
)

func doSetAdd(c *call) error {
	e, err := c.typedOrNew(c.args[1], kindSet)
	if err != nil {
		return err
	}
	for _, member := range c.args[2:] {
		c.dirty = e.put(keyItem{name: member}) || c.dirty
	}
	return nil
}

func doSetRemove(c *call) error {
	return c.dropItems(kindSet)
}

// dropItems is SREM, HDEL, ZREM.
func (c *call) dropItems(kind keyKind) error {
	e, err := c.typed(c.args[1], kind)
	if err != nil || e == nil {
		return err
	}
	for _, name := range c.args[2:] {
		c.dirty = e.drop(name) || c.dirty
	}
	c.tidy(e)
	return nil
}

func doSetMove(c *call) error {
	from, err := c.typed(c.args[1], kindSet)
	if err != nil || from == nil {
		return err
	}
	to, err := c.typed(c.args[2], kindSet)
	if err != nil || from == to || !from.drop(c.args[3]) {
		return err
	}
	c.tidy(from)
	to, _ = c.typedOrNew(c.args[2], kindSet)
	to.put(keyItem{name: c.args[3]})
	c.dirty = true
	return nil
}

// pick takes the member that chance would take.
func (c *call) pick(e *keyEntry) string {
	member := e.items[0].name
	if picks := c.s.Picks; len(picks) > 0 {
		if _, ok := e.find(picks[0]); ok {
			member = picks[0]
		}
		c.s.Picks = picks[1:]
	}
	e.drop(member)
	return member
}

// doSetPop is SPOP: replicas are told what chance took (t_set.c:
// spopCommand, spopWithCountCommand).
func doSetPop(c *call) error {
	n := int64(1)
	if len(c.args) > 2 {
		var err error
		if n, err = c.number(2); err != nil || n < 0 {
			return ErrNotNumber
		}
	}
	e, err := c.typed(c.args[1], kindSet)
	if err != nil || e == nil || n == 0 {
		return err
	}
	switch {
	case len(c.args) == 2:
		c.rewrite("SREM", e.name, c.pick(e))
	case n >= int64(len(e.items)):
		e.items = nil
		c.rewrite(deleteWord(c.s.rules.SPopUnlink && c.s.LazyServerDel), e.name)
	default:
		c.popSeveral(e, int(n))
	}
	c.tidy(e)
	c.dirty = true
	return nil
}

// popSeveral writes SREMs in place of one SPOP.
func (c *call) popSeveral(e *keyEntry, n int) {
	c.prevent = true
	for n > 0 {
		batch := min(n, c.s.rules.SPopBatch)
		n -= batch
		args := []string{"SREM", e.name}
		for range batch {
			args = append(args, c.pick(e))
		}
		c.also = append(c.also, streamOp{c.db, args})
	}
}

// doSetStore is SUNIONSTORE, SINTERSTORE and SDIFFSTORE. Up to 5.0 only an
// intersection with a missing key is seen to change nothing (t_set.c:
// sinterGenericCommand, sunionDiffGenericCommand).
func doSetStore(c *call) error {
	result := &keyEntry{name: c.args[1], kind: kindSet}
	missing := false
	for i, key := range c.args[2:] {
		e, err := c.typed(key, kindSet)
		if err != nil {
			return err
		}
		if e == nil {
			e, missing = &keyEntry{}, true
		}
		in := func(item keyItem) bool { _, ok := e.find(item.name); return ok }
		switch {
		case i == 0:
			result.items = slices.Clone(e.items)
		case c.is(0, "sinterstore"):
			result.items = slices.DeleteFunc(result.items, func(item keyItem) bool { return !in(item) })
		case c.is(0, "sdiffstore"):
			result.items = slices.DeleteFunc(result.items, in)
		default:
			for _, item := range e.items {
				result.put(item)
			}
		}
	}
	c.store(result)
	if c.s.rules.StoresNothing && !(missing && c.is(0, "sinterstore")) {
		c.dirty = true
	}
	return nil
}

// doHashSet is HSET, HMSET and HSETNX. One that sets what was there already is
// written too.
func doHashSet(c *call) error {
	if len(c.args)%2 != 0 {
		return ErrSyntax
	}
	e, err := c.typedOrNew(c.args[1], kindHash)
	if err != nil {
		return err
	}
	if _, there := e.find(c.args[2]); there && c.is(0, "hsetnx") {
		return nil
	}
	for i := 2; i < len(c.args); i += 2 {
		e.put(keyItem{name: c.args[i], value: c.args[i+1]})
	}
	c.dirty = true
	return nil
}

func doHashDelete(c *call) error {
	return c.dropItems(kindHash)
}

// field gives a hash's field, and whether it is there.
func (c *call) field() (e *keyEntry, item keyItem, there bool, err error) {
	e, err = c.typed(c.args[1], kindHash)
	item = keyItem{name: c.args[2]}
	if e == nil || err != nil {
		return e, item, false, err
	}
	at, there := e.find(item.name)
	if there {
		item = e.items[at]
	}
	return e, item, there, nil
}

// setField stores a field, in a new hash if need be.
func (c *call) setField(e *keyEntry, item keyItem) {
	if e == nil {
		e, _ = c.typedOrNew(c.args[1], kindHash)
	}
	e.put(item)
	c.dirty = true
}

func doHashIncr(c *call) error {
	by, err := c.number(3)
	if err != nil {
		return err
	}
	e, item, there, err := c.field()
	if err != nil {
		return err
	}
	if item.value, err = increased(there, item.value, by); err != nil {
		return err
	}
	c.setField(e, item)
	return nil
}

// doHashIncrDecimal is HINCRBYFLOAT, written as HSET of the sum.
func doHashIncrDecimal(c *call) error {
	e, item, there, err := c.field()
	if err != nil {
		return err
	}
	if item.value, err = increasedDecimal(there, item.value, c.args[3]); err != nil {
		return err
	}
	c.setField(e, item)
	c.rewrite("HSET", c.args[1], c.args[2], item.value)
	return nil
}

// doHashExpire is HEXPIRE, HPEXPIRE, HEXPIREAT and HPEXPIREAT. What is written
// names the fields it reached only; fields whose time is over already are
// deleted (t_hash.c: hexpireGenericCommand). Fields do not expire here by
// themselves.
func doHashExpire(c *call) error {
	when, err := c.expiry(2)
	if err != nil {
		return err
	}
	flag, at := "", 3
	if !c.is(at, "fields") {
		flag, at = c.args[3], 4
	}
	fields, next, err := c.keyList(at + 1)
	if err != nil || !c.is(at, "fields") || next != len(c.args) {
		return ErrSyntax
	}
	e, err := c.typed(c.args[1], kindHash)
	if err != nil || e == nil {
		return err
	}
	var reached []string
	for _, field := range fields {
		i, there := e.find(field)
		switch {
		case !there || !expiryAllowed(flag, e.items[i].at, when):
		case when <= c.now:
			e.drop(field)
			c.also = append(c.also, streamOp{c.db, []string{"HDEL", e.name, field}})
		default:
			e.items[i].at = when
			reached = append(reached, field)
		}
	}
	c.tidy(e)
	if len(reached) > 0 {
		c.dirty = true
		c.rewrite(append(append(slices.Clone(c.args[:at+1]), itoa(int64(len(reached)))), reached...)...)
		c.rewriteExpiry("hpexpireat", when)
	}
	return nil
}

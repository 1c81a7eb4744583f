package model

import (
	"slices"
	"strings"
)

// doPush is LPUSH, RPUSH, LPUSHX and RPUSHX.
func doPush(c *call) error {
	name := strings.ToLower(c.args[0])
	e, err := c.typed(c.args[1], kindList)
	if err != nil || e == nil && strings.HasSuffix(name, "x") {
		return err
	}
	if e == nil {
		e, _ = c.typedOrNew(c.args[1], kindList)
	}
	for _, value := range c.args[2:] {
		e.push(name[0] == 'l', value)
	}
	c.dirty = true
	return nil
}

func (e *keyEntry) push(head bool, value string) {
	if head {
		e.items = slices.Insert(e.items, 0, keyItem{name: value})
		return
	}
	e.items = append(e.items, keyItem{name: value})
}

// pop takes elements off one end; it gives the last one taken.
func (e *keyEntry) pop(head bool, n int) string {
	value := e.items[len(e.items)-n].name
	if head {
		value = e.items[n-1].name
		e.items = slices.Delete(e.items, 0, n)
	} else {
		e.items = e.items[:len(e.items)-n]
	}
	return value
}

// take pops at most so many elements and gives how many there were to pop.
func (c *call) take(e *keyEntry, head bool, n int64) (taken int64) {
	taken = min(n, int64(len(e.items)))
	if taken > 0 {
		e.pop(head, int(taken))
		c.dirty = true
	}
	c.tidy(e)
	return taken
}

// doListPop is LPOP and RPOP.
func doListPop(c *call) error {
	n := int64(1)
	if len(c.args) > 2 {
		var err error
		if n, err = c.number(2); err != nil || n < 0 {
			return ErrNotNumber
		}
	}
	e, err := c.typed(c.args[1], kindList)
	if err != nil || e == nil {
		return err
	}
	c.take(e, c.is(0, "lpop"), n)
	return nil
}

// firstWith gives the first of several keys that is there.
func (c *call) firstWith(keys []string, kind keyKind) (*keyEntry, error) {
	for _, key := range keys {
		if e, err := c.typed(key, kind); err != nil || e != nil {
			return e, err
		}
	}
	return nil, nil
}

// doBlockingPop is BLPOP and BRPOP; they become LPOP and RPOP of the key that
// had something.
func doBlockingPop(c *call) error {
	last := len(c.args) - 1
	ms, err := c.timeout(last)
	if err != nil {
		return err
	}
	e, err := c.firstWith(c.args[1:last], kindList)
	if err != nil {
		return err
	}
	if e == nil {
		return c.wait(kindList, c.args[1:last], ms)
	}
	head := c.is(0, "blpop")
	c.rewrite(listPopWord(head), e.name)
	c.take(e, head, 1)
	return nil
}

func listPopWord(head bool) string {
	if head {
		return "LPOP"
	}
	return "RPOP"
}

// mpopTimeout reads what BLMPOP and BZMPOP have in front of their keys; at is
// where these begin.
func (c *call) mpopTimeout() (at int, ms int64, err error) {
	if !c.is(0, "blmpop") && !c.is(0, "bzmpop") {
		return 1, 0, nil
	}
	ms, err = c.timeout(1)
	return 2, ms, err
}

// doListMPop is LMPOP and BLMPOP; they become a pop with a count.
func doListMPop(c *call) error {
	at, ms, err := c.mpopTimeout()
	if err != nil {
		return err
	}
	keys, next, err := c.keyList(at)
	if err != nil {
		return err
	}
	head := c.is(next, "left")
	if !head && !c.is(next, "right") {
		return ErrSyntax
	}
	n, err := c.counted(next + 1)
	if err != nil || n < 1 {
		return ErrSyntax
	}
	e, err := c.firstWith(keys, kindList)
	if err != nil {
		return err
	}
	if e == nil {
		if at == 1 {
			return nil
		}
		return c.wait(kindList, keys, ms)
	}
	name := e.name
	c.rewrite(listPopWord(head), name, itoa(c.take(e, head, n)))
	return nil
}

// doMove is RPOPLPUSH, BRPOPLPUSH, LMOVE and BLMOVE.
func doMove(c *call) error {
	blocking, words := c.args[0][0]|0x20 == 'b', c.is(0, "lmove") || c.is(0, "blmove")
	fromHead, toHead := false, true
	if words {
		fromHead, toHead = c.is(3, "left"), c.is(4, "left")
		if !fromHead && !c.is(3, "right") || !toHead && !c.is(4, "right") {
			return ErrSyntax
		}
	}
	ms := int64(0)
	if blocking {
		var err error
		if ms, err = c.timeout(len(c.args) - 1); err != nil {
			return err
		}
	}
	from, err := c.typed(c.args[1], kindList)
	if err != nil {
		return err
	}
	if from == nil {
		if !blocking {
			return nil
		}
		return c.wait(kindList, c.args[1:2], ms)
	}
	to, err := c.typedOrNew(c.args[2], kindList)
	if err != nil {
		return err
	}
	value := from.pop(fromHead, 1)
	to.push(toHead, value)
	c.tidy(from)
	c.dirty = true
	if blocking {
		c.rewriteMove(words, value)
	}
	return nil
}

// rewriteMove writes a move that could have waited. One that did was, up to
// 7.0, written by the server that served it, in its own words (t_list.c:
// serveClientBlockedOnList).
func (c *call) rewriteMove(words bool, value string) {
	rules, from, to := c.s.rules, c.args[1], c.args[2]
	switch {
	case words && c.served && !rules.ServesAgain:
		c.rewrite("LMOVE", from, to, strings.ToLower(c.args[3]), strings.ToLower(c.args[4]))
	case words:
		c.rewrite("LMOVE", from, to, c.args[3], c.args[4])
	case c.served && rules.SplitMove:
		c.prevent = true
		c.also = []streamOp{{c.db, []string{"RPOP", from}}, {c.db, []string{"LPUSH", to, value}}}
	case !c.served && rules.GivenMove:
	default:
		c.rewrite("RPOPLPUSH", from, to)
	}
}

func doListInsert(c *call) error {
	e, err := c.typed(c.args[1], kindList)
	if err != nil || e == nil {
		return err
	}
	at := slices.IndexFunc(e.items, func(i keyItem) bool { return i.name == c.args[3] })
	if at < 0 {
		return nil
	}
	if c.is(2, "after") {
		at++
	} else if !c.is(2, "before") {
		return ErrSyntax
	}
	e.items = slices.Insert(e.items, at, keyItem{name: c.args[4]})
	c.dirty = true
	return nil
}

func doListSet(c *call) error {
	e, err := c.typed(c.args[1], kindList)
	if err != nil {
		return err
	}
	if e == nil {
		return ErrNoKey
	}
	i, err := c.number(2)
	if err != nil {
		return err
	}
	if i < 0 {
		i += int64(len(e.items))
	}
	if i < 0 || i >= int64(len(e.items)) {
		return Refused("ERR index out of range")
	}
	e.items[i].name = c.args[3]
	c.dirty = true
	return nil
}

func doListRemove(c *call) error {
	n, err := c.number(2)
	if err != nil {
		return err
	}
	e, err := c.typed(c.args[1], kindList)
	if err != nil || e == nil {
		return err
	}
	left, backwards := n, n < 0
	if backwards {
		left = -n
		slices.Reverse(e.items)
	}
	e.items = slices.DeleteFunc(e.items, func(i keyItem) bool {
		if i.name != c.args[3] || n != 0 && left == 0 {
			return false
		}
		left--
		c.dirty = true
		return true
	})
	if backwards {
		slices.Reverse(e.items)
	}
	c.tidy(e)
	return nil
}

func doListTrim(c *call) error {
	e, err := c.typed(c.args[1], kindList)
	if err != nil || e == nil {
		return err
	}
	from, to, err := c.span(2, len(e.items))
	if err != nil {
		return err
	}
	c.dirty = to-from < len(e.items) || !c.s.rules.SkipSameTrim
	e.items = slices.Clone(e.items[from:to])
	c.tidy(e)
	return nil
}

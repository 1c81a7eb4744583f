package model

import (
	"slices"
	"strconv"
	"strings"
)

// call is one command being run. Its handler changes the data and says what of
// it is written: args as the handler leaves them if dirty or force, then also.
type call struct {
	s    *Streamer
	now  int64 // Unix ms
	db   int
	args []string

	dirty   bool // something changed
	force   bool // written even if nothing changed
	prevent bool // args are not written
	also    []streamOp
	served  bool // the client had been blocked and now gets data
	getAck  bool // a WAIT asks replicas where they are
	movedTo bool // SELECT
	newDB   int
}

func itoa(v int64) string { return strconv.FormatInt(v, 10) }

func (c *call) keys() *keyDB { return c.s.database(c.db) }

// look finds a key. One whose time is over is deleted, and that is written
// (db.c: expireIfNeeded).
func (c *call) look(name string) *keyEntry { return c.lookIn(c.db, name) }

func (c *call) lookIn(db int, name string) *keyEntry {
	keys := c.s.database(db)
	e := keys.get(name)
	if e == nil || e.expireAt == 0 || c.now <= e.expireAt {
		return e
	}
	keys.remove(name)
	c.s.propagateExpiry(db, name)
	return nil
}

// typed finds a key that must be of a kind if it is there.
func (c *call) typed(name string, kind keyKind) (*keyEntry, error) {
	e := c.look(name)
	if e != nil && e.kind != kind {
		return nil, ErrWrongType
	}
	return e, nil
}

// typedOrNew is typed, or an empty key where there is none.
func (c *call) typedOrNew(name string, kind keyKind) (*keyEntry, error) {
	e, err := c.typed(name, kind)
	if err == nil && e == nil {
		e = &keyEntry{name: name, kind: kind}
		c.keys().set(e)
	}
	return e, err
}

// tidy removes a key that has no elements left.
func (c *call) tidy(e *keyEntry) {
	if len(e.items) == 0 {
		c.keys().remove(e.name)
	}
}

// rewrite replaces what will be written. The client's own slice stays as it is.
func (c *call) rewrite(args ...string) { c.args = args }

// rewriteAt replaces one argument, or adds one behind the last.
func (c *call) rewriteAt(i int, arg string) {
	c.args = slices.Clone(c.args)
	if i == len(c.args) {
		c.args = append(c.args, arg)
		return
	}
	c.args[i] = arg
}

// is compares an argument with an option's word.
func (c *call) is(i int, word string) bool {
	return i < len(c.args) && strings.EqualFold(c.args[i], word)
}

// number reads an argument as a whole number.
func (c *call) number(i int) (int64, error) {
	if i >= len(c.args) {
		return 0, ErrSyntax
	}
	v, ok := ParseInt([]byte(c.args[i]))
	if !ok {
		return 0, ErrNotNumber
	}
	return v, nil
}

// keyList reads "numkeys key ..." beginning at an argument; next is the
// argument behind it.
func (c *call) keyList(i int) (keys []string, next int, err error) {
	n, err := c.number(i)
	if err != nil {
		return nil, 0, err
	}
	if n < 1 || n > int64(len(c.args)-i-1) {
		return nil, 0, ErrSyntax
	}
	next = i + 1 + int(n)
	return c.args[i+1 : next], next, nil
}

// counted reads "[COUNT n]" at an argument, 1 by default.
func (c *call) counted(i int) (int64, error) {
	switch {
	case i == len(c.args):
		return 1, nil
	case i+2 == len(c.args) && c.is(i, "count"):
		return c.number(i + 1)
	}
	return 0, ErrSyntax
}

// span turns the two indexes of a range, negative ones counting from the end,
// into [from, to) of n elements.
func (c *call) span(i, n int) (from, to int, err error) {
	first, err := c.number(i)
	if err != nil {
		return 0, 0, err
	}
	last, err := c.number(i + 1)
	if err != nil {
		return 0, 0, err
	}
	size := int64(n)
	if first < 0 {
		first = max(0, first+size)
	}
	if last < 0 {
		last += size
	}
	last = min(last, size-1)
	if first > last {
		return 0, 0, nil
	}
	return int(first), int(last) + 1, nil
}

// waiter is a client blocked until one of its keys has data of a kind.
type waiter struct {
	db       int
	args     []string
	keys     []string
	kind     keyKind
	deadline int64 // Unix ms, 0 for never
}

// timeout reads how long a client would wait, in ms. Fractions of seconds came
// with 6.0.
func (c *call) timeout(i int) (ms int64, err error) {
	seconds, ok := parseDecimal(c.args[i])
	if !ok || seconds.negative || len(seconds.whole) > 9 || seconds.fraction != "" && !c.s.rules.has(HasGetEx) {
		return 0, Refused("ERR timeout is not a number or out of range")
	}
	return strconv.ParseInt(seconds.whole+(seconds.fraction + "000")[:3], 10, 64)
}

// wait blocks the client, unless it may not block: then it gets nothing.
func (c *call) wait(kind keyKind, keys []string, ms int64) error {
	if c.s.inMulti || c.s.inScript || c.s.silent {
		return nil
	}
	w := waiter{db: c.db, args: c.args, keys: keys, kind: kind}
	if ms > 0 {
		w.deadline = c.now + ms
	}
	c.s.waiting = append(c.s.waiting, w)
	return nil
}

func (s *Streamer) forgetWaiters(now int64) {
	s.waiting = slices.DeleteFunc(s.waiting, func(w waiter) bool { return w.deadline != 0 && w.deadline <= now })
}

// serveWaiters gives data that came to clients that wait for it, the longest
// waiting first, each as a unit of its own (blocked.c:
// handleClientsBlockedOnKeys).
func (s *Streamer) serveWaiters(now int64) {
	for i := 0; i < len(s.waiting); i++ {
		w := s.waiting[i]
		if !slices.ContainsFunc(w.keys, func(k string) bool {
			e := s.database(w.db).get(k)
			return e != nil && e.kind == w.kind
		}) {
			continue
		}
		s.waiting = slices.Delete(s.waiting, i, i+1)
		c := &call{s: s, now: now, db: w.db, args: w.args, served: true}
		_ = s.run(c) // an error is the answer to that client, and changes nothing
		s.endUnit()
		i = -1 // what was moved may serve one that waits longer
	}
}

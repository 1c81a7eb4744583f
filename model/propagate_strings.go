package model

import (
	"slices"
	"strings"
)

// setOptions are what SET and GETEX take behind key and value.
type setOptions struct {
	nx, xx, get, keep, persist bool
	unit                       string // "EX", "PX", "EXAT", "PXAT", or "" without a time
	ms                         int64  // the time given, in milliseconds
	when                       int64  // when it is over, Unix ms
}

// readTime reads the amount of a unit at an argument.
func (o *setOptions) readTime(c *call, unit string, i int) error {
	v, err := c.number(i)
	if err != nil {
		return err
	}
	if v <= 0 {
		return Refused("ERR invalid expire time in " + c.args[0])
	}
	o.unit, o.ms = unit, v
	if unit == "EX" || unit == "EXAT" {
		o.ms = v * 1000
	}
	o.when = o.ms
	if unit == "EX" || unit == "PX" {
		o.when += c.now
	}
	return nil
}

// setOptions reads the options from an argument on (t_string.c:
// parseExtendedStringArgumentsOrReply).
func (c *call) setOptions(from int) (o setOptions, err error) {
	modern := c.s.rules.has(HasGetEx)
	for i := from; i < len(c.args); i++ {
		word := strings.ToUpper(c.args[i])
		switch {
		case word == "NX":
			o.nx = true
		case word == "XX":
			o.xx = true
		case word == "GET" && modern:
			o.get = true
		case word == "KEEPTTL" && modern:
			o.keep = true
		case word == "PERSIST" && modern:
			o.persist = true
		case word == "EX" || word == "PX" || modern && (word == "EXAT" || word == "PXAT"):
			if err := o.readTime(c, word, i+1); err != nil {
				return o, err
			}
			i++
		default:
			return o, ErrSyntax
		}
	}
	return o, nil
}

// setTo stores a string, with the expiry given.
func (c *call) setTo(key, text string, when int64) {
	c.keys().set(&keyEntry{name: key, kind: kindString, text: text, expireAt: when})
	c.dirty = true
}

// rewriteSet writes a SET that has a time as the version does (t_string.c:
// setGenericCommand).
func (c *call) rewriteSet(key, text string, o setOptions) {
	switch {
	case o.unit == "" || c.s.rules.TTL == TTLAsGiven:
	case c.s.rules.TTL == TTLMillis && (o.unit == "EX" || o.unit == "PX"):
		c.rewrite("SET", key, text, "PX", itoa(o.ms))
	case c.s.rules.TTL == TTLMillis || o.unit != "PXAT":
		c.rewrite("SET", key, text, "PXAT", itoa(o.when))
	}
}

func doSet(c *call) error {
	o, err := c.setOptions(3)
	if err != nil {
		return err
	}
	key, text := c.args[1], c.args[2]
	e := c.look(key)
	if o.get && e != nil && e.kind != kindString {
		return ErrWrongType
	}
	if o.nx && e != nil || o.xx && e == nil {
		return nil
	}
	when := o.when
	if o.keep && e != nil {
		when = e.expireAt
	}
	c.setTo(key, text, when)
	c.rewriteSet(key, text, o)
	if o.get && o.unit == "" {
		rest := slices.DeleteFunc(slices.Clone(c.args[3:]), func(a string) bool { return strings.EqualFold(a, "get") })
		c.rewrite(append(slices.Clone(c.args[:3]), rest...)...)
	}
	return nil
}

// doSetEx is SETEX and PSETEX.
func doSetEx(c *call) error {
	unit := "EX"
	if c.is(0, "psetex") {
		unit = "PX"
	}
	var o setOptions
	if err := o.readTime(c, unit, 2); err != nil {
		return err
	}
	key, text := c.args[1], c.args[3]
	c.look(key)
	c.setTo(key, text, o.when)
	c.rewriteSet(key, text, o)
	return nil
}

func doSetNX(c *call) error {
	if c.look(c.args[1]) == nil {
		c.setTo(c.args[1], c.args[2], 0)
	}
	return nil
}

// doMSet is MSET and MSETNX.
func doMSet(c *call) error {
	if len(c.args)%2 == 0 {
		return ErrSyntax
	}
	taken := false
	for i := 1; i < len(c.args); i += 2 {
		taken = c.look(c.args[i]) != nil || taken
	}
	if taken && c.is(0, "msetnx") {
		return nil
	}
	for i := 1; i < len(c.args); i += 2 {
		c.setTo(c.args[i], c.args[i+1], 0)
	}
	return nil
}

func doGetSet(c *call) error {
	if _, err := c.typed(c.args[1], kindString); err != nil {
		return err
	}
	c.setTo(c.args[1], c.args[2], 0)
	if c.s.rules.SetForGetSet {
		c.rewriteAt(0, "SET")
	}
	return nil
}

func doGetDel(c *call) error {
	e, err := c.typed(c.args[1], kindString)
	if err != nil || e == nil {
		return err
	}
	c.keys().remove(e.name)
	c.rewrite("DEL", e.name)
	c.dirty = true
	return nil
}

// doGetEx is never written as it is (t_string.c: getexCommand).
func doGetEx(c *call) error {
	o, err := c.setOptions(2)
	if err != nil {
		return err
	}
	e, err := c.typed(c.args[1], kindString)
	if err != nil || e == nil {
		return err
	}
	absolute := o.unit == "EXAT" || o.unit == "PXAT"
	switch {
	case absolute && o.when <= c.now:
		c.deletePast(e.name)
		return nil
	case o.unit != "" && c.s.rules.TTL == TTLMillis && !absolute:
		c.rewrite("PEXPIRE", e.name, itoa(o.ms))
	case o.unit != "":
		c.rewrite("PEXPIREAT", e.name, itoa(o.when))
	case o.persist && e.expireAt != 0:
		c.rewrite("PERSIST", e.name)
	default:
		return nil
	}
	e.expireAt = o.when
	c.dirty = true
	return nil
}

func doAppend(c *call) error {
	e, err := c.typedOrNew(c.args[1], kindString)
	if err != nil {
		return err
	}
	e.text += c.args[2]
	c.dirty = true
	return nil
}

func doSetRange(c *call) error {
	offset, err := c.number(2)
	if err != nil {
		return err
	}
	if offset < 0 || offset+int64(len(c.args[3])) > MaxBulk {
		return Refused("ERR offset is out of range")
	}
	e, err := c.typed(c.args[1], kindString)
	if err != nil || c.args[3] == "" {
		return err
	}
	if e == nil {
		e, _ = c.typedOrNew(c.args[1], kindString)
	}
	text := []byte(e.text)
	for len(text) < int(offset)+len(c.args[3]) {
		text = append(text, 0)
	}
	copy(text[offset:], c.args[3])
	e.text = string(text)
	c.dirty = true
	return nil
}

// doIncr is INCR, DECR, INCRBY and DECRBY.
func doIncr(c *call) error {
	by := int64(1)
	if len(c.args) > 2 {
		var err error
		if by, err = c.number(2); err != nil {
			return err
		}
	}
	if c.is(0, "decr") || c.is(0, "decrby") {
		by = -by
	}
	e, err := c.typed(c.args[1], kindString)
	if err != nil {
		return err
	}
	sum, err := increased(e != nil, textOf(e), by)
	if err != nil {
		return err
	}
	if e == nil {
		e, _ = c.typedOrNew(c.args[1], kindString)
	}
	e.text = sum
	c.dirty = true
	return nil
}

func textOf(e *keyEntry) string {
	if e == nil {
		return ""
	}
	return e.text
}

// increased adds to a whole number in text; what is not there counts as 0. (2.8
// also takes text with NUL bytes behind the digits, which is not modelled.)
func increased(there bool, text string, by int64) (string, error) {
	var v int64
	if there {
		var ok bool
		if v, ok = ParseInt([]byte(text)); !ok {
			return "", ErrNotNumber
		}
	}
	sum := v + by
	if (sum > v) != (by > 0) && by != 0 {
		return "", Refused("ERR increment or decrement would overflow")
	}
	return itoa(sum), nil
}

// increasedDecimal is increased for numbers with a point.
func increasedDecimal(there bool, text, by string) (string, error) {
	if !there {
		text = "0"
	}
	v, ok := parseDecimal(text)
	if !ok {
		return "", notDecimal(text)
	}
	b, ok := parseDecimal(by)
	if !ok {
		return "", notDecimal(by)
	}
	return v.plus(b).String(), nil
}

// doIncrDecimal is INCRBYFLOAT: replicas are told the sum, so that theirs
// cannot differ (t_string.c: incrbyfloatCommand).
func doIncrDecimal(c *call) error {
	e, err := c.typed(c.args[1], kindString)
	if err != nil {
		return err
	}
	sum, err := increasedDecimal(e != nil, textOf(e), c.args[2])
	if err != nil {
		return err
	}
	if e == nil {
		e, _ = c.typedOrNew(c.args[1], kindString)
	}
	e.text = sum
	c.rewrite("SET", e.name, sum)
	if c.s.rules.KeepTTLWord {
		c.rewrite("SET", e.name, sum, "KEEPTTL")
	}
	c.dirty = true
	return nil
}

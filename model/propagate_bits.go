package model

import "strings"

// doSetBit sets one bit of a string, grown as needed.
func doSetBit(c *call) error {
	at, err := c.number(2)
	if err != nil {
		return err
	}
	on, err := c.number(3)
	if err != nil || at < 0 || at >= 8*MaxBulk || on < 0 || on > 1 {
		return Refused("ERR bit is not an integer or out of range")
	}
	e, err := c.typed(c.args[1], kindString)
	if err != nil {
		return err
	}
	changed := c.grow(&e, c.args[1], at+1)
	if storeBits(e, at, 1, uint64(on)) || changed || !c.s.rules.SkipSameBits {
		c.dirty = true
	}
	return nil
}

// grow makes a string hold so many bits, and exist.
func (c *call) grow(e **keyEntry, key string, bits int64) (grown bool) {
	if *e == nil {
		*e, _ = c.typedOrNew(key, kindString)
		grown = true
	}
	if short := int((bits+7)/8) - len((*e).text); short > 0 {
		(*e).text += strings.Repeat("\x00", short)
		grown = true
	}
	return grown
}

func loadBits(e *keyEntry, at, width int64) (v uint64) {
	for i := at; i < at+width; i++ {
		v = v<<1 | uint64(e.text[i/8]>>(7-i%8)&1)
	}
	return v
}

// storeBits writes width bits at a place that exists; changed tells whether
// they were others.
func storeBits(e *keyEntry, at, width int64, v uint64) (changed bool) {
	if loadBits(e, at, width) == v {
		return false
	}
	text := []byte(e.text)
	for i := at; i < at+width; i++ {
		mask := byte(1) << (7 - i%8)
		text[i/8] &^= mask
		if v>>(at+width-1-i)&1 == 1 {
			text[i/8] |= mask
		}
	}
	e.text = string(text)
	return true
}

// doBitField runs GET, SET and INCRBY with numbers that wrap around. It is
// written if one of them wrote (bitops.c: bitfieldGeneric).
func doBitField(c *call) error {
	e, err := c.typed(c.args[1], kindString)
	if err != nil {
		return err
	}
	for i := 2; i < len(c.args); i += 3 {
		if c.is(i, "overflow") && c.is(i+1, "wrap") {
			i--
			continue
		}
		if i+2 >= len(c.args) {
			return ErrSyntax
		}
		width, at, err := c.bitPlace(i + 1)
		if err != nil {
			return err
		}
		if c.is(i, "get") {
			continue
		}
		if !c.is(i, "set") && !c.is(i, "incrby") {
			return NotModelled("BITFIELD " + c.args[i])
		}
		v, err := c.number(i + 3)
		if err != nil {
			return err
		}
		grown := c.grow(&e, c.args[1], at+width)
		if c.is(i, "incrby") {
			v += int64(loadBits(e, at, width))
		}
		if storeBits(e, at, width, uint64(v)<<(64-width)>>(64-width)) || grown || !c.s.rules.SkipSameBits {
			c.dirty = true
		}
		i++
	}
	return nil
}

// bitPlace reads a type and an offset: "u8", "#2".
func (c *call) bitPlace(i int) (width, at int64, err error) {
	kind, place := strings.ToLower(c.args[i]), c.args[i+1]
	if kind == "" || kind[0] != 'u' && kind[0] != 'i' {
		return 0, 0, ErrSyntax
	}
	width, ok := ParseInt([]byte(kind[1:]))
	if !ok || width < 1 || width > 64 {
		return 0, 0, ErrSyntax
	}
	times := int64(1)
	if strings.HasPrefix(place, "#") {
		times, place = width, place[1:]
	}
	at, ok = ParseInt([]byte(place))
	if !ok || at < 0 || at > 4*MaxBulk/times {
		return 0, 0, Refused("ERR bit offset is not an integer or out of range")
	}
	return width, at * times, nil
}

// doCountAdd is PFADD. A HyperLogLog is kept as the elements it was given: one
// that is new is taken to change a register, which is all but certain for few
// and grows rarer for many.
func doCountAdd(c *call) error {
	e, err := c.counter(c.args[1])
	if err != nil {
		return err
	}
	if e == nil {
		e = &keyEntry{name: c.args[1], hll: true}
		c.keys().set(e)
		c.dirty = true
	}
	for _, element := range c.args[2:] {
		if e.put(keyItem{name: element}) {
			c.dirty, e.counted = true, false
		}
	}
	return nil
}

func (c *call) counter(key string) (*keyEntry, error) {
	e, err := c.typed(key, kindString)
	if err == nil && e != nil && !e.hll {
		err = ErrWrongType
	}
	return e, err
}

// doCount is PFCOUNT: of one key, it stores the count it makes, and that is
// written (hyperloglog.c: pfcountCommand).
func doCount(c *call) error {
	for _, key := range c.args[1:] {
		e, err := c.counter(key)
		if err != nil {
			return err
		}
		if e != nil && !e.counted && len(c.args) == 2 {
			e.counted, c.dirty = true, true
		}
	}
	return nil
}

func doCountMerge(c *call) error {
	union := &keyEntry{name: c.args[1], hll: true}
	for _, key := range c.args[1:] {
		e, err := c.counter(key)
		if err != nil {
			return err
		}
		if e != nil {
			for _, item := range e.items {
				union.put(item)
			}
		}
	}
	c.keys().set(union)
	c.dirty = true
	return nil
}

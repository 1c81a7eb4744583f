package model

import (
	"math/bits"
	"slices"
	"strings"
)

// zAddOptions are what ZADD takes in front of its scores.
type zAddOptions struct {
	nx, xx, gt, lt, incr bool
	at                   int // first score
}

func (c *call) zAddOptions() (o zAddOptions) {
	o.at = 2
	if !c.s.rules.has(HasWait) {
		return o
	}
	modern := c.s.rules.has(HasGetEx)
	for ; o.at < len(c.args); o.at++ {
		switch word := strings.ToUpper(c.args[o.at]); {
		case word == "NX":
			o.nx = true
		case word == "XX":
			o.xx = true
		case word == "GT" && modern:
			o.gt = true
		case word == "LT" && modern:
			o.lt = true
		case word == "INCR":
			o.incr = true
		case word == "CH":
		default:
			return o
		}
	}
	return o
}

func doZAdd(c *call) error {
	o := c.zAddOptions()
	if (len(c.args)-o.at)%2 != 0 || o.at == len(c.args) {
		return ErrSyntax
	}
	return c.zAdd(o)
}

// zAdd sets or raises scores. It is written if one was added or changed
// (t_zset.c: zaddGenericCommand).
func (c *call) zAdd(o zAddOptions) error {
	var scores []decimal
	for i := o.at; i < len(c.args); i += 2 {
		score, ok := parseDecimal(c.args[i])
		if !ok {
			return notDecimal(c.args[i])
		}
		scores = append(scores, score)
	}
	e, err := c.typed(c.args[1], kindZSet)
	if err != nil || e == nil && o.xx {
		return err
	}
	if e == nil {
		e, _ = c.typedOrNew(c.args[1], kindZSet)
	}
	for i, score := range scores {
		c.dirty = e.score(o, c.args[o.at+2*i+1], score) || c.dirty
	}
	c.tidy(e)
	return nil
}

// score gives one member its score; changed is false when it keeps its own.
func (e *keyEntry) score(o zAddOptions, member string, score decimal) (changed bool) {
	at, there := e.find(member)
	if there && o.nx || !there && o.xx {
		return false
	}
	if there {
		old, _ := parseDecimal(e.items[at].value)
		if o.incr {
			score = old.plus(score)
		}
		order := score.compare(old)
		if order == 0 || o.gt && order < 0 || o.lt && order > 0 {
			return false
		}
	}
	e.put(keyItem{name: member, value: score.String()})
	return true
}

// doZIncr is ZINCRBY key increment member.
func doZIncr(c *call) error {
	return c.zAdd(zAddOptions{incr: true, at: 2})
}

func doZRemove(c *call) error {
	return c.dropItems(kindZSet)
}

// byScore gives the members of a sorted set in their order.
func (e *keyEntry) byScore() []keyItem {
	items := slices.Clone(e.items)
	slices.SortFunc(items, func(a, b keyItem) int {
		x, _ := parseDecimal(a.value)
		y, _ := parseDecimal(b.value)
		if order := x.compare(y); order != 0 {
			return order
		}
		return strings.Compare(a.name, b.name)
	})
	return items
}

// zTake pops at most so many members and gives how many there were to pop.
func (c *call) zTake(e *keyEntry, highest bool, n int64) (taken int64) {
	items := e.byScore()
	if highest {
		slices.Reverse(items)
	}
	taken = min(n, int64(len(items)))
	for _, item := range items[:taken] {
		e.drop(item.name)
		c.dirty = true
	}
	c.tidy(e)
	return taken
}

// doZPop is ZPOPMIN and ZPOPMAX.
func doZPop(c *call) error {
	n := int64(1)
	if len(c.args) > 2 {
		var err error
		if n, err = c.number(2); err != nil || n < 0 {
			return ErrNotNumber
		}
	}
	e, err := c.typed(c.args[1], kindZSet)
	if err != nil || e == nil {
		return err
	}
	c.zTake(e, c.is(0, "zpopmax"), n)
	return nil
}

func zPopWord(highest bool) string {
	if highest {
		return "ZPOPMAX"
	}
	return "ZPOPMIN"
}

// doBlockingZPop is BZPOPMIN and BZPOPMAX. Up to 6.2 one that waited is
// written in lower case (blocked.c: serveClientsBlockedOnSortedSetKey).
func doBlockingZPop(c *call) error {
	last := len(c.args) - 1
	ms, err := c.timeout(last)
	if err != nil {
		return err
	}
	e, err := c.firstWith(c.args[1:last], kindZSet)
	if err != nil {
		return err
	}
	if e == nil {
		return c.wait(kindZSet, c.args[1:last], ms)
	}
	highest := c.is(0, "bzpopmax")
	word := zPopWord(highest)
	if c.served && c.s.rules.LowerZPop {
		word = strings.ToLower(word)
	}
	c.rewrite(word, e.name)
	c.zTake(e, highest, 1)
	return nil
}

// doZMPop is ZMPOP and BZMPOP; they become a pop with a count.
func doZMPop(c *call) error {
	at, ms, err := c.mpopTimeout()
	if err != nil {
		return err
	}
	keys, next, err := c.keyList(at)
	if err != nil {
		return err
	}
	highest := c.is(next, "max")
	if !highest && !c.is(next, "min") {
		return ErrSyntax
	}
	n, err := c.counted(next + 1)
	if err != nil || n < 1 {
		return ErrSyntax
	}
	e, err := c.firstWith(keys, kindZSet)
	if err != nil {
		return err
	}
	if e == nil {
		if at == 1 {
			return nil
		}
		return c.wait(kindZSet, keys, ms)
	}
	name := e.name
	c.rewrite(zPopWord(highest), name, itoa(c.zTake(e, highest, n)))
	return nil
}

// doZRangeStore stores a range given by ranks.
func doZRangeStore(c *call) error {
	if len(c.args) > 5 {
		return NotModelled("ZRANGESTORE " + c.args[5])
	}
	result := &keyEntry{name: c.args[1], kind: kindZSet}
	e, err := c.typed(c.args[2], kindZSet)
	if err != nil {
		return err
	}
	if e != nil {
		from, to, err := c.span(3, len(e.items))
		if err != nil {
			return err
		}
		for _, item := range e.byScore()[from:to] {
			result.put(item)
		}
	}
	c.store(result)
	return nil
}

// doGeoAdd is ZADD with places for scores, and is written as that (geo.c:
// geoaddCommand).
func doGeoAdd(c *call) error {
	at := 2
	for c.s.rules.has(HasGetEx) && (c.is(at, "nx") || c.is(at, "xx") || c.is(at, "ch")) {
		at++
	}
	if (len(c.args)-at)%3 != 0 || at == len(c.args) {
		return ErrSyntax
	}
	args := append([]string{"zadd"}, c.args[1:at]...)
	for i := at; i < len(c.args); i += 3 {
		score, ok := geoScore(c.args[i], c.args[i+1])
		if !ok {
			return Refused("ERR invalid longitude,latitude pair")
		}
		args = append(args, itoa(score), c.args[i+2])
	}
	c.rewrite(args...)
	return c.zAdd(c.zAddOptions())
}

// The bounds of a place in units of 1e-14 degrees: ±180 and ±85.05112878
// (geohash.h: GEO_LONG_MAX, GEO_LAT_MAX).
const (
	geoPlaces = 14
	geoLong   = 180_00000000000000
	geoLat    = 85_05112878000000
)

// geoScore interleaves longitude and latitude, 26 bits each, the first bit
// being the longitude's (geohash.c: geohashEncode). Redis divides doubles, this
// whole numbers: they differ at most in the last bit of places on an edge.
func geoScore(longitude, latitude string) (int64, bool) {
	x, okX := geoCell(longitude, geoLong)
	y, okY := geoCell(latitude, geoLat)
	if !okX || !okY {
		return 0, false
	}
	var score uint64
	for i := range 27 {
		score |= y>>i&1<<(2*i) | x>>i&1<<(2*i+1)
	}
	return int64(score), true
}

// geoCell cuts the range [-bound, bound] into 2^26 cells and gives the one a
// coordinate lies in.
func geoCell(degrees string, bound int64) (uint64, bool) {
	d, ok := parseDecimal(degrees)
	if !ok || len(d.whole) > 3 {
		return 0, false
	}
	places := (d.fraction + strings.Repeat("0", geoPlaces))[:geoPlaces]
	v, _ := ParseInt([]byte(strings.TrimLeft(d.whole+places, "0") + "0"))
	v /= 10 // the digit added keeps zero a number
	if d.negative {
		v = -v
	}
	if v < -bound || v > bound {
		return 0, false
	}
	high, low := bits.Mul64(uint64(v+bound), 1<<26)
	cell, _ := bits.Div64(high, low, uint64(2*bound))
	return cell, true
}

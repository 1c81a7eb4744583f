package model

import (
	"slices"
	"strconv"
	"strings"
)

// streamID is the place of an entry in a stream.
type streamID struct{ ms, seq uint64 }

// parseStreamID reads "ms-seq" or "ms", whose seq is then as given.
func parseStreamID(s string, seq uint64) (streamID, bool) {
	ms, rest, cut := strings.Cut(s, "-")
	id := streamID{seq: seq}
	var err error
	if id.ms, err = strconv.ParseUint(ms, 10, 64); err != nil {
		return id, false
	}
	if cut {
		id.seq, err = strconv.ParseUint(rest, 10, 64)
	}
	return id, err == nil
}

func (id streamID) String() string {
	return strconv.FormatUint(id.ms, 10) + "-" + strconv.FormatUint(id.seq, 10)
}

func (id streamID) compare(other streamID) int {
	switch {
	case id == other:
		return 0
	case id.ms < other.ms || id.ms == other.ms && id.seq < other.seq:
		return -1
	}
	return 1
}

// idOf reads an id that is kept; kept ids are whole.
func idOf(s string) streamID {
	id, _ := parseStreamID(s, 0)
	return id
}

// nextID makes the id of a new entry from what the client gave: "*", "ms-*",
// or an id, which must be above the last one.
func (e *keyEntry) nextID(given string, now int64) (streamID, error) {
	last := idOf(e.last)
	ms, star := strings.CutSuffix(given, "-*")
	id := streamID{ms: uint64(now)}
	switch {
	case given == "*":
		id.ms = max(id.ms, last.ms)
		star = true
	default:
		var ok bool
		if id, ok = parseStreamID(ms, 0); !ok {
			return id, Refused("ERR Invalid stream ID specified as stream command argument")
		}
	}
	if star && id.ms == last.ms && e.last != "" {
		id.seq = last.seq + 1
	}
	if id.compare(last) <= 0 {
		return id, Refused("ERR The ID specified in XADD is equal or smaller than the target stream top item")
	}
	return id, nil
}

// streamTrim is the part of XADD and XTRIM that shortens a stream.
type streamTrim struct {
	at     int // argument of the threshold, 0 without one
	about  bool
	below  streamID // MINID
	maxLen int64    // MAXLEN, else -1
}

// streamNode is the most entries of one node: "~" removes whole nodes only
// (stream-node-max-entries; entries above 4096 bytes fill one sooner, which is
// not modelled).
const streamNode = 100

// readTrim reads "MAXLEN|MINID [=|~] threshold" at an argument.
func (c *call) readTrim(i int) (t streamTrim, err error) {
	t.maxLen = -1
	byLength := c.is(i, "maxlen")
	t.at = i + 1
	if c.is(t.at, "~") || c.is(t.at, "=") {
		t.about = c.is(t.at, "~")
		t.at++
	}
	if t.at >= len(c.args) {
		return t, ErrSyntax
	}
	if c.is(t.at+1, "limit") {
		return t, NotModelled(c.args[0] + " LIMIT")
	}
	if byLength {
		t.maxLen, err = c.number(t.at)
		if err == nil && t.maxLen < 0 {
			err = Refused("ERR The MAXLEN argument must be >= 0.")
		}
		return t, err
	}
	below, ok := parseStreamID(c.args[t.at], 0)
	if !ok {
		err = ErrSyntax
	}
	t.below = below
	return t, err
}

// trim removes the oldest entries; it gives how many.
func (t streamTrim) trim(e *keyEntry) int {
	n := 0
	if t.maxLen >= 0 {
		n = max(0, len(e.items)-int(min(t.maxLen, MaxArgs)))
	} else {
		for n < len(e.items) && idOf(e.items[n].name).compare(t.below) < 0 {
			n++
		}
	}
	if t.about {
		n -= n % streamNode
	}
	e.items = slices.Clone(e.items[n:])
	return n
}

// rewriteTrim makes "~" exact, so that replicas need not cut their nodes at
// the same places (t_stream.c: streamRewriteApproxSpecifier).
func (c *call) rewriteTrim(t streamTrim, e *keyEntry) {
	if t.at == 0 || !t.about {
		return
	}
	c.rewriteAt(t.at-1, "=")
	switch {
	case t.maxLen >= 0:
		c.rewriteAt(t.at, itoa(int64(len(e.items))))
	case len(e.items) > 0:
		c.rewriteAt(t.at, e.items[0].name)
	default:
		c.rewriteAt(t.at, e.last)
	}
}

// doStreamAdd is XADD; the id that the clock gave is written in full.
func doStreamAdd(c *call) error {
	i, create := 2, true
	var t streamTrim
	for ; ; i++ {
		var err error
		switch {
		case c.is(i, "nomkstream") && c.s.rules.has(HasGetEx):
			create = false
			continue
		case c.is(i, "maxlen") || c.is(i, "minid") && c.s.rules.has(HasGetEx):
			t, err = c.readTrim(i)
			i = t.at
		default:
			return c.addEntry(i, create, t)
		}
		if err != nil {
			return err
		}
	}
}

// addEntry adds an entry whose id is given by an argument.
func (c *call) addEntry(at int, create bool, t streamTrim) error {
	if fields := len(c.args) - at - 1; fields < 2 || fields%2 != 0 {
		return ErrSyntax
	}
	if strings.HasSuffix(c.args[at], "-*") && !c.s.rules.has(HasFunctions) {
		return ErrSyntax
	}
	e, err := c.typed(c.args[1], kindStream)
	if err != nil || e == nil && !create {
		return err
	}
	fresh := e == nil
	if fresh {
		e = &keyEntry{name: c.args[1], kind: kindStream}
	}
	id, err := e.nextID(c.args[at], c.now)
	if err != nil {
		return err
	}
	if fresh {
		c.keys().set(e)
	}
	e.added++
	e.last = id.String()
	e.items = append(e.items, keyItem{name: e.last, at: e.added})
	if t.at > 0 {
		t.trim(e)
		c.rewriteTrim(t, e)
	}
	_, whole := parseStreamID(c.args[at], 0)
	if !whole || c.s.rules.WritesIDs {
		c.rewriteAt(at, e.last)
	}
	c.dirty = true
	return nil
}

func doStreamTrim(c *call) error {
	if !c.is(2, "maxlen") && !(c.is(2, "minid") && c.s.rules.has(HasGetEx)) {
		return ErrSyntax
	}
	t, err := c.readTrim(2)
	if err != nil {
		return err
	}
	e, err := c.typed(c.args[1], kindStream)
	if err != nil || e == nil {
		return err
	}
	if t.trim(e) > 0 {
		c.dirty = true
		c.rewriteTrim(t, e)
	}
	return nil
}

func doStreamDelete(c *call) error {
	e, err := c.typed(c.args[1], kindStream)
	if err != nil || e == nil {
		return err
	}
	for _, given := range c.args[2:] {
		id, ok := parseStreamID(given, 0)
		if !ok {
			return ErrSyntax
		}
		n := len(e.items)
		e.items = slices.DeleteFunc(e.items, func(i keyItem) bool { return idOf(i.name) == id })
		c.dirty = c.dirty || len(e.items) < n
	}
	return nil
}

// group finds a consumer group of a stream.
func (e *keyEntry) group(name string) (int, bool) {
	if e == nil {
		return 0, false
	}
	return slices.BinarySearchFunc(e.groups, name, func(g keyGroup, n string) int { return strings.Compare(g.name, n) })
}

// doStreamGroup is XGROUP CREATE, SETID and DESTROY.
func doStreamGroup(c *call) error {
	key, name := c.args[2], c.args[3]
	e, err := c.typed(key, kindStream)
	if err != nil {
		return err
	}
	at, there := e.group(name)
	switch {
	case e == nil && !c.is(5, "mkstream"):
		return Refused("ERR The XGROUP subcommand requires the key to exist.")
	case c.is(1, "destroy"):
		if there {
			e.groups = slices.Delete(e.groups, at, at+1)
			c.dirty = true
		}
		return nil
	case !c.is(1, "create") && !c.is(1, "setid") || len(c.args) < 5:
		return NotModelled("XGROUP " + c.args[1])
	case c.is(1, "create") && there:
		return Refused("BUSYGROUP Consumer Group name already exists")
	case c.is(1, "setid") && !there:
		return Refused("NOGROUP No such consumer group")
	case e == nil:
		e, _ = c.typedOrNew(key, kindStream)
	}
	last := e.last
	if c.args[4] != "$" {
		id, ok := parseStreamID(c.args[4], 0)
		if !ok {
			return ErrSyntax
		}
		last = id.String()
	}
	if !there {
		e.groups = slices.Insert(e.groups, at, keyGroup{name: name})
	}
	e.groups[at].last = last
	c.dirty = true
	return nil
}

func doStreamAck(c *call) error {
	e, err := c.typed(c.args[1], kindStream)
	at, there := e.group(c.args[2])
	if err != nil || !there {
		return err
	}
	g := &e.groups[at]
	for _, given := range c.args[3:] {
		id, ok := parseStreamID(given, 0)
		if !ok {
			return ErrSyntax
		}
		n := len(g.pending)
		g.pending = slices.DeleteFunc(g.pending, func(p string) bool { return idOf(p) == id })
		c.dirty = c.dirty || len(g.pending) < n
	}
	return nil
}

// doStreamReadGroup is XREADGROUP for new entries. Replicas are told of each
// entry's delivery by an XCLAIM, and in some versions of the group's position
// (t_stream.c: streamReplyWithRange).
func doStreamReadGroup(c *call) error {
	if !c.is(1, "group") {
		return ErrSyntax
	}
	count, i := int64(MaxArgs), 4
	for ; i < len(c.args) && !c.is(i, "streams"); i++ {
		if !c.is(i, "count") {
			return NotModelled("XREADGROUP " + c.args[i])
		}
		var err error
		if count, err = c.number(i + 1); err != nil {
			return err
		}
		if count <= 0 {
			count = MaxArgs // no limit
		}
		i++
	}
	names := c.args[min(i+1, len(c.args)):]
	if len(names) == 0 || len(names)%2 != 0 {
		return ErrSyntax
	}
	for j, key := range names[:len(names)/2] {
		if names[len(names)/2+j] != ">" {
			return NotModelled("XREADGROUP of entries delivered before")
		}
		e, err := c.typed(key, kindStream)
		if err != nil {
			return err
		}
		at, there := e.group(c.args[2])
		if !there {
			return Refused("NOGROUP No such key or consumer group")
		}
		c.deliver(e, &e.groups[at], c.args[3], count)
	}
	return nil
}

// deliver gives a consumer the entries behind the group's last one. Versions
// with WrapOps do not wrap these XCLAIMs: each goes out on its own (6.2), or
// with all else of its unit (7.0).
func (c *call) deliver(e *keyEntry, g *keyGroup, consumer string, count int64) {
	read := int64(0)
	for _, item := range e.items {
		if idOf(item.name).compare(idOf(g.last)) <= 0 {
			continue
		}
		if count == 0 {
			break
		}
		count--
		g.last, read = item.name, item.at
		g.pending = append(g.pending, item.name)
		c.s.propagate(c.db, []string{
			"XCLAIM", e.name, g.name, consumer, "0", item.name, "TIME", itoa(c.now),
			"RETRYCOUNT", "1", "FORCE", "JUSTID", "LASTID", g.last,
		})
	}
	if read > 0 && c.s.rules.GroupSetID {
		c.s.propagate(c.db, []string{"XGROUP", "SETID", e.name, g.name, g.last, "ENTRIESREAD", itoa(read)})
	}
}

package model

import (
	"errors"
	"strings"
)

// NotModelled is the error for a command, or a form of one, whose rules are
// not known here; what it would write is then unknown too.
type NotModelled string

func (e NotModelled) Error() string { return "propagate: not modelled: " + string(e) }

// Refused is the error for a command that the server answers with an error: it
// changes nothing and nothing of it is written.
type Refused string

func (e Refused) Error() string { return "refused: " + string(e) }

// What servers say most.
const (
	ErrWrongType Refused = "WRONGTYPE"
	ErrSyntax    Refused = "ERR syntax error"
	ErrNotNumber Refused = "ERR value is not a number"
	ErrNoKey     Refused = "ERR no such key"
)

// Streamer is what stands between the clients of a master and its replication
// stream: it takes client commands and gives the commands that go into the
// stream, as one version writes them. It keeps as much of the data as decides
// whether a command changes anything.
//
// Time is Unix milliseconds and comes with each call. Chance is not modelled:
// SPOP takes what Picks says. Keys expire when they are looked at, or when
// ExpireKey says that the server's own cycle found them.
type Streamer struct {
	LazyExpire    bool     // lazyfree-lazy-expire; CONFIG SET reaches it too
	LazyEvict     bool     // lazyfree-lazy-eviction
	LazyServerDel bool     // lazyfree-lazy-server-del
	Picks         []string // the members that the next SPOPs take, in order; else the first by name
	Acked         int      // replicas that have acknowledged everything: WAIT for no more needs no GETACK

	rules    *StreamRules
	dbs      []*keyDB
	selected int // the stream's current database, -1 before the first SELECT
	out      [][]byte
	unit     []streamOp // what the unit under way will write (MultiAroundSeveral)
	inMulti  bool       // an EXEC runs
	inScript bool       // a script runs whose effects are written
	silent   bool       // a script runs that is itself written
	opened   bool       // its MULTI is written
	changed  bool       // a command of the EXEC changed data
	cached   []string   // scripts that replicas know (ScriptAsGiven), by sha
	waiting  []waiter
}

// streamOp is a command on its way to the stream.
type streamOp struct {
	db   int
	args []string
}

// NewStreamer starts with no data and with a stream that needs a SELECT first.
func NewStreamer(rules *StreamRules) *Streamer {
	return &Streamer{
		rules: rules, selected: -1,
		LazyExpire: rules.LazyExpire, LazyEvict: rules.LazyEvict, LazyServerDel: rules.LazyServerDel,
	}
}

// Do runs one client command in a database and gives what it adds to the
// stream, each command as RESP: their bytes are the growth of the offset.
// What clients that were blocked get by it follows in the same answer. The
// commands of transactions and scripts have calls of their own.
func (s *Streamer) Do(nowMs int64, db int, args ...string) ([][]byte, error) {
	s.forgetWaiters(nowMs)
	c := &call{s: s, now: nowMs, db: db, args: args}
	err := s.run(c)
	s.endUnit()
	if c.getAck {
		s.write(-1, "REPLCONF", "GETACK", "*")
	}
	s.serveWaiters(nowMs)
	return s.take(), err
}

// Multi runs the commands between MULTI and EXEC, SELECT among them. A command
// that cannot be queued, unknown or with too few arguments, makes EXEC fail as a
// whole; one that is refused when it runs does not stop those behind it. The
// first error is given.
func (s *Streamer) Multi(nowMs int64, db int, cmds ...[]string) ([][]byte, error) {
	s.forgetWaiters(nowMs)
	for _, args := range cmds {
		if _, err := s.lookup(args); err != nil {
			return nil, err
		}
	}
	s.inMulti, s.opened, s.changed = true, false, false
	var first error
	for _, args := range cmds {
		c := &call{s: s, now: nowMs, db: db, args: args}
		err := s.run(c)
		if c.movedTo {
			db = c.newDB
		}
		if first == nil {
			first = err
		}
	}
	// Up to 5.0 EXEC is a command like others, written if data changed: so it is
	// when PFCOUNT, "readonly", changed some and no MULTI went before it.
	if s.opened || s.changed && s.rules.Multi < MultiBeforeStream {
		s.write(db, "EXEC")
	}
	s.inMulti, s.opened = false, false
	s.endUnit()
	s.serveWaiters(nowMs)
	return s.take(), first
}

// Script runs a script: args is what the client sent (EVAL, EVALSHA, FCALL),
// body the script's text, calls what it gave to redis.call, in order.
func (s *Streamer) Script(nowMs int64, db int, args []string, body string, calls ...[]string) ([][]byte, error) {
	s.forgetWaiters(nowMs)
	verbatim := s.rules.Scripts == ScriptAsGiven
	s.silent, s.inScript, s.opened = verbatim, !verbatim, false
	dirty := false
	var first error
	for _, args := range calls {
		c := &call{s: s, now: nowMs, db: db, args: args}
		err := s.run(c)
		dirty = dirty || c.dirty || c.force
		if first == nil {
			first = err
		}
	}
	if s.opened {
		s.write(db, "EXEC")
	}
	s.silent, s.inScript, s.opened = false, false, false
	if verbatim {
		s.writeScript(db, args, body, dirty)
	}
	s.endUnit()
	s.serveWaiters(nowMs)
	return s.take(), first
}

// writeScript writes a script as the client's call. Replicas are sent a
// script's text with its first EVALSHA, even when that changes nothing
// (scripting.c: evalGenericCommand of 4.0, replicationScriptCacheExists).
func (s *Streamer) writeScript(db int, args []string, body string, dirty bool) {
	if strings.EqualFold(args[0], "evalsha") && !s.knowsScript(args[1]) {
		s.cached = append(s.cached, args[1])
		args = append([]string{"EVAL", body}, args[2:]...)
		dirty = true
	}
	if dirty {
		s.propagate(db, args)
	}
}

func (s *Streamer) knowsScript(sha string) bool {
	for _, known := range s.cached {
		if known == sha {
			return true
		}
	}
	return false
}

// ForceSelect is what the set-up of a replica for a full sync does to the
// stream (replication.c: replicationSetupSlaveForFullResync): a SELECT comes
// before the next write, and replicas are taken to know no script.
func (s *Streamer) ForceSelect() {
	s.selected = -1
	s.cached = nil
}

// ExpireKey is the server's own cycle finding a key whose time is over. It
// writes nothing for a key that is not there.
func (s *Streamer) ExpireKey(db int, key string) [][]byte {
	return s.deleteAlone(db, key, s.LazyExpire)
}

// EvictKey is the server giving up a key for memory.
func (s *Streamer) EvictKey(db int, key string) [][]byte {
	return s.deleteAlone(db, key, s.LazyEvict)
}

func (s *Streamer) deleteAlone(db int, key string, lazy bool) [][]byte {
	if s.database(db).remove(key) {
		s.write(db, deleteWord(lazy), key)
	}
	return s.take()
}

// Ping is the PING that replicationCron writes; it never needs a SELECT.
func (s *Streamer) Ping() [][]byte {
	if s.rules.LowerPing {
		s.write(-1, "ping")
	} else {
		s.write(-1, "PING")
	}
	return s.take()
}

func deleteWord(lazy bool) string {
	if lazy {
		return "UNLINK"
	}
	return "DEL"
}

// lookup finds a client's command, if the version has it.
func (s *Streamer) lookup(args []string) (cmd clientCommand, err error) {
	if len(args) == 0 {
		return cmd, errors.New("propagate: empty command")
	}
	cmd, ok := lookupClientCommand(args[0])
	switch {
	case !ok:
		return cmd, NotModelled(args[0])
	case !s.rules.has(cmd.needs):
		return cmd, Refused("ERR unknown command " + args[0])
	case len(args) < cmd.least || s.rules.tooLong(args):
		return cmd, Refused("ERR wrong number of arguments for " + args[0])
	}
	return cmd, nil
}

// run runs one command and passes on what it writes.
func (s *Streamer) run(c *call) error {
	cmd, err := s.lookup(c.args)
	if err != nil {
		return err
	}
	if s.opensMulti(cmd.class) {
		s.write(c.db, "MULTI")
		s.opened = true
	}
	if err := cmd.do(c); err != nil {
		return err
	}
	s.changed = s.changed || c.dirty
	if (c.dirty || c.force) && !c.prevent {
		s.propagate(c.db, c.args)
	}
	s.propagateAll(c)
	return nil
}

// opensMulti tells whether a command of a class has MULTI written before it
// runs, whatever it then does (multi.c: execCommand; scripting.c:
// luaRedisGenericCommand).
func (s *Streamer) opensMulti(class commandClass) bool {
	if s.opened || s.rules.Multi == MultiAroundSeveral {
		return false
	}
	if s.inScript {
		return class == classWrite
	}
	if !s.inMulti {
		return false
	}
	switch s.rules.Multi {
	case MultiBeforeWrite:
		return class == classWrite
	case MultiBeforeNonRead:
		return class != classRead
	case MultiBeforeNonAdmin:
		return class != classRead && class != classAdmin
	}
	return false // MultiBeforeStream: see propagate
}

// propagate sends a command towards the stream.
func (s *Streamer) propagate(db int, args []string) {
	switch {
	case s.silent:
	case s.rules.Multi == MultiAroundSeveral:
		s.unit = append(s.unit, streamOp{db, args})
	default:
		if s.inMulti && !s.opened && s.rules.Multi == MultiBeforeStream {
			s.write(db, "MULTI")
			s.opened = true
		}
		s.write(db, args...)
	}
}

// propagateAll sends what a command became instead of, or besides, itself
// (server.c: call, alsoPropagate).
func (s *Streamer) propagateAll(c *call) {
	wrap := len(c.also) > 1 && s.rules.WrapOps && s.rules.Multi != MultiAroundSeveral && !s.inMulti && !s.inScript
	if wrap {
		s.write(c.db, "MULTI")
	}
	for _, op := range c.also {
		s.propagate(op.db, op.args)
	}
	if wrap {
		s.write(c.db, "EXEC")
	}
}

// propagateExpiry sends the deletion of a key that was found expired: ahead of
// the command that looked at it, even inside a script that is written itself.
func (s *Streamer) propagateExpiry(db int, key string) {
	silent := s.silent
	s.silent = false
	s.propagate(db, []string{deleteWord(s.LazyExpire), key})
	s.silent = silent
}

// endUnit writes what one command, transaction or script left to be written,
// inside MULTI and EXEC when it is more than one (server.c:
// propagatePendingCommands of 7.0 and later).
func (s *Streamer) endUnit() {
	unit := s.unit
	s.unit = nil
	if len(unit) == 0 {
		return
	}
	wrap := len(unit) > 1
	if wrap && s.rules.SelectInMulti {
		s.write(-1, "MULTI")
	} else if wrap {
		s.write(unit[0].db, "MULTI")
	}
	for _, op := range unit {
		s.write(op.db, op.args...)
	}
	if wrap {
		s.write(-1, "EXEC")
	}
}

// write puts a command on the stream, after a SELECT if the stream is in
// another database; -1 is a command that belongs to none (replication.c:
// replicationFeedSlaves).
func (s *Streamer) write(db int, args ...string) {
	if db >= 0 && db != s.selected {
		s.selected = db
		s.out = append(s.out, AppendCommand(nil, "SELECT", itoa(int64(db))))
	}
	s.out = append(s.out, AppendCommand(nil, args...))
}

func (s *Streamer) take() [][]byte {
	out := s.out
	s.out = nil
	return out
}

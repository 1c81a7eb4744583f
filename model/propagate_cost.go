package model

import (
	"slices"
	"strings"
	"time"
)

// ClientWrite is a write of a workload as its client states it: "SET, a key of
// 16 bytes, a value of 200, for 100 s". What it costs on the stream depends on
// the version; Cost tells.
type ClientWrite struct {
	Command  string        // "SET"; the table writeShapes has those that can be stated so
	Key      int           // bytes of a key, at least 1
	Field    int           // bytes of a hash's or stream entry's field, where the command has one
	Value    int           // bytes of a value, member, element or message, where the command has one
	TTL      time.Duration // time to live, whole seconds, where the command takes one; 0 for none
	Together int           // writes, each to a key of its own, in one MULTI or one script; 0 for each on its own
	Script   int           // bytes of a script's text whose EVAL makes these writes; 0 for none
}

// StreamCost is what goes into the stream.
type StreamCost struct {
	Commands []StreamCommand // in order
	Bytes    int64           // of all of them: the growth of the offset
}

// StreamCommand is one command of it.
type StreamCommand struct {
	Name    string
	ArgLens []int // bytes of each argument, the name's included
	// Words are what the arguments hold: the name, options, numbers. Of a Cost
	// it is "" for the client's own keys, fields, values and script.
	Words []string
}

// writeShapes says how a command is made of the parts of a ClientWrite, and
// what must be there before for it to change something. In args K, F and V are
// key, field and value, T a time to live as options of SET and S and M one in
// seconds and milliseconds; in before, $1 and $2 are the command's arguments.
var writeShapes = []struct{ name, args, before string }{
	{"append", "K V", ""},
	{"del", "K", "SET $1 v"},
	{"expire", "K S", "SET $1 v"},
	{"getdel", "K", "SET $1 v"},
	{"getex", "K T", "SET $1 v"},
	{"getset", "K V", ""},
	{"hdel", "K F", "HSET $1 $2 v"},
	{"hincrby", "K F 1", ""},
	{"hset", "K F V", ""},
	{"incr", "K", ""},
	{"incrby", "K 1", ""},
	{"incrbyfloat", "K 1.5", ""},
	{"lpop", "K", "RPUSH $1 v"},
	{"lpush", "K V", ""},
	{"persist", "K", "SET $1 v EX 1000"},
	{"pexpire", "K M", "SET $1 v"},
	{"psetex", "K M V", ""},
	{"publish", "K V", ""},
	{"rpop", "K", "RPUSH $1 v"},
	{"rpush", "K V", ""},
	{"sadd", "K V", ""},
	{"set", "K V T", ""},
	{"setex", "K S V", ""},
	{"setnx", "K V", ""},
	{"spop", "K", "SADD $1 v"},
	{"srem", "K V", "SADD $1 $2"},
	{"unlink", "K", "SET $1 v"},
	{"xadd", "K * F V", ""},
	{"zadd", "K 1 V", ""},
	{"zincrby", "K 1 V", ""},
	{"zrem", "K V", "ZADD $1 1 $2"},
}

// costMs is the server's clock while costs are taken: any Unix time in ms
// from 2001 to 2286 has 13 digits. This one is late enough that no real server
// takes what expires then for expired.
const costMs = 9_000_000_000_000

// ClientParts says what a ClientWrite of one command is made of besides its key.
type ClientParts struct {
	Field, Value bool
	TTL          bool // it may have a time to live
	NeedsTTL     bool // it must
}

// LookupClientWrite finds the parts of a command, if it can be stated as a
// ClientWrite.
func LookupClientWrite(command string) (p ClientParts, ok bool) {
	for _, s := range writeShapes {
		if !strings.EqualFold(s.name, command) {
			continue
		}
		for _, part := range strings.Fields(s.args) {
			p.Field = p.Field || part == "F"
			p.Value = p.Value || part == "V"
			p.TTL = p.TTL || part == "T" || part == "S" || part == "M"
			p.NeedsTTL = p.NeedsTTL || part == "S" || part == "M"
		}
		p.Value = p.Value || s.name == "spop" // the member that it takes
		return p, true
	}
	return p, false
}

// ClientCommands are the commands that can be stated as a ClientWrite.
func ClientCommands() (names []string) {
	for _, s := range writeShapes {
		names = append(names, strings.ToUpper(s.name))
	}
	return names
}

// Stand-ins for what only its length is known of. They cannot be words of a
// command. A key's is followed by its number.
const (
	standKey    = "\x00k"
	standField  = "\x00f"
	standValue  = "\x00v"
	standScript = "\x00s"
)

// standIn is the text that n bytes of a kind have while a cost is taken.
func standIn(kind string, n int) string {
	if n == 0 {
		return ""
	}
	return kind
}

// stands is how many bytes an argument stands for, -1 if it is a word.
func (w ClientWrite) stands(arg string) int {
	switch {
	case strings.HasPrefix(arg, standKey):
		return w.Key
	case arg == standField:
		return w.Field
	case arg == standValue:
		return w.Value
	case arg == standScript:
		return w.Script
	case arg == "":
		return 0
	}
	return -1
}

// Cost tells what a write adds to the stream of a server that has been at work
// in this database: without a SELECT. The answer is for the whole transaction
// or script if the writes come in one.
//
// SPOP counts a member of Value bytes; numbers that a sum makes are short.
func (r *StreamRules) Cost(w ClientWrite) (StreamCost, error) {
	var cmds [][]string
	for i := range max(1, w.Together) {
		args, err := w.clientArgs(i)
		if err != nil {
			return StreamCost{}, err
		}
		cmds = append(cmds, args)
	}
	s, err := preparedStreamer(r, cmds, standIn(standValue, w.Value))
	if err != nil {
		return StreamCost{}, err
	}
	var out [][]byte
	switch {
	case w.Script > 0:
		body := standScript
		out, err = s.Script(costMs, 0, evalArgs(body, cmds), body, cmds...)
	case w.Together > 0:
		out, err = s.Multi(costMs, 0, cmds...)
	default:
		out, err = s.Do(costMs, 0, cmds[0]...)
	}
	return costOf(out, w.stands), err
}

// CommandCost tells what one client command adds to the stream of a version,
// by its profile's name: CommandCost("redis-7.0", "SET", "k", "v", "EX",
// "100") is 57 bytes, SET with PXAT. As with Cost there is no SELECT, and what
// the command needs to change something is there.
func CommandCost(version string, args ...string) (StreamCost, error) {
	r, ok := LookupStreamRules(version)
	if !ok {
		return StreamCost{}, NotModelled("the stream of " + version)
	}
	s, err := preparedStreamer(r, [][]string{args}, "v")
	if err != nil {
		return StreamCost{}, err
	}
	out, err := s.Do(costMs, 0, args...)
	return costOf(out, func(string) int { return -1 }), err
}

// clientArgs makes the command of the i-th write.
func (w ClientWrite) clientArgs(i int) ([]string, error) {
	at := slices.IndexFunc(writeShapes, func(s struct{ name, args, before string }) bool {
		return strings.EqualFold(s.name, w.Command)
	})
	if at < 0 {
		return nil, NotModelled("the cost of " + w.Command)
	}
	if w.TTL%time.Second != 0 || w.TTL < 0 {
		return nil, NotModelled("a time to live of " + w.TTL.String())
	}
	left := i // keys are thought of as lower-case letters
	for range min(w.Key, 16) {
		left /= 26
	}
	if w.Key < 1 || left > 0 {
		return nil, NotModelled("so many keys of so few bytes")
	}
	seconds := int64(w.TTL / time.Second)
	args := []string{w.Command}
	for _, part := range strings.Fields(writeShapes[at].args) {
		switch part {
		case "K":
			args = append(args, standKey+itoa(int64(i)))
		case "F":
			args = append(args, standIn(standField, w.Field))
		case "V":
			args = append(args, standIn(standValue, w.Value))
		case "S":
			args = append(args, itoa(seconds))
		case "M":
			args = append(args, itoa(seconds*1000))
		case "T":
			if seconds > 0 {
				args = append(args, "EX", itoa(seconds))
			}
		default:
			args = append(args, part)
		}
	}
	return args, nil
}

// evalArgs is the EVAL of a script that is handed keys and values.
func evalArgs(body string, cmds [][]string) []string {
	args := []string{"EVAL", body, itoa(int64(len(cmds)))}
	for _, cmd := range cmds {
		args = append(args, cmd[1])
	}
	for _, cmd := range cmds {
		args = append(args, cmd[2:]...)
	}
	return args
}

// preparedStreamer has what the commands need, and a stream in database 0.
func preparedStreamer(r *StreamRules, cmds [][]string, value string) (*Streamer, error) {
	s := NewStreamer(r)
	for _, cmd := range cmds {
		for _, shape := range writeShapes {
			if len(cmd) < 2 || !strings.EqualFold(shape.name, cmd[0]) || shape.before == "" {
				continue
			}
			before := strings.Fields(shape.before)
			for i, arg := range before {
				switch {
				case arg == "$1" || arg == "$2" && len(cmd) > 2:
					before[i] = cmd[arg[1]-'0']
				case arg == "v":
					before[i] = value
				}
			}
			if _, err := s.Do(costMs, 0, before...); err != nil {
				return nil, err
			}
		}
	}
	s.selected = 0
	return s, nil
}

// costOf reads a stream back. stands says how many bytes an argument stands
// for, -1 for itself.
func costOf(out [][]byte, stands func(arg string) int) (cost StreamCost) {
	var r CommandReader
	for _, command := range out {
		r.Feed(command)
		args, _, ok, err := r.Next()
		if !ok || err != nil {
			panic("model: a stream that is no RESP")
		}
		c := StreamCommand{Name: string(args[0])}
		for _, arg := range args {
			word, n := string(arg), len(arg)
			if s := stands(word); s >= 0 {
				word, n = "", s
			}
			c.Words, c.ArgLens = append(c.Words, word), append(c.ArgLens, n)
		}
		cost.Commands = append(cost.Commands, c)
		cost.Bytes += CommandLen(c.ArgLens...)
	}
	return cost
}

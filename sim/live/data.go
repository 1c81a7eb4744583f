package live

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"psyncsim/model"
	"psyncsim/sim/live/rdb"
)

// Dataset is the keys of a node: strings, in numbered databases. Only what a
// replication stream of strings needs is known; whatever else comes is an
// error, because the data would differ from then on. Keys do not expire by
// themselves: on a replica that is the master's to say.
type Dataset struct {
	dbs map[int]map[string]Value
	// The state of the stream that Apply reads.
	reader model.CommandReader
	db     int
	multi  bool
	queued [][]string
}

// Value is a key's value.
type Value struct {
	Text     string
	ExpireMS int64 // unix time in milliseconds; 0 never expires
}

// NewDataset makes an empty one.
func NewDataset() *Dataset { return &Dataset{dbs: map[int]map[string]Value{}} }

// Get is the text of a key.
func (d *Dataset) Get(db int, key string) (string, bool) {
	v, ok := d.dbs[db][key]
	return v.Text, ok
}

// Len is how many keys a database has.
func (d *Dataset) Len(db int) int { return len(d.dbs[db]) }

// Keys is how many keys all databases hold.
func (d *Dataset) Keys() (n int64) {
	for _, db := range d.dbs {
		n += int64(len(db))
	}
	return n
}

// Texts copies the keys and texts of a database.
func (d *Dataset) Texts(db int) map[string]string {
	m := make(map[string]string, len(d.dbs[db]))
	for k, v := range d.dbs[db] {
		m[k] = v.Text
	}
	return m
}

// Snapshot writes the data set as a snapshot file; id, which may be nil, is what
// it remembers of replication.
func (d *Dataset) Snapshot(id *model.Saved) []byte {
	aux := []rdb.Aux{{Name: "redis-bits", Value: "64"}}
	if id != nil {
		aux = append(aux, rdb.Aux{Name: "repl-stream-db", Value: strconv.Itoa(d.db)},
			rdb.Aux{Name: "repl-id", Value: string(id.ID)},
			rdb.Aux{Name: "repl-offset", Value: strconv.FormatInt(int64(id.Offset), 10)})
	}
	w := rdb.NewWriter(aux...)
	for _, db := range slices.Sorted(maps.Keys(d.dbs)) {
		for _, k := range slices.Sorted(maps.Keys(d.dbs[db])) {
			v := d.dbs[db][k]
			w.Put(rdb.Key{DB: db, Name: k, Value: v.Text, ExpireMS: v.ExpireMS})
		}
	}
	return w.Bytes()
}

// Load reads a snapshot into an empty data set. The stream behind it begins in
// the database that the snapshot names.
func (d *Dataset) Load(snapshot []byte) error {
	aux, err := rdb.Read(snapshot, func(k rdb.Key) { d.in(k.DB)[k.Name] = Value{k.Value, k.ExpireMS} })
	if err != nil {
		return err
	}
	for _, a := range aux {
		if a.Name == "repl-stream-db" {
			if n, ok := model.ParseInt([]byte(a.Value)); ok && n > 0 {
				d.db = int(n)
			}
		}
	}
	return nil
}

// in is a database to write to.
func (d *Dataset) in(db int) map[string]Value {
	m := d.dbs[db]
	if m == nil {
		m = map[string]Value{}
		d.dbs[db] = m
	}
	return m
}

// Write executes a client's command in database 0. It is an error, and changes
// nothing, when the command is unknown or writes nothing.
func (d *Dataset) Write(args ...string) error {
	if len(args) == 0 {
		return fmt.Errorf("live: empty command")
	}
	if c, ok := commands[strings.ToUpper(args[0])]; !ok || c.do == nil {
		return fmt.Errorf("live: command %.20q is not supported as a write", args[0])
	}
	return d.execute(0, args)
}

// Apply executes a piece of a master's stream.
func (d *Dataset) Apply(stream []byte) error {
	d.reader.Feed(stream)
	for {
		args, _, ok, err := d.reader.Next()
		if err != nil || !ok {
			return err
		}
		if len(args) == 0 {
			continue
		}
		words := make([]string, len(args))
		for i := range args {
			words[i] = string(args[i])
		}
		if err := d.replay(words); err != nil {
			return fmt.Errorf("live: in the stream: %w", err)
		}
	}
}

// replay handles the commands that are about the stream itself.
func (d *Dataset) replay(args []string) error {
	name := strings.ToUpper(args[0])
	switch {
	case name == "MULTI":
		d.multi = true
	case name == "EXEC":
		queued := d.queued
		d.multi, d.queued = false, nil
		for _, q := range queued {
			if err := d.replay(q); err != nil {
				return err
			}
		}
	case d.multi:
		d.queued = append(d.queued, args)
	case name == "SELECT" && len(args) == 2:
		n, err := strconv.Atoi(args[1])
		d.db = n
		return err
	default:
		return d.execute(d.db, args)
	}
	return nil
}

// command is how a command changes the data set. do is nil for one that changes
// none: PING and the like, which stand in streams all the same.
type command struct {
	args int // at least, its name included
	do   func(d *Dataset, db int, a []string) error
}

var commands map[string]command

func init() { // not a literal: execute refers to it
	commands = map[string]command{
		"PING": {}, "REPLCONF": {}, "PUBLISH": {}, "SPUBLISH": {}, "SCRIPT": {}, "FUNCTION": {},
		"SET": {3, (*Dataset).set}, "SETNX": {3, (*Dataset).setNX},
		"SETEX": {4, (*Dataset).setEX}, "PSETEX": {4, (*Dataset).setEX}, "MSET": {3, (*Dataset).mset},
		"DEL": {2, (*Dataset).del}, "UNLINK": {2, (*Dataset).del}, "GETDEL": {2, (*Dataset).del},
		"INCR": {2, (*Dataset).incr}, "DECR": {2, (*Dataset).incr},
		"INCRBY": {3, (*Dataset).incr}, "DECRBY": {3, (*Dataset).incr},
		"APPEND": {3, (*Dataset).append}, "SETRANGE": {4, (*Dataset).setRange},
		"EXPIRE": {3, (*Dataset).expire}, "PEXPIRE": {3, (*Dataset).expire},
		"EXPIREAT": {3, (*Dataset).expire}, "PEXPIREAT": {3, (*Dataset).expire}, "PERSIST": {2, (*Dataset).persist},
		"RENAME": {3, (*Dataset).rename}, "MOVE": {3, (*Dataset).move}, "SWAPDB": {3, (*Dataset).swap},
		"FLUSHDB": {1, (*Dataset).flush}, "FLUSHALL": {1, (*Dataset).flush},
	}
}

func (d *Dataset) execute(db int, args []string) error {
	c, ok := commands[strings.ToUpper(args[0])]
	if !ok {
		return fmt.Errorf("command %.20q is not supported", args[0])
	}
	if len(args) < c.args {
		return fmt.Errorf("%.20q has %d arguments", args[0], len(args)-1)
	}
	if c.do == nil {
		return nil
	}
	return c.do(d, db, args)
}

func number(s string) (int64, error) {
	n, ok := model.ParseInt([]byte(s))
	if !ok {
		return 0, fmt.Errorf("%.20q is not an integer or out of range", s)
	}
	return n, nil
}

func (d *Dataset) set(db int, a []string) error {
	v := Value{Text: a[2]}
	for i := 3; i < len(a); i++ {
		switch o := strings.ToUpper(a[i]); o {
		case "KEEPTTL":
			v.ExpireMS = d.in(db)[a[1]].ExpireMS
		case "EX", "PX", "EXAT", "PXAT":
			if i+1 == len(a) {
				return fmt.Errorf("SET without the time of %s", o)
			}
			i++
			at, err := deadline(o, a[i])
			if err != nil {
				return err
			}
			v.ExpireMS = at
		default: // NX, XX, GET would not say what happened to the master's data
			return fmt.Errorf("SET with %.20q is not supported", a[i])
		}
	}
	d.in(db)[a[1]] = v
	return nil
}

// deadline is the moment that a time means, given as option or command.
func deadline(form, text string) (int64, error) {
	n, err := number(text)
	if err != nil {
		return 0, err
	}
	switch form {
	case "EX", "SETEX", "EXPIRE":
		return time.Now().UnixMilli() + n*1000, nil
	case "PX", "PSETEX", "PEXPIRE":
		return time.Now().UnixMilli() + n, nil
	case "EXAT", "EXPIREAT":
		return n * 1000, nil
	}
	return n, nil
}

func (d *Dataset) setNX(db int, a []string) error {
	if _, ok := d.in(db)[a[1]]; !ok {
		d.in(db)[a[1]] = Value{Text: a[2]}
	}
	return nil
}

func (d *Dataset) setEX(db int, a []string) error {
	at, err := deadline(strings.ToUpper(a[0]), a[2])
	if err == nil {
		d.in(db)[a[1]] = Value{a[3], at}
	}
	return err
}

func (d *Dataset) mset(db int, a []string) error {
	if len(a)%2 == 0 {
		return fmt.Errorf("MSET has %d arguments", len(a)-1)
	}
	for i := 1; i < len(a); i += 2 {
		d.in(db)[a[i]] = Value{Text: a[i+1]}
	}
	return nil
}

func (d *Dataset) del(db int, a []string) error {
	for _, k := range a[1:] {
		delete(d.dbs[db], k)
	}
	return nil
}

func (d *Dataset) incr(db int, a []string) error {
	by := int64(1)
	if len(a) > 2 {
		var err error
		if by, err = number(a[2]); err != nil {
			return err
		}
	}
	if strings.EqualFold(a[0][:4], "DECR") {
		by = -by
	}
	v := d.in(db)[a[1]]
	n, err := number(cmp.Or(v.Text, "0"))
	if err != nil {
		return err
	}
	v.Text = strconv.FormatInt(n+by, 10)
	d.in(db)[a[1]] = v
	return nil
}

func (d *Dataset) append(db int, a []string) error {
	v := d.in(db)[a[1]]
	v.Text += a[2]
	d.in(db)[a[1]] = v
	return nil
}

func (d *Dataset) setRange(db int, a []string) error {
	at, err := number(a[2])
	if err != nil || at < 0 || at+int64(len(a[3])) > model.MaxBulk {
		return fmt.Errorf("SETRANGE at %.20q", a[2])
	}
	if len(a[3]) == 0 {
		return nil
	}
	v := d.in(db)[a[1]]
	b := []byte(v.Text)
	if need := int(at) + len(a[3]); len(b) < need {
		b = append(b, make([]byte, need-len(b))...)
	}
	copy(b[at:], a[3])
	v.Text = string(b)
	d.in(db)[a[1]] = v
	return nil
}

func (d *Dataset) expire(db int, a []string) error {
	at, err := deadline(strings.ToUpper(a[0]), a[2])
	if v, ok := d.in(db)[a[1]]; ok && err == nil {
		v.ExpireMS = at
		d.in(db)[a[1]] = v
	}
	return err
}

func (d *Dataset) persist(db int, a []string) error {
	if v, ok := d.in(db)[a[1]]; ok {
		v.ExpireMS = 0
		d.in(db)[a[1]] = v
	}
	return nil
}

func (d *Dataset) rename(db int, a []string) error {
	v, ok := d.in(db)[a[1]]
	if !ok {
		return fmt.Errorf("RENAME: no such key %.40q", a[1])
	}
	delete(d.in(db), a[1])
	d.in(db)[a[2]] = v
	return nil
}

func (d *Dataset) move(db int, a []string) error {
	to, err := number(a[2])
	if v, ok := d.in(db)[a[1]]; ok && err == nil {
		delete(d.in(db), a[1])
		d.in(int(to))[a[1]] = v
	}
	return err
}

func (d *Dataset) swap(_ int, a []string) error {
	x, err := number(a[1])
	if err != nil {
		return err
	}
	y, err := number(a[2])
	if err != nil {
		return err
	}
	d.dbs[int(x)], d.dbs[int(y)] = d.dbs[int(y)], d.dbs[int(x)]
	return nil
}

func (d *Dataset) flush(db int, a []string) error {
	if strings.EqualFold(a[0], "FLUSHALL") {
		clear(d.dbs)
	} else {
		delete(d.dbs, db)
	}
	return nil
}

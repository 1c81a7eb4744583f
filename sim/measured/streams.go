package measured

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"psyncsim/model"
)

// The case stream-bytes asks what client commands become on the replication
// stream. It has no wire and no clock: each row is played on a model.Streamer,
// which must write the same commands, to the byte.

// streamRow is one row of its table: client commands that were sent to the
// server, and what its stream grew by.
type streamRow struct {
	Label   string   `json:"label"`
	Client  []string `json:"client"`
	Replies []string `json:"replies"` // an error begins with "ERR"
	Growth  int64    `json:"offset_growth"`
	Grown   int64    `json:"stream_bytes"` // the same, counted by a replica
	Stream  []string `json:"stream"`
	Sizes   []int64  `json:"cmd_bytes"` // of each command of the stream
	Raw     string   `json:"raw"`
}

// unseen is what rows need and do not show: keys that were made before them,
// clients that were blocked. Labels and replies tell what it was; the streams of
// these commands are not on record.
var unseen = map[string][]string{
	"PERSIST":                    {"SET a 1 EX 100"},
	"GETSET":                     {"SET a 1"},
	"LPOP count 2":               {"RPUSH l 1 2 3"},
	"RPOPLPUSH":                  {"RPUSH l 1"},
	"LMPOP":                      {"RPUSH l 1 2"},
	"BLPOP with data":            {"RPUSH l 1"},
	"BLPOP served by RPUSH":      {"BLPOP bl 0"},
	"BRPOPLPUSH served by RPUSH": {"BRPOPLPUSH bl bl2 0"},
	"BLMOVE served by RPUSH":     {"BLMOVE bl bl2 LEFT LEFT 0"},
	"BLMPOP served by RPUSH":     {"BLMPOP 0 1 bl LEFT"},
	"BZPOPMIN served by ZADD":    {"BZPOPMIN bz 0"},
	"SMOVE":                      {"SADD s 9"},
	"SORT STORE":                 {"RPUSH l 3 1 2"},
	"ZRANGESTORE":                {"ZADD z 1 m"},
	"expired key read (lazy)":    {"SET lz 1 PX 1"},
	"SET over an expired key":    {"SET lz2 1 PX 1"},
	"active expire of one key":   {"SET ae 1 PX 1"},
	"lazyfree-lazy-expire yes, expired key read":           {"CONFIG SET lazyfree-lazy-expire yes", "SET lz3 1 PX 1"},
	"maxmemory eviction of the only key, then SET refused": {"FLUSHALL", "SET ev1 1"},
}

// unseenMs is how long before a row its unseen commands ran.
const unseenMs = 50

// scripts are the texts of the rows' scripts and what they call: K1, K2 and A1
// stand for keys and arguments. A SHA1 is not recorded but as an id.
var scripts = []struct {
	text  string
	calls []string
}{
	{"return redis.call('set',KEYS[1],ARGV[1])", []string{"set K1 A1"}},
	{"redis.call('set',KEYS[1],'1'); return redis.call('set',KEYS[2],'2')", []string{"set K1 1", "set K2 2"}},
	{"return redis.call('get',KEYS[1])", []string{"get K1"}},
	{"return redis.call('incr',KEYS[1])", []string{"incr K1"}},
	{"f1", []string{"set K1 A1"}},
}

const (
	scriptID   = "id2"
	scriptSHA  = "id2-----stands-for-a-sha1-of-40-digits--"
	scriptCall = "return redis.call('incr',KEYS[1])" // what EVALSHA runs
)

// streams plays the rows of one case.
type streams struct {
	c      *Case
	rules  *model.StreamRules
	s      *model.Streamer
	now    int64 // the server's clock, ms
	read   int64 // the same, as last found in a row
	result Result
}

func (c *Case) asksStreams() bool { return c.ID == "stream-bytes" }

// playStreams plays the case stream-bytes.
func (c *Case) playStreams(prof *model.Profile) Result {
	rules, ok := model.LookupStreamRules(prof.Like())
	if !ok {
		return Result{NotPlayed: []string{"no rules for the stream of " + prof.Name}}
	}
	p := &streams{c: c, rules: rules, s: model.NewStreamer(rules), now: 1}
	rows := p.table()
	for i := range rows {
		p.row(&rows[i])
	}
	p.result.Agree = len(p.result.Differences) == 0
	return p.result
}

func (p *streams) differ(what, recorded, simulated string) {
	p.result.Differences = append(p.result.Differences, Difference{0, what, recorded, simulated})
}

// table reads the rows, and names what it does not know.
func (p *streams) table() (rows []streamRow) {
	for _, e := range p.c.Events {
		if e.Op != "start" || !e.Action {
			p.differ("not known: "+e.Op, "", "")
		}
	}
	o := &p.c.Observed
	if len(o.Reconnects) > 0 || len(o.Partials) > 0 || o.PSYNCs > 0 || p.c.Error != nil {
		p.differ("not known: connections, or an error", "", "")
	}
	facts := o.Facts.clone()
	var text json.RawMessage
	var n int
	if !facts.take("table", &text) || !facts.take("n_rows", &n) {
		p.differ("facts table and n_rows", "", "none")
		return nil
	}
	for name := range facts {
		p.differ("not known: fact "+name, string(facts[name]), "")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&rows); err != nil {
		p.differ("not known: table: "+err.Error(), "", "")
		return nil
	}
	if n != len(rows) {
		p.differ("fact n_rows", strconv.Itoa(n), strconv.Itoa(len(rows)))
	}
	return rows
}

// stamp is a Unix time in milliseconds. Rows whose commands have times to live
// give each 100 s.
var stamp = regexp.MustCompile(`\b1\d{12}\b`)

const rowTTL = 100_000

// clock finds the server's clock in what a row wrote: ids and deliveries of
// streams have the time itself, absolute times to live the time they end. It
// must not go back, nor run away.
func (p *streams) clock(row *streamRow) {
	p.now += 2 * unseenMs
	text := string(stamp.Find(row.raw()))
	client := strings.Join(row.Client, " ")
	if text == "" || strings.Contains(client, text) || strings.Contains(client, strings.TrimSuffix(text, "000")) {
		return
	}
	ms, _ := strconv.ParseInt(text, 10, 64)
	if !strings.Contains(row.Raw, "XADD") && !strings.Contains(row.Raw, "XCLAIM") {
		ms -= rowTTL
	}
	if p.read > 0 && (ms < p.read || ms > p.read+60_000) {
		p.differ(row.Label+": the server's clock", strconv.FormatInt(ms, 10), "was "+strconv.FormatInt(p.read, 10))
	}
	p.now, p.read = ms, ms
}

// row plays one row and compares it.
func (p *streams) row(row *streamRow) {
	p.clock(row)
	for _, line := range unseen[row.Label] {
		args, err := clientArgs(line)
		if err == nil {
			_, err = p.s.Do(p.now-unseenMs, 0, args...)
		}
		if err != nil {
			p.differ(row.Label+": "+line, "", err.Error())
		}
	}
	if strings.HasPrefix(row.Label, "SPOP") && len(row.Client) == 1 && len(row.Replies) == 1 { // what chance took
		p.s.Picks = strings.Fields(strings.NewReplacer("[", "", "]", "", "b'", "", "'", "", ",", "").Replace(row.Replies[0]))
	}
	var out [][]byte
	switch {
	case strings.Contains(row.Label, "idle with PING"):
		out = p.idle(row)
	case strings.HasPrefix(row.Label, "active expire"):
		out = p.s.ExpireKey(0, "ae")
	case strings.HasPrefix(row.Label, "maxmemory"):
		out = p.s.EvictKey(0, "ev1")
	}
	out = append(out, p.commands(row)...)
	p.s.Picks, p.s.LazyExpire = nil, p.rules.LazyExpire
	p.compare(row, out)
}

// idle is "3.2 s idle with PING period 1": how many PINGs that gives, three or
// four, hangs on the phase of the server's cron.
func (p *streams) idle(row *streamRow) (out [][]byte) {
	var span, period float64
	if n, err := fmt.Sscanf(row.Label, "%g s idle with PING period %g", &span, &period); n != 2 || err != nil || period <= 0 {
		p.differ("not known: "+row.Label, "", "")
		return nil
	}
	n := min(max(len(row.Stream), int(span/period)), int(span/period)+1)
	for range n {
		out = append(out, p.s.Ping()...)
	}
	return out
}

// commands runs a row's client commands and gives their stream.
func (p *streams) commands(row *streamRow) (out [][]byte) {
	db := 0
	for i := 0; i < len(row.Client); i++ {
		refused := i < len(row.Replies) && strings.HasPrefix(row.Replies[i], "ERR")
		if refused && strings.Contains(row.Replies[i], "OOM") {
			continue // memory is not modelled
		}
		args, err := clientArgs(row.Client[i])
		var got [][]byte
		switch {
		case err != nil:
		case args[0] == "SELECT" && len(args) == 2:
			db, err = strconv.Atoi(args[1])
		case args[0] == "MULTI":
			got, i, err = p.transaction(row, i, db)
		case strings.HasPrefix(args[0], "EVAL"), args[0] == "FCALL":
			got, err = p.script(args)
		default:
			got, err = p.s.Do(p.now, db, args...)
		}
		if (err != nil) != refused {
			at := min(i, len(row.Client)-1)
			p.differ(row.Label+": "+row.Client[at]+": refused", strconv.FormatBool(refused), fmt.Sprint(err))
		}
		out = append(out, got...)
	}
	return out
}

// transaction runs what stands between MULTI, at i, and EXEC or DISCARD, and
// says where that is.
func (p *streams) transaction(row *streamRow, i, db int) (out [][]byte, end int, err error) {
	var cmds [][]string
	for end = i + 1; end < len(row.Client); end++ {
		switch row.Client[end] {
		case "DISCARD":
			return nil, end, nil
		case "EXEC":
			out, err = p.s.Multi(p.now, db, cmds...)
			return out, end, err
		}
		args, err := clientArgs(row.Client[end])
		if err != nil {
			return nil, end, err
		}
		cmds = append(cmds, args)
	}
	return nil, end, errors.New("a MULTI without EXEC")
}

// script runs an EVAL, EVALSHA or FCALL.
func (p *streams) script(args []string) ([][]byte, error) {
	if len(args) < 3 {
		return nil, errors.New("a script without its number of keys")
	}
	text := args[1]
	if strings.EqualFold(args[0], "EVALSHA") {
		text = scriptCall
	}
	keys, _ := strconv.Atoi(args[2])
	var calls [][]string
	for _, s := range scripts {
		if s.text != text {
			continue
		}
		for _, line := range s.calls {
			for i, arg := range args[3:] {
				name := "K" + strconv.Itoa(i+1)
				if i >= keys {
					name = "A" + strconv.Itoa(i+1-keys)
				}
				line = strings.ReplaceAll(line, name, arg)
			}
			calls = append(calls, strings.Fields(line))
		}
	}
	return p.s.Script(p.now, 0, args, text, calls...)
}

// clientArgs splits a recorded command where its client did.
func clientArgs(line string) ([]string, error) {
	name, rest, _ := strings.Cut(line, " ")
	switch name {
	case "":
		return nil, errors.New("an empty command")
	case "SCRIPT", "FUNCTION":
		if word, text, more := strings.Cut(rest, " "); more {
			return []string{name, word, text}, nil
		}
	case "EVAL":
		for _, s := range scripts {
			if tail, ok := strings.CutPrefix(rest, s.text+" "); ok {
				return append([]string{name, s.text}, strings.Fields(tail)...), nil
			}
		}
	case "RESTORE":
		from, to := strings.Index(line, " b")+1, strings.LastIndexAny(line, `'"`)+1
		if from == 0 || to < from+3 {
			break
		}
		quoted := line[from+2 : to-1]
		quoted = strings.ReplaceAll(strings.ReplaceAll(quoted, `\'`, `'`), `"`, `\"`)
		payload, err := strconv.Unquote(`"` + quoted + `"`)
		if err != nil {
			return nil, fmt.Errorf("payload: %w", err)
		}
		return append(append(strings.Fields(line[:from]), payload), strings.Fields(line[to:])...), nil
	}
	return strings.Fields(strings.ReplaceAll(line, scriptID, scriptSHA)), nil
}

// compare compares what a row wrote with what was recorded of it.
func (p *streams) compare(row *streamRow, out [][]byte) {
	var growth int64
	sizes, words := []int64{}, []string{}
	for _, command := range out {
		growth += int64(len(command))
		sizes = append(sizes, int64(len(command)))
		words = append(words, shown(command))
	}
	what := "stream-bytes " + strconv.Quote(row.Label) + " "
	number := func(name string, want, got int64) {
		if want != got {
			p.differ(what+name, strconv.FormatInt(want, 10), strconv.FormatInt(got, 10))
		}
	}
	number("offset_growth", row.Growth, growth)
	number("stream_bytes", row.Grown, growth)
	if !slices.Equal(row.Stream, words) {
		p.differ(what+"stream", strings.Join(row.Stream, " | "), strings.Join(words, " | "))
	}
	if (row.Sizes != nil || row.Client != nil) && !slices.Equal(row.Sizes, sizes) {
		p.differ(what+"cmd_bytes", fmt.Sprint(row.Sizes), fmt.Sprint(sizes))
	}
	if got := bytes.Join(out, nil); !bytes.Equal(got, row.raw()) {
		p.differ(what+"raw", strconv.Quote(string(row.raw())), strconv.Quote(string(got)))
	}
}

// raw is the recorded bytes.
func (row *streamRow) raw() []byte {
	var raw []byte
	for _, c := range strings.NewReplacer(`\r`, "\r", `\n`, "\n", `$40\r\n`+scriptID, "$40\r\n"+scriptSHA).Replace(row.Raw) {
		raw = append(raw, byte(c))
	}
	return raw
}

// longWord is the longest word that the recorder wrote out.
const longWord = 60

// shown is a command as the recorder wrote it down: its words, those that are
// not text byte by byte, and of long ones the length.
func shown(command []byte) string {
	var r model.CommandReader
	r.Feed(command)
	args, _, ok, err := r.Next()
	if !ok || err != nil {
		return strconv.Quote(string(command))
	}
	var words []string
	for _, arg := range args {
		word := make([]rune, len(arg))
		for i, c := range arg {
			word[i] = rune(c)
		}
		if len(arg) > longWord {
			word = []rune(fmt.Sprintf("<%d bytes>", len(arg)))
		}
		words = append(words, string(word))
	}
	return strings.ReplaceAll(strings.Join(words, " "), scriptSHA, scriptID)
}

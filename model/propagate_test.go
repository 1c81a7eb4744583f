package model

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// measuredRow is one row of the table stream-bytes: client commands sent to a
// real server, and what its replication stream grew by.
type measuredRow struct {
	Label   string
	Client  []string
	Replies []string
	Growth  int64 `json:"offset_growth"`
	Stream  []string
	Bytes   []int64 `json:"cmd_bytes"`
	Raw     string
}

// measuredStreams reads the table of every measured server, by file name.
func measuredStreams(t *testing.T) (names []string, tables [][]measuredRow) {
	t.Helper()
	files, err := filepath.Glob("../../shared/data/measured-servers/*.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("the measured servers are missing: ../../shared/data/measured-servers")
		}
		t.Skip("SKIPPED: the measured servers are missing: ../../shared/data/measured-servers")
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var server struct {
			Cases []struct {
				ID       string
				Observed struct{ Facts json.RawMessage }
			}
		}
		if err := json.Unmarshal(text, &server); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, c := range server.Cases {
			if c.ID != "stream-bytes" {
				continue
			}
			var facts struct{ Table []measuredRow }
			if err := json.Unmarshal(c.Observed.Facts, &facts); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			names = append(names, strings.TrimSuffix(filepath.Base(file), ".json"))
			tables = append(tables, facts.Table)
		}
	}
	return names, tables
}

// rulesOfServer turns "7.0.15-debian" into the rules of redis-7.0.
func rulesOfServer(t *testing.T, server string) *StreamRules {
	t.Helper()
	family, version := "redis-", server
	if rest, ok := strings.CutPrefix(server, "valkey-"); ok {
		family, version = "valkey-", rest
	}
	parts := strings.SplitN(version, ".", 3)
	rules, ok := LookupStreamRules(family + parts[0] + "." + parts[1])
	if !ok {
		t.Fatalf("no rules for %s", server)
	}
	return rules
}

// What the rows do not show, they need all the same: keys made before them,
// clients that were blocked. Labels and replies tell what it was; the streams
// of these commands are not on record.
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

// scripts are the texts of the rows' scripts and what they call.
var scripts = []struct {
	text  string
	calls []string // K1, K2, A1 stand for keys and arguments
}{
	{"return redis.call('set',KEYS[1],ARGV[1])", []string{"set K1 A1"}},
	{"redis.call('set',KEYS[1],'1'); return redis.call('set',KEYS[2],'2')", []string{"set K1 1", "set K2 2"}},
	{"return redis.call('get',KEYS[1])", []string{"get K1"}},
	{"return redis.call('incr',KEYS[1])", []string{"incr K1"}},
	{"f1", []string{"set K1 A1"}},
}

const scriptSHA = "id2-----stands-for-a-sha1-of-40-digits--"

// streamReplay runs the rows of one server on a Streamer.
type streamReplay struct {
	*testing.T
	s   *Streamer
	now int64
}

// clientArgs splits a row's command where its client did.
func clientArgs(line string) []string {
	name, rest, _ := strings.Cut(line, " ")
	switch name {
	case "SCRIPT", "FUNCTION":
		word, text, more := strings.Cut(rest, " ")
		if more {
			return []string{name, word, text}
		}
	case "EVAL":
		for _, s := range scripts {
			if tail, ok := strings.CutPrefix(rest, s.text+" "); ok {
				return append([]string{name, s.text}, strings.Fields(tail)...)
			}
		}
	case "RESTORE":
		from, to := strings.Index(line, " b")+1, strings.LastIndexAny(line, `'"`)+1
		quoted := line[from+2 : to-1]
		quoted = strings.ReplaceAll(strings.ReplaceAll(quoted, `\'`, `'`), `"`, `\"`)
		payload, err := strconv.Unquote(`"` + quoted + `"`)
		if err != nil {
			panic("payload " + line + ": " + err.Error())
		}
		args := append(strings.Fields(line[:from]), payload)
		return append(args, strings.Fields(line[to:])...)
	}
	return strings.Fields(strings.ReplaceAll(line, "id2", scriptSHA))
}

// script runs an EVAL, EVALSHA or FCALL.
func (r streamReplay) script(args []string) [][]byte {
	text := args[1]
	if strings.EqualFold(args[0], "EVALSHA") {
		text = "return redis.call('incr',KEYS[1])"
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
	out, err := r.s.Script(r.now, 0, args, text, calls...)
	if err != nil {
		r.Errorf("%q: %v", args, err)
	}
	return out
}

// commands runs a row's commands and gives their stream.
func (r streamReplay) commands(row measuredRow) (out [][]byte) {
	db := 0
	for i := 0; i < len(row.Client); i++ {
		args := clientArgs(row.Client[i])
		refused := i < len(row.Replies) && strings.HasPrefix(row.Replies[i], "ERR")
		var got [][]byte
		var err error
		switch {
		case refused && strings.Contains(row.Replies[i], "OOM"):
			continue
		case args[0] == "SELECT":
			db, _ = strconv.Atoi(args[1])
		case args[0] == "MULTI":
			var cmds [][]string
			for i++; row.Client[i] != "EXEC" && row.Client[i] != "DISCARD"; i++ {
				cmds = append(cmds, clientArgs(row.Client[i]))
			}
			if row.Client[i] == "EXEC" {
				got, err = r.s.Multi(r.now, db, cmds...)
			}
		case strings.HasPrefix(args[0], "EVAL"), args[0] == "FCALL":
			got = r.script(args)
		default:
			got, err = r.s.Do(r.now, db, args...)
		}
		if (err != nil) != refused {
			r.Errorf("%s: %s: error %v, the server's reply is %q", row.Label, row.Client[i], err, row.Replies)
		}
		out = append(out, got...)
	}
	return out
}

// row runs one row, with what it needs and does besides its commands.
func (r streamReplay) row(row measuredRow) (out [][]byte) {
	for _, line := range unseen[row.Label] {
		if _, err := r.s.Do(r.now-unseenMs, 0, clientArgs(line)...); err != nil {
			r.Errorf("%s: %s: %v", row.Label, line, err)
		}
	}
	if strings.HasPrefix(row.Label, "SPOP") && len(row.Client) == 1 {
		r.s.Picks = strings.Fields(strings.NewReplacer("[", "", "]", "", "b'", "", "'", "", ",", "").Replace(row.Replies[0]))
	}
	switch {
	case strings.Contains(row.Label, "idle with PING"):
		// How many PINGs there were is the cron's affair.
		for range row.Stream {
			out = append(out, r.s.Ping()...)
		}
	case strings.HasPrefix(row.Label, "active expire"):
		out = r.s.ExpireKey(0, "ae")
	case strings.HasPrefix(row.Label, "maxmemory"):
		out = r.s.EvictKey(0, "ev1")
	}
	out = append(out, r.commands(row)...)
	r.s.Picks = nil
	r.s.LazyExpire = r.s.rules.LazyExpire
	return out
}

// rawStream turns the text of a row's bytes into the bytes.
func rawStream(row measuredRow) []byte {
	var raw []byte
	for _, c := range strings.NewReplacer(`\r`, "\r", `\n`, "\n", "$40\\r\\nid2", "$40\r\n"+scriptSHA).Replace(row.Raw) {
		raw = append(raw, byte(c))
	}
	return raw
}

// timeOf finds the server's clock in what a row wrote, if it is there: the
// rows' times to live are 100 s, ids and deliveries have the time itself.
func timeOf(row measuredRow) (int64, bool) {
	at := strings.Index(row.Raw, "17953") // all were measured within a few hours
	if at < 0 {
		return 0, false
	}
	ms, err := strconv.ParseInt(row.Raw[at:at+13], 10, 64)
	if err != nil {
		return 0, false
	}
	if !strings.Contains(row.Raw, "XADD") && !strings.Contains(row.Raw, "XCLAIM") {
		ms -= 100_000
	}
	return ms, true
}

// Every row of every measured server: the same bytes, command by command, the
// times in them included.
func TestStreamAsMeasured(t *testing.T) {
	names, tables := measuredStreams(t)
	for i, name := range names {
		t.Run(name, func(t *testing.T) {
			r := streamReplay{T: t, s: NewStreamer(rulesOfServer(t, name)), now: 1795300000000}
			matched, read := 0, int64(0) // read is the clock last found in a row
			for _, row := range tables[i] {
				r.now += 2 * unseenMs
				if now, ok := timeOf(row); ok {
					if read > 0 && (now < read || now > read+60_000) {
						t.Errorf("%s: the server's clock went from %d to %d", row.Label, read, now)
					}
					r.now, read = now, now
				}
				if got := r.row(row); r.same(row, got) {
					matched++
				}
			}
			t.Logf("%d of %d rows", matched, len(tables[i]))
		})
	}
}

// same compares what a row wrote with what was measured.
func (r streamReplay) same(row measuredRow, got [][]byte) bool {
	var growth int64
	var sizes []int64
	for _, command := range got {
		growth += int64(len(command))
		sizes = append(sizes, int64(len(command)))
	}
	stream := bytes.Join(got, nil)
	ok := growth == row.Growth && bytes.Equal(stream, rawStream(row)) &&
		(row.Bytes == nil && row.Client == nil || slices.Equal(sizes, row.Bytes))
	if !ok {
		r.Errorf("%s %q:\n got %d %v %q\nwant %d %v %q", row.Label, row.Client, growth, sizes, stream, row.Growth, row.Bytes, rawStream(row))
	}
	return ok
}

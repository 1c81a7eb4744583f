package scenarios

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	yaml "go.yaml.in/yaml/v4"

	"psyncsim/model"
)

// versions in the order of their release. What a redis.conf may say differs
// between them even where what they do does not, so this is knowledge about
// files, not about servers; that is in model.Profile.
var versions = []string{
	"redis-2.6", "redis-2.8", "redis-3.2", "redis-4.0", "redis-5.0",
	"redis-6.2", "redis-7.0", "redis-7.2", "redis-7.4", "valkey-8.0",
}

const (
	v26 = iota
	v28
	v32
	v40
	v50
	v62
	v70
	v72
	v74
	vk80
)

func rank(version string) int {
	for i, v := range versions {
		if v == version {
			return i
		}
	}
	return len(versions) - 1
}

// class says how a directive's value is read.
type class uint8

const (
	memory  class = iota // 1mb
	seconds              // whole seconds
	yesNo
	number
	words // anything
	limits
	saves
	policies
)

// effect says what a directive does to a run.
type effect uint8

const (
	modelled    effect = iota // it is in model.Settings
	harmless                  // it changes no outcome here
	noted                     // it changes no outcome here, but the person should know
	onlyDefault               // it would change outcomes, and is not modelled yet
)

// directive is one line of redis.conf that has to do with replication.
type directive struct {
	name, old string // the name from redis 5.0 on, and before ("" if it is the same)
	since     int    // first version that knows it
	class     class
	effect    effect
	least     int64 // of numbers, seconds and amounts
	most      int64
	fallback  string // default of the directives in onlyDefault
	why       string // what it would change, or what the note says
	set       func(s *model.Settings, v int64)
	get       func(s *model.Settings) int64
	text      func(s *model.Settings) *string // instead of set and get, of words
	choices   []string                        // of words, set and get: those that are possible, by number
}

const maxInt32 = 1<<31 - 1

var directives = []directive{
	{name: "repl-backlog-size", since: v28, class: memory, least: 1, most: maxBacklog,
		set: func(s *model.Settings, v int64) { s.BacklogSize = v },
		get: func(s *model.Settings) int64 { return s.BacklogSize }},
	{name: "repl-backlog-ttl", since: v28, class: seconds, most: maxInt32,
		set: func(s *model.Settings, v int64) { s.BacklogTTL = time.Duration(v) },
		get: func(s *model.Settings) int64 { return int64(s.BacklogTTL) }},
	{name: "repl-timeout", class: seconds, least: 1, most: maxInt32,
		set: func(s *model.Settings, v int64) { s.Timeout = time.Duration(v) },
		get: func(s *model.Settings) int64 { return int64(s.Timeout) }},
	{name: "repl-ping-replica-period", old: "repl-ping-slave-period", class: seconds, least: 1, most: maxInt32,
		set: func(s *model.Settings, v int64) { s.PingPeriod = time.Duration(v) },
		get: func(s *model.Settings) int64 { return int64(s.PingPeriod) }},
	{name: "repl-diskless-sync", since: v28, class: yesNo,
		set: func(s *model.Settings, v int64) { s.Diskless = v != 0 },
		get: func(s *model.Settings) int64 { return b2i(s.Diskless) }},
	{name: "repl-diskless-sync-delay", since: v28, class: seconds, most: maxInt32,
		set: func(s *model.Settings, v int64) { s.DisklessDelay = time.Duration(v) },
		get: func(s *model.Settings) int64 { return int64(s.DisklessDelay) }},
	{name: "shutdown-timeout", since: v70, class: seconds, most: maxInt32,
		set: func(s *model.Settings, v int64) { s.ShutdownTimeout = time.Duration(v) },
		get: func(s *model.Settings) int64 { return int64(s.ShutdownTimeout) }},
	{name: "client-output-buffer-limit", class: limits},

	{name: "repl-disable-tcp-nodelay", class: yesNo, effect: onlyDefault, fallback: "no", why: "it delays the stream by up to 40 ms"},
	{name: "repl-diskless-load", since: v62, class: words, choices: model.LoadModes[:],
		set: func(s *model.Settings, v int64) { s.DisklessLoad = model.LoadMode(v) },
		get: func(s *model.Settings) int64 { return int64(s.DisklessLoad) }},
	{name: "repl-diskless-sync-max-replicas", since: v70, class: number, most: maxInt32, effect: modelled, fallback: "0",
		set: func(s *model.Settings, v int64) { s.DisklessMax = v },
		get: func(s *model.Settings) int64 { return s.DisklessMax }},
	{name: "dual-channel-replication-enabled", since: vk80, class: yesNo,
		set: func(s *model.Settings, v int64) { s.DualChannel = v != 0 },
		get: func(s *model.Settings) int64 { return b2i(s.DualChannel) }},
	{name: "min-replicas-to-write", old: "min-slaves-to-write", since: v28, class: number, most: maxInt32,
		set: func(s *model.Settings, v int64) { s.MinReplicas = v },
		get: func(s *model.Settings) int64 { return s.MinReplicas }},
	{name: "min-replicas-max-lag", old: "min-slaves-max-lag", since: v28, class: seconds, most: maxInt32,
		set: func(s *model.Settings, v int64) { s.MinReplicasLag = time.Duration(v) },
		get: func(s *model.Settings) int64 { return int64(s.MinReplicasLag) }},
	{name: "hz", class: number, most: 500, effect: onlyDefault, fallback: "10", why: "it moves the timer on which replication waits"},
	{name: "dynamic-hz", since: v50, class: yesNo, effect: harmless},
	{name: "tcp-keepalive", class: number, most: maxInt32, effect: onlyDefault, fallback: "300", why: "a short one ends silent links before repl-timeout does"},
	{name: "appendonly", class: yesNo,
		set: func(s *model.Settings, v int64) { s.AppendOnly = v != 0 },
		get: func(s *model.Settings) int64 { return b2i(s.AppendOnly) }},
	{name: "save", class: saves},
	{name: "maxmemory", class: memory, most: maxSize,
		set: func(s *model.Settings, v int64) { s.MaxMemory = v },
		get: func(s *model.Settings) int64 { return s.MaxMemory }},
	{name: "maxmemory-policy", class: policies},
	{name: "replica-ignore-maxmemory", old: "slave-ignore-maxmemory", since: v50, class: yesNo, effect: onlyDefault, fallback: "yes", why: "replicas evict nothing of their own here"},
	{name: "replica-priority", old: "slave-priority", class: number, most: maxInt32, effect: harmless},
	{name: "replica-serve-stale-data", old: "slave-serve-stale-data", class: yesNo,
		set: func(s *model.Settings, v int64) { s.ServeStale = v != 0 },
		get: func(s *model.Settings) int64 { return b2i(s.ServeStale) }},
	{name: "lazyfree-lazy-expire", since: v40, class: yesNo,
		set: func(s *model.Settings, v int64) { s.LazyExpire = v != 0 },
		get: func(s *model.Settings) int64 { return b2i(s.LazyExpire) }},
	{name: "lazyfree-lazy-eviction", since: v40, class: yesNo,
		set: func(s *model.Settings, v int64) { s.LazyEvict = v != 0 },
		get: func(s *model.Settings) int64 { return b2i(s.LazyEvict) }},
	{name: "active-expire-effort", since: v62, class: number, most: 10, effect: onlyDefault, fallback: "1", why: "it makes the cycle that deletes expired keys look harder"},
	{name: "replica-read-only", old: "slave-read-only", class: yesNo,
		set: func(s *model.Settings, v int64) { s.ReadOnly = v != 0 },
		get: func(s *model.Settings) int64 { return b2i(s.ReadOnly) }},
	{name: "replica-announced", since: v62, class: yesNo, effect: harmless},
	{name: "replica-announce-ip", old: "slave-announce-ip", since: v32, class: words, effect: noted, why: "its handshake line is left out: one round trip before redis 6.2"},
	{name: "replica-announce-port", old: "slave-announce-port", since: v32, class: number, most: 65535, effect: harmless},
	{name: "replica-lazy-flush", old: "slave-lazy-flush", since: v40, class: yesNo, effect: harmless},
	{name: "replica-ignore-disk-write-errors", since: v70, class: yesNo, effect: harmless},
	{name: "propagation-error-behavior", since: v70, class: words, effect: harmless},
	{name: "masterauth", class: words, text: func(s *model.Settings) *string { return &s.MasterAuth }},
	{name: "masteruser", since: v62, class: words, text: func(s *model.Settings) *string { return &s.MasterUser }},
	{name: "requirepass", class: words, text: func(s *model.Settings) *string { return &s.RequirePass }},
	{name: "rdb-del-sync-files", since: v62, class: yesNo, effect: harmless},
	{name: "tls-replication", since: v62, class: yesNo, effect: onlyDefault, fallback: "no", why: "TLS handshakes and records are left out"},
}

// elsewhere are the directives of redis.conf that have nothing to do with
// replication. They are taken and have no effect.
var elsewhere = words2set(`
acl-pubsub-default aclfile acllog-max-len active-defrag-cycle-max active-defrag-cycle-min active-defrag-ignore-bytes
active-defrag-max-scan-fields active-defrag-threshold-lower active-defrag-threshold-upper activedefrag
activerehashing always-show-logo aof-load-truncated aof-rewrite-cpulist aof-rewrite-incremental-fsync aof-timestamp-enabled
aof-use-rdb-preamble aof_rewrite_cpulist appenddirname appendfilename appendfsync auto-aof-rewrite-min-size auto-aof-rewrite-percentage
bgsave-cpulist bgsave_cpulist bind bind-source-addr bio-cpulist bio_cpulist busy-reply-threshold client-query-buffer-limit
cluster-allow-pubsubshard-when-down cluster-allow-reads-when-down cluster-allow-replica-migration cluster-announce-bus-port
cluster-announce-hostname cluster-announce-human-nodename cluster-announce-ip cluster-announce-port cluster-announce-tls-port
cluster-config-file cluster-enabled cluster-link-sendbuf-limit cluster-migration-barrier cluster-node-timeout cluster-port
cluster-preferred-endpoint-type cluster-replica-no-failover cluster-replica-validity-factor cluster-require-full-coverage
cluster-slave-no-failover cluster-slave-validity-factor crash-log-enabled crash-memcheck-enabled daemonize databases dbfilename dir
disable-thp enable-debug-command enable-module-command enable-protected-configs gopher-enabled hash-max-listpack-entries
hash-max-listpack-value hash-max-ziplist-entries hash-max-ziplist-value hide-user-data-from-log hll-sparse-max-bytes ignore-warnings
io-threads io-threads-do-reads jemalloc-bg-thread latency-monitor-threshold latency-tracking latency-tracking-info-percentiles
lazyfree-lazy-server-del lazyfree-lazy-user-del lazyfree-lazy-user-flush lfu-decay-time
lfu-log-factor list-compress-depth list-max-listpack-size list-max-ziplist-entries list-max-ziplist-size list-max-ziplist-value
loadmodule locale-collate logfile loglevel lua-time-limit max-new-connections-per-cycle max-new-tls-connections-per-cycle maxclients
maxmemory-clients maxmemory-eviction-tenacity maxmemory-samples no-appendfsync-on-rewrite notify-keyspace-events oom-score-adj
oom-score-adj-values pidfile port proc-title-template protected-mode proto-max-bulk-len rdb-save-incremental-fsync rdbchecksum
rdbcompression rename-command sanitize-dump-payload server-cpulist server_cpulist set-max-intset-entries set-max-listpack-entries
set-max-listpack-value set-proc-title shutdown-on-sigint shutdown-on-sigterm slowlog-log-slower-than slowlog-max-len
socket-mark-id stop-writes-on-bgsave-error stream-node-max-bytes stream-node-max-entries supervised syslog-enabled syslog-facility
syslog-ident tcp-backlog timeout tls-auth-clients tls-ca-cert-dir tls-ca-cert-file tls-cert-file tls-ciphers tls-ciphersuites
tls-client-cert-file tls-client-key-file tls-client-key-file-pass tls-cluster tls-dh-params-file tls-key-file tls-key-file-pass tls-port
tls-prefer-server-ciphers tls-protocols tls-session-cache-size tls-session-cache-timeout tls-session-caching tracking-table-max-keys
unixsocket unixsocketperm user zset-max-listpack-entries zset-max-listpack-value zset-max-ziplist-entries zset-max-ziplist-value
`)

func words2set(s string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(s) {
		m[w] = true
	}
	return m
}

func b2i(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// nameIn is what a version calls a directive first.
func (r *directive) nameIn(version int) string {
	if r.old != "" && version < v50 {
		return r.old
	}
	return r.name
}

// knows says whether a version knows the directive by this name. Old names
// stay valid.
func (r *directive) knows(version int, name string) bool {
	return version >= r.since && (name == r.old || name == r.name && (r.old == "" || version >= v50))
}

// findDirective resolves a name for a version. A problem is returned as text.
func findDirective(version string, name string) (*directive, string) {
	at := rank(version)
	low := strings.ToLower(name)
	// valkey calls the master's side primary.
	if at >= vk80 {
		switch low {
		case "primaryauth":
			low = "masterauth"
		case "primaryuser":
			low = "masteruser"
		}
	}
	var known []string
	for i := range directives {
		r := &directives[i]
		if low == r.name || low == r.old {
			if r.knows(at, low) {
				return r, ""
			}
			if at < r.since {
				return nil, fmt.Sprintf("%s does not know it; it came with %s", version, versions[r.since])
			}
			return nil, fmt.Sprintf("%s calls it %s", version, r.nameIn(at))
		}
		if at >= r.since {
			known = append(known, r.nameIn(at))
		}
	}
	switch low {
	case "replicaof", "slaveof":
		return nil, "who follows whom is the server's own field replicaof, with the name of a server"
	case "include":
		return nil, "other files are not followed; give them as config-file, or write their lines here"
	}
	if elsewhere[low] {
		return nil, ""
	}
	if near := nearest(low, known); near != "" {
		return nil, fmt.Sprintf("%s has no such directive; did you mean %s?", version, near)
	}
	return nil, fmt.Sprintf("%s has no such directive", version)
}

// setting is a directive's value as given, and where.
type setting struct {
	dir  *directive
	args []string
	node *yaml.Node // where, in the scenario
	note notation   // how its number is written
}

// applyDirective reads a value into the settings. file is true for values of
// a configuration (raised to the least a file gives), false for CONFIG SET.
// What is wrong is returned as text, a remark in note.
func applyDirective(p *model.Profile, s *model.Settings, r *directive, args []string, file bool) (v int64, n notation, msg, note string) {
	value := strings.Join(args, " ")
	fail := func(format string, a ...any) (int64, notation, string, string) {
		return 0, asText, fmt.Sprintf(format, a...), ""
	}
	if r.class == limits {
		if msg := applyLimits(p, s, args); msg != "" {
			return fail("%s", msg)
		}
		return 0, asText, "", ""
	}
	if r.class == policies {
		policy, known := p.PolicyOf(value)
		if !known {
			return fail("%s has no such policy; it is noeviction, or one of allkeys-lru, allkeys-random, volatile-lru, volatile-random, volatile-ttl and, from redis 4.0 on, allkeys-lfu, volatile-lfu", p.Name)
		}
		s.MaxMemoryPolicy = policy
		return 0, asText, "", ""
	}
	if r.class == saves {
		if msg := applySaves(s, args); msg != "" {
			return fail("%s", msg)
		}
		return 0, asText, "", ""
	}
	if len(args) != 1 {
		return fail("expected one value")
	}
	switch r.class {
	case memory:
		if !file && r.name == "repl-backlog-size" && rank(p.Like()) <= v28 && strings.Trim(value, "0123456789") != "" && value != "" {
			return fail("CONFIG SET of %s takes plain bytes, without a unit", p.Name)
		}
		b, err := parseConfMemory(value, r.most)
		if err != nil {
			return fail("%v", err)
		}
		if b < r.least {
			return fail("redis refuses it; it must be %d or more", r.least)
		}
		v, n = b, asConfMemory
	case seconds:
		c, err := parseCount(value, r.least, r.most)
		if err != nil {
			return fail("%v; redis.conf has whole seconds here, without a unit", err)
		}
		v, n = c*int64(time.Second), asConfSeconds
	case number:
		c, err := parseCount(value, r.least, r.most)
		if err != nil {
			return fail("%v", err)
		}
		v, n = c, asCount
	case words:
		if r.choices == nil {
			break
		}
		i := slices.Index(r.choices, strings.ToLower(value))
		if i < 0 {
			return fail("expected one of %s", strings.Join(r.choices, ", "))
		}
		v = int64(i)
	case yesNo:
		switch strings.ToLower(value) {
		case "yes":
			v = 1
		case "no":
		default:
			return fail("expected yes or no")
		}
	}
	if r.name == "repl-backlog-size" {
		least := p.BacklogMinConfig
		if !file {
			least = model.MinBacklog
		}
		if v < least {
			note = fmt.Sprintf("%s raises repl-backlog-size %s to %d", p.Name, value, least)
			v = least
		}
	}
	switch r.effect {
	case modelled:
		if r.text != nil {
			*r.text(s) = value
		} else {
			r.set(s, v)
		}
	case onlyDefault:
		ok := strings.EqualFold(value, r.fallback)
		switch {
		case r.class == number || r.class == memory:
			d, _ := strconv.ParseInt(r.fallback, 10, 64)
			ok = v == d
			if r.name == "tcp-keepalive" {
				ok = v == 0 || v >= d
			}
		}
		if !ok {
			return fail("not modelled yet; only %s is possible (%s)", r.fallback, r.why)
		}
	case noted:
		note = r.name + ": " + r.why
	}
	return v, n, "", note
}

// Directive applies one directive of redis.conf to settings: as a configuration
// file does it, or else as CONFIG SET. The error says why it cannot be simulated.
func Directive(p *model.Profile, s *model.Settings, name, value string, file bool) error {
	r, msg := findDirective(p.Name, name)
	if msg == "" && r != nil {
		_, _, msg, _ = applyDirective(p, s, r, strings.Fields(value), file)
	}
	if msg != "" {
		return fmt.Errorf("%s %s: %s", name, value, msg)
	}
	return nil
}

// applyLimits reads the groups "class hard soft seconds" of
// client-output-buffer-limit; only those of replicas matter.
func applyLimits(p *model.Profile, s *model.Settings, args []string) string {
	const want = "expected class hard soft seconds, such as replica 256mb 64mb 60"
	if len(args) == 0 || len(args)%4 != 0 {
		return want
	}
	for i := 0; i < len(args); i += 4 {
		hard, err1 := parseConfMemory(args[i+1], maxSize)
		soft, err2 := parseConfMemory(args[i+2], maxSize)
		secs, err3 := parseCount(args[i+3], 0, maxInt32)
		for _, err := range []error{err1, err2, err3} {
			if err != nil {
				return fmt.Sprintf("%v; %s", err, want)
			}
		}
		switch c := strings.ToLower(args[i]); {
		case c == "normal" || c == "pubsub":
		case c == "replica" && rank(p.Like()) < v50:
			return p.Name + " calls the class slave"
		case c == "slave" || c == "replica":
			s.HardLimit, s.SoftLimit, s.SoftSeconds = hard, soft, time.Duration(secs)*time.Second
		default:
			return fmt.Sprintf("unknown class %s; expected normal, replica or pubsub", shorten(args[i]))
		}
	}
	return ""
}

// applySaves reads save points, "seconds changes" again and again; "" is none.
// What was there before is gone.
func applySaves(s *model.Settings, args []string) string {
	const want = `expected seconds and changes, such as 3600 1 300 100, or "" for none`
	words := strings.Fields(strings.Join(args, " "))
	if len(words)%2 != 0 {
		return want
	}
	if len(words)/2 > model.MaxSavePoints {
		return fmt.Sprintf("%d save points; at most %d", len(words)/2, model.MaxSavePoints)
	}
	var list model.SavePoints
	for i := 0; i < len(words); i += 2 {
		secs, err1 := parseCount(words[i], 1, maxInt32)
		changes, err2 := parseCount(words[i+1], 1, maxInt32)
		for _, err := range []error{err1, err2} {
			if err != nil {
				return fmt.Sprintf("%v; %s", err, want)
			}
		}
		list[i/2] = model.SavePoint{Seconds: secs, Changes: changes}
	}
	s.SavePoints = list
	return ""
}

// savesText writes save points as redis.conf does.
func savesText(list *model.SavePoints) string {
	var words []string
	for _, p := range list {
		if p.Changes > 0 {
			words = append(words, strconv.FormatInt(p.Seconds, 10), strconv.FormatInt(p.Changes, 10))
		}
	}
	return strings.Join(words, " ")
}

// defaultText is what redis.conf would say for the present value, or "".
func defaultText(p *model.Profile, r *directive, s *model.Settings) string {
	switch {
	case r.class == limits:
		class := "replica"
		if rank(p.Like()) < v50 {
			class = "slave"
		}
		return fmt.Sprintf("%s %s %s %d", class, confMemoryText(s.HardLimit), confMemoryText(s.SoftLimit), int64(s.SoftSeconds/time.Second))
	case r.class == policies:
		return s.MaxMemoryPolicy.String()
	case r.class == saves:
		if text := savesText(&s.SavePoints); text != "" {
			return text
		}
		return `""`
	case r.effect != modelled || r.text != nil:
		return ""
	case r.choices != nil:
		return r.choices[r.get(s)]
	case r.class == yesNo:
		if r.get(s) != 0 {
			return "yes"
		}
		return "no"
	case r.class == seconds:
		return asConfSeconds.format(r.get(s))
	}
	return confMemoryText(r.get(s))
}

// confMemoryText writes an amount as people do in redis.conf.
func confMemoryText(v int64) string {
	switch {
	case v > 0 && v%(1<<30) == 0:
		return strconv.FormatInt(v>>30, 10) + "gb"
	case v > 0 && v%(1<<20) == 0:
		return strconv.FormatInt(v>>20, 10) + "mb"
	case v > 0 && v%(1<<10) == 0:
		return strconv.FormatInt(v>>10, 10) + "kb"
	}
	return strconv.FormatInt(v, 10)
}

// confLine splits a line of redis.conf into words as sdssplitargs does: words
// between blanks, or in quotes. ok is false for an open quote.
func confLine(s string) (args []string, ok bool) {
	for {
		s = strings.TrimLeft(s, " \t\r\n\v\f\x00")
		if s == "" {
			return args, true
		}
		var b strings.Builder
		quote := byte(0)
		i := 0
	word:
		for ; i < len(s); i++ {
			c := s[i]
			switch {
			case quote == '"' && c == '\\' && i+3 < len(s) && s[i+1] == 'x' && isHex(s[i+2]) && isHex(s[i+3]):
				v, _ := strconv.ParseUint(s[i+2:i+4], 16, 8)
				b.WriteByte(byte(v))
				i += 3
			case quote == '"' && c == '\\' && i+1 < len(s):
				i++
				b.WriteByte(unescape(s[i]))
			case quote == '\'' && c == '\\' && i+1 < len(s) && s[i+1] == '\'':
				i++
				b.WriteByte('\'')
			case quote != 0 && c == quote:
				quote = 0
				if i+1 < len(s) && !strings.ContainsRune(" \t\r\n", rune(s[i+1])) {
					return nil, false
				}
			case quote != 0:
				b.WriteByte(c)
			case c == '"' || c == '\'':
				quote = c
			case strings.ContainsRune(" \t\r\n", rune(c)):
				break word
			default:
				b.WriteByte(c)
			}
		}
		if quote != 0 {
			return nil, false
		}
		args = append(args, b.String())
		s = s[i:]
	}
}

func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'b':
		return '\b'
	case 'a':
		return '\a'
	}
	return c
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}

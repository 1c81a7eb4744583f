package scenarios

import (
	"fmt"
	"strings"
	"time"

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
	{name: "appendfsync", class: words, choices: model.FsyncPolicies[:],
		set: func(s *model.Settings, v int64) { s.Fsync = model.FsyncPolicy(v) },
		get: func(s *model.Settings) int64 { return int64(s.Fsync) }},
	{name: "auto-aof-rewrite-percentage", class: number, most: maxInt32,
		set: func(s *model.Settings, v int64) { s.RewritePercent = v },
		get: func(s *model.Settings) int64 { return s.RewritePercent }},
	{name: "auto-aof-rewrite-min-size", class: memory, most: maxSize,
		set: func(s *model.Settings, v int64) { s.RewriteMin = v },
		get: func(s *model.Settings) int64 { return s.RewriteMin }},
	{name: "no-appendfsync-on-rewrite", class: yesNo, effect: onlyDefault, fallback: "no", why: "fsyncs wait for a child then, and WAITAOF with them"},
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
	{name: "stop-writes-on-bgsave-error", class: yesNo,
		set: func(s *model.Settings, v int64) { s.StopWrites = v != 0 },
		get: func(s *model.Settings) int64 { return b2i(s.StopWrites) }},
	{name: "replica-ignore-disk-write-errors", since: v70, class: yesNo,
		set: func(s *model.Settings, v int64) { s.IgnoreDisk = v != 0 },
		get: func(s *model.Settings) int64 { return b2i(s.IgnoreDisk) }},
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
aof-use-rdb-preamble aof_rewrite_cpulist appenddirname appendfilename
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
maxmemory-clients maxmemory-eviction-tenacity maxmemory-samples notify-keyspace-events oom-score-adj
oom-score-adj-values pidfile port proc-title-template protected-mode proto-max-bulk-len rdb-save-incremental-fsync rdbchecksum
rdbcompression rename-command sanitize-dump-payload server-cpulist server_cpulist set-max-intset-entries set-max-listpack-entries
set-max-listpack-value set-proc-title shutdown-on-sigint shutdown-on-sigterm slowlog-log-slower-than slowlog-max-len
socket-mark-id stream-node-max-bytes stream-node-max-entries supervised syslog-enabled syslog-facility
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

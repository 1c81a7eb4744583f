package observe

import (
	"strconv"
	"strings"
	"time"
)

// columns of the file. All but the first and the last are fields of INFO; one
// that the server does not have is empty.
var columns = []string{
	"unix_ms", "master_repl_offset", "connected_slaves", "repl_backlog_active", "repl_backlog_size", "repl_backlog_first_byte_offset",
	"repl_backlog_histlen", "sync_full", "sync_partial_ok", "sync_partial_err", "instantaneous_output_repl_kbps", "instantaneous_ops_per_sec",
	"total_commands_processed", "used_memory", "maxmemory", "mem_replication_backlog", "mem_clients_slaves", "aof_enabled",
	"role", "redis_version", "valkey_version", "run_id", "master_replid", "master_replid2", "master_sync_in_progress", "slave0", "slave1", "slave2", "gap",
}

// parse reads INFO's fields.
func parse(text string) map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":"); ok {
			m[name] = value
		}
	}
	return m
}

// format is one row. The commas inside a value, as slave0 has, become semicolons.
func format(fields map[string]string, at time.Time, gap string) string {
	b := strconv.AppendInt(nil, at.UnixMilli(), 10)
	for _, name := range columns[1 : len(columns)-1] {
		b = append(append(b, ','), strings.ReplaceAll(fields[name], ",", ";")...)
	}
	return string(b) + "," + gap + "\n"
}

package scenarios

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEvictingReplica: a replica up to 4.0 may have maxmemory where nobody hears of what
// it evicts.
func TestEvictingReplica(t *testing.T) {
	const file = `question: x
duration: 20s
servers:
  m: {version: V}
  r: {version: V, replicaof: m, config: {maxmemory: 4mb, save: ""}}
  s: {version: V, replicaof: m}
`
	for _, c := range []struct{ version, old, new, want string }{
		{"redis-4.0", "", "", ""},
		{"redis-2.6", "", "", ""},
		{"redis-6.2", `, save: ""`, "", ""},
		{"redis-4.0", `, save: ""`, "", "what it saves"},
		{"redis-4.0", `save: ""`, `save: "", appendonly: yes`, "what it saves"},
		{"redis-3.2", "s: {version: V, replicaof: m}", "s: {version: V, replicaof: r}", "what its own replicas get"},
		{"redis-5.0", "s: {version: V, replicaof: m}", "s: {version: V, replicaof: r}", ""},
		{"redis-3.2", "s: {version: V, replicaof: m}\n", "s: {version: V, replicaof: m}\nfaults: [{at: 1s, server: r, kind: promote}]\n", "becomes a master"},
		{"redis-3.2", "s: {version: V, replicaof: m}\n", "s: {version: V, replicaof: m}\nfaults: [{at: 1s, server: s, kind: replicaof, to: r}]\n", "what its own replicas get"},
		{"redis-3.2", "s: {version: V, replicaof: m}\n", "s: {version: V, replicaof: m}\nfaults: [{at: 1s, server: s, kind: config, set: {maxmemory: 1mb}}]\n", "what it saves"},
	} {
		name := filepath.Join(t.TempDir(), "x.yaml")
		text := strings.ReplaceAll(strings.Replace(file, c.old, c.new, 1), "V,", c.version+",")
		text = strings.ReplaceAll(text, "version: V}", "version: "+c.version+"}")
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := ReadFile(name, nil)
		if got := errText(err); (c.want == "") != (err == nil) || !strings.Contains(got, c.want) {
			t.Errorf("%s, %q: %q, not %q", c.version, c.new, got, c.want)
		}
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

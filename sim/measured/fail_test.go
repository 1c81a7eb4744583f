package measured

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"psyncsim/model"
)

// TestEveryMemberCounts changes one member of a recording after the other. A
// case that then still agrees would not have been compared in that member. With
// -short every eighth is tried.
func TestEveryMemberCounts(t *testing.T) {
	cases := map[string][]string{
		"2.8.24":         {"bnd-16k-p1", "first-sync-defaults", "mrestart-nosave-empty", "stair-16k-att", "stream-bytes"},
		"4.0.14":         {"fo-star-clean-no-writes", "t-refused-restore", "idle-ping-3"},
		"6.2.16":         {"probe-master", "mrestart-nosave-leftover", "t-reset-reconnect", "idle-ping-1"},
		"7.0.15-debian":  {"t-refused-restore", "t-reset-reconnect"},
		"7.2.6":          {"mrestart-nosave-empty", "bnd-16k-p40960"},
		"7.4.1-jemalloc": {"bnd-16k-p0", "bnd-16k-p4096"},
		"valkey-8.0.1":   {"fo-star-clean-no-writes", "mrestart-nosave-leftover", "idle-ping-1", "stream-bytes"},
	}
	for server, ids := range cases {
		f := read(t, server)
		text, err := os.ReadFile(filepath.Join(recordings, server+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var doc struct {
			Cases []map[string]any `json:"cases"`
		}
		if err := json.Unmarshal(text, &doc); err != nil {
			t.Fatal(err)
		}
		for i, c := range f.Cases {
			if slices.Contains(ids, c.ID) {
				t.Run(server+"/"+c.ID, func(t *testing.T) { t.Parallel(); everyMember(t, c, doc.Cases[i]) })
			}
		}
	}
}

func everyMember(t *testing.T, c *Case, doc map[string]any) {
	prof, err := Profile(c.file.Server)
	if err != nil {
		t.Fatal(err)
	}
	agreed := c.Play(Options{})
	if !agreed.Agree {
		t.Fatalf("%s %s does not agree even unchanged: %v", c.file.Server, c.ID, agreed.Differences)
	}
	changed := 0
	alter(doc, "", func(path string) {
		if free(path, doc) {
			return
		}
		if changed++; testing.Short() && changed%8 != 0 {
			return
		}
		text, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		other := &Case{file: c.file}
		if json.Unmarshal(text, other) != nil {
			return // refused: it counts
		}
		if other.again(prof, agreed.Seed).Agree {
			t.Errorf("%s %s agrees with another %s", c.file.Server, c.ID, path)
		}
	})
	t.Logf("%s %s: %d members", c.file.Server, c.ID, changed)
}

// again plays a case as it once agreed.
func (c *Case) again(prof *model.Profile, seed uint64) Result {
	if c.asksStreams() {
		return c.playStreams(prof)
	}
	return c.playOnce(prof, seed, Options{hasty: true})
}

// free members hold nothing that could be compared: who the case is, what only
// describes it, what no server says or does.
func free(path string, doc map[string]any) bool {
	for _, prefix := range []string{".id", ".title", ".version", ".params", ".duration_s", ".notes"} {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	if strings.HasPrefix(path, ".observed.facts.table") {
		// Of the table of raw probes all is in their events. Of the streams of
		// commands what was sent is free, for reads write nothing whatever they say.
		said := strings.Contains(path, ".client") || strings.Contains(path, ".label") || strings.Contains(path, ".replies")
		return doc["id"] != "stream-bytes" || said
	}
	if doc["id"] == "stream-bytes" && path == ".events[0].node" { // its only server, of any name
		return true
	}
	last := path[strings.LastIndex(path, ".")+1:]
	if last == "label" || last == "op" || last == "kind" || strings.HasPrefix(last, "capa") {
		return last != "op" // an unknown event counts
	}
	var n int
	if _, err := fmt.Sscanf(path, ".events[%d].", &n); err == nil {
		e := doc["events"].([]any)[n].(map[string]any)
		switch {
		case last == "t": // later is no difference, if nothing depends on it
			return !strings.HasPrefix(fmt.Sprint(e["op"]), "psync") && e["op"] != "connect_attempt" && e["op"] != "conn_closed" && e["op"] != "rdb_header"
		case last == "cmd_bytes":
			return e["commands"] == 1.0 // then bytes says it all
		case last == "request": // what is wrong may be wrong in another way
			return strings.HasPrefix(fmt.Sprint(e["reply"]), "-ERR")
		}
		return last == "s" || last == "new_connections" || e["op"] == "start" && last != "node"
	}
	return false
}

// alter changes each leaf below v, calls try, and changes it back.
func alter(v any, path string, try func(path string)) {
	each := func(name string, old any, set func(any)) {
		switch x := old.(type) {
		case map[string]any, []any:
			alter(x, path+name, try)
			return
		case float64:
			set(x + 1000)
		case string:
			set(other(x))
		case bool:
			set(!x)
		case nil:
			set("something")
		}
		try(path + name)
		set(old)
	}
	switch x := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(mapKeys(x)) {
			each("."+key, x[key], func(v any) { x[key] = v })
		}
	case []any:
		for i := range x {
			each(fmt.Sprintf("[%d]", i), x[i], func(v any) { x[i] = v })
		}
	}
}

// other is a text that says something else.
func other(s string) string {
	if strings.HasPrefix(s, "ip=") {
		return strings.Replace(s, "state=online", "state=offline", 1)
	}
	if isToken(s) {
		return "id77x"
	}
	return s + "x"
}

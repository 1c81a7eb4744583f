package live

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"psyncsim/model"
	"psyncsim/sim/live/redisd"
	"psyncsim/sim/trace"
)

// redisServer is the path of a real server. Without one the test is skipped,
// which on a machine that checks (CI is set) is a failure.
func redisServer(t *testing.T) string {
	t.Helper()
	path, err := redisd.Find()
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("CI needs redis-server (Debian package redis-server)")
		}
		t.Skip("SKIPPED, not passed: redis-server is not installed")
	}
	return path
}

// installed is the name of the profile of the installed server.
func installed(t *testing.T) string {
	t.Helper()
	line, version, err := redisd.Version(redisServer(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := model.LookupProfile(line); !ok {
		t.Skipf("SKIPPED, not passed: no profile is like the installed %s (%s)", line, version)
	}
	return line
}

// profiles are those that are played at length: that of the installed server,
// and the newest that keeps its history in a ring.
func profiles(t *testing.T) []string {
	t.Helper()
	if like := installed(t); like != "redis-6.2" {
		return []string{"redis-6.2", like}
	}
	return []string{"redis-6.2"}
}

// startReal starts a real server that puts no PING into its stream.
func startReal(t *testing.T, args ...string) *redisd.Server {
	t.Helper()
	s, err := redisd.Start(redisServer(t), append([]string{"--hz", "100", "--repl-ping-slave-period", "3600"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of the real server:\n%s", last(s.Log(), 30))
		}
		s.Kill()
	})
	return s
}

func last(text string, lines int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// recorder keeps a trace.
type recorder struct {
	mu   sync.Mutex
	recs []trace.Record
}

func (r *recorder) Observe(rec *trace.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.recs = append(r.recs, *rec)
}

func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var b []byte
	for i := range r.recs {
		b = append(r.recs[i].AppendText(b), '\n')
	}
	return last(string(b), 60)
}

// count is how often a fact was told; newest gives the last one.
func (r *recorder) count(kind model.EventKind) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.recs {
		if r.recs[i].Event.Kind == kind {
			n++
		}
	}
	return n
}

func (r *recorder) newest(kind model.EventKind) (e model.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.recs {
		if r.recs[i].Event.Kind == kind {
			e = r.recs[i].Event
		}
	}
	return e
}

// startNode starts one of our nodes. Its trace is shown when the test fails.
func startNode(t *testing.T, name, profile, master string, change func(*Config)) (*Node, *recorder) {
	t.Helper()
	prof, ok := model.LookupProfile(profile)
	if !ok {
		t.Fatalf("no profile %s", profile)
	}
	rec := &recorder{}
	c := Config{Server: model.ServerConfig{Name: name, Profile: prof, Settings: prof.Defaults(), Master: master},
		Listen: "127.0.0.1:0", Watch: []trace.Watcher{rec}}
	c.Server.Settings.PingPeriod = time.Hour
	if change != nil {
		change(&c)
	}
	n, err := Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("trace of %s:\n%s", name, rec)
		}
	})
	return n, rec
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); !ok(); time.Sleep(3 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("it never happened: %s", what)
		}
	}
}

func field(t *testing.T, s *redisd.Server, name string) int64 {
	t.Helper()
	n, err := s.Number(name)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func do(t *testing.T, s *redisd.Server, words ...string) any {
	t.Helper()
	v, err := s.Command(words...)
	if err != nil {
		t.Fatalf("%q: %v", words, err)
	}
	return v
}

// realTexts reads all keys of a database of a real server.
func realTexts(t *testing.T, s *redisd.Server, db int) map[string]string {
	t.Helper()
	ctx := context.Background()
	c := s.Conn()
	defer c.Close() // after what follows
	if err := c.Select(ctx, db).Err(); err != nil {
		t.Fatal(err)
	}
	defer c.Select(ctx, 0) // the connection goes back to the others
	m := map[string]string{}
	var at uint64
	for {
		keys, next, err := c.Scan(ctx, at, "", 1000).Result()
		if err != nil {
			t.Fatal(err)
		}
		if len(keys) > 0 {
			values, err := c.MGet(ctx, keys...).Result()
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range values {
				m[keys[i]], _ = v.(string)
			}
		}
		if at = next; at == 0 {
			return m
		}
	}
}

// sameData compares every database of both.
func sameData(t *testing.T, n *Node, s *redisd.Server) {
	t.Helper()
	keys := 0
	for db := range 16 {
		var ours map[string]string
		if err := n.Query(func(_ *model.Server, d *Dataset) { ours = d.Texts(db) }); err != nil {
			t.Fatal(err)
		}
		theirs := realTexts(t, s, db)
		keys += len(theirs)
		if diff := difference(ours, theirs); diff != "" {
			t.Errorf("database %d differs: %s", db, diff)
		}
	}
	if keys == 0 {
		t.Error("nothing was compared")
	}
}

func difference(ours, theirs map[string]string) string {
	for k, v := range theirs {
		if o, ok := ours[k]; !ok {
			return fmt.Sprintf("%d keys and %d: we lack %q", len(ours), len(theirs), k)
		} else if o != v {
			return fmt.Sprintf("%q is %.60q, should be %.60q", k, o, v)
		}
	}
	if len(ours) != len(theirs) {
		return fmt.Sprintf("we have %d keys, should have %d", len(ours), len(theirs))
	}
	return ""
}

// listenIn is a Tap that keeps what the master side said on each connection.
type listenIn struct {
	mu   sync.Mutex
	said map[int][]byte
	last int
}

func (l *listenIn) tap(conn int, dialer bool, b []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.said == nil {
		l.said = map[int][]byte{}
	}
	l.last = max(l.last, conn)
	if !dialer {
		l.said[conn] = append(l.said[conn], b...)
	}
}

// after is what the master said on the newest connection behind the line that
// begins with word.
func (l *listenIn) after(word string) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, rest, _ := bytes.Cut(l.said[l.last], []byte(word))
	_, rest, _ = bytes.Cut(rest, []byte("\r\n"))
	return bytes.Clone(rest)
}

func startProxy(t *testing.T, target string, tap Tap) *Proxy {
	t.Helper()
	p, err := NewProxy(target, tap)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

package live

import (
	"bufio"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"psyncsim/model"
	"psyncsim/sim/live/redisd"
)

// ourInfo is INFO of a node as a server would print it.
func ourInfo(t *testing.T, n *Node) map[string]string {
	t.Helper()
	info, err := n.Info()
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]string{"run_id": string(info.RunID)}
	for _, f := range info.Fields() {
		if m[f.Name] = f.Text; f.Text == "" {
			m[f.Name] = strconv.FormatInt(f.Number, 10)
		}
	}
	return m
}

// probe compares all answers and the counters that they moved.
func probe(t *testing.T, n *Node, real *redisd.Server, probes []Probe) {
	t.Helper()
	info, err := real.Fields()
	if err != nil {
		t.Fatal(err)
	}
	before := ourInfo(t, n)
	ours, theirs := sides(t, n, real)
	if ours.BothLines { // of an answer with two lines which comes first is chance while others ask
		probes = slices.DeleteFunc(slices.Clone(probes), func(p Probe) bool {
			return p.Then != "" && len(p.Words) > 2 && p.Words[2] == "abc" || strings.Contains(p.Raw, "abc") || strings.Contains(p.Raw, "-x")
		})
	}
	diffs, err := Compare(ours, theirs, probes)
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range diffs {
		if i == 60 {
			break
		}
		t.Errorf("%v\n\tours   %s\n\ttheirs %s", d.Probe, d.Ours, d.Theirs)
	}
	after, err := real.Fields()
	if err != nil {
		t.Fatal(err)
	}
	us := ourInfo(t, n)
	for _, name := range []string{"sync_full", "sync_partial_ok", "sync_partial_err", "master_repl_offset"} {
		moved := func(to, from map[string]string) int64 {
			a, _ := strconv.ParseInt(to[name], 10, 64)
			b, _ := strconv.ParseInt(from[name], 10, 64)
			return a - b
		}
		if o, r := moved(us, before), moved(after, info); o != r {
			t.Errorf("%s moved by %d, should by %d", name, o, r)
		}
	}
	t.Logf("%d requests, %d answered differently", len(probes), len(diffs))
}

// bothLines asks with offsets that are no numbers while nobody else asks, and
// compares all lines before the snapshot.
func bothLines(t *testing.T, n *Node, real *redisd.Server) {
	t.Helper()
	ours, theirs := sides(t, n, real)
	for _, id := range []string{"{id}", "?", "{id}0", "{id2}"} {
		for _, at := range []string{"abc", "", "05", "-", "99999999999999999999", "5 "} {
			var said [2]string
			for i, s := range []Side{ours, theirs} {
				eventually(t, "nobody is served", func() bool {
					info, err := n.Info()
					m, err2 := real.Fields()
					return err == nil && err2 == nil && !info.BgsaveInProgress && info.ConnectedSlaves == 0 && m["rdb_bgsave_in_progress"] == "0" && m["connected_slaves"] == "0"
				})
				c, err := net.Dial("tcp", s.Addr)
				if err != nil {
					t.Fatal(err)
				}
				r := bufio.NewReader(c)
				_, _ = c.Write(Probe{Words: []string{"PSYNC", id, at}}.wire(&s))
				for range 2 {
					line := hear(c, r, 5*time.Second)
					if strings.HasPrefix(line, "$") {
						break
					}
					if said[i] += s.name(line) + "; "; line == Closed || line == Silence || strings.HasPrefix(line, "+CONTINUE") {
						break
					}
				}
				c.Close()
			}
			if said[0] != said[1] {
				t.Errorf("PSYNC %s %q alone: ours %q, theirs %q", id, at, said[0], said[1])
			}
		}
	}
}

// Both were replicas of one master and were promoted, so that both have a second
// id. Each request is then answered alike.
func TestProbes(t *testing.T) {
	t.Parallel()
	profile := installed(t)
	top := startReal(t, "--repl-diskless-sync", "no")
	host, port, _ := strings.Cut(top.Addr, ":")
	real := startReal(t, "--repl-diskless-sync", "no", "--repl-backlog-size", "64kb", "--slaveof", host, port)
	n, _ := startNode(t, "probed", profile, top.Addr, func(c *Config) {
		c.Server.Settings.BacklogSize = 64 << 10
		c.Server.Settings.SavePoints = model.SavePoints{}
		c.Server.Settings.Diskless = false
		c.Server.LibcMalloc = libcMalloc(t, real)
	})
	caughtUp(t, n, top)
	eventually(t, "both follow", func() bool {
		m, err := real.Fields()
		return err == nil && m["master_link_status"] == "up" && m["master_repl_offset"] == strconv.FormatInt(mro(t, n), 10)
	})
	for i := range 100 {
		do(t, top, "set", "shared", strconv.Itoa(i))
	}
	caughtUp(t, n, top)
	eventually(t, "both have it all", func() bool { return field(t, real, "master_repl_offset") == mro(t, n) })

	t.Run("while the link is down", func(t *testing.T) {
		top.Kill()
		eventually(t, "both noticed", func() bool {
			m, err := real.Fields()
			return err == nil && m["master_link_status"] == "down" && !linkUp(t, n)
		})
		probe(t, n, real, slices.DeleteFunc(append([]Probe{{Words: []string{"SYNC"}}}, Requests()...), Probe.TakesOver))
	})
	prof, _ := model.LookupProfile(profile)
	takeOver(t, n, real, prof)
	more := func(count int) {
		for i := range count {
			do(t, real, "set", "own", strings.Repeat("v", i%100))
			if err := n.Write("SET", "own", strings.Repeat("v", i%100)); err != nil {
				t.Fatal(err)
			}
		}
	}
	more(100)
	if !prof.BadOffsetError {
		t.Run("offsets that are no numbers", func(t *testing.T) { bothLines(t, n, real) })
	}
	t.Run("second id in the backlog", func(t *testing.T) { probe(t, n, real, Requests()) })
	more(2000)
	t.Run("second id below the backlog", func(t *testing.T) { probe(t, n, real, Requests()) })
	// malloc of the C library may give a block some bytes more than usual.
	slack := int64(0)
	if libcMalloc(t, real) {
		slack = 64
	}
	if us, them := sides(t, n, real); max(us.First-them.First, them.First-us.First) > slack || us.Next != them.Next {
		t.Errorf("we hold [%d, %d), should hold [%d, %d)", us.First, us.Next, them.First, them.Next)
	}
}

// like is the profile that a server is like.
func like(t *testing.T, s *redisd.Server) string {
	t.Helper()
	m, err := s.Fields()
	if err != nil {
		t.Fatal(err)
	}
	kind, version := "redis", m["redis_version"]
	if v := m["valkey_version"]; v != "" {
		kind, version = "valkey", v
	}
	parts := strings.SplitN(version, ".", 3)
	return kind + "-" + parts[0] + "." + parts[1]
}

// libcMalloc says whether a server takes its memory from the C library, which
// decides the size of the blocks of its history.
func libcMalloc(t *testing.T, s *redisd.Server) bool {
	t.Helper()
	m, err := s.Fields()
	if err != nil {
		t.Fatal(err)
	}
	return m["mem_allocator"] == "libc"
}

// takeOver makes masters of both: by the request that a master sends in a planned
// failover if the version knows it, else by order. Before 4.0 a promoted replica
// has no history: the first request begins one.
func takeOver(t *testing.T, n *Node, real *redisd.Server, prof *model.Profile) {
	t.Helper()
	us, them := sides(t, n, real)
	if !prof.Failover {
		if err := n.ReplicaOf(""); err != nil {
			t.Fatal(err)
		}
		do(t, real, "slaveof", "no", "one")
	}
	for _, s := range []Side{us, them} {
		switch {
		case prof.Failover:
			answer, err := Ask(s, Probe{Words: []string{"PSYNC", "{id}", "{next}", "failover"}, Capa: true})
			if err != nil || !regexp.MustCompile(`^\+CONTINUE [0-9a-f]{40}$`).MatchString(answer) || strings.Contains(answer, s.ID) {
				t.Fatalf("asked to take over: %q, %v", answer, err)
			}
		case prof.PSYNC == 1:
			if answer, err := Ask(s, Probe{Words: []string{"PSYNC", "?", "-1"}}); err != nil || !strings.HasPrefix(answer, "+FULLRESYNC {id} ") {
				t.Fatalf("asked for a first sync: %q, %v", answer, err)
			}
		}
	}
	usNow, themNow := sides(t, n, real)
	if prof.PSYNC == 2 && (usNow.ID2 != us.ID || themNow.ID2 != them.ID || usNow.Second != themNow.Second || usNow.Second != us.Next) {
		t.Errorf("after taking over: %+v and %+v", usNow, themNow)
	}
}

// sides are both servers as they are now.
func sides(t *testing.T, n *Node, real *redisd.Server) (us, them Side) {
	t.Helper()
	info, err := real.Fields()
	if err != nil {
		t.Fatal(err)
	}
	if them, err = SideOf(real.Addr, info); err != nil {
		t.Fatal(err)
	}
	if us, err = SideOf(n.Addr(), ourInfo(t, n)); err != nil {
		t.Fatal(err)
	}
	p, _ := model.LookupProfile(like(t, real))
	us.BothLines, them.BothLines = !p.BadOffsetError, !p.BadOffsetError
	return us, them
}

// Symbols are filled and names put back.
func TestProbeSymbols(t *testing.T) {
	s := Side{ID: strings.Repeat("ab", 20), ID2: string(model.ZeroID), First: 10, Next: 21, Second: -1}
	for text, want := range map[string]string{
		"{first-1} {next+2} {middle} {second}": "9 23 15 -1",
		"{id:39}x{id:upper}":                   s.ID[:39] + "x" + strings.ToUpper(s.ID),
		"{} {X}":                               "{} {X}",
	} {
		if got := s.fill(text); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
	if got := s.name("+FULLRESYNC " + s.ID + " 20"); got != "+FULLRESYNC {id} {mro}" {
		t.Error(got)
	}
}

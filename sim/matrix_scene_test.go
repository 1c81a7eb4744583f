package sim

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"psyncsim/model"
	"psyncsim/sim/trace"
)

// A scene is what the conversations of the matrix are played on.

// scene is a run by hand: a, its replicas b and c.
type scene struct {
	w    *World
	prof *model.Profile
	out  strings.Builder
	wire bool
}

// told are the facts that a conversation shows.
var told = []string{"ask", "judge", "new-id", "promoted", "lost", "peer-gone", "backlog-created", "backlog-freed", "backlog-resized", "ping",
	"continued", "dial-failed", "stopping", "abandoned", "answered", "writable"}

func (s *scene) Observe(r *trace.Record) {
	line := string(r.AppendText(nil))
	if !slices.Contains(told, strings.Fields(line)[2]) {
		return
	}
	line = identifier.ReplaceAllStringFunc(line, func(id string) string { return id[:6] })
	s.line("%s", strings.TrimSpace(line))
}

func (s *scene) line(format string, args ...any) { fmt.Fprintf(&s.out, "  "+format+"\n", args...) }

// Hear shows what goes over the wire, for conversations about that.
func (s *scene) Hear(_ model.Instant, g Signal) {
	if s.wire && g.Kind == SignalData && len(g.Data) > 0 {
		text := identifier.ReplaceAllStringFunc(strconv.Quote(string(g.Data)), func(id string) string { return id[:6] })
		s.line("%c> %s", 'a'+rune(g.From), text)
	}
}

func (s *scene) wait(d time.Duration) { s.w.Advance(s.w.Now() + model.Instant(d)) }

func (s *scene) write(server, kilobytes int) {
	for range kilobytes {
		s.w.Write(server, 1024)
	}
	s.wait(50 * time.Millisecond)
}

// info shows some fields of INFO.
func (s *scene) info(server int, names ...string) {
	info := s.w.Info(server)
	if info == nil {
		s.line("%c does not run", 'a'+rune(server))
		return
	}
	text := string('a' + rune(server))
	for _, f := range info.Fields() {
		if slices.Contains(names, f.Name) {
			text += " " + f.Name + "=" + f.Text
			if f.Text == "" {
				text += strconv.FormatInt(f.Number, 10)
			}
		}
	}
	s.line("%s", identifier.ReplaceAllStringFunc(text, func(id string) string { return id[:6] }))
}

// socketLoad shows a snapshot that is loaded as it arrives and breaks off, first in
// a server that had nothing, then in one that has the same history.
func (s *scene) socketLoad() {
	if !s.prof.DisklessLoad {
		s.line("does not know it")
		return
	}
	fields := []string{"loading", "async_loading", "master_link_status", "slave_repl_offset", "master_replid"}
	s.w.SetDataset(0, 10_000_000)
	s.w.SetDataset(1, 0)
	s.w.Shutdown(1, false)
	s.w.Start(1, nil)
	s.wait(time.Second)
	s.out.Reset()
	s.w.Shape(0, 1, time.Millisecond, 1_000_000)
	s.w.Order(FaultConfig{Kind: FaultReplicaOf, Server: 1, Peer: 0})
	for range 2 {
		s.wait(5 * time.Second)
		s.info(1, fields...)
		s.w.Cut(0, 1, true)
		s.wait(10 * time.Millisecond)
		s.info(1, fields...)
		s.w.Heal(0, 1)
		s.wait(13 * time.Second)
		s.info(1, fields...)
		set := s.w.cfg.Servers[1].Settings
		set.DisklessLoad = model.LoadSwap
		s.w.Order(FaultConfig{Kind: FaultConfigSet, Server: 1, Settings: &set})
		s.w.Cut(0, 1, true)
		s.write(0, 60)
		s.w.Heal(0, 1)
	}
}

// streams shows commands on the stream.
func (s *scene) streams() {
	rules, ok := model.LookupStreamRules(s.prof.Name)
	if !ok {
		s.line("no rules are known")
		return
	}
	show := func(client string, out [][]byte, err error) {
		text := strings.NewReplacer("\r\n", " ").Replace(string(bytes.Join(out, nil)))
		if err != nil {
			text = err.Error()
		}
		s.line("%s: %d bytes: %s", client, len(bytes.Join(out, nil)), text)
	}
	const now = 1_700_000_000_000
	st := model.NewStreamer(rules)
	out, err := st.Do(now, 0, "SET", "k", "v")
	show("SET k v", out, err)
	out, err = st.Multi(now, 0, []string{"SET", "k", "v"})
	show("MULTI SET k v EXEC", out, err)
	out, err = st.Multi(now, 9, []string{"SET", "k", "v"}, []string{"SET", "j", "v"})
	show("SELECT 9 MULTI SET k v SET j v EXEC", out, err)
	out, err = st.Do(now, 9, "SET", "k", "v", "EX", "100")
	show("SET k v EX 100", out, err)
	out, err = st.Do(now, 9, "EXPIRE", "k", "50")
	show("EXPIRE k 50", out, err)
	show("k expires", st.ExpireKey(9, "k"), nil)
}

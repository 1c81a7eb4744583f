package live

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"psyncsim/model"
	"psyncsim/sim/live/redisd"
)

// failSave kills the child of a BGSAVE of a real server, which is made to take its time.
func failSave(t *testing.T, s *redisd.Server) {
	t.Helper()
	do(t, s, "CONFIG", "SET", "rdb-key-save-delay", "100000")
	do(t, s, "BGSAVE")
	pid := field(t, s, "process_id")
	var child int
	eventually(t, "a child", func() bool {
		list, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
		child, _ = strconv.Atoi(strings.TrimSpace(string(list)))
		return err == nil && child > 0
	})
	if err := syscall.Kill(child, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the status err", func() bool {
		f, err := s.Fields()
		return err == nil && f["rdb_last_bgsave_status"] == "err"
	})
	do(t, s, "CONFIG", "SET", "rdb-key-save-delay", "0")
}

// TestSaveFails: a real master whose snapshot failed lets our replica in when another one
// was saved, and its refusal is the model's, word for word.
func TestSaveFails(t *testing.T) {
	like := installed(t)
	if _, err := os.Stat("/proc/self/task"); err != nil {
		t.Skip("SKIPPED, not passed: children of processes are looked up in /proc")
	}
	s := startReal(t, "--save", "3600 1")
	fill(t, s)
	failSave(t, s)
	prof, _ := model.LookupProfile(like)
	if _, err := s.Command("SET", "k", "v"); err == nil || "-"+err.Error() != prof.Orders.MisConf {
		t.Errorf("a write is answered with %q, want %q", err, prof.Orders.MisConf)
	}
	n, rec := startNode(t, "replica", like, s.Addr, nil)
	eventually(t, "a handshake that is given up", func() bool { return rec.count(model.EvAbandoned) > 1 })
	if rec.count(model.EvAsked) > 0 || linkUp(t, n) {
		t.Error("it got past the PING")
	}
	do(t, s, "BGSAVE")
	eventually(t, "a link", func() bool { return linkUp(t, n) })
	do(t, s, "SET", "k", "v")
}

// TestReplicaBreaks: a real replica from 7.0 on whose own snapshot failed ends with the
// first write of our master.
func TestReplicaBreaks(t *testing.T) {
	like := installed(t)
	prof, _ := model.LookupProfile(like)
	if !prof.DiskErrorEnds {
		t.Skipf("SKIPPED, not passed: %s goes on", like)
	}
	n, rec := startNode(t, "master", like, "", nil)
	host, port, _ := strings.Cut(n.Addr(), ":")
	s := startReal(t, "--save", "3600 1", "--repl-diskless-load", "on-empty-db", "--replicaof", host+" "+port)
	eventually(t, "a replica", func() bool { return rec.count(model.EvPeerOnline) > 0 })
	if err := n.Write("SET", "k", "v"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the write there", func() bool { v, _ := s.Command("GET", "k"); return v == "v" })
	failSave(t, s)
	if err := n.Write("SET", "k", "w"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.Done():
	case <-time.After(20 * time.Second):
		t.Error("it goes on")
	}
}

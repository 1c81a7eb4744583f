package model

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// blockRecordings are what real servers did (measured-servers).
const blockRecordings = "../../shared/data/measured-servers"

type recordedCase struct {
	ID     string
	Params struct {
		Size, Cmd int64
	}
	Events []struct {
		Op       string
		Bytes    int64
		Commands int64
		CmdBytes int64 `json:"cmd_bytes"`
		Label    string
		First    Offset `json:"repl_backlog_first_byte_offset"`
		Histlen  int64  `json:"repl_backlog_histlen"`
		Nodes    map[string]json.RawMessage
		Request  string
		Reply    string
		Payload  *int64 `json:"payload_bytes"`
	}
	Observed struct {
		Facts struct {
			Steps []recordedStep
			Max   int64 `json:"max_histlen_seen"`
		}
	}
}

type recordedStep struct {
	AfterCommand int64  `json:"after_command"`
	Offset       Offset `json:"master_repl_offset"`
	Before       int64  `json:"histlen_before"`
	After        int64  `json:"histlen_after"`
	Dropped      int64  `json:"dropped_bytes"`
}

// eachRecording runs f for every recorded case of a server with blocks.
func eachRecording(t *testing.T, prefix string, f func(t *testing.T, c *recordedCase, alloc Allocator)) {
	files, _ := filepath.Glob(blockRecordings + "/*.json")
	servers := 0
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		if !strings.HasPrefix(name, "7.") && !strings.HasPrefix(name, "valkey") {
			continue
		}
		servers++
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var server struct{ Cases []recordedCase }
		if err := json.Unmarshal(text, &server); err != nil {
			t.Fatal(file, err)
		}
		alloc := AllocLibc
		if strings.Contains(name, "jemalloc") || strings.Contains(name, "debian") {
			alloc = AllocJemalloc
		}
		ran := 0
		for i := range server.Cases {
			if c := &server.Cases[i]; strings.HasPrefix(c.ID, prefix) {
				ran++
				t.Run(name+"/"+c.ID, func(t *testing.T) { f(t, c, alloc) })
			}
		}
		if ran == 0 {
			t.Errorf("%s: no case %s*", name, prefix)
		}
	}
	if servers == 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("no recordings of servers with blocks in ", blockRecordings)
		}
		t.Skip("NOT RUN: no recordings of real servers in ", blockRecordings)
	}
}

// recordedMaster is a node A of a recording, with the replica that reads it at once.
type recordedMaster struct {
	*BlockLog
	replica ReaderID
}

// set writes a SET of a whole command length, as the recordings do: one turn.
func (m *recordedMaster) set(length int64) {
	// Behind the turn it makes no difference where its pieces were cut.
	m.Append(Chunk{From: m.Next(), To: m.Next() + Offset(length)})
	if m.replica != 0 {
		m.Advance(m.replica, m.Next())
	}
	m.Turn()
}

func (m *recordedMaster) write(bytes, commands, each int64) {
	for i := range commands {
		if i == commands-1 {
			each = bytes // the last one is what is left
		}
		bytes -= each
		m.set(each)
	}
}

func newRecordedMaster(size int64, alloc Allocator) *recordedMaster {
	m := &recordedMaster{BlockLog: NewBlocks(size, 1, alloc, false)}
	m.replica = m.AttachNext()
	m.set(23) // SELECT 0
	return m
}

func (m *recordedMaster) detach() {
	if m.replica != 0 {
		m.Release(m.replica)
		m.replica = 0
		m.Turn()
	}
}

// Every stair of every server: INFO after each of 546 commands of 256 bytes.
func TestBlocksStairs(t *testing.T) {
	eachRecording(t, "stair-16k-", func(t *testing.T, c *recordedCase, alloc Allocator) {
		m := newRecordedMaster(c.Params.Size, alloc)
		var steps []recordedStep
		most := int64(0)
		for _, e := range c.Events {
			switch {
			case e.Op == "write" && e.CmdBytes != c.Params.Cmd:
				m.write(e.Bytes, e.Commands, e.CmdBytes)
			case e.Op == "link":
				m.detach()
			case e.Op == "staircase_start":
				if m.First() != e.First || m.Len() != e.Histlen {
					t.Fatalf("begins with [%d, +%d), server [%d, +%d)", m.First(), m.Len(), e.First, e.Histlen)
				}
			case e.Op == "write":
				for i := range e.Commands {
					first, before := m.First(), m.Len()
					m.set(e.CmdBytes)
					most = max(most, m.Len())
					if m.First() != first {
						steps = append(steps, recordedStep{i + 1, m.Next() - 1, before, m.Len(), int64(m.First() - first)})
					}
				}
			}
		}
		if got, want := fmt.Sprint(steps, most), fmt.Sprint(c.Observed.Facts.Steps, c.Observed.Facts.Max); got != want {
			t.Errorf("steps %s\nserver %s", got, want)
		}
	})
}

// recordedInfo is the history of a node at one moment.
type recordedInfo struct {
	First   Offset `json:"repl_backlog_first_byte_offset"`
	Histlen int64  `json:"repl_backlog_histlen"`
	Offset  Offset `json:"master_repl_offset"`
}

// Every INFO of the outages around the size of the backlog.
func TestBlocksOutages(t *testing.T) {
	eachRecording(t, "bnd-16k-", func(t *testing.T, c *recordedCase, alloc Allocator) { replayBlocks(t, c, alloc) })
}

// Every answer to a handmade PSYNC: what is held can be had, nothing else.
func TestBlocksProbes(t *testing.T) {
	eachRecording(t, "probe-master", func(t *testing.T, c *recordedCase, alloc Allocator) {
		m := replayBlocks(t, c, alloc)
		probes := 0
		for _, e := range c.Events {
			// The labels name the offset: F-1, M+2, ...; the id is another matter.
			if e.Op != "raw_probe" || !strings.HasPrefix(e.Label, "id ok, offset ") {
				continue
			}
			var id string
			var at Offset
			if _, err := fmt.Sscanf(e.Request, "PSYNC %s %d", &id, &at); err != nil {
				continue
			}
			probes++
			chunk, ok := m.From(at)
			if ok != strings.HasPrefix(e.Reply, "+CONTINUE") || ok && chunk.Bytes() != *e.Payload {
				t.Errorf("%s: %v with %d bytes, server %q", e.Request, ok, chunk.Bytes(), e.Reply)
			}
		}
		if probes < 8 {
			t.Errorf("%d probes", probes)
		}
	})
}

// replayBlocks plays the writes of a case and compares each INFO of its master.
func replayBlocks(t *testing.T, c *recordedCase, alloc Allocator) *recordedMaster {
	m := newRecordedMaster(16384, alloc)
	compared := 0
	for _, e := range c.Events {
		switch e.Op {
		case "write":
			m.write(e.Bytes, e.Commands, e.CmdBytes)
		case "link", "replica_side_closed":
			m.detach()
		case "info":
			var info recordedInfo
			if err := json.Unmarshal(e.Nodes["A"], &info); err != nil {
				t.Fatal(err)
			}
			compared++
			if got := (recordedInfo{m.First(), m.Len(), m.Next() - 1}); got != info {
				t.Errorf("%s: first, histlen, offset %+v, server %+v", e.Label, got, info)
			}
		}
	}
	if compared == 0 {
		t.Error("no INFO in this case")
	}
	return m
}

package sim

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"psyncsim/model"
)

// probeRow asks a server "PSYNC id at" from a handmade connection and says what
// comes back, in the words of the protocol facts (2.7): "partial n" with n bytes
// at once, "full", or an error. Ids: own, first (what replid2 holds, if that is
// known), wrong, zeros, ?; in capitals where noted. Offsets: F is the first byte
// held, M the last one, S the second offset, and numbers.
type probeRow struct {
	id, at string
	psync1 string // 2.8, 3.2
	psync2 string // 4.0 and later; "" is as in psync1
}

// A master with a full history of H bytes: F + H - 1 = M.
var masterRows = []probeRow{
	{"own", "F-2", "full", ""},
	{"own", "F-1", "full", ""},
	{"own", "F", "partial H", ""},
	{"own", "F+1", "partial H-1", ""},
	{"own", "M-1", "partial 2", ""},
	{"own", "M", "partial 1", ""},
	{"own", "M+1", "partial 0", ""}, // F + H
	{"own", "M+2", "full", ""},
	{"own", "M+1000", "full", ""},
	{"own", "9223372036854775807", "full", ""},
	{"own", "-1", "full", ""},
	{"own", "0", "full", ""},
	{"own", "1", "full", ""},
	{"OWN", "M+1", "partial 0", ""}, // ids are compared without case
	{"OWN", "F-1", "full", ""},
	{"wrong", "F", "full", ""},
	{"wrong", "M+1", "full", ""},
	{"WRONG", "M+1", "full", ""},
	{"zeros", "-1", "full", ""}, // the unused replid2: refused by F
	{"zeros", "F", "full", ""},
	{"zeros", "M+1", "full", ""},
	{"?", "-1", "full", ""},
	{"?", "F", "full", ""},
	{"?", "M+1", "full", ""},
	{"own", "abc", "full", "full or error"}, // an error only from 6.2.7 on
}

// A replica that was promoted at S-1 and wrote nothing since. Before 4.0 it has
// neither its master's id nor a history: one begins with the first row here.
var promotedRows = []probeRow{
	{"own", "S", "full", "partial 0"},
	{"first", "F-1", "full", ""},
	{"first", "F", "full", "partial H"},
	{"first", "S-1", "full", "partial 1"},
	{"first", "S", "full", "partial 0"},
	{"FIRST", "S", "full", "partial 0"},
	{"first", "S+1", "full", ""},
	{"FIRST", "S+1", "full", ""},
	{"own", "F-1", "full", ""},
	{"own", "F", "partial H", ""},
	{"own", "S", "partial 0", ""},
	{"own", "S+1", "full", ""},
	{"wrong", "S", "full", ""},
	{"zeros", "S", "full", ""},
	{"?", "S", "full", ""},
}

// The same after a command of 27 bytes, before which the stream repeats SELECT.
var divergedRows = []probeRow{
	{"first", "S-1", "full", "partial 51"},
	{"first", "S", "full", "partial 50"},
	{"first", "S+1", "full", ""}, // that byte is not the first history's
	{"first", "M+1", "full", ""},
	{"own", "S", "partial 50", ""},
	{"own", "S+1", "partial 49", ""},
	{"own", "M+1", "partial 0", ""},
	{"own", "M+2", "full", ""},
}

const wrongID = "0123456789abcdef0123456789abcdef01234567"

func TestRawProbes(t *testing.T) {
	for _, prof := range model.Profiles() {
		t.Run(prof.Name, func(t *testing.T) {
			if prof.PSYNC == 0 {
				probeUnknown(t, prof)
				return
			}
			w := probeWorld(t, prof)
			first := ownID(w, 0)
			w.Order(FaultConfig{Kind: FaultPromote, Server: 1})
			settle(w)
			n := ask(t, w, 1, first, "promoted", promotedRows)
			w.Write(1, 27)
			settle(w)
			n += ask(t, w, 1, first, "diverged", divergedRows)
			n += ask(t, w, 0, "", "master", masterRows)
			if n < 20 {
				t.Errorf("only %d rows", n)
			}
		})
	}
}

// probeWorld is a master with a full history and a replica that has all of it.
func probeWorld(t *testing.T, prof *model.Profile) *World {
	t.Helper()
	set := prof.Defaults()
	set.BacklogSize, set.PingPeriod, set.Diskless = 16384, time.Hour, false
	c := &Config{Seed: 7, Duration: time.Hour}
	for _, name := range []string{"master", "replica"} {
		c.Servers = append(c.Servers, ServerConfig{Name: name, Profile: prof, Settings: set, Dataset: 200, Fork: time.Millisecond, Wall: -1, Uptime: -1})
	}
	c.Servers[1].ReplicaOf = "master"
	w, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	w.Begin()
	w.Advance(5 * model.Instant(time.Second))
	for range 60 {
		w.Write(0, 1024)
	}
	settle(w)
	if m, r := w.Info(0), w.Info(1); prof.PSYNC > 0 && (m.Hist < 16384 || r.SlaveReplOffset != m.MRO) {
		t.Fatalf("the replica has %d of %d bytes, the master holds %d", r.SlaveReplOffset, m.MRO, m.Hist)
	}
	return w
}

// settle lets snapshots end and lines arrive.
func settle(w *World) { w.Advance(w.Now() + 300*model.Instant(time.Millisecond)) }

func ownID(w *World, server int) string {
	if info := w.Info(server); w.hosts[server].cfg.Profile.PSYNC == 2 {
		return string(info.ReplID)
	} else {
		return string(info.RunID)
	}
}

// ask plays the rows; first is the id of the history before the promotion. It
// tells how many rows there were.
func ask(t *testing.T, w *World, server int, first, state string, rows []probeRow) int {
	prof := w.hosts[server].cfg.Profile
	for _, row := range rows {
		for i, capa := range []string{"", "eof", "eof capa psync2"} {
			if i > 0 && state == "promoted" && row == promotedRows[0] {
				continue // it changed what it asked for
			}
			info := w.Info(server)
			second := info.SecondOffset
			if second < 0 {
				second = info.MRO + 1 // for rows that ask a server before 4.0
			}
			if prof.PSYNC == 1 && state == "diverged" {
				second = info.MRO - 49
			}
			own := ownID(w, server)
			id := map[string]string{"own": own, "first": first, "wrong": wrongID, "zeros": string(model.ZeroID), "?": "?"}[strings.ToLower(row.id)]
			if row.id != strings.ToLower(row.id) {
				id = strings.ToUpper(id)
			}
			at := place(row.at, info, second)
			want := row.psync1
			if prof.PSYNC == 2 && row.psync2 != "" {
				want = row.psync2
			}
			if want == "full or error" {
				want = "full"
				if prof.BadOffsetError {
					want = "error"
				}
			}
			if !info.BacklogActive && strings.HasPrefix(want, "partial") {
				t.Fatalf("%s %s: no history to ask for", prof.Name, state)
			}
			p := w.Connect(server, "probe")
			if capa != "" {
				p.Say([]byte("REPLCONF capa " + capa + "\r\n"))
			}
			from := len(p.Heard)
			p.Say([]byte("PSYNC " + id + " " + at + "\r\n"))
			got := string(p.Heard[from:])
			after := w.Info(server)
			name := prof.Name + " " + state + ": PSYNC " + row.id + " " + row.at + " (capa " + capa + ")"

			reply, payload, full, ok, refused := "", int64(-1), int64(0), int64(0), int64(0)
			switch word, bytes, _ := strings.Cut(want, " "); word {
			case "error":
				reply = "-ERR value is not an integer or out of range\r\n"
			case "full":
				if full = 1; row.id != "?" {
					refused = 1
				}
				newID := ownID(w, server) // a first full sync takes a new one
				reply = "+FULLRESYNC " + newID + " " + strconv.FormatInt(int64(after.MRO), 10) + "\r\n"
				if row.at == "abc" {
					reply += "-ERR value is not an integer or out of range\r\n"
				}
			case "partial":
				reply, ok = "+CONTINUE\r\n", 1
				if prof.PSYNC == 2 && strings.Contains(capa, "psync2") {
					reply = "+CONTINUE " + own + "\r\n"
				}
				payload, _ = strconv.ParseInt(place(bytes, info, second), 10, 64)
			}
			if got != reply {
				t.Errorf("%s: %q, want %q", name, got, reply)
			}
			if n := given(p); n != payload {
				t.Errorf("%s: %d bytes at once, want %d", name, n, payload)
			}
			if f, o, r := after.SyncFull-info.SyncFull, after.SyncPartialOK-info.SyncPartialOK, after.SyncPartialErr-info.SyncPartialErr; f != full || o != ok || r != refused {
				t.Errorf("%s: sync_full, ok, err grew by %d %d %d, want %d %d %d", name, f, o, r, full, ok, refused)
			}
			p.Close()
			settle(w)
		}
	}
	return len(rows)
}

// given is how much stream a probe had at once, -1 for none.
func given(p *Probe) int64 {
	if !p.Given {
		return -1
	}
	return p.Stream.Bytes()
}

// place spells an offset: F, M, S, H, with a number added to or taken from it.
func place(text string, info *model.Info, second model.Offset) string {
	base, ok := map[byte]int64{'F': int64(info.First), 'M': int64(info.MRO), 'S': int64(second), 'H': info.Hist}[text[0]]
	if !ok {
		return text
	}
	n := int64(0)
	if len(text) > 1 {
		n, _ = strconv.ParseInt(text[1:], 10, 64)
	}
	return strconv.FormatInt(base+n, 10)
}

// probeUnknown asks a version that knows no PSYNC.
func probeUnknown(t *testing.T, prof *model.Profile) {
	w := probeWorld(t, prof)
	for _, row := range masterRows {
		p := w.Connect(0, "probe")
		p.Say([]byte("PSYNC " + wrongID + " " + place(row.at, w.Info(0), 0) + "\r\n"))
		if got := string(p.Heard); !strings.HasPrefix(got, "-ERR unknown command") || p.Given || p.Sync {
			t.Errorf("PSYNC with %s: %q", row.at, got)
		}
		p.Say([]byte("SYNC\r\n"))
		settle(w)
		if !p.Sync {
			t.Errorf("SYNC after PSYNC with %s: %q, no snapshot", row.at, p.Heard)
		}
		p.Close()
		settle(w)
	}
}

package results

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"psyncsim/model"
	"psyncsim/sim/trace"
)

var update = flag.Bool("update", false, "rewrite the files in testdata")

const second = int64(time.Second)

var testAxes = []Axis{{"backlog", "bytes"}, {"write_rate", "bytes_per_s"}, {"outage", "s"}, {"fault", ""}}

// play tells a collector a run by hand: a first sync, then one outage whose
// gap is outage × rate.
func play(w trace.Watcher, m *Meta) {
	at := model.Instant(0)
	tell := func(node string, e model.Event) { w.Observe(&trace.Record{At: at, Node: node, Event: e}) }
	tell("link", model.Event{Kind: trace.Began, Text: fmt.Sprint(m.Point), Seed: m.Seed})
	tell("replica", model.Event{Kind: model.EvFollows, Peer: "master"})
	at = 5e6
	tell("master", model.Event{Kind: model.EvJudged, Peer: "replica", Text: "PSYNC ? -1", Reply: "+FULLRESYNC 8371b4fb1155b71f4a04d3e1bc3e18c4a990aeeb 0", Full: true, Why: model.WhyFirstSync})
	tell("replica", model.Event{Kind: model.EvOnline, Peer: "master", Full: true, Offset: 1})
	at = 30e9
	tell("link", model.Event{Kind: trace.Cut, Peer: "master-replica"})
	tell("replica", model.Event{Kind: model.EvLost, Peer: "master", Why: model.WhyReset, Offset: 30_000_001, Since: at - 1e6})
	at += model.Instant(m.Outage)
	tell("link", model.Event{Kind: trace.Healed, Peer: "master-replica"})
	at += 1e6 + 1
	gap := int64(float64(m.Outage) / 1e9 * float64(m.WriteRate))
	e := model.Event{Kind: model.EvJudged, Peer: "replica", Text: "PSYNC 8371b4fb1155b71f4a04d3e1bc3e18c4a990aeeb 30000001", Reply: "+CONTINUE", Gap: gap}
	if gap > m.Backlog {
		e.Full, e.Why, e.Reply = true, model.WhyBelowBacklog, "+FULLRESYNC 8371b4fb1155b71f4a04d3e1bc3e18c4a990aeeb 35000000"
	}
	tell("master", e)
	tell("replica", model.Event{Kind: model.EvOnline, Peer: "master", Full: e.Full})
	at = 60e9
	info := &model.Info{Role: "master", SyncFull: 1, SyncPartialOK: 1, MRO: 60_000_000, ConnectedSlaves: 1}
	if e.Full {
		info.SyncFull, info.SyncPartialOK, info.SyncPartialErr = 2, 0, 1
	}
	tell("master", model.Event{Kind: model.EvInfo, Info: info})
	tell("replica", model.Event{Kind: model.EvInfo, Info: &model.Info{Role: "slave", LinkUp: true, SlaveReplOffset: 60_000_000}})
	tell("link", model.Event{Kind: trace.Ended})
}

// sweep makes the runs of a small grid.
func sweep(seeds uint64, f func(*Run)) int {
	n := 0
	c := NewCollector(Meta{})
	for _, fault := range []string{"reset", "silent"} {
		for _, backlog := range []int64{1 << 20, 4 << 20, 16 << 20} {
			for _, outage := range []int64{second, 4500 * second / 1000, 10 * second} {
				for seed := uint64(1); seed <= seeds; seed++ {
					m := Meta{
						Index: n, Seed: seed, Backlog: backlog, WriteRate: 1e6, Outage: outage, Fault: fault, Version: "redis-6.2",
						Point: []Value{{"backlog", "bytes", "", backlog}, {"write_rate", "bytes_per_s", "", 1e6}, {"outage", "s", "", outage}, {"fault", "", fault, 0}},
					}
					c.Reset(m)
					if fault == "silent" {
						m.WriteRate *= 6 // more is missed than the rule knows
					}
					play(c, &m)
					r := c.Run()
					// Goldens of files do not hang on the text of events.
					r.Fingerprint = fmt.Sprintf("%032x", n)
					f(r)
					n++
				}
			}
		}
	}
	return n
}

var testHeader = Header{
	Scenario: "small", Question: "Does the backlog survive, and is \"2 × seconds × write rate\" <enough>?", Version: "v0", Axes: testAxes, Planned: 36,
}

func writeSweep(t *testing.T, dir string, h Header) *Kept {
	t.Helper()
	w, err := NewWriter(dir, h, Options{})
	if err != nil {
		t.Fatal(err)
	}
	sweep(2, func(r *Run) {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.Kept()
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; got:\n%s", path, got)
	}
}

// The files of a small sweep, whole.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	k := writeSweep(t, dir, testHeader)
	for _, n := range []string{RunsFile, ResyncsFile, SummaryFile} {
		b, err := os.ReadFile(filepath.Join(dir, n))
		if err != nil {
			t.Fatal(err)
		}
		golden(t, n, b)
	}
	var b bytes.Buffer
	if err := WriteTable(&b, k, TableOptions{}); err != nil {
		t.Fatal(err)
	}
	golden(t, "table.txt", b.Bytes())

	// Nothing else is left behind, and what is read back says the same.
	if fs, _ := os.ReadDir(dir); len(fs) != 3 {
		t.Errorf("%d files are left: %v", len(fs), fs)
	}
	again, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var b2, s1, s2 bytes.Buffer
	if err := WriteTable(&b2, again, TableOptions{}); err != nil {
		t.Fatal(err)
	}
	if b2.String() != b.String() {
		t.Errorf("read back, the table is\n%s", &b2)
	}
	k.WriteSummary(&s1)
	again.WriteSummary(&s2)
	if s1.String() != s2.String() {
		t.Errorf("read back, the summary is\n%s", &s2)
	}
}

// Stopped half-way, what was finished is there and is marked.
func TestInterrupted(t *testing.T) {
	dir := t.TempDir()
	h := testHeader
	h.Planned = 100
	writeSweep(t, dir, h)
	k, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if k.Complete || k.Done != 36 {
		t.Errorf("complete %v, done %d", k.Complete, k.Done)
	}
	// A writer that is thrown away leaves the old results alone.
	w, err := NewWriter(dir, h, Options{})
	if err != nil {
		t.Fatal(err)
	}
	w.Write(&Run{})
	w.Discard()
	if fs, _ := os.ReadDir(dir); len(fs) != 3 {
		t.Errorf("files: %v", fs)
	}
	if w.Close() == nil {
		t.Error("closed after Discard")
	}
}

func TestJSON(t *testing.T) {
	h := testHeader
	h.Planned = 2
	document := func(info bool) []byte {
		var b bytes.Buffer
		j := NewJSON(&b, h)
		sweep(1, func(r *Run) {
			if !info {
				r.Infos = nil
			}
			if r.Index == 0 || r.Index == 8 {
				if err := j.Add(r); err != nil {
					t.Fatal(err)
				}
			}
		})
		if err := j.End(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	golden(t, "document.json", document(false))
	var doc struct {
		Complete bool
		Runs     []struct {
			Point   map[string]any
			Servers map[string]map[string]any
			Resyncs []map[string]any
		}
	}
	if err := json.Unmarshal(document(true), &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Runs) != 2 || !doc.Complete || doc.Runs[0].Servers["master"]["sync_full"] != 1.0 || doc.Runs[0].Resyncs[1]["down_s"] != 1.001000001 {
		t.Errorf("document: %+v", doc)
	}
	var empty bytes.Buffer
	j := NewJSON(&empty, Header{})
	j.End()
	if !json.Valid(empty.Bytes()) {
		t.Errorf("without runs: %s", &empty)
	}
}

// No header and no numbers, however odd, make the table or the files fail.
func TestDegenerate(t *testing.T) {
	for _, axes := range [][]Axis{nil, {{"backlog", "bytes"}}, {{"seed", ""}, {"backlog", "bytes"}, {"backlog", "bytes"}, {"a,\"b\n", "x"}}} {
		for _, n := range []int{0, 1, 3, 40} {
			dir := t.TempDir()
			w, err := NewWriter(dir, Header{Axes: axes, Question: "?\n\x00"}, Options{})
			if err != nil {
				t.Fatal(err)
			}
			for i := range n {
				r := &Run{Row: Row{Meta: Meta{Index: i, Outage: int64(i)}}}
				for _, a := range axes {
					r.Point = append(r.Point, Value{a.Name, a.Unit, "", int64(i)})
				}
				if i%2 == 1 {
					r.Resyncs = []Resync{{Kind: Full, Reply: "a,\"b\"\n", First: true}}
				}
				if err := w.Write(r); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			k, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			if k.Done != n {
				t.Errorf("%d of %d runs came back", k.Done, n)
			}
			for _, o := range []TableOptions{{}, {Color: true, Width: 1, Height: 1}} {
				if err := WriteTable(&bytes.Buffer{}, k, o); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

func TestTimelineRoundTrip(t *testing.T) {
	m := Meta{Seed: 1, Outage: 5 * second, WriteRate: 1e6, Backlog: 1 << 20}
	c := NewTimelineCollector(m)
	c.Observe(&trace.Record{At: 3, Node: "master", Event: model.Event{Kind: trace.Sampled, MRO: 99, Offset: 99, First: 1, Hist: 98}})
	play(c, &m)
	c.Observe(&trace.Record{At: 60e9, Node: "replica", Event: model.Event{Kind: trace.Sampled, Offset: 77, Full: true}})
	var b bytes.Buffer
	if err := c.Timeline().WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, TimelineFile, b.Bytes())
	back, err := ReadTimeline(bytes.NewReader(b.Bytes()), m)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(back) != fmt.Sprint(c.Timeline()) {
		t.Errorf("came back as %v", back)
	}
	names, master := back.Servers()
	if fmt.Sprint(names, master) != "[master replica] map[master:true replica:false]" {
		t.Errorf("servers %v %v", names, master)
	}
}

// An error in a kept file says where it is.
func TestReadErrors(t *testing.T) {
	dir := t.TempDir()
	writeSweep(t, dir, testHeader)
	good, err := os.ReadFile(filepath.Join(dir, RunsFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, want string }{
		{"index,", "place,", `column "index" is missing`},
		{"\n3,4194304", "\n3,four", "four"},
		{"\n0,1048576", "\n-1,1048576", "line 2, column index: -1 is negative"},
		{",4.5,", ",4.5.5,", "4.5.5"},
		{",seed,", ",seed,seed,", `"seed" stands there twice`},
	} {
		bad := strings.Replace(string(good), c.old, c.new, 1)
		err := ReadRuns(strings.NewReader(bad), testAxes, func(*Row) error { return nil })
		if c.old == "\n3,4194304" && bad == string(good) {
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v", c.new, err)
		}
	}
	stop := errors.New("stop")
	if err := ReadRuns(bytes.NewReader(good), testAxes, func(*Row) error { return stop }); err != stop {
		t.Errorf("%v", err)
	}
}

// What a reader takes, the writer writes the same way.
func FuzzReadRuns(f *testing.F) {
	for _, n := range []string{RunsFile, ResyncsFile, TimelineFile} {
		if b, err := os.ReadFile(filepath.Join("testdata", n)); err == nil {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var ps Points
		var out, out2 bytes.Buffer
		take := func(out *bytes.Buffer) func(*Row) error {
			ws := newRows(out, newLayout(testAxes))
			ws.begin("index", runColumns)
			return func(r *Row) error {
				ps.Add(r)
				err := ws.run(r)
				ws.flush()
				return err
			}
		}
		if ReadRuns(bytes.NewReader(b), testAxes, take(&out)) == nil && len(ps.All) > 0 {
			if err := ReadRuns(bytes.NewReader(out.Bytes()), testAxes, take(&out2)); err != nil || out.String() != out2.String() {
				t.Fatalf("%v: written\n%s\nread and written again\n%s", err, &out, &out2)
			}
			k := &Kept{Header: Header{Axes: testAxes}, Points: ps.All}
			if err := WriteTable(&out, k, TableOptions{}); err != nil {
				t.Fatal(err)
			}
			if err := k.WriteSummary(&out); err != nil {
				t.Fatal(err)
			}
		}
		ReadResyncs(bytes.NewReader(b), testAxes, func(*Meta, *Resync) error { return nil })
		ReadTimeline(bytes.NewReader(b), Meta{})
		ReadSummary(bytes.NewReader(b))
	})
}

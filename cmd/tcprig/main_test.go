package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"psyncsim/results"
	"psyncsim/sim/rig"
)

const keptDir = "../../results/tcp-linux"

// What was measured on a real kernel is kept: the simulation must agree with it on
// every machine, also where nothing can be measured.
func TestKeptMeasurement(t *testing.T) {
	if testing.Short() {
		t.Skip("some thousand transfers")
	}
	dir := t.TempDir()
	data, err := os.ReadFile(filepath.Join(keptDir, rig.MeasuredFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, rig.MeasuredFile), data, 0o666); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	if code := run(context.Background(), []string{"-kept", "-out", dir}, &stdout, &stderr); code != 0 {
		t.Errorf("exit %d\n%s%s", code, stdout.String(), stderr.String())
	}
	rows, err := results.ReadTCP(dir)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, r := range rows {
		seen[r.What]++
	}
	if seen["throughput"] != 24 || seen["silence"] != 4 || seen["connect"] < 8 || seen["reconnect"] < 3 {
		t.Errorf("compared %v", seen)
	}
	for _, f := range []string{"comparison.png", "comparison.svg", results.TCPText} {
		if s, err := os.Stat(filepath.Join(dir, f)); err != nil || s.Size() == 0 {
			t.Errorf("%s: %v", f, err)
		}
	}
	// The kept tables are those of this program.
	for _, f := range []string{results.TCPFile, results.TCPText} {
		want, err := os.ReadFile(filepath.Join(keptDir, f))
		if err != nil {
			t.Fatal(err)
		}
		got, _ := os.ReadFile(filepath.Join(dir, f))
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs from the kept one: go run ./cmd/tcprig -kept -out results/tcp-linux writes it anew", f)
		}
	}
}

// A comparison must be able to fail.
func TestCompareFails(t *testing.T) {
	m, err := rig.Read(keptDir)
	if err != nil {
		t.Fatal(err)
	}
	cell := m.Bulk[3] // a short one
	for i := range cell.Runs {
		cell.Runs[i].Bytes = cell.Runs[i].Bytes * 13 / 10
	}
	if row := throughput(m.Told(), &cell); row.Holds {
		t.Errorf("30 %% more is within 15 %%: %+v", row)
	}
	cell = m.Bulk[2]
	cell.Runs = cell.Runs[:5]
	if row := throughput(m.Told(), &cell); row.Holds || !row.Few {
		t.Errorf("five runs are enough: %+v", row)
	}
	for _, x := range []struct {
		n          int
		near       bool
		holds, few bool
	}{{20, true, true, false}, {20, false, false, false}, {19, true, false, true}, {19, false, false, false}, {10, false, false, false}, {9, false, false, true}, {0, false, false, true}} {
		if h, few := holds(x.n, 20, x.near); h != x.holds || few != x.few {
			t.Errorf("%+v: holds %v, too few %v", x, h, few)
		}
	}
	for _, x := range []struct {
		few, all         int
		quick, disturbed bool
		want             bool
	}{{23, 47, true, true, true}, {24, 47, true, true, false}, {1, 47, true, false, false}, {1, 47, false, true, false}} {
		if bearable(x.few, x.all, x.quick, x.disturbed) != x.want {
			t.Errorf("%+v", x)
		}
	}
	if row := inside("silence", "x", []float64{1e9, 2e9}, []float64{1e9, 1.1e9}, 1, rig.Slack); row.Holds {
		t.Errorf("two seconds lie between 1 and 1.1: %+v", row)
	}
	if row := inside("silence", "x", nil, []float64{1e9, 1.1e9}, 1, rig.Slack); row.Holds {
		t.Errorf("nothing was measured: %+v", row)
	}
}

// A simulation that is wrong must be found by what was measured: one whose round trip is 20 ms
// longer than the link's, so that its timeouts are, and one that doubles the wait from the first
// SYN on, as kernels before 6.5 do.
func TestWrongSimulationFails(t *testing.T) {
	if testing.Short() {
		t.Skip("some thousand connections, in one goroutine")
	}
	m, err := rig.Read(keptDir)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for i := range m.Silence {
		c := m.Silence[i]
		if c.RTT += 20 * time.Millisecond; !silence(m.Told(), &c).Holds {
			found++
		}
	}
	if found < 2 {
		t.Errorf("of %d silences, %d notice a round trip that is 20 ms longer", len(m.Silence), found)
	}
	k := m.Told()
	if k.LinearSYNs == 0 {
		t.Skip("the measured kernel doubles from the first SYN on")
	}
	k.LinearSYNs = 0
	for i := range m.Connect {
		if c := &m.Connect[i]; c.SYNs > 1 && connect(k, c).Holds {
			t.Errorf("a connect without %d SYNs does not notice that each wait is twice the one before", c.SYNs)
		}
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"what"}, {"-nonsense"}, {"-kept", "-out", "/no/such/folder"}} {
		var stdout, stderr bytes.Buffer
		if code := run(context.Background(), args, &stdout, &stderr); code != 2 || strings.TrimSpace(stderr.String()) == "" {
			t.Errorf("%v: exit %d, %q", args, code, stderr.String())
		}
	}
}

package pcap

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"psyncsim/model"
	"psyncsim/sim"
	"psyncsim/sim/tcp"
)

// lossy is a run over a link of segments on which much goes wrong.
func lossy(seed uint64, change func(*tcp.PathConfig)) *sim.Config {
	prof, _ := model.LookupProfile("redis-7.0")
	set := prof.Defaults()
	set.Timeout, set.DisklessDelay = 6*time.Second, 0
	path := tcp.PathConfig{Latency: 15 * tcp.Millisecond, Bandwidth: 2_000_000}
	change(&path)
	return &sim.Config{Seed: seed, Duration: 40 * time.Second, Bytes: true, PerWrite: true, EveryTick: true,
		Servers: []sim.ServerConfig{
			{Name: "master", Profile: prof, Settings: set, Dataset: 30_000, Uptime: -1, Wall: -1},
			{Name: "replica", Profile: prof, Settings: set, ReplicaOf: "master", Uptime: -1, Wall: -1},
		},
		Links: []sim.LinkConfig{{A: 0, B: 1, Latency: time.Duration(path.Latency), Bandwidth: path.Bandwidth,
			TCP: &sim.TCPLink{There: path, Back: path, Options: tcp.Linux()}}},
		Loads: []sim.LoadConfig{{Server: 0, Commands: []sim.Command{{Name: "SET", Args: []int{16, 900}, Times: 1}}, BytesPerSecond: 60_000, Arrivals: sim.Poisson}},
		Faults: []sim.FaultConfig{
			{At: 12 * time.Second, For: 2 * time.Second, Kind: sim.FaultSilent, A: 0, B: 1},
			{At: 20 * time.Second, For: time.Second, Kind: sim.FaultReset, A: 0, B: 1},
			{At: 26 * time.Second, For: 9 * time.Second, Kind: sim.FaultSilent, A: 0, B: 1},
		}}
}

func captureOf(t *testing.T, c *sim.Config, point int) ([]byte, Counts) {
	t.Helper()
	var out bytes.Buffer
	capture, err := New(&out, Options{Servers: []string{"master", "replica"}, Point: point, Program: "test"})
	if err != nil {
		t.Fatal(err)
	}
	w, err := sim.New(c, capture)
	if err != nil {
		t.Fatal(err)
	}
	w.Listen(capture)
	w.TapSegments(capture)
	if err := w.Run(); err != nil {
		t.Fatal(err)
	}
	seen, err := capture.Close(model.Instant(c.Duration))
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), seen
}

// What tshark finds in a capture of a link of segments is what was simulated:
// every retransmission that passed the master's interface, and nothing malformed.
func TestSegmentsWithTshark(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("SKIPPED: no tshark on PATH")
	}
	for _, c := range []struct {
		name   string
		change func(*tcp.PathConfig)
	}{
		{"clean", func(*tcp.PathConfig) {}},
		{"1 %", func(p *tcp.PathConfig) { p.Loss = 10_000_000 }},
		{"5 %", func(p *tcp.PathConfig) { p.Loss = 50_000_000 }},
		{"bursts", func(p *tcp.PathConfig) { p.Enter, p.Leave = 2_000_000, 300_000_000 }},
		{"narrow", func(p *tcp.PathConfig) { p.Bandwidth, p.Queue = 80_000, 20_000 }},
	} {
		for seed := range uint64(2) {
			t.Run(fmt.Sprint(c.name, " seed ", seed), func(t *testing.T) {
				data, seen := captureOf(t, lossy(seed, c.change), 0)
				if other, _ := captureOf(t, lossy(seed, c.change), 0); !bytes.Equal(data, other) {
					t.Error("other bytes the second time")
				}
				file := filepath.Join(t.TempDir(), "x.pcapng")
				if err := os.WriteFile(file, data, 0o666); err != nil {
					t.Fatal(err)
				}
				checkSegments(t, tshark, file, seen)
			})
		}
	}
}

func checkSegments(t *testing.T, tshark, file string, seen Counts) {
	t.Helper()
	fields := []string{"_ws.malformed", "resp.malformed_length", "tcp.checksum.status", "tcp.analysis.retransmission", "tcp.analysis.out_of_order",
		"tcp.analysis.keep_alive", "resp.bulk_string.value", "resp.string", "frame.comment", "ip.src"}
	// Without this, what is sent again within a round trip of newer data breaks the
	// reassembly of commands that lie in two segments.
	args := []string{"-r", file, "-o", "tcp.reassemble_out_of_order:TRUE", "-o", "tcp.check_checksum:TRUE", "-T", "fields"}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	out, err := exec.Command(tshark, args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	var packets, again, own int64
	text := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		packets++
		v := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if v[0] != "" || v[1] != "" || v[2] == "0" {
			t.Errorf("packet %d is malformed: %q", packets, v)
		}
		if v[3] != "" || v[4] != "" || v[5] != "" {
			again++
			if v[9] == "10.0.0.1" {
				own++
			}
		}
		for _, w := range []string{"PSYNC", "SET"} {
			text[w] = text[w] || strings.Contains(v[6], hex.EncodeToString([]byte(w)))
		}
		for _, w := range []string{"FULLRESYNC", "CONTINUE"} {
			text[w] = text[w] || strings.Contains(v[7], w)
		}
		for _, w := range []string{"first-sync", "silent", "reset", "partial"} {
			text[w] = text[w] || strings.Contains(v[8], w)
		}
	}
	if packets != seen.Packets {
		t.Errorf("tshark reads %d packets of %d", packets, seen.Packets)
	}
	if again != seen.Retransmitted+seen.Repeated || own != seen.Retransmitted {
		t.Errorf("tshark finds %d retransmissions, %d of the master; there are %d of the master, and %d", again, own, seen.Retransmitted, seen.Repeated)
	}
	for _, w := range []string{"PSYNC", "SET", "FULLRESYNC", "CONTINUE", "first-sync", "silent", "reset", "partial"} {
		if !text[w] {
			t.Errorf("tshark shows no %s", w)
		}
	}
}

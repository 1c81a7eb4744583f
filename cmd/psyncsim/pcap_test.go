package main

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// captured are runs in which all happens that a capture can show.
var captured = []struct {
	name, at, faults, more string
	resent                 bool // somebody sends again
}{
	{name: "resets", faults: "{at: 10s, link: [master, replica], kind: reset, for: 2s}"},
	{name: "silences", at: "master", resent: true, faults: "{at: 10s, link: [master, replica], kind: silent, for: 2s}, {at: 20s, link: [master, replica], kind: silent, for: 11s}"},
	{name: "silence at the first sync", at: "master", resent: true, faults: "{at: 1500ms, link: [master, replica], kind: silent, for: 3s}"},
	{name: "silence while connecting", at: "replica", resent: true, faults: "{at: 10s, link: [master, replica], kind: reset}, {at: 10010ms, link: [master, replica], kind: silent, for: 2s}"},
	{name: "crash", at: "replica", faults: "{at: 10s, server: master, kind: crash, for: 3s}"},
	{name: "restart", faults: "{at: 10s, server: replica, kind: restart, for: 3s}"},
	{name: "freeze", resent: false, faults: "{at: 10s, server: replica, kind: pause, for: 8s}"},
	{name: "chain", at: "replica", faults: "{at: 10s, link: [replica, leaf], kind: silent, for: 1s}", more: "  leaf: {version: redis-7.0, replicaof: replica}\n", resent: true},
	{name: "large writes", at: "replica", faults: "{at: 10s, link: [master, replica], kind: reset, for: 1s}"},
}

func writeCaptured(t *testing.T, i int) string {
	t.Helper()
	c := captured[i]
	value := 200
	if c.name == "large writes" {
		value = 5000
	}
	text := `question: What does a capture of this show?
seed: 3
duration: 40s
servers:
  master: {version: redis-7.0, config: {repl-timeout: 6}, dataset: 30kB}
  replica: {version: redis-7.0, config: {repl-timeout: 6}, replicaof: master}
` + c.more + `links:
  - {between: [master, replica], latency: 10ms, bandwidth: 20mbit/s}
workload:
  - {on: master, rate: 20kB/s, command: SET, key: 16, value: ` + strconv.Itoa(value) + `, arrivals: poisson}
faults: [` + c.faults + "]\n"
	file := filepath.Join(t.TempDir(), "capture.yaml")
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return file
}

var seenRE = regexp.MustCompile(`: (\d+) packets at (\w+), (\d+) of them retransmissions`)

// capture runs a scenario with --pcap and says what it printed.
func capturePcap(t *testing.T, i int) (file string, packets, resent int) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "run.pcapng")
	args := []string{"run", writeCaptured(t, i), "--pcap", file, "--out", t.TempDir(), "--no-charts"}
	if captured[i].at != "" {
		args = append(args, "--pcap-at", captured[i].at)
	}
	code, stdout, stderr := call(t, args...)
	if code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	m := seenRE.FindStringSubmatch(stdout)
	if m == nil {
		t.Fatalf("no line about the capture in\n%s", stdout)
	}
	packets, _ = strconv.Atoi(m[1])
	resent, _ = strconv.Atoi(m[3])
	return file, packets, resent
}

// A capture read with another library: times never go back, sequence numbers
// leave no hole that no loss made, checksums hold, and the bytes are the same
// each time.
func TestPcap(t *testing.T) {
	for i, c := range captured {
		t.Run(c.name, func(t *testing.T) {
			file, packets, resent := capturePcap(t, i)
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if again, _, _ := capturePcap(t, i); true {
				other, _ := os.ReadFile(again)
				if !bytes.Equal(data, other) {
					t.Error("other bytes the second time")
				}
			}
			if (resent > 0) != c.resent {
				t.Errorf("%d retransmissions", resent)
			}
			if n := readBack(t, data); n != packets {
				t.Errorf("%d packets in the file, %d were counted", n, packets)
			}
		})
	}
}

// readBack reads a capture and says how many packets it has.
func readBack(t *testing.T, data []byte) (n int) {
	t.Helper()
	r, err := pcapgo.NewNgReader(bytes.NewReader(data), pcapgo.DefaultNgReaderOptions)
	if err != nil {
		t.Fatal(err)
	}
	type flow struct{ net, tcp gopacket.Flow }
	next := map[flow]uint32{} // by direction: what comes next
	var last int64
	for {
		frame, ci, err := r.ReadPacketData()
		if errors.Is(err, io.EOF) {
			return n
		}
		if err != nil {
			t.Fatal(err)
		}
		n++
		if at := ci.Timestamp.UnixNano(); at < last {
			t.Fatalf("packet %d: the time goes back", n)
		} else {
			last = at
		}
		p := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.Default)
		tcp, _ := p.TransportLayer().(*layers.TCP)
		ip, _ := p.NetworkLayer().(*layers.IPv4)
		if tcp == nil || ip == nil {
			t.Fatalf("packet %d is not TCP", n)
		}
		size := uint32(ip.Length) - 20 - uint32(tcp.DataOffset)*4
		if ci.CaptureLength == ci.Length {
			_ = tcp.SetNetworkLayerForChecksum(ip)
			if c, err := tcp.ComputeChecksum(); err != nil || c != 0 {
				t.Fatalf("packet %d: checksum %x, %v", n, c, err)
			}
		}
		f := flow{p.NetworkLayer().NetworkFlow(), p.TransportLayer().TransportFlow()}
		if tcp.SYN || tcp.RST {
			next[f] = tcp.Seq + 1
			continue
		}
		want, ok := next[f]
		if !ok {
			t.Fatalf("packet %d: no SYN before it", n)
		}
		if int32(tcp.Seq-want) > 0 {
			t.Fatalf("packet %d: %d bytes are missing before it", n, tcp.Seq-want)
		}
		end := tcp.Seq + size
		if tcp.FIN {
			end++
		}
		if int32(end-want) > 0 {
			next[f] = end
		}
	}
}

// What tshark finds in a capture: RESP in it, nothing malformed, and as many
// retransmissions as there are. (make test without tshark says so here; CI has it.)
func TestPcapWithTshark(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("SKIPPED: no tshark on PATH")
	}
	for i, c := range captured {
		t.Run(c.name, func(t *testing.T) {
			file, packets, resent := capturePcap(t, i)
			rows := dissect(t, tshark, file)
			if len(rows) != packets {
				t.Errorf("tshark reads %d packets of %d", len(rows), packets)
			}
			seen, again := map[string]bool{}, 0
			for i, r := range rows {
				for _, bad := range []string{"_ws.malformed", "resp.malformed_length", "tcp.analysis.out_of_order", "tcp.analysis.lost_segment", "tcp.analysis.ack_lost_segment"} {
					if r[bad] != "" {
						t.Errorf("packet %d has %s", i+1, bad)
					}
				}
				// One byte that comes again is taken for a keep-alive.
				if r["tcp.analysis.retransmission"] != "" || r["tcp.analysis.keep_alive"] != "" {
					again++
				}
				if r["tcp.checksum.status"] == "0" {
					t.Errorf("packet %d has a bad checksum", i+1)
				}
				for _, word := range []string{"PSYNC", "SET", "REPLCONF"} {
					seen[word] = seen[word] || strings.Contains(r["resp.bulk_string.value"], hex.EncodeToString([]byte(word)))
				}
				seen["FULLRESYNC"] = seen["FULLRESYNC"] || strings.Contains(r["resp.string"], "FULLRESYNC")
				for _, text := range []string{"first-sync", "where to continue"} {
					seen[text] = seen[text] || strings.Contains(r["frame.comment"], text)
				}
			}
			if c.at != "replica" && again != resent { // at a replica the first ones may never be seen
				t.Errorf("tshark finds %d retransmissions, there are %d", again, resent)
			}
			for _, what := range []string{"PSYNC", "SET", "REPLCONF", "FULLRESYNC", "first-sync", "where to continue"} {
				if !seen[what] {
					t.Errorf("tshark shows no %s", what)
				}
			}
		})
	}
}

// dissect is what tshark says of each packet.
func dissect(t *testing.T, tshark, file string) (rows []map[string]string) {
	t.Helper()
	fields := []string{"frame.number", "_ws.malformed", "resp.malformed_length", "tcp.analysis.out_of_order", "tcp.analysis.lost_segment",
		"tcp.analysis.ack_lost_segment", "tcp.analysis.retransmission", "tcp.analysis.keep_alive", "tcp.checksum.status", "resp.bulk_string.value", "resp.string", "frame.comment"}
	args := []string{"-r", file, "-o", "tcp.check_checksum:TRUE", "-T", "fields"}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	out, err := exec.Command(tshark, args...).Output()
	if err != nil {
		t.Fatalf("tshark %s: %v", strings.Join(args, " "), err)
	}
	for line := range strings.Lines(string(out)) {
		row := map[string]string{}
		for i, v := range strings.Split(strings.TrimSuffix(line, "\n"), "\t") {
			row[fields[i]] = v
		}
		rows = append(rows, row)
	}
	return rows
}

func TestPcapMistakes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.pcapng")
	for _, c := range []struct{ args, want string }{
		{"contract-example --pcap " + file, "--pcap writes the traffic of one run, and this sweep has the runs 0 to 69: choose one with --cell N"},
		{"contract-example --cell 1 --pcap " + file + " --pcap-at nobody", "--pcap-at nobody: the servers are master, replica"},
		{"contract-example --cell 1 --pcap-at master", "--pcap-at says where --pcap captures: give --pcap FILE too"},
		{"contract-example --cell 1 --pcap /no/such/folder/x", "no such file or directory"},
	} {
		args := append([]string{"run", "--out", t.TempDir(), "--no-charts"}, strings.Fields(c.args)...)
		code, _, stderr := call(t, args...)
		if code != exitUsage || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: exit %d, %q, want %q", c.args, code, stderr, c.want)
		}
		if _, err := os.Stat(file); err == nil {
			t.Errorf("%s: a file is left", c.args)
		}
	}
}

package logs

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const capture = "../../../shared/data/redis-7.0.15-bursty/"

// The reconnects of the capture, as its README lists them, to the byte.
func TestCapture(t *testing.T) {
	if _, err := os.Stat(capture); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skipf("SKIPPED: no capture of a real server to compare with: %v", err)
	}
	want := []string{
		"23:40:40.646 - full first-sync 0 at 0",
		"23:41:22.990 23:41:18.632 full below-backlog 6180672 gap 6104516 at 12285187",
		"23:41:29.053 23:41:26.640 partial  13402516 gap 73236",
		"23:41:51.405 23:41:30.646 full below-backlog 13529328 gap 1586835 at 15116162",
		"23:43:22.648 23:43:22.639 partial  50491947 gap 0",
		"23:43:45.633 23:43:45.631 partial  53220897 gap 0",
		"23:43:48.632 23:43:48.631 partial  53579729 gap 0",
		"23:44:16.636 23:44:16.633 partial  66444802 gap 0",
	}
	for _, names := range [][]string{{"replica.log", "master.log"}, {"master.log", "replica.log"}} {
		var paths []string
		for _, n := range names {
			paths = append(paths, capture+n)
		}
		s, err := Read(paths, nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for i := range s.Resyncs {
			if r := &s.Resyncs[i]; r.Replica == "replica.log" {
				got = append(got, line(r))
			}
		}
		if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
			t.Errorf("read\n%s\nnot\n%s", g, w)
		}
	}
	// The replica's log alone has the gaps of full ones; partial ones are the master's to tell.
	s, err := Read([]string{capture + "replica.log"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n, ok := s.Resyncs[1].Enough(); !ok || n != 6104516 {
		t.Errorf("from the replica's log alone: %d %v", n, ok)
	}
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format("15:04:05.000")
}

func line(r *Resync) string {
	kind := "partial"
	if r.Full {
		kind = "full"
	}
	b := fmt.Sprintf("%s %s %s %s %d", clock(r.Judged), clock(r.Lost), kind, r.Reason, r.Request)
	if r.Gap.Known {
		b += fmt.Sprintf(" gap %d", r.Gap.N)
	}
	if r.Full && r.HasOff {
		b += fmt.Sprintf(" at %d", r.Offset)
	}
	return b
}

// Logs of real servers of every version: a first sync, a connection killed by
// the master, one killed while 200,300 bytes were written to a backlog of 16 kB, an
// output buffer beyond its limit, and a master that was restarted.
func TestVersions(t *testing.T) {
	for _, v := range []string{"redis-2.8", "redis-3.2", "redis-4.0", "redis-5.0", "redis-6.2", "redis-7.0", "redis-7.2", "redis-7.4", "valkey-8.0"} {
		s, err := Read([]string{"testdata/" + v + "-replica.log", "testdata/" + v + "-master.log"}, nil)
		if err != nil {
			t.Error(err)
			continue
		}
		if p := Profile(s.Versions[v+"-master.log"]); p != v {
			t.Errorf("%s is taken for %s (%q)", v, p, s.Versions[v+"-master.log"])
		}
		var got []string
		for i := range s.Resyncs {
			r := &s.Resyncs[i]
			text := "partial"
			if r.Full {
				text = r.Reason
			}
			if r.LostWhy != "" {
				text += "/" + r.LostWhy
			}
			got = append(got, text)
			if r.Full && (r.Finished.IsZero() || r.Received.IsZero() || r.Loaded.IsZero()) {
				t.Errorf("%s: %s: a phase is missing: %+v", v, text, r)
			}
		}
		const want = "first-sync partial/closed below-backlog/closed below-backlog/output-buffer-limit id-mismatch/master-restart"
		if g := strings.Join(got, " "); g != want {
			t.Errorf("%s: %s, not %s", v, g, want)
		}
		if r := s.Resyncs[2]; r.Gap.N != 200300 {
			t.Errorf("%s: a gap of %d, not 200300", v, r.Gap.N)
		}
	}
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	f := filepath.Join(dir, name)
	if err := os.WriteFile(f, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return f
}

// redis#957 from two lines: 105mb would have been enough, 104mb not.
func TestTwoLines(t *testing.T) {
	const refused = "[1] 15 Feb 10:00:01.000 * Unable to partial resync with the slave for lack of backlog (Slave request was: 717084330944).\n"
	const full = "[2] 15 Feb 10:00:01.100 * Full resync from master: d7e7ef7e6ba8dcbbfa26b4d2d4c9dc3b1c7f3a6c:717194082241\n"
	dir := t.TempDir()
	one := write(t, dir, "both.log", refused+full)
	m, r := write(t, dir, "m.log", refused), write(t, dir, "r.log", full)
	for _, names := range [][]string{{one}, {m, r}, {r, m}} {
		s, err := Read(names, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Resyncs) != 1 {
			t.Fatalf("%d synchronizations", len(s.Resyncs))
		}
		n, ok := s.Resyncs[0].Enough()
		if !ok || n != 109751298 {
			t.Errorf("%d bytes, not 109751298", n)
		}
		if n > 105<<20 || n <= 104<<20 {
			t.Errorf("105mb are not the smallest: %d", n)
		}
	}
}

// What stands before the lines changes nothing.
func TestFormats(t *testing.T) {
	raw, err := os.ReadFile("testdata/redis-7.0-replica.log")
	if err != nil {
		t.Fatal(err)
	}
	plain, err := Read([]string{"testdata/redis-7.0-replica.log"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for name, f := range map[string]func(string) string{
		"docker":     func(l string) string { return l },
		"timestamps": func(l string) string { n++; return fmt.Sprintf("2026-11-22T05:48:%02d.%09dZ %s", n%60, n, l) },
		"compose":    func(l string) string { return "redis-replica-1  | " + l },
		"cri":        func(l string) string { return "2026-11-22T05:48:11.123456789Z stdout F " + l },
		"json-file": func(l string) string {
			return fmt.Sprintf(`{"log":%q,"stream":"stdout","time":"2026-11-22T05:48:11.1Z"}`, l+"\n")
		},
		"crlf": func(l string) string { return l + "\r" },
		"journal": func(l string) string { // of several processes
			n++
			return fmt.Sprintf("Nov 22 05:%02d:%02d host redis-server[%d]: %s", n/60, n%60, 4711+n/10, l)
		},
		"journal, iso": func(l string) string {
			n++
			return fmt.Sprintf("2026-11-22T05:%02d:%02d+0100 host redis[4711]: %s", n/60, n%60, l)
		},
		"kubectl": func(l string) string { // logs --prefix --timestamps
			n++
			return fmt.Sprintf("[pod/redis-node-1/redis] 2026-11-22T05:%02d:%02d.%09dZ %s", n/60, n%60, n, l)
		},
		"colours": func(l string) string { return "\x1b[36mredis-replica-1  | \x1b[0m" + l + "\x1b[0m" },
	} {
		var b strings.Builder
		for _, l := range strings.Split(strings.TrimSpace(string(raw)), "\n") {
			b.WriteString(f(l) + "\n")
		}
		s, err := Read([]string{"-"}, strings.NewReader(b.String()))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(s.Resyncs) != len(plain.Resyncs) {
			t.Errorf("%s: %d synchronizations, not %d", name, len(s.Resyncs), len(plain.Resyncs))
			continue
		}
		for i := range s.Resyncs {
			if g, w := line(&s.Resyncs[i]), line(&plain.Resyncs[i]); g != w {
				t.Errorf("%s: %s, not %s", name, g, w)
			}
			if r := s.Resyncs[i].Replica; strings.ContainsAny(r, "\x1b:") {
				t.Errorf("%s: a replica is called %q", name, r)
			}
		}
	}
	// With a mark in front of the first line, which is the loss of the link.
	const id = "ee61bbcee61bbcee61bbcee61bbcee61bbcee61b"
	marked := "\ufeff1:S 22 Nov 2026 05:48:10.000 # Connection with master lost.\r\n" +
		"1:S 22 Nov 2026 05:48:15.000 * Trying a partial resynchronization (request " + id + ":51).\r\n" +
		"1:S 22 Nov 2026 05:48:15.001 * Full resync from master: " + id + ":200350\r\n"
	if s, err := Read([]string{"-"}, strings.NewReader(marked)); err != nil || len(s.Resyncs) != 1 || s.Resyncs[0].Lost.IsZero() {
		t.Errorf("a byte order mark: %+v %v", s, err)
	}
	// Without the server's own header: syslog.
	text := "Nov 22 05:48:15 db1 redis[99]: Trying a partial resynchronization (request ee61bbcee61bbcee61bbcee61bbcee61bbcee61b:51).\n" +
		"Nov 22 05:48:15 db1 redis[99]: Full resync from master: ee61bbcee61bbcee61bbcee61bbcee61bbcee61b:200350\n"
	s, err := Read([]string{"-"}, strings.NewReader(text))
	if err != nil || len(s.Resyncs) != 1 || s.Resyncs[0].Gap.N != 200300 {
		t.Errorf("syslog: %+v %v", s, err)
	}
	iso := `1:S 2026-11-22T05:48:15.1+01:00 * Trying a partial resynchronization (request ee61bbcee61bbcee61bbcee61bbcee61bbcee61b:51).
pid=1 role=replica timestamp="2026-11-22T05:48:15.2+01:00" level=notice message="Full resync from primary: ee61bbcee61bbcee61bbcee61bbcee61bbcee61b:200350"`
	if s, err = Read([]string{"-"}, strings.NewReader(iso)); err != nil || len(s.Resyncs) != 1 || s.Resyncs[0].Gap.N != 200300 {
		t.Errorf("ISO times and logfmt: %+v %v", s, err)
	}
}

// A proxy without its server takes a connection and closes it: such a connect has failed, and
// the outage lasts until one whose PING is answered.
func TestProxyWithoutServer(t *testing.T) {
	const id = "ee61bbcee61bbcee61bbcee61bbcee61bbcee61b"
	head := "1:S 22 Nov 2026 05:48:10.000 # Connection with master lost.\n"
	tail := "1:S 22 Nov 2026 05:48:20.000 * Non blocking connect for SYNC fired the event.\n" +
		"1:S 22 Nov 2026 05:48:20.001 * Master replied to PING, replication can continue...\n" +
		"1:S 22 Nov 2026 05:48:20.002 * Trying a partial resynchronization (request " + id + ":51).\n" +
		"1:S 22 Nov 2026 05:48:20.003 * Full resync from master: " + id + ":200350\n"
	for name, failed := range map[string][]string{
		"redis-2.8":  {"# Error reply to PING from master: '-Reading from master: Connection reset by peer'"},
		"redis-6.2":  {"# Error reply to PING from master: '-Reading from master: Operation now in progress'"},
		"redis-7.2":  {"# Failed to read response from the server: Success", "# Master did not respond to command during SYNC handshake"},
		"valkey-8.0": {"# Failed to read response from the server: Success", "# Primary did not respond to command during SYNC handshake"},
	} {
		log := head
		for sec := 11; sec < 20; sec++ {
			log += fmt.Sprintf("1:S 22 Nov 2026 05:48:%d.000 * Non blocking connect for SYNC fired the event.\n", sec)
			for _, f := range failed {
				log += fmt.Sprintf("1:S 22 Nov 2026 05:48:%d.001 %s\n", sec, f)
			}
		}
		s, err := Read([]string{"-"}, strings.NewReader(log+tail))
		if err != nil {
			t.Fatal(err)
		}
		r := &s.Resyncs[0]
		from, until, _ := r.Cut(0)
		if lasted := until.Sub(from); r.Refused != 9 || lasted != 9500500*time.Microsecond {
			t.Errorf("%s: %d failed connects, an outage of %v", name, r.Refused, lasted)
		}
	}
}

// A snapshot that waits for more replicas begins after the verdict, and the answer has the
// offset of then: what was missing is that at most. The replica's log alone tells it, too.
func TestAnswerWaited(t *testing.T) {
	const id = "ee61bbcee61bbcee61bbcee61bbcee61bbcee61b"
	for answer, atMost := range map[string]bool{"10.003": false, "15.001": true} {
		log := "1:S 22 Nov 2026 05:48:10.000 * Trying a partial resynchronization (request " + id + ":51).\n" +
			"1:S 22 Nov 2026 05:48:" + answer + " * Full resync from master: " + id + ":200350\n"
		s, err := Read([]string{"-"}, strings.NewReader(log))
		if err != nil {
			t.Fatal(err)
		}
		if g := s.Resyncs[0].Gap; g.N != 200300 || g.AtMost != atMost {
			t.Errorf("an answer at %s: %+v", answer, g)
		}
	}
}

// Rotated files are one server, packed or not, in whatever order they are named;
// without a year, the new year comes after the old one.
func TestRotated(t *testing.T) {
	dir := t.TempDir()
	const id = "ee61bbcee61bbcee61bbcee61bbcee61bbcee61b"
	old := "1:S 31 Dec 23:59:58.000 # Connection with master lost.\n"
	oldest := "1:S 31 Dec 23:00:00.000 * Full resync from master: " + id + ":0\n1:S 31 Dec 23:00:01.000 * MASTER <-> REPLICA sync: Finished with success\n"
	newest := "1:S 1 Jan 00:00:03.000 * Trying a partial resynchronization (request " + id + ":100).\n1:S 1 Jan 00:00:03.000 * Full resync from master: " + id + ":5099\n"
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write([]byte(oldest))
	w.Close()
	names := []string{write(t, dir, "redis-server.log", newest), write(t, dir, "redis-server.log.1", old), write(t, dir, "redis-server.log.2.gz", z.String())}
	s, err := Read(names, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Resyncs) != 2 || s.Resyncs[1].Gap.N != 5000 || s.Resyncs[1].Down() != 5*time.Second {
		t.Errorf("%+v", s.Resyncs)
	}
}

func TestRefused(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ name, text, want string }{
		{"empty.log", "", "empty.log is empty"},
		{"other.log", "192.0.2.1 - - [10/Oct/2000:13:55:36] \"GET /\"\nx\n", `none of its 2 lines is one that redis-server or valkey-server logs; the first is "192.0.2.1`},
		{"quiet.log", "1:M 22 Nov 2026 05:48:11.123 * DB saved on disk\n", "say nothing about replication"},
		{"broken.gz", "\x1f\x8bxx", "broken.gz"},
		{"broken.bz2", "BZh9xx", "broken.bz2"},
		{"packed.xz", "\xfd7zXZ\x00\x00", "packed.xz: packed with xz, zstd or zip; unpack it"},
		{"powershell.log", "\xff\xfe1\x00:\x00M\x00", "powershell.log: a text of UTF-16"},
	} {
		_, err := Read([]string{write(t, dir, c.name, c.text)}, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := Read([]string{dir, filepath.Join(dir, "nowhere")}, nil); err == nil || !strings.Contains(err.Error(), "folder") || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("%v", err)
	}
}

// What is no log, and what is too much of one, is refused before it fills the memory.
func TestTooMuch(t *testing.T) {
	line := "1:S 22 Nov 2026 05:48:11.123 # Connection with master lost.\n"
	for want, in := range map[string]io.Reader{
		"a line of more than 64 MB: this is no log":            io.MultiReader(strings.NewReader("x"), repeat("\x00")),
		"-: none of its first 1000000 lines is one":            repeat("hello\n"),
		"-:2000001: more than 2000000 lines about replication": repeat(line),
	} {
		if testing.Short() && strings.Contains(want, "replication") {
			continue
		}
		if _, err := Read([]string{"-"}, in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
	n := 0
	sources := readerFunc(func(p []byte) (int, error) { n++; return copy(p, fmt.Sprintf("s%d | %s", n, line)), nil })
	if _, err := Read([]string{"-"}, sources); err == nil || !strings.Contains(err.Error(), "-:10001: more than 10000 different words") {
		t.Errorf("sources: %v", err)
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// repeat is a text again and again, without an end.
func repeat(text string) io.Reader {
	b := bytes.Repeat([]byte(text), 1+32000/len(text))
	at := 0
	return readerFunc(func(p []byte) (int, error) {
		n := copy(p, b[at:])
		at = (at + n) % len(b)
		return n, nil
	})
}

func FuzzRead(f *testing.F) {
	all, _ := filepath.Glob("testdata/*.log")
	for _, n := range all {
		b, err := os.ReadFile(n)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Read([]string{"-"}, bytes.NewReader(b))
		if err != nil {
			return
		}
		for i := range s.Resyncs {
			if n, ok := s.Resyncs[i].Enough(); ok && n < 0 {
				t.Errorf("a backlog of %d bytes", n)
			}
		}
		if load := s.Load(); len(load) >= 2 {
			if _, _, err := s.Scenario(Replay{Load: load, File: "x.csv"}); err != nil {
				t.Error(err)
			}
		}
	})
}

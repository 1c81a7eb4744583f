package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"psyncsim/scenarios"
)

// fakeServer answers INFO with an offset that grows by 100, so many times, and
// HELLO with an error, as a server before 6.0 does. Then it goes away for good.
func fakeServer(t *testing.T, infos int) string {
	return fakeServerOf(t, infos, 100, "connected_slaves:1\r\nslave0:ip=10.0.0.1,port=1,state=online")
}

func fakeServerOf(t *testing.T, infos, step int, replicas string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		offset, asked := 0, 0
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			for r := bufio.NewReader(c); ; {
				line, err := r.ReadString('\n')
				if err != nil {
					break
				}
				switch word := strings.ToLower(strings.TrimSpace(line)); word {
				case "info":
					offset += step
					if asked++; asked > infos {
						l.Close()
						c.Close()
						return
					}
					text := fmt.Sprintf("# Replication\r\nrole:master\r\nrun_id:r\r\n%s\r\nmaster_repl_offset:%d\r\n", replicas, offset)
					fmt.Fprintf(c, "$%d\r\n%s\r\n", len(text), text)
				case "hello":
					fmt.Fprint(c, "-ERR unknown command\r\n")
				}
			}
			c.Close()
		}
	}()
	return l.Addr().String()
}

func TestObserve(t *testing.T) {
	addr := fakeServer(t, 1000)
	name := filepath.Join(t.TempDir(), "load.csv")
	var out, errs bytes.Buffer
	if code := run(context.Background(), []string{"psyncsim", "observe", "--addr", addr, "--for", "1s", "--every", "100ms", "-o", name}, &out, &errs); code != 0 || out.Len() > 0 {
		t.Fatalf("exit %d: %s%s", code, &out, &errs)
	}
	for _, want := range []string{"samples of " + addr, "what it cost the server: ", "INFOs, 1 connects"} {
		if !strings.Contains(errs.String(), want) {
			t.Errorf("%q does not say %q", errs.String(), want)
		}
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	points, problem := scenarios.ReadTrace(name, data)
	if problem != nil || len(points) < 3 || points[2].Bytes != 200 || !bytes.Contains(data, []byte("ip=10.0.0.1;port=1")) {
		t.Errorf("%v %+v\n%s", points, problem, data)
	}
	// Ctrl-C keeps what there is.
	ctx, cancel := context.WithCancel(context.Background())
	name += "2"
	go func() {
		for lines := 0; lines < 4; time.Sleep(5 * time.Millisecond) {
			data, _ := os.ReadFile(name)
			lines = bytes.Count(data, []byte("\n"))
		}
		cancel()
	}()
	if code := run(ctx, []string{"psyncsim", "observe", "--addr", addr, "--every", "100ms", "-o", name}, &out, &errs); code != exitInterrupted {
		t.Errorf("interrupted: exit %d: %s", code, &errs)
	}
	data, _ = os.ReadFile(name)
	if n := bytes.Count(data, []byte("\n")); n < 3 || !bytes.HasSuffix(data, []byte("\n")) {
		t.Errorf("%d lines are kept:\n%s", n, data)
	}
	// A server that goes away for good: what was sampled is kept, and it is no success.
	name += "3"
	errs.Reset()
	code := run(context.Background(), []string{"psyncsim", "observe", "--addr", fakeServer(t, 4), "--every", "100ms", "--give-up", "1s", "-o", name}, &out, &errs)
	data, _ = os.ReadFile(name)
	if code != exitFailed || bytes.Count(data, []byte("\n")) != 5 || !strings.Contains(errs.String(), "given up: ") || !strings.Contains(errs.String(), "4 samples") {
		t.Errorf("gone for good: exit %d: %s%s", code, &errs, data)
	}
	// The report as JSON, also of one that failed.
	out.Reset()
	errs.Reset()
	name += "4"
	code = run(context.Background(), []string{"psyncsim", "observe", "--addr", fakeServer(t, 4), "--every", "100ms", "--give-up", "1s", "--json", "-o", name}, &out, &errs)
	var doc struct{ Masters []observedJSON }
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil || code != exitFailed || len(doc.Masters) != 1 || strings.Count(errs.String(), "\n") != 1 {
		t.Fatalf("exit %d: %v %s%s", code, err, &out, &errs)
	}
	if m := doc.Masters[0]; m.File != name || m.Samples != 4 || m.Infos < 4 || m.GivenUp == "" || m.Role != "master" || m.Received == 0 {
		t.Errorf("%+v", m)
	}
	// Rows can go to stdout.
	out.Reset()
	if code := run(context.Background(), []string{"psyncsim", "observe", "--addr", addr, "--for", "1s", "--every", "300ms", "-o", "-"}, &out, &errs); code != 0 || !strings.HasPrefix(out.String(), "unix_ms,") {
		t.Errorf("exit %d: %s", code, &out)
	}
}

// A master without replicas counts nothing of what it writes: who observes it hears that at
// once, and who sizes from such samples hears why there is no size.
func TestObserveTellsTraps(t *testing.T) {
	addr := fakeServerOf(t, 1000, 0, "connected_slaves:0\r\nrepl_backlog_active:0")
	name := filepath.Join(t.TempDir(), "load.csv")
	const trap = "the offset stands still at 0 because no replica is attached"
	var out, errs bytes.Buffer
	if code := run(context.Background(), []string{"psyncsim", "observe", "--addr", addr, "--for", "1s", "--every", "200ms", "-o", name}, &out, &errs); code != 0 || !strings.Contains(errs.String(), "note: from 0s to ") || !strings.Contains(errs.String(), trap) {
		t.Errorf("exit %d: %s%s", code, &out, &errs)
	}
	_, said, code := sizeCmd(t, "--info", name, "--outage", "30s")
	if code != exitUsage || !strings.Contains(said, "no size can be read off them: from 0s to ") || !strings.Contains(said, trap) {
		t.Errorf("exit %d: %s", code, said)
	}
	out.Reset()
	name += "2"
	var doc struct{ Masters []observedJSON }
	run(context.Background(), []string{"psyncsim", "observe", "--addr", addr, "--for", "1s", "--every", "200ms", "--json", "--quiet", "-o", name}, &out, &errs)
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil || len(doc.Masters) != 1 || len(doc.Masters[0].Traps) == 0 {
		t.Errorf("%v: %s", err, &out)
	}
}

func TestObserveRefuses(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	l.Close()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("there.csv", []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ args, want string }{
		{"", "observe needs --addr"},
		{"localhost:1", "observe takes no argument"},
		{"--addr redis://u:p@h:1", "TLS is --tls, and user and password"},
		{"--addr h:", "expected HOST:PORT"},
		{"--addr a --addr b", "several --addr are for"},
		{"--addr a --sentinel m --cluster", "exclude each other"},
		{"--addr a --every 1ms", "--every 1ms: from 100ms"},
		{"--addr a --for -1s", "--for -1s"},
		{"--addr a --cacert x", "with --tls only"},
		{"--addr a --tls --cacert no.pem", "no such file"},
		{"--addr a --tls --cacert there.csv", "no certificate in it"},
		{"--addr a --tls --cert x", "belong together"},
		{"--addr " + closed + " -o there.csv", "there.csv is there already"},
		{"--addr " + closed, "connection refused"},
		{"--addr " + closed + " --cluster", "connection refused"},
		{"--addr " + closed + " --sentinel m", "connection refused"},
		{"--addr a --json -o -", "both want stdout"},
		{"--addr a --pasword x", "pasword"},
	} {
		var out, errs bytes.Buffer
		code := run(context.Background(), append([]string{"psyncsim", "observe"}, strings.Fields(c.args)...), &out, &errs)
		if code != exitUsage || !strings.Contains(errs.String(), c.want) || strings.Count(errs.String(), "\n") != 1 || out.Len() > 0 {
			t.Errorf("%s: exit %d, %q %q, not %q", c.args, code, errs.String(), out.String(), c.want)
		}
	}
	if _, err := os.Stat("load.csv"); err == nil {
		t.Error("a file without a sample was left behind")
	}
}

package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"psyncsim/results/risk"
	"psyncsim/sim/live"
	"psyncsim/sim/live/redisd"
)

const secret = "not in the file"

// guarded starts a master that wants a password and speaks TLS too, and a replica
// of it behind a wire that can be broken. It returns the address for TLS.
func guarded(t *testing.T) (master, replica *redisd.Server, wire *live.Proxy, address string) {
	t.Helper()
	path, err := redisd.Find()
	l, lerr := net.Listen("tcp", "127.0.0.1:0")
	if lerr != nil {
		t.Fatal(lerr)
	}
	address = l.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	l.Close()
	cert := certificate(t)
	if err == nil {
		master, err = redisd.Start(path, "--requirepass", secret, "--tls-port", port, "--tls-cert-file", cert+".crt", "--tls-key-file", cert+".key",
			"--tls-ca-cert-file", cert+".crt", "--tls-auth-clients", "no", "--repl-backlog-size", "64kb", "--repl-diskless-sync-delay", "0")
	}
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skipf("SKIPPED, not passed: no redis-server with TLS: %v", err)
	}
	t.Cleanup(master.Kill)
	if wire, err = live.NewProxy(master.Addr, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(wire.Close)
	_, wirePort, _ := net.SplitHostPort(wire.Addr())
	if replica, err = redisd.Start(path, "--replicaof", "127.0.0.1 "+wirePort, "--masterauth", secret); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(replica.Kill)
	t.Setenv("REDIS_PASSWORD", secret)
	t.Setenv("CERT", cert+".crt")
	return master, replica, wire, address
}

// certificate writes the certificate that httptest makes for 127.0.0.1.
func certificate(t *testing.T) (name string) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	c := s.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	name = filepath.Join(t.TempDir(), "server")
	for ext, b := range map[string]*pem.Block{".crt": {Type: "CERTIFICATE", Bytes: c.Certificate[0]}, ".key": {Type: "PRIVATE KEY", Bytes: key}} {
		if err := os.WriteFile(name+ext, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return name
}

// written writes a kilobyte each five milliseconds, also while the master is away.
func written(t *testing.T, addr string) {
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	go func() {
		for {
			c, err := net.Dial("tcp", addr)
			if err == nil {
				_, err = c.Write([]byte("AUTH \"" + secret + "\"\r\n"))
			}
			for err == nil {
				select {
				case <-done:
					c.Close()
					return
				case <-time.After(5 * time.Millisecond):
					_, err = c.Write([]byte("SET k " + strings.Repeat("v", 1000) + "\r\n"))
				}
			}
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
}

// linked waits until the replica has its link.
func linked(t *testing.T, replica *redisd.Server, want string) {
	t.Helper()
	for until := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if f, err := replica.Fields(); err == nil && f["master_link_status"] == want {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("the replica's link is never %s\n%s", want, replica.Log())
		}
	}
}

// A master under load, with a password and over TLS, is observed through a cut of
// its replica's link, a cut of the observer, a restart, and its end. From what
// was kept, and from the logs, size recommends a backlog that would have saved
// the outage that was full.
func TestObserveThenSize(t *testing.T) {
	if testing.Short() {
		t.Skip("takes ten seconds of real time")
	}
	master, replica, wire, address := guarded(t)
	linked(t, replica, "up")
	written(t, master.Addr)
	file := filepath.Join(t.TempDir(), "load.csv")
	var out, errs bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		ended <- run(context.Background(), []string{"psyncsim", "observe", "--addr", address, "--tls", "--cacert", os.Getenv("CERT"),
			"--every", "200ms", "--for", "2m", "--give-up", "8s", "-o", file}, &out, &errs)
	}()
	time.Sleep(1500 * time.Millisecond)
	wire.Refuse()
	linked(t, replica, "down")
	time.Sleep(1500 * time.Millisecond)
	if err := wire.Pass(); err != nil {
		t.Fatal(err)
	}
	linked(t, replica, "up")
	time.Sleep(time.Second)
	master.Crash()
	if err := master.Again(); err != nil {
		t.Fatal(err)
	}
	linked(t, replica, "up")
	time.Sleep(1500 * time.Millisecond)
	master.Crash()
	if code := <-ended; code != exitFailed || !strings.Contains(errs.String(), "given up: ") || out.Len() > 0 {
		t.Errorf("the master is gone for good: exit %d: %s", code, &errs)
	}
	kept, err := os.ReadFile(file)
	if err != nil || bytes.Contains(kept, []byte(secret)) || bytes.Count(kept, []byte("\n")) < 20 {
		t.Fatalf("%v: %s", err, kept)
	}
	logs := []string{filepath.Join(master.Dir, "redis.log"), filepath.Join(replica.Dir, "redis.log")}
	for i, name := range []string{"master.log", "replica.log"} { // the names of both are the same
		b, err := os.ReadFile(logs[i])
		if err != nil {
			t.Fatal(err)
		}
		logs[i] = filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(logs[i], b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	needed := explainedNeed(t, file, logs)
	// One outage in two was a kill, which no size helps.
	a := recommends(t, needed, "--info", file, "--log", logs[0], "--log", logs[1], "--target", "30%")
	i := slices.IndexFunc(a.Limits, func(l risk.Limit) bool { return l.Name == limitHistory && l.Binds })
	if i < 0 || a.Limits[i].Better != "SHUTDOWN or SIGTERM instead of kill -9" || a.Limits[i].Full < 90 || a.Limits[i].Full > 210 {
		t.Errorf("the kill is not told: %+v", a.Limits)
	}
	// Without logs, with what the cut was.
	recommends(t, 200_000, "--info", file, "--outage", "reset:1500ms", "--target", "90%")
}

// explainedNeed is what the full resynchronization in the logs needed.
func explainedNeed(t *testing.T, file string, logs []string) (needed int64) {
	t.Helper()
	code, stdout, stderr := call(t, "explain", logs[0], logs[1], "--info", file, "--json")
	if code != 0 {
		t.Fatal(stderr)
	}
	var doc struct {
		Resyncs []struct {
			Reason string
			Enough *int64 `json:"backlog_enough_bytes"`
			Around *aroundJSON
		}
	}
	if err := json.Unmarshal([]byte(stdout), &doc); err != nil {
		t.Fatal(err)
	}
	lost := 0
	for _, r := range doc.Resyncs {
		switch r.Reason {
		case "below-backlog":
			if r.Around == nil || r.Enough == nil || *r.Enough < 200_000 || *r.Enough > 1_500_000 {
				t.Fatalf("%+v\n%s", r, stdout)
			}
			needed = *r.Enough
		case "id-mismatch":
			lost++
		}
	}
	if needed == 0 || lost == 0 {
		t.Errorf("a cut and a restart are not in\n%s", stdout)
	}
	return needed
}

// recommends asks for a size and checks that it is of the order that was needed: an
// outage of the same length differs by when the replica tries again, at most a
// second of writes.
func recommends(t *testing.T, needed int64, args ...string) (a risk.Answer) {
	t.Helper()
	out, errs, code := sizeCmd(t, append(args, "--outages", "300", "--no-sensitivity", "--json")...)
	if code != 0 {
		t.Fatalf("exit %d: %s%s", code, errs, out)
	}
	if err := json.Unmarshal([]byte(out), &a); err != nil {
		t.Fatal(err)
	}
	if a.Recommended == nil || a.Recommended.Bytes < needed*3/4 || a.Recommended.Bytes > 4*needed+1<<20 {
		t.Errorf("needed %s, recommended %+v", strconv.FormatInt(needed, 10), a.Recommended)
	}
	if a.Current == nil || a.Current.Bytes != 64<<10 || !strings.HasPrefix(a.Version, "redis-") {
		t.Errorf("now %+v, %s", a.Current, a.Version)
	}
	traps := strings.Join(a.Traps, "\n")
	t.Logf("needed %d, recommended %s\n%s", needed, a.Conf, traps)
	if !strings.Contains(traps, "restart") && !strings.Contains(traps, "anew") {
		t.Errorf("the restart is no trap: %s", traps)
	}
	return a
}

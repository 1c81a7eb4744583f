package observe

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"psyncsim/scenarios"
	"psyncsim/scenarios/samples"
	"psyncsim/sim/live/redisd"
)

// realServer starts a redis-server. Without one the test is skipped, which on
// a machine that checks (CI is set) is a failure.
func realServer(t *testing.T, args ...string) *redisd.Server {
	t.Helper()
	path, err := redisd.Find()
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("CI needs redis-server (Debian package redis-server)")
		}
		t.Skip("SKIPPED, not passed: redis-server is not installed")
	}
	s, err := redisd.Start(path, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	return s
}

// load writes without end, also while the server is away.
func load(t *testing.T, addr string) {
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	go func() {
		for {
			c, err := net.Dial("tcp", addr)
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

// A server under load is cut, frozen, restarted and goes away for good. The
// file is whole at every moment, marks what happened, and is read by both readers.
func TestThroughCutAndRestart(t *testing.T) {
	s := realServer(t)
	replica := realServer(t, "--replicaof", "127.0.0.1 "+strconv.Itoa(s.Port))
	await(t, "the replica", func() bool { f, _ := replica.Fields(); return f["master_link_status"] == "up" })
	load(t, s.Addr)
	name := filepath.Join(t.TempDir(), "load.csv")
	file, err := Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Create(name); err == nil {
		t.Error("a file that is there was overwritten")
	}
	var report Report
	told := 0
	ended := make(chan error, 1)
	go func() {
		var err error
		report, err = Run(context.Background(), Options{Source: Source{Addrs: []string{s.Addr}, Slot: -1}, Every: 50 * time.Millisecond,
			For: 2 * time.Minute, GiveUp: 8 * time.Second, Timeout: 500 * time.Millisecond, Out: file, Tell: func(Status) { told++ }})
		ended <- err
	}()
	rows := func() int { return len(wholeRows(t, name)) }
	more := func(n int) {
		t.Helper()
		n += rows()
		await(t, "more rows", func() bool { return rows() >= n })
	}
	more(10)
	if _, err := s.Command("CLIENT", "KILL", "TYPE", "normal"); err != nil {
		t.Fatal(err)
	}
	more(10)
	if err := s.Freeze(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(900 * time.Millisecond)
	if err := s.Thaw(); err != nil {
		t.Fatal(err)
	}
	more(10)
	s.Crash()
	time.Sleep(300 * time.Millisecond)
	if err := s.Again(); err != nil {
		t.Fatal(err)
	}
	more(30)
	stats, err := s.Command("INFO", "commandstats")
	if err != nil {
		t.Fatal(err)
	}
	checkCommands(t, stats.(string))
	s.Crash() // for good
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if report.Gone == nil || report.Rows != rows() || report.Gaps < 2 || report.Longest < 300*time.Millisecond || told == 0 {
		t.Errorf("the report is %+v, rows %d", report, rows())
	}
	if report.Infos < report.Rows || report.Sent < int64(report.Infos)*10 || report.Received < int64(report.Rows)*2000 || report.Connects < 3 {
		t.Errorf("what it cost: %+v", report)
	}
	data, _ := os.ReadFile(name)
	for _, want := range []string{"restarted", "no answer in time"} {
		if !strings.Contains(string(data), want) {
			t.Errorf("no row says %q", want)
		}
	}
	points, problem := scenarios.ReadTrace(name, data)
	if problem != nil {
		t.Fatalf("%+v", problem)
	}
	set, err := samples.Read([]string{name}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := set.Load()
	if err != nil || !slices.Equal(got, points) {
		t.Errorf("both readers differ: %d and %d points, %v", len(got), len(points), err)
	}
	if last := points[len(points)-1]; last.Bytes < 20000 {
		t.Errorf("the load is %d bytes", last.Bytes)
	}
	for _, kind := range []string{"reset", "gap"} {
		if !slices.ContainsFunc(set.Traps, func(x samples.Trap) bool { return x.Kind == kind }) {
			t.Errorf("no trap %s: %v", kind, set.Traps)
		}
	}
	if b, ok := set.Setting(samples.Master, "repl-backlog-size"); !ok || b.Number != 1<<20 || set.Replicas != 1 || set.Version == "" {
		t.Errorf("settings: %+v, %d replicas, %s", b, set.Replicas, set.Version)
	}
}

// checkCommands looks at what the server was asked. SET is the load's, PSYNC
// and REPLCONF the replica's: one PSYNC a process, no more.
func checkCommands(t *testing.T, stats string) {
	t.Helper()
	for line := range strings.Lines(stats) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name, ok := strings.CutPrefix(name, "cmdstat_"); ok {
			if !slices.Contains([]string{"info", "hello", "ping", "set", "psync", "replconf", "client|setinfo", "client|kill"}, name) {
				t.Errorf("the server was asked %s", name)
			}
			if name == "psync" && !strings.HasPrefix(rest, "calls=1,") {
				t.Errorf("more PSYNCs than the replica's: %s", rest)
			}
		}
	}
}

// wholeRows checks that what stands in the file now is whole rows.
func wholeRows(t *testing.T, name string) []string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) == 0 {
		return nil
	}
	if data[len(data)-1] != '\n' {
		t.Fatalf("the file ends in %q", last(data))
	}
	lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	for _, l := range lines {
		if strings.Count(l, ",") != len(columns)-1 {
			t.Fatalf("the row %q has not %d cells", l, len(columns))
		}
	}
	return lines[1:]
}

func last(b []byte) []byte { return b[max(0, len(b)-80):] }

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("waited 20 s for %s", what)
		}
	}
}

// A server that needs a password and a user, over TLS.
func TestPasswordOverTLS(t *testing.T) {
	cert, pool := certificate(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_, port, _ := net.SplitHostPort(addr)
	l.Close()
	path, err := redisd.Find()
	if err == nil {
		var s *redisd.Server
		if s, err = redisd.Start(path, "--tls-port", port, "--tls-cert-file", cert+".crt", "--tls-key-file", cert+".key",
			"--tls-ca-cert-file", cert+".crt", "--tls-auth-clients", "no", "--user", "default", "off", "--user", "watcher", "on", ">secret", "+info"); err == nil {
			t.Cleanup(s.Kill)
		}
	}
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skipf("SKIPPED, not passed: no redis-server with TLS: %v", err)
	}
	run := func(patience time.Duration, s Source) (Report, string, error) {
		var b bytes.Buffer
		s.Addrs, s.Slot = []string{addr}, -1
		r, err := Run(context.Background(), Options{Source: s, Every: 20 * time.Millisecond, For: 200 * time.Millisecond, GiveUp: patience, Timeout: patience, Out: &b})
		return r, b.String(), err
	}
	trusted := &tls.Config{RootCAs: pool}
	const patience = 20 * time.Second // for an answer that comes, however busy the machine
	r, text, err := run(patience, Source{User: "watcher", Password: "secret", TLS: trusted})
	if err != nil || r.Rows < 5 || strings.Contains(text, "secret") {
		t.Errorf("%+v %v", r, err)
	}
	refused := func(want string, patience time.Duration, s Source) {
		if r, _, err := run(patience, s); err == nil || !strings.Contains(err.Error(), want) || r.Rows != 0 || strings.Contains(err.Error(), "\n") {
			t.Errorf("want %s: %v", want, err)
		}
	}
	for want, s := range map[string]Source{
		"WRONGPASS":         {User: "watcher", Password: "wrong", TLS: trusted},
		"NOAUTH":            {TLS: trusted},
		"unknown authority": {User: "watcher", Password: "secret", TLS: &tls.Config{}},
	} {
		refused(want, patience, s)
	}
	refused("no answer", time.Second, Source{User: "watcher", Password: "secret"})
}

// certificate writes a certificate for 127.0.0.1 that signs itself.
func certificate(t *testing.T) (name string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	name = filepath.Join(t.TempDir(), "server")
	for ext, block := range map[string]*pem.Block{".crt": {Type: "CERTIFICATE", Bytes: der}, ".key": {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(name+ext, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool = x509.NewCertPool()
	parsed, _ := x509.ParseCertificate(der)
	pool.AddCert(parsed)
	return name, pool
}

// A Sentinel tells who is master, and the observer follows a failover.
func TestSentinel(t *testing.T) {
	a := realServer(t)
	b := realServer(t, "--replicaof", "127.0.0.1 "+strconv.Itoa(a.Port))
	await(t, "the replica", func() bool { f, _ := b.Fields(); return f["master_link_status"] == "up" })
	load(t, a.Addr)
	load(t, b.Addr)
	conf := filepath.Join(t.TempDir(), "sentinel.conf")
	text := "sentinel monitor mymaster 127.0.0.1 " + strconv.Itoa(a.Port) + " 1\nsentinel down-after-milliseconds mymaster 500\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startSentinel(t, conf)
	var out bytes.Buffer
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	moved := false
	r, err := Run(ctx, Options{Source: Source{Addrs: []string{"127.0.0.1:1", s}, Sentinel: "mymaster", Slot: -1}, Every: 50 * time.Millisecond, For: 40 * time.Second,
		GiveUp: 40 * time.Second, Timeout: time.Second, Out: &out, Tell: func(x Status) {
			if x.Rows == 20 && x.Err == nil {
				a.Crash()
			}
			if moved = moved || x.Addr == b.Addr && x.Err == nil; moved {
				cancel()
			}
		}})
	if err != nil || !r.Interrupted || r.Addr != b.Addr || !moved || r.Role != "master" {
		t.Errorf("%+v %v\n%s", r, err, last(out.Bytes()))
	}
	if !strings.Contains(out.String(), ",promoted: ") {
		t.Errorf("no row tells of the promotion: %s", last(out.Bytes()))
	}
	if r, err := Run(ctx, Options{Source: Source{Addrs: []string{s}, Sentinel: "other", Slot: -1}, Every: time.Second, For: time.Second, Timeout: time.Second, Out: &out}); !r.Interrupted {
		t.Errorf("a cancelled run: %+v %v", r, err)
	}
	_, err = Run(context.Background(), Options{Source: Source{Addrs: []string{s}, Sentinel: "other", Slot: -1}, Every: time.Second, For: time.Second, Timeout: time.Second, Out: &out})
	if err == nil || !strings.Contains(err.Error(), "watches no master called other") {
		t.Error(err)
	}
}

// startSentinel starts a Sentinel and gives its address.
func startSentinel(t *testing.T, conf string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_, port, _ := net.SplitHostPort(addr)
	l.Close()
	path, err := redisd.Find()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, conf, "--sentinel", "--port", port, "--bind", "127.0.0.1", "--daemonize", "no")
	cmd.Dir = filepath.Dir(conf)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	await(t, "Sentinel to know the replica", func() bool {
		c := redis.NewSentinelClient(&redis.Options{Addr: addr, Protocol: 2, MaxRetries: -1})
		defer c.Close()
		list, err := c.Replicas(context.Background(), "mymaster").Result()
		return err == nil && len(list) > 0
	})
	return addr
}

// A cluster of one node: it has all slots, and knows its address or not.
func TestCluster(t *testing.T) {
	s := realServer(t, "--cluster-enabled", "yes")
	if _, err := s.Command("CLUSTER", "ADDSLOTSRANGE", "0", "16383"); err != nil {
		t.Skipf("SKIPPED, not passed: this server has no CLUSTER ADDSLOTSRANGE: %v", err)
	}
	src := Source{Addrs: []string{s.Addr}, Slot: 0}
	shards, err := src.Shards(context.Background())
	if err != nil || len(shards) != 1 || shards[0].Addr != s.Addr {
		t.Fatalf("%v %v", shards, err)
	}
	var out bytes.Buffer
	r, err := Run(context.Background(), Options{Source: src, Every: 20 * time.Millisecond, For: 200 * time.Millisecond, GiveUp: 20 * time.Second, Timeout: 20 * time.Second, Out: &out})
	if err != nil || r.Rows < 5 || r.Others != 1 {
		t.Errorf("%+v %v", r, err)
	}
	plain := realServer(t)
	src.Addrs = []string{plain.Addr}
	if _, err := src.Shards(context.Background()); err == nil || !strings.Contains(err.Error(), "cluster support disabled") {
		t.Error(err)
	}
}

package live

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// echo is a server that says what it hears.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	return l.Addr().String()
}

func dialProxy(t *testing.T, p *Proxy) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// said sends a text and gives what comes back within a while.
func said(t *testing.T, c net.Conn, text string, patience time.Duration) (string, error) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		return "", err
	}
	c.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, len(text))
	n, err := io.ReadFull(c, b)
	return string(b[:n]), err
}

func TestProxyPassesAndResets(t *testing.T) {
	t.Parallel()
	p := startProxy(t, echo(t), nil)
	c := dialProxy(t, p)
	if got, err := said(t, c, "hello", 5*time.Second); got != "hello" {
		t.Fatal(got, err)
	}
	p.Reset()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("after a reset: %v", err)
	}
	if got, err := said(t, dialProxy(t, p), "again", 5*time.Second); got != "again" {
		t.Error(got, err)
	}
	if p.Conns() != 2 {
		t.Errorf("%d connections", p.Conns())
	}
}

func TestProxyRefuses(t *testing.T) {
	t.Parallel()
	p := startProxy(t, echo(t), nil)
	c := dialProxy(t, p)
	p.Refuse()
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("a cut connection says %v", err)
	}
	if _, err := net.Dial("tcp", p.Addr()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dialed: %v", err)
	}
	if err := p.Pass(); err != nil {
		t.Fatal(err)
	}
	if got, err := said(t, dialProxy(t, p), "hello", 5*time.Second); got != "hello" {
		t.Error(got, err)
	}
}

// What was sent into a silent wire arrives when it carries again.
func TestProxyBlackhole(t *testing.T) {
	t.Parallel()
	p := startProxy(t, echo(t), nil)
	c := dialProxy(t, p)
	if got, err := said(t, c, "one", 5*time.Second); got != "one" {
		t.Fatal(got, err)
	}
	p.Blackhole()
	if got, err := said(t, c, "two", 100*time.Millisecond); got != "" || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("out of silence: %q, %v", got, err)
	}
	if c, err := net.DialTimeout("tcp", p.Addr(), 100*time.Millisecond); err == nil && runtime.GOOS == "linux" {
		t.Error("a new connection got through")
		c.Close()
	}
	if err := p.Pass(); err != nil {
		t.Fatal(err)
	}
	if got, err := said(t, c, "!", 5*time.Second); got != "t" {
		t.Errorf("after the silence %q, %v", got, err)
	}
	if got, err := said(t, dialProxy(t, p), "new", 5*time.Second); got != "new" {
		t.Errorf("a connection after the silence: %q, %v", got, err)
	}
}

func TestProxyThrottle(t *testing.T) {
	t.Parallel()
	p := startProxy(t, echo(t), nil)
	p.Throttle(100_000)
	c := dialProxy(t, p)
	began := time.Now()
	if got, err := said(t, c, strings.Repeat("x", 30_000), 10*time.Second); len(got) != 30_000 {
		t.Fatal(len(got), err)
	}
	if took := time.Since(began); took < 250*time.Millisecond {
		t.Errorf("30 kB at 100 kB/s took %v", took)
	}
}

// A half-closed connection is half-closed on the other side.
func TestProxyClose(t *testing.T) {
	t.Parallel()
	var heard listenIn
	p := startProxy(t, echo(t), heard.tap)
	c := dialProxy(t, p)
	if _, err := io.WriteString(c, "word\r\nrest"); err != nil {
		t.Fatal(err)
	}
	c.(*net.TCPConn).CloseWrite()
	b, err := io.ReadAll(c)
	if string(b) != "word\r\nrest" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	if got := string(heard.after("word")); got != "rest" {
		t.Errorf("the tap heard %q behind the word", got)
	}
}

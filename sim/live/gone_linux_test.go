package live

import (
	"net"
	"testing"
	"time"
)

func TestGone(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, how := range []string{"FIN", "RST"} {
		a, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		b, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		if gone(b.(*net.TCPConn)) {
			t.Errorf("%s: gone while it is there", how)
		}
		if how == "RST" {
			a.(*net.TCPConn).SetLinger(0)
		}
		a.Close()
		for until := time.Now().Add(10 * time.Second); !gone(b.(*net.TCPConn)); time.Sleep(time.Millisecond) {
			if time.Now().After(until) {
				t.Fatalf("%s: not gone when it has closed", how)
			}
		}
	}
}

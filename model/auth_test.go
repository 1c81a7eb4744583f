package model

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestBinaryPassword: a password of any bytes gets a replica in, from 5.0 on, where the handshake
// is framed.
func TestBinaryPassword(t *testing.T) {
	const password = "a\x00b\r\n$5 \xff\"'"
	for _, p := range Profiles() {
		if !p.FramedHandshake {
			continue
		}
		set := p.Defaults()
		set.MasterAuth, set.RequirePass = password, password
		start := func(name, master string) *Server {
			s := NewServer(ServerConfig{Name: name, Profile: p, Settings: set, Master: master, Wall: int64(1000 * time.Hour)})
			s.Step(0, &Input{Kind: InStart})
			return s
		}
		sent := func(outs []Output) (text string) {
			for _, o := range outs {
				if o.Kind == OutSend {
					text += string(o.Data)
				}
			}
			return text
		}
		m, r := start("m", ""), start("r", "m")
		m.Step(0, &Input{Kind: InAccept, Conn: -1, Peer: "r"})
		at := r.Deadline()
		r.Step(at, &Input{Kind: InWake})
		ping := sent(r.Step(at, &Input{Kind: InUp, Conn: 1}))
		refused := sent(m.Step(at, &Input{Kind: InData, Conn: -1, Data: []byte(ping)}))
		if !strings.HasPrefix(refused, "-NOAUTH") {
			t.Errorf("%s: PING is answered with %q", p.Name, refused)
		}
		auth := sent(r.Step(at, &Input{Kind: InData, Conn: 1, Data: []byte(refused)}))
		if want := "$" + strconv.Itoa(len(password)) + "\r\n" + password + "\r\n"; !strings.Contains(auth, want) {
			t.Errorf("%s: says %q", p.Name, auth)
		}
		if got := sent(m.Step(at, &Input{Kind: InData, Conn: -1, Data: []byte(auth)})); !strings.HasPrefix(got, "+OK\r\n") || strings.Contains(got, "-") {
			t.Errorf("%s: is answered with %q", p.Name, got)
		}
	}
}

package model

import (
	"strings"
	"testing"
	"time"
)

// TestWaitTimeouts: what WAIT and CLIENT PAUSE say to timeouts at the edges, as each version was
// seen to answer on a live server; "" blocks.
func TestWaitTimeouts(t *testing.T) {
	const (
		integer = "-ERR timeout is not an integer or out of range\r\n"
		sum     = "-ERR timeout is out of range\r\n"
	)
	for _, p := range Profiles() {
		if !p.GetAck {
			continue
		}
		largest, pause := ":0\r\n", "+OK\r\n"
		switch {
		case p.WaitAOF:
			largest, pause = sum, sum
		case p.PSYNC == 2 && p.Pipelined:
			largest = ""
		}
		for _, c := range []struct{ says, want string }{
			{"WAIT 2 9223372036854775808", integer}, {"WAIT 2 9223372036854775807", largest}, {"WAIT 2 9000000000000000000", ""},
			{"WAIT 2 9223372036854775", ""}, {"WAIT 2 0", ""}, {"WAIT 2 1", ":0\r\n"}, {"WAIT 2 -1", "-ERR timeout is negative\r\n"},
			{"WAIT 2 1.5", integer}, {"WAIT 2 abc", integer}, {"WAIT 0 -1", "-ERR timeout is negative\r\n"},
			{"CLIENT PAUSE -1", "-ERR timeout is negative\r\n"}, {"CLIENT PAUSE 9223372036854775807", pause},
		} {
			if !p.Orders.ClientPause && strings.HasPrefix(c.says, "CLIENT") {
				continue
			}
			s := NewServer(ServerConfig{Name: "m", Profile: p, Settings: p.Defaults(), Wall: int64(1000 * time.Hour)})
			s.Step(0, &Input{Kind: InStart})
			s.Step(0, &Input{Kind: InAccept, Conn: -1, Peer: "c"})
			got := says(s, 0, c.says+"\r\n")
			for at := s.Deadline(); got == "" && at <= Instant(time.Minute); at = s.Deadline() {
				for _, o := range s.Step(at, &Input{Kind: InWake}) {
					if o.Kind == OutSend {
						got += string(o.Data)
					}
				}
			}
			if got != c.want {
				t.Errorf("%s: %s is answered with %q, want %q", p.Name, c.says, got, c.want)
			}
		}
	}
}

package twin

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"psyncsim/sim"
)

// answerPatience is how long a client that speaks by hand waits for an answer that
// may be none.
const answerPatience = 150 * time.Millisecond

// request lets a client say lines to a real server, and hang up.
func (s *stage) request(f *sim.FaultConfig, began time.Duration) error {
	p := s.servers[f.Server]
	c, err := net.DialTimeout("tcp", p.Addr, 5*time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	name := s.cfg.Servers[f.Server].Name
	s.rec.ordered(f)
	for _, line := range f.Say {
		if _, err := io.WriteString(c, line+"\r\n"); err != nil {
			return err
		}
		heard, closed, err := listen(c)
		if err != nil {
			return fmt.Errorf("%s: %w", line, err)
		}
		s.out.answers = append(s.out.answers, requestText(name, line, heard, closed))
		if closed {
			break
		}
	}
	c.Close()
	s.did(action{kind: actOrder, order: f}, began)
	return nil
}

// listen reads what comes within a while; closed says that the other side hung up.
func listen(c net.Conn) (heard string, closed bool, err error) {
	var all []byte
	buf := make([]byte, 4096)
	for until := time.Now().Add(answerPatience); ; {
		c.SetReadDeadline(until)
		n, err := c.Read(buf)
		all = append(all, buf[:n]...)
		var timeout net.Error
		switch {
		case err == nil:
		case errors.As(err, &timeout) && timeout.Timeout():
			return string(bytes.TrimSuffix(all, []byte("\r\n"))), false, nil
		default: // an end, or a reset: the server left
			return string(bytes.TrimSuffix(all, []byte("\r\n"))), true, nil
		}
	}
}

// requestText is what both sides must say of a request: its answer's first line, of
// one with an id or payload the first word. Newlines keep a connection alive.
func requestText(server, line, reply string, closed bool) string {
	first, _, _ := strings.Cut(strings.ReplaceAll(strings.TrimLeft(reply, "\n"), " / ", "\r\n"), "\r\n")
	if len(first) > 0 && strings.ContainsRune("+$", rune(first[0])) {
		first, _, _ = strings.Cut(first, " ")
		if first[0] == '$' {
			first = ""
		}
	}
	text := server + " " + line + " -> " + first
	if closed {
		text += " (hung up)"
	}
	return text
}

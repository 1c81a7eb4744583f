package twin

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"psyncsim/model"
)

// What clients write to real servers, and when all of it has come.

// most is how many commands go out before their replies are read.
const most = 2000

// write lets the client write what the loads say by an instant of the scenario.
func (s *stage) write(at time.Duration) error {
	for j, l := range s.loads {
		upto := l.Upto(model.Instant(at))
		p := s.servers[s.cfg.Loads[j].Server]
		for s.done[j] < upto {
			to := min(upto, s.done[j]+most)
			if p.alive && !p.frozen && !p.stopping {
				if err := s.send(j, s.done[j], to); err != nil {
					return fmt.Errorf("writing to %s: %w", s.cfg.Servers[s.cfg.Loads[j].Server].Name, err)
				}
			}
			s.done[j] = to
		}
	}
	return nil
}

func (s *stage) send(load int, from, to int64) error {
	server := s.cfg.Loads[load].Server
	p := s.servers[server]
	if err := p.connect(); err != nil {
		return err
	}
	if err := p.settle(); err != nil {
		return err
	}
	a := action{kind: actWrite, server: server, load: load, first: from, next: to}
	var text []byte
	for k := from; k < to; k++ {
		text = s.loads[load].Append(text, k)
	}
	began := s.since()
	p.client.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := p.client.Write(text); err != nil {
		return err
	}
	refused := 0
	for range to - from {
		ok, err := reply(p.replies)
		if err != nil {
			return err
		}
		if ok {
			s.out.written[server]++
		} else {
			refused++
		}
	}
	s.did(a, began)
	s.rec.wrote(&a, refused)
	return nil
}

// reply reads one reply; false for an error.
func reply(r *bufio.Reader) (ok bool, err error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return false, err
	}
	n, _ := strconv.Atoi(strings.TrimSpace(line[1:]))
	switch line[0] {
	case '-':
		return false, nil
	case '$':
		if n >= 0 {
			_, err = io.CopyN(io.Discard, r, int64(n)+2)
		}
	case '*':
		for range n {
			if _, err = reply(r); err != nil {
				break
			}
		}
	}
	return true, err
}

// barrier waits until replicas have what was written, where nothing hinders
// them.
func (s *stage) barrier() error {
	time.Sleep(settle)
	for until := time.Now().Add(patient); time.Now().Before(until); time.Sleep(2 * time.Millisecond) {
		if s.followed() {
			break
		}
	}
	return s.ctx.Err()
}

func (s *stage) followed() bool {
	offsets := make([]string, len(s.servers))
	ups := make([]int, len(s.servers))
	for i, p := range s.servers {
		ups[i] = -1
		if !p.alive || p.frozen || p.stopping {
			continue
		}
		m, err := p.Fields()
		if err != nil {
			continue
		}
		offsets[i] = m["master_repl_offset"]
		if m["role"] == "slave" && m["master_link_status"] == "up" {
			for k, x := range s.proxies {
				if k[0] == i && strings.HasSuffix(x.Addr(), ":"+m["master_port"]) {
					ups[i] = k[1]
				}
			}
		}
	}
	for i, up := range ups {
		if up < 0 || offsets[up] == "" {
			continue
		}
		if _, broken := s.links[linkKey(i, up)]; !broken && offsets[i] != offsets[up] {
			return false
		}
	}
	return true
}

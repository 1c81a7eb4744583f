package twin

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"psyncsim/sim"
	"psyncsim/sim/live"
)

// aim puts proxies before whoever a FAILOVER may make a master, and lets them tell
// its port as theirs: the old master then dials that. The first master that may do
// so counts.
func (s *stage) aim() error {
	for i := range s.cfg.Faults {
		f := &s.cfg.Faults[i]
		if f.Kind != sim.FaultFailover || f.Abort {
			continue
		}
		for j := range s.cfg.Servers {
			if j == f.Server || f.Peer >= 0 && f.Peer != j || s.targets[j] != nil {
				continue
			}
			p, err := s.proxy(f.Server, j)
			if err != nil {
				return err
			}
			s.targets[j] = p
		}
	}
	return nil
}

func portOf(p *live.Proxy) int {
	_, port, _ := net.SplitHostPort(p.Addr())
	n, _ := strconv.Atoi(port)
	return n
}

// ask gives a server an order that it may refuse: what it answers is compared.
func (s *stage) ask(f *sim.FaultConfig, began time.Duration) error {
	ms := strconv.FormatInt(f.Timeout.Milliseconds(), 10)
	var words []string
	switch f.Kind {
	case sim.FaultFailover:
		words = []string{"FAILOVER"}
		if f.Peer >= 0 && !f.Abort {
			host, port := "127.0.0.1", "1" // of nobody
			if p := s.targets[f.Peer]; p != nil {
				host, port, _ = net.SplitHostPort(p.Addr())
			}
			words = append(words, "TO", host, port)
		}
		if f.Force {
			words = append(words, "FORCE")
		}
		if f.Timeout != 0 {
			words = append(words, "TIMEOUT", ms)
		}
		if f.Abort {
			words = []string{"FAILOVER", "ABORT"}
		}
	case sim.FaultClientPause:
		words = []string{"CLIENT", "PAUSE", ms}
		if !f.All {
			words = append(words, "WRITE")
		}
	case sim.FaultClientUnpause:
		words = []string{"CLIENT", "UNPAUSE"}
	case sim.FaultShutdownAbort:
		words = []string{"SHUTDOWN", "ABORT"}
	case sim.FaultRequest:
		return s.request(f, began)
	case sim.FaultWait:
		return s.wait(f, began, []string{"WAIT", strconv.FormatInt(f.Count, 10), ms})
	case sim.FaultWaitAOF:
		return s.wait(f, began, []string{"WAITAOF", strconv.FormatInt(f.Local, 10), strconv.FormatInt(f.Count, 10), ms})
	case sim.FaultRewrite:
		s.rec.ordered(f)
		return s.status(f, began, "BGREWRITEAOF")
	default:
		return fmt.Errorf("an order of kind %d cannot be given to real servers", f.Kind)
	}
	s.rec.ordered(f)
	if _, err := s.servers[f.Server].Command(words...); err != nil {
		var netErr net.Error
		if errors.As(err, &netErr) {
			return fmt.Errorf("%s: %w", strings.Join(words, " "), err)
		}
		s.answered(f.Server, "-"+err.Error())
	}
	s.did(action{kind: actOrder, order: f}, began)
	return nil
}

// status gives an order whose answer is a line that is compared too.
func (s *stage) status(f *sim.FaultConfig, began time.Duration, words ...string) error {
	if err := s.servers[f.Server].settle(); err != nil { // answers come in order
		return err
	}
	reply, err := s.servers[f.Server].Command(words...)
	if text, ok := reply.(string); err == nil && ok {
		s.answered(f.Server, "+"+text)
	} else if err != nil {
		s.answered(f.Server, "-"+err.Error())
	}
	s.did(action{kind: actOrder, order: f}, began)
	return nil
}

func (s *stage) answered(server int, reply string) {
	s.out.answers = append(s.out.answers, s.cfg.Servers[server].Name+" "+reply)
}

// wait lets the client that writes to a server wait for replicas. Its answer is read
// before it writes again, or at the end.
func (s *stage) wait(f *sim.FaultConfig, began time.Duration, words []string) error {
	s.rec.ordered(f)
	p := s.servers[f.Server]
	if err := p.connect(); err != nil {
		return err
	}
	if _, err := p.client.Write([]byte(strings.Join(words, " ") + "\r\n")); err != nil {
		return err
	}
	s.did(action{kind: actOrder, order: f}, began)
	p.owed = func() error {
		p.client.SetDeadline(time.Now().Add(20 * time.Second))
		line, err := p.replies.ReadString('\n')
		if line = strings.TrimSpace(line); err == nil && line == "*2" { // WAITAOF: fsyncs here, and of replicas
			for range 2 {
				var next string
				if next, err = p.replies.ReadString('\n'); err != nil {
					return err
				}
				line += " " + strings.TrimSpace(next)
			}
		}
		if err == nil {
			s.answered(f.Server, line)
		}
		return err
	}
	s.late = append(s.late, p.settle)
	return nil
}

// settle reads the answer that a client waits for, if any.
func (p *process) settle() error {
	owed := p.owed
	if p.owed = nil; owed == nil {
		return nil
	}
	return owed()
}

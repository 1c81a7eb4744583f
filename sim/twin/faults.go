package twin

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"psyncsim/sim"
	"psyncsim/sim/live"
	"psyncsim/sim/live/redisd"
	"psyncsim/sim/measured"
)

// fault begins a fault.
func (s *stage) fault(f *sim.FaultConfig) error {
	began := s.since()
	switch f.Kind {
	case sim.FaultReset, sim.FaultSilent:
		return s.breakLink(f, began)
	case sim.FaultRestart, sim.FaultCrash:
		return s.stop(f, began)
	case sim.FaultPause:
		p := s.servers[f.Server]
		if !p.alive || p.stopping {
			return nil
		}
		if err := p.Freeze(); err != nil {
			return err
		}
		p.frozen = true
		s.did(action{kind: actPause, server: f.Server}, began)
		s.rec.did("process_stop", f.Server)
		s.later(f.At+f.For, func() error { return s.thaw(f.Server) })
		return nil
	default:
		return s.order(f, began)
	}
}

func (s *stage) breakLink(f *sim.FaultConfig, began time.Duration) error {
	a := action{kind: actCut, a: f.A, b: f.B}
	switch {
	case f.Kind == sim.FaultSilent:
		a.kind = actSilence
		s.heard.hush(f.A, f.B)
		s.rec.onLink(f.A, f.B, "blackhole", measured.Member("directions", "both"))
		s.onLink(f.A, f.B, (*live.Proxy).Blackhole)
	case f.For == 0:
		a.kind = actReset
		s.rec.onLink(f.A, f.B, "reset", measured.Member("new_connections", "accept"))
		s.onLink(f.A, f.B, (*live.Proxy).Reset)
		s.did(a, began)
		return nil
	default:
		s.rec.onLink(f.A, f.B, "reset", measured.Member("new_connections", "refuse"))
		s.onLink(f.A, f.B, (*live.Proxy).Refuse)
	}
	s.did(a, began)
	s.links[linkKey(f.A, f.B)] = f.Kind
	s.later(f.At+f.For, func() (err error) {
		began := s.since()
		delete(s.links, linkKey(f.A, f.B))
		s.rec.onLink(f.A, f.B, "pass")
		for _, k := range [][2]int{{f.A, f.B}, {f.B, f.A}} {
			if p := s.proxies[k]; p != nil && s.servers[k[1]].alive {
				err = errors.Join(err, p.Pass())
			}
		}
		s.did(action{kind: actHeal, a: f.A, b: f.B}, began)
		return err
	})
	return nil
}

func (s *stage) thaw(i int) error {
	began := s.since()
	p := s.servers[i]
	p.frozen = false
	err := p.Thaw()
	s.did(action{kind: actResume, server: i}, began)
	s.rec.did("process_continue", i)
	return err
}

// stop ends a process in order, or not.
func (s *stage) stop(f *sim.FaultConfig, began time.Duration) error {
	p := s.servers[f.Server]
	if !p.alive {
		return nil
	}
	if p.client != nil {
		p.client.Close()
		p.client = nil
	}
	if f.Kind == sim.FaultCrash {
		s.rec.did("stop", f.Server, measured.Member("how", "kill"))
		p.Crash()
		s.did(action{kind: actCrash, server: f.Server}, began)
		return s.stopped(f, f.At)
	}
	p.stopping = true
	s.rec.did("stop", f.Server, measured.Member("how", map[bool]string{true: "save", false: "nosave"}[f.Save]))
	asked := s.since()
	a := action{kind: actShutdown, server: f.Server, save: f.Save, from: asked}
	a.to = asked + settle
	s.actions = append(s.actions, a)
	go p.Shutdown(f.Save)
	var wait func() error
	wait = func() error {
		select {
		case <-p.Done():
			return s.stopped(f, max(s.since()-s.zero, f.At))
		default:
			s.later(max(s.since()-s.zero, f.At)+2*time.Millisecond, wait)
			return nil
		}
	}
	return wait()
}

// stopped plans the next start of a process that has ended.
func (s *stage) stopped(f *sim.FaultConfig, at time.Duration) error {
	p := s.servers[f.Server]
	p.alive, p.stopping, p.frozen = false, false, false
	s.rec.saw("stopped", f.Server)
	time.Sleep(settle) // its FINs pass
	s.onServer(f.Server, (*live.Proxy).Refuse)
	s.later(at+f.For, func() (err error) {
		s.onServer(f.Server, func(x *live.Proxy) { err = errors.Join(err, x.Pass()) })
		if err != nil {
			return err
		}
		if err := p.Again(); err != nil {
			return err
		}
		p.alive, p.set = true, s.cfg.Servers[f.Server].Settings
		s.started(f.Server)
		return nil
	})
	return nil
}

// replicaClient is the number of the newest connection of the only replica of a
// server: of its rdb channel, or of its main one. "" without one.
func replicaClient(p *redisd.Server, channel bool) (id string, err error) {
	list, err := p.Command("CLIENT", "LIST")
	if err != nil {
		return "", err
	}
	text, _ := list.(string)
	for line := range strings.Lines(text) {
		fields := map[string]string{}
		for _, f := range strings.Fields(line) {
			name, value, _ := strings.Cut(f, "=")
			fields[name] = value
		}
		if strings.Contains(fields["flags"], "S") && (fields["cmd"] == "sync") == channel {
			id = fields["id"]
		}
	}
	return id, nil
}

// order gives a server a command of its operator.
func (s *stage) order(f *sim.FaultConfig, began time.Duration) error {
	p := s.servers[f.Server]
	if !p.alive || p.frozen || p.stopping {
		return nil
	}
	switch f.Kind {
	case sim.FaultSave:
		word := "BGSAVE"
		if f.Save {
			word = "SAVE"
		}
		s.rec.did("save", f.Server)
		if _, err := p.Command(word); err != nil {
			return err
		}
	case sim.FaultPromote:
		s.rec.did("replicaof_no_one", f.Server)
		if _, err := p.Command(s.replicaOf(), "no", "one"); err != nil {
			return err
		}
	case sim.FaultReplicaOf:
		x, err := s.proxy(f.Server, f.Peer)
		if err != nil {
			return err
		}
		host, port, _ := net.SplitHostPort(x.Addr())
		began = s.since()
		s.rec.did("replicaof", f.Server, measured.Member("master", s.cfg.Servers[f.Peer].Name))
		if _, err := p.Command(s.replicaOf(), host, port); err != nil {
			return err
		}
	case sim.FaultConfigSet:
		old := directives(s.prof, &p.set)
		for i, d := range directives(s.prof, f.Settings) {
			if d == old[i] {
				continue
			}
			if _, err := p.Command("CONFIG", "SET", d[0], d[1]); err != nil {
				return fmt.Errorf("CONFIG SET %s %s: %w", d[0], d[1], err)
			}
			s.rec.did("config_set", f.Server, measured.Member("key", d[0]), measured.Member("value", d[1]))
		}
		p.set = *f.Settings
	case sim.FaultClientKill:
		id, err := replicaClient(p.Server, f.Channel)
		if err != nil {
			return err
		}
		began = s.since()
		if id != "" {
			if _, err := p.Command("CLIENT", "KILL", "ID", id); err != nil {
				return err
			}
		} else { // CLIENT LIST says what CLIENT KILL ADDR would have been answered
			s.out.answers = append(s.out.answers, s.cfg.Servers[f.Server].Name+" -ERR No such client")
		}
	default:
		return s.ask(f, began)
	}
	s.did(action{kind: actOrder, order: f}, began)
	return nil
}

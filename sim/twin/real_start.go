package twin

import (
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	"psyncsim/sim"
	"psyncsim/sim/live"
	"psyncsim/sim/live/redisd"
)

// Real servers, and the proxies between them.

// start starts the servers, those that others follow first.
func (s *stage) start() error {
	n := len(s.cfg.Servers)
	s.servers = make([]*process, n)
	if err := s.aim(); err != nil {
		return err
	}
	for level := 0; level < n; level++ {
		var tasks sync.WaitGroup
		errs := make([]error, n)
		for i := range s.cfg.Servers {
			if depth(s.cfg, i) != level {
				continue
			}
			args := arguments(s.prof, &s.cfg.Servers[i].Settings)
			if up := s.named(s.cfg.Servers[i].ReplicaOf); up >= 0 {
				p, err := s.proxy(i, up)
				if err != nil {
					return err
				}
				host, port, _ := net.SplitHostPort(p.Addr())
				args = append(args, "--"+s.replicaOf(), host, port)
			}
			if p := s.targets[i]; p != nil {
				_, port, _ := net.SplitHostPort(p.Addr())
				args = append(args, "--replica-announce-port", port)
			}
			tasks.Go(func() {
				r, err := redisd.Start(s.program.Path, args...)
				if errs[i] = err; err == nil {
					s.servers[i] = &process{Server: r, alive: true, set: s.cfg.Servers[i].Settings}
					if p := s.targets[i]; p != nil {
						p.Retarget(r.Addr)
					}
				}
			})
		}
		tasks.Wait()
		if err := errors.Join(errs...); err != nil {
			return err
		}
		for i := range s.servers {
			if depth(s.cfg, i) == level {
				s.started(i)
			}
		}
	}
	return nil
}

func (s *stage) replicaOf() string {
	if knowsReplica(s.prof) {
		return "replicaof"
	}
	return "slaveof"
}

// started writes a start down: the process's own log says when it was.
func (s *stage) started(i int) {
	a := action{kind: actStart, server: i}
	at, ok := readyAt(s.servers[i].Log())
	if d := at.Sub(s.begun); ok && d > 0 && d <= s.since() {
		a.from, a.to = d, min(d+3*time.Millisecond, s.since())
	} else {
		a.from, a.to = max(s.since()-10*time.Millisecond, 0), s.since()
	}
	s.actions = append(s.actions, a)
	s.rec.started(i, a.from)
}

func (s *stage) named(name string) int {
	return slices.IndexFunc(s.cfg.Servers, func(c sim.ServerConfig) bool { return c.Name == name })
}

// proxy stands between a replica and a server that it follows.
func (s *stage) proxy(replica, master int) (*live.Proxy, error) {
	k := [2]int{replica, master}
	if p := s.proxies[k]; p != nil {
		return p, nil
	}
	target := ""
	if p := s.servers[master]; p != nil {
		target = p.Addr
	}
	p, err := live.NewProxy(target, func(conn int, dialer bool, b []byte) {
		s.heard.hear(wireKey{replica, master, conn}, s.since().Seconds(), dialer, b)
	})
	if err != nil {
		return nil, err
	}
	s.proxies[k] = p
	p.WholeCloses()
	p.Notify(func(conn int, who live.Ender) { s.rec.connection(wireKey{replica, master, conn}, who) })
	switch f, down := s.links[linkKey(replica, master)]; {
	case s.servers[master] != nil && !s.servers[master].alive || down && f == sim.FaultReset:
		p.Refuse()
	case down:
		p.Blackhole()
	}
	return p, nil
}

func linkKey(a, b int) [2]int { return [2]int{min(a, b), max(a, b)} }

// onLink does something to the proxies of a link.
func (s *stage) onLink(a, b int, do func(p *live.Proxy)) {
	for _, k := range [][2]int{{a, b}, {b, a}} {
		if p := s.proxies[k]; p != nil {
			do(p)
		}
	}
}

// onServer does something to the proxies in front of a server whose links work.
func (s *stage) onServer(i int, do func(p *live.Proxy)) {
	for k, p := range s.proxies {
		if _, down := s.links[linkKey(k[0], k[1])]; k[1] == i && !down {
			do(p)
		}
	}
}

func (s *stage) libc() (bool, error) {
	m, err := s.servers[0].Fields()
	return m["mem_allocator"] == "libc", err
}

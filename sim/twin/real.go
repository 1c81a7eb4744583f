package twin

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"psyncsim/model"
	"psyncsim/sim"
	"psyncsim/sim/live"
	"psyncsim/sim/live/redisd"
)

const (
	tick    = 20 * time.Millisecond  // how often the client writes what is due
	settle  = 3 * time.Millisecond   // between the last write and a fault, at least
	patient = 500 * time.Millisecond // for replicas to follow what was written
)

// stage is a real run.
type stage struct {
	program *Program
	cfg     *sim.Config
	prof    *model.Profile
	ctx     context.Context
	begun   time.Time     // origin of all times
	zero    time.Duration // instant 0 of the scenario
	servers []*process
	proxies map[[2]int]*live.Proxy // replica, the server it follows
	heard   *wires
	actions []action
	links   map[[2]int]sim.FaultKind // faults that go on
	loads   []*sim.Writes
	done    []int64 // commands of each load that were written
	todo    []step
	out     outcome
	targets map[int]*live.Proxy // of FAILOVERs: the proxy of which each tells as its port
	late    []func() error      // answers that come when they do
	held    heldUp              // see hold
	rec     *recorder
}

// process is one server.
type process struct {
	*redisd.Server
	alive, frozen, stopping bool
	set                     model.Settings
	client                  net.Conn
	replies                 *bufio.Reader
	owed                    func() error // reads the answer for which the client waits
}

// connect connects the client that writes.
func (p *process) connect() error {
	if p.client != nil {
		return nil
	}
	c, err := net.DialTimeout("tcp", p.Addr, 5*time.Second)
	if err == nil {
		p.client, p.replies = c, bufio.NewReader(c)
	}
	return err
}

// step is something that is due at an instant of the scenario.
type step struct {
	at time.Duration
	do func() error
}

// played is a real run that has ended.
type played struct {
	outcome
	actions    []action
	loads      []*sim.Writes
	wall       time.Duration // fraction of the wall-clock second at the origin
	libc       bool
	held       lateness
	line       json.RawMessage // the case as a recorded file has it
	unrecorded error           // why there is none
}

// playReal plays a scenario on real servers.
func playReal(ctx context.Context, p *Program, id string, c *sim.Config) (*played, error) {
	s := &stage{program: p, cfg: c, prof: p.Profile, ctx: ctx, proxies: map[[2]int]*live.Proxy{}, heard: newWires(), links: map[[2]int]sim.FaultKind{}, targets: map[int]*live.Proxy{},
		done: make([]int64, len(c.Loads))}
	s.rec = newRecorder(s)
	defer s.close()
	n := len(c.Servers)
	s.out.infos, s.out.written = make([][]model.Field, n), make([]int64, n)
	for i := range c.Loads {
		l, err := sim.NewWrites(c, i)
		if err != nil {
			return nil, err
		}
		s.loads = append(s.loads, l)
	}
	s.begun = time.Now()
	over := make(chan struct{})
	defer close(over)
	go s.held.hold(over)
	if err := s.start(); err != nil {
		return nil, err
	}
	libc, err := s.libc()
	if err != nil {
		return nil, err
	}
	s.zero = s.since()
	s.plan()
	if err := s.run(); err != nil {
		return nil, err
	}
	if err := s.end(); err != nil {
		return nil, err
	}
	line, err := s.rec.line(id)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(s.actions, func(a, b action) int { return int(a.to - b.to) })
	return &played{outcome: s.out, actions: s.actions, loads: s.loads, wall: time.Duration(s.begun.Nanosecond()), libc: libc, held: s.held.lateness(), line: line, unrecorded: s.rec.spoiled}, nil
}

func (s *stage) since() time.Duration { return time.Since(s.begun) }

// did writes an action down that took effect since from.
func (s *stage) did(a action, from time.Duration) {
	a.from, a.to = from, s.since()
	s.actions = append(s.actions, a)
}

// plan makes steps of the faults.
func (s *stage) plan() {
	for i := range s.cfg.Faults {
		f := &s.cfg.Faults[i]
		s.later(f.At, func() error { return s.fault(f) })
	}
}

func (s *stage) later(at time.Duration, do func() error) {
	i := len(s.todo)
	for i > 0 && s.todo[i-1].at > at {
		i--
	}
	s.todo = slices.Insert(s.todo, i, step{at, do})
}

// run plays the scenario from its instant 0 on.
func (s *stage) run() error {
	for at := time.Duration(0); at < s.cfg.Duration; {
		next := min(at+tick, s.cfg.Duration)
		due := len(s.todo) > 0 && s.todo[0].at <= next
		if due {
			next = max(s.todo[0].at, at)
		}
		if err := s.sleep(s.zero + next - s.since()); err != nil {
			return err
		}
		if !due { // behind time? then what is due by now
			next = max(next, min(s.since()-s.zero, s.cfg.Duration))
			if len(s.todo) > 0 {
				next = min(next, s.todo[0].at)
			}
		}
		if err := s.write(next); err != nil {
			return err
		}
		at = next
		if !due {
			continue
		}
		if err := s.barrier(); err != nil {
			return err
		}
		t := s.todo[0]
		s.todo = s.todo[1:]
		if err := t.do(); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) sleep(d time.Duration) error {
	if d <= 0 {
		return s.ctx.Err()
	}
	select {
	case <-s.ctx.Done():
		return s.ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// end asks every server how it stands.
func (s *stage) end() error {
	if err := s.barrier(); err != nil {
		return err
	}
	for i, p := range s.servers {
		if !p.alive || p.frozen || p.stopping {
			continue
		}
		began := s.since()
		m, err := p.Fields()
		if err != nil {
			return err
		}
		s.did(action{kind: actInfo, server: i}, began)
		s.rec.info(i, m)
		for name, v := range m {
			f := model.Field{Name: name}
			if f.Number, err = strconv.ParseInt(v, 10, 64); err != nil {
				f.Text = v
			}
			s.out.infos[i] = append(s.out.infos[i], f)
		}
	}
	for _, answer := range s.late {
		if err := answer(); err != nil {
			return err
		}
	}
	s.out.exchanges = s.heard.exchanges()
	ports := make([]int, len(s.servers))
	for i, p := range s.servers {
		if ports[i] = p.Port; s.targets[i] != nil {
			ports[i] = portOf(s.targets[i])
		}
	}
	for i, p := range s.servers {
		explain(s.out.exchanges, i, verdictsOf(p.Log()), ports)
	}
	s.rec.ended(s.out.exchanges)
	return nil
}

// close ends everything that was started.
func (s *stage) close() {
	for _, p := range s.servers {
		if p == nil {
			continue
		}
		if p.client != nil {
			p.client.Close()
		}
		p.Kill()
	}
	for _, p := range s.proxies {
		p.Close()
	}
}

func words(s string) []string { return strings.Fields(s) }

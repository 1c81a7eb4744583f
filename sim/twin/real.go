package twin

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
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

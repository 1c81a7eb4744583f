package measured

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"psyncsim/model"
	"psyncsim/sim"
	"psyncsim/sim/trace"
)

// Options say how a case is played.
type Options struct {
	Seeds int             // how many seeds are tried until one agrees; 0 is 64
	First uint64          // the first of them
	Watch []trace.Watcher // see every run that is tried

	hasty bool // end a run at the first difference
}

// quickSave is how long a snapshot child lives: forked and written in a few
// milliseconds, for all recorded data sets are small. See saveTime.
const quickSave = 2 * time.Millisecond

// pollStep is how closely a run is watched for what is to be seen.
const pollStep = model.Instant(250 * time.Microsecond)

// Play plays the case with seed after seed until all of it agrees.
func (c *Case) Play(opt Options) Result {
	prof, err := Profile(c.file.Server)
	if err != nil {
		return Result{NotPlayed: []string{err.Error()}}
	}
	if c.asksStreams() {
		return c.playStreams(prof)
	}
	if !slices.ContainsFunc(c.Events, func(e Event) bool { return e.Op == "start" && e.fields.text("node") != "" }) {
		return Result{NotPlayed: []string{"it starts no server"}}
	}
	if opt.Seeds == 0 {
		opt.Seeds = 64
	}
	var best Result
	for i := range opt.Seeds {
		r := c.playOnce(prof, opt.First+uint64(i), opt)
		if i == 0 || len(r.Differences) < len(best.Differences) {
			best = r
		}
		if best.Agree {
			break
		}
	}
	return best
}

// player is one run of a case.
type player struct {
	c      *Case
	prof   *model.Profile
	cfg    *sim.Config
	w      *sim.World
	rec    *recorder
	ids    *ids
	ports  map[string]string // port in a slaveN line: server
	boots  map[int]time.Duration
	wait   []boot
	skew   model.Instant // recorded time minus simulated time
	event  int
	result Result

	done       []deed
	probeDrops int // probes' verdicts, kept in order with the rest
	infos      map[string]map[string]*model.Info
	infoAt     map[string]model.Instant
	stairs     *staircase
	wrongIDs   int
	base       model.Settings
	held       time.Duration // see Case.held

	aside     []disk // snapshot files that were removed
	writing   []*writing
	loose     int64 // bytes by which an offset may differ: see writeOver
	cutting   *cutting
	fakes     []*sim.Probe
	filled    map[int]model.Instant // when data came to a server other than by its stream
	bandwidth int64                 // of a link that nobody limits
}

// boot is a process that will start.
type boot struct {
	at     model.Instant
	server int
}

// deed is an action that timing facts count from.
type deed struct {
	op, link, mode string
	at             model.Instant
}

func (c *Case) playOnce(prof *model.Profile, seed uint64, opt Options) (res Result) {
	p := &player{c: c, prof: prof, ids: newIDs(), ports: map[string]string{},
		infos: map[string]map[string]*model.Info{}, infoAt: map[string]model.Instant{}}
	defer func() {
		if x := recover(); x != nil {
			if s, ok := x.(string); !ok || !strings.HasPrefix(s, "model:") && !strings.HasPrefix(s, "sim:") {
				panic(x)
			}
			p.differ("the simulator broke", "", fmt.Sprint(x))
		}
		p.result.Seed = seed
		p.result.Agree = len(p.result.Differences) == 0
		res = p.result
	}()
	p.prepare(seed, opt)
	for i := range c.Events {
		p.event = i
		p.play(&c.Events[i])
		if opt.hasty && len(p.result.Differences) > 0 {
			return
		}
	}
	p.advance(p.sim(seconds(c.Events[len(c.Events)-1].T)))
	p.compareWhole()
	return p.result
}

// prepare makes the world of the case: its servers, none of them running.
func (p *player) prepare(seed uint64, opt Options) {
	p.base = p.prof.Defaults() // what the recordings set is in their README
	p.base.PingPeriod, p.base.Timeout = time.Hour, time.Minute
	p.base.BacklogSize, p.base.SavePoints = 1<<20, model.SavePoints{}
	if _, own := p.c.Observed.Facts["config repl-diskless-sync"]; !own {
		p.base.Diskless = false // but for the case that asks for the version's own
	}
	p.cfg = &sim.Config{Seed: seed, Duration: time.Hour}
	for _, e := range p.c.Events {
		if node := e.fields.text("node"); e.Op == "start" && p.server(node) < 0 {
			p.cfg.Servers = append(p.cfg.Servers, sim.ServerConfig{Name: node, Profile: p.prof, Settings: p.base, Fork: quickSave, Wall: -1, Manual: true, LibcMalloc: p.c.file.libc()})
		}
	}
	latency := sim.DefaultLink.Latency
	p.rec = &recorder{latency: model.Instant(latency), disks: make([]disk, len(p.cfg.Servers)), saving: make([]disk, len(p.cfg.Servers)), saves: make([]bool, len(p.cfg.Servers))}
	for _, s := range p.cfg.Servers {
		p.rec.names = append(p.rec.names, s.Name)
	}
	p.held = p.c.held()
	p.boots = p.c.phases(p.prof, latency)
	if seed > 0 { // try what lies around the phases that were read off: first close, then farther
		chance := rand.New(rand.NewPCG(seed, 0))
		far := time.Duration(min(seed, 15)) * time.Millisecond
		for _, i := range slices.Sorted(mapKeys(p.boots)) {
			d := p.boots[i] + time.Duration(chance.Int64N(int64(2*far))) - far
			p.boots[i] = max(0, min(d, p.c.silence(i)))
		}
	}
	w, err := sim.New(p.cfg, append([]trace.Watcher{p.rec}, opt.Watch...)...)
	if err != nil {
		panic("measured: " + err.Error())
	}
	p.aside = make([]disk, len(p.cfg.Servers))
	p.filled = map[int]model.Instant{}
	p.bandwidth = sim.DefaultLink.Bandwidth
	p.w, p.rec.saved, p.rec.left, p.rec.skew = w, w.Saved, w.Left, func() model.Instant { return p.skew }
	w.Listen(p.rec)
	w.Begin()
}

func mapKeys[K comparable, V any](m map[K]V) func(func(K) bool) {
	return func(yield func(K) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func (p *player) server(name string) int {
	return slices.IndexFunc(p.cfg.Servers, func(s sim.ServerConfig) bool { return s.Name == name })
}

// infoOf is a server's INFO now, nil if no process runs there.
func (p *player) infoOf(server int) *model.Info {
	if server < 0 {
		return nil
	}
	return p.w.Info(server)
}

// sim is the simulated time of a recorded one.
func (p *player) sim(t model.Instant) model.Instant { return t - p.skew }

// advance plays the world to an instant; processes boot on their way.
func (p *player) advance(until model.Instant) {
	for {
		next := -1
		for i, b := range p.wait {
			if b.at <= until && (next < 0 || b.at < p.wait[next].at) {
				next = i
			}
		}
		if next < 0 {
			break
		}
		b := p.wait[next]
		p.wait = slices.Delete(p.wait, next, next+1)
		if b.at > p.w.Now() {
			p.w.Advance(b.at)
		}
		p.w.Start(b.server, p.rec.disks[b.server].saved)
	}
	for until > p.w.Now() {
		next := until
		if len(p.writing) > 0 {
			next = min(next, max(p.writes(), p.w.Now()+1))
		}
		waits := p.cutting != nil && !p.cutting.done
		if waits {
			next = min(next, p.w.Now()+pollStep)
		}
		if p.w.Advance(next); waits {
			p.cut()
		}
	}
	if len(p.writing) > 0 {
		p.writes()
	}
}

// await plays on until something is seen: to Latency behind its time.
func (p *player) await(t model.Instant, seen func() bool) bool { return p.awaitFrom(t, 0, seen) }

// awaitFrom is await for what may be seen earlier by so much more.
func (p *player) awaitFrom(t model.Instant, early time.Duration, seen func() bool) bool {
	if seen() {
		return true
	}
	p.advance(p.sim(t) - model.Instant(Latency+early))
	for !seen() {
		if p.w.Now() >= p.sim(t)+model.Instant(Latency) {
			return false
		}
		p.advance(p.w.Now() + pollStep)
	}
	return true
}

func (p *player) differ(what, recorded, simulated string) {
	p.result.Differences = append(p.result.Differences, Difference{p.c.Events[p.event].T, what, recorded, simulated})
}

// equal compares two texts.
func (p *player) equal(what, recorded, simulated string) {
	if recorded != simulated {
		p.differ(what, recorded, simulated)
	}
}

func (p *player) equalNumber(what string, recorded, simulated int64) {
	p.equal(what, strconv.FormatInt(recorded, 10), strconv.FormatInt(simulated, 10))
}

// within compares two durations in seconds: they may differ by Latency.
func (p *player) within(what string, recorded, simulated float64) {
	d := time.Duration((recorded - simulated) * 1e9)
	p.result.Late = max(p.result.Late, max(d, -d))
	if max(d, -d) > Latency {
		p.differ("time: "+what, fmt.Sprintf("%.4f", recorded), fmt.Sprintf("%.4f", simulated))
	}
}

// play plays one event. What it does not look at is named.
func (p *player) play(e *Event) {
	p.feed()
	f := e.fields.clone()
	known := false
	if e.Action {
		if e.Op != "raw_probe" {
			p.advance(p.sim(seconds(e.T)))
		}
		known = p.act(e, f)
	} else {
		known = p.observe(e, f)
	}
	if !known {
		p.differ("not known: "+e.Op, "", "")
		return
	}
	for _, name := range slices.Sorted(mapKeys(f)) {
		p.differ("not known: "+e.Op+" "+name, string(f[name]), "")
	}
}

// feed sets what a full sync from each server carries: the length in the next
// line that the recording has of one; and how long it takes to make.
func (p *player) feed() {
	for i, s := range p.cfg.Servers {
		p.cfg.Servers[i].Fork = p.c.saveTime(p.event, s.Name)
		for _, e := range p.c.Events[p.event:] {
			line := ""
			switch {
			case e.Op == "rdb_header" && strings.HasSuffix(e.fields.text("link"), "->"+s.Name):
				line = e.fields.text("line")
			case e.Op == "raw_probe" && p.probed(e.fields) == i && strings.HasPrefix(e.fields.text("reply"), "$"):
				line = e.fields.text("reply")
			}
			if n, err := strconv.ParseInt(strings.TrimPrefix(line, "$"), 10, 64); err == nil {
				p.w.SetDataset(i, n)
			}
			if line != "" {
				break
			}
		}
	}
}

// probed is the server that a handmade client talks to: the first one where the
// recording does not say.
func (p *player) probed(f fields) int { return max(0, p.server(f.text("node"))) }

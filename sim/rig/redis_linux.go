package rig

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"psyncsim/sim/live/redisd"
)

// server is a redis-server in one of the namespaces.
type server struct {
	dir  string
	addr netip.AddrPort
	cmd  *exec.Cmd
}

// startRedis starts a server at an address of a side. It keeps nothing on disk.
func (n *Net) startRedis(side Side, path string, at netip.AddrPort, args ...string) (*server, error) {
	dir, err := os.MkdirTemp("", "psyncsim-rig-")
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir, addr: at}
	s.cmd = exec.Command(path, append([]string{"--port", strconv.Itoa(int(at.Port())), "--bind", at.Addr().String(), "--dir", dir,
		"--logfile", filepath.Join(dir, "log"), "--save", "", "--appendonly", "no", "--daemonize", "no", "--protected-mode", "no",
		"--repl-diskless-sync-delay", "0"}, args...)...)
	s.cmd.Env = append(os.Environ(), "TZ=UTC") // of the times in its log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := n.start(side, s.cmd); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return s, nil
}

func (s *server) stop() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	os.RemoveAll(s.dir)
}

// logLine is a line of a server's log.
type logLine struct {
	at   time.Time
	text string
}

// log reads the lines since a time.
func (s *server) log(since time.Time) (lines []logLine) {
	b, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	for line := range bytes.Lines(b) {
		// 25128:S 22 Nov 2026 04:59:38.234 # Connection with master lost.
		f := strings.SplitN(string(bytes.TrimSpace(line)), " ", 7)
		if len(f) < 7 {
			continue
		}
		at, err := time.Parse("2 Jan 2006 15:04:05.000", strings.Join(f[1:5], " "))
		if err == nil && !at.Before(since.Truncate(time.Millisecond)) {
			lines = append(lines, logLine{at, f[6]})
		}
	}
	return lines
}

// first is the first line since a time that holds one of these texts.
func (s *server) first(since time.Time, texts ...string) (logLine, bool) {
	for _, l := range s.log(since) {
		for _, t := range texts {
			if strings.Contains(l.text, t) {
				return l, true
			}
		}
	}
	return logLine{}, false
}

// wait waits for such a line.
func (s *server) wait(ctx context.Context, since time.Time, d time.Duration, texts ...string) (logLine, error) {
	for until := time.Now().Add(d); ; {
		if l, ok := s.first(since, texts...); ok {
			return l, nil
		}
		if time.Now().After(until) {
			return logLine{}, fmt.Errorf("no %q in the log within %s", texts, d)
		}
		select {
		case <-ctx.Done():
			return logLine{}, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// What redis-server (2.8 to 7.4) writes in its log.
const (
	logReady   = "eady to accept connections"
	logSynced  = "sync: Finished with success"
	logTimeout = "MASTER timeout"
	logLost    = "Connection with master lost"
	logDial    = "MASTER <-> REPLICA sync started"
	logPartial = "Successful partial resynchronization"
	logFull    = "Full resync from master"
)

// replicaPort is that of every replica: each has an address of its own.
const replicaPort = 6379

// reconnect makes one silence between a real master and a real replica.
func (n *Net) reconnect(ctx context.Context, w *watched, path string, c *ReconnectCell, port uint16, seed uint64) (run ReconnectRun, late Lateness, err error) {
	addr, lane, err := n.Add(Link{RTT: c.RTT, Seed: seed}, "cubic")
	if err != nil {
		return run, late, err
	}
	defer n.Remove(addr)
	timeout := strconv.Itoa(int(c.Timeout / time.Second))
	ma := netip.AddrPortFrom(addrA, port)
	master, err := n.startRedis(A, path, ma, "--repl-backlog-size", "64mb", "--repl-timeout", timeout)
	if err != nil {
		return run, late, err
	}
	defer master.stop()
	replica, err := n.startRedis(B, path, netip.AddrPortFrom(addr, replicaPort), "--repl-timeout", timeout,
		"--bind-source-addr", addr.String(), "--replicaof", addrA.String(), strconv.Itoa(int(port)))
	if err != nil {
		return run, late, err
	}
	defer replica.stop()
	var never time.Time
	if _, err := master.wait(ctx, never, 20*time.Second, logReady); err != nil {
		return run, late, fmt.Errorf("the master: %w", err)
	}
	if _, err := replica.wait(ctx, never, 30*time.Second, logSynced); err != nil {
		return run, late, fmt.Errorf("the replica: %w", err)
	}
	client, err := n.dial(ctx, A, addrA, ma)
	if err != nil {
		return run, late, err
	}
	defer client.Close()
	go func() { _, _ = io.Copy(io.Discard, client) }() // its replies
	go write(client, c.Rate)

	from := time.Since(n.fw.begun) + 3*time.Second + time.Duration(mix(seed)%uint64(time.Second))
	to := from + c.Silence
	n.fw.with(func() { lane.late = Lateness{}; lane.Outage(Outage{from, to}) })
	w.follow(lane, c.RTT)
	// The servers' own timers go off ten times a second, and send nothing.
	w.stretch(span{from, forever})
	// The times of a log are those of the wall clock, in milliseconds.
	begins := time.Now().Add(from - time.Since(n.fw.begun))
	ends := begins.Add(c.Silence)
	run.Seed = seed
	// After twice the silence all timers have run out.
	lost, err := replica.wait(ctx, begins, time.Until(ends)+c.Silence+6*time.Second, logTimeout, logLost)
	if err != nil {
		n.fw.with(func() { late = lane.late })
		return run, late, ctx.Err()
	}
	run.Detect = lost.at.Sub(begins)
	verdict, err := replica.wait(ctx, lost.at, time.Until(ends)+c.Silence+46*time.Second, logPartial, logFull)
	if err != nil {
		return run, late, err
	}
	w.known(verdict.at)
	n.fw.with(func() { late = lane.late })
	run.Reconnect, run.Partial = verdict.at.Sub(ends), strings.Contains(verdict.text, logPartial)
	for _, l := range replica.log(lost.at) {
		if strings.Contains(l.text, logDial) && !l.at.After(verdict.at) {
			run.Dials++
		}
	}
	return run, late, nil
}

// write sends SETs at a rate of stream bytes, a hundred times a second.
func write(c *net.TCPConn, rate int64) {
	const value = 160
	var cmd []byte
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	begun, done := time.Now(), int64(0)
	for k := 0; ; {
		cmd = cmd[:0]
		for due := int64(time.Since(begun).Seconds() * float64(rate)); done < due; k++ {
			was := len(cmd)
			cmd = fmt.Appendf(cmd, "*3\r\n$3\r\nSET\r\n$10\r\nkey:%06d\r\n$%d\r\n%s\r\n", k%1000, value, bytes.Repeat([]byte{'x'}, value))
			done += int64(len(cmd) - was)
		}
		if _, err := c.Write(cmd); err != nil {
			return
		}
		<-tick.C
	}
}

// pairPackets is what a pair of servers asks of the forwarder, generously.
const pairPackets = 600

// allReconnects needs redis-server; without one it says so.
func (x *measuring) allReconnects(ctx context.Context, p *Plan) error {
	if len(x.m.Reconnect) == 0 {
		return nil
	}
	path, err := redisd.Find()
	if err != nil {
		fmt.Fprintln(x.say, "SKIPPED: real servers, because there is no redis-server on PATH")
		x.m.Reconnect = nil
		return nil
	}
	if x.m.Redis, x.m.RedisVersion, err = redisd.Version(path); err != nil {
		return err
	}
	var port atomic.Uint32
	port.Store(7000)
	err = each(ctx, x, x.small("silences of real servers", SlackRedis, false), x.m.Reconnect, func(*ReconnectCell) int { return p.Pairs },
		func(c *ReconnectCell) (string, func(*Lateness) bool, int) {
			return fmt.Sprintf("redis-server, silence %s, repl-timeout %s", c.Silence, c.Timeout), func(l *Lateness) bool { return l.spoiled(c.RTT) }, pairPackets
		},
		func(ctx context.Context, w *watched, c *ReconnectCell, seed uint64) (ReconnectRun, Lateness, error) {
			return x.reconnect(ctx, w, path, c, uint16(port.Add(1)), seed)
		},
		func(c *ReconnectCell, r ReconnectRun) { c.Runs = append(c.Runs, r) })
	for i := range x.m.Reconnect {
		sortRuns(x.m.Reconnect[i].Runs, func(r *ReconnectRun) uint64 { return r.Seed })
	}
	return err
}

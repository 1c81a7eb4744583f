// Package redisd runs real servers: on 127.0.0.1 and a free port, in a folder
// of their own that is removed with them.
package redisd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// Find is the path of the server that is played with: what REDIS_SERVER names in
// the environment, else the redis-server that PATH has.
func Find() (string, error) {
	if path := os.Getenv("REDIS_SERVER"); path != "" {
		return exec.LookPath(path)
	}
	return exec.LookPath("redis-server")
}

// FindValkey is the path of a valkey-server: what VALKEY_SERVER names, or the
// one that PATH has.
func FindValkey() (string, error) {
	if path := os.Getenv("VALKEY_SERVER"); path != "" {
		return exec.LookPath(path)
	}
	return exec.LookPath("valkey-server")
}

var versionRE = regexp.MustCompile(`(?i)\b(redis|valkey) server v=([0-9]+\.[0-9]+)(\.[0-9]+)?`)

// Version is what a server's program is: its line of versions as in "redis-7.0"
// or "valkey-8.0", and the version itself, as in "7.0.15".
func Version(path string) (line, version string, err error) {
	out, err := exec.Command(path, "--version").Output()
	if err != nil {
		return "", "", fmt.Errorf("%s --version: %w", path, err)
	}
	m := versionRE.FindStringSubmatch(string(out))
	if m == nil {
		return "", "", fmt.Errorf("%s --version says %q", path, bytes.TrimSpace(out))
	}
	return strings.ToLower(m[1]) + "-" + m[2], m[2] + m[3], nil
}

// Server is a running server. It keeps nothing on disk unless its arguments
// say so.
type Server struct {
	*redis.Client // for commands
	Addr          string
	Port          int
	Dir           string

	path string
	args []string
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
}

// Start starts a server with arguments as on its command line ("--hz", "100").
func Start(path string, args ...string) (*Server, error) {
	var err error
	for range 5 { // another program may take the port that was free
		var s *Server
		if s, err = start(path, args); err == nil {
			return s, nil
		}
		if !strings.Contains(err.Error(), "Address already in use") {
			break
		}
	}
	return nil, err
}

// folder begins the name of a server's folder; the number of the process that
// started it follows.
const folder = "psyncsim-redis-"

var swept sync.Once

// sweep removes what programs left behind that were killed and could not. Their
// servers died with them.
func sweep() {
	list, _ := filepath.Glob(filepath.Join(os.TempDir(), folder+"*-*"))
	for _, dir := range list {
		number, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), folder), "-")
		pid, err := strconv.Atoi(number)
		if err == nil && pid > 0 && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			os.RemoveAll(dir)
		}
	}
}

func start(path string, args []string) (*Server, error) {
	swept.Do(sweep)
	dir, err := os.MkdirTemp("", folder+strconv.Itoa(os.Getpid())+"-")
	if err != nil {
		return nil, err
	}
	s := &Server{Dir: dir, path: path, args: args}
	if s.Port, err = freePort(); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	s.Addr = "127.0.0.1:" + strconv.Itoa(s.Port)
	if err := s.launch(); err != nil {
		s.Kill()
		return nil, err
	}
	return s, nil
}

// launch starts the process and waits until it answers.
func (s *Server) launch() error {
	s.done = make(chan struct{})
	s.cmd = exec.Command(s.path, append([]string{"--port", strconv.Itoa(s.Port), "--bind", "127.0.0.1", "--dir", s.Dir,
		"--logfile", s.logFile(), "--save", "", "--appendonly", "no", "--daemonize", "no"}, s.args...)...)
	s.cmd.Dir = s.Dir
	s.cmd.SysProcAttr = dieWithUs()
	if err := s.cmd.Start(); err != nil {
		s.cmd.Process = nil
		close(s.done)
		return err
	}
	go func(cmd *exec.Cmd, done chan struct{}) {
		_ = cmd.Wait() // how it ended is in its log
		close(done)
	}(s.cmd, s.done)
	s.Client = redis.NewClient(&redis.Options{Addr: s.Addr, Protocol: 2, DisableIdentity: true, MaxRetries: -1,
		DialTimeout: 2 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second})
	if err := s.awake(); err != nil {
		return fmt.Errorf("redis-server: %w\n%s", err, s.Log())
	}
	return nil
}

// Done is closed when the process has ended.
func (s *Server) Done() <-chan struct{} { return s.done }

// Shutdown tells the process to end in order, and does not wait for it: see
// Done. What it saves stays in its folder.
func (s *Server) Shutdown(save bool) {
	how := "NOSAVE"
	if save {
		how = "SAVE"
	}
	_, _ = s.Command("SHUTDOWN", how) // it hangs up instead of an answer
}

// Crash ends the process at once and keeps its folder.
func (s *Server) Crash() {
	_ = s.cmd.Process.Kill() // it may have ended by itself
	<-s.done
}

// Again starts the process once more after its end: same port, same folder,
// same arguments.
func (s *Server) Again() error {
	<-s.done
	s.Close()
	return s.launch()
}

// awake waits until the server answers.
func (s *Server) awake() error {
	for until := time.Now().Add(15 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		err := s.Ping(context.Background()).Err()
		var reply redis.Error
		if err == nil || errors.As(err, &reply) && !strings.HasPrefix(err.Error(), "LOADING") { // a replica without its master may refuse PING
			return nil
		}
		select {
		case <-s.done:
			return errors.New("it ended at once")
		default:
		}
		if time.Now().After(until) {
			return err
		}
	}
}

func (s *Server) logFile() string { return filepath.Join(s.Dir, "redis.log") }

// Log is what the server has logged.
func (s *Server) Log() string {
	b, _ := os.ReadFile(s.logFile())
	return string(b)
}

// Fields is what INFO says, by field name.
func (s *Server) Fields() (map[string]string, error) {
	text, err := s.Info(context.Background()).Result()
	if err != nil {
		return nil, err
	}
	m := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			m[name] = value
		}
	}
	return m, nil
}

// Number is one field of INFO that is a number.
func (s *Server) Number(field string) (int64, error) {
	m, err := s.Fields()
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(m[field], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("INFO: %s is %q", field, m[field])
	}
	return n, nil
}

// Command sends one command made of words.
func (s *Server) Command(words ...string) (any, error) {
	args := make([]any, len(words))
	for i := range words {
		args[i] = words[i]
	}
	return s.Do(context.Background(), args...).Result()
}

// Freeze stops the process without telling anyone, Thaw lets it run again.
func (s *Server) Freeze() error { return s.cmd.Process.Signal(syscall.SIGSTOP) }

// Thaw: see Freeze.
func (s *Server) Thaw() error { return s.cmd.Process.Signal(syscall.SIGCONT) }

// Kill ends the process at once, waits for its end and removes its folder.
func (s *Server) Kill() {
	if s.Client != nil {
		s.Close()
	}
	if s.cmd.Process != nil {
		s.Crash()
	}
	os.RemoveAll(s.Dir)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

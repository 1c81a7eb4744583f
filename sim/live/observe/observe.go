package observe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Options say what is observed and how.
type Options struct {
	Source  Source
	Every   time.Duration // between two INFOs
	For     time.Duration // in all
	GiveUp  time.Duration // without an answer: the server has gone for good
	Timeout time.Duration // of one INFO and of one connect
	Out     io.Writer     // every row is one Write
	Tell    func(Status)  // after every try; nil is fine
}

// Source says where the master is and how to speak to it.
type Source struct {
	Addrs            []string // host:port, or the path of a socket; several for Sentinel and Cluster
	Sentinel         string   // the master's name: Addrs are Sentinels
	Slot             int      // -1, or the master is whoever has this slot: Addrs are nodes of a cluster
	User, Password   string
	SentinelUser     string
	SentinelPassword string
	TLS              *tls.Config // nil is plain
}

// Status is how far it is.
type Status struct {
	Addr    string
	Elapsed time.Duration
	Rows    int
	Gaps    int
	Offset  int64
	Rate    float64 // bytes a second between the last two answers
	Err     error   // of this try
}

// Report is what was done.
type Report struct {
	Addr        string // the last one that answered
	Rows        int
	Gaps        int           // times without an answer, or with another process
	Longest     time.Duration // of the gaps
	Infos       int           // INFOs sent
	Others      int           // other commands, to find the master
	Connects    int
	Sent        int64 // bytes, handshakes included
	Received    int64
	Took        time.Duration
	Spent       time.Duration // the sum of the INFOs' round trips
	Slowest     time.Duration // the longest of them
	Role        string        // of the last row
	Interrupted bool
	Gone        error // why it was given up
}

// ErrNever is in the chain of an error that came before the first answer.
var ErrNever = errors.New("no answer")

// Run observes until the time is up, the context ends, or the server is gone
// for good. An error is about the file, or about a server that never answered;
// the report holds in every case.
func Run(ctx context.Context, o Options) (Report, error) {
	quiet.Do(func() { redis.SetLogger(silent{}) })
	w := &watch{o: o, began: time.Now()}
	defer w.hangUp()
	err := w.run(ctx)
	w.report.Took = time.Since(w.began)
	w.report.Sent, w.report.Received = w.wire.sent.Load(), w.wire.received.Load()
	w.report.Connects = int(w.wire.connects.Load())
	return w.report, err
}

// silent keeps the client library from logging every refused connect on its
// own; the errors come back to us anyway.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

var quiet sync.Once

// watch is one master that is observed.
type watch struct {
	o      Options
	began  time.Time
	report Report
	wire   wire

	client *redis.Client
	addr   string
	last   map[string]string // the fields of the last answer
	lastAt time.Time
	lost   error // what the first try after it said

	statusRate float64
}

func (w *watch) run(ctx context.Context) error {
	if _, err := io.WriteString(w.o.Out, strings.Join(columns, ",")+"\n"); err != nil {
		return err
	}
	end := w.began.Add(w.o.For)
	for tick := w.began; ; {
		err := w.poll(ctx)
		if ctx.Err() != nil {
			w.report.Interrupted = true
			return nil
		}
		var bad *fileError
		if errors.As(err, &bad) {
			return bad.err
		}
		if err != nil && w.report.Rows == 0 {
			return fmt.Errorf("%w from %s: %w", ErrNever, w.where(), err)
		}
		w.tell(err)
		if away := time.Since(w.lastAt); err != nil && away > w.o.GiveUp {
			w.report.Gone = fmt.Errorf("%s has not answered for %v: %w", w.where(), away.Round(time.Second), err)
			return nil
		}
		if tick = tick.Add(w.o.Every); time.Now().After(tick) { // late: the missed ones are not made up for
			late := time.Since(tick) / w.o.Every
			tick = tick.Add((late + 1) * w.o.Every)
		}
		if tick.After(end) {
			return nil
		}
		select {
		case <-ctx.Done():
			w.report.Interrupted = true
			return nil
		case <-time.After(time.Until(tick)):
		}
	}
}

// where names what is observed in messages.
func (w *watch) where() string {
	if w.addr != "" {
		return w.addr
	}
	return strings.Join(w.o.Source.Addrs, ", ")
}

// fileError is a row that could not be written.
type fileError struct{ err error }

func (e *fileError) Error() string { return e.err.Error() }

// poll asks once, and writes a row of the answer.
func (w *watch) poll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, w.o.Timeout)
	defer cancel()
	if w.client == nil {
		addr, asked, err := w.o.Source.find(ctx, &w.wire)
		w.report.Others += asked
		if err != nil {
			w.noteLost(err)
			return err
		}
		w.addr = addr
		w.client = redis.NewClient(w.o.Source.options(addr, &w.wire, w.o.Timeout))
	}
	asked := time.Now()
	text, err := w.client.Info(ctx).Result()
	answered := time.Now()
	var dial *net.OpError
	if err == nil || !errors.As(err, &dial) || dial.Op != "dial" {
		w.report.Infos++
	}
	if err != nil {
		w.hangUp()
		w.noteLost(err)
		return err
	}
	fields := parse(text)
	if _, err := strconv.ParseInt(fields["master_repl_offset"], 10, 64); err != nil {
		w.hangUp()
		err := fmt.Errorf("its INFO has no master_repl_offset (redis_mode %q)", fields["redis_mode"])
		w.noteLost(err)
		return err
	}
	if w.movedAway(fields) { // ask again who is master
		w.hangUp()
		err := fmt.Errorf("%s is a replica now", w.addr)
		w.noteLost(err)
		return err
	}
	spent := answered.Sub(asked)
	w.report.Spent += spent
	w.report.Slowest = max(w.report.Slowest, spent)
	// The wall clock at the beginning and the monotonic one since: a clock
	// that is set back must not make the times go back.
	return w.row(fields, w.began.Add(asked.Sub(w.began)+spent/2))
}

// movedAway says that Sentinel or the cluster have made another one master.
func (w *watch) movedAway(fields map[string]string) bool {
	return fields["role"] == "slave" && (w.o.Source.Sentinel != "" || w.o.Source.Slot >= 0)
}

func (w *watch) noteLost(err error) {
	if w.lost == nil {
		w.lost = err
	}
}

func (w *watch) hangUp() {
	if w.client != nil {
		w.client.Close()
		w.client = nil
	}
}

func (w *watch) row(fields map[string]string, at time.Time) error {
	gap := w.gap(fields)
	line := format(fields, at, gap)
	if n, err := io.WriteString(w.o.Out, line); err != nil {
		return &fileError{err}
	} else if n < len(line) {
		return &fileError{io.ErrShortWrite}
	}
	if gap != "" {
		w.report.Gaps++
		w.report.Longest = max(w.report.Longest, at.Sub(w.lastAt))
	}
	w.report.Rows++
	w.report.Addr, w.report.Role = w.addr, fields["role"]
	w.rate(fields, at)
	w.last, w.lastAt, w.lost = fields, at, nil
	return nil
}

// gap says why the time since the last row was not watched.
func (w *watch) gap(fields map[string]string) string {
	if w.last == nil {
		return ""
	}
	was, is := w.last["run_id"], fields["run_id"]
	why := ""
	switch {
	case was != is && fields["master_replid2"] == w.last["master_replid"] && w.last["master_replid"] != "":
		why = "promoted"
	case was != is:
		why = "restarted"
	}
	if w.lost != nil {
		if why != "" {
			why += ": "
		}
		why += brief(w.lost)
	}
	return why
}

// brief is an error as a cell of a CSV.
func brief(err error) string {
	var t interface{ Timeout() bool }
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &t) && t.Timeout():
		return "no answer in time"
	case errors.Is(err, io.EOF):
		return "connection closed"
	}
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r == ',' || r == '"' {
			return ' '
		}
		return r
	}, err.Error())
	return strings.ToValidUTF8(text[:min(len(text), 120)], "")
}

func (w *watch) rate(fields map[string]string, at time.Time) {
	w.statusRate = 0
	if w.last == nil {
		return
	}
	a, _ := strconv.ParseInt(w.last["master_repl_offset"], 10, 64)
	b, _ := strconv.ParseInt(fields["master_repl_offset"], 10, 64)
	if d := at.Sub(w.lastAt).Seconds(); b >= a && d > 0 {
		w.statusRate = float64(b-a) / d
	}
}

func (w *watch) tell(err error) {
	if w.o.Tell == nil {
		return
	}
	s := Status{Addr: w.where(), Elapsed: time.Since(w.began), Rows: w.report.Rows, Gaps: w.report.Gaps, Rate: w.statusRate, Err: err}
	s.Offset, _ = strconv.ParseInt(w.last["master_repl_offset"], 10, 64)
	w.o.Tell(s)
}

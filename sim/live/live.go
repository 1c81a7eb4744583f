// Package live plays one node with real sockets and the wall clock: the very
// state machine of the simulation follows a real redis-server, or serves one.
// No line of the protocol is written here. The package carries bytes, keeps the
// data set that snapshots and commands are about, and tells the time.
//
// A driver does four things: it takes one input, calls Step, obeys every output
// in order, and asks for the Deadline. Goroutines read sockets and dial, but
// all they hear goes through one channel, so the node hears one thing at a
// time; a connection is read again only after what it gave last was told.
package live

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"psyncsim/model"
	"psyncsim/sim/trace"
)

// Config says which node runs and where it listens.
type Config struct {
	// Server is what the process knows when it starts. Master is "host:port".
	// Bytes, Wall and Booted are the driver's to set; so are Port and IDSeed
	// where they are 0: the port of the listener, and chance.
	Server model.ServerConfig
	// Listen is where replicas connect: "127.0.0.1:0" takes any free port, ""
	// listens nowhere.
	Listen string
	// Watch are told every fact, from the goroutine of the node.
	Watch []trace.Watcher
	// NoData keeps no data set: snapshots are counted and thrown away, commands
	// are not executed. A master's data may then be of any type; a snapshot that
	// the node itself sends is empty.
	NoData bool
	// SaveTime is how long the making of a snapshot takes.
	SaveTime time.Duration
}

// ErrStopped is what calls on a node give after its end.
var ErrStopped = errors.New("live: the node has stopped")

// Node is a running node.
type Node struct {
	cfg    Config
	srv    *model.Server
	start  time.Time
	listen net.Listener
	events chan event
	quit   chan struct{} // closed when the loop has ended
	stop   chan struct{} // closed to end it
	once   sync.Once
	tasks  sync.WaitGroup
	err    error // why the loop ended; read after quit

	// What follows belongs to the loop.
	conns    map[model.ConnID]*conn
	accepted model.ConnID
	todo     []model.Input // what obeying has brought about, in order
	data     *Dataset
	snapshot []byte        // the newest snapshot made
	saveAt   model.Offset  // the last byte inside it
	saves    int           // counts snapshots; the end of a killed one is void
	held     [][]string    // commands that wait for the end of a pause
	lookAt   model.Instant // when to look whether sockets take what waits for them
	rec      trace.Record
}

// Start begins to play a node. Close ends it.
func Start(c Config) (*Node, error) {
	n := &Node{cfg: c, events: make(chan event), quit: make(chan struct{}), stop: make(chan struct{}),
		conns: map[model.ConnID]*conn{}, data: NewDataset()}
	s := &n.cfg.Server
	if c.Listen != "" {
		l, err := net.Listen("tcp", c.Listen)
		if err != nil {
			return nil, fmt.Errorf("live: %w", err)
		}
		n.listen = l
		if s.Port == 0 {
			s.Port = l.Addr().(*net.TCPAddr).Port
		}
	}
	if s.IDSeed == 0 {
		var b [8]byte
		rand.Read(b[:])
		s.IDSeed = binary.LittleEndian.Uint64(b[:])
	}
	n.start = time.Now()
	s.Bytes, s.Booted, s.Wall = true, 0, n.start.UnixNano()
	n.srv = model.NewServer(*s)
	if n.listen != nil {
		n.tasks.Go(n.acceptAll)
	}
	go n.loop()
	return n, nil
}

// Run plays a node until the context ends.
func Run(ctx context.Context, c Config) error {
	n, err := Start(c)
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case <-n.quit:
	}
	return n.Close()
}

// Addr is where the node listens.
func (n *Node) Addr() string { return n.listen.Addr().String() }

// Done is closed when the node has ended.
func (n *Node) Done() <-chan struct{} { return n.quit }

// Close stops the process and waits for its end. The error is what ended it
// before, if anything did.
func (n *Node) Close() error {
	n.once.Do(func() { close(n.stop) })
	<-n.quit
	n.tasks.Wait()
	return n.err
}

// Query calls f between two steps, with the node and its data set.
func (n *Node) Query(f func(s *model.Server, d *Dataset)) error {
	done := make(chan struct{})
	if !n.post(event{kind: evCall, call: func() { f(n.srv, n.data); close(done) }}) {
		return n.ended()
	}
	select {
	case <-done:
		return nil
	case <-n.quit:
		return n.ended()
	}
}

func (n *Node) ended() error {
	if <-n.quit; n.err != nil {
		return n.err
	}
	return ErrStopped
}

// tell gives the node one input and waits until its outputs were obeyed.
func (n *Node) tell(in model.Input) error {
	return n.Query(func(*model.Server, *Dataset) { n.step(in) })
}

// Info is what INFO prints now.
func (n *Node) Info() (info *model.Info, err error) {
	err = n.Query(func(s *model.Server, _ *Dataset) { info = s.Info(n.now()) })
	return info, err
}

// ReplicaOf is REPLICAOF; "" is NO ONE.
func (n *Node) ReplicaOf(addr string) error {
	return n.tell(model.Input{Kind: model.InReplicaOf, Peer: addr})
}

// ConfigSet is CONFIG SET.
func (n *Node) ConfigSet(s model.Settings) error {
	return n.tell(model.Input{Kind: model.InConfigSet, Settings: &s})
}

// Write lets a client write one command, in database 0.
func (n *Node) Write(args ...string) error { return n.WriteAll(args) }

// WriteAll lets a client write commands, one behind the other. All before the
// first that fails count. While clients are paused they wait, and are made when the
// pause ends, unless the node is a replica then.
func (n *Node) WriteAll(commands ...[]string) (err error) {
	down := n.Query(func(s *model.Server, d *Dataset) {
		if !s.IsMaster() {
			err = errors.New("live: a replica takes no writes")
			return
		}
		if why := s.Refusal(); why != "" {
			err = errors.New(why[1:])
			return
		}
		if s.Holds() {
			for _, args := range commands {
				n.held = append(n.held, slices.Clone(args))
			}
			return
		}
		in := model.Input{Kind: model.InAppend}
		var lens []int
		long := false
		for _, args := range commands {
			if err = d.Write(args...); err != nil {
				break
			}
			in.Commands++
			lens = lens[:0]
			for _, a := range args {
				lens = append(lens, len(a))
				long = long || len(a) > model.BlockRequest
			}
			in.Pieces = model.AppendCommandPieces(in.Pieces, lens...)
			in.Data = model.AppendCommand(in.Data, args...)
		}
		if !long {
			in.Pieces = nil
		}
		in.Bytes = int64(len(in.Data))
		if in.Commands > 0 {
			n.step(in)
		}
	})
	return errors.Join(down, err)
}

// post hands an event to the loop; false when it has ended.
func (n *Node) post(e event) bool {
	select {
	case n.events <- e:
		return true
	case <-n.quit:
		return false
	}
}

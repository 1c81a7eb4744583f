package pcap

import (
	"container/heap"
	"fmt"
	"io"
	"time"

	"psyncsim/model"
	"psyncsim/sim"
	"psyncsim/sim/trace"
)

// Options say what is captured.
type Options struct {
	Servers []string // names of the scenario's servers, in their order
	Point   int      // the server on whose interface the capture is made
	Program string   // what wrote the file, with its version
	MSS     int64    // bytes of a full segment; 0 is 1448
}

// Counts is what a capture has seen.
type Counts struct {
	Packets       int64
	Retransmitted int64 // that the server at the capture point sent, lost or not
	Repeated      int64 // others that bring nothing behind what had passed: repeats of its peers, and what fills a hole
	Comments      int64
}

// Capture writes what it hears of a run. It is the run's sim.Listener and one of
// its trace.Watchers. The run must carry bytes and play every write
// (sim.Config.Bytes, PerWrite, EveryTick); none of these changes what happens.
type Capture struct {
	o      Options
	out    *framer
	counts Counts
	err    error

	todo  todo
	turn  uint64
	now   model.Instant // the latest instant heard of
	conns map[int]*conn // by number; never ranged over

	told map[string][]string // comments that wait for a packet, by what they belong to
}

// slack is by how much a fact may come later than it happened, at most: servers
// hear of what arrived when they are asked, which is at every tick of their cron.
const slack = model.Instant(5 * time.Second)

// New begins a capture.
func New(w io.Writer, o Options) (*Capture, error) {
	if o.MSS == 0 {
		o.MSS = 1448
	}
	if o.Point < 0 || o.Point >= len(o.Servers) {
		return nil, fmt.Errorf("pcap: no server number %d", o.Point)
	}
	out, err := newFramer(w, o.Program, o.Servers[o.Point])
	if err != nil {
		return nil, err
	}
	return &Capture{o: o, out: out, conns: map[int]*conn{}, told: map[string][]string{}}, nil
}

// step is one thing to play, at its instant.
type step struct {
	at   model.Instant
	turn uint64
	c    *conn
	do   func()
}

type todo []*step

func (t todo) Len() int { return len(t) }
func (t todo) Less(i, j int) bool {
	return t[i].at < t[j].at || t[i].at == t[j].at && t[i].turn < t[j].turn
}
func (t todo) Swap(i, j int) { t[i], t[j] = t[j], t[i] }
func (t *todo) Push(x any)   { *t = append(*t, x.(*step)) }
func (t *todo) Pop() any {
	n := len(*t) - 1
	s := (*t)[n]
	(*t)[n] = nil
	*t = (*t)[:n]
	return s
}

// after schedules something.
func (c *Capture) after(at model.Instant, do func()) {
	c.turn++
	heap.Push(&c.todo, &step{at: at, turn: c.turn, do: do})
}

// play does all that is due before an instant.
func (c *Capture) play(until model.Instant) {
	for len(c.todo) > 0 && c.todo[0].at < until && c.err == nil {
		s := heap.Pop(&c.todo).(*step)
		s.do()
	}
}

// Hear hears a signal of the run.
func (c *Capture) Hear(at model.Instant, s sim.Signal) {
	if c.o.Point != s.Dialer && c.o.Point != s.Acceptor {
		return // not on this interface
	}
	if s.Data != nil {
		s.Data = append([]byte{}, s.Data...)
	}
	c.now = max(c.now, at)
	if k := c.conns[s.Conn]; k != nil && k.segments && s.Kind == sim.SignalSent {
		from := 0
		if s.From == s.Acceptor && s.Acceptor != s.Dialer {
			from = 1
		}
		k.sides[from].sent.add(s.Bytes, s.Data) // a segment may need it at once
		return
	}
	c.after(at, func() { c.signal(at, &s) })
	c.play(c.now - slack)
}

// Observe takes the facts that become comments.
func (c *Capture) Observe(r *trace.Record) {
	at, e := r.At, r.Event
	c.now = max(c.now, at)
	var key, text string
	switch e.Kind {
	case model.EvJudged:
		key, text = "verdict "+r.Node+" "+e.Peer, verdict(r.Node, &e)
	case trace.Cut:
		key, text = "link "+e.Peer, "the link "+e.Peer+" is reset at "+seconds(at)
	case trace.Silenced:
		key, text = "link "+e.Peer, "the link "+e.Peer+" is silent from "+seconds(at)+" on: nothing arrives"
	case trace.Healed:
		key, text = "link "+e.Peer, "the link "+e.Peer+" works again since "+seconds(at)
	default:
		return
	}
	c.after(at, func() { c.told[key] = append(c.told[key], text) })
}

func seconds(at model.Instant) string { return string(trace.AppendSeconds(nil, at)) + " s" }

// verdict is what a master decided, in words.
func verdict(node string, e *model.Event) string {
	if e.Full {
		return fmt.Sprintf("%s: full resynchronization of %s (%s); the backlog holds %d bytes from offset %d on", node, e.Peer, e.Why, e.Hist, e.First)
	}
	return fmt.Sprintf("%s: partial resynchronization of %s, %d bytes were missed; the backlog holds %d bytes from offset %d on", node, e.Peer, e.Gap, e.Hist, e.First)
}

// take takes the comments that wait under a key.
func (c *Capture) take(key string) []string {
	t := c.told[key]
	delete(c.told, key)
	return t
}

// Close writes what is left and says what was seen. What would have come after
// end, the end of the run, is not written.
func (c *Capture) Close(end model.Instant) (Counts, error) {
	c.play(end + 1)
	if c.err == nil {
		c.err = c.out.out.Flush()
	}
	return c.counts, c.err
}

// see writes a packet that passes the capture point.
func (c *Capture) see(p *Packet) {
	if c.err != nil {
		return
	}
	c.counts.Packets++
	c.counts.Comments += int64(len(p.Comments))
	c.err = c.out.write(p)
}

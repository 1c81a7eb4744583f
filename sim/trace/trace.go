// Package trace is the one record of a run. Log lines, rows, charts, INFO
// and fingerprints are all read off it.
package trace

import "psyncsim/model"

// The facts of the network, told by the driver. Node is then the name of the
// server concerned, or "link".
const (
	Began     = model.DriverKinds + iota // always first: Text holds the run's parameters, Seed the seed
	Ended                                // always last
	Cut                                  // a link was reset: Peer ("a-b")
	Silenced                             // a link went silent: Peer
	Healed                               // it carries bytes again: Peer
	Killed                               // a process was stopped or crashed
	Paused                               // a process was frozen
	Resumed                              //
	Flushed                              // a connection ended: Conn, Bytes (lost with it)
	Sampled                              // where a node stands: Offset (replica: last byte processed; master: MRO), First, Hist, MRO, Full (link up)
	Slowed                               // a link has another rate: Peer, Bytes a second; 0 is its own again
	Asked                                // what a node says of itself in the middle of a run: Info
	Requested                            // a client said Text, and was answered Reply at once, lines with " / " between them; Why, if the connection is no more
	Diverged                             // a replica continued (the line before) another history than what it holds: Peer, ID (that it asked for), Offset (next byte)
)

var words = [...]string{"began", "ended", "cut", "silent", "heal", "killed", "paused", "resumed", "lost-bytes", "sample", "slow", "asked", "request", "diverged"}

// Record is one fact: when, who, what.
type Record struct {
	At    model.Instant
	Node  string
	Event model.Event
}

// Watcher reads a trace while it is made: text, fingerprint, checks, rows.
type Watcher interface{ Observe(r *Record) }

// AppendText appends the record's line: seconds with nine decimals, node, event.
func (r *Record) AppendText(b []byte) []byte {
	b = AppendSeconds(b, r.At)
	b = append(b, ' ', ' ')
	b = append(b, r.Node...)
	b = append(b, ' ', ' ')
	if r.Event.Kind >= model.DriverKinds {
		b = append(b, words[r.Event.Kind-model.DriverKinds]...)
		return r.Event.AppendFields(b)
	}
	return r.Event.AppendText(b)
}

// AppendSeconds writes an instant as seconds with nine decimals.
func AppendSeconds(b []byte, at model.Instant) []byte {
	if at < 0 {
		b = append(b, '-')
		at = -at
	}
	s := uint64(at) / 1_000_000_000
	return model.AppendStamp(b, s, uint64(at)-s*1_000_000_000)
}

package model

import "time"

// Instant is a moment of a run: nanoseconds since the run began. The driver
// supplies it; a node never asks a clock. It may be negative only for a
// process that started before the run.
type Instant int64

// Never is the deadline of a node that waits for nothing.
const Never Instant = 1<<63 - 1

// Add moves an instant by d; Never stays Never.
func (i Instant) Add(d time.Duration) Instant {
	if i == Never {
		return Never
	}
	return i + Instant(d)
}

// Offset is a position in a replication stream. The first byte of a fresh
// history has offset 1 (redis >= 4.0) or 2 (PSYNC1); 0 is "before the first".
type Offset int64

// ReplID names one replication history: 40 hexadecimal characters. It is the
// run id of the master for PSYNC1 (<= 3.2) and the replication id from 4.0 on.
type ReplID string

// ZeroID is what INFO prints for a replid2 that is not in use.
const ZeroID ReplID = "0000000000000000000000000000000000000000"

// ConnID names one connection of one node and is never used again. Connections
// that the node dialed are above 0 and numbered by the node; connections that
// the node accepted are below 0 and numbered by the driver.
type ConnID int

// Chunk is a piece of a replication stream: the offsets [From, To). It may
// carry its bytes or stand for their number only ("lengths"); both go through
// the same code.
type Chunk struct {
	From, To Offset
	// Bound is the offset behind the last command that ends inside the chunk,
	// or From when none does. A transaction is one command here: no offset
	// between its MULTI and its EXEC is ever processed. The receiver of a chunk with Data finds it by
	// parsing and ignores this field.
	Bound Offset
	// Data is nil for a chunk of lengths, else To-From bytes.
	Data []byte
	// Page is where Data lies, if it may be kept there instead of copied. Data then
	// has the capacity that is left in it.
	Page *Page
}

// Bytes is the length of the chunk.
func (c Chunk) Bytes() int64 { return int64(c.To - c.From) }

// InputKind says which thing happened to a node.
type InputKind uint8

// The inputs. The set is closed; each line names the fields of Input it uses.
const (
	InStart        InputKind = iota + 1 // the process starts: Restore (nil: there is nothing on disk to load), Bytes of its AOF
	InUp                                // a Dial worked: Conn
	InAccept                            // a peer dialed us: Conn (below 0), Peer
	InData                              // bytes in stream order: Conn, Data (copy to keep)
	InStream                            // replication stream: Conn, Chunk; Commands of clients end in it
	InBulk                              // snapshot payload arrived: Conn, Bytes; below 0: so many, and the mark that ends it is among them
	InSent                              // the transport took the whole snapshot: Conn, Bytes (with its trailer)
	InDown                              // a connection is gone, or a Dial failed: Conn, Why
	InAppend                            // client writes reached this node: Bytes of stream, Commands, Data (nil for lengths)
	InDelete                            // the server deletes keys: Bytes, Commands, Data as for InAppend; Why (WhyExpired, WhyEvicted)
	InRefuse                            // the server refuses so many writes for want of memory: Commands
	InSnapshotDone                      // the snapshot child has ended: Bytes of its file (disk target only)
	InLoaded                            // a snapshot is in memory: Conn, whence it was received, and Count, above 0 if it holds keys; 0: what was on disk, and Commands keys with names of Bytes bytes had expired
	InWake                              // the deadline has come
	InReplicaOf                         // REPLICAOF: Peer ("" is NO ONE)
	InConfigSet                         // CONFIG SET: Settings, already parsed
	InStop                              // the process ends: Save (a snapshot is written first)
	InStall                             // the transport of Conn takes no stream byte from Chunk.From on; 0: it takes all again
	InThawed                            // the process did not run since Since, and runs again
	InShutdown                          // SHUTDOWN: the process ends when its replicas are in step; OutExit follows. Abort: it goes on
	InFailover                          // FAILOVER: Peer (the target; "" is any replica), Force, Timeout (0 is for ever), Abort
	InClientPause                       // CLIENT PAUSE: Timeout, All (else WRITE); Abort is CLIENT UNPAUSE
	InClientKill                        // CLIENT KILL of a replica's connection: Peer, Channel (the rdb channel of a dual-channel sync)
	InWait                              // WAIT by the client that wrote last: Count (replicas), Timeout (0 is for ever)
	InWaitAOF                           // WAITAOF by the client that wrote last: Local, Count (replicas), Timeout (0 is for ever)
	InRewrite                           // BGREWRITEAOF
	InSave                              // BGSAVE; Save: SAVE, by the process itself
	InSnapshotHeld                      // the socket of Conn is full and takes nothing of the snapshot that a child writes; Abort: takes it again; Why: a write has waited for OutSendSnapshot's Timeout
	InChildKill                         // the snapshot child was killed (the operator, the system for want of memory)
	InAcks                              // ACKs of a replica arrived, the last one at Since: Conn, Data (that one). Only while NotesAcks(Conn)
)

// Input is one thing that happened to a node.
type Input struct {
	Kind     InputKind
	Conn     ConnID
	Peer     string
	Data     []byte
	Chunk    Chunk
	Page     *Page // of InAppend: see Chunk.Page
	Bytes    int64
	Commands int64
	// Pieces are, for InAppend and InStream, the lengths in which a server with
	// blocks feeds what is new in its stream: AppendCommandPieces of each
	// client's command; whole commands, in a replica. They may be left
	// out when none is longer than BlockRequest.
	Pieces []int64
	// Quiet is, for InStream, the offset behind the commands at the beginning of
	// the chunk that are the master's own (PING, SELECT, GETACK) and change no data.
	// Asks says that the chunk ends with a GETACK. Both are found by parsing in a
	// chunk with Data.
	Quiet Offset
	// Last and Changed are, for InStream, the offset behind the last command that ends in
	// the chunk and changes data, and how many bytes all those have. A server without an
	// AOF, and one before 7.2, needs no Last.
	Last    Offset
	Changed int64
	// Torn is, for InStream, 0, or the offset behind the rest of a command whose beginning
	// the node was never sent: up to 3.2 a master may let it continue another stream than
	// its own. What comes before Torn is nothing to it, nor is a command that it has in part.
	Torn     Offset
	Asks     bool
	All      bool
	Force    bool
	Abort    bool
	Channel  bool
	Count    int64
	Local    int64
	Timeout  time.Duration
	Why      Why
	Save     bool
	Since    Instant
	Restore  *Saved
	Settings *Settings
}

// OutputKind says which thing a node wants done.
type OutputKind uint8

// The outputs, obeyed in order; each line names the fields of Output it uses.
const (
	OutDial         OutputKind = iota + 1 // connect to the server Peer: Conn
	OutSend                               // Conn, Data: valid until the next Step
	OutAttach                             // from now on Conn carries the stream from Chunk.From on: Chunk, whose bytes are Held, then all that OutFeed tells
	OutFeed                               // the node's own stream grew by Chunk; Literal: by a command of the node's own (SELECT, PING, GETACK: Asks)
	OutSnapshot                           // start a snapshot child; Socket: it writes to the waiting replicas, else InSnapshotDone follows (also of one that rewrites the AOF)
	OutKillSnapshot                       // the child is of no use any more
	OutSendSnapshot                       // send Data (the header line), then the snapshot and Bytes of trailer, on Conn; InSent follows
	OutLoad                               // load the received snapshot: Conn; 0: what is on disk. InLoaded follows; Conn is not read meanwhile. Socket: from now on it is loaded as it arrives, and a second OutLoad follows its last byte
	OutHangup                             // close Conn: Why
	OutNote                               // a fact for whoever watches: Event
	OutReceive                            // a snapshot comes on Conn: Bytes of it, or below 0 all before the mark Data; Chunk.Data came already. Its bytes are InBulk, what follows is InData
	OutExit                               // end the process: InStop follows. Why: it ends in disorder
	OutResume                             // clients' writes that waited (see Holds) are tried again
	OutExpire                             // look for keys whose time is over: the driver asks ExpireTurn, then InDelete for each
	OutApply                              // execute what Chunk holds of the master's stream (only if it holds bytes)
	OutSaved                              // the RDB on disk is a new one, which remembers Saved. Conn: it is the one that was received there
	OutSave                               // the process itself writes an RDB, and does nothing else meanwhile; it is then on disk: Saved
)

// Output is one thing that a node wants done.
type Output struct {
	Kind  OutputKind
	Conn  ConnID
	Peer  string
	Data  []byte
	Chunk Chunk
	Held  []Chunk // OutAttach, with bytes: where those of Chunk lie, in order; valid until the next Step
	Bytes int64
	Why   Why
	Event *Event // valid until the next Step

	Saved Saved
	// Timeout, of OutSendSnapshot, is how long a write of the child to the socket may
	// wait (SO_SNDTIMEO); 0: the server forwards it, and waits for as long as it likes.
	Timeout time.Duration

	Socket, Literal bool
	Asks            bool // OutFeed: it is a GETACK, which a replica answers when it comes to it
}

// Node is how a driver speaks to a server. Step takes one input and answers
// with what the node wants done; the slice is the node's own and valid until
// the next Step. now never goes back. Deadline is when the node next wants an
// InWake, or Never.
type Node interface {
	Step(now Instant, in *Input) []Output
	Deadline() Instant
}

// Saved is what a file on disk remembers of replication (RDB aux fields repl-id,
// repl-offset, repl-stream-db; facts: 1.8). Without an ID it remembers nothing: an
// AOF, an RDB from before 4.0, one of a master without a backlog. A nil *Saved is
// no file at all.
type Saved struct {
	ID     ReplID
	Offset Offset
}

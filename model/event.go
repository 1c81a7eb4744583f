package model

import "strconv"

// EventKind names a fact. Kinds below DriverKinds are told by nodes; the
// drivers (sim/trace) number their own from DriverKinds on.
type EventKind uint8

// The facts a node can tell. Each line names the fields of Event it uses.
const (
	EvStarted        EventKind = iota + 1 // process runs: ID (own identity), Text (version)
	EvFollows                             // REPLICAOF, at start or later: Peer
	EvPromoted                            // REPLICAOF NO ONE took effect: ID, ID2, Offset (second offset)
	EvDialed                              // a connect begins: Conn, Peer
	EvDialFailed                          // it failed: Conn, Peer, Why
	EvAsked                               // the replica sent its PSYNC or SYNC: Conn, Peer, Text (the line), Offset (P, 0 for SYNC)
	EvJudged                              // the master decided: Conn, Peer, Text (request line), Reply, Full, Why (reason), Offset (P), First, Hist, MRO, Gap
	EvFullBegins                          // the replica read +FULLRESYNC, or began SYNC: Peer, ID, Offset
	EvContinued                           // the replica read +CONTINUE: Peer, ID, Offset (next byte)
	EvOnline                              // the replica follows the stream: Peer, Full (after a full sync), Offset (next byte)
	EvLost                                // the replica lost its link: Conn, Peer, Why, Offset (next byte it needs), Since (last byte heard)
	EvAbandoned                           // a handshake or transfer was given up: Conn, Peer, Why
	EvPeerGone                            // the master freed a replica's connection: Conn, Peer, Why
	EvPeerOnline                          // the master streams to a replica: Conn, Peer, Offset (first byte), Bytes (pending)
	EvSaving                              // snapshot child started: Offset (last byte inside)
	EvSaved                               // its end was noticed: Bytes
	EvSending                             // snapshot transfer begins: Conn, Peer, Bytes
	EvLoading                             // a data set is loaded: after its transfer, or from disk when the process starts
	EvBacklogCreated                      // Bytes (size), First
	EvBacklogFreed                        // Why
	EvBacklogResized                      // Bytes (new size), First, Hist
	EvNewID                               // the identity changed: ID, ID2, Offset (second offset)
	EvPinged                              // a PING entered the stream: Offset (its last byte)
	EvStopped                             // the process ended: Offset (MRO)
	EvInfo                                // the INFO of a node at the end of a run: Info
	EvStopping                            // a shutdown waits for replicas: Offset (MRO)
	EvStopAborted                         // it goes on instead: Offset (MRO)
	EvAnswered                            // what an operator's order was answered with, if not +OK: Text, Reply; WAIT: Offset (its target), Since
	EvClientsPaused                       // CLIENT PAUSE: Full (ALL), Until
	EvClientsResumed                      // no pause holds clients back any more
	EvFailover                            // a FAILOVER moved on: Text (master_failover_state), Peer (target), Reply (why), Offset (MRO)
	EvWritable                            // writes are taken (Full) or refused from now on: Bytes (good replicas), Why (save-failed: for want of a snapshot)
	EvChannelAsked                        // dual channel: SYNC came on an rdb channel: Conn, Peer, Text, MRO
	EvChannel                             // the master forks for it: Conn, Peer, Text (request), Reply ($ENDOFF), ID, Offset (last byte inside)
	EvStreamed                            // its main channel's PSYNC was accepted: as EvJudged
	EvPaired                              // the replica read that: Peer, ID, Offset (next byte)
	EvKept                                // an rdb channel ended and is kept for its main one: Conn, Peer, Why
	EvLoaded                              // what was on disk is in memory: Bytes (keys that had expired)
	EvRewriting                           // a child rewrites the AOF: Offset (last byte inside)
	EvRewritten                           // its end was noticed: Bytes
	evCount

	DriverKinds EventKind = 64
)

// Event is a fact: a tagged struct, so that telling one costs nothing when
// nobody listens. Unused fields are zero.
type Event struct {
	Kind   EventKind
	Full   bool
	Why    Why
	Conn   ConnID
	Peer   string
	Text   string
	Reply  string
	ID     ReplID
	ID2    ReplID
	Offset Offset
	First  Offset // first byte of the backlog
	Hist   int64  // bytes in the backlog
	MRO    Offset // master_repl_offset
	Gap    int64  // bytes the replica had missed
	Bytes  int64
	Since  Instant
	Seed   uint64 // of the run; drivers' facts only
	Until  Instant
	Info   *Info
}

// Why says why something happened: the reason of a full resynchronization, or
// of the end of a connection.
type Why uint8

// Reasons of verdicts first, then of endings.
const (
	WhyNone            Why = iota
	WhyFirstSync           // the request names no history ("?")
	WhyIDMismatch          // the id is neither replid nor replid2
	WhySecondOffset        // replid2 matches, but the request lies beyond the second offset
	WhyBacklogAbsent       // no backlog exists
	WhyBelowBacklog        // the wanted byte is no longer in the backlog
	WhyAheadOfMaster       // the wanted byte lies beyond master_repl_offset + 1
	WhyBadOffset           // the offset is not a number (<= 5.0: error and full sync)
	WhyNoPSYNC             // SYNC: one side does not know PSYNC, or PSYNC was refused with an error
	WhyReset               // connection reset by the network
	WhyRefused             // connection refused
	WhyClosed              // the other side closed
	WhyTimeout             // repl-timeout
	WhyConnectTimeout      // repl-timeout while connecting
	WhyUnreachable         // the connect attempt gave up
	WhyError               // an error reply or a protocol error
	WhyReplicaOf           // REPLICAOF
	WhyStopped             // the process ends
	WhyTTL                 // repl-backlog-ttl
	WhyHardLimit           // client-output-buffer-limit, hard
	WhySoftLimit           // client-output-buffer-limit, soft
	WhyFullSync            // a full synchronization makes it useless
	WhySaveFailed          // the snapshot child failed
	WhyNewHistory          // the node's own identity changed
	WhyAuth                // the master does not take the password
	WhySnapshotSent        // a connection for the snapshot alone has done its work
	WhyKilled              // CLIENT KILL
	WhyExpired             // a key's time is over
	WhyEvicted             // a key made room (maxmemory)
	WhyFullSyncTimeout     // its socket took nothing of a diskless snapshot for repl-timeout
	whyCount
)

var whyText = [whyCount]string{
	"", "first-sync", "id-mismatch", "second-offset", "backlog-absent", "below-backlog",
	"ahead-of-master", "bad-offset", "no-psync", "reset", "refused", "closed", "timeout",
	"connect-timeout", "unreachable", "error", "replicaof", "stopped", "ttl", "hard-limit",
	"soft-limit", "full-sync", "save-failed", "new-history", "auth", "snapshot-sent",
	"killed",
	"expired", "evicted",
	"full-sync-timeout",
}

func (w Why) String() string { return whyText[w] }

var eventText = [evCount]string{
	"", "started", "follows", "promoted", "dial", "dial-failed", "ask", "judge", "full-begins",
	"continued", "online", "lost", "abandoned", "peer-gone", "peer-online", "saving", "saved",
	"sending", "loading", "backlog-created", "backlog-freed", "backlog-resized", "new-id", "ping",
	"stopped", "info", "stopping", "stop-aborted", "answer", "clients-paused", "clients-resumed", "failover", "writable",
	"channel-asked", "channel", "streamed", "paired", "kept", "loaded", "rewriting", "rewritten",
}

// Word is the stable name of the kind, or "" for a driver's kind.
func (k EventKind) Word() string {
	if k < evCount {
		return eventText[k]
	}
	return ""
}

// AppendText appends the event's one line of text. Goldens and fingerprints
// hang on it: a field that is zero is left out, the order is fixed.
func (e *Event) AppendText(b []byte) []byte {
	b = append(b, e.Kind.Word()...)
	return e.AppendFields(b)
}

// plain are the bytes that stand for themselves between quotes.
var plain = func() (p [256]bool) {
	for c := ' '; c <= '~'; c++ {
		p[c] = c != '"' && c != '\\'
	}
	return p
}()

// appendQuoted is strconv.AppendQuote, which looks at each rune of what is plain.
func appendQuoted(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if !plain[s[i]] {
			return strconv.AppendQuote(b, s)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// AppendFields appends " name=value" for every field that is not zero.
func (e *Event) AppendFields(b []byte) []byte {
	str := func(name, v string) {
		if v != "" {
			b = append(b, name...)
			b = append(b, v...)
		}
	}
	num := func(name string, v int64) {
		if v != 0 {
			b = append(b, name...)
			b = AppendInt(b, v)
		}
	}
	if int64(e.Conn)|int64(e.Why) != 0 || e.Full || len(e.Peer)|len(e.Text)|len(e.Reply)|len(e.ID)|len(e.ID2) != 0 {
		str(" peer=", e.Peer)
		num(" conn=", int64(e.Conn))
		if e.Text != "" {
			b = append(b, ' ')
			b = appendQuoted(b, e.Text)
		}
		if e.Reply != "" {
			b = append(b, " reply="...)
			b = appendQuoted(b, e.Reply)
		}
		if e.Full {
			b = append(b, " full"...)
		}
		str(" why=", e.Why.String())
		str(" id=", string(e.ID))
		if e.ID2 != ZeroID {
			str(" id2=", string(e.ID2))
		}
	}
	num(" offset=", int64(e.Offset))
	if int64(e.First|e.MRO)|e.Hist|e.Gap != 0 {
		num(" first=", int64(e.First))
		num(" hist=", e.Hist)
		num(" mro=", int64(e.MRO))
		num(" gap=", e.Gap)
	}
	num(" bytes=", e.Bytes)
	if int64(e.Since|e.Until)|int64(e.Seed) != 0 {
		num(" since=", int64(e.Since))
		if e.Seed != 0 {
			b = AppendUint(append(b, " seed="...), e.Seed)
		}
		num(" until=", int64(e.Until))
	}
	if e.Info != nil {
		b = e.Info.appendText(b)
	}
	return b
}

func (e Event) String() string { return string(e.AppendText(nil)) }

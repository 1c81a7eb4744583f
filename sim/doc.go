// Package sim plays masters, replicas, links, write loads and faults on a virtual
// clock. It moves bytes and time; what they mean is decided in package model.
//
// # What deterministic means here
//
// The same Config gives the same trace, byte for byte, on every machine, with any
// number of workers. Time is whole nanoseconds, amounts are whole bytes, chance is
// drawn from counter-based generators made of (seed, stream, counter) with whole
// numbers only. Every source of chance has a stream of its own: the load of each
// workload, and the phases of each server's cron and wall clock.
//
// Two things at one instant happen in this order: client writes, stream bytes that
// arrive, ACKs that arrive, then events in the order in which they were scheduled (the faults of the
// scenario first), cron ticks last, server by server.
//
// # Why it is fast
//
// Client writes and stream bytes are no events, nor are the ACKs of a replica whose
// master only notes them (acks.go). A load can be asked how much it
// had written by any instant (load.go), a link when any byte arrives (conn.go). A
// server is brought up to date before it is spoken to, and is spoken to only when
// something is decided. With Config.Bytes all are brought up to date after some tens
// of kilobytes besides, so that who reads and compares them finds them near; and a byte is written once: backlogs and connections share its
// page (model.Store). Config.PerWrite and Config.EveryTick make an event of
// everything instead; a test shows that the trace is the same.
//
// # What becomes of client writes that are not taken
//
// While clients are paused (CLIENT PAUSE, a FAILOVER or a shutdown that waits) their
// writes wait, as many as the load has by then, and are made all at once when the
// pause ends; a server that is a replica by then refuses them. Writes are refused
// while min-replicas-to-write is not met, and after a snapshot that failed
// (stop-writes-on-bgsave-error, with a save point) until one is saved. What is
// refused is not tried again.
//
// # Keys that expire
//
// A load may give its keys a time to live. The master's cycle then deletes them: when
// it runs, and how many of the expired keys it can be expected to find, is the model's
// to say (model/expire.go); which of them go first is not, here the oldest do. Short
// cycles that a real server runs between two serverCron turns are played with the turn
// behind them: a DEL may be up to 100 ms late by that. Keys of different loads are taken
// for different keys. A server that starts again with its data deletes what expired
// meanwhile with its first turns.
//
// # A snapshot without disk
//
// One child writes it to all replicas that wait, at the pace of the slowest link
// (feed.go). A frozen replica, or a silent link, takes what its sockets hold; then the child
// stands still, and with it the others, until it reads again or is given up. Links of
// segments are the exception: there each goes at its own pace, and nobody is given up.
//
// # What is checked in every run
//
// A replica's stream is its master's stream, from some offset on (check.go: every
// process's life is a part of its history, and a +CONTINUE must join equal ones;
// with Config.Bytes the bytes themselves are compared). A +CONTINUE leaves no gap.
// F + H - 1 is master_repl_offset. Bytes sent are delivered, in flight, or lost with
// their connection. A broken promise ends the run with a Violation. One case real servers
// break themselves: up to 3.2 a stream that begins anew keeps its name, and a replica of the
// old one may continue the new one. The trace then has a line of it (trace.Diverged).
//
// # Two connections
//
// A replica in a dual-channel sync has two connections to its master: snapshot and
// stream share the link's latency but not its bandwidth, each is served at the full rate.
// What is heard on both is told in the order in which it arrived (bring.go: hear).
//
// # What a link is
//
// An ordered pipe of bytes each way with latency and bandwidth. A reset tells both
// ends at once and loses what is on the way. A silent link delivers nothing and
// tells nobody; what was sent meanwhile is sent again from the moment it heals, and
// connects are repeated as Linux repeats its SYN (after 1, 2, 4, ... s). Sockets take
// a limited number of bytes that the other side has not (stall.go).
//
// A link with LinkConfig.TCP carries segments instead (segments.go, package tcp): what
// is lost is sent again when Linux would send it, and sockets take what their windows
// and buffers let them. On a link that loses nothing and has bandwidth to spare both
// give the same verdicts at the same offsets (levels_test.go). They differ where TCP
// takes time: slow start, a timeout that runs on after a silence has ended, a window
// that fills while nobody reads.
package sim

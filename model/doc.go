// Package model is Redis replication as plain state machines.
//
// A Server is one process. It is told one thing at a time (Input) and answers
// with what it wants done (Output); it never acts, waits, or looks at a clock.
// The same code runs on a virtual clock (package sim) and over TCP (sim/live).
//
// # Terms
//
// The stream is what a master sends its replicas: the commands that changed its
// data set, and some of its own (SELECT, PING). Its bytes are numbered from 1;
// a number is an Offset. master_repl_offset (MRO) is the number of the last byte.
// A history is a stream from its beginning; it has a name, the ReplID: the run id
// of the master up to 3.2 (PSYNC1), the replication id from 4.0 on (PSYNC2). The
// backlog holds the newest bytes of the stream: H of them (histlen), the first of
// which is F. F + H - 1 = MRO, always.
//
// # What a reconnect does
//
//	replica                                   master
//	   dial  ------------------------------->  accept
//	   PING  ------------------------------->  +PONG
//	   REPLCONF listening-port, capa ------->  +OK
//	   PSYNC <id> <next byte it wants> ----->  judges
//	         <-----------------------------  +CONTINUE, and the stream from that byte on
//	     or  <-----------------------------  +FULLRESYNC <id> <offset>, a snapshot, the stream
//	   REPLCONF ACK <offset>, once a second -> knows that it lives
//
// The master continues if the id is its own (or its second one, up to the second
// offset) and F <= P <= F + H. Everything else about sizing a backlog is how many
// bytes were written between the last one that the replica took and the moment in
// which its PSYNC is judged.
//
// # Two channels
//
// Where both sides of a valkey 8.0 have dual-channel replication switched on, the
// answer to a PSYNC that cannot continue is +DUALCHANNELSYNC. The replica then asks for
// the snapshot on a second connection (SYNC), is told the offset at which the master
// forks, and with it asks on the first one for the stream: that waits at the replica
// until the snapshot is loaded. Until it asks, the master keeps the history for it
// (dual.go, dual_replica.go).
//
// # Time
//
// Both sides are driven by a cron that runs every 100 ms, and once a second for
// replication (cron.go). It compares whole seconds of the wall clock, so a timeout
// of T seconds fires between T and T + 2. Ticks at which nothing can happen are
// counted, not run: Deadline names the next one that matters.
//
// # Lengths and bytes
//
// A Chunk of stream may carry its bytes or stand for their number. Backlog,
// buffers and replicas treat both alike, and a chunk of many commands is the same
// as its commands one by one. Where it is not, because an output buffer comes to
// its limit in the middle, Horizon says so beforehand.
//
// # Versions
//
// A Profile is a version as data. The code asks it for a capability and compares
// no version numbers.
package model

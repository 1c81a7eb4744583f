// Package scenarios reads a scenario file, checks it, and spreads its sweep
// into runs.
//
// A scenario is a question with data. It is YAML; every quantity is text with
// a unit. What a file leaves out has a default, and Scenario.Resolved prints
// the file with all of them spelled out.
//
//	question: Does a 1 MiB backlog survive five seconds?  # required
//	seed: 1                  # of the first run of every sweep point
//	duration: 60s            # virtual time; up to 30 days
//	servers:                 # name: server; the order of the file counts
//	  master:
//	    version: redis-6.2   # required
//	    config: {repl-backlog-size: 1mb}   # redis.conf's names and units
//	    config-file: redis.conf            # a real one; config wins over it
//	    replicaof: other     # without it: a master
//	    dataset: 100MB       # what a full sync carries
//	    save-rate: 200MB/s   # how fast a snapshot is made; unlimited: at once
//	    load-rate: 100MB/s   # how fast it is loaded
//	    fork: 10ms           # what starting the snapshot child costs
//	    uptime: drawn        # age of the process at the start: phase of its cron
//	    wall: drawn          # fraction of its wall-clock second at the start
//	    cron-late: 250us     # by how much each turn of its timer comes late, as the machine has it; up to 10ms
//	links:                   # a pair without one gets sim.DefaultLink
//	  - {between: [a, b], latency: 250us, bandwidth: 1250MB/s}
//	workload:
//	  - {on: master, rate: 1MB/s, command: SET, key: 16, value: 200, arrivals: constant, from: 0s, until: 60s}
//	faults:
//	  - {at: 30s, link: [a, b], kind: reset, for: 5s, every: 60s, times: 3}
//	sweep:
//	  axis_name: {set: servers.*.config.repl-backlog-size, values: [1mb, 2mb]}
//	  outage:    {set: faults.0.for, from: 1s, to: 60s, steps: 8, scale: log}
//	repeat: 1                # runs per sweep point, with the seeds seed, seed+1, …
//	expect: ["reconnects_full == 0 when outage < 5s"]
//	observed:                # what real servers did; a run that differs fails
//	  - {at: 39.4s, kind: full, gap: 6104516B, within: 2MB}
//
// # Units
//
// Inside config: redis.conf's (1k = 1000, 1kb = 1024, m, mb, g, gb, b, without
// regard to case; no fraction, no space), seconds as plain numbers. Everywhere
// else: B, kB, MB, GB, KiB, MiB, GiB, a fraction being fine while the bytes
// are whole; rates are a size a second, N/s (commands) or N[k|m|g]bit/s;
// durations are Go's. A plain number is a count.
//
// # Workload
//
// rate is the mean rate of bytes on the replication stream, or of commands.
// The stream's commands are one command (command, key, value: lengths in
// bytes) or a mix: a list of {command, key, value, times}, or of {command,
// args: [lengths], times}, that repeats. They are the commands as they stand
// on the stream, not as clients sent them.
//
// Instead of command, client names a command as clients send it:
//
//	{on: master, rate: 5000/s, client: SET, key: 16, value: 200, ttl: 100s}
//
// It costs what the version of its server writes on the stream for it, so that
// the same rate of commands is another rate of bytes on another version. Where
// the command has them there are field and value (bytes) and ttl (whole
// seconds); together: 10 is ten of them in one MULTI, and with script: 80 an
// EVAL of a text of 80 bytes makes them. What the command needs to change
// something is thought to be there. A transaction is one command: it is counted
// once by rate, and written and processed as a whole. A rate in bytes stays one
// of stream bytes.
//
// With ttl the keys expire: the master writes a DEL or UNLINK for each when its
// cycle finds it, or when a client writes it again before that (keys of few bytes
// come again: they are numbers). How soon the cycle does depends on version and rate.
//
// arrivals is constant, poisson, {bursts: {on: 8s, off: 32s, rate: 2MB/s,
// phase: 0s}} or {trace: FILE, start: 0s}. With bursts the workload's rate is the rate
// while off; instead of rate a burst may have factor: 4, four times the
// workload's rate, so that sweeping the one moves the other. With factor, mean:
// 1MB/s in the bursts may stand for the workload's rate: the mean over time,
// from which both rates follow. A trace is a CSV file with the columns unix_ms
// and master_repl_offset (see ReadTrace).
//
// # Links
//
// A link is a formula, whose cost does not depend on the bytes moved (model: flow), or
// it carries TCP segments (model: tcp). Without model it is a formula unless a field
// asks for segments: preset (lan, same-az, cross-az, cross-region, vpn: psyncsim links
// prints their numbers), jitter, loss, burst-loss {enter, leave, loss}, duplicate,
// reorder, reorder-by, queue, mss, congestion (cubic, reno), idle-drop, tcp-wmem,
// tcp-rmem, tcp-syn-retries, tcp-syn-linear-timeouts, tcp-retries2, tcp-user-timeout.
// there and back are maps of what differs in one direction of between.
//
// # Faults
//
//	reset    link, for      both ends are told, connects are refused until it ends
//	silent   link, for, way ([from, to])   nothing arrives and nobody is told
//	slow     link, for, bandwidth, way     another rate for a while
//	restart  server, for, save (yes), now (no)   SHUTDOWN SAVE or NOSAVE
//	crash    server, for, power-loss (no)   kill -9; with power-loss no FIN is sent and nothing answers
//	pause    server, for    a frozen process; writes to it meanwhile are not made
//	promote  server         REPLICAOF NO ONE
//	replicaof server, to    REPLICAOF
//	config   server, set    CONFIG SET, a map like config
//	failover server, to (any replica), force (no), timeout, abort (no)   FAILOVER, from redis-6.2 on
//	wait     server, replicas, timeout (0s: for ever)   WAIT by the client that wrote last, from redis-3.2 on
//	waitaof  server, local (0 or 1), replicas, timeout (0s: for ever)   WAITAOF, likewise, from redis-7.2 on
//	bgrewriteaof     server   BGREWRITEAOF: a child rewrites the AOF, at save-rate; no snapshot begins meanwhile
//	client-pause     server, for, mode (all, or write)  CLIENT PAUSE, from redis-3.2 on; write from redis-6.2 on
//	client-unpause   server       CLIENT UNPAUSE, from redis-6.2 on
//	client-kill      server, replica, channel (main, or rdb)  CLIENT KILL of a replica's connection; rdb in a dual-channel sync
//	shutdown-abort   server       SHUTDOWN ABORT, while a restart waits for replicas, from redis-7.0 on
//	bgsave   server         BGSAVE: a child saves, at save-rate
//	child-kill server       kill -9 of the child that makes a snapshot; without one nothing happens
//	request  server, say (a list of lines), for   a client connects and says them, one after the other; it hangs up in the end
//	save     server         SAVE: the process saves, and answers nobody meanwhile
//
// All from promote on are orders: they are lost on a server that is down then; a
// frozen one finds them when it runs again; one that loads a data set refuses most
// (-LOADING). What a server answers an order, if not OK, is told in the trace. Writes
// wait while clients are paused and are all made when the pause ends; while
// min-replicas-to-write is not met they are refused, and counted in writes_refused, and after
// a snapshot whose child was killed (stop-writes-on-bgsave-error) until one is saved. So they
// are where maxmemory is reached and maxmemory-policy leaves no key to delete; see sim's
// memory.go for what weighs how much.
//
// A process that writes its first AOF (appendonly was just turned on, or a full sync has
// ended) refuses to end: restart does nothing then. Of an AOF it is known how far it is on
// disk: with appendfsync everysec an fsync begins with a turn of the server's timer.
//
// restart and crash: for is how long no process runs, after it has saved. The next
// one loads what is on disk, at load-rate: its AOF with appendonly, else the last
// RDB, be it of a full sync, a save point, BGSAVE, SAVE or the end; a server with
// neither comes back empty. Before the run the dataset is on disk when there are
// save points, or appendonly. Every command of a workload is one change to save
// points. expired: 10 says that ten keys, with names of expired-key (16) bytes, come
// to their time while nothing runs: a master does not load them.
//
// server may be written on. every repeats a fault, times bounds the number of
// its occurrences (without it: to the end of the run).
//
// # Sweeps and seeds
//
// A path is dotted: keys of maps, indices of lists counted from 0, and * for
// all of them; an axis may set several. Paths may name what the file leaves
// out, but not servers that do not exist. Axes are spread as a grid, the first
// one outermost; the seeds of a point come innermost. A run's seed is its
// number within the point added to the scenario's seed, so it follows from
// the run's own identity, and all points see the same seeds (common random
// numbers: two points differ by what was swept, not by luck).
//
// # Expectations
//
// "SERVER.FIELD OP VALUE" with a field of INFO, or "NAME OP VALUE" with a name
// of RunFields; OP is one of == != < <= > >=. An optional "when AXIS OP VALUE"
// (more of them joined by "and") limits it to some points of the sweep.
//
// "SERVER.FIELD OP OTHER.FIELD" holds two servers against one another. With "at
// 12s" before "when" the servers are asked then, before anything else happens at
// that instant, and not at the end of the run. The FIELD ROLE is what ROLE answers:
// master, or where a replica's link is: connect, connecting, handshake, sync or
// connected.
package scenarios

// Package tcp plays TCP connections: pure state machines that take segments and
// instants and say what they want sent, and the network between them. No clock, no
// sockets, no floats: the driver supplies the time and asks when something is to
// happen next. The same inputs give the same segments, on every machine.
//
// It is as much of TCP as a replication link can see, and behaves as Linux does:
// three-way handshake with repeated SYNs, slow start, congestion avoidance (Reno,
// CUBIC with HyStart), SACK, RACK-TLP, proportional rate reduction, F-RTO, undo of
// reductions that were for nothing, RTO with Linux's bounds and back-off, delayed
// and quick ACKs, send and receive buffers that tune themselves, zero windows and
// their probes, keepalive, FIN, RST, half-open connections. Every step names
// the function of the kernel or the RFC that it follows; names of values are the
// kernel's, so that both can be read side by side.
//
// Content is not carried: a stream is numbered bytes, and whoever drives a
// connection keeps what they are.
//
// # The network
//
// A Path is one direction of a link, shared by all of its connections: latency
// with jitter, bandwidth, a drop-tail queue, loss one by one or in bursts
// (Gilbert-Elliott), duplicates, reordering, silence. TCP hides all of that from
// the stream but the time that it costs.
//
// # How to use it
//
//	c.Reset(&dialer, &acceptor, there, back)
//	c.Open(now)
//	for now = c.Next(); …; now = c.Next() {
//		c.Step(now)
//		// c.Events(), c.Arrived(side); c.Offer(now, side, bytes), c.Close(now, side)
//	}
//
// Bulk does so for one transfer, and is what measurements of real hosts are compared
// with.
//
// # What is left out
//
// ECN, window scaling limits, path MTU discovery, Nagle (redis sets TCP_NODELAY),
// pacing (Linux paces only BBR and queues that ask for it), segmentation offload
// with its bursts, memory pressure, SYN cookies and full accept queues, simultaneous
// open, urgent data, TIME_WAIT as a limit on ports, metrics kept from earlier
// connections (tcp_metrics), collapsing of small segments when they are sent again.
package tcp

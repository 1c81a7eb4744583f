// Package rig holds the simulated TCP against the real one: two network
// namespaces, joined by a forwarder in user space over TUN devices, with real
// sockets and real redis-servers at both ends (make tcp; root, Linux).
//
// # The network
//
// Side A has one address, side B a whole range: every address of side B is a path
// of its own, with its own delay, rate, queue, loss and silences (Path), and its
// own route on side A, which names the congestion control. So many experiments run
// side by side through one pair of devices. A packet goes through queue and
// serialization first, then the wire loses it or not, then it is delayed. A link
// that is silent loses what would enter the wire, and what would arrive.
//
// Loss is drawn from (seed, direction, number of the packet), both ways.
//
// # What makes it honest
//
// Devices have no offloads: every packet is one segment. Cached route metrics are
// off and buffer limits are set, so that neither the host's settings nor an
// earlier transfer decide. The forwarder is one thread with real-time priority
// that sleeps in ppoll; it measures by how much each packet was late and how long
// it was away from its devices. Beside it a thread sleeps on every CPU and notes when
// it is woken late. An experiment is void whatever came of it, repeated, and counted
// (Measured.Repeated), when the forwarder was late, when a thread of ours that measures a time
// was, or when a timer that mattered was held up.
//
// Which timers matter is read off the packets that the forwarder saw (moments): of each timer of a TCP
// that decides there is the packet that it sent. So a hold that ended shortly before a packet counts,
// and one that lies on the way of a packet that passed; of a silence of twenty seconds the other
// nineteen do not. Bulk transfers and pairs of servers have timers that send nothing: there each
// instant matters. A void experiment ends at once. What is not done when the time is over
// (Plan.Within) stays undone, and the comparison says so and fails for want of runs.
//
// # What is compared
//
// Throughput of bulk transfers, medians over seeds; the time from the end of a
// silence to the first new byte; the time to connect when SYNs are lost; when a
// real replica finds its link dead, and when it is back. What was measured is kept
// in results/tcp-linux and compared with the simulation in every test run, also
// where no namespace can be made.
package rig

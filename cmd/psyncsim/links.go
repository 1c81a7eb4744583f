package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"psyncsim/scenarios"
	"psyncsim/sim/tcp"
)

// links prints the link presets with their numbers, and what a link models.
func (c *commands) links(x *cli.Context) error {
	if x.Args().Len() > 0 {
		return usage("links takes no arguments")
	}
	w := tabwriter.NewWriter(c.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "preset\tlatency\tjitter\tbandwidth\tloss\tqueue\tmss\tmodel\twhat it is")
	for _, p := range scenarios.Presets() {
		model := "flow"
		if p.Segments {
			model = "tcp"
		}
		queue := p.Queue
		if queue == 0 {
			queue = tcp.DefaultQueue
		}
		fmt.Fprintf(w, "%s\t%v\t%v\t%g mbit/s\t%g%%\t%d B\t%d\t%s\t%s\n", p.Name, p.Latency, p.Jitter, float64(p.Bandwidth)*8/1e6,
			float64(p.Loss)/1e7, queue, p.MSS, model, p.About)
	}
	w.Flush()
	fmt.Fprint(c.stdout, linksText)
	return nil
}

const linksText = `
latency is one way, from the end of a segment's service to its arrival; bandwidth is
that of one direction. Every number can be changed: {preset: vpn, loss: 1%, back: {bandwidth: 10mbit/s}}.

model: flow is a formula: an ordered pipe with latency and bandwidth. Its cost does not
depend on the bytes moved. Silences, resets and refused connects, SYNs that are
repeated, sockets that are full. No loss; what a silence held back flows again the moment
it ends.

model: tcp plays every segment, as Linux would send it:
  modelled      three-way handshake, SYN and SYN-ACK retries, slow start, Reno and CUBIC with
                HyStart, SACK, RACK-TLP, proportional rate reduction, F-RTO, undo, RTO from
                200 ms to 120 s with back-off, delayed and quick ACKs, send and receive
                buffers that tune themselves, zero windows and probes, keepalive, tcp_retries2,
                TCP_USER_TIMEOUT, FIN, RST, half-open connections after a loss of power
  the network   latency, jitter, bandwidth, a drop-tail queue, loss one by one or in bursts
                (Gilbert-Elliott), duplicates, reordering, each direction by itself; all
                connections of a link share it; silence both ways or one way, a changed
                rate, reset, refused, flapping (every), a firewall that forgets
  not modelled  ECN, pacing and BBR, Nagle (redis sets TCP_NODELAY), segmentation offload,
                path MTU discovery, memory pressure, SYN cookies, full accept queues,
                TIME_WAIT as a limit on ports, metrics kept from earlier connections,
                more than one path, other traffic
`

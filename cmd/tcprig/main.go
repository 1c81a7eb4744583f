// Command tcprig measures the TCP stack of the kernel it runs on, and holds the
// simulated one against it: make tcp. It needs root and Linux for measuring, nothing
// for comparing what was kept. See package psyncsim/sim/rig for what is built.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"psyncsim/plots"
	"psyncsim/results"
	"psyncsim/sim/rig"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program: 0 all agrees, or nothing could be measured and it said so, or with
// -quick too little for at most half of it (bearable); 1 something does not agree; 2 bad usage, or a failure.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	f := flag.NewFlagSet("tcprig", flag.ContinueOnError)
	f.SetOutput(stderr)
	quick := f.Bool("quick", false, "fewer runs where nothing is drawn, and fewer servers: some minutes")
	kept := f.Bool("kept", false, "measure nothing: compare what the folder has")
	out := f.String("out", "results/out/tcp-linux", "the folder for what was measured, the comparison and its chart")
	part := f.String("part", "", "measure only this part anew, and keep what the folder has of the others: "+strings.Join(rig.Parts, ", "))
	packets := f.Int("packets", 0, "how many packets a second the forwarder is asked for at most; 0 is the plan's")
	within := f.Duration("within", 0, "how long measuring may take at most; 0 is the plan's")
	if err := f.Parse(args); err != nil {
		return 2
	}
	if f.NArg() > 0 {
		fmt.Fprintf(stderr, "tcprig: what is %q?\n", f.Arg(0))
		return 2
	}
	if *part != "" && !slices.Contains(rig.Parts, *part) {
		fmt.Fprintf(stderr, "tcprig: -part %s: %s\n", *part, strings.Join(rig.Parts, ", "))
		return 2
	}
	rows, disturbed, err := measureAndCompare(ctx, *out, *quick, *kept, *part, *packets, *within, stderr)
	switch {
	case errors.Is(err, rig.ErrNoNamespaces):
		fmt.Fprintln(stdout, "SKIPPED:", err)
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "tcprig:", err)
		return 2
	}
	fmt.Fprint(stdout, results.WriteTCPText(rows))
	held, few := 0, 0
	for _, r := range rows {
		switch {
		case r.Holds:
			held++
		case r.Few:
			few++
		}
	}
	fmt.Fprintf(stdout, "\n%d of %d comparisons hold; %s\n", held, len(rows), *out)
	if disturbed != "" {
		fmt.Fprintln(stdout, disturbed)
	}
	if few > 0 {
		fmt.Fprintf(stdout, "NOT JUDGED, not passed: %d of %d comparisons, for too little could be measured; what results/tcp-linux keeps is compared in every test run\n", few, len(rows))
	}
	if held+few < len(rows) || few > 0 && !bearable(few, len(rows), *quick, disturbed != "") {
		return 1
	}
	return 0
}

// bearable says whether so many comparisons may be left open: where nothing is to be kept, on
// a machine that did not let more be measured, up to half of all.
func bearable(few, all int, quick, disturbed bool) bool {
	return quick && disturbed && 2*few <= all
}

func measureAndCompare(ctx context.Context, dir string, quick, kept bool, part string, packets int, within time.Duration, say io.Writer) (rows []results.TCPRow, disturbed string, err error) {
	var m *rig.Measured
	if kept || part != "" {
		if m, err = rig.Read(dir); err != nil {
			return nil, disturbed, err
		}
	}
	if !kept {
		p := rig.NewPlan(quick)
		if part != "" {
			p.Only(part)
		}
		if packets > 0 {
			p.PacketsPS = packets
		}
		if within > 0 {
			p.Within = within
		}
		n, err := rig.Measure(ctx, p, say)
		if err != nil {
			return nil, disturbed, err
		}
		disturbed = n.Disturbed
		if m == nil {
			m = n
		} else {
			m.Replace(n)
		}
		if err := errors.Join(os.MkdirAll(dir, 0o777), m.Write(dir)); err != nil {
			return nil, disturbed, err
		}
	}
	if rows, err = compare(m); err != nil {
		return nil, disturbed, err
	}
	if err := results.WriteTCP(dir, story(m), rows); err != nil {
		return nil, disturbed, err
	}
	_, err = plots.TCP(dir, subtitle(m), rows)
	return rows, disturbed, err
}

func subtitle(m *rig.Measured) string {
	s := fmt.Sprintf("%s, measured on %s", m.Kernel, m.Date)
	if m.Redis != "" {
		s += ", with redis-server " + m.RedisVersion
	}
	return s
}

// story says what the tables are of.
func story(m *rig.Measured) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# The simulated TCP against Linux\n\n%s. Written by `make tcp`; what was measured is in `%s`, the tables in numbers in `%s`.\n\n", subtitle(m), rig.MeasuredFile, results.TCPFile)
	fmt.Fprintf(&b, "Two network namespaces are joined by a forwarder in user space, over TUN devices without offloads (MSS %d bytes). Bulk\n", m.MSS)
	fmt.Fprintf(&b, "transfers run at 40 mbit/s with a queue of 300 kB; packets are lost independently, both ways, by their numbers. The\n")
	fmt.Fprintf(&b, "simulation loses the same ones (\"other luck\" is its median with losses of its own). Packets came %s late on average,\n", m.Lateness.Mean().Round(1000))
	fmt.Fprintf(&b, "%s at worst; the simulated link is longer by the mean. %d experiments were made again because packets came too late,\nor because the machine held up a timer.\n", m.Lateness.Worst.Round(1000), m.Repeated)
	if m.Quick {
		fmt.Fprintf(&b, "This was a quick measurement: fewer runs where the link loses nothing, and fewer servers.\n")
	}
	return b.String()
}

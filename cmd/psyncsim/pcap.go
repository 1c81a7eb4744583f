package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"psyncsim/model"
	"psyncsim/sim"
	"psyncsim/sim/pcap"
)

// pcapJob is what --pcap asks for.
type pcapJob struct {
	name string // of the file
	file *os.File
	seen pcap.Counts
	at   string // where it was captured
}

// pcapWriter opens what --pcap names, before anything runs. One file has one run.
func (j *job) pcapWriter(runs int) (*pcapJob, error) {
	name := j.x.String("pcap")
	if name == "" {
		if j.x.IsSet("pcap-at") {
			return nil, usage("--pcap-at says where --pcap captures: give --pcap FILE too")
		}
		return nil, nil
	}
	if runs > 1 {
		return nil, usage("--pcap writes the traffic of one run, and this sweep has the runs 0 to %d: choose one with --cell N", runs-1)
	}
	if runs == 0 {
		return nil, usage("--pcap writes the traffic of one run, and this shard has none")
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	return &pcapJob{name: name, file: f}, nil
}

// capture plays the run once more, byte by byte and write by write, which
// changes nothing of what happens, and writes its traffic.
func (j *job) capture() (err error) {
	if j.pcap == nil {
		return nil
	}
	defer func() {
		err = errors.Join(err, j.pcap.file.Close())
		if err != nil {
			removeHalf(j.pcap.name) // half a file is none
		}
	}()
	cell := j.cells.At(j.shown)
	if cell.Err != nil {
		return nil
	}
	c := *cell.Config
	c.Bytes, c.PerWrite, c.EveryTick = true, true, true
	names := make([]string, len(c.Servers))
	for i := range c.Servers {
		names[i] = c.Servers[i].Name
	}
	point, err := j.capturePoint(&c, names)
	if err != nil {
		return err
	}
	buf := bufio.NewWriterSize(j.pcap.file, 1<<20)
	capture, err := pcap.New(buf, pcap.Options{Servers: names, Point: point, Program: "psyncsim " + version})
	if err != nil {
		return err
	}
	w := &sim.World{Interrupt: func() bool { return j.x.Context.Err() != nil }}
	if err := w.Reset(&c, capture); err != nil {
		return err
	}
	w.Listen(capture)
	w.TapSegments(capture)
	if err := w.Run(); errors.Is(err, sim.ErrStopped) {
		return errInterrupted
	} else if err != nil {
		return &brokenRun{j.shown, err}
	}
	j.pcap.at = names[point]
	if j.pcap.seen, err = capture.Close(model.Instant(c.Duration)); err != nil {
		return fmt.Errorf("%s: %w", j.pcap.name, err)
	}
	return buf.Flush()
}

// capturePoint is the server that --pcap-at names; without it, the first master
// that somebody follows: there both the losses and the repeats are seen.
func (j *job) capturePoint(c *sim.Config, names []string) (int, error) {
	if at := j.x.String("pcap-at"); at != "" {
		if i := slices.Index(names, at); i >= 0 {
			return i, nil
		}
		return 0, usage("--pcap-at %s: the servers are %s", at, strings.Join(names, ", "))
	}
	for i := range c.Servers {
		if c.Servers[i].ReplicaOf == "" && slices.ContainsFunc(c.Servers, func(s sim.ServerConfig) bool { return s.ReplicaOf == names[i] }) {
			return i, nil
		}
	}
	return 0, nil
}

// print says what the file has.
func (p *pcapJob) print(j *job) {
	if p == nil || j.json != nil || j.x.Bool("quiet") {
		return
	}
	fmt.Fprintf(j.c.stdout, "pcap    %s: %d packets at %s, %d of them retransmissions\n", filepath.Clean(p.name), p.seen.Packets, p.at, p.seen.Retransmitted+p.seen.Repeated)
}

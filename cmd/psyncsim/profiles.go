package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"psyncsim/model"
	"psyncsim/results"
)

// trait is a line of the table of versions: what differs, and how.
type trait struct {
	name string
	of   func(*model.Profile) string
}

func yes(f func(*model.Profile) bool) func(*model.Profile) string {
	return func(p *model.Profile) string {
		if f(p) {
			return "yes"
		}
		return "-"
	}
}

// traits are the differences that decide resynchronizations, in the order in
// which a reconnect meets them.
var traits = []trait{
	{"release", func(p *model.Profile) string { return p.Tag }},
	{"identity", func(p *model.Profile) string { return [...]string{"none", "run id", "replid + 2nd"}[p.PSYNC] }},
	{"default backlog", func(p *model.Profile) string {
		if p.Backlog == model.BacklogNone {
			return "none"
		}
		return results.PrettyBytes(p.BacklogSize)
	}},
	{"backlog kept as", func(p *model.Profile) string { return [...]string{"-", "ring", "shared blocks"}[p.Backlog] }},
	{"CONFIG SET keeps history", yes(func(p *model.Profile) bool { return p.ResizeKeepsData })},
	{"replicas keep a backlog", yes(func(p *model.Profile) bool { return p.ReplicaBacklog })},
	{"reconnects", func(p *model.Profile) string {
		if p.ReconnectNow {
			return "at once"
		}
		return "within 1 s"
	}},
	{"round trips of handshake", func(p *model.Profile) string {
		switch {
		case p.PSYNC == 0:
			return "3"
		case p.Pipelined:
			return "3"
		}
		return "4"
	}},
	{"partial after failover", yes(func(p *model.Profile) bool { return p.PSYNC == 2 })},
	{"partial after replica restart", yes(func(p *model.Profile) bool { return p.RestartKeepsID })},
	{"partial after master restart", yes(func(p *model.Profile) bool { return p.MasterRestart })},
	{"first sync asks own id", yes(func(p *model.Profile) bool { return p.AsksOwnID })},
	{"PING without replicas", yes(func(p *model.Profile) bool { return p.PingAlone })},
	{"ttl takes a new id", yes(func(p *model.Profile) bool { return p.TTLNewID })},
	{"diskless by default", yes(func(p *model.Profile) bool { return p.Diskless })},
	{"loads from the socket", yes(func(p *model.Profile) bool { return p.DisklessLoad })},
	{"serves old data meanwhile", yes(func(p *model.Profile) bool { return p.AsyncLoad })},
	{"dual-channel full sync", yes(func(p *model.Profile) bool { return p.DualChannel })},
	{"hard limit at least backlog", yes(func(p *model.Profile) bool { return p.HardLimitFloor })},
	{"maxmemory-policy", func(p *model.Profile) string { return p.MaxMemoryPolicy.String() }},
	{"counts against maxmemory", func(p *model.Profile) string {
		switch p.Backlog {
		case model.BacklogNone:
			return "data"
		case model.Ring:
			return "data, whole ring"
		}
		return "data, blocks up to backlog"
	}},
	{"masters time replicas out", yes(func(p *model.Profile) bool { return p.MasterTimesOut })},
	{"REPLICAOF drops sub-replicas", yes(func(p *model.Profile) bool { return p.DropsSubsOnMove })},
}

// profiles prints where the versions differ.
func (c *commands) profiles(x *cli.Context) error {
	if x.NArg() > 0 {
		return usage("profiles takes no argument")
	}
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	for _, p := range model.Profiles() {
		fmt.Fprintf(w, "\t%s", p.Name)
	}
	fmt.Fprintln(w)
	for _, t := range traits {
		fmt.Fprint(w, t.name)
		for _, p := range model.Profiles() {
			fmt.Fprintf(w, "\t%s", t.of(p))
		}
		fmt.Fprintln(w)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(c.stdout)
	for _, p := range model.Profiles() {
		fmt.Fprintf(c.stdout, "%-11s %s. %s\n", p.Name, p.About, p.Source)
	}
	fmt.Fprintln(c.stdout, "\nSingle releases that still had a bug of some fame; all else is as in their line:")
	for _, p := range model.Variants() {
		fmt.Fprintf(c.stdout, "%-15s as %s. %s\n", p.Name, p.Line, p.About)
	}
	return nil
}

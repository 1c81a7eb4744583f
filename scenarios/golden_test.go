package scenarios

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"psyncsim/model"
	"psyncsim/sim"
)

// TestGolden reads the conversations in testdata/golden:
//
//	file NAME          keeps the input as a file that scenarios may name
//	load [set=(…)]     loads the input; prints what is wrong, or what it is
//	cells [seeds=A..B] the runs of the last scenario that was loaded
//	cell N [what …]    one of them, with its servers, loads, faults
//	resolved           that scenario as it was run
//	units KIND         reads every line of the input as a quantity
func TestGolden(t *testing.T) {
	datadriven.Walk(t, "testdata/golden", func(t *testing.T, path string) {
		open := map[string]string{}
		var last *Scenario
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if last == nil && (d.Cmd == "cells" || d.Cmd == "cell" || d.Cmd == "resolved") {
				return "nothing is loaded\n"
			}
			switch d.Cmd {
			case "file":
				open[d.CmdArgs[0].Key] = d.Input
				return ""
			case "load":
				var sets []string
				for _, a := range d.CmdArgs {
					if a.Key == "set" {
						sets = append(sets, strings.Join(a.Vals, ", "))
					}
				}
				input, flagged := strings.CutPrefix(d.Input, "#set ")
				for flagged {
					var line string
					line, input, _ = strings.Cut(input, "\n")
					sets = append(sets, line)
					input, flagged = strings.CutPrefix(input, "#set ")
				}
				var err error
				last, err = Load("f.yaml", []byte(input), func(p string) ([]byte, error) {
					if s, ok := open[p]; ok {
						return []byte(s), nil
					}
					return nil, os.ErrNotExist
				}, sets)
				if err != nil {
					return stable(err.Error()) + "\n"
				}
				checkRoundTrip(t, last)
				return describe(last)
			case "cells":
				return cellsText(d, last)
			case "cell":
				cells, err := last.Cells(SeedRange{})
				if err != nil {
					return err.Error() + "\n"
				}
				i, _ := strconv.Atoi(d.CmdArgs[0].Key)
				return cellText(d, cells.At(i))
			case "resolved":
				return string(last.Resolved())
			case "units":
				return unitText(d.CmdArgs[0].Key, d.Input)
			}
			d.Fatalf(t, "unknown command %s", d.Cmd)
			return ""
		})
	})
}

// stable keeps the list of versions, which grows, out of the answers.
func stable(s string) string {
	var names []string
	for _, p := range model.Profiles() {
		names = append(names, p.Name)
	}
	return strings.ReplaceAll(s, strings.Join(names, ", "), "<the versions>")
}

func describe(s *Scenario) string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d", s.Seed)
	if cells, err := s.Cells(SeedRange{}); err != nil {
		fmt.Fprintf(&b, "; %v", err)
	} else {
		fmt.Fprintf(&b, ", %d points × %d", cells.Points(), cells.Repeats())
	}
	b.WriteByte('\n')
	for _, a := range s.Axes {
		fmt.Fprintf(&b, "axis %s: %d values, %s\n", a.Name, a.Len, a.Unit)
	}
	for _, e := range s.Expect {
		other, at := "", ""
		if e.OtherServer != "" {
			other = "[" + e.OtherServer + "] [" + e.OtherField + "]"
		}
		if e.At > 0 {
			at = ", at " + e.At.String()
		}
		fmt.Fprintf(&b, "expect %s: [%s] [%s] %s %d %s%s%s, %d conditions\n", e.Text, e.Server, e.Field, e.Op, e.Number, e.Word, other, at, len(e.When))
	}
	for _, n := range s.Notes {
		fmt.Fprintf(&b, "note %s\n", n)
	}
	return b.String()
}

func cellsText(d *datadriven.TestData, s *Scenario) string {
	var seeds SeedRange
	for _, a := range d.CmdArgs {
		if a.Key == "seeds" {
			var err error
			if seeds, err = ParseSeeds(a.Vals[0]); err != nil {
				return err.Error() + "\n"
			}
		}
	}
	cells, err := s.Cells(seeds)
	if err != nil {
		return err.Error() + "\n"
	}
	var b strings.Builder
	for i := range cells.Len() {
		if i < 8 || i == cells.Len()-1 {
			b.WriteString(cellText(d, cells.At(i)))
		} else if i == 8 {
			b.WriteString("…\n")
		}
	}
	return b.String()
}

func cellText(d *datadriven.TestData, c Cell) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d", c.Index)
	for _, v := range c.Point {
		fmt.Fprintf(&b, " %s=%s", v.Axis, v.Text)
		if v.Unit != Text {
			fmt.Fprintf(&b, " (%d %s)", v.Number, v.Unit)
		}
	}
	fmt.Fprintf(&b, " seed=%d", c.Seed)
	if c.Err != nil {
		fmt.Fprintf(&b, " %v\n", c.Err)
		return b.String()
	}
	m := c.Meta
	fmt.Fprintf(&b, " | backlog %d, rate %d, outage %v %s, %s\n", m.Backlog, m.WriteRate, m.Outage, m.FaultKind, m.Version)
	name := func(i int) string { return c.Config.Servers[i].Name }
	for _, a := range d.CmdArgs {
		switch a.Key {
		case "servers":
			for _, s := range c.Config.Servers {
				t := s.Settings
				fmt.Fprintf(&b, "  %s %s of %q dataset %d save %d load %d fork %v uptime %v wall %v\n", s.Name, s.Profile.Name, s.ReplicaOf, s.Dataset, s.SaveRate, s.LoadRate, s.Fork, s.Uptime, s.Wall)
				fmt.Fprintf(&b, "    %s\n", settingsText(&t))
			}
			for _, l := range c.Config.Links {
				fmt.Fprintf(&b, "  %s-%s %v %d\n", name(l.A), name(l.B), l.Latency, l.Bandwidth)
			}
		case "loads":
			for _, l := range c.Config.Loads {
				fmt.Fprintf(&b, "  on %s [%s] kind %d, %d B/s %d/s", name(l.Server), commandsText(l.Commands), l.Arrivals, l.BytesPerSecond, l.PerSecond)
				switch l.Arrivals {
				case sim.Bursts:
					fmt.Fprintf(&b, ", %v of %d B/s %d/s, %v off, phase %v %v", l.On, l.BurstBytes, l.BurstPerSecond, l.Off, l.PhaseSet, l.Phase)
				case sim.Trace:
					fmt.Fprintf(&b, ", %v", l.Trace)
				}
				fmt.Fprintf(&b, ", from %v until %v\n", l.From, l.Until)
			}
		case "faults":
			for _, f := range c.Config.Faults {
				fmt.Fprintf(&b, "  at %v kind %d for %v", f.At, f.Kind, f.For)
				switch {
				case f.Kind <= sim.FaultSilent:
					fmt.Fprintf(&b, " %s-%s", name(f.A), name(f.B))
				default:
					fmt.Fprintf(&b, " %s", name(f.Server))
				}
				if f.Kind == sim.FaultReplicaOf {
					fmt.Fprintf(&b, " to %s", name(f.Peer))
				}
				if f.Kind == sim.FaultRestart {
					fmt.Fprintf(&b, " save %v", f.Save)
				}
				if f.Settings != nil {
					fmt.Fprintf(&b, " %s", settingsText(f.Settings))
				}
				b.WriteByte('\n')
			}
		}
	}
	return b.String()
}

// commandsText is a mix: "{name lengths times}", with a word instead of its
// length, and a transaction's commands in a row with "+".
func commandsText(mix []sim.Command) string {
	var list []string
	for i := range mix {
		one := func(c *sim.Command) string {
			var args []string
			for j, n := range c.Args {
				args = append(args, strconv.Itoa(n))
				if j < len(c.Words) && c.Words[j] != "" {
					args[j] = c.Words[j]
				}
			}
			return c.Name + " [" + strings.Join(args, " ") + "]"
		}
		s := one(&mix[i])
		for j := range mix[i].Then {
			s += " + " + one(&mix[i].Then[j])
		}
		list = append(list, fmt.Sprintf("{%s %d}", s, mix[i].Times))
	}
	return strings.Join(list, " ")
}

func settingsText(s *model.Settings) string {
	return fmt.Sprintf("backlog %d ttl %v timeout %v ping %v diskless %v %v limits %d %d %v",
		s.BacklogSize, s.BacklogTTL, s.Timeout, s.PingPeriod, s.Diskless, s.DisklessDelay, s.HardLimit, s.SoftLimit, s.SoftSeconds)
}

func unitText(kind, input string) string {
	var b strings.Builder
	for _, line := range strings.Split(input, "\n") {
		line = strings.TrimSuffix(line, "|")
		var v int64
		var u Unit
		var err error
		switch kind {
		case "size":
			v, err = parseSize(line, maxSize)
		case "rate":
			v, u, err = parseRate(line)
		case "duration":
			d, e := parseDuration(line)
			v, err = int64(d), e
		case "conf":
			v, err = parseConfMemory(line, maxBacklog)
		default:
			err = errors.New("size, rate, duration or conf")
		}
		if err != nil {
			fmt.Fprintf(&b, "%-24s ! %v\n", line, err)
		} else {
			fmt.Fprintf(&b, "%-24s %d %s\n", line, v, u)
		}
	}
	return b.String()
}

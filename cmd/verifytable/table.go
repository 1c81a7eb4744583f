package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"psyncsim/sim/twin"
)

// keep writes the table and the CSV.
func (b *pass) keep(out string) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	var table, cells bytes.Buffer
	b.table(&table)
	b.csv(&cells)
	if err := os.WriteFile(filepath.Join(out, "README.md"), table.Bytes(), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "runs.csv"), cells.Bytes(), 0o644)
}

// again is how many tries that count came before the one that is told.
func again(c *twin.CaseReport) (n int) {
	for _, e := range c.Before {
		if !e.Void {
			n++
		}
	}
	return n
}

func (b *pass) csv(out io.Writer) {
	w := csv.NewWriter(out)
	_ = w.Write([]string{"server", "run", "agree", "facts", "seeds", "late", "tries_differed_before", "tries_void", "held_up_ms"})
	for i := range b.reports {
		for j := range b.reports[i].Cases {
			c := &b.reports[i].Cases[j]
			_ = w.Write([]string{c.Server, c.ID, strconv.FormatBool(c.Agree), strconv.Itoa(len(c.Facts)), strconv.Itoa(c.Seeds), strconv.FormatBool(c.Late),
				strconv.Itoa(again(c)), strconv.Itoa(c.Void), strconv.FormatFloat(math.Round(c.HeldUp*1000), 'f', 0, 64)})
		}
	}
	w.Flush()
}

// sums are what a table row says of some runs.
type sums struct{ runs, agree, undecided, first, late, again, voided, voids, facts int }

func (s *sums) add(r *twin.Report) {
	for i := range r.Cases {
		c := &r.Cases[i]
		s.runs++
		s.facts += len(c.Facts)
		if s.voids += c.Void; c.Void > 0 {
			s.voided++
		}
		if again(c) > 0 {
			s.again++
		}
		switch {
		case undecided(c):
			s.undecided++
			continue
		case !c.Agree:
			continue
		case c.Late:
			s.late++
		case len(c.Before) == 0:
			s.first++
		}
		s.agree++
	}
}

func (s *sums) row(w io.Writer, name string) {
	fmt.Fprintf(w, "| %s | %d | %d | **%d** | %d | %d | %d | %d | %d (%d) | %d |\n", name, s.runs, s.agree, s.runs-s.agree-s.undecided, s.undecided, s.first, s.late, s.again, s.voided, s.voids, s.facts)
}

func (b *pass) table(w io.Writer) {
	fmt.Fprintf(w, `# The same scenarios on real servers and in simulation

What %[1]s wrote at commit %[2]s, %[3]s: %[4]d processors, %[5]d runs at a time on each server.
Each file of scenarios/verify was played on each server that can play it, every point of its sweep, and in
simulation with that version. Nothing here is written by hand; [runs.csv](runs.csv) has a row for each run.

`, "`make verify SERVERS=DIR`", b.commit, b.began.UTC().Format("2006-01-02 15:04 MST"), runtime.NumCPU(), b.jobs)
	fmt.Fprint(w, "| server | runs | agree | differ | undecided | at once, ordinary seeds | agree late | played again | void (how often) | facts compared |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	all := sums{}
	for i := range b.reports {
		s := sums{}
		s.add(&b.reports[i])
		all.add(&b.reports[i])
		s.row(w, b.reports[i].Cases[0].Server)
	}
	all.row(w, "all")
	fmt.Fprint(w, `
- *agree*: requests, replies, reasons, answers and words are equal, and each number is what 20 to 80 simulated runs
  (seeds) give, or lies between the least and the greatest of them; content of streams is compared by digest.
- *at once, ordinary seeds*: with the first try on real servers, and without a draw of this machine's lateness.
- *agree late*: only with seeds that also draw how late this machine's timers and the turns of the servers' timers
  came. That is tried only where a timer beside the servers was held up by 100 ms in all and 25 ms at once, or less.
- *played again*: a try that counts differed, and the next one agreed (or differed too: then the run differs). What
  differed is in the last section.
- *void*: the machine held the servers up for longer than that, and the run differed. Such a try says nothing; it is
  played again, four times at most, and then once more with nothing beside it.
- *undecided*: void to the end.
`)
	b.differ(w)
	b.left(w)
	b.before(w)
}

func shown(list []twin.Difference) string {
	var s []string
	for i, d := range list {
		if i == 3 {
			s = append(s, fmt.Sprintf("and %d more", len(list)-i))
			break
		}
		s = append(s, fmt.Sprintf("%s: real `%s`, simulated `%s`", d.What, d.Real, d.Simulated))
	}
	return strings.Join(s, "; ")
}

func (b *pass) differ(w io.Writer) {
	fmt.Fprint(w, "\n## What differs, and what is undecided\n\n")
	n := 0
	for i := range b.reports {
		for j := range b.reports[i].Cases {
			if c := &b.reports[i].Cases[j]; !c.Agree {
				n++
				fmt.Fprintf(w, "- %s, %s: %s\n", c.Server, c.ID, shown(c.Differences))
			}
		}
	}
	if n == 0 {
		fmt.Fprint(w, "Nothing.\n")
	}
}

// left says what was not played where.
func (b *pass) left(w io.Writer) {
	fmt.Fprint(w, "\n## What was not played\n\n")
	servers := map[string][]string{}
	for i := range b.reports {
		for _, l := range b.reports[i].LeftOut {
			servers[l.File] = append(servers[l.File], l.Server)
		}
	}
	n := 0
	for _, f := range b.files {
		if list := servers[f]; len(list) > 0 {
			n++
			fmt.Fprintf(w, "- %s: on %s\n", strings.TrimPrefix(f, "scenarios/verify/"), strings.Join(list, ", "))
		}
	}
	if n == 0 {
		fmt.Fprint(w, "Everything was played everywhere.\n")
	} else {
		fmt.Fprint(w, "\nThese versions do not know something that the file is about, or know it by another name only.\n")
	}
}

// before tells the tries that count and differed, of runs that were played again.
func (b *pass) before(w io.Writer) {
	fmt.Fprint(w, "\n## Tries that differed and were followed by others\n\n")
	n := 0
	for i := range b.reports {
		for j := range b.reports[i].Cases {
			c := &b.reports[i].Cases[j]
			for _, e := range slices.DeleteFunc(slices.Clone(c.Before), func(e twin.Earlier) bool { return e.Void }) {
				n++
				fmt.Fprintf(w, "- %s, %s: %s\n", c.Server, c.ID, shown(e.Differences))
			}
		}
	}
	if n == 0 {
		fmt.Fprint(w, "None.\n")
	}
}

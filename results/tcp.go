package results

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
)

// TCPRow is one thing that was measured on the real TCP stack, with what the
// simulation says of it. Values are bytes a second or nanoseconds, by Unit.
type TCPRow struct {
	What string // throughput, silence, connect, detect, reconnect
	Case string // "reno 10 ms 0.5 %"
	Unit string // bytes_per_s or ns
	Real Spread
	Sim  Spread // the same losses, phases and faults
	// Other is the simulation's median with other luck, 0 where there is none.
	Other float64
	Rule  string // what must hold
	Holds bool
	// Few says that it does not hold only because too little was measured, which tells
	// nothing of the simulation. It is in no file.
	Few bool
}

// Spread is a median with the least and the greatest.
type Spread struct {
	Runs              int
	Median, Low, High float64
}

// TCPFile is the comparison's name in its folder, TCPText the table's.
const (
	TCPFile = "comparison.csv"
	TCPText = "README.md"
)

// WriteTCP keeps a comparison: the rows as CSV, and a table with its story.
func WriteTCP(dir, story string, rows []TCPRow) error {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write([]string{"what", "case", "unit", "real_runs", "real_median", "real_low", "real_high", "sim_runs", "sim_median", "sim_low", "sim_high", "sim_other_median", "rule", "holds"})
	num := func(v float64) string { return strconv.FormatFloat(v, 'f', 0, 64) }
	for _, r := range rows {
		_ = w.Write([]string{r.What, r.Case, r.Unit, strconv.Itoa(r.Real.Runs), num(r.Real.Median), num(r.Real.Low), num(r.Real.High),
			strconv.Itoa(r.Sim.Runs), num(r.Sim.Median), num(r.Sim.Low), num(r.Sim.High), num(r.Other), r.Rule, strconv.FormatBool(r.Holds)})
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, TCPFile), b.Bytes(), 0o666); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, TCPText), []byte(story+"\n"+tcpTables(rows)), 0o666)
}

// ReadTCP reads a kept comparison.
func ReadTCP(dir string) ([]TCPRow, error) {
	name := filepath.Join(dir, TCPFile)
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var rows []TCPRow
	for i, l := range lines {
		if i == 0 {
			continue
		}
		var v [9]float64
		for k, col := range [...]int{3, 4, 5, 6, 7, 8, 9, 10, 11} {
			if v[k], err = strconv.ParseFloat(l[col], 64); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", name, i+1, err)
			}
		}
		rows = append(rows, TCPRow{What: l[0], Case: l[1], Unit: l[2], Real: Spread{int(v[0]), v[1], v[2], v[3]}, Sim: Spread{int(v[4]), v[5], v[6], v[7]},
			Other: v[8], Rule: l[12], Holds: l[13] == "true"})
	}
	return rows, nil
}

// WriteTCPText prints a comparison for people.
func WriteTCPText(rows []TCPRow) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "what\tcase\truns\treal\tsimulated\tmust be\t")
	for _, r := range rows {
		mark := ""
		switch {
		case r.Few:
			mark = "TOO FEW"
		case !r.Holds:
			mark = "FAILED"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\t%s\n", r.What, r.Case, r.Real.Runs, r.show(r.Real), r.show(r.Sim), r.Rule, mark)
	}
	w.Flush()
	return b.String()
}

func (r *TCPRow) show(s Spread) string {
	if r.Unit == "ns" {
		return fmt.Sprintf("%.3f s (%.3f–%.3f)", s.Median/1e9, s.Low/1e9, s.High/1e9)
	}
	return fmt.Sprintf("%.3f MB/s (%.3f–%.3f)", s.Median/1e6, s.Low/1e6, s.High/1e6)
}

// tcpTables are the rows as Markdown, a table for each thing that was measured.
func tcpTables(rows []TCPRow) string {
	titles := map[string]string{"throughput": "Throughput of bulk transfers", "silence": "From the end of a silence to the first new byte",
		"connect": "Time to connect when packets of the handshake are lost", "detect": "A real replica: from the beginning of a silence to giving the link up",
		"reconnect": "A real replica: from the end of a silence to the verdict on its PSYNC"}
	var b strings.Builder
	last := ""
	for _, r := range rows {
		if r.What != last {
			last = r.What
			fmt.Fprintf(&b, "\n## %s\n\n| case | runs | real, median (range) | simulated, median (range) | difference | other luck | holds |\n|---|---|---|---|---|---|---|\n", titles[r.What])
		}
		diff, other, holds := "–", "–", "yes"
		if r.Real.Median != 0 {
			diff = fmt.Sprintf("%+.1f %%", (r.Sim.Median/r.Real.Median-1)*100)
		}
		if r.Other != 0 {
			other = fmt.Sprintf("%.3f MB/s", r.Other/1e6)
		}
		if !r.Holds {
			holds = "**NO**"
		}
		fmt.Fprintf(&b, "| %s | %d | %s | %s | %s | %s | %s: %s |\n", r.Case, r.Real.Runs, r.show(r.Real), r.show(r.Sim), diff, other, holds, r.Rule)
	}
	return b.String()
}

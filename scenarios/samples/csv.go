package samples

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// csv reads an info.csv: a header, and a row a sample. The columns unix_ms and
// master_repl_offset must be there; others are known by INFO's names.
func (p *parser) csv(in Input) error {
	if err := p.own(in.Name); err != nil {
		return err
	}
	var cols map[string]int
	width := 0
	var last map[string]string
	rest := string(in.Data)
	for line := 1; rest != ""; line++ {
		var text string
		text, rest, _ = strings.Cut(rest, "\n")
		text = strings.TrimSuffix(text, "\r")
		if text == "" || text[0] == '#' {
			continue
		}
		cells := strings.Split(text, ",")
		if cols == nil {
			var err error
			if cols, err = header(in.Name, line, cells); err != nil {
				return err
			}
			width = len(cells)
			continue
		}
		r := row{file: in.Name, line: line, role: in.Role}
		if len(cells) != width {
			return fmt.Errorf("%s: the row has %d cells, the header %d; is the row cut off?", r.place(), len(cells), width)
		}
		get := func(name string) string {
			if i, ok := cols[name]; ok {
				return strings.TrimSpace(cells[i])
			}
			return ""
		}
		ms, err := strconv.ParseInt(get("unix_ms"), 10, 64)
		if err != nil || ms < 0 || ms > 1<<45 {
			return fmt.Errorf("%s: unix_ms is %q, not milliseconds since 1970", r.place(), clip(get("unix_ms")))
		}
		r.at = time.UnixMilli(ms)
		if err := r.fill(get); err != nil {
			return err
		}
		if r.role == "" {
			r.role = Master
		}
		p.set.curve = append(p.set.curve, r)

		if strings.TrimSpace(rest[:min(len(rest), 4)]) == "" {
			last = map[string]string{}
			for name := range cols {
				last[name] = get(name)
			}
		}
	}
	if n := len(p.set.curve); n < 2 {
		return fmt.Errorf("%s: a capture needs a header and two rows at least; it has %d", in.Name, n)
	}
	p.settingsOfInfo(&p.set.curve[len(p.set.curve)-1], last)
	return nil
}

// header finds the columns.
func header(file string, line int, cells []string) (map[string]int, error) {
	cols := map[string]int{}
	for i, c := range cells {
		c = strings.Trim(strings.TrimSpace(c), `"`)
		if _, twice := cols[c]; twice {
			return nil, fmt.Errorf("%s:%d: the column %s stands there twice", file, line, clip(c))
		}
		cols[c] = i
	}
	for _, must := range []string{"unix_ms", "master_repl_offset"} {
		if _, ok := cols[must]; ok {
			continue
		}
		if _, rate := cols["instantaneous_output_repl_kbps"]; rate && must == "master_repl_offset" {
			return nil, fmt.Errorf("%s:%d: the column master_repl_offset is missing; instantaneous_output_repl_kbps cannot replace it, it is a sum over all replicas", file, line)
		}
		return nil, fmt.Errorf("%s:%d: the column %s is missing; the header must name unix_ms and master_repl_offset", file, line, must)
	}
	return cols, nil
}

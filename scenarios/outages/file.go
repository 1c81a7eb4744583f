package outages

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"psyncsim/scenarios"
)

// columns that hold a duration, by what their numbers count. Without a unit
// in the name the cells have it: 250ms.
var columns = map[string]time.Duration{
	"duration": 0, "outage": 0, "for": 0,
	"duration_s": time.Second, "outage_s": time.Second, "seconds": time.Second,
	"duration_ms": time.Millisecond, "outage_ms": time.Millisecond, "ms": time.Millisecond,
	"duration_ns": 1, "outage_ns": 1,
}

// file reads durations: one a line, or CSV with a header that names a column of
// durations and perhaps one called kind. Lines that begin with # say nothing.
func (p *parser) file(name string, kind Kind, stated bool) ([]Outage, error) {
	if name == "" {
		return nil, errors.New("the name of a file is missing after @")
	}
	data, err := p.read(name)
	if err != nil {
		return nil, err
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("%s: %d bytes; at most %d are read", name, len(data), maxFile)
	}
	r := csv.NewReader(bytes.NewReader(data))
	r.Comment, r.TrimLeadingSpace, r.FieldsPerRecord, r.ReuseRecord = '#', true, -1, true
	f := &list{name: name, kind: kind, stated: stated, at: -1, kindAt: -1}
	for {
		cells, err := r.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			var bad *csv.ParseError
			if errors.As(err, &bad) {
				return nil, fmt.Errorf("%s:%d: %w", name, bad.Line, bad.Err)
			}
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		f.line, _ = r.FieldPos(0)
		if err := f.row(cells); err != nil {
			return nil, err
		}
	}
	if len(f.all) == 0 {
		return nil, fmt.Errorf("%s: no duration in it; expected one a line, such as 250ms, or CSV with a column duration_s", name)
	}
	return sorted(f.all), nil
}

// list is a file on its way.
type list struct {
	name       string
	line       int
	kind       Kind
	stated     bool
	header     bool
	width      int
	at, kindAt int           // columns
	unit       time.Duration // of the column of durations
	all        []Outage
}

func (f *list) row(cells []string) error {
	if len(f.all) == 0 && !f.header {
		if f.header = strings.Trim(cells[0], "0123456789.-+ \t") != "" && !startsLikeNumber(cells[0]); f.header {
			return f.columns(cells)
		}
		f.width, f.at = len(cells), 0
		if len(cells) > 1 {
			return f.fail("%d columns and no header; a header must name the column of durations, such as duration_s", len(cells))
		}
	}
	if len(cells) != f.width {
		return f.fail("the row has %d cells, the rows before %d", len(cells), f.width)
	}
	if len(f.all) == maxList {
		return f.fail("more than %d outages", maxList)
	}
	text := strings.TrimSpace(cells[f.at])
	if f.unit > 0 {
		text += map[time.Duration]string{time.Second: "s", time.Millisecond: "ms", 1: "ns"}[f.unit]
	}
	t, err := scenarios.ParseDuration(text)
	if err != nil {
		return f.fail("%w", err)
	}
	if t <= 0 {
		return f.fail("%q: an outage lasts longer than nothing", shorten(text))
	}
	o := Outage{t, f.kind}
	if f.kindAt >= 0 {
		if o.Kind = Kind(strings.TrimSpace(cells[f.kindAt])); !slices.Contains(Kinds(), o.Kind) {
			return f.fail("%q is no kind of outage; expected one of %s", shorten(string(o.Kind)), kindNames())
		}
	}
	f.all = append(f.all, o)
	return nil
}

func startsLikeNumber(s string) bool {
	s = strings.TrimLeft(s, " \t-+.")
	return s != "" && s[0] >= '0' && s[0] <= '9'
}

func (f *list) fail(format string, args ...any) error {
	return fmt.Errorf("%s:%d: %w", f.name, f.line, fmt.Errorf(format, args...))
}

// columns reads a header.
func (f *list) columns(cells []string) error {
	f.width = len(cells)
	for i, c := range cells {
		c = strings.ToLower(strings.TrimSpace(c))
		if unit, ok := columns[c]; ok {
			if f.at >= 0 {
				return f.fail("two columns of durations, %q and %q", shorten(cells[f.at]), shorten(cells[i]))
			}
			f.at, f.unit = i, unit
		}
		if c == "kind" && !f.stated {
			f.kindAt = i
		}
	}
	if f.at < 0 {
		return f.fail("the header %q names no column of durations; expected duration, duration_s, duration_ms, outage_s or seconds", shorten(strings.Join(cells, ",")))
	}
	return nil
}

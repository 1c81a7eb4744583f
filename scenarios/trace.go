package scenarios

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"psyncsim/sim"
)

// maxTrace is the largest capture that is read, in bytes.
const maxTrace = 64 << 20

// ReadTrace reads a capture: a CSV file with a header that names the columns
// unix_ms and master_repl_offset (others are ignored), a row a sample. Virtual
// time 0 is the first row's; Bytes counts from the first row's offset. Where the
// columns run_id or master_replid (psyncsim observe writes them) say that the
// offset began anew, Bytes goes on from where it was, at the mean rate (FillUnknown). The
// offsets of a capture grow by all that stood on the stream, so the PINGs that
// the captured master sent are part of the load, and the simulated master adds
// its own to them: 14 bytes every repl-ping-replica-period.
func ReadTrace(file string, data []byte) ([]sim.TracePoint, *Problem) {
	fail := func(line int, text, format string, a ...any) ([]sim.TracePoint, *Problem) {
		return nil, &Problem{File: file, Line: line, Text: shorten(text), Want: fmt.Sprintf(format, a...)}
	}
	rest := strings.TrimPrefix(string(data), "\ufeff")
	timeCol, offCol := -1, -1
	ids := history{-1, -1, -1}
	var first, last [2]int64
	var before []string
	var points []sim.TracePoint
	var unknown []int
	for line := 1; rest != ""; line++ {
		var row string
		row, rest, _ = strings.Cut(rest, "\n")
		row = strings.TrimSuffix(row, "\r")
		if row == "" || row[0] == '#' {
			continue
		}
		cells := strings.Split(row, ",")
		if timeCol < 0 {
			for i, c := range cells {
				switch strings.TrimSpace(c) {
				case "unix_ms":
					timeCol = i
				case "master_repl_offset":
					offCol = i
				case "run_id":
					ids.run = i
				case "master_replid":
					ids.id = i
				case "master_replid2":
					ids.id2 = i
				}
			}
			if timeCol < 0 || offCol < 0 {
				return fail(line, row, "the header must name the columns unix_ms and master_repl_offset")
			}
			continue
		}
		if len(cells) <= max(timeCol, offCol) {
			return fail(line, row, "the row ends before its columns unix_ms and master_repl_offset")
		}
		var at [2]int64
		for i, col := range [2]int{timeCol, offCol} {
			v, err := strconv.ParseInt(strings.TrimSpace(cells[col]), 10, 64)
			if err != nil || v < 0 || v > 1<<60 {
				return fail(line, cells[col], "not a whole number in column %s", [2]string{"unix_ms", "master_repl_offset"}[i])
			}
			at[i] = v
		}
		if len(points) == 0 {
			first = at
		} else {
			if at[0] <= last[0] {
				return fail(line, cells[timeCol], "unix_ms must grow from row to row; the row before has %d", last[0])
			}
			if ids.anew(before, cells, at[1] < last[1]) {
				first[1] += at[1] - last[1]
				unknown = append(unknown, len(points))
			} else if at[1] < last[1] {
				return fail(line, cells[offCol], "master_repl_offset goes back; the row before has %d (was the master restarted?)", last[1])
			}
		}
		if at[0]-first[0] > int64(MaxDuration/time.Millisecond) {
			return fail(line, cells[timeCol], "more than 30 days after the first row")
		}
		last, before = at, cells
		points = append(points, sim.TracePoint{At: time.Duration(at[0]-first[0]) * time.Millisecond, Bytes: at[1] - first[1]})
	}
	if len(points) < 2 {
		return fail(1, "", "a capture needs a header and two rows at least")
	}
	FillUnknown(points, unknown)
	return points, nil
}

// FillUnknown gives the mean rate of a load to the time of which nothing is known, as
// around a restart: taken for nothing, it would be a time in which outages cost nothing.
// unknown are the points, in their order, before which it lies, since the point before.
func FillUnknown(points []sim.TracePoint, unknown []int) {
	if len(unknown) == 0 {
		return
	}
	last := points[len(points)-1]
	known, i := int64(last.At-points[0].At), 0
	for _, k := range unknown {
		known -= int64(points[k].At - points[k-1].At)
	}
	bytes, more := last.Bytes-points[0].Bytes, int64(0)
	if known <= 0 || mulDiv(bytes, int64(last.At-points[0].At), known) > 1<<60 { // more than any server writes
		return
	}
	for k, before := 1, points[0].At; k < len(points); k++ {
		if i < len(unknown) && unknown[i] == k {
			more += mulDiv(bytes, int64(points[k].At-before), known)
			i++
		}
		before = points[k].At
		points[k].Bytes += more
	}
}

// AppendWindow appends what a trace has from start on for a length of time, as
// a trace of its own that begins at 0 with nothing written. A trace that ends
// before goes on from its beginning. The trace has two samples at least, of
// which the first is at 0 and the last is behind start. Between samples the
// bytes lie on a straight line.
func AppendWindow(dst, trace []sim.TracePoint, start, length time.Duration) []sim.TracePoint {
	last := trace[len(trace)-1]
	i := sort.Search(len(trace), func(i int) bool { return trace[i].At > start })
	a, b := trace[i-1], trace[i]
	base := a.Bytes + mulDiv(b.Bytes-a.Bytes, int64(start-a.At), int64(b.At-a.At))
	dst = append(dst, sim.TracePoint{})
	for shift := time.Duration(0); ; {
		for ; i < len(trace); i++ {
			p := sim.TracePoint{At: trace[i].At + shift - start, Bytes: trace[i].Bytes - base}
			if p.At > 0 {
				dst = append(dst, p)
			}
			if p.At >= length {
				return dst
			}
		}
		shift, base, i = shift+last.At, base-last.Bytes, 0
	}
}

// history has the columns that name a server's history, -1 if there are none.
type history struct{ run, id, id2 int }

// anew says whether the offset of row b does not continue that of row a:
// another process that does not know the history of the one before, or one
// whose offset went back under another replid.
func (h history) anew(a, b []string, back bool) bool {
	at := func(row []string, col int) string {
		if col < 0 || col >= len(row) {
			return ""
		}
		return strings.TrimSpace(row[col])
	}
	changed := func(col int) bool { x, y := at(a, col), at(b, col); return x != "" && y != "" && x != y }
	if back {
		return changed(h.run) || changed(h.id)
	}
	known := at(a, h.id) != "" && (at(a, h.id) == at(b, h.id) || at(a, h.id) == at(b, h.id2))
	return changed(h.run) && !known
}

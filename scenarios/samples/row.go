package samples

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"psyncsim/scenarios"
)

// row is one sample with all that traps are read from. Numbers that nothing
// says are -1.
type row struct {
	file string
	line int
	at   time.Time
	gap  string
	role Role

	off, replicas, active, full, aof, commands int64
	outKBps                                    float64 // instantaneous_output_repl_kbps
	syncing                                    bool    // a replica is in a full synchronization, or this replica is
	runID, replID, replID2                     string
}

func (r *row) place() string { return fmt.Sprintf("%s:%d", r.file, r.line) }

// fill reads a row's fields by INFO's names.
func (r *row) fill(get func(name string) string) error {
	r.outKBps = -1
	for _, f := range []struct {
		name string
		to   *int64
		must bool
	}{
		{"master_repl_offset", &r.off, true}, {"connected_slaves", &r.replicas, false}, {"repl_backlog_active", &r.active, false},
		{"sync_full", &r.full, false}, {"aof_enabled", &r.aof, false}, {"total_commands_processed", &r.commands, false},
	} {
		text := strings.TrimSpace(get(f.name))
		*f.to = -1
		if text == "" && !f.must {
			continue
		}
		v, err := strconv.ParseInt(text, 10, 64)
		switch {
		case err != nil:
			return fmt.Errorf("%s: %s is %q, not a whole number", r.place(), f.name, clip(text))
		case v < 0:
			return fmt.Errorf("%s: %s is negative: %d", r.place(), f.name, v)
		case v > maxOffset:
			return fmt.Errorf("%s: %s is beyond all offsets: %d", r.place(), f.name, v)
		}
		*f.to = v
	}
	if text := strings.TrimSpace(get("instantaneous_output_repl_kbps")); text != "" {
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || !(v >= 0 && v < 1e15) {
			return fmt.Errorf("%s: instantaneous_output_repl_kbps is %q, not a rate", r.place(), clip(text))
		}
		r.outKBps = v
	}
	if r.role == "" {
		r.role = roleOf(strings.TrimSpace(get("role")))
	}
	r.runID, r.replID, r.replID2, r.gap = get("run_id"), get("master_replid"), get("master_replid2"), get("gap")
	r.syncing = get("master_sync_in_progress") == "1"
	for i := range 16 {
		line := get("slave" + strconv.Itoa(i))
		if line == "" {
			break
		}
		for _, state := range []string{"state=wait_bgsave", "state=send_bulk", "state=wait_bgsave_start", "state=wait_bgsave_end", "state=bg_transfer", "state=bg_rdb_load"} {
			r.syncing = r.syncing || strings.Contains(line+",", state+",") || strings.Contains(line+";", state+";")
		}
	}
	return nil
}

// anew says whether the offset of b does not continue that of a, and why.
func anew(a, b *row) string {
	if a.runID != "" && b.runID != "" && a.runID != b.runID {
		if b.replID != "" && (b.replID == a.replID || b.replID2 == a.replID) && b.off >= a.off {
			return "" // promoted, or restarted from a snapshot that knew the history
		}
		return "the server is another process (run_id changed)"
	}
	if b.off < a.off {
		if a.replID != "" && b.replID != "" && a.replID != b.replID {
			return "master_replid changed"
		}
		return "master_repl_offset went back"
	}
	return ""
}

// build checks the order of the rows and makes the curve of them.
func (s *Set) build() error {
	rows := s.curve
	var unknown []int
	if len(rows) > maxSamples {
		return fmt.Errorf("%s: more than %d samples", rows[0].file, maxSamples)
	}
	for i := range rows {
		r := &rows[i]
		s.Replicas = max(s.Replicas, int(min(r.replicas, 1<<20)))
		x := Sample{Time: r.at, Offset: r.off, Gap: r.gap}
		if i > 0 {
			a := &rows[i-1]
			if !r.at.After(a.at) {
				return fmt.Errorf("%s: the time does not grow: %s comes after %s; give samples in the order of their times",
					r.place(), stamp(r.at), stamp(a.at))
			}
			if r.at.Sub(rows[0].at) > 366*24*time.Hour {
				return fmt.Errorf("%s: more than a year after the first sample", r.place())
			}
			x.Bytes = s.Samples[i-1].Bytes
			if anew(a, r) == "" {
				x.Bytes += r.off - a.off
			} else {
				unknown = append(unknown, i)
			}
			if x.Bytes < 0 || x.Bytes > maxOffset {
				return fmt.Errorf("%s: the offsets add up to more than any server writes", r.place())
			}
		}
		s.Samples = append(s.Samples, x)
	}
	if len(unknown) > 0 {
		points := s.points()
		scenarios.FillUnknown(points, unknown)
		for i := range points {
			s.Samples[i].Bytes = points[i].Bytes
		}
	}
	if len(rows) > 0 {
		s.Source = rows[0].file
		s.Every = s.interval()
	}
	return nil
}

// stamp is a time in messages.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// interval is the median distance of samples.
func (s *Set) interval() time.Duration {
	var all []time.Duration
	for i := 1; i < len(s.Samples); i++ {
		all = append(all, s.Samples[i].Time.Sub(s.Samples[i-1].Time))
	}
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)/2]
}

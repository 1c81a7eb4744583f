package samples

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var (
	fieldRE = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9_.-]*):(.*)$`)
	unixRE  = regexp.MustCompile(`^\d{10}(?:\.\d{1,9})?$`)
	milliRE = regexp.MustCompile(`^\d{13}$`)
)

// layouts are the ways of writing a time that people put before a sample: ISO
// 8601, and what date prints.
var layouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02 15:04:05.999999999 -0700", "2006-01-02 15:04:05.999999999 MST",
	time.UnixDate, "Mon _2 Jan 2006 15:04:05 MST", "Mon _2 Jan 15:04:05 MST 2006", "Mon Jan _2 03:04:05 PM MST 2006", "Mon _2 Jan 2006 03:04:05 PM MST", time.RFC1123, time.RFC1123Z,
}

// timeLine reads a line that is a time and nothing else.
func timeLine(line string) (time.Time, bool) {
	line = strings.TrimSpace(strings.Trim(line, "#= \t"))
	if len(line) < 2 || len(line) > 64 || !strings.ContainsAny(line, "0123456789") {
		return time.Time{}, false
	}
	switch {
	case unixRE.MatchString(line):
		whole, part, _ := strings.Cut(line, ".")
		sec, err1 := strconv.ParseInt(whole, 10, 64)
		ns, err2 := strconv.ParseInt((part + "000000000")[:9], 10, 64)
		return time.Unix(sec, ns), err1 == nil && err2 == nil
	case milliRE.MatchString(line):
		ms, err := strconv.ParseInt(line, 10, 64)
		return time.UnixMilli(ms), err == nil
	}
	if d, err := time.ParseDuration(line); err == nil && d >= 0 && d < 366*24*time.Hour {
		return time.Unix(0, 0).Add(d), true
	}
	for _, l := range layouts {
		if t, err := time.Parse(l, line); err == nil {
			return t, t.Year() > 1969 && t.Year() < 2200
		}
	}
	return time.Time{}, false
}

// infoSample is one INFO as text.
type infoSample struct {
	line   int
	told   time.Time // the line before it, or Input.Time
	fields map[string]string
}

// splitInfo finds the samples in a text that holds one INFO or several. A
// sample ends where a time stands, or a field comes for the second time.
func splitInfo(in Input) (all []*infoSample) {
	var cur *infoSample
	told := in.Time
	number := 0
	for line := range strings.Lines(string(in.Data)) {
		number++
		line = strings.TrimSpace(line)
		if t, ok := timeLine(line); ok {
			told, cur = t, nil
			continue
		}
		m := fieldRE.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if cur != nil {
			if _, again := cur.fields[m[1]]; again {
				cur, told = nil, time.Time{}
			}
		}
		if cur == nil {
			cur = &infoSample{line: number, told: told, fields: map[string]string{}}
			all = append(all, cur)
		}
		cur.fields[m[1]] = m[2]
	}
	return all
}

// info reads samples of INFO. Their times are set when all are known.
func (p *parser) info(in Input) error {
	if err := p.own("the samples of INFO"); err != nil {
		return fmt.Errorf("%s: samples of INFO are a second load curve, the first is in %s; give one of them", in.Name, p.curve)
	}
	for _, x := range splitInfo(in) {
		r := row{file: in.Name, line: x.line, role: in.Role, at: x.told}
		if _, ok := x.fields["master_repl_offset"]; !ok {
			return fmt.Errorf("%s: this sample of INFO has no master_repl_offset; keep the whole INFO, or its section replication", r.place())
		}
		if err := r.fill(func(name string) string { return x.fields[name] }); err != nil {
			return err
		}
		if r.role == "" {
			r.role = Master
		}
		p.settingsOfInfo(&r, x.fields)
		p.infos = append(p.infos, r)
		p.clocks = append(p.clocks, clockOf(x))
	}
	return nil
}

// clocks are the times that a sample tells.
type clocks struct{ told, server, uptime time.Time }

func clockOf(x *infoSample) (c clocks) {
	c.told = x.told
	if us, err := strconv.ParseInt(x.fields["server_time_usec"], 10, 64); err == nil && us > 0 {
		c.server = time.UnixMicro(us)
	}
	if s, err := strconv.ParseInt(x.fields["uptime_in_seconds"], 10, 64); err == nil && s >= 0 && s < 1<<32 {
		c.uptime = time.Unix(s, 0)
	}
	return c
}

// finishInfo gives the samples their times, all by one clock, and makes the
// master's the curve.
func (p *parser) finishInfo() error {
	if len(p.infos) == 0 {
		return nil
	}
	if err := p.setClocks(); err != nil {
		return err
	}
	role := Replica
	for _, r := range p.infos {
		if r.role == Master {
			role = Master
		}
	}
	for _, r := range p.infos {
		if r.role == role {
			p.set.curve = append(p.set.curve, r)
		} else {
			p.set.other = append(p.set.other, r)
		}
	}
	return nil
}

func (p *parser) setClocks() error {
	count := map[Role]int{}
	for _, r := range p.infos {
		count[r.role]++
	}
	if count[Master] < 2 && count[Replica] < 2 {
		return nil // settings only
	}
	ways := []struct {
		of   func(c clocks) time.Time
		name string
	}{
		{func(c clocks) time.Time { return c.told }, "told"},
		{func(c clocks) time.Time { return c.server }, "server"},
		{func(c clocks) time.Time { return c.uptime }, "uptime"},
	}
	for _, w := range ways {
		ok := true
		for _, c := range p.clocks {
			ok = ok && !w.of(c).IsZero()
		}
		if !ok {
			continue
		}
		for i := range p.infos {
			p.infos[i].at = w.of(p.clocks[i])
		}
		if w.name == "uptime" {
			p.set.trap("whole-seconds", "the samples have no times of their own; uptime_in_seconds was taken, which is whole seconds: a rate over %v may be wrong by %d %%",
				p.infos[len(p.infos)-1].at.Sub(p.infos[0].at), percent(1, p.infos[len(p.infos)-1].at.Sub(p.infos[0].at).Seconds()))
		}
		return nil
	}
	for i, c := range p.clocks {
		if c.told.IsZero() {
			return fmt.Errorf("%s: nothing says when this sample of INFO was taken; put a line with the time before it (date +%%s.%%N)", p.infos[i].place())
		}
	}
	return nil
}

func percent(a, b float64) int64 {
	if b <= 0 || a >= b {
		return 100
	}
	return int64(100*a/b + 0.5)
}

// settingsOfInfo takes what INFO says of settings. A later sample wins.
func (p *parser) settingsOfInfo(r *row, f map[string]string) {
	for _, x := range []struct{ field, name string }{{"repl_backlog_size", "repl-backlog-size"}, {"maxmemory", "maxmemory"}, {"configured_hz", "hz"}} {
		if v := f[x.field]; v != "" {
			p.setting(r.role, x.name, v, r.place()+" (INFO)", rankInfo)
		}
	}
	switch f["aof_enabled"] {
	case "0":
		p.setting(r.role, "appendonly", "no", r.place()+" (INFO)", rankInfo)
	case "1":
		p.setting(r.role, "appendonly", "yes", r.place()+" (INFO)", rankInfo)
	}
	if r.role != Master {
		return
	}
	p.version(f["redis_version"], f["valkey_version"])
	if n, err := strconv.ParseInt(f["used_memory"], 10, 64); err == nil && n > 0 {
		p.set.Memory = n
	}
}

// version notes the server's version: redis-7.0.15.
func (p *parser) version(redis, valkey string) {
	switch {
	case versionRE.MatchString(valkey):
		p.set.Version = "valkey-" + valkey
	case versionRE.MatchString(redis):
		p.set.Version = "redis-" + redis
	}
}

var versionRE = regexp.MustCompile(`^\d{1,4}\.\d{1,4}(\.\d{1,5})?[-\w.]{0,20}$`)

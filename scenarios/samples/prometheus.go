package samples

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// infoNames are redis_exporter's names for fields of INFO, without its
// namespace. It renames some of them.
var infoNames = map[string]string{
	"master_repl_offset": "master_repl_offset", "connected_slaves": "connected_slaves", "repl_backlog_is_active": "repl_backlog_active",
	"replica_resyncs_full": "sync_full", "aof_enabled": "aof_enabled", "commands_processed_total": "total_commands_processed",
	"master_sync_in_progress": "master_sync_in_progress", "instantaneous_output_repl_kbps": "instantaneous_output_repl_kbps",
	// As exporters before the renaming, and other ones, write them.
	"repl_backlog_active": "repl_backlog_active", "sync_full": "sync_full", "total_commands_processed": "total_commands_processed",
}

// confNames are redis_exporter's names for what is a setting.
var confNames = map[string]string{
	"replication_backlog_bytes": "repl-backlog-size", "repl_backlog_size": "repl-backlog-size",
	"memory_max_bytes": "maxmemory", "configured_hz": "hz",
}

// series is one series of a range query.
type series struct {
	Metric map[string]string    `json:"metric"`
	Values [][2]json.RawMessage `json:"values"`
	Value  json.RawMessage      `json:"value"`
	where  string               // file:line
	file   string
}

func (x *series) name() string {
	n := x.Metric["__name__"]
	if i := strings.Index(n, "_"); i > 0 { // the namespace: redis_, or what --namespace says
		return n[i+1:]
	}
	return n
}

func (x *series) instance() string {
	for _, label := range []string{"addr", "instance", "target"} {
		if v := x.Metric[label]; v != "" {
			if pod := x.Metric["pod"]; pod != "" && label != "addr" {
				return pod
			}
			return v
		}
	}
	return x.Metric["pod"]
}

// lineOf is the line of the first thing at or behind an offset that is not space.
func lineOf(data []byte, offset int64) int {
	at := min(int(offset), len(data))
	at = len(data) - len(bytes.TrimLeft(data[at:], " \t\r\n"))
	return 1 + bytes.Count(data[:at], []byte("\n"))
}

// promData is what several answers gave together.
type promData struct {
	first  string
	series []series
}

// prometheus reads answers of the range query API, one after the other.
func (p *parser) prometheus(in Input) error {
	if err := p.own("the Prometheus answers"); err != nil {
		return fmt.Errorf("%s: a Prometheus answer is a second load curve, the first is in %s; give one of them", in.Name, p.curve)
	}
	if p.prom == nil {
		p.prom = &promData{first: in.Name}
	}
	d := json.NewDecoder(bytes.NewReader(in.Data))
	for {
		line := lineOf(in.Data, d.InputOffset())
		var doc struct {
			Status    string
			ErrorType string
			Error     string
			Data      struct {
				ResultType string
				Result     json.RawMessage
			}
		}
		err := d.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return nil
		}
		place := fmt.Sprintf("%s:%d", in.Name, line)
		if err != nil {
			var bad *json.SyntaxError
			if errors.As(err, &bad) && bad.Offset > 0 {
				line = lineOf(in.Data, bad.Offset-1)
			}
			return fmt.Errorf("%s:%d: not the answer of a Prometheus range query: %w", in.Name, line, err)
		}
		switch {
		case doc.Status == "error":
			return fmt.Errorf("%s: Prometheus answered with an error: %s: %s", place, doc.ErrorType, clip(doc.Error))
		case doc.Status != "success":
			return fmt.Errorf("%s: not the answer of Prometheus: its status is %q", place, clip(doc.Status))
		case doc.Data.ResultType == "vector", doc.Data.ResultType == "scalar":
			return fmt.Errorf("%s: the answer of an instant query (%s), which has one moment; ask /api/v1/query_range", place, doc.Data.ResultType)
		case doc.Data.ResultType != "matrix":
			return fmt.Errorf("%s: the result is %q; a range query gives a matrix", place, clip(doc.Data.ResultType))
		}
		var list []series
		if err := json.Unmarshal(doc.Data.Result, &list); err != nil {
			return fmt.Errorf("%s: not the matrix of a range query: %w", place, err)
		}
		if len(list) == 0 {
			return fmt.Errorf("%s: the range query found nothing; is the name right, and the time?", place)
		}
		for i, x := range list {
			if x.Metric["__name__"] == "" {
				return fmt.Errorf("%s: series %d has no name: functions such as rate() drop it; ask for redis_master_repl_offset itself", place, i+1)
			}
			x.file, x.where = in.Name, fmt.Sprintf("%s series %d (%s)", place, i+1, clip(x.Metric["__name__"]))
			p.prom.series = append(p.prom.series, x)
		}
	}
}

// promPoint is one value.
type promPoint struct {
	at time.Time
	v  float64
}

// points reads a series.
func (x *series) points() ([]promPoint, error) {
	all := make([]promPoint, 0, len(x.Values))
	for i, pair := range x.Values {
		t, err := strconv.ParseFloat(string(pair[0]), 64)
		if err != nil || !(t > 0 && t < 1e10) {
			return nil, fmt.Errorf("%s: value %d: %s is not a time in seconds since 1970", x.where, i+1, clip(string(pair[0])))
		}
		var text string
		if json.Unmarshal(pair[1], &text) != nil {
			return nil, fmt.Errorf("%s: value %d: %s is not a number in quotes", x.where, i+1, clip(string(pair[1])))
		}
		v, err := strconv.ParseFloat(text, 64)
		switch {
		case err != nil || math.IsNaN(v) || math.IsInf(v, 0):
			return nil, fmt.Errorf("%s: value %d: %q is not a number", x.where, i+1, clip(text))
		case v < 0:
			return nil, fmt.Errorf("%s: value %d: %s is negative", x.where, i+1, clip(text))
		}
		at := time.UnixMilli(int64(math.Round(t * 1000)))
		if n := len(all); n > 0 && !at.After(all[n-1].at) {
			return nil, fmt.Errorf("%s: value %d: the time goes back", x.where, i+1)
		}
		all = append(all, promPoint{at, v})
	}
	return all, nil
}

// finishProm makes rows of the series that belong to one master.
func (p *parser) finishProm() error {
	if p.prom == nil {
		return nil
	}
	master, err := p.prom.master()
	if err != nil {
		return err
	}
	inst := master.instance()
	offsets, err := master.points()
	if err != nil {
		return err
	}
	extra := map[string]map[int64]float64{} // INFO's name → time in ms → value
	for i := range p.prom.series {
		x := &p.prom.series[i]
		if x.instance() != inst {
			continue
		}
		if err := p.promExtra(x, extra); err != nil {
			return err
		}
	}
	p.promLimits(extra)
	kept := p.thin(offsets)
	for i, o := range kept {
		r := row{file: master.file, line: 1, role: Master, at: o.at}
		off, ok := wholeOffset(o.v)
		if !ok {
			return fmt.Errorf("%s: value %d: %g is not an offset", master.where, i+1, o.v)
		}
		if err := r.fill(func(name string) string {
			if name == "master_repl_offset" {
				return strconv.FormatInt(off, 10)
			}
			if v, ok := extra[name][o.at.UnixMilli()]; ok && v == math.Trunc(v) && math.Abs(v) < 1<<53 {
				return strconv.FormatInt(int64(v), 10)
			} else if ok {
				return strconv.FormatFloat(v, 'f', -1, 64)
			}
			return ""
		}); err != nil {
			return err
		}
		p.set.curve = append(p.set.curve, r)
	}
	if len(offsets) > 0 && offsets[len(offsets)-1].v > 1<<53 {
		p.set.trap("rounded", "the offsets of %s are beyond 2^53: Prometheus keeps floats, which are not exact there", inst)
	}
	return nil
}

// promExtra takes a series of the master that is not its offset.
func (p *parser) promExtra(x *series, extra map[string]map[int64]float64) error {
	name := x.name()
	points, err := x.points()
	if err != nil || len(points) == 0 {
		return err
	}
	last := points[len(points)-1].v
	whole := strconv.FormatFloat(last, 'f', -1, 64)
	source := x.where + " (Prometheus)"
	if field := infoNames[name]; field != "" {
		m := extra[field]
		if m == nil {
			m = map[int64]float64{}
			extra[field] = m
		}
		for _, v := range points {
			m[v.at.UnixMilli()] = v.v
		}
	}
	switch {
	case strings.HasPrefix(name, "config_client_output_buffer_limit") && (x.Metric["class"] == "slave" || x.Metric["class"] == "replica"):
		extra[name+" "+x.Metric["limit"]] = map[int64]float64{0: last}
	case name == "instance_info":
		p.version(x.Metric["redis_version"], x.Metric["valkey_version"])
	case name == "memory_used_bytes":
		p.set.Memory, _ = wholeOffset(last)
	case confNames[name] != "":
		p.setting(Master, confNames[name], whole, source, rankProm)
	case name == "config_value" || name == "config_key_value":
		value := x.Metric["value"]
		if value == "" {
			value = whole
		}
		p.setting(Master, newer(x.Metric["key"]), value, source, rankProm)
	}
	return nil
}

// promLimits joins the three numbers of the replicas' output buffer limit.
func (p *parser) promLimits(extra map[string]map[int64]float64) {
	const name = "config_client_output_buffer_limit_"
	var words []string
	for _, part := range []string{"bytes hard", "bytes soft", "overcome_seconds soft"} {
		v, ok := extra[name+part]
		if !ok {
			return
		}
		words = append(words, strconv.FormatFloat(v[0], 'f', -1, 64))
	}
	_ = p.limits(Master, "replica "+strings.Join(words, " "), p.prom.first+" (Prometheus)", rankProm) // what is no limit is no setting
}

// master is the series of the master's offset.
func (d *promData) master() (*series, error) {
	roles := map[string]string{}
	found := map[string]*series{}
	for i := range d.series {
		x := &d.series[i]
		switch x.name() {
		case "instance_info":
			roles[x.instance()] = x.Metric["role"]
		case "slave_info", "master_link_up":
			roles[x.instance()] = "slave"
		case "master_repl_offset":
			if _, twice := found[x.instance()]; twice {
				return nil, fmt.Errorf("%s: a second series of this instance (%s); narrow the query to one job", x.where, clip(x.instance()))
			}
			found[x.instance()] = x
		}
	}
	if len(found) == 0 {
		names := map[string]bool{}
		for i := range d.series {
			names[d.series[i].Metric["__name__"]] = true
		}
		return nil, fmt.Errorf("%s: no series is redis_master_repl_offset; there is %s", d.first, clip(strings.Join(slices.Sorted(maps.Keys(names)), ", ")))
	}
	if len(found) > 1 {
		for inst := range found {
			if roleOf(roles[inst]) == Replica {
				delete(found, inst)
			}
		}
	}
	if len(found) != 1 {
		return nil, fmt.Errorf("%s: redis_master_repl_offset of %d instances (%s); narrow the query to the master, or add redis_instance_info, which tells roles",
			d.first, len(found), clip(strings.Join(slices.Sorted(maps.Keys(found)), ", ")))
	}
	for _, x := range found {
		return x, nil
	}
	panic("samples: no series among one")
}

// thin takes out repeated values where the query's step is shorter than the
// scrape interval: each scrape is then repeated until the next one, and all of
// its bytes would seem to have come in one step.
func (p *parser) thin(all []promPoint) []promPoint {
	var at []int
	for i := 1; i < len(all); i++ {
		if all[i].v != all[i-1].v {
			at = append(at, i)
		}
	}
	if len(at) < 3 {
		return all
	}
	every := make([]int, 0, len(at))
	for i := 1; i < len(at); i++ {
		every = append(every, at[i]-at[i-1])
	}
	slices.Sort(every)
	k := every[len(every)/2]
	if k < 2 || every[len(every)/10] < k-1 {
		return all // an idle master, not a repeated scrape
	}
	kept := []promPoint{all[0]}
	for i, next := 1, 0; i < len(all); i++ {
		if next < len(at) && at[next] == i {
			kept = append(kept, all[i])
			next++
		} else if last := kept[len(kept)-1]; all[i].at.Sub(last.at) >= time.Duration(k)*all[1].at.Sub(all[0].at) {
			kept = append(kept, all[i])
		}
	}
	p.set.trap("interval", "the step of the range query is %v, but the offset moves only every %v: that is the scrape interval, and bursts shorter than it are not seen; repeated values were left out",
		all[1].at.Sub(all[0].at), time.Duration(k)*all[1].at.Sub(all[0].at))
	return kept
}

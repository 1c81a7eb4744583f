package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"psyncsim/model"
	"psyncsim/results/risk"
	"psyncsim/scenarios"
	"psyncsim/scenarios/logs"
	"psyncsim/scenarios/outages"
	"psyncsim/scenarios/samples"
	"psyncsim/scenarios/sizing"
)

// sizeJob is one question on its way to its answer.
type sizeJob struct {
	c       *commands
	probes  probes // of all its silences
	x       *cli.Context
	set     *samples.Set // nil without samples and settings
	story   *logs.Story  // nil without logs
	spec    sizing.Spec
	known   bool                    // the data set is
	dists   []*outages.Distribution // more than one: nobody said which, and the worst counts
	current int64                   // repl-backlog-size in force; 0 unknown
	memory  int64                   // maxmemory; 0 unknown
	monthly float64                 // outages a month
	unseen  int                     // outages of logs that do not say how the master's process ended

	plan      *sizing.Plan
	better    edit  // the settings that are recommended
	buffers   *edit // with the output-buffer limits that are, nil for those in force
	worstDraw sizing.Draw
	worstTail time.Duration
	a         risk.Answer
}

func (j *sizeJob) assume(format string, a ...any) {
	j.a.Assumed = append(j.a.Assumed, fmt.Sprintf(format, a...))
}

// inputs reads everything that is known. Errors are of one sentence, with their
// place.
func (j *sizeJob) inputs() error {
	q := &j.a.Question
	var err error
	if q.Target, err = parseShare("target", j.x.String("target")); err != nil {
		return err
	}
	if q.Confidence, err = parseShare("confidence", j.x.String("confidence")); err != nil {
		return err
	}
	q.Per, q.Seed = j.x.String("per"), j.x.Uint64("seed")
	switch {
	case q.Per != "outage" && q.Per != "month":
		return fmt.Errorf("--per %s: outage or month", q.Per)
	case j.x.Int("jobs") < 1:
		return fmt.Errorf("--jobs %d: at least one", j.x.Int("jobs"))
	case j.x.IsSet("outages") && j.x.Int("outages") < 1:
		return fmt.Errorf("--outages %d: at least one", j.x.Int("outages"))
	case j.x.Int("outages") > mostOutages:
		return fmt.Errorf("--outages %d: at most %d", j.x.Int("outages"), mostOutages)
	case j.x.Int("value") < 1 || j.x.Int("value") > 64<<20:
		return fmt.Errorf("--value %d: from 1 to 67108864 bytes", j.x.Int("value"))
	case q.Seed > 1<<62:
		return fmt.Errorf("--seed %d: at most %d", q.Seed, uint64(1)<<62)
	}
	if dir := j.x.String("charts"); dir != "" { // before all the work
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("--charts %s: %w", dir, reason(err))
		}
	}
	if file := j.x.String("scenario"); file != "" {
		if ext := filepath.Ext(file); ext != ".yaml" && ext != ".yml" {
			return fmt.Errorf("--scenario %s: a scenario's name ends in .yaml", file)
		}
		if _, err := os.Stat(filepath.Dir(file)); err != nil {
			return fmt.Errorf("--scenario %s: %w", file, reason(err))
		}
	}
	if files := append(j.x.StringSlice("info"), j.x.StringSlice("conf")...); len(files) > 0 {
		if j.set, err = samples.Read(files, j.c.stdin); err != nil {
			return err
		}
		for _, t := range j.set.Traps {
			j.a.Traps = append(j.a.Traps, t.Text)
		}
	}
	if names := j.x.StringSlice("log"); len(names) > 0 {
		if j.story, err = logs.Read(names, j.c.stdin); err != nil {
			return err
		}
	}
	for _, step := range []func() error{j.version, j.settings, j.network, j.load, j.outages, j.sample} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// mostOutages bounds memory: an outage takes about 300 bytes.
const mostOutages = 5_000_000

// version finds which server it is.
func (j *sizeJob) version() error {
	from := j.x.String("version")
	switch {
	case from != "":
		if _, ok := model.LookupProfile(from); !ok {
			return fmt.Errorf("--version %s: not one that is known; psyncsim profiles lists them", from)
		}
		j.spec.Profile = from
	case j.set != nil && j.set.Version != "":
		j.spec.Profile = logs.Profile(j.set.Version)
		j.notExact(j.set.Version)
	case j.story != nil && len(j.story.Versions) > 0:
		var all []string
		for _, v := range j.story.Versions {
			all = append(all, v)
		}
		slices.Sort(all)
		j.spec.Profile = logs.Profile(all[0])
		j.notExact(all[0])
	default:
		j.spec.Profile = logs.Profile("")
		j.assume("version %s (--version)", j.spec.Profile)
	}
	j.a.Version = j.spec.Profile
	return nil
}

func (j *sizeJob) notExact(v string) {
	if !strings.HasPrefix(v, j.spec.Profile) {
		j.assume("version %s, the nearest that is known to %s", j.spec.Profile, v)
	}
}

// taken are the settings that matter to outages; those of the master, and those
// of them that a replica has of its own.
var taken = map[samples.Role][]string{
	samples.Master: {"repl-backlog-size", "repl-backlog-ttl", "repl-timeout", "repl-ping-replica-period", "repl-diskless-sync",
		"repl-diskless-sync-delay", "repl-diskless-sync-max-replicas", "client-output-buffer-limit replica", "appendonly", "save", "shutdown-timeout", "dual-channel-replication-enabled"},
	samples.Replica: {"repl-timeout", "appendonly", "save", "shutdown-timeout", "dual-channel-replication-enabled"},
}

// settings takes what files and servers said. Where only the master's are known
// the replica's are taken to be the same.
func (j *sizeJob) settings() error {
	j.spec.Replicas, j.spec.Seed = j.x.Int("replicas"), j.a.Question.Seed
	if j.set == nil {
		j.assume("the settings of a server whose redis.conf says nothing (--conf)")
		return j.maxmemory()
	}
	if !j.x.IsSet("replicas") && j.set.Replicas > 1 {
		j.spec.Replicas = min(j.set.Replicas, 8)
	}
	for _, role := range []samples.Role{samples.Master, samples.Replica} {
		for _, name := range taken[role] {
			s, ok := j.set.Setting(role, name)
			if !ok && role == samples.Replica {
				s, ok = j.set.Setting(samples.Master, name)
			}
			if !ok && name == "save" && j.noSaves(role) {
				s, ok = samples.Setting{}, true
			}
			if !ok {
				continue
			}
			list := &j.spec.Master
			if role == samples.Replica {
				list = &j.spec.Replica
			}
			*list = append(*list, sizing.Directive{Name: name, Value: s.Value})
			if name == "repl-backlog-size" {
				j.current = s.Number
			}
		}
	}
	if _, ok := j.set.Setting(samples.Master, "repl-timeout"); !ok {
		j.assume("repl-timeout and what else samples do not say as in a redis.conf that says nothing (--conf)")
	}
	if s, ok := j.set.Setting(samples.Master, "maxmemory"); ok {
		j.memory = s.Number
	}
	return j.maxmemory()
}

// noSaves says that a redis.conf without save points means none, as with older
// versions.
func (j *sizeJob) noSaves(role samples.Role) bool {
	p, _ := model.LookupProfile(j.spec.Profile)
	return p != nil && p.FileResetsSaves && slices.ContainsFunc(j.set.Settings, func(s samples.Setting) bool {
		return s.Role == role && strings.HasSuffix(s.Source, "(redis.conf)")
	})
}

func (j *sizeJob) maxmemory() error {
	text := j.x.String("maxmemory")
	if text == "" {
		return nil
	}
	n, err := scenarios.ParseConfMemory(text)
	if err != nil {
		return fmt.Errorf("--maxmemory %w", err)
	}
	j.memory = n
	return nil
}

// network is the link and what full synchronizations carry over it.
func (j *sizeJob) network() error {
	j.spec.SaveRate, j.spec.LoadRate, j.spec.Bandwidth = j.x.String("save-rate"), j.x.String("load-rate"), j.x.String("bandwidth")
	j.spec.Latency = j.x.Duration("latency")
	if j.spec.Latency < 0 {
		return fmt.Errorf("--latency %v: it is negative", j.spec.Latency)
	}
	if !j.x.IsSet("bandwidth") {
		j.assume("a link of %s (--bandwidth)", j.spec.Bandwidth)
	}
	switch text := j.x.String("dataset"); {
	case text != "":
		n, err := scenarios.ParseSize(text)
		if err != nil {
			return fmt.Errorf("--dataset %w", err)
		}
		j.spec.Dataset, j.known = n, true
	case j.set != nil && j.set.Memory > 0:
		j.spec.Dataset, j.known = j.set.Memory, true
		j.assume("a snapshot as large as used_memory, %s (--dataset)", risk.Size(j.set.Memory))
	default:
		j.spec.Dataset = 100_000_000
		j.assume("nothing about full synchronizations: the data set is not known (--dataset)")
	}
	j.loadsAsLogged()
	if j.known && !(j.x.IsSet("save-rate") && j.x.IsSet("load-rate")) {
		j.assume("snapshots are written at %s and loaded at %s (--save-rate, --load-rate)", j.spec.SaveRate, j.spec.LoadRate)
	}
	return nil
}

// loadsAsLogged takes the time that processes took to load their data from the logs. It is no
// part of how long they were gone.
func (j *sizeJob) loadsAsLogged() {
	if j.story == nil || j.x.IsSet("load-rate") {
		return
	}
	d := j.story.Loading()
	if d < 10*time.Millisecond {
		return
	}
	rate := max(int64(float64(j.spec.Dataset)/d.Seconds()), 1)
	j.spec.LoadRate = fmt.Sprintf("%dB/s", rate)
	j.assume("processes that start load for %v, as in the logs: %s/s (--load-rate)", d.Round(time.Millisecond), risk.Size(rate))
}

// load is what the master writes.
func (j *sizeJob) load() error {
	q := &j.a.Question
	rate := j.x.String("rate")
	j.spec.Load.Value = j.x.Int("value")
	sampled := j.set != nil && len(j.set.Samples) > 0
	switch {
	case rate != "" && sampled:
		return fmt.Errorf("--rate %s: the load is in %s already; give one of them", rate, j.set.Source)
	case rate != "":
		j.spec.Load.Rate, j.spec.Load.Arrivals = rate, j.x.String("arrivals")
		q.Load = "--rate " + rate
		if j.spec.Load.Arrivals == "" {
			j.assume("writes come evenly (--arrivals, or samples of the real load: --info)")
		}
		return nil
	case j.x.IsSet("arrivals"):
		return fmt.Errorf("--arrivals goes with --rate")
	case sampled:
		points, err := j.set.Load()
		if err != nil {
			return err
		}
		if last := points[len(points)-1]; last.At <= 0 || last.Bytes <= 0 {
			why := ""
			for _, t := range j.set.Traps {
				if t.Kind == "still" {
					why = ": " + t.Text
				}
			}
			return fmt.Errorf("%s: nothing was written in these samples, so no size can be read off them%s", j.set.Source, why)
		}
		j.spec.Load.Trace = points
		q.Load = fmt.Sprintf("%s, %d samples over %s", j.set.Source, len(points), risk.Seconds(int64(points[len(points)-1].At)))
		if j.replayable() {
			j.spec.Load.File = j.set.Source
		}
		return nil
	case j.story != nil:
		load := j.story.Load()
		if len(load) < 2 {
			return fmt.Errorf("the logs name fewer than two offsets, so they do not say what was written: give --info or --rate")
		}
		for _, s := range load {
			j.spec.Load.Trace = append(j.spec.Load.Trace, point(load[0], s))
		}
		if j.spec.Load.Trace[len(load)-1].Bytes == 0 {
			return fmt.Errorf("nothing was written between the offsets that the logs name: give --info or --rate")
		}
		q.Load = fmt.Sprintf("the %d offsets that the logs name", len(load))
		j.a.Traps = append(j.a.Traps, fmt.Sprintf("the load is known at %d moments only, those of the logs: bursts between them are not seen; give samples (--info)", len(load)))
		return nil
	}
	return fmt.Errorf("what does the master write? give --rate 5MB/s, or samples of its INFO: --info load.csv (psyncsim observe makes one)")
}

// replayable says whether a scenario can read the load from its file.
func (j *sizeJob) replayable() bool {
	if len(j.x.StringSlice("info")) == 0 || j.set.Source == "-" {
		return false
	}
	s, err := scenarios.OpenEmbedded(sizing.Scenario, []string{fmt.Sprintf("workload.0={on: master, arrivals: {trace: %q}}", j.set.Source)})
	return err == nil && s != nil
}

// sample says how many outages make a sample of what the target counts.
func (j *sizeJob) sample() error {
	j.a.PerSample = 1
	if j.a.Question.Per != "month" {
		if j.x.IsSet("outages-per-month") {
			return fmt.Errorf("--outages-per-month goes with --per month")
		}
		return nil
	}
	switch m := j.x.Float64("outages-per-month"); {
	case j.x.IsSet("outages-per-month"):
		if !(m > 0 && m <= 1000) {
			return fmt.Errorf("--outages-per-month %v: above 0, at most 1000", m)
		}
		j.monthly = m
	case j.monthly == 0:
		return fmt.Errorf("--per month: how many outages are there? --outages-per-month says it, or logs")
	}
	j.a.PerSample = j.monthly
	return nil
}

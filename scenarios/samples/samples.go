package samples

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"strings"
	"time"

	"psyncsim/sim"
)

// Limits on what is read.
const (
	maxFile    = 64 << 20 // bytes of one file
	maxSamples = 5_000_000
	maxOffset  = 1 << 60
)

// Role is whose settings or samples these are.
type Role string

// The roles of INFO, under their newer names.
const (
	Master  Role = "master"
	Replica Role = "replica"
)

// Sample is the load at one moment.
type Sample struct {
	Time   time.Time // as the sampler told it; only differences count
	Offset int64     // master_repl_offset, bytes
	Bytes  int64     // written since the first sample; never goes back
	Gap    string    // why the time since the sample before was not watched; "" if it was
}

// Setting is one directive that is known, with redis.conf's name and notation.
type Setting struct {
	Role   Role
	Name   string // "repl-backlog-size"; "client-output-buffer-limit replica"
	Value  string // "64mb"; "268435456 67108864 60"
	Source string // FILE:LINE, and what kind of thing that is
	Number int64  // bytes, seconds, or 1 for yes; 0 for words
	rank   int    // what a running server says outranks its file
}

// Trap is something true of the input that leads to a wrong size if nobody
// says it. Kind is stable, Text is one sentence for people.
type Trap struct{ Kind, Text string }

// Set is all that was read.
type Set struct {
	Source   string        // where the curve was read
	Samples  []Sample      // in the order of time; empty without a load
	Every    time.Duration // the usual distance of two samples that differ; 0 without a load
	Settings []Setting
	Version  string // "redis-7.0.15", "valkey-8.0.1"; "" if nothing says it
	Replicas int    // most replicas attached at once; -1 if nothing says it
	Memory   int64  // used_memory of the last sample, bytes; 0 if nothing says it
	Traps    []Trap

	curve []row
	other []row // samples of the other role
}

// Input is one thing to read.
type Input struct {
	Name string    // for messages
	Data []byte    //
	Role Role      // "" where the content says it
	Time time.Time // of a single INFO; zero: the text says it
	kind kind
}

// Read reads files; "-" is stdin.
func Read(names []string, stdin io.Reader) (*Set, error) {
	var all []Input
	for _, name := range names {
		in := stdin
		if name != "-" {
			f, err := os.Open(name)
			if err != nil {
				return nil, err
			}
			defer f.Close()
			if st, err := f.Stat(); err == nil && st.IsDir() {
				return nil, fmt.Errorf("%s is a folder, not a file of samples or settings", name)
			}
			in = f
		}
		data, err := io.ReadAll(io.LimitReader(in, maxFile+1))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, Input{Name: name, Data: data})
	}
	return Parse(all...)
}

// Parse reads inputs of any kind, in any order; samples of INFO in the order
// of their times.
func Parse(inputs ...Input) (*Set, error) {
	if len(inputs) == 0 {
		return nil, errors.New("nothing to read: give samples of INFO, an info.csv, a Prometheus answer, a redis.conf or the output of CONFIG GET")
	}
	s := &Set{Replicas: -1}
	p := &parser{set: s}
	for _, in := range inputs {
		if err := p.input(in); err != nil {
			return nil, err
		}
	}
	if err := p.finish(); err != nil {
		return nil, err
	}
	return s, nil
}

// Load is the curve as a scenario's load; time 0 is the first sample.
func (s *Set) Load() ([]sim.TracePoint, error) {
	switch len(s.Samples) {
	case 0:
		return nil, errors.New("no load was given: two samples of INFO, an info.csv or a Prometheus range query say it")
	case 1:
		return nil, fmt.Errorf("%s: one sample gives no rate; take a second one later", s.Source)
	}
	return s.points(), nil
}

func (s *Set) points() []sim.TracePoint {
	points := make([]sim.TracePoint, len(s.Samples))
	for i, x := range s.Samples {
		points[i] = sim.TracePoint{At: x.Time.Sub(s.Samples[0].Time), Bytes: x.Bytes}
	}
	return points
}

// Setting is what counts of a role's setting: what the running server said
// before what stands in its file.
func (s *Set) Setting(role Role, name string) (best Setting, ok bool) {
	for _, x := range s.Settings {
		if x.Role == role && x.Name == name && (!ok || x.rank >= best.rank) {
			best, ok = x, true
		}
	}
	return best, ok
}

// kind is what an input is.
type kind uint8

const (
	unknown kind = iota
	infoText
	infoCSV
	promJSON
	confFile
	confGet
	configJSON
	logFile
)

var (
	infoLine = regexp.MustCompile(`(?m)^(?:redis_version|valkey_version|master_repl_offset|role|repl_backlog_size|run_id|connected_slaves):`)
	logLine  = regexp.MustCompile(`^(?:\[\d+\] |\d+:[MSCX] )\d+ \w{3} `)
)

// kindOf tells an input by its content.
func kindOf(data []byte) kind {
	text := bytes.TrimSpace(data)
	if len(text) == 0 {
		return unknown
	}
	if text[0] == '{' || text[0] == '[' && !logLine.Match(text) {
		if bytes.Contains(text[:min(len(text), 4096)], []byte(`"status"`)) || bytes.Contains(text, []byte(`"resultType"`)) {
			return promJSON
		}
		return configJSON
	}
	if infoLine.Match(bytes.ReplaceAll(data, []byte("\r"), nil)) {
		return infoText
	}
	first := ""
	for line := range strings.Lines(string(text)) {
		if first = strings.TrimSpace(line); first != "" && first[0] != '#' {
			break
		}
	}
	switch {
	case logLine.MatchString(first):
		return logFile
	case strings.Contains(first, "unix_ms") || strings.Contains(first, "master_repl_offset") || strings.Count(first, ",") > 0 && !strings.ContainsAny(first, " \""):
		return infoCSV
	case numbered.MatchString(first), !strings.ContainsAny(first, " \t") && first[0] != '#':
		return confGet
	}
	return confFile
}

// parser fills a set.
type parser struct {
	set    *Set
	infos  []row    // samples of INFO, of whatever server
	clocks []clocks // the times that they tell
	curve  string   // the input that holds a whole curve
	prom   *promData
}

func (p *parser) input(in Input) error {
	if len(in.Data) > maxFile {
		return fmt.Errorf("%s: more than %d bytes", in.Name, maxFile)
	}
	if bytes.HasPrefix(in.Data, []byte{0x1f, 0x8b}) {
		return fmt.Errorf("%s: packed with gzip; unpack it", in.Name)
	}
	if bytes.IndexByte(in.Data, 0) >= 0 {
		return fmt.Errorf("%s: not a text file", in.Name)
	}
	in.Data = bytes.TrimPrefix(in.Data, []byte("\ufeff"))
	if in.kind = kindOf(in.Data); in.kind == unknown {
		return fmt.Errorf("%s: the file is empty", in.Name)
	}
	switch in.kind {
	case infoText:
		return p.info(in)
	case infoCSV:
		return p.csv(in)
	case promJSON:
		return p.prometheus(in)
	case configJSON:
		return p.confJSON(in)
	case confGet:
		return p.confGet(in)
	case logFile:
		return fmt.Errorf("%s: this is a server's log, which says nothing of the load between its lines; give it as a log", in.Name)
	}
	return p.confFile(in)
}

// own takes the curve; there can be one only.
func (p *parser) own(name string) error {
	if p.curve != "" && p.curve != name {
		return fmt.Errorf("%s: a second load curve, the first is in %s; give one of them", name, p.curve)
	}
	p.curve = name
	return nil
}

// finish puts the curve together and looks for traps.
func (p *parser) finish() error {
	if err := p.finishInfo(); err != nil {
		return err
	}
	if err := p.finishProm(); err != nil {
		return err
	}
	if err := p.set.build(); err != nil {
		return err
	}
	p.set.findTraps()
	return nil
}

// roleOf is the role that INFO's word means.
func roleOf(word string) Role {
	switch word {
	case "slave", "replica":
		return Replica
	case "master", "primary":
		return Master
	}
	return ""
}

// wholeOffset reads an offset that came as a float.
func wholeOffset(v float64) (int64, bool) {
	if math.IsNaN(v) || v < 0 || v > maxOffset || v != math.Trunc(v) {
		return 0, false
	}
	return int64(v), true
}

func clip(s string) string {
	if len(s) > 60 {
		return strings.ToValidUTF8(s[:60], "") + "…"
	}
	return s
}

package scenarios

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	yaml "go.yaml.in/yaml/v4"

	"psyncsim/sim"
)

// Scenario is one file, read and checked.
type Scenario struct {
	Name     string // of the file, without its folder and .yaml
	File     string // as it was given
	Question string
	Seed     uint64 // of the first run of every sweep point
	Repeat   int64  // runs per sweep point
	Axes     []Axis // of the sweep, in the order of the file
	Expect   []Expect
	Observed []Observed // what real servers did, to compare with
	Notes    []string   // what was ignored or changed, for people

	base   *yaml.Node // the tree without sweep and expect, before any axis is applied
	root   *yaml.Node // the whole tree
	sets   []string
	files  *files
	points int64
	first  *plan
}

// files reads and keeps what a scenario names.
type files struct {
	open   func(path string) ([]byte, error)
	mu     sync.Mutex
	data   map[string][]byte
	traces map[string]*traceFile
	costs  map[costKey]costFile
	sums   map[string]string // of what was read, by name
}

type traceFile struct {
	points  []sim.TracePoint
	problem *Problem
	err     error
}

func (f *files) read(name string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if b, ok := f.data[name]; ok {
		return b, nil
	}
	b, err := f.load(name)
	if err == nil {
		if f.data == nil {
			f.data = map[string][]byte{}
		}
		f.data[name] = b
	}
	return b, err
}

func (f *files) load(name string) ([]byte, error) {
	if f.open == nil {
		return nil, errors.New("there is no folder to look in")
	}
	b, err := f.open(name)
	if err == nil && len(b) > maxTrace {
		return nil, fmt.Errorf("it has %d bytes; at most %d", len(b), maxTrace)
	}
	if f.sums == nil {
		f.sums = map[string]string{}
	}
	sum := sha256.Sum256(b)
	f.sums[name] = hex.EncodeToString(sum[:])
	return b, err
}

// Files are the files that the scenario named when it was loaded, each with the
// SHA-256 of its content, in the order of their names.
func (s *Scenario) Files() []string {
	s.files.mu.Lock()
	defer s.files.mu.Unlock()
	var all []string
	for name, sum := range s.files.sums {
		all = append(all, name+" "+sum)
	}
	slices.Sort(all)
	return all
}

func (f *files) trace(name string) ([]sim.TracePoint, *Problem, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.traces[name]
	if t == nil {
		t = &traceFile{}
		var b []byte
		if b, t.err = f.load(name); t.err == nil {
			t.points, t.problem = ReadTrace(name, b)
		}
		if f.traces == nil {
			f.traces = map[string]*traceFile{}
		}
		f.traces[name] = t
	}
	return t.points, t.problem, t.err
}

// ReadFile reads a scenario file. The files it names are relative to it.
func ReadFile(path string, sets []string) (*Scenario, error) {
	data, err := readCapped(path, MaxFile)
	if err != nil {
		return nil, &Problems{List: []Problem{{File: path, Want: err.Error()}}}
	}
	dir := filepath.Dir(path)
	return Load(path, data, func(name string) ([]byte, error) {
		name = filepath.FromSlash(name)
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		return readCapped(name, maxTrace)
	}, sets)
}

// readCapped reads a file of at most so many bytes.
func readCapped(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		var pe *os.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return nil, err
	}
	defer f.Close()
	if st, err := f.Stat(); err == nil && st.IsDir() {
		return nil, errors.New("a folder, not a file")
	}
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > most {
		return nil, fmt.Errorf("more than %d bytes", most)
	}
	return b, nil
}

// Load reads a scenario. name is what messages call the file; open reads the
// files that it names, relative to it. sets are "PATH=VALUE" texts that are
// put into the tree before it is looked at: any field, with a value that is
// a word, or a list or map in braces as in YAML. The error is a *Problems.
func Load(name string, data []byte, open func(path string) ([]byte, error), sets []string) (*Scenario, error) {
	s := &Scenario{File: name, sets: sets, files: &files{open: open}}
	s.Name = strings.TrimSuffix(strings.TrimSuffix(filepath.Base(filepath.ToSlash(name)), ".yaml"), ".yml")
	d := s.decoder()
	s.root = d.parseTree(data)
	if s.root == nil {
		return nil, d.problems.err()
	}
	if s.root.Kind != yaml.MappingNode {
		d.fail(s.root, "expected a scenario as a map: question, servers, …")
		return nil, d.problems.err()
	}
	for i, set := range sets {
		d.applySet(s.root, i, set)
	}
	if err := d.problems.err(); err != nil {
		return nil, err
	}
	// An empty section is as good as none.
	for _, section := range []string{"sweep", "expect", "observed", "faults", "links", "workload"} {
		if v := lookup(s.root, section); v != nil && isNull(v) {
			s.root = without(s.root, section)
		}
	}
	s.base = without(s.root, "sweep", "expect", "observed")
	s.readSweep(d, lookup(s.root, "sweep"))
	s.check(d)
	if n := lookup(s.root, "expect"); n != nil {
		s.readExpect(d, n)
	}
	if n := lookup(s.root, "observed"); n != nil {
		s.readObserved(d, n)
	}
	if err := d.problems.err(); err != nil {
		return nil, err
	}
	s.Notes = d.notes
	s.Question, s.Seed, s.Repeat = s.first.question, s.first.config.Seed, s.first.repeat
	return s, nil
}

func (s *Scenario) decoder() *decoder {
	return &decoder{file: s.File, sets: s.sets, problems: &Problems{}, files: s.files}
}

// applySet puts one --set into the tree.
func (d *decoder) applySet(root *yaml.Node, i int, set string) {
	path, text, ok := strings.Cut(set, "=")
	path = strings.TrimSpace(path)
	if !ok || path == "" {
		d.problem(-(i + 1), 0, "", "expected PATH=VALUE, such as servers.master.config.repl-backlog-size=2mb")
		return
	}
	text = strings.TrimSpace(text)
	value := scalar(text, 0, 0)
	switch {
	case text == "" || text == "null" || text == "~":
		value.Tag = "!!null"
	case strings.ContainsRune("{['\"", rune(text[0])):
		// Anything else is a word, also where YAML would see more in it.
		sub := &decoder{file: "value", problems: &Problems{}}
		if value = sub.parseTree([]byte(text)); value == nil {
			d.problem(-(i + 1), 0, text, "the value is "+sub.problems.List[0].Want)
			return
		}
	}
	relocate(value, -(i + 1))
	if msg := setPath(root, path, value); msg != "" {
		d.problem(-(i + 1), 0, "", msg)
	}
}

// relocate gives a tree one place.
func relocate(n *yaml.Node, line int) {
	n.Line, n.Column = line, 0
	for _, k := range n.Content {
		relocate(k, line)
	}
}

// mulDiv is a*b/c rounded to the nearest, for non-negative numbers whose
// result fits.
func mulDiv(a, b, c int64) int64 {
	if c == 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	lo, carry := bits.Add64(lo, uint64(c)/2, 0)
	hi += carry
	if hi >= uint64(c) {
		return 1<<63 - 1
	}
	q, _ := bits.Div64(hi, lo, uint64(c))
	return int64(min(q, 1<<63-1))
}
